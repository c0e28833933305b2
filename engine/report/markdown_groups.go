package report

import (
	"slices"
	"strings"

	"tlsync/engine/plan"
	"tlsync/engine/report/view"
	"tlsync/engine/safe"
	"tlsync/schema"
	"tlsync/schema/sorted"
	"tlsync/schema/words"
)

const (
	// maxName is how many characters of a name are shown: no hostname has more
	// than 253.
	maxName = 255
	// maxRows is how many groups of a table are shown before the rest is folded.
	maxRows = 20
	// maxAlike is how many groups a table has before those that are alike are joined.
	maxAlike = 10
	// maxExamples is how many names of a group a table shows; of more it shows one.
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
		b.WriteString(" and " + words.Number(len(names)-most) + " more")
	}
	return b.String()
}

// tables shows groups as a table, and those beyond maxRows as a second one, folded. Of many
// groups that make the same setting go in the same direction the first one has the largest.
func (m *page) tables(title string, groups []*view.Group, rank int) []*block {
	if len(groups) == 0 {
		return nil
	}
	shown, joined := view.Fold(groups, maxAlike)
	first, rest := shown[:min(len(shown), maxRows)], slices.Concat(shown[min(len(shown), maxRows):], joined)

	head := "\n#### " + title + "\n\n" + m.tableHead()
	blocks := []*block{m.table(first, rank, head, "")}
	if len(rest) > 0 {
		title := "and " + countGroups(rest)
		if len(joined) > 0 {
			title = "One by one: " + countGroups(rest)
		}
		blocks = append(blocks, m.table(rest, rank, fold(title)+m.tableHead(), foldEnd))
	}
	return blocks
}

// table is a block with the rows of groups.
func (m *page) table(groups []*view.Group, rank int, head, tail string) *block {
	return &block{
		head: head, tail: tail, rank: rank, items: len(groups),
		item: func(i int) string { return m.row(groups[i], i == 0) },
		more: func(i int) string { return "\nand " + countGroups(groups[i:]) + ", left out for length.\n" },
	}
}

func (m *page) tableHead() string {
	return "| Objects | Setting | " + m.valuesHead() + " | Effect | Line |\n|---|---|---|---|---|\n"
}

// valuesHead is the title of the column of values.
func (m *page) valuesHead() string {
	if m.drift {
		return "Committed and live"
	}
	return "Before → after"
}

// countGroups counts groups and their objects. Those that are joined in one are counted
// where they are shown one by one.
func countGroups(groups []*view.Group) string {
	single, objects := 0, 0
	for _, g := range groups {
		if g.Variants == 0 {
			single++
			objects += len(g.Names)
		}
	}
	return words.Count(single, "more group") + " of " + words.Count(objects, "object")
}

// row returns the row of a group; the first of a table always has a subject. Cells do not
// hold pipes.
func (m *page) row(g *view.Group, first bool) string {
	subject := ""
	if first || !g.Repeats {
		subject = g.SubjectAndPlace(m.look, m.inPlace)
		switch n := len(g.Names); {
		case n > maxExamples: // a long cell squeezes the others
			subject += ", e.g. " + markdownName(g.Names[0])
		case n > 1:
			subject += ": " + markdownNames(g.Names, n)
		}
	}

	setting, change, what := "", "", ""
	if e := g.Edit; e != nil {
		setting, change = markdownName(e.Setting), safe.MarkdownCode(m.values.ChangeOf(g))
		what = strings.Join(nonEmpty(effect(e.Direction), m.causeWord(g)), ", ")
	}
	cells := []string{subject, setting, change, what, g.RequestedBy(m.look)}
	return "| " + strings.Join(cells, " | ") + " |\n"
}

func nonEmpty(texts ...string) []string {
	return slices.DeleteFunc(texts, func(s string) bool { return s == "" })
}

