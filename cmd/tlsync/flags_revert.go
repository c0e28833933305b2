package main

import (
	"errors"
	"fmt"
	"strconv"

	"tlsync/engine/job"

	"github.com/urfave/cli/v2"
)

func (p *program) revertCommand() *cli.Command {
	return &cli.Command{
		Name: "revert", Usage: "plan and apply the way back from a receipt",
		UsageText: "tlsync revert RECEIPT [--config DIR] [--dry-run] [--auto-approve]",
		Description: `Takes back what an apply wrote, by the receipt that it kept with --receipt:
plans, asks for approval, and writes, with the gates of any apply and the policy
of the configuration. A setting that someone has changed since is left alone and
named, and so is what cannot be taken back: creations, deletions, uploads, and
objects of accounts. The configuration still asks for what is taken back, and
drift shows it, until the commit is reverted too. With --dry-run, prints the
plan and writes nothing.`,
		Flags: append(sharedFlags(), hostnameFlag(),
			&cli.BoolFlag{Name: "dry-run", Usage: "print the plan and write nothing"},
			&cli.BoolFlag{Name: "auto-approve", Aliases: []string{"yes", "y"}, Usage: "do not ask"},
			&cli.StringSliceFlag{Name: "allow-hazards", Usage: "`A,B` hazards to accept"},
			&cli.StringFlag{Name: "max-changes", Usage: "`N|N%` at most N changes; replaces the policy's limit"},
			&cli.DurationFlag{Name: "deadline", Usage: "`TIME` stop cleanly after this time"},
			&cli.DurationFlag{Name: "wait", Usage: "`TIME` wait until written settings are active"},
			&cli.StringFlag{Name: "receipt", TakesFile: true, Usage: "`FILE` record every change as a line of JSON"},
			&cli.BoolFlag{Name: "allow-not-tip", Usage: "allow a commit behind the tip of its branch"},
		),
		Action: action(p.revertOptions, p.Revert),
	}
}

func (p *program) revertOptions(c *cli.Context) (o job.RevertOptions, err error) {
	if o.Common, err = p.common(c, "text", "json"); err != nil {
		return o, err
	}
	if o.Receipt = c.Args().First(); c.NArg() != 1 || o.Receipt == "" {
		got := strconv.Itoa(c.NArg())
		if c.NArg() == 1 {
			got = "an empty name"
		}
		return o, fmt.Errorf("revert takes one argument, the receipt of an apply (apply writes one with --receipt FILE), got %s", got)
	}
	o.DryRun = c.Bool("dry-run")
	if o.Format == "json" && !o.DryRun {
		return o, errors.New("--format json is for --dry-run: a run that writes prints a report, and --receipt records it as JSON")
	}

	o.NotTip = c.Bool("allow-not-tip")
	o.Approved, o.ReceiptFile = c.Bool("auto-approve"), c.String("receipt")
	o.Deadline, o.Wait = c.Duration("deadline"), c.Duration("wait")
	if o.Wait < 0 {
		return o, errors.New("--wait: want a time of more than 0")
	}
	if o.MaxChanges, err = maxChangesFlag(c.String("max-changes")); err != nil {
		return o, err
	}
	o.Allow, err = hazards(splitList(c.StringSlice("allow-hazards")))
	return o, err
}
