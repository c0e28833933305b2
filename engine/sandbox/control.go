package sandbox

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// plant makes the state of the seed.
func (s *Server) plant() {
	rate := s.seed.Rate
	quota := cmp.Or(rate.Requests, 1200)
	per := cmp.Or(rate.Per, 5*time.Minute)
	newLimit := func() *limiter { return &limiter{quota: quota, per: per, penalty: cmp.Or(rate.Penalty, per)} }
	s.nobody = newLimit()
	for _, a := range s.seed.Accounts {
		s.accounts = append(s.accounts, &account{id: cmp.Or(a.ID, hexID("account", a.Name)), name: a.Name})
		s.plantAccount(s.accounts[len(s.accounts)-1], a)
	}
	for _, z := range s.seed.Zones {
		s.addZone(z)
	}
	limits := map[string]*limiter{}
	limitOf := func(user string) *limiter {
		if user == "" {
			return newLimit()
		}
		user = strings.ToLower(user)
		if limits[user] == nil {
			limits[user] = newLimit()
		}
		return limits[user]
	}
	for i, t := range s.seed.Tokens {
		id := &identity{
			id: hexID("token", t.Value), name: cmp.Or(t.Name, fmt.Sprintf("token %d", i+1)), status: cmp.Or(t.Status, "active"),
			permissions: t.Permissions, zones: t.Zones, accounts: t.Accounts, limit: limitOf(t.User),
		}
		if t.Permissions == nil {
			id.permissions = All()
		}
		if t.Owner != "" {
			id.owner = s.account(t.Owner)
		}
		s.tokens[t.Value] = id
		s.names = append(s.names, id)
	}
	for _, u := range s.seed.Users {
		id := &identity{id: hexID("user", u.Email), name: u.Email, status: "active", global: true, limit: limitOf(u.Email)}
		s.users[[2]string{strings.ToLower(u.Email), u.Key}] = id
		s.names = append(s.names, id)
	}
	for _, f := range s.seed.Faults {
		s.addFault(f)
	}
	slices.SortFunc(s.accounts, func(a, b *account) int { return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.id, b.id)) })
	slices.SortFunc(s.zones, func(a, b *zone) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.account.name, b.account.name))
	})
}

// account finds an account by name or id, and makes it if there is none.
func (s *Server) account(name string) *account {
	name = cmp.Or(name, "Sandbox Inc")
	for _, a := range s.accounts {
		if a.name == name || a.id == name {
			return a
		}
	}
	a := &account{id: hexID("account", name), name: name}
	s.accounts = append(s.accounts, a)
	return a
}

func (s *Server) addZone(seed Zone) {
	a := s.account(seed.Account)
	unicode, ascii := canonicalName(seed.Name)
	z := &zone{
		id: cmp.Or(seed.ID, hexID("zone", a.name+"/"+ascii)), name: unicode, ascii: ascii, account: a,
		status: cmp.Or(seed.Status, "active"), kind: cmp.Or(seed.Type, "full"), plan: cmp.Or(seed.Plan, "business"),
		settings: map[string]*setting{}, deployed: map[string]string{}, quota: cmp.Or(seed.Quota, 50_000),
		hosts: map[string]*hostname{}, gone: map[string]bool{}, byName: map[string]*hostname{}, created: s.start,
	}
	for id, k := range knownSettings {
		z.settings[id] = &setting{value: string(compact(json.RawMessage(k.value))), editable: true}
	}
	z.acm = z.plan != "free" // it can be bought there too; the seed has to say so
	if seed.NoACM != nil {
		z.acm = !*seed.NoACM
	}
	if z.plan == "free" {
		for _, id := range paidSettings {
			z.settings[id].editable = false
		}
	}
	z.settings[cipherList].editable = z.acm
	for id, v := range jsonTexts(seed.Settings) {
		if z.settings[id] == nil {
			z.settings[id] = &setting{editable: true}
		}
		z.settings[id].value = v
	}
	switch { // the two views of one state agree from the start
	case z.is(tls13, `"zrt"`):
		z.put(zeroRTT, `"on"`)
	case z.is(tls13, `"on"`) && z.is(zeroRTT, `"on"`):
		z.put(tls13, `"zrt"`)
	}
	for _, id := range seed.NotEditable {
		if z.settings[id] != nil {
			z.settings[id].editable = false
		}
	}
	for id, st := range z.settings {
		z.deployed[id] = st.value
	}
	s.plantOwn(z, seed)
	for _, h := range seed.CustomHostnames {
		s.plantHostname(z, h, nil)
	}
	for _, g := range seed.Generate {
		var pem *string
		if g.CertificateBytes > 0 {
			text := "-----BEGIN CERTIFICATE-----\n" + strings.Repeat("A", g.CertificateBytes/2) + "\n-----END CERTIFICATE-----\n"
			pem = &text
		}
		for _, h := range g.generated() {
			s.plantHostname(z, h, pem).text() // while nobody waits for it
		}
	}
	s.zones = append(s.zones, z)
	s.byID[z.id] = z
}

