// Package exempt finds the exceptions that accept values below the floor: one for each name,
// or few patterns for many names.
package exempt

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// Exception accepts values of settings for a name, or for the names that match a pattern.
type Exception struct {
	Hostname string
	Names    int // how many names it was found for
	values   []value
}

type value struct {
	row *schema.Setting
	is  schema.Value
}

// Settings returns the settings with their values as YAML.
func (e *Exception) Settings() []string {
	out := make([]string, len(e.values))
	for i, v := range e.values {
		out[i] = v.row.ID + ": " + v.is.YAML()
	}
	return out
}

// Of returns the exceptions that breaches of the floor need, in order of first appearance, and
// the values that an exception cannot name because this release does not know them. What the
// configuration itself accepts needs none.
func Of(broken []plan.Breach) (list []*Exception, odd []string) {
	all, unknown := newCovering(len(broken)), map[string]bool{}
	for _, br := range broken {
		row, ok := schema.LookupSetting(br.Setting)
		switch {
		case !br.OfHead:
		case !ok || !row.Known(br.Value):
			unknown[br.Setting+" "+br.Value.Show()] = true
		default:
			for _, name := range br.Names {
				all.add(name, name, []value{{row, br.Value}})
			}
		}
	}
	return all.list, slices.Sorted(maps.Keys(unknown))
}

// Few covers names by patterns over the domains that they are in, if there are more than most
// exceptions. It takes the longest domains that leave no more than that, and domains of two
// labels if none do. Exceptions for most names come first.
func Few(list []*Exception, most int) []*Exception {
	longest := 0
	for _, e := range list {
		longest = max(longest, len(strings.Split(e.Hostname, "."))-1)
	}

	out := list
	for labels := longest; len(out) > most && labels >= shortest; labels-- {
		out = within(list, labels)
	}
	slices.SortStableFunc(out, func(a, b *Exception) int { return cmp.Compare(b.Names, a.Names) })
	return out
}

// shortest is the number of labels of the shortest domain that a pattern covers.
const shortest = 2

// within covers names by patterns over domains of at most some labels. A name that is alone in
// its domain stays as it is.
func within(list []*Exception, labels int) []*Exception {
	type group struct {
		names map[string]bool
		deep  bool // some name is not directly below the domain
	}
	groups := map[string]*group{}
	for _, e := range list {
		domain, below := domainOf(e.Hostname, labels)
		g := groups[domain]
		if g == nil {
			g = &group{names: map[string]bool{}}
			groups[domain] = g
		}
		g.names[e.Hostname] = true
		g.deep = g.deep || below != 1
	}

	out := newCovering(len(groups))
	for _, e := range list {
		domain, _ := domainOf(e.Hostname, labels)
		pattern := "*." + domain
		switch g := groups[domain]; {
		case len(g.names) == 1:
			pattern = e.Hostname
		case g.deep:
			pattern = "*" + pattern
		}
		out.add(pattern, e.Hostname, e.values)
	}
	return out.list
}

// domainOf returns the domain of at most some labels that a name is in, and how many labels
// the name has before it. A pattern is a domain of its own, unless it is a wildcard, which
// stands for the names below.
func domainOf(name string, most int) (domain string, below int) {
	if schema.IsGlob(strings.TrimPrefix(name, "*.")) {
		return name, 0
	}
	labels := strings.Split(name, ".")
	below = max(0, len(labels)-max(shortest, min(most, len(labels)-1)))
	return strings.Join(labels[below:], "."), below
}

// covering collects exceptions, one for each hostname as far as its values can be ordered: the
// weakest value then accepts the others.
type covering struct {
	list []*Exception
	of   map[string][]*Exception
	last map[*Exception]string // the name that it was last extended for
}

func newCovering(size int) *covering {
	return &covering{of: make(map[string][]*Exception, size), last: make(map[*Exception]string, size)}
}

// maxTwins is the number of exceptions of one hostname that another value is compared with.
const maxTwins = 20

// add accepts values of a name by an exception for a hostname.
func (c *covering) add(hostname, name string, values []value) {
	var into *Exception
	for _, e := range c.of[hostname][:min(len(c.of[hostname]), maxTwins)] {
		if e.takes(values) {
			into = e
			break
		}
	}
	if into == nil {
		into = &Exception{Hostname: hostname}
		c.list, c.of[hostname] = append(c.list, into), append(c.of[hostname], into)
	}

	for _, v := range values {
		into.accept(v)
	}
	if c.last[into] != name { // the exceptions of a name follow each other, or are for it alone
		c.last[into] = name
		into.Names++
	}
}

// takes reports whether each value can be ordered with that of the same setting.
func (e *Exception) takes(values []value) bool {
	return !slices.ContainsFunc(values, func(v value) bool {
		at := e.find(v.row)
		return at >= 0 && !v.row.Meets(e.values[at].is, v.is) && !v.row.Meets(v.is, e.values[at].is)
	})
}

// accept adds a value, or lowers that of the same setting to it.
func (e *Exception) accept(v value) {
	switch at := e.find(v.row); {
	case at < 0:
		e.values = append(e.values, v)
	case !v.row.Meets(e.values[at].is, v.is):
		e.values[at] = v
	}
}

func (e *Exception) find(row *schema.Setting) int {
	return slices.IndexFunc(e.values, func(v value) bool { return v.row == row })
}
