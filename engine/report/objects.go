package report

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"tlsync/engine/plan"
	"tlsync/engine/safe"
	"tlsync/schema"
)

// place is the zone or the account that an object belongs to.
type place struct {
	ofAccount bool
	zone      string
	account   string // of a zone only where two zones share the name
}

// placeOf returns the place of an object.
func placeOf(r plan.Ref) place {
	return place{ofAccount: r.Kind.OfAccount(), zone: r.Zone, account: r.Account}
}

// comparePlaces sorts zones before accounts, and either by name.
func comparePlaces(a, b place) int {
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
func (p place) name() string {
	switch {
	case p.ofAccount:
		return p.account
	case p.account != "":
		return p.zone + " of account " + p.account
	}
	return p.zone
}

// heading returns the place as the title of what is done there.
func (p place) heading() string {
	if p.ofAccount {
		return "Account " + safe.Text(p.name())
	}
	return "Zone " + safe.Text(p.name())
}

// inSentence returns the place as part of a sentence.
func (p place) inSentence(m markup) string {
	account := "account " + m.code(p.account)
	switch {
	case p.ofAccount:
		return account
	case p.account != "":
		return "zone " + m.code(p.zone) + " of " + account
	}
	return "zone " + m.code(p.zone)
}

// object is the target of one or more changes: a custom hostname, also one that takes two
// writes, or one setting of a zone.
type object struct {
	in     place
	name   string
	kind   plan.Kind
	action string
	writes int
	edits  []plan.Edit
}

// weaker reports whether any setting of the object gets weaker.
func (o *object) weaker() bool { return slices.ContainsFunc(o.edits, weakens) }

func weakens(e plan.Edit) bool { return e.Direction == schema.Weakens }

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
			list = append(list, object{in: placeOf(c.Ref), name: titleOf(c), kind: c.Kind, action: c.Action, writes: 1, edits: c.Edits})
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

// group is a set of objects in one place that get the same edits from the same lines.
type group struct {
	in     place
	drift  bool
	kind   plan.Kind
	action string
	writes int // to each object
	edits  []plan.Edit
	names  []string // sorted
	weaker bool
	key    string
}

// section holds the groups of a place that the commit asks for, or those of drift.
type section struct {
	drift  bool
	title  string // empty where the place says it all
	groups []*group
}

// placeChanges is what a plan does in one place.
type placeChanges struct {
	place
	sections []section // requested changes, then drift; without empty ones
}

// groups returns the groups of all sections.
func (p *placeChanges) groups() []*group {
	var all []*group
	for _, s := range p.sections {
		all = append(all, s.groups...)
	}
	return all
}

// changesByPlace sorts objects into places, sections and groups, each in the order in
// which it is shown: weaker groups first. Apart from the sorting, it takes time
// proportional to the number of edits.
func changesByPlace(objects []object) []placeChanges {
	var found groups
	for i := range objects {
		o := &objects[i]
		requested, drift := splitDrift(o.edits)
		if len(requested) > 0 || len(o.edits) == 0 {
			found.add(o, requested, false)
		}
		if len(drift) > 0 {
			found.add(o, drift, true)
		}
	}

	parts := map[place]*[2]section{}
	var places []place
	for _, g := range found.list {
		slices.Sort(g.names)
		if parts[g.in] == nil {
			parts[g.in] = &[2]section{{}, {drift: true}}
			places = append(places, g.in)
		}
		s := &parts[g.in][0]
		if g.drift {
			s = &parts[g.in][1]
		}
		s.groups = append(s.groups, g)
	}
	slices.SortFunc(places, comparePlaces)

	list := make([]placeChanges, 0, len(places))
	for _, p := range places {
		in := placeChanges{place: p}
		for _, s := range parts[p] {
			if len(s.groups) > 0 {
				slices.SortFunc(s.groups, compareGroups)
				in.sections = append(in.sections, s)
			}
		}
		list = append(list, in)
	}
	return list
}

// splitDrift returns the edits that the commit asks for, and those that undo drift.
func splitDrift(edits []plan.Edit) (requested, drift []plan.Edit) {
	for _, e := range edits {
		if e.Cause == plan.CauseDrift {
			drift = append(drift, e)
		} else {
			requested = append(requested, e)
		}
	}
	return requested, drift
}

// groups collects objects into groups, in order of first appearance.
type groups struct {
	at   map[groupPlace]*group
	list []*group
}

// groupPlace tells groups apart.
type groupPlace struct {
	in    place
	drift bool
	key   string
}

// add adds an object with some of its edits.
func (s *groups) add(o *object, edits []plan.Edit, drift bool) {
	if s.at == nil {
		s.at = map[groupPlace]*group{}
	}
	slices.SortStableFunc(edits, compareEdits)

	at := groupPlace{o.in, drift, groupKey(o, edits)}
	g := s.at[at]
	if g == nil {
		g = &group{
			in: o.in, drift: drift, kind: o.kind, action: o.action, writes: o.writes, edits: edits, key: at.key,
			weaker: slices.ContainsFunc(edits, weakens),
		}
		s.at[at] = g
		s.list = append(s.list, g)
	}
	g.names = append(g.names, o.name)
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
		part(e.Origin.File)
		number(e.Origin.Line)
		number(e.Origin.Col)
		part(e.Origin.Via)
	}
	return string(b)
}

