package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"tlsync/engine/apply"
	"tlsync/engine/planfile"
	"tlsync/engine/safe"
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
	return outcomeText(w, runOutcome(r, o.Verbose), "Applied", o)
}

// ReceiptText prints a receipt as the report of its run: what failed or was skipped,
// with reasons, what was done, the counts, and what to do.
func ReceiptText(w io.Writer, r *planfile.Receipt, o ResultOptions) error {
	return outcomeText(w, receiptOutcome(r), "Receipt", o)
}

// outcomeText prints what became of a run; label begins the line that counts.
func outcomeText(w io.Writer, of *outcome, label string, o ResultOptions) error {
	out := bufio.NewWriter(w)
	t := text{out: out, style: newStyle(o.Color), values: of.values, verbose: o.Verbose}

	t.steps(of.failed, "Failed")
	t.steps(of.skipped, "Skipped")
	t.done(of)
	if of.stopped != "" {
		fmt.Fprintf(out, "Stopped early: %s\n", safe.Text(of.stopped))
	}
	fmt.Fprintln(out, label+": "+of.counted())
	for _, l := range of.endings {
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

	subject := subjectOf(c)
	lead := "  " + mark + " " + subject
	if len(c.Edits) == 0 {
		fmt.Fprintln(t.out, lead)
	}
	for i, e := range c.Edits {
		if i > 0 {
			lead = strings.Repeat(" ", 4+width(subject))
		}
		line := lead + "  " + safe.Text(e.Setting) + "  " + t.values.change(c.Kind, c.Action, e)
		if at := t.origin(e.Origin); at != "" {
			line += "  " + at
		}
		fmt.Fprintln(t.out, line)
	}

	fmt.Fprintln(t.out, "      "+safe.Text(s.Why()))
	if s.Wrote && s.Outcome == apply.Failed {
		fmt.Fprintln(t.out, "      "+mayHaveWritten)
	}
}

// done prints what was done: groups of objects that got the same edits.
func (t *text) done(o *outcome) {
	if o.done == 0 || o.asTold {
		return
	}
	for i := range o.places {
		p := &o.places[i]
		heading := p.heading()
		t.title("Done in " + strings.ToLower(heading[:1]) + heading[1:])

		rows := t.doneRows(p.groups())
		widths := columnWidths(rows)
		for _, row := range rows {
			t.row(row, widths)
		}
	}
	if o.already > 0 {
		fmt.Fprintf(t.out, "  %d of the %d needed no write: live was as asked already\n", o.already, o.done)
	}
	fmt.Fprintln(t.out)
}

// doneRows lays out groups without the differences, which the plan has shown.
func (t *text) doneRows(groups []*group) []row {
	var rows []row
	for _, g := range groups {
		of := t.rows([]*group{g})
		for i := range of {
			of[i].below = nil
		}
		if t.verbose {
			of[len(of)-1].below = namesBelow(g)
		}
		rows = append(rows, of...)
	}
	return rows
}
