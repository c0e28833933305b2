// Package zone works out what becomes of one zone and its hostnames, and in which
// order it is written.
package zone

import (
	"fmt"
	"slices"
	"time"

	"tlsync/engine/diff/order"
	"tlsync/engine/plan"
	"tlsync/engine/resolve"
	"tlsync/schema"
)

// Input is everything that the changes of one zone are made from.
type Input struct {
	Live  *plan.Zone
	Label string // the name; with the account's id where two zones share the name
	Head  *resolve.ResolvedZone
	Base  *resolve.ResolvedZone // nil without a base commit
	// HeadPolicy and BasePolicy are the policies of the two commits; nil where there
	// is none.
	HeadPolicy, BasePolicy *schema.Policy
	// Group is the group of the zone in the graph.
	Group int
	// Now is the time that the end of exceptions is compared with.
	Now time.Time
}

// Result is what there is to say of a zone beside its changes.
type Result struct {
	Findings []plan.Finding
	Breaches []plan.Breach
}

// zoneWork is one live zone while its changes are worked out.
type zoneWork struct {
	in       Input
	graph    *order.Graph
	findings []plan.Finding
	breaches []plan.Breach
	start    int // the first of its nodes
	live     *plan.Zone
	label    string
	want     *resolve.ResolvedZone
	base     *resolve.ResolvedZone // nil without a base
	edits    map[string]*plan.Edit // zone settings to be written
	held     map[string]bool       // zone settings that do not become what is asked for
	// heldEdits are what was to become of held settings, as far as that is known.
	heldEdits map[string]*plan.Edit
	// zoneNodes are the nodes that govern a setting, in the order of the chain.
	zoneNodes map[string][]int
	// local are the names in the zone that have settings of their own, or are
	// asked to have, sorted, and localWant what is asked of each. Their indices
	// come after those of the custom hostnames.
	local     []plan.Hostname
	localWant [][]schema.Assignment
	names     []hostnameWork        // hostnames with something to write
	own       map[int]*hostnameWork // by hostname index
	created   []createdHostname
}

// hosts is the number of hostnames, custom ones and names in the zone.
func (w *zoneWork) hosts() int { return len(w.live.Hostnames) + len(w.local) }

// host is the hostname of an index.
func (w *zoneWork) host(i int) *plan.Hostname {
	if n := len(w.live.Hostnames); i >= n {
		return &w.local[i-n]
	}
	return &w.live.Hostnames[i]
}

// hostnameWork is one hostname with something to write.
type hostnameWork struct {
	index int
	live  *plan.Hostname
	edits []plan.Edit
	nodes []int // its writes, in order
}

// Build adds the changes that a zone takes to the graph. A zone for which there is
// no safe order is left alone, with a finding.
func Build(graph *order.Graph, in Input) Result {
	w, ordered := build(graph, in)
	if ordered {
		w.cheaper()
	}
	return Result{w.findings, w.breaches}
}

// build works out what becomes of one zone. It reports whether there is an order to
// write it in.
func build(graph *order.Graph, in Input) (*zoneWork, bool) {
	w := &zoneWork{
		in: in, graph: graph, start: graph.Len(), live: in.Live, label: in.Label, want: in.Head, base: in.Base,
		edits: map[string]*plan.Edit{}, held: map[string]bool{}, heldEdits: map[string]*plan.Edit{}, zoneNodes: map[string][]int{}, own: map[int]*hostnameWork{},
	}
	w.zoneEdits()
	w.holdPairs()
	for hi := range w.live.Hostnames {
		if hw, ok := w.hostnameEdits(hi); ok {
			w.names = append(w.names, hw)
		}
	}
	w.localEdits()
	w.leaveFollowers()
	// Only now is it known which zone settings will be written, and so what
	// each name meets before and after.
	for i := range w.names {
		w.own[w.names[i].index] = &w.names[i]
	}
	w.releases()
	ordered := w.write()
	if ordered {
		w.lifecycle()
		w.originCertificates()
		w.hazards()
		w.tell()
	} else { // nothing of it is written
		w.edits, w.own = nil, nil
	}
	w.judge()
	return w, ordered
}

func (w *zoneWork) find(sev schema.Severity, rule, object, message string, a *schema.Assignment) {
	f := plan.Finding{Severity: sev, Rule: rule, Object: object, Message: message}
	if a != nil {
		f.Origin = plan.Origin{Pos: a.Pos, Via: a.Via}
	}
	w.findings = append(w.findings, f)
}

