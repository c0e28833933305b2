package report

import (
	"fmt"
	"strings"

	"tlsync/engine/plan"
	"tlsync/engine/report/view"
	"tlsync/engine/safe"
	"tlsync/schema"
)

// The columns of a row.
const (
	colSubject = iota
	colSetting
	colValues
	colDirection
	colCause
	colOrigin
	columns
)

// maxColumn bounds the width to which columns are aligned: one long name must
// not push everything else off the screen.
const maxColumn = 40

// maxLine is the width beyond which examples get a line of their own.
const maxLine = 120

// row is a group. A row about the objects of the one before has no subject.
type row struct {
	mark      string
	cells     [columns]string
	direction schema.Direction
	names     []string // to take examples from
	below     []string // lines under the row, to be indented
}

// maxTextRows is how many groups of a section are shown one by one without Verbose.
const maxTextRows = 40

// rows lays out groups.
func (t *text) rows(groups []*view.Group) []row {
	rows := make([]row, 0, len(groups))
	var edits []plan.Edit // of the same objects
	for i, g := range groups {
		r := t.groupRow(g)
		if !g.Repeats {
			r.cells[colSubject] = g.Subject()
			if !t.verbose { // which lists them all
				r.names = g.Names
			}
			if r.mark == " " {
				r.mark = actionMark(g.Action)
			}
		}

		if !g.Repeats {
			edits = nil
		}
		if g.Edit != nil {
			edits = append(edits, *g.Edit)
		}
		if last := i+1 == len(groups) || !groups[i+1].Repeats; t.verbose && last {
			r.below = append(r.below, t.groupDetails(g, edits)...)
		}
		rows = append(rows, r)
	}
	return rows
}

// groupRow lays out the edit of a group.
func (t *text) groupRow(g *view.Group) row {
	r := row{mark: " "}
	r.cells[colValues] = t.values.ChangeOf(g)
	r.cells[colOrigin] = t.origin(g)

	e := g.Edit
	if e == nil {
		return r
	}
	if view.Weakens(*e) {
		r.mark = "!"
	}
	r.direction = e.Direction
	r.cells[colSetting] = safe.Text(e.Setting)
	r.cells[colDirection] = view.DirectionWord(e.Direction)
	if t.drift && e.Cause == plan.CauseDrift && view.Weakens(*e) {
		r.cells[colDirection] = strings.ToUpper(r.cells[colDirection])
	}
	if t.causes {
		r.cells[colCause] = safe.Text(string(e.Cause))
	}

	if t.verbose {
		r.below = t.paintDiffs(t.values.Suites(g.Kind, *e))
	}
	return r
}

// groupDetails returns the lines that Verbose adds below the rows of some objects: their
// names, and their settings before and after.
func (t *text) groupDetails(g *view.Group, edits []plan.Edit) []string {
	lines := t.namesBelow(g)
	if g.Kind != plan.KindZone { // whose settings are compared as a whole
		lines = append(lines, t.yamlDiff(g.Kind, edits)...)
	}
	return lines
}

// namesBelow returns the names of a group, if there are more than one.
func (t *text) namesBelow(g *view.Group) []string {
	if len(g.Names) < 2 {
		return nil
	}
	return g.NamesAndLines(view.PlainMarkup(), len(g.Names))
}

func actionMark(action string) string {
	switch action {
	case plan.Create:
		return "+"
	case plan.Delete:
		return "-"
	}
	return "~"
}

// origin returns the lines that ask for the edit of a group.
func (t *text) origin(g *view.Group) string {
	if by := g.DecidedBy(view.PlainMarkup()); t.verbose && by != nil {
		return strings.Join(by, ", ")
	}
	return g.RequestedBy(view.PlainMarkup())
}

// columnWidths returns the widths to which the columns of some tables are filled up.
func columnWidths(tables ...[]row) [columns]int {
	var widths [columns]int
	for _, rows := range tables {
		for i := range rows {
			for c, cell := range rows[i].cells {
				if w := width(cell); w <= maxColumn {
					widths[c] = max(widths[c], w)
				}
			}
		}
	}
	return widths
}

// row prints one row, and the lines below it.
func (t *text) row(r row, widths [columns]int) {
	line := "  " + t.paintMark(r.mark)
	plainWidth := 3
	gap := " "
	pending := 0 // spaces that are only written if something follows
	for c, cell := range r.cells {
		if widths[c] == 0 && cell == "" {
			continue
		}
		if cell != "" {
			line += strings.Repeat(" ", pending) + gap + t.paintCell(c, cell, r.direction)
			plainWidth += pending + len(gap) + width(cell)
			pending = max(0, widths[c]-width(cell))
		} else {
			pending += len(gap) + widths[c]
		}
		gap = "  "
	}

	if eg, fits := examples(r.names, maxLine-plainWidth-pending-2); fits {
		line += strings.Repeat(" ", pending) + "  " + t.style.dim.Sprint(eg)
	} else if eg != "" {
		line += "\n      " + t.style.dim.Sprint(eg)
	}

	fmt.Fprintln(t.out, line)
	for _, l := range r.below {
		fmt.Fprintln(t.out, "      "+l)
	}
}

func (t *text) paintMark(mark string) string {
	switch mark {
	case "!", "-":
		return t.style.bad.Sprint(mark)
	case "+":
		return t.style.good.Sprint(mark)
	case "~":
		return t.style.warn.Sprint(mark)
	}
	return mark
}

func (t *text) paintCell(column int, cell string, d schema.Direction) string {
	switch {
	case column != colDirection:
	case d == schema.Weakens:
		return t.style.bad.Sprint(cell)
	case d == schema.Strengthens:
		return t.style.good.Sprint(cell)
	}
	return cell
}
