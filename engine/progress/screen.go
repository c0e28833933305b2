package progress

import (
	"io"
	"os"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/term"
)

// Screen is where lines are printed while a picture, one line without an end,
// stands below them. The lines go above it: the picture is wiped away for each and
// drawn again. Everything that may be printed meanwhile has to go through it. What is
// no terminal never gets a picture, and its lines pass as they are.
type Screen struct {
	w io.Writer

	mu      sync.Mutex
	picture string
	open    bool // the last line has no end yet, so there is no place for a picture
	closed  bool
}

// NewScreen is a Screen on w.
func NewScreen(w io.Writer) *Screen { return &Screen{w: w} }

// Unwrap is what the Screen is on.
func (s *Screen) Unwrap() io.Writer { return s.w }

// Write prints lines.
func (s *Screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(b) == 0 {
		return 0, nil
	}
	picture := s.picture
	s.draw("")
	n, err := s.w.Write(b)
	if s.open = b[len(b)-1] != '\n'; !s.open {
		s.draw(picture)
	}
	return n, err
}

// show puts a picture in the place of the one that is there; "" wipes it away.
func (s *Screen) show(picture string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.open {
		s.draw(picture)
	}
}

// begin says that what was printed so far is over: a question without an end of its
// line was answered with one.
func (s *Screen) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = false
}

// Close wipes away what stands there, and lets no picture be drawn any more: it is how
// a program leaves the terminal. Lines still pass.
func (s *Screen) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draw("")
	s.closed = true
}

// draw does so with blanks and carriage returns alone, which every terminal knows, in
// one write. The caller holds the lock. What cannot be written is lost.
func (s *Screen) draw(picture string) {
	if picture == s.picture || s.closed {
		return
	}
	text := "\r" + picture
	if rest := utf8.RuneCountInString(s.picture) - utf8.RuneCountInString(picture); rest > 0 {
		text += strings.Repeat(" ", rest)
		if picture == "" {
			text += "\r"
		}
	}
	_, _ = io.WriteString(s.w, text)
	s.picture = picture
}

// usualWidth is that of a terminal that does not tell.
const usualWidth = 80

// width is how many characters a line has room for.
func (s *Screen) width() int {
	if f, ok := s.w.(*os.File); ok {
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
			return columns
		}
	}
	return usualWidth
}
