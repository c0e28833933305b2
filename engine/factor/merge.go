package factor

import (
	"cmp"
	"slices"
	"strings"

	"tlsync/schema"
)

// merge makes one list of rules out of the lists of the settings. Decisions of different
// settings on the same feature become one rule wherever their order allows it.
func (p *problem) merge(lists []learnt) List {
	out := List{Defaults: make([]int, p.settings)}
	waiting := make([][]decision, p.settings) // the lowest first, as in a file
	for s, l := range lists {
		out.Defaults[s] = l.rest
		waiting[s] = slices.Clone(l.decisions)
		slices.Reverse(waiting[s])
	}

	for {
		f := nextFeature(waiting)
		if f < 0 {
			return out
		}
		r := Rule{Match: p.features[f].match, Values: nothing(p.settings)}
		for s := range waiting {
			if len(waiting[s]) == 0 || waiting[s][0].feature != f {
				continue
			}
			r.Values[s] = waiting[s][0].value
			if p.allowed != nil && !p.allowed(r.Values) {
				r.Values[s] = None // it becomes a rule of its own
				continue
			}
			waiting[s] = waiting[s][1:]
		}
		out.Rules = append(out.Rules, r)
	}
}

// nextFeature returns the feature of the next rule, -1 at the end: one that begins as many
// lists as possible, and that does not wait further down in another one.
func nextFeature(waiting [][]decision) int {
	heads, later := map[int]int{}, map[int]int{}
	for _, list := range waiting {
		for i, d := range list {
			if i == 0 {
				heads[d.feature]++
			} else {
				later[d.feature]++
			}
		}
	}

	best := -1
	for f := range heads {
		if best < 0 || cmp.Or(cmp.Compare(later[f], later[best]), cmp.Compare(heads[best], heads[f]), cmp.Compare(f, best)) < 0 {
			best = f
		}
	}
	return best
}

// together makes one rule of several that give the same values, as a list of patterns or
// of values of metadata, wherever the rules between them do not mind.
func (p *problem) together(rules []Rule) []Rule {
	covers := make([][]bool, len(rules))
	for i := range rules {
		covers[i] = p.coverOf(rules[i].Match)
	}

	var out []Rule
	var outCovers [][]bool
	for i, r := range rules {
		at := -1
		for j := len(out) - 1; j >= 0; j-- {
			if slices.Equal(out[j].Values, r.Values) {
				if m, ok := united(out[j].Match, r.Match); ok {
					at = j
					out[j].Match = m
					break
				}
			}
			if conflict(out[j].Values, r.Values) && overlap(outCovers[j], covers[i]) {
				break
			}
		}
		if at < 0 {
			out, outCovers = append(out, r), append(outCovers, covers[i])
			continue
		}
		for n, covered := range covers[i] {
			outCovers[at][n] = outCovers[at][n] || covered
		}
	}
	return out
}

func (p *problem) coverOf(m schema.Match) []bool {
	out := make([]bool, len(p.names))
	matcher := NewMatcher(m)
	for n := range p.names {
		out[n] = matcher.Match(&p.names[n])
	}
	return out
}

// conflict reports whether two rules give a setting different values.
func conflict(a, b []int) bool {
	for s := range a {
		if a[s] != None && b[s] != None && a[s] != b[s] {
			return true
		}
	}
	return false
}

func overlap(a, b []bool) bool {
	for n := range a {
		if a[n] && b[n] {
			return true
		}
	}
	return false
}

// united returns the condition that matches what either of two does, if one can be
// written.
func united(a, b schema.Match) (schema.Match, bool) {
	if a.Wildcard.Set || b.Wildcard.Set || len(a.Except)+len(b.Except) > 0 {
		return a, false
	}

	if len(a.Metadata) == 0 && len(b.Metadata) == 0 {
		patterns := slices.Concat(a.Hostnames, b.Hostnames)
		slices.SortFunc(patterns, comparePatterns)
		return schema.Match{Hostnames: slices.Compact(patterns)}, true
	}

	sameKey := len(a.Metadata) == 1 && len(b.Metadata) == 1 && a.Metadata[0].Key == b.Metadata[0].Key
	if !sameKey || len(a.Hostnames)+len(b.Hostnames) > 0 {
		return a, false
	}
	values := slices.Concat(a.Metadata[0].Values, b.Metadata[0].Values)
	slices.Sort(values)
	return schema.Match{Metadata: []schema.MetadataMatch{{Key: a.Metadata[0].Key, Values: slices.Compact(values)}}}, true
}

// comparePatterns orders patterns by their last labels, so that those of one domain stand
// together.
func comparePatterns(a, b string) int {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	slices.Reverse(x)
	slices.Reverse(y)
	return slices.Compare(x, y)
}
