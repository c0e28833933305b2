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

// placed is a group with where it belongs.
type placed struct {
	*group
	place string
	drift bool
}

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

// placeName is a place inside a sentence.
func placeName(place string) string {
	if account, ok := strings.CutPrefix(place, accountMark); ok {
		return "account " + markdownName(account)
	}
	return "zone " + markdownName(place)
}

// subject names the objects of a group: by their number, or the only one by its
// name; and where they are, unless the whole plan is about one place.
func (m *page) subject(g placed) string {
	var text string
	kind := MarkdownText(clip(kindName(g.kind, len(g.names)), maxName))
	switch {
	case len(g.names) > 1:
		text = strconv.Itoa(len(g.names)) + " " + kind
	case g.kind == plan.KindZone:
		return placeName(g.place)
	case g.kind == plan.KindCustomHostname:
		text = markdownName(g.names[0]) // what nearly all are
	default:
		text = kind + " " + markdownName(g.names[0])
	}
	switch g.action {
	case plan.Create:
		text = "add " + text
	case plan.Delete:
		text = "remove " + text
	}
	if len(m.zones) > 1 {
		text += " of " + placeName(g.place)
	}
	return text
}

// tables shows groups as a table, and beyond maxRows as a second one, folded.
func (m *page) tables(title string, groups []placed, rank int) []*block {
	if len(groups) == 0 {
		return nil
	}
	table := "| Objects | Setting | Before → after | Effect | Asked for in |\n|---|---|---|---|---|\n"
	if m.causes {
		table = "| Objects | Setting | Before → after | Effect | Cause | Asked for in |\n|---|---|---|---|---|---|\n"
	}
	left := func(groups []placed) func(int) string {
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
func countGroups(groups []placed) string {
	objects := 0
	for _, g := range groups {
		objects += len(g.names)
	}
	return Plural(len(groups), "more group") + " of " + Plural(objects, "object")
}

// rows are the rows of a group, one for each edit. No cell holds a pipe.
func (m *page) rows(g placed) string {
	subject := m.subject(g)
	if len(g.names) > 1 {
		subject += ": " + markdownNames(g.names, maxExamples)
	}
	if note := writes(g.group); note != "" {
		subject += ", " + note
	}
	if len(g.edits) == 0 {
		return m.row(subject, "", "", "", "", "")
	}
	var b strings.Builder
	for _, e := range g.edits {
		b.WriteString(m.row(subject, markdownName(e.Setting), MarkdownCode(m.values.change(g.kind, g.action, e)),
			effect(e.Direction), causeWord(e.Cause), asked(e.Origin)))
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

// asked is the line that asks for an edit.
func asked(o plan.Origin) string {
	if at := place(o.Pos); at != "" {
		return markdownName(at)
	}
	return ""
}

// namesBlock is the folded list of names, and of the rules through which the
// groups are reached.
func (m *page) namesBlock(groups []placed) []*block {
	groups = slices.DeleteFunc(groups, func(g placed) bool {
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
			text := "- " + m.subject(g)
			var deciders []string
			for _, e := range g.edits {
				d := asked(e.Origin)
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
	places := slices.DeleteFunc(slices.Clone(m.zones), func(z zone) bool {
		return !slices.ContainsFunc(z.sections, func(s section) bool {
			return slices.ContainsFunc(s.groups, func(g group) bool { return len(g.edits) > 0 })
		})
	})
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
func (m *page) placeDiff(z zone) []string {
	title := clip(heading(z.name), maxDiffLine)
	lines := []string{"--- " + title + ", live", "+++ " + title + ", planned"}
	var own []plan.Edit
	var groups []placed
	for _, s := range z.sections {
		for i := range s.groups {
			switch g := (placed{&s.groups[i], z.name, s.drift}); {
			case g.kind == plan.KindZone:
				own = append(own, g.edits...)
			case len(g.edits) > 0:
				groups = append(groups, g)
			}
		}
	}
	if len(own) > 0 {
		lines = append(lines, m.hunk("zone", plan.KindZone, own)...)
	}
	for _, g := range groups[:min(len(groups), maxHunks)] {
		about := g.group.subject()
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
// what visitors meet, since one that is inherited or has a name tells nothing.
func (m *page) hunk(about string, k plan.Kind, edits []plan.Edit) []string {
	edits = slices.Clone(edits)
	slices.SortStableFunc(edits, bySetting)
	var suites []string
	edits = slices.DeleteFunc(edits, func(e plan.Edit) bool {
		d := m.values.suites(k, e)
		if d != nil {
			suites = append(append(suites, "  "+Safe(e.Setting)+" in effect:"), d...)
		}
		return d != nil
	})
	before := m.values.settingsYAML(k, edits, func(e plan.Edit) schema.Value { return e.From })
	after := m.values.settingsYAML(k, edits, func(e plan.Edit) schema.Value { return e.To })
	changed := append(diff(before, after), suites...)
	lines := []string{"@@ " + clip(about, maxDiffLine) + " @@"}
	for _, l := range changed[:min(len(changed), maxHunkLines)] {
		lines = append(lines, l[:1]+clip(l[2:], maxDiffLine))
	}
	if n := len(changed) - maxHunkLines; n > 0 {
		lines = append(lines, " (and "+Plural(n, "more line")+")")
	}
	return lines
}
