package apply

import (
	"strings"

	"tlsync/engine/plan"
)

// Outcome is the outcome of one change.
type Outcome string

// Outcomes.
const (
	Done         Outcome = "done"          // in effect: written now, or before
	Failed       Outcome = "failed"        // refused, conflicting, or of unknown outcome
	Skipped      Outcome = "skipped"       // a change it needs did not succeed
	NotAttempted Outcome = "not_attempted" // the run stopped before its turn, or gave it up
)

// Step is a change with its outcome.
type Step struct {
	Change  *plan.Change
	Outcome Outcome
	// Wrote is set if a write reached Cloudflare, or may have.
	Wrote bool
	// Reason says why the change is not done or, if it is done without a confirmed
	// write, how that is known. It is one line without a full stop.
	Reason string
	// Err is the error behind Reason, if there was one.
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

// Result is the result of a run.
type Result struct {
	// Plan is the plan that was applied. Steps has its order, after the steps that
	// Already added.
	Plan  *plan.Plan
	Steps []Step
	Tally Tally
	// Stopped says why the run ended early, such as an interrupt. It is empty if the
	// run attempted everything, but for what Denied speaks of.
	Stopped string
	// Denied has a sentence for each credential that Cloudflare refused a kind of write
	// in a zone or an account, which the run then gave up.
	Denied []string
	// Remaining is a new plan made from the live state at the end: the changes that
	// are still missing. It is nil if the live state could not be read.
	Remaining *plan.Plan
	// Beyond is how many changes Remaining leaves out because the run was limited to a
	// saved plan that does not contain them.
	Beyond int
	// LeftAlone is how many settings Remaining leaves out because they drifted after the
	// review that the run was held to.
	LeftAlone int
	// Reverted says that the run took back an apply: Remaining compares live state with the
	// values before that, and not with the configuration.
	Reverted bool
	// Narrowed says that the run was limited to some zones or names, and so is Remaining.
	Narrowed bool
}

// Why says in one line why changes were not attempted, "" if all were and Cloudflare
// refused no kind of write.
func (r *Result) Why() string {
	parts := r.Denied
	if r.Stopped != "" {
		parts = append([]string{r.Stopped}, parts...)
	}
	return strings.Join(parts, "; ")
}

// Already adds changes that were in effect before the run, as done.
func (r *Result) Already(changes []*plan.Change) {
	steps := make([]Step, len(changes), len(changes)+len(r.Steps))
	for i, c := range changes {
		steps[i] = Step{Change: c, Outcome: Done, Reason: "already up to date"}
	}
	r.Steps = append(steps, r.Steps...)
	r.Tally.Planned += len(changes)
	r.Tally.Done += len(changes)
}

// Writes returns the number of steps that wrote, or may have.
func (r *Result) Writes() int {
	n := 0
	for _, s := range r.Steps {
		if s.Wrote {
			n++
		}
	}
	return n
}
