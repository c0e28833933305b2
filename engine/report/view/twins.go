package view

import (
	"slices"

	"tlsync/engine/apply"
	"tlsync/engine/plan"
)

// accountNames are the names of accounts by their ids, of accounts with zones that share
// their name.
type accountNames map[string]string

// apply returns a Ref that has, for people, the name of the account in place of its id. An
// id is kept beside a name that several accounts share.
func (n accountNames) apply(r plan.Ref) plan.Ref {
	name := n[r.Account]
	if r.Zone == "" || name == "" {
		return r
	}

	same := 0
	for _, other := range n {
		if other == name {
			same++
		}
	}
	if same > 1 {
		name += " (" + r.Account + ")"
	}
	r.Account = name
	return r
}

// withAccountNames returns a plan whose zones that share their name are told apart by the
// names of their accounts, for people, and not by the ids that Refs have. It returns the
// plan itself where no zones do.
func withAccountNames(p *plan.Plan) *plan.Plan {
	names := accountNames(p.Summary.AccountNames)
	if len(names) == 0 {
		return p
	}

	named := *p
	named.Changes, named.Findings = slices.Clone(p.Changes), slices.Clone(p.Findings)
	for i := range named.Changes {
		named.Changes[i].Ref = names.apply(named.Changes[i].Ref)
	}
	for i := range named.Findings {
		named.Findings[i].Ref = names.apply(named.Findings[i].Ref)
	}
	return &named
}

// stepsWithAccountNames returns the steps of a run, with changes as withAccountNames has
// them.
func stepsWithAccountNames(r *apply.Result) []*apply.Step {
	var names accountNames
	if r.Plan != nil {
		names = r.Plan.Summary.AccountNames
	}

	steps := make([]*apply.Step, len(r.Steps))
	for i := range r.Steps {
		steps[i] = &r.Steps[i]
		if len(names) > 0 {
			step, change := r.Steps[i], *r.Steps[i].Change
			change.Ref = names.apply(change.Ref)
			step.Change = &change
			steps[i] = &step
		}
	}
	return steps
}
