package posture

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/fatih/color"

	"tlsync/engine/explain"
	"tlsync/engine/plan"
	"tlsync/engine/safe"
	"tlsync/engine/standard"
	"tlsync/schema"
	"tlsync/schema/sorted"
	"tlsync/schema/words"
)

// TextOptions are the choices that Text leaves to its caller.
type TextOptions struct {
	Verbose bool // name every name, and show lists of suites whole
	Color   bool
}

// labelWidth is the width of the first column of a group.
const labelWidth = 24

// Text prints a report for people.
func Text(w io.Writer, r *Report, o TextOptions) error {
	t := &text{out: bufio.NewWriter(w), o: o, bold: color.New(color.Bold), bad: color.New(color.FgRed), warn: color.New(color.FgYellow)}
	for _, c := range []*color.Color{t.bold, t.bad, t.warn} {
		if c.DisableColor(); o.Color {
			c.EnableColor()
		}
	}

	t.head(r)
	t.standards(r)
	t.remarks(r)
	for i := range r.Groups {
		t.line("")
		t.group(&r.Groups[i])
	}
	t.mtls(r)
	for _, p := range r.Problems {
		t.line("\n" + t.warn.Sprint("not read") + ": " + safe.Text(p.Message))
	}
	t.line("\nDigest: " + r.Digest)
	return t.out.Flush() // the first error of any write
}

type text struct {
	out             *bufio.Writer
	o               TextOptions
	bold, bad, warn *color.Color
}

func (t *text) line(s string) { fmt.Fprintln(t.out, strings.TrimRight(s, " ")) }

// item prints a line of a group.
func (t *text) item(label, format string, args ...any) {
	t.line(fmt.Sprintf("  %-*s  ", labelWidth, label) + fmt.Sprintf(format, args...))
}

// head says what the report is about.
func (t *text) head(r *Report) {
	zones := map[plan.Ref]bool{}
	for i := range r.Groups {
		zones[r.Groups[i].Zone] = true
	}
	t.line(t.bold.Sprintf("Posture of %s in %s", words.Count(r.Count(), "name"), words.Count(len(zones), "zone")))

	commit := "not in a Git repository"
	if r.Config.Commit != "" {
		commit = "commit " + r.Config.Commit
		if r.Config.Dirty {
			commit += ", with changes that are not committed"
		}
	}
	t.line("  configuration " + r.Config.Digest + ", " + commit)
	from := "live state read at "
	if r.Snapshot {
		from = "live state of a snapshot taken at "
	}
	t.line("  " + from + r.ReadAt.UTC().Format(time.RFC3339) + ", report made at " + r.At.UTC().Format(time.RFC3339) + " by " + safe.Text(r.Tool.Name+" "+r.Tool.Version))
}

// standards prints how many names stand how to each standard.
func (t *text) standards(r *Report) {
	if len(r.Standards) == 0 {
		return
	}
	t.line(fmt.Sprintf("\n%-20s  %-25s  %-20s  %7s  %11s  %7s", "standard", "title", "edition", "meets", "falls short", "unknown"))
	for i := range r.Standards {
		s := &r.Standards[i]
		t.line(fmt.Sprintf("%-20s  %-25s  %-20s  %7d  %11d  %7d", s.Name, s.Title, s.Edition, s.Meets, s.FallsShort, s.Unknown))
	}
}

// remarks prints, once each, what is said of names beside how they stand.
func (t *text) remarks(r *Report) {
	for i := range r.Standards {
		counts, order := map[string]int{}, []string(nil)
		for k := range r.Groups {
			g := &r.Groups[k]
			for _, remark := range g.Assessments[i].Remarks {
				if counts[remark] == 0 {
					order = append(order, remark)
				}
				counts[remark] += len(g.Names)
			}
		}

		for _, remark := range order {
			t.line(fmt.Sprintf("remark on %s, for %s: %s", r.Standards[i].Name, words.Count(counts[remark], "name"), safe.Text(remark)))
		}
	}
}

// group prints what is true of some names.
func (t *text) group(g *Group) {
	t.line(t.bold.Sprint(g.title()))
	if t.o.Verbose && len(g.Names) > 1 {
		for i := range g.Names {
			t.line("  " + safe.Text(g.Names[i].Name))
		}
	}

	for i := range g.Rows {
		t.item(g.Rows[i].Setting, "%s", t.row(g, &g.Rows[i]))
	}
	if g.Kind == plan.KindCustomHostname && !g.Children && g.Below == "" {
		t.item("certificate", "%s; %s", tally(g.Names, func(n *Name) string { return n.Certificate }), g.expiry())
		t.item("coverage", "%s", tally(g.Names, func(n *Name) string { return n.Coverage }))
	}
	for i := range g.Rows {
		t.policy(&g.Rows[i])
	}
	t.assessments(g)
	for _, m := range g.Remarks {
		t.item(string(m.Severity), "%s: %s%s", safe.Text(m.Rule), safe.Text(g.said(m.Message)), at(m.Origin))
	}
}

// expiry says when the first certificate of a group expires.
func (g *Group) expiry() string {
	first, known := (*Name)(nil), 0
	for i := range g.Names {
		n := &g.Names[i]
		if n.Expires == Unknown {
			continue
		}
		if known++; first == nil || n.Expires < first.Expires {
			first = n
		}
	}

	switch {
	case first == nil:
		return "expiry not known"
	case len(g.Names) == 1:
		return "expires " + first.Expires
	}
	return fmt.Sprintf("expiry known of %d, first %s: %s", known, safe.Text(first.Name), first.Expires)
}

// title names the names of a group.
func (g *Group) title() string {
	if g.Children {
		return fmt.Sprintf("Names below wildcard custom hostnames in zone %s, which follow the zone: %s", safe.Text(g.Zone.Zone), safe.Text(words.First(g.some(4))))
	}
	b := g.Block
	b.Names = g.some(len(g.Names))
	return b.Title()
}

