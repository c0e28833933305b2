package resolve

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"tlsync/engine/plan"
	"tlsync/schema"
	"tlsync/schema/words"
)

// written is a configuration that was applied to live state.
type written struct {
	desired   *schema.Desired
	documents []*document
}

// NoEffect reports the rules and exceptions that reach nothing, or that later ones hide
// completely: one finding for each, whatever the number of hostnames. Nothing is reported
// where not everything was read that could be reached; allZones says that no zone is missing
// that the configuration reaches.
func (r *Resolved) NoEffect(live *plan.Live, allZones bool) []plan.Finding {
	if r.written == nil {
		return nil
	}

	var out plan.Findings
	complete := allZones && len(live.Problems) == 0
	for _, doc := range r.written.documents {
		e := newEffects(doc, r, live)
		if len(doc.CustomHostnames.Rules) > 0 && e.read && (complete || !doc.Glob) {
			out.Add(e.findings()...)
		}
	}
	if complete {
		out.Add(idleExceptions(r.written.desired, r, live)...)
	}
	return out
}

// effects looks for what the rules of a document do.
type effects struct {
	doc   *document
	ref   plan.Ref
	where string // the zones, in words
	names iter.Seq[schema.Candidate]
	read  bool // all custom hostnames of its zones were read
	// hints is the number of patterns that similar names are still looked for.
	hints int
	// metadata is what metadataOf returns; nil before it is asked.
	metadata map[string]*metadata
}

// metadata is what custom hostnames have under one key.
type metadata struct {
	names  int            // that have the key
	values map[string]int // how many names have each value
}

// maxHints is the number of patterns of a document that similar names are looked for: each
// takes a look at every name.
const maxHints = 3

func newEffects(doc *document, r *Resolved, live *plan.Live) *effects {
	e := &effects{doc: doc, ref: plan.ConfigurationRef(), where: "any zone that matches " + doc.Name.Value, read: len(doc.zones) > 0, hints: maxHints}
	if !doc.Glob && len(doc.zones) > 0 {
		e.ref, e.where = live.ZoneRef(doc.zones[0]), "zone "+doc.Name.Value
	}
	for _, i := range doc.zones {
		e.read = e.read && live.Zones[i].CustomHostnames != nil
	}
	e.names = candidates(r, live, doc.zones)
	return e
}

// candidates visits the custom hostnames of some zones, with those that are to be created.
func candidates(r *Resolved, live *plan.Live, zones []int) iter.Seq[schema.Candidate] {
	return func(yield func(schema.Candidate) bool) {
		for _, i := range zones {
			for k := range live.Zones[i].CustomHostnames {
				h := &live.Zones[i].CustomHostnames[k]
				if !yield(schema.Candidate{Name: h.Name, Metadata: h.Metadata, Wildcard: h.Wildcard}) {
					return
				}
			}
			for k := range r.Zones[i].Created {
				c := &r.Zones[i].Created[k]
				wildcard := schema.Assigned(c.Settings, "ssl.wildcard").Is("true")
				if !yield(schema.Candidate{Name: c.Name, Wildcard: wildcard}) {
					return
				}
			}
		}
	}
}

// findings returns the findings about the rules of the document.
func (e *effects) findings() plan.Findings {
	var out plan.Findings
	rules := e.doc.CustomHostnames.Rules
	report := func(rule *schema.Rule, format string, args ...any) {
		via := fmt.Sprintf("rule %d", rule.Index)
		f := plan.Finding{Severity: schema.Warning, Rule: plan.NoEffect, Ref: e.ref, Origin: plan.Origin{Pos: rule.Pos, Via: via}}
		f.Message = via + fmt.Sprintf(format, args...)
		out.Add(f)
	}

	if e.empty() {
		report(&rules[0], "%s nothing: there is no custom hostname in %s", words.Plural(len(rules), " reaches", " and all others of this document reach"), e.where)
		return out
	}

	for i := range rules {
		rule := &rules[i]
		switch {
		case !e.doc.selector.Reached(i):
			report(rule, " reaches no custom hostname in %s%s", e.where, e.whyNone(i))
		case len(rule.Settings) > 0 && !e.doc.selector.Decisive(i):
			report(rule, " changes nothing: later rules and entries set all that it sets, for every custom hostname that it reaches")
		default:
			if idle := e.idle(i); len(idle) > 0 {
				report(rule, ": %s", strings.Join(idle, "; "))
			}
		}
	}
	return out
}

// empty reports whether there is no custom hostname at all.
func (e *effects) empty() bool {
	for range e.names {
		return false
	}
	return true
}

// whyNone says why a rule matches no custom hostname, as far as one of its conditions alone
// is the reason.
func (e *effects) whyNone(i int) string {
	match := &e.doc.CustomHostnames.Rules[i].Match
	for k := range match.Metadata {
		if why := e.withoutMetadata(&match.Metadata[k]); why != "" {
			return ": " + why
		}
	}

	patterns := match.Hostnames
	if len(match.Metadata) > 0 || len(match.Except) > 0 || match.Wildcard.Set { // else it is them
		patterns, _ = e.doc.selector.Idle(i, e.names)
	}
	if len(patterns) == 0 || len(patterns) < len(match.Hostnames) {
		return ": no name meets all its conditions"
	}
	return ": no name matches " + showAll(patterns) + e.similar(patterns[0])
}

