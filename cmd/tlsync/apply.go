package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"tlsync/engine"
	"tlsync/engine/apply"
	"tlsync/engine/cloudflare"
	"tlsync/engine/crash"
	"tlsync/engine/plan"
	"tlsync/engine/report"
	"tlsync/engine/safe"
	"tlsync/schema"
)

type applyOptions struct {
	common
	file        string // the saved plan to apply; empty to plan and apply
	approved    bool   // write without asking
	allow       []plan.HazardKind
	maxChanges  schema.MaxChanges // replaces the policy's limit, if set
	notTip      bool              // allow a commit that is behind the tip of its branch
	reviewed    string            // the file with the reviewed plan; empty for no such check
	receiptFile string            // empty for no receipt
	deadline    time.Duration
	wait        time.Duration // how long to wait for written settings to become active
}

// applyRun is one run of apply.
type applyRun struct {
	applyOptions
	saved   *savedPlan // nil without a plan file
	receipt *receipt   // nil for none
}

func (p *program) applyCommand() *cli.Command {
	return &cli.Command{
		Name: "apply", Aliases: []string{"sync"}, Usage: "plan, then write what differs in a safe order",
		UsageText: "tlsync apply [PLAN_FILE] [--config DIR] [--auto-approve]",
		Description: `Plans, asks for approval, and writes. Approval does not allow hazards: a change
with a hazard is refused until --allow-hazards names the hazard. The answer to
every write is checked, and live state is read again at the end. On SIGINT or
SIGTERM, requests in flight finish, nothing more is written, and the report says
what was done; run apply again to continue. With --reviewed, nothing is written
unless every change is in the reviewed plan. With a plan file, only its changes
are written, and none if live state changed since the plan was made.`,
		Flags: append(sharedFlags(),
			&cli.BoolFlag{Name: "auto-approve", Aliases: []string{"yes", "y"}, Usage: "do not ask"},
			&cli.StringSliceFlag{Name: "allow-hazards", Usage: "`A,B` hazards to accept"},
			&cli.StringFlag{Name: "max-changes", Usage: "`N|N%` at most N changes; replaces the policy's limit"},
			&cli.DurationFlag{Name: "deadline", Usage: "`TIME` stop cleanly after this time"},
			&cli.StringFlag{Name: "reviewed", TakesFile: true, Usage: "`FILE` plan or plan comment with every change"},
			&cli.DurationFlag{Name: "wait", Usage: "`TIME` wait until written settings are active"},
			&cli.StringFlag{Name: "receipt", TakesFile: true, Usage: "`FILE` record every change as a line of JSON"},
			&cli.BoolFlag{Name: "allow-not-tip", Usage: "allow a commit behind the tip of its branch"},
		),
		Action: action(p.applyOptions, p.apply),
	}
}

func (p *program) applyOptions(c *cli.Context) (o applyOptions, err error) {
	if o.common, err = p.common(c, "text"); err != nil {
		return o, err
	}
	if c.NArg() > 1 {
		return o, fmt.Errorf("apply takes one argument, the saved plan, got %q too", c.Args().Get(1))
	}
	if o.file = c.Args().First(); c.NArg() > 0 && o.file == "" { // an unset shell variable must not mean everything
		return o, errors.New("the name of the saved plan is empty")
	}

	o.approved, o.notTip = c.Bool("auto-approve"), c.Bool("allow-not-tip")
	o.reviewed, o.receiptFile = c.String("reviewed"), c.String("receipt")
	o.deadline, o.wait = c.Duration("deadline"), c.Duration("wait")
	if o.wait < 0 {
		return o, errors.New("--wait: want a time of more than 0")
	}
	if o.maxChanges, err = maxChangesFlag(c.String("max-changes")); err != nil {
		return o, err
	}
	o.allow, err = hazards(splitList(c.StringSlice("allow-hazards")))
	return o, err
}

// hazards reads the names given to --allow-hazards. It accepts every documented name,
// even if no change of this release has that hazard, so that one command line serves
// every release.
func hazards(names []string) ([]plan.HazardKind, error) {
	var out []plan.HazardKind
	for _, name := range names {
		kind := plan.HazardKind(name)
		switch {
		case kind == plan.Unreachable:
			return nil, fmt.Errorf("--allow-hazards: %s can never be allowed", kind)
		case !slices.Contains(plan.HazardKinds(), kind):
			return nil, fmt.Errorf("--allow-hazards: unknown hazard %q; there are %s", name, joinKinds(plan.HazardKinds()))
		default:
			out = append(out, kind)
		}
	}
	return out, nil
}

func joinKinds(kinds []plan.HazardKind) string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = string(k)
	}
	return strings.Join(names, ", ")
}

