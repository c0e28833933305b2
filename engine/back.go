package engine

import (
	"context"
	"slices"

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
	ofConfiguration(made)
	made.Findings = append(made.Findings, still.Left...)
	plan.SortFindings(made.Findings)
	return made, still, nil
}

// ofConfiguration takes from a plan what is only true of the configurations that it was made
// from, and not of the one that people write: those reach few names, and have one policy.
func ofConfiguration(p *plan.Plan) {
	p.Findings = slices.DeleteFunc(p.Findings, func(f plan.Finding) bool { return f.Rule == plan.NotCovered })
	for i := range p.Breaches {
		p.Breaches[i].OfHead, p.Breaches[i].OfBase = true, false
	}
}
