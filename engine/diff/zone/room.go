package zone

import (
	"slices"

	"tlsync/engine/diff/order"
	"tlsync/engine/diff/outcome"
	"tlsync/engine/plan"
	"tlsync/schema"
)

// The order rests on one rule per setting. Let a name meet the value a before and b
// after the plan. If all writes that give names a value of their own (pins) come before
// the zone's write of that setting, and all that take it away (unpins) after it, the
// name meets a or b at every moment and nothing else:
//
//	pin ──▶ zone ──▶ unpin
//
// A write from one own value to another goes from a to b by itself and may come at any
// time. One custom hostname is written as a whole, so one that gains a pin and loses
// another needs two writes, if the zone's values of both change.

// room is the place of an edit of a hostname among the zone's writes: it comes before
// some of them and after others.
type room struct{ before, after []tie }

// tie names a setting of the zone, and the reason why an edit comes before or after its
// writes.
type tie struct{ setting, why string }

// placement holds the rooms of the edits of one hostname, by index. An edit can share
// the place of another one: with holds the index of that edit, else -1.
type placement struct {
	room []room
	with []int
	// sequence is the order that a minimum and ciphers have to keep.
	sequence schema.Sequence
}

// share gives an edit the place of another one, and that one the room of both.
func (p *placement) share(edit, with int) {
	p.with[edit] = with
	p.room[with] = room{
		slices.Concat(p.room[with].before, p.room[edit].before),
		slices.Concat(p.room[with].after, p.room[edit].after),
	}
	p.room[edit] = room{}
}

// put places an edit before or after the zone's writes of a setting.
func (p *placement) put(edit int, first bool, t tie) {
	r := &p.room[edit]
	if first {
		r.before = append(slices.Clone(r.before), t)
	} else {
		r.after = append(slices.Clone(r.after), t)
	}
}

// inOrder reports whether an edit comes before another one by their rooms alone.
func (p *placement) inOrder(early, late int) bool {
	return len(p.room[early].before) > 0 && len(p.room[late].after) > 0
}

// place returns the placement that a hostname needs: pins come before the zone's writes
// and unpins after them, and there is a version to negotiate at every moment.
func place(o *outcome.Outcome, n *outcome.HostnameEdits) placement {
	p := placement{room: make([]room, len(n.Edits)), with: make([]int, len(n.Edits))}
	for i := range n.Edits {
		p.with[i] = -1
		e := &n.Edits[i]
		switch {
		case o.Zone[e.Setting] == nil:
		case e.From == schema.Inherit:
			p.room[i].before = append(p.room[i].before, tie{e.Setting, order.WhyPin})
		case e.To == schema.Inherit:
			p.room[i].after = append(p.room[i].after, tie{e.Setting, order.WhyUnpin})
		}
	}

	minimum, ciphers := n.Find(schema.MinTLSVersion), n.Find(schema.Ciphers)
	if minimum >= 0 && ciphers >= 0 && !o.Names.InZone(n.Index) && swapsMinimumAndList(&n.Edits[minimum], &n.Edits[ciphers]) {
		p.room[ciphers], p.with[ciphers] = room{}, minimum
	}
	p.keepVersion(o, n)
	return p
}

// swapsMinimumAndList reports whether a minimum of 1.3 takes the place of a cipher list,
// or the reverse. Cloudflare refuses the two together (code 1443), and the list has no
// effect beside that minimum, so it can go with it.
func swapsMinimumAndList(minimum, list *plan.Edit) bool {
	return minimum.To == `"1.3"` && list.To == schema.Inherit || minimum.From == `"1.3"` && list.From == schema.Inherit
}

// keepVersion orders a minimum and TLS 1.3 so that a version is left to negotiate: TLS
// 1.3 is on before the minimum rises to 1.3, and goes off after the minimum has left 1.3.
func (p *placement) keepVersion(o *outcome.Outcome, n *outcome.HostnameEdits) {
	from, to := o.Handshakes(n.Index)
	minimumFirst := schema.Handshake{Minimum: to.Minimum, TLS13: from.TLS13}
	tls13First := schema.Handshake{Minimum: from.Minimum, TLS13: to.TLS13}
	if from.NoVersion() || to.NoVersion() || !minimumFirst.NoVersion() && !tls13First.NoVersion() {
		return
	}

	tlsFirst := minimumFirst.NoVersion()
	minimum, tls13 := n.Find(schema.MinTLSVersion), n.Find(schema.TLS13)
	follows := func(setting string) bool {
		return o.Zone[setting] != nil && o.Names.At(n.Index).Own(setting) == schema.Inherit
	}
	switch {
	case minimum >= 0 && tls13 >= 0:
		early, late := minimum, tls13
		if tlsFirst {
			early, late = tls13, minimum
		}
		if !p.inOrder(early, late) {
			p.share(tls13, minimum)
		}
	case tls13 >= 0 && follows(schema.MinTLSVersion):
		p.put(tls13, tlsFirst, tie{schema.MinTLSVersion, order.WhyVersion})
	case minimum >= 0 && follows(schema.TLS13):
		p.put(minimum, !tlsFirst, tie{schema.TLS13, order.WhyVersion})
	}
}

// keepSequence keeps old versions from being open for a moment with suites that they have
// neither before nor after: suites go before the minimum falls, and come after it has
// risen. Two hostnames can need opposite orders of the zone's writes.
func (p *placement) keepSequence(n *outcome.HostnameEdits, s schema.Sequence) {
	if s == schema.AnySequence {
		return
	}

	p.sequence = s
	minimum, ciphers := n.Find(schema.MinTLSVersion), n.Find(schema.Ciphers)
	switch {
	case minimum >= 0 && ciphers >= 0:
		early, late := p.inSequence(minimum, ciphers)
		if p.with[ciphers] < 0 && !p.inOrder(early, late) {
			p.share(ciphers, minimum)
		}
	case minimum >= 0:
		p.put(minimum, s == schema.MinimumFirst, tie{schema.Ciphers, order.WhySuites})
	case ciphers >= 0:
		p.put(ciphers, s == schema.CiphersFirst, tie{schema.MinTLSVersion, order.WhySuites})
	}
}

// inSequence returns a minimum and ciphers in the order that they have to keep.
func (p *placement) inSequence(minimum, ciphers int) (first, then int) {
	if p.sequence == schema.CiphersFirst {
		return ciphers, minimum
	}
	return minimum, ciphers
}
