package zone

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// Policy is a policy that a plan has to keep.
type Policy struct {
	*schema.Policy
	Of string // " of the base commit" or nothing, for messages
}

// Policies are the policies that hold: that of the configuration, and with a base
// commit that of the base too, so that no commit loosens the rule that it is judged
// by. The base's is about what the commit does, and not about what is so already:
// else no exception could ever be made for what has drifted.
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

// subject is somebody who meets a value: a name, or all names of one kind.
type subject struct {
	// name is what an exception would say.
	name string
	// texts are what the pattern of an exception has to match.
	texts []string
	// host is the index of the hostname, or ofZone, or ofNobody for a hostname that is
	// to be created.
	host int
}

// What a subject has in place of an index.
const (
	ofZone   = -1 // it meets what the zone has
	ofNobody = -2 // it is not there yet
)

func nameSubject(name string, host int) subject { return subject{name, []string{name}, host} }

// childSubject are the names below a wildcard custom hostname.
func childSubject(name string) subject { return nameSubject("*."+name, ofZone) }

// ownSubject are the names of a zone itself.
func ownSubject(zone string, row *schema.Setting) subject {
	if !row.On(schema.CustomHostnameLevel) && !row.On(schema.HostnameLevel) {
		return nameSubject(zone, ofZone) // it is a matter of the zone as one
	}
	return subject{"**." + zone, []string{zone, "*." + zone}, ofZone}
}

// exception is the exception that lets a subject meet a value of a setting, nil if
// there is none.
func (w *zoneWork) exception(p *schema.Policy, s subject, row *schema.Setting, v schema.Value) *schema.Exception {
	if p == nil {
		return nil
	}
	for i := range p.Exceptions {
		e := &p.Exceptions[i]
		a := schema.Assigned(e.Settings, row.ID)
		if a == nil || !row.Meets(a.Value, v) {
			continue
		}
		if !slices.ContainsFunc(s.texts, func(text string) bool { return !e.Holds(text, w.in.Now) }) {
			return e
		}
	}
	return nil
}

// excused is the exception that lifts the gate of an edit that weakens, nil if
// there is none. With a base the base has to have one as well.
func (w *zoneWork) excused(s subject, e *plan.Edit) *schema.Exception {
	row, ok := schema.LookupSetting(e.Setting)
	if !ok || e.EffectiveTo == "" {
		return nil
	}
	if w.base != nil && w.exception(w.in.BasePolicy, s, row, e.EffectiveTo) == nil {
		return nil
	}
	return w.exception(w.in.HeadPolicy, s, row, e.EffectiveTo)
}

// excusedZone is the same for a zone's own value, which everybody who follows it
// has to be excused from.
func (w *zoneWork) excusedZone(e *plan.Edit) *schema.Exception {
	row, ok := schema.LookupSetting(e.Setting)
	if !ok || len(Policies(w.in.HeadPolicy, w.in.BasePolicy)) == 0 || w.live.Hostnames == nil && row.On(schema.CustomHostnameLevel) {
		return nil // or it is not known who follows
	}
	var first *schema.Exception
	for _, s := range w.followersOf(row) {
		x := w.excused(s, e)
		if x == nil {
			return nil
		}
		if first == nil {
			first = x
		}
	}
	return first
}

// text is an exception as plans show it.
func exceptionText(e *schema.Exception) string {
	return fmt.Sprintf("%s, until %s: %s", e.Pos, e.Until, e.Reason)
}

// followersOf are all who meet the zone's value of a setting after the plan: its
// own names, the custom hostnames that follow it, and the names below wildcards,
// which follow it whatever their custom hostname says.
func (w *zoneWork) followersOf(row *schema.Setting) []subject {
	out := []subject{ownSubject(w.live.Name, row)}
	if !row.On(schema.CustomHostnameLevel) {
		return out
	}
	var children []subject
	for i := range w.live.Hostnames {
		h := &w.live.Hostnames[i]
		if w.want.Deleted[i] != nil || !plan.Serves(h) {
			continue
		}
		if w.ownAfter(i, row.ID) == schema.Inherit {
			out = append(out, nameSubject(h.Name, i))
		}
		if h.Wildcard {
			children = append(children, childSubject(h.Name))
		}
	}
	for _, h := range w.created {
		if h.own[row.ID] == "" {
			out = append(out, nameSubject(h.name, ofNobody))
		}
		if h.own["ssl.wildcard"] == "true" {
			children = append(children, childSubject(h.name))
		}
	}
	return append(out, children...)
}

