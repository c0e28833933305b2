package planfile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"tlsync/engine/plan"
	"tlsync/engine/safe/safetest"
	"tlsync/engine/sample"
	"tlsync/schema"
)

// diffPlans compares the members that the public form holds. It takes an empty list for
// a missing one.
func diffPlans(a, b *plan.Plan) string {
	return cmp.Diff(a, b, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(plan.Edit{}, "Written"),
		cmpopts.IgnoreFields(plan.Change{}, "ZoneID", "ObjectID", "Application", "Upload"), cmpopts.IgnoreFields(plan.Plan{}, "Checksum"))
}

func planJSON(t testing.TB, p *plan.Plan) string {
	t.Helper()
	var b bytes.Buffer
	if err := PlanJSON(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPlanJSONGolden(t *testing.T) {
	p := sample.Rollout()
	p.Changes = p.Changes[412:]
	p.Tool = plan.Tool{Name: "tlsync", Version: "1.0.0"}
	p.Digest = "sha256:00"
	golden(t, "plan.json", []byte(planJSON(t, sample.Summed(p, 4))))
	golden(t, "empty.json", []byte(planJSON(t, sample.Summed(&plan.Plan{}, 4))))
}

// TestPlanJSONIsTheWholePlan fails when a field is added to the plan that PlanJSON,
// which writes member by member, does not know.
func TestPlanJSONIsTheWholePlan(t *testing.T) {
	p := sample.Rollout()
	type document struct {
		FormatVersion string       `json:"format_version"`
		Tool          plan.Tool    `json:"tool"`
		Config        plan.Config  `json:"config"`
		Summary       plan.Summary `json:"summary"`
		Changes       []change     `json:"changes"`
		Findings      []finding    `json:"findings"`
		Digest        string       `json:"digest"`
	}
	d := document{p.FormatVersion, p.Tool, p.Config, p.Summary, nil, nil, p.Digest}
	for i := range p.Changes {
		d.Changes = append(d.Changes, fromChange(&p.Changes[i]))
	}
	for i := range p.Findings {
		d.Findings = append(d.Findings, fromFinding(&p.Findings[i]))
	}

	var want bytes.Buffer
	enc := json.NewEncoder(&want)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(d); err != nil {
		t.Fatal(err)
	}
	got, last, _ := strings.Cut(planJSON(t, p), ",\n  \"checksum\": ")
	if d := cmp.Diff(want.String(), got+"\n}\n"); d != "" || strings.Count(last, "\n") != 2 {
		t.Errorf("%s, then %q", d, last)
	}
	// Other fields are told by the ids, the requests, the findings, the messages or the summary.
	for of, fields := range map[reflect.Type]int{reflect.TypeFor[plan.Plan](): 10, reflect.TypeFor[plan.Change](): 14, reflect.TypeFor[plan.Finding](): 7} {
		if of.NumField() != fields {
			t.Errorf("%s has %d fields, not %d: does its JSON have what is new?", of, of.NumField(), fields)
		}
	}
}

// words are strings with everything that is dear to attackers and encoders.
func words() *rapid.Generator[string] {
	return rapid.Custom(func(r *rapid.T) string {
		parts := rapid.SliceOfN(rapid.OneOf(
			rapid.SampledFrom([]string{"##[error]", "#", "##[", "::set-output::", "\\u0023[", "\\", "\"", "<b>&", "\u2028", "\u009b", "\u202e", "\ufffd", "\U000e0041", "\x00", "a.example", "ü"}),
			rapid.StringN(0, 4, -1),
		), 0, 4).Draw(r, "parts")
		return strings.Join(parts, "")
	})
}

func jsonValue() *rapid.Generator[schema.Value] {
	return rapid.Custom(func(r *rapid.T) schema.Value {
		switch rapid.IntRange(0, 4).Draw(r, "value") {
		case 0:
			return schema.Inherit
		case 1:
			return schema.ListValue(rapid.SliceOf(words()).Draw(r, "list"))
		case 2:
			return "12"
		}
		return schema.StringValue(words().Draw(r, "word"))
	})
}

func randomPlan(r *rapid.T) *plan.Plan {
	var (
		word   = func() string { return words().Draw(r, "word") }
		number = func() int { return rapid.IntRange(0, 99).Draw(r, "number") }
		value  = func() schema.Value { return jsonValue().Draw(r, "value") }
		some   = func(what string) int { return rapid.IntRange(0, 3).Draw(r, what) }
		origin = func() plan.Origin {
			return plan.Origin{Pos: schema.Pos{File: word(), Line: number(), Col: number()}, Via: word()}
		}
	)
	p := &plan.Plan{FormatVersion: plan.FormatVersion, Tool: plan.Tool{Name: word(), Version: word()}, Digest: word()}
	p.Config = plan.Config{Digest: word(), Commit: word(), BaseCommit: word(), Dirty: true}
	p.Summary = plan.Summary{Zones: number(), Objects: number(), EstimatedSeconds: number(), Causes: plan.Causes{Drift: number()}, Requests: plan.Requests{Read: number()}}
	for range some("changes") {
		c := plan.Change{Ref: plan.ParseRef(word()+"/"+word()+"/"+word()+"#"+word(), ""), Action: word()}
		c.Request = plan.Request{Method: word(), Path: word()}
		if body := value(); body != schema.Inherit {
			c.Request.Body = plan.RawMessage(`{"b":` + string(body) + `,"a":{}}`)
		}
		for range some("edits") {
			c.Edits = append(c.Edits, plan.Edit{Setting: word(), From: value(), To: value(), EffectiveFrom: value(), EffectiveTo: value(),
				Cause: plan.Cause(word()), Direction: schema.Direction(word()), Origin: origin()})
		}
		for range some("needs") {
			c.Needs = append(c.Needs, plan.ParseRef(word(), ""))
		}
		for range some("hazards") {
			c.Hazards = append(c.Hazards, plan.Hazard{Kind: plan.HazardKind(word()), Message: word()})
		}
		p.Changes = append(p.Changes, c)
	}
	for range some("findings") {
		f := plan.Finding{Severity: schema.Severity(word()), Rule: word(), Ref: plan.ParseRef(word(), ""), Message: word()}
		if rapid.Bool().Draw(r, "origin") {
			f.Origin = origin()
		}
		p.Findings = append(p.Findings, f)
	}
	return p
}

func TestReadPlanUndoesPlanJSON(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p := randomPlan(r)
		var b bytes.Buffer
		if err := PlanJSON(&b, p); err != nil {
			r.Fatal(err)
		}
		written := b.String()
		if bad := safetest.Unsafe(written); bad != "" {
			r.Fatalf("holds %s:\n%s", bad, written)
		}
		back, err := ReadPlan(&b)
		if err != nil {
			r.Fatalf("%v\n%s", err, written)
		}
		if d := diffPlans(p, back); d != "" {
			r.Fatalf("(-written +read):\n%s\n%s", d, written)
		}
		if !Intact(back) {
			r.Fatalf("the checksum of what was read is not %s\n%s", back.Checksum, written)
		}
		if was, is := plan.Digest(p.Changes), plan.Digest(back.Changes); was != is {
			r.Fatalf("the digest of what was read is %s, was %s\n%s", is, was, written)
		}
	})
}

