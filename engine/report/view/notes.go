package view

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tlsync/engine/plan"
	"tlsync/engine/safe"
	"tlsync/schema"
	"tlsync/schema/sorted"
	"tlsync/schema/words"
)

// permission is what it takes to apply a plan with a hazard.
type permission int

const (
	never  permission = iota // nobody can allow it
	named                    // it has to be named in --allow-hazards
	none                     // it needs no permission
	lifted                   // an exception of the policy allows it
)

// Note is a message about the objects that it is true of.
type Note struct {
	noteKey
	Names []string // sorted, each once
}

// noteKey tells notes apart.
type noteKey struct {
	kind    plan.Kind
	in      Place  // empty where the objects are zones
	message string // with plan.This where it names its object
}

// Sentence returns the note as one sentence that is safe to show.
func (n *Note) Sentence() string {
	if len(n.Names) == 1 && strings.Contains(n.message, plan.This) {
		return safe.Text(strings.ReplaceAll(n.message, plan.This, n.Names[0]))
	}
	text := safe.Text(strings.NewReplacer("zone "+plan.This, "each zone", plan.This, "each").Replace(n.message))
	if about := n.about(); about != "" {
		return about + ": " + text
	}
	return text
}

// about names the objects of a note.
func (n *Note) about() string {
	many := words.Number(len(n.Names)) + " " + KindName(n.kind, len(n.Names))
	switch {
	case len(n.Names) == 1 && n.kind == plan.KindZone:
		return "zone " + safe.Text(n.Names[0])
	case len(n.Names) == 1:
		return safe.Text(n.Names[0])
	case n.in.Name() == "":
		return many
	}
	return many + " of " + safe.Text(n.in.Name())
}

// notes collects messages.
type notes struct {
	at   map[noteKey]int
	list []Note
}

// add adds a message about an object by its name.
func (s *notes) add(k noteKey, name string) {
	if s.at == nil {
		s.at = map[noteKey]int{}
	}
	if k.kind == plan.KindZone {
		k.in = Place{} // it is the name
	}

	i, ok := s.at[k]
	if !ok {
		i = len(s.list)
		s.at[k] = i
		s.list = append(s.list, Note{noteKey: k})
	}
	s.list[i].Names = append(s.list[i].Names, name)
}

// sorted returns the notes as they are shown.
func (s *notes) sorted() []Note {
	for i := range s.list {
		slices.Sort(s.list[i].Names)
		s.list[i].Names = slices.Compact(s.list[i].Names)
	}
	sorted.By(s.list, func(a, b Note) int {
		return cmp.Or(
			a.in.compareInNotes(b.in), cmp.Compare(kindRank(a.kind), kindRank(b.kind)), cmp.Compare(a.kind, b.kind),
			cmp.Compare(a.Names[0], b.Names[0]), cmp.Compare(a.message, b.message),
		)
	})
	return s.list
}

// compareInNotes sorts notes about zones first, then those of accounts, then those of
// objects in zones.
func (p Place) compareInNotes(q Place) int {
	rank := func(p Place) int {
		switch {
		case p == Place{}:
			return 0
		case p.ofAccount:
			return 1
		}
		return 2
	}
	return cmp.Or(cmp.Compare(rank(p), rank(q)), comparePlaces(p, q))
}

// HazardNotes are the notes of one kind of hazard. Those that an exception of the policy
// lifts are apart.
type HazardNotes struct {
	HazardClass
	Notes []Note
	// Hints say what to write in place of lines that lower many names unasked.
	Hints []LowerBound
}

// HazardClass tells hazards of a kind apart by whether the policy lifts them.
type HazardClass struct {
	Kind   plan.HazardKind
	lifted bool
}

func (g HazardClass) permission() permission {
	switch {
	case g.lifted:
		return lifted
	case g.Kind == plan.Unreachable:
		return never
	case !g.Kind.NeedsPermission():
		return none
	}
	return named
}

// Informs reports whether hazards are there to be known, and need no permission.
func (g HazardClass) Informs() bool { return g.permission() == none }

// hazardsOf collects the hazards of changes by kind: first those that can never be
// allowed, then those that need permission.
func hazardsOf(changes []*plan.Change) []HazardNotes {
	found := map[HazardClass]*notes{}
	var classes []HazardClass
	for _, c := range changes {
		for _, h := range c.Hazards {
			k, message := HazardClass{h.Kind, h.Exception != ""}, h.Pattern(c.Title())
			if k.lifted {
				message += "; accepted by the exception at " + h.Exception
			}
			if found[k] == nil {
				found[k] = &notes{}
				classes = append(classes, k)
			}
			found[k].add(noteKey{c.Kind, PlaceOf(c.Ref), message}, titleOf(c))
		}
	}

	sorted.By(classes, func(a, b HazardClass) int {
		return cmp.Or(cmp.Compare(a.permission(), b.permission()), cmp.Compare(a.Kind, b.Kind))
	})
	list := make([]HazardNotes, 0, len(classes))
	for _, k := range classes {
		h := HazardNotes{HazardClass: k, Notes: found[k].sorted()}
		if k.Kind == plan.WeakensTLS && !k.lifted {
			h.Hints = lowerBounds(changes)
		}
		list = append(list, h)
	}
	return list
}

