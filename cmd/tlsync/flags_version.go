package main

import (
	"cmp"

	"github.com/urfave/cli/v2"
)

func (p *program) versionCommand() *cli.Command {
	return &cli.Command{
		Name: "version", Usage: "print the version",
		UsageText: "tlsync version [--json]",
		Description: `Prints the version. With --json, also the commit and the Go release that it was
built from, and the versions of the files that it reads and writes.`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "json", Usage: "print JSON"},
			&cli.StringFlag{Name: "format", Value: "text", Usage: "`FORMAT` text or json"},
		},
		Action: func(c *cli.Context) error {
			if err := cmp.Or(choice("format", c.String("format"), "text", "json"), noArguments(c)); err != nil {
				return err
			}
			return p.PrintVersion(c.Bool("json") || c.String("format") == "json")
		},
	}
}
