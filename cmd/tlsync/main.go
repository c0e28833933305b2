// Command tlsync keeps the TLS settings of Cloudflare zones and custom
// hostnames in Git.
//
// This package is the only one that imports all the others. It turns flags into option
// structs, joins the stages and picks the exit code. It decides nothing about TLS.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"tlsync/engine/crash"
	"tlsync/engine/progress"
)

func main() {
	// A closed pipe must not kill a run between two writes: the write to it
	// fails and the run goes on. Not ignored but caught, so that the sandbox's
	// command does not inherit it.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	screen := progress.NewScreen(os.Stderr)
	ctx, cancel := context.WithCancelCause(context.Background())
	var writing atomic.Bool // from the first write on

	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)

	go func() {
		s := <-signals
		cancel(stopped{s})
		fmt.Fprintf(screen, "\ntlsync: %s: finishing requests in flight; send it again to end at once\n", signalName(s))
		s = <-signals
		screen.Close()
		if !writing.Load() {
			fmt.Fprintf(screen, "\ntlsync: %s again: ended; nothing was written\n", signalName(s))
			os.Exit(codeError)
		}
		fmt.Fprintf(screen, "\ntlsync: %s again: ended; the outcome of writes in flight is unknown, run apply again to settle it\n", signalName(s))
		os.Exit(codeIncomplete)
	}()

	code := run(ctx, os.Args, streams{os.Stdin, os.Stdout, screen}, os.Getenv, &writing)
	screen.Close()
	os.Exit(code)
}

// stopped is the cause of a context that a signal ended.
type stopped struct{ signal os.Signal }

func (s stopped) Error() string { return signalName(s.signal) }

func signalName(s os.Signal) string {
	switch s {
	case syscall.SIGINT:
		return "SIGINT"
	case syscall.SIGTERM:
		return "SIGTERM"
	}
	return s.String()
}

// streams are the three standard ones. stdout carries the product of a command
// and nothing else; everything else goes to stderr.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// Exit codes, as the README documents them.
const (
	codeOK         = 0
	codeError      = 1  // nothing was written
	codeDiffers    = 2  // plan --detailed-exitcode, drift
	codeRefused    = 3  // a hazard not allowed; nothing was written
	codeStale      = 4  // the plan differs from the reviewed or saved one; nothing was written
	codeIncomplete = 5  // something was written and something was not
	codeBug        = 11 // a recovered panic
)

// exit is an error with an exit code. A nil err means that the message was already
// printed.
type exit struct {
	code int
	err  error
}

func (e exit) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e exit) Unwrap() error { return e.err }

// run is the whole program without the process around it. It sets writing before the
// first write to Cloudflare.
func run(ctx context.Context, args []string, s streams, getenv func(string) string, writing *atomic.Bool) (code int) {
	secrets := newRedactor(getenv)
	s.out, s.err = secrets.writer(s.out), secrets.writer(s.err)
	defer func() {
		if bug := crash.Recovered(recover()); bug != nil {
			code = reportBug(s.err, bug, writing.Load())
		}
	}()
	app := newApp(s, getenv, secrets, writing)

	err := app.RunContext(ctx, permute(app.Commands, args))
	if err == nil {
		return codeOK
	}
	var bug *crash.Error
	if errors.As(err, &bug) {
		return reportBug(s.err, bug, writing.Load())
	}

	var e exit
	if !errors.As(err, &e) {
		e = exit{codeError, err}
	}
	if e.err != nil {
		fmt.Fprintf(s.err, "tlsync: %s\n", oneLine(e.err))
	}
	return e.code
}

// codeOf returns the exit code for an error.
func codeOf(err error) int {
	var bug *crash.Error
	var e exit
	switch {
	case err == nil:
		return codeOK
	case errors.As(err, &bug):
		return codeBug
	case errors.As(err, &e):
		return e.code
	}
	return codeError
}
