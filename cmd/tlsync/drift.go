package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// failOns are the values of --fail-on.
var failOns = []string{"any", "weaker", "none"}

type driftOptions struct {
	common
	applied string
	failOn  string // one of failOns
}

func (p *program) driftCommand() *cli.Command {
	return &cli.Command{
		Name: "drift", Usage: "compare live with the configuration as committed",
		UsageText: "tlsync drift [--config DIR] [--applied REF] [--fail-on any|weaker|none]",
		Description: `Compares live state with the configuration at HEAD, ignoring uncommitted edits,
and exits with 2 if they differ. With --applied, live state is expected to match
that commit, and changes from later commits are pending, not drift. Outside a
repository, the files are used as they are. Never writes to Cloudflare.
Formats: text, json, markdown, github (annotations for a workflow).`,
		Flags: append(sharedFlags(),
			&cli.StringFlag{Name: "applied", Usage: "`REF` the last applied commit (HEAD)"},
			&cli.StringFlag{Name: "fail-on", Value: "any", Usage: "`WHAT` drift that exits with 2: any, weaker or none"},
		),
		Action: action(p.driftOptions, p.drift),
	}
}

func (p *program) driftOptions(c *cli.Context) (driftOptions, error) {
	shared, err := p.common(c, "text", "json", "markdown", "github")
	o := driftOptions{shared, c.String("applied"), c.String("fail-on")}
	return o, cmp.Or(err, noArguments(c), choice("fail-on", o.failOn, failOns...))
}

func (p *program) drift(ctx context.Context, o driftOptions) error {
	c, err := p.committed(o.common)
	if errors.Is(err, errNotCommitted) && o.applied == "" {
		p.remark(o.common, "tlsync: %s; comparing with the files as they are", oneLine(err))
		c, err = p.load(o.common)
	}
	if err != nil {
		return err
	}
	if err := p.check(o.common, c); err != nil {
		return err
	}

	applied := c
	if o.applied != "" {
		if applied, err = p.applied(o.common, o.applied); err != nil {
			return err
		}
	}

	made, err := p.compare(ctx, o.common, c, applied, "")
	if err != nil {
		return err
	}
	if o.format != "text" || o.verbose {
		p.credit(ctx, o.common, made, c, applied)
	}
	if err := p.print(o.common, made, applied != c); err != nil {
		return err
	}
	return p.driftVerdict(made, c, o.failOn, applied != c)
}

// applied loads the configuration of the last applied commit.
func (p *program) applied(o common, revision string) (*configuration, error) {
	repo, _, err := openHead(o)
	if err != nil {
		return nil, fmt.Errorf("--applied: %w", err)
	}
	at, err := repo.Resolve(revision)
	if err != nil {
		return nil, fmt.Errorf("--applied: %w", err)
	}
	return p.earlier(repo, at, o)
}

// driftVerdict picks the exit code of a drift check. Pending means that the plan may
// hold changes that are not applied yet.
func (p *program) driftVerdict(made *plan.Plan, c *configuration, failOn string, pending bool) error {
	if err := unread(made); err != nil {
		return err
	}
	if failOn == "none" {
		return nil // the findings tell
	}
	kept := p.policyKept(made, c)
	if drifted(made, failOn, pending) {
		return exit{codeDiffers, errors.Unwrap(kept)}
	}
	return kept
}

// drifted reports whether there is drift of the kind to fail on. Pending changes do not
// count. Live state is weaker if the change back to the configuration strengthens it.
func drifted(made *plan.Plan, failOn string, pending bool) bool {
	for i := range made.Changes {
		for _, e := range made.Changes[i].Edits {
			switch {
			case pending && e.Cause != plan.CauseDrift && e.Cause != plan.CauseConflict:
			case failOn == "any" || failOn == "weaker" && e.Direction == schema.Strengthens:
				return true
			}
		}
	}
	return false
}
