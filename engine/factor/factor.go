// Package factor finds the few rules behind the settings of many hostnames: which
// defaults, and which rules in order, give nearly every name the values that it has.
//
// The configuration is, for each setting by itself, a decision list in which the later
// rule wins. A shortest list is NP-hard to find. A list that is consistent over given
// conditions is learnt by a greedy search (Rivest, Learning Decision Lists, 1987): take
// a condition whose undecided names all have one value, put it above everything that is
// found later, leave its names out, and repeat. Here a rule may have some exceptions,
// because people make them. How many is best depends on how regular the names are, and
// nothing else tells, so Lists tries several tolerances and returns them all.
//
// The conditions that are tried are those that people write: patterns over names, the
// custom metadata, and whether the certificate is a wildcard. The matcher of the schema
// decides which names a condition covers.
package factor

import (
	"slices"
	"strings"

	"tlsync/schema"
)

// None is in the place of a value that is not known, or of a setting that a rule leaves
// alone.
const None = -1

// Name is a hostname with a value for each setting.
type Name struct {
	Name     string // canonical
	Metadata map[string]string
	Wildcard bool
	// Values are small numbers that stand for the values of the settings. A setting
	// that is None has no say in what is found.
	Values []int
}

// List is what a custom_hostnames block says without single entries.
type List struct {
	Defaults []int
	Rules    []Rule // the later rule wins, setting by setting
}

// Rule gives values to the names that match.
type Rule struct {
	Match  schema.Match
	Values []int // by setting; None leaves the setting alone
}

// Allowed reports whether the values, by setting, may stand together in one block.
type Allowed func(values []int) bool

// MinNames is the smallest number of names that a rule is made for: a rule also
// governs names that do not exist yet.
const MinNames = 4

// Few is the tolerance of the lists that have the fewest rules.
const Few = 0.15

// tolerances are the shares of exceptions that a rule may have. It is read only.
var tolerances = []float64{0.01, 0.02, 0.05, Few}

// Lists returns lists for names, from the most exact one to the one with the fewest
// rules, and at the end one without rules. Which one is the best is for the caller to
// say, who can write them. The same names give the same lists, in whatever order they
// come. All names have the same number of values.
func Lists(names []Name, allowed Allowed) []List {
	p := newProblem(names, allowed)
	var out []List
	for _, tolerance := range tolerances {
		out = append(out, p.byTolerance(tolerance))
	}
	out = append(out, p.mixed(), p.fromBothEnds(), List{Defaults: p.majority()})

	for i := range out {
		out[i].Defaults = p.permitted(out[i].Defaults)
		out[i].Rules = p.together(out[i].Rules)
	}
	return out
}

// problem is what all searches share.
type problem struct {
	names    []Name
	settings int
	values   []int // how many values each setting has
	features []feature
	of       [][]int32 // the features that cover each name
	allowed  Allowed
	learnt   map[float64][]learnt
}

func newProblem(names []Name, allowed Allowed) *problem {
	p := &problem{names: slices.Clone(names), allowed: allowed, learnt: map[float64][]learnt{}}
	slices.SortStableFunc(p.names, func(a, b Name) int { return strings.Compare(a.Name, b.Name) })
	if len(names) > 0 {
		p.settings = len(names[0].Values)
	}

	p.values = make([]int, p.settings)
	for i := range p.names {
		for s, v := range p.names[i].Values {
			p.values[s] = max(p.values[s], v+1)
		}
	}

	p.features = features(p.names)
	p.of = make([][]int32, len(p.names))
	for f := range p.features {
		for _, n := range p.features[f].cover {
			p.of[n] = append(p.of[n], int32(f))
		}
	}
	return p
}

// majority returns the most frequent value of each setting.
func (p *problem) majority() []int {
	out := make([]int, p.settings)
	for s := range out {
		count := make([]int32, p.values[s])
		for i := range p.names {
			if v := p.names[i].Values[s]; v != None {
				count[v]++
			}
		}
		out[s] = most(count)
	}
	return out
}

// permitted leaves out the values that may not stand beside those of earlier settings.
func (p *problem) permitted(values []int) []int {
	if p.allowed == nil || p.allowed(values) {
		return values
	}
	out := nothing(len(values))
	for s, v := range values {
		out[s] = v
		if !p.allowed(out) {
			out[s] = None
		}
	}
	return out
}

func nothing(settings int) []int {
	out := make([]int, settings)
	for s := range out {
		out[s] = None
	}
	return out
}

// most returns the index of the largest count, the first of several, None if there are
// no counts.
func most(count []int32) int {
	best := None
	for v := range count {
		if best == None || count[v] > count[best] {
			best = v
		}
	}
	return best
}
