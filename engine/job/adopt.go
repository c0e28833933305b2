package job

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tlsync/engine/adopt"
	"tlsync/engine/plan"
	"tlsync/engine/report/view"
	"tlsync/engine/rewrite"
	"tlsync/schema/edit"
	"tlsync/schema/load"
)

// kept is live state that was read before. Every further reading finds nothing more.
type kept struct{ live *plan.Live }

// Fetch returns the live state, once.
func (k *kept) Fetch(context.Context, plan.Scope) (*plan.Live, error) {
	live := k.live
	k.live = &plan.Live{}
	return live, nil
}

// unchanged loads the files of the configuration, which must be as committed: adopting
// must not mix with edits that somebody makes.
func (p *Job) unchanged(o Common, committed *Configuration) (*Configuration, error) {
	c, err := p.Load(o)
	if err == nil && c.Info.Digest != committed.Info.Digest {
		err = fmt.Errorf("--adopt: the files differ from commit %s, which live state is compared with: commit or undo the changes first", short(committed.Info.Commit))
	}
	return c, err
}

// adopt writes what has drifted into the files of the configuration.
func (p *Job) adopt(ctx context.Context, o DriftOptions, c *Configuration, made *plan.Plan, live *plan.Live) error {
	a, err := p.Adoption(ctx, o.Common, c, made, live)
	if err != nil {
		return err
	}
	if err := rewrite.Save(o.ConfigDir, a.Files); err != nil {
		return err
	}

	out := p.Out
	if o.Format != "text" {
		out = p.Err // the plan is the product
	}
	if err := Write(out, a.Text()); err != nil || o.FailOn == "none" {
		return err
	}
	if len(a.Left) > 0 {
		return Exit{CodeDiffers, nil}
	}
	return p.nothingBelow(a.After, c)
}

// Adoption is what there is to adopt, the files with it, and the plan that is left then.
type Adoption struct {
	*adopt.Adoption
	Files edit.Files
	After *plan.Plan
}

// Adoption finds out how to adopt the drift of a plan. It proves that a new plan finds
// nothing more of it, and that the policy accepts the values.
func (p *Job) Adoption(ctx context.Context, o Common, c *Configuration, made *plan.Plan, live *plan.Live) (*Adoption, error) {
	return p.adoption(ctx, o, c, adopt.Input{Plan: made, Live: live})
}

func (p *Job) adoption(ctx context.Context, o Common, c *Configuration, in adopt.Input) (*Adoption, error) {
	in.Desired, in.Partial = c.Desired, len(o.Zones) > 0
	found := adopt.Find(in)
	files, err := edit.Apply(c.files, found.Edits())
	if err != nil {
		return nil, fmt.Errorf("nothing was adopted: %w", err)
	}

	desired, _ := load.Load(edit.Overlay(c.files, files), time.Time{})
	after, err := p.Engine(o, &kept{in.Live}).Plan(ctx, nil, desired, c.Info)
	if err != nil {
		return nil, err
	}
	broken := slices.DeleteFunc(refusing(after), func(b plan.Breach) bool { return b.Rule == plan.MaxChanges })
	if len(broken) > 0 {
		return nil, Exit{CodeRefused, fmt.Errorf("the policy refuses what is live, so nothing was adopted:%s", p.refusal(nil, broken, nil, c, view.Way{}))}
	}
	if still := found.Remaining(after); still != "" {
		return nil, errors.New("nothing was adopted: " + still)
	}
	return &Adoption{found, files, after}, Unread(after)
}
