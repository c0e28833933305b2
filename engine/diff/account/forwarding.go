package account

import (
	"fmt"
	"slices"
	"strings"

	"tlsync/engine/plan"
	"tlsync/schema"
	"tlsync/schema/sorted"
)

// planForwarding adds the writes of the forwarding list, which says for which hostnames
// the origin is shown the client certificate: one write for each entry, over the list that
// the write before it leaves.
func (w *mtlsPlan) planForwarding() {
	decided := map[string]*mtlsEntry{}
	edited := map[string]bool{} // each hostname once, by whatever entry
	now, last := w.live.Forwarding, -1
	for _, e := range w.entries {
		edits := w.forwardingEdits(e, decided, edited)
		if len(edits) == 0 {
			continue
		}

		c := plan.Change{Ref: w.ref.Of(plan.KindMTLSHostname, e.Name.Value), Action: plan.Update, Edits: edits}
		over := now
		n := w.add(c, plan.Object{Resource: &over})
		if last >= 0 {
			w.graph.Needs(n, last, whyForwarding)
		}
		last = n
		now.Rest = string(plan.ForwardingList(now.Rest, edits))

		for i := range edits {
			a := act{effect: forward, node: n, entry: e.Name.Value, hostname: plan.ForwardedHostname(&edits[i])}
			if edits[i].To == schema.Inherit {
				a.effect = unforward
			}
			w.act(a)
		}
	}
}

// forwardingEdits returns the edits of the forwarding list that an entry asks for. The
// first entry to list a hostname decides for it.
func (w *mtlsPlan) forwardingEdits(e *mtlsEntry, decided map[string]*mtlsEntry, edited map[string]bool) []plan.Edit {
	var edits []plan.Edit
	add := func(name string, on bool, pos schema.Pos) {
		field := plan.FieldForwarding(name)
		from, to := w.live.Forwarding.Value(field), schema.Inherit
		if on {
			to = `"on"`
		}
		if from != to && !edited[name] {
			edited[name] = true
			edits = append(edits, w.edit(field, from, to, w.forwardingCause(e, name, to, from), schema.Changes, e.origin(pos)))
		}
	}

	for _, h := range e.Hostnames {
		other := decided[h.Value]
		switch {
		case !e.Forward.Set || e.Absent:
		case other != nil && other.Forward.Value != e.Forward.Value:
			w.report(schema.Warning, plan.NotEditable, w.ref.Of(plan.KindMTLSHostname, h.Value), fmt.Sprintf(
				"client certificates of %s are forwarded or not as %s says, which asks for the opposite", plan.This, other.Name.Value), e.origin(h.Pos))
		case other != nil:
		default:
			decided[h.Value] = e
			if !e.Forward.Value || e.covered[h.Value] && !w.barred[h.Value] {
				add(h.Value, e.Forward.Value, e.Forward.Pos)
			}
		}
	}
	if !w.blind {
		for _, h := range w.abandoned(e) {
			add(h, false, e.Name.Pos)
		}
	}

	sorted.Stably(edits, func(a, b plan.Edit) int { return strings.Compare(a.Setting, b.Setting) })
	return edits
}

// abandoned returns the hostnames of an entry that lose their last certificate authority,
// so that nothing is left to forward.
func (w *mtlsPlan) abandoned(e *mtlsEntry) []string {
	var out []string
	add := func(h string) {
		if w.after[h] == 0 && !w.listed[h] {
			out = append(out, h)
		}
	}
	for _, a := range e.authorities {
		for _, h := range plan.Minus(a.from, a.to) {
			if e.Absent || e.Forward.Value {
				add(h)
			}
		}
	}
	for _, h := range e.Hostnames {
		if e.Absent {
			add(h.Value)
		}
	}
	return out
}

// forwardingCause says why the forwarding for a hostname changes.
func (w *mtlsPlan) forwardingCause(e *mtlsEntry, hostname string, to, from schema.Value) plan.Cause {
	b := e.base
	wanted := schema.Inherit
	switch {
	case b == nil || !b.Absent && !b.Forward.Set:
		wanted = ""
		if b != nil && to == schema.Inherit && e.Absent {
			wanted = from // it goes with the rest of the entry
		}
	case !b.Absent && b.Forward.Value && slices.ContainsFunc(b.Hostnames, func(h schema.Field[string]) bool { return h.Value == hostname }):
		wanted = `"on"`
	}
	return w.cause(wanted, to, from)
}
