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

// row is one edit of a group. The first row of a group has its subject, mark and note.
type row struct {
	mark      string
	cells     [columns]string
	direction schema.Direction
	note      string
	names     []string // to take examples from
	below     []string // lines under the row, to be indented
}

// rows lays out groups.
func (t *text) rows(groups []*view.Group) []row {
	rows := make([]row, 0, len(groups))
	for _, g := range groups {
		first := len(rows)
		for _, e := range g.Edits {
			rows = append(rows, t.editRow(g, e))
		}
		if len(g.Edits) == 0 {
			rows = append(rows, row{})
		}

		r := &rows[first]
		r.cells[colSubject] = g.Subject()
		r.note = g.Note()
		if r.mark != "!" {
			r.mark = actionMark(g.Action)
		}
		if !t.verbose { // which lists them all
			r.names = g.Names
		}

		last := &rows[len(rows)-1]
		last.below = append(last.below, t.groupDetails(g)...)
	}
	return rows
}

func (t *text) editRow(g *view.Group, e plan.Edit) row {
	r := row{direction: e.Direction, mark: " "}
	if view.Weakens(e) {
		r.mark = "!"
	}
	r.cells[colSetting] = safe.Text(e.Setting)
	r.cells[colValues] = t.values.Change(g.Kind, g.Action, e)
	r.cells[colDirection] = view.DirectionWord(e.Direction)
	if t.drift && e.Cause == plan.CauseDrift && view.Weakens(e) {
		r.cells[colDirection] = strings.ToUpper(r.cells[colDirection])
	}
	if t.causes {
		r.cells[colCause] = safe.Text(string(e.Cause))
	}
	r.cells[colOrigin] = t.origin(e.Origin)

	for _, l := range t.values.Suites(g.Kind, e) {
		r.below = append(r.below, t.paintDiff(l))
	}
	return r
}

// groupDetails returns the lines that Verbose adds below a group.
func (t *text) groupDetails(g *view.Group) []string {
	if !t.verbose {
		return nil
	}
	lines := namesBelow(g)
	if g.Kind != plan.KindZone {
		lines = append(lines, t.yamlDiff(g.Kind, g.Edits)...)
	}
	return lines
}

// namesBelow returns the names of a group, if there are more than one.
func namesBelow(g *view.Group) []string {
	if len(g.Names) < 2 {
		return nil
	}
	lines := make([]string, len(g.Names))
	for i, n := range g.Names {
		lines[i] = safe.Text(n)
	}
	return lines
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

// origin returns the line that asks for an edit.
func (t *text) origin(o plan.Origin) string {
	at := view.FileAndLine(o.Pos)
	if t.verbose && o.Via != "" {
		at = strings.TrimSpace(at + " (" + safe.Text(o.Via) + ")")
	}
	if t.verbose && o.Commit != "" {
		at += ", line by " + safe.Text(o.Author+" in "+view.ShortCommit(o.Commit))
	}
	return at
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

	if r.note != "" {
		line += strings.Repeat(" ", pending) + "  " + r.note
		plainWidth += pending + 2 + width(r.note)
		pending = 0
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
