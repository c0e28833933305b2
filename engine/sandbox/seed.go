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

// Seed is the state that a server starts from. Everything left out has a
// sensible default; names stand for ids, which are derived from them.
type Seed struct {
	Accounts []Account `yaml:"accounts"`
	Zones    []Zone    `yaml:"zones"`
	Tokens   []Token   `yaml:"tokens"`
	Users    []User    `yaml:"users"`

	// PageSizeMax is the largest per_page of a list of custom hostnames, 1000
	// by default. A larger one is refused, or where PageSizeOver is "clamp"
	// quietly reduced.
	PageSizeMax  int    `yaml:"page_size_max"`
	PageSizeOver string `yaml:"page_size_over"`

	// How Cloudflare behaves in these cases is not documented; each is off by
	// default. UniqueCertificateNames refuses a second certificate authority of
	// one name. FingerprintOf "last" reports the fingerprint of the last
	// certificate of a chain ("first" is the default). ExclusiveAssociations
	// takes a hostname from its authority when another one gets it.
	// ReplaceMTLSSettings makes the list of hostname settings that is written
	// replace the one before, instead of being merged into it.
	UniqueCertificateNames bool   `yaml:"unique_certificate_names"`
	FingerprintOf          string `yaml:"fingerprint_of"`
	ExclusiveAssociations  bool   `yaml:"exclusive_associations"`
	ReplaceMTLSSettings    bool   `yaml:"replace_mtls_settings"`

	Rate    Rate          `yaml:"rate"`
	Latency time.Duration `yaml:"latency"` // added to every answer
	// Settle is how long a write takes to reach the edge. Until then the
	// certificate's status says so and the edge enforces what was before.
	Settle time.Duration `yaml:"settle"`
	// Plain turns off compression of answers.
	Plain  bool    `yaml:"plain"`
	Faults []Fault `yaml:"faults"`
}

// Account is an account. Accounts that only zones and tokens name exist too.
type Account struct {
	ID   string `yaml:"id"`
	Name string `yaml:"name"`

	Certificates []AccessCertificate `yaml:"certificates"`
	MTLSSettings []MTLSSetting       `yaml:"mtls_settings"`
	Applications []Application       `yaml:"applications"`
	Alerts       []Alert             `yaml:"alerts"`
	Webhooks     []Destination       `yaml:"webhooks"`
	PagerDuty    []Destination       `yaml:"pagerduty"`
	// AvailableAlerts are the alert types that the account may use; left out, all
	// that the server knows.
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
	// NoACM takes Advanced Certificate Manager away, and with it cipher lists,
	// Total TLS and per-hostname settings. Left out, only a zone on the Free plan
	// is without.
	NoACM *bool `yaml:"no_acm"`
	// Settings stand over the defaults; an id unknown to them is added.
	Settings    Settings `yaml:"settings"`
	NotEditable []string `yaml:"not_editable"`

	UniversalSSL *bool       `yaml:"universal_ssl"` // on where left out
	TotalTLS     TotalTLS    `yaml:"total_tls"`
	OriginPulls  OriginPulls `yaml:"origin_pulls"`
	// Hostnames are names in the zone with settings of their own:
	// min_tls_version, ciphers, http2.
	Hostnames map[string]Settings `yaml:"hostnames"`

	FallbackOrigin string `yaml:"fallback_origin"`
	// FallbackOriginStatus is active where left out. Another one stays until the
	// fallback origin is written.
	FallbackOriginStatus string `yaml:"fallback_origin_status"`
	// StrictFallback refuses custom hostnames that would have no origin, which is
	// so too wherever a zone has, or had, a fallback origin.
	StrictFallback  bool       `yaml:"strict_fallback"`
	Quota           int        `yaml:"quota"` // custom hostnames that may exist; 0 means 50,000
	CustomHostnames []Hostname `yaml:"custom_hostnames"`
	Generate        Generators `yaml:"generate"`
}

// TotalTLS is the zone's Total TLS, off where left out.
type TotalTLS struct {
	Enabled              bool   `yaml:"enabled"`
	CertificateAuthority string `yaml:"certificate_authority"` // google by default
}

// OriginPulls are the zone's authenticated origin pulls.
type OriginPulls struct {
	Enabled      bool                `yaml:"enabled"`
	Certificates []ClientCertificate `yaml:"certificates"` // oldest first
}

