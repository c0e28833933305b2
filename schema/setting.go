package schema

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Level is a place where a setting can be set. Levels combine as bits.
type Level uint8

// The levels.
const (
	ZoneLevel           Level = 1 << iota // the zone itself
	HostnameLevel                         // names in the zone: per-hostname TLS settings
	CustomHostnameLevel                   // custom hostnames of Cloudflare for SaaS
	CertificateLevel                      // the certificate and origin of one custom hostname, in its entry
)

// String names the level for messages, in the plural.
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

// Direction says whether an edit makes a name more or less secure.
type Direction string

// The directions. Changes also stands for two values that cannot be ordered.
const (
	Strengthens Direction = "strengthens"
	Weakens     Direction = "weakens"
	Changes     Direction = "changes"
)

// Setting is a row of the table that drives validation, canonical form,
// comparison and strength. Ids and values are Cloudflare's own.
type Setting struct {
	ID     string
	Levels Level
	// Values are the accepted values, weakest first if Ranked. They are empty for
	// ciphers (a list; see cipher.go), for objects (see Fields) and for hostnames.
	Values []string
	Ranked bool
	// Fields are the members of a setting that is an object. Members that the
	// configuration does not write keep their live value; see Merge.
	Fields []ObjectField
	// Hostname marks a setting whose value is a hostname, Boolean one whose value
	// is true or false.
	Hostname bool
	Boolean  bool
	// ZoneOnly are values that zones accept and hostnames do not.
	ZoneOnly []string
	// Default is the meaning of `default` on a zone: the value that Cloudflare
	// documents for a new zone. It is empty if that depends on the zone's plan.
	Default Value
	// ReadAlone marks a setting that is not part of the batch read of all zone
	// settings.
	ReadAlone bool
}

// ObjectField is a member of a setting that is an object.
type ObjectField struct {
	Name string
	// Values are the accepted values of a string. A member without Values is a
	// boolean, or a whole number from 0 to Max if Max is set.
	Values []string
	Max    int
	// Ranked means that true, or a higher number, protects more.
	Ranked bool
}

// table lists the settings in the order in which they are printed. It is read
// only.
var table = []Setting{
	{ID: MinTLSVersion, Levels: ZoneLevel | HostnameLevel | CustomHostnameLevel, Values: []string{"1.0", "1.1", "1.2", "1.3"}, Ranked: true, Default: `"1.0"`},
	// zrt is TLS 1.3 with 0-RTT. Early data can be replayed, so zrt ranks below on.
	{ID: TLS13, Levels: ZoneLevel | CustomHostnameLevel, Values: []string{"off", "zrt", "on"}, Ranked: true, ZoneOnly: []string{"zrt"}},
	{ID: Ciphers, Levels: ZoneLevel | HostnameLevel | CustomHostnameLevel, Ranked: true, Default: "[]"},
	{ID: "ssl", Levels: ZoneLevel, Values: []string{"off", "flexible", "full", "strict", "origin_pull"}, Ranked: true},
	// In auto mode Cloudflare raises ssl by itself. Neither value is stronger.
	{ID: "ssl_automatic_mode", Levels: ZoneLevel, Values: []string{"custom", "auto"}, Default: `"auto"`, ReadAlone: true},
	{ID: "always_use_https", Levels: ZoneLevel, Values: []string{"off", "on"}, Ranked: true, Default: `"off"`},
	{ID: "automatic_https_rewrites", Levels: ZoneLevel, Values: []string{"off", "on"}, Ranked: true},
	{ID: "opportunistic_encryption", Levels: ZoneLevel, Values: []string{"off", "on"}, Ranked: true},
	// Browsers apply a published header for max_age seconds, whatever is published
	// later. Cloudflare calls this setting security_header.
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

// The ids of settings with rules of their own.
const (
	HSTS           = "hsts"
	OriginPulls    = "origin_pulls"
	UniversalSSL   = "universal_ssl"
	TotalTLS       = "total_tls"
	FallbackOrigin = "fallback_origin"
)

// Table returns the table of settings, in the order in which they are printed.
func Table() []Setting { return slices.Clone(table) }

// LookupSetting returns the row of an id.
func LookupSetting(id string) (*Setting, bool) {
	for i := range table {
		if table[i].ID == id {
			return &table[i], true
		}
	}
	return nil, false
}

// Rank returns the position of a setting in the table, for sorting. Unknown ids
// come last.
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

// Accepted returns the values that can be written at a level, nil for ciphers.
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

// Canonical returns the comparable form of a value that Cloudflare reports as
// JSON. Null is Inherit, and on hostnames so is an empty string. A value that
// the table does not know is compacted and otherwise kept, so that comparisons
// see the live state as it is.
func (s *Setting) Canonical(raw []byte, l Level) Value {
	v := Value(compact(raw))

	switch {
	case len(s.Fields) > 0 && s.Default != "" && (v == "" || v == Inherit):
		return s.Default // it has never been set
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

// onlyFields keeps the members of an object that the table knows and that have a
// value, and adds the defaults.
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

// objectOf returns the Value of an object of this setting. It drops the
// certificate authority of a disabled Total TLS: it has no meaning then, and
// Cloudflare does not report it.
func (s *Setting) objectOf(m map[string]json.RawMessage) Value {
	if s.ID == TotalTLS && string(m["enabled"]) != "true" {
		delete(m, "certificate_authority")
	}
	return objectValue(m)
}

// Met reports whether a live value satisfies the one that the configuration asks
// for. Only the members of an object that the configuration writes count:
// Cloudflare adds others by itself.
func (s *Setting) Met(found, asked Value) bool {
	return found == asked || found != Inherit && s.Merge(found, asked) == found
}

// Merge returns the value that a setting gets when the configuration asks for a
// value over the live one. Members of an object that the configuration does not
// write keep their live value. Any other value is replaced.
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

// Compare returns the direction of a change from one effective value to another.
// It is Changes if the table does not rank one of them.
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

// OnTheWay reports whether a move from one value to another leads towards a goal and
// not beyond it.
func (s *Setting) OnTheWay(from, to, goal Value) bool {
	d := s.Compare(from, to)
	return d != Changes && s.Compare(from, goal) == d && (to == goal || s.Compare(to, goal) == d)
}

// Known reports whether the configuration can ask for a canonical value at some
// level.
func (s *Setting) Known(v Value) bool {
	if s.ID == Ciphers {
		l := v.List()
		return l != nil && !slices.ContainsFunc(l, func(name string) bool { _, ok := LookupSuite(name); return !ok })
	}
	return slices.Contains(s.Values, v.Text())
}

// Meets reports whether an effective value is no weaker than a limit. A list of
// cipher suites meets a limit that contains all of its suites: a policy names
// the suites that may be offered, and other suites do not qualify by being as
// strong. Values that cannot be ordered do not meet a limit, because nothing
// proves that they do.
func (s *Setting) Meets(limit, value Value) bool {
	if s.ID == Ciphers {
		within, have := admitted(limit), admitted(value)
		return within != nil && have != nil && len(minus(have, within)) == 0
	}
	return value == limit || s.Compare(limit, value) == Strengthens
}

// compareObjects orders two objects by their ranked members. An object that
// protects more in one member and less in another is neither stronger nor
// weaker.
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

// rankOf returns how much a boolean or a number protects. A missing value
// protects least.
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

// AnyLevel are the levels that have blocks of settings.
const AnyLevel = ZoneLevel | HostnameLevel | CustomHostnameLevel
