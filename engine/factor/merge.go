package factor

import (
	"cmp"
	"slices"
	"strings"

	"tlsync/schema"
	"tlsync/schema/sorted"
)

// merge makes one list of rules out of the lists of the settings. Decisions of different
// settings on the same feature become one rule wherever their order allows it.
func (p *problem) merge(lists []learnt) list {
	out := list{defaults: make([]int, p.settings)}
	waiting := make([][]decision, p.settings) // the lowest first, as in a file
	for s, l := range lists {
		out.defaults[s] = l.rest
		waiting[s] = slices.Clone(l.decisions)
		slices.Reverse(waiting[s])
	}

	for {
		f := nextFeature(waiting)
		if f < 0 {
			return out
		}
		r := ruleOf{f, nothing(p.settings)}
		for s := range waiting {
			if len(waiting[s]) == 0 || waiting[s][0].feature != f {
				continue
			}
			r.values[s] = waiting[s][0].value
			if !p.mayStand(r.values) {
				r.values[s] = None // it becomes a rule of its own
				continue
			}
			waiting[s] = waiting[s][1:]
		}
		out.rules = append(out.rules, r)
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
func (p *problem) together(rules []ruleOf) []Rule {
	var out []Rule
	var covers [][]bool
	for _, r := range rules {
		cover := make([]bool, len(p.names))
		for _, n := range p.features[r.feature].cover {
			cover[n] = true
		}

		match, at := p.features[r.feature].match, -1
		for i := len(out) - 1; i >= 0; i-- {
			if both, ok := united(out[i].Match, match); ok && slices.Equal(out[i].Values, r.values) {
				at, out[i].Match = i, both
				break
			}
			if conflict(out[i].Values, r.values) && overlap(covers[i], cover) {
				break
			}
		}

		if at < 0 {
			out, covers = append(out, Rule{Match: match, Values: r.values}), append(covers, cover)
			continue
		}
		for n, covered := range cover {
			covers[at][n] = covers[at][n] || covered
		}
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
		sorted.By(patterns, comparePatterns)
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
