package factor

import (
	"cmp"
	"slices"
	"strings"

	"tlsync/schema"
	"tlsync/schema/sorted"
)

// feature is a condition that a rule may have, and the names that it covers.
type feature struct {
	kind
	match schema.Match
	text  string  // orders features of a kind
	cover []int32 // ascending
}

// kind is a kind of condition. The plainer kinds come first.
type kind uint8

const (
	byWildcard kind = iota
	byMetadata
	bySuffix
	byOneLabel
	byFirstLabel
	byPrefix
	byEnd
	byTopLevel
	byMetadataPair
)

// key identifies a condition before it is known whether it is worth anything. Its texts
// are parts of the name or of the metadata.
type key struct {
	kind       kind
	a, b, c, d string
}

// features returns the conditions that cover enough names, the largest first. Of those
// that cover the same names it keeps the plainest.
func features(names []Name, least int) []feature {
	found := map[key][]int32{}
	add := func(k key, n int32) {
		found[k] = append(found[k], n)
	}
	for n := range names {
		addName(add, names[n].Name, int32(n))
		addMetadata(add, names[n].Metadata, int32(n))
		wildcard := key{kind: byWildcard, a: "false"}
		if names[n].Wildcard {
			wildcard.a = "true"
		}
		add(wildcard, int32(n))
	}
	keys := classes(found)
	for n := range names {
		addPairs(add, names[n].Metadata, keys, int32(n))
	}

	var out []feature
	for k, cover := range found {
		if len(cover) < least {
			continue
		}
		f := feature{kind: k.kind, match: k.match()}
		f.text = strings.Join([]string{k.a, k.b, k.c, k.d}, "\x00")
		if f.cover = covered(names, f.match, cover); len(f.cover) >= least {
			out = append(out, f)
		}
	}

	sorted.By(out, func(a, b feature) int {
		return cmp.Or(cmp.Compare(len(b.cover), len(a.cover)), cmp.Compare(a.kind, b.kind), cmp.Compare(len(a.text), len(b.text)), strings.Compare(a.text, b.text))
	})
	out = plainest(out)
	return out[:min(len(out), mostFeatures)]
}

// mostFeatures bounds the time that a search takes. The largest are kept.
const mostFeatures = 20_000

// addName adds the conditions on a name.
func addName(add func(key, int32), name string, n int32) {
	first, rest, _ := strings.Cut(name, ".")
	for at, suffix := 0, name; ; {
		if strings.Contains(suffix, ".") {
			add(key{kind: bySuffix, a: suffix}, n)
		} else {
			add(key{kind: byTopLevel, a: suffix}, n)
			break
		}
		at = strings.IndexByte(suffix, '.') + 1
		suffix = suffix[at:]
	}
	if rest != "" {
		add(key{kind: byOneLabel, a: rest}, n)
	}

	add(key{kind: byFirstLabel, a: first}, n)
	for i := 1; i < len(first)-1; i++ {
		if first[i] == '-' {
			add(key{kind: byPrefix, a: first[:i+1]}, n)
			add(key{kind: byEnd, a: first[i:]}, n)
		}
	}
	if stem := strings.TrimRight(first, "0123456789"); stem != first && stem != "" && !strings.HasSuffix(stem, "-") {
		add(key{kind: byPrefix, a: stem}, n)
	}
}

// addMetadata adds the conditions on one key of the metadata.
func addMetadata(add func(key, int32), metadata map[string]string, n int32) {
	for k, v := range metadata {
		if plain(k) && plain(v) && v != "*" {
			add(key{kind: byMetadata, a: k, b: v}, n)
		}
	}
}

