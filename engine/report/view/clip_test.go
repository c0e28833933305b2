package view

import (
	"strings"
	"testing"
	"unicode/utf8"

	"tlsync/engine/safe"
)

// TestClipLeavesNoHalfEscape cuts a text with escapes at every place.
func TestClipLeavesNoHalfEscape(t *testing.T) {
	plain := []rune("a\u202eb\U000e0041\\é\n`c`\u200b\u200bd\\")
	pieces := map[string]bool{}
	for i := range len(plain) + 1 {
		pieces[safe.Text(string(plain[:i]))] = true
	}

	text := safe.Text(string(plain))
	for n := 1; n <= utf8.RuneCountInString(text); n++ {
		got := Clip(text, n)
		if utf8.RuneCountInString(got) > n || !pieces[strings.TrimSuffix(got, "…")] {
			t.Errorf("cut to %d characters: %q", n, got)
		}
	}
}
