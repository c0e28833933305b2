package report

import (
	"slices"
	"strconv"
	"strings"

	"tlsync/engine/plan"
	"tlsync/engine/safe"
	"tlsync/schema"
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
func markdownName(s string) string { return safe.MarkdownCode(clip(s, maxName)) }

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
func (m *page) tables(title string, groups []*group, rank int) []*block {
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
func (m *page) table(groups []*group, rank int, head, tail string) *block {
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
func countGroups(groups []*group) string {
	objects := 0
	for _, g := range groups {
		objects += len(g.names)
	}
	return plan.Count(len(groups), "more group") + " of " + plan.Count(objects, "object")
}

// rows returns the rows of a group, one for each edit. Cells do not hold pipes.
func (m *page) rows(g *group) string {
	subject := g.subjectAndPlace(markdownMarkup(), m.inPlace)
	if len(g.names) > 1 {
		subject += ": " + markdownNames(g.names, maxExamples)
	}
	if note := g.note(); note != "" {
		subject += ", " + note
	}
	if len(g.edits) == 0 {
		return m.row(subject, "", "", "", "", "")
	}

	var b strings.Builder
	for _, e := range g.edits {
		b.WriteString(m.row(subject, markdownName(e.Setting), safe.MarkdownCode(m.values.change(g.kind, g.action, e)),
			effect(e.Direction), causeWord(e.Cause), requestedBy(e.Origin, markdownMarkup())))
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
	if word := directionWord(d); word != "" {
		return safe.MarkdownText(clip(word, maxName))
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
	return safe.MarkdownText(clip(string(c), maxName))
}

// namesBlock is the folded list of the names that the tables leave out, and of the lines
// and rules that decide about each group.
func (m *page) namesBlock(groups []*group) []*block {
	groups = slices.DeleteFunc(groups, func(g *group) bool {
		return len(g.names) <= maxExamples && !slices.ContainsFunc(g.edits, func(e plan.Edit) bool { return e.Origin.Via != "" || e.Origin.Commit != "" })
	})
	if len(groups) == 0 {
		return nil
	}
	return []*block{{
		head: fold("Names, and what decided"), tail: foldEnd, rank: rankNames, items: len(groups),
		more: func(i int) string { return "- and " + countGroups(groups[i:]) + ", left out for length\n" },
		item: func(i int) string { return m.names(groups[i]) },
	}}
}

func (m *page) names(g *group) string {
	text := "- " + g.subjectAndPlace(markdownMarkup(), m.inPlace)
	if by := g.decidedBy(markdownMarkup()); len(by) > 0 {
		text += ", by " + strings.Join(by, ", ")
	}
	if len(g.names) > 1 {
		text += ": " + markdownNames(g.names, maxNames)
	}
	return text + "\n"
}

// diffBlock is the folded difference of the settings, one for each zone and
// account.
func (m *page) diffBlock() []*block {
	var places []*placeChanges
	for i := range m.view.places {
		if p := &m.view.places[i]; slices.ContainsFunc(p.groups(), func(g *group) bool { return len(g.edits) > 0 }) {
			places = append(places, p)
		}
	}
	if len(places) == 0 {
		return nil
	}
	return []*block{{
		head: fold("Settings before and after"), tail: foldEnd, rank: rankDiff, items: len(places),
		more: func(i int) string {
			return "\nand the same of " + plan.Count(len(places)-i, "other place") + ", left out for length.\n"
		},
		item: func(i int) string { return safe.Fenced("diff", m.placeDiff(places[i])) },
	}}
}

// placeDiff is the difference of the settings of one place, a hunk for the zone
// itself and one for each group.
func (m *page) placeDiff(p *placeChanges) []string {
	var ofZone []plan.Edit
	var groups []*group
	for _, g := range p.groups() {
		switch {
		case g.kind == plan.KindZone:
			ofZone = append(ofZone, g.edits...)
		case len(g.edits) > 0:
			groups = append(groups, g)
		}
	}

	title := clip(p.heading(), maxDiffLine)
	lines := []string{"--- " + title + ", live", "+++ " + title + ", planned"}
	if len(ofZone) > 0 {
		lines = append(lines, m.hunk("zone", plan.KindZone, ofZone)...)
	}
	for _, g := range groups[:min(len(groups), maxHunks)] {
		about := g.subject()
		if len(g.names) > 1 {
			about += ", e.g. " + safe.Text(g.names[0])
		}
		if g.drift {
			about += " (drift)"
		}
		lines = append(lines, m.hunk(about, g.kind, g.edits)...)
	}
	if n := len(groups) - maxHunks; n > 0 {
		lines = append(lines, "@@ and "+plan.Count(n, "more group")+" @@")
	}
	return lines
}

// hunk is the difference of some settings. Of lists of cipher suites it shows
// what is in effect: the word inherit, or the name of a list, does not tell.
func (m *page) hunk(about string, k plan.Kind, edits []plan.Edit) []string {
	edits = slices.Clone(edits)
	slices.SortStableFunc(edits, compareSettings)
	var suites []string
	edits = slices.DeleteFunc(edits, func(e plan.Edit) bool {
		d := m.values.suites(k, e)
		if d != nil {
			suites = append(append(suites, "  "+safe.Text(e.Setting)+" in effect:"), d...)
		}
		return d != nil
	})
	changed := append(m.values.settingsDiff(k, edits), suites...)

	lines := []string{"@@ " + clip(about, maxDiffLine) + " @@"}
	for _, l := range changed[:min(len(changed), maxHunkLines)] {
		lines = append(lines, l[:1]+clip(l[2:], maxDiffLine))
	}
	if n := len(changed) - maxHunkLines; n > 0 {
		lines = append(lines, " (and "+plan.Count(n, "more line")+")")
	}
	return lines
}
