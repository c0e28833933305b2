// Command tlsync keeps the TLS settings of Cloudflare zones and custom
// hostnames in Git.
//
// This package is the only one that imports all the others. It turns flags into option
// structs, joins the stages and picks the exit code. It decides nothing about TLS.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"

	"tlsync/engine/crash"
	"tlsync/engine/job"
	"tlsync/engine/progress"
	"tlsync/engine/secret"

	"github.com/urfave/cli/v2"
)

func main() {
	screen := progress.NewScreen(os.Stderr)
	ctx, cancel := context.WithCancelCause(context.Background())
	var ph phase
	catchSignals(cancel, screen, &ph)

	screen.Prose(true)

	out := progress.NewScreen(os.Stdout)
	code := run(ctx, os.Args, job.Streams{In: os.Stdin, Out: out, Err: screen}, os.Getenv, &ph)
	screen.Close()
	os.Exit(code)
}

// run is the whole program without the process around it.
func run(ctx context.Context, args []string, s job.Streams, getenv func(string) string, ph *phase) (code int) {
	secrets := secret.NewRedactor(getenv)
	s.Out, s.Err = secrets.Writer(s.Out), secrets.Writer(s.Err)
	defer func() { // an error has no place to be told any more
		_, _ = secret.Flush(s.Out), secret.Flush(s.Err)
	}()
	defer func() {
		if bug := crash.Recovered(recover()); bug != nil {
			code = reportBug(s.Err, bug, ph.writing.Load())
		}
	}()
	help := &keeper{w: s.Out}
	app := newApp(s, getenv, secrets, &ph.writing)
	if len(args) > 1 && args[1] == completeWord {
		return completer{app.Commands, job.Names}.print(s.Out, args[2:])
	}
	if len(args) == 2 && args[1] == manWord {
		app.Action = func(*cli.Context) error { return job.Write(s.Out, manPage(app)) }
	}
	app.Writer = help
	args = permute(app.Commands, args)
	ph.start(args)

	err := cmp.Or(app.RunContext(ctx, args), help.err)
	if err == nil {
		return job.CodeOK
	}
	var bug *crash.Error
	if errors.As(err, &bug) {
		return reportBug(s.Err, bug, ph.writing.Load())
	}

	var e job.Exit
	if !errors.As(err, &e) {
		e = job.Exit{Code: job.CodeError, Err: err}
	}
	if e.Err != nil && !readerGone(e.Err) {
		fmt.Fprintf(s.Err, "tlsync: %s\n", job.OneLine(secret.Hidden(secrets, e.Err)))
	}
	var by stopped
	if e.Code == job.CodeError && ph.readOnly.Load() && errors.As(context.Cause(ctx), &by) {
		return ph.code(by.signal)
	}
	return e.Code
}
