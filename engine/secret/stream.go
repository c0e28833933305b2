package secret

import (
	"io"
	"sync"
)

// Writer returns a writer that hides secrets before it writes to w.
func (r *Redactor) Writer(w io.Writer) io.Writer { return Redacted{w, r, &tail{}} }

// Redacted is a writer that hides secrets. Its Writer is the one below.
//
// It keeps back the end of what was written as long as that may be the beginning of a
// secret. No secret has a line break, so whole lines are never kept back.
type Redacted struct {
	io.Writer
	r    *Redactor
	tail *tail
}

type tail struct {
	mu   sync.Mutex
	held string
}

func (w Redacted) Write(b []byte) (int, error) {
	w.tail.mu.Lock()
	defer w.tail.mu.Unlock()
	if err := w.write(w.tail.held+string(b), false); err != nil {
		return 0, err
	}
	return len(b), nil
}

// write hides the secrets in a text and writes the rest. Its caller has the lock.
func (w Redacted) write(s string, ended bool) error {
	shown, held := w.r.known.Load().hide(s, ended)
	w.tail.held = held
	if shown == "" {
		return nil
	}
	_, err := w.Writer.Write([]byte(shown))
	return err
}

// Flush writes what a writer of a Redactor keeps back.
func Flush(w io.Writer) error {
	r, ok := w.(Redacted)
	if !ok {
		return nil
	}
	r.tail.mu.Lock()
	defer r.tail.mu.Unlock()
	return r.write(r.tail.held, true)
}

// Unwrapped returns the stream below a writer of a Redactor, and any other writer itself.
func Unwrapped(w io.Writer) io.Writer {
	if r, ok := w.(Redacted); ok {
		return r.Writer
	}
	return w
}

// Rendered writes a rendered text as it is, also to a writer of a Redactor. It refuses one
// that Whole refuses.
func (r *Redactor) Rendered(w io.Writer, text string) error {
	if err := r.Whole(text); err != nil {
		return err
	}
	if err := Flush(w); err != nil {
		return err
	}
	_, err := Unwrapped(w).Write([]byte(text))
	return err
}
