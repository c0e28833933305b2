package report

import (
	"slices"
	"time"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// view holds what a report says about a plan. It is plain data: it does not depend on the
// format, and the renderers only lay it out. Foreign text in it is raw unless a comment
// says otherwise.
type view struct {
	places   []placeChanges
	waits    []wait
	hazards  []hazardNotes
	findings []ruleNotes
	counts   counts
	gate     gate
	cost     string // how many requests the plan takes, and how long
	asked    string // the title of changes that are not drift
	causes   bool   // whether to say why live differs: the plan was compared with a base
	values   *values
}

// viewOptions are those choices of a caller that decide what a report says.
type viewOptions struct {
	rate    string
	limit   time.Duration
	pending bool
}

// newView returns what there is to say about a plan.
func newView(p *plan.Plan, o viewOptions) *view {
	changes := make([]*plan.Change, len(p.Changes))
	for i := range p.Changes {
		changes[i] = &p.Changes[i]
	}
	objects := objects(changes)

	v := &view{
		places:   changesByPlace(objects),
		waits:    waitsOf(changes),
		hazards:  hazardsOf(changes),
		findings: findingsOf(p.Findings),
		cost:     cost(p.Summary, o.rate, o.limit),
		asked:    askedTitle(o.pending),
		causes:   p.Config.BaseCommit != "" || !onlyAdopts(objects),
		values:   newValues(),
	}
	v.counts = countsOf(p, objects, v)
	v.gate = gateOf(p, v)
	v.addTitles(o.pending)
	return v
}

// askedTitle is the title of changes that are not drift.
func askedTitle(pending bool) string {
	if pending {
		return "Pending: committed and not applied yet"
	}
	return "Asked for by this commit"
}

// driftTitle is the title of changes that undo drift.
const driftTitle = "Drift: live left what is committed"

// addTitles gives sections a title where it tells something: in a place with two of them,
// and for changes that are pending.
func (v *view) addTitles(pending bool) {
	for _, p := range v.places {
		for i := range p.sections {
			s := &p.sections[i]
			switch {
			case s.drift && len(p.sections) > 1:
				s.title = driftTitle
			case !s.drift && (len(p.sections) > 1 || pending):
				s.title = v.asked
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

// counts are the numbers of a plan.
type counts struct {
	objects, add, change, remove int
	weaker                       int // objects with a setting that gets weaker
	edits                        int
	causes                       plan.Causes // edits by cause
	zones, accounts              int
	only                         place // where everything is, if there is one place
	errors                       int   // findings that say that the plan is incomplete
	looked, reads                int   // objects and requests
	pending                      bool
}

func countsOf(p *plan.Plan, objects []object, v *view) counts {
	c := counts{objects: len(objects), looked: p.Summary.Objects, reads: p.Summary.Requests.Read, pending: v.asked == askedTitle(true)}
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

	for _, in := range v.places {
		c.only = in.place
		if in.ofAccount {
			c.accounts++
		} else {
			c.zones++
		}
	}

	for i := range p.Findings {
		if f := &p.Findings[i]; f.Severity == schema.Error && !f.OfPolicy() {
			c.errors++
		}
	}
	return c
}

func (c *counts) addEdits(edits []plan.Edit) {
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

// gate is what keeps a plan from being applied as it is.
type gate struct {
	policy     []string          // rules of the policy that it breaks
	never      plan.HazardKind   // a hazard that nobody can allow, if there is one
	allow      []plan.HazardKind // hazards that have to be allowed by name
	maxChanges int               // how many changes have to be permitted; 0 for no limit
}

func gateOf(p *plan.Plan, v *view) gate {
	var g gate
	for _, h := range v.hazards {
		switch h.permission() {
		case never:
			if g.never == "" {
				g.never = h.kind
			}
		case named:
			g.allow = append(g.allow, h.kind)
		case none, lifted:
		}
	}

	for _, r := range v.findings {
		if r.severity == schema.Error && r.ofPolicy() {
			g.policy = append(g.policy, r.rule)
		}
		if r.rule == plan.MaxChanges {
			g.maxChanges = len(p.Changes)
		}
	}
	return g
}

// classes returns the groups of all places by how much a reviewer has to look at them:
// those that get weaker, those that the commit asks for, and drift.
func (v *view) classes() (weaker, asked, drift []*group) {
	for i := range v.places {
		for _, g := range v.places[i].groups() {
			switch {
			case g.weaker:
				weaker = append(weaker, g)
			case g.drift:
				drift = append(drift, g)
			default:
				asked = append(asked, g)
			}
		}
	}
	return weaker, asked, drift
}

// changesTitle is the title of a table of all changes that are not drift.
func (v *view) changesTitle() string {
	if v.causes {
		return v.asked
	}
	return "Changes"
}

// errorsFirst returns the findings that are errors, and the others.
func (v *view) errorsFirst() (errors, others []ruleNotes) {
	for _, r := range v.findings {
		if r.severity == schema.Error {
			errors = append(errors, r)
		} else {
			others = append(others, r)
		}
	}
	return errors, others
}
