package report

import (
	"bufio"
	"fmt"
	"io"

	"tlsync/engine/apply"
	"tlsync/engine/plan"
	"tlsync/engine/planfile"
	"tlsync/schema"
)

// receiptResult is what the receipt tells of the run.
func receiptResult(r *planfile.Receipt) *apply.Result {
	changes := make([]plan.Change, len(r.Steps))
	res := &apply.Result{Plan: &plan.Plan{}, Tally: r.Count()}
	for i := range r.Steps {
		s := &r.Steps[i]
		c := &changes[i]
		*c = plan.Change{ID: s.ID, Zone: s.Zone, Kind: s.Kind, Name: s.Name, Action: s.Action}
		c.Account = planfile.AccountOf(c)
		for _, e := range s.Edits {
			direction := schema.Changes // what a value that is inherited comes to is not known
			if row, ok := schema.LookupSetting(e.Setting); ok && explicit(e.From) && explicit(e.To) {
				direction = row.Compare(e.From, e.To)
			}
			c.Edits = append(c.Edits, plan.Edit{Setting: e.Setting, From: e.From, To: e.To, Direction: direction})
		}
		res.Steps = append(res.Steps, apply.Step{Change: c, Outcome: s.Outcome, Wrote: s.Wrote, Reason: s.Reason})
	}
	if r.Tally != nil {
		res.Stopped = r.Tally.Stopped
	}
	return res
}

// receiptEndings say what to do about what a receipt leaves open, in lines that are safe
// to print.
func receiptEndings(r *planfile.Receipt) (lines []string) {
	var open []string
	for i := range r.Steps {
		if r.Steps[i].Outcome == apply.NotAttempted {
			open = append(open, Safe(r.Steps[i].Name))
		}
	}
	if len(open) > 0 {
		lines = append(lines, "Not attempted: "+few(open, false)+".")
	}
	switch t := r.Count(); {
	case r.Tally == nil:
		lines = append(lines, "The receipt is incomplete: the run was killed, or could not write to it, and what was in flight then is not known. Run apply again: it settles that, and goes on.")
	case t.Done < t.Planned:
		lines = append(lines, "Run apply again: it goes on with what is not done.")
	}
	return lines
}

// ReceiptText prints a receipt as the report of its run: what failed or was skipped,
// with reasons, what was done, the counts, and what to do.
func ReceiptText(w io.Writer, r *planfile.Receipt, o ResultOptions) error {
	out := bufio.NewWriter(w)
	res := receiptResult(r)
	t := text{out: out, style: newStyle(o.Color), values: newValues(), verbose: o.Verbose}
	t.steps(res, apply.Failed, "Failed")
	t.steps(res, apply.Skipped, "Skipped")
	t.done(res, true)
	if res.Stopped != "" {
		fmt.Fprintf(out, "Stopped early: %s\n", Safe(res.Stopped))
	}
	c := res.Tally
	fmt.Fprintf(out, "Receipt: %d done, %d failed, %d skipped, %d not attempted (%s).\n", c.Done, c.Failed, c.Skipped, c.NotAttempted, receiptPlanned(r))
	for _, l := range receiptEndings(r) {
		fmt.Fprintln(out, l)
	}
	return out.Flush()
}

// receiptPlanned is how many changes there were to be.
func receiptPlanned(r *planfile.Receipt) string {
	if r.Tally == nil {
		return "how many were planned is not known"
	}
	return fmt.Sprintf("%d planned", r.Tally.Planned)
}

// ReceiptMarkdown writes a receipt for a job summary. Of the options those of
// ResultMarkdown are heeded.
func ReceiptMarkdown(w io.Writer, r *planfile.Receipt, o MarkdownOptions) error {
	return resultMarkdown(w, receiptResult(r), o, receiptPlanned(r), receiptEndings(r))
}
