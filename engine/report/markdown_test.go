package report

import (
	"bytes"
	"fmt"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tlsync/engine/plan"
	"tlsync/engine/report/view"
	"tlsync/engine/safe/safetest"
	"tlsync/engine/sample"
	"tlsync/schema"
	"tlsync/schema/words"
)

func markdown(t testing.TB, p *plan.Plan, o MarkdownOptions) string {
	t.Helper()
	var b bytes.Buffer
	if err := Markdown(&b, p, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// counted fills in all that a plan's builder counts.
func counted(p *plan.Plan, reads int) *plan.Plan {
	sample.Summed(p, reads)
	places := map[view.Place]bool{}
	p.Summary.Causes = plan.Causes{}
	for _, c := range p.Changes {
		places[view.PlaceOf(c.Ref)] = true
		for _, e := range c.Edits {
			switch e.Cause {
			case plan.CauseChange:
				p.Summary.Causes.Change++
			case plan.CauseDrift:
				p.Summary.Causes.Drift++
			case plan.CauseConflict:
				p.Summary.Causes.Conflict++
			case plan.CauseAdopt:
				p.Summary.Causes.Adopt++
			}
		}
	}
	p.Summary.Zones, p.Summary.Objects = len(places), max(len(p.Changes), p.Summary.Objects)
	return p
}

// ruleChangedPlan is a pull request that changes one rule, while two names
// drifted and one was changed here and there.
func ruleChangedPlan() *plan.Plan {
	p := &plan.Plan{Config: plan.Config{BaseCommit: "b"}}
	rule := sample.At("zones/saas.yaml", 14, "rule 1")
	for i := range 40 {
		p.Changes = append(p.Changes, sample.Hostname(sample.Zone, fmt.Sprintf("shop%02d.pay.example", i),
			sample.Edit("min_tls_version", "1.2", "1.3", "1.0", plan.CauseChange, rule)))
	}
	for _, n := range []string{"app.customer.example", "www.customer.example"} {
		p.Changes = append(p.Changes, sample.Hostname(sample.Zone, n,
			sample.Edit("min_tls_version", "1.0", "1.2", "1.0", plan.CauseDrift, sample.At("zones/saas.yaml", 10, "defaults"))))
	}
	p.Changes = append(p.Changes, sample.Hostname(sample.Zone, "odd.pay.example",
		sample.Edit("min_tls_version", "1.1", "1.3", "1.0", plan.CauseConflict, rule)))
	return counted(p, 4)
}

// oneGroupPlan is the shortest of plans that do something.
func oneGroupPlan() *plan.Plan {
	p := &plan.Plan{}
	for _, n := range []string{"a.test", "b.test", "c.test", "d.test"} {
		p.Changes = append(p.Changes, sample.Hostname(sample.Zone, n, sample.Edit("min_tls_version", "", "1.2", "1.0", plan.CauseAdopt, sample.At("zones/saas.yaml", 14, "defaults"))))
	}
	return counted(p, 3)
}

// accountsPlan puts one certificate authority in place of another, and demands
// certificates.
func accountsPlan() *plan.Plan {
	const account = "Example Inc"
	change := func(kind plan.Kind, name, suffix, action string, edits ...plan.Edit) plan.Change {
		return plan.Change{Ref: plan.Ref{Kind: kind, Name: name, Account: account, Part: strings.TrimPrefix(suffix, "#")}, Action: action, Edits: edits, Request: plan.Request{Method: "PUT", Path: "/x"}}
	}
	value := func(setting string, from, to schema.Value, line int) plan.Edit {
		return plan.Edit{Setting: setting, From: from, To: to, EffectiveFrom: from, EffectiveTo: to, Cause: plan.CauseChange,
			Direction: schema.Changes, Origin: sample.At("tlsync.yaml", line, "mtls partners")}
	}
	hosts := schema.ListValue([]string{"a.test", "b.test"})
	create := change(plan.KindMTLSCertificate, "partners", "#create-5c177672", plan.Create,
		value("fingerprint", schema.Inherit, `"5c1776723c5dcb55f5878ae4684df3d3"`, 5), value("associated_hostnames", schema.Inherit, hosts, 6))
	clear := change(plan.KindMTLSCertificate, "partners", "#clear-4c9efc45", plan.Update, value("associated_hostnames", hosts, schema.Inherit, 6))
	clear.Reasons = []string{"a hostname has a certificate authority at every moment"}
	clear.Hazards = []plan.Hazard{{Kind: plan.CutsOffClients, Message: "clients of a.test, b.test with certificates of partners are refused where one is demanded"}}
	gone := change(plan.KindMTLSCertificate, "partners", "#delete-4c9efc45", plan.Delete, value("fingerprint", `"4c9efc45ca846088d9108f9a00a41fa6"`, schema.Inherit, 5))
	gone.Reasons = []string{"Cloudflare refuses to delete a certificate authority that hostnames are associated with"}
	gone.Hazards = []plan.Hazard{{Kind: plan.Deletes, Message: "certificate authority partners (expires on 2027-01-02) is deleted"}}
	forward := change(plan.KindMTLSHostname, "partners", "", plan.Update)
	for _, h := range []string{"a.test", "b.test"} {
		forward.Edits = append(forward.Edits, value("client_certificate_forwarding "+h, `false`, `true`, 7))
	}
	application := change(plan.KindAccessApplication, "a.test", "", plan.Create, value("policy", schema.Inherit, `"certificate"`, 8))
	application.Reasons = []string{"an application that demands a certificate refuses every client until the hostname has a certificate authority"}
	other := application
	other.Name = "b.test"
	alert := change(plan.KindAlert, "Partner CA expiry", "", plan.Create)
	return counted(&plan.Plan{
		Changes: []plan.Change{
			alert, create, clear, gone, forward, application, other,
			sample.ZoneSetting(sample.Zone, sample.Edit("tls_client_auth", "on", "off", "", plan.CauseChange, sample.At("zones/saas.yaml", 3, "settings"))),
		},
		Findings: []plan.Finding{{Severity: schema.Warning, Rule: plan.CAExpires, Ref: plan.ParseRef("mtls_certificate/"+account+"/partners", ""),
			Message: "certificate authority partners expires on 2027-01-02", Origin: sample.At("tlsync.yaml", 5, "mtls partners")}},
	}, 9)
}

// hazardsPlan has every kind of hazard, and one with more messages than are shown.
func hazardsPlan() *plan.Plan {
	p := &plan.Plan{}
	for i, k := range append(plan.HazardKinds(), plan.Unreachable) {
		c := sample.Hostname(sample.Zone, fmt.Sprintf("app%02d.example", i), sample.Edit("min_tls_version", "1.0", "1.2", "", plan.CauseChange, sample.At("zones/saas.yaml", 4, "settings")))
		c.Hazards = []plan.Hazard{{Kind: k, Message: "visitors of " + c.Name + " are affected by " + strconv.Itoa(i)}}
		p.Changes = append(p.Changes, c)
	}
	for i := range 7 {
		c := sample.Hostname(sample.Zone, fmt.Sprintf("weak%02d.example", i), sample.Edit("min_tls_version", "1.2", "1.0", "", plan.CauseChange, sample.At("zones/saas.yaml", 5, "")))
		c.Hazards = []plan.Hazard{{Kind: plan.WeakensTLS, Message: "older clients of " + c.Name + ": case " + strconv.Itoa(i)}}
		p.Changes = append(p.Changes, c)
	}
	return counted(p, 2)
}

// hostile is what somebody might write to leave its place.
const hostile = "`x` ``` | <!-- --> </details><b>@everyone @org/team #123 GH-123 o/r#1 https://evil.example www.evil.example a@b.example " +
	":tada: [l](http://x) ![i](x) $`a`$ &lt; \\` **b** __c__ ~~d~~ ::set-output name=x::y ##[error]z\n---\n===\n# h\n> q\n- l\n1. n\n```\n~~~\n\n    code\n" +
	"\x1b[31m\u202e\u200b\u009b deadbeef 1234567"

// hostilePlan has another attempt to leave its place in each of its texts.
func hostilePlan() *plan.Plan {
	drop := sample.Hostname("saas.example`</details>", "@everyone.example", plan.Edit{
		Setting: schema.Ciphers, From: schema.ListValue([]string{"```", "<!-- -->"}), To: schema.ListValue([]string{"````\n# x"}),
		Cause: plan.CauseChange, Direction: schema.Weakens, Origin: sample.At("zones/a|b.yaml", 3, "rule <b>1</b> #123"),
	})
	drop.Hazards = []plan.Hazard{{Kind: plan.WeakensTLS, Message: "visitors of @everyone.example: see https://evil.example, www.evil.example or GH-12 :tada:"}}
	drop.Reasons = []string{"1. a [link](http://evil.example) ![image](x) a@b.example \x1b[31m"}
	server := sample.Hostname("saas.example`</details>", "\u202egpj.example\n\n::set-output name=x::y", plan.Edit{
		Setting: "origin.server", From: schema.StringValue("| a | b |"), To: schema.StringValue("$`x`$ ##[error]"),
		Cause: plan.CauseConflict, Direction: schema.Changes, Origin: sample.At("zones/a|b.yaml", 4, "~~entry~~"),
	})
	return counted(&plan.Plan{
		Changes: []plan.Change{drop, server},
		Findings: []plan.Finding{
			{Severity: schema.Error, Rule: "unreadable", Ref: plan.ZoneRef("</summary>"), Message: "1400: <script>alert(1)</script> `x` deadbeef", Origin: sample.At("`", 0, "")},
			{Severity: schema.Warning, Rule: "**rule**", Ref: plan.ParseRef("custom_hostname/x/a", ""), Message: "---\n===\n> q\n- l\n    code"},
		},
	}, 1)
}

func TestMarkdownGolden(t *testing.T) {
	rate := "1,100 per 5 min"
	nothing := &plan.Plan{}
	nothing.Summary.Objects = 1203
	partial := counted(&plan.Plan{Findings: []plan.Finding{
		{Severity: schema.Error, Rule: plan.Unreadable, Ref: plan.ParseRef("zone/saas.example", ""), Message: "min_tls_version could not be read"},
		{Severity: plan.Info, Rule: plan.NoLongerManaged, Ref: plan.ParseRef("custom_hostname/saas.example/a.test", ""), Message: "http2 is no longer managed", Origin: sample.At("zones/saas.yaml", 3, "")},
	}}, 2)
	for _, c := range []struct {
		name string
		plan *plan.Plan
		o    MarkdownOptions
	}{
		{"nothing", sample.Summed(nothing, 4), MarkdownOptions{Title: "tlsync plan", Footer: "[Run](https://ci.example/1)"}},
		{"incomplete", partial, MarkdownOptions{}},
		{"group", oneGroupPlan(), MarkdownOptions{Rate: rate}},
		{"causes", ruleChangedPlan(), MarkdownOptions{Rate: rate, Title: "tlsync plan"}},
		{"rollout", sample.Rollout(), MarkdownOptions{Rate: rate}},
		{"suites", suitesPlan(), MarkdownOptions{}},
		{"hazards", hazardsPlan(), MarkdownOptions{}},
		{"accounts", accountsPlan(), MarkdownOptions{}},
		{"hostile", hostilePlan(), MarkdownOptions{Title: "Plan for #1 <!--", Rate: "1 per `s`"}},
		{"foreign", foreignPlan(), MarkdownOptions{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := markdown(t, c.plan, c.o)
			golden(t, "markdown-"+c.name, []byte(got))
			if bad := safetest.Unsafe(got); bad != "" {
				t.Errorf("holds %s", bad)
			}
		})
	}
}

func TestMarkdownTellsChangeDriftAndConflictApart(t *testing.T) {
	got := markdown(t, ruleChangedPlan(), MarkdownOptions{})
	asked, drift, ok := strings.Cut(got, "#### Drift")
	if !ok {
		t.Fatalf("no drift in\n%s", got)
	}
	drift, _, _ = strings.Cut(drift, "<details>")
	for what, n := range map[string]int{
		"40 asked for by this commit, 1 in **conflict**": strings.Count(asked, "40 asked for by this commit, 1 in **conflict**"),
		"one group of changes":                           strings.Count(asked, "| 40 custom hostnames, e.g. `shop00.pay.example` |"),
		"one conflict":                                   strings.Count(asked, "| `odd.pay.example` | `min_tls_version` | `1.1 → 1.3` |"),
		"one group of drift":                             strings.Count(drift, "| 2 custom hostnames: `app.customer.example`, `www.customer.example` |"),
		"drift is counted":                               strings.Count(asked, ", 2 drift."),
	} {
		if n != 1 {
			t.Errorf("%s: %d times in\n%s", what, n, got)
		}
	}
}

// manyPlan changes n hostnames: alone, each through a line of its own, in five
// zones, some of them weaker, all with hazards, reasons and findings of their own.
func manyPlan(n int, alone bool) *plan.Plan {
	p := &plan.Plan{}
	for i := range n {
		line, from, to := 14, "1.0", "1.2"
		if alone {
			line = i
			if i%7 == 0 {
				from, to = to, from
			}
		}
		cause := []plan.Cause{plan.CauseChange, plan.CauseDrift, plan.CauseConflict, plan.CauseAdopt}[i%4]
		name := fmt.Sprintf("app%05d.customer.example", i)
		c := sample.Hostname("saas"+strconv.Itoa(i%5)+".example", name, sample.Edit("min_tls_version", from, to, "1.0", cause, sample.At("zones/saas.yaml", line, "rule 1")))
		if alone {
			e := &c.Edits[0] // unlike any other
			e.Setting, e.From, e.To = "origin.server", schema.StringValue("from-"+strconv.Itoa(i)), schema.StringValue("to-"+strconv.Itoa(i))
			c.Hazards = []plan.Hazard{{Kind: plan.WeakensTLS, Message: fmt.Sprintf("visitors of %s, number %d", name, i)}}
			c.Reasons = []string{fmt.Sprintf("reason %d", i)}
			p.Findings = append(p.Findings, plan.Finding{Severity: []schema.Severity{schema.Warning, schema.Error}[i%2], Rule: fmt.Sprintf("rule-%02d", i%12),
				Ref: plan.ParseRef("custom_hostname/x/"+name, ""), Message: fmt.Sprintf("message %d", i)})
		}
		p.Changes = append(p.Changes, c)
	}
	return counted(p, 50)
}

// allocated is a plan as Markdown, and how many allocations that took.
func allocated(t *testing.T, p *plan.Plan) (text string, n uint64) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	text = markdown(t, p, MarkdownOptions{})
	runtime.ReadMemStats(&after)
	return text, after.Mallocs - before.Mallocs
}

func TestMarkdownOfManyChangesKeepsToItsBudgetAndCounts(t *testing.T) {
	const n = 50000
	for _, alone := range []bool{false, true} {
		p := manyPlan(n, alone)
		got, made := allocated(t, p)
		_, fewer := allocated(t, manyPlan(n/5, alone))
		t.Logf("alone %v: %d bytes, %d allocations, %d for a fifth", alone, len(got), made, fewer)
		if len(got) > MarkdownBudget || utf8.RuneCountInString(got) >= 65536 {
			t.Errorf("alone %v: %d bytes", alone, len(got))
		}
		if alone && len(got) < MarkdownBudget*9/10 {
			t.Errorf("only %d bytes of %d are used", len(got), MarkdownBudget)
		}
		if made > 6*fewer { // linear, and a little for the sorting
			t.Errorf("alone %v: five times the changes take %d allocations, and not some five times %d", alone, made, fewer)
		}
		s := p.Summary
		want := fmt.Sprintf("%s settings of %s objects in 5 zones: %s asked for by this commit, %s newly managed, %s in **conflict** with a live change, %s drift.",
			words.Number(s.Edits), words.Number(n), words.Number(s.Causes.Change), words.Number(s.Causes.Adopt), words.Number(s.Causes.Conflict), words.Number(s.Causes.Drift))
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%.600s", want, got)
		}
		if want := fmt.Sprintf("Requests: %s read, %s to write, ", words.Number(s.Requests.Read), words.Number(s.Requests.Write)); !strings.Contains(got, want) {
			t.Errorf("%q is missing", want)
		}
		if alone {
			tables(t, got, n)
			checkPage(t, got)
		}
	}
}

