package resolve

import (
	"tlsync/engine/plan"
	"tlsync/schema"
)

// NoLongerManaged returns the parts of live state that only the base configuration
// manages, so that a plan can report the values that stay there. With zones, it is
// restricted to these. A separate reading asks for them: a zone that the head has
// dropped may not exist any more, and then there is nothing to report.
func NoLongerManaged(base, head *schema.Desired, zones ...string) plan.Scope {
	was, is := ScopeOf(base), ScopeOver(base, head)
	if len(zones) > 0 {
		var some plan.Scope
		for _, name := range zones {
			if s, err := was.Only(name); err == nil { // else the base did not manage it
				some.Zones = append(some.Zones, s.Zones...)
			}
		}
		was = some
	}

	var out plan.Scope
	for _, z := range was.Zones {
		for _, have := range is.Zones {
			if have.Covers(&z) {
				z.Subtract(&have)
			}
		}
		if z.Optional = true; !z.Empty() {
			out.Zones = append(out.Zones, z)
		}
	}

	for _, a := range was.Accounts {
		for _, have := range is.Accounts {
			if have.Name == a.Name {
				a.Subtract(&have)
			}
		}
		if !a.Empty() {
			out.Accounts = append(out.Accounts, a)
		}
	}
	return out
}