// deadlinePassed is the cause of a context that --deadline ended.
type deadlinePassed struct{ after time.Duration }

func (d deadlinePassed) Error() string { return fmt.Sprintf("the deadline of %s", d.after) }

// apply applies the configuration, or only the changes of a saved plan if there is one.
func (p *program) apply(ctx context.Context, o applyOptions) (err error) {
	run := applyRun{applyOptions: o}
	if run.receipt, err = p.openReceipt(o.receiptFile, o.file, o.reviewed); err != nil {
		return err
	}
	defer func() { err = run.receipt.close(err) }()

	if o.file != "" {
		if run.saved, err = readSavedPlan(o.file); err != nil {
			return err
		}
		run.expect(run.saved.plan)
	}
	c, err := p.valid(o.common)
	if err != nil {
		return err
	}
	run.receipt.of(c.info)

	if run.saved != nil {
		if err := run.saved.fits(o.common, c); err != nil {
			return err
		}
	}
	if !o.notTip {
		if err := p.notLeftBehind(o.common); err != nil {
			return err
		}
	}
	if o.reviewed == "" {
		return p.carryOut(ctx, run, c, nil, nil).err
	}

	review, err := readReviewed(o.reviewed)
	if err != nil {
		return fmt.Errorf("--reviewed: nothing was written: %w", err)
	}
	return p.carryOut(ctx, run, c, nil, func(made *plan.Plan) error { return stale(made, review) }).err
}

// notLeftBehind refuses a commit that is behind the remote's branch as last fetched:
// applying it would undo newer commits. A detached commit, as in CI, is compared with
// the remote's default branch.
func (p *program) notLeftBehind(o common) error {
	repo, head, err := openHead(o)
	if err != nil {
		return nil // nothing is committed, so nothing can be behind
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
	return exit{codeRefused, fmt.Errorf("refused, nothing was written: commit %s is behind the tip of %s, which is %s: pull first, or go back on purpose with --allow-not-tip",
		short(head.Hash), safe.Text(branch), short(tip.Hash))}
}

// applied is the outcome of an apply. Stages that were not reached leave nil.
type applied struct {
	made   *plan.Plan
	result *apply.Result
	err    error // with the exit code
}

// carryOut plans and writes. Base only explains why settings differ. Gate, if set, may
// refuse the plan before anything is written.
func (p *program) carryOut(ctx context.Context, run applyRun, c, base *configuration, gate func(*plan.Plan) error) (a applied) {
	if run.deadline > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, run.deadline, deadlinePassed{run.deadline})
		defer cancel()
	}
	ctx, stop := run.receipt.watch(ctx)
	defer stop(nil)

	if !c.desired.Manages() {
		// A deleted folder or a wrong --config must not pass for "all is well".
		a.err = exit{codeRefused, errors.New("refused, nothing was written: the configuration manages nothing: add a document with a zone")}
		return a
	}
	opts, err := p.cloudflareOptions(run.common, c.desired, base.asked())
	if err != nil {
		a.err = err
		return a
	}
	progress := p.watch(run.common, &opts)
	writer, err := cloudflare.NewWriter(opts)
	if err != nil {
		a.err = err
		return a
	}
	e := p.engine(run.common, writer)
	e.Target = writer

	made, err := run.makePlan(ctx, e, c, base)
	progress.close()
	if err != nil {
		a.err = interrupted(ctx, err)
		return a
	}
	a.made = made
	run.expect(made)
	run.saved.tell(p, run.common)
	if err := p.print(run.common, made, false); err != nil {
		if !run.approved {
			a.err = err // nobody can approve a plan that nobody can read
			return a
		}
		p.lost(err)
	}

	a.err = p.mayWrite(ctx, run.applyOptions, c, made, opts.Keys, gate)
	if len(made.Changes) == 0 {
		a.result = p.nothingToWrite(run, a)
		return a
	}
	if a.err == nil {
		a.result, a.err = p.writeChanges(ctx, run, e, writer, progress, c, made)
	}
	return a
}

// nothingToWrite ends a run whose plan has no changes. The result is nil unless a saved
// plan had changes that were already done.
func (p *program) nothingToWrite(run applyRun, a applied) *apply.Result {
	result := run.saved.nothingToWrite()
	switch {
	case result != nil:
		run.receipt.result(result)
		p.printResult(run.applyOptions, result)
	case a.err == nil:
		run.receipt.result(&apply.Result{Plan: a.made})
	}
	return result
}

