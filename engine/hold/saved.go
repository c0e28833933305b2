// Package hold holds a plan that was made afresh to one that was saved or reviewed:
// what of it may still be written, and what was added since.
package hold

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"tlsync/engine/diff"
	"tlsync/engine/plan"
	"tlsync/engine/resolve"
	"tlsync/schema"
)

// Narrowed is a plan that was made afresh, held to one that was saved: a saved plan
// only narrows what is done. Nothing of it is ever sent.
type Narrowed struct {
	// Plan is what of the saved plan is still to be written, as the fresh plan has
	// it, in its order.
	Plan *plan.Plan
	// Already are the changes of the saved plan that need no write any more: live is
	// as they ask.
	Already []*plan.Change
	// Stale are changes whose objects stand otherwise than the saved plan saw them,
	// or that would do something else by now.
	Stale []Discrepancy
	// Foreign are changes that the configuration does not ask for.
	Foreign []Discrepancy
	// Beyond are changes of the fresh plan that the saved one does not hold.
	Beyond []*plan.Change

	spots map[spot]bool
}

// Discrepancy says of a change of a saved plan why it cannot be made as it was
// planned. Where the value of a setting is the reason, Edit is that setting's and
// Found the value; otherwise Why says it, which may be foreign text.
type Discrepancy struct {
	Change *plan.Change
	Edit   *plan.Edit
	Found  schema.Value
	Why    string
}

// spot is one setting of one object.
type spot struct {
	object  plan.Ref
	setting string
}

// same identifies what a change does to which object, as Fingerprint does, but
// whether or not the object takes a second write: the first may be done already.
func sameness(c *plan.Change) string {
	if c.Kind == plan.KindCustomHostname {
		return fingerprint(c, c.Whole().String())
	}
	return Fingerprint(c)
}

func spotsOf(c *plan.Change) []spot {
	out := make([]spot, len(c.Edits))
	for i := range c.Edits {
		out[i] = spot{c.Whole(), c.Edits[i].Setting}
	}
	return out
}

// Narrow compares the changes of a saved plan, one by one, with a plan that was
// made afresh for the same configuration. Of the input the live state counts, and
// the budget.
//
//	in the fresh plan, the same in every edit and hazard      it will be written
//	not there, and live is as the change asks                 done already
//	the configuration never asks for it                       foreign
//	anything else: another value, another hazard, gone        stale
//
// A change that will be written and needs one that the saved plan does not hold is
// stale too.
func Narrow(saved, fresh *plan.Plan, in diff.Input, head *schema.Desired) *Narrowed {
	n := &narrowing{
		Narrowed: &Narrowed{spots: map[spot]bool{}},
		live:     in.Live, head: head, fresh: fresh,
		objects: map[plan.Ref][]*plan.Change{}, touched: map[spot]bool{}, deleted: map[plan.Ref]bool{},
		entries: make([]map[string]*schema.Entry, len(head.Zones)),
	}
	for i := range fresh.Changes {
		c := &fresh.Changes[i]
		n.objects[c.Whole()] = append(n.objects[c.Whole()], c)
		for _, s := range spotsOf(c) {
			n.touched[s] = true
		}
	}
	wanted := map[string]*plan.Change{}
	ids := map[plan.Ref]bool{}
	var twice []*plan.Change
	for i := range saved.Changes {
		c := &saved.Changes[i]
		if ids[c.Ref] || wanted[sameness(c)] != nil {
			twice = append(twice, c)
			continue
		}
		ids[c.Ref], wanted[sameness(c)] = true, c
		for _, s := range spotsOf(c) {
			n.spots[s] = true
		}
		if c.Action == plan.Delete {
			n.deleted[c.Whole()] = true
		}
	}
	var kept []plan.Change
	beyond := map[plan.Ref]bool{}
	found := map[string]bool{}
	for i := range fresh.Changes {
		c := &fresh.Changes[i]
		if print := sameness(c); wanted[print] != nil {
			found[print] = true
			kept = append(kept, *c)
		} else {
			beyond[c.Ref] = true
			n.Beyond = append(n.Beyond, c)
		}
	}
	for i := range saved.Changes {
		c := &saved.Changes[i]
		switch print := sameness(c); {
		case slices.Contains(twice, c):
			n.Foreign = append(n.Foreign, Discrepancy{Change: c, Why: "the saved plan holds it twice"})
		case !found[print]:
			n.judge(c)
		}
	}
	for i := range kept {
		for _, need := range kept[i].Needs {
			if beyond[need] {
				n.Stale = append(n.Stale, Discrepancy{Change: &kept[i], Why: "it now needs " + need.String() + " first, which the saved plan does not hold"})
				break
			}
		}
	}
	p := *fresh
	p.Changes = kept
	p.Count(in.Live.Reads, in.Budget)
	p.Digest = plan.Digest(p.Changes)
	diff.Resize(&p, &head.Policy)
	n.Plan = &p
	return n.Narrowed
}

