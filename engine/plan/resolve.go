package plan

import (
	"cmp"
	"fmt"
	"slices"

	"tlsync/schema"
)

// Resolved is what a configuration asks of each live object.
type Resolved struct {
	// Zones are aligned with Live.Zones.
	Zones []ResolvedZone
	// Findings tell of single entries that do not exist live.
	Findings []Finding
}

// ResolvedZone is what is asked of one live zone and of its custom hostnames.
type ResolvedZone struct {
	Settings []schema.Assignment
	// Hostnames are aligned with Zone.Hostnames; slices are shared between
	// hostnames that the same lines reach.
	Hostnames [][]schema.Assignment
}

// ScopeOf is what has to be read to plan for some configurations, usually the
// base and the head. Nil ones ask for nothing.
func ScopeOf(configs ...*schema.Desired) Scope {
	var s Scope
	for _, d := range configs {
		if d == nil {
			continue
		}
		for i := range d.Zones {
			s.Zones = append(s.Zones, scopeOf(&d.Zones[i]))
		}
	}
	return s
}

func scopeOf(z *schema.Zone) ZoneScope {
	need := map[string]bool{}
	want := func(as []schema.Assignment) {
		for _, a := range as {
			need[a.Setting] = true
		}
	}
	want(z.Settings)
	want(z.CustomHostnames.Defaults)
	for _, r := range z.CustomHostnames.Rules {
		want(r.Settings)
	}
	for _, e := range z.CustomHostnames.Entries {
		want(e.Settings)
	}
	// Which protocols are left is decided by the two together.
	if need["min_tls_version"] || need["tls_1_3"] {
		need["min_tls_version"], need["tls_1_3"] = true, true
	}
	s := ZoneScope{
		Name: z.Name.Value, Glob: z.Glob, Account: z.Account.Value,
		Hostnames: z.CustomHostnames.Written(),
		Origin:    Origin{Pos: z.Name.Pos, Via: "zone"},
	}
	for _, row := range schema.Table() {
		if need[row.ID] && row.On(schema.ZoneLevel) {
			s.Settings = append(s.Settings, row.ID)
		}
	}
	return s
}

// Followers is what has to be read besides to know who follows the zones' values
// that a plan changes: the custom hostnames of zones whose document says nothing
// of them. They are asked for only now, since a zone without changes does not
// need them, and are optional, since a zone may have no custom hostnames at all.
func Followers(p *Plan, live *Live) Scope {
	var s Scope
	for i := range live.Zones {
		z := &live.Zones[i]
		if z.Hostnames != nil {
			continue
		}
		at := slices.IndexFunc(p.Changes, func(c Change) bool {
			row, ok := schema.LookupSetting(c.ObjectID)
			return c.ZoneID == z.ID && (c.ObjectID == earlyData || ok && row.On(schema.CustomHostnameLevel) && row.Ranked)
		})
		if at >= 0 {
			s.Zones = append(s.Zones, ZoneScope{
				ID: z.ID, Name: z.Name, Account: z.Account.ID, Hostnames: true, Optional: true, Origin: p.Changes[at].Edits[0].Origin,
			})
		}
	}
	return s
}

// Add takes over the custom hostnames of a further reading.
func (l *Live) Add(more *Live) {
	for i := range more.Zones {
		for j := range l.Zones {
			if l.Zones[j].ID == more.Zones[i].ID && l.Zones[j].Hostnames == nil {
				l.Zones[j].Hostnames = more.Zones[i].Hostnames
			}
		}
	}
	l.Problems = append(l.Problems, more.Problems...)
	l.Reads += more.Reads
}

// Only narrows a scope to some zones, given by canonical name: a glob becomes
// the names that it matches. The error names a zone that no document covers.
func (s Scope) Only(zones ...string) (Scope, error) {
	if len(zones) == 0 {
		return s, nil
	}
	var out Scope
	for _, name := range zones {
		covered := false
		for _, z := range s.Zones {
			switch {
			case z.Glob && schema.MatchZone(z.Name, name):
				z.Name, z.Glob = name, false
			case z.Glob || z.Name != name:
				continue
			}
			covered = true
			out.Zones = append(out.Zones, z)
		}
		if !covered {
			return s, fmt.Errorf("no zone document covers zone %q", name)
		}
	}
	return out, nil
}

