package plan

import (
	"fmt"
	"slices"
	"strings"

	"tlsync/schema"
)

// Breach is what the policy does not let pass: a plan with any is not to be
// written, whoever approves.
type Breach struct {
	// Rule is BelowFloor, NotCovered or MaxChanges, or Unreadable where it is not
	// known whether the policy is kept.
	Rule    string
	Message string // one sentence
	// Zone is the zone's name; empty for MaxChanges.
	Zone string
	// Names are whom it is about, as an exception or an entry would name them:
	// hostnames, or patterns for the names of a zone and for those below a
	// wildcard. Sorted.
	Names []string
	// Setting and Value are what visitors of those names would meet.
	Setting string
	Value   schema.Value
	// Written says that the configuration has an exception already, which does
	// not count since the base has it not.
	Written bool
	// OfBase says that the policy of the base does not let it pass.
	OfBase bool
	// Changes is how many changes there are, for MaxChanges.
	Changes int
}

// judge is a policy that a plan has to keep.
type judge struct {
	*schema.Policy
	of string // " of the base commit" or nothing, for messages
}

// judges are the policies that hold: that of the configuration, and with a base
// commit that of the base too, so that no commit loosens the rule that it is judged
// by.
func (b *builder) judges() []judge {
	var out []judge
	if p := b.in.Head.Policy; p != nil && p.Set {
		out = append(out, judge{p, ""})
	}
	if b.in.Base != nil && b.in.Base.Policy != nil && b.in.Base.Policy.Set {
		out = append(out, judge{b.in.Base.Policy, " of the base commit"})
	}
	return out
}

// subject is somebody who meets a value: a name, or all names of one kind.
type subject struct {
	// name is what an exception would say.
	name string
	// texts are what the pattern of an exception has to match.
	texts []string
}

func nameSubject(name string) subject { return subject{name, []string{name}} }

// childSubject are the names below a wildcard custom hostname.
func childSubject(name string) subject { return nameSubject("*." + name) }

// ownSubject are the names of a zone itself.
func ownSubject(zone string, row *schema.Setting) subject {
	if !row.On(schema.CustomHostnameLevel) && !row.On(schema.HostnameLevel) {
		return nameSubject(zone) // it is a matter of the zone as one
	}
	return subject{"**." + zone, []string{zone, "*." + zone}}
}

// exception is the exception that lets a subject meet a value of a setting, nil if
// there is none.
func (b *builder) exception(p *schema.Policy, s subject, row *schema.Setting, v schema.Value) *schema.Exception {
	if p == nil {
		return nil
	}
	for i := range p.Exceptions {
		e := &p.Exceptions[i]
		a := asked(e.Settings, row.ID)
		if a == nil || !row.Meets(a.Value, v) {
			continue
		}
		if !slices.ContainsFunc(s.texts, func(text string) bool { return !e.Holds(text, b.in.Now) }) {
			return e
		}
	}
	return nil
}

// excused is the exception that lifts the gate of an edit that weakens, nil if
// there is none. With a base the base has to have one as well.
func (b *builder) excused(s subject, e *Edit) *schema.Exception {
	row, ok := schema.LookupSetting(e.Setting)
	if !ok || e.EffectiveTo == "" {
		return nil
	}
	if b.in.Base != nil && b.exception(b.in.Base.Policy, s, row, e.EffectiveTo) == nil {
		return nil
	}
	return b.exception(b.in.Head.Policy, s, row, e.EffectiveTo)
}

// excusedZone is the same for a zone's own value, which everybody who follows it
// has to be excused from.
func (w *zoneWork) excusedZone(e *Edit) *schema.Exception {
	row, ok := schema.LookupSetting(e.Setting)
	if !ok || len(w.judges()) == 0 || w.live.Hostnames == nil && row.On(schema.CustomHostnameLevel) {
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
		if w.want.Deleted[i] != nil || !serves(h) {
			continue
		}
		if w.ownAfter(i, row.ID) == schema.Inherit {
			out = append(out, nameSubject(h.Name))
		}
		if h.Wildcard {
			children = append(children, childSubject(h.Name))
		}
	}
	for _, h := range w.created {
		if h.own[row.ID] == "" {
			out = append(out, nameSubject(h.name))
		}
		if h.own["ssl.wildcard"] == "true" {
			children = append(children, childSubject(h.name))
		}
	}
	return append(out, children...)
}

// serves reports whether visitors can reach a custom hostname.
func serves(h *Hostname) bool {
	rule, _, serving := uneditable(h)
	return rule == "" || serving
}