// withoutMetadata says what no custom hostname has of a condition on metadata, "" if some
// name meets it.
func (e *effects) withoutMetadata(m *schema.MetadataMatch) string {
	known := e.metadataOf()
	has := known[m.Key]
	switch {
	case has == nil:
		names := func(key string) int { return known[key].names }
		return fmt.Sprintf("no name has metadata %s%s", schema.Show(m.Key), didYouMean(m.Key, commonKeys(known, names)))
	case m.Any || slices.ContainsFunc(m.Values, func(v string) bool { return has.values[v] > 0 }):
		return ""
	}
	names := func(value string) int { return has.values[value] }
	return fmt.Sprintf("no name has %s in its metadata %s%s", showAll(m.Values), schema.Show(m.Key), didYouMean(m.Values[0], commonKeys(has.values, names)))
}

// metadataOf returns the keys of the metadata of all custom hostnames, and the values of
// those that the rules ask for.
func (e *effects) metadataOf() map[string]*metadata {
	if e.metadata != nil {
		return e.metadata
	}

	e.metadata = map[string]*metadata{}
	asked := map[string]bool{}
	for i := range e.doc.CustomHostnames.Rules {
		for _, m := range e.doc.CustomHostnames.Rules[i].Match.Metadata {
			asked[m.Key] = true
		}
	}
	for c := range e.names {
		for key, value := range c.Metadata {
			has := e.metadata[key]
			if has == nil {
				has = &metadata{values: map[string]int{}}
				e.metadata[key] = has
			}
			has.names++
			if asked[key] {
				has.values[value]++
			}
		}
	}
	return e.metadata
}

// idle returns the parts of a rule that have no effect, although the rule has: patterns that
// match no name, values of metadata that no name has, and patterns of except that take no
// name out.
func (e *effects) idle(i int) []string {
	match := &e.doc.CustomHostnames.Rules[i].Match
	var out []string
	if len(match.Hostnames) > 1 || len(match.Except) > 0 {
		patterns, except := e.doc.selector.Idle(i, e.names)
		except = slices.DeleteFunc(except, func(p string) bool { return knownOffline(match, p) })
		if len(patterns) > 0 {
			out = append(out, fmt.Sprintf("hostname %s %s no name in %s%s", showAll(patterns), words.Plural(len(patterns), "matches", "match"), e.where, e.similar(patterns[0])))
		}
		if len(except) > 0 {
			out = append(out, fmt.Sprintf("except %s %s no name out in %s", showAll(except), words.Plural(len(except), "takes", "take"), e.where))
		}
	}

	for k := range match.Metadata {
		m := &match.Metadata[k]
		if len(m.Values) < 2 {
			continue
		}
		has := e.metadataOf()[m.Key]
		unused := slices.DeleteFunc(slices.Clone(m.Values), func(v string) bool { return has != nil && has.values[v] > 0 })
		if len(unused) > 0 {
			out = append(out, fmt.Sprintf("no name in %s has %s in its metadata %s", e.where, showAll(unused), schema.Show(m.Key)))
		}
	}
	return out
}

// knownOffline reports whether a pattern of except can take no name out of a rule at all,
// which the check of the files reports.
func knownOffline(match *schema.Match, except string) bool {
	meets := func(pattern string) bool { return schema.PatternsMeet(pattern, except) }
	return len(match.Hostnames) > 0 && !slices.ContainsFunc(match.Hostnames, meets)
}

// idleExceptions reports exceptions of the policy that cover nobody that is known. Names of
// a managed zone itself are not known one by one, so an exception for them is left alone.
func idleExceptions(d *schema.Desired, r *Resolved, live *plan.Live) plan.Findings {
	var zones []int
	for i := range live.Zones {
		if live.Zones[i].CustomHostnames == nil {
			return nil
		}
		zones = append(zones, i)
	}
	if len(zones) == 0 || len(d.Policy.Exceptions) == 0 {
		return nil
	}

	names := candidates(r, live, zones)
	idle := uncovered(d.Policy.Exceptions, live, names)
	hints := effects{names: names, hints: maxHints}
	var out plan.Findings
	for i := range d.Policy.Exceptions {
		x := &d.Policy.Exceptions[i]
		if !slices.Contains(idle, x.Hostname) {
			continue
		}
		f := plan.Finding{Severity: schema.Warning, Rule: plan.NoEffect, Ref: plan.ConfigurationRef(), Origin: plan.Origin{Pos: x.Pos, Via: "exceptions"}}
		f.Message = fmt.Sprintf("the exception for %s covers no name%s", schema.Show(x.Hostname), hints.similar(x.Hostname))
		out.Add(f)
	}
	return out
}

// uncovered returns the patterns of exceptions that are for no custom hostname, for no name
// below one with a wildcard, and for no name of a live zone itself.
func uncovered(exceptions []schema.Exception, live *plan.Live, names iter.Seq[schema.Candidate]) []string {
	patterns := make([]string, len(exceptions))
	for i := range exceptions {
		patterns[i] = exceptions[i].Hostname
	}
	left := schema.NewUnmet(patterns)
	var above []string // names that others may be below
	for i := range live.Zones {
		z := &live.Zones[i]
		above = append(above, z.Name)
		left.Meet(z.Name)
		for k := range z.Hostnames {
			left.Meet(z.Hostnames[k].Name)
		}
	}
	for c := range names {
		left.Meet(c.Name)
		if c.Wildcard {
			above = append(above, c.Name)
		}
	}
	for _, name := range above {
		left.Meet("name." + name)
	}

	parents := make(map[string]bool, len(above))
	for _, name := range above {
		parents[name] = true
	}
	return slices.DeleteFunc(left.Left(), func(pattern string) bool {
		for rest, more := pattern, true; more; _, rest, more = strings.Cut(rest, ".") {
			if parents[rest] {
				return true
			}
		}
		return false
	})
}