// Resolve applies a configuration to live state: which settings are asked of
// which zone and of which custom hostname. Nil asks for nothing.
func Resolve(d *schema.Desired, live *Live) *Resolved {
	r := &Resolved{Zones: make([]ResolvedZone, len(live.Zones))}
	if d == nil {
		return r
	}
	selectors := make([]*schema.Selector, len(d.Zones))
	for i := range d.Zones {
		selectors[i] = schema.Compile(&d.Zones[i].CustomHostnames)
	}
	found := make([]map[string]bool, len(d.Zones)) // entries of a document that exist live
	reached := make([]string, len(d.Zones))        // a live zone that the document reaches
	for zi := range live.Zones {
		z, out := &live.Zones[zi], &r.Zones[zi]
		out.Hostnames = make([][]schema.Assignment, len(z.Hostnames))
		// The zone's own document goes over the globs, whatever stands first.
		var layers []int
		for _, glob := range []bool{true, false} {
			for i := range d.Zones {
				if d.Zones[i].Glob == glob && reaches(&d.Zones[i], z) {
					layers = append(layers, i)
				}
			}
		}
		for _, i := range layers {
			reached[i] = cmp.Or(reached[i], z.Name)
			out.Settings = schema.Overlay(out.Settings, d.Zones[i].Settings)
			entries := d.Zones[i].CustomHostnames.Entries
			if len(entries) > 0 && found[i] == nil {
				found[i] = make(map[string]bool, len(entries))
			}
			for hi := range z.Hostnames {
				h := &z.Hostnames[hi]
				as := selectors[i].Decide(h.Name, h.Metadata, h.Wildcard)
				switch {
				case len(as) == 0:
				case len(out.Hostnames[hi]) == 0:
					out.Hostnames[hi] = as
				default:
					out.Hostnames[hi] = schema.Overlay(out.Hostnames[hi], as)
				}
				if found[i] != nil {
					found[i][h.Name] = true
				}
			}
		}
	}
	for i := range d.Zones {
		if reached[i] == "" {
			continue // the zone itself is missing, which the reading has told
		}
		zone, in := reached[i], "zone "+reached[i]
		if d.Zones[i].Glob {
			zone = d.Zones[i].Name.Value
			in = "any zone that matches " + zone
		}
		for _, e := range d.Zones[i].CustomHostnames.Entries {
			if !found[i][e.Hostname.Value] {
				r.Findings = append(r.Findings, Finding{
					Severity: schema.Warning, Rule: NotFound,
					Object:  hostnameObject(zone, e.Hostname.Value),
					Message: fmt.Sprintf("custom hostname %s does not exist in %s", e.Hostname.Value, in),
					Origin:  Origin{Pos: e.Hostname.Pos, Via: "entry"},
				})
			}
		}
	}
	return r
}

// reaches reports whether a zone document holds for a live zone.
func reaches(d *schema.Zone, z *Zone) bool {
	if a := d.Account.Value; a != "" && a != z.Account.ID && a != z.Account.Name {
		return false
	}
	if d.Glob {
		return schema.MatchZone(d.Name.Value, z.Name)
	}
	return d.Name.Value == z.Name
}

// asked is the assignment of a setting, nil if it is not managed.
func asked(as []schema.Assignment, id string) *schema.Assignment {
	if i := slices.IndexFunc(as, func(a schema.Assignment) bool { return a.Setting == id }); i >= 0 {
		return &as[i]
	}
	return nil
}

func zoneObject(zone string) string { return string(KindZone) + "/" + zone }
func hostnameObject(zone, name string) string {
	return string(KindCustomHostname) + "/" + zone + "/" + name
}
