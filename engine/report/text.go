package report

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// TextOptions are the choices that Text leaves to its caller.
type TextOptions struct {
	// Verbose names every object, says through which rule it is reached, and
	// shows the settings before and after as YAML.
	Verbose bool
	Color   bool
	// Rate is the permitted rate as it is shown: "1,100 per 5 min". Empty leaves
	// it out.
	Rate string
	// Limit is how long a run may take; 0 for as long as it likes. A plan that
	// takes longer says so.
	Limit time.Duration
	// Pending says that what live was expected to be has been applied before, so
	// that what a commit asks for is one that was not applied yet.
	Pending bool
}

// Text prints a plan for people: what is done in each zone, the hazards, the
// findings, what it costs, and the line that counts.
//
// That line counts objects: a custom hostname once, even if it takes two
// writes, and every setting of a zone, each of which is an object of
// Cloudflare's API.
func Text(w io.Writer, p *plan.Plan, o TextOptions) error {
	out := bufio.NewWriter(w)
	changes := make([]*plan.Change, len(p.Changes))
	for i := range p.Changes {
		changes[i] = &p.Changes[i]
	}
	objs := objects(changes)
	t := text{out: out, style: newStyle(o.Color), values: newValues(), verbose: o.Verbose, asked: askedTitle(o.Pending)}
	t.causes = hasBase(p, objs)
	for _, z := range zones(objs) {
		t.zone(z)
	}
	t.order(changes)
	t.hazards(changes)
	t.findings(p.Findings)
	fmt.Fprintln(out, cost(p.Summary, o.Rate, o.Limit))
	fmt.Fprintln(out, count(objs, p.Findings))
	return out.Flush() // the first error of any write
}

// hasBase reports whether the plan was compared with a base commit. Without one
// every edit is "adopt", and the word is left out.
func hasBase(p *plan.Plan, objs []object) bool { return p.Config.BaseCommit != "" || !onlyAdopts(objs) }

// askedTitle is the heading of what is no drift.
func askedTitle(pending bool) string {
	if pending {
		return "Pending: committed and not applied yet"
	}
	return "Asked for by this commit"
}

func onlyAdopts(objs []object) bool {
	for _, o := range objs {
		for _, e := range o.edits {
			if e.Cause != plan.CauseAdopt {
				return false
			}
		}
	}
	return true
}

// cost is the line about requests.
func cost(s plan.Summary, rate string, limit time.Duration) string {
	line := fmt.Sprintf("Requests: %d read", s.Requests.Read)
	if s.Requests.Write == 0 {
		return line
	}
	line += fmt.Sprintf(", %d to write, about %s", s.Requests.Write, Duration(s.EstimatedSeconds))
	if rate != "" {
		line += " at " + rate
	}
	if limit > 0 && s.Estimated() > limit {
		line += ", more than the " + Duration(int(limit.Seconds())) + " that one run has"
	}
	return line
}

// Duration rounds to what an estimate is good for.
func Duration(seconds int) string {
	switch {
	case seconds < 60:
		return strconv.Itoa(max(seconds, 1)) + " s"
	case seconds <= 90*60:
		return strconv.Itoa((seconds+30)/60) + " min"
	}
	tenths := (seconds + 180) / 360
	if tenths%10 == 0 {
		return strconv.Itoa(tenths/10) + " h"
	}
	return strconv.Itoa(tenths/10) + "." + strconv.Itoa(tenths%10) + " h"
}

// count is the last line.
func count(objs []object, findings []plan.Finding) string {
	incomplete := slices.ContainsFunc(findings, func(f plan.Finding) bool { return f.Severity == schema.Error && !f.OfPolicy() })
	switch {
	case len(objs) == 0 && incomplete:
		return "No changes in what could be compared."
	case len(objs) == 0:
		return "No changes."
	}
	add, change, remove := actions(objs)
	return fmt.Sprintf("Plan: %d to add, %d to change, %d to remove.", add, change, remove)
}

// actions counts objects by what is done to them.
func actions(objs []object) (add, change, remove int) {
	for _, o := range objs {
		switch o.action {
		case plan.Create:
			add++
		case plan.Delete:
			remove++
		default:
			change++
		}
	}
	return add, change, remove
}

// text is one rendering.
type text struct {
	out     *bufio.Writer
	style   style
	values  *values
	verbose bool
	causes  bool   // show why live differs
	asked   string // the heading of what is no drift
}

// zone prints what is done in one zone.
func (t *text) zone(z zone) {
	fmt.Fprintln(t.out, t.style.bold.Sprint(heading(z.name)))
	var tables [][]row
	for _, s := range z.sections {
		tables = append(tables, t.rows(s.groups))
	}
	widths := columnWidths(tables...)
	for i, s := range z.sections {
		if len(z.sections) > 1 || !s.drift && t.asked == askedTitle(true) {
			title := t.asked
			if s.drift {
				title = "Drift: live left what is committed"
			}
			fmt.Fprintln(t.out, "  "+t.style.bold.Sprint(title))
		}
		for _, r := range tables[i] {
			t.row(r, widths)
		}
	}
	if t.verbose {
		t.zoneYAML(z)
	}
	fmt.Fprintln(t.out)
}

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

