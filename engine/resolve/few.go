package resolve

import (
	"tlsync/engine/plan"
	"tlsync/schema"
)

// few is up to how many single names are worth asking for one by one. What so few
// writes could save is never worth a word (CheaperZoneValue), which would need to
// know of all names.
const few = plan.MinSaving

// Few lets a scope of a configuration ask for single custom hostnames in place of
// all of a zone, where the configuration speaks of a few names only and nothing
// depends on the others: no rule may reach them, no policy is about everybody, no
// write to the zone changes what they meet, and no account asks where its names are.
//
// It is for plans without a base: what the base managed may be more.
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

// singleNames are the custom hostnames of a zone that are managed, if those are a
// few single ones; else nil.
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
