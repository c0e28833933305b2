package load

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"tlsync/schema"
)

// notConfiguration are the beginnings, or parts, of files that are not YAML text of
// ours but stand in its place. It is read only.
var notConfiguration = []struct {
	mark          string
	anywhere      bool
	message, hint string
}{
	{"version https://git-lfs.github.com/spec/", false, "the file is a pointer of Git LFS, not the file itself",
		"keep the configuration out of Git LFS: the commits themselves must hold it"},
	{"\x00GITCRYPT\x00", false, "the file is encrypted by git-crypt", plainText},
	{"$ANSIBLE_VAULT;", false, "the file is encrypted by Ansible Vault", plainText},
	{"age-encryption.org/v1", false, "the file is encrypted by age", plainText},
	{"-----BEGIN AGE ENCRYPTED FILE-----", false, "the file is encrypted by age", plainText},
	{"-----BEGIN PGP MESSAGE-----", false, "the file is encrypted by PGP", plainText},
	{"ENC[AES256_GCM,", true, "the file has values that are encrypted by sops", plainText},
}

const plainText = "commit it as plain text: a configuration holds no secret, and reviewers must be able to read it"

// checkWhole reports a file that cannot be a configuration as a whole, because another
// tool keeps it in a form of its own or a merge was not finished. It returns false
// for such a file.
func (d *decoder) checkWhole(b []byte) bool {
	for _, n := range notConfiguration {
		at := bytes.Index(b, []byte(n.mark))
		if at == 0 || at > 0 && n.anywhere {
			d.errorf(d.placeOf(b, at), "not-configuration", n.hint, "%s", n.message)
			return false
		}
	}

	if at := mergeConflict(b); at >= 0 {
		d.errorf(d.placeOf(b, at), "merge-conflict", "choose what holds, and remove the lines with <<<<<<<, ======= and >>>>>>>",
			"the file has an unresolved merge conflict")
		return false
	}
	return true
}

// mergeConflict returns the offset of the first line of an unresolved merge, or -1.
// One of the marks alone may be text.
func mergeConflict(b []byte) int {
	ours, theirs, offset := -1, false, 0
	for line := range bytes.Lines(b) {
		switch {
		case bytes.HasPrefix(line, []byte("<<<<<<< ")) && ours < 0:
			ours = offset
		case bytes.HasPrefix(line, []byte(">>>>>>> ")):
			theirs = true
		}
		offset += len(line)
	}
	if !theirs {
		return -1
	}
	return ours
}

// placeOf returns the place of an offset.
func (d *decoder) placeOf(b []byte, at int) schema.Pos {
	start := bytes.LastIndexByte(b[:at], '\n') + 1
	return schema.Pos{File: d.file, Line: 1 + bytes.Count(b[:at], []byte("\n")), Col: 1 + utf8.RuneCount(b[start:at])}
}

var (
	syntaxLine = schema.LazyRegexp(`^line (\d+): `)
	// starValue is a value that begins with an asterisk and has no quotes.
	starValue = schema.LazyRegexp(`(?m)^[^#"'\n]*?(?:[:\-,\[{]\s+|[\[{]|^)(\*[^\s,\]}:#]*)`)
)

// syntax reports an error of the YAML parser. The parser names no column, and
// its line may be missing or off by one. The reported place is that of the mistake if
// it is one of the common ones, or else the first character of the line.
func (d *decoder) syntax(b []byte, err error) {
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	lines := bytes.Split(b, []byte("\n"))
	line := 1
	if m := syntaxLine().FindStringSubmatch(message); m != nil {
		n, convErr := strconv.Atoi(m[1])
		if convErr == nil {
			line = min(max(n, 1), len(lines))
		}
		message = message[len(m[0]):]
	}

	for i := max(line-2, 0); i < min(line+1, len(lines)); i++ {
		indent := lines[i][:len(lines[i])-len(bytes.TrimLeft(lines[i], " \t"))]
		if tab := bytes.IndexByte(indent, '\t'); tab >= 0 && len(bytes.TrimSpace(lines[i])) > 0 {
			d.errorf(schema.Pos{File: d.file, Line: i + 1, Col: tab + 1}, "syntax", "indent with spaces", "a tab in the indentation: %s", message)
			return
		}
	}
	if d.unquotedStar(b, message) || d.openQuote(b, lines, message) {
		return
	}

	text := lines[line-1]
	col := len(text) - len(bytes.TrimLeft(text, " \t\r")) + 1
	d.errorf(schema.Pos{File: d.file, Line: line, Col: min(col, utf8.RuneCount(text)+1)}, "syntax", "", "not valid YAML: %s", message)
}

// unquotedStar reports a pattern such as *.pay.example without quotes, which YAML takes
// for an alias. It returns false if message is about something else.
func (d *decoder) unquotedStar(b []byte, message string) bool {
	anchor, unknown := strings.CutPrefix(message, "unknown anchor '")
	anchor, _, _ = strings.Cut(anchor, "'")
	if !unknown && !strings.Contains(message, "alphabetic or numeric character") {
		return false
	}

	for _, m := range starValue().FindAllSubmatchIndex(b, -1) {
		value := string(b[m[2]:m[3]])
		if unknown && value != "*"+anchor {
			continue
		}
		d.errorf(d.placeOf(b, m[2]), "syntax", "quote it: "+strconv.Quote(value), "a value that begins with * needs quotes: YAML takes it for an alias")
		return true
	}
	return false
}

// openQuote reports a quoted text without an end. It returns false if message is about
// something else.
func (d *decoder) openQuote(b []byte, lines [][]byte, message string) bool {
	if !slices.Contains([]string{"found unexpected end of stream", "found unexpected document indicator"}, message) {
		return false
	}

	for i, text := range lines {
		if at := quoteWithoutEnd(text); at >= 0 {
			d.errorf(schema.Pos{File: d.file, Line: i + 1, Col: 1 + utf8.RuneCount(text[:at])}, "syntax",
				"close the quotes at the end of the text", "these quotes are not closed")
			return true
		}
	}
	return false
}

// quoteWithoutEnd returns the offset of the quotes that open a value and are not closed
// on the same line, or -1.
func quoteWithoutEnd(line []byte) int {
	open, quote := -1, byte(0)
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case open >= 0 && quote == '"' && c == '\\':
			i++
		case open >= 0 && c == quote:
			open = -1
		case open >= 0:
		case c == '#' && (i == 0 || line[i-1] == ' '):
			return -1
		case (c == '"' || c == '\'') && opensValue(line[:i]):
			open, quote = i, c
		}
	}
	return open
}

// opensValue reports whether a value can begin after the text.
func opensValue(before []byte) bool {
	before = bytes.TrimRight(before, " \t")
	return len(before) == 0 || bytes.ContainsAny(before[len(before)-1:], ":-,[{?")
}
