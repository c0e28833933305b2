package account

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// mtlsEntry is one entry of the mtls block while its changes are worked out.
type mtlsEntry struct {
	*schema.MTLS
	base        *schema.MTLS // nil where the base does not have it
	authorities []*authority // those of the entry, and those of it that go
	listed      map[string]bool
	// standing are the hostnames that have a certificate authority of the entry
	// after the plan.
	standing map[string]bool
	refused  bool // an authority of the entry is that of another entry
}

func (e *mtlsEntry) origin(p schema.Pos) plan.Origin {
	return plan.Origin{Pos: p, Via: "mtls " + e.Name.Value}
}

// authority is a certificate authority of an entry.
type authority struct {
	entry *mtlsEntry
	ca    *schema.CACertificate // nil for one that is to go
	live  *plan.Resource        // nil for one that is to be made
	name  string                // at Cloudflare
	// from and to are the hostnames that it is associated with before and after
	// the plan, sorted.
	from, to []string
}

func (a *authority) goes() bool { return a.ca == nil }

// fingerprint is the live one, else that of the first certificate of the chain.
func (a *authority) fingerprint() string {
	if a.live != nil {
		return fingerprintOf(a.live)
	}
	return a.ca.MD5[0]
}

func fingerprintOf(r *plan.Resource) string { return plan.TextOf(r.Value(plan.FieldFingerprint)) }

// mtlsWork is the mtls block of an account while its changes are worked out.
type mtlsWork struct {
	*accountWork
	entries     []*mtlsEntry
	authorities []*authority // of all entries
	// blind is set where applications or forwarding could not be read. What
	// protects a hostname is then not taken away, since what has to go before it
	// is not known.
	blind bool
	// listed are the hostnames that entries list, and covered those that have a
	// certificate authority of such an entry after the plan.
	listed, covered map[string]bool
	// barred are the hostnames that nothing can be given to at present; what they
	// have they keep.
	barred map[string]bool
	// after counts the certificate authorities of a hostname after the plan,
	// those of others included.
	after map[string]int
	// apps are the live applications by domain, and required the entries that
	// demand a certificate for a hostname.
	apps     map[string][]*plan.Resource
	required map[string]*mtlsEntry
	opened   map[*plan.Resource]bool // applications that are to be deleted
}

// mtls plans the certificate authorities of Access and what depends on them.
func (w *accountWork) mtls() {
	m := &mtlsWork{
		accountWork: w, blind: !w.readable(plan.KindMTLSHostname, plan.KindAccessApplication),
		listed: map[string]bool{}, covered: map[string]bool{}, barred: map[string]bool{}, after: map[string]int{},
		apps: map[string][]*plan.Resource{}, required: map[string]*mtlsEntry{}, opened: map[*plan.Resource]bool{},
	}
	m.readEntries()
	if len(m.entries) == 0 || !w.readable(plan.KindMTLSCertificate) {
		return
	}
	m.match()
	m.leaving()
	m.associations()
	if w.readable(plan.KindAccessApplication) {
		m.applications()
	}
	m.certificates()
	if w.readable(plan.KindMTLSHostname) {
		m.forwarding()
	}
}

