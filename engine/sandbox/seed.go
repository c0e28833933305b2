package sandbox

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// Seed is the initial state of a server. Every field has a default. Names can replace
// ids, which are derived from them.
type Seed struct {
	Accounts []Account `yaml:"accounts"`
	Zones    []Zone    `yaml:"zones"`
	Tokens   []Token   `yaml:"tokens"`
	Users    []User    `yaml:"users"`

	// PageSizeMax is the largest per_page of a list of custom hostnames, 1000 by
	// default. A larger one is refused, or reduced if PageSizeOver is "clamp".
	PageSizeMax  int    `yaml:"page_size_max"`
	PageSizeOver string `yaml:"page_size_over"`

	// Cloudflare does not document its behaviour in these cases; each is off by default.
	// UniqueCertificateNames refuses a second certificate authority with the same name.
	// FingerprintOf "last" reports the fingerprint of the last certificate of a chain;
	// the default is "first". ExclusiveAssociations takes a hostname from its authority
	// when another one gets it. ReplaceMTLSSettings makes a written list of hostname
	// settings replace the old one; the default is to merge them.
	UniqueCertificateNames bool   `yaml:"unique_certificate_names"`
	FingerprintOf          string `yaml:"fingerprint_of"`
	ExclusiveAssociations  bool   `yaml:"exclusive_associations"`
	ReplaceMTLSSettings    bool   `yaml:"replace_mtls_settings"`

	// NoBatchSettings ends the requests for several settings of a zone at once, as Cloudflare
	// will on 2027-03-31: they are answered with 410.
	NoBatchSettings bool `yaml:"no_batch_settings"`

	// ClockAhead is how much the server's clock, as its Date header shows it, is ahead.
	ClockAhead time.Duration `yaml:"clock_ahead"`

	Rate Rate `yaml:"rate"`
	// Issuance limits the custom hostnames that one user or token creates with a
	// certificate. One above the limit blocks further ones for the Penalty. The zero Rate
	// is Cloudflare's: 15 per minute, and half a minute.
	Issuance Rate `yaml:"issuance"`

	Latency time.Duration `yaml:"latency"` // added to every answer
	// Settle is how long a write takes to reach the edge. Until then the certificate's
	// status says so and the edge enforces the old state.
	Settle time.Duration `yaml:"settle"`
	// AuditDelay is how long a write takes to appear in the audit log: a minute by default,
	// which is longer than usual. With a negative one entries appear at once.
	AuditDelay time.Duration `yaml:"audit_delay"`
	// Plain turns off compression of answers.
	Plain  bool    `yaml:"plain"`
	Faults []Fault `yaml:"faults"`
	// EdgeFaults make the edge misbehave.
	EdgeFaults []EdgeFault `yaml:"edge_faults"`
}

// Account is an account. A zone or token that names another account creates it.
type Account struct {
	ID   string `yaml:"id"`
	Name string `yaml:"name"`

	Certificates []AccessCertificate `yaml:"certificates"`
	MTLSSettings []MTLSSetting       `yaml:"mtls_settings"`
	Applications []Application       `yaml:"applications"`
	Alerts       []Alert             `yaml:"alerts"`
	Webhooks     []Destination       `yaml:"webhooks"`
	PagerDuty    []Destination       `yaml:"pagerduty"`
	// Entitlements are as those of a Zone.
	Entitlements map[string]int `yaml:"entitlements"`
	// AvailableAlerts are the alert types that the account may use, by default all that
	// the server knows.
	AvailableAlerts []string `yaml:"available_alerts"`
}

// Zone is a zone with its settings and custom hostnames.
type Zone struct {
	Name    string `yaml:"name"`
	ID      string `yaml:"id"`
	Account string `yaml:"account"` // name or id
	Status  string `yaml:"status"`  // active by default
	Type    string `yaml:"type"`    // full by default
	Plan    string `yaml:"plan"`    // free, pro, business (the default) or enterprise
	// NoACM removes Advanced Certificate Manager, and with it cipher lists, Total TLS
	// and per-hostname settings. By default only a zone on the Free plan lacks it.
	NoACM *bool `yaml:"no_acm"`
	// Settings replace the defaults; an unknown id is added.
	Settings    Settings `yaml:"settings"`
	NotEditable []string `yaml:"not_editable"`

	UniversalSSL *bool       `yaml:"universal_ssl"` // on by default
	TotalTLS     TotalTLS    `yaml:"total_tls"`
	OriginPulls  OriginPulls `yaml:"origin_pulls"`
	// Hostnames are the names in the zone that have settings: min_tls_version, ciphers,
	// http2.
	Hostnames map[string]Settings `yaml:"hostnames"`

	FallbackOrigin string `yaml:"fallback_origin"`
	// FallbackOriginStatus is active by default. Another status stays until the fallback
	// origin is written.
	FallbackOriginStatus string `yaml:"fallback_origin_status"`
	// StrictFallback refuses custom hostnames without an origin. Zones that have or had a
	// fallback origin always do.
	StrictFallback bool `yaml:"strict_fallback"`
	Quota          int  `yaml:"quota"` // custom hostnames that may exist; 0 means 50,000
	// Entitlements are keys of features and what the zone has of them. Without any, the
	// answer is 204.
	Entitlements    map[string]int `yaml:"entitlements"`
	CustomHostnames []Hostname     `yaml:"custom_hostnames"`
	Generate        Generators     `yaml:"generate"`
}

