package apply_test

import (
	"context"
	"errors"
	"testing"

	"tlsync/engine/apply"
	"tlsync/engine/crash"
	"tlsync/engine/plan"
)

// crashing is the real target with a bug in one write: after it was sent.
type crashing struct {
	apply.Target
	id string
}

func (t crashing) Write(ctx context.Context, c *plan.Change, req plan.Request) (plan.Object, error) {
	o, err := t.Target.Write(ctx, c, req)
	if c.String() == t.id {
		panic("a bug")
	}
	return o, err
}

func TestABugInAWriteEndsTheRunWithAReport(t *testing.T) {
	s := newStand(t, chainSeed, chainConfig)
	r := apply.Run(t.Context(), s.plan(), crashing{s.writer, pin}, apply.Options{Concurrency: 1})
	expect(t, r, "done "+free, "failed "+pin, "not_attempted "+second, "skipped "+zone, "skipped "+unpin)
	var bug *crash.Error
	for _, step := range r.Steps {
		if step.Change.String() == pin && (!errors.As(step.Err, &bug) || !step.Wrote) {
			t.Errorf("the crashed step: %+v", step)
		}
	}
	contains(t, r.Stopped, "bug")
	s.converges()
}
