package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"tlsync/engine/progress"
	"tlsync/engine/secret"

	"github.com/mattn/go-isatty"
)

func isTerminal(v any) bool {
	if w, ok := v.(io.Writer); ok {
		v = unwrapped(w)
	}
	f, ok := v.(*os.File)
	return ok && (isatty.IsTerminal(f.Fd()) || isatty.IsCygwinTerminal(f.Fd()))
}

// unwrapped returns the stream that a writer leads to in the end.
func unwrapped(w io.Writer) io.Writer {
	w = secret.Unwrapped(w)
	if s, ok := w.(*progress.Screen); ok {
		return s.Unwrap()
	}
	return w
}

// prose says for both streams whether text for people is printed there, and returns the
// width of the terminal, 0 if neither is one.
func (p *program) prose(out, errors bool) int {
	return max(setProse(p.Out, out), setProse(p.Err, errors))
}

func setProse(w io.Writer, yes bool) (width int) {
	s, ok := secret.Unwrapped(w).(*progress.Screen)
	if !ok {
		return 0
	}
	s.Prose(yes)
	return s.Columns()
}

// readerGone reports whether an error says that nobody reads our output any more, as after
// "tlsync plan | head". There is nobody to tell it to.
func readerGone(err error) bool {
	var file *fs.PathError
	return errors.As(err, &file) && file.Op == "write" && errors.Is(file.Err, syscall.EPIPE)
}

// progressMode chooses a bar for a terminal and lines for a log.
func (p *program) progressMode() progress.Mode {
	if isTerminal(p.Err) && !p.InActions() && p.Getenv("CI") == "" && p.Getenv("TERM") != "dumb" {
		return progress.Bar
	}
	return progress.Lines
}

// ask asks on a terminal whether to write, and refuses without one. If the context ends
// first, it returns its error.
func (p *program) ask(ctx context.Context) error {
	if !isTerminal(p.In) {
		return errors.New("nothing was written: cannot ask for approval without a terminal; use --auto-approve to apply without asking")
	}
	fmt.Fprint(p.Err, "\nWrite these changes to Cloudflare? Only \"yes\" is accepted: ")

	answer := make(chan string, 1)
	go func() {
		line, err := bufio.NewReader(p.In).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			line = ""
		}
		answer <- strings.TrimSpace(line)
	}()

	select {
	case a := <-answer:
		if a == "yes" {
			return nil
		}
		return errors.New("not confirmed; nothing was written")
	case <-ctx.Done():
		return ctx.Err()
	}
}