// readEntries takes over the entries, and tells of certificates that expire.
func (w *mtlsWork) readEntries() {
	made := map[string]*mtlsEntry{} // by fingerprint of the first certificate
	for i := range w.want.MTLS {
		e := &mtlsEntry{MTLS: &w.want.MTLS[i], listed: map[string]bool{}, standing: map[string]bool{}}
		w.entries = append(w.entries, e)
		if w.base != nil {
			if j := slices.IndexFunc(w.base.MTLS, func(b schema.MTLS) bool { return b.Name.Value == e.Name.Value }); j >= 0 {
				e.base = &w.base.MTLS[j]
			}
		}
		for _, h := range e.Hostnames {
			e.listed[h.Value] = true
			w.listed[h.Value] = w.listed[h.Value] || !e.Absent
		}
		for j := range e.CAs {
			ca := &e.CAs[j]
			object := w.object(plan.KindMTLSCertificate, e.Name.Value)
			if when, soon := schema.ExpiresSoon(ca.NotAfter, w.in.Now); soon && !e.Absent {
				w.tell(schema.Warning, plan.CAExpires, object, fmt.Sprintf("the certificate authority in %s %s", ca.File, when), e.origin(ca.Pos))
			}
			switch other := made[ca.MD5[0]]; {
			case e.Absent:
			case other != nil:
				e.refused = true
				w.tell(schema.Error, plan.NotEditable, object, fmt.Sprintf("the certificate authority in %s is left as it is: it is that of %s already, and an account has each once",
					ca.File, other.Name.Value), e.origin(ca.Pos))
			default:
				made[ca.MD5[0]] = e
				e.authorities = append(e.authorities, &authority{entry: e, ca: ca})
			}
		}
	}
}

// match finds the live certificate of each authority, by its fingerprint alone.
// Of a chain it is not documented which certificate Cloudflare's covers; the
// first is the likeliest, so those are looked for before all others.
func (w *mtlsWork) match() {
	claimed := make([]bool, len(w.live.Certificates))
	// The root of a chain may be somebody else's authority too: what is matched by
	// another than the first certificate has to be ours by its name as well.
	find := func(e *mtlsEntry, md5 string, isFirst bool) int {
		best := -1
		for i := range w.live.Certificates {
			c := &w.live.Certificates[i]
			if claimed[i] || fingerprintOf(c) != md5 {
				continue
			}
			if w.owner(c.Name) == e {
				return i
			}
			if best < 0 && isFirst {
				best = i
			}
		}
		return best
	}
	for depth, more := 0, true; more; depth++ {
		more = false
		for _, e := range w.entries {
			for _, a := range e.authorities {
				if a.live != nil || depth >= len(a.ca.MD5) {
					continue
				}
				more = true
				if i := find(e, a.ca.MD5[depth], depth == 0); i >= 0 {
					claimed[i] = true
					a.live, a.name = &w.live.Certificates[i], w.live.Certificates[i].Name
					a.from = hostnamesOf(a.live)
				}
			}
		}
	}
	// One of ours that does not tell its fingerprint may be any of those that are
	// missing: making another at every run would fill the account.
	for i := range w.live.Certificates {
		c := &w.live.Certificates[i]
		if e := w.owner(c.Name); e != nil && !e.Absent && fingerprintOf(c) == "" {
			e.refused = true
			e.authorities = slices.DeleteFunc(e.authorities, func(a *authority) bool { return a.live == nil })
		}
	}
	taken := map[string]bool{}
	for i := range w.live.Certificates {
		taken[w.live.Certificates[i].Name] = true
	}
	for _, e := range w.entries {
		for i, a := range e.authorities {
			if a.live == nil {
				// Whether two certificates may have one name is not documented. All but
				// the first have one of their own, so that a name does not depend on
				// when a run was stopped.
				if a.name = e.Name.Value; taken[a.name] || i > 0 {
					a.name += " " + a.ca.MD5[0][:8]
				}
				taken[a.name] = true
			}
			w.twins(a, claimed)
			w.authorities = append(w.authorities, a)
		}
	}
	for i := range w.live.Certificates {
		if !claimed[i] {
			w.claimLeaving(&w.live.Certificates[i])
		}
	}
}

// twins warns of live certificates that have the fingerprint of one that is used.
func (w *mtlsWork) twins(a *authority, claimed []bool) {
	if a.live == nil {
		return
	}
	for i := range w.live.Certificates {
		if c := &w.live.Certificates[i]; !claimed[i] && fingerprintOf(c) == a.fingerprint() {
			w.tell(schema.Warning, plan.NotEditable, w.object(plan.KindMTLSCertificate, a.entry.Name.Value), fmt.Sprintf(
				"account %s has the certificate authority in %s more than once: %s (%s) is used, %s (%s) is left as it is",
				w.live.Name, a.ca.File, a.live.Name, a.live.ID, c.Name, c.ID), a.entry.origin(a.ca.Pos))
		}
	}
}