// zoneEdits finds the zone settings that differ.
func (w *zoneWork) zoneEdits() {
	for i := range w.want.Settings {
		a := &w.want.Settings[i]
		live, ok := plan.Lookup(w.live.Settings, a.Setting)
		asked := *a
		if row, known := schema.LookupSetting(a.Setting); known && len(row.Fields) > 0 && ok {
			asked.Value = row.Merge(live.Value, a.Value)
			asked.Wire = asked.Value
		}
		lacking, lacks := w.live.Lacking[a.Setting]
		switch {
		case !ok && lacks:
			w.held[a.Setting] = true
			w.find(schema.Warning, plan.NotEditable, plan.ZoneObject(w.label), fmt.Sprintf("%s of zone %s cannot be changed: %s", a.Setting, w.live.Name, lacking), a)
		case !ok:
			why := w.live.Unreadable[a.Setting]
			if why == "" {
				why = "Cloudflare did not report it"
			}
			w.held[a.Setting] = true
			w.find(schema.Error, plan.Unreadable, plan.ZoneObject(w.label), fmt.Sprintf("%s of zone %s could not be read: %s", a.Setting, w.live.Name, why), a)
		case live.Value == asked.Value:
		case a.Setting == schema.FallbackOrigin && w.fallbackPending():
			w.held[a.Setting] = true
			w.find(schema.Warning, plan.NotEditable, plan.ZoneObject(w.label), fmt.Sprintf("%s of zone %s cannot be changed while its status is %s: it is %s, the configuration asks for %s; apply again when it is active",
				a.Setting, w.live.Name, w.live.FallbackStatus, plan.Show(live.Value), plan.Show(asked.Value)), a)
		case a.Setting == schema.TotalTLS && live.Value.Member("enabled") != "true" && w.ciphersLocked():
			w.held[a.Setting] = true
			w.find(schema.Warning, plan.NotEditable, plan.ZoneObject(w.label), fmt.Sprintf("%s of zone %s cannot be changed: %s", a.Setting, w.live.Name, noCertificateManager), a)
		case a.Setting == schema.OriginPulls && asked.Value.Member("enabled") == "true" && w.pullsBlocked(a):
			w.held[a.Setting] = true
		case live.Locked || w.earlyDataLocked(a):
			w.held[a.Setting] = true
			w.find(schema.Warning, plan.NotEditable, plan.ZoneObject(w.label), fmt.Sprintf("%s of zone %s cannot be changed on its plan: it is %s, the configuration asks for %s",
				a.Setting, w.live.Name, plan.Show(live.Value), plan.Show(asked.Value)), a)
		default:
			e := w.edit(&asked, live.Value, a.Value, baseOf(w.base))
			w.edits[a.Setting] = &e
		}
		if w.held[a.Setting] {
			e := w.edit(&asked, live.Value, a.Value, nil)
			if row, known := schema.LookupSetting(a.Setting); known && e.From == "" {
				e.From = row.Default // it was not read
			}
			w.complete(&e, e.From, e.To)
			w.heldEdits[a.Setting] = &e
		}
	}
}

// holdPairs leaves alone what has to come after a zone setting that does not
// become what is asked for: what the order protects from would stay for good. Which
// versions and suites are left is not among it: that is told of each name.
func (w *zoneWork) holdPairs() {
	versions := []string{schema.MinTLSVersion, schema.TLS13, schema.EarlyData, schema.Ciphers}
	for again := true; again; {
		again = false
		for _, p := range pairs {
			first, then := w.heldEdits[p.before.setting], w.edits[p.after.setting]
			if first == nil || then == nil || slices.Contains(versions, p.before.setting) {
				continue
			}
			w.complete(then, then.From, then.To)
			if !p.before.when(first) || !p.after.when(then) {
				continue
			}
			again = true
			delete(w.edits, p.after.setting)
			w.held[p.after.setting], w.heldEdits[p.after.setting] = true, then
			w.find(schema.Warning, plan.NotEditable, plan.ZoneObject(w.label), fmt.Sprintf("%s of zone %s is left as it is, since %s does not become what is asked for: %s",
				p.after.setting, w.live.Name, p.before.setting, p.why), schema.Assigned(w.want.Settings, p.after.setting))
		}
	}
}

// fallbackPending reports whether the fallback origin is on its way to one or from
// one: Cloudflare then refuses to change it.
func (w *zoneWork) fallbackPending() bool {
	switch w.live.FallbackStatus {
	case "initializing", "pending_deployment", "pending_deletion":
		return true
	}
	return false
}

