package job

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"tlsync/engine"
	"tlsync/engine/apply"
	"tlsync/engine/cloudflare"
	"tlsync/engine/crash"
	"tlsync/engine/hold"
	"tlsync/engine/plan"
	"tlsync/engine/receipt"
	"tlsync/engine/report"
	"tlsync/engine/report/view"
	"tlsync/engine/safe"
	"tlsync/schema"
	"tlsync/schema/words"
)

// ApplyOptions are the options of Apply.
type ApplyOptions struct {
	Common
	File        string // the saved plan to apply; empty to plan and apply
	Approved    bool   // write without asking
	Allow       []plan.HazardKind
	MaxChanges  schema.MaxChanges // replaces the policy's limit, if set
	NotTip      bool              // allow a commit that is behind the tip of its branch
	ReviewFile  string            // the file with the reviewed plan; empty for none
	Reviewed    *Reviewed         // what the plan is held to; nil for no such check
	ReceiptFile string            // empty for no receipt
	Deadline    time.Duration
	Wait        time.Duration // how long to wait for written settings to become active
}

// applyRun is one run of apply.
type applyRun struct {
	ApplyOptions
	saved   *savedPlan    // nil without a plan file
	receipt *receipt.File // nil for none
	held    *hold.Held    // nil if the plan is not held to reviews
	back    *wayBack      // nil unless the run takes back what a receipt wrote
}

// JoinKinds lists hazards as --allow-hazards takes them.
func JoinKinds(kinds []plan.HazardKind) string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = string(k)
	}
	return strings.Join(names, ", ")
}

// deadlinePassed is the cause of a context that --deadline ended.
type deadlinePassed struct{ after time.Duration }

func (d deadlinePassed) Error() string { return fmt.Sprintf("the deadline of %s", d.after) }

// Apply applies the configuration, or only the changes of a saved plan if there is one.
func (p *Job) Apply(ctx context.Context, o ApplyOptions) (err error) {
	run := applyRun{ApplyOptions: o}
	if run.receipt, err = receipt.Open(o.ReceiptFile, p.Secrets, Tool(), o.File, o.ReviewFile); err != nil {
		return err
	}
	defer func() { err = closeReceipt(run.receipt, err) }()

	if o.File != "" {
		if run.saved, err = readSavedPlan(o.File); err != nil {
			return err
		}
		run.expect(run.saved.plan)
	}
	c, err := p.Valid(o.Common)
	if err != nil {
		return err
	}
	run.receipt.Of(c.Info)

	if run.saved != nil {
		if err := run.saved.fits(o.Common, c); err != nil {
			return err
		}
	}
	if err := p.notLeftBehind(o); err != nil {
		return err
	}
	if o.ReviewFile == "" {
		return p.carryOut(ctx, run, c, nil, nil).Err
	}

	review, err := readReviewed(o.ReviewFile)
	if err != nil {
		return fmt.Errorf("--reviewed: nothing was written: %w", err)
	}
	run.Reviewed = &Reviewed{Reviews: []hold.Reviewed{review.Reviewed}, Next: planAgain}
	return p.carryOut(ctx, run, c, p.reviewedBase(o.Common, review), nil).Err
}

// notLeftBehind refuses a commit that is behind the remote's branch as last fetched:
// applying it would undo newer commits. A detached commit, as in CI, is compared with
// the remote's default branch.
func (p *Job) notLeftBehind(o ApplyOptions) error {
	repo, head, err := p.OpenHead(o.Common)
	if err != nil || o.NotTip {
		return nil // if nothing is committed, nothing can be behind
	}
	branch, err := repo.Branch()
	if err != nil {
		return nil
	}

	tip, ok := head, false
	if branch != "" {
		tip, ok, err = repo.Upstream(branch)
	} else {
		branch, ok = "the default branch", true
		tip, err = repo.Resolve("refs/remotes/origin/HEAD")
	}

	if err != nil || !ok || tip == head {
		return nil
	}
	if behind, err := repo.IsAncestor(head, tip); err != nil || !behind {
		return nil
	}
	return Exit{CodeRefused, fmt.Errorf("refused, nothing was written: commit %s is behind the tip of %s, which is %s: pull first, or go back on purpose with --allow-not-tip",
		short(head.Hash), safe.Text(branch), short(tip.Hash))}
}