// Left is what is still to be done of a plan that was made after the saved one was
// carried out: the changes to settings that the saved plan is about, and how many
// others there are.
func (n *Narrowed) Left(again *plan.Plan) (left *plan.Plan, beyond int) {
	p := *again
	p.Changes = nil
	for i := range again.Changes {
		c := &again.Changes[i]
		if slices.ContainsFunc(spotsOf(c), func(s spot) bool { return n.spots[s] }) {
			p.Changes = append(p.Changes, *c)
		}
	}
	return &p, len(again.Changes) - len(p.Changes)
}

// narrowing is what Narrow looks things up in.
type narrowing struct {
	*Narrowed
	live     *plan.Live
	head     *schema.Desired
	fresh    *plan.Plan
	objects  map[plan.Ref][]*plan.Change // changes of the fresh plan, by object
	touched  map[spot]bool               // by the fresh plan
	deleted  map[plan.Ref]bool           // objects that the saved plan deletes
	zones    map[plan.Ref]*plan.Zone
	entries  []map[string]*schema.Entry
	findings map[plan.Ref]*plan.Finding // the first of each object
}

// judge tells what has become of a change that the fresh plan does not hold.
func (n *narrowing) judge(c *plan.Change) {
	if why := n.foreign(c); why != "" {
		n.Foreign = append(n.Foreign, Discrepancy{Change: c, Why: why})
		return
	}
	o, why := n.find(c)
	if why != "" {
		n.Stale = append(n.Stale, Discrepancy{Change: c, Why: why})
		return
	}
	standing, e, found := plan.Stand(c, o)
	touched := slices.ContainsFunc(spotsOf(c), func(s spot) bool { return n.touched[s] })
	switch {
	case standing == plan.AtTarget && !touched, c.Action == plan.Update && o.Absent && n.deleted[c.Whole()] && !touched:
		n.Already = append(n.Already, c)
	case c.Action == plan.Update && o.Absent && c.Kind != plan.KindHostname:
		n.Stale = append(n.Stale, Discrepancy{Change: c, Why: "it does not exist any more"})
	case standing == plan.Moved:
		n.Stale = append(n.Stale, Discrepancy{Change: c, Edit: e, Found: found})
	default:
		n.Stale = append(n.Stale, n.otherwise(c, o, standing))
	}
}

// otherwise says how the fresh plan differs about an object whose values stand as
// the saved plan saw them, or have come all the way, or a part of it.
func (n *narrowing) otherwise(c *plan.Change, o plan.Object, standing plan.Standing) Discrepancy {
	d := Discrepancy{Change: c}
	for _, now := range n.objects[c.Whole()] {
		if now.Action == c.Action && sameEdits(now.Edits, c.Edits) {
			d.Why = fmt.Sprintf("its hazards were %s, now they are %s", kindsOf(c.Hazards), kindsOf(now.Hazards))
			return d
		}
	}
	for i := range c.Edits {
		if e := &c.Edits[i]; standing == plan.AtOrigin && e.Met(o.Value(e.Setting)) && e.From != e.To {
			d.Edit, d.Found = e, o.Value(e.Setting)
			return d
		}
	}
	if f := n.finding(c); f != nil {
		d.Why = "it is left as it is now: " + f.Message
		return d
	}
	d.Why = "the configuration asks for something else of it now"
	return d
}

