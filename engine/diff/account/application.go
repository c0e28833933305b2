package account

import (
	"fmt"
	"slices"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// longestDomain is the number of characters that the domain of an application may have
// (developers.cloudflare.com/cloudflare-one/account-limits).
const longestDomain = 63

// ownerOf returns the entry that an application belongs to by its name.
func (w *mtlsPlan) ownerOf(app *plan.Resource) *mtlsEntry {
	domain := plan.DomainOf(app)
	for _, e := range w.entries {
		if domain != "" && app.Name == plan.ApplicationName(e.Name.Value, domain) {
			return e
		}
	}
	return nil
}

// applications plans the applications that demand a certificate.
type applications struct {
	*mtlsPlan
	byDomain map[string][]*plan.Resource // live applications
	required map[string]*mtlsEntry       // entries that demand a certificate, by hostname
}

// planApplications adds the changes of applications, and returns those that are to be
// deleted.
func (w *mtlsPlan) planApplications() (opened map[*plan.Resource]bool) {
	a := &applications{w, map[string][]*plan.Resource{}, map[string]*mtlsEntry{}}
	for i := range w.live.Applications {
		app := &w.live.Applications[i]
		domain := plan.DomainOf(app)
		a.byDomain[domain] = append(a.byDomain[domain], app)
	}
	for _, e := range w.entries {
		for _, h := range e.Hostnames {
			if e.Require.Value && !e.Absent && a.required[h.Value] == nil {
				a.required[h.Value] = e
			}
		}
	}

	for _, e := range w.entries {
		for _, h := range e.Hostnames {
			if a.required[h.Value] == e {
				a.require(e, h)
			} else if e.Require.Set && !e.Require.Value && a.required[h.Value] == nil && !e.Absent {
				a.notRequired(e, h)
			}
		}
	}
	return a.open()
}

// open deletes the applications of entries that no longer demand a certificate.
func (w *applications) open() (opened map[*plan.Resource]bool) {
	opened = map[*plan.Resource]bool{}
	for i := range w.live.Applications {
		app := &w.live.Applications[i]
		e := w.ownerOf(app)
		if e == nil || w.required[plan.DomainOf(app)] != nil {
			continue
		}
		listed := e.listed[plan.DomainOf(app)]
		if e.Absent || !listed && e.HostnamesAt.Set || listed && e.Require.Set && !e.Require.Value {
			opened[app] = true
			w.openUp(e, app)
		}
	}
	return opened
}

// application returns the live application of a hostname: that of the entry, else one
// that demands a certificate, else any.
func (w *applications) application(e *mtlsEntry, hostname string) *plan.Resource {
	var best *plan.Resource
	rank := func(app *plan.Resource) int {
		switch {
		case app.Name == plan.ApplicationName(e.Name.Value, hostname):
			return 0
		case app.Value(plan.FieldPolicy) == plan.PolicyCertificate:
			return 1
		}
		return 2
	}
	for _, app := range w.byDomain[hostname] {
		if best == nil || rank(app) < rank(best) {
			best = app
		}
	}
	return best
}

// require makes a hostname demand a certificate.
func (w *applications) require(e *mtlsEntry, h schema.Field[string]) {
	app := w.application(e, h.Value)
	if !w.canRequire(e, h, app) {
		return
	}

	c := plan.Change{Ref: w.ref.Of(plan.KindAccessApplication, h.Value), Action: plan.Create}
	over, policy := plan.Object{Absent: true}, schema.Inherit
	if app != nil {
		c.Action, c.ObjectID = plan.Update, app.ID
		over, policy = plan.Object{Resource: app}, app.Value(plan.FieldPolicy)
	}

	origin := e.origin(e.Require.Pos)
	cause := w.requireCause(e, h.Value, plan.PolicyCertificate, policy)
	if app == nil {
		c.Application = plan.ApplicationName(e.Name.Value, h.Value)
		c.Edits = append(c.Edits, w.edit(plan.FieldDomain, schema.Inherit, schema.StringValue(h.Value), cause, schema.Changes, origin))
	}
	direction := schema.Strengthens
	if policy == plan.PolicyNone {
		direction = schema.Changes // it let nobody in, and now lets in who has a certificate
	}
	c.Edits = append(c.Edits, w.edit(plan.FieldPolicy, policy, plan.PolicyCertificate, cause, direction, origin))

	n := w.add(c, over)
	w.act(act{effect: demand, node: n, entry: e.Name.Value, hostname: h.Value})
	if policy != plan.PolicyNone {
		w.hazard(n, plan.CutsOffClients, "clients of %s without a certificate of %s no longer get in", plan.This, e.Name.Value)
	}
}

// canRequire reports whether the application of a hostname is to be written: it does not
// demand a certificate yet, and nothing is in the way.
func (w *applications) canRequire(e *mtlsEntry, h schema.Field[string], app *plan.Resource) bool {
	object := w.ref.Of(plan.KindAccessApplication, h.Value)
	switch {
	case app != nil && app.Value(plan.FieldPolicy) == plan.PolicyCertificate:
		return false
	case app != nil && w.ownerOf(app) == nil:
		w.report(schema.Warning, plan.NotEditable, object, fmt.Sprintf(
			"%s demands no client certificate: application %s has the name, is not managed and lets others in", plan.This, app.Name), e.origin(h.Pos))
		return false
	case !e.covered[h.Value] || w.barred[h.Value]:
		return false // another finding says so, and why
	case e.Forward.Value && !w.readable(plan.KindMTLSHostname):
		return false // the origin would not see the certificate; that forwarding could not be read is reported
	case len(h.Value) > longestDomain:
		w.report(schema.Warning, plan.NotEditable, object, fmt.Sprintf(
			"%s demands no client certificate: its name is longer than the %d characters that an Access application can have", plan.This, longestDomain), e.origin(h.Pos))
		return false
	}
	return true
}

// requireCause says why the application of a hostname changes.
func (w *mtlsPlan) requireCause(e *mtlsEntry, hostname string, to, from schema.Value) plan.Cause {
	b := e.base
	wanted := schema.Inherit
	switch {
	case b == nil || !b.Absent && !b.Require.Set && to != schema.Inherit:
		wanted = ""
	case !b.Absent && (b.Require.Value || !b.Require.Set) && slices.ContainsFunc(b.Hostnames, func(h schema.Field[string]) bool { return h.Value == hostname }):
		wanted = plan.PolicyCertificate
	}
	return w.cause(wanted, to, from)
}

// notRequired reports a foreign application that demands a certificate where none is to be
// demanded.
func (w *applications) notRequired(e *mtlsEntry, h schema.Field[string]) {
	app := w.application(e, h.Value)
	if app != nil && app.Value(plan.FieldPolicy) == plan.PolicyCertificate && w.ownerOf(app) == nil {
		w.report(schema.Warning, plan.NotEditable, w.ref.Of(plan.KindAccessApplication, h.Value), fmt.Sprintf(
			"%s still demands a client certificate: application %s is not managed and is not changed", plan.This, app.Name), e.origin(h.Pos))
	}
}

// openUp adds the deletion of an application of an entry.
func (w *applications) openUp(e *mtlsEntry, app *plan.Resource) {
	hostname := plan.DomainOf(app)
	pos := e.Name.Pos
	if e.listed[hostname] && e.Require.Set {
		pos = e.Require.Pos
	} else if e.HostnamesAt.Set {
		pos = e.HostnamesAt.Pos
	}

	c := plan.Change{Ref: w.ref.Of(plan.KindAccessApplication, hostname), Action: plan.Delete, ObjectID: app.ID}
	policy := app.Value(plan.FieldPolicy)
	cause := w.requireCause(e, hostname, schema.Inherit, policy)
	c.Edits = []plan.Edit{
		w.edit(plan.FieldDomain, app.Value(plan.FieldDomain), schema.Inherit, cause, schema.Changes, e.origin(pos)),
		w.edit(plan.FieldPolicy, policy, schema.Inherit, cause, schema.Weakens, e.origin(pos)),
	}

	n := w.add(c, plan.Object{Resource: app})
	w.act(act{effect: open, node: n, entry: e.Name.Value, hostname: hostname})
	w.hazard(n, plan.Deletes, "application %s is deleted", app.Name)
	w.hazard(n, plan.OpensEndpoint, "%s no longer demands a client certificate: clients without one get in", plan.This)
}
