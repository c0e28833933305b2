package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"tlsync/engine/apply"
	"tlsync/engine/planfile"
	"tlsync/engine/report/view"
	"tlsync/engine/safe"
	"tlsync/schema/words"
)

// ResultOptions are the choices that Result leaves to its caller.
type ResultOptions struct {
	Verbose bool // every name of what was done
	Color   bool
}

// Result prints what an apply did: every change that failed or was skipped with
// its reason, what was done as counts, the line that counts changes, and how
// live stands now.
func Result(w io.Writer, r *apply.Result, o ResultOptions) error {
	return outcomeText(w, view.RunOutcome(r, o.Verbose), "Applied", o)
}

// ReceiptText prints a receipt as the report of its run: what failed or was skipped,
// with reasons, what was done, the counts, and what to do.
func ReceiptText(w io.Writer, r *planfile.Receipt, o ResultOptions) error {
	return outcomeText(w, view.ReceiptOutcome(r), "Receipt", o)
}

// outcomeText prints what became of a run; label begins the line that counts.
func outcomeText(w io.Writer, of *view.Outcome, label string, o ResultOptions) error {
	out := bufio.NewWriter(w)
	t := text{out: out, style: newStyle(o.Color), values: of.Values, verbose: o.Verbose}

	t.steps(of.Failed, "Failed")
	t.steps(of.Skipped, "Skipped")
	t.done(of)
	if of.Stopped != "" {
		fmt.Fprintf(out, "Stopped early: %s\n", safe.Text(of.Stopped))
	}
	for _, d := range of.Denied {
		fmt.Fprintln(out, safe.Text(d))
	}
	fmt.Fprintln(out, label+": "+of.Counted())
	for _, l := range of.Endings {
		fmt.Fprintln(out, l)
	}
	return out.Flush()
}

// steps prints steps, each with its reason.
func (t *text) steps(steps []*apply.Step, title string) {
	if len(steps) == 0 {
		return
	}
	t.title(title)
	for _, s := range steps {
		t.step(s)
	}
	fmt.Fprintln(t.out)
}

func (t *text) step(s *apply.Step) {
	c := s.Change
	mark := t.style.bad.Sprint("!")
	if s.Outcome == apply.Skipped {
		mark = t.style.warn.Sprint("-")
	}

	subject := view.SubjectOf(c)
	lead := "  " + mark + " " + subject
	if len(c.Edits) == 0 {
		fmt.Fprintln(t.out, lead)
	}
	for i, e := range c.Edits {
		if i > 0 {
			lead = strings.Repeat(" ", 4+width(subject))
		}
		line := lead + "  " + safe.Text(e.Setting) + "  " + t.values.Change(c.Kind, c.Action, e)
		at := view.FileAndLine(e.Origin.Pos)
		if t.verbose {
			at = view.DecidedBy(e.Origin, view.PlainMarkup())
		}
		if at != "" {
			line += "  " + at
		}
		fmt.Fprintln(t.out, line)
	}

	fmt.Fprintln(t.out, "      "+safe.Text(s.Why()))
	if s.Wrote && s.Outcome == apply.Failed {
		fmt.Fprintln(t.out, "      "+view.MayHaveWritten)
	}
}

// done prints what was done: groups of objects that got the same edits.
func (t *text) done(o *view.Outcome) {
	if o.Done == 0 || o.AsPlanned {
		return
	}
	for i := range o.Places {
		p := &o.Places[i]
		heading := p.Heading()
		t.title("Done in " + strings.ToLower(heading[:1]) + heading[1:])

		rows := t.doneRows(p.Groups())
		widths := columnWidths(rows)
		for _, row := range rows {
			t.row(row, widths)
		}
	}
	if o.Already > 0 {
		fmt.Fprintf(t.out, "  %s of the %s needed no write: live was already as requested\n", words.Number(o.Already), words.Number(o.Done))
	}
	fmt.Fprintln(t.out)
}

// doneRows lays out groups without the differences, which the plan has shown.
func (t *text) doneRows(groups []*view.Group) []row {
	if !t.verbose {
		groups, _ = view.Fold(groups, maxTextRows)
	}
	rows := t.rows(groups)
	for i := range rows {
		rows[i].below = nil
		if last := i+1 == len(groups) || !groups[i+1].Repeats; t.verbose && last {
			rows[i].below = t.namesBelow(groups[i])
		}
	}
	return rows
}