// owner is the entry that a live certificate belongs to by its name: that of the
// entry, or that and the beginning of a fingerprint, as it is made where the name
// is taken.
func (w *mtlsWork) owner(name string) *mtlsEntry {
	named := func(name string) *mtlsEntry {
		for _, e := range w.entries {
			if e.Name.Value == name {
				return e
			}
		}
		return nil
	}
	if e := named(name); e != nil {
		return e
	}
	if cut := len(name) - 9; cut > 0 && name[cut] == ' ' && strings.Trim(name[cut+1:], "0123456789abcdef") == "" {
		return named(name[:cut])
	}
	return nil
}

// claimLeaving takes a live certificate that no entry asks for as one that is to
// go, if it is an earlier one of an entry, or of an entry that is to be absent.
func (w *mtlsWork) claimLeaving(c *plan.Resource) {
	e := w.owner(c.Name)
	md5 := fingerprintOf(c)
	for _, x := range w.entries {
		if x.Absent && slices.ContainsFunc(x.CAs, func(ca schema.CACertificate) bool { return ca.MD5[0] == md5 }) {
			e = x
		}
	}
	switch {
	case e == nil:
	case md5 == "" && !e.Absent:
		w.tell(schema.Warning, plan.NotEditable, w.object(plan.KindMTLSCertificate, e.Name.Value), fmt.Sprintf(
			"certificate %s (%s) is left as it is: Cloudflare does not report its fingerprint, so it cannot be told whether it is the one in the configuration", c.Name, c.ID), e.origin(e.Name.Pos))
	case e.Absent || !plan.HasFingerprint(e.CAs, md5):
		e.authorities = append(e.authorities, &authority{entry: e, live: c, name: c.Name, from: hostnamesOf(c)})
	}
}

func hostnamesOf(r *plan.Resource) []string {
	return slices.Sorted(slices.Values(r.Value(plan.FieldHostnames).List()))
}

// leaving works out which hostnames every authority that stays is associated
// with, and which of those that are to go can.
func (w *mtlsWork) leaving() {
	for _, e := range w.entries {
		for _, h := range e.Hostnames {
			if e.Absent {
				continue
			}
			if rule, why := w.unusable(h.Value); rule != "" {
				w.barred[h.Value] = true
				w.tell(schema.Warning, rule, w.object(plan.KindMTLSHostname, h.Value), h.Value+" "+why, e.origin(h.Pos))
			}
		}
	}
	for _, a := range w.authorities {
		if !a.entry.HostnamesAt.Set {
			a.to = a.from
			continue
		}
		for _, h := range a.entry.Hostnames {
			if _, already := slices.BinarySearch(a.from, h.Value); already || !w.barred[h.Value] {
				a.to = append(a.to, h.Value)
				w.covered[h.Value] = true
			}
		}
	}
	for _, a := range w.authorities {
		// A hostname that another entry lists and cannot have yet stays.
		for _, h := range a.from {
			if a.entry.HostnamesAt.Set && !a.entry.listed[h] && (w.blind || w.listed[h] && !w.covered[h]) {
				a.to = append(a.to, h)
			}
		}
		slices.Sort(a.to)
	}
	for _, a := range w.authorities {
		for _, h := range a.to {
			a.entry.standing[h] = true
		}
	}
	for _, e := range w.entries {
		kept := e.authorities[:0]
		for _, a := range e.authorities {
			if a.goes() {
				if !w.canGo(a) {
					continue
				}
				w.authorities = append(w.authorities, a)
			}
			kept = append(kept, a)
		}
		e.authorities = kept
	}
}

