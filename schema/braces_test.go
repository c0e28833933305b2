package schema

import (
	"strings"
	"testing"

	"github.com/bmatcuk/doublestar/v4"
	"pgregory.net/rapid"
)

// TestAlternatives compares the number of alternatives with the patterns themselves.
func TestAlternatives(t *testing.T) {
	for pattern, want := range map[string]int{
		"":                          1,
		"*.a.example":               1,
		"{a,b}.example":             2,
		"{a,b}{c,d,e}":              6,
		"{a,{b,c}}":                 3,
		"{a,{b,c}{d,e}}":            5,
		"{,}":                       2,
		"{a}":                       1,
		"a,b":                       1,
		"[{,}]":                     1,
		"{[,}],a}":                  2,
		strings.Repeat("{*,*}", 8):  256,
		strings.Repeat("{*,*}", 9):  maxAlternatives + 1,
		strings.Repeat("{*,*}", 64): maxAlternatives + 1,
	} {
		if got := alternatives(pattern); got != want {
			t.Errorf("%s: %d, want %d", pattern, got, want)
		}
	}
}

// TestAlternativesOfRandomPatterns expands random patterns in the way of doublestar.
func TestAlternativesOfRandomPatterns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pattern := strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"{", "}", "{", "}", ",", "a", "[", "]", "*"}), 0, 24).Draw(t, "pattern"), "")
		if !doublestar.ValidatePattern(pattern) {
			return
		}
		want := min(expand(pattern), maxAlternatives+1)
		if got := alternatives(pattern); got != want {
			t.Fatalf("%s: %d, want %d", pattern, got, want)
		}
	})
}

// expand counts the patterns that remain once the first pair of braces is replaced by
// each of its alternatives in turn.
func expand(pattern string) int {
	begin, depth, class := -1, 0, false
	cuts := []int{}
	for i := range len(pattern) {
		switch c := pattern[i]; {
		case class:
			class = c != ']'
		case c == '[':
			class = true
		case c == '{':
			if depth++; depth == 1 && begin < 0 {
				begin, cuts = i, append(cuts, i)
			}
		case c == ',' && depth == 1:
			cuts = append(cuts, i)
		case c == '}':
			if depth--; depth > 0 {
				continue
			}
			n := 0
			for j, cut := range append(cuts, i)[:len(cuts)] {
				end := i
				if j+1 < len(cuts) {
					end = cuts[j+1]
				}
				n += expand(pattern[:begin] + pattern[cut+1:end] + pattern[i+1:])
			}
			return n
		}
	}
	return 1
}

// FuzzGlob checks that every pattern that is accepted can be matched soon: a pattern
// that takes exponential time stops the fuzzer.
func FuzzGlob(f *testing.F) {
	for _, pattern := range []string{"*", "*.pay.example", "{a,b}.{c,d}.example", "[a-c{].example", strings.Repeat("{*,*}", 40)} {
		f.Add(pattern, "a.customer.example")
	}
	f.Fuzz(func(t *testing.T, pattern, name string) {
		canonical, err := CanonicalGlob(pattern)
		if err != nil || len(name) > maxHostname {
			return
		}
		if n := alternatives(canonical); n > maxAlternatives {
			t.Fatalf("%q stands for %d patterns", canonical, n)
		}
		MatchZone(canonical, name)
	})
}
