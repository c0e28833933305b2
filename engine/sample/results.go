package sample

import (
	"errors"
	"slices"

	"tlsync/engine/apply"
	"tlsync/engine/plan"
)

// Run is what an apply did with the rollout.
func Run(outcome func(i int, c *plan.Change) apply.Step) *apply.Result {
	p := Rollout()
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

// Partial is an apply in which something of everything happened.
func Partial() *apply.Result {
	r := Run(func(i int, c *plan.Change) apply.Step {
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
	r.Denied = []string{"Cloudflare refused writes with the credentials of account Other: settings of zone other.example (5 refused, 2 not attempted)"}
	remaining := *r.Plan
	remaining.Changes = nil
	for i, s := range r.Steps {
		if s.Outcome != apply.Done || i == 3 || i == 4 {
			remaining.Changes = append(remaining.Changes, *s.Change)
		}
	}
	remaining.Changes = append(remaining.Changes, Hostname(Zone, "tomorrow.example",
		Edit("http2", "off", "on", "", plan.CauseDrift, At("zones/saas.yaml", 16, "rule 1"))))
	r.Remaining = &remaining
	return r
}

// Steps is a run with a step or two of everything.
func Steps() *apply.Result {
	r := Partial()
	done := 0
	r.Steps = slices.DeleteFunc(r.Steps, func(s apply.Step) bool {
		if s.Outcome == apply.Done && s.Reason == "" {
			done++
		}
		return done > 3 && s.Outcome == apply.Done && s.Reason == ""
	})
	r.Tally = apply.Tally{Planned: len(r.Steps), Done: 4, Failed: 3, Skipped: 1, NotAttempted: 1}
	return r
}
