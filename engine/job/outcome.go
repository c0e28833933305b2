package job

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"tlsync/engine/crash"
	"tlsync/engine/safe"
)

// Streams are the three standard ones. stdout carries the product of a command
// and nothing else; everything else goes to stderr.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// Exit codes, as the README documents them.
const (
	CodeOK         = 0
	CodeError      = 1  // nothing was written
	CodeDiffers    = 2  // plan --detailed-exitcode, drift, probe
	CodeRefused    = 3  // a hazard not allowed; nothing was written
	CodeStale      = 4  // the plan differs from the reviewed or saved one; nothing was written
	CodeIncomplete = 5  // something was written and something was not
	CodeBug        = 11 // a recovered panic

	CodeInterrupted = 130 // SIGINT, in a command that never writes to Cloudflare
)

// Exit is an error with an exit code. A nil err means that the message was already
// printed.
type Exit struct {
	Code int
	Err  error
}

func (e Exit) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit code %d", e.Code)
	}
	return e.Err.Error()
}

func (e Exit) Unwrap() error { return e.Err }

// CodeOf returns the exit code for an error.
func CodeOf(err error) int {
	var bug *crash.Error
	var e Exit
	switch {
	case err == nil:
		return CodeOK
	case errors.As(err, &bug):
		return CodeBug
	case errors.As(err, &e):
		return e.Code
	}
	return CodeError
}

// OneLine is an error's text made harmless; line breaks that we wrote stay.
func OneLine(err error) string {
	lines := strings.Split(err.Error(), "\n")
	for i := range lines {
		lines[i] = safe.Text(lines[i])
	}
	return strings.Join(lines, "\n")
}
