package view

import (
	"cmp"
	"slices"
	"strings"

	"tlsync/engine/plan"
	"tlsync/engine/safe"
	"tlsync/schema"
	"tlsync/schema/words"
)

// Place is the zone or the account that an object belongs to.
type Place struct {
	ofAccount bool
	zone      string
	account   string // of a zone only where two zones share the name
}

// PlaceOf returns the place of an object.
func PlaceOf(r plan.Ref) Place {
	return Place{ofAccount: r.Kind.OfAccount(), zone: r.Zone, account: r.Account}
}

// comparePlaces sorts zones before accounts, and either by name.
func comparePlaces(a, b Place) int {
	if a.ofAccount != b.ofAccount {
		if b.ofAccount {
			return -1
		}
		return 1
	}
	return cmp.Or(strings.Compare(a.zone, b.zone), strings.Compare(a.account, b.account))
}

// Name returns the name of the place, which is foreign text. A zone that shares its name
// with another one is followed by its account.
func (p Place) Name() string {
	switch {
	case p.ofAccount:
		return p.account
	case p.account != "":
		return p.zone + " of account " + p.account
	}
	return p.zone
}

// Heading returns the place as the title of what is done there.
func (p Place) Heading() string {
	if p.ofAccount {
		return "Account " + safe.Text(p.Name())
	}
	return "Zone " + safe.Text(p.Name())
}

// inSentence returns the place as part of a sentence.
func (p Place) inSentence(m Markup) string {
	account := "account " + m.Code(p.account)
	switch {
	case p.ofAccount:
		return account
	case p.account != "":
		return "zone " + m.Code(p.zone) + " of " + account
	}
	return "zone " + m.Code(p.zone)
}

// object is the target of one or more changes: a custom hostname, also one that takes two
// writes, or one setting of a zone.
type object struct {
	in     Place
	name   string
	kind   plan.Kind
	action string
	writes int
	edits  []plan.Edit
}

// weaker reports whether any setting of the object gets weaker.
func (o *object) weaker() bool { return slices.ContainsFunc(o.edits, Weakens) }

// Weakens reports whether an edit makes a setting weaker.
func Weakens(e plan.Edit) bool { return e.Direction == schema.Weakens }

// objectOf returns the Ref that all writes to one object share. Each setting of a zone is
// an object.
func objectOf(c *plan.Change) plan.Ref {
	if c.Kind == plan.KindHostname {
		return c.Object()
	}
	return c.Whole()
}

// objectsOf joins the writes to the same object; with told, drift is told as what happened.
func objectsOf(changes []*plan.Change, told bool) []object {
	list := objects(changes)
	if told {
		tellDrift(list)
	}
	return list
}

// objects joins the writes to the same object, in order of first appearance.
func objects(changes []*plan.Change) []object {
	var (
		list = make([]object, 0, len(changes))
		at   = make(map[plan.Ref]int, len(changes))
	)
	for _, c := range changes {
		id := objectOf(c)
		i, ok := at[id]
		if !ok {
			at[id] = len(list)
			list = append(list, object{in: PlaceOf(c.Ref), name: titleOf(c), kind: c.Kind, action: c.Action, writes: 1, edits: c.Edits})
			continue
		}

		list[i].writes++
		if c.Action != plan.Update {
			list[i].action = c.Action
		}
		list[i].edits = joinEdits(list[i].edits, c.Edits)
	}
	return list
}

// tellDrift gives drift its own direction: that of the edits is the way back.
func tellDrift(objects []object) {
	for i := range objects {
		o := &objects[i]
		o.edits = slices.Clone(o.edits)
		for j := range o.edits {
			if e := &o.edits[j]; e.Cause == plan.CauseDrift {
				e.Direction = e.DriftDirection()
			}
		}
	}
}

// joinEdits appends the edits of a later write. A setting that both writes have goes from
// its value before the first to its value after the second.
func joinEdits(first, second []plan.Edit) []plan.Edit {
	edits := slices.Clone(first)
	for _, e := range second {
		i := slices.IndexFunc(edits, func(have plan.Edit) bool { return have.Setting == e.Setting })
		if i < 0 {
			edits = append(edits, e)
			continue
		}

		e.From, e.EffectiveFrom = edits[i].From, edits[i].EffectiveFrom
		if s, ok := schema.LookupSetting(e.Setting); ok {
			e.Direction = s.Compare(e.EffectiveFrom, e.EffectiveTo)
		}
		edits[i] = e
	}
	return edits
}

// kindRank sorts the kinds as they are shown.
func kindRank(k plan.Kind) int {
	switch k {
	case plan.KindZone:
		return 0
	case plan.KindHostname:
		return 2
	case plan.KindCustomHostname:
		return 1
	case plan.KindMTLSCertificate:
		return 3
	case plan.KindMTLSHostname:
		return 4
	case plan.KindAccessApplication:
		return 5
	case plan.KindAlert:
		return 6
	}
	return 1
}

// KindName returns the word for n objects of a kind.
func KindName(k plan.Kind, n int) string {
	name := cmp.Or(strings.ReplaceAll(strings.ReplaceAll(safe.Text(string(k)), "_", " "), "mtls", "mTLS"), "object")
	return words.Plural(n, name, name+"s")
}

// titleOf names the object of a change, within its place unless it is a zone.
func titleOf(c *plan.Change) string {
	if in := PlaceOf(c.Ref); c.Kind == plan.KindZone && in.account != "" {
		return in.Name()
	}
	return c.Title()
}

// SubjectOf names the object of a change and its place.
func SubjectOf(c *plan.Change) string {
	in := PlaceOf(c.Ref)
	switch {
	case c.Kind == plan.KindZone:
		return "zone " + safe.Text(titleOf(c))
	case c.Kind.OfAccount():
		return KindName(c.Kind, 1) + " " + safe.Text(titleOf(c)) + " of account " + safe.Text(in.Name())
	case c.Zone != "":
		return safe.Text(titleOf(c)) + " in " + safe.Text(in.Name())
	}
	return safe.Text(titleOf(c))
}
