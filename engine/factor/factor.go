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
	"cmp"
	"reflect"
	"slices"
	"strings"

	"tlsync/schema"
	"tlsync/schema/sorted"
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
	// Usual says that the defaults are the values that most names have. Other defaults
	// can save lines, but they are also what a name gets that nobody thought of.
	Usual bool
}

// Price returns what a number of lines counts for that the list takes when it is written:
// a list with unusual defaults has to save some.
func (l *List) Price(lines int) int { return price(lines, l.Usual) }

func price(lines int, usual bool) int {
	const least = 3
	if usual {
		return lines
	}
	return lines + lines/10 + least
}

// Rule gives values to the names that match.
type Rule struct {
	Match  schema.Match
	Values []int // by setting; None leaves the setting alone
}

// Options say which rules may be found.
type Options struct {
	// Allowed reports whether values, by setting, may stand together in one block; nil
	// allows all.
	Allowed func(values []int) bool
	// Least is the smallest number of names that a rule is made for, at least MinNames.
	Least int
}

// MinNames is the smallest number of names that a rule is made for: a rule also
// governs names that do not exist yet.
const MinNames = 4

// tolerances are the shares of exceptions that a rule may have. It is read only.
var tolerances = []float64{0.01, 0.02, 0.05, 0.15}

// promising is how many lists are worth writing to see which is the shortest.
const promising = 3

// Lists returns the most promising lists for names, the shortest first as far as that
// can be told without writing them, and at the end one without rules. The same names
// give the same lists, in whatever order they come. All names have the same number of
// values.
func Lists(names []Name, o Options) []List {
	p := newProblem(names, o)
	found := []list{p.fromBothEnds()}
	for _, usual := range []bool{true, false} {
		found = append(found, p.mixed(usual))
		for _, tolerance := range tolerances {
			found = append(found, p.byTolerance(tolerance, usual))
		}
	}

	majority := p.permitted(p.majority())
	prices := make(map[*list]int, len(found))
	order := make([]*list, len(found))
	for i := range found {
		l := &found[i]
		l.defaults = p.permitted(l.defaults)
		order[i], prices[l] = l, price(p.lines(l), slices.Equal(l.defaults, majority))
	}
	sorted.Stably(order, func(a, b *list) int { return cmp.Compare(prices[a], prices[b]) })

	var out []List
	for _, l := range order {
		finished := List{Defaults: l.defaults, Rules: p.together(l.rules), Usual: slices.Equal(l.defaults, majority)}
		if same := func(o List) bool { return reflect.DeepEqual(o, finished) }; !slices.ContainsFunc(out, same) {
			out = append(out, finished)
		}
		if len(out) == promising {
			break
		}
	}
	return append(out, List{Defaults: majority, Usual: true})
}

// list is a List in the making.
type list struct {
	defaults []int
	rules    []ruleOf
}

// ruleOf is a rule on a feature.
type ruleOf struct {
	feature int
	values  []int
}

// lines returns about how many lines a list takes, with an entry for each name that it
// leaves wrong.
func (p *problem) lines(l *list) int {
	lines := 0
	current := make([]int, len(p.names)*p.settings)
	for n := range p.names {
		copy(current[n*p.settings:], l.defaults)
	}
	for _, r := range l.rules {
		lines++
		for s, v := range r.values {
			if v == None {
				continue
			}
			lines++
			for _, n := range p.features[r.feature].cover {
				current[int(n)*p.settings+s] = v
			}
		}
	}

	for n := range p.names {
		for s, v := range p.names[n].Values {
			if v != None && current[n*p.settings+s] != v {
				lines++
				break
			}
		}
	}
	return lines
}

// problem is what all searches share.
type problem struct {
	names    []Name
	settings int
	values   []int // how many values each setting has
	features []feature
	of       [][]int32 // the features that cover each name
	allowed  func(values []int) bool
	least    int
	learnt   map[float64]*both
}

func newProblem(names []Name, o Options) *problem {
	p := &problem{names: slices.Clone(names), allowed: o.Allowed, least: max(o.Least, MinNames), learnt: map[float64]*both{}}
	sorted.Stably(p.names, func(a, b Name) int { return strings.Compare(a.Name, b.Name) })
	if len(names) > 0 {
		p.settings = len(names[0].Values)
	}

	p.values = make([]int, p.settings)
	for i := range p.names {
		for s, v := range p.names[i].Values {
			p.values[s] = max(p.values[s], v+1)
		}
	}

	p.features = features(p.names, p.least)
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

// mayStand reports whether values may stand together in one block.
func (p *problem) mayStand(values []int) bool { return p.allowed == nil || p.allowed(values) }

// permitted leaves out the values that may not stand beside those of earlier settings.
func (p *problem) permitted(values []int) []int {
	if p.mayStand(values) {
		return values
	}
	out := nothing(len(values))
	for s, v := range values {
		out[s] = v
		if !p.mayStand(out) {
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
