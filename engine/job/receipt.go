package job

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"tlsync/engine/apply"
	"tlsync/engine/plan"
	"tlsync/engine/planfile"
	"tlsync/engine/regular"
	"tlsync/engine/report"
	"tlsync/engine/report/view"
	"tlsync/engine/safe"
	"tlsync/engine/secret"
)

// receipt is the file that an apply keeps of its steps: a line as each ends, which
// is on the disk before the next change is begun, and the tally last, however the
// run ends. A nil one keeps nothing.
type receipt struct {
	secrets *secret.Redactor
	file    *os.File
	size    int64 // of whole lines
	// stop ends the run where a line cannot be written.
	stop func(error)
	lost error // why the first line that could not be written was not

	planned []*plan.Change
	digest  string
	config  plan.Config
	written map[plan.Ref]bool // by id
	tally   apply.Tally
	wrote   bool
	ended   bool // the tally is written, as far as that was possible
}

// receiptLost is the cause of a context that ended since a receipt could not be
// written.
type receiptLost struct{ why error }

func (l receiptLost) Error() string { return "a receipt that cannot be written: " + l.why.Error() }

// openReceipt creates or empties the file of the receipt. It must not be one of the files
// that the run reads.
func (p *Job) openReceipt(file string, others ...string) (*receipt, error) {
	if file == "" {
		return nil, nil
	}
	fail := func(err error) (*receipt, error) { return nil, fmt.Errorf("--receipt: nothing was written: %w", err) }
	if err := regular.NotYAML(file); err != nil {
		return fail(err)
	}

	f, err := regular.OpenOwn(file)
	if err != nil {
		return fail(err)
	}
	if err := emptyReceipt(f, file, others); err != nil {
		_ = f.Close()
		return fail(err)
	}
	return &receipt{secrets: p.Secrets, file: f, stop: func(error) {}, written: map[plan.Ref]bool{}}, nil
}

// emptyReceipt empties the file of an earlier receipt, and no other file.
func emptyReceipt(f *os.File, file string, others []string) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	for _, other := range others {
		if o, err := os.Stat(other); err == nil && os.SameFile(info, o) {
			return fmt.Errorf("%s is a file that this run reads", safe.Text(file))
		}
	}

	start, err := io.ReadAll(io.NewSectionReader(f, 0, 64<<10))
	if err != nil {
		return err
	}
	if len(start) > 0 && !planfile.IsReceipt(start) {
		return fmt.Errorf("%s already exists and is not a receipt; only an earlier receipt is replaced", safe.Text(file))
	}

	if err := f.Chmod(0o600); err != nil { // it was there already, and may have been open to all
		return err
	}
	if err := f.Truncate(0); err != nil {
		return err
	}
	return f.Sync()
}

// of sets the configuration that the receipt is about.
func (r *receipt) of(config plan.Config) {
	if r != nil {
		r.config = config
	}
}

// expect sets the changes that the receipt lists: those of the plan, and those of a saved
// plan that no longer need a write.
func (run *applyRun) expect(made *plan.Plan) {
	r := run.receipt
	if r == nil {
		return
	}

	r.planned, r.digest = nil, made.Digest
	if run.saved != nil {
		r.digest = run.saved.plan.Digest
		if n := run.saved.narrowed; n != nil {
			r.planned = slices.Clone(n.Already)
		}
	}

	for i := range made.Changes {
		r.planned = append(r.planned, &made.Changes[i])
	}
}

// watch makes a context that ends when a line cannot be written.
func (r *receipt) watch(ctx context.Context) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	if r != nil {
		r.stop = cancel
	}
	return ctx, cancel
}

// step records steps that have ended. Changes that were not attempted are recorded last.
func (r *receipt) step(steps ...apply.Step) {
	if r == nil {
		return
	}
	ended := slices.DeleteFunc(slices.Clone(steps), func(s apply.Step) bool { return s.Outcome == apply.NotAttempted })
	for i := range ended {
		r.wrote = r.wrote || ended[i].Wrote
	}

	if len(ended) == 0 {
		return
	}
	if err := r.lines(ended, nil); err != nil {
		r.stop(receiptLost{err})
	}
}

// result records the remaining steps of a run and its tally.
func (r *receipt) result(res *apply.Result) {
	if r == nil || res == nil {
		return
	}
	r.finish(res.Steps, res.Why())
}

