package syntax

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// parse returns the error of the YAML parser, nil if it can read the text.
func parse(text string) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("yaml: %v", r)
		}
	}()
	d := yaml.NewDecoder(strings.NewReader(text))
	for {
		var node yaml.Node
		if err := d.Decode(&node); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func TestExplain(t *testing.T) {
	const (
		further = "this line is indented further than the line above it, which has a value already; indent both lines alike"
		fits    = "the indentation of this line fits no line above it; indent it like the line that it belongs beside"
		noKey   = "this line has no key with a colon after it; write KEY: VALUE, with a space after the colon"
	)
	for _, c := range []struct{ name, text, want string }{
		{"a line too far in", "a:\n  b: 1\n   c: 2\n", "3:4 " + further},
		{"a line too far in, without quotes above", "a:\n  b: one\n    c: 2\n", "3:5 " + further},
		{"a line too far out", "a:\n    b: 1\n  c: 2\n", "3:3 " + fits},
		{"a key beside a list", "a:\n  - b: 1\n   c: 2\n", "3:4 " + fits},
		{"in the second document", "a: 1\n---\nb:\n  c: \"1\"\n    d: 2\n", "5:5 " + further},
		{"after a block of text", "a: |\n  one\n    two\n  three\nb:\n  c: \"1\"\n   d: 1\n", "7:4 " + further},
		{"after brackets over several lines", "a: [\n      1,\n  2 ]\nb:\n  c: \"1\"\n   d: 1\n", "6:4 " + further},
		{"no colon", "a:\n  b 1\n  c: 2\n", "2:3 " + noKey},
		{"a bracket in a comment", "# [\na: { b: 1\nc: 2\n", "2:4 this { is not closed; write } where it ends"},
		{"a bracket that closes another", "a: [1, { b: 2 ]\n", "1:8 this { is not closed; write } where it ends"},
		{"a bracket in an earlier document", "a: [1\n---\nb: [2]\n", "1:4 this [ is not closed; write ] where it ends"},
		{"a regular expression in double quotes", "a: \"\\\\x.*\\.pay\"\n", "1:10 a backslash in double quotes begins a special character, and there is none with this letter; write the text in single quotes"},
		{"a text with a colon", "a: b # c: d\nreason: one: two # three\n", `2:9 a text with a colon in it needs quotes; quote it: "one: two"`},
		{"an at sign", "a: @b\n", "1:4 a value that begins with @ needs quotes; quote the value"},
		{"a tab", "a:\n \tb: 1\n", "2:2 YAML does not allow a tab in the indentation; indent with spaces"},
		{"nothing common", "a: \"b\" c\n", "1:1 not valid YAML: did not find expected key; look at this line and at the next ones"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := parse(c.text)
			if err == nil {
				t.Fatal("this is valid YAML")
			}
			m := Explain([]byte(c.text), err)
			if got := fmt.Sprintf("%d:%d %s; %s", m.Line, m.Col, m.Message, m.Hint); got != c.want {
				t.Errorf("got  %s\nwant %s\nfor  %v", got, c.want, err)
			}
		})
	}
}

func FuzzExplain(f *testing.F) {
	for _, text := range []string{"a:\n  b: 1\n   c: 2\n", "a: [1, { b: 2 ]\n", "a: \"\\.\"\n", "\ta: *\n", "```\n", "a: é: @\r\n", "<<<<<<< \n>>>>>>> "} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		lines := bytes.Split([]byte(text), []byte("\n"))
		check := func(m *Mistake) {
			if m.Line < 1 || m.Line > len(lines) || m.Col < 1 || m.Col > utf8.RuneCount(lines[m.Line-1])+1 || m.Message == "" {
				t.Errorf("%+v is no place in %q", m, text)
			}
		}
		if m := Whole([]byte(text)); m != nil {
			check(m)
		}
		if err := parse(text); err != nil {
			check(Explain([]byte(text), err))
		}
	})
}
