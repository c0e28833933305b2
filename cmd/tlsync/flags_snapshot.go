package main

import (
	"cmp"

	"tlsync/engine/job"
	"tlsync/engine/regular"

	"github.com/urfave/cli/v2"
)

func (p *program) snapshotCommand() *cli.Command {
	return &cli.Command{
		Name: "snapshot", Usage: "save live state to a file, for offline plans",
		UsageText: "tlsync snapshot [--config DIR] [--zone NAME] --out FILE",
		Description: `Reads the live state of the zones and accounts that the configuration names, and
saves it for tlsync plan --snapshot. The file holds no secrets, but it holds all
hostnames with their metadata. Never writes to Cloudflare.`,
		Flags: append(sharedFlags(),
			&cli.StringFlag{Name: "out", TakesFile: true, Usage: "`FILE` save it to this file instead of stdout"},
		),
		Action: action(p.snapshotOptions, p.Snapshot),
	}
}

func (p *program) snapshotOptions(c *cli.Context) (job.SnapshotOptions, error) {
	shared, err := p.common(c, "text", "json")
	return job.SnapshotOptions{Common: shared, Out: c.String("out")}, cmp.Or(err, noArguments(c), regular.Savable("--out", c.String("out")))
}
