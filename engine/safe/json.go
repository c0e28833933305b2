package safe

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// JSON escapes the characters of JSON text that Text would change: hidden ones
// and the second "#" of "##[". Both occur in strings only, so the text keeps its
// meaning. "::" cannot start a line, because JSON strings hold no line breaks.
func JSON(text []byte) []byte {
	if !bytes.Contains(text, []byte("##[")) && (ascii(text) || !bytes.ContainsFunc(text, func(r rune) bool { return r >= 0x7f && hidden(r) })) {
		return text
	}

	out := make([]byte, 0, len(text)+64)
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)

		switch {
		case bytes.HasPrefix(text, []byte("##[")):
			out = append(out, `#\u0023[`...)
			size = len("##[")
		case r < 0x7f || !hidden(r):
			out = append(out, text[:size]...)
		case r > 0xffff:
			hi, lo := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, hi, lo)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}

		text = text[size:]
	}
	return out
}

// ascii reports whether a text has only characters below DEL, as nearly all have.
func ascii(text []byte) bool {
	for _, c := range text {
		if c >= 0x7f {
			return false
		}
	}
	return true
}

// PlainJSON undoes JSON in JSON text that is kept as text (values and
// request bodies), so that it is equal to the text that was written.
func PlainJSON(text string) string {
	if !strings.Contains(text, `\u`) {
		return text
	}

	var b strings.Builder
	for len(text) > 0 {
		if len(text) >= 2 && text[0] == '\\' && text[1] != 'u' {
			b.WriteString(text[:2])
			text = text[2:]
			continue
		}

		r, size := unescape(text)
		// encoding/json itself writes U+2028 and U+2029 as escapes.
		if size == 0 || r != '#' && (r < 0x7f || !hidden(r) || r == '\u2028' || r == '\u2029') {
			size = max(size, 1)
			b.WriteString(text[:size])
		} else {
			b.WriteRune(r)
		}
		text = text[size:]
	}
	return b.String()
}

// unescape reads the escaped character at the start of text. If there is none, size
// is 0.
func unescape(text string) (r rune, size int) {
	unit := func(s string) (rune, bool) {
		if len(s) < 6 || s[:2] != `\u` {
			return 0, false
		}
		n, err := strconv.ParseUint(s[2:6], 16, 16)
		return rune(n), err == nil
	}

	r, ok := unit(text)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(r) {
		return r, 6
	}

	if low, ok := unit(text[6:]); ok {
		if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
			return pair, 12
		}
	}
	return utf8.RuneError, 6
}
