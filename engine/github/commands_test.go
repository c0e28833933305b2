package github

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// command is what the runner takes a line for.
type command struct {
	Name       string
	Properties map[string]string
	Data       string
}

// runner reads the output of a step as the runner of GitHub Actions does: first
// the present form of a command, then the old one. It is harsher in one point: the
// old form is looked for at every "##[" of a line.
func runner(output string) []command {
	var found []command
	for _, line := range strings.FieldsFunc(output, func(r rune) bool { return r == '\n' || r == '\r' }) {
		if c, ok := presentCommand(line); ok {
			found = append(found, c)
			continue
		}
		for at := range len(line) {
			if c, ok := oldCommand(line[at:]); ok {
				found = append(found, c)
			}
		}
	}
	return found
}

func live(name string) bool {
	return slices.Contains(strings.Fields("error warning notice debug group endgroup add-mask stop-commands add-matcher remove-matcher "+
		"set-output save-state echo set-env add-path internal-set-repo-path"), strings.ToLower(name))
}

func presentCommand(line string) (command, bool) {
	rest, ok := strings.CutPrefix(strings.TrimLeftFunc(line, unicode.IsSpace), "::")
	if !ok {
		return command{}, false
	}
	head, data, ok := strings.Cut(rest, "::")
	name, properties, _ := strings.Cut(head, " ")
	if !ok || !live(name) {
		return command{}, false
	}
	c := command{Name: name, Properties: map[string]string{}, Data: unescape(data, "%0D", "\r", "%0A", "\n", "%25", "%")}
	for _, p := range strings.Split(strings.TrimSpace(properties), ",") {
		if k, v, ok := strings.Cut(p, "="); ok {
			c.Properties[k] = unescape(v, "%0D", "\r", "%0A", "\n", "%3A", ":", "%2C", ",", "%25", "%")
		}
	}
	return c, true
}

func oldCommand(line string) (command, bool) {
	rest, ok := strings.CutPrefix(line, "##[")
	head, data, closed := strings.Cut(rest, "]")
	name, _, _ := strings.Cut(head, " ")
	return command{Name: name, Data: data}, ok && closed && live(name)
}

// unescape replaces one sequence after the other.
func unescape(s string, pairs ...string) string {
	for i := 0; i < len(pairs); i += 2 {
		s = strings.ReplaceAll(s, pairs[i], pairs[i+1])
	}
	return s
}

