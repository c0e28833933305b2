package schema

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// RuleSecret is the rule of a diagnostic whose line holds something that looks
// like a secret. A report must not show the source of such a file.
const RuleSecret = "secret"

// RuleUnreadable is the rule of files that are there and cannot be read.
const RuleUnreadable = "unreadable"

// maxValues bounds how many YAML values a file of some size may hold: a parsed
// value takes some 200 bytes whatever its length, so a file of nothing but
// commas would need a hundred times its size. Configurations measure one
// indicator in 14 bytes and more.
func maxValues(size int) int { return 100_000 + size/12 }

// utf8BOM may stand at the beginning of a file.
var utf8BOM = []byte("\ufeff")

// lazyRegexp is a regular expression that is compiled when it is first asked for, so
// that no command pays for what it does not match.
func lazyRegexp(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}

// checkText looks at the bytes of a file before YAML does, and reports whether
// they can be parsed: each complaint here stands for something that the parser
// would give no place, the wrong line or too much memory. Of each kind the
// first is told.
func (d *decoder) checkText(b []byte) bool {
	if bytes.HasPrefix(b, []byte{0xff, 0xfe}) || bytes.HasPrefix(b, []byte{0xfe, 0xff}) || bytes.HasPrefix(b, []byte{0, 0, 0xfe, 0xff}) {
		d.errorf(Pos{d.file, 1, 1}, "encoding", "save it as UTF-8", "the file is in UTF-16 or UTF-32, not in UTF-8")
		return false
	}
	told := map[string]bool{}
	line, col, values := 1, 1, 0
	complain := func(kind, rule, hint, format string, args ...any) {
		if !told[kind] {
			told[kind] = true
			d.errorf(Pos{d.file, line, col}, rule, hint, format, args...)
		}
	}
	for i := 0; i < len(b); {
		c := b[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRune(b[i:])
			switch {
			case r == utf8.RuneError && size == 1:
				complain("utf8", "encoding", "save it as UTF-8", "byte 0x%02x is not valid UTF-8", c)
			case r == '\u0085' || r == '\u2028' || r == '\u2029':
				complain("break", "line-ending", "end lines with LF or CRLF", "%U breaks the line for YAML but not in an editor", r)
			case unicode.Is(unicode.Bidi_Control, r):
				complain("bidi", "odd-character", "", "%U changes the direction of text, so that a line reads other than it is", r)
			case unicode.IsControl(r) || r == 0xfeff || r >= 0xfffe && r <= 0xffff:
				complain("control", "odd-character", "", "%U cannot be seen and does not belong in a configuration", r)
			}
			i += size
			col++
			continue
		}
		next := byte('\n')
		if i+1 < len(b) {
			next = b[i+1]
		}
		switch {
		case c == '\n':
			line, col = line+1, 0
		case c == '\r' && (next != '\n' || i+1 == len(b)):
			complain("cr", "line-ending", "end lines with LF or CRLF", "a carriage return without a line feed")
		case c < ' ' && c != '\t' && c != '\r' || c == 0x7f:
			complain("control", "odd-character", "", "%U cannot be seen and does not belong in a configuration", c)
		case c == '%' && col == 1:
			complain("directive", "directive", "remove the line", "YAML directives are not supported")
		case c == '-' && col == 1 && bytes.HasPrefix(b[i:], []byte("---")):
			values += 4 // a document costs a decoder besides its values
		case c == ',' || c == '[' || c == '{' || (c == ':' || c == '-' || c == '?') && endsIndicator(next):
			values++
		}
		i++
		col++
	}
	if values > maxValues(len(b)) {
		d.errorf(Pos{d.file, 1, 1}, "too-large", "split it over several files",
			"the file holds about %d values, more than the %d that a file of %d bytes may", values, maxValues(len(b)), len(b))
		return false
	}
	return len(told) == 0
}

// endsIndicator reports whether a ":", "-" or "?" before c has a meaning in
// YAML; errors on the side of yes are harmless.
func endsIndicator(c byte) bool {
	return c <= ' ' || strings.IndexByte(",[]{}\"'-", c) >= 0
}