// ClientCertificate is one that Cloudflare shows to origins.
type ClientCertificate struct {
	ID          string `yaml:"id"`
	Certificate string `yaml:"certificate"` // PEM text of the leaf
	// Status is active where left out. Another one stays.
	Status string `yaml:"status"`
}

// Hostname is a custom hostname.
type Hostname struct {
	Hostname string `yaml:"hostname"`
	ID       string `yaml:"id"`
	Status   string `yaml:"status"` // active by default
	// SSL left out means an ordinary certificate; written as null, and where
	// NoSSL is set, the hostname has none.
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
	Key                  string   `yaml:"key"`      // of an uploaded one: ecdsa, rsa, or both where nothing is said
}

// Generator makes many custom hostnames that differ in a number only.
type Generator struct {
	Count    int               `yaml:"count"`
	Start    int               `yaml:"start"`   // the first number, 1 by default
	Pattern  string            `yaml:"pattern"` // with one %d, as in "shop-%05d.customers.example"
	Status   string            `yaml:"status"`
	Method   string            `yaml:"method"`
	Settings Settings          `yaml:"settings"`
	Metadata map[string]string `yaml:"metadata"`
	Wildcard bool              `yaml:"wildcard"`
	// CertificateBytes is the size of the certificate text in each answer, to
	// give lists their real weight.
	CertificateBytes int `yaml:"certificate_bytes"`
}

// Generators is written as one generator or as a list.
type Generators []Generator

// UnmarshalYAML takes a mapping for a list of one.
func (g *Generators) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.MappingNode {
		*g = make(Generators, 1)
		return n.Decode(&(*g)[0])
	}
	return n.Decode((*[]Generator)(g))
}

// Settings are values by setting id, as they stand in JSON.
type Settings map[string]any

// UnmarshalYAML keeps a version such as 1.0 the text that was written: as a
// number it would lose its zero.
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

// Token is an API token. Tokens of the same User share one rate limit, as they
// do at Cloudflare; others have one each.
type Token struct {
	Name        string      `yaml:"name"` // what history shows; derived where missing
	Value       string      `yaml:"value"`
	Status      string      `yaml:"status"` // active (the default), expired or disabled
	Permissions Permissions `yaml:"permissions"`
	Zones       []string    `yaml:"zones"`    // names or ids; none means all
	Accounts    []string    `yaml:"accounts"` // names or ids; none means all
	User        string      `yaml:"user"`     // e-mail address
	Owner       string      `yaml:"owner"`    // account that owns the token, if no user does
}

// User signs in with an e-mail address and a global key, and may do everything.
type User struct {
	Email string `yaml:"email"`
	Key   string `yaml:"key"`
}

// Rate is the limit of requests of one user or token. Requests in excess block
// every call for the Penalty. The zero Rate is Cloudflare's: 1200 per 5 min.
type Rate struct {
	Requests int           `yaml:"requests"` // -1 is no limit
	Per      time.Duration `yaml:"per"`
	Penalty  time.Duration `yaml:"penalty"` // Per by default
}

// Permissions are what a token may do. "all" and "read_only" stand for lists.
type Permissions []string

// The permissions that the endpoints ask for. Edit includes read, and any of
// them lets zones be read.
const (
	ZoneRead         = "zone:read"
	ZoneSettingsRead = "zone_settings:read"
	ZoneSettingsEdit = "zone_settings:edit"
	SSLRead          = "ssl:read"
	SSLEdit          = "ssl:edit"

	// Those of accounts.
	AccessCertificatesRead = "access_certificates:read"
	AccessCertificatesEdit = "access_certificates:edit"
	AccessAppsRead         = "access_apps:read"
	AccessAppsEdit         = "access_apps:edit"
	NotificationsRead      = "notifications:read"
	NotificationsEdit      = "notifications:edit"
)

// All and ReadOnly are the lists behind the two short words.
func All() Permissions {
	return Permissions{ZoneRead, ZoneSettingsEdit, SSLEdit, AccessCertificatesEdit, AccessAppsEdit, NotificationsEdit}
}

// ReadOnly lets everything be read and nothing be written.
func ReadOnly() Permissions {
	return Permissions{ZoneRead, ZoneSettingsRead, SSLRead, AccessCertificatesRead, AccessAppsRead, NotificationsRead}
}

