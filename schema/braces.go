package schema

import "fmt"

const (
	maxPattern      = 4 * maxHostname // bytes of a pattern
	maxAlternatives = 256             // plain patterns that a pattern with braces stands for
)

// CheckPatternSize returns an error if matching a well-formed pattern could take
// very long. Each pair of braces multiplies the work: "{*,*}" forty times stands for
// 2^40 plain patterns.
func CheckPatternSize(pattern string) error {
	if len(pattern) > maxPattern {
		return fmt.Errorf("has %d characters; a pattern has at most %d", len(pattern), maxPattern)
	}
	if alternatives(pattern) > maxAlternatives {
		return fmt.Errorf("has braces that stand for more than %d patterns; write * in their place, or several patterns", maxAlternatives)
	}
	return nil
}

// alternatives returns the number of plain patterns that a well-formed pattern
// stands for, or a number above maxAlternatives if there are more. It does not
// expand them. Alternatives of one pair of braces add up, and parts of a pattern
// that follow each other multiply.
func alternatives(pattern string) int {
	type level struct{ earlier, current int } // the alternatives before the last comma, and the one after it
	open := []level{{current: 1}}
	inClass := false

	for i := range len(pattern) {
		top := &open[len(open)-1]
		switch c := pattern[i]; {
		case inClass:
			inClass = c != ']'
		case c == '[':
			inClass = true
		case c == '{':
			open = append(open, level{current: 1})
		case c == ',' && len(open) > 1:
			top.earlier, top.current = min(top.earlier+top.current, maxAlternatives+1), 1
		case c == '}' && len(open) > 1:
			outer := &open[len(open)-2]
			outer.current = min(outer.current*(top.earlier+top.current), maxAlternatives+1)
			open = open[:len(open)-1]
		}
	}
	return open[0].current
}
