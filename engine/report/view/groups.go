package view

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"tlsync/engine/plan"
	"tlsync/engine/safe"
	"tlsync/schema"
	"tlsync/schema/sorted"
	"tlsync/schema/words"
)

// Group is a set of objects of one kind that get the same edit for the same reason,
// whatever line asks for it and whatever else changes about them.
type Group struct {
	in     Place // the first one, where the group is about several
	class  class
	Kind   plan.Kind
	Action string
	Edit   *plan.Edit   // of the first object; nil where the action says it all
	Names  []string     // sorted
	Lines  []schema.Pos // that ask for it, sorted, each once, without columns
	// Repeats says that the group before is about the same objects.
	Repeats bool
	// Variants is how many groups have been folded into this one; 0 for none.
	Variants int
	sameTo   bool // all variants have the same value after
	places   int  // 0 stands for one
	members  []member
	key      groupKey
}

// member is an object of a group. The edit is nil where that of its group is.
type member struct {
	name string
	edit *plan.Edit
}

// groupKey tells the groups of a place apart.
type groupKey struct {
	in           Place
	class        class
	kind         plan.Kind
	action       string
	setting      string
	from, to     schema.Value
	inFrom, inTo schema.Value // the inherited values that are shown
	committed    schema.Value
	cause        plan.Cause
	direction    schema.Direction
	below        bool // drift has taken it below the floor
}

func keyOf(o *object, e *plan.Edit) groupKey {
	k := groupKey{in: o.in, class: asked, kind: o.kind, action: o.action}
	if e == nil {
		return k
	}

	k.class = classOf(e)
	k.setting, k.from, k.to, k.committed = e.Setting, e.From, e.To, e.Committed
	k.cause, k.direction, k.below = e.Cause, e.Direction, belowFloor(e)
	if !explicit(e.From) {
		k.inFrom = e.EffectiveFrom
	}
	if !explicit(e.To) {
		k.inTo = e.EffectiveTo
	}
	return k
}

// weaker reports whether the edit makes the objects weaker.
func (g *Group) weaker() bool { return g.Edit != nil && Weakens(*g.Edit) }

// Drift reports whether the edit undoes drift.
func (g *Group) Drift() bool { return g.class == drift }

// class says why edits stand together.
type class int

// The classes, in the order in which they are shown.
const (
	conflict class = iota // changed on both sides
	asked                 // by the commit
	drift                 // undone
	classes               // how many there are
)

func classOf(e *plan.Edit) class {
	switch e.Cause {
	case plan.CauseDrift:
		return drift
	case plan.CauseConflict:
		return conflict
	case plan.CauseChange, plan.CauseAdopt:
	}
	return asked
}

// belowFloor reports whether drift has taken a name below the floor.
func belowFloor(e *plan.Edit) bool { return e.BelowFloor && e.Cause == plan.CauseDrift }

// Section holds the groups of a place of one class.
type Section struct {
	class  class
	Title  string // empty where the place says it all
	Groups []*Group
}

// PlaceChanges is what a plan does in one place.
type PlaceChanges struct {
	Place
	Sections []Section // conflicts, requested changes, then drift; without empty ones
}

// Groups returns the groups of all sections.
func (p *PlaceChanges) Groups() []*Group {
	var all []*Group
	for _, s := range p.Sections {
		all = append(all, s.Groups...)
	}
	return all
}

// changesByPlace sorts objects into places, sections and groups, each in the order in
// which it is shown. Apart from the sorting, it takes time proportional to the number of
// edits.
func changesByPlace(objects []object) []PlaceChanges {
	parts := map[Place]*[classes]Section{}
	var places []Place
	for _, g := range groupsOf(objects) {
		if parts[g.in] == nil {
			parts[g.in] = &[classes]Section{}
			places = append(places, g.in)
		}
		s := &parts[g.in][g.class]
		s.class = g.class
		s.Groups = append(s.Groups, g)
	}
	sorted.By(places, comparePlaces)

	list := make([]PlaceChanges, 0, len(places))
	for _, p := range places {
		in := PlaceChanges{Place: p}
		for _, s := range parts[p] {
			if len(s.Groups) > 0 {
				sortGroups(s.Groups)
				in.Sections = append(in.Sections, s)
			}
		}
		list = append(list, in)
	}
	return list
}

