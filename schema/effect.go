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
		if hostname.empty() && out.empty() {
			break
		}
		hostname.meet(c.Name)
		if r.meetsOthers(c.Metadata, c.Wildcard) && (len(r.globs) == 0 || anyMatch(r.globs, c.Name)) {
			out.meet(c.Name)
		}
	}
	return hostname.left(r.globs), out.left(r.except)
}

// unmet are patterns that no name has met so far: names by themselves, since a list may have
// very many of them.
type unmet struct {
	names map[string]bool
	globs []glob
}

func newUnmet(globs []glob) unmet {
	u := unmet{names: map[string]bool{}}
	for _, g := range globs {
		if g.name != "" {
			u.names[g.name] = true
		} else {
			u.globs = append(u.globs, g)
		}
	}
	return u
}

func (u *unmet) empty() bool { return len(u.names) == 0 && len(u.globs) == 0 }

func (u *unmet) meet(name string) {
	delete(u.names, name)
	u.globs = slices.DeleteFunc(u.globs, func(g glob) bool { return g.match(name) })
}

// left returns the patterns that are left, in their order in a list.
func (u *unmet) left(list []glob) []string {
	var out []string
	for _, g := range list {
		if u.names[g.name] || slices.Contains(u.globs, g) {
			out = append(out, g.pattern)
		}
	}
	return out
}

// Pattern is a pattern over names, compiled for many of them.
type Pattern struct{ glob glob }

// NewPattern compiles a pattern in canonical form.
func NewPattern(pattern string) Pattern { return Pattern{compileGlob(pattern)} }

// Match reports whether a canonical name matches.
func (p *Pattern) Match(name string) bool { return p.glob.match(name) }
