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
			if covers(&have, &z) {
				z.Settings = plan.Minus(z.Settings, have.Settings)
				z.HostnameSettings = plan.Minus(z.HostnameSettings, have.HostnameSettings)
				z.CustomHostnames = z.CustomHostnames && !have.CustomHostnames
				z.OriginCertificates = z.OriginCertificates && !have.OriginCertificates
			}
		}
		if z.Optional = true; len(z.Settings) > 0 || len(z.HostnameSettings) > 0 || z.CustomHostnames || z.OriginCertificates {
			out.Zones = append(out.Zones, z)
		}
	}
	for _, a := range was.Accounts {
		for _, have := range is.Accounts {
			if have.Name == a.Name {
				a.MTLS, a.Alerts = a.MTLS && !have.MTLS, a.Alerts && !have.Alerts
			}
		}
		if a.MTLS || a.Alerts {
			out.Accounts = append(out.Accounts, a)
		}
	}
	return out
}

// covers reports whether every zone that another scope is about is one that this
// scope is about.
func covers(s, other *plan.ZoneScope) bool {
	if s.Account != "" && s.Account != other.Account {
		return false
	}
	switch {
	case s.Glob && !other.Glob:
		return schema.MatchZone(s.Name, other.Name)
	case s.Glob == other.Glob:
		return s.Name == other.Name
	}
	return false
}
