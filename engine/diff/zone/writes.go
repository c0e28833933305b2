package zone

import (
	"cmp"
	"fmt"
	"slices"

	"tlsync/engine/diff/order"
	"tlsync/engine/diff/outcome"
	"tlsync/engine/plan"
	"tlsync/schema"
)

// writes are the changes of a zone as nodes of the graph.
type writes struct {
	graph      *order.Graph
	first, end int              // all nodes of the zone: from first to before end
	zone       map[string][]int // nodes that govern a setting of the zone, in safe order
	names      []span           // by position among the edited hostnames
	created    []int            // by position among the created hostnames
}

// span is a number of consecutive nodes.
type span struct{ first, count int }

func (s span) last() int { return s.first + s.count - 1 }

// addWrites adds the changes of a zone to the graph, and what each waits for: those of
// the zone itself as they are arranged, and those of hostnames between them.
func addWrites(graph *order.Graph, in *Input, o *outcome.Outcome, a arrangement, uploads []plan.Change) *writes {
	w := &writes{graph: graph, first: graph.Len(), names: make([]span, len(o.Edited)), created: make([]int, len(o.Created))}

	chain := w.addZone(in, a)
	for k := range o.Edited {
		n := &o.Edited[k]
		if o.Names.InZone(n.Index) {
			w.names[k] = w.addHostname(in, o.Names.At(n.Index).Name, n, a.places[k])
		} else {
			w.names[k] = w.addCustomHostname(in, o, n, a.places[k], chain)
		}
	}

	for _, c := range deletions(in, o.Names) {
		graph.Add(c, in.Group)
	}
	for k := range o.Created {
		w.created[k] = w.addCreation(in, &o.Created[k])
	}
	for i := range uploads {
		w.addUpload(in, &uploads[i])
	}

	w.end = graph.Len()
	return w
}

// addZone adds the writes of the zone, and returns them in a safe order. They wait for
// each other only where the pairs say so: the rest of the order follows from the writes
// of hostnames between them.
func (w *writes) addZone(in *Input, a arrangement) (chain []int) {
	nodes := make([]int, len(a.writes))
	for i := range a.writes {
		e := &a.writes[i].edit
		c := plan.Change{
			Ref: in.Ref.Setting(e.Setting), Edits: []plan.Edit{*e}, Action: plan.Update, ZoneID: in.Live.ID, ObjectID: e.Setting,
		}
		c.Request = plan.NewRequest(&c, plan.Object{})
		nodes[i] = w.graph.Add(c, in.Group)
	}
	for i, edges := range pairedBefore(a.writes) {
		for _, e := range edges {
			w.graph.Needs(nodes[i], nodes[e.Node], e.Why)
		}
	}

	w.zone = map[string][]int{}
	for _, i := range a.sorted {
		id := a.writes[i].governs
		chain = append(chain, nodes[i])
		w.zone[id] = append(w.zone[id], nodes[i])
	}
	return chain
}

// keep makes a node keep the room that it has among the zone's writes.
func (w *writes) keep(n int, r room) {
	for _, t := range r.before {
		for _, z := range w.zone[t.setting] {
			w.graph.Needs(z, n, t.why)
		}
	}
	for _, t := range r.after {
		for _, z := range w.zone[t.setting] {
			w.graph.Needs(n, z, t.why)
		}
	}
}

// addCustomHostname adds the writes of a custom hostname: the fewest that give each edit
// its place in the chain of the zone's writes, nearly always one.
func (w *writes) addCustomHostname(in *Input, o *outcome.Outcome, n *outcome.HostnameEdits, p placement, chain []int) span {
	live, ref := o.Names.At(n.Index), o.Names.Ref(n.Index)
	groups := w.groups(p, chain)
	last := slices.Max(groups)
	now := *live // as it stands when the write has its turn
	out := span{w.graph.Len(), last + 1}
	for g := range out.count {
		edits := n.Edits
		if last > 0 {
			edits = inGroup(n.Edits, groups, g)
		}
		c := plan.Change{
			Ref: ref.Setting(part(g, last)), Edits: edits, Action: plan.Update, ZoneID: in.Live.ID, ObjectID: live.ID,
		}
		c.Request = plan.NewRequest(&c, plan.Object{Hostname: &now})

		node := w.graph.Add(c, in.Group)
		for i := range groups {
			if groups[i] == g {
				w.keep(node, p.room[i])
			}
		}
		if g > 0 {
			w.graph.Needs(node, node-1, order.WhyOwn)
		}
		if g < last {
			now.Settings = plan.LaidOver(now.Settings, edits)
		}
	}
	return out
}

