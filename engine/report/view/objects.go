package view

import (
	"cmp"
	"slices"
	"strconv"
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

// name returns the name of the place, which is foreign text. A zone that shares its name
// with another one is followed by its account.
func (p Place) name() string {
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
		return "Account " + safe.Text(p.name())
	}
	return "Zone " + safe.Text(p.name())
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

// Group is a set of objects in one place that get the same edits from the same lines.
type Group struct {
	in     Place
	class  class
	Kind   plan.Kind
	Action string
	writes int // to each object
	Edits  []plan.Edit
	Names  []string // sorted
	weaker bool
	below  bool // live is below the floor
	key    string
}

// Drift reports whether the edits of the group undo drift.
func (g *Group) Drift() bool { return g.class == drift }

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
// which it is shown: weaker groups first. Apart from the sorting, it takes time
// proportional to the number of edits.
func changesByPlace(objects []object) []PlaceChanges {
	var found groups
	for i := range objects {
		o := &objects[i]
		edits := splitClasses(o.edits)
		for c := range edits {
			if len(edits[c]) > 0 || class(c) == asked && len(o.edits) == 0 {
				found.add(o, edits[c], class(c))
			}
		}
	}

	parts := map[Place]*[classes]Section{}
	var places []Place
	for _, g := range found.list {
		slices.Sort(g.Names)
		if parts[g.in] == nil {
			parts[g.in] = &[classes]Section{}
			places = append(places, g.in)
		}
		s := &parts[g.in][g.class]
		s.class = g.class
		s.Groups = append(s.Groups, g)
	}
	slices.SortFunc(places, comparePlaces)

	list := make([]PlaceChanges, 0, len(places))
	for _, p := range places {
		in := PlaceChanges{Place: p}
		for _, s := range parts[p] {
			if len(s.Groups) > 0 {
				slices.SortFunc(s.Groups, compareGroups)
				in.Sections = append(in.Sections, s)
			}
		}
		list = append(list, in)
	}
	return list
}

// class says why edits stand together.
type class int

// The classes, in the order in which they are shown.
const (
	conflict class = iota // changed on both sides
	asked                 // by the commit
	drift                 // undone
	classes               // how many there are
)

// splitClasses returns the edits of each class.
func splitClasses(edits []plan.Edit) (split [classes][]plan.Edit) {
	for _, e := range edits {
		c := asked
		switch e.Cause {
		case plan.CauseDrift:
			c = drift
		case plan.CauseConflict:
			c = conflict
		case plan.CauseChange, plan.CauseAdopt:
		}
		split[c] = append(split[c], e)
	}
	return split
}

// groups collects objects into groups, in order of first appearance.
type groups struct {
	at   map[groupPlace]*Group
	list []*Group
}

// groupPlace tells groups apart.
type groupPlace struct {
	in    Place
	class class
	key   string
}

// add adds an object with some of its edits.
func (s *groups) add(o *object, edits []plan.Edit, c class) {
	if s.at == nil {
		s.at = map[groupPlace]*Group{}
	}
	slices.SortStableFunc(edits, compareEdits)

	at := groupPlace{o.in, c, groupKey(o, edits)}
	g := s.at[at]
	if g == nil {
		g = &Group{
			in: o.in, class: c, Kind: o.kind, Action: o.action, writes: o.writes, Edits: edits, key: at.key,
			weaker: slices.ContainsFunc(edits, Weakens), below: slices.ContainsFunc(edits, belowFloor),
		}
		s.at[at] = g
		s.list = append(s.list, g)
	}
	g.Names = append(g.Names, o.name)
}

// groupKey is equal for objects that are shown as one line.
func groupKey(o *object, edits []plan.Edit) string {
	b := make([]byte, 0, 64+160*len(edits))
	part := func(s string) { b = append(append(b, s...), 0) }
	number := func(n int) { b = append(strconv.AppendInt(b, int64(n), 10), 0) }

	part(string(o.kind))
	part(o.action)
	number(o.writes)
	for _, e := range edits {
		part(e.Setting)
		part(string(e.From))
		part(string(e.To))
		part(string(e.EffectiveFrom))
		part(string(e.EffectiveTo))
		part(string(e.Cause))
		part(string(e.Direction))
		part(string(e.Committed))
		part(e.Origin.File)
		number(e.Origin.Line)
		number(e.Origin.Col)
		part(e.Origin.Via)
	}
	return string(b)
}

// compareEdits puts weaker edits first, then follows the table of settings.
func compareEdits(a, b plan.Edit) int {
	return cmp.Or(cmp.Compare(weakRank(a), weakRank(b)), CompareSettings(a, b))
}

// CompareSettings follows the table of settings.
func CompareSettings(a, b plan.Edit) int {
	return cmp.Or(cmp.Compare(schema.Rank(a.Setting), schema.Rank(b.Setting)), cmp.Compare(a.Setting, b.Setting))
}

// belowFloor reports whether drift has taken a name below the floor.
func belowFloor(e plan.Edit) bool { return e.BelowFloor && e.Cause == plan.CauseDrift }

func belowRank(g *Group) int {
	if g.below {
		return 0
	}
	return 1
}

func weakRank(e plan.Edit) int {
	if Weakens(e) {
		return 0
	}
	return 1
}

func compareGroups(a, b *Group) int {
	first := func(g *Group) plan.Edit {
		if len(g.Edits) == 0 {
			return plan.Edit{}
		}
		return g.Edits[0]
	}
	x, y := first(a), first(b)

	return cmp.Or(
		cmp.Compare(belowRank(a), belowRank(b)),
		cmp.Compare(weakRank(x), weakRank(y)),
		cmp.Compare(kindRank(a.Kind), kindRank(b.Kind)),
		cmp.Compare(schema.Rank(x.Setting), schema.Rank(y.Setting)),
		cmp.Compare(x.Origin.File, y.Origin.File),
		cmp.Compare(x.Origin.Line, y.Origin.Line),
		cmp.Compare(a.Names[0], b.Names[0]),
		cmp.Compare(a.key, b.key),
	)
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

// kindName returns the word for n objects of a kind.
func kindName(k plan.Kind, n int) string {
	name := cmp.Or(strings.ReplaceAll(strings.ReplaceAll(safe.Text(string(k)), "_", " "), "mtls", "mTLS"), "object")
	return words.Plural(n, name, name+"s")
}

// Subject names the objects of a group below the heading of their place: by their number,
// or a single one by its name.
func (g *Group) Subject() string {
	switch {
	case len(g.Names) > 1:
		return strconv.Itoa(len(g.Names)) + " " + kindName(g.Kind, len(g.Names))
	case g.Kind == plan.KindZone:
		return "zone"
	case g.Kind.OfAccount():
		return kindName(g.Kind, 1) + " " + safe.Text(g.Names[0])
	}
	return safe.Text(g.Names[0])
}

// SubjectAndPlace names the objects of a group, with what is done to them; inPlace adds
// their place.
func (g *Group) SubjectAndPlace(m Markup, inPlace bool) string {
	var text string
	kind := m.Name(kindName(g.Kind, len(g.Names)))
	switch {
	case len(g.Names) > 1:
		text = strconv.Itoa(len(g.Names)) + " " + kind
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
	if inPlace {
		text += " of " + g.in.inSentence(m)
	}
	return text
}

// Note tells how many writes each object of a group takes, if it takes more than one.
func (g *Group) Note() string {
	switch {
	case g.writes < 2:
		return ""
	case len(g.Names) == 1:
		return strconv.Itoa(g.writes) + " writes"
	}
	return strconv.Itoa(g.writes) + " writes each"
}

// titleOf names the object of a change, within its place unless it is a zone.
func titleOf(c *plan.Change) string {
	if in := PlaceOf(c.Ref); c.Kind == plan.KindZone && in.account != "" {
		return in.name()
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
		return kindName(c.Kind, 1) + " " + safe.Text(titleOf(c)) + " of account " + safe.Text(in.name())
	case c.Zone != "":
		return safe.Text(titleOf(c)) + " in " + safe.Text(in.name())
	}
	return safe.Text(titleOf(c))
}