// Whatever is edited is told, also what the digest does not cover.
func TestEditedPlansAreNotIntact(t *testing.T) {
	good := planJSON(t, sample.Rollout())
	for _, edit := range [][2]string{
		{`"direction": "weakens"`, `"direction": "strengthens"`}, {`"effective_from": "1.0"`, `"effective_from": "1.1"`},
		{`"line": 14`, `"line": 1`}, {`"severity": "warning"`, `"severity": "info"`}, {`"write": `, `"write": -`}, {`"cause": "drift"`, `"cause": "change"`},
		{`"checksum": "sha256:`, `"checksum": "sha512:`},
	} {
		text := strings.Replace(good, edit[0], edit[1], 1)
		if text == good {
			t.Errorf("%s does not occur", edit[0])
			continue
		}
		if p, err := ReadPlan(strings.NewReader(text)); err == nil && Intact(p) {
			t.Errorf("%s for %s is not told", edit[1], edit[0])
		}
	}
	var pretty bytes.Buffer
	if err := json.Compact(&pretty, []byte(good)); err != nil {
		t.Fatal(err)
	}
	if p, err := ReadPlan(&pretty); err != nil || !Intact(p) {
		t.Errorf("the same in other lines is told: %v", err)
	}
}

func TestPlanJSONKeepsForeignTextReadable(t *testing.T) {
	got := planJSON(t, &plan.Plan{Digest: "<a> & ##[x] 東\u202e\U000e0041"})
	if want := `"digest": "<a> & #\u0023[x] 東\u202e\udb40\udc41"`; !strings.Contains(got, want) {
		t.Errorf("%s is not in %s", want, got)
	}
}

