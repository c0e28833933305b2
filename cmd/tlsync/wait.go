package main

import (
	"context"
	"fmt"

	"tlsync/engine/apply"
	"tlsync/engine/progress"
	"tlsync/engine/report"
)

// await waits for --wait, if it is given, until what was written is active, and
// tells what is not. The error is that of the run before, or says that not all is
// active.
func (p *program) await(ctx context.Context, o applyOptions, w *watcher, c apply.Certificates, result *apply.Result, err error) error {
	if o.wait <= 0 || ctx.Err() != nil {
		return err
	}
	var show *progress.Progress
	shown := 0
	inactive, of, waitErr := apply.Wait(ctx, result.Steps, c, apply.WaitOptions{For: o.wait, Report: func(active, of int) {
		if show == nil {
			show = progress.New(p.err, progress.Options{Mode: w.mode, What: "wait", Unit: "hostnames active", Total: of})
		}
		show.Add(active - shown)
		shown = active
	}})
	if show != nil {
		show.Close()
	}
	if of == 0 {
		return err
	}
	if err := report.Waited(p.out, inactive, of, report.ResultOptions{Verbose: o.verbose, Color: o.color}); err != nil {
		p.lost(err)
	}
	if err != nil || len(inactive) == 0 && waitErr == nil {
		return err
	}
	text := fmt.Sprintf("all was written, but %d of %s are not active", len(inactive), report.Plural(of, "custom hostname"))
	switch {
	case ctx.Err() != nil:
		return exit{codeIncomplete, fmt.Errorf("%s; waiting was stopped by %w", text, waitErr)}
	case waitErr != nil:
		return exit{codeIncomplete, fmt.Errorf("%s after %s, as far as is known: %w", text, o.wait, waitErr)}
	}
	return exit{codeIncomplete, fmt.Errorf("%s after %s; the report tells which", text, o.wait)}
}