// writeChanges writes the changes of a plan, and prints and records what became of each.
func (p *program) writeChanges(ctx context.Context, run applyRun, e *engine.Engine, writer *cloudflare.Writer, progress *watcher, c *configuration, made *plan.Plan) (*apply.Result, error) {
	progress.write(len(made.Changes))
	p.writing.Store(true)
	run.receipt.step(run.saved.already()...)
	result, lastErr := e.Apply(ctx, made, c.desired, apply.Options{
		Concurrency: run.concurrency,
		Report: func(s apply.Step) {
			progress.step(s)
			run.receipt.step(s)
		},
	})

	run.saved.complete(result)
	run.receipt.result(result)
	progress.close()
	p.printResult(run.applyOptions, result)
	verdict := p.verdict(made, result, lastErr)
	return result, p.await(ctx, run.applyOptions, progress, writer, result, verdict)
}

func (p *program) printResult(o applyOptions, result *apply.Result) {
	_ = write(p.out, "\n") // if that fails, so does the next
	if err := report.Result(p.out, result, report.ResultOptions{Verbose: o.verbose, Color: o.color}); err != nil {
		p.lost(err)
	}
}

// mayWrite returns why a plan must not be written. For a plan without changes it
// returns why the plan is incomplete.
func (p *program) mayWrite(ctx context.Context, o applyOptions, c *configuration, made *plan.Plan, keys map[string]string, gate func(*plan.Plan) error) error {
	if len(made.Changes) == 0 {
		return cmp.Or(p.gates(o, made, c), unread(made))
	}
	if gate != nil {
		if err := gate(made); err != nil {
			return err
		}
	}
	if err := p.gates(o, made, c); err != nil {
		return err
	}
	if err := missingKey(made, c.desired, keys); err != nil {
		return err
	}
	p.warnOfLimit(ctx, o, made)
	return p.confirm(ctx, o)
}

// missingKey refuses to begin if the private key of a certificate to upload is not set.
func missingKey(made *plan.Plan, desired *schema.Desired, keys map[string]string) error {
	for i := range made.Changes {
		c := &made.Changes[i]
		if c.ObjectID != plan.OriginPullsCertificates {
			continue
		}
		for _, z := range desired.Zones {
			for _, cert := range z.OriginCertificates {
				if schema.StringValue(cert.SHA256) == c.Edits[0].To && keys[cert.KeyEnv] == "" {
					return fmt.Errorf("nothing was written: %s: the private key of %s comes from %s, which is not set", cert.Pos, cert.File, cert.KeyEnv)
				}
			}
		}
	}
	return nil
}

// lost says that the report could not be printed, for example because the disk is full.
// The run continues, and its exit code depends only on the writes to Cloudflare.
func (p *program) lost(err error) {
	fmt.Fprintf(p.err, "tlsync: the report could not be printed: %s\n", oneLine(err))
}

// confirm asks on a terminal and refuses without one.
func (p *program) confirm(ctx context.Context, o applyOptions) error {
	if o.approved {
		return nil
	}
	if !isTerminal(p.in) {
		return errors.New("nothing was written: cannot ask for approval without a terminal; use --auto-approve to apply without asking")
	}
	fmt.Fprint(p.err, "\nWrite these changes to Cloudflare? Only \"yes\" is accepted: ")

	answer := make(chan string, 1)
	go func() {
		line, err := bufio.NewReader(p.in).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			line = ""
		}
		answer <- strings.TrimSpace(line)
	}()

	select {
	case a := <-answer:
		if a == "yes" {
			return nil
		}
		return errors.New("not confirmed; nothing was written")
	case <-ctx.Done():
		return interrupted(ctx, ctx.Err())
	}
}

// undone summarizes in one line the changes that were not done, for readers of stderr.
func undone(r *apply.Result) error {
	t := r.Tally
	text := fmt.Sprintf("%d of %d changes were not done", t.Planned-t.Done, t.Planned)
	if r.Stopped != "" {
		text += "; " + r.Stopped
	}
	for i := range r.Steps {
		if s := &r.Steps[i]; s.Outcome == apply.Failed {
			return fmt.Errorf("%s; first failure: %s: %s", text, s.Change.Ref, s.Reason)
		}
	}
	return errors.New(text)
}

// verdict picks the exit code of an apply.
func (p *program) verdict(made *plan.Plan, r *apply.Result, last error) error {
	code := codeError
	if r.Writes() > 0 {
		code = codeIncomplete
	}
	for i := range r.Steps {
		var bug *crash.Error
		if errors.As(r.Steps[i].Err, &bug) {
			return bug
		}
	}

	switch {
	case r.Tally.Done < r.Tally.Planned:
		return exit{code, undone(r)}
	case last != nil:
		return exit{code, fmt.Errorf("everything was written, but not checked: %w", last)}
	case r.Remaining != nil && len(r.Remaining.Changes) > 0:
		return exit{code, errors.New("everything was written, but live state still differs from the configuration; see the report")}
	}
	if err := unread(made); err != nil {
		return exit{code, err}
	}
	return nil
}
