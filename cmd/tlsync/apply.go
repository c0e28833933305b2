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

	"tlsync/engine/apply"
	"tlsync/engine/cloudflare"
	"tlsync/engine/crash"
	"tlsync/engine/plan"
	"tlsync/engine/report"
	"tlsync/schema"
)

type applyOptions struct {
	common
	approved bool
	allow    []plan.HazardKind
	deadline time.Duration
	// reviewed is a file that holds what was reviewed; empty for no such check.
	reviewed string
	// maxChanges stands in for the policy's limit where it is set.
	maxChanges schema.MaxChanges
	notTip     bool // an older commit than that of the branch's tip may be applied
	// saved is the plan file to apply; nil to plan and apply.
	saved   *savedPlan
	receipt *receipt // nil for none
	// wait is how long to wait for what was written to be active; 0 is not at all.
	wait time.Duration
}

func (p *program) applyCommand() *cli.Command {
	return &cli.Command{
		Name: "apply", Aliases: []string{"sync"}, Usage: "plan, then write what differs in a safe order",
		UsageText: "tlsync apply [PLAN_FILE] [--config DIR] [--auto-approve]",
		Description: `Plans, asks, and writes. Approval opens no gate: a change with a hazard is
refused until the hazard is allowed by name. Every write is checked against its
answer, and at the end live state is read once more. On SIGINT or SIGTERM what
is in flight finishes, nothing more is written, and what was done is reported;
run apply again to go on. With --reviewed nothing is written unless every change
was in the plan that was reviewed. With a plan file only what it holds is
written, and nothing at all where live is no longer as it saw it.`,
		Flags: append(sharedFlags(),
			&cli.BoolFlag{Name: "auto-approve", Aliases: []string{"yes", "y"}, Usage: "do not ask"},
			&cli.StringSliceFlag{Name: "allow-hazards", Usage: "`A,B` hazards that are accepted"},
			&cli.StringFlag{Name: "max-changes", Usage: "`N|N%` changes at most, in place of the policy's limit"},
			&cli.DurationFlag{Name: "deadline", Usage: "`TIME` after which to stop cleanly"},
			&cli.StringFlag{Name: "reviewed", Usage: "`FILE` plan or plan comment that must cover it all"},
			&cli.DurationFlag{Name: "wait", Usage: "`TIME` to wait until what was written is active"},
			&cli.StringFlag{Name: "receipt", Usage: "`FILE` to keep a line of every change in, as JSON"},
			&cli.BoolFlag{Name: "allow-not-tip", Usage: "apply a commit that its branch left behind"},
		),
		Action: action(func(ctx context.Context, c *cli.Context) error {
			shared, err := p.common(c, "text")
			if err != nil {
				return err
			}
			if c.NArg() > 1 {
				return fmt.Errorf("apply takes one argument, the saved plan, got %q too", c.Args().Get(1))
			}
			o := applyOptions{
				common: shared, approved: c.Bool("auto-approve"), deadline: c.Duration("deadline"),
				reviewed: c.String("reviewed"), notTip: c.Bool("allow-not-tip"), wait: c.Duration("wait"),
			}
			if o.wait < 0 {
				return errors.New("--wait: want a time of more than 0")
			}
			if o.maxChanges, err = maxChangesFlag(c.String("max-changes")); err != nil {
				return err
			}
			if o.allow, err = hazards(words(c.StringSlice("allow-hazards"))); err != nil {
				return err
			}
			file := c.Args().First()
			if c.NArg() > 0 && file == "" { // a variable that is not set must not mean everything
				return errors.New("the name of the saved plan is empty")
			}
			if o.receipt, err = p.openReceipt(c.String("receipt"), file, o.reviewed); err != nil {
				return err
			}
			return p.apply(ctx, o, file)
		}),
	}
}

// hazards reads the names given to --allow-hazards. All names of the contract
// are known, those included that no change of this release has, so that one
// command line serves every release.
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

// apply applies the configuration, or of it what a saved plan holds, if file is not
// empty.
func (p *program) apply(ctx context.Context, o applyOptions, file string) (err error) {
	defer func() { err = o.receipt.close(err) }()
	if file != "" {
		if o.saved, err = readSavedPlan(file); err != nil {
			return err
		}
		o.expect(o.saved.plan)
	}
	c, err := p.valid(o.common)
	if err != nil {
		return err
	}
	o.receipt.of(c.info)
	if o.saved != nil {
		if err := o.saved.fits(o.common, c); err != nil {
			return err
		}
	}
	if !o.notTip {
		if err := p.notLeftBehind(o.common); err != nil {
			return err
		}
	}
	if o.reviewed == "" {
		return p.carryOut(ctx, o, c, nil, nil).err
	}
	review, err := readReviewed(o.reviewed)
	if err != nil {
		return fmt.Errorf("--reviewed: nothing was written: %w", err)
	}
	return p.carryOut(ctx, o, c, nil, func(made *plan.Plan) error { return stale(made, review) }).err
}

