package engine

import (
	"context"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// Look makes a plan, and also returns the live state that it was made from, for those who
// explain or adopt it. Base may be nil.
func (e *Engine) Look(ctx context.Context, base, head *schema.Desired, config plan.Config) (*plan.Plan, *plan.Live, error) {
	return e.plan(ctx, base, head, config, nil)
}
