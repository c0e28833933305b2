package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// maxNotes is how many different messages of one kind are printed without
// Verbose.
const maxNotes = 5

// permission is what it takes to go on in the face of a hazard.
type permission int

const (
	never  permission = iota // cannot be allowed
	named                    // must be named in --allow-hazards
	none                     // is told only
	lifted                   // an exception of the policy allows it
)

func permissionFor(k plan.HazardKind) permission {
	switch {
	case k == plan.Unreachable:
		return never
	case !k.NeedsPermission():
		return none
	}
	return named
}

// note is one message about some objects.
type note struct {
	kind    plan.Kind
	zone    string   // empty where the objects are zones
	message string   // with blank where it names its object
	names   []string // sorted, each once
}

// blank stands for the name of the object in a message, so that messages that
// differ in it only are one note.
const blank = "\x00"

// sentence is the note as it is printed.
func (n *note) sentence() string {
	if len(n.names) == 1 && strings.Contains(n.message, blank) {
		return Safe(strings.ReplaceAll(n.message, blank, n.names[0]))
	}
	text := Safe(strings.ReplaceAll(n.message, blank, "each"))
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
		return "zone " + Safe(n.names[0])
	case len(n.names) == 1:
		return Safe(n.names[0])
	case n.zone == "":
		return many
	}
	return many + " of " + Safe(strings.TrimPrefix(n.zone, accountMark))
}

// noteKey tells notes apart.
type noteKey struct {
	kind          plan.Kind
	zone, message string
}

// notesOf collects notes as they are met and gives them back sorted.
type notesOf struct {
	at   map[noteKey]int
	list []note
}

func (s *notesOf) add(k noteKey, name string) {
	if s.at == nil {
		s.at = map[noteKey]int{}
	}
	if k.kind == plan.KindZone {
		k.zone = "" // it is the name
	}
	if name != "" {
		k.message = strings.ReplaceAll(k.message, name, blank)
	}
	i, ok := s.at[k]
	if !ok {
		i = len(s.list)
		s.at[k] = i
		s.list = append(s.list, note{kind: k.kind, zone: k.zone, message: k.message})
	}
	s.list[i].names = append(s.list[i].names, name)
}

func (s *notesOf) sorted() []note {
	for i := range s.list {
		slices.Sort(s.list[i].names)
		s.list[i].names = slices.Compact(s.list[i].names)
	}
	slices.SortFunc(s.list, func(a, b note) int {
		return cmp.Or(
			cmp.Compare(a.zone, b.zone), cmp.Compare(kindRank(a.kind), kindRank(b.kind)), cmp.Compare(a.kind, b.kind),
			cmp.Compare(a.names[0], b.names[0]), cmp.Compare(a.message, b.message),
		)
	})
	return s.list
}

// hazardNotes are the notes of one kind of hazard; those that an exception lifts
// are apart.
type hazardNotes struct {
	hazardGroup
	notes []note
}

type hazardGroup struct {
	kind   plan.HazardKind
	lifted bool
}

func (g hazardGroup) permission() permission {
	if g.lifted {
		return lifted
	}
	return permissionFor(g.kind)
}

// hazardsOf collects the hazards of changes by kind: first what can never be
// allowed, then what needs permission.
func hazardsOf(changes []*plan.Change) []hazardNotes {
	found := map[hazardGroup]*notesOf{}
	var kinds []hazardGroup
	for _, c := range changes {
		for _, h := range c.Hazards {
			g, message := hazardGroup{h.Kind, h.Exception != ""}, h.Message
			if g.lifted {
				message += "; accepted by the exception at " + h.Exception
			}
			if found[g] == nil {
				found[g] = &notesOf{}
				kinds = append(kinds, g)
			}
			found[g].add(noteKey{c.Kind, placeOf(c), message}, c.Title())
		}
	}
	slices.SortFunc(kinds, func(a, b hazardGroup) int {
		return cmp.Or(cmp.Compare(a.permission(), b.permission()), cmp.Compare(a.kind, b.kind))
	})
	list := make([]hazardNotes, 0, len(kinds))
	for _, k := range kinds {
		list = append(list, hazardNotes{k, found[k].sorted()})
	}
	return list
}

// hazards prints what a reviewer has to accept, with the flag that does it.
func (t *text) hazards(changes []*plan.Change) {
	found := hazardsOf(changes)
	if len(found) == 0 {
		return
	}
	fmt.Fprintln(t.out, t.style.bold.Sprint("Hazards"))
	var toName []string
	for _, h := range found {
		k, notes := h.kind, h.notes
		line := "  " + t.style.bad.Sprint(Safe(string(k))) + ": " + affected(notes)
		switch h.permission() {
		case never:
			line += "; this can never be allowed"
		case named:
			line += "; to accept: --allow-hazards " + Safe(string(k))
			toName = append(toName, Safe(string(k)))
		case none:
			line += "; needs no permission"
		case lifted:
			line += "; accepted by the policy"
		}
		fmt.Fprintln(t.out, line)
		t.notesBelow(notes)
	}
	if len(toName) > 1 {
		fmt.Fprintln(t.out, "  To accept all that can be: --allow-hazards "+strings.Join(toName, ","))
	}
	fmt.Fprintln(t.out)
}

