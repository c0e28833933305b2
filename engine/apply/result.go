package apply

import "tlsync/engine/plan"

// Outcome is what became of one change. Planned changes are the sum of all.
type Outcome string

// Outcomes.
const (
	Done         Outcome = "done"          // written and answered as asked, or already so
	Failed       Outcome = "failed"        // refused, conflicting, or of unknown outcome
	Skipped      Outcome = "skipped"       // a change it needs did not succeed
	NotAttempted Outcome = "not_attempted" // the run stopped before its turn
)

// Step is one change with its outcome.
type Step struct {
	Change  *plan.Change
	Outcome Outcome
	// Wrote is set where a write reached Cloudflare, or may have.
	Wrote bool
	// Reason says why it is not done, or, when done without a write, why none
	// was needed. One line, no full stop.
	Reason string
	// Err is what Reason was made of, where there was an error.
	Err error
}

// Why says why the step is not done, which may be foreign text.
func (s *Step) Why() string {
	switch {
	case s.Reason != "":
		return s.Reason
	case s.Err != nil:
		return s.Err.Error()
	}
	return "no reason is known"
}

// Tally counts outcomes; Planned is their sum.
type Tally struct {
	Planned      int `json:"planned"`
	Done         int `json:"done"`
	Failed       int `json:"failed"`
	Skipped      int `json:"skipped"`
	NotAttempted int `json:"not_attempted"`
}

// Result is what an apply did.
type Result struct {
	// Plan is what was to be done; Steps stand in its order, behind those that
	// were Already so.
	Plan  *plan.Plan
	Steps []Step
	Tally Tally
	// Stopped says why the run ended early (an interrupt, a missing
	// permission); empty if it went through.
	Stopped string
	// Remaining is the plan made from live state read again at the end: what
	// was asked for and is not so. Nil where it could not be read.
	Remaining *plan.Plan
	// Beyond is how many changes Remaining leaves out because the run was not to
	// make them: it was held to a saved plan that does not know them.
	Beyond int
}

// Already adds changes that needed no write, as done.
func (r *Result) Already(changes []*plan.Change) {
	steps := make([]Step, len(changes), len(changes)+len(r.Steps))
	for i, c := range changes {
		steps[i] = Step{Change: c, Outcome: Done, Reason: "it was so already"}
	}
	r.Steps = append(steps, r.Steps...)
	r.Tally.Planned += len(changes)
	r.Tally.Done += len(changes)
}

// Writes is the number of steps that wrote, or may have.
func (r *Result) Writes() int {
	n := 0
	for _, s := range r.Steps {
		if s.Wrote {
			n++
		}
	}
	return n
}
