package engine

import (
	"context"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// Look makes a plan without a base, and also returns the live state that it was made from,
// for those who explain it.
func (e *Engine) Look(ctx context.Context, head *schema.Desired, config plan.Config) (*plan.Plan, *plan.Live, error) {
	return e.plan(ctx, nil, head, config)
}