// ownAfter is a hostname's own value after the plan.
func (w *zoneWork) ownAfter(i int, id string) schema.Value {
	if hw, ok := w.own[i]; ok {
		if e := plan.EditOf(hw.edits, id); e != nil {
			return e.To
		}
	}
	return w.host(i).Own(id)
}

// judge holds what visitors will meet against the policies.
func (w *zoneWork) judge() {
	judges := Policies(w.in.HeadPolicy, w.in.BasePolicy)
	if len(judges) == 0 || !w.want.Managed {
		return
	}
	for _, row := range schema.Table() {
		var limits []limit
		for _, j := range judges {
			if a := schema.Assigned(j.Floor, row.ID); a != nil {
				limits = append(limits, limit{j, a})
			}
		}
		if len(limits) > 0 {
			w.judgeZone(&row, limits)
			w.judgeNames(&row, limits)
		}
	}
	w.judgeCoverage(judges)
}

// limit is the floor of one setting.
type limit struct {
	Policy
	*schema.Assignment
}

// broken are the limits that a subject falls short of with a value.
func (w *zoneWork) broken(limits []limit, s subject, row *schema.Setting, v schema.Value) []limit {
	was, _ := w.met(s, row, false)
	if _, used := w.met(s, row, true); !used {
		return nil
	}
	var out []limit
	for _, l := range limits {
		if row.Meets(l.Value, v) || w.exception(l.Policy.Policy, s, row, v) != nil {
			continue
		}
		moved := was != v && row.Compare(was, v) != schema.Strengthens
		if l.Of == "" || moved || w.base != nil && !w.base.Managed {
			out = append(out, l)
		}
	}
	return out
}

// met is what a subject meets before or after the plan, "" where there is nothing or
// it is not known; used is false for a list of ciphers that has no effect, since the
// minimum is 1.3.
func (w *zoneWork) met(s subject, row *schema.Setting, after bool) (v schema.Value, used bool) {
	value := func(id string) schema.Value {
		switch {
		case s.host >= 0:
			from, to := w.effective(s.host, id)
			if after {
				return to
			}
			return from
		case s.host == ofZone && after:
			return w.after(id)
		case s.host == ofZone:
			return w.before(id)
		}
		for _, h := range w.created {
			if after && h.name == s.name {
				return cmp.Or(h.own[id], w.after(id))
			}
		}
		return ""
	}
	if row.ID == schema.Ciphers && value(schema.MinTLSVersion) == `"1.3"` {
		return "", false
	}
	return value(row.ID), true
}

// of says whose limits there are.
func of(limits []limit) (head, base bool) {
	for _, l := range limits {
		head, base = head || l.Of == "", base || l.Of != ""
	}
	return head, base
}

// line is the line of the policy, nil where that is in the base commit: no line of
// the configuration is wrong then.
func (l limit) line() *schema.Assignment {
	if l.Of != "" {
		return nil
	}
	return l.Assignment
}

// floor is a limit in words.
func (l limit) floor() string {
	return fmt.Sprintf("the floor%s is %s (%s)", l.Of, plan.Show(l.Value), l.Pos)
}

