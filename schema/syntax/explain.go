package syntax

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tlsync/schema"
)

// tab finds a tab in the indentation.
func (t *text) tab() *Mistake {
	from, to := t.near()
	for i := from; i < to; i++ {
		at := bytes.IndexByte(t.lines[i][:indentOf(t.lines[i])], '\t')
		if at >= 0 && len(bytes.TrimSpace(t.lines[i])) > 0 {
			return t.mistake(i, at, "YAML does not allow a tab in the indentation", "indent with spaces")
		}
	}
	return nil
}

// fence finds the fence that Markdown puts around code.
func (t *text) fence() *Mistake {
	from, to := t.near()
	for i := from; i < to; i++ {
		if bytes.HasPrefix(bytes.TrimSpace(t.lines[i]), []byte("```")) {
			return t.mistake(i, indentOf(t.lines[i]), "this line is Markdown, not YAML", "remove the lines that begin with ```")
		}
	}
	return nil
}

// starValue is a value that begins with an asterisk and has no quotes.
var starValue = schema.LazyRegexp(`(?m)^[^#"'\n]*?(?:[:\-,\[{]\s+|[\[{]|^)(\*[^\s,\]}:#]*)`)

// unquotedStar finds a pattern such as *.pay.example without quotes, which YAML takes for
// an alias.
func (t *text) unquotedStar() *Mistake {
	anchor, unknown := strings.CutPrefix(t.message, "unknown anchor '")
	anchor, _, _ = strings.Cut(anchor, "'")
	if !unknown && !t.says("alphabetic or numeric character") {
		return nil
	}

	for _, m := range starValue().FindAllSubmatchIndex(t.bytes, -1) {
		value := string(t.bytes[m[2]:m[3]])
		if unknown && value != "*"+anchor {
			continue
		}
		return placed(t.bytes, m[2], rule, "a value that begins with * needs quotes: YAML takes it for an alias", "quote it: "+strconv.Quote(value))
	}
	return nil
}

// openQuote finds a quoted text without an end.
func (t *text) openQuote() *Mistake {
	if !slices.Contains([]string{"found unexpected end of stream", "found unexpected document indicator"}, t.message) {
		return nil
	}
	for i, line := range t.lines {
		if at := scan(line, nil); at >= 0 {
			return t.mistake(i, at, "these quotes are not closed", "close the quotes at the end of the text")
		}
	}
	return nil
}

// openBracket finds a bracket or brace without an end.
func (t *text) openBracket() *Mistake {
	if !t.says("did not find expected ','") {
		return nil
	}

	var open []bracket
	for i, line := range t.lines {
		mismatch := false
		scan(line, func(at int, c byte) {
			switch {
			case mismatch:
			case c == '{' || c == '[':
				open = append(open, bracket{i, at, c})
			case len(open) > 0 && closing(open[len(open)-1].char) == c:
				open = open[:len(open)-1]
			case len(open) > 0:
				mismatch = true
			}
		})

		nextDocument := i+1 < len(t.lines) && bytes.HasPrefix(t.lines[i+1], []byte("---"))
		if len(open) > 0 && (mismatch || nextDocument) {
			break
		}
	}

	if len(open) == 0 {
		return nil
	}
	last := open[len(open)-1]
	return t.mistake(last.line, last.at, fmt.Sprintf("this %c is not closed", last.char), fmt.Sprintf("write %c where it ends", closing(last.char)))
}

// bracket is an opening bracket or brace.
type bracket struct {
	line, at int
	char     byte
}

// closing returns what closes a bracket or brace.
func closing(open byte) byte {
	if open == '{' {
		return '}'
	}
	return ']'
}

// scan returns the offset of the quotes that open a value and are not closed on the line,
// or -1. It calls visit, if that is not nil, for the brackets outside of quotes and comments.
func scan(line []byte, visit func(at int, c byte)) int {
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
		case visit != nil && bytes.IndexByte([]byte("{}[]"), c) >= 0:
			visit(i, c)
		}
	}
	return open
}

// opensValue reports whether a value can begin after the text.
func opensValue(before []byte) bool {
	before = bytes.TrimRight(before, " \t")
	return len(before) == 0 || bytes.ContainsAny(before[len(before)-1:], ":-,[{?")
}

// backslash finds a backslash in double quotes that begins no special character, as regular
// expressions have them.
func (t *text) backslash() *Mistake {
	if !t.says("unknown escape character") {
		return nil
	}
	from, to := t.near()
	for i := from; i < to; i++ {
		line := t.lines[i]
		for at := 0; at+1 < len(line); at++ {
			if line[at] != '\\' {
				continue
			}
			if bytes.IndexByte([]byte(`0abtnvfre "/\N_LPxuU`), line[at+1]) < 0 {
				return t.mistake(i, at, `a backslash in double quotes begins a special character, and there is none with this letter`, "write the text in single quotes")
			}
			at++
		}
	}
	return nil
}

