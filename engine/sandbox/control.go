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

// plant builds the state of the seed.
func (s *Server) plant() {
	s.nobody = s.newLimit()
	for _, a := range s.seed.Accounts {
		s.accounts = append(s.accounts, &account{id: cmp.Or(a.ID, hexID("account", a.Name)), name: a.Name})
		s.plantAccount(s.accounts[len(s.accounts)-1], a)
	}
	for _, z := range s.seed.Zones {
		s.plantZone(z)
	}
	s.plantSenders()
	for _, f := range s.seed.Faults {
		s.addFault(f)
	}

	slices.SortFunc(s.accounts, func(a, b *account) int { return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.id, b.id)) })
	slices.SortFunc(s.zones, func(a, b *zone) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.account.name, b.account.name))
	})
}

func (s *Server) newLimit() *limiter {
	rate := s.seed.Rate
	per := cmp.Or(rate.Per, 5*time.Minute)
	return &limiter{quota: cmp.Or(rate.Requests, 1200), per: per, penalty: cmp.Or(rate.Penalty, per)}
}

// plantSenders adds tokens and users. Those of one user share a limit.
func (s *Server) plantSenders() {
	limits := map[string]*limiter{}
	limitOf := func(user string) *limiter {
		if user == "" {
			return s.newLimit()
		}
		user = strings.ToLower(user)
		if limits[user] == nil {
			limits[user] = s.newLimit()
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
}

// account returns the account with a name or id, and creates it if there is none.
func (s *Server) account(name string) *account {
	name = cmp.Or(name, "Sandbox Inc")
	if a := s.findAccount(name); a != nil {
		return a
	}
	a := &account{id: hexID("account", name), name: name}
	s.accounts = append(s.accounts, a)
	return a
}

func (s *Server) plantZone(seed Zone) {
	a := s.account(seed.Account)
	unicode, ascii := canonicalName(seed.Name)
	z := &zone{
		id: cmp.Or(seed.ID, hexID("zone", a.name+"/"+ascii)), name: unicode, ascii: ascii, account: a,
		status: cmp.Or(seed.Status, "active"), kind: cmp.Or(seed.Type, "full"), plan: cmp.Or(seed.Plan, "business"),
		settings: map[string]*setting{}, deployed: map[string]string{}, quota: cmp.Or(seed.Quota, 50_000),
		hosts: map[string]*hostname{}, gone: map[string]bool{}, byName: map[string]*hostname{}, created: s.start,
	}
	z.acm = z.plan != "free" // a Free zone can buy it too, but then the seed has to say so
	if seed.NoACM != nil {
		z.acm = !*seed.NoACM
	}

	z.plantSettings(seed)
	s.plantItems(z, seed)
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
			s.plantHostname(z, h, pem).text() // encode it now, while no client waits
		}
	}

	s.zones = append(s.zones, z)
	s.byID[z.id] = z
}

// plantSettings lays the seed's settings over the defaults.
func (z *zone) plantSettings(seed Zone) {
	for id, k := range knownSettings {
		z.settings[id] = &setting{value: string(compact(json.RawMessage(k.value))), editable: true}
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
	switch { // tls_1_3 and 0rtt are two views of one state
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
}

// plantItems adds what the zone has beside settings and custom hostnames.
func (s *Server) plantItems(z *zone, seed Zone) {
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
			continue // only a seed made in Go can hold this; ParseSeed refuses it
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

// jsonTexts encodes each value as JSON.
func jsonTexts(m Settings) map[string]string {
	out := make(map[string]string, len(m))
	for id, v := range m {
		if text, err := json.Marshal(v); err == nil {
			out[id] = string(text)
		}
	}
	return out
}

// findZone returns the zone with a name or id, nil if there is none.
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
		return fmt.Errorf("dashboard: no zone %q", e.Zone)
	}
	if len(e.Settings) == 0 && !e.Save {
		return errors.New("dashboard: nothing to do, want settings or save: true")
	}

	values, name := jsonTexts(e.Settings), strings.ToLower(e.Hostname)
	h := z.byName[name]
	switch {
	case e.Hostname == "":
		return s.dashboardZone(z, values)
	case h == nil && z.holds(name) && len(values) > 0:
		return s.dashboardLocal(z, name, values)
	case h == nil || h.ssl == nil:
		return fmt.Errorf("dashboard: zone %s has no custom hostname %q with a certificate", z.name, e.Hostname)
	}
	return s.dashboardHostname(z, h, values)
}

// dashboardZone checks all edits of a zone before it makes the first one.
func (s *Server) dashboardZone(z *zone, values map[string]string) error {
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
	return nil
}

// dashboardHostname saves the form of a custom hostname, which always writes the
// minimum TLS version.
func (s *Server) dashboardHostname(z *zone, h *hostname, values map[string]string) error {
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

// dashboardLocal writes or removes settings of a name in the zone.
func (s *Server) dashboardLocal(z *zone, name string, values map[string]string) error {
	for _, id := range sortedKeys(values) {
		if bad := z.checkLocal(name, id, json.RawMessage(values[id])); values[id] != "null" && bad != nil {
			return fmt.Errorf("dashboard: zone %s: %s", z.name, bad.errors[0].Message)
		}
	}

	c := &call{entry: s.note(EffectDashboard, "dashboard")}
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

// Permissions changes the permissions and the status of a token. Nil permissions
// and an empty status leave the old ones.
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
func (s *Server) control(w http.ResponseWriter, r *http.Request, name string) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}

	switch r.Method + " " + name {
	case "GET state":
		if st := s.State(); r.URL.Query().Get("format") == "yaml" {
			w.Header().Set("Content-Type", "application/yaml")
			_, _ = w.Write(st.YAML())
		} else {
			writeJSON(w, st)
		}
	case "GET history":
		writeJSON(w, s.History())
	case "GET ca.pem":
		s.serveCA(w)

	default:
		change := s.change(r.Method+" "+name, body)
		if change == nil {
			http.Error(w, "no such control: "+r.Method+" "+name, http.StatusNotFound)
			return
		}
		if err := change(); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}
}

// change returns the function behind a control that answers without a body, nil if
// there is no such control.
func (s *Server) change(control string, body []byte) func() error {
	switch control {
	case "DELETE history":
		return func() error { s.ClearHistory(); return nil }
	case "DELETE faults":
		return func() error { s.ClearFaults(); return nil }
	case "POST advance":
		return func() error { s.Advance(); return nil }
	case "POST faults":
		return func() error { return withBody(body, s.AddFault) }
	case "POST dashboard":
		return func() error { return withBody(body, s.Dashboard) }
	case "POST permissions":
		type change struct {
			Token       string      `yaml:"token"`
			Permissions Permissions `yaml:"permissions"`
			Status      string      `yaml:"status"`
		}
		return func() error {
			return withBody(body, func(c change) error { return s.Permissions(c.Token, c.Permissions, c.Status) })
		}
	}
	return nil
}

func (s *Server) serveCA(w http.ResponseWriter) {
	s.mu.Lock()
	pem := s.caPEM
	s.mu.Unlock()

	if pem == nil {
		http.Error(w, "there is no TLS edge", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/x-pem-file")
	_, _ = w.Write(pem)
}

// withBody decodes a body and passes it on.
func withBody[T any](body []byte, do func(T) error) error {
	var v T
	if err := decodeBody(body, &v); err != nil {
		return err
	}
	return do(v)
}

// decodeBody decodes YAML or JSON as strictly as a seed.
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
