package main

import (
	"errors"
	"fmt"

	"tlsync/engine/job/inspect"
	"tlsync/schema"

	"github.com/urfave/cli/v2"
)

func (p *program) explainCommand() *cli.Command {
	return &cli.Command{
		Name: "explain", Usage: "the effective settings of hostnames, and where each comes from",
		UsageText: "tlsync explain NAME… [--config DIR] [--zone NAME] [--snapshot FILE]",
		Description: `Prints, for every setting of a hostname or a zone: the value that visitors get,
each part of the configuration that asks for one, with its line and the last
commit of that line, what would hold without the line that decides, the zone's
value and Cloudflare's default, what an apply would write, and the floor and the
exceptions of the policy. NAME may be a pattern, such as '*.pay.example'; names
of which the same is true are shown together. Never writes to Cloudflare.
Formats: text, json.`,
		Flags: append(sharedFlags(), hostnameFlag(),
			&cli.StringFlag{Name: "snapshot", TakesFile: true, Usage: "`FILE` read live state from this snapshot"},
		),
		Action: action(p.explainOptions, inspect.Job{Job: p.Job}.Explain),
	}
}

func (p *program) explainOptions(c *cli.Context) (inspect.ExplainOptions, error) {
	shared, err := p.common(c, "text", "json")
	o := inspect.ExplainOptions{Common: shared, Snapshot: c.String("snapshot")}
	if err != nil {
		return o, err
	}

	for _, arg := range c.Args().Slice() {
		name, err := schema.CanonicalGlob(arg)
		if err != nil {
			return o, fmt.Errorf("%q: %w", arg, err)
		}
		o.Hostnames = append(o.Hostnames, name)
	}
	if len(o.Hostnames) == 0 {
		return o, errors.New("explain takes the names to explain, or patterns such as '*.pay.example'")
	}
	return o, nil
}