// colonInText finds a text with a colon that has no quotes.
func (t *text) colonInText() *Mistake {
	if !t.says("mapping values are not allowed") {
		return nil
	}
	from, to := t.near()
	for i := from; i < to; i++ {
		key, value, ok := bytes.Cut(t.lines[i], []byte(": "))
		trimmed := bytes.TrimSpace(value)
		if !ok || blank(t.lines[i]) || len(trimmed) == 0 || bytes.IndexByte([]byte("\"'{[|>#"), trimmed[0]) >= 0 {
			continue
		}
		plain, _, _ := bytes.Cut(trimmed, []byte(" #"))
		if bytes.Contains(plain, []byte(": ")) || bytes.HasSuffix(plain, []byte(":")) {
			at := len(key) + 2 + indentOf(value)
			return t.mistake(i, at, "a text with a colon in it needs quotes", "quote it: "+strconv.Quote(string(bytes.TrimSpace(plain))))
		}
	}
	return nil
}

// indentation finds a line whose indentation fits no line above.
func (t *text) indentation() *Mistake {
	if !t.says("did not find expected key", "did not find expected '-' indicator", "mapping values are not allowed", "entries are not allowed") {
		return nil
	}

	o := outline{levels: []int{0}}
	for i, line := range t.lines {
		if blank(line) {
			continue
		}
		if message, hint := o.add(line); message != "" {
			return t.mistake(i, indentOf(line), message, hint)
		}
	}
	return nil
}

// outline follows the indentation of a text from line to line.
type outline struct {
	levels []int  // of the mappings and lists that are open, outermost first
	before string // what the last line leaves to the next, as ends says
	depth  int    // of brackets that are open; inside them indentation does not matter
}

// add takes the next line. If the line cannot stand there, it says why, and what to do.
func (o *outline) add(line []byte) (message, hint string) {
	indent, content := indentOf(line), strings.TrimSpace(string(line))
	deepest := o.levels[len(o.levels)-1]
	switch {
	case indent == 0 && strings.HasPrefix(content, "---"):
		*o = outline{levels: []int{0}}
		return "", ""
	case o.depth > 0, o.before == "text" && indent > deepest:
	case indent > deepest && o.before == "value":
		return "this line is indented further than the line above it, which has a value already", "indent both lines alike"
	case indent < deepest && !slices.Contains(o.levels, indent):
		return "the indentation of this line fits no line above it", "indent it like the line that it belongs beside"
	default:
		o.open(indent, content)
	}

	scan(line, func(_ int, c byte) {
		if c == '{' || c == '[' {
			o.depth++
		} else {
			o.depth = max(o.depth-1, 0)
		}
	})
	return "", ""
}

// open notes the levels of a line. What follows a dash is a level of its own.
func (o *outline) open(indent int, content string) {
	o.levels = append(slices.DeleteFunc(o.levels, func(l int) bool { return l >= indent }), indent)
	for strings.HasPrefix(content, "- ") {
		rest := strings.TrimLeft(content[2:], " ")
		indent += len(content) - len(rest)
		content = rest
		o.levels = append(o.levels, indent)
	}
	o.before = ends(content)
}

// ends says what a line leaves to the next: "key" for its value, "text" for a block of
// text, "value" for nothing.
func ends(content string) string {
	content, _, _ = strings.Cut(content, " #")
	content = strings.TrimSpace(content)
	_, value, ok := strings.Cut(content, ": ")
	switch {
	case strings.HasSuffix(content, ":"), content == "-":
		return "key"
	case ok && (strings.HasPrefix(value, "|") || strings.HasPrefix(value, ">")):
		return "text"
	}
	return "value"
}

// noColon finds a line without a key.
func (t *text) noColon() *Mistake {
	if !t.says("could not find expected ':'", "mapping values are not allowed") {
		return nil
	}
	for i := t.line; i >= max(t.line-2, 0); i-- {
		line := bytes.TrimSpace(t.lines[i])
		if blank(line) || bytes.Contains(line, []byte(": ")) || bytes.HasSuffix(line, []byte(":")) || line[0] == '-' {
			continue
		}
		return t.mistake(i, indentOf(t.lines[i]), "this line has no key with a colon after it", "write KEY: VALUE, with a space after the colon")
	}
	return nil
}

// oddStart finds a value that begins with a character that YAML reserves.
func (t *text) oddStart() *Mistake {
	if !t.says("cannot start any token") {
		return nil
	}
	from, to := t.near()
	for i := from; i < to; i++ {
		for at, c := range t.lines[i] {
			if bytes.IndexByte([]byte("@`%"), c) >= 0 && opensValue(t.lines[i][:at]) {
				return t.mistake(i, at, fmt.Sprintf("a value that begins with %c needs quotes", c), "quote the value")
			}
		}
	}
	return nil
}
