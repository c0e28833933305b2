package resolve

import (
	"tlsync/engine/plan"
	"tlsync/schema"
)

// Released is what has to be read besides to tell what becomes of that which the
// base asks for and the head does not, so that what visitors meet can be named;
// with zones, of these only. It is a reading of its own: a zone that the head has
// dropped may not exist any more, and then there is nothing to tell.
func Released(base, head *schema.Desired, zones ...string) plan.Scope {
	was, is := ScopeOf(base), ScopeOver(base, head)
	if len(zones) > 0 {
		var some plan.Scope
		for _, name := range zones {
			if s, err := was.Only(name); err == nil {
				some.Zones = append(some.Zones, s.Zones...)
			} // else it was not managed at the base
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
