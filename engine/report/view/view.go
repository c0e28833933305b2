// Package view decides what reports of plans and runs say: which objects are shown
// together and in which order, which hazards, findings and waits are told, and the
// sentences about them.
//
// It knows no format. Renderers show a View or an Outcome, and pass sentences a Markup
// that shows their parts.
package view

import (
	"slices"
	"strings"
	"time"

	"tlsync/engine/plan"
	"tlsync/schema"
	"tlsync/schema/words"
)

// View holds what a report says about a plan. It is plain data: it does not depend on the
// format, and the renderers only lay it out. Foreign text in it is raw unless a comment
// says otherwise.
type View struct {
	Places    []PlaceChanges // without what the rotations do
	Rotations []Rotation
	Waits     []Wait
	Hazards   []HazardNotes
	Findings  []RuleNotes
	Counts    Counts
	Gate      Gate
	Cost      string // how many requests the plan takes, and how long
	requested string // the title of changes that are not drift
	Causes    bool   // whether to say why live differs: the plan was compared with a base
	Values    *Values
	drift     bool // drift is told as what happened
}

// Options are those choices of a caller that decide what a report says.
type Options struct {
	Rate    string        // the permitted rate as it is shown; empty leaves it out
	Limit   time.Duration // how long a run may take; 0 for no limit
	Pending bool          // changes of this commit are committed and not applied yet
	Drift   bool          // tell drift as what happened, and not as what undoes it
	Reader  Reader
	// Accepted are hazards that are accepted already. Refused says that a run with the plan
	// was refused, or would be.
	Accepted []Accepted
	Refused  bool
}

// New returns the view of a plan.
func New(p *plan.Plan, o Options) *View {
	p = WithAccountNames(p)
	changes := make([]*plan.Change, len(p.Changes))
	for i := range p.Changes {
		changes[i] = &p.Changes[i]
	}
	objects := objectsOf(changes, o.Drift)
	single := objects
	var rotations []Rotation
	if !o.Drift { // which is told as what happened
		var others []*plan.Change
		if rotations, others = rotationsOf(changes); len(rotations) > 0 {
			single = objectsOf(others, false)
		}
	}

	v := &View{
		Places:    changesByPlace(single),
		Rotations: rotations,
		Waits:     waitsOf(changes),
		Hazards:   hazardsOf(changes),
		Findings:  findingsOf(p.Findings),
		Cost:      cost(p, o.Rate, o.Limit),
		requested: requestedTitle(o.Pending),
		Causes:    p.Config.BaseCommit != "" || !onlyAdopts(objects),
		Values:    NewValues(),
		drift:     o.Drift,
	}
	v.Values.drift = o.Drift
	v.Counts = countsOf(p, objects, v)
	v.Gate = gateOf(p, v, &o)
	v.addTitles(o.Pending)
	return v
}

// requestedTitle is the title of changes that are not drift.
func requestedTitle(pending bool) string {
	if pending {
		return "Pending: committed and not applied yet"
	}
	return "Asked for by this commit"
}

// ConflictTitle is the title of changes that this commit and live state both made.
const ConflictTitle = "Conflict: changed in the commit and in live state"

// DriftTitle is the title of changes that undo drift.
const DriftTitle = "Drift: live differs from what is committed"

// addTitles gives sections a title where it tells something: in a place with two of them,
// and for changes that are pending.
func (v *View) addTitles(pending bool) {
	for _, p := range v.Places {
		for i := range p.Sections {
			s := &p.Sections[i]
			switch {
			case s.class == conflict:
				s.Title = ConflictTitle
			case s.class == drift && len(p.Sections) > 1:
				s.Title = DriftTitle
			case s.class == asked && (len(p.Sections) > 1 || pending):
				s.Title = v.requested
			}
		}
	}
}

// onlyAdopts reports whether no edit has another cause than that its setting is newly
// managed, as in every plan without a base.
func onlyAdopts(objects []object) bool {
	for _, o := range objects {
		if slices.ContainsFunc(o.edits, func(e plan.Edit) bool { return e.Cause != plan.CauseAdopt }) {
			return false
		}
	}
	return true
}

// Counts are the numbers of a plan.
type Counts struct {
	Objects, add, change, remove int
	writes                       int // changes: some objects take several
	weaker                       int // objects with a setting that gets weaker
	drifted                      Drifted
	edits                        int
	causes                       plan.Causes // edits by cause
	zones, accounts              int
	only                         Place // where everything is, if there is one place
	errors                       int   // findings that say that the plan is incomplete
	withheld                     int   // settings that differ and cannot be changed now
	looked, reads                int   // objects and requests
	adopted                      int   // settings that are newly managed and need no change
	pending                      bool
}

// Drifted counts the settings that left what is committed.
type Drifted struct {
	told                              bool
	Settings, Weaker, Stronger, Below int
}

