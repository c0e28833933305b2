package schema

import (
	"slices"
	"strings"
	"testing"

	"github.com/bmatcuk/doublestar/v4"
)

func TestAlternatives(t *testing.T) {
	for pattern, want := range map[string]string{
		"a.example":            "a.example",
		"{a,b}.example":        "a.example b.example",
		"{a,b{1,2},}-x{3,4}":   "a-x3 a-x4 b1-x3 b1-x4 b2-x3 b2-x4 -x3 -x4",
		"{[,}],b}[{,]":         "[,}][{,] b[{,]",
		`\{a,b{c,\,}`:          `\{a,bc \{a,b\,`,
		"{a}":                  "a",
		"*{a.b,*}{*,**}*":      "*a.b* *a.b* * *",
		strings.Repeat("{", 3): "",
	} {
		got, err := Alternatives(pattern)
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s: %q, %v", pattern, got, err)
		}
	}
}

// TestBracesAreBounded would not end if the patterns were written out, or tried one by one.
func TestBracesAreBounded(t *testing.T) {
	for _, pattern := range []string{
		strings.Repeat("{*,*}", 40),
		strings.Repeat("{a,{b,{c,d}}}", 40),
		strings.Repeat("*{a,a}", 40) + "b",
		"{" + strings.Repeat("a,", 100) + "a}",
	} {
		_, err := CanonicalGlob(pattern + ".example")
		if err == nil || !strings.Contains(err.Error(), "stands for more than 100 patterns") {
			t.Errorf("%s: %v", pattern, err)
		}
		if MatchZone(pattern, strings.Repeat("a", 250)) {
			t.Errorf("%s: it matches", pattern)
		}
	}

	// Six pairs are within the bound, and a star before each must not multiply them.
	pattern, err := CanonicalGlob(strings.Repeat("*{a,a}", 6) + "*b.example")
	if err != nil || MatchZone(pattern, strings.Repeat("a", 200)+".example") {
		t.Errorf("%v", err)
	}
}

// FuzzGlob compares the patterns written out with the braces of doublestar, as far as
// these come to an end.
func FuzzGlob(f *testing.F) {
	f.Add("{a,b{c,}}.[a-c]*.example", "bc.ax.example")
	f.Add(strings.Repeat("{*,*}", 40), strings.Repeat("a", 100))
	f.Add("**.{a.b,*}.example", "x.a.b.example")
	f.Add("{**,a}.example", "example")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		pattern, err := CanonicalGlob(pattern)
		if err != nil || len(name) > 300 {
			return
		}
		all, err := Alternatives(pattern)
		if err != nil || len(all) > maxAlternatives {
			t.Fatalf("%q was accepted, and stands for %d patterns: %v", pattern, len(all), err)
		}
		if slices.ContainsFunc(all, func(s string) bool { return len(s) > len(pattern) }) {
			t.Errorf("%q: %q is longer", pattern, all)
		}

		g := compileGlob(pattern)
		got := g.match(name)
		if g.paths == nil || strings.Count(pattern, "{") > 3 || strings.Contains(pattern, "}*") { // where two stars meet, doublestar sees "**"
			return
		}
		if want, err := doublestar.Match(dotsToSlashes(pattern), dotsToSlashes(name)); err == nil && got != want {
			t.Errorf("%q matches %q: %t, want %t", pattern, name, got, want)
		}
	})
}
