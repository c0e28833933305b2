// Package safetest looks for text that is not safe to print.
package safetest

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Unsafe names something that must not be in output, "" if there is nothing; line
// breaks may be in it.
func Unsafe(s string) string {
	for line := range strings.SplitSeq(s, "\n") {
		if bad := UnsafeLine(line); bad != "" {
			return bad
		}
	}
	return ""
}

// UnsafeLine is Unsafe for one line. It follows the runner's parser (actions/runner,
// src/Runner.Common/ActionCommand.cs): "::" after white space at the start, or
// "##[" anywhere.
func UnsafeLine(s string) string {
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
