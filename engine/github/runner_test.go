package github

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// outputs reads the file of GITHUB_OUTPUT as the runner does.
func outputs(text string) ([]Output, error) {
	var found []Output
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		equal, heredoc := strings.Index(line, "="), strings.Index(line, "<<")
		switch {
		case line == "":
		case equal >= 0 && (heredoc < 0 || equal < heredoc):
			found = append(found, Output{line[:equal], line[equal+1:]})
		case heredoc >= 0:
			end := line[heredoc+2:]
			var value []string
			for i++; ; i++ {
				if i >= len(lines) {
					return nil, fmt.Errorf("no %q ends the value of %q", end, line)
				}
				if lines[i] == end {
					break
				}
				value = append(value, lines[i])
			}
			found = append(found, Output{line[:heredoc], strings.Join(value, "\n")})
		default:
			return nil, fmt.Errorf("line %q", line)
		}
	}
	return found, nil
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestAppendOutputs(t *testing.T) {
	file := filepath.Join(t.TempDir(), "output")
	if err := os.WriteFile(file, []byte("former=1"), 0o600); err != nil {
		t.Fatal(err)
	}
	values := []Output{{"result", "clean"}, {"empty", ""}, {"lines", "a\nb\n"}, {"cr", "a\rb"}, {"marks", "a<<b=c"}, {"bad", "a\xff"}, {"late", "\nlate=2\n"}}
	for range 2 {
		if err := AppendOutputs(file, values); err != nil {
			t.Fatal(err)
		}
	}
	text := readFile(t, file)
	if !strings.HasPrefix(text, "former=1\nresult=clean\nempty=\nlines<<tlsync_") {
		t.Errorf("written %q", text)
	}
	got, err := outputs(text)
	if err != nil {
		t.Fatal(err)
	}
	values[5].Value = "a\ufffd"
	want := append([]Output{{"former", "1"}}, append(values, values...)...)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTheDelimiterIsNotInTheValue(t *testing.T) {
	next := []string{"x", "ab", "z"}
	got := Output{"n", "1 ab x\n2"}.lines(func() string { d := next[0]; next = next[1:]; return d })
	if got != "n<<z\n1 ab x\n2\nz\n" {
		t.Errorf("got %q", got)
	}
	a, b := delimiter(), delimiter()
	if a == b || len(a) != len("tlsync_")+32 {
		t.Errorf("delimiters %q and %q", a, b)
	}
}

func TestOutputsThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "output")
	for _, name := range []string{"", "a b", "a=b", "a\nb", "1a", "-a", "a<<b", strings.Repeat("a", 101)} {
		if err := AppendOutputs(file, []Output{{"good", "1"}, {name, "x"}}); err == nil || !strings.Contains(err.Error(), "may only contain letters, digits, _ and -") {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("something was written: %v", err)
	}
	if err := AppendOutputs("", nil); err == nil || !strings.Contains(err.Error(), "GITHUB_OUTPUT: the variable is not set") {
		t.Error(err)
	}
	if err := AppendOutputs(dir, nil); err == nil || !strings.Contains(err.Error(), "GITHUB_OUTPUT") {
		t.Error(err)
	}
}

func checkOutputs(t interface {
	Fatal(...any)
	Fatalf(string, ...any)
}, values []Output) {
	var b strings.Builder
	for i := range values {
		values[i].Value = strings.ToValidUTF8(values[i].Value, "\ufffd")
		b.WriteString(values[i].lines(delimiter))
	}
	got, err := outputs(b.String())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(values, got); diff != "" {
		t.Fatalf("%q:\n%s", b.String(), diff)
	}
}

func TestOutputsAreReadAsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		checkOutputs(t, rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Output {
			return Output{rapid.StringMatching(`[A-Za-z_][A-Za-z0-9_-]{0,5}`).Draw(t, "name"), hostile().Draw(t, "value")}
		}), 1, 5).Draw(t, "values"))
	})
}

func FuzzOutputs(f *testing.F) {
	f.Add("plain", "a\nb")
	f.Add("x<<EOF\ny\nEOF", "\n")
	f.Fuzz(func(t *testing.T, one, two string) { checkOutputs(t, []Output{{"one", one}, {"two", two}}) })
}

func TestAppendSummary(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "summary")
	for _, text := range []string{"# One", "# Two\n"} {
		if err := AppendSummary(file, text); err != nil {
			t.Fatal(err)
		}
	}
	if got := readFile(t, file); got != "# One\n# Two\n" {
		t.Errorf("written %q", got)
	}
	rest := maxSummary - len("# One\n# Two\n")
	if err := AppendSummary(file, strings.Repeat("x", rest)); !errors.Is(err, ErrTooLong) || !strings.Contains(err.Error(), "the file has 12 bytes, and 1048565 more would exceed the limit of 1048576") {
		t.Errorf("with its line end it is one byte too long: %v", err)
	}
	if got := readFile(t, file); got != "# One\n# Two\n" {
		t.Errorf("a part was written: %d bytes", len(got))
	}
	if err := AppendSummary(file, strings.Repeat("x", rest-1)); err != nil {
		t.Errorf("exactly as long as may be: %v", err)
	}
	if got := len(readFile(t, file)); got != maxSummary {
		t.Errorf("%d bytes", got)
	}
	if err := AppendSummary("", "x"); err == nil || !strings.Contains(err.Error(), "GITHUB_STEP_SUMMARY: the variable is not set") {
		t.Error(err)
	}
}

func TestASummaryThatWasLeftOpenIsClosedFirst(t *testing.T) {
	file := filepath.Join(t.TempDir(), "summary")
	if err := os.WriteFile(file, []byte("text of another step"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := AppendSummary(file, "# One"); err != nil {
		t.Fatal(err)
	}
	if got := readFile(t, file); got != "text of another step\n# One\n" {
		t.Errorf("written %q", got)
	}
}
