package job

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"tlsync/engine/posture"
	"tlsync/engine/resolve"
	"tlsync/engine/safe"
	"tlsync/engine/snapshot"
	"tlsync/engine/standard"
	"tlsync/schema"
	"tlsync/schema/words"
)

// ReportOptions are the options of Report.
type ReportOptions struct {
	Common
	// Standards are the names of the standards to hold the names against. Without any, all
	// of them are shown, and none has to be met.
	Standards []string
	Snapshot  string
}

// Report prints the posture of every name.
func (p *Job) Report(ctx context.Context, o ReportOptions) error {
	standards, err := standardsOf(o.Standards)
	if err != nil {
		return err
	}
	c, err := p.valid(o.Common)
	if err != nil {
		return err
	}
	r, err := p.posture(ctx, o, c, standards)
	if err != nil {
		return err
	}

	r = Hidden(p, r)
	switch o.Format {
	case "json":
		err = posture.JSON(p.Out, r)
	case "csv":
		err = posture.CSV(p.Out, r)
	case "sarif":
		below := ""
		if repo, failed := p.repository(o.Common); failed == nil {
			below = repo.Sub()
		}
		err = posture.SARIF(p.Out, r, below)
	default:
		err = posture.Text(p.Out, r, posture.TextOptions{Verbose: o.Verbose, Color: o.Color})
	}
	if err != nil {
		return err
	}
	return reportVerdict(r, len(o.Standards) > 0)
}

// standardsOf returns the standards with some names, all of them for none.
func standardsOf(names []string) ([]standard.Standard, error) {
	if len(names) == 0 {
		return standard.All(), nil
	}

	var out []standard.Standard
	for _, name := range names {
		s, ok := standard.Lookup(name)
		if !ok {
			err := fmt.Errorf("--standard %q: want one of %s", name, strings.Join(standard.Names(), ", "))
			if near := schema.Suggest(name, standard.Names()); near != "" {
				err = fmt.Errorf("%w; did you mean %s?", err, near)
			}
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// posture makes a report from live state, or from a snapshot.
func (p *Job) posture(ctx context.Context, o ReportOptions, c *Configuration, standards []standard.Standard) (*posture.Report, error) {
	source, done, err := p.source(o.Common, c, nil, o.Snapshot)
	if err != nil {
		return nil, err
	}

	names := resolve.Names(o.Hostnames)
	if len(names) == 0 {
		names = resolve.Names{posture.Everything}
	}
	all := o.Common
	all.Hostnames = nil // the plan is for all names: what one gets may depend on others
	e := p.engine(all, source)
	e.Source = widened{source, names}
	made, live, err := e.Look(ctx, nil, c.desired, c.info)
	done()
	if err != nil {
		return nil, interrupted(ctx, err)
	}

	now := e.Now.UTC().Truncate(time.Second)
	head := posture.Head{Tool: tool(), Config: c.info, At: now, ReadAt: now}
	if saved, ok := source.(*snapshot.Snapshot); ok {
		head.ReadAt, head.Snapshot = saved.TakenAt, true
	}
	return posture.Build(posture.Input{Head: head, Desired: c.desired, Live: live, Plan: made, Names: o.Hostnames, Standards: standards}), nil
}

// reportVerdict returns what a report ends with: an error for names that are not found and
// for what could not be read, and CodeDiffers if a standard is not shown to be met.
func reportVerdict(r *posture.Report, gate bool) error {
	for _, m := range r.Missing {
		return errors.New(m.Sentence())
	}
	for _, f := range r.Problems {
		if f.Severity == schema.Error {
			return fmt.Errorf("%s: %s", safe.Text(f.Rule), safe.Text(f.Message))
		}
	}
	switch {
	case !gate:
		return nil
	case r.Count() == 0:
		return errors.New("there is no name that could meet a standard")
	}

	for _, t := range r.Standards {
		if t.FallsShort > 0 || t.Unknown > 0 {
			return Exit{Code: CodeDiffers, Err: fmt.Errorf("%s: %s short, %s unknown", t.Name,
				words.Count(t.FallsShort, "name")+words.Plural(t.FallsShort, " falls", " fall"), words.Count(t.Unknown, "name"))}
		}
	}
	return nil
}
