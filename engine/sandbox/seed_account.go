package sandbox

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// AccessCertificate is a certificate authority of Access that exists from the
// start.
type AccessCertificate struct {
	Name string `yaml:"name"`
	ID   string `yaml:"id"`
	// Certificate is PEM text, the issuing certificate first. Where there is none
	// the Fingerprint (MD5, with or without colons) stands for it, and the edge
	// knows no client of the authority.
	Certificate string    `yaml:"certificate"`
	Fingerprint string    `yaml:"fingerprint"`
	ExpiresOn   time.Time `yaml:"expires_on"` // that of the certificate by default
	Hostnames   []string  `yaml:"hostnames"`
}

// MTLSSetting is what a hostname has besides its certificate authorities.
type MTLSSetting struct {
	Hostname string `yaml:"hostname"`
	China    bool   `yaml:"china_network"`
	Forward  bool   `yaml:"client_certificate_forwarding"`
}

// Application is a self-hosted application of Access.
type Application struct {
	Domain  string   `yaml:"domain"`
	Name    string   `yaml:"name"` // the domain by default
	ID      string   `yaml:"id"`
	Domains []string `yaml:"self_hosted_domains"`
	// Fields are further fields, as the API has them.
	Fields   map[string]any      `yaml:"fields"`
	Policies []ApplicationPolicy `yaml:"policies"`
}

// ApplicationPolicy is a policy of an application, with rules as the API has
// them.
type ApplicationPolicy struct {
	Name     string           `yaml:"name"`
	Decision string           `yaml:"decision"`
	Include  []map[string]any `yaml:"include"`
	Exclude  []map[string]any `yaml:"exclude"`
	Require  []map[string]any `yaml:"require"`
	// Reusable makes it stand by itself, with the application using it.
	Reusable bool `yaml:"reusable"`
}

// Alert is a notification policy.
type Alert struct {
	Name        string              `yaml:"name"`
	ID          string              `yaml:"id"`
	Type        string              `yaml:"alert_type"`
	Description string              `yaml:"description"`
	Disabled    bool                `yaml:"disabled"`
	Email       []string            `yaml:"email"`
	Webhooks    []string            `yaml:"webhooks"`  // names or ids
	PagerDuty   []string            `yaml:"pagerduty"` // names or ids
	Filters     map[string][]string `yaml:"filters"`
	Interval    string              `yaml:"alert_interval"`
}

// Destination is a webhook or a PagerDuty service.
type Destination struct {
	Name string `yaml:"name"`
	ID   string `yaml:"id"`
}

var md5Shape = lazyRegexp(`^[0-9A-F]{32}$`)

// digits are those of a fingerprint, however it is written.
func digits(fingerprint string) string {
	return strings.ToUpper(strings.ReplaceAll(fingerprint, ":", ""))
}

// validate says what no server could start from. What a write could not bring
// about, an expired certificate or a hostname of nobody, is allowed.
func (seed *Account) validate() error {
	if seed.Name == "" && seed.ID == "" && !seed.empty() {
		return errors.New("name is missing")
	}
	for i, ca := range seed.Certificates {
		if ca.Name == "" {
			return fmt.Errorf("certificates[%d]: name is missing", i)
		}
		if (ca.Certificate == "") == (ca.Fingerprint == "") {
			return fmt.Errorf("certificate %s: one of certificate and fingerprint is needed", ca.Name)
		}
		if ca.Fingerprint != "" && (!md5Shape().MatchString(digits(ca.Fingerprint)) || ca.ExpiresOn.IsZero()) {
			return fmt.Errorf("certificate %s: a fingerprint is 32 hexadecimal digits, and needs expires_on beside it", ca.Name)
		}
		if ca.Certificate != "" {
			if _, err := parseChain(ca.Certificate); err != nil {
				return fmt.Errorf("certificate %s: %w", ca.Name, err)
			}
		}
	}
	for i, set := range seed.MTLSSettings {
		if set.Hostname == "" || !set.China && !set.Forward {
			return fmt.Errorf("mtls_settings[%d]: a hostname and one of the flags are needed", i)
		}
	}
	for i, app := range seed.Applications {
		if app.Domain == "" {
			return fmt.Errorf("applications[%d]: domain is missing", i)
		}
		if _, err := app.make(); err != nil {
			return fmt.Errorf("application %s: %w", app.Domain, err)
		}
	}
	for i, al := range seed.Alerts {
		if al.Name == "" || al.Type == "" {
			return fmt.Errorf("alerts[%d]: name and alert_type are both needed", i)
		}
		for _, ref := range []struct {
			names []string
			of    []Destination
		}{{al.Webhooks, seed.Webhooks}, {al.PagerDuty, seed.PagerDuty}} {
			for _, name := range ref.names {
				if !slices.ContainsFunc(ref.of, func(d Destination) bool { return d.Name == name || d.ID == name }) {
					return fmt.Errorf("alert %s: there is no destination %q", al.Name, name)
				}
			}
		}
	}
	for i, kind := range seed.AvailableAlerts {
		if !slices.ContainsFunc(alertTypes, func(t alertType) bool { return t.kind == kind }) {
			return fmt.Errorf("available_alerts[%d]: %q is not known", i, kind)
		}
	}
	return nil
}