// checkSecrets looks for what looks like a credential anywhere in a file,
// comments included, and reports whether there is none. The value is never
// repeated.
func (d *decoder) checkSecrets(b []byte) bool {
	clean := true
	line := 0
	for text := range bytes.Lines(b) {
		line++
		if at, what := findSecret(text); what != "" {
			d.secret(Pos{d.file, line, utf8.RuneCount(text[:at]) + 1}, what)
			clean = false
		}
	}
	return clean
}

func (d *decoder) secret(pos Pos, what string) {
	d.errorf(pos, RuleSecret, "remove it and revoke it if it was committed; credentials come from the environment",
		"this looks like %s, so the file is not loaded", what)
}

// findSecret finds the first secret in a line: its offset and what it is.
func findSecret(line []byte) (at int, what string) {
	if i := bytes.Index(line, []byte("-----BEGIN ")); i >= 0 && bytes.Contains(line[i:], []byte("PRIVATE KEY")) {
		return i, "a private key"
	}
	for start := 0; start < len(line); {
		if !tokenByte(line[start]) {
			start++
			continue
		}
		end := start
		for end < len(line) && tokenByte(line[end]) {
			end++
		}
		// Between dots it is a label of a hostname.
		inName := start > 0 && line[start-1] == '.' || end < len(line)-1 && line[end] == '.' && tokenByte(line[end+1])
		word := string(line[start:end])
		switch {
		case strings.EqualFold(word, "bearer") && bearerToken(line[end:]):
			return start, "an authorization header"
		case strings.HasPrefix(word, "v1") && originCAKey(line[start:]):
			return start, "an Origin CA key"
		case inName:
		case tokenPrefix(word):
			return start, "a Cloudflare API token"
		case len(word) == 40 && mixedCase(word):
			return start, "an API token"
		case len(word) == 37 && strings.Trim(word, "0123456789abcdef") == "":
			return start, "a global API key"
		}
		start = end
	}
	return 0, ""
}

// scalarSecret says what a whole value looks like, "" if like no secret. A
// value of 40 letters and digits is no hostname and no setting, so here, other
// than in a comment, it need not mix cases; only words that hyphens join may be
// as long.
func scalarSecret(s string) string {
	if len(s) == 40 && strings.ContainsAny(s, "0123456789") && strings.IndexFunc(s, unicode.IsLetter) >= 0 &&
		strings.Count(s, "-")+strings.Count(s, "_") < 5 && !slices.ContainsFunc([]byte(s), func(c byte) bool { return !tokenByte(c) }) {
		return "an API token"
	}
	_, what := findSecret([]byte(s))
	return what
}

func tokenByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
}

// tokenPrefix reports whether a word begins as Cloudflare's scannable tokens do.
func tokenPrefix(word string) bool {
	for _, p := range []string{"cfk_", "cfut_", "cfat_"} {
		if strings.HasPrefix(word, p) && len(word) >= len(p)+40 {
			return true
		}
	}
	return false
}

// bearerToken reports whether a token of some length follows.
func bearerToken(rest []byte) bool {
	token := bytes.TrimLeft(rest, " \t")
	n := 0
	for n < len(token) && (tokenByte(token[n]) || strings.IndexByte(".~+/=", token[n]) >= 0) {
		n++
	}
	return len(token) < len(rest) && n >= 16
}

// originCAKey reports whether text begins with "v1.0-", 24 hex digits, a hyphen
// and many more.
func originCAKey(b []byte) bool {
	rest, ok := bytes.CutPrefix(b, []byte("v1.0-"))
	if !ok || len(rest) < 125 || rest[24] != '-' {
		return false
	}
	return len(bytes.Trim(rest[:24], "0123456789abcdef")) == 0 && len(bytes.Trim(rest[25:125], "0123456789abcdef")) == 0
}

// mixedCase reports whether a word has capitals, small letters and digits, as
// random tokens do and words and commit ids do not.
func mixedCase(s string) bool {
	return strings.ContainsAny(s, "0123456789") && strings.ToLower(s) != s && strings.ToUpper(s) != s
}

// invisible reports whether a character takes no room or changes the direction
// of the text around it.
func invisible(r rune) bool {
	return unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Bidi_Control, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r)
}

// oddRune is the first character of a value that does not belong in one, and
// its name.
func oddRune(s string) (string, bool) {
	for _, r := range s {
		if unicode.IsControl(r) || invisible(r) || r == utf8.RuneError {
			return fmt.Sprintf("%U", r), true
		}
	}
	return "", false
}
