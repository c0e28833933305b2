package view

import (
	"slices"

	"tlsync/engine/plan"
)

// withAccountNames returns a plan whose zones that share their name are told apart by the
// names of their accounts, for people, and not by the ids that Refs have. It returns the
// plan itself where no zones do.
func withAccountNames(p *plan.Plan) *plan.Plan {
	names := p.Summary.AccountNames
	if len(names) == 0 {
		return p
	}
	count := map[string]int{}
	for _, name := range names {
		count[name]++
	}
	rename := func(r plan.Ref) plan.Ref {
		switch name := names[r.Account]; {
		case r.Zone == "" || name == "":
		case count[name] > 1:
			r.Account = name + " (" + r.Account + ")"
		default:
			r.Account = name
		}
		return r
	}

	named := *p
	named.Changes, named.Findings = slices.Clone(p.Changes), slices.Clone(p.Findings)
	for i := range named.Changes {
		named.Changes[i].Ref = rename(named.Changes[i].Ref)
	}
	for i := range named.Findings {
		named.Findings[i].Ref = rename(named.Findings[i].Ref)
	}
	return &named
}
