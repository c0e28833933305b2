package zone

import (
	"cmp"
	"fmt"
	"slices"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// localEdits finds what differs on names in the zone itself. Each of their
// settings is an object of its own to Cloudflare; what does not exist follows the
// zone.
func (w *zoneWork) localEdits() {
	w.joinLocal()
	lost := map[string][]string{} // names by the setting that cannot be written
	for k := range w.local {
		h, as := &w.local[k], w.localWant[k]
		hw := hostnameWork{index: len(w.live.Hostnames) + k, live: h}
		for j := range as {
			a := &as[j]
			if !slices.Contains(w.live.LocalRead, a.Setting) || w.localLocked() {
				lost[a.Setting] = append(lost[a.Setting], h.Name)
				continue
			}
			if own := h.Own(a.Setting); own != a.Value {
				hw.edits = append(hw.edits, w.edit(a, own, a.Value, w.baseLocal(h.Name)))
			}
		}
		if len(hw.edits) > 0 {
			w.names = append(w.names, hw)
		}
	}
	for _, row := range schema.Table() {
		if len(lost[row.ID]) > 0 {
			w.loseLocal(&row, lost[row.ID])
		}
	}
}

// joinLocal puts the live names and those asked for together.
func (w *zoneWork) joinLocal() {
	w.local = slices.Clone(w.live.Local)
	for _, l := range w.want.Local {
		if at, ok := plan.FindHostname(w.local, l.Name); !ok {
			w.local = slices.Insert(w.local, at, plan.Hostname{Name: l.Name, InZone: true})
		}
	}
	w.localWant = make([][]schema.Assignment, len(w.local))
	for _, l := range w.want.Local {
		at, _ := plan.FindHostname(w.local, l.Name)
		w.localWant[at] = l.Settings
	}
}

func (w *zoneWork) baseLocal(name string) []schema.Assignment {
	if w.base == nil {
		return nil
	}
	for _, l := range w.base.Local {
		if l.Name == name {
			return l.Settings
		}
	}
	return nil
}

// localLocked reports whether the zone lacks what per-hostname settings need. A
// zone that has such settings has it.
func (w *zoneWork) localLocked() bool { return w.ciphersLocked() && len(w.live.Local) == 0 }

// ciphersLocked is the sign that a zone lacks Advanced Certificate Manager: without
// it a zone's own cipher list cannot be edited
// (developers.cloudflare.com/ssl/edge-certificates/additional-options/cipher-suites).
func (w *zoneWork) ciphersLocked() bool {
	ciphers, ok := plan.Lookup(w.live.Settings, schema.Ciphers)
	return ok && ciphers.Locked
}

const noCertificateManager = "the zone lacks Advanced Certificate Manager: its ciphers cannot be edited either"

// loseLocal tells of names whose own value of a setting cannot be written, and
// holds back the zone's write that they were to be kept from. What the zone's plan
// lacks it will lack tomorrow, so a step of the zone that goes the names' way, and
// no further, is taken all the same.
func (w *zoneWork) loseLocal(row *schema.Setting, names []string) {
	why, lacking := w.live.Lacking[plan.PerHostname(row.ID)]
	sev, rule := schema.Warning, plan.NotEditable
	switch {
	case lacking:
	case slices.Contains(w.live.LocalRead, row.ID):
		why, lacking = noCertificateManager, true
	default:
		sev, rule = schema.Error, plan.Unreadable
		why = cmp.Or(w.live.Unreadable[plan.PerHostname(row.ID)], "Cloudflare did not report it")
	}
	at, _ := plan.FindHostname(w.local, names[0])
	w.find(sev, rule, plan.ZoneObject(w.label), fmt.Sprintf("%s of %s in zone %s is left as it is (%s): %s",
		row.ID, plan.Count(len(names), "hostname"), w.live.Name, plan.First(names), why), schema.Assigned(w.localWant[at], row.ID))
	for _, name := range names {
		at, _ := plan.FindHostname(w.local, name)
		a := schema.Assigned(w.localWant[at], row.ID)
		z := w.edits[row.ID]
		if z == nil || lacking && onTheWay(row, z.From, z.To, a.Value) {
			continue
		}
		w.holdBack(sev, &w.local[at], []plan.Edit{w.edit(a, schema.Inherit, a.Value, nil)})
	}
}

// onTheWay reports whether going from one value to another leads towards a third
// and not beyond it.
func onTheWay(row *schema.Setting, from, to, goal schema.Value) bool {
	d := row.Compare(from, to)
	return d != schema.Changes && row.Compare(from, goal) == d && (to == goal || row.Compare(to, goal) == d)
}

// writeLocal makes the nodes of a name in the zone, one for each setting. Edits
// that are tied to each other keep the same place among the zone's writes, and an
// order among themselves: a new minimum and the old ciphers, or the reverse, must
// not be weaker for a moment than both what was and what will be.
func (w *zoneWork) writeLocal(hw *hostnameWork, room []bound, tied []int) {
	nodes := make([]int, len(hw.edits))
	for i := range hw.edits {
		nodes[i] = w.addLocal(hw.live, hw.edits[i])
		place := i
		if tied[i] >= 0 {
			place = tied[i]
		}
		w.place(nodes[i], room[place])
	}
	for i, t := range tied {
		if t < 0 {
			continue
		}
		first, then := nodes[i], nodes[t] // ciphers, the minimum
		if hw.edits[t].Direction == schema.Strengthens {
			first, then = then, first
		}
		w.graph.Needs(then, first, whySuites)
	}
	w.keepApart(hw, nodes, room, tied)
	hw.nodes = nodes
}

// keepApart puts a minimum and ciphers in order of which the one is only to come
// before a write of the zone and the other only after one: each keeps its own, and if
// those are two, that says nothing of the pair.
func (w *zoneWork) keepApart(hw *hostnameWork, nodes []int, room []bound, tied []int) {
	at := func(id string) int {
		return slices.IndexFunc(hw.edits, func(e plan.Edit) bool { return e.Setting == id })
	}
	m, c := at(schema.MinTLSVersion), at(schema.Ciphers)
	if m < 0 || c < 0 || tied[m] >= 0 || tied[c] >= 0 {
		return
	}
	first, then := m, c
	switch min, ciphers := hw.edits[m].Direction, hw.edits[c].Direction; {
	case min == schema.Strengthens && ciphers == schema.Weakens:
	case min == schema.Weakens && ciphers == schema.Strengthens:
		first, then = c, m
	default:
		return
	}
	if len(room[first].before) > 0 && len(room[first].after) == 0 && len(room[then].after) > 0 && len(room[then].before) == 0 {
		w.graph.Needs(nodes[then], nodes[first], whySuites)
	}
}

func (w *zoneWork) addLocal(h *plan.Hostname, e plan.Edit) int {
	c := plan.Change{
		ID: plan.LocalObject(w.label, h.Name) + "#" + e.Setting, Zone: w.live.Name, Kind: plan.KindHostname, Name: h.Name,
		Edits: []plan.Edit{e}, Action: plan.Update, ZoneID: w.live.ID, ObjectID: e.Setting,
	}
	c.Request = plan.NewRequest(&c, plan.Object{})
	return w.graph.Add(c, w.in.Group)
}