// ownAfter is a hostname's own value after the plan.
func (w *zoneWork) ownAfter(i int, id string) schema.Value {
	if hw, ok := w.own[i]; ok {
		if e := editOf(hw.edits, id); e != nil {
			return e.To
		}
	}
	return w.host(i).Own(id)
}

// judge holds what visitors will meet against the policies.
func (w *zoneWork) judge() {
	judges := w.judges()
	if len(judges) == 0 || !w.want.Managed {
		return
	}
	for _, row := range schema.Table() {
		var limits []limit
		for _, j := range judges {
			if a := asked(j.Floor, row.ID); a != nil {
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
	judge
	*schema.Assignment
}

// broken are the limits that a subject falls short of with a value.
func (w *zoneWork) broken(limits []limit, s subject, row *schema.Setting, v, min schema.Value) []limit {
	if row.ID == schema.Ciphers && min == `"1.3"` {
		return nil // no list has any effect
	}
	var out []limit
	for _, l := range limits {
		if !row.Meets(l.Value, v) && w.exception(l.Policy, s, row, v) == nil {
			out = append(out, l)
		}
	}
	return out
}

// ofBase reports whether one of the limits is the base's.
func ofBase(limits []limit) bool {
	return slices.ContainsFunc(limits, func(l limit) bool { return l.of != "" })
}

// line is the line of the policy, nil where that is in the base commit: no line of
// the configuration is wrong then.
func (l limit) line() *schema.Assignment {
	if l.of != "" {
		return nil
	}
	return l.Assignment
}

// floor is a limit in words.
func (l limit) floor() string {
	return fmt.Sprintf("the floor%s is %s (%s)", l.of, Show(l.Value), l.Pos)
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
	written, base := false, false
	followers := w.followersOf(row)
	if row.ID == schema.Ciphers && w.after(minimum) == `"1.3"` {
		followers = append(followers, w.lowered()...)
	}
	for i, s := range followers {
		min := w.after(minimum)
		if i > 0 && !strings.HasPrefix(s.name, "*.") {
			min = w.minimumOf(s.name)
		}
		short := w.broken(limits, s, row, v, min)
		if len(short) == 0 {
			continue
		}
		names, worst = append(names, s.name), short[0]
		base = base || ofBase(short)
		written = written || w.exception(w.in.Head.Policy, s, row, v) != nil
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
	if slices.ContainsFunc(follow, func(name string) bool { _, local := findHost(w.local, name); return local }) {
		noun = "hostname"
	}
	var who []string
	if own {
		who = append(who, "its own names")
	}
	if n := len(follow); n > 0 {
		slices.Sort(follow)
		who = append(who, fmt.Sprintf("%s that %s it (%s)", count(n, noun), plural(n, "follows", "follow"), first(follow)))
	}
	if n := len(below); n > 0 {
		slices.Sort(below)
		who = append(who, fmt.Sprintf("the names below %s (%s)", count(n, "wildcard custom hostname"), first(below)))
	}
	slices.Sort(names)
	w.breach(BelowFloor, zoneObject(w.label), Breach{
		Zone: w.live.Name, Names: names, Setting: row.ID, Value: v, Written: written, OfBase: base,
		Message: fmt.Sprintf("%s %s of zone %s is met by %s; %s", row.ID, Show(v), w.live.Name, enumerate(who), worst.floor()),
	}, asked(w.want.Settings, row.ID), worst.line())
}

// lowered are the names in a zone of TLS 1.3 only that have a lower minimum of their
// own, and with it a use for the zone's list of ciphers.
func (w *zoneWork) lowered() []subject {
	var out []subject
	for k := range w.local {
		i := len(w.live.Hostnames) + k
		if _, min := w.effective(i, minimum); min != `"1.3"` && w.ownAfter(i, schema.Ciphers) == schema.Inherit {
			out = append(out, nameSubject(w.local[k].Name))
		}
	}
	return out
}

// minimumOf is the minimum that visitors of a hostname meet.
func (w *zoneWork) minimumOf(name string) schema.Value {
	for _, hosts := range []struct {
		of   []Hostname
		from int
	}{{w.live.Hostnames, 0}, {w.local, len(w.live.Hostnames)}} {
		if i, ok := findHost(hosts.of, name); ok {
			_, to := w.effective(hosts.from+i, minimum)
			return to
		}
	}
	for _, h := range w.created {
		if h.name == name && h.own[minimum] != "" {
			return h.own[minimum]
		}
	}
	return w.after(minimum)
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
		level, object := schema.CustomHostnameLevel, hostnameObject(w.label, h.Name)
		as := []schema.Assignment(nil)
		if n := len(w.live.Hostnames); i >= n {
			level, object, as = schema.HostnameLevel, localObject(w.label, h.Name), w.localWant[i-n]
		} else if as = w.want.Hostnames[i]; w.want.Deleted[i] != nil || !serves(h) {
			continue
		}
		if v := w.ownAfter(i, row.ID); row.On(level) && v != schema.Inherit {
			_, min := w.effective(i, minimum)
			w.judgeName(object, h.Name, row, limits, v, min, asked(as, row.ID))
		}
	}
	for _, h := range w.created {
		if v := h.own[row.ID]; v != "" {
			w.judgeName(hostnameObject(w.label, h.name), h.name, row, limits, v, w.minimumOf(h.name), w.createdLine(h, row.ID))
		}
	}
	why, unread := w.live.Unreadable[PerHostname(row.ID)]
	if row.ID == schema.Ciphers && !unread {
		why, unread = w.live.Unreadable[PerHostname(minimum)]
	}
	if unread {
		w.unproven(limits[0].line(), "whether the floor of %s holds for the names in zone %s that have values of their own is not known: %s", row.ID, w.live.Name, orNotReported(why))
	}
}

// unproven records that it is not known whether the policy is kept, which is not
// taken for a yes.
func (w *zoneWork) unproven(line *schema.Assignment, format string, args ...any) {
	w.breach(Unreadable, zoneObject(w.label), Breach{Zone: w.live.Name, Message: fmt.Sprintf(format, args...)}, line, nil)
}

func (w *zoneWork) createdLine(h createdHostname, id string) *schema.Assignment {
	e := editOf(w.nodes[h.node].change.Edits, id)
	return &schema.Assignment{Pos: e.Origin.Pos, Via: e.Origin.Via}
}

func (w *zoneWork) judgeName(object, name string, row *schema.Setting, limits []limit, v, min schema.Value, line *schema.Assignment) {
	s := nameSubject(name)
	short := w.broken(limits, s, row, v, min)
	if len(short) == 0 {
		return
	}
	l := short[0]
	w.breach(BelowFloor, object, Breach{
		Zone: w.live.Name, Names: []string{name}, Setting: row.ID, Value: v, Written: w.exception(w.in.Head.Policy, s, row, v) != nil, OfBase: ofBase(short),
		Message: fmt.Sprintf("visitors of %s meet %s %s; %s", name, row.ID, Show(v), l.floor()),
	}, line, l.line())
}

// judgeCoverage tells of custom hostnames that no part of the configuration
// reaches: they are as they were made, and nobody has decided on it.
func (w *zoneWork) judgeCoverage(judges []judge) {
	const nothing = "no defaults, no rule and no entry reaches"
	if i := slices.IndexFunc(judges, func(j judge) bool { return j.CoverageRequired }); i >= 0 && w.live.Hostnames == nil {
		w.unproven(nil, "whether every custom hostname of zone %s is reached, as the policy%s requires, is not known: they could not be read", w.live.Name, judges[i].of)
	}
	at := slices.IndexFunc(judges, func(j judge) bool { return j.CoverageRequired })
	if n := len(w.want.Uncovered); at < 0 && n > 0 {
		names := make([]string, n)
		for i, h := range w.want.Uncovered {
			names[i] = w.live.Hostnames[h].Name
		}
		w.find(Info, NotCovered, zoneObject(w.label), fmt.Sprintf("%s %d of %s of zone %s: %s", nothing, n, count(len(w.live.Hostnames), "custom hostname"), w.live.Name, first(names)), nil)
		return
	}
	for _, i := range w.want.Uncovered {
		name := w.live.Hostnames[i].Name
		object := hostnameObject(w.label, name)
		text := nothing + " " + name
		j := judges[at]
		line := &schema.Assignment{Pos: j.CoverageAt, Via: "coverage"}
		if j.of != "" {
			line = nil
		}
		w.breach(NotCovered, object, Breach{
			Zone: w.live.Name, Names: []string{name}, Message: fmt.Sprintf("%s; the policy%s requires it (%s)", text, j.of, j.CoverageAt),
		}, nil, line)
	}
}

// breach records what is not let pass, and tells it as a finding. The line is the
// one that asks for it, if one does, else the one of the policy.
func (w *zoneWork) breach(rule, object string, br Breach, line, policy *schema.Assignment) {
	if br.Rule = rule; line == nil {
		line = policy // may be nil as well
	}
	w.breaches = append(w.breaches, br)
	w.find(schema.Error, rule, object, br.Message, line)
}

// judgeSize holds the number of changes against the limits.
func (b *builder) judgeSize(p *Plan) {
	for _, j := range b.judges() {
		most := j.MaxChanges.Of(p.Summary.Objects)
		if n := len(p.Changes); j.MaxChanges.Set && n > most {
			br := Breach{Rule: MaxChanges, Changes: n, Message: TooMany(n, most, p.Summary.Objects, j.MaxChanges, fmt.Sprintf("max_changes%s (%s)", j.of, j.MaxChanges.Pos))}
			b.breaches = append(b.breaches, br)
			line := &schema.Assignment{Pos: j.MaxChanges.Pos, Via: "max_changes"}
			if j.of != "" {
				line = nil
			}
			b.find(schema.Warning, MaxChanges, "configuration", br.Message, line)
			return // one is enough
		}
	}
}

// TooMany says how many changes there are, and how many a limit lets pass.
func TooMany(changes, most, objects int, m schema.MaxChanges, source string) string {
	of := ""
	if m.Percent > 0 {
		of = fmt.Sprintf(", %s of %s", m, count(objects, "object"))
	}
	return fmt.Sprintf("%s, and %s lets %d pass%s", plural(changes, "there is 1 change", fmt.Sprintf("there are %d changes", changes)), source, most, of)
}

// loosened tells what the policy of the configuration lets pass that the base's does
// not. It is judged by the base's all the same.
func (b *builder) loosened(objects int) {
	if b.in.Base == nil || b.in.Base.Policy == nil || b.in.Head.Policy == nil {
		return
	}
	base, head := b.in.Base.Policy, b.in.Head.Policy
	tell := func(pos schema.Pos, via, format string, args ...any) {
		if pos == (schema.Pos{}) {
			pos = head.Pos // the line is gone
		}
		b.find(schema.Warning, PolicyLoosened, "configuration", fmt.Sprintf(format, args...)+"; this commit is still judged by the base's policy", &schema.Assignment{Pos: pos, Via: via})
	}
	for i := range base.Floor {
		was := &base.Floor[i]
		row, _ := schema.LookupSetting(was.Setting)
		switch is := asked(head.Floor, was.Setting); {
		case is == nil:
			tell(schema.Pos{}, "floor", "the floor %s of %s is taken away", Show(was.Value), was.Setting)
		case !row.Meets(was.Value, is.Value):
			tell(is.Pos, "floor", "the floor of %s goes from %s to %s", was.Setting, Show(was.Value), Show(is.Value))
		}
	}
	if base.CoverageRequired && !head.CoverageRequired {
		tell(head.CoverageAt, "coverage", "coverage is no longer required")
	}
	switch was, is := base.MaxChanges, head.MaxChanges; {
	case was.Set && !is.Set:
		tell(schema.Pos{}, "max_changes", "max_changes %s is taken away", was)
	case was.Set && is.Of(objects) > was.Of(objects):
		tell(is.Pos, "max_changes", "max_changes goes from %s to %s", was, is)
	}
	for i := range head.Exceptions {
		e := &head.Exceptions[i]
		if !slices.ContainsFunc(base.Exceptions, func(x schema.Exception) bool { return within(e, &x) }) {
			var what []string
			for _, a := range e.Settings {
				what = append(what, a.Setting+" "+Show(a.Value))
			}
			tell(e.Pos, "exceptions", "an exception for %s, %s until %s, is new or goes further", e.Hostname, strings.Join(what, ", "), e.Until)
		}
	}
}

// within reports whether an exception lets nothing pass that another does not.
func within(e, other *schema.Exception) bool {
	if e.Hostname != other.Hostname || e.Until > other.Until {
		return false
	}
	return !slices.ContainsFunc(e.Settings, func(a schema.Assignment) bool {
		row, _ := schema.LookupSetting(a.Setting)
		x := asked(other.Settings, a.Setting)
		return x == nil || !row.Meets(x.Value, a.Value)
	})
}

func orNotReported(why string) string {
	if why == "" {
		return "Cloudflare did not report it"
	}
	return why
}

// enumerate is a list in words.
func enumerate(list []string) string {
	if n := len(list); n > 1 {
		return strings.Join(list[:n-1], ", ") + " and " + list[n-1]
	}
	return strings.Join(list, "")
}