// overview is the table of all changes, if there is more than one.
func (m *page) overview() []*block {
	rows := m.view.Overview()
	if len(rows) < 2 {
		return nil
	}
	return []*block{{
		head: "\n| Setting | " + m.valuesHead() + " | Effect | Objects |\n|---|---|---|---|\n", rank: rankOverview, items: len(rows),
		more: func(i int) string {
			return "\nand " + words.Count(len(rows)-i, "more change") + ", left out for length.\n"
		},
		item: func(i int) string {
			o := &rows[i]
			setting := ""
			if o.Setting != "" {
				setting = markdownName(o.Setting)
			}
			return "| " + strings.Join([]string{setting, safe.MarkdownCode(o.Change), effect(o.Direction), o.Objects(m.look)}, " | ") + " |\n"
		},
	}}
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

// causeWord says why an edit is planned, where the title of its table does not: weaker ones
// stand together, whatever their cause, and so do those that the commit asks for.
func (m *page) causeWord(g *view.Group) string {
	if !m.causes {
		return ""
	}
	switch cause := g.Edit.Cause; {
	case cause == plan.CauseAdopt:
		return "newly managed"
	case cause == plan.CauseDrift && view.Weakens(*g.Edit) && !m.drift:
		return "drift"
	}
	return ""
}

// namesBlock is the folded list of the names that the tables leave out, and of the lines
// and rules that decide about each group.
func (m *page) namesBlock(groups []*view.Group) []*block {
	var items [][]*view.Group // each of the same objects
	for _, g := range groups {
		last := len(items) - 1
		switch plain := len(g.Names) <= maxExamples && (g.Edit == nil || g.Edit.Origin.Via == "" && g.Edit.Origin.Commit == ""); {
		case plain:
		case g.Repeats && last >= 0 && slices.Equal(items[last][0].Names, g.Names):
			items[last] = append(items[last], g)
		default:
			items = append(items, []*view.Group{g})
		}
	}
	if len(items) == 0 {
		return nil
	}
	return []*block{{
		head: fold("Names, and the lines that decide"), tail: foldEnd, rank: rankNames, items: len(items),
		more: func(i int) string {
			return "- and " + countGroups(slices.Concat(items[i:]...)) + ", left out for length\n"
		},
		item: func(i int) string { return m.names(items[i]) },
	}}
}

// names lists the names of groups of the same objects, and what decides about each setting.
func (m *page) names(groups []*view.Group) string {
	first := groups[0]
	text := "- " + first.SubjectAndPlace(m.look, m.inPlace)
	for _, g := range groups {
		if g.Edit == nil {
			continue
		}
		text += ", " + markdownName(g.Edit.Setting)
		if by := g.DecidedBy(m.look); len(by) > 0 {
			text += " by " + strings.Join(by, ", ")
		}
	}

	if len(first.Names) > 1 {
		text += ": " + strings.Join(first.NamesAndLines(m.look, maxNames), ", ")
	}
	if n := len(first.Names) - maxNames; n > 0 {
		text += " and " + words.Number(n) + " more"
	}
	return text + "\n"
}

// diffBlock is the folded difference of the settings, one for each zone and
// account.
func (m *page) diffBlock() []*block {
	var places []*view.PlaceChanges
	for i := range m.view.Places {
		if p := &m.view.Places[i]; slices.ContainsFunc(p.Groups(), func(g *view.Group) bool { return g.Edit != nil }) {
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
	var hunks [][]*view.Group // each of the same objects
	for _, g := range p.Groups() {
		switch last := len(hunks) - 1; {
		case g.Edit == nil:
		case g.Kind == plan.KindZone:
			ofZone = append(ofZone, *g.Edit)
		case g.Repeats && last >= 0:
			hunks[last] = append(hunks[last], g)
		default:
			hunks = append(hunks, []*view.Group{g})
		}
	}

	title := view.Clip(p.Heading(), maxDiffLine)
	lines := []string{"--- " + title + ", live", "+++ " + title + ", planned"}
	if len(ofZone) > 0 {
		lines = append(lines, m.hunk("zone", plan.KindZone, ofZone)...)
	}
	for _, groups := range hunks[:min(len(hunks), maxHunks)] {
		lines = append(lines, m.hunkOf(groups)...)
	}
	if n := len(hunks) - maxHunks; n > 0 {
		lines = append(lines, "@@ and "+words.Count(n, "more group")+" @@")
	}
	return lines
}

// hunkOf is the difference of the settings of some objects.
func (m *page) hunkOf(groups []*view.Group) []string {
	g := groups[0]
	about := g.Subject()
	if len(g.Names) > 1 {
		about += ", e.g. " + safe.Text(g.Names[0])
	}
	if g.Drift() {
		about += " (drift)"
	}

	edits := make([]plan.Edit, len(groups))
	for i, g := range groups {
		edits[i] = *g.Edit
	}
	return m.hunk(about, g.Kind, edits)
}

// hunk is the difference of some settings. Of lists of cipher suites it shows
// what is in effect: the word inherit, or the name of a list, does not tell.
func (m *page) hunk(about string, k plan.Kind, edits []plan.Edit) []string {
	edits = slices.Clone(edits)
	sorted.Stably(edits, view.CompareSettings)
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
