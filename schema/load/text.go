package load

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"tlsync/schema"
)

// RuleUnreadable is the rule of files that exist and cannot be read.
const RuleUnreadable = "unreadable"

// maxValues bounds how many YAML values a file of some size may hold. A parsed
// value takes some 200 bytes whatever its length, so a file that consists of
// commas would need a hundred times its size in memory. Configurations have at
// most one indicator in 14 bytes.
func maxValues(size int) int { return 100_000 + size/12 }

// checkText checks the bytes of a file before the YAML parser reads them, and
// reports whether they can be parsed. The parser would report these problems
// without a place or on the wrong line, or would use too much memory. Of each
// kind of problem only the first is reported.
func (d *decoder) checkText(b []byte) bool {
	if bytes.HasPrefix(b, []byte{0xff, 0xfe}) || bytes.HasPrefix(b, []byte{0xfe, 0xff}) || bytes.HasPrefix(b, []byte{0, 0, 0xfe, 0xff}) {
		d.errorf(schema.Pos{File: d.file, Line: 1, Col: 1}, "encoding", "save it as UTF-8", "the file is in UTF-16 or UTF-32, not in UTF-8")
		return false
	}

	c := textChecker{d: d, line: 1, col: 1, indented: true, reported: map[string]bool{}}
	for i := 0; i < len(b); {
		if b[i] < utf8.RuneSelf {
			c.ascii(b[i:])
			i++
		} else {
			r, size := utf8.DecodeRune(b[i:])
			c.rune(r, size, b[i])
			c.indented = c.indented && unicode.Is(unicode.Zs, r)
			i += size
		}
		c.col++
	}

	if c.values > maxValues(len(b)) {
		d.errorf(schema.Pos{File: d.file, Line: 1, Col: 1}, "too-large", "split it over several files",
			"the file has about %d values, more than the limit of %d for a file of %d bytes", c.values, maxValues(len(b)), len(b))
		return false
	}
	return len(c.reported) == 0
}

// textChecker is the state of checkText.
type textChecker struct {
	d         *decoder
	line, col int
	indented  bool            // the line has had nothing but spaces so far
	values    int             // about how many values YAML will find
	reported  map[string]bool // kinds of problems
}

func (c *textChecker) report(kind, rule, hint, format string, args ...any) {
	if !c.reported[kind] {
		c.reported[kind] = true
		c.d.errorf(schema.Pos{File: c.d.file, Line: c.line, Col: c.col}, rule, hint, format, args...)
	}
}

// rune checks a character beyond ASCII. First is the first of its bytes.
func (c *textChecker) rune(r rune, size int, first byte) {
	switch {
	case r == utf8.RuneError && size == 1:
		c.report("utf8", "encoding", "save it as UTF-8", "byte 0x%02x is not valid UTF-8", first)
	case r == '\u0085' || r == '\u2028' || r == '\u2029':
		c.report("break", "line-ending", "end lines with LF or CRLF", "%U breaks the line for YAML but not in an editor", r)
	case unicode.Is(unicode.Bidi_Control, r):
		c.report("bidi", ruleOddCharacter, "remove it", "%U changes the direction of text, so that a line looks different from its content", r)
	case unicode.Is(unicode.Zs, r) && c.indented:
		c.report("space", ruleOddCharacter, "indent with plain spaces", "%U in the indentation looks like a space but is not one", r)
	case unicode.IsControl(r) || r == 0xfeff || r >= 0xfffe && r <= 0xffff:
		c.report("control", ruleOddCharacter, "remove it", "%U is an invisible character", r)
	}
}

