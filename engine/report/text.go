package report

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"tlsync/engine/plan"
	"tlsync/engine/report/view"
	"tlsync/engine/safe"
	"tlsync/engine/who"
	"tlsync/schema"
	"tlsync/schema/sorted"
	"tlsync/schema/words"
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
	// Pending says that the configuration that live is compared with was applied before,
	// so that a plan's changes of this commit were not applied yet.
	Pending bool
	// Drift tells drift as what happened to live state, and not as what undoes it.
	Drift bool
}

// Text prints a plan for people: what is done in each zone, the hazards, the
// findings, what it costs, and the line that counts.
//
// That line counts objects: a custom hostname once, even if it takes two
// writes, and every setting of a zone, each of which is an object of
// Cloudflare's API. It counts the writes too where these are more.
func Text(w io.Writer, p *plan.Plan, o TextOptions) error {
	out := bufio.NewWriter(w)
	v := view.New(p, view.Options{Rate: o.Rate, Limit: o.Limit, Pending: o.Pending, Drift: o.Drift})
	t := text{out: out, style: newStyle(o.Color), values: v.Values, verbose: o.Verbose, causes: v.Causes, drift: o.Drift}

	t.belowFloor(v)
	t.overview(v)
	for i := range v.Places {
		t.place(&v.Places[i])
	}
	t.who(who.Lines(p))
	t.rotations(v.Rotations)
	t.waits(v.Waits)
	t.hazards(v.Hazards, &v.Gate)
	t.findings(v.Findings)
	fmt.Fprintln(out, v.Cost)
	if withheld := v.Counts.Withheld(); withheld != "" {
		fmt.Fprintln(out, withheld)
	}
	if adopted := v.Counts.Adopted(); adopted != "" {
		fmt.Fprintln(out, adopted)
	}
	fmt.Fprintln(out, v.Counts.LastLine())
	return out.Flush() // the first error of any write
}

// maxNotes is how many different messages of one kind are shown without Verbose.
const maxNotes = 5

// text is one rendering for terminals.
type text struct {
	out     *bufio.Writer
	style   style
	values  *view.Values
	verbose bool
	causes  bool // show why live differs
	drift   bool // tell drift as what happened
}

// maxPlainRows is how many groups a plan may have without a table of all changes above.
const maxPlainRows = 20

// overview prints how many objects make which change, if there are many groups.
func (t *text) overview(v *view.View) {
	rows := 0
	for i := range v.Places {
		rows += len(v.Places[i].Groups())
	}
	if rows <= maxPlainRows {
		return
	}

	t.title("All changes")
	var table []row
	for _, o := range v.Overview() {
		r := row{mark: " ", direction: o.Direction}
		if o.Direction == schema.Weakens {
			r.mark = "!"
		}
		r.cells = [columns]string{colSubject: o.Objects(view.PlainMarkup()), colSetting: safe.Text(o.Setting), colValues: o.Change, colDirection: view.DirectionWord(o.Direction)}
		table = append(table, r)
	}
	widths := columnWidths(table)
	for _, r := range table {
		t.row(r, widths)
	}
	fmt.Fprintln(t.out)
}

// belowFloor names what drift has taken below the floor.
func (t *text) belowFloor(v *view.View) {
	names := v.BelowFloor()
	if !t.drift || len(names) == 0 {
		return
	}
	shown := make([]string, t.most(len(names)))
	for i := range shown {
		shown[i] = safe.Text(names[i])
	}
	line := strings.Join(shown, ", ")
	if more := len(names) - len(shown); more > 0 {
		line += " and " + words.Number(more) + " more"
	}
	fmt.Fprintln(t.out, t.style.bad.Sprint("Below the floor")+": "+line)
	fmt.Fprintln(t.out)
}

// title prints the title of a part.
func (t *text) title(s string) { fmt.Fprintln(t.out, t.style.bold.Sprint(s)) }

// place prints what is done in one zone or account.
func (t *text) place(p *view.PlaceChanges) {
	t.title(p.Heading())
	tables := make([][]row, len(p.Sections))
	for i, s := range p.Sections {
		groups := s.Groups
		if !t.verbose {
			groups, _ = view.Fold(groups, maxTextRows)
		}
		tables[i] = t.rows(groups)
	}

	widths := columnWidths(tables...)
	for i, s := range p.Sections {
		if s.Title != "" {
			fmt.Fprintln(t.out, "  "+t.style.bold.Sprint(s.Title))
		}
		for _, r := range tables[i] {
			t.row(r, widths)
		}
	}

	if t.verbose {
		t.zoneYAML(p)
	}
	fmt.Fprintln(t.out)
}

