// Package adopt finds the edits of the configuration that make it ask for what is live. Each
// goes to the right layer: to the rule or the defaults if everything that they decide moved
// alike, and to the single name otherwise.
package adopt

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tlsync/engine/plan"
	"tlsync/schema"
	"tlsync/schema/edit"
	"tlsync/schema/sorted"
)

// Input is what an Adoption is made from.
type Input struct {
	// Plan compares Desired with Live.
	Plan    *plan.Plan
	Desired *schema.Desired
	Live    *plan.Live
	// All adopts every difference, and not only drift.
	All bool
	// Singly writes single entries only: no rule and no defaults change.
	Singly bool
	// Settings are the settings to adopt; none means all.
	Settings []string
	// Partial says that Live lacks some of the zones: what a pattern decides about all its
	// zones is not known then.
	Partial bool
}

// Adoption is what there is to write into the configuration.
type Adoption struct {
	Adopted []Adopted // sorted by file, zone and block
	Left    []Left    // in the order of the plan
	// found are the differences that were adopted, and some that had to be left after all.
	found, left map[difference]bool
}

// difference is a setting of an object that differs.
type difference struct {
	object  plan.Ref
	setting string
}

// differenceOf returns the difference that an edit of a plan is about. The configuration
// has one setting where Cloudflare has tls_1_3 and 0rtt.
func differenceOf(ref plan.Ref, e *plan.Edit) difference {
	if e.Setting == schema.EarlyData {
		return difference{ref.Object(), schema.TLS13}
	}
	return difference{ref.Object(), e.Setting}
}

// Adopted is an edit that makes the configuration ask for what is live.
type Adopted struct {
	edit.Edit
	Zone string // the name in the document
	// Names is the number of objects that the edit is about, more than 1 for a block that
	// decides about many.
	Names int
	From  *schema.Assignment // what the configuration asks for
}

// Left is a difference that cannot be adopted.
type Left struct {
	plan.Ref
	Setting string // empty for an object as a whole
	Why     string
}

// Edits returns the edits of the configuration.
func (a *Adoption) Edits() []edit.Edit {
	edits := make([]edit.Edit, len(a.Adopted))
	for i := range a.Adopted {
		edits[i] = a.Adopted[i].Edit
	}
	return edits
}

// Find finds out which edits adopt the differences of a plan.
func Find(in Input) *Adoption {
	f := &finder{Input: in, zones: make([]*zone, len(in.Live.Zones)), groups: map[group]*members{}}
	f.out.found, f.out.left = map[difference]bool{}, map[difference]bool{}
	documents := documentsOf(in.Desired)
	for i := range in.Live.Zones {
		f.zones[i] = newZone(&in.Live.Zones[i], documents)
	}

	for i := range in.Plan.Changes {
		c := &in.Plan.Changes[i]
		for j := range c.Edits {
			f.difference(c.Ref, c.Action, &c.Edits[j])
		}
	}
	for i := range in.Plan.Withheld {
		w := &in.Plan.Withheld[i]
		f.difference(w.Ref, plan.Update, &w.Edit)
	}

	f.decide()
	return &f.out
}

// finder is the state of Find.
type finder struct {
	Input
	zones  []*zone // aligned with Live.Zones
	groups map[group]*members
	order  []group
	out    Adoption
}

// group is a setting in a block, which decides about some objects.
type group struct {
	document *document
	block    string // "settings", "defaults", "rule 1", "entry", "hostname"
	name     string // of an entry or a hostname
	setting  string
}

// members are the objects of a group.
type members struct {
	moved []target
	total int // how many objects the block decides about
}

// target is an object whose setting differs.
type target struct {
	zone    *zone
	name    string // empty for a zone
	inZone  bool
	value   schema.Value
	decides *schema.Assignment
}

// The reasons for which differences are left.
const (
	notASetting = "only settings of zones and hostnames can be adopted: change the file by hand, or apply it again"
	notLive     = "it does not exist at Cloudflare: take it out of the file, or apply it again"
	notWritable = "a configuration cannot ask for the live value"
	notDecided  = "no line of the configuration decides about it"
	unusedList  = "live has a list of ciphers beside min_tls_version 1.3, which a configuration cannot ask for"
	notApplied  = "a commit that is not applied yet asks for another value: apply it first"
)

// ofPattern is the reason for which the setting of one zone is left that a pattern decides
// about.
func (g *group) ofPattern(t *target) string {
	return fmt.Sprintf("the document of %s (%s) sets it for every zone that matches: write a document for this zone, with %s: %s under settings",
		schema.Show(g.document.Name.Value), g.document.Name.Pos, g.setting, t.value.YAML())
}

