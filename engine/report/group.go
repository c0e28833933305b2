package report

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// object is what one or more changes write: a custom hostname, also where it
// takes two writes, or one setting of a zone.
type object struct {
	zone, name string // zone is the account for objects of accounts
	kind       plan.Kind
	action     string
	writes     int
	edits      []plan.Edit
}

// objectRef is the Ref that all writes of one line share. A zone's settings are lines of
// their own.
func objectRef(c *plan.Change) plan.Ref {
	if c.Kind == plan.KindHostname {
		return c.Object()
	}
	return c.Whole()
}

// objects joins the writes that go to the same object, in order of first
// appearance.
func objects(changes []*plan.Change) []object {
	var (
		list = make([]object, 0, len(changes))
		at   = make(map[plan.Ref]int, len(changes))
	)
	for _, c := range changes {
		id := objectRef(c)
		i, ok := at[id]
		if !ok {
			at[id] = len(list)
			list = append(list, object{zone: placeOf(c), name: c.Title(), kind: c.Kind, action: c.Action, writes: 1, edits: c.Edits})
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

// accountMark begins the place of objects that belong to an account.
const accountMark = "\x00"

// placeOf is where a change belongs: its zone, or its account, marked.
func placeOf(c *plan.Change) string {
	if c.Kind.OfAccount() {
		return accountMark + c.Account
	}
	return c.Zone
}

// heading is a place as people read it.
func heading(place string) string {
	if account, ok := strings.CutPrefix(place, accountMark); ok {
		return "Account " + Safe(account)
	}
	return "Zone " + Safe(place)
}

// lower is a heading within a sentence.
func lower(heading string) string { return strings.ToLower(heading[:1]) + heading[1:] }

// joinEdits appends the edits of a later write. A setting that both have goes
// from what it was before the first to what it is after the second.
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

// group is a set of objects of one zone that get the same edits from the same
// lines.
type group struct {
	kind   plan.Kind
	action string
	writes int // to each object
	edits  []plan.Edit
	names  []string // sorted
	weaker bool
	key    string
}

// section is a part of a zone's objects: what the commit asks for, or drift.
type section struct {
	drift  bool
	groups []group
}

// zone is what a plan does in one zone.
type zone struct {
	name     string
	sections []section // what the commit asks for, then drift; empty ones are left out
}

// zones sorts the objects into zones, sections and groups, each in the order in
// which it is printed: weaker groups first. The time it takes grows with the
// number of edits, but for the sorting.
func zones(objects []object) []zone {
	type place struct {
		zone  string
		drift bool
		key   string
	}
	var (
		at    = map[place]*group{}
		parts = map[string]*[2]section{}
		found []*group
		where []place
		names []string
	)
	add := func(o *object, edits []plan.Edit, drift bool) {
		if len(edits) == 0 && (drift || len(o.edits) > 0) {
			return
		}
		slices.SortStableFunc(edits, compareEdits)
		p := place{o.zone, drift, groupKey(o, edits)}
		g := at[p]
		if g == nil {
			g = &group{
				kind: o.kind, action: o.action, writes: o.writes, edits: edits, key: p.key,
				weaker: slices.ContainsFunc(edits, func(e plan.Edit) bool { return e.Direction == schema.Weakens }),
			}
			at[p] = g
			found, where = append(found, g), append(where, p)
		}
		g.names = append(g.names, o.name)
	}
	for i := range objects {
		o := &objects[i]
		var asked, drift []plan.Edit
		for _, e := range o.edits {
			if e.Cause == plan.CauseDrift {
				drift = append(drift, e)
			} else {
				asked = append(asked, e)
			}
		}
		add(o, asked, false)
		add(o, drift, true)
	}
	for i, g := range found {
		p := where[i]
		if parts[p.zone] == nil {
			parts[p.zone] = &[2]section{{}, {drift: true}}
			names = append(names, p.zone)
		}
		slices.Sort(g.names)
		s := &parts[p.zone][0]
		if p.drift {
			s = &parts[p.zone][1]
		}
		s.groups = append(s.groups, *g)
	}
	slices.SortFunc(names, func(a, b string) int { // zones first
		return cmp.Or(cmp.Compare(strings.Count(a, accountMark), strings.Count(b, accountMark)), strings.Compare(a, b))
	})
	list := make([]zone, 0, len(names))
	for _, name := range names {
		z := zone{name: name}
		for _, s := range parts[name] {
			if len(s.groups) > 0 {
				slices.SortFunc(s.groups, compareGroups)
				z.sections = append(z.sections, s)
			}
		}
		list = append(list, z)
	}
	return list
}

// compareEdits puts a weaker edit first, then follows the table of settings.
func compareEdits(a, b plan.Edit) int {
	return cmp.Or(
		cmp.Compare(weakRank(a), weakRank(b)),
		cmp.Compare(schema.Rank(a.Setting), schema.Rank(b.Setting)),
		cmp.Compare(a.Setting, b.Setting),
	)
}

func weakRank(e plan.Edit) int {
	if e.Direction == schema.Weakens {
		return 0
	}
	return 1
}

func compareGroups(a, b group) int {
	first := func(g group) plan.Edit {
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

// kindName is what people call n objects of a kind.
func kindName(k plan.Kind, n int) string {
	name := cmp.Or(strings.ReplaceAll(strings.ReplaceAll(Safe(string(k)), "_", " "), "mtls", "mTLS"), "object")
	if n == 1 {
		return name
	}
	return name + "s"
}

// subject names the objects of a group: their number, or the name of a single
// one. A zone stands under its own heading already.
func (g *group) subject() string {
	switch {
	case len(g.names) > 1:
		return strconv.Itoa(len(g.names)) + " " + kindName(g.kind, len(g.names))
	case g.kind == plan.KindZone:
		return "zone"
	}
	if g.kind.OfAccount() {
		return kindName(g.kind, 1) + " " + Safe(g.names[0])
	}
	return Safe(g.names[0])
}

// examples are the first names of many, for the end of a line that has room
// columns left: two, or one, or two that do not fit.
func examples(names []string, room int) (eg string, fits bool) {
	if len(names) < 2 {
		return "", false
	}
	one := "e.g. " + Safe(names[0])
	two := one + ", " + Safe(names[1])
	switch {
	case width(two) <= room:
		return two, true
	case width(one) <= room:
		return one, true
	}
	return two, false
}
