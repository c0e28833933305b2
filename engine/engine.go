// Package engine joins the stages: a configuration and live state make a plan,
// a plan makes writes. Read it to see the whole story; each stage is a package
// of its own and knows only plain values.
//
//	load.Load ─── Desired ─┐
//	Source.Fetch ─ Live ───┴─ resolve ─ diff.Build ─ Plan ─ apply.Run ─ Result
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

// Source reads live state.
type Source interface {
	Fetch(ctx context.Context, s plan.Scope) (*plan.Live, error)
}

// Engine plans and applies. Its fields are set once, by whoever makes it.
type Engine struct {
	Source Source
	// Target takes the writes; nil for commands that never write.
	Target apply.Target
	Tool   plan.Tool
	// Zones narrows everything to these zones; empty means all.
	Zones []string
	// Budget is what the API lets through, for estimates.
	Budget plan.Budget
	// Now is the time against which the expiry of certificates is told; the zero
	// time tells nothing.
	Now time.Time
	// Wait pauses between two looks at a state that settles late; nil means
	// time.After. Tests pass their own.
	Wait func(ctx context.Context, d time.Duration) error
}

// Plan compares what the configuration asks for with live state. Base is the
// configuration of the base commit, nil without one; the causes of the edits
// come from it.
func (e *Engine) Plan(ctx context.Context, base, head *schema.Desired, config plan.Config) (*plan.Plan, error) {
	made, _, err := e.plan(ctx, base, head, config)
	return made, err
}

// Narrow plans afresh, without a base, and holds the plan to one that was saved.
func (e *Engine) Narrow(ctx context.Context, saved *plan.Plan, head *schema.Desired, config plan.Config) (*hold.Narrowed, error) {
	fresh, live, err := e.plan(ctx, nil, head, config)
	if err != nil {
		return nil, err
	}
	return hold.Narrow(saved, fresh, diff.Input{Live: live, Budget: e.Budget}, head), nil
}

// plan is Plan, and tells what it was made from.
func (e *Engine) plan(ctx context.Context, base, head *schema.Desired, config plan.Config) (*plan.Plan, *plan.Live, error) {
	scope, err := resolve.ScopeOver(base, head).Only(e.Zones...)
	if err != nil {
		return nil, nil, err
	}
	if base == nil {
		scope = resolve.Few(scope, head)
	}
	live, err := e.Source.Fetch(ctx, scope)
	if err != nil {
		return nil, nil, fmt.Errorf("read live state: %w", err)
	}
	if err := e.readReleased(ctx, live, base, head); err != nil {
		return nil, nil, err
	}
	build := func() (*plan.Plan, error) {
		in := diff.Input{
			Live: live, Head: resolve.Resolve(head, live),
			Tool: e.Tool, Config: config, Budget: e.Budget, Now: e.Now,
		}
		if base != nil {
			in.Base = resolve.Resolve(base, live)
		}
		return diff.Build(in)
	}
	made, err := build()
	if err != nil {
		return nil, nil, err
	}
	followers := resolve.Followers(made, live)
	if len(followers.Zones) == 0 {
		return made, live, nil
	}
	more, err := e.Source.Fetch(ctx, followers)
	if err != nil {
		return nil, nil, fmt.Errorf("read who follows the zone: %w", err)
	}
	live.Add(more)
	made, err = build()
	return made, live, err
}

// readReleased reads what the base managed and the head does not. Where that
// fails as a whole it is told, and is no error: nothing of it is ever written.
func (e *Engine) readReleased(ctx context.Context, live *plan.Live, base, head *schema.Desired) error {
	scope := resolve.Released(base, head, e.Zones...)
	if len(scope.Zones) == 0 && len(scope.Accounts) == 0 {
		return nil
	}
	more, err := e.Source.Fetch(ctx, scope)
	switch {
	case err == nil:
		live.AddReleased(more)
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

// settling is how long Apply waits before each further look at live state that
// does not show a write yet: Cloudflare answers a write before it has deployed it.
var settling = []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}

// Apply writes a plan and then plans once more: what is left was accepted and is
// not effective, or could not be done. Hazards are the caller's to check, with
// apply.Refusals. The error is of the last reading; the result stands all the
// same.
func (e *Engine) Apply(ctx context.Context, p *plan.Plan, head *schema.Desired, o apply.Options) (*apply.Result, error) {
	r := apply.Run(ctx, p, e.Target, o)
	if r.Writes() == 0 {
		return r, nil
	}
	if ctx.Err() != nil { // it may have been the last write that was under way
		return r, fmt.Errorf("read live state again: %w", context.Cause(ctx))
	}
	for i := 0; ; i++ {
		again, err := e.Plan(ctx, nil, head, p.Config)
		if err != nil {
			return r, fmt.Errorf("read live state again: %w", err)
		}
		r.Remaining = again
		if i == len(settling) || !pending(r) {
			return r, nil
		}
		if err := e.wait(ctx, settling[i]); err != nil {
			return r, nil // an interrupt ends the looking, not the result
		}
	}
}

// pending reports whether a change that was done still shows as one to be made.
func pending(r *apply.Result) bool {
	type edit struct {
		kind                      plan.Kind
		of, name, object, setting string
	}
	key := func(c *plan.Change, e *plan.Edit) edit {
		return edit{c.Kind, c.ZoneID + c.AccountID, c.Name, c.ObjectID, e.Setting}
	}
	left := make(map[edit]bool, len(r.Remaining.Changes))
	for i := range r.Remaining.Changes {
		c := &r.Remaining.Changes[i]
		for j := range c.Edits {
			left[key(c, &c.Edits[j])] = true
		}
	}
	for i := range r.Steps {
		c := r.Steps[i].Change
		for j := range c.Edits {
			if r.Steps[i].Outcome == apply.Done && left[key(c, &c.Edits[j])] {
				return true
			}
		}
	}
	return false
}

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
