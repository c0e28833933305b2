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

// maxSummary is the largest summary of a step that GitHub accepts, in bytes.
const maxSummary = 1 << 20

// Output is a value for later steps and jobs.
type Output struct {
	Name  string // letters, digits, _ and -, not beginning with a digit or -
	Value string
}

var outputName = lazyRegexp(`^[A-Za-z_][A-Za-z0-9_-]{0,99}$`)

// AppendOutputs appends values to the file named by GITHUB_OUTPUT. It writes all of them
// or none. Bytes of a value that are not UTF-8 become U+FFFD.
func AppendOutputs(file string, values []Output) error {
	var b strings.Builder
	for _, v := range values {
		if !outputName().MatchString(v.Name) {
			return fmt.Errorf("write outputs: name %s may only contain letters, digits, _ and -", quoted(v.Name))
		}
		v.Value = strings.ToValidUTF8(v.Value, "\ufffd")
		b.WriteString(v.lines(delimiter))
	}
	if err := appendFile(file, b.String(), 0); err != nil {
		return fmt.Errorf("write outputs to the file of GITHUB_OUTPUT: %w", err)
	}
	return nil
}

// lines returns an output in the format of the runner. A value that is not simply one
// line stands between two random lines, so that it cannot contain the end.
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

// AppendSummary appends Markdown to the file named by GITHUB_STEP_SUMMARY. GitHub does not
// show a file of more than 1 MiB, so if the file would become larger the error is
// ErrTooLong, and nothing is written.
func AppendSummary(file, markdown string) error {
	if !strings.HasSuffix(markdown, "\n") {
		markdown += "\n"
	}
	if err := appendFile(file, markdown, maxSummary); err != nil {
		return fmt.Errorf("write the summary to the file of GITHUB_STEP_SUMMARY: %w", err)
	}
	return nil
}

// appendFile appends whole lines to a file. If it cannot write all of them it restores the
// file. limit is the largest size of the file, in bytes; 0 is no limit.
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

	// Another program may have written a last line without a line end.
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
		return fmt.Errorf("%w: the file has %d bytes, and %d more would exceed the limit of %d", ErrTooLong, size, len(text), limit)
	}

	if _, err := f.WriteString(text); err != nil {
		_ = f.Truncate(size) // the first error matters more
		return err
	}
	return nil
}
