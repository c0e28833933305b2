// Package policy compares what visitors meet after a plan with the floor and the coverage
// that the policies ask for, and finds the exceptions that lift a gate.
package policy

import (
	"fmt"
	"slices"
	"strings"

	"tlsync/engine/diff/outcome"
	"tlsync/engine/plan"
	"tlsync/schema"
	"tlsync/schema/words"
)

// Policy is a policy that a plan has to keep.
type Policy struct {
	*schema.Policy
	Of string // " of the base commit" or nothing, for messages
}

// Policies returns the policies that hold: that of the configuration, and that of the
// base commit, so that no commit loosens the rule that it is judged by. The base policy
// judges only what the commit changes: otherwise nobody could ever make an exception for
// a value that has drifted.
func Policies(head, base *schema.Policy) []Policy {
	var out []Policy
	if head != nil && head.Set {
		out = append(out, Policy{head, ""})
	}
	if base != nil && base != head && base.Set {
		out = append(out, Policy{base, " of the base commit"})
	}
	return out
}

// ofBase reports whether it is the policy of the base commit.
func (p *Policy) ofBase() bool { return p.Of != "" }

// limit is the floor that a policy sets for one setting.
type limit struct {
	policy Policy
	floor  *schema.Assignment
}

// line returns the line of the floor, nil where it is one of the base commit: then no
// line of the configuration is wrong.
func (l *limit) line() *schema.Assignment {
	if l.policy.ofBase() {
		return nil
	}
	return l.floor
}

// text is the floor in words.
func (l *limit) text() string {
	return fmt.Sprintf("the floor%s is %s (%s)", l.policy.Of, l.floor.Value.Show(), l.floor.Pos)
}

// check collects the ways in which the outcome breaks the policies.
type check struct {
	in         *outcome.Input
	o          *outcome.Outcome
	policies   []Policy
	exceptions Exceptions
	breaches   []plan.Breach
	findings   plan.Findings
}

// Check compares the values that visitors will meet with the policies.
func Check(in *outcome.Input, o *outcome.Outcome) ([]plan.Breach, plan.Findings) {
	c := &check{in: in, o: o, policies: Policies(in.HeadPolicy, in.BasePolicy), exceptions: ExceptionsOf(in)}
	if len(c.policies) == 0 || !in.Head.Managed {
		return nil, nil
	}

	for _, row := range schema.Table() {
		var limits []limit
		for _, p := range c.policies {
			if a := schema.Assigned(p.Floor, row.ID); a != nil {
				limits = append(limits, limit{p, a})
			}
		}
		if len(limits) > 0 {
			c.zoneValue(&row, limits)
			c.hostnameValues(&row, limits)
			c.createdValues(&row, limits)
			c.unreadHostnames(&row, limits)
		}
	}
	c.coverage()
	return c.breaches, c.findings
}

// fall is how a subject falls short of limits.
type fall struct {
	limits []limit // empty where it does not
	// tolerated says that it fell short before, and that the plan makes nothing worse.
	tolerated bool
}

// falls returns how a subject falls short of limits with a value. line is the line of the
// configuration that asks for it, nil if none does.
//
// The floor works as a ratchet: to ask for less, or to go further down, is refused. An
// apply that makes some names better is not refused for others that it leaves alone,
// unless the policy is enforced for everything.
func (c *check) falls(limits []limit, s *subject, row *schema.Setting, v schema.Value, line *schema.Assignment) fall {
	was, _ := met(c.o, s, row.ID)
	if row.ID == schema.Ciphers {
		// Beside a minimum of 1.3 a list has no effect.
		from, to := met(c.o, s, schema.MinTLSVersion)
		if schema.ListUnused(to) {
			return fall{}
		}
		if schema.ListUnused(from) {
			was = ""
		}
	}

	newlyManaged := c.in.Base != nil && !c.in.Base.Managed
	moves := was != v && row.Compare(was, v) != schema.Strengthens
	if moves && schema.DecidesHandshakes(row.ID) && s.created == none {
		moves = c.o.Opens(s.host) // the settings of a name are judged together
	}
	out := fall{tolerated: true}
	for _, l := range limits {
		if row.Meets(l.floor.Value, v) || c.exceptions.find(l.policy.Policy, s, row, v) != nil {
			continue
		}
		asked := line != nil && !line.AtLeast && line.Value != schema.Inherit && !row.Meets(l.floor.Value, line.Value)
		refused := moves || asked || l.policy.EnforceAll
		if l.policy.ofBase() { // it judges only what the commit changes
			refused = moves || newlyManaged && (asked || l.policy.EnforceAll)
		}
		if refused || newlyManaged || !l.policy.ofBase() {
			out.limits = append(out.limits, l)
			out.tolerated = out.tolerated && !refused
		}
	}
	return out
}