func (f *finder) leave(ref plan.Ref, setting, why string) {
	d := difference{ref.Object(), setting}
	if !f.out.left[d] {
		f.out.left[d] = true
		f.out.Left = append(f.out.Left, Left{d.object, setting, why})
	}
}

// difference takes in an edit of the plan, if it is one to adopt.
func (f *finder) difference(ref plan.Ref, action string, e *plan.Edit) {
	if !f.All && e.Cause != plan.CauseDrift && e.Cause != plan.CauseConflict {
		return
	}

	setting := differenceOf(ref, e).setting
	if !f.All && e.Cause == plan.CauseConflict {
		f.leave(ref, setting, notApplied)
		return
	}
	if len(f.Settings) > 0 && !slices.Contains(f.Settings, setting) {
		return
	}
	if action == plan.Create && !ref.Kind.OfAccount() {
		f.leave(ref, "", notLive)
		return
	}
	row, known := schema.LookupSetting(setting)
	z := f.zoneOf(ref)
	if !known || z == nil || action != plan.Update || ref.Kind.OfAccount() {
		f.leave(ref, setting, notASetting)
		return
	}

	t := target{zone: z}
	if ref.Kind != plan.KindZone {
		t.name, t.inZone = ref.Name, ref.Kind == plan.KindHostname
	}
	g, decides := z.decider(t, setting)
	if decides == nil {
		f.leave(ref, setting, notDecided)
		return
	}

	t.decides, t.value = decides, valueOf(row, z.own(t, setting), decides)
	if !writable(row, t.value, t.level(setting)) {
		f.leave(ref, setting, notWritable)
		return
	}
	if z.unusedList(t, setting) {
		f.leave(ref, setting, unusedList)
		return
	}
	m := f.groups[g]
	if m == nil {
		m = &members{}
		f.groups[g] = m
		f.order = append(f.order, g)
	}
	m.moved = append(m.moved, t)
	f.out.found[differenceOf(ref, e)] = true
}

// zoneOf returns the live zone that a Ref is about, nil if there is none.
func (f *finder) zoneOf(ref plan.Ref) *zone {
	for i, z := range f.zones {
		if f.Live.ZoneRef(i) == ref.In() {
			return z
		}
	}
	return nil
}

// decide picks the layer of every group.
func (f *finder) decide() {
	f.count()
	for _, g := range f.order {
		m := f.groups[g]
		m.moved = unique(m.moved)
		alike := !slices.ContainsFunc(m.moved, func(t target) bool { return t.value != m.moved[0].value })
		whole := m.total == len(m.moved) && m.total > 1 && !(f.Partial && g.document.Glob)
		if !f.Singly && alike && g.forMany() && whole {
			f.adopt(g, m.moved[0], m.total)
			continue
		}
		for _, t := range m.moved {
			f.single(g, t)
		}
	}

	sorted.Stably(f.out.Adopted, func(a, b Adopted) int {
		return cmp.Or(
			cmp.Compare(a.Edit.Zone.File, b.Edit.Zone.File), cmp.Compare(a.Edit.Zone.Line, b.Edit.Zone.Line),
			cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Name, b.Name),
			cmp.Compare(schema.Rank(a.Setting), schema.Rank(b.Setting)),
		)
	})
}

// unique returns targets without those that a plan names twice, as it does with a
// hostname that takes two writes.
func unique(targets []target) []target {
	type key struct {
		zone   *zone
		name   string
		inZone bool
	}
	seen := make(map[key]bool, len(targets))
	return slices.DeleteFunc(targets, func(t target) bool {
		k := key{t.zone, t.name, t.inZone}
		again := seen[k]
		seen[k] = true
		return again
	})
}

// forMany reports whether a block speaks of no object by its name.
func (g *group) forMany() bool {
	return g.block == "defaults" || strings.HasPrefix(g.block, "rule ") || g.block == "settings" && g.document.Glob
}

// single adopts the value of one object at the object itself.
func (f *finder) single(g group, t target) {
	own := t.zone.document()
	switch {
	case !g.forMany():
	case t.name == "" && own == nil:
		f.leave(plan.ZoneRef(t.zone.live.Name), g.setting, g.ofPattern(&t))
		return
	case t.name == "":
		g.document = own
	case own != nil:
		g = group{own, "entry", t.name, g.setting}
	default:
		g = group{g.document, "entry", t.name, g.setting}
	}
	f.adopt(g, t, 1)
}

// adopt adds the edit of a group.
func (f *finder) adopt(g group, t target, names int) {
	a := Adopted{Zone: g.document.Name.Value, Names: names, From: t.decides}
	a.Edit = edit.Edit{Block: g.in(), Setting: g.setting, Value: t.value}
	f.out.Adopted = append(f.out.Adopted, a)
}
