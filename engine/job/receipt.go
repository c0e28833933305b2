package job

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"tlsync/engine/plan"
	"tlsync/engine/planfile"
	"tlsync/engine/receipt"
	"tlsync/engine/report"
	"tlsync/engine/report/html"
)

// expect sets the changes that the receipt lists: those of the plan, and those of a saved
// plan that no longer need a write.
func (run *applyRun) expect(made *plan.Plan) {
	digest := made.Digest
	var planned []*plan.Change
	if run.saved != nil {
		digest = run.saved.plan.Digest
		if n := run.saved.narrowed; n != nil {
			planned = slices.Clone(n.Already)
		}
	}

	for i := range made.Changes {
		planned = append(planned, &made.Changes[i])
	}
	run.receipt.Expect(planned, digest)
}

// closeReceipt ends the receipt of a run. It returns the error of the run, or says that the
// receipt is incomplete.
func closeReceipt(r *receipt.File, err error) error {
	lost := r.Close(reasonOf(err))
	code := CodeOf(err)
	switch {
	case lost == nil || code == CodeBug:
		return err
	case err != nil && strings.Contains(err.Error(), lost.Error()): // the run was stopped for it
		return err
	case err != nil:
		return Exit{code, fmt.Errorf("%w\nthe receipt is incomplete: %w", err, lost)}
	case r.Wrote():
		return Exit{CodeIncomplete, fmt.Errorf("everything was written, but the receipt is incomplete: %w", lost)}
	}
	return fmt.Errorf("nothing was written, and the receipt is incomplete: %w", lost)
}

// reasonOf says why a run ended without a result.
func reasonOf(err error) string {
	var e Exit
	switch {
	case err == nil:
		return "a bug in tlsync ended the run"
	case errors.As(err, &e) && e.Err == nil:
		return "the configuration has mistakes" // which were printed
	}
	return err.Error()
}

// showReceipt prints a receipt.
func (p *Job) showReceipt(o Common, file string, text []byte) error {
	r, err := planfile.ReadReceipt(text)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	switch o.Format {
	case "json":
		return planfile.ReceiptJSON(p.Out, r)
	case "markdown":
		title := "Receipt of an apply"
		if r.Tally == nil {
			title = "Incomplete receipt of an apply"
		}
		text, err := Markdown(p, report.ReceiptMarkdown, r, report.MarkdownOptions{Title: title})
		return cmp.Or(err, p.Secrets.Rendered(p.Out, text))
	case "html":
		return p.printPage(html.ReceiptPage(Hidden(p, r)))
	}
	return report.ReceiptText(p.Out, Hidden(p, r), report.ResultOptions{Verbose: o.Verbose, Color: o.Color})
}
