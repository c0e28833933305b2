package cloudflare

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// cursor walks through valid JSON text. It exists for pages of custom
// hostnames: 100 MB of text, a tenth of which is kept. encoding/json takes
// three times as long and copies the rest too.
//
// On invalid text it returns an error and never reads beyond the text.
type cursor struct {
	b []byte
	i int
}

var errBroken = errors.New("broken JSON")

// next returns the first character of the next token, 0 at the end.
func (c *cursor) next() byte {
	for c.i < len(c.b) {
		switch b := c.b[c.i]; b {
		case ' ', '\t', '\r', '\n', ',', ':':
			c.i++
		default:
			return b
		}
	}
	return 0
}

// kind names the type of the next value for messages.
func (c *cursor) kind() string {
	switch b := c.next(); {
	case b == '{':
		return "an object"
	case b == '[':
		return "a list"
	case b == '"':
		return "a string"
	case b == 't', b == 'f':
		return "a boolean"
	case b == 'n':
		return "null"
	case b == '-', b >= '0' && b <= '9':
		return "a number"
	}
	return "nothing"
}

func (c *cursor) want(what string) error {
	return fmt.Errorf("%s where %s is expected", c.kind(), what)
}

// null skips a null and reports whether there was one.
func (c *cursor) null() bool {
	if c.next() == 'n' {
		c.skip()
		return true
	}
	return false
}

// object calls each for every member, which must skip or read the value.
func (c *cursor) object(each func(key []byte) error) error {
	if c.next() != '{' {
		return c.want("an object")
	}
	c.i++
	for {
		switch c.next() {
		case '}':
			c.i++
			return nil
		case '"':
		default:
			return errBroken
		}

		key, err := c.text()
		if err != nil {
			return err
		}
		if err := each(key); err != nil {
			if errors.Is(err, errBroken) {
				return err
			}
			return fmt.Errorf("%s: %w", key, err)
		}
	}
}

// array calls each for every item, which must skip or read it.
func (c *cursor) array(each func() error) error {
	if c.next() != '[' {
		return c.want("a list")
	}
	c.i++
	for n := 0; ; n++ {
		switch c.next() {
		case ']':
			c.i++
			return nil
		case 0, '}':
			return errBroken
		}

		before := c.i
		if err := each(); err != nil {
			return fmt.Errorf("item %d: %w", n, err)
		}
		if c.i == before {
			return errBroken
		}
	}
}

// text reads a string. Without escapes the result is a part of the text itself,
// so a caller that keeps it must copy it.
func (c *cursor) text() ([]byte, error) {
	if c.next() != '"' {
		return nil, c.want("a string")
	}

	raw := c.skip()
	if len(raw) < 2 {
		return nil, errBroken
	}

	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1], nil
	}

	var s string
	if json.Unmarshal(raw, &s) != nil {
		return nil, errBroken
	}
	return []byte(s), nil
}

// boolean reads a boolean.
func (c *cursor) boolean() (bool, error) {
	if b := c.next(); b != 't' && b != 'f' {
		return false, c.want("a boolean")
	}
	return string(c.skip()) == "true", nil
}

// skip moves past the next value and returns its text.
func (c *cursor) skip() []byte {
	c.next()
	start, depth := c.i, 0
	for c.i < len(c.b) {
		switch c.b[c.i] {
		case '"':
			c.skipString()
		case '{', '[':
			depth++
			c.i++
			continue
		case '}', ']':
			if depth == 0 {
				return c.b[start:c.i]
			}
			depth--
			c.i++
		case ' ', '\t', '\r', '\n', ',', ':':
			c.i++
			continue
		default:
			c.skipLiteral()
		}

		if depth == 0 {
			break
		}
	}
	return c.b[start:c.i]
}

func (c *cursor) skipString() {
	c.i++
	for {
		n := bytes.IndexByte(c.b[c.i:], '"')
		if n < 0 {
			c.i = len(c.b)
			return
		}
		c.i += n + 1

		// The quotation mark ends the string unless an odd number of
		// backslashes precedes it.
		escapes := 0
		for c.b[c.i-2-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return
		}
	}
}

func (c *cursor) skipLiteral() {
	for c.i < len(c.b) {
		switch c.b[c.i] {
		case ',', ':', '}', ']', ' ', '\t', '\r', '\n', '"', '{', '[':
			return
		}
		c.i++
	}
}

// success returns the text of the member success of an envelope, or "".
func success(body []byte) string {
	said := ""
	c := cursor{b: body}
	err := c.object(func(key []byte) error {
		value := c.skip()
		if string(key) == "success" {
			said = string(value)
		}
		return nil
	})
	if err != nil {
		return ""
	}
	return said
}
