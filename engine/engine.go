// Package engine joins the stages. A configuration and live state make a plan, and a
// plan makes writes. Read this file first; each stage is a package of its own that
// knows only plain values.
//
//	base YAML ─ schema/load ─ Desired ─┐
//	head YAML ─ schema/load ─ Desired ─┼─ resolve ─ Resolved ─┐
//	Cloudflare ─ Source.Fetch ─────────┴─ Live ───────────────┴─ diff.Build ─ Plan ─ apply.Run ─ Result
//
// Plan takes the steps up to the plan, Narrow restricts a new plan to one that was
// saved, Hold to what was reviewed, and Apply takes the rest and then plans again.
package engine

import (
	"context"
	"fmt"
	"time"

	"tlsync/engine/apply"
	"tlsync/engine/diff"
	"tlsync/engine/hold"
	"tlsync/engine/plan"
	"tlsync/engine/resolve"
	"tlsync/schema"
)

// Source reads the parts of live state that a scope asks for.
type Source interface {
	Fetch(ctx context.Context, s plan.Scope) (*plan.Live, error)
}

// Engine plans and applies. Its fields are set once, by the caller that makes it.
type Engine struct {
	Source Source
	// Target takes the writes. It is nil for commands that never write.
	Target apply.Target
	Tool   plan.Tool
	// Saved says that Source is a file, which may have been made for some zones only.
	Saved bool
	// Zones restricts plans to these zones; empty means all.
	Zones []string
	// Hostnames restricts plans to the hostnames that match these patterns; empty means
	// everything. The policy is checked for all names all the same.
	Hostnames resolve.Names
	// Budget is the rate of requests that the API allows, for estimates.
	Budget plan.Budget
	// Now is the time that the expiry of certificates is compared with. With the
	// zero time nothing expires.
	Now time.Time
	// Wait pauses before live state is read again after a write. Nil means
	// time.After; tests set their own.
	Wait func(ctx context.Context, d time.Duration) error
}

// Plan compares a configuration with live state. Base is the configuration of the base
// commit, which tells the causes of edits; it may be nil.
func (e *Engine) Plan(ctx context.Context, base, head *schema.Desired, config plan.Config) (*plan.Plan, error) {
	made, _, err := e.plan(ctx, base, head, config, nil)
	return made, err
}

// Narrow makes a new plan without a base, and restricts it to the changes of a saved
// one.
func (e *Engine) Narrow(ctx context.Context, saved *plan.Plan, head *schema.Desired, config plan.Config) (*hold.Narrowed, error) {
	fresh, live, err := e.plan(ctx, nil, head, config, nil)
	if err != nil {
		return nil, err
	}
	return hold.Narrow(saved, fresh, diff.Input{Live: live, Budget: e.Budget}, head), nil
}

// Hold makes a plan, and holds it to reviews. Drift that appeared after them is left alone:
// the plan is made again as if nothing were written about those settings, so that whole
// objects are written with their live values, in an order that is safe for them.
func (e *Engine) Hold(ctx context.Context, base, head *schema.Desired, config plan.Config, reviews []hold.Reviewed) (*hold.Held, error) {
	made, live, err := e.plan(ctx, base, head, config, nil)
	if err != nil {
		return nil, err
	}

	held := hold.To(reviews...)
	for held.Leave(made) {
		if made, err = e.build(base, head, live, config, held.Out()); err != nil {
			return nil, err
		}
	}
	var policy *schema.Policy
	if base != nil {
		policy = &base.Policy
	}
	held.Over(made, diff.Input{Live: live, Budget: e.Budget}, policy, &head.Policy)
	return held, nil
}

// plan makes a plan, and also returns the live state that the plan was made from.
func (e *Engine) plan(ctx context.Context, base, head *schema.Desired, config plan.Config, left resolve.Left) (*plan.Plan, *plan.Live, error) {
	live, err := e.read(ctx, base, head)
	if err != nil {
		return nil, nil, err
	}

	made, err := e.build(base, head, live, config, left)
	if err != nil {
		return nil, nil, err
	}

	// Only the first plan shows which zone values change. If names that were not read
	// may follow them, read these names and plan again.
	followers := resolve.Followers(made, live)
	if len(followers.Zones) == 0 {
		return made, live, nil
	}
	more, err := e.Source.Fetch(ctx, followers)
	if err != nil {
		return nil, nil, fmt.Errorf("read who follows the zone: %w", err)
	}
	live.Add(more)

	made, err = e.build(base, head, live, config, left)
	return made, live, err
}

// read reads the live state that a configuration needs, and what the base managed in
// addition.
func (e *Engine) read(ctx context.Context, base, head *schema.Desired) (*plan.Live, error) {
	scope, err := resolve.ScopeOver(base, head).Only(e.Zones...)
	if err != nil {
		return nil, err
	}
	if base == nil {
		scope = resolve.Few(scope, head)
	}

	live, err := e.Source.Fetch(ctx, scope)
	if err != nil {
		return nil, fmt.Errorf("read live state: %w", err)
	}
	return live, e.readNoLongerManaged(ctx, live, base, head)
}