// classes returns the keys of metadata that divide hostnames into few classes, sorted. Most
// others identify a customer.
func classes(found map[key][]int32) []string {
	const mostValues, mostKeys = 20, 8
	values := map[string]int{}
	for k := range found {
		if k.kind == byMetadata {
			values[k.a]++
		}
	}

	var out []string
	for k, n := range values {
		if n <= mostValues {
			out = append(out, k)
		}
	}
	sorted.By(out, func(a, b string) int { return cmp.Or(cmp.Compare(values[a], values[b]), strings.Compare(a, b)) })
	out = out[:min(len(out), mostKeys)]
	slices.Sort(out)
	return out
}

// addPairs adds the conditions on two of some keys of the metadata.
func addPairs(add func(key, int32), metadata map[string]string, keys []string, n int32) {
	has := func(k string) bool { return plain(metadata[k]) && metadata[k] != "*" }
	for i, k := range keys {
		for _, other := range keys[i+1:] {
			if has(k) && has(other) {
				add(key{kind: byMetadataPair, a: k, b: metadata[k], c: other, d: metadata[other]}, n)
			}
		}
	}
}

// plain reports whether a key or a value of metadata is a word that a rule may repeat. A
// long one is more likely an identifier, or a secret, than a class of hostnames.
func plain(s string) bool {
	const longest = 36
	return s != "" && len(s) <= longest && strings.TrimSpace(s) == s && schema.Printable(s) == s && !strings.ContainsAny(s, "\"\\")
}

// match returns the condition as a rule writes it.
func (k *key) match() schema.Match {
	hostname := func(pattern string) schema.Match { return schema.Match{Hostnames: []string{pattern}} }

	switch k.kind {
	case byWildcard:
		return schema.Match{Wildcard: schema.Field[bool]{Value: k.a == "true", Set: true}}
	case byMetadata:
		return schema.Match{Metadata: []schema.MetadataMatch{{Key: k.a, Values: []string{k.b}}}}
	case byMetadataPair:
		return schema.Match{Metadata: []schema.MetadataMatch{{Key: k.a, Values: []string{k.b}}, {Key: k.c, Values: []string{k.d}}}}
	case bySuffix, byTopLevel:
		return hostname("**." + k.a)
	case byOneLabel:
		return hostname("*." + k.a)
	case byFirstLabel:
		return hostname(k.a + ".**")
	case byPrefix:
		return hostname(k.a + "*.**")
	}
	return hostname("*" + k.a + ".**")
}

// covered returns those of some names that a condition matches. A pattern that the
// schema refuses covers nothing.
func covered(names []Name, m schema.Match, among []int32) []int32 {
	for _, pattern := range m.Hostnames {
		const longestLabel = 36 // a longer one could be taken for a secret
		long := func(label string) bool { return len(label) > longestLabel }
		if same, err := schema.CanonicalGlob(pattern); err != nil || same != pattern || slices.ContainsFunc(strings.Split(pattern, "."), long) {
			return nil
		}
	}

	matcher := NewMatcher(m)
	out := make([]int32, 0, len(among))
	for _, n := range among {
		if matcher.Match(&names[n]) {
			out = append(out, n)
		}
	}
	return out
}

// Matcher tells which names a rule reaches, as a configuration with that rule would.
type Matcher struct{ selector *schema.Selector }

// NewMatcher returns the Matcher of a condition.
func NewMatcher(m schema.Match) *Matcher {
	return &Matcher{schema.Compile(&schema.CustomHostnames{Rules: []schema.Rule{{Match: m}}})}
}

// Match reports whether the condition matches a name.
func (m *Matcher) Match(n *Name) bool {
	_, reached := m.selector.Decide(n.Name, n.Metadata, n.Wildcard)
	return reached
}

// plainest keeps the first of the features that cover the same names, and leaves out
// those that cover all names, which the defaults do.
func plainest(sorted []feature) []feature {
	seen := map[string]bool{}
	kept := sorted[:0]
	text := []byte{}
	for _, f := range sorted {
		text = text[:0]
		for _, n := range f.cover {
			text = append(text, byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
		}
		if !seen[string(text)] {
			seen[string(text)] = true
			kept = append(kept, f)
		}
	}
	return kept
}
