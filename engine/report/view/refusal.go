package view

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tlsync/engine/apply"
	"tlsync/engine/plan"
	"tlsync/engine/report/exempt"
	"tlsync/engine/safe"
	"tlsync/schema"
	"tlsync/schema/words"
)

// Refused says why a plan is not written, and what would allow it.
type Refused struct {
	Hazards []apply.Refusal
	Broken  []plan.Breach
	Allowed []plan.HazardKind // hazards that are allowed already
	Way     Way
	// Exceptions reports whether the policy has exceptions, so that another joins them.
	Exceptions bool
	// Until is the day that a suggested exception ends on.
	Until time.Time
}

// A refusal fits on a screen: it lists at most mostNamed breaches of one rule, and mostLines
// lines of YAML, half as many of each if two rules take lines.
const (
	mostNamed = 10
	mostLines = 20
)

// room returns how many breaches of one rule and lines of YAML there is room for.
func room(byRule map[string][]plan.Breach) (named, lines int) {
	if len(byRule[plan.BelowFloor]) > 0 && len(byRule[plan.NotCovered]) > 0 {
		return mostNamed / 2, mostLines / 2
	}
	return mostNamed, mostLines
}

// Text lists the reasons, each on a line of its own that a line break begins, and then the
// flags and YAML that would allow the plan, ready to copy.
func (r *Refused) Text() string {
	byRule := map[string][]plan.Breach{}
	for _, br := range r.Broken {
		byRule[br.Rule] = append(byRule[br.Rule], br)
	}

	named, lines := room(byRule)
	var b strings.Builder
	for _, h := range r.Hazards {
		writeHazard(&b, h)
	}
	for _, rule := range []string{plan.Unreadable, plan.BelowFloor, plan.NotCovered, plan.MaxChanges} {
		writeBreaches(&b, rule, byRule[rule], named)
	}

	r.writeFlags(&b, byRule[plan.MaxChanges])
	r.writeExceptions(&b, byRule[plan.BelowFloor], lines)
	writeEntries(&b, byRule[plan.NotCovered], lines)
	return b.String()
}

// Remedy returns the lines of the configuration that would allow what the policy refuses,
// ready to copy; none if no lines can.
func (r *Refused) Remedy() []string {
	byRule := map[string][]plan.Breach{}
	for _, br := range r.Broken {
		byRule[br.Rule] = append(byRule[br.Rule], br)
	}
	_, lines := room(byRule)
	var b strings.Builder
	r.writeExceptions(&b, byRule[plan.BelowFloor], lines)
	writeEntries(&b, byRule[plan.NotCovered], lines)
	if b.Len() == 0 {
		return nil
	}
	return strings.Split(b.String()[1:], "\n")
}

// writeHazard tells of a hazard by its first change.
func writeHazard(b *strings.Builder, r apply.Refusal) {
	for _, h := range r.Changes[0].Hazards {
		if h.Kind == r.Hazard {
			fmt.Fprintf(b, "\n  %s: %s", r.Hazard, h.Message)
			break
		}
	}
	if more := len(r.Changes) - 1; more > 0 {
		fmt.Fprintf(b, " (and %s more)", words.Number(more))
	}
}

// writeBreaches tells of the breaches of a rule, those of the same value in one zone
// together.
func writeBreaches(b *strings.Builder, rule string, broken []plan.Breach, most int) {
	groups := groupBreaches(broken)
	for i, g := range groups {
		if i == most {
			fmt.Fprintf(b, "\n  %s: and %s more", rule, words.Number(len(groups)-most))
			return
		}
		fmt.Fprintf(b, "\n  %s: %s", rule, g.message())
	}
}

// breachGroup is what breaches of one rule, setting and value in one zone come to.
type breachGroup struct {
	first plan.Breach
	names []string
	many  bool
}

