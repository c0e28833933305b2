package job

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"tlsync/engine"
	"tlsync/engine/apply"
	"tlsync/engine/hold"
	"tlsync/engine/plan"
	"tlsync/engine/planfile"
	"tlsync/engine/regular"
	"tlsync/engine/report/view"
	"tlsync/engine/resolve"
	"tlsync/engine/safe"
	"tlsync/schema"
)

// savedPlan is the plan file that an apply is held to.
type savedPlan struct {
	file string
	plan *plan.Plan
	// narrowed is what is left of it against live, once that was read.
	narrowed *hold.Narrowed
}

// readSavedPlan reads a plan to apply. It refuses a damaged file or another file.
func readSavedPlan(file string) (*savedPlan, error) {
	text, err := regular.Read(file, planfile.MaxSize)
	if err != nil {
		return nil, fmt.Errorf("nothing was written: %w", err)
	}

	made, err := ReadPlan(safe.Text(file), text)
	if err != nil {
		return nil, Exit{CodeRefused, fmt.Errorf("refused, nothing was written: %w", err)}
	}
	for i := range made.Findings {
		if f := &made.Findings[i]; f.OfPolicy() && f.Severity == schema.Error {
			return nil, Exit{CodeRefused, fmt.Errorf("refused, nothing was written: the plan in %s breaks the policy that it was made under: %s", safe.Text(file), f.Message)}
		}
	}
	return &savedPlan{file: safe.Text(file), plan: made}, nil
}

// fits refuses a plan that was made for another configuration, or for more than
// --zone leaves.
func (s *savedPlan) fits(o Common, c *Configuration) error {
	if s.plan.Config.Digest != c.Info.Digest {
		at := ""
		if commit := s.plan.Config.Commit; commit != "" && commit != c.Info.Commit {
			at = ", at commit " + safe.Text(short(commit))
		}
		return Exit{CodeStale, fmt.Errorf("stale, nothing was written: %s was made from another configuration%s: plan again", s.file, at)}
	}

	for i := range s.plan.Changes {
		if ch := &s.plan.Changes[i]; len(o.Zones) > 0 && !slices.Contains(o.Zones, ch.Zone) {
			return Exit{CodeRefused, fmt.Errorf("refused, nothing was written: %s holds a change that --zone leaves out: %s", s.file, safe.Text(ch.String()))}
		} else if !resolve.Names(o.Hostnames).Match(ch.Name) {
			return Exit{CodeRefused, fmt.Errorf("refused, nothing was written: %s holds a change that --hostname leaves out: %s", s.file, safe.Text(ch.String()))}
		}
	}
	return nil
}

// makePlan makes a fresh plan, and holds it to the saved plan or to the reviews if there are
// any. A revert plans its own way.
func (run *applyRun) makePlan(ctx context.Context, e *engine.Engine, c, base *Configuration) (*plan.Plan, error) {
	s := run.saved
	switch {
	case run.back != nil:
		return run.back.plan(ctx, e)
	case s == nil && run.Reviewed == nil:
		return e.Plan(ctx, base.Asked(), c.Desired, c.against(base))
	case s == nil:
		held, err := e.Hold(ctx, base.Asked(), c.Desired, c.against(base), run.Reviewed.Reviews)
		if err != nil {
			return nil, err
		}
		run.held = held
		return held.Plan, nil
	}

	n, err := e.Narrow(ctx, s.plan, c.Desired, c.Info)
	if err != nil {
		return nil, err
	}

	most := 20
	if run.Verbose {
		most = 0
	}
	list := func(all []hold.Discrepancy) string {
		return strings.Join(view.Discrepancies(all, most), "\n  ")
	}

	switch {
	case len(n.Foreign) > 0:
		return nil, Exit{CodeRefused, fmt.Errorf("refused, nothing was written: %s is not a plan for this configuration:\n  %s", s.file, list(n.Foreign))}
	case len(n.Stale) > 0:
		return nil, Exit{CodeStale, fmt.Errorf("stale, nothing was written: live state changed since %s was made; plan again:\n  %s", s.file, list(n.Stale))}
	}
	s.narrowed = n
	if run.Reviewed != nil {
		run.held = &hold.Held{Plan: n.Plan, Added: hold.Added(n.Plan, run.Reviewed.Reviews...)}
	}
	return n.Plan, nil
}

// tell prints how many changes the saved plan does not hold.
func (s *savedPlan) tell(p *Job, o Common) {
	if s == nil || len(s.narrowed.Beyond) == 0 {
		return
	}
	them, are := "them", "are"
	if len(s.narrowed.Beyond) == 1 {
		them, are = "it", "is"
	}
	p.Remark(o, "tlsync: %s not in %s and %s not written; run plan to see %s",
		countChanges(len(s.narrowed.Beyond)), s.file, are, them)
}

// nothingToWrite returns the result of a saved plan whose changes are all already done, nil
// if there is no such plan.
func (s *savedPlan) nothingToWrite() *apply.Result {
	if s == nil || len(s.narrowed.Already) == 0 {
		return nil
	}
	r := &apply.Result{Plan: s.narrowed.Plan}
	s.complete(r)
	return r
}

// already are the steps that need no write.
func (s *savedPlan) already() []apply.Step {
	if s == nil {
		return nil
	}
	var r apply.Result
	r.Already(s.narrowed.Already)
	return r.Steps
}

// complete counts changes that needed no write as done, and ignores remaining differences
// that the saved plan did not hold.
func (s *savedPlan) complete(r *apply.Result) {
	if s == nil {
		return
	}
	r.Already(s.narrowed.Already)
	if r.Remaining != nil {
		r.Remaining, r.Beyond = s.narrowed.Left(r.Remaining)
	}
}