func sameEdits(a, b []plan.Edit) bool {
	return slices.EqualFunc(a, b, func(x, y plan.Edit) bool { return x.Setting == y.Setting && x.From == y.From && x.To == y.To })
}

func kindsOf(hazards []plan.Hazard) string {
	var kinds []string
	for _, h := range hazards {
		kinds = append(kinds, string(h.Kind))
	}
	slices.Sort(kinds)
	if len(kinds) == 0 {
		return "none"
	}
	return strings.Join(slices.Compact(kinds), ", ")
}

// finding is what the fresh plan has to say about the object of a change, nil if
// nothing.
func (n *narrowing) finding(c *plan.Change) *plan.Finding {
	if n.findings == nil {
		n.findings = map[plan.Ref]*plan.Finding{}
		for i := range n.fresh.Findings {
			if f := &n.fresh.Findings[i]; f.Severity != plan.Info && n.findings[f.Ref] == nil {
				n.findings[f.Ref] = f
			}
		}
	}
	if f := n.findings[c.Object()]; f != nil || c.Zone == "" {
		return f
	}
	return n.findings[c.In()]
}

// wellFormed reports whether the id of a change can be that of a write with its edits:
// a digest does not cover the members of a plan beside the id.
func wellFormed(c *plan.Change) bool {
	if c.Name == "" || len(c.Edits) == 0 {
		return false
	}
	switch c.Kind {
	case plan.KindZone, plan.KindMTLSCertificate:
		return c.Part != ""
	case plan.KindHostname:
		return c.Part == c.Edits[0].Setting && len(c.Edits) == 1
	case plan.KindCustomHostname:
		return true
	case plan.KindMTLSHostname, plan.KindAccessApplication, plan.KindAlert:
		return c.Part == ""
	case plan.KindAccount, plan.KindConfiguration:
	}
	return false
}

// foreign says why a change cannot have come from the configuration, "" if it can.
func (n *narrowing) foreign(c *plan.Change) string {
	if !wellFormed(c) {
		return "its id does not fit what it is about"
	}
	if c.Kind.OfAccount() {
		return n.foreignToAccount(c)
	}
	covered := false
	for i := range n.head.Zones {
		z := &n.head.Zones[i]
		if z.Name.Value == c.Zone || z.Glob && schema.MatchZone(z.Name.Value, c.Zone) {
			if covered = true; n.mayAsk(i, c) {
				return ""
			}
		}
	}
	if !covered {
		return "no document of the configuration covers zone " + c.Zone
	}
	return "the configuration does not ask for it"
}

// mayAsk reports whether a zone document can ask for all of a change. Metadata and
// the wildcard flag, which may have changed, are left out of account.
func (n *narrowing) mayAsk(i int, c *plan.Change) bool {
	z := &n.head.Zones[i]
	switch c.Kind {
	case plan.KindZone:
		if strings.HasPrefix(c.Part, plan.OriginPullsCertificates) {
			return slices.ContainsFunc(z.OriginCertificates, func(o schema.OriginCertificate) bool { return schema.StringValue(o.SHA256) == c.Edits[0].To })
		}
		e := &c.Edits[0]
		if e.Setting == schema.EarlyData {
			a := schema.Assigned(z.Settings, schema.TLS13)
			return a != nil && e.To == `"off"` && a.Value == `"on"`
		}
		return len(c.Edits) == 1 && asks(z.Settings, e)
	case plan.KindHostname:
		at := slices.IndexFunc(z.Hostnames, func(e schema.Entry) bool { return e.Hostname.Value == c.Name })
		return at >= 0 && asks(z.Hostnames[at].Settings, &c.Edits[0])
	case plan.KindCustomHostname, plan.KindMTLSCertificate, plan.KindMTLSHostname, plan.KindAccessApplication, plan.KindAlert:
	}
	entry := n.entry(i, c.Name)
	switch {
	case c.Action == plan.Delete:
		return entry != nil && entry.Absent
	case c.Action == plan.Create && (entry == nil || !z.CustomHostnames.Create.Value || !resolve.Creatable(entry)):
		return false
	}
	for j := range c.Edits {
		if e := &c.Edits[j]; !mayAskHostname(&z.CustomHostnames, entry, c.Name, e) {
			return false
		}
	}
	return true
}

