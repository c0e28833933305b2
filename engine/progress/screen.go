package progress

import (
	"cmp"
	"io"
	"os"
	"strings"
	"sync"
	"unicode/utf8"

	"tlsync/engine/wrap"

	"golang.org/x/term"
)

// Screen prints lines above a picture: a line without a line end, such as a progress bar.
// It removes the picture before each line and draws it again after. Everything that is
// printed while a picture is shown must go through the Screen. Without a picture, as when
// w is not a terminal, it prints lines unchanged.
type Screen struct {
	w io.Writer

	mu      sync.Mutex
	picture string
	open    bool // the last line has no line end yet, so a picture would be on it
	closed  bool
	prose   bool // lines are broken at the width of the terminal
	folder  wrap.Folder
}

// NewScreen returns a Screen that writes to w.
func NewScreen(w io.Writer) *Screen { return &Screen{w: w} }

// Unwrap returns the writer that the Screen writes to.
func (s *Screen) Unwrap() io.Writer { return s.w }

// Prose says whether what is printed is text for people: on a terminal, its lines are then
// broken between words.
func (s *Screen) Prose(yes bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prose = yes
}

// Verbatim returns a writer that prints lines above the picture as they are, whether or not
// other lines are prose. A line of a log stays one line.
func (s *Screen) Verbatim() io.Writer { return verbatim{s} }

type verbatim struct{ s *Screen }

// Write prints lines above the picture.
func (v verbatim) Write(b []byte) (int, error) { return v.s.above(b, v.s.printWhole) }

// Write prints lines above the picture.
func (s *Screen) Write(b []byte) (int, error) { return s.above(b, s.print) }

// above prints text in place of the picture and shows the picture again below it.
func (s *Screen) above(b []byte, print func([]byte) (int, error)) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(b) == 0 {
		return 0, nil
	}

	picture := s.picture
	s.draw("")
	n, err := print(b)
	if s.open = b[len(b)-1] != '\n'; !s.open {
		s.draw(picture)
	}
	return n, err
}

// print writes text, folded if it is prose on a terminal. The caller holds the lock.
func (s *Screen) print(b []byte) (int, error) {
	columns := 0
	if s.prose {
		columns = s.Columns()
	}
	if columns == 0 {
		return s.w.Write(b)
	}
	if _, err := s.w.Write(s.folder.Fold(b, columns)); err != nil {
		return 0, err
	}
	return len(b), nil
}

// printWhole writes text as it is. The caller holds the lock.
func (s *Screen) printWhole(b []byte) (int, error) {
	s.folder = wrap.Folder{}
	return s.w.Write(b)
}

// show replaces the picture; "" removes it.
func (s *Screen) show(picture string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.open {
		s.draw(picture)
	}
}

// begin allows a picture although the last line printed has no line end. That line was a
// question, and the user's answer ended it.
func (s *Screen) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open, s.folder = false, wrap.Folder{}
}

// Close removes the picture and allows no other, so that the program leaves the terminal
// clean. Lines can still be printed.
func (s *Screen) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draw("")
	s.closed = true
}

// draw replaces the picture in one write. It uses only blanks and carriage returns, which
// every terminal supports, and ignores errors. The caller holds the lock.
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

// usualWidth is the assumed width of a terminal that does not report one.
const usualWidth = 80

// width returns the number of characters that fit in a line.
func (s *Screen) width() int { return cmp.Or(s.Columns(), usualWidth) }

// Columns returns the width of the terminal that the Screen writes to, 0 if it is none or
// does not say.
func (s *Screen) Columns() int {
	f, ok := s.w.(*os.File)
	if !ok {
		return 0
	}
	columns, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return max(columns, 0)
}
