package account

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// longestDomain is how long the domain of an application may be, in characters
// (developers.cloudflare.com/cloudflare-one/account-limits).
const longestDomain = 63

// applicationName is that of the application of an entry for a hostname, by which
// it is known again. The name of the entry is cut so that the whole is no longer
// than names of certificates are.
func (e *mtlsEntry) applicationName(hostname string) string {
	const most = 350
	name := e.Name.Value
	for room := most - len(": "+hostname); utf8.RuneCountInString(name) > room; {
		_, size := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-size]
	}
	return name + ": " + hostname
}

// ownerOf is the entry that an application belongs to by its name.
func (w *mtlsWork) ownerOf(app *plan.Resource) *mtlsEntry {
	domain := plan.DomainOf(app)
	for _, e := range w.entries {
		if domain != "" && app.Name == e.applicationName(domain) {
			return e
		}
	}
	return nil
}

// applications plans the applications that demand a certificate.
func (w *mtlsWork) applications() {
	for i := range w.live.Applications {
		app := &w.live.Applications[i]
		domain := plan.DomainOf(app)
		w.apps[domain] = append(w.apps[domain], app)
	}
	for _, e := range w.entries {
		for _, h := range e.Hostnames {
			if e.Require.Value && !e.Absent && w.required[h.Value] == nil {
				w.required[h.Value] = e
			}
		}
	}
	for _, e := range w.entries {
		for _, h := range e.Hostnames {
			if w.required[h.Value] == e {
				w.require(e, h)
			} else if e.Require.Set && !e.Require.Value && w.required[h.Value] == nil && !e.Absent {
				w.notRequired(e, h)
			}
		}
	}
	for i := range w.live.Applications {
		app := &w.live.Applications[i]
		e := w.ownerOf(app)
		if e == nil || w.required[plan.DomainOf(app)] != nil {
			continue
		}
		listed := e.listed[plan.DomainOf(app)]
		if e.Absent || !listed && e.HostnamesAt.Set || listed && e.Require.Set && !e.Require.Value {
			w.openUp(e, app)
		}
	}
}

// application is the live application of a hostname: that of the entry, else one
// that demands a certificate, else any.
func (w *mtlsWork) application(e *mtlsEntry, hostname string) *plan.Resource {
	var best *plan.Resource
	rank := func(app *plan.Resource) int {
		switch {
		case app.Name == e.applicationName(hostname):
			return 0
		case app.Value(plan.FieldPolicy) == plan.PolicyCertificate:
			return 1
		}
		return 2
	}
	for _, app := range w.apps[hostname] {
		if best == nil || rank(app) < rank(best) {
			best = app
		}
	}
	return best
}

// require makes a hostname demand a certificate.
func (w *mtlsWork) require(e *mtlsEntry, h schema.Field[string]) {
	app := w.application(e, h.Value)
	object := w.object(plan.KindAccessApplication, h.Value)
	switch {
	case app != nil && app.Value(plan.FieldPolicy) == plan.PolicyCertificate:
		return
	case app != nil && w.ownerOf(app) == nil:
		w.tell(schema.Warning, plan.NotEditable, object, fmt.Sprintf(
			"%s demands no client certificate: application %s, which is not the configuration's, has the name and lets others in; it is left as it is", h.Value, app.Name), e.origin(h.Pos))
		return
	case !e.standing[h.Value] || w.barred[h.Value]:
		return // which was told, as was why
	case e.Forward.Value && !w.readable(plan.KindMTLSHostname):
		return // the origin would not see the certificate, and that it is not known was told
	case len(h.Value) > longestDomain:
		w.tell(schema.Warning, plan.NotEditable, object, fmt.Sprintf(
			"%s demands no client certificate: its name is longer than the %d characters that an Access application can have", h.Value, longestDomain), e.origin(h.Pos))
		return
	}
	c := plan.Change{ID: object, Kind: plan.KindAccessApplication, Name: h.Value, Action: plan.Create}
	over, policy := plan.Object{Absent: true}, schema.Inherit
	if app != nil {
		c.Action, c.ObjectID = plan.Update, app.ID
		over, policy = plan.Object{Resource: app}, app.Value(plan.FieldPolicy)
	}
	origin := e.origin(e.Require.Pos)
	cause := w.requireCause(e, h.Value, plan.PolicyCertificate, policy)
	if app == nil {
		domain := w.edit(plan.FieldDomain, schema.Inherit, schema.StringValue(h.Value), cause, schema.Changes, origin)
		domain.Wire = schema.StringValue(e.applicationName(h.Value))
		c.Edits = append(c.Edits, domain)
	}
	direction := schema.Strengthens
	if policy == plan.PolicyNone {
		direction = schema.Changes // it let nobody in, and now lets in who has a certificate
	}
	c.Edits = append(c.Edits, w.edit(plan.FieldPolicy, policy, plan.PolicyCertificate, cause, direction, origin))
	n := w.add(c, over)
	w.did(step{deed: demand, node: n, entry: e.Name.Value, hostname: h.Value})
	if policy != plan.PolicyNone {
		w.hazard(n, plan.CutsOffClients, "clients of %s without a certificate of %s no longer get in", h.Value, e.Name.Value)
	}
}