// said returns a message about the names of a group.
func (g *Group) said(message string) string {
	b := g.Block
	b.Names = g.some(2)
	return b.Said(message)
}

// some returns the first names.
func (g *Group) some(n int) []string {
	var out []string
	for i := range g.Names[:min(n, len(g.Names))] {
		out = append(out, g.Names[i].Name)
	}
	return out
}

// tally counts names by what they have: "3 active, 1 pending_validation".
func tally(names []Name, of func(*Name) string) string {
	counts := map[string]int{}
	for i := range names {
		counts[of(&names[i])]++
	}
	if len(names) == 1 {
		return safe.Text(of(&names[0]))
	}

	var keys []string
	for key := range counts {
		keys = append(keys, key)
	}
	sorted.By(keys, func(a, b string) int { return cmp.Or(counts[b]-counts[a], strings.Compare(a, b)) })
	for i, key := range keys {
		keys[i] = words.Number(counts[key]) + " " + key
	}
	return safe.Text(strings.Join(keys, ", "))
}

// row says what is effective, where it comes from, and which line asks for it.
func (t *text) row(g *Group, r *explain.Row) string {
	out := t.value(r.Effective)
	layers := r.Layers
	switch {
	case r.Zone == nil:
	case ambiguous(r):
		out += ": an empty list of its own, which may mean every suite or the list of the zone"
	case r.Own == schema.Inherit:
		out += " from the zone"
		if len(layers) == 0 {
			layers = r.Zone.Layers
		}
	default:
		out += " of its own"
	}

	if len(layers) == 0 {
		return out + ", not managed"
	}
	l := &layers[0]
	switch {
	case r.Change.Kind != explain.None && r.AskedEffective != r.Effective:
		out += "; " + t.warn.Sprint("the configuration asks for "+t.value(r.AskedEffective))
	case r.Change.Kind != explain.None:
		out += "; the configuration asks for it explicitly"
	}
	return out + ", " + safe.Text(l.Part) + lines(l.Origins)
}

// lines shows some of the lines that ask for a value.
func lines(origins []plan.Origin) string {
	if len(origins) > 1 {
		return fmt.Sprintf(" (%s:%d and %s more)", safe.Text(origins[0].File), origins[0].Line, words.Count(len(origins)-1, "line"))
	}
	return at(origins[0])
}

// at shows a line of the configuration in parentheses, "" for none.
func at(o plan.Origin) string {
	if o.Line == 0 {
		return ""
	}
	return fmt.Sprintf(" (%s:%d)", safe.Text(o.File), o.Line)
}

// value shows a value.
func (t *text) value(v schema.Value) string {
	switch {
	case v == "":
		return Unknown
	case t.o.Verbose && v.List() != nil:
		return safe.Text(v.YAML())
	}
	return safe.Text(v.Show())
}

// policy says whether a setting meets the floor, and which exceptions there are.
func (t *text) policy(r *explain.Row) {
	if f := r.Floor; f != nil {
		met := "met"
		switch {
		case r.Effective == "":
			met = Unknown
		case !f.Met:
			met = t.bad.Sprint("not met")
		}
		t.item("floor", "%s %s%s: %s", r.Setting, t.value(f.Value), at(f.Origin), met)
	}
	for _, x := range r.Exceptions {
		t.item("exception", "%s down to %s until %s%s: %s", r.Setting, t.value(x.Value), safe.Text(x.Until), at(x.Origin), safe.Text(x.Reason))
	}
}

// assessments says how the names stand to the standards.
func (t *text) assessments(g *Group) {
	var meets []string
	for _, a := range g.Assessments {
		if a.Result == standard.Meets {
			meets = append(meets, a.Standard)
		}
	}
	if len(meets) > 0 {
		t.item(string(standard.Meets), "%s", strings.Join(meets, ", "))
	}

	for _, a := range g.Assessments {
		for _, reason := range a.Reasons {
			label, s := t.warn, t.reason(reason)
			if a.Result == standard.FallsShort {
				label = t.bad
			}
			t.line("  " + label.Sprint(fmt.Sprintf("%-*s", labelWidth, a.Result)) + "  " + a.Standard + ": " + s)
		}
	}
}

func (t *text) reason(r standard.Reason) string {
	switch {
	case len(r.Suites) == 0:
		return safe.Text(r.Text)
	case t.o.Verbose:
		return safe.Text(r.Text + ": " + strings.Join(r.Suites, ", "))
	}
	return safe.Text(r.Text + ": " + words.First(r.Suites))
}

// mtls prints who demands client certificates.
func (t *text) mtls(r *Report) {
	if len(r.MTLS) > 0 {
		t.line("\n" + t.bold.Sprint("Client certificates (mTLS)"))
	}
	for i := range r.MTLS {
		m := &r.MTLS[i]
		authority, application := "no certificate authority", "no application"
		if m.Authority != "" {
			authority = fmt.Sprintf("%s (expires %s)", m.Authority, m.Expires)
		}
		if m.Application != "" {
			application = fmt.Sprintf("%s (admits: %s)", m.Application, m.Admits)
		}
		demanded := "not demanded"
		if m.Demanded() {
			demanded = "demanded"
		}

		t.line("  " + safe.Text(fmt.Sprintf("%s  %s; %s; %s; forwarded: %s", m.Hostname, demanded, authority, application, m.Forwarded)))
	}

	if len(r.Unread) > 0 {
		t.line("\nClient certificates (mTLS) were not read in account " + safe.Text(words.Enumerate(r.Unread)) + ": the configuration has none there, or --zone leaves accounts out")
	}
}
