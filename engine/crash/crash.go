// Package crash turns panics into errors. Without it a panic in any goroutine ends the
// program with exit code 2, which tells a CI job "differences found", and an apply ends
// without its report.
package crash

import (
	"fmt"
	"runtime"
	"strings"
)

// Error is a recovered panic. Its text and frames contain no arguments of functions.
type Error struct {
	// Value is the value of the panic. The text shows it only if it is an error or a
	// string; other values may hold secrets.
	Value any
	// Frames are the calls that led to the panic, innermost first, as "function:line".
	Frames []string
}

// Error returns one line.
func (e *Error) Error() string {
	switch v := e.Value.(type) {
	case error:
		return "panic: " + v.Error()
	case string:
		return "panic: " + v
	}
	return fmt.Sprintf("panic: a %T", e.Value)
}

// Recovered returns the error for a recovered value, nil for nil. The deferred function
// that recovered the value must call it directly.
func Recovered(value any) *Error {
	if value == nil {
		return nil
	}

	e := &Error{Value: value}
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for {
		f, more := frames.Next()
		if f.Function != "" && !strings.HasPrefix(f.Function, "runtime.") {
			e.Frames = append(e.Frames, fmt.Sprintf("%s:%d", f.Function, f.Line))
		}
		if !more {
			return e
		}
	}
}

// Guard returns a function that calls f and returns a panic of f as an error.
func Guard(f func() error) func() error {
	return func() (err error) {
		defer func() {
			if e := Recovered(recover()); e != nil {
				err = e
			}
		}()
		return f()
	}
}
