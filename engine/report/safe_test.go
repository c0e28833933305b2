package report

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestSafe(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"app.customer.example", "app.customer.example"},
		{"Zürich 東京 café", "Zürich 東京 café"},
		{"", ""},
		{"a\r\nb\tc", `a\u000d\u000ab\u0009c`},
		{"\x1b[31mred\x7f", `\u001b[31mred\u007f`},
		{"\u009b31m", `\u009b31m`},
		{"\x9b31m", "\ufffd31m"},
		{"a\u202eb\u2066\u200f", `a\u202eb\u2066\u200f`},
		{"a\u200bb\ufeff\u00ad\u3164", `a\u200bb\ufeff\u00ad\u3164`},
		{"\u2028\u2029\u0085", `\u2028\u2029\u0085`},
		{"\U000e0041", `\U000e0041`},
		{"##[error]x ###[", "# #[error]x ## #["},
		{"::error::x", ": :error::x"},
		{" \u00a0\u2003::error::x", " \u00a0\u2003: :error::x"},
		{"a::b", "a::b"},
		{"\n::error::x", `\u000a::error::x`},
	} {
		if got := Safe(c.in); got != c.want {
			t.Errorf("Safe(%q) is %q, want %q", c.in, got, c.want)
		}
	}
}

// unsafeIn looks for what must not be in output; line breaks may.
func unsafeIn(s string) string {
	for line := range strings.SplitSeq(s, "\n") {
		if bad := unsafeInLine(line); bad != "" {
			return bad
		}
	}
	return ""
}

// unsafeInLine follows the runner's parser (actions/runner,
// src/Runner.Common/ActionCommand.cs): "::" after white space at the start, or
// "##[" anywhere.
func unsafeInLine(s string) string {
	switch {
	case !utf8.ValidString(s):
		return "what is no UTF-8"
	case strings.Contains(s, "##["):
		return "##["
	case strings.HasPrefix(strings.TrimLeftFunc(s, unicode.IsSpace), "::"):
		return "a command at the start of a line"
	}
	for _, r := range s {
		switch {
		case unicode.IsControl(r):
			return "a control character"
		case unicode.Is(unicode.Bidi_Control, r), unicode.Is(unicode.Cf, r), unicode.In(r, unicode.Zl, unicode.Zp):
			return "a character that cannot be seen"
		}
	}
	return ""
}

func FuzzSafe(f *testing.F) {
	for _, s := range []string{"a", "##[error]", "###[", " ::x::", "\u2028::x", "\x1b]8;;\x07", "\xc2\x9b", "\x9b", "\u202e", ":\u200b:", "#\u200b#["} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Safe(s)
		if bad := unsafeInLine(got); bad != "" {
			t.Fatalf("Safe(%q) is %q, which holds %s", s, got, bad)
		}
		if again := Safe(got); again != got {
			t.Fatalf("Safe(%q) is %q, and of that %q", s, got, again)
		}
	})
}

func TestForeignTextIsHarmlessEverywhere(t *testing.T) {
	p := foreignPlan()
	for name, out := range map[string]string{
		"text":    render(t, p, TextOptions{}),
		"verbose": render(t, p, TextOptions{Verbose: true}),
		"json":    planJSON(t, p),
	} {
		if bad := unsafeIn(out); bad != "" {
			t.Errorf("%s holds %s:\n%q", name, bad, out)
		}
	}
}
