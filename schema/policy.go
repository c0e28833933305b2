package schema

import (
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// policy reads the policy block.
func (d *decoder) policy(p pair) {
	pairs := d.mapping(p.value, "policy")
	if p.value.Kind != yaml.MappingNode {
		return
	}

	policy := Policy{Pos: d.at(p.node), Set: true}
	for _, p := range pairs {
		switch p.key {
		case "floor":
			policy.Floor = d.limits(p.value, "floor", "floor")
		case "coverage":
			policy.CoverageRequired, policy.CoverageAt = d.coverage(p)
		case "max_changes":
			policy.MaxChanges = d.maxChanges(p.value)
			policy.MaxChanges.Pos = d.at(p.node)
		case "exceptions":
			for i, item := range d.sequence(p.value, "exceptions") {
				if e, ok := d.exception(item, "exception "+strconv.Itoa(i+1)); ok {
					policy.Exceptions = append(policy.Exceptions, e)
				}
			}
		default:
			d.unknownKey(p, "policy", "floor", "coverage", "max_changes", "exceptions")
		}
	}

	d.desired.Policy = policy
}

// coverage reads whether coverage is required, and where that is written.
func (d *decoder) coverage(p pair) (required bool, at Pos) {
	switch s, ok := d.scalar(p.value, "coverage"); {
	case !ok:
	case s == "required":
		return true, d.at(p.node)
	case s != "report":
		d.errorf(d.at(p.value), "policy", "", "coverage %s is not one of required, report", show(s))
	}
	return false, Pos{}
}

// maxChanges reads a count or a percentage.
func (d *decoder) maxChanges(n *yaml.Node) MaxChanges {
	s, ok := d.scalar(n, "max_changes")
	if !ok {
		return MaxChanges{}
	}
	m, ok := ParseMaxChanges(s)
	if !ok {
		d.errorf(d.at(n), "policy", "", "max_changes %s is neither a number of at least 1 nor a percentage such as 30%%", show(s))
	}
	return m
}

// ParseMaxChanges reads a number of at least 1, or a percentage above 0% and up
// to 100%, as in "30%".
func ParseMaxChanges(s string) (MaxChanges, bool) {
	if share, isShare := strings.CutSuffix(s, "%"); isShare {
		f, err := strconv.ParseFloat(strings.TrimSpace(share), 64)
		if err == nil && f > 0 && f <= 100 {
			return MaxChanges{Percent: f, Set: true}, true
		}
	} else if n, err := strconv.Atoi(s); err == nil && n > 0 {
		return MaxChanges{Count: n, Set: true}, true
	}
	return MaxChanges{}, false
}

// String returns the limit as it is written, "412" or "30%", or "" if there is
// none.
func (m MaxChanges) String() string {
	switch {
	case !m.Set:
		return ""
	case m.Percent > 0:
		return strconv.FormatFloat(m.Percent, 'f', -1, 64) + "%"
	}
	return strconv.Itoa(m.Count)
}

// alwaysAllowed is the number of changes that every limit permits, so that a
// percentage of few objects is useful.
const alwaysAllowed = 10

// Of returns the number of changes that one apply may make, given the number of
// live objects.
func (m MaxChanges) Of(objects int) int {
	n := m.Count
	if m.Percent > 0 {
		n = int(float64(objects) * m.Percent / 100)
	}
	return max(n, alwaysAllowed)
}

// exception reads an item of exceptions.
func (d *decoder) exception(n *yaml.Node, via string) (Exception, bool) {
	pairs := d.mapping(n, via)
	if n.Kind != yaml.MappingNode {
		return Exception{}, false
	}

	e := Exception{Pos: d.at(n)}
	written := map[string]bool{}
	for _, p := range pairs {
		written[p.key] = true
		switch p.key {
		case "hostname":
			e.Hostname = d.pattern(p.value, "hostname")
		case "settings":
			e.Settings = d.limits(p.value, via, "settings")
			if p.value.Kind == yaml.MappingNode && len(p.value.Content) == 0 {
				d.errorf(d.at(p.value), "missing-value", "write the settings and the values to accept", "%s has no settings", via)
			}
		case "reason":
			s, _ := d.scalar(p.value, "reason")
			if e.Reason = strings.Join(strings.Fields(s), " "); e.Reason == "" && p.value.Kind == yaml.ScalarNode {
				d.errorf(d.at(p.value), "missing-value", "say why the exception is needed", "the reason is empty")
			}
		case "until":
			e.Until, e.UntilAt = d.date(p.value), d.at(p.value)
		default:
			d.unknownKey(p, "an exception", "hostname", "settings", "reason", "until")
		}
	}

	d.checkUntil(&e)
	complete := true
	for _, key := range []string{"hostname", "settings", "reason", "until"} {
		if !written[key] && !hasKey(n, key) {
			d.errorf(d.at(n), "missing-key", "", "%s has no %s", via, key)
			complete = false
		}
	}

	return e, complete && e.Hostname != "" && e.Reason != "" && e.Until != ""
}

// date reads a day in the form YYYY-MM-DD.
func (d *decoder) date(n *yaml.Node) string {
	s, ok := d.scalar(n, "until")
	if !ok {
		return ""
	}
	if _, err := time.Parse(time.DateOnly, s); err != nil {
		d.errorf(d.at(n), "date", "write it as in 2027-03-31", "until %s is not a date", show(s))
		return ""
	}
	return s
}

// checkUntil warns during the last days of an exception, and rejects an
// exception that has ended.
func (d *decoder) checkUntil(e *Exception) {
	if e.Until == "" || d.now.IsZero() {
		return
	}
	const day = 24 * time.Hour
	const hint = "remove the exception, or give it a later day"
	switch left := e.end().Sub(d.now); {
	case left <= 0:
		d.errorf(e.UntilAt, "exception-expired", hint, "the exception for %s ended on %s", show(e.Hostname), e.Until)
	case left <= firstAlertDays*day:
		d.warnf(e.UntilAt, "exception-expires", hint, "the exception for %s ends on %s, in %s; from that day on it is an error", show(e.Hostname), e.Until, days((left+day-1)/day))
	}
}

// end returns the moment at which the exception ends: midnight UTC.
func (e *Exception) end() time.Time {
	t, err := time.Parse(time.DateOnly, e.Until)
	if err != nil {
		return time.Time{}
	}
	return t
}

// Holds reports whether the exception applies to a canonical name and has not
// ended. At the zero time no exception has ended. A name that begins with "*."
// stands for all names below the rest; a pattern that matches only some labels
// does not apply to it.
func (e *Exception) Holds(name string, now time.Time) bool {
	if strings.HasPrefix(name, "*.") && strings.ContainsAny(e.Hostname, "?[{") {
		return false
	}
	g := compileGlob(e.Hostname)
	return g.match(name) && (now.IsZero() || now.Before(e.end()))
}

// hasKey reports whether a mapping has a key, even one without a value. mapping
// has already reported a missing value.
func hasKey(n *yaml.Node, key string) bool {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return true
		}
	}
	return false
}
