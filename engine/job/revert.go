package job

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"tlsync/engine"
	"tlsync/engine/plan"
	"tlsync/engine/planfile"
	"tlsync/engine/receipt"
	"tlsync/engine/regular"
	"tlsync/engine/revert"
	"tlsync/engine/safe"
	"tlsync/schema"
)

// RevertOptions are the options of Revert.
type RevertOptions struct {
	ApplyOptions
	Receipt string // of the apply to take back
	DryRun  bool   // print the plan and write nothing
}

// Revert plans and writes the way back from a receipt, as far as live state still is as the
// receipt left it. The policy is that of the configuration as it is now.
func (p *Job) Revert(ctx context.Context, o RevertOptions) (err error) {
	run := applyRun{ApplyOptions: o.ApplyOptions}
	if !o.DryRun {
		if run.receipt, err = receipt.Open(o.ReceiptFile, p.Secrets, Tool(), o.Receipt); err != nil {
			return err
		}
		defer func() { err = closeReceipt(run.receipt, err) }()
	}

	of, err := readReceipt(o.Receipt)
	if err != nil {
		return fmt.Errorf("nothing was written: %w", err)
	}
	c, err := p.Valid(o.Common)
	if err != nil {
		return err
	}
	run.receipt.Of(c.Info)
	if err := p.notLeftBehind(o.ApplyOptions); err != nil && !o.DryRun { // its policy may be out of date
		return err
	}

	way := revert.Find(revert.Input{File: o.Receipt, Receipt: of, Current: c.Desired, Zones: o.Zones, Hostnames: o.Hostnames})
	if of.Tally == nil {
		p.Remark(o.Common, "tlsync: %s has no tally: its run was killed, and what it wrote last may be missing", safe.Text(o.Receipt))
	}
	if !way.Selected && len(o.Zones)+len(o.Hostnames) > 0 {
		return fmt.Errorf("nothing was written: %s has no write that --zone and --hostname leave", safe.Text(o.Receipt))
	}
	if way.Empty() {
		return p.nothingToRevert(run, way, c)
	}
	run.Zones, run.Hostnames = way.Zones(), nil // the way has no others
	run.back = &wayBack{way: way, config: c.Info, commit: commitOf(of)}

	back := *c
	back.Desired = way.Earlier()
	if o.DryRun {
		return p.previewRevert(ctx, run, &back)
	}
	a := p.carryOut(ctx, run, &back, nil, nil)
	if a.Result != nil && a.Result.Writes() > 0 {
		p.Remark(o.Common, "tlsync: the configuration still asks for what was taken back, so drift shows it and the next apply writes it again: %s", run.back.revertCommit())
	}
	return a.Err
}

// readReceipt reads the receipt of an apply, and refuses another file.
func readReceipt(file string) (*planfile.Receipt, error) {
	text, err := regular.Read(file, planfile.MaxSize)
	if err != nil {
		return nil, err
	}
	if !planfile.IsReceipt(text) {
		return nil, fmt.Errorf("%s is not a receipt: give the file that apply wrote for --receipt", safe.Text(file))
	}

	r, err := planfile.ReadReceipt(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", safe.Text(file), err)
	}
	return r, nil
}

// nothingToRevert ends a run that has nothing to plan, and says what it leaves alone.
func (p *Job) nothingToRevert(run applyRun, way *revert.Way, c *Configuration) error {
	made := &plan.Plan{FormatVersion: plan.FormatVersion, Tool: Tool(), Config: c.Info, Findings: way.Left, Digest: plan.Digest(nil)}
	plan.SortFindings(made.Findings)
	if err := p.Print(run.Common, made, AsDrift{}); err != nil {
		return err
	}
	p.nothingToWrite(run, Applied{Made: made})
	return nil
}

// previewRevert prints the plan of a revert, with a client that has no write methods.
func (p *Job) previewRevert(ctx context.Context, run applyRun, c *Configuration) error {
	source, done, err := p.Source(run.Common, c, nil, "")
	if err != nil {
		return err
	}
	made, err := run.back.plan(ctx, p.Engine(run.Common, source))
	done()
	if err != nil {
		return Interrupted(ctx, err)
	}

	if err := p.Print(run.Common, made, AsDrift{}); err != nil {
		return err
	}
	return cmp.Or(Unread(made), p.PolicyKept(made, c))
}

// wayBack is what a revert plans.
type wayBack struct {
	way    *revert.Way
	config plan.Config
	commit string // that was applied, "" if it is not known
	// earlier asks for what the plan takes back, once that was made.
	earlier *schema.Desired
}

// plan reads live state, and plans the way back from what still is as the receipt left it.
func (b *wayBack) plan(ctx context.Context, e *engine.Engine) (*plan.Plan, error) {
	made, still, err := e.Back(ctx, b.way, b.config)
	if err == nil {
		b.earlier = still.Earlier()
	}
	return made, err
}

// tell says before anybody approves what the configuration will make of the way back.
func (b *wayBack) tell(p *Job, o ApplyOptions, made *plan.Plan) {
	if b == nil || len(made.Changes) == 0 || o.Approved {
		return
	}
	p.Remark(o.Common, "tlsync: the configuration will still ask for what this takes back: afterwards drift shows it, and the next apply writes it again, unless you %s", b.revertCommit())
}

// revertCommit says how the configuration follows.
func (b *wayBack) revertCommit() string {
	if b.commit == "" {
		return "revert the commit that was applied, with git revert"
	}
	return "run git revert " + b.commit
}

// commitID matches the hash of a commit, short or whole.
var commitID = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9a-f]{7,64}$`) })

// commitOf returns the commit whose apply a receipt is of, "" if it does not say.
func commitOf(r *planfile.Receipt) string {
	if r.Tally == nil || !commitID().MatchString(strings.ToLower(r.Tally.Config.Commit)) {
		return ""
	}
	return short(strings.ToLower(r.Tally.Config.Commit))
}