// groupBreaches joins breaches, in order of first appearance.
func groupBreaches(broken []plan.Breach) []*breachGroup {
	type key struct {
		zone, setting, floor string
		value                schema.Value
	}
	at := map[key]*breachGroup{}
	var groups []*breachGroup
	for _, br := range broken {
		k := key{br.Zone, br.Setting, br.Floor, br.Value}
		g := at[k]
		if g == nil || br.Rule != plan.BelowFloor && br.Rule != plan.NotCovered {
			g = &breachGroup{first: br}
			at[k], groups = g, append(groups, g)
		} else {
			g.many = true
		}
		g.names = append(g.names, br.Names...)
	}
	return groups
}

// message is one sentence about the breaches of a group.
func (g *breachGroup) message() string {
	if !g.many {
		return g.first.Message
	}

	names := slices.Clone(g.names)
	slices.Sort(names)
	who := fmt.Sprintf("%s names of zone %s (%s)", words.Number(len(names)), g.first.Zone, words.First(names))
	if g.first.Rule == plan.NotCovered {
		return "no defaults, no rule and no entry reaches " + who
	}
	return fmt.Sprintf("visitors of %s get %s %s; %s", who, g.first.Setting, g.first.Value.Show(), g.first.Floor)
}

// writeFlags names the flags that accept the plan, unless nothing can.
func (r *Refused) writeFlags(b *strings.Builder, tooMany []plan.Breach) {
	var kinds []plan.HazardKind
	for _, h := range r.Hazards {
		if h.Hazard == plan.Unreachable {
			b.WriteString("\nunreachable is never allowed: change the configuration")
			return
		}
		kinds = append(kinds, h.Hazard)
	}

	most := 0
	if len(tooMany) > 0 {
		most = tooMany[0].Changes
	}
	if len(kinds) > 0 || most > 0 {
		b.WriteString(r.Way.accept(kinds, r.Allowed, most))
	}
}

// writeExceptions writes the YAML that accepts values below the floor.
func (r *Refused) writeExceptions(b *strings.Builder, broken []plan.Breach, most int) {
	if slices.ContainsFunc(broken, func(br plan.Breach) bool { return br.OfBase }) {
		b.WriteString("\nthe base's policy also applies, so that a commit cannot loosen the rule that checks it: to accept values below its floor, add an exception in a separate commit and apply that first")
	}

	items, odd := exempt.Of(broken)
	for _, value := range odd {
		fmt.Fprintf(b, "\n%s is not a value that this release knows, so an exception cannot name it: manage the setting, or change it at Cloudflare", safe.Text(value))
	}

	switch {
	case len(items) == 0:
		return
	case r.Exceptions:
		b.WriteString("\nto accept values below the floor until a given day, add this to exceptions: in the policy")
	default:
		b.WriteString("\nto accept values below the floor until a given day, add this to policy:\n  exceptions:")
	}

	until := r.Until.UTC().Format(time.DateOnly)
	lines := exempt.Few(items, most)
	for i, it := range lines {
		if i == most {
			fmt.Fprintf(b, "\n    # and %s more", words.Number(len(lines)-most))
			return
		}
		of := ""
		if it.Names > 1 {
			of = fmt.Sprintf(" # %s names, and any other that matches", words.Number(it.Names))
		}
		fmt.Fprintf(b, "\n    - { hostname: %q, settings: { %s }, reason: say why, until: %s }%s", safe.Text(it.Hostname), strings.Join(it.Settings(), ", "), until, of)
	}
}

// writeEntries writes the YAML that covers custom hostnames without changing them.
func writeEntries(b *strings.Builder, broken []plan.Breach, most int) {
	const heading = 3 // lines
	zone, lines := "", 0
	for i, br := range broken {
		if br.Zone != zone {
			lines += heading
		}
		if lines++; lines > most+heading {
			fmt.Fprintf(b, "\n      # and %s more; a rule covers many", words.Number(len(broken)-i))
			return
		}
		if br.Zone != zone {
			zone = br.Zone
			fmt.Fprintf(b, "\nto cover it without changing it, add this to the document of zone %s, or create one\n  custom_hostnames:\n    hostnames:", safe.Text(zone))
		}
		fmt.Fprintf(b, "\n      %s: {}", safe.Text(br.Names[0]))
	}
}
