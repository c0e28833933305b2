package schema

import (
	"path"
	"strings"
)

// PatternsMeet reports whether a name may match both patterns, which are canonical. It
// says yes where it cannot tell.
func PatternsMeet(a, b string) bool {
	if a == "*" || b == "*" || strings.ContainsAny(a+b, "[{") {
		return true
	}
	return labelsMeet(strings.Split(a, "."), strings.Split(b, "."))
}

// labelsMeet reports whether the same labels may match two patterns without braces.
func labelsMeet(a, b []string) bool {
	return pairLabels(a, b, func(x, y string) bool {
		switch {
		case IsGlob(x) && IsGlob(y):
			return true
		case IsGlob(y):
			x, y = y, x
		}
		ok, err := path.Match(x, y)
		return ok || err != nil
	}, true)
}

// PatternCovers reports whether every name that matches the pattern b also matches a. It
// says no where it cannot tell.
func PatternCovers(a, b string) bool {
	switch {
	case a == "*" || a == b:
		return true
	case b == "*" || strings.ContainsAny(a+b, "[{"):
		return false
	}
	return pairLabels(strings.Split(a, "."), strings.Split(b, "."), func(x, y string) bool {
		return x == "*" || x == y || !IsGlob(y) && matches(x, y)
	}, false)
}

func matches(pattern, label string) bool {
	ok, err := path.Match(pattern, label)
	return ok && err == nil
}

// pairLabels reports whether the labels of a and b can be paired so that fits holds for
// every pair. "**" of a stands for any labels of b, and "**" of b for any of a if both is
// set.
func pairLabels(a, b []string, fits func(x, y string) bool, both bool) bool {
	// can[j] is whether the first i labels of a can be paired with the first j of b.
	can := make([]bool, len(b)+1)
	can[0] = true
	for j := range b {
		can[j+1] = can[j] && both && b[j] == "**"
	}

	for _, x := range a {
		next := make([]bool, len(b)+1)
		next[0] = can[0] && x == "**"
		for j, y := range b {
			switch {
			case x == "**":
				next[j+1] = can[j+1] || next[j]
			case y == "**":
				next[j+1] = both && (next[j] || can[j+1])
			default:
				next[j+1] = can[j] && fits(x, y)
			}
		}
		can = next
	}
	return can[len(b)]
}