// requireCause compares what the base asks of the application of a hostname.
func (w *mtlsWork) requireCause(e *mtlsEntry, hostname string, to, from schema.Value) plan.Cause {
	b := e.base
	asked := schema.Inherit
	switch {
	case b == nil || !b.Absent && !b.Require.Set && to != schema.Inherit:
		asked = ""
	case !b.Absent && (b.Require.Value || !b.Require.Set) && slices.ContainsFunc(b.Hostnames, func(h schema.Field[string]) bool { return h.Value == hostname }):
		asked = plan.PolicyCertificate
	}
	return w.cause(asked, to, from)
}

// notRequired tells of an application, not the configuration's, that demands a
// certificate where none is to be demanded.
func (w *mtlsWork) notRequired(e *mtlsEntry, h schema.Field[string]) {
	app := w.application(e, h.Value)
	if app != nil && app.Value(plan.FieldPolicy) == plan.PolicyCertificate && w.ownerOf(app) == nil {
		w.tell(schema.Warning, plan.NotEditable, w.object(plan.KindAccessApplication, h.Value), fmt.Sprintf(
			"%s goes on to demand a client certificate: application %s, which does, is not the configuration's and is left as it is", h.Value, app.Name), e.origin(h.Pos))
	}
}

// openUp deletes an application of an entry.
func (w *mtlsWork) openUp(e *mtlsEntry, app *plan.Resource) {
	hostname := plan.DomainOf(app)
	pos := e.Name.Pos
	if e.listed[hostname] && e.Require.Set {
		pos = e.Require.Pos
	} else if e.HostnamesAt.Set {
		pos = e.HostnamesAt.Pos
	}
	c := plan.Change{ID: w.object(plan.KindAccessApplication, hostname), Kind: plan.KindAccessApplication, Name: hostname, Action: plan.Delete, ObjectID: app.ID}
	policy := app.Value(plan.FieldPolicy)
	cause := w.requireCause(e, hostname, schema.Inherit, policy)
	c.Edits = []plan.Edit{
		w.edit(plan.FieldDomain, app.Value(plan.FieldDomain), schema.Inherit, cause, schema.Changes, e.origin(pos)),
		w.edit(plan.FieldPolicy, policy, schema.Inherit, cause, schema.Weakens, e.origin(pos)),
	}
	w.opened[app] = true
	n := w.add(c, plan.Object{Resource: app})
	w.did(step{deed: open, node: n, entry: e.Name.Value, hostname: hostname})
	w.hazard(n, plan.Deletes, "application %s is deleted", app.Name)
	w.hazard(n, plan.OpensEndpoint, "%s no longer demands a client certificate: clients without one get in", hostname)
}