// origins reports whether limits come from the policies of head and of base.
func origins(limits []limit) (head, base bool) {
	for i := range limits {
		ofBase := limits[i].policy.ofBase()
		head, base = head || !ofBase, base || ofBase
	}
	return head, base
}

// zoneValue compares the zone's own value with the floor, for all who meet it.
func (c *check) zoneValue(row *schema.Setting, limits []limit) {
	zone := c.o.Live
	if zone.CustomHostnames == nil && row.On(schema.CustomHostnameLevel) {
		c.unproven(limits[0].line(), "cannot tell whether the floor of %s holds for the custom hostnames of zone %s: they could not be read", row.ID, plan.This)
	}
	v, known := c.zoneAfter(row)
	if !known {
		c.unproven(limits[0].line(), "cannot tell whether the floor of %s holds in zone %s: %s", row.ID, plan.This, plan.WhyUnread(zone.Unreadable[row.ID]))
		return
	}

	followers := followers(c.o, row)
	if row.ID == schema.Ciphers && schema.ListUnused(c.o.After(schema.MinTLSVersion)) {
		followers = append(followers, c.lowered()...)
	}
	asks := schema.Assigned(c.in.Head.Settings, row.ID)
	var fell [2][]fallen // those that the plan is refused for, and those that it is not
	for i := range followers {
		f := c.falls(limits, &followers[i], row, v, asks)
		if len(f.limits) == 0 {
			continue
		}
		to := &fell[0]
		if f.tolerated {
			to = &fell[1]
		}
		*to = append(*to, fallen{f, &followers[i], i == 0})
	}
	for _, some := range fell {
		c.zoneBreach(row, v, some)
	}
}

// fallen is a subject that falls short of limits.
type fallen struct {
	fall
	*subject
	ofZone bool // it stands for the zone's own names
}

// zoneBreach records that some who follow the zone meet a value that is below the floor.
func (c *check) zoneBreach(row *schema.Setting, v schema.Value, fell []fallen) {
	if len(fell) == 0 {
		return
	}

	b := plan.Breach{Zone: c.o.Live.Name, Setting: row.ID, Value: v, Tolerated: fell[0].tolerated}
	var others []subject // besides the zone's own names
	own := false
	for _, f := range fell {
		if own = own || f.ofZone; !f.ofZone {
			others = append(others, *f.subject)
		}
		b.Names = append(b.Names, f.name)
		head, base := origins(f.limits)
		b.OfHead, b.OfBase = b.OfHead || head, b.OfBase || base
	}

	worst := fell[len(fell)-1].limits[0]
	slices.Sort(b.Names)
	b.Floor = worst.text()
	b.Message = fmt.Sprintf("%s %s of zone %s applies to %s; %s", row.ID, v.Show(), plan.This, c.whoMeets(own, others), worst.text())
	c.breach(plan.BelowFloor, c.in.Ref, b, schema.Assigned(c.in.Head.Settings, row.ID), worst.line())
}

