package main

import (
	"cmp"

	"tlsync/engine/job"
	"tlsync/engine/regular"

	"github.com/urfave/cli/v2"
)

func (p *program) driftCommand() *cli.Command {
	return &cli.Command{
		Name: "drift", Usage: "compare live with the configuration as committed",
		UsageText: "tlsync drift [--config DIR] [--applied REF] [--adopt] [--fail-on WHAT]",
		Description: `Compares live state with the configuration at HEAD, ignoring uncommitted edits,
and exits with 2 if they differ. With --applied, live state is expected to match
that commit, and changes from later commits are pending, not drift. Outside a
repository, the files are used as they are. With --adopt, edits the files, which
must be as committed, so that they ask for what has drifted, unless the policy
refuses it: the rule or the defaults if all their names moved alike, or else
single entries. With --since, also lists which drift is new, persists, or is
gone since an earlier check that was saved with --out. Never writes to
Cloudflare.
Formats: text, json, markdown, html (one file to look at), github (annotations
for a workflow).`,
		Flags: append(sharedFlags(), hostnameFlag(),
			&cli.StringFlag{Name: "applied", Usage: "`REF` the last applied commit (HEAD)"},
			&cli.BoolFlag{Name: "adopt", Usage: "write what has drifted into the configuration"},
			&cli.StringFlag{Name: "out", TakesFile: true, Usage: "`FILE` save the plan of the check, for --since"},
			&cli.StringFlag{Name: "since", TakesFile: true, Usage: "`FILE` say what changed since the check in FILE"},
			&cli.StringFlag{Name: "fail-on", Value: "any", Usage: "`WHAT` drift that exits with 2: any, weaker or none"},
		),
		Action: action(p.driftOptions, p.Drift),
	}
}

func (p *program) driftOptions(c *cli.Context) (job.DriftOptions, error) {
	shared, err := p.common(c, "text", "json", "markdown", "html", "github")
	o := job.DriftOptions{Common: shared, Applied: c.String("applied"), FailOn: c.String("fail-on"), Adopt: c.Bool("adopt"), Out: c.String("out"), Since: c.String("since")}
	return o, cmp.Or(err, noArguments(c), choice("fail-on", o.FailOn, job.FailOns...), regular.Savable("--out", o.Out))
}