// earlyDataLocked reports whether tls_1_3 cannot become what is asked for
// because the setting beside it, which would have to change too, is locked.
func (w *zoneWork) earlyDataLocked(a *schema.Assignment) bool {
	if a.Setting != "tls_1_3" || a.Value == `"off"` {
		return false
	}
	rtt, ok := plan.Lookup(w.live.Settings, schema.EarlyData)
	return ok && rtt.Locked && (rtt.Value == `"on"`) != (a.Value == `"zrt"`)
}

// hostnameEdits finds what differs on one custom hostname and may be written.
// A pin that cannot be written holds back the zone's write of that setting:
// the name would otherwise meet a value that it never had and was never meant
// to have.
func (w *zoneWork) hostnameEdits(i int) (hostnameWork, bool) {
	h := &w.live.Hostnames[i]
	as := w.want.Hostnames[i]
	hw := hostnameWork{index: i, live: h}
	if w.want.Deleted[i] != nil {
		return hw, false
	}
	for j := range as {
		if a := &as[j]; h.Own(a.Setting) != a.Value {
			hw.edits = append(hw.edits, w.edit(a, h.Own(a.Setting), a.Value, baseHostname(w.base, i)))
		}
	}
	if len(hw.edits) == 0 {
		return hw, false
	}
	object := plan.HostnameObject(w.label, h.Name)
	origin := schema.Assigned(as, hw.edits[0].Setting)
	if rule, why, serving := plan.Uneditable(h); rule != "" {
		w.find(schema.Warning, rule, object, fmt.Sprintf("%s is left as it is: %s", h.Name, why), origin)
		if serving {
			w.holdBack(schema.Error, h, hw.edits)
		}
		return hw, false
	}
	// Cloudflare refuses a cipher list next to a minimum of 1.3 (code 1443).
	// When the one that is in the way is not managed, it is not ours to drop.
	if after := plan.LaidOver(h.Settings, hw.edits); clash(after) {
		min, list := schema.Assigned(as, schema.MinTLSVersion), schema.Assigned(as, schema.Ciphers)
		var drop func(e plan.Edit) bool
		switch {
		case min != nil && list != nil:
			// Which of the two is meant nobody can tell: neither is written.
			w.find(schema.Error, plan.NotEditable, object, fmt.Sprintf(
				"min_tls_version and ciphers of %s are left as they are: Cloudflare takes no cipher list beside a minimum of 1.3; write \"ciphers: inherit\", or a lower minimum", h.Name), min)
			drop = func(e plan.Edit) bool { return e.Setting == schema.MinTLSVersion || e.Setting == schema.Ciphers }
		default:
			culprit, other := min, schema.Ciphers
			if min == nil {
				culprit, other = list, schema.MinTLSVersion
			}
			w.find(schema.Warning, plan.NotEditable, object, fmt.Sprintf(
				"%s of %s is left as it is: Cloudflare takes no cipher list beside a minimum of 1.3, and %s there is not managed; write \"%s: inherit\" to give it up",
				culprit.Setting, h.Name, other, other), culprit)
			drop = func(e plan.Edit) bool { return e.Setting == culprit.Setting }
		}
		w.holdBack(schema.Error, h, slices.DeleteFunc(slices.Clone(hw.edits), func(e plan.Edit) bool { return !drop(e) }))
		hw.edits = slices.DeleteFunc(hw.edits, drop)
	}
	return hw, len(hw.edits) > 0
}

// holdBack drops zone writes of settings that a name should have been pinned
// against first, and reports whether there were any. A pin at what the zone
// comes to is not missed: the name meets the same by following.
func (w *zoneWork) holdBack(sev schema.Severity, h *plan.Hostname, pins []plan.Edit) bool {
	any := false
	for _, e := range pins {
		z, ok := w.edits[e.Setting]
		if !ok || e.From != schema.Inherit || e.To == z.To {
			continue
		}
		any = true
		delete(w.edits, e.Setting)
		w.held[e.Setting] = true
		w.find(sev, plan.NotEditable, plan.ZoneObject(w.label), fmt.Sprintf(
			"%s of zone %s is not changed to %s: %s follows the zone, should be pinned at %s first, and cannot be",
			e.Setting, w.live.Name, plan.Show(z.To), h.Name, plan.Show(e.To)), schema.Assigned(w.want.Settings, e.Setting))
	}
	return any
}

