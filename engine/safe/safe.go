// Package safe makes text that comes from elsewhere (YAML, Cloudflare, Git) harmless to
// whoever prints it.
package safe

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text makes foreign text harmless to terminals, to logs and to the GitHub
// Actions runner, which looks for commands in everything a step prints.
//
// It shows characters that are invisible or change how others look (control characters,
// marks of direction, zero width, line and paragraph separators) as escapes like \u001b.
// The runner takes "##[" anywhere in a line and "::" at its start, after
// white space, for commands; both get a space in their middle.
func Text(s string) string {
	if plain(s) {
		return s
	}

	var b strings.Builder
	b.Grow(len(s) + 16)
	for _, r := range s { // a byte that is not UTF-8 becomes U+FFFD
		if hidden(r) {
			b.WriteString(escaped(r))
		} else {
			b.WriteRune(r)
		}
	}

	out := strings.ReplaceAll(b.String(), "##[", "# #[")
	if rest := strings.TrimLeftFunc(out, unicode.IsSpace); strings.HasPrefix(rest, "::") {
		out = out[:len(out)-len(rest)] + ": " + rest[1:]
	}
	return out
}

// plain reports quickly that a text is harmless, as nearly all names and values are.
func plain(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c > '~' || c == '[' || c == ':' {
			return false
		}
	}
	return true
}

// hidden reports whether a character is invisible or changes how others look.
func hidden(r rune) bool {
	if r < utf8.RuneSelf {
		return r < ' ' || r == 0x7f
	}
	return !unicode.IsGraphic(r) || unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

func escaped(r rune) string {
	if r > 0xffff {
		return fmt.Sprintf(`\U%08x`, r)
	}
	return fmt.Sprintf(`\u%04x`, r)
}
