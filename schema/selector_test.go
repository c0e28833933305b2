package schema

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// blocks draws a block of settings, sorted by the table, whose Via says where
// it came from.
func blocks(via string) *rapid.Generator[[]Assignment] {
	return rapid.Custom(func(t *rapid.T) []Assignment {
		var block []Assignment
		for _, s := range Table() {
			if rapid.Bool().Draw(t, s.ID) {
				v := StringValue(fmt.Sprint(rapid.IntRange(0, 2).Draw(t, "value")))
				block = append(block, Assignment{Setting: s.ID, Value: v, Wire: v, Via: via})
			}
		}
		return block
	})
}

// naiveOverlay does what Overlay does, with a map and a sort. The assignments of upper
// cover nothing yet.
func naiveOverlay(lower, upper []Assignment) []Assignment {
	by := map[string]Assignment{}
	for _, a := range lower {
		by[a.Setting] = a
	}
	for _, a := range upper {
		if covered, ok := by[a.Setting]; ok {
			a.Covers = &covered
		}
		by[a.Setting] = a
	}
	var out []Assignment
	for _, s := range Table() {
		if a, ok := by[s.ID]; ok {
			out = append(out, a)
		}
	}
	return out
}

func TestOverlay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := blocks("a").Draw(t, "a"), blocks("b").Draw(t, "b"), blocks("c").Draw(t, "c")
		before := fmt.Sprint(a, b, c)
		got := Overlay(a, b)
		if diff := cmp.Diff(naiveOverlay(a, b), got); diff != "" {
			t.Fatal(diff)
		}
		if diff := cmp.Diff(Overlay(Overlay(a, b), c), Overlay(a, Overlay(b, c))); diff != "" {
			t.Fatalf("the order of laying matters: %s", diff)
		}
		if diff := cmp.Diff(a, Overlay(a, a), cmpopts.IgnoreFields(Assignment{}, "Covers")); diff != "" {
			t.Fatalf("a block over itself: %s", diff)
		}
		if fmt.Sprint(a, b, c) != before {
			t.Fatal("an input was changed")
		}
	})
}

// TestDecide compares a Selector, which shares and remembers results, with a
// plain implementation of the cascade.
func TestDecide(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		label := rapid.SampledFrom([]string{"a", "b", "pay"})
		hostname := rapid.Map(rapid.SliceOfN(label, 1, 4), func(labels []string) string { return strings.Join(labels, ".") + ".example" })
		pattern := rapid.OneOf(hostname, rapid.SampledFrom([]string{"*", "*.example", "**.example", "*.pay.example", "a.**", "p*.example", "{a,b}.example", "?.*.example"}))
		value := rapid.SampledFrom([]string{"gold", "silver"})
		c := &CustomHostnames{Defaults: blocks("defaults").Draw(t, "defaults")}
		for i := range rapid.IntRange(0, 12).Draw(t, "rules") {
			r := Rule{Index: i + 1, Settings: blocks(fmt.Sprint("rule ", i+1)).Draw(t, "settings")}
			r.Match.Hostnames = rapid.SliceOfN(pattern, 0, 2).Draw(t, "hostnames")
			if rapid.Bool().Draw(t, "by metadata") {
				r.Match.Metadata = []MetadataMatch{{Key: "tier", Values: rapid.SliceOfN(value, 1, 2).Draw(t, "values")}}
			}
			if rapid.Bool().Draw(t, "by wildcard") {
				r.Match.Wildcard = Field[bool]{Value: rapid.Bool().Draw(t, "wildcard"), Set: true}
			}
			c.Rules = append(c.Rules, r)
		}
		for _, name := range rapid.SliceOfNDistinct(hostname, 0, 4, rapid.ID).Draw(t, "entries") {
			c.Entries = append(c.Entries, Entry{Hostname: Field[string]{Value: name, Set: true}, Settings: blocks("entry").Draw(t, "settings")})
		}
		s := Compile(c)
		for range 20 {
			name := hostname.Draw(t, "name")
			var metadata map[string]string
			if rapid.Bool().Draw(t, "has metadata") {
				metadata = map[string]string{"tier": value.Draw(t, "tier"), "other": "x"}
			}
			wildcard := rapid.Bool().Draw(t, "is wildcard")
			want, reached := naiveDecide(c, name, metadata, wildcard)
			decided, got := s.Decide(name, metadata, wildcard)
			if diff := cmp.Diff(want, decided); diff != "" {
				t.Fatalf("%s %v %t: %s", name, metadata, wildcard, diff)
			}
			if got != reached {
				t.Fatalf("%s %v %t: reached %t, want %t", name, metadata, wildcard, got, reached)
			}
		}
	})
}

// naiveDecide is the cascade as the documentation describes it.
func naiveDecide(c *CustomHostnames, name string, metadata map[string]string, wildcard bool) (out []Assignment, reached bool) {
	out, reached = c.Defaults, len(c.Defaults) > 0
	for _, r := range c.Rules {
		matches := len(r.Match.Hostnames) == 0 || slices.ContainsFunc(r.Match.Hostnames, func(p string) bool { return MatchZone(p, name) })
		for _, m := range r.Match.Metadata {
			v, ok := metadata[m.Key]
			matches = matches && ok && slices.Contains(m.Values, v)
		}
		if r.Match.Wildcard.Set && r.Match.Wildcard.Value != wildcard {
			matches = false
		}
		if matches {
			out, reached = naiveOverlay(out, r.Settings), true
		}
	}
	for _, e := range c.Entries {
		if e.Hostname.Value == name {
			out, reached = naiveOverlay(out, e.Settings), true
		}
	}
	return out, reached
}

func TestSuggest(t *testing.T) {
	for _, c := range []struct {
		word string
		want string
	}{
		{"min_tls_verison", "min_tls_version"},
		{"MIN_TLS_VERSION", "min_tls_version"},
		{"htttp2", "http2"},
		{"colour", ""},
		{"", ""},
		{strings.Repeat("x", 1000), ""},
	} {
		if got := Suggest(c.word, []string{"min_tls_version", "http2", "http3"}); got != c.want {
			t.Errorf("%.20q: %q, want %q", c.word, got, c.want)
		}
	}
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "acb", 1}, {"kitten", "sitting", 3}, {"ab", "ba", 1}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("%q to %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
