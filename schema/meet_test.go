package schema

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestPatternsMeetAndCover(t *testing.T) {
	for _, c := range []struct {
		a, b         string
		meet, covers bool
	}{
		{"*", "a.example", true, true},
		{"a.example", "*", true, false},
		{"*.example", "a.example", true, true},
		{"*.example", "a.b.example", false, false},
		{"**.example", "a.b.example", true, true},
		{"**.example", "*.b.example", true, true},
		{"*.b.example", "**.example", true, false},
		{"*.pay.example", "old.pya.example", false, false},
		{"old-*.pay.example", "old-1.pay.example", true, true},
		{"old-*.pay.example", "*.pay.example", true, false},
		{"a.**.example", "**.b.example", true, false},
		{"a.**.example", "a.b.*.example", true, true},
		{"{a,b}.example", "c.example", true, false},
		{"{a,b}.example", "{a,b}.example", true, true},
	} {
		if got := PatternsMeet(c.a, c.b); got != c.meet {
			t.Errorf("PatternsMeet(%q, %q) = %t", c.a, c.b, got)
		}
		if got := PatternCovers(c.a, c.b); got != c.covers {
			t.Errorf("PatternCovers(%q, %q) = %t", c.a, c.b, got)
		}
	}
}

// TestPatternsAgreeWithNames holds both answers to what the patterns match.
func TestPatternsAgreeWithNames(t *testing.T) {
	label := rapid.SampledFrom([]string{"a", "b", "ab", "*", "a*", "**"})
	plain := rapid.SampledFrom([]string{"a", "b", "ab"})
	join := func(g *rapid.Generator[string]) *rapid.Generator[string] {
		return rapid.Map(rapid.SliceOfN(g, 1, 4), func(s []string) string { return strings.Join(append(s, "example"), ".") })
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b, name := join(label).Draw(t, "a"), join(label).Draw(t, "b"), join(plain).Draw(t, "name")
		ga, gb := compileGlob(a), compileGlob(b)
		inA, inB := ga.match(name), gb.match(name)
		if inA && inB && !PatternsMeet(a, b) {
			t.Fatalf("%s matches both %s and %s, which do not meet", name, a, b)
		}
		if inB && !inA && PatternCovers(a, b) {
			t.Fatalf("%s matches %s and not %s, which covers it", name, b, a)
		}
	})
}
