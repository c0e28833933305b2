package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v2"

	"tlsync/engine"
	"tlsync/engine/cloudflare"
	"tlsync/engine/github"
	"tlsync/engine/plan"
	"tlsync/engine/planfile"
	"tlsync/engine/report"
	"tlsync/engine/safe"
	"tlsync/schema"
)

type planOptions struct {
	common
	base     string
	out      string
	snapshot string
	detailed bool
}

func (p *program) planCommand() *cli.Command {
	return &cli.Command{
		Name: "plan", Aliases: []string{"diff"}, Usage: "compare desired with live, print the plan",
		UsageText: "tlsync plan [--config DIR] [--zone NAME] [--base REF] [--out FILE]",
		Description: `Reads live state and prints the changes that apply would write, the hazards to
allow by name, and other findings. With --base, changes from the commits since
then are told apart from drift. With --snapshot, nothing is read from
Cloudflare. Never writes to Cloudflare.
Formats: text, json, markdown, github (annotations for a workflow).`,
		Flags: append(sharedFlags(),
			&cli.StringFlag{Name: "base", Usage: "`REF` tell changes since this commit from drift"},
			&cli.StringFlag{Name: "out", TakesFile: true, Usage: "`FILE` save the plan to this file, as JSON"},
			&cli.StringFlag{Name: "snapshot", TakesFile: true, Usage: "`FILE` read live state from this snapshot"},
			&cli.BoolFlag{Name: "detailed-exitcode", Usage: "exit with 2 if there are changes"},
		),
		Action: action(p.planOptions, p.plan),
	}
}

func (p *program) planOptions(c *cli.Context) (planOptions, error) {
	shared, err := p.common(c, "text", "json", "markdown", "github")
	o := planOptions{
		common: shared, base: c.String("base"), out: c.String("out"), snapshot: c.String("snapshot"),
		detailed: c.Bool("detailed-exitcode"),
	}
	return o, cmp.Or(err, noArguments(c))
}

func (p *program) plan(ctx context.Context, o planOptions) error {
	c, err := p.valid(o.common)
	if err != nil {
		return err
	}
	var base *configuration
	if o.base != "" {
		if base, err = p.base(o.common, o.base); err != nil {
			return err
		}
	}

	made, err := p.compare(ctx, o.common, c, base, o.snapshot)
	if err != nil {
		return err
	}
	if o.format != "text" || o.verbose || o.out != "" {
		p.credit(ctx, o.common, made, c, base)
	}
	if o.out != "" {
		if err := savePlan("--out", o.out, made); err != nil {
			return err
		}
	}

	if err := p.print(o.common, made, false); err != nil {
		return err
	}
	if err := cmp.Or(unread(made), p.policyKept(made, c)); err != nil {
		return err
	}
	if o.detailed && len(made.Changes) > 0 {
		return exit{codeDiffers, nil}
	}
	return nil
}

// compare makes a plan with a client that has no write methods, or from a snapshot if one
// is named. Base may be nil.
func (p *program) compare(ctx context.Context, o common, c, base *configuration, from string) (*plan.Plan, error) {
	source, done, err := p.source(o, c, base, from)
	if err != nil {
		return nil, err
	}
	made, err := p.engine(o, source).Plan(ctx, base.asked(), c.desired, c.against(base))
	done()
	return made, interrupted(ctx, err)
}

// source returns where live state comes from, and a function that ends the progress.
func (p *program) source(o common, c, base *configuration, from string) (engine.Source, func(), error) {
	if from != "" {
		saved, err := readSnapshot(from)
		if err != nil {
			return nil, nil, fmt.Errorf("--snapshot: %w", err)
		}
		p.remark(o, "tlsync: using the live state saved at %s in %s", saved.TakenAt.Format(time.RFC3339), safe.Text(from))
		return saved, func() {}, nil
	}

	opts, err := p.cloudflareOptions(o, c.desired, base.asked())
	if err != nil {
		return nil, nil, err
	}
	progress := p.watch(o, &opts)
	reader, err := cloudflare.NewReader(opts)
	if err != nil {
		return nil, nil, err
	}
	return reader, progress.close, nil
}

// interrupted says in one sentence that an interrupt or the deadline ended the
// run before anything was written.
func interrupted(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("stopped by %w; nothing was written", context.Cause(ctx))
	}
	return err
}

// print prints a plan. Pending is that of report.TextOptions.
func (p *program) print(o common, made *plan.Plan, pending bool) error {
	switch o.format {
	case "json":
		return planfile.PlanJSON(p.out, made)
	case "github":
		return github.Commands(p.out, annotations(o, report.PlanAnnotations(made)))
	case "markdown":
		return report.Markdown(p.out, made, report.MarkdownOptions{Rate: rateText(o.rate), Limit: o.limit, Pending: pending})
	}
	return report.Text(p.out, made, report.TextOptions{Verbose: o.verbose, Color: o.color, Rate: rateText(o.rate), Limit: o.limit, Pending: pending})
}

// unread fails if something that the configuration manages could not be read or cannot be
// written: such a plan must not pass as complete.
func unread(made *plan.Plan) error {
	n := 0
	for _, f := range made.Findings {
		if f.Severity == schema.Error && !f.OfPolicy() {
			n++
		}
	}
	switch n {
	case 0:
		return nil
	case 1:
		return errors.New("the plan is incomplete: 1 finding is an error")
	}
	return fmt.Errorf("the plan is incomplete: %d findings are errors", n)
}

// savePlan writes a plan to the file of a flag. It holds no secret.
func savePlan(flag, file string, made *plan.Plan) error {
	return saveFile(flag, file, func(w io.Writer) error { return planfile.PlanJSON(w, made) })
}

type showOptions struct {
	common
	file string // a saved plan or a receipt
}

func (p *program) showCommand() *cli.Command {
	return &cli.Command{
		Name: "show", Usage: "render a saved plan or a receipt",
		UsageText: "tlsync show FILE",
		Description: `Prints a plan that tlsync plan --out saved, or the receipt of an apply.
Formats: text, json, markdown.`,
		Flags:  sharedFlags(),
		Action: action(p.showOptions, p.show),
	}
}

func (p *program) showOptions(c *cli.Context) (showOptions, error) {
	shared, err := p.common(c, "text", "json", "markdown")
	if err == nil && c.NArg() != 1 {
		err = errors.New("show takes one argument, the saved plan or the receipt")
	}
	return showOptions{shared, c.Args().First()}, err
}

func (p *program) show(_ context.Context, o showOptions) error {
	text, err := readBounded(o.file)
	if err != nil {
		return err
	}
	if planfile.IsReceipt(text) {
		return p.showReceipt(o.common, o.file, text)
	}

	made, err := readPlan(o.file, text)
	if err != nil {
		return err
	}
	return p.print(o.common, made, false)
}

// readPlan reads a plan that was saved in a file, from its text.
func readPlan(file string, text []byte) (*plan.Plan, error) {
	made, err := planfile.ReadPlan(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return made, intact(file, made)
}

// intact refuses a plan that was changed after it was saved.
func intact(file string, made *plan.Plan) error {
	if plan.Digest(made.Changes) != made.Digest {
		return fmt.Errorf("%s: the digest does not match its changes: the file was edited or damaged; make the plan again", file)
	}
	if !planfile.Intact(made) {
		return fmt.Errorf("%s: the checksum does not match its content: the file was edited or damaged; make the plan again", file)
	}
	return nil
}