// TotalTLS is the zone's Total TLS, off by default.
type TotalTLS struct {
	Enabled              bool   `yaml:"enabled"`
	CertificateAuthority string `yaml:"certificate_authority"` // google by default
}

// OriginPulls are the zone's authenticated origin pulls.
type OriginPulls struct {
	Enabled      bool                `yaml:"enabled"`
	Certificates []ClientCertificate `yaml:"certificates"` // oldest first
}

// ClientCertificate is a certificate that Cloudflare shows to origins.
type ClientCertificate struct {
	ID          string `yaml:"id"`
	Certificate string `yaml:"certificate"` // PEM text of the leaf
	// Status is active by default. Another status stays.
	Status string `yaml:"status"`
}

// Hostname is a custom hostname.
type Hostname struct {
	Hostname string `yaml:"hostname"`
	ID       string `yaml:"id"`
	Status   string `yaml:"status"` // active by default
	// SSL left out means an ordinary certificate. A hostname whose ssl is written as null,
	// or with NoSSL, has none.
	SSL                *SSL              `yaml:"ssl"`
	NoSSL              bool              `yaml:"-"`
	CustomMetadata     map[string]string `yaml:"custom_metadata"`
	CustomOriginServer string            `yaml:"custom_origin_server"`
	CustomOriginSNI    string            `yaml:"custom_origin_sni"`
}

// SSL is the certificate of a custom hostname.
type SSL struct {
	Status               string   `yaml:"status"`                // active by default
	Type                 string   `yaml:"type"`                  // dv by default
	Method               string   `yaml:"method"`                // http by default, txt for a wildcard
	Wildcard             bool     `yaml:"wildcard"`              //
	CertificateAuthority string   `yaml:"certificate_authority"` // google by default
	BundleMethod         string   `yaml:"bundle_method"`         // ubiquitous by default
	Settings             Settings `yaml:"settings"`
	Uploaded             bool     `yaml:"uploaded"` // the customer's own certificate
	ExpiresOn            string   `yaml:"expires_on"`
	Key                  string   `yaml:"key"` // of an uploaded one: ecdsa or rsa, by default both
}

// Generator makes many custom hostnames that differ only in a number.
type Generator struct {
	Count    int               `yaml:"count"`
	Start    int               `yaml:"start"`   // the first number, 1 by default
	Pattern  string            `yaml:"pattern"` // with one %d, as in "shop-%05d.customers.example"
	Status   string            `yaml:"status"`
	Method   string            `yaml:"method"`
	Settings Settings          `yaml:"settings"`
	Metadata map[string]string `yaml:"metadata"`
	Wildcard bool              `yaml:"wildcard"`
	// CertificateBytes is the size of the certificate text in each answer, to make lists
	// as large as real ones.
	CertificateBytes int `yaml:"certificate_bytes"`
}

// Generators is one generator or a list of generators in YAML.
type Generators []Generator

// UnmarshalYAML reads a mapping as a list of one.
func (g *Generators) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.MappingNode {
		*g = make(Generators, 1)
		return n.Decode(&(*g)[0])
	}
	return n.Decode((*[]Generator)(g))
}

// Settings maps the ids of settings to their values in JSON.
type Settings map[string]any

// UnmarshalYAML reads a version such as 1.0 as text, because a number would lose its
// zero.
func (s *Settings) UnmarshalYAML(n *yaml.Node) error {
	m := map[string]any{}
	if err := n.Decode(&m); err != nil {
		return err
	}
	if v := child(n, "min_tls_version"); v != nil && v.Kind == yaml.ScalarNode && v.ShortTag() == "!!float" {
		m["min_tls_version"] = v.Value
	}
	*s = m
	return nil
}

