package sandbox

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"

	"gopkg.in/yaml.v3"
)

// State is everything that a client can change, sorted, without times and without ids that
// vary, so that the texts of two states can be compared.
type State struct {
	Zones    []ZoneState    `json:"zones" yaml:"zones"`
	Accounts []AccountState `json:"accounts,omitempty" yaml:"accounts,omitempty"`
}

// ZoneState is a zone.
type ZoneState struct {
	Name            string                `json:"name" yaml:"name"`
	ID              string                `json:"id" yaml:"id"`
	Account         string                `json:"account" yaml:"account"`
	AccountID       string                `json:"account_id" yaml:"account_id"`
	Status          string                `json:"status" yaml:"status"`
	Plan            string                `json:"plan" yaml:"plan"`
	Settings        map[string]any        `json:"settings" yaml:"settings"`
	UniversalSSL    string                `json:"universal_ssl" yaml:"universal_ssl"` // on or off
	TotalTLS        TotalTLSState         `json:"total_tls" yaml:"total_tls"`
	OriginPulls     PullsState            `json:"origin_pulls" yaml:"origin_pulls"`
	FallbackOrigin  *FallbackState        `json:"fallback_origin" yaml:"fallback_origin"`   // nil if there is none
	Hostnames       []HostnameState       `json:"hostnames" yaml:"hostnames"`               // by name
	CustomHostnames []CustomHostnameState `json:"custom_hostnames" yaml:"custom_hostnames"` // by name
}

// TotalTLSState is Total TLS.
type TotalTLSState struct {
	Enabled              bool   `json:"enabled" yaml:"enabled"`
	CertificateAuthority string `json:"certificate_authority,omitempty" yaml:"certificate_authority,omitempty"`
}

// PullsState are the authenticated origin pulls of a zone.
type PullsState struct {
	Enabled      bool                     `json:"enabled" yaml:"enabled"`
	Certificates []ClientCertificateState `json:"certificates" yaml:"certificates"` // oldest first
}

// ClientCertificateState is a certificate for origin pulls.
type ClientCertificateState struct {
	ID     string `json:"id" yaml:"id"`
	SHA256 string `json:"sha256" yaml:"sha256"` // of the certificate, in lower case
	Status string `json:"status" yaml:"status"`
}

// FallbackState is the fallback origin.
type FallbackState struct {
	Origin string `json:"origin" yaml:"origin"`
	Status string `json:"status" yaml:"status"`
}

// HostnameState is a name in the zone with settings of its own.
type HostnameState struct {
	Hostname string                          `json:"hostname" yaml:"hostname"`
	Settings map[string]HostnameSettingState `json:"settings" yaml:"settings"`
}

// HostnameSettingState is a setting of a name in the zone. During its deletion it keeps
// its value.
type HostnameSettingState struct {
	Value  any    `json:"value" yaml:"value"`
	Status string `json:"status" yaml:"status"`
}

// CustomHostnameState is a custom hostname.
type CustomHostnameState struct {
	Hostname           string            `json:"hostname" yaml:"hostname"`
	ID                 string            `json:"id" yaml:"id"`
	Status             string            `json:"status" yaml:"status"`
	SSL                *SSLState         `json:"ssl" yaml:"ssl"`
	CustomMetadata     map[string]string `json:"custom_metadata,omitempty" yaml:"custom_metadata,omitempty"`
	CustomOriginServer string            `json:"custom_origin_server,omitempty" yaml:"custom_origin_server,omitempty"`
	CustomOriginSNI    string            `json:"custom_origin_sni,omitempty" yaml:"custom_origin_sni,omitempty"`
}

// SSLState is the certificate of a custom hostname.
type SSLState struct {
	Status               string         `json:"status" yaml:"status"`
	Type                 string         `json:"type" yaml:"type"`
	Method               string         `json:"method" yaml:"method"`
	Wildcard             bool           `json:"wildcard" yaml:"wildcard"`
	Uploaded             bool           `json:"uploaded" yaml:"uploaded"`
	CertificateAuthority string         `json:"certificate_authority" yaml:"certificate_authority"`
	BundleMethod         string         `json:"bundle_method" yaml:"bundle_method"`
	Settings             map[string]any `json:"settings" yaml:"settings"`
}

// State returns the present state.
func (s *Server) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle(s.now())
	st := State{Zones: []ZoneState{}, Accounts: s.accountStates()}

	for _, z := range s.zones {
		zs := ZoneState{
			Name: z.name, ID: z.id, Account: z.account.name, AccountID: z.account.id, Status: z.status, Plan: z.plan,
			Settings: map[string]any{}, CustomHostnames: []CustomHostnameState{},
		}

		for id, v := range z.settings {
			if v.value != "" {
				zs.Settings[id] = decoded(v.value)
			} else {
				zs.Settings[id] = map[string]any{"enabled": v.enabled}
			}
		}

		z.itemStates(&zs)
		for _, h := range z.listed {
			zs.CustomHostnames = append(zs.CustomHostnames, h.state())
		}
		slices.SortFunc(zs.CustomHostnames, func(a, b CustomHostnameState) int {
			return cmp.Or(cmp.Compare(a.Hostname, b.Hostname), cmp.Compare(a.ID, b.ID))
		})
		st.Zones = append(st.Zones, zs)
	}
	return st
}

// itemStates adds what a zone has beside its settings and custom hostnames.
func (z *zone) itemStates(zs *ZoneState) {
	zs.UniversalSSL = decoded(onOrOff(z.universal)).(string)
	zs.TotalTLS = TotalTLSState{z.total.Enabled, z.total.Authority}
	zs.OriginPulls = PullsState{z.pulls.enabled, []ClientCertificateState{}}
	for _, crt := range z.pulls.certificates {
		zs.OriginPulls.Certificates = append(zs.OriginPulls.Certificates, ClientCertificateState{crt.id, crt.fingerprint(), crt.status})
	}

	if z.fallback != nil {
		zs.FallbackOrigin = &FallbackState{z.fallback.origin, z.fallback.status}
	}
	zs.Hostnames = []HostnameState{}
	for _, name := range sortedKeys(z.hostnames) {
		ls := HostnameState{name, map[string]HostnameSettingState{}}
		for id, l := range z.hostnames[name] {
			ls.Settings[id] = HostnameSettingState{decoded(l.value), l.status}
		}
		if len(ls.Settings) > 0 {
			zs.Hostnames = append(zs.Hostnames, ls)
		}
	}
}

func (h *customHostname) state() CustomHostnameState {
	hs := CustomHostnameState{
		Hostname: h.name, ID: h.id, Status: h.status, CustomMetadata: h.metadata, CustomOriginServer: h.origin, CustomOriginSNI: h.sni,
	}
	if c := h.ssl; c != nil {
		hs.SSL = &SSLState{
			Status: c.status, Type: c.kind, Method: c.method, Wildcard: c.wildcard, Uploaded: c.uploaded,
			CertificateAuthority: c.authority, BundleMethod: c.bundle, Settings: map[string]any{},
		}
		for id, v := range c.settings {
			hs.SSL.Settings[id] = decoded(v)
		}
	}
	return hs
}

// decoded decodes a JSON text that the server itself has made.
func decoded(text string) any {
	var v any
	_ = json.Unmarshal([]byte(text), &v) // valid JSON
	return v
}

// YAML returns the state as text.
func (s State) YAML() []byte {
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(s); err != nil {
		panic(err) // plain maps, lists and scalars always encode
	}
	return b.Bytes()
}
