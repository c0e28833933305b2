package engine

import (
	"context"

	"tlsync/engine/plan"
	"tlsync/engine/revert"
)

// Back plans the way back from a receipt, as far as live state still is as the receipt left
// it. It also returns that part of the way; Apply takes its Earlier configuration.
func (e *Engine) Back(ctx context.Context, way *revert.Way, config plan.Config) (*plan.Plan, *revert.Way, error) {
	_, live, err := e.plan(ctx, nil, way.Earlier(), config, nil)
	if err != nil {
		return nil, nil, err
	}

	still := way.Against(live)
	made, err := e.build(still.Applied(), still.Earlier(), live, config, nil)
	if err != nil {
		return nil, nil, err
	}
	made.Findings = append(made.Findings, still.Left...)
	plan.SortFindings(made.Findings)
	return made, still, nil
}
