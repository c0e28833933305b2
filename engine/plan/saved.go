package plan

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"tlsync/schema"
)

// Narrowed is a plan that was made afresh, held to one that was saved: a saved plan
// only narrows what is done. Nothing of it is ever sent.
type Narrowed struct {
	// Plan is what of the saved plan is still to be written, as the fresh plan has
	// it, in its order.
	Plan *Plan
	// Already are the changes of the saved plan that need no write any more: live is
	// as they ask.
	Already []*Change
	// Stale are changes whose objects stand otherwise than the saved plan saw them,
	// or that would do something else by now.
	Stale []Discrepancy
	// Foreign are changes that the configuration does not ask for.
	Foreign []Discrepancy
	// Beyond are changes of the fresh plan that the saved one does not hold.
	Beyond []*Change

	spots map[spot]bool
}

// Discrepancy says of a change of a saved plan why it cannot be made as it was
// planned. Where the value of a setting is the reason, Edit is that setting's and
// Found the value; otherwise Why says it, which may be foreign text.
type Discrepancy struct {
	Change *Change
	Edit   *Edit
	Found  schema.Value
	Why    string
}

// spot is one setting of one object.
type spot struct{ object, setting string }

// object is the id of a change without what tells the writes of one object apart.
func objectOf(c *Change) string {
	at := strings.LastIndex(c.ID, "#")
	if at < 0 {
		return c.ID
	}
	part := c.ID[at+1:]
	switch c.Kind {
	case KindCustomHostname:
		if part == "pin" || part == "unpin" || strings.HasPrefix(part, "move-") {
			return c.ID[:at]
		}
	case KindMTLSCertificate:
		return c.ID[:at+1] + part[strings.LastIndex(part, "-")+1:]
	case KindZone, KindHostname, KindMTLSHostname, KindAccessApplication, KindAlert:
	}
	return c.ID
}

// same identifies what a change does to which object, as Fingerprint does, but
// whether or not the object takes a second write: the first may be done already.
func sameness(c *Change) string {
	if c.Kind == KindCustomHostname {
		return fingerprint(c, objectOf(c))
	}
	return Fingerprint(c)
}

