package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"tlsync/engine"
	"tlsync/engine/cloudflare"
	"tlsync/engine/plan"
	"tlsync/engine/report"
	"tlsync/schema"
)

type planOptions struct {
	common
	out      string
	detailed bool
}

func (p *program) planCommand() *cli.Command {
	return &cli.Command{
		Name: "plan", Aliases: []string{"diff"}, Usage: "compare desired with live, print the plan",
		UsageText: "tlsync plan [--config DIR] [--zone NAME] [--out FILE]",
		Description: `Reads live state and prints what apply would write, what needs permission by
name, and what there is to know. Never writes to Cloudflare.
Formats: text, json.`,
		Flags: append(sharedFlags(),
			&cli.StringFlag{Name: "out", Usage: "`FILE` to save the plan in, as JSON"},
			&cli.BoolFlag{Name: "detailed-exitcode", Usage: "exit with 2 if there are changes"},
		),
		Action: action(func(ctx context.Context, c *cli.Context) error {
			shared, err := p.common(c, "text", "json")
			if err != nil {
				return err
			}
			if err := noArguments(c); err != nil {
				return err
			}
			return p.plan(ctx, planOptions{shared, c.String("out"), c.Bool("detailed-exitcode")})
		}),
	}
}

func (p *program) plan(ctx context.Context, o planOptions) error {
	c, err := p.load(o.common)
	if err != nil {
		return err
	}
	if err := p.check(o.common, c); err != nil {
		return err
	}
	made, err := p.read(ctx, o.common, c, func(e *engine.Engine) (*plan.Plan, error) {
		return e.Plan(ctx, nil, c.desired, c.info)
	})
	if err != nil {
		return err
	}
	if o.out != "" {
		if err := savePlan(o.out, made); err != nil {
			return err
		}
	}
	if err := p.print(o.common, made); err != nil {
		return err
	}
	if err := unread(made); err != nil {
		return err
	}
	if o.detailed && len(made.Changes) > 0 {
		return exit{codeDiffers, nil}
	}
	return nil
}

// read makes a plan with a client that has no write methods.
func (p *program) read(ctx context.Context, o common, c *configuration, compare func(*engine.Engine) (*plan.Plan, error)) (*plan.Plan, error) {
	opts, err := p.cloudflareOptions(o, c.desired)
	if err != nil {
		return nil, err
	}
	progress := p.watch(o, &opts)
	reader, err := cloudflare.NewReader(opts)
	if err != nil {
		return nil, err
	}
	made, err := compare(p.engine(o, reader))
	progress.close()
	return made, interrupted(ctx, err)
}

// interrupted says in one sentence that an interrupt or the deadline ended the
// run before anything was written.
func interrupted(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("stopped by %w; nothing was written", context.Cause(ctx))
	}
	return err
}

func (p *program) print(o common, made *plan.Plan) error {
	if o.format == "json" {
		return report.PlanJSON(p.out, made)
	}
	return report.Text(p.out, made, report.TextOptions{Verbose: o.verbose, Color: o.color, Rate: rateText(o.rate)})
}

// unread fails where something that the configuration manages could not be read
// or cannot be written: a plan without it must not pass for a whole one.
func unread(made *plan.Plan) error {
	n := 0
	for _, f := range made.Findings {
		if f.Severity == schema.Error {
			n++
		}
	}
	switch n {
	case 0:
		return nil
	case 1:
		return errors.New("the plan is not complete: 1 finding is an error")
	}
	return fmt.Errorf("the plan is not complete: %d findings are errors", n)
}

// savePlan writes the plan beside its place and moves it there, so that there is
// never half a plan. It holds no secret; 0600 because live settings are nobody
// else's business.
func savePlan(file string, made *plan.Plan) (err error) {
	if info, statErr := os.Lstat(file); statErr == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("--out %s: is not a regular file", file)
	}
	f, err := os.CreateTemp(filepath.Dir(file), ".tlsync-plan-*")
	if err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
			err = fmt.Errorf("--out: %w", err)
		}
	}()
	if err := report.PlanJSON(f, made); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}

func (p *program) showCommand() *cli.Command {
	return &cli.Command{
		Name: "show", Usage: "render a saved plan",
		UsageText:   "tlsync show FILE",
		Description: "Prints a plan that tlsync plan --out saved. Formats: text, json.",
		Flags:       sharedFlags(),
		Action: action(func(_ context.Context, c *cli.Context) error {
			o, err := p.common(c, "text", "json")
			if err != nil {
				return err
			}
			if c.NArg() != 1 {
				return errors.New("show takes one argument, the saved plan")
			}
			return p.show(o, c.Args().First())
		}),
	}
}

func (p *program) show(o common, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	made, err := report.ReadPlan(f)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return p.print(o, made)
}