// canGo reports whether a certificate authority may be deleted: no hostname must
// lose it that somebody still wants protected. Where it may not, that is told.
func (w *mtlsWork) canGo(a *authority) bool {
	e := a.entry
	var foreign, waiting []string
	for _, h := range a.from {
		isOurs, stands := e.listed[h], e.standing[h]
		if e.Absent {
			isOurs, stands = isOurs || len(e.Hostnames) == 0, w.covered[h] || !w.listed[h]
		}
		switch {
		case !isOurs:
			foreign = append(foreign, h)
		case !stands:
			waiting = append(waiting, h)
		}
	}
	why := ""
	switch {
	case len(foreign) > 0:
		why = fmt.Sprintf("it also protects %s, which the entry does not list; list %s, or end the association first",
			plan.First(foreign), plan.Plural(len(foreign), "it", "them"))
	case len(waiting) > 0:
		why = fmt.Sprintf("%s would be left without a certificate authority", plan.First(waiting))
	case e.refused:
		why = "what is to replace it is not the entry's own"
	case w.blind && len(a.from) > 0:
		why = "what has to go before it could not be read"
	default:
		return true
	}
	w.tell(schema.Warning, plan.NotEditable, w.object(plan.KindMTLSCertificate, e.Name.Value), fmt.Sprintf(
		"certificate authority %s (%s) is no longer asked for and is not deleted: %s", a.name, a.live.ID, why), e.origin(e.Name.Pos))
	return false
}

// unusable says why a hostname cannot be given client certificates, if it cannot:
// a custom hostname has to be active and not a wildcard
// (developers.cloudflare.com/cloudflare-for-platforms/cloudflare-for-saas/security/secure-with-access),
// any other name must lie in a zone of the account. Where not all that would
// tell was read the name is taken for usable.
func (w *mtlsWork) unusable(name string) (rule, why string) {
	known, zones := len(w.in.Live.Problems) == 0, 0
	for i := range w.in.Live.Zones {
		z := &w.in.Live.Zones[i]
		if z.Account.ID != w.live.ID {
			continue
		}
		zones++
		known = known && z.Hostnames != nil
		at, found := slices.BinarySearchFunc(z.Hostnames, name, func(h plan.Hostname, n string) int { return strings.Compare(h.Name, n) })
		if !found && (name == z.Name || strings.HasSuffix(name, "."+z.Name)) {
			return "", ""
		}
		for ; at < len(z.Hostnames) && z.Hostnames[at].Name == name; at++ {
			state := unready(&z.Hostnames[at])
			if state == "" {
				return "", ""
			}
			why = cmp.Or(why, state)
		}
	}
	switch {
	case why != "":
		return plan.NotEditable, why + ", and client certificates are for custom hostnames that are active and no wildcard: it is given nothing that it does not have already"
	case known && zones > 0:
		return plan.NotFound, fmt.Sprintf("is no custom hostname, and lies in no zone, of account %s that the configuration speaks of: it is given nothing that it does not have already", w.live.Name)
	}
	return "", ""
}

// unready says why a custom hostname cannot have client certificates.
func unready(h *plan.Hostname) string {
	switch {
	case h.Wildcard:
		return "is a wildcard custom hostname"
	case h.Status != "active" && h.Status != "active_redeploying":
		return "is a custom hostname whose status is " + h.Status
	case !h.SSL:
		return "is a custom hostname without a certificate"
	case h.SSLStatus != "active":
		return "is a custom hostname whose certificate's status is " + h.SSLStatus
	}
	return ""
}

// associations counts how many certificate authorities each hostname has after
// the plan.
func (w *mtlsWork) associations() {
	ours := map[*plan.Resource]bool{}
	for _, a := range w.authorities {
		ours[a.live] = true
		for _, h := range a.to {
			w.after[h]++
		}
	}
	for i := range w.live.Certificates {
		if c := &w.live.Certificates[i]; !ours[c] {
			for _, h := range hostnamesOf(c) {
				w.after[h]++
			}
		}
	}
}