// notLeftBehind refuses a commit that its branch, as the remote was last seen, has
// left behind: live would go back to it. Of a commit that is checked out by itself,
// as CI does, the branch is the remote's default one.
func (p *program) notLeftBehind(o common) error {
	repo, head, err := openHead(o)
	if err != nil {
		return nil // without a commit there is no tip
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
	return exit{codeRefused, fmt.Errorf("refused, nothing was written: commit %s is not the tip of %s any more, which is %s: pull first, or go back on purpose with --allow-not-tip",
		short(head.Hash), report.Safe(branch), short(tip.Hash))}
}

// applied is what became of an apply. What was not reached is nil.
type applied struct {
	made   *plan.Plan
	result *apply.Result
	err    error // with the exit code
}

// carryOut plans and writes. Base only tells causes. Gate, if set, may refuse the
// plan before anything is written.
func (p *program) carryOut(ctx context.Context, o applyOptions, c, base *configuration, gate func(*plan.Plan) error) (a applied) {
	if o.deadline > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, o.deadline, deadlinePassed{o.deadline})
		defer cancel()
	}
	ctx, stop := o.receipt.watch(ctx)
	defer stop(nil)
	if !c.desired.Manages() {
		// A deleted folder or a wrong --config must not pass for "all is well".
		a.err = exit{codeRefused, errors.New("refused, nothing was written: the configuration manages nothing; a document with zone: says what to manage")}
		return a
	}
	opts, err := p.cloudflareOptions(o.common, c.desired, base.asked())
	if err != nil {
		a.err = err
		return a
	}
	progress := p.watch(o.common, &opts)
	writer, err := cloudflare.NewWriter(opts)
	if err != nil {
		a.err = err
		return a
	}
	e := p.engine(o.common, writer)
	e.Target = writer
	made, err := o.makePlan(ctx, e, c, base)
	progress.close()
	if err != nil {
		a.err = interrupted(ctx, err)
		return a
	}
	a.made = made
	o.expect(made)
	o.saved.tell(p, o.common)
	switch err := p.print(o.common, made, false); {
	case err != nil && !o.approved:
		a.err = err // nobody can approve what nobody can read
		return a
	case err != nil:
		p.lost(err)
	}
	if a.err = p.mayWrite(ctx, o, c, made, opts.Keys, gate); len(made.Changes) == 0 {
		if a.result = o.saved.nothingToWrite(); a.result != nil {
			o.receipt.result(a.result)
			p.printResult(o, a.result)
		} else if a.err == nil {
			o.receipt.result(&apply.Result{Plan: made}) // there was nothing to do
		}
		return a
	}
	if a.err != nil {
		return a
	}
	progress.write(len(made.Changes))
	p.writing.Store(true)
	o.receipt.step(o.saved.already()...)
	result, lastErr := e.Apply(ctx, made, c.desired, apply.Options{
		Concurrency: o.concurrency,
		Report: func(s apply.Step) {
			progress.step(s)
			o.receipt.step(s)
		},
	})
	o.saved.complete(result)
	o.receipt.result(result)
	a.result = result
	progress.close()
	p.printResult(o, result)
	a.err = p.await(ctx, o, progress, writer, result, p.verdict(o, made, result, lastErr))
	return a
}

func (p *program) printResult(o applyOptions, result *apply.Result) {
	_ = write(p.out, "\n") // if that fails, so does the next
	if err := report.Result(p.out, result, report.ResultOptions{Verbose: o.verbose, Color: o.color}); err != nil {
		p.lost(err)
	}
}

// mayWrite says why a plan is not to be written, if it is not. Without changes it
// says whether the plan is whole.
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

// missingKey refuses to begin where a certificate is to be uploaded whose private
// key is not there.
func missingKey(made *plan.Plan, desired *schema.Desired, keys map[string]string) error {
	for i := range made.Changes {
		c := &made.Changes[i]
		if c.ObjectID != plan.OriginPullsCertificates {
			continue
		}
		for _, z := range desired.Zones {
			for _, cert := range z.OriginCertificates {
				if schema.StringValue(cert.SHA256) == c.Edits[0].To && keys[cert.KeyEnv] == "" {
					return fmt.Errorf("nothing was written: %s: the private key of %s is to come from %s, which is not set", cert.Pos, cert.File, cert.KeyEnv)
				}
			}
		}
	}
	return nil
}

// lost tells that the report could not be printed: its reader is gone, or the
// disk is full. The run goes on, and its exit code is that of what was written
// to Cloudflare.
func (p *program) lost(err error) {
	fmt.Fprintf(p.err, "tlsync: the report is lost: %s\n", oneLine(err))
}

// confirm asks on a terminal and refuses without one.
func (p *program) confirm(ctx context.Context, o applyOptions) error {
	if o.approved {
		return nil
	}
	if !isTerminal(p.in) {
		return errors.New("nothing was written: there is no terminal to ask on; --auto-approve applies without asking")
	}
	fmt.Fprint(p.err, "\nWrite these changes to Cloudflare? Only \"yes\" is taken: ")
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

// undone is one line about what was not done, for those who see stderr only.
func undone(r *apply.Result) error {
	t := r.Tally
	text := fmt.Sprintf("%d of %d changes were not done", t.Planned-t.Done, t.Planned)
	if r.Stopped != "" {
		text += "; " + r.Stopped
	}
	for i := range r.Steps {
		if s := &r.Steps[i]; s.Outcome == apply.Failed {
			return fmt.Errorf("%s; first failure: %s: %s", text, s.Change.ID, s.Reason)
		}
	}
	return errors.New(text)
}

// verdict picks the exit code of an apply.
func (p *program) verdict(o applyOptions, made *plan.Plan, r *apply.Result, last error) error {
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
		return exit{code, fmt.Errorf("all was written, but not checked: %w", last)}
	case r.Remaining != nil && len(r.Remaining.Changes) > 0:
		return exit{code, errors.New("all was written, but live is not as the configuration asks; the report tells what is not")}
	}
	if err := unread(made); err != nil {
		return exit{code, err}
	}
	return nil
}