var leftOut = regexp.MustCompile(`(?m)^and ([\d,]+) more groups? of ([\d,]+) objects?, left out for length\.$`)

// tables adds up the rows of the tables, each of one object here, and what is
// said to be left out.
func tables(t *testing.T, text string, want int) {
	t.Helper()
	total := strings.Count(text, "\n| `app")
	for _, m := range leftOut.FindAllStringSubmatch(text, -1) {
		n, err := strconv.Atoi(strings.ReplaceAll(m[2], ",", ""))
		if err != nil {
			t.Fatal(err)
		}
		total += n
	}
	if total != want {
		t.Errorf("the tables show and count %d objects of %d", total, want)
	}
}

func TestMarkdownFitsAnyBudgetOrSaysSo(t *testing.T) {
	const n = 500
	p := manyPlan(n, true)
	rapid.Check(t, func(r *rapid.T) {
		budget := rapid.IntRange(1, 30000).Draw(r, "budget")
		var b bytes.Buffer
		err := Markdown(&b, p, MarkdownOptions{Budget: budget})
		switch {
		case err != nil && budget > 3000:
			r.Fatalf("%d bytes are not enough: %v", budget, err)
		case err != nil && b.Len() > 0:
			r.Fatalf("%d bytes in spite of %v", b.Len(), err)
		case err == nil:
			if b.Len() > budget {
				r.Fatalf("%d bytes for a budget of %d", b.Len(), budget)
			}
			tables(t, b.String(), n)
			checkPage(r, b.String())
		}
	})
}