// certificates makes the nodes that write certificate authorities. One that gains
// and loses hostnames is written twice: what it gains may be waited for by what
// has to come before it loses the others.
func (w *mtlsWork) certificates() {
	for _, a := range w.authorities {
		gained, lost := plan.Minus(a.to, a.from), plan.Minus(a.from, a.to)
		switch {
		case a.live == nil:
			w.create(a)
		case a.goes():
			if len(a.from) > 0 {
				w.associate(a, "clear", a.from, nil)
			}
			w.remove(a)
		case len(gained) > 0 && len(lost) > 0:
			both := slices.Sorted(slices.Values(slices.Concat(a.from, gained)))
			w.associate(a, "associate", a.from, both)
			w.associate(a, "dissociate", both, a.to)
		case len(gained) > 0:
			w.associate(a, "associate", a.from, a.to)
		case len(lost) > 0:
			w.associate(a, "dissociate", a.from, a.to)
		}
	}
}

// certificateChange begins a change. Its id has the beginning of the fingerprint,
// so that the certificate authorities of one entry can be told apart.
func (w *mtlsWork) certificateChange(a *authority, action, what string) plan.Change {
	c := plan.Change{Kind: plan.KindMTLSCertificate, Name: a.name, Action: action}
	short := a.fingerprint()
	if a.live != nil {
		c.ObjectID = a.live.ID
		if short == "" {
			short = a.live.ID
		}
	}
	c.ID = fmt.Sprintf("%s#%s-%s", w.object(plan.KindMTLSCertificate, a.entry.Name.Value), what, short[:min(8, len(short))])
	return c
}

// step is a deed of a node that is about an authority.
func (w *mtlsWork) step(d deed, n int, a *authority, hostname string) {
	w.did(step{deed: d, node: n, entry: a.entry.Name.Value, certificate: a.name + "\x00" + a.fingerprint(), hostname: hostname})
}

func (w *mtlsWork) create(a *authority) {
	e := a.entry
	md5 := schema.StringValue(a.ca.MD5[0])
	fingerprint := w.edit(plan.FieldFingerprint, schema.Inherit, md5, w.authorityCause(a, md5, schema.Inherit), schema.Changes, e.origin(a.ca.Pos))
	fingerprint.Wire = schema.StringValue(a.ca.PEM)
	c := w.certificateChange(a, plan.Create, "create")
	c.Edits = []plan.Edit{fingerprint}
	if len(a.to) > 0 {
		c.Edits = append(c.Edits, w.associationEdit(a, nil, a.to))
	}
	n := w.add(c, plan.Object{Absent: true})
	w.step(upload, n, a, "")
	for _, h := range a.to {
		w.step(associate, n, a, h)
	}
}

// authorityCause is why a certificate authority is to be made, or deleted.
func (w *mtlsWork) authorityCause(a *authority, to, from schema.Value) plan.Cause {
	b := a.entry.base
	if b == nil {
		return w.cause("", to, from)
	}
	asked := schema.Inherit
	switch {
	case !w.baseHas(a):
	case a.goes():
		asked = from
	default:
		asked = to
	}
	return w.cause(asked, to, from)
}

// baseHas reports whether the base asks for a certificate authority.
func (w *mtlsWork) baseHas(a *authority) bool {
	b := a.entry.base
	switch {
	case b == nil || b.Absent:
		return false
	case a.entry.Absent:
		return true // whatever it had goes with it
	case a.ca != nil:
		return plan.HasFingerprint(b.CAs, a.ca.MD5[0])
	}
	return plan.HasFingerprint(b.CAs, a.fingerprint())
}

func (w *mtlsWork) associationEdit(a *authority, from, to []string) plan.Edit {
	e := a.entry
	pos := e.Name.Pos
	if e.HostnamesAt.Set {
		pos = e.HostnamesAt.Pos
	}
	d := schema.Changes
	if slices.ContainsFunc(plan.Minus(from, to), func(h string) bool { return w.after[h] == 0 }) {
		d = schema.Weakens
	}
	return w.edit(plan.FieldHostnames, plan.ListField(from), plan.ListField(to), w.associationCause(a), d, e.origin(pos))
}

