package main

import (
	"cmp"
	"context"

	"github.com/urfave/cli/v2"

	"tlsync/engine/github"
	"tlsync/engine/report"
)

func (p *program) validateCommand() *cli.Command {
	return &cli.Command{
		Name: "validate", Usage: "check the configuration, offline",
		UsageText: "tlsync validate [--config DIR]",
		Description: `Reads the configuration and reports every mistake at once, each with its
file, line and column. Formats: text, json, github.`,
		Flags:  sharedFlags(),
		Action: action(p.validateOptions, p.validate),
	}
}

func (p *program) validateOptions(c *cli.Context) (common, error) {
	o, err := p.common(c, "text", "json", "github")
	return o, cmp.Or(err, noArguments(c))
}

func (p *program) validate(_ context.Context, o common) error {
	c, err := p.load(o)
	if err != nil {
		return err
	}

	switch o.format {
	case "json":
		err = report.DiagnosticsJSON(p.out, c.diags)
	case "github":
		err = github.Commands(p.out, annotations(o, report.DiagnosticAnnotations(c.diags)))
	default:
		if len(c.diags) > 0 {
			err = report.Diagnostics(p.out, c.diags, c.reportOptions(o.color))
		} else {
			err = write(p.out, "The configuration is valid.\n")
		}
	}
	if err != nil {
		return err
	}

	if c.diags.HasErrors() {
		return exit{codeError, nil}
	}
	return nil
}
