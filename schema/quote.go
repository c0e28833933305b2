package schema

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Show quotes text from a file for a message. It escapes characters that cannot
// be printed and cuts a long text.
func Show(s string) string {
	const longest = 80
	if utf8.RuneCountInString(s) <= longest {
		return strconv.Quote(s)
	}
	return strconv.Quote(string([]rune(s[:min(len(s), 4*longest)])[:longest]) + "…")
}

// Bare returns a word from a file as it is written, or quoted if it would not
// read as one word.
func Bare(s string) string {
	for _, r := range s {
		if r == '"' || !unicode.IsGraphic(r) || unicode.IsSpace(r) {
			return Show(s)
		}
	}
	if s == "" || len(s) > 80 {
		return Show(s)
	}
	return s
}

// Printable is a file name that can stand in output.
func Printable(name string) string {
	if strings.IndexFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) >= 0 {
		return strconv.Quote(name)
	}
	return name
}

// Invisible reports whether a character takes no space or changes the direction
// of the text around it.
func Invisible(r rune) bool {
	return unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Bidi_Control, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r)
}

// Utf8BOM is the byte order mark that a file may begin with.
var Utf8BOM = []byte("\ufeff")

// LazyRegexp returns a function that compiles a regular expression on first use,
// so that commands do not pay for expressions that they do not need.
func LazyRegexp(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}
