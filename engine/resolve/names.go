package resolve

import (
	"slices"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// Names are patterns over hostnames, in canonical form. No patterns match every name.
type Names []string

// Match reports whether a name matches one of the patterns.
func (n Names) Match(name string) bool {
	return len(n) == 0 || slices.ContainsFunc(n, func(pattern string) bool { return schema.MatchZone(pattern, name) })
}

// Unmatched returns the patterns that no hostname matches, neither a live one nor one
// that the configuration names in a zone, creates or deletes.
func (n Names) Unmatched(d *schema.Desired, r *Resolved, live *plan.Live) []string {
	names := known(r, live)
	for i := range d.Zones {
		for _, e := range d.Zones[i].CustomHostnames.Entries {
			if e.Absent { // it may be deleted by now
				names = append(names, e.Hostname.Value)
			}
		}
	}

	return slices.DeleteFunc(slices.Clone(n), func(pattern string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return schema.MatchZone(pattern, name) })
	})
}

// Near returns the hostname that a mistyped name most likely stands for, or "".
func Near(name string, r *Resolved, live *plan.Live) string {
	return schema.Suggest(name, known(r, live))
}

// known returns the names of all hostnames, live ones and those of the configuration.
func known(r *Resolved, live *plan.Live) []string {
	var names []string
	for i := range live.Zones {
		for j := range live.Zones[i].CustomHostnames {
			names = append(names, live.Zones[i].CustomHostnames[j].Name)
		}
		for j := range live.Zones[i].Hostnames {
			names = append(names, live.Zones[i].Hostnames[j].Name)
		}
		for j := range r.Zones[i].Hostnames {
			names = append(names, r.Zones[i].Hostnames[j].Name)
		}
		for j := range r.Zones[i].Created {
			names = append(names, r.Zones[i].Created[j].Name)
		}
	}
	return names
}

// keep leaves out of what is asked of a zone all but some hostnames.
func (z *ResolvedZone) keep(only Names, live *plan.Zone) {
	if len(only) == 0 {
		return
	}

	z.Settings, z.OriginCertificates = nil, nil
	for i := range z.CustomHostnames {
		if !only.Match(live.CustomHostnames[i].Name) {
			z.CustomHostnames[i] = nil
			delete(z.Deleted, i)
		}
	}
	z.Created = slices.DeleteFunc(z.Created, func(c Creation) bool { return !only.Match(c.Name) })
	z.Hostnames = slices.DeleteFunc(z.Hostnames, func(h Hostname) bool { return !only.Match(h.Name) })
}
