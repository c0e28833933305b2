package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"sync/atomic"
	"syscall"

	"tlsync/engine/job"
	"tlsync/engine/progress"
)

// phase is how far a run has come, which decides the exit code after a signal.
type phase struct {
	writing  atomic.Bool // set before the first write to Cloudflare
	readOnly atomic.Bool // the command never writes to Cloudflare
}

// start notes the command that the arguments name.
func (ph *phase) start(args []string) {
	writers := []string{"apply", "sync", "revert", "ci", "sandbox"}
	ph.readOnly.Store(len(args) > 1 && !slices.Contains(writers, args[1]))
}

// code returns the exit code of a run that a signal ended.
func (ph *phase) code(s os.Signal) int {
	switch {
	case ph.writing.Load():
		return job.CodeIncomplete
	case ph.readOnly.Load() && s == syscall.SIGINT:
		return job.CodeInterrupted
	}
	return job.CodeError
}

// catchSignals makes the first signal cancel a context, and the second end the program.
// SIGQUIT and SIGABRT end it at once: left to the Go runtime they would exit with 2, which
// means differences.
func catchSignals(cancel context.CancelCauseFunc, screen *progress.Screen, ph *phase) {
	// A closed pipe must not kill a run between two writes: the write to it
	// fails and the run goes on. Not ignored but caught, so that the sandbox's
	// command does not inherit it.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)

	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGABRT)
	if !signal.Ignored(syscall.SIGHUP) { // nohup keeps a run alive
		signal.Notify(signals, syscall.SIGHUP)
	}

	go func() {
		s, again := <-signals, ""
		if !atOnce(s) {
			cancel(stopped{s})
			fmt.Fprintf(screen, "\ntlsync: %s: finishing requests in flight; send it again to end at once\n", signalName(s))
			s, again = <-signals, " again"
		}

		screen.Close()
		text := "nothing was written"
		if ph.writing.Load() {
			text = "the outcome of writes in flight is unknown, run the same command again to settle it"
		}
		fmt.Fprintf(screen, "\ntlsync: %s%s: ended; %s\n", signalName(s), again, text)
		os.Exit(ph.code(s))
	}()
}

// atOnce reports whether a signal ends the program without waiting for requests.
func atOnce(s os.Signal) bool { return s == syscall.SIGQUIT || s == syscall.SIGABRT }

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