// leaveFollowers leaves alone every name that is to give up a value of its own
// for a zone's value that will not be there: it would meet the one that the
// zone has now, which nobody asked for, or one that could not be read. Such a
// name is left as a whole, since its edits may depend on each other; what it
// should have been pinned against is then held back too, and so on.
func (w *zoneWork) leaveFollowers() {
	left := map[string][]string{} // names by setting
	noun := "custom hostname"
	for again := true; again; {
		again = false
		kept := w.names[:0]
		for _, hw := range w.names {
			i := slices.IndexFunc(hw.edits, func(e plan.Edit) bool { return e.To == schema.Inherit && w.missing(e.Setting) })
			if i < 0 {
				kept = append(kept, hw)
				continue
			}
			id := hw.edits[i].Setting
			left[id] = append(left[id], hw.live.Name)
			if hw.live.InZone {
				noun = "hostname"
			}
			again = w.holdBack(schema.Error, hw.live, hw.edits) || again
		}
		w.names = kept
	}
	for _, row := range schema.Table() {
		names := left[row.ID]
		if len(names) == 0 {
			continue
		}
		sev, rule, why := schema.Warning, plan.NotEditable, "does not become what is asked for"
		if _, read := w.live.Value(row.ID); !read {
			sev, rule, why = schema.Error, plan.Unreadable, "could not be read"
		}
		slices.Sort(names)
		w.find(sev, rule, plan.ZoneObject(w.label), fmt.Sprintf("%s left as %s, since %s of zone %s, which %s to follow, %s: %s",
			plan.Plural(len(names), "1 "+noun+" is", fmt.Sprintf("%d %ss are", len(names), noun)), plan.Plural(len(names), "it is", "they are"),
			row.ID, w.live.Name, plan.Plural(len(names), "it is", "they are"), why, plan.First(names)), schema.Assigned(w.want.Settings, row.ID))
	}
}

// missing reports whether the zone's value that a name is to follow will not be
// there after the plan.
func (w *zoneWork) missing(id string) bool {
	_, read := w.live.Value(id)
	return w.held[id] || !read
}

func clash(settings []plan.Setting) bool {
	min, _ := plan.Lookup(settings, "min_tls_version")
	ciphers, ok := plan.Lookup(settings, schema.Ciphers)
	return min.Value == `"1.3"` && ok && ciphers.Value != schema.Inherit && ciphers.Value != "[]"
}

// edit makes an assignment an edit. Head is the value as the configuration has
// it, of which the assignment's may be a completed form.
func (w *zoneWork) edit(a *schema.Assignment, from, head schema.Value, base []schema.Assignment) plan.Edit {
	return plan.Edit{
		Setting: a.Setting, From: from, To: a.Value, Wire: a.Wire,
		Cause:  plan.CauseOf(w.base != nil, schema.Assigned(base, a.Setting), head, from),
		Origin: plan.Origin{Pos: a.Pos, Via: a.Via},
	}
}

func baseOf(z *resolve.ResolvedZone) []schema.Assignment {
	if z == nil {
		return nil
	}
	return z.Settings
}

func baseHostname(z *resolve.ResolvedZone, i int) []schema.Assignment {
	if z == nil {
		return nil
	}
	return z.Hostnames[i]
}

// before and after are the zone's values around the plan, "" where unknown.
func (w *zoneWork) before(id string) schema.Value {
	v, _ := w.live.Value(id)
	return v
}

func (w *zoneWork) after(id string) schema.Value {
	if e, ok := w.edits[id]; ok {
		return e.To
	}
	return w.before(id)
}

// effective is what a visitor of a custom hostname meets before and after.
func (w *zoneWork) effective(i int, id string) (from, to schema.Value) {
	from = w.host(i).Own(id)
	to = from
	if hw, ok := w.own[i]; ok {
		for _, e := range hw.edits {
			if e.Setting == id {
				to = e.To
			}
		}
	}
	if from == schema.Inherit {
		from = w.before(id)
	}
	if to == schema.Inherit {
		to = w.after(id)
	}
	return from, to
}

func (w *zoneWork) complete(e *plan.Edit, from, to schema.Value) {
	e.EffectiveFrom, e.EffectiveTo = from, to
	e.Direction = schema.Changes
	if s, ok := schema.LookupSetting(e.Setting); ok && from != "" && to != "" {
		e.Direction = s.Compare(from, to)
	}
}
