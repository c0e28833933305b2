package safe

import (
	"testing"

	"tlsync/engine/safe/safetest"
)

func TestText(t *testing.T) {
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
		if got := Text(c.in); got != c.want {
			t.Errorf("Text(%q) is %q, want %q", c.in, got, c.want)
		}
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"a", "##[error]", "###[", " ::x::", "\u2028::x", "\x1b]8;;\x07", "\xc2\x9b", "\x9b", "\u202e", ":\u200b:", "#\u200b#["} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Text(s)
		if bad := safetest.UnsafeLine(got); bad != "" {
			t.Fatalf("Text(%q) is %q, which holds %s", s, got, bad)
		}
		if again := Text(got); again != got {
			t.Fatalf("Text(%q) is %q, and of that %q", s, got, again)
		}
	})
}
