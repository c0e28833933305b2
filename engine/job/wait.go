package job

import (
	"context"
	"fmt"

	"tlsync/engine/apply"
	"tlsync/engine/report"
	"tlsync/schema/words"
)

// await waits up to --wait until the written settings are active, and prints which are
// not. It returns the error of the run, or says that some settings are not active.
func (p *Job) await(ctx context.Context, o ApplyOptions, w *watcher, c apply.Certificates, result *apply.Result, err error) error {
	if o.Wait <= 0 || ctx.Err() != nil {
		return err
	}
	active := -1
	inactive, of, waitErr := apply.Wait(ctx, result.Steps, c, apply.WaitOptions{For: o.Wait, Report: func(now, of int) {
		if active < 0 {
			w.begin("wait", "hostnames active", of)
			active = 0
		}
		w.add(now - active)
		active = now
	}})

	w.close()
	if of == 0 {
		return err
	}
	if err := report.Waited(p.Out, inactive, of, report.ResultOptions{Verbose: o.Verbose, Color: o.Color}); err != nil {
		p.Lost(err)
	}
	if err != nil || len(inactive) == 0 && waitErr == nil {
		return err
	}

	text := fmt.Sprintf("everything was written, but %s of %s are not active", words.Number(len(inactive)), words.Count(of, "custom hostname"))
	switch {
	case ctx.Err() != nil:
		return Exit{CodeIncomplete, fmt.Errorf("%s; waiting was stopped by %w", text, waitErr)}
	case waitErr != nil:
		return Exit{CodeIncomplete, fmt.Errorf("%s after %s, as far as is known: %w", text, o.Wait, waitErr)}
	}
	return Exit{CodeIncomplete, fmt.Errorf("%s after %s; see the report", text, o.Wait)}
}
