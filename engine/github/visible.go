package github

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// visible shows every character of foreign text that has no shape, or changes how
// others look, as \u001b, and takes the meaning from "##[", which the runner looks
// for anywhere in a line. Bytes that are no UTF-8 become U+FFFD.
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

// cut is at most the first max characters of s, with … for the others.
func cut(s string, max int) string {
	if utf8.RuneCountInString(s) <= max {
		return s
	}
	return string([]rune(s)[:max-1]) + "…"
}
