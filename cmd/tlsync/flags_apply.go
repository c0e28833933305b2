package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"tlsync/engine/job"
	"tlsync/engine/plan"

	"github.com/urfave/cli/v2"
)

func (p *program) applyCommand() *cli.Command {
	return &cli.Command{
		Name: "apply", Aliases: []string{"sync"}, Usage: "plan, then write what differs in a safe order",
		UsageText: "tlsync apply [PLAN_FILE] [--config DIR] [--auto-approve]",
		Description: `Plans, asks for approval, and writes. Approval does not allow hazards: a change
with a hazard is refused until --allow-hazards names the hazard. The answer to
every write is checked, and live state is read again at the end. On SIGINT or
SIGTERM, requests in flight finish, nothing more is written, and the report says
what was done; run apply again to continue. With --reviewed, nothing is written
unless every change is in the reviewed plan. With a plan file, only its changes
are written, and none if live state changed since the plan was made.`,
		Flags: append(sharedFlags(), hostnameFlag(),
			&cli.BoolFlag{Name: "auto-approve", Aliases: []string{"yes", "y"}, Usage: "do not ask"},
			&cli.StringSliceFlag{Name: "allow-hazards", Usage: "`A,B` hazards to accept"},
			&cli.StringFlag{Name: "max-changes", Usage: "`N|N%` at most N changes; replaces the policy's limit"},
			&cli.DurationFlag{Name: "deadline", Usage: "`TIME` stop cleanly after this time"},
			&cli.StringFlag{Name: "reviewed", TakesFile: true, Usage: "`FILE` plan or plan comment with every change"},
			&cli.DurationFlag{Name: "wait", Usage: "`TIME` wait until written settings are active"},
			&cli.StringFlag{Name: "receipt", TakesFile: true, Usage: "`FILE` record every change as a line of JSON"},
			&cli.BoolFlag{Name: "allow-not-tip", Usage: "allow a commit behind the tip of its branch"},
		),
		Action: action(p.applyOptions, p.Apply),
	}
}

func (p *program) applyOptions(c *cli.Context) (o job.ApplyOptions, err error) {
	if o.Common, err = p.common(c, "text"); err != nil {
		return o, err
	}
	if c.NArg() > 1 {
		return o, fmt.Errorf("apply takes one argument, the saved plan, got %q too", c.Args().Get(1))
	}
	if o.File = c.Args().First(); c.NArg() > 0 && o.File == "" { // an unset shell variable must not mean everything
		return o, errors.New("the name of the saved plan is empty")
	}
	if err = checkSaved(c, o.File); err != nil {
		return o, fmt.Errorf("nothing was written: %w", err)
	}

	o.Approved, o.NotTip = c.Bool("auto-approve"), c.Bool("allow-not-tip")
	o.ReviewFile, o.ReceiptFile = c.String("reviewed"), c.String("receipt")
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

// hazards reads the names given to --allow-hazards. It accepts every documented name,
// even if no change of this release has that hazard, so that one command line serves
// every release.
func hazards(names []string) ([]plan.HazardKind, error) {
	var out []plan.HazardKind
	for _, name := range names {
		kind := plan.HazardKind(name)
		switch {
		case kind == plan.Unreachable:
			return nil, fmt.Errorf("--allow-hazards: %s can never be allowed", kind)
		case !slices.Contains(plan.HazardKinds(), kind):
			if near := didYouMean("%q", name, strings.Split(job.JoinKinds(plan.HazardKinds()), ", ")); near != "" {
				return nil, fmt.Errorf("--allow-hazards: unknown hazard %q%s", name, near)
			}
			return nil, fmt.Errorf("--allow-hazards: unknown hazard %q; there are %s", name, job.JoinKinds(plan.HazardKinds()))
		default:
			out = append(out, kind)
		}
	}
	return out, nil
}