// empty reports whether the account has no objects.
func (seed *Account) empty() bool {
	return len(seed.Certificates)+len(seed.MTLSSettings)+len(seed.Applications)+len(seed.Alerts)+
		len(seed.Webhooks)+len(seed.PagerDuty)+len(seed.AvailableAlerts) == 0
}

// make is the application without ids. Its policies are checked as the API checks
// them.
func (seed *Application) make() (*application, error) {
	app := &application{meta: meta{name: cmp.Or(seed.Name, seed.Domain)}, domain: seed.Domain, domains: seed.Domains, fields: defaultFields()}
	if app.domains == nil {
		app.domains = []string{seed.Domain}
	}
	if !slices.Contains(app.domains, app.domain) {
		return nil, errors.New("self_hosted_domains does not hold domain")
	}
	text, err := json.Marshal(orEmptyMap(seed.Fields))
	if err != nil {
		return nil, fmt.Errorf("fields: %w", err)
	}
	more, err := readFields(text, applicationFields[5:]) // the first five have places of their own
	if err != nil {
		return nil, fmt.Errorf("fields: %w", err)
	}
	for k, v := range more {
		app.fields[k] = v
	}
	for i, p := range seed.Policies {
		text, err := json.Marshal(map[string]any{
			"name": p.Name, "decision": p.Decision, "include": orNone(p.Include), "exclude": orNone(p.Exclude), "require": orNone(p.Require),
		})
		if err != nil {
			return nil, fmt.Errorf("policies[%d]: %w", i, err)
		}
		policy, err := readPolicy(text)
		if err != nil {
			return nil, fmt.Errorf("policies[%d]: %w", i, err)
		}
		policy.reusable = p.Reusable
		app.policies = append(app.policies, grant{policy, i + 1})
	}
	return app, nil
}

func orEmptyMap(m map[string]any) map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return m
}

