package report

import (
	"slices"
	"strconv"
	"strings"

	"tlsync/engine/plan"
	"tlsync/engine/report/view"
	"tlsync/engine/safe"
	"tlsync/schema"
	"tlsync/schema/words"
)

const (
	// maxName is how many characters of a name are shown: no hostname has more
	// than 253.
	maxName = 255
	// maxRows is how many groups of a table are shown before the rest is folded.
	maxRows = 20
	// maxExamples is how many names of a group a table shows.
	maxExamples = 3
	// maxNames is how many names of a group the folded list shows.
	maxNames = 50
	// maxHunks is how many groups of one place the difference shows, and
	// maxHunkLines how many lines of each.
	maxHunks, maxHunkLines = 40, 80
	// maxDiffLine is how many characters of a line the difference shows.
	maxDiffLine = 200
)

// markdownName returns a name, or another short text, as a code span.
func markdownName(s string) string { return safe.MarkdownCode(view.Clip(s, maxName)) }

// markdownNames returns the first names of many, and the number of the others.
func markdownNames(names []string, most int) string {
	var b strings.Builder
	for i, n := range names[:min(len(names), most)] {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(markdownName(n))
	}
	if len(names) > most {
		b.WriteString(" and " + strconv.Itoa(len(names)-most) + " more")
	}
	return b.String()
}

// tables shows groups as a table, and those beyond maxRows as a second one, folded.
func (m *page) tables(title string, groups []*view.Group, rank int) []*block {
	if len(groups) == 0 {
		return nil
	}
	first, rest := groups[:min(len(groups), maxRows)], groups[min(len(groups), maxRows):]

	head := "\n#### " + title + "\n\n" + m.tableHead()
	blocks := []*block{m.table(first, rank, head, "")}
	if len(rest) > 0 {
		head := fold("and "+countGroups(rest)) + m.tableHead()
		blocks = append(blocks, m.table(rest, rank, head, foldEnd))
	}
	return blocks
}

// table is a block with the rows of groups.
func (m *page) table(groups []*view.Group, rank int, head, tail string) *block {
	return &block{
		head: head, tail: tail, rank: rank, items: len(groups),
		item: func(i int) string { return m.rows(groups[i]) },
		more: func(i int) string { return "\nand " + countGroups(groups[i:]) + ", left out for length.\n" },
	}
}

func (m *page) tableHead() string {
	if m.causes {
		return "| Objects | Setting | Before → after | Effect | Cause | Asked for in |\n|---|---|---|---|---|---|\n"
	}
	return "| Objects | Setting | Before → after | Effect | Asked for in |\n|---|---|---|---|---|\n"
}

// countGroups counts groups and their objects.
func countGroups(groups []*view.Group) string {
	objects := 0
	for _, g := range groups {
		objects += len(g.Names)
	}
	return words.Count(len(groups), "more group") + " of " + words.Count(objects, "object")
}

// rows returns the rows of a group, one for each edit. Cells do not hold pipes.
func (m *page) rows(g *view.Group) string {
	subject := g.SubjectAndPlace(markdownMarkup(), m.inPlace)
	if len(g.Names) > 1 {
		subject += ": " + markdownNames(g.Names, maxExamples)
	}
	if note := g.Note(); note != "" {
		subject += ", " + note
	}
	if len(g.Edits) == 0 {
		return m.row(subject, "", "", "", "", "")
	}

	var b strings.Builder
	for _, e := range g.Edits {
		b.WriteString(m.row(subject, markdownName(e.Setting), safe.MarkdownCode(m.values.Change(g.Kind, g.Action, e)),
			effect(e.Direction), causeWord(e.Cause), view.RequestedBy(e.Origin, markdownMarkup())))
		subject = ""
	}
	return b.String()
}

func (m *page) row(subject, setting, values, effect, cause, origin string) string {
	cells := []string{subject, setting, values, effect, cause, origin}
	if !m.causes {
		cells = slices.Delete(cells, 4, 5)
	}
	return "| " + strings.Join(cells, " | ") + " |\n"
}

func effect(d schema.Direction) string {
	if d == schema.Weakens {
		return "**weaker**"
	}
	if word := view.DirectionWord(d); word != "" {
		return safe.MarkdownText(view.Clip(word, maxName))
	}
	return ""
}

func causeWord(c plan.Cause) string {
	switch c {
	case "":
		return ""
	case plan.CauseConflict:
		return "**conflict**"
	case plan.CauseChange, plan.CauseDrift, plan.CauseAdopt:
	}
	return safe.MarkdownText(view.Clip(string(c), maxName))
}

