package zone

import (
	"slices"

	"tlsync/engine/diff/order"
	"tlsync/engine/diff/outcome"
	"tlsync/engine/plan"
	"tlsync/schema"
)

// arrangement is a safe order of the zone's writes, and the place of every hostname's
// edits among them.
type arrangement struct {
	writes []zoneWrite // in table order
	sorted []int       // indices of writes in a safe order
	places []placement // by position among the edited hostnames
}

// zoneWrite is one write of the zone. It governs a setting of the configuration: both
// tls_1_3 and 0rtt govern tls_1_3.
type zoneWrite struct {
	governs string
	edit    plan.Edit
}

// arrange finds the arrangement. If there is none, it returns the settings of the zone
// that cannot be ordered.
func arrange(live *plan.Zone, o *outcome.Outcome) (a arrangement, stuck []string) {
	a = arrangement{writes: zoneWrites(live, o), places: make([]placement, len(o.Edited))}
	known := schema.Sequences{}
	for k := range o.Edited {
		n := &o.Edited[k]
		a.places[k] = place(o, n)
		a.places[k].keepSequence(n, known.Of(o.Handshakes(n.Index)))
	}

	var left []int
	a.sorted, left = sortWrites(a.writes, a.places)
	for _, i := range left {
		if id := a.writes[i].governs; !slices.Contains(stuck, id) {
			stuck = append(stuck, id)
		}
	}
	return a, stuck
}

// zoneWrites returns the writes that the edits of the zone take, in table order.
func zoneWrites(live *plan.Zone, o *outcome.Outcome) []zoneWrite {
	var out []zoneWrite
	for _, row := range schema.Table() {
		e, ok := o.Zone[row.ID]
		switch {
		case !ok:
		case row.ID == schema.TLS13 && e.To == `"on"`:
			out = append(out, tls13Writes(live, e)...)
		default:
			out = append(out, zoneWrite{row.ID, *e})
		}
	}
	return out
}

// tls13Writes returns the writes that switch TLS 1.3 on. With 0rtt on, a written
// tls_1_3=on reads back as zrt, so 0rtt goes off first; if tls_1_3 itself reads on
// already, nothing else is needed.
func tls13Writes(live *plan.Zone, e *plan.Edit) []zoneWrite {
	on := zoneWrite{schema.TLS13, *e}
	rtt, ok := plan.Lookup(live.Settings, schema.EarlyData)
	if !ok || rtt.Value != `"on"` {
		return []zoneWrite{on}
	}

	off := *e
	off.Setting, off.From, off.To, off.Written = schema.EarlyData, `"on"`, `"off"`, ""
	off.EffectiveFrom, off.EffectiveTo, off.Direction = off.From, off.To, schema.Strengthens
	if s, ok := plan.Lookup(live.Settings, schema.TLS13); ok && s.Raw == `"on"` {
		return []zoneWrite{{schema.TLS13, off}}
	}
	return []zoneWrite{{schema.TLS13, off}, on}
}

// pairedBefore returns, for each write, the writes that the pairs put before it.
func pairedBefore(writes []zoneWrite) [][]order.Edge {
	before := make([][]order.Edge, len(writes))
	pairs := order.Pairs()
	for i := range pairs {
		p := &pairs[i]
		for b := range writes {
			for a := range writes {
				if p.Matches(&writes[b].edit, &writes[a].edit) {
					before[a] = append(before[a], order.Edge{Node: b, Why: p.Why})
				}
			}
		}
	}
	return before
}

// sortWrites returns an order of the zone's writes that keeps the pairs, and leaves room
// for each edit of a hostname between the writes that it has to come between. Writes
// that no order can satisfy are returned as stuck.
func sortWrites(writes []zoneWrite, places []placement) (sorted, stuck []int) {
	before := make([][]int, len(writes))
	for i, edges := range pairedBefore(writes) {
		for _, e := range edges {
			before[i] = append(before[i], e.Node)
		}
	}

	for _, between := range gaps(places) {
		for b := range writes {
			for a := range writes {
				if a != b && writes[b].governs == between.after && writes[a].governs == between.before {
					before[a] = append(before[a], b)
				}
			}
		}
	}

	rank := make([]int, len(writes))
	for i := range rank {
		rank[i] = i
	}
	return order.Sort(before, rank)
}

// gap says that some edit comes after the zone's writes of one setting and before those
// of another.
type gap struct{ after, before string }

// gaps returns the gaps that edits of hostnames need, each once.
func gaps(places []placement) []gap {
	var out []gap
	seen := map[gap]bool{}
	for _, p := range places {
		for _, r := range p.room {
			for _, after := range r.after {
				for _, before := range r.before {
					if g := (gap{after.setting, before.setting}); !seen[g] {
						seen[g] = true
						out = append(out, g)
					}
				}
			}
		}
	}
	return out
}
