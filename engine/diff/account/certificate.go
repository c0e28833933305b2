package account

import (
	"fmt"
	"slices"
	"time"

	"tlsync/engine/plan"
	"tlsync/schema"
	"tlsync/schema/words"
)

// planCertificates adds the writes of certificate authorities. An authority that gains
// and loses hostnames is written twice: other changes may have to come between.
func (w *mtlsPlan) planCertificates(opened map[*plan.Resource]bool) {
	for _, a := range w.authorities {
		gained, lost := plan.Minus(a.to, a.from), plan.Minus(a.from, a.to)
		switch {
		case a.live == nil:
			w.create(a)
		case a.goes():
			if len(a.from) > 0 {
				w.changeHostnames(opened, a, "clear", a.from, nil)
			}
			w.remove(a)
		case len(gained) > 0 && len(lost) > 0:
			both := slices.Sorted(slices.Values(slices.Concat(a.from, gained)))
			w.changeHostnames(opened, a, "associate", a.from, both)
			w.changeHostnames(opened, a, "dissociate", both, a.to)
		case len(gained) > 0:
			w.changeHostnames(opened, a, "associate", a.from, a.to)
		case len(lost) > 0:
			w.changeHostnames(opened, a, "dissociate", a.from, a.to)
		}
	}
}

// certificateChange returns a change without edits. The start of the fingerprint in its Ref
// tells the certificate authorities of one entry apart.
func (w *mtlsPlan) certificateChange(a *authority, action, what string) plan.Change {
	c := plan.Change{Ref: w.ref.Of(plan.KindMTLSCertificate, a.entry.Name.Value), Certificate: a.name, Action: action, Authority: a.forPeople()}
	short := a.fingerprint()
	if a.live != nil {
		c.ObjectID = a.live.ID
		if short == "" {
			short = a.live.ID
		}
	}
	c.Part = fmt.Sprintf("%s-%s", what, short[:min(8, len(short))])
	return c
}

// forPeople says which authority it is: by the certificate of the configuration or of the
// base, else by what Cloudflare reports.
func (a *authority) forPeople() *plan.Authority {
	var known plan.Authority
	ca := a.ca
	if b := a.entry.base; ca == nil && b != nil {
		if i := slices.IndexFunc(b.CAs, func(c schema.CACertificate) bool { return slices.Contains(c.MD5, a.fingerprint()) }); i >= 0 {
			ca = &b.CAs[i]
		}
	}
	if ca != nil {
		known = plan.Authority{Subject: ca.Subject, Expires: ca.NotAfter.UTC().Format(time.DateOnly)}
	}
	if day := a.expires(); day != "" {
		known.Expires = day
	}
	return &known
}

// expires returns the day on which a live authority expires, "" if Cloudflare does not say.
func (a *authority) expires() string {
	if a.live == nil {
		return ""
	}
	t := plan.TextOf(a.live.Value(plan.FieldExpires))
	if len(t) < len(time.DateOnly) {
		return ""
	}
	return t[:len(time.DateOnly)]
}

// actOn notes an effect of a node on an authority, and on a hostname if there is one.
func (w *mtlsPlan) actOn(e effect, n int, a *authority, hostname string) {
	w.act(act{effect: e, node: n, entry: a.entry.Name.Value, certificate: a.name + "\x00" + a.fingerprint(), hostname: hostname})
}

// create adds the creation of a certificate authority.
func (w *mtlsPlan) create(a *authority) {
	e := a.entry
	md5 := schema.StringValue(a.ca.MD5[0])
	fingerprint := w.edit(plan.FieldFingerprint, schema.Inherit, md5, w.authorityCause(a, md5, schema.Inherit), schema.Changes, e.origin(a.ca.Pos))
	c := w.certificateChange(a, plan.Create, "create")
	c.Upload = &plan.Upload{Certificate: a.ca.PEM}
	c.Edits = []plan.Edit{fingerprint}
	if len(a.to) > 0 {
		c.Edits = append(c.Edits, w.associationEdit(a, nil, a.to))
	}

	n := w.add(c, plan.Object{Absent: true})
	w.actOn(upload, n, a, "")
	for _, h := range a.to {
		w.actOn(associate, n, a, h)
	}
}