// ascii checks the first byte of rest, and counts it if a value follows it.
func (c *textChecker) ascii(rest []byte) {
	b, next := rest[0], byte('\n')
	if len(rest) > 1 {
		next = rest[1]
	}

	c.indented = b == '\n' || c.indented && b == ' '
	switch {
	case b == '\n':
		c.line, c.col = c.line+1, 0
	case b == '\r' && (next != '\n' || len(rest) == 1):
		c.report("cr", "line-ending", "end lines with LF or CRLF", "a carriage return without a line feed")
	case b < ' ' && b != '\t' && b != '\r' || b == 0x7f:
		c.report("control", ruleOddCharacter, "remove it", "%U is an invisible character", b)
	case b == '%' && c.col == 1:
		c.report("directive", "directive", "remove the line", "YAML directives are not supported")
	case b == '-' && c.col == 1 && bytes.HasPrefix(rest, []byte("---")):
		c.values += 4 // a document costs memory besides its values
	case b == ',' || b == '[' || b == '{' || (b == ':' || b == '-' || b == '?') && endsIndicator(next):
		c.values++
	}
}

// endsIndicator reports whether a ":", "-" or "?" before c has a meaning in
// YAML. It may say yes where YAML says no.
func endsIndicator(c byte) bool {
	return c <= ' ' || strings.IndexByte(",[]{}\"'-", c) >= 0
}

// checkSecrets looks for credentials anywhere in a file, comments included, and
// reports whether it found none. Diagnostics never repeat the value.
func (d *decoder) checkSecrets(b []byte) bool {
	clean := true
	line := 0
	for text := range bytes.Lines(b) {
		line++
		if at, what := findSecret(text); what != "" {
			d.secret(schema.Pos{File: d.file, Line: line, Col: utf8.RuneCount(text[:at]) + 1}, what)
			clean = false
		}
	}
	return clean
}

func (d *decoder) secret(pos schema.Pos, what string) {
	d.errorf(pos, schema.RuleSecret, "remove it and revoke it if it was committed; credentials come from the environment",
		"this looks like %s, so the file is not loaded", what)
}

// findSecret finds the first secret in a line. It returns its offset and a
// description, or "" if there is none.
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

// scalarSecret describes the secret that a whole value seems to be, "" if it
// does not look like one. A value of 40 letters and digits cannot be a hostname
// or a setting, so it need not mix upper and lower case here, as it must in a
// comment. Only words joined by hyphens are as long.
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

// tokenPrefix reports whether a word begins like Cloudflare's scannable tokens.
func tokenPrefix(word string) bool {
	for _, p := range []string{"cfk_", "cfut_", "cfat_"} {
		if strings.HasPrefix(word, p) && len(word) >= len(p)+40 {
			return true
		}
	}
	return false
}

// bearerToken reports whether the text begins with a token of at least 16
// characters.
func bearerToken(rest []byte) bool {
	token := bytes.TrimLeft(rest, " \t")
	n := 0
	for n < len(token) && (tokenByte(token[n]) || strings.IndexByte(".~+/=", token[n]) >= 0) {
		n++
	}
	return len(token) < len(rest) && n >= 16
}

// originCAKey reports whether text begins with "v1.0-", 24 hex digits, a hyphen
// and at least 100 more.
func originCAKey(b []byte) bool {
	rest, ok := bytes.CutPrefix(b, []byte("v1.0-"))
	if !ok || len(rest) < 125 || rest[24] != '-' {
		return false
	}
	return len(bytes.Trim(rest[:24], "0123456789abcdef")) == 0 && len(bytes.Trim(rest[25:125], "0123456789abcdef")) == 0
}

// mixedCase reports whether a word has upper-case letters, lower-case letters
// and digits. Random tokens do; words and commit ids do not.
func mixedCase(s string) bool {
	return strings.ContainsAny(s, "0123456789") && strings.ToLower(s) != s && strings.ToUpper(s) != s
}

// oddRune returns the name of the first character of a value that does not
// belong in one.
func oddRune(s string) (string, bool) {
	for _, r := range s {
		if unicode.IsControl(r) || schema.Invisible(r) || r == utf8.RuneError {
			return fmt.Sprintf("%U", r), true
		}
	}
	return "", false
}