// judgeZone holds the zone's own value against the floor, for all who follow it.
func (w *zoneWork) judgeZone(row *schema.Setting, limits []limit) {
	v, known := w.zoneAfter(row)
	if w.live.Hostnames == nil && row.On(schema.CustomHostnameLevel) {
		w.unproven(limits[0].line(), "whether the floor of %s holds for the custom hostnames of zone %s is not known: they could not be read", row.ID, w.live.Name)
	}
	if !known {
		w.unproven(limits[0].line(), "whether the floor of %s holds in zone %s is not known: %s", row.ID, w.live.Name, orNotReported(w.live.Unreadable[row.ID]))
		return
	}
	var names []string
	own, follow, below := false, []string(nil), []string(nil)
	var worst limit
	ofHead, ofBase := false, false
	followers := w.followersOf(row)
	if row.ID == schema.Ciphers && w.after(schema.MinTLSVersion) == `"1.3"` {
		followers = append(followers, w.lowered()...)
	}
	for i, s := range followers {
		short := w.broken(limits, s, row, v)
		if len(short) == 0 {
			continue
		}
		names, worst = append(names, s.name), short[0]
		head, base := of(short)
		ofHead, ofBase = ofHead || head, ofBase || base
		switch {
		case i == 0:
			own = true
		case strings.HasPrefix(s.name, "*."):
			below = append(below, strings.TrimPrefix(s.name, "*."))
		default:
			follow = append(follow, s.name)
		}
	}
	if len(names) == 0 {
		return
	}
	noun := "custom hostname"
	if slices.ContainsFunc(follow, func(name string) bool { _, local := plan.FindHostname(w.local, name); return local }) {
		noun = "hostname"
	}
	var who []string
	if own {
		who = append(who, "its own names")
	}
	if n := len(follow); n > 0 {
		slices.Sort(follow)
		who = append(who, fmt.Sprintf("%s that %s it (%s)", plan.Count(n, noun), plan.Plural(n, "follows", "follow"), plan.First(follow)))
	}
	if n := len(below); n > 0 {
		slices.Sort(below)
		who = append(who, fmt.Sprintf("the names below %s (%s)", plan.Count(n, "wildcard custom hostname"), plan.First(below)))
	}
	slices.Sort(names)
	w.breach(plan.BelowFloor, plan.ZoneObject(w.label), plan.Breach{
		Zone: w.live.Name, Names: names, Setting: row.ID, Value: v, OfHead: ofHead, OfBase: ofBase,
		Message: fmt.Sprintf("%s %s of zone %s is met by %s; %s", row.ID, plan.Show(v), w.live.Name, plan.Enumerate(who), worst.floor()),
	}, schema.Assigned(w.want.Settings, row.ID), worst.line())
}

// lowered are the names in a zone of TLS 1.3 only that have a lower minimum of their
// own, and with it a use for the zone's list of ciphers.
func (w *zoneWork) lowered() []subject {
	var out []subject
	for k := range w.local {
		i := len(w.live.Hostnames) + k
		if _, min := w.effective(i, schema.MinTLSVersion); min != `"1.3"` && w.ownAfter(i, schema.Ciphers) == schema.Inherit {
			out = append(out, nameSubject(w.local[k].Name, i))
		}
	}
	return out
}

// zoneAfter is the zone's value of a setting after the plan. What the zone's plan
// keeps from being read is at its default.
func (w *zoneWork) zoneAfter(row *schema.Setting) (v schema.Value, known bool) {
	if v = w.after(row.ID); v != "" && v != schema.Inherit {
		return v, true
	}
	_, lacking := w.live.Lacking[row.ID]
	return row.Default, lacking && row.Default != ""
}

// judgeNames holds values that names have of their own against the floor.
func (w *zoneWork) judgeNames(row *schema.Setting, limits []limit) {
	for i := range w.hosts() {
		h := w.host(i)
		level, object := schema.CustomHostnameLevel, plan.HostnameObject(w.label, h.Name)
		as := []schema.Assignment(nil)
		if n := len(w.live.Hostnames); i >= n {
			level, object, as = schema.HostnameLevel, plan.LocalObject(w.label, h.Name), w.localWant[i-n]
		} else if as = w.want.Hostnames[i]; w.want.Deleted[i] != nil || !plan.Serves(h) {
			continue
		}
		if v := w.ownAfter(i, row.ID); row.On(level) && v != schema.Inherit {
			w.judgeName(object, nameSubject(h.Name, i), row, limits, v, schema.Assigned(as, row.ID))
		}
	}
	for _, h := range w.created {
		if v := h.own[row.ID]; v != "" {
			e := plan.EditOf(w.graph.Change(h.node).Edits, row.ID)
			w.judgeName(plan.HostnameObject(w.label, h.name), nameSubject(h.name, ofNobody), row, limits, v, &schema.Assignment{Pos: e.Origin.Pos, Via: e.Origin.Via})
		}
	}
	why, unread := w.live.Unreadable[plan.PerHostname(row.ID)]
	if row.ID == schema.Ciphers && !unread {
		why, unread = w.live.Unreadable[plan.PerHostname(schema.MinTLSVersion)]
	}
	if unread {
		w.unproven(limits[0].line(), "whether the floor of %s holds for the names in zone %s that have values of their own is not known: %s", row.ID, w.live.Name, orNotReported(why))
	}
}

