// Package crash carries a panic out of a goroutine. Go ends the whole program on
// one that nobody recovers, with exit code 2, which in a CI job reads as
// "differences found"; and an apply would end without its report.
package crash

import (
	"fmt"
	"runtime"
	"strings"
)

// Error is a panic that was recovered. Its text names neither arguments nor the
// value that was panicked with, unless that is an error or a string of ours or
// the runtime's.
type Error struct {
	Value any
	// Frames are the calls that led to it, innermost first, as "function:line".
	Frames []string
}

// Error is one line.
func (e *Error) Error() string {
	switch v := e.Value.(type) {
	case error:
		return "panic: " + v.Error()
	case string:
		return "panic: " + v
	}
	return fmt.Sprintf("panic: a %T", e.Value)
}

// Recovered is the error of a recovered value, to be called by the deferred
// function that recovered it; nil for nil.
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

// Guard makes a function that returns a panic of f as an error.
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