// Gate may refuse a plan before anything is written. It returns where a reader can accept
// what the plan is refused for otherwise.
type Gate func(*plan.Plan) (view.Way, error)

// Applied is the outcome of an apply. Stages that were not reached leave nil.
type Applied struct {
	Made   *plan.Plan
	Left   int // settings that drifted after the review, and are left alone
	Result *apply.Result
	Err    error // with the exit code
}

// ApplyCommit plans and writes the configuration of a commit. Base only explains why settings
// differ.
func (p *Job) ApplyCommit(ctx context.Context, o ApplyOptions, c, base *Configuration, gate Gate) Applied {
	return p.carryOut(ctx, applyRun{ApplyOptions: o}, c, base, gate)
}

// carryOut plans and writes. Base only explains why settings differ. Gate, if set, may
// refuse the plan before anything is written.
func (p *Job) carryOut(ctx context.Context, run applyRun, c, base *Configuration, gate Gate) (a Applied) {
	if run.Deadline > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, run.Deadline, deadlinePassed{run.Deadline})
		defer cancel()
	}
	ctx, stop := run.receipt.Watch(ctx)
	defer stop(nil)

	if !c.Desired.Manages() {
		// A deleted folder or a wrong --config must not pass for "all is well".
		a.Err = Exit{CodeRefused, errors.New("refused, nothing was written: the configuration manages nothing: add a document with a zone")}
		return a
	}
	opts, err := p.cloudflareOptions(run.Common, c.Desired, base.Asked())
	if err != nil {
		a.Err = err
		return a
	}
	opts.Keys = p.privateKeys(reachedZones(c.Desired.Zones, run.Zones))
	p.Uses(opts)
	progress := p.watch(run.Common, &opts)
	writer, err := cloudflare.NewWriter(opts)
	if err != nil {
		a.Err = err
		return a
	}
	e := p.Engine(run.Common, writer)
	e.Target = writer

	made, err := run.makePlan(ctx, e, c, base)
	progress.close()
	if err != nil {
		a.Err = Interrupted(ctx, err)
		return a
	}
	a.Made = made
	run.expect(made)
	run.saved.tell(p, run.Common)
	run.tellLeft(p)
	if run.held != nil {
		a.Left = len(run.held.Left)
	}
	if err := p.Print(run.Common, made, AsDrift{}); err != nil {
		if !run.Approved {
			a.Err = err // nobody can approve a plan that nobody can read
			return a
		}
		p.Lost(err)
	}
	run.back.tell(p, run.ApplyOptions, made)

	a.Err = p.mayWrite(ctx, &run, c, made, gate)
	if len(made.Changes) == 0 {
		a.Result = p.nothingToWrite(run, a)
		return a
	}
	if a.Err == nil {
		a.Result, a.Err = p.writeChanges(ctx, run, e, writer, progress, c, made)
	}
	return a
}

// nothingToWrite ends a run whose plan has no changes. The result is nil unless a saved
// plan had changes that were already done.
func (p *Job) nothingToWrite(run applyRun, a Applied) *apply.Result {
	result := run.saved.nothingToWrite()
	switch {
	case result != nil:
		run.receipt.Result(result)
		p.printResult(run.ApplyOptions, result)
	case a.Err == nil:
		run.receipt.Result(&apply.Result{Plan: a.Made})
	}
	return result
}

