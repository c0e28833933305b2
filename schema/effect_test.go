package schema

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// drawRules draws rules over few names, so that they reach, hide and miss each other.
func drawRules(t *rapid.T) (*CustomHostnames, []Candidate) {
	label := rapid.SampledFrom([]string{"a", "b", "pay"})
	hostname := rapid.Map(rapid.SliceOfN(label, 1, 3), func(labels []string) string { return strings.Join(labels, ".") + ".example" })
	pattern := rapid.OneOf(hostname, rapid.SampledFrom([]string{"*", "*.example", "**.example", "*.pay.example", "a.**", "p*.example", "{a,b}.example", "?.*.example"}))
	value := rapid.SampledFrom([]string{"gold", "silver"})

	c := &CustomHostnames{}
	for i := range rapid.IntRange(1, 12).Draw(t, "rules") {
		via := fmt.Sprint("rule ", i+1)
		r := Rule{Index: i + 1}
		for _, id := range []string{MinTLSVersion, "http2", "early_hints"} {
			if rapid.Bool().Draw(t, id) {
				r.Settings = append(r.Settings, Assignment{Setting: id, Value: "1", Wire: "1", Via: via})
			}
		}
		r.Match.Hostnames = rapid.SliceOfNDistinct(pattern, 0, 3, rapid.ID).Draw(t, "hostnames")
		r.Match.Except = rapid.SliceOfNDistinct(pattern, 0, 2, rapid.ID).Draw(t, "except")
		if rapid.Bool().Draw(t, "by metadata") {
			r.Match.Metadata = []MetadataMatch{{Key: "tier", Values: rapid.SliceOfN(value, 1, 2).Draw(t, "values")}}
		}
		if rapid.IntRange(0, 3).Draw(t, "by wildcard") == 0 {
			r.Match.Wildcard = Field[bool]{Value: rapid.Bool().Draw(t, "wildcard"), Set: true}
		}
		c.Rules = append(c.Rules, r)
	}

	var names []Candidate
	for _, name := range rapid.SliceOfNDistinct(hostname, 0, 5, rapid.ID).Draw(t, "names") {
		n := Candidate{Name: name, Wildcard: rapid.Bool().Draw(t, "has wildcard")}
		if rapid.Bool().Draw(t, "has metadata") {
			n.Metadata = map[string]string{"tier": value.Draw(t, "tier")}
		}
		names = append(names, n)
		if rapid.IntRange(0, 3).Draw(t, "entry") == 0 {
			c.Entries = append(c.Entries, Entry{Hostname: Field[string]{Value: name}, Settings: []Assignment{{Setting: "http2", Value: "0", Wire: "0", Via: "entry"}}})
		}
	}
	return c, names
}

// matches is what Match says of a name, worked out from its words.
func (m *Match) matches(c Candidate) bool {
	any := func(patterns []string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool { return MatchZone(p, c.Name) })
	}
	if m.Wildcard.Set && m.Wildcard.Value != c.Wildcard {
		return false
	}
	for _, md := range m.Metadata {
		if v, has := c.Metadata[md.Key]; !has || !slices.Contains(md.Values, v) {
			return false
		}
	}
	return (len(m.Hostnames) == 0 || any(m.Hostnames)) && !any(m.Except)
}

// TestEffectOfRules holds what a Selector remembers of its rules against every name by
// itself: a rule is decisive exactly if some name gets a setting from it.
func TestEffectOfRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, names := drawRules(t)
		s := Compile(c)
		from := map[string]bool{}
		for _, n := range names {
			as, _ := s.Decide(n.Name, n.Metadata, n.Wildcard)
			for _, a := range as {
				from[a.Via] = true
			}
		}

		for i, r := range c.Rules {
			reached := slices.ContainsFunc(names, r.Match.matches)
			if s.Reached(i) != reached {
				t.Fatalf("rule %d reaches a name: %v, want %v", r.Index, s.Reached(i), reached)
			}
			if decisive := from[fmt.Sprint("rule ", r.Index)]; s.Decisive(i) != decisive {
				t.Fatalf("rule %d is decisive: %v, want %v", r.Index, s.Decisive(i), decisive)
			}

			patterns, except := s.Idle(i, slices.Values(names))
			for _, p := range r.Match.Hostnames {
				meets := slices.ContainsFunc(names, func(n Candidate) bool { return MatchZone(p, n.Name) })
				if slices.Contains(patterns, p) == meets {
					t.Fatalf("rule %d: %q matches a name: %v, and the idle ones are %q", r.Index, p, meets, patterns)
				}
			}
			whole := r.Match
			whole.Except = nil
			for _, p := range r.Match.Except {
				takes := slices.ContainsFunc(names, func(n Candidate) bool { return whole.matches(n) && MatchZone(p, n.Name) })
				if slices.Contains(except, p) == takes {
					t.Fatalf("rule %d: except %q takes a name out: %v, and the idle ones are %q", r.Index, p, takes, except)
				}
			}
		}
	})
}