// zoneYAML prints the settings of the zone itself before and after.
func (t *text) zoneYAML(p *view.PlaceChanges) {
	var edits []plan.Edit
	for _, g := range p.Groups() {
		if g.Kind == plan.KindZone && g.Edit != nil {
			edits = append(edits, *g.Edit)
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
	sorted.Stably(edits, view.CompareSettings)
	return t.paintDiffs(t.values.SettingsDiff(k, edits))
}

func (t *text) paintDiffs(lines []string) []string {
	for i, l := range lines {
		lines[i] = t.paintDiff(l)
	}
	return lines
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

// who prints who made live differ.
func (t *text) who(lines []who.Line) {
	if len(lines) == 0 {
		return
	}
	t.title(who.Title)
	for _, l := range lines[:t.most(len(lines))] {
		fmt.Fprintln(t.out, "  "+l.Sentence(safe.Text))
	}
	t.left(len(lines) - t.most(len(lines)))
	fmt.Fprintln(t.out)
}

// rotations prints how certificate authorities take the place of others.
func (t *text) rotations(rotations []view.Rotation) {
	for i := range rotations {
		r := &rotations[i]
		t.title(r.Title(view.PlainMarkup()))
		for j, step := range r.Steps(view.PlainMarkup()) {
			fmt.Fprintf(t.out, "  %d. %s\n", j+1, step)
		}
		fmt.Fprintln(t.out)
	}
}

// waits prints which changes wait for which.
func (t *text) waits(waits []view.Wait) {
	if len(waits) == 0 {
		return
	}
	t.title("Order")
	for i := range waits {
		fmt.Fprintln(t.out, "  "+waits[i].Sentence(view.PlainMarkup()))
	}
	fmt.Fprintln(t.out)
}

// hazards prints what a reviewer has to accept, with the flag that does it.
func (t *text) hazards(hazards []view.HazardNotes, g *view.Gate) {
	if len(hazards) == 0 {
		return
	}
	title := "Hazards"
	if hazards[0].Informs() { // the others come before
		title = "To know"
	}
	t.title(title)
	for i := range hazards {
		h := &hazards[i]
		style := t.style.bad
		if h.Informs() {
			style = t.style.dim
		}
		fmt.Fprintln(t.out, "  "+style.Sprint(safe.Text(string(h.Kind)))+": "+g.Summary(h, view.PlainMarkup()))
		t.notes(h.Notes)
		for i := range h.Hints[:t.most(len(h.Hints))] {
			fmt.Fprintln(t.out, "    hint: "+h.Hints[i].Sentence(view.PlainMarkup()))
		}
	}
	if len(g.Allow) > 1 {
		fmt.Fprintln(t.out, "  To accept all that can be: "+view.AllowFlag+" "+g.Allowed(safe.Text))
	}
	fmt.Fprintln(t.out)
}

// notes prints the notes of one hazard.
func (t *text) notes(notes []view.Note) {
	shown := notes[:t.most(len(notes))]
	for i := range shown {
		n := &shown[i]
		line := "    " + n.Sentence()
		fmt.Fprintln(t.out, line+t.namesAfter(width(line), n.Names))
	}
	t.left(len(notes) - len(shown))
}

// findings prints what a reader has to know beside the changes.
func (t *text) findings(rules []view.RuleNotes) {
	if len(rules) == 0 {
		return
	}
	t.title("Findings")
	for _, r := range rules {
		shown := r.Notes[:t.most(len(r.Notes))]
		for i := range shown {
			t.finding(r.RuleClass, &shown[i])
		}
		t.left(len(r.Notes) - len(shown))
	}
	fmt.Fprintln(t.out)
}

func (t *text) finding(c view.RuleClass, n *view.PlacedNote) {
	word := pad(safe.Text(string(c.Severity)), len(schema.Warning))
	line := "  "
	if n.Line != "" {
		line += n.Line + ": "
	}
	line += n.Sentence() + " [" + safe.Text(c.Rule) + "]"
	fmt.Fprintln(t.out, "  "+t.style.severity(c.Severity).Sprint(word)+line+t.namesAfter(2+width(word)+width(line), n.Names))
}

// most returns how many of n notes are shown.
func (t *text) most(n int) int {
	if t.verbose {
		return n
	}
	return min(n, maxNotes)
}

// left says how many notes are not shown.
func (t *text) left(n int) {
	if n > 0 {
		fmt.Fprintf(t.out, "    and %s more like these (--verbose shows all)\n", words.Number(n))
	}
}

// namesAfter returns the end of a line that takes some columns already: examples of the
// names, or under Verbose all of them, each on a line.
func (t *text) namesAfter(used int, names []string) string {
	if len(names) < 2 {
		return ""
	}
	if t.verbose {
		var b strings.Builder
		for _, n := range names {
			b.WriteString("\n      " + safe.Text(n))
		}
		return b.String()
	}
	eg, fits := examples(names, maxLine-used-2)
	if fits {
		return "  " + t.style.dim.Sprint(eg)
	}
	return "\n      " + t.style.dim.Sprint(eg)
}

// examples returns the first names of many for the end of a line with room columns left:
// two, or one, or two that do not fit.
func examples(names []string, room int) (eg string, fits bool) {
	if len(names) < 2 {
		return "", false
	}
	one := "e.g. " + safe.Text(names[0])
	two := one + ", " + safe.Text(names[1])
	switch {
	case width(two) <= room:
		return two, true
	case width(one) <= room:
		return one, true
	}
	return two, false
}
