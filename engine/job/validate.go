package job

import (
	"context"

	"tlsync/engine/github"
	"tlsync/engine/report"
)

// Validate checks the configuration offline.
func (p *Job) Validate(_ context.Context, o Common) error {
	c, err := p.Load(o)
	if err != nil {
		return err
	}

	switch o.Format {
	case "json":
		err = report.DiagnosticsJSON(p.Out, c.diags)
	case "github":
		err = github.Commands(p.Out, p.Located(o, report.DiagnosticAnnotations(c.diags)))
	default:
		if len(c.diags) > 0 {
			err = report.Diagnostics(p.Out, c.diags, c.reportOptions(o, o.Color))
		} else {
			err = Write(p.Out, "The configuration is valid.\n")
		}
	}
	if err != nil {
		return err
	}

	if c.diags.HasErrors() {
		return Exit{CodeError, nil}
	}
	return nil
}