// plantAccount gives an account the objects of a seed that was found valid; what
// a seed built by hand has wrong is left out.
func (s *Server) plantAccount(a *account, seed Account) {
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
	a.forwarding = map[string]hostSetting{}
	for _, set := range seed.MTLSSettings {
		a.forwarding[set.Hostname] = hostSetting{set.China, set.Forward}
	}
	for _, ap := range seed.Applications {
		app, err := ap.make()
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

// idsOf are the ids of destinations given by name or id.
func idsOf(names []string, list []destination) []string {
	var out []string
	for _, name := range names {
		if i := slices.IndexFunc(list, func(d destination) bool { return d.name == name || d.id == name }); i >= 0 {
			out = append(out, list[i].id)
		}
	}
	return out
}

// AccountState is what an account has of its own. Only accounts that have
// something are in a State.
type AccountState struct {
	Name         string             `json:"name" yaml:"name"`
	ID           string             `json:"id" yaml:"id"`
	Certificates []CertificateState `json:"certificates,omitempty" yaml:"certificates,omitempty"`   // by name, then fingerprint
	MTLSSettings []MTLSSettingState `json:"mtls_settings,omitempty" yaml:"mtls_settings,omitempty"` // by hostname
	Applications []map[string]any   `json:"applications,omitempty" yaml:"applications,omitempty"`   // by domain, as the API has them
	Policies     []map[string]any   `json:"policies,omitempty" yaml:"policies,omitempty"`           // those that stand by themselves, by name
	Alerts       []AlertState       `json:"alerts,omitempty" yaml:"alerts,omitempty"`               // by name
}

// CertificateState is a certificate authority of Access.
type CertificateState struct {
	Name        string   `json:"name" yaml:"name"`
	Fingerprint string   `json:"fingerprint" yaml:"fingerprint"` // MD5, with colons
	ExpiresOn   string   `json:"expires_on" yaml:"expires_on"`
	Hostnames   []string `json:"associated_hostnames" yaml:"associated_hostnames"`
}

// MTLSSettingState is what a hostname has besides its certificate authorities.
type MTLSSettingState struct {
	Hostname string `json:"hostname" yaml:"hostname"`
	China    bool   `json:"china_network" yaml:"china_network"`
	Forward  bool   `json:"client_certificate_forwarding" yaml:"client_certificate_forwarding"`
}

// AlertState is a notification policy. Destinations have their names.
type AlertState struct {
	Name        string         `json:"name" yaml:"name"`
	Type        string         `json:"alert_type" yaml:"alert_type"`
	Enabled     bool           `json:"enabled" yaml:"enabled"`
	Description string         `json:"description,omitempty" yaml:"description,omitempty"`
	Email       []string       `json:"email,omitempty" yaml:"email,omitempty"`
	Webhooks    []string       `json:"webhooks,omitempty" yaml:"webhooks,omitempty"`
	PagerDuty   []string       `json:"pagerduty,omitempty" yaml:"pagerduty,omitempty"`
	Filters     map[string]any `json:"filters,omitempty" yaml:"filters,omitempty"`
	Interval    string         `json:"alert_interval,omitempty" yaml:"alert_interval,omitempty"`
}

// accountStates are those of all accounts that have something, in their order.
func (s *Server) accountStates() []AccountState {
	var out []AccountState
	for _, a := range s.accounts {
		st := AccountState{Name: a.name, ID: a.id}
		for _, ca := range a.authorities {
			st.Certificates = append(st.Certificates, CertificateState{ca.name, ca.fingerprint, stamp(ca.expires), orNone(ca.hosts)})
		}
		slices.SortStableFunc(st.Certificates, func(x, y CertificateState) int {
			return cmp.Or(cmp.Compare(x.Name, y.Name), cmp.Compare(x.Fingerprint, y.Fingerprint))
		})
		for _, set := range a.listHostSettings() {
			st.MTLSSettings = append(st.MTLSSettings, MTLSSettingState{set.Hostname, set.China, set.Forward})
		}
		byText := func(key string) func(x, y map[string]any) int {
			return func(x, y map[string]any) int { return cmp.Compare(x[key].(string), y[key].(string)) }
		}
		for _, app := range a.applications {
			st.Applications = append(st.Applications, plain(app.content()))
		}
		slices.SortStableFunc(st.Applications, byText("domain"))
		for _, p := range a.policies {
			st.Policies = append(st.Policies, plain(p.content()))
		}
		slices.SortStableFunc(st.Policies, byText("name"))
		for _, al := range a.alerts {
			state := AlertState{
				Name: al.name, Type: al.kind, Enabled: al.enabled, Description: al.description, Interval: al.interval,
				Email: slices.Sorted(slices.Values(al.email)), Webhooks: namesOf(al.hooks, a.webhooks), PagerDuty: namesOf(al.services, a.pagerDuty),
			}
			if len(al.filters) > 0 {
				state.Filters = plain(map[string]any{"filters": al.filters})["filters"].(map[string]any)
			}
			st.Alerts = append(st.Alerts, state)
		}
		slices.SortStableFunc(st.Alerts, func(x, y AlertState) int { return cmp.Or(cmp.Compare(x.Name, y.Name), cmp.Compare(x.Type, y.Type)) })
		if len(st.Certificates)+len(st.MTLSSettings)+len(st.Applications)+len(st.Policies)+len(st.Alerts) > 0 {
			out = append(out, st)
		}
	}
	return out
}

// plain is an object of ours as plain values.
func plain(m map[string]any) map[string]any {
	out, _ := decoded(string(encode(m))).(map[string]any)
	return out
}

// namesOf are the names of destinations given by id, sorted.
func namesOf(ids []string, list []destination) []string {
	var out []string
	for _, id := range ids {
		for _, d := range list {
			if d.id == id {
				out = append(out, d.name)
			}
		}
	}
	slices.Sort(out)
	return out
}
