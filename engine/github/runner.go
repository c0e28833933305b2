package github

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"unicode"
)

// maxSummary is what GitHub takes as the summary of a step, in bytes.
const maxSummary = 1 << 20

// Output is a value that later steps and jobs can read.
type Output struct {
	Name  string // letters, digits, _ and -, not beginning with a digit or -
	Value string
}

var outputName = lazyRegexp(`^[A-Za-z_][A-Za-z0-9_-]{0,99}$`)

// AppendOutputs appends values to the file that GITHUB_OUTPUT names. All of them
// are written, or none. Bytes of a value that are no UTF-8 become U+FFFD.
func AppendOutputs(file string, values []Output) error {
	var b strings.Builder
	for _, v := range values {
		if !outputName().MatchString(v.Name) {
			return fmt.Errorf("write outputs: name %s is not letters, digits, _ and -", quoted(v.Name))
		}
		v.Value = strings.ToValidUTF8(v.Value, "\ufffd")
		b.WriteString(v.lines(delimiter))
	}
	if err := appendFile(file, b.String(), 0); err != nil {
		return fmt.Errorf("write outputs to the file of GITHUB_OUTPUT: %w", err)
	}
	return nil
}

// lines are an output as the runner reads it. A value that could be anything but
// one line stands between two lines that nobody can guess.
func (v Output) lines(random func() string) string {
	if !strings.ContainsFunc(v.Value, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return v.Name + "=" + v.Value + "\n"
	}
	d := random()
	for strings.Contains(v.Value, d) {
		d = random()
	}
	return v.Name + "<<" + d + "\n" + v.Value + "\n" + d + "\n"
}

func delimiter() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return "tlsync_" + hex.EncodeToString(b[:])
}

// AppendSummary appends Markdown to the file that GITHUB_STEP_SUMMARY names. GitHub
// shows nothing of a file of more than 1 MiB; where it would become larger the error
// is ErrTooLong, and nothing is written.
func AppendSummary(file, markdown string) error {
	if !strings.HasSuffix(markdown, "\n") {
		markdown += "\n"
	}
	if err := appendFile(file, markdown, maxSummary); err != nil {
		return fmt.Errorf("write the summary to the file of GITHUB_STEP_SUMMARY: %w", err)
	}
	return nil
}

// appendFile appends whole lines, and takes them back where not all could be
// written. limit is the size of the file, in bytes; 0 is none.
func appendFile(name, text string, limit int64) (err error) {
	if name == "" {
		return errors.New("the variable is not set")
	}
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	size := info.Size()
	// Another program may have left its last line open.
	if size > 0 {
		var last [1]byte
		if _, err := f.ReadAt(last[:], size-1); err != nil {
			return err
		}
		if last[0] != '\n' {
			text = "\n" + text
		}
	}
	if limit > 0 && size+int64(len(text)) > limit {
		return fmt.Errorf("%w: %d bytes are there and %d would be added, of %d at most", ErrTooLong, size, len(text), limit)
	}
	if _, err := f.WriteString(text); err != nil {
		_ = f.Truncate(size) // as well as it goes
		return err
	}
	return nil
}
