// Package source finds the nodes of a YAML file in its text: where each begins and ends,
// and where comments are. The parser gives only the beginnings. Package edit changes a
// text at these places and leaves the rest as it is; package format writes it anew.
package source

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"tlsync/schema"

	"gopkg.in/yaml.v3"
)

// Text is the text of a YAML file with its documents.
type Text struct {
	// Bytes is the file without a byte order mark.
	Bytes []byte
	// Mark is the byte order mark, or empty.
	Mark []byte
	// Documents are the contents of the documents, in order. Empty documents are left out.
	Documents []*yaml.Node
	// EOL is the line end of the file, that of its first line.
	EOL   string
	lines []int // the offset of every line
}

// Parse parses the text of a file.
func Parse(b []byte) (t *Text, err error) {
	defer func() { // the parser panics for some malformed input
		if r := recover(); r != nil {
			t, err = nil, fmt.Errorf("not valid YAML: %v", r)
		}
	}()

	t = &Text{EOL: "\n", lines: []int{0}}
	t.Bytes = bytes.TrimPrefix(b, schema.Utf8BOM)
	t.Mark = b[:len(b)-len(t.Bytes)]
	for i, c := range t.Bytes {
		if c == '\n' {
			t.lines = append(t.lines, i+1)
		}
	}
	if len(t.lines) > 1 && t.lines[1] > 1 && t.Bytes[t.lines[1]-2] == '\r' {
		t.EOL = "\r\n"
	}

	dec := yaml.NewDecoder(bytes.NewReader(t.Bytes))
	for {
		var doc yaml.Node
		switch err := dec.Decode(&doc); {
		case errors.Is(err, io.EOF):
			return t, nil
		case err != nil:
			return nil, err
		case len(doc.Content) == 1 && !schema.IsNull(doc.Content[0]):
			t.Documents = append(t.Documents, doc.Content[0])
		}
	}
}

// Place is an error about a place of the text.
func (t *Text) place(n *yaml.Node, what string) error {
	return fmt.Errorf("line %d, column %d: %s", n.Line, n.Column, what)
}

// Start returns the offset at which a node begins.
func (t *Text) Start(n *yaml.Node) (int, error) {
	if n.Line < 1 || n.Line > len(t.lines) || n.Column < 1 {
		return 0, t.place(n, "the value is not in the text")
	}
	at := t.lines[n.Line-1]
	for range n.Column - 1 {
		if at >= len(t.Bytes) {
			return 0, t.place(n, "the value is not in the text")
		}
		_, size := utf8.DecodeRune(t.Bytes[at:])
		at += size
	}
	return at, nil
}

// End returns the offset after the last character of a node.
func (t *Text) End(n *yaml.Node) (int, error) {
	start, err := t.Start(n)
	if err != nil {
		return 0, err
	}

	switch {
	case n.Kind == yaml.ScalarNode:
		return t.endOfScalar(n, start)
	case n.Kind != yaml.MappingNode && n.Kind != yaml.SequenceNode:
		return 0, t.place(n, "an alias has no value of its own")
	case t.InBrackets(n):
		return t.endOfFlow(n, start)
	case len(n.Content) == 0:
		return 0, t.place(n, "the value has no text")
	}
	return t.End(n.Content[len(n.Content)-1])
}

// InBrackets reports whether a mapping or a list is written in braces or brackets.
func (t *Text) InBrackets(n *yaml.Node) bool {
	start, err := t.Start(n)
	return err == nil && n.Kind != yaml.ScalarNode && n.Style&yaml.FlowStyle != 0 && start < len(t.Bytes) && (t.Bytes[start] == '{' || t.Bytes[start] == '[')
}

// endOfFlow finds the bracket that closes a mapping or a list.
func (t *Text) endOfFlow(n *yaml.Node, start int) (int, error) {
	at := start + 1
	if len(n.Content) > 0 {
		end, err := t.End(n.Content[len(n.Content)-1])
		if err != nil {
			return 0, err
		}
		at = end
	}

	for at < len(t.Bytes) {
		switch c := t.Bytes[at]; {
		case c == '}' || c == ']':
			return at + 1, nil
		case c == '#' && t.opensComment(at):
			at = t.endOfLine(at)
		case c == ',' || c == ' ' || c == '\t' || c == '\n' || c == '\r':
			at++
		default:
			return 0, t.place(n, "the closing bracket cannot be found")
		}
	}
	return 0, t.place(n, "the closing bracket cannot be found")
}