// LowerBound is a line of defaults or of a rule whose value lowers names that have more.
type LowerBound struct {
	origin  plan.Origin
	setting string
	value   schema.Value
	names   int
}

// Sentence says what to write in place of the line, so that it leaves those names alone.
func (l *LowerBound) Sentence(m Markup) string {
	return fmt.Sprintf("%s (%s) lowers %s; to leave those that have more, write %s",
		m.Line(l.origin.Pos), m.Name(l.origin.Via), words.Count(l.names, "name"), m.Code(l.setting+": { at_least: "+l.value.YAML()+" }"))
}

// lowerBounds finds the lines of defaults and rules that lower names.
func lowerBounds(changes []*plan.Change) []LowerBound {
	at := map[LowerBound]int{}
	var list []LowerBound
	for _, c := range changes {
		for _, e := range c.Edits {
			row, known := schema.LookupSetting(e.Setting)
			if !Weakens(e) || !e.Origin.ForMany() || !known || !row.TakesAtLeast() || !explicit(e.To) {
				continue
			}
			k := LowerBound{origin: plan.Origin{Pos: e.Origin.Pos, Via: e.Origin.Via}, setting: e.Setting, value: e.To}
			i, ok := at[k]
			if !ok {
				i = len(list)
				at[k] = i
				list = append(list, k)
			}
			list[i].names++
		}
	}

	sorted.By(list, func(a, b LowerBound) int {
		return cmp.Or(
			comparePos(a.origin.Pos, b.origin.Pos), cmp.Compare(a.origin.Col, b.origin.Col),
			cmp.Compare(a.setting, b.setting), cmp.Compare(a.value, b.value), cmp.Compare(a.origin.Via, b.origin.Via),
		)
	})
	return list
}

// affected counts the objects that notes are about, each once.
func affected(notes []Note) int {
	if len(notes) == 1 {
		return len(notes[0].Names)
	}

	type object struct {
		kind plan.Kind
		in   Place
		name string
	}
	seen := map[object]bool{}
	for _, n := range notes {
		for _, name := range n.Names {
			seen[object{n.kind, n.in, name}] = true
		}
	}
	return len(seen)
}

// RuleNotes are the notes of one rule at one severity.
type RuleNotes struct {
	RuleClass
	Findings int
	Notes    []PlacedNote
}

// RuleClass is a rule at one severity.
type RuleClass struct {
	Severity schema.Severity
	Rule     string
}

// ofPolicy reports whether the rule is one of the policy.
func (c RuleClass) ofPolicy() bool {
	f := plan.Finding{Rule: c.Rule}
	return f.OfPolicy()
}

// PlacedNote is a note with the line of the configuration that it points to.
type PlacedNote struct {
	Line string // safe to show
	Pos  schema.Pos
	Note
}

// findingsOf collects findings: errors first, then by rule and line, equal messages
// together.
func findingsOf(findings []plan.Finding) []RuleNotes {
	type place struct {
		RuleClass
		pos schema.Pos
	}
	found := map[place]*notes{}
	lines := map[RuleClass][]schema.Pos{}
	count := map[RuleClass]int{}
	var classes []RuleClass
	for i := range findings {
		f := &findings[i]
		k := place{RuleClass{f.Severity, f.Rule}, schema.Pos{File: f.Origin.File, Line: f.Origin.Line}}
		if lines[k.RuleClass] == nil {
			classes = append(classes, k.RuleClass)
		}
		if found[k] == nil {
			found[k] = &notes{}
			lines[k.RuleClass] = append(lines[k.RuleClass], k.pos)
		}
		count[k.RuleClass]++
		found[k].add(aboutOf(f))
	}

	sorted.By(classes, func(a, b RuleClass) int {
		return cmp.Or(cmp.Compare(a.Severity, b.Severity), cmp.Compare(a.Rule, b.Rule)) // "error" < "warning"
	})
	list := make([]RuleNotes, 0, len(classes))
	for _, c := range classes {
		r := RuleNotes{RuleClass: c, Findings: count[c]}
		sorted.By(lines[c], comparePos)
		for _, at := range lines[c] {
			for _, n := range found[place{c, at}].sorted() {
				r.Notes = append(r.Notes, PlacedNote{FileAndLine(at), at, n})
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
		return noteKey{f.Kind, Place{}, f.Pattern(f.Name)}, PlaceOf(f.Ref).Name()
	case plan.KindAccount, plan.KindConfiguration:
		id := f.Ref.String()
		return noteKey{"", Place{}, f.Pattern(id)}, id
	case plan.KindHostname, plan.KindCustomHostname, plan.KindMTLSCertificate, plan.KindMTLSHostname, plan.KindAccessApplication, plan.KindAlert:
	}
	return noteKey{f.Kind, PlaceOf(f.Ref), f.Pattern(f.Name)}, f.Name
}
