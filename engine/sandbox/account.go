package sandbox

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// account is an account, with the objects that belong to it rather than to one
// of its zones.
type account struct {
	id, name string

	authorities  []*authority // in the order in which they were made
	forwarding   map[string]hostSetting
	applications []*application  // in the order in which they were made
	policies     []*accessPolicy // those that several applications can use
	alerts       []*alert        // in the order in which they were made
	webhooks     []destination
	pagerDuty    []destination
	alertTypes   []string // what available_alerts offers; nil is all that are known

	// made counts the objects that were ever made of one kind and name, so that
	// one made anew has another id than the one that was deleted.
	made map[string]int
	// busyUntil is when the latest settings of hostnames have reached the edge.
	busyUntil time.Time
	// edge is what the TLS edge enforces; it follows the state after a while.
	edge *frontage
}

// newID derives the id of the next object of a kind and name.
func (a *account) newID(kind, name string) string {
	if a.made == nil {
		a.made = map[string]int{}
	}
	key := kind + "/" + name
	a.made[key]++
	return uuid(a.id, fmt.Sprintf("%s/%d", key, a.made[key]))
}

// accountByID finds an account by its id.
func (s *Server) accountByID(id string) *account {
	for _, a := range s.accounts {
		if a.id == id {
			return a
		}
	}
	return nil
}

// findAccount finds an account by name or id.
func (s *Server) findAccount(name string) *account {
	for _, a := range s.accounts {
		if a.name == name || a.id == name {
			return a
		}
	}
	return nil
}

// reaches reports whether a token may touch an account's own objects. One that
// is limited to some zones, and names no account, reaches the accounts of those.
func (s *Server) reaches(who *identity, a *account) bool {
	if !who.seesAccount(a) {
		return false
	}
	return len(who.zones) == 0 || len(who.accounts) > 0 ||
		slices.ContainsFunc(s.zones, func(z *zone) bool { return z.account == a && who.seesZone(z) })
}

