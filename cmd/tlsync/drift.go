package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"tlsync/engine"
	"tlsync/engine/plan"
	"tlsync/schema"
)

type driftOptions struct {
	common
	failOn string
}

func (p *program) driftCommand() *cli.Command {
	return &cli.Command{
		Name: "drift", Usage: "compare live with the configuration as committed",
		UsageText: "tlsync drift [--config DIR] [--fail-on any|weaker|none]",
		Description: `Compares live state with the configuration at HEAD, so that edits that are
not committed do not read as drift, and exits with 2 if they differ. Outside a
repository the files are taken as they are. Never writes to Cloudflare.
Formats: text, json.`,
		Flags: append(sharedFlags(),
			&cli.StringFlag{Name: "fail-on", Value: "any", Usage: "`WHAT` exits with 2: any, weaker or none"},
		),
		Action: action(func(ctx context.Context, c *cli.Context) error {
			shared, err := p.common(c, "text", "json")
			if err != nil {
				return err
			}
			if err := noArguments(c); err != nil {
				return err
			}
			o := driftOptions{shared, c.String("fail-on")}
			if o.failOn != "any" && o.failOn != "weaker" && o.failOn != "none" {
				return fmt.Errorf("--fail-on %q: want any, weaker or none", o.failOn)
			}
			return p.drift(ctx, o)
		}),
	}
}

func (p *program) drift(ctx context.Context, o driftOptions) error {
	c, err := p.committed(o.common)
	if errors.Is(err, errNotCommitted) {
		p.remark(o.common, "tlsync: %s; comparing with the files as they are", oneLine(err))
		c, err = p.load(o.common)
	}
	if err != nil {
		return err
	}
	if err := p.check(o.common, c); err != nil {
		return err
	}
	made, err := p.read(ctx, o.common, c, func(e *engine.Engine) (*plan.Plan, error) {
		return e.Drift(ctx, c.desired, c.info)
	})
	if err != nil {
		return err
	}
	if err := p.print(o.common, made); err != nil {
		return err
	}
	if err := unread(made); err != nil {
		return err
	}
	if o.fails(made) {
		return exit{codeDiffers, nil}
	}
	return nil
}

// fails reports whether the drift is of the kind to fail on. Live is weaker where
// putting it right strengthens.
func (o driftOptions) fails(made *plan.Plan) bool {
	for i := range made.Changes {
		for _, e := range made.Changes[i].Edits {
			if o.failOn == "any" || (o.failOn == "weaker" && e.Direction == schema.Strengthens) {
				return true
			}
		}
	}
	return false
}