// writeChanges writes the changes of a plan, and prints and records what became of each.
func (p *Job) writeChanges(ctx context.Context, run applyRun, e *engine.Engine, writer *cloudflare.Writer, progress *watcher, c *Configuration, made *plan.Plan) (*apply.Result, error) {
	progress.write(len(made.Changes))
	p.Writing.Store(true)
	run.receipt.Step(run.saved.already()...)
	result, lastErr := run.write(ctx, e, made, c.Desired, apply.Options{
		Concurrency: run.Concurrency,
		Report: func(s apply.Step) {
			progress.step(s)
			run.receipt.Step(s)
		},
	})

	run.saved.complete(result)
	run.receipt.Result(result)
	progress.close()
	p.printResult(run.ApplyOptions, result)
	verdict := p.verdict(made, result, lastErr)
	return result, p.await(ctx, run.ApplyOptions, progress, writer, result, verdict)
}

func (p *Job) printResult(o ApplyOptions, result *apply.Result) {
	_ = Write(p.Out, "\n") // if that fails, so does the next
	if err := report.Result(p.Out, Hidden(p, result), report.ResultOptions{Verbose: o.Verbose, Color: o.Color}); err != nil {
		p.Lost(err)
	}
}

// mayWrite returns why a plan must not be written. For a plan without changes it
// returns why the plan is incomplete.
func (p *Job) mayWrite(ctx context.Context, run *applyRun, c *Configuration, made *plan.Plan, gate Gate) error {
	var way view.Way
	if len(made.Changes) == 0 {
		return cmp.Or(p.gates(run.ApplyOptions, made, c, way), Unread(made))
	}
	if err := run.stale(); err != nil {
		return err
	}
	if gate != nil {
		var err error
		if way, err = gate(made); err != nil {
			return err
		}
	}

	if err := p.gates(run.ApplyOptions, made, c, way); err != nil {
		return err
	}
	if err := p.missingKey(made, c.Desired); err != nil {
		return err
	}
	p.warnOfLimit(ctx, run.ApplyOptions, made)
	return p.confirm(ctx, run.ApplyOptions)
}

// Lost says that the report could not be printed, for example because the disk is full.
// The run continues, and its exit code depends only on the writes to Cloudflare.
func (p *Job) Lost(err error) {
	fmt.Fprintf(p.Err, "tlsync: the report could not be printed: %s\n", OneLine(err))
}

// undone summarizes in one line the changes that were not done, for readers of stderr. The
// report has said why.
func undone(r *apply.Result) error {
	t := r.Tally
	text := fmt.Sprintf("%s of %s changes were not done", words.Number(t.Planned-t.Done), words.Number(t.Planned))
	return errors.New(text + "; " + cmp.Or(r.Stopped, "see the report"))
}

// verdict picks the exit code of an apply.
func (p *Job) verdict(made *plan.Plan, r *apply.Result, last error) error {
	code := CodeError
	if r.Writes() > 0 {
		code = CodeIncomplete
	}
	for i := range r.Steps {
		var bug *crash.Error
		if errors.As(r.Steps[i].Err, &bug) {
			return bug
		}
	}

	switch {
	case r.Tally.Done < r.Tally.Planned:
		return Exit{code, undone(r)}
	case last != nil:
		return Exit{code, fmt.Errorf("everything was written, but not checked: %w", last)}
	case r.Reverted && r.Remaining != nil && len(r.Remaining.Changes) > 0:
		return Exit{code, errors.New("everything was written, but live state is not at the earlier values; see the report")}
	case r.Remaining != nil && len(r.Remaining.Changes) > 0:
		return Exit{code, errors.New("everything was written, but live state still differs from the configuration; see the report")}
	}
	if err := Unread(made); err != nil {
		return Exit{code, err}
	}
	return nil
}

// confirm asks for approval, unless the options have it.
func (p *Job) confirm(ctx context.Context, o ApplyOptions) error {
	if o.Approved {
		return nil
	}

	err := p.Ask(ctx)
	if err != nil && ctx.Err() != nil {
		return Interrupted(ctx, ctx.Err())
	}
	return err
}