// routeAccount finds the endpoint of an account's own objects. Literal parts
// come before ids of the same place.
func (s *Server) routeAccount(c *call) *answer {
	a := s.accountByID(c.segs[1])
	if a == nil {
		return noRoute(c.path)
	}
	if !s.reaches(c.who, a) {
		return fail(http.StatusForbidden, 9109, "Unauthorized to access requested resource")
	}
	segs, last := c.segs[2:], c.segs[len(c.segs)-1]
	need := func(permission string, h func() *answer) func() *answer {
		return func() *answer {
			if !c.who.may(permission) {
				return fail(http.StatusForbidden, 10000, "Authentication error")
			}
			return h()
		}
	}
	switch {
	case is(segs, "access", "certificates"):
		return s.dispatchList(c, handlers{
			"GET":  need(AccessCertificatesRead, func() *answer { return a.listAuthorities(c) }),
			"POST": need(AccessCertificatesEdit, func() *answer { return s.createAuthority(c, a) }),
		})
	case is(segs, "access", "certificates", "settings"):
		return s.dispatch(c, handlers{
			"GET": need(AccessCertificatesRead, func() *answer { return ok(http.StatusOK, a.hostSettings()) }),
			"PUT": need(AccessCertificatesEdit, func() *answer { return s.editHostSettings(c, a) }),
		})
	case is(segs, "access", "certificates", "*"):
		with := func(h func(*authority) *answer) func() *answer {
			return func() *answer {
				return found(a.authorities, func(ca *authority) bool { return ca.id == last }, h,
					fail(http.StatusNotFound, accessUnknown, "certificate not found"))
			}
		}
		return s.dispatch(c, handlers{
			"GET":    need(AccessCertificatesRead, with(func(ca *authority) *answer { return ok(http.StatusOK, ca.render()) })),
			"PUT":    need(AccessCertificatesEdit, with(func(ca *authority) *answer { return s.editAuthority(c, a, ca) })),
			"DELETE": need(AccessCertificatesEdit, with(func(ca *authority) *answer { return s.deleteAuthority(c, a, ca) })),
		})
	case is(segs, "access", "apps"):
		return s.dispatchList(c, handlers{
			"GET":  need(AccessAppsRead, func() *answer { return a.listApplications(c) }),
			"POST": need(AccessAppsEdit, func() *answer { return s.createApplication(c, a) }),
		})
	case is(segs, "access", "apps", "*"), is(segs, "access", "apps", "*", "policies"):
		id := segs[2]
		with := func(h func(*application) *answer) func() *answer {
			return func() *answer {
				return found(a.applications, func(app *application) bool { return app.id == id }, h,
					fail(http.StatusNotFound, accessUnknown, "application not found"))
			}
		}
		if len(segs) == 4 {
			return s.dispatchList(c, handlers{
				"GET": need(AccessAppsRead, with(func(app *application) *answer { return app.listPolicies(c) })),
			})
		}
		return s.dispatch(c, handlers{
			"GET":    need(AccessAppsRead, with(func(app *application) *answer { return ok(http.StatusOK, app.render()) })),
			"PUT":    need(AccessAppsEdit, with(func(app *application) *answer { return s.editApplication(c, a, app) })),
			"DELETE": need(AccessAppsEdit, with(func(app *application) *answer { return s.deleteApplication(c, a, app) })),
		})
	case is(segs, "access", "policies"):
		return s.dispatchList(c, handlers{
			"GET":  need(AccessAppsRead, func() *answer { return a.listPolicies(c) }),
			"POST": need(AccessAppsEdit, func() *answer { return s.createPolicy(c, a) }),
		})
	case is(segs, "access", "policies", "*"):
		with := func(h func(*accessPolicy) *answer) func() *answer {
			return func() *answer {
				return found(a.policies, func(p *accessPolicy) bool { return p.id == last }, h,
					fail(http.StatusNotFound, accessUnknown, "policy not found"))
			}
		}
		return s.dispatch(c, handlers{
			"GET":    need(AccessAppsRead, with(func(p *accessPolicy) *answer { return ok(http.StatusOK, p.render(a)) })),
			"PUT":    need(AccessAppsEdit, with(func(p *accessPolicy) *answer { return s.editPolicy(c, a, p) })),
			"DELETE": need(AccessAppsEdit, with(func(p *accessPolicy) *answer { return s.deletePolicy(c, a, p) })),
		})
	case is(segs, "alerting", "v3", "available_alerts"):
		return s.dispatch(c, handlers{"GET": need(NotificationsRead, func() *answer { return ok(http.StatusOK, a.availableAlerts()) })})
	case is(segs, "alerting", "v3", "policies"):
		return s.dispatch(c, handlers{
			"GET":  need(NotificationsRead, func() *answer { return ok(http.StatusOK, a.listAlerts()) }),
			"POST": need(NotificationsEdit, func() *answer { return s.createAlert(c, a) }),
		})
	case is(segs, "alerting", "v3", "policies", "*"):
		with := func(h func(*alert) *answer) func() *answer {
			return func() *answer {
				return found(a.alerts, func(al *alert) bool { return al.id == last }, h,
					fail(http.StatusNotFound, alertUnknown, "notification policy not found"))
			}
		}
		return s.dispatch(c, handlers{
			"GET":    need(NotificationsRead, with(func(al *alert) *answer { return ok(http.StatusOK, al.render()) })),
			"PUT":    need(NotificationsEdit, with(func(al *alert) *answer { return s.editAlert(c, a, al) })),
			"DELETE": need(NotificationsEdit, with(func(al *alert) *answer { return s.deleteAlert(c, a, al) })),
		})
	case is(segs, "alerting", "v3", "destinations", "*"):
		lists := map[string]func() any{"eligible": a.eligible, "webhooks": a.listWebhooks, "pagerduty": a.listPagerDuty}
		if lists[last] != nil {
			return s.dispatch(c, handlers{"GET": need(NotificationsRead, func() *answer { return ok(http.StatusOK, lists[last]()) })})
		}
	}
	return noRoute(c.path)
}

