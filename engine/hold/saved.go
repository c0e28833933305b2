// Package hold compares a new plan with one that was saved or reviewed. It decides
// which changes may still be written, and which were added since.
package hold

import (
	"fmt"
	"slices"
	"strings"

	"tlsync/engine/diff"
	"tlsync/engine/plan"
	"tlsync/schema"
)

// Narrowed is a fresh plan without the changes that a saved plan does not contain. A
// saved plan only restricts a fresh one: its own requests are never sent.
type Narrowed struct {
	// Plan has the changes of both plans, as the fresh plan has them and in its order.
	Plan *plan.Plan
	// Already are the changes of the saved plan that are already up to date.
	Already []*plan.Change
	// Stale are changes whose objects changed since the plan was made, or that would
	// now do something else.
	Stale []Discrepancy
	// Foreign are changes that the configuration does not ask for.
	Foreign []Discrepancy
	// Beyond are changes of the fresh plan that the saved one does not contain.
	Beyond []*plan.Change

	spots map[plan.Spot]bool
}

// Discrepancy says why a change of a saved plan cannot be made as planned. If a setting
// has an unexpected value, Edit is the edit of that setting and Found the value.
// Otherwise Why has the reason, which may contain foreign text.
type Discrepancy struct {
	Change *plan.Change
	Edit   *plan.Edit
	Found  schema.Value
	Why    string
}

// sameness identifies what a change does to which object. It is a Fingerprint that does
// not depend on whether the object takes two writes: the first may be done already.
func sameness(c *plan.Change) string {
	if c.Kind == plan.KindCustomHostname {
		return fingerprint(c, c.Whole().String())
	}
	return Fingerprint(c)
}

// Narrow compares each change of a saved plan with a plan that was made for the same
// configuration now. It uses the live state and the budget of the input.
//
//	the fresh plan has it with the same edits and hazards     it will be written
//	it is not there, and live state is as it asks             already up to date
//	the configuration never asks for it                       foreign
//	anything else: another value, another hazard, gone        stale
//
// A change that needs a change which the saved plan does not contain is stale too.
func Narrow(saved, fresh *plan.Plan, in diff.Input, head *schema.Desired) *Narrowed {
	n := newNarrowing(fresh, in.Live, head)
	twice := n.index(saved)
	kept, found := n.split(fresh)

	for i := range saved.Changes {
		c := &saved.Changes[i]
		switch {
		case slices.Contains(twice, c):
			n.Foreign = append(n.Foreign, Discrepancy{Change: c, Why: "the saved plan holds it twice"})
		case !found[sameness(c)]:
			n.classify(c)
		}
	}
	n.reportMissingNeeds(kept)

	p := *fresh
	p.Changes = kept
	p.Count(in.Live.Reads, in.Budget)
	p.Digest = plan.Digest(p.Changes)
	diff.Resize(&p, &head.Policy, nil)
	n.Plan = &p
	return n.Narrowed
}

// Left takes a plan that was made after the saved one was carried out. It returns a plan
// of the changes to settings that the saved plan changes, and the number of others.
func (n *Narrowed) Left(again *plan.Plan) (left *plan.Plan, beyond int) {
	p := *again
	p.Changes = nil
	for i := range again.Changes {
		c := &again.Changes[i]
		if slices.ContainsFunc(c.Spots(), func(s plan.Spot) bool { return n.spots[s] }) {
			p.Changes = append(p.Changes, *c)
		}
	}
	return &p, len(again.Changes) - len(p.Changes)
}

// narrowing is a comparison under way, with its indexes.
type narrowing struct {
	*Narrowed
	live     *plan.Live
	head     *schema.Desired
	fresh    *plan.Plan
	objects  map[plan.Ref][]*plan.Change // changes of the fresh plan, by object
	touched  map[plan.Spot]bool          // by the fresh plan
	wanted   map[string]bool             // changes of the saved plan, by sameness
	deleted  map[plan.Ref]bool           // objects that the saved plan deletes
	zones    map[plan.Ref]*plan.Zone
	entries  []map[string]*schema.Entry
	findings map[plan.Ref]*plan.Finding // the first of each object
}

func newNarrowing(fresh *plan.Plan, live *plan.Live, head *schema.Desired) *narrowing {
	n := &narrowing{
		Narrowed: &Narrowed{spots: map[plan.Spot]bool{}},
		live:     live, head: head, fresh: fresh,
		objects: map[plan.Ref][]*plan.Change{}, touched: map[plan.Spot]bool{},
		wanted: map[string]bool{}, deleted: map[plan.Ref]bool{},
		entries: make([]map[string]*schema.Entry, len(head.Zones)),
	}

	for i := range fresh.Changes {
		c := &fresh.Changes[i]
		n.objects[c.Whole()] = append(n.objects[c.Whole()], c)
		for _, s := range c.Spots() {
			n.touched[s] = true
		}
	}
	return n
}