// groupsOf collects objects into groups, in order of first appearance.
func groupsOf(objects []object) []*Group {
	at := map[groupKey]*Group{}
	var list []*Group
	add := func(o *object, e *plan.Edit) {
		k := keyOf(o, e)
		g := at[k]
		if g == nil {
			g = &Group{in: o.in, class: k.class, Kind: o.kind, Action: o.action, key: k}
			at[k] = g
			list = append(list, g)
		}
		g.members = append(g.members, member{o.name, e})
	}

	for i := range objects {
		o := &objects[i]
		for j := range o.edits {
			add(o, &o.edits[j])
		}
		if len(o.edits) == 0 {
			add(o, nil)
		}
	}

	for _, g := range list {
		g.settle()
	}
	return list
}

// settle fills in what follows from the members of a group.
func (g *Group) settle() {
	sorted.By(g.members, func(a, b member) int {
		return cmp.Or(strings.Compare(a.name, b.name), comparePos(a.pos(), b.pos()))
	})

	g.Edit = g.members[0].edit
	g.Names = make([]string, len(g.members))
	for i, m := range g.members {
		g.Names[i] = m.name
		if at := m.pos(); at.File != "" && (len(g.Lines) == 0 || g.Lines[len(g.Lines)-1] != at) {
			g.Lines = append(g.Lines, at)
		}
	}

	if len(g.Lines) > 1 {
		sorted.By(g.Lines, comparePos)
		g.Lines = slices.Compact(g.Lines)
	}
}

// pos returns the line that asks for an edit.
func (m *member) pos() schema.Pos {
	if m.edit == nil {
		return schema.Pos{}
	}
	return schema.Pos{File: m.edit.Origin.File, Line: m.edit.Origin.Line}
}

func comparePos(a, b schema.Pos) int {
	return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
}

// sortGroups puts groups below the floor and weaker ones first, then follows kinds,
// settings and lines. Groups of the same objects stay together.
func sortGroups(groups []*Group) {
	sorted.By(groups, compareGroups)

	type objects struct {
		kind   plan.Kind
		action string
		names  string
	}
	first := make(map[objects]int, len(groups)) // where the groups of some objects begin
	at := make(map[*Group]int, len(groups))
	for i, g := range groups {
		of := objects{g.Kind, g.Action, strings.Join(g.Names, "\x00")}
		if g.Kind == plan.KindZone { // every setting is an object
			of.names = strconv.Itoa(i)
		}
		if j, ok := first[of]; ok {
			at[g], g.Repeats = j, true
			continue
		}
		first[of], at[g] = i, i
	}
	sorted.Stably(groups, func(a, b *Group) int { return cmp.Compare(at[a], at[b]) })
}

func compareGroups(a, b *Group) int {
	x, y := &a.key, &b.key
	return cmp.Or(
		compareBools(x.below, y.below),
		compareBools(a.weaker(), b.weaker()),
		cmp.Compare(kindRank(a.Kind), kindRank(b.Kind)),
		cmp.Compare(schema.Rank(x.setting), schema.Rank(y.setting)), strings.Compare(x.setting, y.setting),
		comparePos(a.firstLine(), b.firstLine()),
		strings.Compare(a.Names[0], b.Names[0]),
		compareKeys(x, y),
	)
}

// compareBools puts true first.
func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// compareKeys orders groups that look alike.
func compareKeys(a, b *groupKey) int {
	return cmp.Or(
		comparePlaces(a.in, b.in), cmp.Compare(a.kind, b.kind), cmp.Compare(a.action, b.action), cmp.Compare(a.setting, b.setting),
		cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to), cmp.Compare(a.inFrom, b.inFrom), cmp.Compare(a.inTo, b.inTo),
		cmp.Compare(a.committed, b.committed), cmp.Compare(a.cause, b.cause), cmp.Compare(a.direction, b.direction),
	)
}

func (g *Group) firstLine() schema.Pos {
	if len(g.Lines) == 0 {
		return schema.Pos{}
	}
	return g.Lines[0]
}

