package main

import (
	"cmp"
	"fmt"
	"strings"

	"tlsync/engine/github"
	"tlsync/engine/job"
	"tlsync/engine/job/ci"

	"github.com/urfave/cli/v2"
)

func (p *program) ciCommand() *cli.Command {
	return &cli.Command{
		Name: "ci", Usage: "the GitHub flow: event → plan comment, apply, or drift issue",
		UsageText: "tlsync ci [--config DIR] [--command auto|validate|plan|apply|drift]",
		Description: `Handles the event of a GitHub workflow: plans and comments for pull_request (and
plans for merge_group), applies for a push to the default branch, checks for
drift and keeps an issue for schedule and workflow_dispatch. Never writes to
Cloudflare on a pull request. Uses the committed configuration only. Its own
flags can also be set by variables, such as TLSYNC_FAIL_ON for --fail-on; so can
--config, --rate, --zone (TLSYNC_ZONES) and --hostname (TLSYNC_HOSTNAMES). The
GitHub token is GITHUB_TOKEN.`,
		Flags: ciFlags(),
		// The runner hears of a wrong input as well.
		OnUsageError: func(c *cli.Context, err error, sub bool) error {
			return ci.Run(c.Context, p.Job, ci.Options{}, usageError(c, err, sub))
		},
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			o, err := p.ciOptions(c)
			return ci.Run(c.Context, p.Job, o, err)
		},
	}
}

// ciFlags are the flags of ci. The action passes its inputs in variables.
func ciFlags() []cli.Flag {
	flags := append(sharedFlags(), hostnameFlag())
	for _, f := range flags {
		switch f := f.(type) {
		case *cli.StringFlag:
			if f.Name == "config" || f.Name == "rate" {
				f.EnvVars = inputs(f.Name)
			}
		case *cli.StringSliceFlag:
			f.EnvVars = inputs(f.Name + "s")
		}
	}

	return append(flags,
		&cli.StringFlag{Name: "command", EnvVars: inputs("command"), Value: "auto", Usage: "`WHAT` auto, validate, plan, apply or drift"},
		&cli.StringFlag{Name: "base", EnvVars: inputs("base"), Usage: "`REF` replaces the base that the event names"},
		&cli.StringSliceFlag{Name: "allow-hazards", EnvVars: inputs("allow-hazards"), Usage: "`A,B` hazards to accept"},
		&cli.StringFlag{Name: "max-changes", EnvVars: inputs("max-changes"), Usage: "`N|N%` replaces the policy's limit"},
		&cli.StringFlag{Name: "snapshot", EnvVars: inputs("snapshot"), TakesFile: true, Usage: "`FILE` live state to use without a token"},
		&cli.StringFlag{Name: "comment", EnvVars: inputs("comment"), Value: "true", Usage: "`BOOL` keep a comment on the pull request"},
		&cli.StringFlag{Name: "comment-key", EnvVars: inputs("comment-key"), Usage: "`KEY` tells several configurations apart"},
		&cli.StringFlag{Name: "issue", EnvVars: inputs("issue"), Value: "true", Usage: "`BOOL` keep an issue while there is drift"},
		&cli.StringFlag{Name: "adopt", EnvVars: inputs("adopt"), Value: "false", Usage: "`BOOL` keep a pull request that adopts drift"},
		&cli.StringFlag{Name: "fail-on", EnvVars: inputs("fail-on"), Value: "any", Usage: "`WHAT` drift that exits with 2: any, weaker or none"},
		&cli.StringFlag{Name: "reviewed", EnvVars: inputs("reviewed"), Value: "auto", Usage: "`WHEN` check the review: auto, required, off"},
		&cli.DurationFlag{Name: "deadline", EnvVars: inputs("deadline"), Usage: "`TIME` stop an apply cleanly after this time"},
		&cli.BoolFlag{Name: "allow-not-tip", EnvVars: inputs("allow-not-tip"), Usage: "allow a commit behind the tip of its branch"},
	)
}

// ciOptions reads the flags, and the variables that have none because they hold
// secrets or say who tlsync is.
func (p *program) ciOptions(c *cli.Context) (o ci.Options, err error) {
	if o.Common, err = p.common(c, "text"); err != nil {
		return o, err
	}
	o.APIToken = p.Getenv("TLSYNC_API_TOKEN")
	o.Token = cmp.Or(p.Getenv("TLSYNC_GITHUB_TOKEN"), p.Getenv("GITHUB_TOKEN"))
	o.Login = p.Getenv("TLSYNC_GITHUB_LOGIN")

	o.Command, o.Base, o.Snapshot = c.String("command"), c.String("base"), c.String("snapshot")
	o.FailOn, o.Reviewed, o.Key = c.String("fail-on"), c.String("reviewed"), c.String("comment-key")
	o.NotTip, o.Deadline = c.Bool("allow-not-tip"), c.Duration("deadline")
	if o.Allow, err = hazards(splitList(c.StringSlice("allow-hazards"))); err != nil {
		return o, err
	}
	if o.MaxChanges, err = maxChangesFlag(c.String("max-changes")); err != nil {
		return o, err
	}
	if o.Comment, err = boolFlag(c, "comment"); err != nil {
		return o, err
	}
	if o.Issue, err = boolFlag(c, "issue"); err != nil {
		return o, err
	}
	if o.Adopt, err = boolFlag(c, "adopt"); err != nil {
		return o, err
	}

	if o.Key != "" {
		if err := github.CheckKey(o.Key); err != nil {
			return o, fmt.Errorf("--comment-key: %w", err)
		}
	}
	if c.IsSet("deadline") && o.Deadline <= 0 {
		return o, fmt.Errorf("--deadline %q: want a time, as in 5h30m", o.Deadline)
	}
	return o, cmp.Or(
		choice("command", o.Command, "auto", "validate", "plan", "apply", "drift"),
		choice("fail-on", o.FailOn, job.FailOns...),
		choice("reviewed", o.Reviewed, "auto", "required", "off"),
	)
}

// inputs names the variable that holds an input of the action.
func inputs(name string) []string {
	return []string{inputPrefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))}
}
