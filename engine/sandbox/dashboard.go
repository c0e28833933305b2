package sandbox

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
)

// Edit is an edit made in the dashboard.
type Edit struct {
	// By is the e-mail address of who makes it, for the audit log.
	By   string `yaml:"by"`
	Zone string `yaml:"zone"` // name or id
	// Hostname is a custom hostname, or a name in the zone; empty means the zone
	// itself.
	Hostname string `yaml:"hostname"`
	// Settings are the new values. A zone has, beside its settings,
	// universal_ssl ("on" or "off"), total_tls and origin_pulls (objects as their
	// endpoints take them) and fallback_origin (a host). The dashboard does not show
	// the settings of a name in the zone: such an edit stands for another client's.
	// Null removes a fallback origin or such a setting.
	Settings Settings `yaml:"settings"`
	// Save saves the form of a custom hostname unchanged. That may be a change all
	// the same: the form writes the minimum TLS version that it displays, so a
	// hostname that inherited it is pinned to the zone's value, as Cloudflare's page
	// "TLS Management" (Cloudflare for SaaS) warns.
	Save bool `yaml:"save"`

	// Account, a name or id, makes this an edit of one object of the account. One of
	// these names the object: Certificate, Application (its domain), Alert, or
	// Hostname for a name that has mTLS settings. Delete removes the object.
	Account     string `yaml:"account"`
	Certificate string `yaml:"certificate"`
	Application string `yaml:"application"`
	Alert       string `yaml:"alert"`
	Delete      bool   `yaml:"delete"`
	// Hostnames are all names to associate the certificate with. An empty list
	// clears them; nil leaves them alone.
	Hostnames []string `yaml:"hostnames"`
	// Forward turns forwarding of client certificates to the Hostname on or off.
	Forward *bool `yaml:"client_certificate_forwarding"`
	// NoPolicies takes every policy from the application.
	NoPolicies bool `yaml:"no_policies"`
	// Enabled and Email are the new values of the notification policy.
	Enabled *bool    `yaml:"enabled"`
	Email   []string `yaml:"email"`
}

// Dashboard makes an edit as Cloudflare's dashboard makes it.
func (s *Server) Dashboard(e Edit) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle(s.now())
	return s.dashboard(e)
}

func (s *Server) dashboard(e Edit) error {
	if e.Account != "" {
		return s.dashboardAccount(e)
	}
	z := s.findZone(e.Zone)
	if z == nil {
		return fmt.Errorf("dashboard: zone %q does not exist", e.Zone)
	}
	if len(e.Settings) == 0 && !e.Save {
		return errors.New("dashboard: nothing to do, set settings or save: true")
	}

	values, name := jsonTexts(e.Settings), strings.ToLower(e.Hostname)
	h := z.byName[name]
	switch {
	case e.Hostname == "":
		return s.dashboardZone(z, e.By, values)
	case h == nil && z.holds(name) && len(values) > 0:
		return s.dashboardHostnameSettings(z, e.By, name, values)
	case h == nil || h.ssl == nil:
		return fmt.Errorf("dashboard: zone %s has no custom hostname %q with a certificate", z.name, e.Hostname)
	}
	return s.dashboardCustomHostname(z, e.By, h, values)
}

// dashboardZone checks all edits of a zone before it makes the first one.
func (s *Server) dashboardZone(z *zone, by string, values map[string]string) error {
	c := &call{entry: &Entry{}}
	var edits []func()
	for _, id := range sortedKeys(values) {
		edit, bad := s.dashboardItem(c, z, id, values[id])
		if edit == nil && bad == nil {
			bad = z.checkSetting(id, json.RawMessage(values[id]))
			edit = func() { s.setSetting(c, z, id, values[id]) }
		}
		if bad != nil {
			return fmt.Errorf("dashboard: zone %s: %s", z.name, bad.errors[0].Message)
		}
		edits = append(edits, edit)
	}

	c.entry = s.note(EffectDashboard, "dashboard")
	for _, edit := range edits {
		edit()
	}
	for _, id := range sortedKeys(values) {
		s.auditDashboard(by, http.MethodPatch, z.path(id), map[string]any{"value": json.RawMessage(values[id])}, c.entry.Writes)
	}
	return nil
}

