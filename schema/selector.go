package schema

import (
	"slices"
)

// Selector decides which settings the custom_hostnames block of a zone document
// gives to each hostname. It is compiled once and used for every live hostname.
// Hostnames that match the same rules share one slice. A Selector is not safe
// for concurrent use.
type Selector struct {
	defaults []Assignment
	rules    []selectorRule
	entries  map[string][]Assignment
	decided  map[decision][]Assignment
	hits     bitset // the rules that match the current hostname
	// reached and decisive are the rules that matched some hostname, and that decided on
	// a setting of one.
	reached, decisive bitset
}

type selectorRule struct {
	globs    []glob
	except   []glob
	metadata []MetadataMatch
	wildcard Field[bool]
	settings []Assignment
}

// decision identifies a result: the matching rules, and the settings of the
// entry. Entries with the same settings share one slice.
type decision struct {
	hits  string
	entry *Assignment
}

// Compile returns a Selector for a custom_hostnames block.
func Compile(c *CustomHostnames) *Selector {
	s := &Selector{
		defaults: c.Defaults,
		rules:    make([]selectorRule, len(c.Rules)),
		entries:  make(map[string][]Assignment, len(c.Entries)),
		decided:  map[decision][]Assignment{},
		hits:     newBitset(len(c.Rules)),
		reached:  newBitset(len(c.Rules)),
		decisive: newBitset(len(c.Rules)),
	}

	for i, r := range c.Rules {
		s.rules[i] = selectorRule{metadata: r.Match.Metadata, wildcard: r.Match.Wildcard, settings: r.Settings}
		for _, pattern := range r.Match.Hostnames {
			s.rules[i].globs = append(s.rules[i].globs, compileGlob(pattern))
		}
		for _, pattern := range r.Match.Except {
			s.rules[i].except = append(s.rules[i].except, compileGlob(pattern))
		}
	}

	for _, e := range c.Entries {
		s.entries[e.Hostname.Value] = e.Settings
	}
	return s
}

// Decide returns the settings of a hostname: defaults, then every matching rule
// in order, then the entry. Of each setting the last value wins. The name must
// be canonical. The result is sorted by the table of settings, shared, and must
// not be changed. reached reports whether defaults, a rule or an entry apply to
// the hostname, even if they set nothing.
func (s *Selector) Decide(name string, metadata map[string]string, wildcard bool) (as []Assignment, reached bool) {
	clear(s.hits)
	own, reached := s.entries[name]
	reached = reached || len(s.defaults) > 0
	for i := range s.rules {
		if s.rules[i].match(name, metadata, wildcard) {
			s.hits.set(i)
			reached = true
		}
	}

	var entry *Assignment
	if len(own) > 0 {
		entry = &own[0]
	}
	if out, ok := s.decided[decision{string(s.hits), entry}]; ok {
		return out, reached
	}

	s.note(own)
	out := s.defaults
	for i := range s.rules {
		if s.hits.has(i) {
			out = Overlay(out, s.rules[i].settings)
		}
	}
	out = Overlay(out, own)
	s.decided[decision{string(s.hits), entry}] = out
	return out, reached
}

// match reports whether a hostname meets all the conditions of the rule.
func (r *selectorRule) match(name string, metadata map[string]string, wildcard bool) bool {
	return r.meetsOthers(metadata, wildcard) && (len(r.globs) == 0 || anyMatch(r.globs, name)) && !anyMatch(r.except, name)
}

// meetsOthers reports whether a hostname meets the conditions that are not about its name.
func (r *selectorRule) meetsOthers(metadata map[string]string, wildcard bool) bool {
	if r.wildcard.Set && r.wildcard.Value != wildcard {
		return false
	}
	for _, m := range r.metadata {
		if v, ok := metadata[m.Key]; !ok || !m.Any && !slices.Contains(m.Values, v) {
			return false
		}
	}
	return true
}

// anyMatch reports whether a name matches one of the patterns.
func anyMatch(globs []glob, name string) bool {
	for i := range globs {
		if globs[i].match(name) {
			return true
		}
	}
	return false
}