// close closes the file. If the run ended without a result, it first records the remaining
// changes as not attempted. It returns the error of the run, or says that the receipt is
// incomplete.
func (r *receipt) close(err error) error {
	if r == nil {
		return err
	}
	if !r.ended {
		why := "a bug in tlsync ended the run"
		if err != nil {
			why = r.reasonOf(err)
		}
		var steps []apply.Step
		for _, c := range r.planned {
			steps = append(steps, apply.Step{Change: c, Outcome: apply.NotAttempted, Reason: why})
		}
		r.finish(steps, why)
	}

	if closeErr := r.file.Close(); closeErr != nil && r.lost == nil {
		r.lost = closeErr
	}

	code := codeOf(err)
	switch {
	case r.lost == nil || code == CodeBug:
		return err
	case err != nil && strings.Contains(err.Error(), r.lost.Error()): // the run was stopped for it
		return err
	case err != nil:
		return Exit{code, fmt.Errorf("%w\nthe receipt is incomplete: %w", err, r.lost)}
	case r.wrote:
		return Exit{CodeIncomplete, fmt.Errorf("everything was written, but the receipt is incomplete: %w", r.lost)}
	}
	return fmt.Errorf("nothing was written, and the receipt is incomplete: %w", r.lost)
}

// reasonOf shortens an error to one line that can be repeated for every change.
func (r *receipt) reasonOf(err error) string {
	var e Exit
	if errors.As(err, &e) && e.Err == nil {
		return "the configuration has mistakes" // which were printed
	}

	const most = 400
	lines := strings.Split(r.secrets.Hide(err.Error()), "\n") // a cut could leave half of a secret
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}

	return view.Clip(strings.Join(lines, " "), most)
}

// finish records the tally and those steps that are not recorded yet.
func (r *receipt) finish(steps []apply.Step, stopped string) {
	var rest []apply.Step
	for _, s := range steps {
		if !r.written[s.Change.Ref] {
			rest = append(rest, s)
		}
	}
	r.ended = true
	_ = r.lines(rest, &stopped) // close tells
}

// lines writes a line for each step, and the tally if the run has ended. It writes all of
// them or nothing.
func (r *receipt) lines(steps []apply.Step, stopped *string) error {
	var text []byte
	tally := r.tally
	add := func(line any) error {
		b, err := planfile.ReceiptLine(line)
		text = append(text, b...)
		return err
	}

	err := error(nil)
	for i := range steps {
		s := steps[i]
		s.Reason = r.secrets.Hide(s.Reason)
		if s.Err != nil && s.Reason == "" {
			s.Reason = r.secrets.Hide(s.Err.Error())
		}
		tally.Planned++
		switch s.Outcome {
		case apply.Done:
			tally.Done++
		case apply.Failed:
			tally.Failed++
		case apply.Skipped:
			tally.Skipped++
		case apply.NotAttempted:
			tally.NotAttempted++
		}
		if err == nil {
			err = add(planfile.NewReceiptStep(&s))
		}
	}

	if stopped != nil && err == nil {
		err = add(planfile.NewReceiptTally(tool(), r.config, r.digest, tally, r.secrets.Hide(*stopped)))
	}
	if err == nil && r.size+int64(len(text)) > planfile.MaxSize {
		err = fmt.Errorf("it would be larger than %d MiB, the most that show reads", planfile.MaxSize>>20)
	}
	if err == nil {
		_, err = r.file.Write(text)
	}
	if err == nil {
		err = r.file.Sync()
	}
	if err != nil {
		_ = r.file.Truncate(r.size) // no half of a line
		_, _ = r.file.Seek(r.size, io.SeekStart)
		if r.lost == nil {
			r.lost = err
		}
		return err
	}

	r.size += int64(len(text))
	r.tally = tally
	for i := range steps {
		r.written[steps[i].Change.Ref] = true
	}
	return nil
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
		text, err := markdown(p, report.ReceiptMarkdown, r, report.MarkdownOptions{Title: title})
		return cmp.Or(err, p.Secrets.Rendered(p.Out, text))
	}
	return report.ReceiptText(p.Out, hidden(p, r), report.ResultOptions{Verbose: o.Verbose, Color: o.Color})
}