// associationCause compares what the base lists with what head lists and with
// what is live: the two writes that one difference may take have one cause.
func (w *mtlsWork) associationCause(a *authority) plan.Cause {
	b := a.entry.base
	lists := func(m *schema.MTLS) schema.Value {
		var names []string
		for _, h := range m.Hostnames {
			names = append(names, h.Value)
		}
		slices.Sort(names)
		return plan.ListField(names)
	}
	head, live := schema.Inherit, plan.ListField(a.from)
	if !a.goes() {
		head = lists(a.entry.MTLS)
	}
	switch {
	case b == nil:
		return w.cause("", head, live)
	case !w.baseHas(a):
		return w.cause(schema.Inherit, head, live)
	case a.entry.Absent || a.goes() && !b.HostnamesAt.Set:
		return w.cause(live, head, live)
	case !b.HostnamesAt.Set:
		return w.cause("", head, live)
	}
	return w.cause(lists(b), head, live)
}

// associate is a write of the hostnames of a live certificate authority.
func (w *mtlsWork) associate(a *authority, what string, from, to []string) {
	c := w.certificateChange(a, plan.Update, what)
	c.Edits = []plan.Edit{w.associationEdit(a, from, to)}
	over := *a.live
	n := w.add(c, plan.Object{Resource: &over})
	for _, h := range plan.Minus(to, from) {
		w.step(associate, n, a, h)
	}
	var bare, cut []string
	for _, h := range plan.Minus(from, to) {
		w.step(dissociate, n, a, h)
		if w.after[h] == 0 {
			bare = append(bare, h)
		} else {
			cut = append(cut, h)
		}
	}
	switch {
	case len(cut) > 0 && w.owner(a.name) != a.entry:
		// Somebody else made it and may rely on it: that takes more than a word.
		w.hazard(n, plan.DisablesMTLS, "%s (%s), which was not made by %s, no longer vouches for clients of %s", a.name, a.live.ID, a.entry.Name.Value, plan.First(cut))
	case len(cut) > 0:
		w.hazard(n, plan.CutsOffClients, "clients of %s with certificates of %s are refused where one is demanded", plan.First(cut), a.name)
	}
	if len(bare) > 0 {
		w.hazard(n, plan.DisablesMTLS, "%s %s left without a certificate authority: no client certificate is verified there any more%s",
			plan.First(bare), plan.Plural(len(bare), "is", "are"), w.stillDemanded(bare))
	}
}

// stillDemanded names an application that is not to be deleted, and so goes on to
// demand a certificate of hostnames that have no certificate authority any more.
func (w *mtlsWork) stillDemanded(hostnames []string) string {
	for i := range w.live.Applications {
		app := &w.live.Applications[i]
		domain := plan.DomainOf(app)
		if app.Value(plan.FieldPolicy) == plan.PolicyCertificate && slices.Contains(hostnames, domain) && !w.opened[app] {
			return fmt.Sprintf("; application %s goes on to demand one of the clients of %s and refuses them all", app.Name, domain)
		}
	}
	return ""
}

// remove deletes a certificate authority.
func (w *mtlsWork) remove(a *authority) {
	c := w.certificateChange(a, plan.Delete, "delete")
	from := a.live.Value(plan.FieldFingerprint)
	c.Edits = []plan.Edit{w.edit(plan.FieldFingerprint, from, schema.Inherit, w.authorityCause(a, schema.Inherit, from), schema.Changes, a.entry.origin(a.entry.Name.Pos))}
	n := w.add(c, plan.Object{Resource: a.live})
	w.step(remove, n, a, "")
	expires := ""
	if t := plan.TextOf(a.live.Value(plan.FieldExpires)); len(t) >= len("2006-01-02") {
		expires = " (expires on " + t[:len("2006-01-02")] + ")"
	}
	w.hazard(n, plan.Deletes, "certificate authority %s%s is deleted, and clients with certificates of it are refused from then on", a.name, expires)
}
