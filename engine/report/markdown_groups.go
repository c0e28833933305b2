package report

import (
	"slices"
	"strconv"
	"strings"

	"tlsync/engine/plan"
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

// markdownName is a name, or what else should be short, as a code span.
func markdownName(s string) string { return MarkdownCode(clip(s, maxName)) }

// markdownNames are the first names of many, and the number of the others.
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

// tables shows groups as a table, and beyond maxRows as a second one, folded.
func (m *page) tables(title string, groups []*group, rank int) []*block {
	if len(groups) == 0 {
		return nil
	}
	table := "| Objects | Setting | Before → after | Effect | Asked for in |\n|---|---|---|---|---|\n"
	if m.causes {
		table = "| Objects | Setting | Before → after | Effect | Cause | Asked for in |\n|---|---|---|---|---|---|\n"
	}
	left := func(groups []*group) func(int) string {
		return func(i int) string { return "\nand " + countGroups(groups[i:]) + ", left out for length.\n" }
	}
	first := groups[:min(len(groups), maxRows)]
	blocks := []*block{{
		head: "\n#### " + title + "\n\n" + table, rank: rank, items: len(first), more: left(first),
		item: func(i int) string { return m.rows(first[i]) },
	}}
	if rest := groups[len(first):]; len(rest) > 0 {
		blocks = append(blocks, &block{
			head: fold("and "+countGroups(rest)) + table, tail: foldEnd, rank: rank, items: len(rest), more: left(rest),
			item: func(i int) string { return m.rows(rest[i]) },
		})
	}
	return blocks
}

// countGroups counts groups and their objects.
func countGroups(groups []*group) string {
	objects := 0
	for _, g := range groups {
		objects += len(g.names)
	}
	return Plural(len(groups), "more group") + " of " + Plural(objects, "object")
}

// rows are the rows of a group, one for each edit. No cell holds a pipe.
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
		b.WriteString(m.row(subject, markdownName(e.Setting), MarkdownCode(m.values.change(g.kind, g.action, e)),
			effect(e.Direction), causeWord(e.Cause), askedIn(e.Origin)))
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
		return MarkdownText(clip(word, maxName))
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
	return MarkdownText(clip(string(c), maxName))
}

// askedIn is the line that asks for an edit.
func askedIn(o plan.Origin) string {
	if at := fileAndLine(o.Pos); at != "" {
		return markdownName(at)
	}
	return ""
}

// namesBlock is the folded list of names, and of the rules through which the
// groups are reached.
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
		item: func(i int) string {
			g := groups[i]
			text := "- " + g.subjectAndPlace(markdownMarkup(), m.inPlace)
			var deciders []string
			for _, e := range g.edits {
				d := askedIn(e.Origin)
				if e.Origin.Via != "" {
					d = strings.TrimSpace(d + " (" + MarkdownText(clip(e.Origin.Via, maxName)) + ")")
				}
				if e.Origin.Commit != "" {
					d += " of " + MarkdownCode(shortCommit(e.Origin.Commit)) + " by " + markdownName(e.Origin.Author)
				}
				if d != "" && !slices.Contains(deciders, d) {
					deciders = append(deciders, d)
				}
			}
			if len(deciders) > 0 {
				text += ", by " + strings.Join(deciders, ", ")
			}
			if len(g.names) > 1 {
				text += ": " + markdownNames(g.names, maxNames)
			}
			return text + "\n"
		},
	}}
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
			return "\nand the same of " + Plural(len(places)-i, "other place") + ", left out for length.\n"
		},
		item: func(i int) string { return fenced("diff", m.placeDiff(places[i])) },
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
			about += ", e.g. " + Safe(g.names[0])
		}
		if g.drift {
			about += " (drift)"
		}
		lines = append(lines, m.hunk(about, g.kind, g.edits)...)
	}
	if n := len(groups) - maxHunks; n > 0 {
		lines = append(lines, "@@ and "+Plural(n, "more group")+" @@")
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
			suites = append(append(suites, "  "+Safe(e.Setting)+" in effect:"), d...)
		}
		return d != nil
	})
	changed := append(m.values.settingsDiff(k, edits), suites...)

	lines := []string{"@@ " + clip(about, maxDiffLine) + " @@"}
	for _, l := range changed[:min(len(changed), maxHunkLines)] {
		lines = append(lines, l[:1]+clip(l[2:], maxDiffLine))
	}
	if n := len(changed) - maxHunkLines; n > 0 {
		lines = append(lines, " (and "+Plural(n, "more line")+")")
	}
	return lines
}
