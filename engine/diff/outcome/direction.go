package outcome

import (
	"tlsync/engine/plan"
	"tlsync/schema"
)

// handshakeSettings are the settings that are judged together. It is read only.
var handshakeSettings = []string{schema.MinTLSVersion, schema.TLS13, schema.Ciphers}

// judge sets the directions of the edits that decide about handshakes. Those of a hostname
// are judged by all that its visitors come to meet, with what the zone changes for it.
func (o *Outcome) judge() {
	for k := range o.Edited {
		if n := &o.Edited[k]; decidesHandshakes(n.Edits) {
			before, after := o.Handshakes(n.Index)
			for j := range n.Edits {
				Judge(o.memo, before, after, &n.Edits[j])
			}
		}
	}
	for _, id := range handshakeSettings {
		if e := o.Zone[id]; e != nil {
			e.Direction, e.Undone = o.ofZone(id, false), o.ofZone(id, true)
		}
	}
}

func decidesHandshakes(edits []plan.Edit) bool {
	for i := range edits {
		if schema.DecidesHandshakes(edits[i].Setting) {
			return true
		}
	}
	return false
}

// Judge sets the direction of an edit that is part of a change from one handshake to another.
func Judge(memo schema.DirectionMemo, before, after schema.Handshake, e *plan.Edit) {
	there, back := memo.Of(before, after), memo.Of(after, before)
	if d, ok := there.Of(e.Setting); ok {
		e.Direction = d
		e.Undone, _ = back.Of(e.Setting)
	}
}

// Weakened returns whose handshakes a write of a setting of the zone weakens: whether it is
// those of the zone's own names, and which hostnames.
func (o *Outcome) Weakened(id string) (zone bool, hostnames []int) {
	zone = o.directionInZone(id, false) == schema.Weakens
	for i := range o.Names.Len() {
		if o.followsThroughout(i, id) && o.directionFor(i, id, false) == schema.Weakens {
			hostnames = append(hostnames, i)
		}
	}
	return zone, hostnames
}

// Opens reports whether the plan as a whole opens handshakes that visitors of the hostname
// at an index could not make before, or, for a negative index, visitors of names that follow
// the zone in everything. It is true where that is not known.
func (o *Outcome) Opens(i int) bool {
	before, after := o.HandshakesOfZone()
	if i >= 0 {
		before, after = o.Handshakes(i)
	}
	if before == after {
		return false
	}
	if !before.Known() || !after.Known() {
		return true
	}
	d := o.memo.Of(before, after)
	return d.Weakens()
}

// ofZone returns the direction of an edit of the zone, or of its way back: it weakens if it
// weakens what anybody meets who follows the zone, and strengthens if it does so for
// somebody and weakens nobody. Where not all who follow are known, the order of the values
// has a say as well.
func (o *Outcome) ofZone(id string, back bool) schema.Direction {
	out := o.directionInZone(id, back)
	consider := func(d schema.Direction) {
		if d == schema.Weakens || d == schema.Strengthens && out == schema.Changes {
			out = d
		}
	}

	if e := o.Zone[id]; !o.knowsFollowers(id) && e.From != "" && e.To != "" {
		from, to := e.From, e.To
		if back {
			from, to = to, from
		}
		row, _ := schema.LookupSetting(id)
		consider(row.Compare(from, to))
	}
	for i := range o.Names.Len() {
		if out == schema.Weakens {
			break
		}
		if o.followsThroughout(i, id) {
			consider(o.directionFor(i, id, back))
		}
	}
	return out
}

// directionInZone returns the direction of an edit of the zone for names that follow the
// zone in everything.
func (o *Outcome) directionInZone(id string, back bool) schema.Direction {
	before, after := o.HandshakesOfZone()
	return o.direction(before, after, id, back)
}

// directionFor returns the direction of an edit of the zone for a hostname that follows it.
func (o *Outcome) directionFor(i int, id string, back bool) schema.Direction {
	before, after := o.Handshakes(i)
	return o.direction(before, after, id, back)
}

func (o *Outcome) direction(before, after schema.Handshake, id string, back bool) schema.Direction {
	if back {
		before, after = after, before
	}
	d := o.memo.Of(before, after)
	out, _ := d.Of(id)
	return out
}

// followsThroughout reports whether visitors of a hostname meet the zone's value of a
// setting before the plan and after it.
func (o *Outcome) followsThroughout(i int, id string) bool {
	return o.Names.Visited(i) && o.Names.At(i).Own(id) == schema.Inherit && o.OwnAfter(i, id) == schema.Inherit
}

// knowsFollowers reports whether all hostnames are known that may follow the zone in a
// setting and have values of their own in another one.
func (o *Outcome) knowsFollowers(id string) bool {
	if o.Live.CustomHostnames == nil {
		return false
	}
	for _, other := range handshakeSettings {
		if row, _ := schema.LookupSetting(other); other != id && row.On(schema.HostnameLevel) && !o.Live.ReadPerHostname(other) {
			return false
		}
	}
	return true
}