// whoMeets lists in words who meets the zone's value: its own names, and others.
func (c *check) whoMeets(own bool, others []subject) string {
	var who, follow, below []string
	noun := "custom hostname"
	for i := range others {
		name := others[i].name
		if child, ok := strings.CutPrefix(name, "*."); ok {
			below = append(below, child)
			continue
		}
		follow = append(follow, name)
		if _, inZone := c.o.Names.FindInZone(name); inZone {
			noun = "hostname"
		}
	}

	if own {
		who = append(who, "its own names")
	}
	if n := len(follow); n > 0 {
		slices.Sort(follow)
		who = append(who, fmt.Sprintf("%s that %s it (%s)", words.Count(n, noun), words.Plural(n, "follows", "follow"), words.First(follow)))
	}
	if n := len(below); n > 0 {
		slices.Sort(below)
		who = append(who, fmt.Sprintf("the names below %s (%s)", words.Count(n, "wildcard custom hostname"), words.First(below)))
	}
	return words.Enumerate(who)
}

// lowered returns the hostnames in a zone of TLS 1.3 only that have a lower minimum of
// their own, and so use the zone's list of ciphers.
func (c *check) lowered() []subject {
	var out []subject
	for i := c.o.Names.Custom(); i < c.o.Names.Len(); i++ {
		if _, minimum := c.o.Effective(i, schema.MinTLSVersion); !schema.ListUnused(minimum) && c.o.OwnAfter(i, schema.Ciphers) == schema.Inherit {
			out = append(out, hostnameSubject(c.o.Names.At(i).Name, i))
		}
	}
	return out
}

// zoneAfter returns the zone's value of a setting after the plan. A setting that the plan
// of the zone keeps from being read is at its default.
func (c *check) zoneAfter(row *schema.Setting) (v schema.Value, known bool) {
	if v = c.o.After(row.ID); v != "" && v != schema.Inherit {
		return v, true
	}
	_, lacking := c.o.Live.Lacking[row.ID]
	return row.Default, lacking && row.Default != ""
}

// hostnameValues compares the values that hostnames have of their own with the floor.
func (c *check) hostnameValues(row *schema.Setting, limits []limit) {
	for i := range c.o.Names.Len() {
		if !c.o.Names.Visited(i) || !row.On(c.o.Names.Level(i)) {
			continue
		}
		if v := c.o.OwnAfter(i, row.ID); v != schema.Inherit {
			s := hostnameSubject(c.o.Names.At(i).Name, i)
			c.hostnameValue(c.o.Names.Object(i), &s, row, limits, v, schema.Assigned(c.o.Names.Wanted(i), row.ID))
		}
	}
}

// createdValues compares the values of hostnames that are to be created with the floor.
func (c *check) createdValues(row *schema.Setting, limits []limit) {
	for k := range c.o.Created {
		created := &c.o.Created[k]
		if v := created.Own[row.ID]; v != "" {
			e := plan.EditOf(created.Edits, row.ID)
			s := createdSubject(created.Name, k)
			c.hostnameValue(c.in.Ref.CustomHostname(created.Name), &s, row, limits, v, &schema.Assignment{Pos: e.Origin.Pos, Via: e.Origin.Via})
		}
	}
}

func (c *check) hostnameValue(object plan.Ref, s *subject, row *schema.Setting, limits []limit, v schema.Value, line *schema.Assignment) {
	f := c.falls(limits, s, row, v, line)
	if len(f.limits) == 0 {
		return
	}
	head, base := origins(f.limits)
	c.breach(plan.BelowFloor, object, plan.Breach{
		Zone: c.o.Live.Name, Names: []string{s.name}, Setting: row.ID, Value: v, OfHead: head, OfBase: base, Tolerated: f.tolerated,
		Floor:   f.limits[0].text(),
		Message: fmt.Sprintf("visitors of %s get %s %s; %s", plan.This, row.ID, v.Show(), f.limits[0].text()),
	}, line, f.limits[0].line())
}