func (n *narrowing) entry(i int, name string) *schema.Entry {
	if n.entries[i] == nil {
		all := n.head.Zones[i].CustomHostnames.Entries
		n.entries[i] = make(map[string]*schema.Entry, len(all))
		for j := range all {
			n.entries[i][all[j].Hostname.Value] = &all[j]
		}
	}
	return n.entries[i][name]
}

func mayAskHostname(c *schema.CustomHostnames, entry *schema.Entry, name string, e *plan.Edit) bool {
	if asks(c.Defaults, e) || entry != nil && (asks(entry.Settings, e) || asks(entry.Certificate, e)) {
		return true
	}
	return slices.ContainsFunc(c.Rules, func(r schema.Rule) bool {
		matches := len(r.Match.Hostnames) == 0 || slices.ContainsFunc(r.Match.Hostnames, func(g string) bool { return schema.MatchZone(g, name) })
		return matches && asks(r.Settings, e)
	})
}

// asks reports whether an edit can come from one of some assignments. What an
// object value leaves open is filled from live state.
func asks(as []schema.Assignment, e *plan.Edit) bool {
	a := schema.Assigned(as, e.Setting)
	return a != nil && plan.Completed(a, e.To) == e.To
}

func (n *narrowing) foreignToAccount(c *plan.Change) string {
	name, _, _ := strings.Cut(c.Account, "@")
	names := []string{c.Account, name}
	for i := range n.live.Accounts {
		if a := &n.live.Accounts[i]; a.Name == c.Account || a.Name+"@"+a.ID == c.Account {
			names = append(names, a.ID, a.Name)
		}
	}
	covered := false
	for i := range n.head.Accounts {
		a := &n.head.Accounts[i]
		if !a.Manages() || !slices.Contains(names, a.Name.Value) {
			continue
		}
		if covered = true; asksOfAccount(a, c) {
			return ""
		}
	}
	if !covered {
		return "no document of the configuration covers account " + c.Account
	}
	return "the configuration does not ask for it"
}

// asksOfAccount reports whether an account document has an entry that a change can
// be for. What its lists come to depends on live state.
func asksOfAccount(a *schema.Account, c *plan.Change) bool {
	entry := c.Name
	switch c.Kind {
	case plan.KindAlert:
		return slices.ContainsFunc(a.Alerts, func(x schema.Alert) bool { return x.Name.Value == entry && x.Absent == (c.Action == plan.Delete) })
	case plan.KindAccessApplication:
		return slices.ContainsFunc(a.MTLS, func(m schema.MTLS) bool {
			return c.Action == plan.Delete || !m.Absent && m.Require.Value && slices.ContainsFunc(m.Hostnames, func(h schema.Field[string]) bool { return h.Value == entry })
		})
	case plan.KindMTLSCertificate, plan.KindMTLSHostname:
		return slices.ContainsFunc(a.MTLS, func(m schema.MTLS) bool {
			made := plan.EditOf(c.Edits, plan.FieldFingerprint)
			return m.Name.Value == entry && (c.Action != plan.Create || made != nil && plan.HasFingerprint(m.CAs, plan.TextOf(made.To)))
		})
	case plan.KindZone, plan.KindHostname, plan.KindCustomHostname:
	}
	return false
}

