package schema

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Level is where a setting can live. Levels combine as bits.
type Level uint8

// The levels of this release.
const (
	ZoneLevel           Level = 1 << iota // the zone itself
	HostnameLevel                         // names in the zone: per-hostname TLS settings
	CustomHostnameLevel                   // custom hostnames of Cloudflare for SaaS
	CertificateLevel                      // the certificate and origin of one custom hostname, in its entry
)

// String names the level the way messages need it, in the plural.
func (l Level) String() string {
	switch l {
	case ZoneLevel:
		return "zones"
	case HostnameLevel:
		return "hostnames in a zone"
	case CustomHostnameLevel:
		return "custom hostnames"
	case CertificateLevel:
		return "single custom hostnames"
	}
	return fmt.Sprintf("level %d", uint8(l))
}

// Direction says what an edit does to protection.
type Direction string

// Directions. Changes is also the answer where two values cannot be ordered.
const (
	Strengthens Direction = "strengthens"
	Weakens     Direction = "weakens"
	Changes     Direction = "changes"
)

// Setting is one row of the table that drives validation, canonical form,
// comparison and strength. The ids and values are Cloudflare's own.
type Setting struct {
	ID     string
	Levels Level
	// Values are the accepted ones, weakest first where Ranked. Empty for
	// ciphers, which is a list with rules of its own (cipher.go), for objects,
	// which have Fields, and for Hostname.
	Values []string
	Ranked bool
	// Fields are the members of a setting that is an object. What is not written
	// of it is left as it is live (Merge).
	Fields []ObjectField
	// Hostname marks a setting whose value is a hostname, Boolean one whose value
	// is true or false.
	Hostname bool
	Boolean  bool
	// ZoneOnly are the values that a zone takes and a hostname does not.
	ZoneOnly []string
	// Default is what `default` means on a zone: the value Cloudflare documents
	// for a zone nobody touched. Empty where it depends on the plan.
	Default Value
	// ReadAlone marks a setting that the read of all zone settings leaves out.
	ReadAlone bool
}

// ObjectField is a member of a setting that is an object.
type ObjectField struct {
	Name string
	// Values are the accepted ones of a string. A member without them is a
	// boolean, or a whole number from 0 to Max where Max is set.
	Values []string
	Max    int
	// Ranked says that a higher number, or true, protects more.
	Ranked bool
}

