package main

import (
	"cmp"
	"errors"

	"tlsync/engine/job"
	"tlsync/engine/regular"

	"github.com/urfave/cli/v2"
)

func (p *program) planCommand() *cli.Command {
	return &cli.Command{
		Name: "plan", Aliases: []string{"diff"}, Usage: "compare desired with live, print the plan",
		UsageText: "tlsync plan [--config DIR] [--zone NAME] [--base REF] [--out FILE]",
		Description: `Reads live state and prints the changes that apply would write, the hazards to
allow by name, and other findings. With --base, changes from the commits since
then are told apart from drift. With --snapshot, nothing is read from
Cloudflare. Never writes to Cloudflare.
Formats: text, json, markdown, html (one file to look at), github (annotations
for a workflow).`,
		Flags: append(sharedFlags(), hostnameFlag(),
			&cli.StringFlag{Name: "base", Usage: "`REF` tell changes since this commit from drift"},
			&cli.StringFlag{Name: "out", TakesFile: true, Usage: "`FILE` save the plan to this file, as JSON"},
			&cli.StringFlag{Name: "snapshot", TakesFile: true, Usage: "`FILE` read live state from this snapshot"},
			&cli.BoolFlag{Name: "detailed-exitcode", Usage: "exit with 2 if there are changes"},
		),
		Action: action(p.planOptions, p.Plan),
	}
}

func (p *program) planOptions(c *cli.Context) (job.PlanOptions, error) {
	shared, err := p.common(c, "text", "json", "markdown", "html", "github")
	o := job.PlanOptions{
		Common: shared, Base: c.String("base"), Out: c.String("out"), Snapshot: c.String("snapshot"),
		Detailed: c.Bool("detailed-exitcode"),
	}
	return o, cmp.Or(err, noArguments(c), regular.Savable("--out", o.Out))
}

func (p *program) showCommand() *cli.Command {
	return &cli.Command{
		Name: "show", Usage: "render a saved plan or a receipt",
		UsageText: "tlsync show FILE",
		Description: `Prints a plan that tlsync plan --out saved, or the receipt of an apply.
Formats: text, json, markdown, html (one file to look at).`,
		Flags:  offlineFlags("config", "quiet"),
		Action: action(p.showOptions, p.Show),
	}
}

func (p *program) showOptions(c *cli.Context) (job.ShowOptions, error) {
	shared, err := p.common(c, "text", "json", "markdown", "html")
	if err == nil && c.NArg() != 1 {
		err = errors.New("show takes one argument, the file of a saved plan or of a receipt")
	}
	err = cmp.Or(err, checkSaved(c, c.Args().First()))
	return job.ShowOptions{Common: shared, File: c.Args().First()}, err
}
