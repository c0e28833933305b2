package job

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"tlsync/engine/history"
	"tlsync/engine/plan"
	"tlsync/engine/planfile"
	"tlsync/engine/regular"
	"tlsync/engine/resolve"
	"tlsync/engine/safe"
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
	Out     string // the file to save the plan in, "" for none
	Since   string // the file that an earlier check saved, "" for none
}

// Drift compares live state with the configuration as committed.
func (p *Job) Drift(ctx context.Context, o DriftOptions) error {
	c, err := p.Committed(o.Common)
	if errors.Is(err, ErrNotCommitted) && o.Applied == "" {
		p.Remark(o.Common, "tlsync: %s; comparing with the files as they are", OneLine(err))
		c, err = p.Load(o.Common)
	}
	if err != nil {
		return err
	}
	if err := p.Check(o.Common, c); err != nil {
		return err
	}

	var earlier *plan.Plan
	if o.Since != "" {
		if earlier, err = readEarlier(o.Since); err != nil {
			return fmt.Errorf("--since: %w", err)
		}
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
	if o.Format != "text" || o.Verbose || o.Out != "" {
		p.Credit(ctx, o.Common, made, c, applied)
	}
	if o.Out != "" {
		if err := p.SavePlan("--out", o.Out, made); err != nil {
			return err
		}
	}
	if err := p.Print(o.Common, made, AsDrift{Pending: applied != c, Drift: true}); err != nil {
		return err
	}
	if err := p.printHistory(o, earlier, made); err != nil {
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

// readEarlier reads the plan that an earlier check for drift saved.
func readEarlier(file string) (*plan.Plan, error) {
	text, err := regular.Read(file, planfile.MaxSize)
	if err != nil {
		return nil, err
	}
	return ReadPlan(safe.Text(file), text)
}

// printHistory prints what changed since an earlier check, if there is one. Where the product
// has a format of its own, it goes to stderr.
func (p *Job) printHistory(o DriftOptions, earlier, made *plan.Plan) error {
	if earlier == nil {
		return nil
	}
	h := history.Compare(Hidden(p, earlier), Hidden(p, made), func(ref plan.Ref) bool {
		return (len(o.Zones) == 0 || slices.Contains(o.Zones, ref.Zone)) && resolve.Names(o.Hostnames).Match(ref.Name)
	})

	out := p.Out
	if o.Format != "text" {
		out = p.Err
	}
	return Write(out, "\n"+h.Text(o.Since, o.Verbose))
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
