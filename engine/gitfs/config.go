package gitfs

import (
	"bytes"
	"fmt"
	"strings"
)

// setting is one line of a Git configuration.
type setting struct {
	section    string // in lower case; "" for a key above all sections
	subsection string // as written; in lower case where the section is written [a.b]
	key        string // in lower case
	value      string // "true" for a key without a value, which is how Git reads it
}

// parseConfig reads the text of a Git configuration as Git does, see
// git-scm.com/docs/git-config#_syntax. The parser of go-git refuses files that Git reads:
// sections like [a.b], a key on the line of its section, a byte order mark.
//
// Files that it includes are not read: Git does not look there for the format of a
// repository either.
func parseConfig(text []byte) ([]setting, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	p := configParser{text: bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")), line: 1}

	var out []setting
	var at setting // its section is where the parser is
	for p.more() {
		switch c := p.next(); {
		case isSpace(c):
		case c == '#' || c == ';':
			p.skipLine()
		case c == '[':
			section, subsection, ok := p.header()
			if !ok {
				return nil, fmt.Errorf("line %d is not a valid section: write [name] or [name \"part\"]", p.line)
			}
			at.section, at.subsection = section, subsection
		case isLetter(c):
			start := p.line
			p.at--
			key, value, ok := p.entry()
			if !ok {
				return nil, fmt.Errorf("line %d is not valid: write key = value", start)
			}
			out = append(out, setting{at.section, at.subsection, key, value})
		default:
			return nil, fmt.Errorf("line %d is not valid: write key = value", p.line)
		}
	}
	return out, nil
}

// configParser is a place in the text of a configuration.
type configParser struct {
	text []byte
	at   int
	line int
}

func (p *configParser) more() bool { return p.at < len(p.text) }

// next returns the next byte. The text ends with a line break, whether it has one or not.
func (p *configParser) next() byte {
	if !p.more() {
		p.at++
		return '\n'
	}
	c := p.text[p.at]
	p.at++
	if c == '\n' {
		p.line++
	}
	return c
}

func (p *configParser) skipLine() {
	for p.more() && p.next() != '\n' {
	}
}

// header reads a section after its "[".
func (p *configParser) header() (section, subsection string, ok bool) {
	var name []byte
	for {
		switch c := p.next(); {
		case c == ']':
			section, subsection, _ = strings.Cut(strings.ToLower(string(name)), ".")
			return section, subsection, section != ""
		case c == ' ' || c == '\t':
			subsection, ok = p.quotedPart()
			section, before, dotted := strings.Cut(strings.ToLower(string(name)), ".")
			if dotted {
				subsection = before + "." + subsection
			}
			return section, subsection, ok && section != ""
		case isLetter(c) || isDigit(c) || c == '-' || c == '.':
			name = append(name, c)
		default:
			return "", "", false
		}
	}
}

// quotedPart reads a subsection in quotes, and the "]" after it.
func (p *configParser) quotedPart() (string, bool) {
	c := p.next()
	for c == ' ' || c == '\t' {
		c = p.next()
	}
	if c != '"' {
		return "", false
	}

	var part []byte
	for {
		c := p.next()
		switch c {
		case '\n':
			return "", false
		case '"':
			return string(part), p.next() == ']'
		case '\\':
			if c = p.next(); c == '\n' {
				return "", false
			}
		}
		part = append(part, c)
	}
}

// entry reads a key and its value.
func (p *configParser) entry() (key, value string, ok bool) {
	var name []byte
	c := p.next()
	for ; isLetter(c) || isDigit(c) || c == '-'; c = p.next() {
		name = append(name, c)
	}
	for c == ' ' || c == '\t' {
		c = p.next()
	}

	key = strings.ToLower(string(name))
	switch c {
	case '\n':
		return key, "true", true
	case '=':
		value, ok = p.value()
		return key, value, ok
	}
	return "", "", false
}

// value reads what stands after "=", over line breaks that are escaped.
func (p *configParser) value() (string, bool) {
	var out []byte
	quoted, end := false, 0 // spaces after end are not part of the value, unless quoted
	for {
		switch c := p.next(); {
		case c == '\n':
			return string(out[:end]), !quoted
		case !quoted && (c == '#' || c == ';'):
			p.skipLine()
			return string(out[:end]), true
		case !quoted && isSpace(c):
			if len(out) > 0 {
				out = append(out, c)
			}
			continue
		case c == '"':
			quoted = !quoted
		case c == '\\':
			escaped, ok := p.escape()
			if !ok {
				return "", false
			}
			out = append(out, escaped...)
		default:
			out = append(out, c)
		}
		end = len(out)
	}
}

// escape reads what stands after a backslash in a value.
func (p *configParser) escape() (string, bool) {
	switch p.next() {
	case '\n': // the value goes on in the next line
		return "", p.more()
	case 't':
		return "\t", true
	case 'b':
		return "\b", true
	case 'n':
		return "\n", true
	case '\\':
		return `\`, true
	case '"':
		return `"`, true
	}
	return "", false
}

func isSpace(c byte) bool  { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }
