package job

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// FailOns are the values of --fail-on.
var FailOns = []string{"any", "weaker", "none"}

// DriftOptions are the options of Drift.
type DriftOptions struct {
	Common
	Applied string
	FailOn  string // one of failOns
	Adopt   bool   // write what is live into the configuration
}

// Drift compares live state with the configuration as committed.
func (p *Job) Drift(ctx context.Context, o DriftOptions) error {
	c, err := p.Committed(o.Common)
	if errors.Is(err, ErrNotCommitted) && o.Applied == "" {
		p.remark(o.Common, "tlsync: %s; comparing with the files as they are", OneLine(err))
		c, err = p.load(o.Common)
	}
	if err != nil {
		return err
	}
	if err := p.Check(o.Common, c); err != nil {
		return err
	}

	files := c // to adopt into
	if o.Adopt {
		if files, err = p.unchanged(o.Common, c); err != nil {
			return err
		}
	}
	applied := c
	if o.Applied != "" {
		if applied, err = p.revision(o.Common, o.Applied); err != nil {
			return fmt.Errorf("--applied: %w", err)
		}
	}

	made, live, err := p.LookAtDrift(ctx, o.Common, c, applied)
	if err != nil {
		return err
	}
	if o.Format != "text" || o.Verbose {
		p.Credit(ctx, o.Common, made, c, applied)
	}
	if err := p.Print(o.Common, made, AsDrift{Pending: applied != c, Drift: true}); err != nil {
		return err
	}
	if o.Adopt && drifted(made, "any", applied != c) {
		if err := Unread(made); err != nil {
			return fmt.Errorf("nothing was adopted: %w", err)
		}
		return p.adopt(ctx, o, files, made, live)
	}
	return p.DriftVerdict(made, c, o.FailOn, applied != c)
}

// revision loads the configuration of a commit.
func (p *Job) revision(o Common, revision string) (*Configuration, error) {
	repo, _, err := p.OpenHead(o)
	if err != nil {
		return nil, err
	}
	at, err := repo.Resolve(revision)
	if err != nil {
		return nil, err
	}
	return p.Earlier(repo, at, o)
}

// DriftVerdict picks the exit code of a drift check. Pending means that the plan may
// hold changes that are not applied yet.
func (p *Job) DriftVerdict(made *plan.Plan, c *Configuration, failOn string, pending bool) error {
	if err := Unread(made); err != nil {
		return err
	}
	if failOn == "none" {
		return nil // the findings tell
	}
	kept := cmp.Or(p.PolicyKept(made, c), p.nothingBelow(made, c))
	if drifted(made, failOn, pending) {
		return Exit{CodeDiffers, errors.Unwrap(kept)}
	}
	return kept
}

// drifted reports whether there is drift of the kind to fail on, in what can be changed
// or in what is withheld. Pending changes do not count.
func drifted(made *plan.Plan, failOn string, pending bool) bool {
	counts := func(e plan.Edit) bool {
		if pending && e.Cause != plan.CauseDrift && e.Cause != plan.CauseConflict {
			return false
		}
		return failOn == "any" || failOn == "weaker" && e.DriftDirection() == schema.Weakens
	}
	for i := range made.Changes {
		if slices.ContainsFunc(made.Changes[i].Edits, counts) {
			return true
		}
	}
	return slices.ContainsFunc(made.Withheld, func(w plan.Withheld) bool { return counts(w.Edit) })
}
