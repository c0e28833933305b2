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

// permission is what it takes to apply a plan with a hazard.
type permission int

const (
	never  permission = iota // nobody can allow it
	named                    // it has to be named in --allow-hazards
	none                     // it needs no permission
	lifted                   // an exception of the policy allows it
)

// note is a message about the objects that it is true of.
type note struct {
	noteKey
	names []string // sorted, each once
}

// noteKey tells notes apart.
type noteKey struct {
	kind    plan.Kind
	in      place  // empty where the objects are zones
	message string // with plan.This where it names its object
}

// sentence returns the note as one sentence that is safe to show.
func (n *note) sentence() string {
	if len(n.names) == 1 && strings.Contains(n.message, plan.This) {
		return safe.Text(strings.ReplaceAll(n.message, plan.This, n.names[0]))
	}
	text := safe.Text(strings.ReplaceAll(n.message, plan.This, "each"))
	if about := n.about(); about != "" {
		return about + ": " + text
	}
	return text
}

// about names the objects of a note.
func (n *note) about() string {
	many := strconv.Itoa(len(n.names)) + " " + kindName(n.kind, len(n.names))
	switch {
	case len(n.names) == 1 && n.kind == plan.KindZone:
		return "zone " + safe.Text(n.names[0])
	case len(n.names) == 1:
		return safe.Text(n.names[0])
	case n.in.name() == "":
		return many
	}
	return many + " of " + safe.Text(n.in.name())
}

// notes collects messages.
type notes struct {
	at   map[noteKey]int
	list []note
}

// add adds a message about an object by its name.
func (s *notes) add(k noteKey, name string) {
	if s.at == nil {
		s.at = map[noteKey]int{}
	}
	if k.kind == plan.KindZone {
		k.in = place{} // it is the name
	}

	i, ok := s.at[k]
	if !ok {
		i = len(s.list)
		s.at[k] = i
		s.list = append(s.list, note{noteKey: k})
	}
	s.list[i].names = append(s.list[i].names, name)
}

// sorted returns the notes as they are shown.
func (s *notes) sorted() []note {
	for i := range s.list {
		slices.Sort(s.list[i].names)
		s.list[i].names = slices.Compact(s.list[i].names)
	}
	slices.SortFunc(s.list, func(a, b note) int {
		return cmp.Or(
			a.in.compareInNotes(b.in), cmp.Compare(kindRank(a.kind), kindRank(b.kind)), cmp.Compare(a.kind, b.kind),
			cmp.Compare(a.names[0], b.names[0]), cmp.Compare(a.message, b.message),
		)
	})
	return s.list
}

// compareInNotes sorts notes about zones first, then those of accounts, then those of
// objects in zones.
func (p place) compareInNotes(q place) int {
	rank := func(p place) int {
		switch {
		case p == place{}:
			return 0
		case p.ofAccount:
			return 1
		}
		return 2
	}
	return cmp.Or(cmp.Compare(rank(p), rank(q)), comparePlaces(p, q))
}

// hazardNotes are the notes of one kind of hazard. Those that an exception of the policy
// lifts are apart.
type hazardNotes struct {
	hazardClass
	notes []note
}

type hazardClass struct {
	kind   plan.HazardKind
	lifted bool
}

func (g hazardClass) permission() permission {
	switch {
	case g.lifted:
		return lifted
	case g.kind == plan.Unreachable:
		return never
	case !g.kind.NeedsPermission():
		return none
	}
	return named
}

// hazardsOf collects the hazards of changes by kind: first those that can never be
// allowed, then those that need permission.
func hazardsOf(changes []*plan.Change) []hazardNotes {
	found := map[hazardClass]*notes{}
	var classes []hazardClass
	for _, c := range changes {
		for _, h := range c.Hazards {
			k, message := hazardClass{h.Kind, h.Exception != ""}, h.Pattern(c.Title())
			if k.lifted {
				message += "; accepted by the exception at " + h.Exception
			}
			if found[k] == nil {
				found[k] = &notes{}
				classes = append(classes, k)
			}
			found[k].add(noteKey{c.Kind, placeOf(c.Ref), message}, titleOf(c))
		}
	}

	slices.SortFunc(classes, func(a, b hazardClass) int {
		return cmp.Or(cmp.Compare(a.permission(), b.permission()), cmp.Compare(a.kind, b.kind))
	})
	list := make([]hazardNotes, 0, len(classes))
	for _, k := range classes {
		list = append(list, hazardNotes{k, found[k].sorted()})
	}
	return list
}

// affected counts the objects that notes are about, each once.
func affected(notes []note) string {
	type object struct {
		kind plan.Kind
		in   place
		name string
	}
	seen := map[object]bool{}
	for _, n := range notes {
		for _, name := range n.names {
			seen[object{n.kind, n.in, name}] = true
		}
	}
	return plan.Count(len(seen), "object")
}

// ruleNotes are the notes of one rule at one severity.
type ruleNotes struct {
	ruleClass
	findings int
	notes    []placedNote
}

type ruleClass struct {
	severity schema.Severity
	rule     string
}

// ofPolicy reports whether the rule is one of the policy.
func (c ruleClass) ofPolicy() bool {
	f := plan.Finding{Rule: c.rule}
	return f.OfPolicy()
}

// placedNote is a note with the line of the configuration that it points to.
type placedNote struct {
	line string
	note
}

// findingsOf collects findings: errors first, then by rule and line, equal messages
// together.
func findingsOf(findings []plan.Finding) []ruleNotes {
	type place struct {
		ruleClass
		line string
	}
	found := map[place]*notes{}
	lines := map[ruleClass][]string{}
	count := map[ruleClass]int{}
	var classes []ruleClass
	for i := range findings {
		f := &findings[i]
		k := place{ruleClass{f.Severity, f.Rule}, fileAndLine(f.Origin.Pos)}
		if lines[k.ruleClass] == nil {
			classes = append(classes, k.ruleClass)
		}
		if found[k] == nil {
			found[k] = &notes{}
			lines[k.ruleClass] = append(lines[k.ruleClass], k.line)
		}
		count[k.ruleClass]++
		found[k].add(aboutOf(f))
	}

	slices.SortFunc(classes, func(a, b ruleClass) int {
		return cmp.Or(cmp.Compare(a.severity, b.severity), cmp.Compare(a.rule, b.rule)) // "error" < "warning"
	})
	list := make([]ruleNotes, 0, len(classes))
	for _, c := range classes {
		r := ruleNotes{ruleClass: c, findings: count[c]}
		slices.Sort(lines[c])
		for _, line := range lines[c] {
			for _, n := range found[place{c, line}].sorted() {
				r.notes = append(r.notes, placedNote{line, n})
			}
		}
		list = append(list, r)
	}
	return list
}

// aboutOf returns the message of a finding, and the name of the object it is about.
func aboutOf(f *plan.Finding) (k noteKey, name string) {
	switch f.Kind {
	case plan.KindZone:
		return noteKey{f.Kind, place{}, f.Pattern(f.Name)}, placeOf(f.Ref).name()
	case plan.KindAccount, plan.KindConfiguration:
		id := f.Ref.String()
		return noteKey{"", place{}, f.Pattern(id)}, id
	case plan.KindHostname, plan.KindCustomHostname, plan.KindMTLSCertificate, plan.KindMTLSHostname, plan.KindAccessApplication, plan.KindAlert:
	}
	return noteKey{f.Kind, placeOf(f.Ref), f.Pattern(f.Name)}, f.Name
}