// compareEdits puts weaker edits first, then follows the table of settings.
func compareEdits(a, b plan.Edit) int {
	return cmp.Or(cmp.Compare(weakRank(a), weakRank(b)), compareSettings(a, b))
}

// compareSettings follows the table of settings.
func compareSettings(a, b plan.Edit) int {
	return cmp.Or(cmp.Compare(schema.Rank(a.Setting), schema.Rank(b.Setting)), cmp.Compare(a.Setting, b.Setting))
}

func weakRank(e plan.Edit) int {
	if weakens(e) {
		return 0
	}
	return 1
}

func compareGroups(a, b *group) int {
	first := func(g *group) plan.Edit {
		if len(g.edits) == 0 {
			return plan.Edit{}
		}
		return g.edits[0]
	}
	x, y := first(a), first(b)

	return cmp.Or(
		cmp.Compare(weakRank(x), weakRank(y)),
		cmp.Compare(kindRank(a.kind), kindRank(b.kind)),
		cmp.Compare(schema.Rank(x.Setting), schema.Rank(y.Setting)),
		cmp.Compare(x.Origin.File, y.Origin.File),
		cmp.Compare(x.Origin.Line, y.Origin.Line),
		cmp.Compare(a.names[0], b.names[0]),
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
	if n == 1 {
		return name
	}
	return name + "s"
}

// subject names the objects of a group below the heading of their place: by their number,
// or a single one by its name.
func (g *group) subject() string {
	switch {
	case len(g.names) > 1:
		return strconv.Itoa(len(g.names)) + " " + kindName(g.kind, len(g.names))
	case g.kind == plan.KindZone:
		return "zone"
	case g.kind.OfAccount():
		return kindName(g.kind, 1) + " " + safe.Text(g.names[0])
	}
	return safe.Text(g.names[0])
}

// subjectAndPlace names the objects of a group, with what is done to them; inPlace adds
// their place.
func (g *group) subjectAndPlace(m markup, inPlace bool) string {
	var text string
	kind := m.name(kindName(g.kind, len(g.names)))
	switch {
	case len(g.names) > 1:
		text = strconv.Itoa(len(g.names)) + " " + kind
	case g.kind == plan.KindZone:
		return g.in.inSentence(m)
	case g.kind == plan.KindCustomHostname:
		text = m.code(g.names[0]) // nearly all objects are custom hostnames
	default:
		text = kind + " " + m.code(g.names[0])
	}

	switch g.action {
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

// note tells how many writes each object of a group takes, if it takes more than one.
func (g *group) note() string {
	switch {
	case g.writes < 2:
		return ""
	case len(g.names) == 1:
		return strconv.Itoa(g.writes) + " writes"
	}
	return strconv.Itoa(g.writes) + " writes each"
}

// titleOf names the object of a change, within its place unless it is a zone.
func titleOf(c *plan.Change) string {
	if in := placeOf(c.Ref); c.Kind == plan.KindZone && in.account != "" {
		return in.name()
	}
	return c.Title()
}

// subjectOf names the object of a change and its place.
func subjectOf(c *plan.Change) string {
	in := placeOf(c.Ref)
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
