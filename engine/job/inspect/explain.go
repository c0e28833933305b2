package inspect

import (
	"context"
	"fmt"
	"slices"

	"tlsync/engine"
	"tlsync/engine/explain"
	"tlsync/engine/gitfs"
	"tlsync/engine/job"
	"tlsync/engine/plan"
	"tlsync/engine/safe"
	"tlsync/schema"
)

// ExplainOptions are the options of Explain. job.Common.Hostnames are the names to explain.
type ExplainOptions struct {
	job.Common
	Snapshot string
}

// Explain prints which settings names have, and where each comes from.
func (p Job) Explain(ctx context.Context, o ExplainOptions) error {
	c, err := p.Valid(o.Common)
	if err != nil {
		return err
	}
	x, err := p.explained(ctx, o, c)
	if err != nil {
		return err
	}

	x = job.Hidden(p.Job, x)
	if o.Format == "json" {
		err = explain.JSON(p.Out, x)
	} else {
		err = explain.Text(p.Out, x, explain.TextOptions{Verbose: o.Verbose, Color: o.Color})
	}
	if err != nil || len(x.Missing) == 0 {
		return err
	}
	for _, m := range x.Missing[1:] {
		fmt.Fprintf(p.Err, "tlsync: %s\n", m.Sentence())
	}
	return fmt.Errorf("%s", x.Missing[0].Sentence())
}

// explained explains the names against live state, or against a snapshot.
func (p Job) explained(ctx context.Context, o ExplainOptions, c *job.Configuration) (*explain.Explanation, error) {
	reader, done, err := p.Source(o.Common, c, nil, o.Snapshot)
	if err != nil {
		return nil, err
	}
	source := reader
	if o.Snapshot == "" { // a snapshot holds what plans need and no more
		source = widened{source, o.Hostnames}
	}
	all := o.Common
	all.Hostnames = nil // the plan is for all names: what one gets may depend on others
	made, live, err := p.Engine(all, source).Look(ctx, nil, c.Desired, c.Info)
	if err != nil {
		done()
		return nil, job.Interrupted(ctx, err)
	}
	x := explain.Build(explain.Input{Desired: c.Desired, Live: live, Plan: made, Names: o.Hostnames, Now: p.Now()})
	unknown := p.AskWho(ctx, o.Common, reader, made, live, x.Wanted())
	done()

	for _, f := range slices.Concat(live.Problems, unknown) {
		p.Remark(o.Common, "tlsync: %s: %s", safe.Text(f.Rule), safe.Text(f.Message))
	}
	x.AddChanged(made)
	x.Credit(p.lastCommits(ctx, o.Common, c))
	return x, nil
}

// lastCommits looks up who last changed lines, nil where that cannot be known.
func (p Job) lastCommits(ctx context.Context, o job.Common, c *job.Configuration) func(schema.Pos) (commit, author string) {
	repo, err := p.Repository(o)
	if err != nil || c.Info.Commit == "" {
		return nil
	}
	return p.Blame(ctx, o, repo, c, &gitfs.Effort{Commits: job.MaxCredit})
}

// widened reads what an explanation of names needs.
type widened struct {
	engine.Source
	names []string
}

// Fetch reads a scope and what an explanation needs besides.
func (w widened) Fetch(ctx context.Context, s plan.Scope) (*plan.Live, error) {
	return w.Source.Fetch(ctx, explain.Widen(s, w.names))
}
