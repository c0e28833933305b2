package resolve

import (
	"slices"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// settle gives every lower bound of a zone the value that it comes to for each live
// object. Afterwards only values are left to compare.
func (z *ResolvedZone) settle(live *plan.Zone) {
	if bounded(z.Settings) {
		z.Settings = slices.Clone(z.Settings)
		for i, a := range z.Settings {
			own, _ := live.Value(a.Setting)
			z.Settings[i] = a.Settle(own, "")
		}
	}

	s := settler{zone: z, live: live}
	for i := range z.CustomHostnames {
		z.CustomHostnames[i] = s.settled(z.CustomHostnames[i], live.CustomHostnames[i].Own)
	}
	for i := range z.Created {
		z.Created[i].Settings = s.settled(z.Created[i].Settings, nothing)
	}
	for i := range z.Hostnames {
		own := nothing
		if at, ok := plan.FindHostname(live.Hostnames, z.Hostnames[i].Name); ok {
			own = live.Hostnames[at].Own
		}
		z.Hostnames[i].Settings = s.settled(z.Hostnames[i].Settings, own)
	}
}

// nothing is the own value of a hostname that has none.
func nothing(string) schema.Value { return schema.Inherit }

// bounded reports whether there is a lower bound among assignments.
func bounded(as []schema.Assignment) bool {
	return slices.ContainsFunc(as, func(a schema.Assignment) bool { return a.AtLeast })
}

// settler settles the assignments of hostnames. Hostnames that share a slice and come to
// the same values go on sharing one.
type settler struct {
	zone *ResolvedZone // whose own settings are settled
	live *plan.Zone
	done map[settling][]schema.Assignment
}

// settling identifies a result: the assignments, and the values that their bounds came to.
type settling struct {
	first  *schema.Assignment
	values string
}

// settled returns assignments without bounds that are still open, for a hostname with the
// given own values.
func (s *settler) settled(as []schema.Assignment, own func(setting string) schema.Value) []schema.Assignment {
	if !bounded(as) {
		return as
	}

	key := settling{first: &as[0]}
	for _, a := range as {
		if a.AtLeast {
			key.values += string(a.Settle(own(a.Setting), s.followed(a.Setting)).Value) + " "
		}
	}
	if known, ok := s.done[key]; ok {
		return known
	}

	out := slices.Clone(as)
	for i, a := range as {
		if a.AtLeast {
			out[i] = a.Settle(own(a.Setting), s.followed(a.Setting))
		}
	}
	out = withoutUnusedList(out)
	if s.done == nil {
		s.done = map[settling][]schema.Assignment{}
	}
	s.done[key] = out
	return out
}

// followed returns the value of the zone that hostnames without one of their own get
// after the plan, "" if it is not known. What the zone cannot be given, it will not have.
func (s *settler) followed(setting string) schema.Value {
	found, read := plan.Lookup(s.live.Settings, setting)
	_, lacking := s.live.Lacking[setting]
	if asked := schema.Assigned(s.zone.Settings, setting); asked != nil && read && !found.Locked && !lacking {
		return asked.Value
	}
	return found.Value
}

// withoutUnusedList leaves out a list of cipher suites beside a minimum of 1.3 that a
// lower bound let stand: Cloudflare refuses the two together (code 1443), and TLS 1.3
// has its own suites.
func withoutUnusedList(as []schema.Assignment) []schema.Assignment {
	minimum := schema.Assigned(as, schema.MinTLSVersion)
	if minimum == nil || !minimum.AtLeast || !schema.HandshakeOf(as).UnusedList() {
		return as
	}
	return slices.DeleteFunc(as, func(a schema.Assignment) bool { return a.Setting == schema.Ciphers })
}