// dispatchList is dispatch for a path that offers a list in pages. Only the list
// knows the parameters.
func (s *Server) dispatchList(c *call, h handlers) *answer {
	if c.r.Method == http.MethodGet {
		return s.dispatch(c, h, "page", "per_page")
	}
	return s.dispatch(c, h)
}

// found runs h on the item that matches, and answers none where there is none.
func found[T any](items []T, matches func(T) bool, h func(T) *answer, none *answer) *answer {
	if i := slices.IndexFunc(items, matches); i >= 0 {
		return h(items[i])
	}
	return none
}

// pagedBy is paged for lists whose pages have another size than 20 where the
// request asks for none.
func pagedBy(c *call, size, n, most int, item func(int) any) *answer {
	if !c.query.Has("per_page") {
		c.query.Set("per_page", fmt.Sprint(size))
	}
	return paged(c, n, n, pageLimits{max: most}, func(i int) json.RawMessage { return encode(item(i)) })
}

// The types that a field of a body can have. Null is none of them.
type fieldType int

const (
	aText fieldType = iota
	aBool
	someTexts
	anObject
	aList
)

var typeNames = []string{"a string", "true or false", "a list of strings", "an object", "a list"}

// field is what a body may hold under one key.
type field struct {
	name     string
	is       fieldType
	required bool
}

// readFields decodes an object whose keys and types are checked against what is
// known; what is wrong with it is said in words. Cloudflare ignores keys that it
// does not know, so that a misspelt one changes nothing and nobody notices.
func readFields(body []byte, known []field) (map[string]json.RawMessage, error) {
	m, err := fields(body)
	if err != nil {
		return nil, fmt.Errorf("the body is not a JSON object")
	}
	for _, k := range sortedKeys(m) {
		i := slices.IndexFunc(known, func(f field) bool { return f.name == k })
		if i < 0 {
			return nil, fmt.Errorf("unknown field %s", k)
		}
		if !known[i].is.fits(m[k]) {
			return nil, fmt.Errorf("%s is not %s", k, typeNames[known[i].is])
		}
	}
	for _, f := range known {
		if _, given := m[f.name]; f.required && !given {
			return nil, fmt.Errorf("%s is missing", f.name)
		}
	}
	return m, nil
}

// fits reports whether a JSON text has the type.
func (t fieldType) fits(raw json.RawMessage) bool {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return false
	}
	switch v := v.(type) {
	case string:
		return t == aText
	case bool:
		return t == aBool
	case map[string]any:
		return t == anObject
	case []any:
		return t == aList || t == someTexts && !slices.ContainsFunc(v, func(item any) bool {
			_, text := item.(string)
			return !text
		})
	}
	return false
}

// as decodes a JSON text whose type is known to fit; a missing one is the zero
// value.
func as[T any](raw json.RawMessage) T {
	var v T
	if raw != nil {
		_ = json.Unmarshal(raw, &v) // the type has been checked
	}
	return v
}

// unusable says why a hostname of an account cannot get client certificates, ""
// if it can: it has to be in a zone of the account, or an active custom hostname
// there that is no wildcard. developers.cloudflare.com/cloudflare-for-platforms
// names the last two conditions; that the API checks them is our harshness.
func (s *Server) unusable(a *account, name string) string {
	if !hostnameShape().MatchString(name) || len(name) > 255 {
		return "is not a hostname in lower case"
	}
	why := "is in no zone of the account"
	for _, z := range s.zones {
		if z.account != a {
			continue
		}
		if h := z.byName[name]; h != nil {
			switch {
			case h.ssl != nil && h.ssl.wildcard:
				why = "is a wildcard custom hostname"
			case h.status != "active" && h.status != "active_redeploying":
				why = "is a custom hostname that is not active"
			default:
				return ""
			}
		} else if name == z.ascii || strings.HasSuffix(name, "."+z.ascii) {
			return ""
		}
	}
	return why
}

