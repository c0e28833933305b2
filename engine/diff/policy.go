package diff

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tlsync/engine/diff/policy"
	"tlsync/engine/plan"
	"tlsync/schema"
	"tlsync/schema/words"
)

// checkSize adds a breach and a finding to a plan that has more changes than one of
// the policies lets pass.
func checkSize(p *plan.Plan, policies []policy.Policy) {
	for _, pol := range policies {
		limit := pol.MaxChanges
		most := limit.Of(p.Summary.Objects)
		n := len(p.Changes)
		if !limit.Set || n <= most {
			continue
		}

		message := TooMany(n, most, p.Summary.Objects, limit, fmt.Sprintf("max_changes%s (%s)", pol.Of, limit.Pos))
		f := configurationFinding(plan.MaxChanges, message)
		if pol.Of == "" {
			f.Origin = plan.Origin{Pos: limit.Pos, Via: "max_changes"}
		}
		p.Breaches = append(p.Breaches, plan.Breach{Rule: plan.MaxChanges, Changes: n, Message: message})
		p.Findings = append(p.Findings, f)
		return // one is enough
	}
}

// Resize replaces what a plan says about the number of its changes: a plan with fewer
// changes may keep to the limits of the policies. Base may be nil.
func Resize(p *plan.Plan, head, base *schema.Policy) {
	p.Breaches = slices.DeleteFunc(slices.Clone(p.Breaches), func(b plan.Breach) bool { return b.Rule == plan.MaxChanges })
	p.Findings = slices.DeleteFunc(slices.Clone(p.Findings), func(f plan.Finding) bool { return f.Rule == plan.MaxChanges })
	checkSize(p, policy.Policies(head, base))
	plan.SortFindings(p.Findings)
}

// TooMany says how many changes there are, and how many a limit lets pass.
func TooMany(changes, most, objects int, m schema.MaxChanges, source string) string {
	of := ""
	if m.Percent > 0 {
		of = fmt.Sprintf(", %s of %s", m, words.Count(objects, "object"))
	}
	return fmt.Sprintf("%s, and %s allows %d%s", words.Plural(changes, "there is 1 change", "there are "+words.Count(changes, "change")), source, most, of)
}

// loosened returns a finding for each thing that the policy of the configuration lets
// pass and that of the base commit does not. Both hold for this plan.
func (in *Input) loosened(objects int) []plan.Finding {
	if in.Base == nil || in.Base.Policy == nil || in.Head.Policy == nil {
		return nil
	}
	base, head := in.Base.Policy, in.Head.Policy
	var out []plan.Finding
	report := func(pos schema.Pos, via, format string, args ...any) {
		if pos == (schema.Pos{}) {
			pos = head.Pos // the line is gone
		}
		f := configurationFinding(plan.PolicyLoosened, fmt.Sprintf(format, args...)+"; the base's policy still applies to this commit")
		f.Origin = plan.Origin{Pos: pos, Via: via}
		out = append(out, f)
	}

	for i := range base.Floor {
		was := &base.Floor[i]
		row, _ := schema.LookupSetting(was.Setting)
		switch is := schema.Assigned(head.Floor, was.Setting); {
		case is == nil:
			report(schema.Pos{}, "floor", "the floor %s of %s is removed", was.Value.Show(), was.Setting)
		case !row.Meets(was.Value, is.Value):
			report(is.Pos, "floor", "the floor of %s goes from %s to %s", was.Setting, was.Value.Show(), is.Value.Show())
		}
	}

	if base.EnforceAll && !head.EnforceAll {
		report(head.EnforceAt, "enforce", "the floor is no longer enforced for everything")
	}
	if base.CoverageRequired && !head.CoverageRequired {
		report(head.CoverageAt, "coverage", "coverage is no longer required")
	}

	switch was, is := base.MaxChanges, head.MaxChanges; {
	case was.Set && !is.Set:
		report(schema.Pos{}, "max_changes", "max_changes %s is removed", was)
	case was.Set && is.Of(objects) > was.Of(objects):
		report(is.Pos, "max_changes", "max_changes goes from %s to %s", was, is)
	}

	for i := range head.Exceptions {
		e := &head.Exceptions[i]
		if slices.ContainsFunc(base.Exceptions, func(x schema.Exception) bool { return within(e, &x) }) {
			continue
		}
		var values []string
		for _, a := range e.Settings {
			values = append(values, a.Setting+" "+a.Value.Show())
		}
		report(e.Pos, "exceptions", "an exception for %s, %s until %s, is new or goes further", e.Hostname, strings.Join(values, ", "), e.Until)
	}
	return out
}

func configurationFinding(rule, message string) plan.Finding {
	return plan.Finding{Severity: schema.Warning, Rule: rule, Ref: plan.ConfigurationRef(), Message: message}
}

// within reports whether an exception lets nothing pass that another does not.
func within(e, other *schema.Exception) bool {
	same := e.Hostname == other.Hostname || !strings.ContainsAny(e.Hostname, "*?[{") && other.Holds(e.Hostname, time.Time{})
	if !same || e.Until > other.Until {
		return false
	}
	return !slices.ContainsFunc(e.Settings, func(a schema.Assignment) bool {
		row, _ := schema.LookupSetting(a.Setting)
		x := schema.Assigned(other.Settings, a.Setting)
		return x == nil || !row.Meets(x.Value, a.Value)
	})
}