// unproven records that it is not known whether the policy is kept, which is not
// taken for a yes.
func (w *zoneWork) unproven(line *schema.Assignment, format string, args ...any) {
	w.breach(plan.Unreadable, plan.ZoneObject(w.label), plan.Breach{Zone: w.live.Name, Message: fmt.Sprintf(format, args...)}, line, nil)
}

func (w *zoneWork) judgeName(object string, s subject, row *schema.Setting, limits []limit, v schema.Value, line *schema.Assignment) {
	short := w.broken(limits, s, row, v)
	if len(short) == 0 {
		return
	}
	head, base := of(short)
	w.breach(plan.BelowFloor, object, plan.Breach{
		Zone: w.live.Name, Names: []string{s.name}, Setting: row.ID, Value: v, OfHead: head, OfBase: base,
		Message: fmt.Sprintf("visitors of %s meet %s %s; %s", s.name, row.ID, plan.Show(v), short[0].floor()),
	}, line, short[0].line())
}

// judgeCoverage tells of custom hostnames that no part of the configuration
// reaches: they are as they were made, and nobody has decided on it.
func (w *zoneWork) judgeCoverage(judges []Policy) {
	const nothing = "no defaults, no rule and no entry reaches"
	if i := slices.IndexFunc(judges, func(j Policy) bool { return j.CoverageRequired }); i >= 0 && w.live.Hostnames == nil {
		w.unproven(nil, "whether every custom hostname of zone %s is reached, as the policy%s requires, is not known: they could not be read", w.live.Name, judges[i].Of)
	}
	at := slices.IndexFunc(judges, func(j Policy) bool { return j.CoverageRequired })
	if n := len(w.want.Uncovered); n > 0 && (at < 0 || !w.uncovers(judges[at])) {
		names := make([]string, n)
		for i, h := range w.want.Uncovered {
			names[i] = w.live.Hostnames[h].Name
		}
		w.find(plan.Info, plan.NotCovered, plan.ZoneObject(w.label), fmt.Sprintf("%s %d of %s of zone %s: %s", nothing, n, plan.Count(len(w.live.Hostnames), "custom hostname"), w.live.Name, plan.First(names)), nil)
		return
	}
	for _, i := range w.want.Uncovered {
		name := w.live.Hostnames[i].Name
		object := plan.HostnameObject(w.label, name)
		text := nothing + " " + name
		j := judges[at]
		line := &schema.Assignment{Pos: j.CoverageAt, Via: "coverage"}
		if j.Of != "" {
			if line = nil; !w.reachedBefore(i) {
				continue
			}
		}
		w.breach(plan.NotCovered, object, plan.Breach{
			Zone: w.live.Name, Names: []string{name}, OfHead: j.Of == "", OfBase: j.Of != "", Message: fmt.Sprintf("%s; the policy%s requires it (%s)", text, j.Of, j.CoverageAt),
		}, nil, line)
	}
}

// uncovers reports whether a policy that requires coverage is broken: that of the base
// only by names that the base reached.
func (w *zoneWork) uncovers(j Policy) bool {
	return j.Of == "" || slices.ContainsFunc(w.want.Uncovered, w.reachedBefore)
}

// reachedBefore reports whether the base reached a custom hostname. What it did not
// manage at all is new, and its policy holds for it.
func (w *zoneWork) reachedBefore(i int) bool {
	_, uncovered := slices.BinarySearch(w.base.Uncovered, i)
	return !w.base.Managed || !uncovered
}

// breach records what is not let pass, and tells it as a finding. The line is the
// one that asks for it, if one does, else the one of the policy.
func (w *zoneWork) breach(rule, object string, br plan.Breach, line, policy *schema.Assignment) {
	if br.Rule = rule; line == nil {
		line = policy // may be nil as well
	}
	w.breaches = append(w.breaches, br)
	w.find(schema.Error, rule, object, br.Message, line)
}

func orNotReported(why string) string {
	if why == "" {
		return "Cloudflare did not report it"
	}
	return why
}