// authorityCause says why a certificate authority is created or deleted.
func (w *mtlsPlan) authorityCause(a *authority, to, from schema.Value) plan.Cause {
	b := a.entry.base
	if b == nil {
		return w.cause("", to, from)
	}
	wanted := schema.Inherit
	switch {
	case !w.baseHas(a):
	case a.goes():
		wanted = from
	default:
		wanted = to
	}
	return w.cause(wanted, to, from)
}

// baseHas reports whether the base asks for a certificate authority.
func (w *mtlsPlan) baseHas(a *authority) bool {
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

// associationEdit returns the edit of the hostnames of an authority. It weakens where a
// hostname is left without any.
func (w *mtlsPlan) associationEdit(a *authority, from, to []string) plan.Edit {
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

// associationCause says why the hostnames of an authority change: it compares the lists
// of base and head with live state. The two writes that one difference may take share the
// cause.
func (w *mtlsPlan) associationCause(a *authority) plan.Cause {
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

// changeHostnames adds a write of the hostnames of a live certificate authority. Opened
// holds the applications that are to be deleted.
func (w *mtlsPlan) changeHostnames(opened map[*plan.Resource]bool, a *authority, what string, from, to []string) {
	c := w.certificateChange(a, plan.Update, what)
	c.Edits = []plan.Edit{w.associationEdit(a, from, to)}
	over := *a.live
	n := w.add(c, plan.Object{Resource: &over})
	for _, h := range plan.Minus(to, from) {
		w.actOn(associate, n, a, h)
	}

	var bare, cut []string
	for _, h := range plan.Minus(from, to) {
		w.actOn(dissociate, n, a, h)
		if w.after[h] == 0 {
			bare = append(bare, h)
		} else {
			cut = append(cut, h)
		}
	}

	switch {
	case len(cut) > 0 && w.owner(a.name) != a.entry:
		// Somebody else created it and may rely on it: that takes more than a notice.
		w.hazard(n, plan.DisablesMTLS, "%s (%s), which %s did not create, no longer verifies clients of %s", plan.This, a.live.ID, a.entry.Name.Value, words.First(cut))
	case len(cut) > 0:
		w.hazard(n, plan.CutsOffClients, "clients of %s with certificates of %s are refused where one is demanded", words.First(cut), plan.This)
	}
	if len(bare) > 0 {
		w.hazard(n, plan.DisablesMTLS, "%s %s left without a certificate authority: no client certificate is verified there any more%s",
			words.First(bare), words.Plural(len(bare), "is", "are"), w.stillDemanded(bare, opened))
	}
}

// stillDemanded names an application that stays, and so goes on to demand a certificate of
// hostnames that no longer have a certificate authority.
func (w *mtlsPlan) stillDemanded(hostnames []string, opened map[*plan.Resource]bool) string {
	for i := range w.live.Applications {
		app := &w.live.Applications[i]
		domain := plan.DomainOf(app)
		if app.Value(plan.FieldPolicy) == plan.PolicyCertificate && slices.Contains(hostnames, domain) && !opened[app] {
			return fmt.Sprintf("; application %s still demands one of the clients of %s and refuses them all", app.Name, domain)
		}
	}
	return ""
}

// remove adds the deletion of a certificate authority.
func (w *mtlsPlan) remove(a *authority) {
	c := w.certificateChange(a, plan.Delete, "delete")
	from := a.live.Value(plan.FieldFingerprint)
	c.Edits = []plan.Edit{w.edit(plan.FieldFingerprint, from, schema.Inherit, w.authorityCause(a, schema.Inherit, from), schema.Changes, a.entry.origin(a.entry.Name.Pos))}
	n := w.add(c, plan.Object{Resource: a.live})
	w.actOn(remove, n, a, "")

	expires := ""
	if day := a.expires(); day != "" {
		expires = " (expires on " + day + ")"
	}
	w.hazard(n, plan.Deletes, "certificate authority %s%s is deleted, and clients with certificates of it are refused from then on", plan.This, expires)
}
