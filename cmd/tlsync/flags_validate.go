package main

import (
	"cmp"

	"tlsync/engine/job"

	"github.com/urfave/cli/v2"
)

func (p *program) validateCommand() *cli.Command {
	return &cli.Command{
		Name: "validate", Usage: "check the configuration, offline",
		UsageText: "tlsync validate [--config DIR]",
		Description: `Reads the configuration and reports every mistake at once, each with its
file, line and column. Formats: text, json, github.`,
		Flags:  offlineFlags("verbose"),
		Action: action(p.validateOptions, p.Validate),
	}
}

func (p *program) validateOptions(c *cli.Context) (job.Common, error) {
	o, err := p.common(c, "text", "json", "github")
	return o, cmp.Or(err, noArguments(c))
}