func spotsOf(c *Change) []spot {
	out := make([]spot, len(c.Edits))
	for i := range c.Edits {
		out[i] = spot{objectOf(c), c.Edits[i].Setting}
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
func Narrow(saved, fresh *Plan, in Input, head *schema.Desired) *Narrowed {
	n := &narrowing{
		Narrowed: &Narrowed{spots: map[spot]bool{}},
		live:     in.Live, head: head, fresh: fresh,
		objects: map[string][]*Change{}, touched: map[spot]bool{}, deleted: map[string]bool{},
		entries: make([]map[string]*schema.Entry, len(head.Zones)),
	}
	for i := range fresh.Changes {
		c := &fresh.Changes[i]
		n.objects[objectOf(c)] = append(n.objects[objectOf(c)], c)
		for _, s := range spotsOf(c) {
			n.touched[s] = true
		}
	}
	wanted := map[string]*Change{}
	ids := map[string]bool{}
	var twice []*Change
	for i := range saved.Changes {
		c := &saved.Changes[i]
		if ids[c.ID] || wanted[sameness(c)] != nil {
			twice = append(twice, c)
			continue
		}
		ids[c.ID], wanted[sameness(c)] = true, c
		for _, s := range spotsOf(c) {
			n.spots[s] = true
		}
		if c.Action == Delete {
			n.deleted[objectOf(c)] = true
		}
	}
	var kept []Change
	beyond := map[string]bool{}
	found := map[string]bool{}
	for i := range fresh.Changes {
		c := &fresh.Changes[i]
		if print := sameness(c); wanted[print] != nil {
			found[print] = true
			kept = append(kept, *c)
		} else {
			beyond[c.ID] = true
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
				n.Stale = append(n.Stale, Discrepancy{Change: &kept[i], Why: "it now needs " + need + " first, which the saved plan does not hold"})
				break
			}
		}
	}
	p := *fresh
	p.Changes = kept
	p.Count(in.Live.Reads, in.Budget)
	p.Digest = Digest(p.Changes)
	Resize(&p, &head.Policy)
	n.Plan = &p
	return n.Narrowed
}

// Left is what is still to be done of a plan that was made after the saved one was
// carried out: the changes to settings that the saved plan is about, and how many
// others there are.
func (n *Narrowed) Left(again *Plan) (left *Plan, beyond int) {
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
	live     *Live
	head     *schema.Desired
	fresh    *Plan
	objects  map[string][]*Change // changes of the fresh plan, by object
	touched  map[spot]bool        // by the fresh plan
	deleted  map[string]bool      // objects that the saved plan deletes
	zones    map[string]*Zone     // by label
	entries  []map[string]*schema.Entry
	findings map[string]*Finding // the first of each object
}

// judge tells what has become of a change that the fresh plan does not hold.
func (n *narrowing) judge(c *Change) {
	if why := n.foreign(c); why != "" {
		n.Foreign = append(n.Foreign, Discrepancy{Change: c, Why: why})
		return
	}
	o, why := n.find(c)
	if why != "" {
		n.Stale = append(n.Stale, Discrepancy{Change: c, Why: why})
		return
	}
	standing, e, found := Stand(c, o)
	touched := slices.ContainsFunc(spotsOf(c), func(s spot) bool { return n.touched[s] })
	switch {
	case standing == AtTarget && !touched, c.Action == Update && o.Absent && n.deleted[objectOf(c)] && !touched:
		n.Already = append(n.Already, c)
	case c.Action == Update && o.Absent && c.Kind != KindHostname:
		n.Stale = append(n.Stale, Discrepancy{Change: c, Why: "it does not exist any more"})
	case standing == Moved:
		n.Stale = append(n.Stale, Discrepancy{Change: c, Edit: e, Found: found})
	default:
		n.Stale = append(n.Stale, n.otherwise(c, o, standing))
	}
}

// otherwise says how the fresh plan differs about an object whose values stand as
// the saved plan saw them, or have come all the way, or a part of it.
func (n *narrowing) otherwise(c *Change, o Object, standing Standing) Discrepancy {
	d := Discrepancy{Change: c}
	for _, now := range n.objects[objectOf(c)] {
		if now.Action == c.Action && sameEdits(now.Edits, c.Edits) {
			d.Why = fmt.Sprintf("its hazards were %s, now they are %s", kindsOf(c.Hazards), kindsOf(now.Hazards))
			return d
		}
	}
	for i := range c.Edits {
		if e := &c.Edits[i]; standing == AtOrigin && e.Met(o.Value(e.Setting)) && e.From != e.To {
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

func sameEdits(a, b []Edit) bool {
	return slices.EqualFunc(a, b, func(x, y Edit) bool { return x.Setting == y.Setting && x.From == y.From && x.To == y.To })
}

func kindsOf(hazards []Hazard) string {
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
func (n *narrowing) finding(c *Change) *Finding {
	if n.findings == nil {
		n.findings = map[string]*Finding{}
		for i := range n.fresh.Findings {
			if f := &n.fresh.Findings[i]; f.Severity != Info && n.findings[f.Object] == nil {
				n.findings[f.Object] = f
			}
		}
	}
	object, _, _ := strings.Cut(c.ID, "#")
	if f := n.findings[object]; f != nil || c.Zone == "" {
		return f
	}
	return n.findings[zoneObject(labelOf(c))]
}

// label is the zone, or the account, in the id of a change.
func labelOf(c *Change) string {
	_, rest, _ := strings.Cut(c.ID, "/")
	if c.Kind.OfAccount() {
		return c.Account
	}
	label, _, _ := strings.Cut(rest, "/")
	label, _, _ = strings.Cut(label, "#")
	return label
}

// wellFormed reports whether the id of a change speaks of the object that its other
// members name, which a digest does not cover.
func wellFormed(c *Change) bool {
	rest, ok := strings.CutPrefix(c.ID, string(c.Kind)+"/"+labelOf(c))
	if !ok || labelOf(c) == "" || len(c.Edits) == 0 {
		return false
	}
	if !c.Kind.OfAccount() && labelOf(c) != c.Zone && !strings.HasPrefix(labelOf(c), c.Zone+"@") {
		return false
	}
	switch c.Kind {
	case KindZone:
		return c.Name == c.Zone && strings.HasPrefix(rest, "#")
	case KindHostname:
		return rest == "/"+c.Name+"#"+c.Edits[0].Setting && len(c.Edits) == 1
	case KindMTLSCertificate:
		return c.Zone == "" && strings.Contains(rest, "#")
	case KindCustomHostname:
		rest = strings.TrimPrefix(objectOf(c), string(c.Kind)+"/"+labelOf(c))
	case KindMTLSHostname, KindAccessApplication, KindAlert:
		ok = c.Zone == ""
	}
	return ok && (rest == "/"+c.Name || strings.HasPrefix(rest, "/"+c.Name+"@"))
}

// foreign says why a change cannot have come from the configuration, "" if it can.
func (n *narrowing) foreign(c *Change) string {
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
func (n *narrowing) mayAsk(i int, c *Change) bool {
	z := &n.head.Zones[i]
	switch c.Kind {
	case KindZone:
		if strings.HasPrefix(c.ID, zoneObject(labelOf(c))+"#"+OriginPullsCertificates) {
			return slices.ContainsFunc(z.OriginCertificates, func(o schema.OriginCertificate) bool { return schema.StringValue(o.SHA256) == c.Edits[0].To })
		}
		e := &c.Edits[0]
		if e.Setting == schema.EarlyData {
			a := schema.Assigned(z.Settings, schema.TLS13)
			return a != nil && e.To == `"off"` && a.Value == `"on"`
		}
		return len(c.Edits) == 1 && asks(z.Settings, e)
	case KindHostname:
		at := slices.IndexFunc(z.Hostnames, func(e schema.Entry) bool { return e.Hostname.Value == c.Name })
		return at >= 0 && asks(z.Hostnames[at].Settings, &c.Edits[0])
	case KindCustomHostname, KindMTLSCertificate, KindMTLSHostname, KindAccessApplication, KindAlert:
	}
	entry := n.entry(i, c.Name)
	switch {
	case c.Action == Delete:
		return entry != nil && entry.Absent
	case c.Action == Create && (entry == nil || !z.CustomHostnames.Create.Value || !creatable(entry)):
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

func mayAskHostname(c *schema.CustomHostnames, entry *schema.Entry, name string, e *Edit) bool {
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
func asks(as []schema.Assignment, e *Edit) bool {
	a := schema.Assigned(as, e.Setting)
	return a != nil && completed(a, e.To) == e.To
}

func (n *narrowing) foreignToAccount(c *Change) string {
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
func asksOfAccount(a *schema.Account, c *Change) bool {
	entry := c.Name
	if c.Kind == KindMTLSCertificate {
		id, _, _ := strings.Cut(c.ID, "#")
		entry = strings.TrimPrefix(id, string(c.Kind)+"/"+c.Account+"/")
	}
	switch c.Kind {
	case KindAlert:
		return slices.ContainsFunc(a.Alerts, func(x schema.Alert) bool { return x.Name.Value == entry && x.Absent == (c.Action == Delete) })
	case KindAccessApplication:
		return slices.ContainsFunc(a.MTLS, func(m schema.MTLS) bool {
			return c.Action == Delete || !m.Absent && m.Require.Value && slices.ContainsFunc(m.Hostnames, func(h schema.Field[string]) bool { return h.Value == entry })
		})
	case KindMTLSCertificate, KindMTLSHostname:
		return slices.ContainsFunc(a.MTLS, func(m schema.MTLS) bool {
			made := editOf(c.Edits, FieldFingerprint)
			return m.Name.Value == entry && (c.Action != Create || made != nil && has(m.CAs, textOf(made.To)))
		})
	case KindZone, KindHostname, KindCustomHostname:
	}
	return false
}

// find is the live object of a change, or why it is not known.
func (n *narrowing) find(c *Change) (o Object, why string) {
	if c.Kind.OfAccount() {
		return n.findResource(c)
	}
	if n.zones == nil {
		n.zones = map[string]*Zone{}
		for i := range n.live.Zones {
			n.zones[n.live.ZoneLabel(i)] = &n.live.Zones[i]
		}
	}
	z := n.zones[labelOf(c)]
	if z == nil {
		return o, "zone " + c.Zone + " could not be read, or is not there any more"
	}
	switch c.Kind {
	case KindZone:
		return findInZone(z, c)
	case KindHostname:
		if !slices.Contains(z.LocalRead, c.Edits[0].Setting) {
			return o, "it could not be read"
		}
		s := Setting{ID: c.Edits[0].Setting, Value: schema.Inherit}
		if at, ok := findHost(z.Local, c.Name); ok {
			s.Value = z.Local[at].Own(s.ID)
		}
		return Object{Setting: &s}, ""
	case KindCustomHostname, KindMTLSCertificate, KindMTLSHostname, KindAccessApplication, KindAlert:
	}
	if z.Hostnames == nil {
		return o, "the custom hostnames of zone " + c.Zone + " could not be read"
	}
	at, ok := findHost(z.Hostnames, c.Name)
	for ; ok && at < len(z.Hostnames) && z.Hostnames[at].Name == c.Name; at++ {
		h := &z.Hostnames[at]
		if id := hostnameObject(labelOf(c), c.Name); objectOf(c) != id && objectOf(c) != id+"@"+h.ID {
			continue // another object of the name
		}
		if c.Action == Delete && (h.Status == "pending_deletion" || h.Status == "deleted") {
			continue
		}
		return Object{Hostname: h}, ""
	}
	return Object{Absent: true}, ""
}

func findInZone(z *Zone, c *Change) (Object, string) {
	e := &c.Edits[0]
	if e.Setting == FieldSHA256 {
		if _, unread := z.Unreadable[OriginPullsCertificates]; unread {
			return Object{}, "the certificates for origin pulls could not be read"
		}
		there := slices.ContainsFunc(z.OriginCertificates, func(o OriginCertificate) bool { return schema.StringValue(o.SHA256) == e.To })
		if !there {
			return Object{Absent: true}, ""
		}
		return Object{Resource: &Resource{Fields: map[string]schema.Value{FieldSHA256: e.To}}}, ""
	}
	s, ok := lookup(z.Settings, e.Setting)
	if !ok {
		return Object{}, "it could not be read"
	}
	return Object{Setting: &s}, ""
}

func (n *narrowing) findResource(c *Change) (o Object, why string) {
	at := -1
	for i := range n.live.Accounts {
		if n.live.AccountLabel(i) == c.Account {
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
	var all []Resource
	is := func(r *Resource) bool { return r.ID == requestedID(c) }
	switch c.Kind {
	case KindMTLSHostname:
		return Object{Resource: &a.Forwarding}, ""
	case KindMTLSCertificate:
		all = a.Certificates
		if made := editOf(c.Edits, FieldFingerprint); c.Action == Create && made != nil {
			is = func(r *Resource) bool { return r.Value(FieldFingerprint) == made.To || r.Name == c.Name }
		}
	case KindAccessApplication:
		all = a.Applications
		if c.Action == Create {
			is = func(r *Resource) bool { return domainOf(r) == c.Name && r.Value(FieldPolicy) == PolicyCertificate }
		}
	case KindAlert:
		all = a.Alerts
		if c.Action == Create {
			is = func(r *Resource) bool { return r.Name == c.Name }
		}
	case KindZone, KindHostname, KindCustomHostname:
	}
	for i := range all {
		if is(&all[i]) {
			return Object{Resource: &all[i]}, ""
		}
	}
	return Object{Absent: true}, ""
}

// requestedID is Cloudflare's id of the object that the request of a change writes:
// a saved plan has it nowhere else.
func requestedID(c *Change) string {
	id, err := url.PathUnescape(c.Request.Path[strings.LastIndex(c.Request.Path, "/")+1:])
	if err != nil {
		return ""
	}
	return id
}
