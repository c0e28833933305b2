package load

import (
	"strconv"
	"strings"
	"time"

	"tlsync/schema"
	"tlsync/schema/certificate"

	"gopkg.in/yaml.v3"
)

// policy reads the policy block.
func (d *decoder) policy(p pair) {
	pairs := d.mapping(p.value, "policy")
	if p.value.Kind != yaml.MappingNode {
		return
	}

	policy := schema.Policy{Pos: d.at(p.node), Set: true}
	for _, p := range pairs {
		switch p.key {
		case "floor":
			policy.Floor = d.limits(p.value, "floor", "floor")
		case "enforce":
			policy.EnforceAll = d.oneOf(p, "everything", "changes")
			policy.EnforceAt = d.at(p.node)
		case "coverage":
			if d.oneOf(p, "required", "report") {
				policy.CoverageRequired, policy.CoverageAt = true, d.at(p.node)
			}
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
			d.unknownKey(p, "policy", "floor", "enforce", "coverage", "max_changes", "exceptions")
		}
	}

	d.desired.Policy = policy
}

// oneOf reads a rule of the policy that is one of two words, and reports whether it is
// the first, the stricter one.
func (d *decoder) oneOf(p pair, strict, loose string) bool {
	s, ok := d.scalar(p.value, p.key)
	if ok && s != strict && s != loose {
		d.errorf(d.at(p.value), "policy", schema.WordHint(s, strict, loose), "%s %s is not one of %s, %s", p.key, schema.Show(s), strict, loose)
	}
	return ok && s == strict
}

// maxChanges reads a count or a percentage.
func (d *decoder) maxChanges(n *yaml.Node) schema.MaxChanges {
	s, ok := d.scalar(n, "max_changes")
	if !ok {
		return schema.MaxChanges{}
	}
	m, ok := schema.ParseMaxChanges(s)
	if !ok {
		d.errorf(d.at(n), "policy", "", "max_changes %s is neither a number of at least 1 nor a percentage such as 30%%", schema.Show(s))
	}
	return m
}

// exception reads an item of exceptions.
func (d *decoder) exception(n *yaml.Node, via string) (schema.Exception, bool) {
	pairs := d.mapping(n, via)
	if n.Kind != yaml.MappingNode {
		return schema.Exception{}, false
	}

	e := schema.Exception{Pos: d.at(n)}
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
			d.errorf(d.at(n), "missing-key", "write "+key+": beside the other keys; an exception has hostname, settings, reason and until", "%s has no %s", via, key)
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
		d.errorf(d.at(n), "date", "write it as in 2027-03-31", "until %s is not a date", schema.Show(s))
		return ""
	}
	return s
}

// checkUntil warns during the last days of an exception, and rejects an
// exception that has ended.
func (d *decoder) checkUntil(e *schema.Exception) {
	if e.Until == "" || d.now.IsZero() {
		return
	}
	const day = 24 * time.Hour
	const hint = "remove the exception, or give it a later day"
	switch left := e.End().Sub(d.now); {
	case left <= 0:
		d.errorf(e.UntilAt, "exception-expired", hint, "the exception for %s ended on %s", schema.Show(e.Hostname), e.Until)
	case left <= certificate.FirstAlertDays*day:
		d.warnf(e.UntilAt, "exception-expires", hint, "the exception for %s ends on %s, in %s; from that day on it is an error", schema.Show(e.Hostname), e.Until, certificate.Days((left+day-1)/day))
	}
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