// table lists the settings in the order in which they are printed. It is read
// only.
var table = []Setting{
	{ID: MinTLSVersion, Levels: ZoneLevel | HostnameLevel | CustomHostnameLevel, Values: []string{"1.0", "1.1", "1.2", "1.3"}, Ranked: true, Default: `"1.0"`},
	// zrt is TLS 1.3 with 0-RTT: early data can be replayed, hence below on.
	{ID: TLS13, Levels: ZoneLevel | CustomHostnameLevel, Values: []string{"off", "zrt", "on"}, Ranked: true, ZoneOnly: []string{"zrt"}},
	{ID: Ciphers, Levels: ZoneLevel | HostnameLevel | CustomHostnameLevel, Ranked: true, Default: "[]"},
	{ID: "ssl", Levels: ZoneLevel, Values: []string{"off", "flexible", "full", "strict", "origin_pull"}, Ranked: true},
	// In auto Cloudflare itself raises ssl; neither is stronger.
	{ID: "ssl_automatic_mode", Levels: ZoneLevel, Values: []string{"custom", "auto"}, Default: `"auto"`, ReadAlone: true},
	{ID: "always_use_https", Levels: ZoneLevel, Values: []string{"off", "on"}, Ranked: true, Default: `"off"`},
	{ID: "automatic_https_rewrites", Levels: ZoneLevel, Values: []string{"off", "on"}, Ranked: true},
	{ID: "opportunistic_encryption", Levels: ZoneLevel, Values: []string{"off", "on"}, Ranked: true},
	// Browsers hold to what was published for max_age seconds, whatever is
	// published later. At Cloudflare it is the setting security_header.
	{ID: HSTS, Levels: ZoneLevel, Ranked: true, Default: `{"enabled":false,"include_subdomains":false,"max_age":0,"nosniff":false,"preload":false}`, Fields: []ObjectField{
		{Name: "enabled", Ranked: true}, {Name: "max_age", Max: 10 * 365 * 86400, Ranked: true},
		{Name: "include_subdomains", Ranked: true}, {Name: "preload", Ranked: true}, {Name: "nosniff", Ranked: true},
	}},
	{ID: "opportunistic_onion", Levels: ZoneLevel, Values: []string{"off", "on"}},
	// Authenticated origin pulls with the certificate that all zones share.
	{ID: "tls_client_auth", Levels: ZoneLevel, Values: []string{"off", "on"}, Ranked: true, Default: `"off"`},
	// Authenticated origin pulls with the zone's own certificate.
	{ID: OriginPulls, Levels: ZoneLevel, Ranked: true, Default: `{"enabled":false}`, Fields: []ObjectField{{Name: "enabled", Ranked: true}}, ReadAlone: true},
	{ID: "origin_max_http_version", Levels: ZoneLevel, Values: []string{"1", "2"}, ReadAlone: true},
	{ID: UniversalSSL, Levels: ZoneLevel, Values: []string{"off", "on"}, Ranked: true, Default: `"on"`, ReadAlone: true},
	{ID: TotalTLS, Levels: ZoneLevel, Ranked: true, Default: `{"enabled":false}`, Fields: []ObjectField{
		{Name: "enabled", Ranked: true}, {Name: "certificate_authority", Values: []string{"google", "lets_encrypt", "ssl_com"}},
	}, ReadAlone: true},
	{ID: FallbackOrigin, Levels: ZoneLevel, Hostname: true, ReadAlone: true},
	{ID: "http2", Levels: ZoneLevel | HostnameLevel | CustomHostnameLevel, Values: []string{"off", "on"}},
	{ID: "http3", Levels: ZoneLevel, Values: []string{"off", "on"}},
	{ID: "early_hints", Levels: ZoneLevel | CustomHostnameLevel, Values: []string{"off", "on"}, Default: `"off"`, ReadAlone: true},
	{ID: "ssl.type", Levels: CertificateLevel, Values: []string{"dv"}},
	{ID: "ssl.method", Levels: CertificateLevel, Values: []string{"http", "txt", "email"}},
	{ID: "ssl.wildcard", Levels: CertificateLevel, Boolean: true},
	{ID: "ssl.bundle_method", Levels: CertificateLevel, Values: []string{"ubiquitous", "optimal", "force"}},
	{ID: "ssl.certificate_authority", Levels: CertificateLevel, Values: []string{"google", "lets_encrypt", "ssl_com", "digicert"}},
	{ID: "origin.server", Levels: CertificateLevel, Hostname: true},
	{ID: "origin.sni", Levels: CertificateLevel, Hostname: true},
}

// Settings that other packages speak of by name.
const (
	HSTS           = "hsts"
	OriginPulls    = "origin_pulls"
	UniversalSSL   = "universal_ssl"
	TotalTLS       = "total_tls"
	FallbackOrigin = "fallback_origin"
)

// Table is the table of settings, in the order in which they are printed.
func Table() []Setting { return slices.Clone(table) }

// LookupSetting is the row of an id.
func LookupSetting(id string) (*Setting, bool) {
	for i := range table {
		if table[i].ID == id {
			return &table[i], true
		}
	}
	return nil, false
}

// Rank is the place of a setting in the table, for sorting; unknown ids come last.
func Rank(id string) int {
	for i := range table {
		if table[i].ID == id {
			return i
		}
	}
	return len(table)
}

// On reports whether the setting exists at a level.
func (s *Setting) On(l Level) bool { return s.Levels&l != 0 }

// Accepted are the values that can be written at a level, nil for ciphers.
func (s *Setting) Accepted(l Level) []string {
	if l == ZoneLevel {
		return slices.Clone(s.Values)
	}
	return slices.DeleteFunc(slices.Clone(s.Values), func(v string) bool { return slices.Contains(s.ZoneOnly, v) })
}

// accepts reports whether a value can be written at a level.
func (s *Setting) accepts(value string, l Level) bool {
	return slices.Contains(s.Values, value) && (l == ZoneLevel || !slices.Contains(s.ZoneOnly, value))
}