func (d *Drifted) add(e *plan.Edit) {
	if e.Cause != plan.CauseDrift && e.Cause != plan.CauseConflict {
		return
	}
	d.Settings++
	switch e.DriftDirection() {
	case schema.Weakens:
		d.Weaker++
	case schema.Strengthens:
		d.Stronger++
	case schema.Changes:
	}
	if e.BelowFloor {
		d.Below++
	}
}

// DriftOf counts the drift of a plan, whether it can be undone now or not.
func DriftOf(p *plan.Plan) Drifted {
	var d Drifted
	for i := range p.Changes {
		for j := range p.Changes[i].Edits {
			d.add(&p.Changes[i].Edits[j])
		}
	}
	for i := range p.Withheld {
		d.add(&p.Withheld[i].Edit)
	}
	return d
}

// String says how much has drifted, as in "3 settings, 3 weaker, 1 below the floor".
func (d *Drifted) String() string {
	parts := []string{words.Count(d.Settings, "setting")}
	if d.Weaker > 0 {
		parts = append(parts, words.Number(d.Weaker)+" weaker")
	}
	if d.Below > 0 {
		parts = append(parts, words.Number(d.Below)+" below the floor")
	}
	return strings.Join(parts, ", ")
}

func countsOf(p *plan.Plan, objects []object, v *View) Counts {
	c := Counts{Objects: len(objects), writes: len(p.Changes), looked: p.Summary.Objects, reads: p.Summary.Requests.Read, withheld: p.Summary.Withheld, adopted: p.Summary.Adopted, pending: v.requested == requestedTitle(true)}
	for i := range objects {
		switch objects[i].action {
		case plan.Create:
			c.add++
		case plan.Delete:
			c.remove++
		default:
			c.change++
		}
		if objects[i].weaker() {
			c.weaker++
		}
	}

	for i := range p.Changes {
		c.addEdits(p.Changes[i].Edits)
	}
	c.drifted = DriftOf(p)
	c.drifted.told = v.drift

	places := map[Place]bool{}
	for i := range objects {
		in := objects[i].in
		switch {
		case places[in]:
		case in.ofAccount:
			c.accounts++
		default:
			c.zones++
		}
		places[in], c.only = true, in
	}

	for i := range p.Findings {
		if f := &p.Findings[i]; f.Severity == schema.Error && !f.OfPolicy() {
			c.errors++
		}
	}
	return c
}

func (c *Counts) addEdits(edits []plan.Edit) {
	for _, e := range edits {
		c.edits++
		switch e.Cause {
		case plan.CauseChange:
			c.causes.Change++
		case plan.CauseAdopt:
			c.causes.Adopt++
		case plan.CauseConflict:
			c.causes.Conflict++
		case plan.CauseDrift:
			c.causes.Drift++
		}
	}
}

// Classes are the groups of all places by how much a reviewer has to look at them.
type Classes struct {
	Weaker    []*Group // what the commit, or undoing drift, makes weaker
	Conflict  []*Group // changed on both sides
	Requested []*Group // by the commit
	Drift     []*Group
}

// All returns the groups of all classes.
func (c *Classes) All() []*Group { return slices.Concat(c.Weaker, c.Conflict, c.Requested, c.Drift) }

// Classes returns the groups by class. What is done alike in several places is one group.
func (v *View) Classes() Classes {
	var all []*Group
	for i := range v.Places {
		all = append(all, v.Places[i].Groups()...)
	}

	var c Classes
	for _, g := range acrossPlaces(all) {
		switch {
		case g.class == conflict:
			c.Conflict = append(c.Conflict, g)
		case g.Drift() && v.drift:
			c.Drift = append(c.Drift, g)
		case g.weaker():
			c.Weaker = append(c.Weaker, g)
		case g.Drift():
			c.Drift = append(c.Drift, g)
		default:
			c.Requested = append(c.Requested, g)
		}
	}
	for _, list := range [][]*Group{c.Weaker, c.Conflict, c.Requested, c.Drift} {
		markRepeats(list)
	}
	return c
}

// BelowFloor returns the names that drift has taken below the floor, sorted.
func (v *View) BelowFloor() []string {
	var names []string
	for i := range v.Places {
		for _, g := range v.Places[i].Groups() {
			if g.key.below {
				names = append(names, g.Names...)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// ChangesTitle is the title of a table of all changes that are not drift.
func (v *View) ChangesTitle() string {
	if v.Causes {
		return v.requested
	}
	return "Changes"
}

// ErrorsFirst returns the findings that are errors, and the others.
func (v *View) ErrorsFirst() (errors, others []RuleNotes) {
	for _, r := range v.Findings {
		if r.Severity == schema.Error {
			errors = append(errors, r)
		} else {
			others = append(others, r)
		}
	}
	return errors, others
}