// plantOwn makes what a zone has beside its settings and custom hostnames.
func (s *Server) plantOwn(z *zone, seed Zone) {
	z.universal = seed.UniversalSSL == nil || *seed.UniversalSSL
	z.deployed[universalSSL] = onOrOff(z.universal)
	if t := seed.TotalTLS; t.Enabled {
		z.total = total{cmp.Or(t.CertificateAuthority, "google"), true}
	}
	if seed.FallbackOrigin != "" {
		z.fallback = &fallback{strings.ToLower(seed.FallbackOrigin), cmp.Or(seed.FallbackOriginStatus, "active"), s.start, s.start}
	}
	z.strictFallback = seed.StrictFallback || z.fallback != nil
	z.pulls.enabled = seed.OriginPulls.Enabled
	for _, c := range seed.OriginPulls.Certificates {
		leaf, err := parseLeaf(c.Certificate)
		if err != nil {
			continue // ParseSeed has refused it; a seed made in Go is taken as it is
		}
		crt := z.newCertificate(c.Certificate, leaf, cmp.Or(c.Status, "active"), s.start)
		crt.id = cmp.Or(c.ID, crt.id)
		z.pulls.certificates = append(z.pulls.certificates, crt)
	}
	z.local, z.localDeployed = map[string]map[string]*localSetting{}, map[string]map[string]string{}
	for _, key := range sortedKeys(seed.Hostnames) {
		_, name := canonicalName(key)
		for id, value := range jsonTexts(seed.Hostnames[key]) {
			z.putLocal(name, id, &localSetting{value, "active", s.start, s.start})
			z.deployLocal(name, id, value)
		}
	}
}

func (s *Server) plantHostname(z *zone, seed Hostname, pem *string) *hostname {
	_, name := canonicalName(seed.Hostname)
	h := &hostname{
		id: cmp.Or(seed.ID, uuid(z.id, name)), name: name, status: cmp.Or(seed.Status, "active"), metadata: seed.CustomMetadata,
		origin: seed.CustomOriginServer, sni: seed.CustomOriginSNI, created: s.start,
	}
	if !seed.NoSSL {
		crt := cmp.Or(seed.SSL, &SSL{})
		method := "http"
		if crt.Wildcard {
			method = "txt"
		}
		h.ssl = &certificate{
			status: cmp.Or(crt.Status, "active"), kind: cmp.Or(crt.Type, "dv"), method: cmp.Or(crt.Method, method),
			authority: cmp.Or(crt.CertificateAuthority, "google"), bundle: cmp.Or(crt.BundleMethod, "ubiquitous"),
			wildcard: crt.Wildcard, uploaded: crt.Uploaded, key: crt.Key, settings: jsonTexts(crt.Settings), pem: pem,
		}
		h.ssl.target = h.ssl.status
		if h.ssl.status == "active" {
			h.ssl.deployed = h.ssl.settings
		}
	}
	z.add(h)
	return h
}

// jsonTexts are values as JSON texts.
func jsonTexts(m Settings) map[string]string {
	out := make(map[string]string, len(m))
	for id, v := range m {
		if text, err := json.Marshal(v); err == nil {
			out[id] = string(text)
		}
	}
	return out
}

// findZone finds a zone by name or id.
func (s *Server) findZone(name string) *zone {
	unicode, _ := canonicalName(name)
	for _, z := range s.zones {
		if z.name == unicode || z.id == name {
			return z
		}
	}
	return nil
}

// Edit is an edit made in the dashboard.
type Edit struct {
	Zone string `yaml:"zone"` // name or id
	// Hostname is a custom hostname, or a name in the zone; empty is the zone
	// itself.
	Hostname string `yaml:"hostname"`
	// Settings are the new values. A zone has, beside its settings,
	// universal_ssl ("on" or "off"), total_tls and origin_pulls (objects as their
	// endpoints take them) and fallback_origin (a host). A name in the zone has
	// settings of its own, which the dashboard does not show: there the edit is
	// another client's. Null takes a fallback origin or such a setting away.
	Settings Settings `yaml:"settings"`
	// Save saves the form of a custom hostname without a change in it. That is
	// a change all the same: the form writes the minimum TLS version that it
	// displays, so a hostname that inherited is pinned to the zone's value, as
	// Cloudflare's page "TLS Management" (Cloudflare for SaaS) warns.
	Save bool `yaml:"save"`

	// Account, a name or id, makes it an edit of one of the account's own
	// objects instead, of which one is named: a certificate authority, an Access
	// application by its domain, a notification policy, or, in Hostname, a name
	// that has mTLS settings. Delete removes it.
	Account     string `yaml:"account"`
	Certificate string `yaml:"certificate"`
	Application string `yaml:"application"`
	Alert       string `yaml:"alert"`
	Delete      bool   `yaml:"delete"`
	// Hostnames are all those that the certificate is to be associated with; an
	// empty list, which is not none, clears them.
	Hostnames []string `yaml:"hostnames"`
	// Forward turns forwarding of client certificates to the Hostname on or off.
	Forward *bool `yaml:"client_certificate_forwarding"`
	// NoPolicies takes every policy from the application.
	NoPolicies bool `yaml:"no_policies"`
	// Enabled and Email are what the notification policy is to have.
	Enabled *bool    `yaml:"enabled"`
	Email   []string `yaml:"email"`
}

