package who

import (
	"slices"
	"strings"

	"tlsync/engine/plan"
	"tlsync/schema/words"
)

// The titles of the lines: below drift, and where live differs from files that may have
// changed instead.
const (
	Title     = "Who changed it"
	LiveTitle = "Who last changed what is live"
)

// Line tells of settings that the same actors changed in the same way.
type Line struct {
	// by is what the lines of a group have in common; first and last are the times of the
	// oldest and of the newest change.
	by          plan.Changed
	first, last string
	setting     string
	names       []string
}

// Lines returns what a plan tells about who made live differ, in the order of its changes.
func Lines(p *plan.Plan) []Line {
	var out []Line
	at := map[string]int{}
	for i := range p.Changes {
		c := &p.Changes[i]
		for j := range c.Edits {
			e := &c.Edits[j]
			if e.Changed == nil {
				continue
			}

			key := strings.Join([]string{who(e.Changed, quoted), e.Setting, e.Changed.Own, e.Changed.Old, e.Changed.New, earlier(e.Changed)}, "\x00")
			k, known := at[key]
			if !known {
				k = len(out)
				at[key] = k
				out = append(out, Line{by: *e.Changed, first: e.Changed.At, last: e.Changed.At, setting: e.Setting})
			}
			out[k].add(c.Title(), e.Changed.At)
		}
	}
	return out
}

func (l *Line) add(name, at string) {
	l.first, l.last = min(l.first, at), max(l.last, at)
	if !slices.Contains(l.names[max(0, len(l.names)-1):], name) {
		l.names = append(l.names, name)
	}
}

// Sentence says it. Text shows a foreign text.
func (l *Line) Sentence(text func(string) string) string {
	what := text(l.setting) + " of " + text(l.names[0])
	if n := len(l.names); n > 1 {
		what = text(l.setting) + " of " + words.Count(n, "object") + ", e.g. " + text(l.names[0]) + ", " + text(l.names[1])
	}

	period := text(day(l.by.Since)) + " to " + text(day(l.by.Before))
	switch {
	case len(l.by.By) == 0 && l.by.Own != "":
		return what + ": the audit log has only changes by the token of this run, the last at " + text(l.by.Own)
	case len(l.by.By) == 0:
		return what + ": no entry in the audit log from " + period
	}

	when := text(l.last)
	if l.first != l.last {
		when = text(l.first) + " to " + when
	}
	said := what + ": " + who(&l.by, text) + ", " + when
	if l.by.Old != "" && l.by.New != "" {
		said += ", from " + text(l.by.Old) + " to " + text(l.by.New)
	}
	said += earlier(&l.by)
	if l.by.Own != "" {
		said += "; the token of this run wrote it after that, at " + text(l.by.Own)
	}
	return said
}

// day returns the day of a time: a period ends at the check, and the same drift reads the same
// at the next one.
func day(at string) string {
	before, _, _ := strings.Cut(at, "T")
	return before
}

// earlier counts the changes by others before the one that is named.
func earlier(c *plan.Changed) string {
	if c.Earlier == 0 {
		return ""
	}
	return ", after " + words.Count(c.Earlier, "earlier change")
}

// who names who made the last change. Several that did so at the same time are all named: the
// log does not tell which of them was the last.
func who(c *plan.Changed, text func(string) string) string {
	var all []string
	for i := range c.By {
		all = append(all, actor(&c.By[i], text))
	}
	slices.Sort(all)
	if len(all) > 1 {
		return "one of " + strings.Join(all, " and ") + ", all at once"
	}
	return strings.Join(all, "")
}

// quoted shows a text as it is, for comparisons.
func quoted(s string) string { return s }

// actor names an actor and the way.
func actor(a *plan.Actor, text func(string) string) string {
	name := ""
	switch {
	case a.Email != "":
		name = text(a.Email)
	case a.Cloudflare:
		name = "Cloudflare itself"
	case a.Way != "api_token":
		name = "somebody whom the log does not name"
	}

	way := ""
	switch a.Way {
	case "dash":
		way = "in the dashboard"
	case "oauth":
		way = "through an application (OAuth)"
	case "api_key":
		way = "with a global API key"
	case "origin_ca_key":
		way = "with an Origin CA key"
	case "api_token":
		way = "with an API token that the log does not name"
		if a.Token != "" {
			way = "with the API token " + text(a.Token)
		}
	case "":
	default:
		way = "by " + text(a.Way)
	}
	return strings.Join(slices.DeleteFunc([]string{name, way}, func(s string) bool { return s == "" }), " ")
}

// Mask hides the e-mail addresses of a question's answers, but for their first letter and
// their domain: what a public log or issue says is for everybody.
func (q *Question) Mask() {
	for _, e := range q.edits {
		if e.at.Changed == nil {
			continue
		}
		for i := range e.at.Changed.By {
			a := &e.at.Changed.By[i]
			a.Email, a.Token = masked(a.Email), masked(a.Token)
		}
	}
}

// masked hides the part of each word before an "@", but for its first letter.
func masked(s string) string {
	parts := strings.SplitAfter(s, " ")
	for i, word := range parts {
		local, domain, isAddress := strings.Cut(word, "@")
		if r := []rune(local); isAddress && len(r) > 0 {
			parts[i] = string(r[0]) + "…@" + domain
		}
	}
	return strings.Join(parts, "")
}