// groups divides the edits of a custom hostname among writes, and returns the number of
// the write of each. It goes through the chain of the zone's writes and makes a write
// only where some edit can wait no longer.
func (w *writes) groups(p placement, chain []int) []int {
	type interval struct{ edit, low, high int } // slots: n comes before chain[n]
	free := make([]interval, 0, len(p.room))
	for i, r := range p.room {
		if p.with[i] >= 0 {
			continue
		}
		v := interval{i, 0, len(chain)}
		for _, t := range r.before {
			for _, n := range w.zone[t.setting] {
				v.high = min(v.high, slices.Index(chain, n))
			}
		}
		for _, t := range r.after {
			for _, n := range w.zone[t.setting] {
				v.low = max(v.low, slices.Index(chain, n)+1)
			}
		}
		free = append(free, v)
	}
	slices.SortStableFunc(free, func(a, b interval) int { return cmp.Compare(a.high, b.high) })

	groups := make([]int, len(p.room))
	slot, last := -1, -1
	for _, v := range free {
		if v.low > slot {
			slot, last = v.high, last+1
		}
		groups[v.edit] = last
	}
	for i, with := range p.with {
		if with >= 0 {
			groups[i] = groups[with]
		}
	}
	return groups
}

func inGroup(edits []plan.Edit, groups []int, g int) []plan.Edit {
	var out []plan.Edit
	for i := range edits {
		if groups[i] == g {
			out = append(out, edits[i])
		}
	}
	return out
}

// part tells the writes of one hostname apart.
func part(g, last int) string {
	switch {
	case last == 0:
		return ""
	case g == 0:
		return "pin"
	case g == last:
		return "unpin"
	}
	return fmt.Sprintf("move-%d", g)
}

// addHostname adds the writes of a hostname in the zone, one for each setting. Edits that
// share a place have an order among themselves as well: a new minimum and the old
// ciphers, or the reverse, must not be weaker for a moment than both the old state and
// the new one.
func (w *writes) addHostname(in *Input, name string, n *outcome.HostnameEdits, p placement) span {
	out := span{w.graph.Len(), len(n.Edits)}
	for i := range n.Edits {
		e := &n.Edits[i]
		c := plan.Change{
			Ref: in.Ref.Hostname(name).Setting(e.Setting), Edits: []plan.Edit{*e}, Action: plan.Update, ZoneID: in.Live.ID, ObjectID: e.Setting,
		}
		c.Request = plan.NewRequest(&c, plan.Object{})
		node := w.graph.Add(c, in.Group)
		if with := p.with[i]; with >= 0 {
			w.keep(node, p.room[with])
		} else {
			w.keep(node, p.room[i])
		}
	}

	for ciphers, minimum := range p.with {
		if minimum < 0 {
			continue
		}
		first, then := p.inSequence(minimum, ciphers)
		w.graph.Needs(out.first+then, out.first+first, order.WhySuites)
	}
	w.keepApart(out, n, p)
	return out
}

// keepApart orders a minimum and ciphers that do not share a place. Each keeps its own
// room, and that says nothing about the pair: the list of a name that begins to follow
// the zone may be the zone's old one or its new one. Nothing can wait in a circle if the
// first waits for no write of the zone, or if no write of the zone waits for the second.
func (w *writes) keepApart(nodes span, n *outcome.HostnameEdits, p placement) {
	minimum, ciphers := n.Find(schema.MinTLSVersion), n.Find(schema.Ciphers)
	if p.sequence == schema.AnySequence || minimum < 0 || ciphers < 0 || p.with[ciphers] >= 0 {
		return
	}

	first, then := p.inSequence(minimum, ciphers)
	early, late := p.room[first], p.room[then]
	if len(early.after) == 0 || len(late.before) == 0 {
		w.graph.Needs(nodes.first+then, nodes.first+first, order.WhySuites)
	}
}

// addCreation adds the creation of a custom hostname. One that follows the zone comes
// after the zone's own writes: it then never meets a value that it was not meant to have.
func (w *writes) addCreation(in *Input, created *outcome.Creation) int {
	n := w.graph.Add(creationChange(in, created), in.Group)
	for _, row := range schema.Table() {
		if !follows(created, &row) {
			continue
		}
		for _, z := range w.zone[row.ID] {
			w.graph.Needs(n, z, order.WhyNew)
		}
	}
	for _, z := range w.zone[schema.FallbackOrigin] {
		w.graph.Needs(n, z, order.WhyFallback)
	}
	return n
}

// addUpload adds the upload of a certificate for origin pulls, which comes before these
// are switched on.
func (w *writes) addUpload(in *Input, c *plan.Change) {
	n := w.graph.Add(*c, in.Group)
	for _, z := range w.zone[schema.OriginPulls] {
		if w.graph.Change(z).Edits[0].To.Member("enabled") == "true" {
			w.graph.Needs(z, n, order.WhyUpload)
		}
	}
}
