package job

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"tlsync/engine/apply"
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

// ProbeOptions are the options of Probe. Common.Rate is that of connections, Common.Timeout
// that of one connection, and Common.Concurrency the number of names at once.
type ProbeOptions struct {
	Common
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
func (p *Job) Probe(ctx context.Context, o ProbeOptions) error {
	c, err := p.valid(o.Common)
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

	x := expect.Of(c.desired, live, written)
	names, err := x.Choose(expect.Choice{Names: o.Names, Written: written, Only: o.Hostnames, Zones: o.Zones, Sample: o.Sample})
	if err != nil {
		return err
	}
	var targets []probe.Target
	for _, name := range names {
		for _, network := range o.Networks {
			targets = append(targets, target(x.Of(name), network, o.Connect))
		}
	}
	report, err := p.probed(ctx, o, targets)
	if err != nil {
		return err
	}
	return p.printProbe(o, report)
}

// target returns where to probe a name.
func target(e compare.Expected, network, connect string) probe.Target {
	if connect == "" {
		connect = net.JoinHostPort(e.Name, "443")
	}
	return probe.Target{Expected: e, Network: network, Address: connect}
}

// probed probes targets and compares.
func (p *Job) probed(ctx context.Context, o ProbeOptions, targets []probe.Target) (*render.Report, error) {
	mode := p.Mode
	if o.Quiet {
		mode = progress.Quiet
	}
	shown := progress.New(secret.Unwrapped(p.Err), progress.Options{Mode: mode, What: "probe", Unit: "names", Total: len(targets)})
	answers, err := probe.Run(ctx, targets, probe.Options{
		Concurrency: o.Concurrency, Timeout: o.Timeout, Retries: o.Retries,
		Every: o.Rate.Per / time.Duration(o.Rate.Requests), Wait: pause, Done: func() { shown.Add(1) },
	})
	shown.Close()
	if err != nil {
		return nil, interrupted(ctx, err)
	}

	r := &render.Report{}
	for i := range targets {
		e := &targets[i].Expected
		r.Results = append(r.Results, render.Result{Name: e.Name, Network: targets[i].Network, Rows: compare.Judge(e, &answers[i]), Answers: answers[i]})
	}
	return r, nil
}

// printProbe prints what a probe found, and fails if something is weaker or nothing answered.
func (p *Job) printProbe(o ProbeOptions, r *render.Report) error {
	var err error
	switch o.Format {
	case "json":
		err = render.JSON(p.Out, r)
	case "junit":
		err = render.JUnit(p.Out, r)
	default:
		err = render.Text(p.Out, r, render.TextOptions{Verbose: o.Verbose, Color: o.Color})
	}

	switch {
	case err != nil:
		return err
	case r.Count(compare.Weaker) > 0:
		return Exit{CodeDiffers, nil}
	case r.Silent():
		return errors.New("no name could be reached, so the probe shows nothing")
	}
	return nil
}

// pause waits, or returns early with the error of a context that ends.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// savedLive reads the live state of a snapshot that the configuration reaches, nil without one.
func savedLive(ctx context.Context, file string, c *Configuration) (*plan.Live, error) {
	if file == "" {
		return nil, nil
	}
	s, err := readSnapshot(file)
	if err != nil {
		return nil, fmt.Errorf("--snapshot: %w", err)
	}
	return s.For(c.desired, nil).Fetch(ctx, snapshot.Scope(resolve.ScopeOver(nil, c.desired)))
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

	out := []expect.Written{}
	if planfile.IsReceipt(text) {
		r, err := planfile.ReadReceipt(text)
		if err != nil {
			return nil, fmt.Errorf("--from: %s: %w", safe.Text(file), err)
		}
		for _, s := range r.Steps {
			if s.Outcome != apply.Done || s.Action == plan.Delete {
				continue
			}
			w := expect.Written{Zone: s.Zone, Kind: s.Kind, Name: s.Name}
			for _, e := range s.Edits {
				w.Edits = append(w.Edits, plan.Edit{Setting: e.Setting, From: e.From, To: e.To})
			}
			out = append(out, w)
		}
		return out, nil
	}

	made, err := readPlan(safe.Text(file), text)
	if err != nil {
		return nil, fmt.Errorf("--from: %w", err)
	}
	for i := range made.Changes {
		if ch := &made.Changes[i]; ch.Action != plan.Delete {
			out = append(out, expect.Written{Zone: ch.Zone, Kind: ch.Kind, Name: ch.Name, Edits: ch.Edits})
		}
	}
	return out, nil
}
