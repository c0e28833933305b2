// Package syntax explains why a text is not the YAML that was meant. The YAML parser says
// what it expected, on a line that may be off; people need the place of their mistake, and
// what to write there.
package syntax

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"

	"tlsync/schema"
)

// Mistake is what is wrong with a text, as in schema.Diagnostic.
type Mistake struct {
	Line, Col           int
	Rule, Message, Hint string
}

// rule is the rule of mistakes that the YAML parser finds.
const rule = "syntax"

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
	{"<!DOCTYPE", false, "the file is a web page, not YAML", webPage},
	{"<html", false, "the file is a web page, not YAML", webPage},
	{"resource \"", false, "the file is written in the language of Terraform, not in YAML", hcl},
	{"terraform {", false, "the file is written in the language of Terraform, not in YAML", hcl},
	{"provider \"", false, "the file is written in the language of Terraform, not in YAML", hcl},
	{"variable \"", false, "the file is written in the language of Terraform, not in YAML", hcl},
}

const (
	plainText = "commit it as plain text: a configuration holds no secret, and reviewers must be able to read it"
	webPage   = "replace it; a download may have saved the error page of a server"
	hcl       = "write the settings under settings: in a document that begins with zone:"
)

// Whole returns the mistake of a file that cannot be a configuration as a whole, because
// another tool keeps it in a form of its own or a merge was not finished. It returns nil
// for other files.
func Whole(b []byte) *Mistake {
	for _, n := range notConfiguration {
		at := bytes.Index(b, []byte(n.mark))
		if at == 0 || at > 0 && n.anywhere {
			return placed(b, at, "not-configuration", n.message, n.hint)
		}
	}

	if at := mergeConflict(b); at >= 0 {
		return placed(b, at, "merge-conflict", "the file has an unresolved merge conflict",
			"choose what holds, and remove the lines with <<<<<<<, ======= and >>>>>>>")
	}
	return nil
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

// placed returns a mistake at an offset of a text.
func placed(b []byte, offset int, rule, message, hint string) *Mistake {
	start := bytes.LastIndexByte(b[:offset], '\n') + 1
	return &Mistake{1 + bytes.Count(b[:offset], []byte("\n")), 1 + utf8.RuneCount(b[start:offset]), rule, message, hint}
}

var syntaxLine = schema.LazyRegexp(`^line (\d+): `)

// text is what the parser could not read.
type text struct {
	bytes   []byte
	lines   [][]byte
	line    int    // that the parser names, from 0; it may be off by one
	message string // of the parser, without the line
}

// explainers find common mistakes, each in what the parser says of it. The first one that
// finds its mistake wins.
var explainers = []func(*text) *Mistake{
	(*text).tab, (*text).fence, (*text).unquotedStar, (*text).openQuote, (*text).openBracket, (*text).backslash,
	(*text).colonInText, (*text).indentation, (*text).noColon, (*text).oddStart,
}

// Explain returns the mistake behind an error of the YAML parser. The parser names no
// column. Where no common mistake is found, the place is the first character of the line
// that the parser names.
func Explain(b []byte, err error) *Mistake {
	t := &text{bytes: b, lines: bytes.Split(b, []byte("\n")), message: strings.TrimPrefix(err.Error(), "yaml: ")}
	if m := syntaxLine().FindStringSubmatch(t.message); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil {
			t.line = min(max(n, 1), len(t.lines)) - 1
		}
		t.message = t.message[len(m[0]):]
	}

	for _, explain := range explainers {
		if m := explain(t); m != nil {
			return m
		}
	}
	return t.mistake(t.line, indentOf(t.lines[t.line]), "not valid YAML: "+t.message, "look at this line and at the next ones")
}

// mistake returns a mistake at a byte of a line, from 0.
func (t *text) mistake(line, at int, message, hint string) *Mistake {
	l := t.lines[line]
	return &Mistake{line + 1, 1 + utf8.RuneCount(l[:min(at, len(l))]), rule, message, hint}
}

// says reports whether the parser says one of the texts.
func (t *text) says(parts ...string) bool {
	for _, p := range parts {
		if strings.Contains(t.message, p) {
			return true
		}
	}
	return false
}

// near returns the numbers of the lines around the one that the parser names.
func (t *text) near() (from, to int) { return max(t.line-1, 0), min(t.line+2, len(t.lines)) }

// indentOf returns the length of the white space at the beginning of a line.
func indentOf(line []byte) int { return len(line) - len(bytes.TrimLeft(line, " \t\r")) }

// blank reports whether a line has nothing but white space or a comment.
func blank(line []byte) bool {
	line = bytes.TrimSpace(line)
	return len(line) == 0 || line[0] == '#'
}