// stamp is a time as the account's services show it.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// dashboardAccount makes an edit of one of an account's own objects.
func (s *Server) dashboardAccount(e Edit) error {
	a := s.findAccount(e.Account)
	if a == nil {
		return fmt.Errorf("dashboard: no account %q", e.Account)
	}
	// The entry comes into the history once the edit was possible.
	c := &call{entry: &Entry{}, now: s.now()}
	kind, name, edit := "hostname", e.Hostname, s.dashboardForwarding
	switch {
	case e.Certificate != "":
		kind, name, edit = "certificate", e.Certificate, s.dashboardAuthority
	case e.Application != "":
		kind, name, edit = "application", e.Application, s.dashboardApplication
	case e.Alert != "":
		kind, name, edit = "alert", e.Alert, s.dashboardAlert
	}
	if !edit(c, a, e) {
		return fmt.Errorf("dashboard: account %s has no %s %q, or there is nothing to do with it", a.name, kind, name)
	}
	s.note(EffectDashboard, "dashboard").Writes = c.entry.Writes
	return nil
}

// named finds an item; ok is false where there is none.
func named[T any](items []*T, matches func(*T) bool) (item *T, ok bool) {
	if i := slices.IndexFunc(items, matches); i >= 0 {
		return items[i], true
	}
	return nil, false
}

// The edits of single objects report whether there was anything to do.

func (s *Server) dashboardAuthority(c *call, a *account, e Edit) bool {
	ca, ok := named(a.authorities, func(ca *authority) bool { return ca.name == e.Certificate || ca.id == e.Certificate })
	if !ok || !e.Delete && e.Hostnames == nil {
		return false
	}
	object, before := ca.object(a), ca.own()
	if e.Delete { // with its associations, which the dashboard clears before
		a.authorities = slices.DeleteFunc(a.authorities, func(o *authority) bool { return o == ca })
		s.publish(a)
		c.entry.wrote(object, before, nil)
		return true
	}
	ca.updated, ca.free = c.now, c.now.Add(s.seed.Settle)
	s.associate(c, a, ca, e.Hostnames)
	c.entry.wrote(object, before, ca.own())
	return true
}

func (s *Server) dashboardApplication(c *call, a *account, e Edit) bool {
	app, ok := named(a.applications, func(app *application) bool { return app.domain == e.Application || app.id == e.Application })
	switch {
	case !ok || !e.Delete && !e.NoPolicies:
		return false
	case e.Delete:
		s.removeApplication(c.entry, a, app)
	default:
		next := *app
		next.policies, next.updated = nil, c.now
		s.replaceApplication(c.entry, a, app, &next)
	}
	return true
}

func (s *Server) dashboardAlert(c *call, a *account, e Edit) bool {
	al, ok := named(a.alerts, func(al *alert) bool { return al.name == e.Alert || al.id == e.Alert })
	switch {
	case !ok || !e.Delete && e.Enabled == nil && e.Email == nil:
		return false
	case e.Delete:
		a.removeAlert(c.entry, al)
		return true
	}
	before := al.own()
	if e.Enabled != nil {
		al.enabled = *e.Enabled
	}
	if e.Email != nil {
		al.email = e.Email
	}
	al.modified = c.now
	c.entry.wrote(al.object(a), before, al.own())
	return true
}

func (s *Server) dashboardForwarding(c *call, a *account, e Edit) bool {
	if e.Hostname == "" || !e.Delete && e.Forward == nil {
		return false
	}
	next := map[string]hostSetting{}
	maps.Copy(next, a.forwarding)
	set := next[e.Hostname]
	if e.Forward != nil {
		set.Forward = *e.Forward
	}
	next[e.Hostname] = set
	if e.Delete || set == (hostSetting{}) {
		delete(next, e.Hostname)
	}
	s.setForwarding(c.entry, a, next)
	return true
}