func TestMarkdownLeavesOutNothingThereIsRoomFor(t *testing.T) {
	p := manyPlan(120, true)
	whole := markdown(t, p, MarkdownOptions{Budget: 1 << 20})
	if strings.Contains(whole, "left out") {
		t.Errorf("left out in spite of room:\n%s", whole)
	}
	for _, c := range p.Changes {
		if !strings.Contains(whole, "\n| `"+c.Name+"` of") {
			t.Errorf("%s has no row", c.Name)
		}
	}
	// The room reserved for counting is at most a few lines.
	if short := markdown(t, p, MarkdownOptions{Budget: len(whole) + 1000}); short != whole {
		t.Errorf("a budget of %d bytes leaves something out", len(whole)+1000)
	}
}

func TestMarkdownDoesNotDependOnTheOrderOfIndependentChanges(t *testing.T) {
	want := markdown(t, sample.Rollout(), MarkdownOptions{})
	rapid.Check(t, func(r *rapid.T) {
		p := sample.Rollout()
		fixed := slices.IndexFunc(p.Changes, func(c plan.Change) bool { return c.Part == "pin" })
		head := rapid.Permutation(p.Changes[:fixed]).Draw(r, "changes")
		p.Changes = slices.Concat(head, p.Changes[fixed:])
		p.Findings = rapid.Permutation(p.Findings).Draw(r, "findings")
		var b bytes.Buffer
		if err := Markdown(&b, p, MarkdownOptions{}); err != nil {
			r.Fatal(err)
		}
		if d := cmp.Diff(want, b.String()); d != "" {
			r.Fatalf("another text (-want +got):\n%s", d)
		}
	})
}

