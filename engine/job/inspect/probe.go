package inspect

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tlsync/engine/job"
	"tlsync/engine/plan"
	"tlsync/engine/planfile"
	"tlsync/engine/probe"
	"tlsync/engine/probe/compare"
	"tlsync/engine/probe/expect"
	"tlsync/engine/probe/render"
	"tlsync/engine/progress"
	"tlsync/engine/regular"
	"tlsync/engine/resolve"
	"tlsync/engine/safe"
	"tlsync/engine/secret"
	"tlsync/engine/snapshot"
)

// ProbeOptions are the options of Probe. job.Common.Rate is that of connections, job.Common.Timeout
// that of one connection, and job.Common.Concurrency the number of names at once.
type ProbeOptions struct {
	job.Common
	Names    []string // names and patterns in canonical form; none means the managed ones
	From     string   // file of a plan or of a receipt
	Snapshot string
	Sample   int
	Connect  string   // HOST:PORT; empty means port 443 of each name
	Networks []string // tcp, tcp4, tcp6
	Retries  int
}

// Probe makes handshakes with names and compares what they enforce with the configuration. It
// sends nothing to Cloudflare's API.
func (p Job) Probe(ctx context.Context, o ProbeOptions) error {
	c, err := p.Valid(o.Common)
	if err != nil {
		return err
	}
	live, err := savedLive(ctx, o.Snapshot, c)
	if err != nil {
		return err
	}
	written, err := readWritten(o.From)
	if err != nil {
		return err
	}

	x := expect.Of(c.Desired, live, written)
	names, err := x.Choose(expect.Choice{Names: o.Names, Written: written, Only: o.Hostnames, Zones: o.Zones, Sample: o.Sample})
	if err != nil {
		return err
	}
	var targets []probe.Target
	for _, name := range names {
		targets = append(targets, probe.Targets(x.Of(name), o.Networks, o.Connect)...)
	}
	report, err := p.probed(ctx, o, targets)
	if err != nil {
		return err
	}
	return p.printProbe(o, report)
}

// probed probes targets and compares.
func (p Job) probed(ctx context.Context, o ProbeOptions, targets []probe.Target) (*render.Report, error) {
	mode := p.Mode
	if o.Quiet {
		mode = progress.Quiet
	}
	shown := progress.New(secret.Unwrapped(p.Err), progress.Options{Mode: mode, What: "probe", Unit: "names", Total: len(targets)})
	answers, err := probe.Run(ctx, targets, probe.Options{
		Concurrency: o.Concurrency, Timeout: o.Timeout, Retries: o.Retries,
		Every: o.Rate.Per / time.Duration(o.Rate.Requests), Done: func() { shown.Add(1) },
	})
	shown.Close()
	if err != nil {
		return nil, job.Interrupted(ctx, err)
	}

	r := &render.Report{}
	for i := range targets {
		r.Add(&targets[i].Expected, targets[i].Network, answers[i])
	}
	return r, nil
}

// printProbe prints what a probe found, and fails if something is weaker or nothing answered.
func (p Job) printProbe(o ProbeOptions, r *render.Report) error {
	switch err := render.As(o.Format, p.Out, r, render.TextOptions{Verbose: o.Verbose, Color: o.Color}); {
	case err != nil:
		return err
	case r.Count(compare.Weaker) > 0:
		return job.Exit{Code: job.CodeDiffers}
	case r.Silent():
		return errors.New("no name could be reached, so the probe shows nothing")
	}
	return nil
}

// savedLive reads the live state of a snapshot that the configuration reaches, nil without one.
func savedLive(ctx context.Context, file string, c *job.Configuration) (*plan.Live, error) {
	if file == "" {
		return nil, nil
	}
	s, err := job.ReadSnapshot(file)
	if err != nil {
		return nil, fmt.Errorf("--snapshot: %w", err)
	}
	return s.For(c.Desired, nil).Fetch(ctx, snapshot.Scope(resolve.ScopeOver(nil, c.Desired)))
}

// readWritten reads the changes of a plan, or those that a receipt says were done; nil without
// a file.
func readWritten(file string) ([]expect.Written, error) {
	if file == "" {
		return nil, nil
	}
	text, err := regular.Read(file, planfile.MaxSize)
	if err != nil {
		return nil, fmt.Errorf("--from: %w", err)
	}

	if planfile.IsReceipt(text) {
		r, err := planfile.ReadReceipt(text)
		if err != nil {
			return nil, fmt.Errorf("--from: %s: %w", safe.Text(file), err)
		}
		return expect.Done(r), nil
	}
	made, err := job.ReadPlan(safe.Text(file), text)
	if err != nil {
		return nil, fmt.Errorf("--from: %w", err)
	}
	return expect.Planned(made), nil
}