// Canonical is the comparable form of a value as Cloudflare reports it (raw is
// JSON). Null, and on hostnames an empty string, is Inherit. A value that the
// table does not know stays what it is, compacted: live state is never bent to
// fit.
func (s *Setting) Canonical(raw []byte, l Level) Value {
	v := Value(compact(raw))
	switch {
	case len(s.Fields) > 0 && s.Default != "" && (v == "" || v == Inherit):
		return s.Default // nobody has ever set it
	case v == "" || v == Inherit:
		return Inherit
	case v == `""` && l != ZoneLevel:
		return Inherit
	case s.ID == Ciphers:
		if list := v.List(); list != nil {
			return canonicalCiphers(list, l)
		}
	case len(s.Fields) > 0:
		return s.onlyFields(v)
	}
	return v
}

// onlyFields leaves of an object what the table knows and what has a value.
func (s *Setting) onlyFields(v Value) Value {
	m := v.members()
	if m == nil {
		return v
	}
	for name, raw := range m {
		known := slices.ContainsFunc(s.Fields, func(f ObjectField) bool { return f.Name == name })
		if !known || string(raw) == "null" || string(raw) == `""` {
			delete(m, name)
		}
	}
	for name, raw := range s.Default.members() {
		if _, ok := m[name]; !ok {
			m[name] = raw
		}
	}
	return s.objectOf(m)
}

// objectOf is the Value of an object of the setting. Who issues the certificates
// of Total TLS means nothing while it is off, and is not reported then.
func (s *Setting) objectOf(m map[string]json.RawMessage) Value {
	if s.ID == TotalTLS && string(m["enabled"]) != "true" {
		delete(m, "certificate_authority")
	}
	return objectValue(m)
}

// Met reports whether a value that was found is the one asked for. Of an object
// only the members that are asked for count: Cloudflare adds others by itself.
func (s *Setting) Met(found, asked Value) bool {
	return found == asked || found != Inherit && s.Merge(found, asked) == found
}

// Merge is what a setting comes to when a value is asked for over the live one.
// Of an object, members that are not asked for stay as they are; every other
// value is the one asked for.
func (s *Setting) Merge(live, asked Value) Value {
	over, under := asked.members(), live.members()
	if len(s.Fields) == 0 || over == nil || under == nil {
		return asked
	}
	for name, raw := range over {
		under[name] = raw
	}
	return s.objectOf(under)
}

// Compare says what going from one effective value to another does. A value
// that the table does not rank makes it Changes.
func (s *Setting) Compare(from, to Value) Direction {
	if !s.Ranked || from == to {
		return Changes
	}
	if s.ID == Ciphers {
		return compareCiphers(from, to)
	}
	if len(s.Fields) > 0 {
		return s.compareObjects(from, to)
	}
	a, b := slices.Index(s.Values, from.Text()), slices.Index(s.Values, to.Text())
	switch {
	case a < 0 || b < 0:
		return Changes
	case b > a:
		return Strengthens
	default:
		return Weakens
	}
}

// Known reports whether a value, in canonical form, is one that the configuration can
// ask for at some level.
func (s *Setting) Known(v Value) bool {
	if s.ID == Ciphers {
		l := v.List()
		return l != nil && !slices.ContainsFunc(l, func(name string) bool { _, ok := LookupSuite(name); return !ok })
	}
	return slices.Contains(s.Values, v.Text())
}

// Meets reports whether an effective value is no weaker than a limit. A list of
// cipher suites meets one that has all of its suites: what a policy names is what
// may be offered, whatever else is as strong. What cannot be ordered does not meet
// a limit, since nothing proves that it does.
func (s *Setting) Meets(limit, value Value) bool {
	if s.ID == Ciphers {
		within, have := admitted(limit), admitted(value)
		return within != nil && have != nil && len(minus(have, within)) == 0
	}
	return value == limit || s.Compare(limit, value) == Strengthens
}

// compareObjects orders two objects by their ranked members: one that protects
// more in some and less in others is neither stronger nor weaker.
func (s *Setting) compareObjects(from, to Value) Direction {
	a, b := from.members(), to.members()
	up, down := false, false
	for _, f := range s.Fields {
		if !f.Ranked {
			continue
		}
		x, y := rankOf(a[f.Name]), rankOf(b[f.Name])
		up, down = up || y > x, down || y < x
	}
	switch {
	case up && !down:
		return Strengthens
	case down && !up:
		return Weakens
	}
	return Changes
}

// rankOf is how much a boolean or a number protects; what is missing is least.
func rankOf(raw json.RawMessage) float64 {
	var n float64
	switch {
	case string(raw) == "true":
		return 1
	case json.Unmarshal(raw, &n) != nil:
		return 0
	}
	return n
}
