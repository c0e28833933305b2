package job

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"tlsync/engine/apply"
	"tlsync/engine/diff"
	"tlsync/engine/plan"
	"tlsync/engine/safe"
	"tlsync/schema"
)

// breaches returns the breaches of the policy that forbid writing a plan. A limit given by
// flag replaces the policy's.
func breaches(made *plan.Plan, limit schema.MaxChanges) []plan.Breach {
	out := slices.Clone(made.Breaches)
	if !limit.Set {
		return out
	}
	out = slices.DeleteFunc(out, func(b plan.Breach) bool { return b.Rule == plan.MaxChanges })

	most := limit.Of(made.Summary.Objects)
	if limit.Percent == 0 {
		most = limit.Count
	}
	if n := len(made.Changes); n > most {
		out = append(out, plan.Breach{Rule: plan.MaxChanges, Changes: n, Message: diff.TooMany(n, most, made.Summary.Objects, limit, "--max-changes")})
	}
	return out
}

// gates refuses a plan that has hazards without permission or breaks the policy. The error
// contains flags and YAML that would allow it, ready to copy.
func (p *Job) gates(o ApplyOptions, made *plan.Plan, c *configuration) error {
	refusals, broken := apply.Refusals(made, o.Allow), breaches(made, o.MaxChanges)
	if len(refusals) == 0 && len(broken) == 0 {
		return nil
	}
	return Exit{CodeRefused, fmt.Errorf("refused, nothing was written:%s", p.refusal(refusals, broken, o.Allow, c))}
}

// policyKept fails if a plan breaks the policy, whatever the flags allow: a change that
// apply would refuse should not be merged.
func (p *Job) policyKept(made *plan.Plan, c *configuration) error {
	broken := slices.DeleteFunc(slices.Clone(made.Breaches), func(b plan.Breach) bool { return b.Rule == plan.MaxChanges })
	if len(broken) == 0 {
		return nil
	}
	return Exit{CodeRefused, fmt.Errorf("the plan breaks the policy, so apply would refuse it:%s", p.refusal(nil, broken, nil, c))}
}

// A refusal lists at most mostNamed breaches of one rule. YAML that is ready to copy must
// be complete, so its limit, mostExceptions, is higher.
const (
	mostNamed      = 50
	mostExceptions = 1000
)

// refusal lists why a plan is refused and what would allow it.
func (p *Job) refusal(refusals []apply.Refusal, broken []plan.Breach, allowed []plan.HazardKind, c *configuration) string {
	var b strings.Builder
	need, never := slices.Clone(allowed), false
	for _, r := range refusals {
		first := r.Changes[0]
		for _, h := range first.Hazards {
			if h.Kind == r.Hazard {
				fmt.Fprintf(&b, "\n  %s: %s", r.Hazard, h.Message)
				break
			}
		}
		if more := len(r.Changes) - 1; more > 0 {
			fmt.Fprintf(&b, " (and %d more)", more)
		}
		if r.Hazard == plan.Unreachable {
			never = true
		} else {
			need = append(need, r.Hazard)
		}
	}
	byRule := map[string][]plan.Breach{}
	for _, br := range broken {
		byRule[br.Rule] = append(byRule[br.Rule], br)
	}
	for _, rule := range []string{plan.Unreadable, plan.BelowFloor, plan.NotCovered, plan.MaxChanges} {
		for i, br := range byRule[rule] {
			if i == mostNamed {
				fmt.Fprintf(&b, "\n  %s: and %d more", rule, len(byRule[rule])-mostNamed)
				break
			}
			fmt.Fprintf(&b, "\n  %s: %s", rule, br.Message)
		}
	}

	if never {
		b.WriteString("\nunreachable is never allowed: change the configuration")
	}
	var flags []string
	if len(need) > len(allowed) && !never {
		flags = append(flags, "--allow-hazards "+strings.ReplaceAll(JoinKinds(need), ", ", ","))
	}
	if too := byRule[plan.MaxChanges]; len(too) > 0 && !never {
		flags = append(flags, "--max-changes "+strconv.Itoa(too[0].Changes))
	}

	if len(flags) > 0 {
		fmt.Fprintf(&b, "\nto accept this, run again with %s", strings.Join(flags, " "))
	}
	p.exceptions(&b, byRule[plan.BelowFloor], &c.desired.Policy)
	entries(&b, byRule[plan.NotCovered])
	return b.String()
}

// exceptions writes the YAML that accepts values below the floor.
func (p *Job) exceptions(b *strings.Builder, broken []plan.Breach, policy *schema.Policy) {
	if len(broken) == 0 {
		return
	}
	if slices.ContainsFunc(broken, func(br plan.Breach) bool { return br.OfBase }) {
		b.WriteString("\nthe base's policy also applies, so that a commit cannot loosen the rule that checks it: to accept values below its floor, add an exception in a separate commit and apply that first")
	}

	type item struct {
		name     string
		settings []string
	}
	var items []*item
	at := map[string]*item{}
	odd := map[string]bool{}
	for _, br := range broken {
		switch row, ok := schema.LookupSetting(br.Setting); {
		case !br.OfHead: // the configuration accepts it
			continue
		case !ok || !row.Known(br.Value):
			odd[br.Setting+" "+br.Value.Show()] = true // which the configuration could not say
			continue
		}
		for _, name := range br.Names {
			if at[name] == nil {
				at[name] = &item{name: name}
				items = append(items, at[name])
			}
			at[name].settings = append(at[name].settings, br.Setting+": "+br.Value.YAML())
		}
	}

	for _, what := range slices.Sorted(maps.Keys(odd)) {
		fmt.Fprintf(b, "\n%s is not a value that this release knows, so an exception cannot name it: manage the setting, or change it at Cloudflare", safe.Text(what))
	}

	if len(items) == 0 {
		return
	}
	if len(policy.Exceptions) > 0 {
		b.WriteString("\nto accept values below the floor until a given day, add this to exceptions: in the policy")
	} else {
		b.WriteString("\nto accept values below the floor until a given day, add this to policy:\n  exceptions:")
	}

	const days = 90
	until := p.Now().AddDate(0, 0, days).UTC().Format(time.DateOnly)
	for i, it := range items {
		if i == mostExceptions {
			fmt.Fprintf(b, "\n    # and %d more; a hostname pattern covers many", len(items)-mostExceptions)
			break
		}
		fmt.Fprintf(b, "\n    - { hostname: %q, settings: { %s }, reason: say why, until: %s }", safe.Text(it.name), strings.Join(it.settings, ", "), until)
	}
}

// entries writes the YAML that covers custom hostnames without changing them.
func entries(b *strings.Builder, broken []plan.Breach) {
	zone := ""
	for i, br := range broken {
		if i == mostExceptions {
			fmt.Fprintf(b, "\n      # and %d more; a rule covers many", len(broken)-mostExceptions)
			break
		}
		if br.Zone != zone {
			zone = br.Zone
			fmt.Fprintf(b, "\nto cover it without changing it, add this to the document of zone %s, or create one\n  custom_hostnames:\n    hostnames:", safe.Text(zone))
		}
		fmt.Fprintf(b, "\n      %s: {}", safe.Text(br.Names[0]))
	}
}