func TestReadPlanRefusesWhatIsNotAPlan(t *testing.T) {
	good := planJSON(t, sample.Summed(&plan.Plan{Changes: sample.Rollout().Changes[:1]}, 1))
	if _, err := ReadPlan(strings.NewReader(good)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, text, want string }{
		{"an empty file", "", "read the plan: it ends too early"},
		{"a list", "[]", "read the plan: found [ in place of {"},
		{"no version", "{}", "read the plan: it has no format_version, so it is not a plan"},
		{"another version", `{"format_version": "2", "new": 1}`, `read the plan: member "format_version": "2" is not "1", the one this release reads: make the plan again`},
		{"an unknown member", strings.Replace(good, `"tool"`, `"tools"`, 1), `read the plan: member "tools": not part of a plan`},
		{"an unknown member of a change", strings.Replace(good, `"kind"`, `"sort"`, 1), `read the plan: member "changes": item 1: json: unknown field "sort"`},
		{"an unknown member of an edit", strings.Replace(good, `"cause"`, `"because"`, 1), `read the plan: member "changes": item 1: json: unknown field "because"`},
		{"a member twice", strings.Replace(good, `"digest": "",`, "", 1)[:2] + `"digest": "a", "digest": "b"}`, `read the plan: member "digest" appears twice`},
		{"a second plan", good + good, "read the plan: text follows the end of the plan"},
		{"half a plan", good[:len(good)/2], `read the plan: member "changes": it ends too early`},
		{"no end", strings.TrimSuffix(good, "}\n"), "read the plan: it ends too early"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ReadPlan(strings.NewReader(c.text))
			if err == nil || err.Error() != c.want {
				t.Errorf("error %v, want %s", err, c.want)
			}
		})
	}
}

func FuzzReadPlan(f *testing.F) {
	p := sample.Rollout()
	p.Changes = p.Changes[410:]
	f.Add([]byte(planJSON(f, p)))
	f.Add([]byte(`{"format_version":"1","changes":[{"edits":[{"from":"\ud800\u0023"}],"request":{"body":{"a":"\u009b"}}}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := ReadPlan(bytes.NewReader(text))
		if err != nil {
			return
		}
		// A plan that was read can be written, and reads the same.
		again, err := ReadPlan(strings.NewReader(planJSON(t, p)))
		if err != nil {
			t.Fatal(err)
		}
		if d := diffPlans(p, again); d != "" {
			t.Fatal(d)
		}
	})
}

func BenchmarkPlanJSON(b *testing.B) {
	for _, n := range []int{1000, 10000, 50000} {
		p := &plan.Plan{}
		for i := range n {
			p.Changes = append(p.Changes, sample.Hostname(sample.Zone, fmt.Sprintf("app%05d.customer.example", i),
				sample.Edit("min_tls_version", "1.0", "1.2", "1.0", plan.CauseDrift, sample.At("zones/saas.yaml", 14, "rule 1"))))
		}
		sample.Summed(p, 50)
		b.Run(fmt.Sprintf("write/%dk", n/1000), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := PlanJSON(io.Discard, p); err != nil {
					b.Fatal(err)
				}
			}
		})
		text := planJSON(b, p)
		b.Run(fmt.Sprintf("read/%dk", n/1000), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ReadPlan(strings.NewReader(text)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestReadPlanHoldsTheIDToTheRest changes what stands beside the id of a change: it is
// not covered by the digest.
func TestReadPlanHoldsTheIDToTheRest(t *testing.T) {
	text := planJSON(t, sample.Rollout())
	for _, edit := range [][2]string{
		{`"name": "split.customer.example"`, `"name": "other.customer.example"`},
		{`"zone": "saas.example"`, `"zone": "other.example"`},
		{`"kind": "custom_hostname"`, `"kind": "hostname"`},
	} {
		forged := strings.Replace(text, edit[0], edit[1], 1)
		if forged == text {
			t.Fatalf("the plan has no %s", edit[0])
		}
		if _, err := ReadPlan(strings.NewReader(forged)); err == nil || !strings.Contains(err.Error(), "the id custom_hostname/saas.example/") {
			t.Errorf("%s: %v", edit[1], err)
		}
	}
}
