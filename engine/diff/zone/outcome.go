package zone

import (
	"cmp"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// outcome says which values the zone and its hostnames have, and which their visitors
// meet, before the first change and after the last. It is read only.
type outcome struct {
	live    *plan.Zone
	names   *hostnames
	zone    map[string]*plan.Edit // edits of the zone's settings, by id
	edited  []hostnameEdits       // hostnames with edits, by ascending index
	at      []int                 // position in edited plus one, by index; nil where nothing is edited
	created []creation
}

func newOutcome(live *plan.Zone, names *hostnames, d *diff, created []creation) *outcome {
	o := &outcome{live: live, names: names, zone: d.zone, edited: d.names, created: created}
	if len(o.edited) > 0 {
		o.at = make([]int, names.Len())
		for k := range o.edited {
			o.at[o.edited[k].index] = k + 1
		}
	}
	return o
}

// unchanged is the outcome where nothing is written.
func unchanged(live *plan.Zone, names *hostnames) *outcome {
	return &outcome{live: live, names: names}
}

// before returns the zone's value of a setting before the plan, "" where it is not
// known.
func (o *outcome) before(id string) schema.Value {
	v, _ := o.live.Value(id)
	return v
}

// after returns the zone's value of a setting after the plan, "" where it is not known.
func (o *outcome) after(id string) schema.Value {
	if e, ok := o.zone[id]; ok {
		return e.To
	}
	return o.before(id)
}

// editedAt returns the position of a hostname among the edited ones.
func (o *outcome) editedAt(i int) (k int, ok bool) {
	if o.at == nil || o.at[i] == 0 {
		return 0, false
	}
	return o.at[i] - 1, true
}

// edit returns the edit of a setting of a hostname, nil if there is none.
func (o *outcome) edit(i int, id string) *plan.Edit {
	if k, ok := o.editedAt(i); ok {
		return plan.EditOf(o.edited[k].edits, id)
	}
	return nil
}

// ownAfter returns a hostname's own value of a setting after the plan.
func (o *outcome) ownAfter(i int, id string) schema.Value {
	if e := o.edit(i, id); e != nil {
		return e.To
	}
	return o.names.At(i).Own(id)
}

// effective returns the values of a setting that visitors of a hostname meet before and
// after the plan.
func (o *outcome) effective(i int, id string) (from, to schema.Value) {
	from = o.names.At(i).Own(id)
	to = from
	if e := o.edit(i, id); e != nil {
		to = e.To
	}
	if from == schema.Inherit {
		from = o.before(id)
	}
	if to == schema.Inherit {
		to = o.after(id)
	}
	return from, to
}

// effectiveOf returns the value of a setting that visitors of a new hostname meet.
func (o *outcome) effectiveOf(c *creation, id string) schema.Value {
	return cmp.Or(c.own[id], o.after(id))
}

// handshakes returns what a hostname can negotiate before and after the plan.
func (o *outcome) handshakes(i int) (before, after schema.Handshake) {
	before.Minimum, after.Minimum = o.effective(i, schema.MinTLSVersion)
	before.TLS13, after.TLS13 = o.effective(i, schema.TLS13)
	before.Ciphers, after.Ciphers = o.effective(i, schema.Ciphers)
	before.Keys = o.names.At(i).Keys
	after.Keys = before.Keys
	return before, after
}

// handshakesOfZone returns what names that follow the zone can negotiate before and
// after the plan.
func (o *outcome) handshakesOfZone() (before, after schema.Handshake) {
	of := func(value func(id string) schema.Value) schema.Handshake {
		return schema.Handshake{Minimum: value(schema.MinTLSVersion), TLS13: value(schema.TLS13), Ciphers: value(schema.Ciphers)}
	}
	return of(o.before), of(o.after)
}