// Token is an API token. As at Cloudflare, tokens of the same User share one rate limit;
// each other token has its own.
type Token struct {
	Name        string      `yaml:"name"` // shown in the history; derived by default
	Value       string      `yaml:"value"`
	Status      string      `yaml:"status"` // active (the default), expired or disabled
	Permissions Permissions `yaml:"permissions"`
	Zones       []string    `yaml:"zones"`    // names or ids; none means all
	Accounts    []string    `yaml:"accounts"` // names or ids; none means all
	User        string      `yaml:"user"`     // e-mail address
	Owner       string      `yaml:"owner"`    // account that owns the token instead of a user
	// ByName says that the token may look up zones by name and not list them, as tokens
	// that are limited to some zones.
	ByName bool `yaml:"by_name"`
	// ExpiresOn and NotBefore are shown by the endpoints that verify a token; the Status
	// says whether it may be used.
	ExpiresOn string `yaml:"expires_on"`
	NotBefore string `yaml:"not_before"`
	// RefusedFrom is an address: every request is refused as one from an address that the
	// token may not be used from.
	RefusedFrom string `yaml:"refused_from"`
}

// User signs in with an e-mail address and a global key, and has every permission.
type User struct {
	Email string `yaml:"email"`
	Key   string `yaml:"key"`
}

// Rate limits the requests of one user or token. A request above the limit blocks every
// call for the Penalty. The zero Rate is Cloudflare's: 1200 per 5 minutes.
type Rate struct {
	Requests int           `yaml:"requests"` // -1 means no limit
	Per      time.Duration `yaml:"per"`
	Penalty  time.Duration `yaml:"penalty"` // Per by default
}

// Permissions are the permissions of a token. In YAML, "all" and "read_only" stand for
// All and ReadOnly.
type Permissions []string

// The permissions of the endpoints. Edit includes read. Each of the first five permits
// to read zones.
const (
	ZoneRead         = "zone:read"
	ZoneSettingsRead = "zone_settings:read"
	ZoneSettingsEdit = "zone_settings:edit"
	SSLRead          = "ssl:read"
	SSLEdit          = "ssl:edit"

	// Permissions of accounts.
	AccessCertificatesRead = "access_certificates:read"
	AccessCertificatesEdit = "access_certificates:edit"
	AccessAppsRead         = "access_apps:read"
	AccessAppsEdit         = "access_apps:edit"
	NotificationsRead      = "notifications:read"
	NotificationsEdit      = "notifications:edit"
	AccountSettingsRead    = "account_settings:read"
)

// All returns every permission.
func All() Permissions {
	return Permissions{ZoneRead, ZoneSettingsEdit, SSLEdit, AccessCertificatesEdit, AccessAppsEdit, NotificationsEdit, AccountSettingsRead}
}

// ReadOnly returns the permissions to read everything and write nothing.
func ReadOnly() Permissions {
	return Permissions{ZoneRead, ZoneSettingsRead, SSLRead, AccessCertificatesRead, AccessAppsRead, NotificationsRead, AccountSettingsRead}
}

// UnmarshalYAML reads a short word, one permission, or a list.
func (p *Permissions) UnmarshalYAML(n *yaml.Node) error {
	var list []string
	if n.Kind == yaml.ScalarNode {
		list = []string{n.Value}
	} else if err := n.Decode(&list); err != nil {
		return err
	}

	known := []string{
		ZoneRead, ZoneSettingsRead, ZoneSettingsEdit, SSLRead, SSLEdit,
		AccessCertificatesRead, AccessCertificatesEdit, AccessAppsRead, AccessAppsEdit, NotificationsRead, NotificationsEdit,
		AccountSettingsRead,
	}
	*p = Permissions{}
	for _, name := range list {
		switch {
		case name == "all":
			*p = append(*p, All()...)
		case name == "read_only":
			*p = append(*p, ReadOnly()...)
		case name == "none":
		case slices.Contains(known, name):
			*p = append(*p, name)
		default:
			return fmt.Errorf("line %d: permission %q is not one of all, read_only, none, %s", n.Line, name, strings.Join(known, ", "))
		}
	}
	return nil
}