// find is the live object of a change, or why it is not known.
func (n *narrowing) find(c *plan.Change) (o plan.Object, why string) {
	if c.Kind.OfAccount() {
		return n.findResource(c)
	}
	if n.zones == nil {
		n.zones = map[plan.Ref]*plan.Zone{}
		for i := range n.live.Zones {
			n.zones[n.live.ZoneRef(i)] = &n.live.Zones[i]
		}
	}
	z := n.zones[c.In()]
	if z == nil {
		return o, "zone " + c.Zone + " could not be read, or is not there any more"
	}
	switch c.Kind {
	case plan.KindZone:
		return findInZone(z, c)
	case plan.KindHostname:
		if !slices.Contains(z.HostnameSettings, c.Edits[0].Setting) {
			return o, "it could not be read"
		}
		s := plan.Setting{ID: c.Edits[0].Setting, Value: schema.Inherit}
		if at, ok := plan.FindHostname(z.Hostnames, c.Name); ok {
			s.Value = z.Hostnames[at].Own(s.ID)
		}
		return plan.Object{Setting: &s}, ""
	case plan.KindCustomHostname, plan.KindMTLSCertificate, plan.KindMTLSHostname, plan.KindAccessApplication, plan.KindAlert:
	}
	if z.CustomHostnames == nil {
		return o, "the custom hostnames of zone " + c.Zone + " could not be read"
	}
	at, ok := plan.FindHostname(z.CustomHostnames, c.Name)
	for ; ok && at < len(z.CustomHostnames) && z.CustomHostnames[at].Name == c.Name; at++ {
		h := &z.CustomHostnames[at]
		if c.Twin != "" && c.Twin != h.ID {
			continue // another object of the name
		}
		if c.Action == plan.Delete && (h.Status == "pending_deletion" || h.Status == "deleted") {
			continue
		}
		return plan.Object{Hostname: h}, ""
	}
	return plan.Object{Absent: true}, ""
}

func findInZone(z *plan.Zone, c *plan.Change) (plan.Object, string) {
	e := &c.Edits[0]
	if e.Setting == plan.FieldSHA256 {
		if _, unread := z.Unreadable[plan.OriginPullsCertificates]; unread {
			return plan.Object{}, "the certificates for origin pulls could not be read"
		}
		there := slices.ContainsFunc(z.OriginCertificates, func(o plan.OriginCertificate) bool { return schema.StringValue(o.SHA256) == e.To })
		if !there {
			return plan.Object{Absent: true}, ""
		}
		return plan.Object{Resource: &plan.Resource{Fields: map[string]schema.Value{plan.FieldSHA256: e.To}}}, ""
	}
	s, ok := plan.Lookup(z.Settings, e.Setting)
	if !ok {
		return plan.Object{}, "it could not be read"
	}
	return plan.Object{Setting: &s}, ""
}

func (n *narrowing) findResource(c *plan.Change) (o plan.Object, why string) {
	at := -1
	for i := range n.live.Accounts {
		if n.live.AccountRef(i) == c.In() {
			at = i
		}
	}
	if at < 0 {
		return o, "account " + c.Account + " could not be read"
	}
	a := &n.live.Accounts[at]
	if _, bad := a.Unreadable[c.Kind]; bad {
		return o, "it could not be read"
	}
	var all []plan.Resource
	is := func(r *plan.Resource) bool { return r.ID == requestedID(c) }
	switch c.Kind {
	case plan.KindMTLSHostname:
		return plan.Object{Resource: &a.Forwarding}, ""
	case plan.KindMTLSCertificate:
		all = a.Certificates
		if made := plan.EditOf(c.Edits, plan.FieldFingerprint); c.Action == plan.Create && made != nil {
			is = func(r *plan.Resource) bool { return r.Value(plan.FieldFingerprint) == made.To || r.Name == c.Title() }
		}
	case plan.KindAccessApplication:
		all = a.Applications
		if c.Action == plan.Create {
			is = func(r *plan.Resource) bool {
				return plan.DomainOf(r) == c.Name && r.Value(plan.FieldPolicy) == plan.PolicyCertificate
			}
		}
	case plan.KindAlert:
		all = a.Alerts
		if c.Action == plan.Create {
			is = func(r *plan.Resource) bool { return r.Name == c.Name }
		}
	case plan.KindZone, plan.KindHostname, plan.KindCustomHostname:
	}
	for i := range all {
		if is(&all[i]) {
			return plan.Object{Resource: &all[i]}, ""
		}
	}
	return plan.Object{Absent: true}, ""
}

// requestedID is Cloudflare's id of the object that the request of a change writes:
// a saved plan has it nowhere else.
func requestedID(c *plan.Change) string {
	id, err := url.PathUnescape(c.Request.Path[strings.LastIndex(c.Request.Path, "/")+1:])
	if err != nil {
		return ""
	}
	return id
}