// index notes the changes of the saved plan. It returns those that repeat an earlier
// one.
func (n *narrowing) index(saved *plan.Plan) (twice []*plan.Change) {
	refs := map[plan.Ref]bool{}
	for i := range saved.Changes {
		c := &saved.Changes[i]
		if refs[c.Ref] || n.wanted[sameness(c)] {
			twice = append(twice, c)
			continue
		}

		refs[c.Ref], n.wanted[sameness(c)] = true, true
		for _, s := range c.Spots() {
			n.spots[s] = true
		}
		if c.Action == plan.Delete {
			n.deleted[c.Whole()] = true
		}
	}
	return twice
}

// split returns the changes of the fresh plan that the saved one contains, and adds the
// others to Beyond. Found has the sameness of the former.
func (n *narrowing) split(fresh *plan.Plan) (kept []plan.Change, found map[string]bool) {
	found = map[string]bool{}
	for i := range fresh.Changes {
		c := &fresh.Changes[i]
		if print := sameness(c); n.wanted[print] {
			found[print] = true
			kept = append(kept, *c)
		} else {
			n.Beyond = append(n.Beyond, c)
		}
	}
	return kept, found
}

// reportMissingNeeds adds to Stale each change that needs one of Beyond.
func (n *narrowing) reportMissingNeeds(kept []plan.Change) {
	beyond := make(map[plan.Ref]bool, len(n.Beyond))
	for _, c := range n.Beyond {
		beyond[c.Ref] = true
	}

	for i := range kept {
		c := &kept[i]
		at := slices.IndexFunc(c.Needs, func(need plan.Ref) bool { return beyond[need] })
		if at >= 0 {
			n.Stale = append(n.Stale, Discrepancy{Change: c, Why: "it now needs " + c.Needs[at].String() + " first, which the saved plan does not hold"})
		}
	}
}

// classify decides why the fresh plan lacks a change of the saved one.
func (n *narrowing) classify(c *plan.Change) {
	if why := n.foreign(c); why != "" {
		n.Foreign = append(n.Foreign, Discrepancy{Change: c, Why: why})
		return
	}

	o, why := n.find(c)
	if why != "" {
		n.Stale = append(n.Stale, Discrepancy{Change: c, Why: why})
		return
	}

	standing, e, found := plan.Stand(c, o)
	touched := slices.ContainsFunc(c.Spots(), func(s plan.Spot) bool { return n.touched[s] })
	switch {
	case standing == plan.AtTarget && !touched, c.Action == plan.Update && o.Absent && n.deleted[c.Whole()] && !touched:
		n.Already = append(n.Already, c)
	case c.Action == plan.Update && o.Absent && c.Kind != plan.KindHostname:
		n.Stale = append(n.Stale, Discrepancy{Change: c, Why: "it does not exist any more"})
	case standing == plan.Moved:
		n.Stale = append(n.Stale, Discrepancy{Change: c, Edit: e, Found: found})
	default:
		n.Stale = append(n.Stale, n.difference(c, o, standing))
	}
}

// difference says how the fresh plan differs for an object whose values are still as
// the saved plan found them, or already as it asks, in part or as a whole.
func (n *narrowing) difference(c *plan.Change, o plan.Object, standing plan.Standing) Discrepancy {
	d := Discrepancy{Change: c}
	for _, now := range n.objects[c.Whole()] {
		if now.Action == c.Action && sameEdits(now.Edits, c.Edits) {
			d.Why = fmt.Sprintf("its hazards were %s, now they are %s", kindsOf(c.Hazards), kindsOf(now.Hazards))
			return d
		}
	}
	for i := range c.Edits {
		if e := &c.Edits[i]; standing == plan.AtOrigin && e.Met(o.Value(e.Setting)) && e.From != e.To {
			d.Edit, d.Found = e, o.Value(e.Setting)
			return d
		}
	}
	if f := n.finding(c); f != nil {
		d.Why = "it is left as it is now: " + f.Message
		return d
	}
	d.Why = "the configuration asks for something else of it now"
	return d
}

func sameEdits(a, b []plan.Edit) bool {
	return slices.EqualFunc(a, b, func(x, y plan.Edit) bool { return x.Setting == y.Setting && x.From == y.From && x.To == y.To })
}

func kindsOf(hazards []plan.Hazard) string {
	var kinds []string
	for _, h := range hazards {
		kinds = append(kinds, string(h.Kind))
	}
	slices.Sort(kinds)
	if len(kinds) == 0 {
		return "none"
	}
	return strings.Join(slices.Compact(kinds), ", ")
}

// finding returns the first finding of the fresh plan about the object of a change, or
// else about its zone, or nil.
func (n *narrowing) finding(c *plan.Change) *plan.Finding {
	if n.findings == nil {
		n.findings = map[plan.Ref]*plan.Finding{}
		for i := range n.fresh.Findings {
			if f := &n.fresh.Findings[i]; f.Severity != plan.Info && n.findings[f.Ref] == nil {
				n.findings[f.Ref] = f
			}
		}
	}
	if f := n.findings[c.Object()]; f != nil || c.Zone == "" {
		return f
	}
	return n.findings[c.In()]
}