// ParseSeed reads a seed from YAML. Unknown keys are errors, and so are values that no
// server could start with.
func ParseSeed(b []byte) (Seed, error) {
	var s Seed
	var doc yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(b))
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return s, nil // an empty file is an empty server
	case err != nil:
		return s, fmt.Errorf("seed: %w", err)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return s, errors.New("seed: the file has more than one YAML document")
	}

	root := doc.Content[0]
	if err := decodeStrict(root, &s); err != nil {
		return Seed{}, fmt.Errorf("seed: %w", err)
	}
	markNoSSL(root, &s)
	if err := s.validate(); err != nil {
		return Seed{}, fmt.Errorf("seed: %w", err)
	}
	return s, nil
}

// decodeStrict decodes a node and refuses unknown keys. The decoder's own check does not
// reach below an UnmarshalYAML method.
func decodeStrict(n *yaml.Node, into any) error {
	if err := checkKeys(n, reflect.TypeOf(into)); err != nil {
		return err
	}
	return n.Decode(into)
}

func checkKeys(n *yaml.Node, t reflect.Type) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if n.Kind == yaml.AliasNode {
		return fmt.Errorf("line %d: aliases are not supported, write the value out", n.Line)
	}

	switch {
	case t.Kind() == reflect.Slice && n.Kind == yaml.SequenceNode:
		for _, item := range n.Content {
			if err := checkKeys(item, t.Elem()); err != nil {
				return err
			}
		}
	case t.Kind() == reflect.Slice && n.Kind == yaml.MappingNode:
		return checkKeys(n, t.Elem())
	case t.Kind() == reflect.Struct && n.Kind == yaml.MappingNode:
		return checkMapping(n, t)
	case t.Kind() == reflect.Struct && n.ShortTag() != "!!null" && t != reflect.TypeFor[time.Time]():
		return fmt.Errorf("line %d: expected a mapping, got %q", n.Line, n.Value)
	}
	return nil
}

func checkMapping(n *yaml.Node, t reflect.Type) error {
	fields := map[string]reflect.Type{}
	var names []string
	for i := range t.NumField() {
		if name := t.Field(i).Tag.Get("yaml"); name != "" && name != "-" {
			fields[name] = t.Field(i).Type
			names = append(names, name)
		}
	}

	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		ft, ok := fields[key.Value]
		if !ok {
			return fmt.Errorf("line %d: unknown key %q, the known keys are %s", key.Line, key.Value, strings.Join(names, ", "))
		}
		if err := checkKeys(n.Content[i+1], ft); err != nil {
			return err
		}
	}
	return nil
}