// unreadHostnames records that hostnames in the zone may have values of their own, where
// these could not be read.
func (c *check) unreadHostnames(row *schema.Setting, limits []limit) {
	zone := c.o.Live
	why, unread := zone.Unreadable[plan.PerHostname(row.ID)]
	if row.ID == schema.Ciphers && !unread {
		why, unread = zone.Unreadable[plan.PerHostname(schema.MinTLSVersion)]
	}
	if unread {
		c.unproven(limits[0].line(), "cannot tell whether the floor of %s holds for the names in zone %s that have values of their own: %s", row.ID, plan.This, plan.WhyUnread(why))
	}
}

// unproven records that it is not known whether the policy is kept. That does not count
// as kept.
func (c *check) unproven(line *schema.Assignment, format string, args ...any) {
	c.breach(plan.Unreadable, c.in.Ref, plan.Breach{Zone: c.o.Live.Name, Message: fmt.Sprintf(format, args...)}, line, nil)
}

// breach records a breach, and reports it. In its message, plan.This stands for the name
// of the object. The line is the one that asks for the value,
// or else that of the policy; either may be nil.
func (c *check) breach(rule string, object plan.Ref, b plan.Breach, line, policy *schema.Assignment) {
	if line == nil {
		line = policy
	}
	severity := schema.Error
	if b.Tolerated {
		severity = schema.Warning
	}
	c.findings.Report(severity, rule, object, b.Message, line)

	b.Rule, b.Message = rule, c.findings[len(c.findings)-1].Message
	c.breaches = append(c.breaches, b)
}

// coverage reports the custom hostnames that no part of the configuration reaches: they
// are as they were made, and nobody has decided on them.
func (c *check) coverage() {
	zone := c.o.Live
	at := slices.IndexFunc(c.policies, func(p Policy) bool { return p.CoverageRequired })
	if at >= 0 && zone.CustomHostnames == nil {
		c.unproven(nil, "cannot tell whether every custom hostname of zone %s is reached, as the policy%s requires: they could not be read", plan.This, c.policies[at].Of)
	}

	uncovered := c.in.Head.Uncovered
	if at >= 0 && c.policies[at].ofBase() {
		uncovered = slices.DeleteFunc(slices.Clone(uncovered), func(i int) bool { return !c.reachedBefore(i) })
	}
	if at < 0 || len(uncovered) == 0 {
		c.reportUncovered()
		return
	}
	for _, i := range uncovered {
		c.uncovered(i, &c.policies[at])
	}
}

const reachesNot = "no defaults, no rule and no entry reaches"

// reportUncovered reports custom hostnames that are not reached where no policy is broken
// by that.
func (c *check) reportUncovered() {
	n := len(c.in.Head.Uncovered)
	if n == 0 {
		return
	}
	names := make([]string, n)
	for k, i := range c.in.Head.Uncovered {
		names[k] = c.o.Names.At(i).Name
	}
	c.findings.Report(plan.Info, plan.NotCovered, c.in.Ref,
		fmt.Sprintf("%s %s of %s of zone %s: %s", reachesNot, words.Number(n), words.Count(c.o.Names.Custom(), "custom hostname"), plan.This, words.First(names)), nil)
}

// uncovered records that a policy is broken since a custom hostname is not reached.
func (c *check) uncovered(i int, p *Policy) {
	var line *schema.Assignment
	if !p.ofBase() {
		line = &schema.Assignment{Pos: p.CoverageAt, Via: "coverage"}
	}
	name := c.o.Names.At(i).Name
	c.breach(plan.NotCovered, c.o.Names.Object(i), plan.Breach{
		Zone: c.o.Live.Name, Names: []string{name}, OfHead: !p.ofBase(), OfBase: p.ofBase(),
		Message: fmt.Sprintf("%s %s; the policy%s requires it (%s)", reachesNot, plan.This, p.Of, p.CoverageAt),
	}, nil, line)
}

// reachedBefore reports whether the base commit reached a custom hostname. A zone that it
// did not manage at all is new, and its policy holds there.
func (c *check) reachedBefore(i int) bool {
	_, uncovered := slices.BinarySearch(c.in.Base.Uncovered, i)
	return !c.in.Base.Managed || !uncovered
}
