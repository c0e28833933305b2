// Package receipt keeps the file in which an apply records what became of every change.
package receipt

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"tlsync/engine/apply"
	"tlsync/engine/plan"
	"tlsync/engine/planfile"
	"tlsync/engine/regular"
	"tlsync/engine/report/view"
	"tlsync/engine/safe"
	"tlsync/engine/secret"
)

// File is the file that an apply keeps of its steps: a line as each ends, which
// is on the disk before the next change is begun, and the tally last, however the
// run ends. A nil one keeps nothing.
type File struct {
	secrets *secret.Redactor
	tool    plan.Tool
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

// lostLine is the cause of a context that ended since a receipt could not be
// written.
type lostLine struct{ why error }

func (l lostLine) Error() string { return "a receipt that cannot be written: " + l.why.Error() }

// Open creates or empties the file of the receipt. It must not be one of the files
// that the run reads.
func Open(file string, secrets *secret.Redactor, tool plan.Tool, others ...string) (*File, error) {
	if file == "" {
		return nil, nil
	}
	fail := func(err error) (*File, error) { return nil, fmt.Errorf("--receipt: nothing was written: %w", err) }
	if err := regular.NotYAML(file); err != nil {
		return fail(err)
	}

	f, err := regular.OpenOwn(file)
	if err != nil {
		return fail(err)
	}
	if err := empty(f, file, others); err != nil {
		_ = f.Close()
		return fail(err)
	}
	return &File{secrets: secrets, tool: tool, file: f, stop: func(error) {}, written: map[plan.Ref]bool{}}, nil
}

// empty empties the file of an earlier receipt, and no other file.
func empty(f *os.File, file string, others []string) error {
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
func (r *File) Of(config plan.Config) {
	if r != nil {
		r.config = config
	}
}

// Expect sets the changes that the receipt lists, and the digest of their plan.
func (r *File) Expect(planned []*plan.Change, digest string) {
	if r != nil {
		r.planned, r.digest = planned, digest
	}
}

// Watch makes a context that ends when a line cannot be written.
func (r *File) Watch(ctx context.Context) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	if r != nil {
		r.stop = cancel
	}
	return ctx, cancel
}

// Step records steps that have ended. Changes that were not attempted are recorded last.
func (r *File) Step(steps ...apply.Step) {
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
		r.stop(lostLine{err})
	}
}

// Result records the remaining steps of a run and its tally.
func (r *File) Result(res *apply.Result) {
	if r == nil || res == nil {
		return
	}
	r.finish(res.Steps, res.Why())
}

// Close closes the file. If the run ended without a result, it first records the remaining
// changes as not attempted, for the reason why. It returns why the receipt is incomplete,
// nil if it is not.
func (r *File) Close(why string) error {
	if r == nil {
		return nil
	}
	if !r.ended {
		why = r.short(why)
		var steps []apply.Step
		for _, c := range r.planned {
			steps = append(steps, apply.Step{Change: c, Outcome: apply.NotAttempted, Reason: why})
		}
		r.finish(steps, why)
	}

	if err := r.file.Close(); err != nil && r.lost == nil {
		r.lost = err
	}
	return r.lost
}

// Wrote reports whether a step that was recorded may have written.
func (r *File) Wrote() bool { return r != nil && r.wrote }

// short makes a reason one line that can be repeated for every change.
func (r *File) short(why string) string {
	const most = 400
	lines := strings.Split(r.secrets.Hide(why), "\n") // a cut could leave half of a secret
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}

	return view.Clip(strings.Join(lines, " "), most)
}

// finish records the tally and those steps that are not recorded yet.
func (r *File) finish(steps []apply.Step, stopped string) {
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
func (r *File) lines(steps []apply.Step, stopped *string) error {
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
		err = add(planfile.NewReceiptTally(r.tool, r.config, r.digest, tally, r.secrets.Hide(*stopped)))
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