// namesBlock is the folded list of the names that the tables leave out, and of the lines
// and rules that decide about each group.
func (m *page) namesBlock(groups []*view.Group) []*block {
	groups = slices.DeleteFunc(groups, func(g *view.Group) bool {
		return len(g.Names) <= maxExamples && !slices.ContainsFunc(g.Edits, func(e plan.Edit) bool { return e.Origin.Via != "" || e.Origin.Commit != "" })
	})
	if len(groups) == 0 {
		return nil
	}
	return []*block{{
		head: fold("Names, and the lines that decide"), tail: foldEnd, rank: rankNames, items: len(groups),
		more: func(i int) string { return "- and " + countGroups(groups[i:]) + ", left out for length\n" },
		item: func(i int) string { return m.names(groups[i]) },
	}}
}

func (m *page) names(g *view.Group) string {
	text := "- " + g.SubjectAndPlace(markdownMarkup(), m.inPlace)
	if by := g.DecidedBy(markdownMarkup()); len(by) > 0 {
		text += ", by " + strings.Join(by, ", ")
	}
	if len(g.Names) > 1 {
		text += ": " + markdownNames(g.Names, maxNames)
	}
	return text + "\n"
}

// diffBlock is the folded difference of the settings, one for each zone and
// account.
func (m *page) diffBlock() []*block {
	var places []*view.PlaceChanges
	for i := range m.view.Places {
		if p := &m.view.Places[i]; slices.ContainsFunc(p.Groups(), func(g *view.Group) bool { return len(g.Edits) > 0 }) {
			places = append(places, p)
		}
	}
	if len(places) == 0 {
		return nil
	}
	return []*block{{
		head: fold("Settings before and after"), tail: foldEnd, rank: rankDiff, items: len(places),
		more: func(i int) string {
			return "\nand the same of " + words.Count(len(places)-i, "other place") + ", left out for length.\n"
		},
		item: func(i int) string { return safe.Fenced("diff", m.placeDiff(places[i])) },
	}}
}

// placeDiff is the difference of the settings of one place, a hunk for the zone
// itself and one for each group.
func (m *page) placeDiff(p *view.PlaceChanges) []string {
	var ofZone []plan.Edit
	var groups []*view.Group
	for _, g := range p.Groups() {
		switch {
		case g.Kind == plan.KindZone:
			ofZone = append(ofZone, g.Edits...)
		case len(g.Edits) > 0:
			groups = append(groups, g)
		}
	}

	title := view.Clip(p.Heading(), maxDiffLine)
	lines := []string{"--- " + title + ", live", "+++ " + title + ", planned"}
	if len(ofZone) > 0 {
		lines = append(lines, m.hunk("zone", plan.KindZone, ofZone)...)
	}
	for _, g := range groups[:min(len(groups), maxHunks)] {
		about := g.Subject()
		if len(g.Names) > 1 {
			about += ", e.g. " + safe.Text(g.Names[0])
		}
		if g.Drift() {
			about += " (drift)"
		}
		lines = append(lines, m.hunk(about, g.Kind, g.Edits)...)
	}
	if n := len(groups) - maxHunks; n > 0 {
		lines = append(lines, "@@ and "+words.Count(n, "more group")+" @@")
	}
	return lines
}

// hunk is the difference of some settings. Of lists of cipher suites it shows
// what is in effect: the word inherit, or the name of a list, does not tell.
func (m *page) hunk(about string, k plan.Kind, edits []plan.Edit) []string {
	edits = slices.Clone(edits)
	slices.SortStableFunc(edits, view.CompareSettings)
	var suites []string
	edits = slices.DeleteFunc(edits, func(e plan.Edit) bool {
		d := m.values.Suites(k, e)
		if d != nil {
			suites = append(append(suites, "  "+safe.Text(e.Setting)+" in effect:"), d...)
		}
		return d != nil
	})
	changed := append(m.values.SettingsDiff(k, edits), suites...)

	lines := []string{"@@ " + view.Clip(about, maxDiffLine) + " @@"}
	for _, l := range changed[:min(len(changed), maxHunkLines)] {
		lines = append(lines, l[:1]+view.Clip(l[2:], maxDiffLine))
	}
	if n := len(changed) - maxHunkLines; n > 0 {
		lines = append(lines, " (and "+words.Count(n, "more line")+")")
	}
	return lines
}
