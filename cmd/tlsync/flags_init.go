package main

import (
	"cmp"
	"fmt"

	"tlsync/engine/job"
	"tlsync/engine/starter"

	"github.com/urfave/cli/v2"
)

func (p *program) initCommand() *cli.Command {
	return &cli.Command{
		Name: "init", Usage: "write a starter configuration and the workflows",
		UsageText: "tlsync init [--config DIR] [--zone NAME] [--action OWNER/REPO@REF]",
		Description: `Writes a commented configuration that manages nothing yet, its JSON Schema for
editors, and workflows for GitHub that plan, apply and look for drift. If there
is a token, every zone that it reads gets a file. Replaces no file, and says
what it left alone. Never writes to Cloudflare.`,
		Flags: append(sharedFlags(),
			&cli.StringFlag{Name: "action", Usage: "`OWNER/REPO@REF` the action for the workflows"},
		),
		Action: action(p.initOptions, p.Init),
	}
}

func (p *program) initOptions(c *cli.Context) (job.InitOptions, error) {
	shared, err := p.common(c, "text")
	o := job.InitOptions{Common: shared, Action: c.String("action")}
	if err := cmp.Or(err, noArguments(c)); err != nil || o.Action == "" {
		return o, err
	}
	if err := starter.CheckAction(o.Action); err != nil {
		return o, fmt.Errorf("--action %w", err)
	}
	return o, nil
}
