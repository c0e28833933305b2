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
	d.warnf(d.at(p.node), "policy-not-enforced", "", "policy is read and checked but not enforced yet")
	policy := Policy{Pos: d.at(p.node), Set: true}
	for _, p := range pairs {
		switch p.key {
		case "floor":
			policy.Floor = d.limits(p.value, "floor", "floor")
		case "coverage":
			switch s, ok := d.scalar(p.value, "coverage"); {
			case !ok:
			case s == "required":
				policy.CoverageRequired = true
			case s != "report":
				d.errorf(d.at(p.value), "policy", "", "coverage %s is not one of required, report", show(s))
			}
		case "max_changes":
			policy.MaxChanges = d.maxChanges(p.value)
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

// maxChanges reads a count or a share.
func (d *decoder) maxChanges(n *yaml.Node) MaxChanges {
	s, ok := d.scalar(n, "max_changes")
	if !ok {
		return MaxChanges{}
	}
	if share, isShare := strings.CutSuffix(s, "%"); isShare {
		f, err := strconv.ParseFloat(strings.TrimSpace(share), 64)
		if err == nil && f > 0 && f <= 100 {
			return MaxChanges{Percent: f, Set: true}
		}
	} else if n, err := strconv.Atoi(s); err == nil && n > 0 {
		return MaxChanges{Count: n, Set: true}
	}
	d.errorf(d.at(n), "policy", "", "max_changes %s is neither a number of at least 1 nor a share such as 30%%", show(s))
	return MaxChanges{}
}

// exception reads one item of exceptions.
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
				d.errorf(d.at(p.value), "missing-value", "", "%s lifts nothing; write the settings and the values that are acceptable", via)
			}
		case "reason":
			s, _ := d.scalar(p.value, "reason")
			if e.Reason = strings.Join(strings.Fields(s), " "); e.Reason == "" && p.value.Kind == yaml.ScalarNode {
				d.errorf(d.at(p.value), "missing-value", "", "the reason is empty; say why the exception is needed")
			}
		case "until":
			e.Until = d.date(p.value)
		default:
			d.unknownKey(p, "an exception", "hostname", "settings", "reason", "until")
		}
	}
	complete := true
	for _, key := range []string{"hostname", "settings", "reason", "until"} {
		if !written[key] && !hasKey(n, key) {
			d.errorf(d.at(n), "missing-key", "", "%s has no %s", via, key)
			complete = false
		}
	}
	return e, complete && e.Hostname != "" && e.Reason != "" && e.Until != ""
}

// date reads a day, as YYYY-MM-DD.
func (d *decoder) date(n *yaml.Node) string {
	s, ok := d.scalar(n, "until")
	if !ok {
		return ""
	}
	if _, err := time.Parse(time.DateOnly, s); err != nil {
		d.errorf(d.at(n), "date", "", "until %s is not a day; write it as in 2027-03-31", show(s))
		return ""
	}
	return s
}

// hasKey reports whether a mapping has a key at all, be it with no value: then
// the mistake was told of already.
func hasKey(n *yaml.Node, key string) bool {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return true
		}
	}
	return false
}
