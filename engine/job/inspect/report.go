package inspect

import (
	"context"
	"errors"
	"time"

	"tlsync/engine/job"
	"tlsync/engine/posture"
	"tlsync/engine/snapshot"
	"tlsync/engine/standard"
)

// ReportOptions are the options of Report.
type ReportOptions struct {
	job.Common
	// Standards have to be met. Without any, all are shown.
	Standards []string
	Snapshot  string
}

// Report prints the posture of every name.
func (p Job) Report(ctx context.Context, o ReportOptions) error {
	standards, err := standard.Select(o.Standards)
	if err != nil {
		return err
	}
	c, err := p.Valid(o.Common)
	if err != nil {
		return err
	}
	r, err := p.posture(ctx, o, c, standards)
	if err != nil {
		return err
	}

	shown := posture.Options{Format: o.Format, Verbose: o.Verbose, Color: o.Color}
	if repo, err := p.Repository(o.Common); err == nil {
		shown.Below = repo.Sub()
	}
	if err := errors.Join(posture.Print(p.Out, job.Hidden(p.Job, r), shown), r.Incomplete()); err != nil || len(o.Standards) == 0 {
		return err
	}
	if err := r.Unmet(); err != nil {
		return job.Exit{Code: job.CodeDiffers, Err: err}
	}
	return nil
}

// posture makes a report from live state, or from a snapshot.
func (p Job) posture(ctx context.Context, o ReportOptions, c *job.Configuration, standards []standard.Standard) (*posture.Report, error) {
	source, done, err := p.Source(o.Common, c, nil, o.Snapshot)
	if err != nil {
		return nil, err
	}

	all := o.Common
	all.Hostnames = nil // the plan is for all names: what one gets may depend on others
	e := p.Engine(all, source)
	e.Source = widened{source, posture.Patterns(o.Hostnames)}
	made, live, err := e.Look(ctx, nil, c.Desired, c.Info)
	done()
	if err != nil {
		return nil, job.Interrupted(ctx, err)
	}

	now := e.Now.UTC().Truncate(time.Second)
	head := posture.Head{Tool: job.Tool(), Config: c.Info, At: now, ReadAt: now}
	if saved, ok := source.(*snapshot.Snapshot); ok {
		head.ReadAt, head.Snapshot = saved.TakenAt, true
	}
	return posture.Build(posture.Input{Head: head, Desired: c.Desired, Live: live, Plan: made, Names: o.Hostnames, Standards: standards}), nil
}