// endOfScalar finds the end of a single value.
func (t *Text) endOfScalar(n *yaml.Node, start int) (int, error) {
	switch {
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return t.endOfBlockScalar(start), nil
	case n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0:
		return t.endOfQuotes(n, start)
	}

	// The text of a plain value is the value, but for white space where it is folded.
	at := start
	for _, r := range n.Value {
		if unicode.IsSpace(r) {
			continue
		}
		for at < len(t.Bytes) && strings.IndexByte(" \t\r\n", t.Bytes[at]) >= 0 {
			at++
		}
		found, size := utf8.DecodeRune(t.Bytes[at:])
		if found != r {
			return 0, t.place(n, "the end of the value cannot be found")
		}
		at += size
	}
	return at, nil
}

// endOfQuotes finds the end of a value in quotes.
func (t *Text) endOfQuotes(n *yaml.Node, start int) (int, error) {
	quote := byte('"')
	if n.Style&yaml.SingleQuotedStyle != 0 {
		quote = '\''
	}
	if start >= len(t.Bytes) || t.Bytes[start] != quote {
		return 0, t.place(n, "the quotes cannot be found")
	}

	for at := start + 1; at < len(t.Bytes); at++ {
		switch {
		case t.Bytes[at] == '\\' && quote == '"':
			at++
		case t.Bytes[at] != quote:
		case quote == '\'' && at+1 < len(t.Bytes) && t.Bytes[at+1] == '\'':
			at++
		default:
			return at + 1, nil
		}
	}
	return 0, t.place(n, "the quotes are not closed")
}

// endOfBlockScalar finds the end of a value after | or >: its last line that is not blank.
func (t *Text) endOfBlockScalar(start int) int {
	indent := 0 // of the key or the item that has the value
	line := t.Bytes[t.lines[t.LineAt(start)]:]
	for i := 0; i < len(line) && (line[i] == ' ' || line[i] == '-' && i+1 < len(line) && line[i+1] == ' '); i++ {
		indent = i + 1
	}

	end := t.endOfLine(start)
	for l := t.LineAt(start) + 1; l < len(t.lines); l++ {
		from, to := t.lines[l], t.endOfLine(t.lines[l])
		text := t.Bytes[from:to]
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		if len(text)-len(bytes.TrimLeft(text, " ")) <= indent {
			break
		}
		end = to
	}
	return end
}

// LineAt returns the index of the line of an offset, from 0.
func (t *Text) LineAt(at int) int {
	i, found := slices.BinarySearch(t.lines, at)
	if found {
		return i
	}
	return i - 1
}

// LineStart returns the offset at which the line of an offset begins.
func (t *Text) LineStart(at int) int { return t.lines[t.LineAt(at)] }

// endOfLine returns the offset of the line end after an offset, without a CR.
func (t *Text) endOfLine(at int) int {
	end := len(t.Bytes)
	if i := bytes.IndexByte(t.Bytes[at:], '\n'); i >= 0 {
		end = at + i
	}
	if end > at && t.Bytes[end-1] == '\r' {
		end--
	}
	return end
}

// Line returns the rest of the line at an offset, without its end.
func (t *Text) Line(at int) []byte { return t.Bytes[at:t.endOfLine(at)] }

// NextLine returns the offset of the line after that of an offset, or of the end of
// the text. The line itself has an end exactly if ended is set.
func (t *Text) NextLine(at int) (next int, ended bool) {
	if i := bytes.IndexByte(t.Bytes[at:], '\n'); i >= 0 {
		return at + i + 1, true
	}
	return len(t.Bytes), false
}

// opensComment reports whether a number sign at an offset, outside of values, begins a
// comment.
func (t *Text) opensComment(at int) bool {
	return at == 0 || strings.IndexByte(" \t\n\r", t.Bytes[at-1]) >= 0
}

// Range is a part of a text, from an offset up to another.
type Range struct{ From, To int }

// Comments returns the comments of the whole text, in order, each from its number sign to
// the end of the line.
func (t *Text) Comments() ([]Range, error) {
	var values []Range
	for _, doc := range t.Documents {
		var err error
		if values, err = t.scalars(values, doc); err != nil {
			return nil, err
		}
	}

	var out []Range
	at := 0
	gap := func(to int) {
		for at < to {
			if t.Bytes[at] == '#' && t.opensComment(at) {
				end := t.endOfLine(at)
				out = append(out, Range{at, end})
				at = end
			} else {
				at++
			}
		}
	}
	for _, v := range values {
		gap(v.From)
		at = max(at, v.To)
	}
	gap(len(t.Bytes))
	return out, nil
}

// scalars adds the places of the single values in a node to a list.
func (t *Text) scalars(list []Range, n *yaml.Node) ([]Range, error) {
	if n.Kind != yaml.ScalarNode {
		var err error
		for _, c := range n.Content {
			if list, err = t.scalars(list, c); err != nil {
				return nil, err
			}
		}
		return list, nil
	}

	from, err := t.Start(n)
	if err != nil {
		return nil, err
	}
	to, err := t.End(n)
	return append(list, Range{from, to}), err
}