func TestMarkdownLeavesThePlanAlone(t *testing.T) {
	for _, make := range []func() *plan.Plan{sample.Rollout, accountsPlan, suitesPlan} {
		p, same := make(), make()
		markdown(t, p, MarkdownOptions{})
		if d := diffPlans(same, p); d != "" {
			t.Error(d)
		}
	}
}

func TestAWriterThatFailsIsReportedForMarkdown(t *testing.T) {
	if err := Markdown(&broken{5}, sample.Rollout(), MarkdownOptions{}); err == nil {
		t.Error("no error")
	}
}

func BenchmarkMarkdown(b *testing.B) {
	for _, n := range []int{1000, 10000, 50000} {
		for _, alone := range []bool{false, true} {
			p := manyPlan(n, alone)
			name := fmt.Sprintf("%dk", n/1000)
			if alone {
				name += "-alone"
			}
			b.Run(name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					markdown(b, p, MarkdownOptions{})
				}
			})
		}
	}
}

func TestLongListsDoNotStarveShortOnes(t *testing.T) {
	list := func(rank, items int) *block {
		return &block{
			head: "h", tail: "t", rank: rank, items: items,
			item: func(int) string { return "1234567890" },
			more: func(i int) string { return strconv.Itoa(items - i) },
		}
	}
	for _, c := range []struct {
		room  int
		items []int // of blocks by rank, the last first on the page
		want  []int
	}{
		{1000, []int{1000, 1000, 1000}, []int{63, 25, 12}},
		{1000, []int{1000, 3, 1}, []int{96, 3, 1}},
		{1000, []int{3, 1, 1000}, []int{3, 1, 96}},
		{1000, []int{1, 1, 1}, []int{1, 1, 1}},
		{9, []int{1, 1}, []int{0, 0}},
		{10, []int{1, 1}, []int{1, 0}},
		{0, []int{1}, []int{0}},
	} {
		var blocks []*block
		for rank, items := range c.items {
			blocks = append([]*block{list(rank, items)}, blocks...)
		}
		fit(blocks, c.room)
		var got []int
		used := 0
		for _, b := range slices.Backward(blocks) {
			got = append(got, len(b.shown))
			used += 10 * len(b.shown)
		}
		if !slices.Equal(got, c.want) || used > c.room {
			t.Errorf("room %d for %v: %v are shown, want %v", c.room, c.items, got, c.want)
		}
	}
}

func TestDifferencesLeaveTheEditsAlone(t *testing.T) {
	p := suitesPlan()
	var edits []plan.Edit
	for _, c := range p.Changes[:2] {
		edits = append(edits, c.Edits...)
	}
	edits = append(edits, sample.Edit("http2", "on", "off", "", plan.CauseChange, plan.Origin{}), sample.Edit("min_tls_version", "1.0", "1.2", "", plan.CauseChange, plan.Origin{}))
	same := slices.Clone(edits)
	m := &page{values: view.NewValues()}
	first := m.hunk("x", plan.KindCustomHostname, edits)
	if d := cmp.Diff(same, edits, cmp.AllowUnexported(plan.Edit{})); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(first, m.hunk("x", plan.KindCustomHostname, edits)); d != "" {
		t.Error(d)
	}
}
