package github

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// visible escapes, like \u001b, the characters of untrusted text that are invisible or
// change how others look. It breaks up "##[", which the runner takes for a command
// anywhere in a line. Bytes that are not UTF-8 become U+FFFD.
func visible(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case unicode.IsGraphic(r) && !unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector):
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return strings.ReplaceAll(b.String(), "##[", "# #[")
}

// cut shortens s to at most max characters, the last of them "…".
func cut(s string, max int) string {
	if utf8.RuneCountInString(s) <= max {
		return s
	}
	r := []rune(s)
	return whole(string(r), len(string(r[:max-1]))) + "…"
}

// whole returns s[:end], without an escape of visible that begins there and ends later.
func whole(s string, end int) string {
	at := strings.LastIndexByte(s[:end], '\\')
	if at < 0 {
		return s[:end]
	}
	if escape := s[at:]; strings.HasPrefix(escape, `\u`) && end < at+6 || strings.HasPrefix(escape, `\U`) && end < at+10 {
		return s[:at]
	}
	return s[:end]
}