// Dashboard makes an edit as the dashboard would.
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
		return fmt.Errorf("dashboard: no zone %q", e.Zone)
	}
	if len(e.Settings) == 0 && !e.Save {
		return errors.New("dashboard: nothing to do, want settings or save: true")
	}
	c := &call{entry: &Entry{}}
	values := jsonTexts(e.Settings)
	if e.Hostname == "" {
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
		return nil
	}
	h := z.byName[strings.ToLower(e.Hostname)]
	if name := strings.ToLower(e.Hostname); h == nil && z.holds(name) && len(values) > 0 {
		return s.editLocal(c, z, name, values)
	}
	if h == nil || h.ssl == nil {
		return fmt.Errorf("dashboard: zone %s has no custom hostname %q with a certificate", z.name, e.Hostname)
	}
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
	return nil
}

// editLocal gives a name in the zone settings of its own, or takes them away.
func (s *Server) editLocal(c *call, z *zone, name string, values map[string]string) error {
	for _, id := range sortedKeys(values) {
		if bad := z.checkLocal(name, id, json.RawMessage(values[id])); values[id] != "null" && bad != nil {
			return fmt.Errorf("dashboard: zone %s: %s", z.name, bad.errors[0].Message)
		}
	}
	c.entry = s.note(EffectDashboard, "dashboard")
	for _, id := range sortedKeys(values) {
		l := z.local[name][id]
		switch {
		case values[id] != "null":
			s.setLocal(c, z, id, name, values[id])
		case l != nil && l.status != "pending_deletion":
			s.dropLocal(c, z, id, name, l)
		}
	}
	return nil
}

// Permissions changes what a token may do; an empty status leaves that alone.
func (s *Server) Permissions(token string, p Permissions, status string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range s.names {
		if id.name == token {
			if p != nil {
				id.permissions = p
			}
			id.status = cmp.Or(status, id.status)
			return nil
		}
	}
	return fmt.Errorf("permissions: no token is named %q", token)
}

// control answers below /__sandbox/.
func (s *Server) control(w http.ResponseWriter, r *http.Request, what string) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	done := func(err error) {
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}
	switch r.Method + " " + what {
	case "GET state":
		if st := s.State(); r.URL.Query().Get("format") == "yaml" {
			w.Header().Set("Content-Type", "application/yaml")
			_, _ = w.Write(st.YAML())
		} else {
			writeJSON(w, st)
		}
	case "GET history":
		writeJSON(w, s.History())
	case "DELETE history":
		s.ClearHistory()
		done(nil)
	case "POST faults":
		var f Fault
		if err := decodeBody(body, &f); err != nil {
			done(err)
			return
		}
		done(s.AddFault(f))
	case "DELETE faults":
		s.ClearFaults()
		done(nil)
	case "POST dashboard":
		var e Edit
		if err := decodeBody(body, &e); err != nil {
			done(err)
			return
		}
		done(s.Dashboard(e))
	case "POST permissions":
		var p struct {
			Token       string      `yaml:"token"`
			Permissions Permissions `yaml:"permissions"`
			Status      string      `yaml:"status"`
		}
		if err := decodeBody(body, &p); err != nil {
			done(err)
			return
		}
		done(s.Permissions(p.Token, p.Permissions, p.Status))
	case "POST advance":
		s.Advance()
		done(nil)
	case "GET ca.pem":
		s.mu.Lock()
		pem := s.caPEM
		s.mu.Unlock()
		if pem == nil {
			http.Error(w, "there is no TLS edge", http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "application/x-pem-file")
		_, _ = w.Write(pem)
	default:
		http.Error(w, "no such control: "+r.Method+" "+what, http.StatusNotFound)
	}
}

// decodeBody reads YAML, of which JSON is a part, as strictly as a seed.
func decodeBody(body []byte, into any) error {
	var doc yaml.Node
	if err := yaml.Unmarshal(body, &doc); err != nil {
		return err
	}
	if len(doc.Content) == 0 {
		return errors.New("the body is empty")
	}
	return decodeStrict(doc.Content[0], into)
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	_ = enc.Encode(v) // the client may be gone
}
