package resolve

import (
	"tlsync/engine/plan"
	"tlsync/schema"
)

// few is the largest number of custom hostnames that are read one by one. So few writes
// cannot save enough requests to be reported (CheaperZoneValue); such a report would
// need all names.
const few = plan.MinSaving

// Few restricts a scope to single custom hostnames of a zone if the configuration names
// only a few of them and nothing depends on the others: there are no defaults, rules or
// settings of the zone that reach them, no policy that covers all visitors, and no
// account documents.
//
// It is for plans without a base, because a base may have managed more names.
func Few(s plan.Scope, d *schema.Desired) plan.Scope {
	if d.Policy.Set || len(d.Accounts) > 0 {
		return s
	}
	zones := make([]plan.ZoneScope, len(s.Zones))
	copy(zones, s.Zones)
	for i := range zones {
		if z := &zones[i]; z.CustomHostnames && !z.Optional && !z.Glob {
			z.Names = singleNames(d, z.Name)
		}
	}
	s.Zones = zones
	return s
}

// singleNames returns the managed custom hostnames of a zone if Few applies to it, and
// nil otherwise.
func singleNames(d *schema.Desired, zone string) []string {
	var names []string
	for i := range d.Zones {
		z := &d.Zones[i]
		if z.Glob && schema.MatchZone(z.Name.Value, zone) {
			return nil
		}
		if z.Glob || z.Name.Value != zone {
			continue
		}

		c := &z.CustomHostnames
		if len(z.Settings) > 0 || len(c.Defaults) > 0 || len(c.Rules) > 0 || c.Create.Value {
			return nil
		}
		for _, e := range c.Entries {
			names = append(names, e.Hostname.Value)
		}
	}
	if len(names) > few {
		return nil
	}
	return names
}
