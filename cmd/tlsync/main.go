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
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"tlsync/engine/crash"
	"tlsync/engine/job"
	"tlsync/engine/progress"
	"tlsync/engine/secret"
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
	signal.Notify(signals, stopping()...)

	go func() {
		s := <-signals
		cancel(stopped{s})
		fmt.Fprintf(screen, "\ntlsync: %s: finishing requests in flight; send it again to end at once\n", signalName(s))
		s = <-signals
		screen.Close()
		if !writing.Load() {
			fmt.Fprintf(screen, "\ntlsync: %s again: ended; nothing was written\n", signalName(s))
			os.Exit(job.CodeError)
		}
		fmt.Fprintf(screen, "\ntlsync: %s again: ended; the outcome of writes in flight is unknown, run apply again to settle it\n", signalName(s))
		os.Exit(job.CodeIncomplete)
	}()

	code := run(ctx, os.Args, job.Streams{In: os.Stdin, Out: os.Stdout, Err: screen}, os.Getenv, &writing)
	screen.Close()
	os.Exit(code)
}

// stopping are the signals that end a run in good order. Left to the runtime, SIGQUIT and
// SIGABRT would end it with 2, which reads as "differences". A SIGHUP that is ignored, as
// under nohup, stays ignored.
func stopping() []os.Signal {
	all := []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGABRT}
	if !signal.Ignored(syscall.SIGHUP) {
		all = append(all, syscall.SIGHUP)
	}
	return all
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
	case syscall.SIGHUP:
		return "SIGHUP"
	case syscall.SIGQUIT:
		return "SIGQUIT"
	case syscall.SIGABRT:
		return "SIGABRT"
	}
	return s.String()
}

// run is the whole program without the process around it. It sets writing before the
// first write to Cloudflare.
func run(ctx context.Context, args []string, s job.Streams, getenv func(string) string, writing *atomic.Bool) (code int) {
	secrets := secret.NewRedactor(getenv)
	s.Out, s.Err = secrets.Writer(s.Out), secrets.Writer(s.Err)
	defer func() {
		if bug := crash.Recovered(recover()); bug != nil {
			code = reportBug(s.Err, bug, writing.Load())
		}
	}()
	app := newApp(s, getenv, secrets, writing)

	err := app.RunContext(ctx, permute(app.Commands, args))
	if err == nil {
		return job.CodeOK
	}
	var bug *crash.Error
	if errors.As(err, &bug) {
		return reportBug(s.Err, bug, writing.Load())
	}

	var e job.Exit
	if !errors.As(err, &e) {
		e = job.Exit{Code: job.CodeError, Err: err}
	}
	if e.Err != nil && !readerGone(e.Err) {
		fmt.Fprintf(s.Err, "tlsync: %s\n", job.OneLine(e.Err))
	}
	return e.Code
}