func commands(t interface{ Fatal(...any) }, as []Annotation) string {
	var b bytes.Buffer
	if err := Commands(&b, as); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestAHazardIsAmongTheTenThatAreShown: whoever writes the configuration can bring about as
// many warnings as they like.
func TestAHazardIsAmongTheTenThatAreShown(t *testing.T) {
	as := slices.Repeat([]Annotation{{Level: "warning", Title: "cheap"}}, 30)
	as = append(as, Annotation{Level: "error", Title: "late"}, Annotation{Level: "warning", Title: "weakens_tls", First: true})
	var b bytes.Buffer
	if err := Commands(&b, as); err != nil {
		t.Fatal(err)
	}
	if got := runner(b.String()); got[0].Properties["title"] != "weakens_tls" || len(got) != maxAnnotations+1 || !strings.Contains(b.String(), "and 21 more warnings\n") {
		t.Errorf("got %d:\n%s", len(got), &b)
	}
}

func TestCommands(t *testing.T) {
	got := commands(t, []Annotation{
		{Level: "error", File: "config/zones/a.yaml", Line: 12, Col: 3, Title: "Unknown setting", Message: "100%: is, not\nknown\r\n::error::x"},
		{Level: "warning", Message: "plain"},
		{Level: "notice", Title: " a, b: c\n", Message: "\x1b[31m\u202e##[error]\r"},
		{Level: "warning", File: "a,b:c.yaml", Message: ""},
	})
	want := `::error file=config/zones/a.yaml,line=12,col=3,title=Unknown setting::100%25: is, not%0Aknown%0A::error::x
::warning::plain
::notice title=a%2C b%3A c\u000a::\u001b[31m\u202e# #[error]\u000d
::warning file=a%2Cb%3Ac.yaml,line=1::
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTenOfEachLevelAreShown(t *testing.T) {
	var as []Annotation
	for i := range 48 {
		as = append(as, Annotation{Level: "warning", Message: fmt.Sprint(i)})
		if i < 11 {
			as = append(as, Annotation{Level: "error", Message: fmt.Sprint(i)})
		}
		if i < 10 {
			as = append(as, Annotation{Level: "notice", Message: fmt.Sprint(i)})
		}
	}
	got := commands(t, as)
	if n := len(runner(got)); n != 30 {
		t.Errorf("%d commands", n)
	}
	if !strings.HasPrefix(got, "::warning::0\n::error::0\n::notice::0\n::warning::1\n") || !strings.HasSuffix(got, "::notice::9\nand 1 more error\nand 38 more warnings\n") {
		t.Error(got)
	}
	if got := commands(t, nil); got != "" {
		t.Errorf("nothing gave %q", got)
	}
}

func TestAMessageIsCutWhereTheRunnerCuts(t *testing.T) {
	for name, tt := range map[string]struct {
		message string
		whole   bool
	}{
		"as long as may be":            {strings.Repeat("a", 4096), true},
		"one more":                     {strings.Repeat("a", 4097), false},
		"characters of two units":      {strings.Repeat("😀", 2048), true},
		"one character too many":       {strings.Repeat("😀", 2049), false},
		"a character across the limit": {"a" + strings.Repeat("😀", 2048), false},
		"what grows when made visible": {strings.Repeat("\x00", 1000), false},
	} {
		t.Run(name, func(t *testing.T) {
			got := runner(commands(t, []Annotation{{Level: "error", Message: tt.message}}))[0].Data
			units := len(utf16.Encode([]rune(got)))
			least := 4094
			if strings.HasSuffix(got, `\u0000…`) { // no part of an escape is left
				least = 4096 - len(`\u0000`)
			}
			if units > 4096 || units < least || tt.whole != (got == tt.message) || tt.whole == strings.HasSuffix(got, "…") {
				t.Errorf("%d units, ends %q", units, got[len(got)-10:])
			}
		})
	}
}

func TestALevelThatIsNoneWritesNothing(t *testing.T) {
	var b bytes.Buffer
	err := Commands(&b, []Annotation{{Level: "error"}, {Level: "add-mask"}})
	if err == nil || !strings.Contains(err.Error(), `"add-mask" is not one of error, warning, notice`) || b.Len() > 0 {
		t.Errorf("%v, written %q", err, b.String())
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("the pipe is closed") }

func TestABrokenPipeIsTold(t *testing.T) {
	if err := Commands(broken{}, []Annotation{{Level: "error"}}); err == nil || !strings.Contains(err.Error(), "the pipe is closed") {
		t.Error(err)
	}
}

// checkCommands compares what the runner understands with what was meant.
func checkCommands(t interface {
	Fatal(...any)
	Fatalf(string, ...any)
}, as []Annotation) {
	out := commands(t, as)
	got := runner(out)
	if len(got) != len(as) || strings.Count(out, "\n") != len(as) {
		t.Fatalf("%d commands of %d in %q", len(got), len(as), out)
	}
	for i, a := range as {
		properties := map[string]string{}
		if a.File != "" {
			properties["file"], properties["line"] = visible(a.File), fmt.Sprint(max(a.Line, 1))
			if a.Col > 0 {
				properties["col"] = fmt.Sprint(a.Col)
			}
		}
		if title := strings.TrimSpace(visible(a.Title)); title != "" {
			properties["title"] = title
		}
		want := command{Name: a.Level, Properties: properties, Data: a.message()}
		if diff := cmp.Diff(want, got[i]); diff != "" {
			t.Fatalf("%+v became %q:\n%s", a, out, diff)
		}
		for _, r := range got[i].Data + properties["file"] + properties["title"] {
			if r != '\n' && (r < ' ' || r == 0x7f || unicode.In(r, unicode.C, unicode.Zl, unicode.Zp)) {
				t.Fatalf("%U is left in %q", r, out)
			}
		}
		if strings.Contains(out, "##[") {
			t.Fatalf("an old command in %q", out)
		}
	}
}

// hostile is text that wants to be a command.
func hostile() *rapid.Generator[string] {
	part := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
		"::", "::error::", "::error file=a::", "::stop-commands::x", "##[", "##[error]", "##[add-mask]x", "#", "[", "]", ",", ":", "=", "%", "%25", "%0A", "%0D", "%2C",
		"\n", "\r", "\r\n", " ", "\t", "\u00a0", "\u2028", "\u2029", "\u0085", "\u200b", "\u202e", "\ufeff", "\x1b[2J", "\x00", "\xff", "é", "😀", ",title=x", "line=1",
	}))
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(part, 0, 8).Draw(t, "parts"), "")
	})
}

func TestForeignTextIsNoCommand(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		as := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Annotation {
			return Annotation{
				Level: rapid.SampledFrom([]string{"error", "warning", "notice"}).Draw(t, "level"),
				File:  hostile().Draw(t, "file"), Line: rapid.IntRange(-1, 9).Draw(t, "line"), Col: rapid.IntRange(-1, 9).Draw(t, "col"),
				Title: hostile().Draw(t, "title"), Message: hostile().Draw(t, "message"),
			}
		}), 0, 10).Draw(t, "annotations")
		checkCommands(t, as)
	})
}

func FuzzCommands(f *testing.F) {
	f.Add("a.yaml", "title", "message")
	f.Add("a,line=2", "x::y", "%0A::error::\r\n##[error]x")
	f.Add("", "\u2028", "\u00a0::stop-commands::pause")
	f.Fuzz(func(t *testing.T, file, title, message string) {
		checkCommands(t, []Annotation{{Level: "warning", File: file, Line: 3, Title: title, Message: message}})
	})
}

// TestTheRunnerIsOneIndeed makes sure that the port above finds commands.
func TestTheRunnerIsOneIndeed(t *testing.T) {
	got := runner("a\r\u2003::Error file=a%2Cb,col=1 ::x%0Ay%250A\n text ##[add-mask]s\n::unknown::x\n::debug\n")
	want := []command{{"Error", map[string]string{"file": "a,b", "col": "1"}, "x\ny%0A"}, {"add-mask", nil, "s"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