// path is that of a setting of the zone, below Base.
func (z *zone) path(id string) string {
	special := map[string]string{
		"universal_ssl": "ssl/universal/settings", "total_tls": "acm/total_tls",
		"origin_pulls": "origin_tls_client_auth/settings", "fallback_origin": "custom_hostnames/fallback_origin",
	}
	return "/zones/" + z.id + "/" + cmp.Or(special[id], "settings/"+id)
}

// dashboardCustomHostname saves the form of a custom hostname, which always writes the
// minimum TLS version.
func (s *Server) dashboardCustomHostname(z *zone, by string, h *customHostname, values map[string]string) error {
	form := maps.Clone(h.ssl.settings)
	maps.Copy(form, values)
	if _, own := form[minVersion]; !own {
		form[minVersion] = z.settings[minVersion].value
	}
	settings, bad := checkSettings(jsonOf(form), h.ssl.settings)
	if bad != nil {
		return fmt.Errorf("dashboard: custom hostname %s: %s", h.name, bad.errors[0].Message)
	}

	before := h.own()
	h.ssl.settings = settings
	s.rollOut(z, h, "pending_deployment")
	s.note(EffectDashboard, "dashboard").wrote(z.object(h), before, h.own())
	s.auditDashboard(by, http.MethodPatch, "/zones/"+z.id+"/custom_hostnames/"+h.id, map[string]any{"ssl": map[string]any{"settings": jsonOf(form)}}, nil)
	return nil
}

// dashboardHostnameSettings writes or removes settings of a name in the zone.
func (s *Server) dashboardHostnameSettings(z *zone, by, name string, values map[string]string) error {
	for _, id := range sortedKeys(values) {
		if bad := z.checkHostnameSetting(name, id, json.RawMessage(values[id])); values[id] != "null" && bad != nil {
			return fmt.Errorf("dashboard: zone %s: %s", z.name, bad.errors[0].Message)
		}
	}

	c := &call{entry: s.note(EffectDashboard, "dashboard")}
	for _, id := range sortedKeys(values) {
		l := z.hostnames[name][id]
		switch {
		case values[id] != "null":
			s.setHostnameSetting(c, z, id, name, values[id])
			s.auditDashboard(by, http.MethodPut, "/zones/"+z.id+"/hostnames/settings/"+id+"/"+name, map[string]any{"value": json.RawMessage(values[id])}, nil)
		case l != nil && l.status != "pending_deletion":
			s.dropHostnameSetting(c, z, id, name, l)
			s.auditDashboard(by, http.MethodDelete, "/zones/"+z.id+"/hostnames/settings/"+id+"/"+name, nil, nil)
		}
	}
	return nil
}

// dashboardAccount edits one of an account's objects.
func (s *Server) dashboardAccount(e Edit) error {
	a := s.findAccount(e.Account)
	if a == nil {
		return fmt.Errorf("dashboard: account %q does not exist", e.Account)
	}
	// An edit that does nothing leaves no entry in the history.
	c := &call{entry: &Entry{}, now: s.now()}
	kind, name, done := s.dashboardObject(c, a, e)
	if !done {
		return fmt.Errorf("dashboard: account %s has no %s %q, or the edit changes nothing", a.name, kind, name)
	}
	s.note(EffectDashboard, "dashboard").Writes = c.entry.Writes

	path, method := "/accounts/"+a.id+"/access/certificates/settings", http.MethodPut
	if kind != "hostname" {
		parts := map[string]string{"certificate": "access/certificates/", "application": "access/apps/", "alert": "alerting/v3/policies/"}
		path = "/accounts/" + a.id + "/" + parts[kind] + c.args[0]
		if e.Delete {
			method = http.MethodDelete
		}
	}
	s.auditDashboard(e.By, method, path, nil, nil)
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

	next := map[string]mtlsSetting{}
	maps.Copy(next, a.forwarding)
	set := next[e.Hostname]
	if e.Forward != nil {
		set.Forward = *e.Forward
	}
	next[e.Hostname] = set
	if e.Delete || set == (mtlsSetting{}) {
		delete(next, e.Hostname)
	}

	s.setForwarding(c.entry, a, next)
	return true
}