// readNoLongerManaged reads the settings and objects that the base managed and the head does
// not. They are never written, so a failure becomes a finding, unless ctx has ended.
func (e *Engine) readNoLongerManaged(ctx context.Context, live *plan.Live, base, head *schema.Desired) error {
	scope := resolve.NoLongerManaged(base, head, e.Zones...)
	if len(scope.Zones) == 0 && len(scope.Accounts) == 0 {
		return nil
	}

	more, err := e.Source.Fetch(ctx, scope)
	switch {
	case err == nil:
		live.AddNoLongerManaged(more)
	case ctx.Err() != nil:
		return fmt.Errorf("read what is no longer managed: %w", err)
	default:
		live.Problems = append(live.Problems, plan.Finding{
			Severity: schema.Warning, Rule: plan.Unreadable, Ref: plan.ConfigurationRef(),
			Message: "what this commit no longer manages cannot be read: " + err.Error(),
		})
	}
	return nil
}

// build makes a plan from configurations and live state, but for the settings that are left
// alone, without any request.
func (e *Engine) build(base, head *schema.Desired, live *plan.Live, config plan.Config, left resolve.Left) (*plan.Plan, error) {
	in := diff.Input{
		Live: live, Head: resolve.ResolveNames(head, live, e.Hostnames, left),
		Tool: e.Tool, Config: config, Budget: e.Budget, Now: e.Now, SomeZones: len(e.Zones) > 0 || e.Saved,
	}
	if base != nil {
		in.Base = resolve.ResolveNames(base, live, e.Hostnames, left)
	}
	if unmatched := e.Hostnames.Unmatched(head, in.Head, live); len(unmatched) > 0 {
		err := fmt.Errorf("no custom hostname, and no name of the configuration, matches %q", unmatched[0])
		if near := resolve.Near(unmatched[0], in.Head, live); near != "" {
			err = fmt.Errorf("%w; did you mean %s?", err, near)
		}
		return nil, err
	}
	return diff.Build(in)
}

// settling has the pauses before Apply reads live state again if it does not show a
// write yet: Cloudflare answers a write before the write is deployed.
var settling = []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}

// Apply writes a plan and then plans again. Result.Remaining has the changes that
// Cloudflare accepted but that are not in effect, and those that failed. The caller
// checks hazards first, with apply.Refusals. An error comes from the last reading; the
// result is valid nevertheless.
func (e *Engine) Apply(ctx context.Context, p *plan.Plan, head *schema.Desired, o apply.Options) (*apply.Result, error) {
	return e.apply(ctx, p, head, o, nil)
}

// ApplyHeld is Apply for a plan that is held to reviews. Result.Remaining leaves out what was
// left alone, and Result.LeftAlone counts it.
func (e *Engine) ApplyHeld(ctx context.Context, held *hold.Held, head *schema.Desired, o apply.Options) (*apply.Result, error) {
	r, err := e.apply(ctx, held.Plan, head, o, held.Out())
	if r.Remaining != nil {
		r.Remaining, r.LeftAlone = held.Rest(r.Remaining), len(held.Left)
	}
	return r, err
}

func (e *Engine) apply(ctx context.Context, p *plan.Plan, head *schema.Desired, o apply.Options, left resolve.Left) (*apply.Result, error) {
	r := apply.Run(ctx, p, e.Target, o)
	if r.Writes() == 0 {
		return r, nil
	}
	if ctx.Err() != nil { // perhaps during the last write
		return r, fmt.Errorf("read live state again: %w", context.Cause(ctx))
	}

	for i := 0; ; i++ {
		again, _, err := e.plan(ctx, nil, head, p.Config, left)
		if err != nil {
			return r, fmt.Errorf("read live state again: %w", err)
		}

		r.Remaining, r.Narrowed = again, len(e.Zones)+len(e.Hostnames) > 0
		if i == len(settling) || !pending(r) {
			return r, nil
		}
		if err := e.wait(ctx, settling[i]); err != nil {
			return r, nil // an interrupt ends the waiting; the result is valid
		}
	}
}

// pending reports whether an edit that was written is also one of the remaining.
func pending(r *apply.Result) bool {
	type edit struct {
		kind                                 plan.Kind
		zoneOrAccount, name, object, setting string
	}
	key := func(c *plan.Change, e *plan.Edit) edit {
		return edit{c.Kind, c.ZoneID + c.AccountID, c.Name, c.ObjectID, e.Setting}
	}

	remaining := make(map[edit]bool, len(r.Remaining.Changes))
	for i := range r.Remaining.Changes {
		c := &r.Remaining.Changes[i]
		for j := range c.Edits {
			remaining[key(c, &c.Edits[j])] = true
		}
	}

	for i := range r.Steps {
		c := r.Steps[i].Change
		for j := range c.Edits {
			if r.Steps[i].Outcome == apply.Done && remaining[key(c, &c.Edits[j])] {
				return true
			}
		}
	}
	return false
}

// wait pauses for d, or until ctx has ended.
func (e *Engine) wait(ctx context.Context, d time.Duration) error {
	if e.Wait != nil {
		return e.Wait(ctx, d)
	}
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
