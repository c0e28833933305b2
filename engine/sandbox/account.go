package sandbox

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// account is an account with its objects, other than zones.
type account struct {
	id, name string

	authorities  []*authority // in the order of creation
	forwarding   map[string]hostSetting
	applications []*application  // in the order of creation
	policies     []*accessPolicy // the reusable ones
	alerts       []*alert        // in the order of creation
	webhooks     []destination
	pagerDuty    []destination
	alertTypes   []string // the types in available_alerts; nil means all known types

	// made counts the objects ever created of each kind and name, so that one
	// created anew gets another id than the deleted one.
	made map[string]int
	// busyUntil is when the latest settings of hostnames have reached the edge.
	busyUntil time.Time
	// edge is what the TLS edge enforces; it follows the state after a while.
	edge *frontage
}

// accountByID returns the account with an id, nil if there is none.
func (s *Server) accountByID(id string) *account {
	for _, a := range s.accounts {
		if a.id == id {
			return a
		}
	}
	return nil
}

// findAccount returns the account with a name or id, nil if there is none.
func (s *Server) findAccount(name string) *account {
	for _, a := range s.accounts {
		if a.name == name || a.id == name {
			return a
		}
	}
	return nil
}

// reaches reports whether a token may touch an account's objects. A token that is
// limited to zones and names no account reaches the accounts of its zones.
func (s *Server) reaches(who *identity, a *account) bool {
	if !who.seesAccount(a) {
		return false
	}
	return len(who.zones) == 0 || len(who.accounts) > 0 ||
		slices.ContainsFunc(s.zones, func(z *zone) bool { return z.account == a && who.seesZone(z) })
}

// fieldType is the type of a field in a body. Null fits no type.
type fieldType int

const (
	aText fieldType = iota
	aBool
	someTexts
	anObject
	aList
)

var typeNames = []string{"a string", "true or false", "a list of strings", "an object", "a list"}

// field describes one key of a body.
type field struct {
	name     string
	is       fieldType
	required bool
}

// readFields decodes an object and checks its keys and types. Cloudflare ignores
// unknown keys, so a misspelt key changes nothing and nobody notices; here it is an
// error.
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

// as decodes a JSON text that fits the type. A missing text gives the zero value.
func as[T any](raw json.RawMessage) T {
	var v T
	if raw != nil {
		_ = json.Unmarshal(raw, &v) // the type has been checked
	}
	return v
}

// unusable says why a hostname of an account cannot use client certificates, ""
// if it can. It must be in a zone of the account, or an active custom hostname
// there that is not a wildcard. developers.cloudflare.com/cloudflare-for-platforms
// documents the last two conditions; whether the API checks them is unknown.
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

// stamp formats a time as the services of accounts do.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// dashboardAccount edits one of an account's objects.
func (s *Server) dashboardAccount(e Edit) error {
	a := s.findAccount(e.Account)
	if a == nil {
		return fmt.Errorf("dashboard: no account %q", e.Account)
	}
	// An edit that does nothing leaves no entry in the history.
	c := &call{entry: &Entry{}, now: s.now()}
	kind, name, done := s.dashboardObject(c, a, e)
	if !done {
		return fmt.Errorf("dashboard: account %s has no %s %q, or there is nothing to do with it", a.name, kind, name)
	}
	s.note(EffectDashboard, "dashboard").Writes = c.entry.Writes
	return nil
}

// dashboardObject edits the object that the edit names. done reports whether there
// was anything to do.
func (s *Server) dashboardObject(c *call, a *account, e Edit) (kind, name string, done bool) {
	switch {
	case e.Certificate != "":
		return "certificate", e.Certificate, authorities.dashboard(s, c, a, e.Certificate, e.Delete, func(ca *authority) bool {
			ca.setHosts(e.Hostnames)
			ca.free = c.now.Add(s.seed.Settle)
			return e.Hostnames != nil
		})

	case e.Application != "":
		return "application", e.Application, applications.dashboard(s, c, a, e.Application, e.Delete, func(app *application) bool {
			app.policies = nil
			return e.NoPolicies
		})

	case e.Alert != "":
		return "alert", e.Alert, alerts.dashboard(s, c, a, e.Alert, e.Delete, func(al *alert) bool {
			if e.Enabled != nil {
				al.enabled = *e.Enabled
			}
			if e.Email != nil {
				al.email = e.Email
			}
			return e.Enabled != nil || e.Email != nil
		})
	}
	return "hostname", e.Hostname, s.dashboardForwarding(c, a, e)
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