// row is one edit of a group; the first of a group has the subject, the mark
// and the notes.
type row struct {
	mark      string
	cells     [columns]string
	direction schema.Direction
	note      string
	names     []string // to take examples from
	below     []string // lines under the row, to be indented
}

// rows lays out groups.
func (t *text) rows(groups []group) []row {
	rows := make([]row, 0, len(groups))
	for i := range groups {
		g := &groups[i]
		first := len(rows)
		for _, e := range g.edits {
			rows = append(rows, t.editRow(g, e))
		}
		if len(g.edits) == 0 {
			rows = append(rows, row{})
		}
		rows[first].cells[colSubject] = g.subject()
		if rows[first].mark != "!" {
			rows[first].mark = actionMark(g.action)
		}
		rows[first].note = writes(g)
		if !t.verbose { // which lists them all
			rows[first].names = g.names
		}
		last := &rows[len(rows)-1]
		last.below = append(last.below, t.groupDetails(g)...)
	}
	return rows
}

func (t *text) editRow(g *group, e plan.Edit) row {
	r := row{direction: e.Direction, mark: " "}
	if e.Direction == schema.Weakens {
		r.mark = "!"
	}
	r.cells[colSetting] = Safe(e.Setting)
	r.cells[colValues] = t.values.change(g.kind, g.action, e)
	r.cells[colDirection] = directionWord(e.Direction)
	if t.causes {
		r.cells[colCause] = Safe(string(e.Cause))
	}
	r.cells[colOrigin] = t.origin(e.Origin)
	for _, l := range t.values.suites(g.kind, e) { // of what exists on both sides
		r.below = append(r.below, t.paintDiff(l))
	}
	return r
}

func explicit(v schema.Value) bool { return v != schema.Inherit && v != "" }

func actionMark(action string) string {
	switch action {
	case "create":
		return "+"
	case "delete":
		return "-"
	}
	return "~"
}

func directionWord(d schema.Direction) string {
	switch d {
	case schema.Strengthens:
		return "stronger"
	case schema.Weakens:
		return "weaker"
	case schema.Changes:
		return "changes"
	}
	return Safe(string(d))
}

// origin is the line that asks for an edit.
func (t *text) origin(o plan.Origin) string {
	at := place(o.Pos)
	if t.verbose && o.Via != "" {
		at = strings.TrimSpace(at + " (" + Safe(o.Via) + ")")
	}
	if t.verbose && o.Commit != "" {
		at += ", " + Safe(shortCommit(o.Commit)+" by "+o.Author)
	}
	return at
}

// shortCommit is a commit id as people write it.
func shortCommit(hash string) string { return hash[:min(len(hash), 12)] }

// place is file and line.
func place(p schema.Pos) string {
	if p.Line == 0 {
		return Safe(p.File)
	}
	return Safe(p.File) + ":" + strconv.Itoa(p.Line)
}

// writes notes where objects take more than one write.
func writes(g *group) string {
	switch {
	case g.writes < 2:
		return ""
	case len(g.names) == 1:
		return strconv.Itoa(g.writes) + " writes"
	}
	return strconv.Itoa(g.writes) + " writes each"
}

// groupDetails are the lines that Verbose adds below a group.
func (t *text) groupDetails(g *group) []string {
	if !t.verbose {
		return nil
	}
	var lines []string
	if len(g.names) > 1 {
		for _, n := range g.names {
			lines = append(lines, Safe(n))
		}
	}
	if g.kind != plan.KindZone {
		lines = append(lines, t.yamlDiff(g.kind, g.edits)...)
	}
	return lines
}

// zoneYAML shows the zone's own settings before and after.
func (t *text) zoneYAML(z zone) {
	var edits []plan.Edit
	for _, s := range z.sections {
		for _, g := range s.groups {
			if g.kind == plan.KindZone {
				edits = append(edits, g.edits...)
			}
		}
	}
	lines := t.yamlDiff(plan.KindZone, edits)
	if len(lines) == 0 {
		return
	}
	fmt.Fprintln(t.out, "  Settings of the zone, before and after")
	for _, l := range lines {
		fmt.Fprintln(t.out, "      "+l)
	}
}

func (t *text) yamlDiff(k plan.Kind, edits []plan.Edit) []string {
	edits = slices.Clone(edits)
	slices.SortStableFunc(edits, bySetting)
	before := t.values.settingsYAML(k, edits, func(e plan.Edit) schema.Value { return e.From })
	after := t.values.settingsYAML(k, edits, func(e plan.Edit) schema.Value { return e.To })
	lines := diff(before, after)
	for i, l := range lines {
		lines[i] = t.paintDiff(l)
	}
	return lines
}

// bySetting follows the table of settings.
func bySetting(a, b plan.Edit) int {
	return cmp.Or(cmp.Compare(schema.Rank(a.Setting), schema.Rank(b.Setting)), cmp.Compare(a.Setting, b.Setting))
}

func (t *text) paintDiff(line string) string {
	switch line[0] {
	case '+':
		return t.style.good.Sprint(line)
	case '-':
		return t.style.bad.Sprint(line)
	}
	return line
}

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

// row prints one row, and what stands below it.
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
