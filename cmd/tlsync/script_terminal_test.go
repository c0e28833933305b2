package main

import (
	"bytes"
	"os"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/testscript"
)

// terminalVerb is "terminal COLUMNS COMMAND [ARGS…]": it runs a command whose stderr
// is a terminal. What came there is in the file terminal.raw, picture by picture on
// lines of their own, and what stands there in the end in terminal.txt. No picture may
// be as wide as the terminal.
func terminalVerb(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: terminal columns command [args...]")
	}
	columns := number(ts, args[0])
	master, slave, name, err := openTerminal(columns)
	ts.Check(err)
	defer master.Close()
	var raw bytes.Buffer
	var wait sync.WaitGroup
	wait.Go(func() { _, _ = raw.ReadFrom(master) }) // ends with an error once nobody holds the other end
	err = ts.Exec("sh", append([]string{"-c", `exec "$@" 2>` + name, "sh"}, args[1:]...)...)
	ts.Check(slave.Close())
	wait.Wait()
	if (err != nil) != neg {
		ts.Fatalf("the command ended with %v\n%s", err, raw.String())
	}
	out := strings.ReplaceAll(raw.String(), "\r\n", "\n") // the terminal's own doing
	for _, line := range strings.FieldsFunc(out, func(r rune) bool { return r == '\r' || r == '\n' }) {
		if n := utf8.RuneCountInString(line); strings.ContainsAny(line, "█|") && n >= columns {
			ts.Fatalf("%d columns, and a picture of %d: %q", columns, n, line)
		}
	}
	ts.Check(os.WriteFile(ts.MkAbs("terminal.raw"), []byte(strings.ReplaceAll(out, "\r", "\n")), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("terminal.txt"), []byte(shownOn(out)), 0o600))
}

// shownOn is what a terminal shows in the end, without blanks at the ends of lines.
func shownOn(out string) string {
	var b strings.Builder
	line, at := []rune{}, 0
	flush := func() {
		b.WriteString(strings.TrimRight(string(line), " ") + "\n")
		line, at = line[:0], 0
	}
	for _, r := range out {
		switch r {
		case '\n':
			flush()
		case '\r':
			at = 0
		default:
			line = append(line[:at], append([]rune{r}, line[min(at+1, len(line)):]...)...)
			at++
		}
	}
	if strings.TrimSpace(string(line)) != "" {
		flush()
	}
	return b.String()
}

func TestShownOn(t *testing.T) {
	for out, want := range map[string]string{
		"": "", "a\nb": "a\nb\n", "abc\rx": "xbc\n", "abc\r   \r": "", "abc\r   \rline\n\rabc": "line\nabc\n",
	} {
		if got := shownOn(out); got != want {
			t.Errorf("%q shows %q, want %q", out, got, want)
		}
	}
}