// affected counts the different objects of some notes.
func affected(notes []note) string {
	type who struct {
		kind       plan.Kind
		zone, name string
	}
	seen := map[who]bool{}
	for _, n := range notes {
		for _, name := range n.names {
			seen[who{n.kind, n.zone, name}] = true
		}
	}
	if len(seen) == 1 {
		return "1 object"
	}
	return strconv.Itoa(len(seen)) + " objects"
}

func (t *text) notesBelow(notes []note) {
	shown := notes
	if !t.verbose && len(shown) > maxNotes {
		shown = shown[:maxNotes]
	}
	for i := range shown {
		n := &shown[i]
		line := "    " + n.sentence()
		fmt.Fprintln(t.out, line+t.namesAfter(width(line), n.names))
	}
	t.left(len(notes) - len(shown))
}

// namesAfter is what follows a note on a line of which some columns are used:
// examples of its names, or under Verbose all of them below.
func (t *text) namesAfter(used int, names []string) string {
	if len(names) < 2 {
		return ""
	}
	if t.verbose {
		var b strings.Builder
		for _, n := range names {
			b.WriteString("\n      " + Safe(n))
		}
		return b.String()
	}
	eg, fits := examples(names, maxLine-used-2)
	if fits {
		return "  " + t.style.dim.Sprint(eg)
	}
	return "\n      " + t.style.dim.Sprint(eg)
}

// left says how many messages were left out.
func (t *text) left(n int) {
	if n > 0 {
		fmt.Fprintf(t.out, "    and %d more like these (--verbose shows all)\n", n)
	}
}

// ruleNotes are the notes of one rule at one severity.
type ruleNotes struct {
	severity schema.Severity
	rule     string
	findings int
	notes    []placedNote
}

// placedNote is a note with the line that asks for it.
type placedNote struct {
	place string
	note
}

// findingsOf collects findings: errors first, then by rule, equal messages
// together.
func findingsOf(findings []plan.Finding) []ruleNotes {
	type class struct {
		severity schema.Severity
		rule     string
	}
	type at struct {
		class
		place string
	}
	found := map[at]*notesOf{}
	places := map[class][]string{}
	count := map[class]int{}
	var classes []class
	for _, f := range findings {
		k := at{class: class{f.Severity, f.Rule}}
		k.place = place(f.Origin.Pos)
		if places[k.class] == nil {
			classes = append(classes, k.class)
		}
		if found[k] == nil {
			found[k] = &notesOf{}
			places[k.class] = append(places[k.class], k.place)
		}
		count[k.class]++
		about, name := objectOf(&f)
		found[k].add(about, name)
	}
	slices.SortFunc(classes, func(a, b class) int {
		return cmp.Or(cmp.Compare(a.severity, b.severity), cmp.Compare(a.rule, b.rule)) // "error" < "warning"
	})
	list := make([]ruleNotes, 0, len(classes))
	for _, c := range classes {
		r := ruleNotes{severity: c.severity, rule: c.rule, findings: count[c]}
		slices.Sort(places[c])
		for _, p := range places[c] {
			for _, n := range found[at{c, p}].sorted() {
				r.notes = append(r.notes, placedNote{p, n})
			}
		}
		list = append(list, r)
	}
	return list
}

// findings prints what is to be known and is no write.
func (t *text) findings(findings []plan.Finding) {
	found := findingsOf(findings)
	if len(found) == 0 {
		return
	}
	fmt.Fprintln(t.out, t.style.bold.Sprint("Findings"))
	for _, r := range found {
		var lines []string
		for _, n := range r.notes {
			lines = append(lines, t.finding(r.severity, r.rule, n.place, n.note))
		}
		shown := lines
		if !t.verbose && len(shown) > maxNotes {
			shown = shown[:maxNotes]
		}
		for _, l := range shown {
			fmt.Fprintln(t.out, l)
		}
		t.left(len(lines) - len(shown))
	}
	fmt.Fprintln(t.out)
}

func (t *text) finding(s schema.Severity, rule, place string, n note) string {
	word := pad(Safe(string(s)), len(schema.Warning))
	line := "  "
	if place != "" {
		line += place + ": "
	}
	line += n.sentence() + " [" + Safe(rule) + "]"
	return "  " + t.style.severity(s).Sprint(word) + line + t.namesAfter(2+width(word)+width(line), n.names)
}

// objectOf is what a finding is about.
func objectOf(f *plan.Finding) (about noteKey, name string) {
	place := cmp.Or(f.Zone, f.Account)
	if f.Zone != "" && f.Account != "" {
		place += "@" + f.Account
	}
	switch f.Kind {
	case plan.KindZone:
		return noteKey{f.Kind, "", f.Message}, place
	case plan.KindAccount, plan.KindConfiguration:
		return noteKey{"", "", f.Message}, f.String()
	case plan.KindHostname, plan.KindCustomHostname, plan.KindMTLSCertificate, plan.KindMTLSHostname, plan.KindAccessApplication, plan.KindAlert:
	}
	return noteKey{f.Kind, place, f.Message}, f.Name
}
