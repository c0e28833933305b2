package sandbox

import (
	"cmp"
	"slices"
)

// AccountState is the objects of an account. A State holds only accounts that have
// objects.
type AccountState struct {
	Name         string             `json:"name" yaml:"name"`
	ID           string             `json:"id" yaml:"id"`
	Certificates []CertificateState `json:"certificates,omitempty" yaml:"certificates,omitempty"`   // by name, then fingerprint
	MTLSSettings []MTLSSettingState `json:"mtls_settings,omitempty" yaml:"mtls_settings,omitempty"` // by hostname
	Applications []map[string]any   `json:"applications,omitempty" yaml:"applications,omitempty"`   // by domain, in the form of the API
	Policies     []map[string]any   `json:"policies,omitempty" yaml:"policies,omitempty"`           // the reusable ones, by name
	Alerts       []AlertState       `json:"alerts,omitempty" yaml:"alerts,omitempty"`               // by name
}

// CertificateState is a certificate authority of Access.
type CertificateState struct {
	Name        string   `json:"name" yaml:"name"`
	Fingerprint string   `json:"fingerprint" yaml:"fingerprint"` // MD5, with colons
	ExpiresOn   string   `json:"expires_on" yaml:"expires_on"`
	Hostnames   []string `json:"associated_hostnames" yaml:"associated_hostnames"`
}

// MTLSSettingState is the mTLS settings of a hostname.
type MTLSSettingState struct {
	Hostname string `json:"hostname" yaml:"hostname"`
	China    bool   `json:"china_network" yaml:"china_network"`
	Forward  bool   `json:"client_certificate_forwarding" yaml:"client_certificate_forwarding"`
}

// AlertState is a notification policy. Names stand for its destinations.
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

// accountStates returns the states of all accounts that have objects.
func (s *Server) accountStates() []AccountState {
	var out []AccountState
	for _, a := range s.accounts {
		st := a.state()
		if len(st.Certificates)+len(st.MTLSSettings)+len(st.Applications)+len(st.Policies)+len(st.Alerts) > 0 {
			out = append(out, st)
		}
	}
	return out
}

func (a *account) state() AccountState {
	st := AccountState{Name: a.name, ID: a.id}
	for _, ca := range a.authorities {
		st.Certificates = append(st.Certificates, CertificateState{ca.name, ca.fingerprint, stamp(ca.expires), orNone(ca.hosts)})
	}
	slices.SortStableFunc(st.Certificates, func(x, y CertificateState) int {
		return cmp.Or(cmp.Compare(x.Name, y.Name), cmp.Compare(x.Fingerprint, y.Fingerprint))
	})
	for _, set := range a.listMTLSSettings() {
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
		st.Alerts = append(st.Alerts, a.alertState(al))
	}
	slices.SortStableFunc(st.Alerts, func(x, y AlertState) int { return cmp.Or(cmp.Compare(x.Name, y.Name), cmp.Compare(x.Type, y.Type)) })
	return st
}

func (a *account) alertState(al *alert) AlertState {
	st := AlertState{
		Name: al.name, Type: al.kind, Enabled: al.enabled, Description: al.description, Interval: al.interval,
		Email: slices.Sorted(slices.Values(al.email)), Webhooks: namesOf(al.hooks, a.webhooks), PagerDuty: namesOf(al.services, a.pagerDuty),
	}
	if len(al.filters) > 0 {
		st.Filters = plain(map[string]any{"filters": al.filters})["filters"].(map[string]any)
	}
	return st
}

// plain converts an object to the values that decoding its JSON gives.
func plain(m map[string]any) map[string]any {
	out, _ := decoded(string(encode(m))).(map[string]any)
	return out
}

// namesOf returns the sorted names of destinations given by id.
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
