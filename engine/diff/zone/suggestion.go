package zone

import (
	"slices"

	"tlsync/engine/diff/outcome"
	"tlsync/engine/plan"
	"tlsync/engine/resolve"
	"tlsync/schema"
)

// following returns a configuration in which hostnames follow the zone instead.
func following(head *resolve.ResolvedZone, as []alternative) resolve.ResolvedZone {
	want := *head
	for _, a := range as {
		if schema.Assigned(want.Settings, a.row.ID) == nil {
			want.Settings = append(slices.Clone(want.Settings), schema.Assignment{Setting: a.row.ID, Value: a.value, Wire: a.wire})
		}
	}

	// Hostnames that the same lines reach share a slice, and go on sharing one.
	known := map[*schema.Assignment][]schema.Assignment{}
	want.CustomHostnames = make([][]schema.Assignment, len(head.CustomHostnames))
	for i, block := range head.CustomHostnames {
		if len(block) == 0 {
			continue
		}
		if known[&block[0]] == nil {
			known[&block[0]] = inherited(block, as)
		}
		want.CustomHostnames[i] = known[&block[0]]
	}

	want.Created = slices.Clone(head.Created)
	for i := range want.Created {
		want.Created[i].Settings = inherited(want.Created[i].Settings, as)
	}
	return want
}

// inherited returns a block in which the lines of the alternatives say inherit.
func inherited(block []schema.Assignment, as []alternative) []schema.Assignment {
	out := block
	for i := range block {
		a := &block[i]
		if !slices.ContainsFunc(as, func(f alternative) bool {
			return a.Setting == f.row.ID && a.Value == f.value && slices.Contains(f.lines, plan.Origin{Pos: a.Pos, Via: a.Via})
		}) {
			continue
		}
		if &out[0] == &block[0] {
			out = slices.Clone(block)
		}
		out[i].Value, out[i].Wire = schema.Inherit, schema.Inherit
	}
	return out
}

// sameEffect reports whether another plan of the zone has the same effect: on every name
// that is known, and on the zone itself except for settings that it makes stronger.
func (s *saver) sameEffect(other *planned, as []alternative) bool {
	for n := other.writes.first; n < other.writes.end; n++ {
		if slices.ContainsFunc(other.writes.graph.Change(n).Hazards, func(h plan.Hazard) bool { return h.Kind == plan.Unreachable }) {
			return false
		}
	}
	if len(s.o.Created) != len(other.outcome.Created) {
		return false
	}

	for _, row := range schema.Table() {
		before, after := s.o.After(row.ID), other.outcome.After(row.ID)
		chosen := slices.ContainsFunc(as, func(a alternative) bool { return a.row.ID == row.ID })
		if before != after && (!chosen || row.Compare(before, after) != schema.Strengthens) {
			return false
		}
		if (row.On(schema.CustomHostnameLevel) || row.On(schema.HostnameLevel)) && !s.sameForHostnames(other.outcome, row.ID) {
			return false
		}
	}
	return true
}

// sameForHostnames reports whether all hostnames end with the same value of a setting.
func (s *saver) sameForHostnames(other *outcome.Outcome, id string) bool {
	for i := range s.o.Names.Len() {
		_, ends := s.o.Effective(i, id)
		if _, would := other.Effective(i, id); ends != would && s.o.Names.Visited(i) {
			return false
		}
	}
	for k := range s.o.Created {
		a, b := &s.o.Created[k], &other.Created[k]
		if a.Name != b.Name || s.o.EffectiveOf(a, id) != other.EffectiveOf(b, id) {
			return false
		}
	}
	return true
}

// saving returns the other configuration as data.
func (s *saver) saving(as []alternative, now, then int) plan.Saving {
	out := plan.Saving{Now: now, Then: then}
	for _, a := range as {
		id := a.row.ID
		alt := plan.Alternative{Setting: id, Value: a.value, Lines: a.lines}
		if after := s.o.After(id); after != a.value {
			alt.InZone, alt.Instead = true, after
		}
		alt.InZone = alt.InZone || schema.Assigned(s.in.Head.Settings, id) == nil
		out.Alternatives = append(out.Alternatives, alt)
	}
	for i := range s.o.Names.Custom() {
		if s.o.Names.At(i).Wildcard && s.o.Names.Visited(i) {
			out.Wildcards++
		}
	}
	return out
}
