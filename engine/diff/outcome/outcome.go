// Package outcome says which values a zone and its hostnames have, and which of them
// their visitors meet, before a plan and after it.
package outcome

import (
	"cmp"
	"slices"
	"time"

	"tlsync/engine/plan"
	"tlsync/engine/resolve"
	"tlsync/schema"
)

// Input is what is known of one zone: its live state, and what two commits ask of it.
type Input struct {
	Live *plan.Zone
	Ref  plan.Ref // of the zone
	Head *resolve.ResolvedZone
	Base *resolve.ResolvedZone // nil without a base commit
	// HeadPolicy and BasePolicy are the policies of the two commits; nil where there
	// is none.
	HeadPolicy, BasePolicy *schema.Policy
	// Now is the time that the end of exceptions is compared with.
	Now time.Time
}

// Edits are the edits that can be written in one zone.
type Edits struct {
	Zone  map[string]*plan.Edit // of the zone's settings, by id
	Names []HostnameEdits       // of hostnames that differ, by ascending index
}

// HostnameEdits are the edits of one hostname, at least one.
type HostnameEdits struct {
	Index int
	Edits []plan.Edit
}

// Find returns the edit of a setting by its index, -1 if there is none.
func (h *HostnameEdits) Find(setting string) int {
	return slices.IndexFunc(h.Edits, func(e plan.Edit) bool { return e.Setting == setting })
}

// Creation is a custom hostname that is to be created.
type Creation struct {
	Name  string
	Own   map[string]schema.Value // its own values of settings
	Edits []plan.Edit
}

// Outcome says which values the zone and its hostnames have, and which their visitors
// meet, before the first change and after the last. It is read only.
type Outcome struct {
	Live    *plan.Zone
	Names   *Hostnames
	Zone    map[string]*plan.Edit // edits of the zone's settings, by id
	Edited  []HostnameEdits       // hostnames with edits, by ascending index
	Created []Creation

	at   []int // position in Edited plus one, by index; nil where nothing is edited
	memo schema.DirectionMemo
}

// New returns the outcome of edits and creations. It sets the directions of edits that are
// judged by what visitors can negotiate.
func New(live *plan.Zone, names *Hostnames, edits Edits, created []Creation) *Outcome {
	o := &Outcome{Live: live, Names: names, Zone: edits.Zone, Edited: edits.Names, Created: created, memo: schema.DirectionMemo{}}
	if len(o.Edited) > 0 {
		o.at = make([]int, names.Len())
		for k := range o.Edited {
			o.at[o.Edited[k].Index] = k + 1
		}
	}
	o.judge()
	return o
}

// Before returns the zone's value of a setting before the plan, "" where it is not
// known.
func (o *Outcome) Before(id string) schema.Value {
	v, _ := o.Live.Value(id)
	return v
}

// After returns the zone's value of a setting after the plan, "" where it is not known.
func (o *Outcome) After(id string) schema.Value {
	if e, ok := o.Zone[id]; ok {
		return e.To
	}
	return o.Before(id)
}

// EditedAt returns the position of a hostname among the edited ones.
func (o *Outcome) EditedAt(i int) (k int, ok bool) {
	if o.at == nil || o.at[i] == 0 {
		return 0, false
	}
	return o.at[i] - 1, true
}

// Edit returns the edit of a setting of a hostname, nil if there is none.
func (o *Outcome) Edit(i int, id string) *plan.Edit {
	if k, ok := o.EditedAt(i); ok {
		return plan.EditOf(o.Edited[k].Edits, id)
	}
	return nil
}

// OwnAfter returns a hostname's own value of a setting after the plan.
func (o *Outcome) OwnAfter(i int, id string) schema.Value {
	if e := o.Edit(i, id); e != nil {
		return e.To
	}
	return o.Names.At(i).Own(id)
}

// Effective returns the values of a setting that visitors of a hostname meet before and
// after the plan.
func (o *Outcome) Effective(i int, id string) (from, to schema.Value) {
	from = o.Names.At(i).Own(id)
	to = from
	if e := o.Edit(i, id); e != nil {
		to = e.To
	}
	if from == schema.Inherit {
		from = o.Before(id)
	}
	if to == schema.Inherit {
		to = o.After(id)
	}
	return from, to
}

// EffectiveOf returns the value of a setting that visitors of a new hostname meet.
func (o *Outcome) EffectiveOf(c *Creation, id string) schema.Value {
	return cmp.Or(c.Own[id], o.After(id))
}

// Handshakes returns what a hostname can negotiate before and after the plan.
func (o *Outcome) Handshakes(i int) (before, after schema.Handshake) {
	before.Minimum, after.Minimum = o.Effective(i, schema.MinTLSVersion)
	before.TLS13, after.TLS13 = o.Effective(i, schema.TLS13)
	before.Ciphers, after.Ciphers = o.Effective(i, schema.Ciphers)
	before.Keys = o.Names.At(i).Keys
	after.Keys = before.Keys
	return before, after
}

// HandshakesOfZone returns what names that follow the zone can negotiate before and
// after the plan.
func (o *Outcome) HandshakesOfZone() (before, after schema.Handshake) {
	of := func(value func(id string) schema.Value) schema.Handshake {
		return schema.Handshake{Minimum: value(schema.MinTLSVersion), TLS13: value(schema.TLS13), Ciphers: value(schema.Ciphers)}
	}
	return of(o.Before), of(o.After)
}
