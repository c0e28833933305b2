package importing

import (
	"fmt"
	"slices"
	"strings"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// documents makes the documents of all zones: first those that several zones share, then
// those of single zones, sorted by name.
func (m *maker) documents() []*document {
	own := map[*plan.Zone]*document{}
	var accounts []string
	of := map[string][]*plan.Zone{} // zones with custom hostnames, by the id of the account
	for i := range m.live.Zones {
		z := &m.live.Zones[i]
		d := &document{zone: z.Name, settings: m.zoneSettings(z), hostnames: m.inZone(z)}
		if m.ambiguous(z) {
			d.account = m.account(z.Account)
		}
		own[z] = d
		if len(z.CustomHostnames) > 0 {
			if of[z.Account.ID] == nil {
				accounts = append(accounts, z.Account.ID)
			}
			of[z.Account.ID] = append(of[z.Account.ID], z)
		}
	}

	var out []*document
	slices.Sort(accounts)
	for _, id := range accounts {
		best := m.grouped(of[id], own)
		out = append(out, best.shared...)
		for z, d := range best.own {
			own[z] = d
		}
	}

	left := m.listed()
	for i := range m.live.Zones {
		d := own[&m.live.Zones[i]]
		d.remarks = remarks(&m.live.Zones[i], left)
		out = append(out, d)
	}
	return out
}

// ambiguous reports whether another account has a zone of the same name.
func (m *maker) ambiguous(z *plan.Zone) bool {
	return slices.ContainsFunc(m.live.Zones, func(o plan.Zone) bool { return o.Name == z.Name && o.ID != z.ID })
}

// account returns how a configuration names an account: by its id where the name does not
// tell it from others.
func (m *maker) account(a plan.Account) string {
	clear := a.Name != "" && strings.TrimSpace(a.Name) == a.Name && schema.Printable(a.Name) == a.Name && !plan.IsAccountID(a.Name)
	for i := range m.live.Zones {
		other := m.live.Zones[i].Account
		clear = clear && (other.ID == a.ID) == (other.Name == a.Name)
	}
	if clear {
		return a.Name
	}
	return a.ID
}

// group is zones with the same defaults and rules.
type group struct {
	zones   []*plan.Zone
	custom  custom
	entries [][]entry
}

// assembled is the documents of the zones of an account.
type assembled struct {
	shared []*document
	own    map[*plan.Zone]*document
}

// lines returns how many lines the documents take without profiles.
func (a *assembled) lines() int {
	w := &writer{}
	for _, d := range a.shared {
		w.document(d)
	}
	lines := strings.Count(w.String(), "\n")
	for _, d := range a.own {
		if !d.empty() {
			w := &writer{}
			w.document(d)
			lines += strings.Count(w.String(), "\n")
		}
	}
	return lines
}

// grouped divides the zones of an account into groups, in the way that takes the fewest
// lines: each zone by itself, those together whose hostnames mostly have the same values,
// or all together.
func (m *maker) grouped(zones []*plan.Zone, own map[*plan.Zone]*document) *assembled {
	var single [][]*plan.Zone
	for _, z := range zones {
		single = append(single, []*plan.Zone{z})
	}
	ways := [][][]*plan.Zone{single}
	if m.options.Rules != RulesNone && len(zones) > 1 && !m.options.apart {
		ways = append(ways, divided(m.alike(zones)), divided([][]*plan.Zone{zones}))
	}

	var best *assembled
	for _, way := range ways {
		groups := make([]group, len(way))
		for i, zones := range way {
			c, entries := m.newPool(zones).factored()
			groups[i] = group{zones, c, entries}
		}
		if a := m.assemble(groups, own); best == nil || a.lines() < best.lines() {
			best = a
		}
	}
	return best
}

// assemble makes the documents of groups out of those that say nothing of custom hostnames
// yet.
func (m *maker) assemble(groups []group, own map[*plan.Zone]*document) *assembled {
	out := &assembled{own: map[*plan.Zone]*document{}}
	for i := range groups {
		g := &groups[i]
		for j, z := range g.zones {
			d := *own[z]
			d.custom.entries = g.entries[j]
			out.own[z] = &d
		}

		if len(g.zones) == 1 {
			d := out.own[g.zones[0]]
			d.custom.defaults, d.custom.rules = g.custom.defaults, g.custom.rules
			continue
		}
		out.shared = append(out.shared, m.sharedDocument(g, out.own))
	}
	return out
}

// divided divides groups of more zones than one pattern can name.
func divided(way [][]*plan.Zone) [][]*plan.Zone {
	const most = 256 // names in one pattern
	var out [][]*plan.Zone
	for _, zones := range way {
		for len(zones) > 0 {
			n := min(len(zones), most)
			for n > 1 && patternOfZones(zones[:n]) == "" {
				n--
			}
			out = append(out, zones[:n])
			zones = zones[n:]
		}
	}
	return out
}

// alike divides zones by the most frequent value of each setting of their hostnames.
func (m *maker) alike(zones []*plan.Zone) [][]*plan.Zone {
	at := map[string]int{}
	var out [][]*plan.Zone
	for _, z := range zones {
		var key strings.Builder
		for _, row := range schema.Table() {
			if !row.On(schema.CustomHostnameLevel) {
				continue
			}
			count := map[schema.Value]int{}
			best := schema.Value("")
			for i := range z.CustomHostnames {
				count[z.CustomHostnames[i].Own(row.ID)]++
			}
			for v, n := range count {
				if n > count[best] || n == count[best] && v < best {
					best = v
				}
			}
			fmt.Fprintf(&key, "%s %s\n", row.ID, best)
		}

		i, known := at[key.String()]
		if !known {
			i = len(out)
			at[key.String()] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], z)
	}
	return out
}

// patternOfZones returns a pattern that matches some zones and no other zone that may
// exist, "" if it would be too long.
func patternOfZones(zones []*plan.Zone) string {
	if len(zones) == 1 {
		return zones[0].Name
	}
	names := make([]string, len(zones))
	for i, z := range zones {
		names[i] = z.Name
	}
	pattern := "{" + strings.Join(names, ",") + "}"
	if same, err := schema.CanonicalGlob(pattern); err != nil || same != pattern {
		return ""
	}
	return pattern
}

// sharedDocument makes the document of a group, and takes what it says from the documents
// of its zones.
func (m *maker) sharedDocument(g *group, own map[*plan.Zone]*document) *document {
	d := &document{zone: patternOfZones(g.zones), account: m.account(g.zones[0].Account), custom: g.custom}
	d.remarks = []string{fmt.Sprintf("What %d zones have in common. Their own documents say more.", len(g.zones))}

	common := slices.Clone(own[g.zones[0]].settings)
	for _, z := range g.zones[1:] {
		common = common.without(common.without(own[z].settings))
	}
	if d.settings = common; len(common) > 0 {
		for _, z := range g.zones {
			own[z].settings = own[z].settings.without(common)
		}
	}
	return d
}
