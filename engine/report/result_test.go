package report

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"tlsync/engine/apply"
	"tlsync/engine/plan"
)

// run is what an apply did with the rollout.
func run(outcome func(i int, c *plan.Change) apply.Step) *apply.Result {
	p := rollout()
	r := &apply.Result{Plan: p}
	r.Tally.Planned = len(p.Changes)
	for i := range p.Changes {
		s := outcome(i, &p.Changes[i])
		s.Change = &p.Changes[i]
		switch s.Outcome {
		case apply.Done:
			r.Tally.Done++
		case apply.Failed:
			r.Tally.Failed++
		case apply.Skipped:
			r.Tally.Skipped++
		case apply.NotAttempted:
			r.Tally.NotAttempted++
		}
		r.Steps = append(r.Steps, s)
	}
	return r
}

// partial is an apply in which something of everything happened.
func partial() *apply.Result {
	r := run(func(i int, c *plan.Change) apply.Step {
		switch {
		case i == 7:
			return apply.Step{Outcome: apply.Failed, Reason: "patch custom hostname app007.customer.example: 400 (code 1434): not allowed \x1b[2J (ray 8f1-FRA)"}
		case i == 8:
			return apply.Step{Outcome: apply.Failed, Wrote: true, Err: errors.New("connection reset, and it cannot be read")}
		case i == 9:
			return apply.Step{Outcome: apply.Done, Reason: "already so"}
		case c.String() == "zone/saas.example#tls_1_3":
			return apply.Step{Outcome: apply.Failed, Reason: "403 (code 9109): the plan does not allow it"}
		case len(c.Needs) > 0:
			return apply.Step{Outcome: apply.Skipped, Reason: "needs zone/saas.example#tls_1_3, which failed"}
		case c.Zone == "other.example":
			return apply.Step{Outcome: apply.NotAttempted}
		}
		return apply.Step{Outcome: apply.Done, Wrote: true}
	})
	r.Stopped = "interrupted"
	remaining := *r.Plan
	remaining.Changes = nil
	for i, s := range r.Steps {
		if s.Outcome != apply.Done || i == 3 || i == 4 {
			remaining.Changes = append(remaining.Changes, *s.Change)
		}
	}
	remaining.Changes = append(remaining.Changes, hostname(saas, "tomorrow.example",
		edit("http2", "off", "on", "", plan.CauseDrift, at("zones/saas.yaml", 16, "rule 1"))))
	r.Remaining = &remaining
	return r
}

func TestResultGolden(t *testing.T) {
	clean := run(func(int, *plan.Change) apply.Step { return apply.Step{Outcome: apply.Done, Wrote: true} })
	clean.Remaining = &plan.Plan{}
	unread := run(func(int, *plan.Change) apply.Step { return apply.Step{Outcome: apply.NotAttempted} })
	unread.Stopped = "the token may not write: it needs Zone Settings Edit"
	for _, c := range []struct {
		name   string
		result *apply.Result
		o      ResultOptions
	}{
		{"result-partial", partial(), ResultOptions{}},
		{"result-colour", partial(), ResultOptions{Color: true}},
		{"result-clean", clean, ResultOptions{}},
		{"result-unread", unread, ResultOptions{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b bytes.Buffer
			if err := Result(&b, c.result, c.o); err != nil {
				t.Fatal(err)
			}
			golden(t, c.name, b.Bytes())
			if bad := unsafeIn(b.String()); bad != "" && !c.o.Color {
				t.Errorf("holds %s", bad)
			}
		})
	}
}

func TestWhatRemainsIsToldByWhatTheRunDid(t *testing.T) {
	rule := at("zones/saas.yaml", 14, "rule 1")
	pin := hostname(saas, "a.test", edit("min_tls_version", "1.0", "1.1", "1.0", plan.CauseChange, rule))
	unpin := hostname(saas, "a.test", edit("min_tls_version", "1.1", "", "1.2", plan.CauseChange, rule))
	pin.Part, unpin.Part = "pin", "unpin"
	again := hostname(saas, "a.test",
		edit("min_tls_version", "1.0", "", "1.2", plan.CauseChange, rule), edit("http2", "off", "on", "", plan.CauseChange, rule))
	for _, c := range []struct {
		first, second apply.Outcome
		want          string
	}{
		{apply.Done, apply.Done, "accepted but not effective yet: 1 setting (a.test)\n"},
		{apply.Failed, apply.Done, "not applied: 1 setting\n"},
		{apply.Done, apply.Skipped, "not applied: 1 setting\n"},
	} {
		r := &apply.Result{
			Steps:     []apply.Step{{Change: &pin, Outcome: c.first}, {Change: &unpin, Outcome: c.second}},
			Remaining: &plan.Plan{Changes: []plan.Change{again}},
		}
		var b bytes.Buffer
		if err := Result(&b, r, ResultOptions{}); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{c.want, "not planned by this run: 1 setting\n"} {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%s, %s: %q is not in\n%s", c.first, c.second, want, b.String())
			}
		}
	}
}

func TestFewNamesAreSortedAndNamedOnce(t *testing.T) {
	for _, c := range []struct {
		names   []string
		verbose bool
		want    string
	}{
		{[]string{"b", "a", "b"}, false, "a, b"},
		{[]string{"1", "2", "3", "4", "5", "6", "7"}, false, "1, 2, 3, 4, 5 and 2 more"},
		{[]string{"1", "2", "3", "4", "5", "6", "7"}, true, "1, 2, 3, 4, 5, 6, 7"},
	} {
		if got := few(c.names, c.verbose); got != c.want {
			t.Errorf("%v are %q, want %q", c.names, got, c.want)
		}
	}
}