// acrossPlaces joins the groups that do the same in several places, in order of first
// appearance. Those of accounts, and of zones that share their name with another one, stay
// apart.
func acrossPlaces(groups []*Group) []*Group {
	at := map[groupKey]int{}
	var out []*Group
	for _, g := range groups {
		k := g.key
		k.in = Place{}
		i, ok := at[k]
		if !ok || g.in.ofAccount || g.in.account != "" {
			if !g.in.ofAccount && g.in.account == "" {
				at[k] = len(out)
			}
			out = append(out, g)
			continue
		}

		if out[i].places == 0 { // leave the groups of the view alone
			joined := *out[i]
			joined.places, joined.members = 1, slices.Clone(joined.members)
			out[i] = &joined
		}
		out[i].places++
		out[i].members = append(out[i].members, g.members...)
	}

	for _, g := range out {
		if g.places > 0 {
			g.Lines = nil
			g.settle()
		}
	}
	markRepeats(out)
	return out
}

// Fold keeps the number of groups small: of more than most, those that make the same
// setting go in the same direction are joined but for the largest. It returns what to show,
// and the groups that are joined in it.
func Fold(groups []*Group, most int) (shown, joined []*Group) {
	const kept = 5
	if len(groups) <= most {
		return groups, nil
	}

	type alike struct {
		class     class
		kind      plan.Kind
		action    string
		setting   string
		cause     plan.Cause
		direction schema.Direction
		below     bool
	}
	like := func(g *Group) alike {
		k := &g.key
		return alike{g.class, g.Kind, g.Action, k.setting, k.cause, k.direction, k.below}
	}
	families := map[alike][]*Group{}
	for _, g := range groups {
		families[like(g)] = append(families[like(g)], g)
	}

	instead := map[*Group]*Group{} // what stands in the place of a group
	for _, family := range families {
		if len(family) <= kept+1 || family[0].Edit == nil {
			continue
		}
		bySize := slices.Clone(family)
		sorted.Stably(bySize, func(a, b *Group) int { return cmp.Compare(len(b.Names), len(a.Names)) })
		rest := bySize[kept:]
		instead[rest[0]] = joinVariants(rest)
		for _, g := range rest[1:] {
			instead[g] = nil
		}
	}

	for _, g := range groups {
		other, ok := instead[g]
		if ok {
			joined = append(joined, g)
		}
		switch {
		case !ok:
			shown = append(shown, g)
		case other != nil:
			shown = append(shown, other)
		}
	}
	markRepeats(shown)
	return shown, joined
}

// joinVariants returns one group in place of several that change the same setting.
func joinVariants(groups []*Group) *Group {
	g := *groups[0]
	g.Variants, g.sameTo, g.Repeats, g.members, g.Lines = len(groups), true, false, nil, nil
	for _, v := range groups {
		g.members = append(g.members, v.members...)
		g.sameTo = g.sameTo && v.key.to == g.key.to && v.key.inTo == g.key.inTo
	}
	g.settle()
	return &g
}

// markRepeats says anew which groups follow one about the same objects.
func markRepeats(groups []*Group) {
	for i, g := range groups {
		if g.Repeats && (i == 0 || !slices.Equal(groups[i-1].Names, g.Names)) {
			again := *g
			again.Repeats = false
			groups[i] = &again
		}
	}
}

// Subject names the objects of a group below the heading of their place: by their number,
// or a single one by its name.
func (g *Group) Subject() string {
	switch {
	case len(g.Names) > 1:
		return words.Number(len(g.Names)) + " " + KindName(g.Kind, len(g.Names))
	case g.Kind == plan.KindZone:
		return "zone"
	case g.Kind.OfAccount():
		return KindName(g.Kind, 1) + " " + safe.Text(g.Names[0])
	}
	return safe.Text(g.Names[0])
}

// SubjectAndPlace names the objects of a group, with what is done to them; inPlace adds
// their place.
func (g *Group) SubjectAndPlace(m Markup, inPlace bool) string {
	var text string
	kind := m.Name(KindName(g.Kind, len(g.Names)))
	switch {
	case len(g.Names) > 1:
		text = words.Number(len(g.Names)) + " " + kind
	case g.Kind == plan.KindZone:
		return g.in.inSentence(m)
	case g.Kind == plan.KindCustomHostname:
		text = m.Code(g.Names[0]) // nearly all objects are custom hostnames
	default:
		text = kind + " " + m.Code(g.Names[0])
	}

	switch g.Action {
	case plan.Create:
		text = "add " + text
	case plan.Delete:
		text = "remove " + text
	}
	switch {
	case g.places > 1 && g.Kind != plan.KindZone:
		text += " of " + words.Number(g.places) + " zones"
	case inPlace && g.places < 2:
		text += " of " + g.in.inSentence(m)
	}
	return text
}