// UnmarshalYAML takes a short word, one permission, or a list.
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

// ParseSeed reads a seed from YAML. A key that it does not know is an error,
// and so is a value that no server could start from.
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
		return s, errors.New("seed: more than one YAML document, want one")
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

// decodeStrict decodes a node and refuses keys that the type does not have.
// The decoder's own check is lost below every UnmarshalYAML, so it is ours.
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
				return fmt.Errorf("line %d: unknown key %q, known are %s", key.Line, key.Value, strings.Join(names, ", "))
			}
			if err := checkKeys(n.Content[i+1], ft); err != nil {
				return err
			}
		}
	case t.Kind() == reflect.Struct && n.ShortTag() != "!!null" && t != reflect.TypeFor[time.Time]():
		return fmt.Errorf("line %d: %q stands where a mapping is expected", n.Line, n.Value)
	}
	return nil
}

// child is the value of a key in a mapping, nil if there is none.
func child(n *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(n.Content) && n.Kind == yaml.MappingNode; i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// markNoSSL tells "ssl: null" from no ssl at all, which decoding cannot.
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
		if !slices.Contains([]string{"", "free", "pro", "business", "enterprise"}, z.Plan) {
			return fmt.Errorf("zone %s: plan %q is not one of free, pro, business, enterprise", z.Name, z.Plan)
		}
		if err := z.validateOwn(); err != nil {
			return fmt.Errorf("zone %s: %w", z.Name, err)
		}
		for j, h := range z.CustomHostnames {
			if h.Hostname == "" {
				return fmt.Errorf("zone %s: custom_hostnames[%d]: hostname is missing", z.Name, j)
			}
		}
		for _, g := range z.Generate {
			if g.Count < 0 || g.Count > 1_000_000 {
				return fmt.Errorf("zone %s: generate: count %d is not between 0 and 1000000", z.Name, g.Count)
			}
			if rest := patternVerb().ReplaceAllString(g.Pattern, ""); strings.Contains(rest, "%") || len(patternVerb().FindAllString(g.Pattern, -1)) != 1 {
				return fmt.Errorf("zone %s: generate: pattern %q needs exactly one %%d, as in \"shop-%%05d.example\"", z.Name, g.Pattern)
			}
		}
	}
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
			return fmt.Errorf("users[%d]: email and key are both needed", i)
		}
	}
	if !slices.Contains([]string{"", "refuse", "clamp"}, s.PageSizeOver) {
		return fmt.Errorf("page_size_over %q is not refuse or clamp", s.PageSizeOver)
	}
	if s.PageSizeMax != 0 && s.PageSizeMax < 5 {
		return fmt.Errorf("page_size_max %d is below 5, the smallest page", s.PageSizeMax)
	}
	if s.Rate.Per < 0 || s.Rate.Penalty < 0 || s.Latency < 0 || s.Settle < 0 {
		return errors.New("rate, latency and settle take no negative durations")
	}
	for i := range s.Faults {
		if err := s.Faults[i].validate(); err != nil {
			return fmt.Errorf("faults[%d]: %w", i, err)
		}
	}
	return nil
}

// validateOwn looks at what a zone has beside its settings and custom hostnames.
func (z *Zone) validateOwn() error {
	if t := z.TotalTLS; t.CertificateAuthority != "" && !slices.Contains(totalAuthorities, t.CertificateAuthority) {
		return fmt.Errorf("total_tls: certificate_authority %q is not one of %s", t.CertificateAuthority, strings.Join(totalAuthorities, ", "))
	}
	switch {
	case z.FallbackOriginStatus == "":
	case z.FallbackOrigin == "":
		return errors.New("fallback_origin_status stands without a fallback_origin")
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
			if bad := (&zone{name: z.Name, ascii: ascii}).checkLocal(host, id, []byte(values[id])); bad != nil {
				return fmt.Errorf("hostnames: %s: %s", id, bad.errors[0].Message)
			}
		}
	}
	return nil
}

// generated are the custom hostnames of a generator.
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

// uuid derives an id of the form of a version 4 UUID.
func uuid(kind, name string) string {
	sum := sha256.Sum256([]byte(kind + "\x00" + name))
	sum[6], sum[8] = sum[6]&0x0f|0x40, sum[8]&0x3f|0x80
	h := hex.EncodeToString(sum[:16])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
