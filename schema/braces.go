package schema

import (
	"fmt"
	"strings"
)

// maxAlternatives is the largest number of patterns that one pattern with braces may stand
// for. Braces multiply: {a,b} forty times stands for a million million patterns.
const maxAlternatives = 100

// Alternatives returns the patterns without braces that a well-formed pattern stands for:
// "{a,b}.example" is "a.example" and "b.example". It counts them before it writes them.
func Alternatives(pattern string) ([]string, error) {
	c := &braces{text: pattern}
	if c.count(false) > maxAlternatives {
		return nil, fmt.Errorf("stands for more than %d patterns, because its braces multiply", maxAlternatives)
	}
	w := &braces{text: pattern}
	return w.expand(false), nil
}

// braces reads a pattern from left to right. Text outside of braces is literal here.
type braces struct {
	text string
	next int
}

// literal reads up to the next brace, and inside of braces up to the next comma. An
// escaped character and a class such as [{,] are text.
func (b *braces) literal(inside bool) string {
	start := b.next
	for ; b.next < len(b.text); b.next++ {
		switch c := b.text[b.next]; {
		case c == '\\':
			b.next++
		case c == '[':
			b.class()
		case c == '{', inside && (c == ',' || c == '}'):
			return b.text[start:b.next]
		}
	}
	b.next = min(b.next, len(b.text))
	return b.text[start:b.next]
}

// class moves to the bracket that closes a class.
func (b *braces) class() {
	for b.next++; b.next < len(b.text) && b.text[b.next] != ']'; b.next++ {
		if b.text[b.next] == '\\' {
			b.next++
		}
	}
}

// is reports whether a character comes next, and skips it if so.
func (b *braces) is(c byte) bool {
	if b.next < len(b.text) && b.text[b.next] == c {
		b.next++
		return true
	}
	return false
}

// count returns how many patterns a sequence stands for, or a number above
// maxAlternatives.
func (b *braces) count(inside bool) int {
	n := 1
	for b.literal(inside); b.is('{'); b.literal(inside) {
		sum := b.count(true)
		for b.is(',') {
			sum = min(sum+b.count(true), maxAlternatives+1)
		}
		b.is('}')
		n = min(n*sum, maxAlternatives+1)
	}
	return n
}

// join puts two parts of a pattern together. Two stars that meet stay one: "*{a,*}" has no
// "**", which would match any number of labels.
func join(a, b string) string {
	if strings.HasSuffix(a, "*") && strings.HasPrefix(b, "*") {
		return oneStar(a) + strings.TrimLeft(b, "*")
	}
	return a + b
}

// oneStar leaves one of the stars at the end of a part: before a brace, "**" is not a
// label of its own.
func oneStar(s string) string {
	if short := strings.TrimRight(s, "*"); short != s {
		return short + "*"
	}
	return s
}

// expand returns the patterns that a sequence stands for.
func (b *braces) expand(inside bool) []string {
	out := []string{b.literal(inside)}
	for b.is('{') {
		alternatives := b.expand(true)
		for b.is(',') {
			alternatives = append(alternatives, b.expand(true)...)
		}
		b.is('}')

		rest := b.literal(inside)
		longer := make([]string, 0, len(out)*len(alternatives))
		for _, before := range out {
			for _, a := range alternatives {
				longer = append(longer, join(oneStar(before), join(a, rest)))
			}
		}
		out = longer
	}
	return out
}
