package schema

import (
	"iter"
	"slices"
)

// Candidate is a hostname as far as rules look at it.
type Candidate struct {
	Name     string
	Metadata map[string]string
	Wildcard bool
}

// Reached reports whether a rule, by its index, has matched a hostname that Decide was
// asked about, and Decisive whether it has decided on a setting of one: else later rules
// and the entry of the hostname set everything again.
func (s *Selector) Reached(rule int) bool  { return s.reached.has(rule) }
func (s *Selector) Decisive(rule int) bool { return s.decisive.has(rule) }

// bitset holds a bit for each rule.
type bitset []byte

func newBitset(n int) bitset    { return make(bitset, (n+7)/8) }
func (b bitset) has(i int) bool { return b[i/8]&(1<<(i%8)) != 0 }
func (b bitset) set(i int)      { b[i/8] |= 1 << (i % 8) }

// note remembers what the rules that match a hostname do, where own is its entry. It is
// called once for every different decision.
func (s *Selector) note(own []Assignment) {
	set := slices.Clone(own)
	for i := len(s.rules) - 1; i >= 0; i-- {
		if !s.hits.has(i) {
			continue
		}
		s.reached.set(i)
		for _, a := range s.rules[i].settings {
			if Assigned(set, a.Setting) == nil {
				s.decisive.set(i)
				set = append(set, a)
			}
		}
	}
}

// Idle returns the patterns of a rule that match none of some hostnames, and those of
// except that take none of them out of the rule.
func (s *Selector) Idle(rule int, names iter.Seq[Candidate]) (patterns, except []string) {
	r := &s.rules[rule]
	hostname, out := newUnmet(r.globs), newUnmet(r.except)
	for c := range names {
		if hostname.Empty() && out.Empty() {
			break
		}
		hostname.Meet(c.Name)
		if r.meetsOthers(c.Metadata, c.Wildcard) && (len(r.globs) == 0 || anyMatch(r.globs, c.Name)) {
			out.Meet(c.Name)
		}
	}
	return hostname.Left(), out.Left()
}

// Unmet are patterns that no name has met so far. Names without wildcards are looked up,
// since a list may have very many of them.
type Unmet struct {
	all   []glob
	names map[string]bool
	globs []glob
}

// NewUnmet returns the patterns of a list, in canonical form, before any name has met them.
func NewUnmet(patterns []string) *Unmet {
	globs := make([]glob, len(patterns))
	for i, p := range patterns {
		globs[i] = compileGlob(p)
	}
	return newUnmet(globs)
}

func newUnmet(globs []glob) *Unmet {
	u := &Unmet{all: globs, names: map[string]bool{}}
	for _, g := range globs {
		if g.name != "" {
			u.names[g.name] = true
		} else {
			u.globs = append(u.globs, g)
		}
	}
	return u
}

// Empty reports whether every pattern has been met.
func (u *Unmet) Empty() bool { return len(u.names) == 0 && len(u.globs) == 0 }

// Meet takes out the patterns that a canonical name matches.
func (u *Unmet) Meet(name string) {
	delete(u.names, name)
	u.globs = slices.DeleteFunc(u.globs, func(g glob) bool { return g.match(name) })
}

// Left returns the patterns that are left, in the order of the list.
func (u *Unmet) Left() []string {
	var out []string
	for _, g := range u.all {
		if u.names[g.name] || slices.Contains(u.globs, g) {
			out = append(out, g.pattern)
		}
	}
	return out
}