// child returns the value of a key in a mapping, nil if there is none.
func child(n *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(n.Content) && n.Kind == yaml.MappingNode; i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// markNoSSL sets NoSSL where ssl is null, which decoding cannot tell from a missing ssl.
func markNoSSL(root *yaml.Node, s *Seed) {
	zones := child(root, "zones")
	for i := range s.Zones {
		names := child(zones.Content[i], "custom_hostnames")
		for j := range s.Zones[i].CustomHostnames {
			if v := child(names.Content[j], "ssl"); v != nil && v.ShortTag() == "!!null" {
				s.Zones[i].CustomHostnames[j].NoSSL = true
			}
		}
	}
}

var patternVerb = lazyRegexp(`%(0\d{1,2})?d`)

func (s *Seed) validate() error {
	for i := range s.Accounts {
		if err := s.Accounts[i].validate(); err != nil {
			return fmt.Errorf("account %s: %w", cmp.Or(s.Accounts[i].Name, fmt.Sprint(i)), err)
		}
	}

	if !slices.Contains([]string{"", "first", "last"}, s.FingerprintOf) {
		return fmt.Errorf("fingerprint_of %q is not first or last", s.FingerprintOf)
	}
	for i, z := range s.Zones {
		if z.Name == "" {
			return fmt.Errorf("zones[%d]: name is missing", i)
		}
		if err := z.validate(); err != nil {
			return fmt.Errorf("zone %s: %w", z.Name, err)
		}
	}
	if err := s.validateSenders(); err != nil {
		return err
	}

	if !slices.Contains([]string{"", "refuse", "clamp"}, s.PageSizeOver) {
		return fmt.Errorf("page_size_over %q is not refuse or clamp", s.PageSizeOver)
	}
	if s.PageSizeMax != 0 && s.PageSizeMax < 5 {
		return fmt.Errorf("page_size_max %d is below 5, the smallest page", s.PageSizeMax)
	}
	if s.Rate.Per < 0 || s.Rate.Penalty < 0 || s.Latency < 0 || s.Settle < 0 {
		return errors.New("rate, latency and settle must not be negative")
	}

	for i := range s.Faults {
		if err := s.Faults[i].validate(); err != nil {
			return fmt.Errorf("faults[%d]: %w", i, err)
		}
	}
	for i, f := range s.EdgeFaults {
		if err := f.check(); err != nil {
			return fmt.Errorf("edge_faults[%d]: %w", i, err)
		}
	}
	return nil
}

func (s *Seed) validateSenders() error {
	for i, t := range s.Tokens {
		if t.Value == "" {
			return fmt.Errorf("tokens[%d]: value is missing", i)
		}
		if !slices.Contains([]string{"", "active", "expired", "disabled"}, t.Status) {
			return fmt.Errorf("tokens[%d]: status %q is not one of active, expired, disabled", i, t.Status)
		}
	}

	for i, u := range s.Users {
		if u.Email == "" || u.Key == "" {
			return fmt.Errorf("users[%d]: email and key are required", i)
		}
	}
	return nil
}

func (z *Zone) validate() error {
	if !slices.Contains([]string{"", "free", "pro", "business", "enterprise"}, z.Plan) {
		return fmt.Errorf("plan %q is not one of free, pro, business, enterprise", z.Plan)
	}
	if err := z.validateItems(); err != nil {
		return err
	}

	for j, h := range z.CustomHostnames {
		if h.Hostname == "" {
			return fmt.Errorf("custom_hostnames[%d]: hostname is missing", j)
		}
	}
	for _, g := range z.Generate {
		if g.Count < 0 || g.Count > 1_000_000 {
			return fmt.Errorf("generate: count %d is not between 0 and 1000000", g.Count)
		}
		if rest := patternVerb().ReplaceAllString(g.Pattern, ""); strings.Contains(rest, "%") || len(patternVerb().FindAllString(g.Pattern, -1)) != 1 {
			return fmt.Errorf("generate: pattern %q needs exactly one %%d, as in \"shop-%%05d.example\"", g.Pattern)
		}
	}
	return nil
}

// validateItems checks what a zone has beside its settings and custom hostnames.
func (z *Zone) validateItems() error {
	if t := z.TotalTLS; t.CertificateAuthority != "" && !slices.Contains(totalAuthorities, t.CertificateAuthority) {
		return fmt.Errorf("total_tls: certificate_authority %q is not one of %s", t.CertificateAuthority, strings.Join(totalAuthorities, ", "))
	}

	switch {
	case z.FallbackOriginStatus == "":
	case z.FallbackOrigin == "":
		return errors.New("fallback_origin_status needs a fallback_origin")
	case !slices.Contains(fallbackStatuses, z.FallbackOriginStatus):
		return fmt.Errorf("fallback_origin_status %q is not one of %s", z.FallbackOriginStatus, strings.Join(fallbackStatuses, ", "))
	}

	for i, c := range z.OriginPulls.Certificates {
		if _, err := parseLeaf(c.Certificate); err != nil {
			return fmt.Errorf("origin_pulls: certificates[%d]: %w", i, err)
		}
	}

	_, ascii := canonicalName(z.Name)
	for _, name := range sortedKeys(z.Hostnames) {
		_, host := canonicalName(name)
		values := jsonTexts(z.Hostnames[name])
		for _, id := range sortedKeys(values) {
			if bad := (&zone{name: z.Name, ascii: ascii}).checkHostnameSetting(host, id, []byte(values[id])); bad != nil {
				return fmt.Errorf("hostnames: %s: %s", id, bad.errors[0].Message)
			}
		}
	}
	return nil
}

// generated returns the custom hostnames of a generator.
func (g *Generator) generated() []Hostname {
	out := make([]Hostname, g.Count)
	for i := range out {
		out[i] = Hostname{
			Hostname: fmt.Sprintf(g.Pattern, cmp.Or(g.Start, 1)+i), Status: g.Status, CustomMetadata: g.Metadata,
			SSL: &SSL{Method: g.Method, Wildcard: g.Wildcard, Settings: g.Settings},
		}
	}
	return out
}

// hexID derives the 32 hex digits of an account, zone or token id from its name.
func hexID(kind, name string) string {
	sum := sha256.Sum256([]byte(kind + "\x00" + name))
	return hex.EncodeToString(sum[:16])
}

// uuid derives an id in the form of a version 4 UUID.
func uuid(kind, name string) string {
	sum := sha256.Sum256([]byte(kind + "\x00" + name))
	sum[6], sum[8] = sum[6]&0x0f|0x40, sum[8]&0x3f|0x80
	h := hex.EncodeToString(sum[:16])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
