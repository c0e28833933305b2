package report

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tlsync/engine/plan"
	"tlsync/engine/planfile"
	"tlsync/engine/report/view"
	"tlsync/engine/sample"
	"tlsync/schema"
)

func render(t testing.TB, p *plan.Plan, o TextOptions) string {
	t.Helper()
	var b bytes.Buffer
	if err := Text(&b, p, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// suitesPlan is about lists of cipher suites.
func suitesPlan() *plan.Plan {
	var (
		modern     = schema.CipherList("modern")
		compatible = schema.CipherList("compatible")
		custom     = slices.Concat(modern[:2], []string{"AES128-SHA"})
		line       = func(n int) plan.Origin { return sample.At("zones/saas.yaml", n, "defaults") }
	)
	return sample.Summed(&plan.Plan{Changes: []plan.Change{
		sample.Hostname(sample.Zone, "named.example", sample.Ciphers(compatible, modern, line(3))),
		sample.Hostname(sample.Zone, "custom.example", sample.Ciphers(custom, modern, line(4))),
		sample.Hostname(sample.Zone, "inherits.example", sample.Ciphers(nil, custom[:2], line(5))),
		sample.Hostname(sample.Zone, "back.example", sample.Ciphers(modern, nil, line(6))),
		sample.Hostname(sample.Zone, "one.example", sample.Ciphers(modern, modern[:1], line(7))),
		sample.Hostname(sample.Zone, "empty.example", sample.Ciphers(modern, []string{}, line(8))),
		sample.ZoneSetting(sample.Zone, sample.Ciphers(compatible, []string{}, line(1))),
	}}, 3)
}

// foreignPlan has hostile text wherever a plan has text.
func foreignPlan() *plan.Plan {
	bad := "::error::x\r\n\x1b]0;t\x07##[error]\u202e\u009b"
	c := plan.Change{
		Ref: plan.Ref{Zone: bad, Kind: plan.Kind(bad), Name: bad}, Action: bad,
		Edits:   []plan.Edit{{Setting: bad, From: schema.StringValue(bad), To: plan.Edit{}.To, EffectiveTo: schema.StringValue(bad), Cause: plan.Cause(bad), Direction: schema.Direction(bad), Origin: sample.At(bad, 1, bad)}},
		Hazards: []plan.Hazard{{Kind: plan.HazardKind(bad), Message: bad}},
	}
	c.Edits[0].Changed = &plan.Changed{By: []plan.Actor{{Email: bad, Way: bad, Ray: bad}, {Way: "api_token", Token: bad}}, At: bad, Own: bad, Since: bad, Before: bad}
	d := c
	d.Zone, d.Part = sample.Zone, "d"
	d.Edits = []plan.Edit{{Setting: schema.Ciphers, From: schema.ListValue([]string{bad, "x"}), To: `"x"`, Changed: &plan.Changed{Since: bad, Before: bad}}, {Setting: schema.Ciphers, From: `["` + "\u202e" + `"]`, To: `[]`}}
	origin := sample.At(bad, 2, bad)
	return sample.Summed(&plan.Plan{
		Changes: []plan.Change{c, d},
		Findings: []plan.Finding{
			{Severity: schema.Severity(bad), Rule: bad, Ref: plan.ParseRef(bad, ""), Message: bad, Origin: origin},
			{Severity: schema.Error, Rule: bad, Ref: plan.ZoneRef(bad), Message: bad},
			{Severity: schema.Error, Rule: bad, Ref: plan.ZoneRef(bad + "2"), Message: bad},
		},
	}, 1)
}

func TestTextGolden(t *testing.T) {
	plain := TextOptions{Rate: "1,100 per 5 min"}
	small := sample.Rollout()
	small.Changes = slices.Concat(small.Changes[:3], small.Changes[412:])
	sample.Summed(small, 4)
	for _, c := range []struct {
		name string
		plan *plan.Plan
		o    TextOptions
	}{
		{"rollout", sample.Rollout(), TextOptions{Rate: "1,100 per 5 min"}},
		{"verbose", small, TextOptions{Rate: "1,100 per 5 min", Verbose: true}},
		{"colour", small, TextOptions{Color: true}},
		{"suites", suitesPlan(), plain},
		{"suites-verbose", suitesPlan(), TextOptions{Verbose: true}},
		{"foreign", foreignPlan(), TextOptions{Verbose: true}},
		{"nothing", sample.Summed(&plan.Plan{}, 4), plain},
		{"design", designPlan(), TextOptions{Rate: "1,100 per 5 min"}},
		{"adopt", adoptPlan(), plain},
	} {
		t.Run(c.name, func(t *testing.T) { golden(t, c.name, []byte(render(t, c.plan, c.o))) })
	}
}

// designPlan is the one that the documentation shows.
func designPlan() *plan.Plan {
	p := &plan.Plan{}
	for i := range 412 {
		name := fmt.Sprintf("z%03d.test", i)
		if i < 2 {
			name = string(rune('a'+i)) + ".test"
		}
		p.Changes = append(p.Changes, sample.Hostname(sample.Zone, name,
			sample.Edit("min_tls_version", "1.0", "1.2", "1.0", plan.CauseDrift, sample.At("zones/saas.yaml", 14, "rule 1"))))
	}
	return sample.Summed(p, 4)
}

// adoptPlan has no base, more findings of a rule than are shown, and objects
// that come and go.
func adoptPlan() *plan.Plan {
	p := &plan.Plan{Changes: []plan.Change{
		sample.Hostname(sample.Zone, "app.customer.example", sample.Edit("min_tls_version", "1.0", "", "1.2", plan.CauseAdopt, sample.At("tlsync.yaml", 9, "defaults"))),
		sample.Hostname(sample.Zone, strings.Repeat("long.", 12)+"example", sample.Edit("http2", "off", "on", "", plan.CauseAdopt, sample.At("tlsync.yaml", 10, "defaults"))),
		{Ref: plan.Ref{Kind: plan.KindAlert, Name: "new"}, Action: "create"},
		{Ref: plan.Ref{Kind: plan.KindAlert, Name: "old"}, Action: "delete", Hazards: []plan.Hazard{{Kind: plan.Unreachable, Message: "nobody can connect"}}},
	}}
	for i := range 8 {
		p.Findings = append(p.Findings, plan.Finding{
			Severity: schema.Warning, Rule: plan.Unreadable, Ref: plan.ParseRef(fmt.Sprintf("zone/z%d.example", i), ""), Message: fmt.Sprintf("setting %d could not be read", i),
		})
	}
	return sample.Summed(p, 2)
}

func TestDesignLineIsAsDocumented(t *testing.T) {
	want := "~ 412 custom hostnames  min_tls_version  1.0 → 1.2  stronger  drift  zones/saas.yaml:14  e.g. a.test, b.test\n"
	got := render(t, designPlan(), TextOptions{Rate: "1,100 per 5 min"})
	if !strings.Contains(got, want) {
		t.Errorf("%q is not in\n%s", want, got)
	}
	want = "Requests: 4 read, 412 to write, about 2 min at 1,100 per 5 min\nPlan: 0 to add, 412 to change, 0 to remove.\n"
	if !strings.HasSuffix(got, want) {
		t.Errorf("%q is not the end of\n%s", want, got)
	}
}

func TestOnlyTheSameEditsForTheSameReasonShareALine(t *testing.T) {
	base := func() plan.Change {
		return sample.Hostname(sample.Zone, "b.test", sample.Edit("min_tls_version", "", "1.2", "1.0", plan.CauseDrift, sample.At("zones/saas.yaml", 14, "rule 1")))
	}
	for name, change := range map[string]func(c *plan.Change){
		"":                        func(*plan.Change) {},
		"another line":            func(c *plan.Change) { c.Edits[0].Origin.Line = 15 },
		"another file":            func(c *plan.Change) { c.Edits[0].Origin.File = "zones/b.yaml" },
		"another rule":            func(c *plan.Change) { c.Edits[0].Origin.Via = "rule 2" },
		"another value":           func(c *plan.Change) { c.Edits[0].To = `"1.3"` },
		"another value before":    func(c *plan.Change) { c.Edits[0].From = `"1.0"` },
		"another value in effect": func(c *plan.Change) { c.Edits[0].EffectiveFrom = `"1.1"` },
		"another value to come":   func(c *plan.Change) { c.Edits[0].EffectiveTo = `"1.3"` },
		"another cause":           func(c *plan.Change) { c.Edits[0].Cause = plan.CauseConflict },
		"another direction":       func(c *plan.Change) { c.Edits[0].Direction = schema.Weakens },
		"another setting":         func(c *plan.Change) { c.Edits[0].Setting = "tls_1_3" },
		"another kind":            func(c *plan.Change) { c.Kind = "hostname" },
		"another action":          func(c *plan.Change) { c.Action = "create" },
		"another zone":            func(c *plan.Change) { c.Zone = "other.example" },
		"one more edit of the other": func(c *plan.Change) {
			c.Edits = append(c.Edits, sample.Edit("http2", "", "on", "off", plan.CauseDrift, sample.At("x", 1, "")))
		},
	} {
		same := slices.Contains([]string{"", "another line", "another file", "another rule", "another value to come", "one more edit of the other"}, name)
		other := base()
		change(&other)
		other.Name = "a.test"
		got := render(t, sample.Summed(&plan.Plan{Changes: []plan.Change{base(), other}}, 1), TextOptions{})
		if joined := strings.Contains(got, "2 custom hostnames"); joined != same {
			t.Errorf("%q: joined is %v:\n%s", name, joined, got)
		}
	}
}

func TestTwoWritesToOneHostnameAreOneObject(t *testing.T) {
	rule := sample.At("zones/saas.yaml", 14, "rule 1")
	hazard := []plan.Hazard{{Kind: plan.MovesTraffic, Message: "m"}}
	pair := func(name string) []plan.Change {
		pin := sample.Hostname(sample.Zone, name, sample.Edit("min_tls_version", "1.0", "1.3", "1.0", plan.CauseChange, rule))
		unpin := sample.Hostname(sample.Zone, name, sample.Edit("min_tls_version", "1.3", "", "1.2", plan.CauseChange, rule))
		pin.Part, unpin.Part = "pin", "unpin"
		pin.Hazards, unpin.Hazards = hazard, hazard
		return []plan.Change{pin, unpin}
	}
	one := sample.Hostname(sample.Zone, "c.test", sample.Edit("min_tls_version", "1.0", "", "1.2", plan.CauseChange, rule))
	got := render(t, sample.Summed(&plan.Plan{Changes: slices.Concat(pair("a.test"), pair("b.test"), []plan.Change{one})}, 1), TextOptions{})
	for _, want := range []string{
		"~ 3 custom hostnames  min_tls_version  1.0 → inherit (1.2)  stronger  change  zones/saas.yaml:14  e.g. a.test, b.test\n",
		"moves_traffic: 2 objects;", "    2 custom hostnames of saas.example: m  e.g. a.test, b.test\n",
		"Plan: 0 to add, 3 to change, 0 to remove (5 writes).\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
}

func TestVerboseNamesEveryHostname(t *testing.T) {
	got := render(t, sample.Rollout(), TextOptions{Verbose: true})
	for _, c := range sample.Rollout().Changes {
		if !strings.Contains(got, c.Name) {
			t.Errorf("%s is missing", c.Name)
		}
	}
}

func TestTextDoesNotDependOnTheOrderOfIndependentChanges(t *testing.T) {
	want := render(t, sample.Rollout(), TextOptions{})
	rapid.Check(t, func(r *rapid.T) {
		p := sample.Rollout()
		// The two writes to one hostname keep their order.
		fixed := slices.IndexFunc(p.Changes, func(c plan.Change) bool { return c.Part == "pin" })
		head := rapid.Permutation(p.Changes[:fixed]).Draw(r, "changes")
		p.Changes = slices.Concat(head, p.Changes[fixed:])
		p.Findings = rapid.Permutation(p.Findings).Draw(r, "findings")
		var b bytes.Buffer
		if err := Text(&b, p, TextOptions{}); err != nil {
			r.Fatal(err)
		}
		if b.String() != want {
			r.Fatalf("another text:\n%s", b.String())
		}
	})
}

func TestTextLeavesThePlanAlone(t *testing.T) {
	p, same := sample.Rollout(), sample.Rollout()
	render(t, p, TextOptions{Verbose: true})
	if d := diffPlans(same, p); d != "" {
		t.Error(d)
	}
}

func TestDurationIsRoundedToWhatAnEstimateIsGoodFor(t *testing.T) {
	for seconds, want := range map[int]string{
		0: "1 s", 8: "8 s", 59: "59 s", 60: "1 min", 89: "1 min", 90: "2 min", 5400: "90 min",
		5401: "1.5 h", 7200: "2 h", 14289: "4 h", 13637: "3.8 h",
	} {
		if got := view.Duration(seconds); got != want {
			t.Errorf("%d seconds are %q, want %q", seconds, got, want)
		}
	}
}

// broken fails after some bytes.
type broken struct{ left int }

func (b *broken) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, errors.New("the disk is full")
	}
	return len(p), nil
}

func TestAWriterThatFailsIsReported(t *testing.T) {
	p := sample.Rollout()
	ds := schema.Diagnostics{{Message: "m"}}
	for name, print := range map[string]func(*broken) error{
		"text":        func(w *broken) error { return Text(w, p, TextOptions{}) },
		"json":        func(w *broken) error { return planfile.PlanJSON(w, p) },
		"diagnostics": func(w *broken) error { return Diagnostics(w, ds, DiagnosticOptions{}) },
		"data":        func(w *broken) error { return DiagnosticsJSON(w, ds) },
		"result":      func(w *broken) error { return Result(w, sample.Partial(), ResultOptions{}) },
	} {
		for _, left := range []int{0, 5} {
			if err := print(&broken{left}); err == nil {
				t.Errorf("%s: no error after %d bytes", name, left)
			}
		}
	}
}

// BenchmarkText renders plans whose hostnames share one rule, and plans in
// which each hostname has a line of its own.
func BenchmarkText(b *testing.B) {
	for _, n := range []int{1000, 10000, 50000} {
		for _, alone := range []bool{false, true} {
			p := &plan.Plan{}
			for i := range n {
				line := 14
				if alone {
					line = i
				}
				p.Changes = append(p.Changes, sample.Hostname(sample.Zone, fmt.Sprintf("app%05d.customer.example", i),
					sample.Edit("min_tls_version", "", "1.2", "1.0", plan.CauseDrift, sample.At("zones/saas.yaml", line, "rule 1"))))
			}
			sample.Summed(p, 50)
			name := fmt.Sprintf("%dk", n/1000)
			if alone {
				name += "-alone"
			}
			b.Run(name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					render(b, p, TextOptions{})
				}
			})
		}
	}
}
