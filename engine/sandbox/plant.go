package sandbox

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
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

func (s *Server) newIssuance() *limiter {
	rate := s.seed.Issuance
	return &limiter{quota: cmp.Or(rate.Requests, 15), per: cmp.Or(rate.Per, time.Minute), penalty: cmp.Or(rate.Penalty, 30*time.Second)}
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
			permissions: t.Permissions, zones: t.Zones, byName: t.ByName, accounts: t.Accounts, limit: limitOf(t.User), issuance: s.newIssuance(),
			expiresOn: t.ExpiresOn, notBefore: t.NotBefore, refusedFrom: t.RefusedFrom, user: t.User,
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
		id := &identity{id: hexID("user", u.Email), name: u.Email, status: "active", global: true, limit: limitOf(u.Email), issuance: s.newIssuance()}
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
		hosts: map[string]*customHostname{}, gone: map[string]bool{}, byName: map[string]*customHostname{}, created: s.start,
		entitlements: seed.Entitlements,
	}
	z.acm = z.plan != "free" // a Free zone can buy it too, but then the seed has to say so
	if seed.NoACM != nil {
		z.acm = !*seed.NoACM
	}

	z.plantSettings(seed)
	s.plantItems(z, seed)
	for _, h := range seed.CustomHostnames {
		s.plantCustomHostname(z, h, nil)
	}
	for _, g := range seed.Generate {
		var pem *string
		if g.CertificateBytes > 0 {
			text := "-----BEGIN CERTIFICATE-----\n" + strings.Repeat("A", g.CertificateBytes/2) + "\n-----END CERTIFICATE-----\n"
			pem = &text
		}
		for _, h := range g.generated() {
			s.plantCustomHostname(z, h, pem).text() // encode it now, while no client waits
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

	z.hostnames, z.hostnamesDeployed = map[string]map[string]*hostnameSetting{}, map[string]map[string]string{}
	for _, key := range sortedKeys(seed.Hostnames) {
		_, name := canonicalName(key)
		for id, value := range jsonTexts(seed.Hostnames[key]) {
			z.putHostnameSetting(name, id, &hostnameSetting{value, "active", s.start, s.start})
			z.deployHostnameSetting(name, id, value)
		}
	}
}

func (s *Server) plantCustomHostname(z *zone, seed Hostname, pem *string) *customHostname {
	_, name := canonicalName(seed.Hostname)
	h := &customHostname{
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
			wildcard: crt.Wildcard, uploaded: crt.Uploaded, expires: crt.ExpiresOn, key: crt.Key, settings: jsonTexts(crt.Settings), pem: pem,
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

// plantAccount adds the objects of the seed. It skips what is invalid, which only a seed
// made in Go can hold.
func (s *Server) plantAccount(a *account, seed Account) {
	a.entitlements = seed.Entitlements
	for _, d := range seed.Webhooks {
		a.webhooks = append(a.webhooks, destination{cmp.Or(d.ID, a.newID("webhook", d.Name)), d.Name})
	}
	for _, d := range seed.PagerDuty {
		a.pagerDuty = append(a.pagerDuty, destination{cmp.Or(d.ID, a.newID("pagerduty", d.Name)), d.Name})
	}

	a.alertTypes = seed.AvailableAlerts
	for _, c := range seed.Certificates {
		ca := s.seededAuthority(c)
		ca.created, ca.updated = s.start, s.start
		authorities.add(a, ca)
	}
	a.forwarding = map[string]mtlsSetting{}
	for _, set := range seed.MTLSSettings {
		a.forwarding[set.Hostname] = mtlsSetting{set.China, set.Forward}
	}

	for _, ap := range seed.Applications {
		app, err := ap.build()
		if err != nil {
			continue
		}
		app.id, app.created, app.updated = ap.ID, s.start, s.start
		applications.add(a, app)
		s.identifyPolicies(nil, a, app)
		for _, g := range app.policies {
			g.policy.created, g.policy.updated = s.start, s.start
			if g.policy.reusable {
				a.policies = append(a.policies, g.policy)
			}
		}
	}

	for _, seeded := range seed.Alerts {
		al := a.seededAlert(seeded)
		al.created, al.updated = s.start, s.start
		alerts.add(a, al)
	}
	a.edge = a.frontage()
}

func (s *Server) seededAuthority(seed AccessCertificate) *authority {
	ca := &authority{meta: meta{name: seed.Name}}
	if chain, err := parseChain(seed.Certificate); err == nil {
		ca = s.newAuthority(seed.Name, chain)
	} else if d := digits(seed.Fingerprint); md5Shape().MatchString(d) {
		var pairs []string
		for pair := range slices.Chunk([]byte(d), 2) {
			pairs = append(pairs, string(pair))
		}
		ca.fingerprint = strings.Join(pairs, ":")

	}
	if !seed.ExpiresOn.IsZero() {
		ca.expires = seed.ExpiresOn
	}
	ca.id = seed.ID
	ca.setHosts(seed.Hostnames)
	return ca
}

func (a *account) seededAlert(seed Alert) *alert {
	al := &alert{
		meta: meta{id: seed.ID, name: seed.Name}, kind: seed.Type, description: seed.Description,
		interval: seed.Interval, enabled: !seed.Disabled, email: seed.Email,
		hooks: idsOf(seed.Webhooks, a.webhooks), services: idsOf(seed.PagerDuty, a.pagerDuty),
	}
	if seed.Filters != nil {
		al.filters = map[string]json.RawMessage{}
		for k, v := range seed.Filters {
			al.filters[k] = encode(orNone(v))
		}
	}
	return al
}

// idsOf returns the ids of destinations given by name or id.
func idsOf(names []string, list []destination) []string {
	var out []string
	for _, name := range names {
		if i := slices.IndexFunc(list, func(d destination) bool { return d.name == name || d.id == name }); i >= 0 {
			out = append(out, list[i].id)
		}
	}
	return out
}
