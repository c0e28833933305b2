package schema

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Value is a setting's value as canonical JSON text, so that equal means ==:
// "1.2" with its quotes, a list of cipher suites, or Inherit.
type Value string

// Inherit says that an object has no value of its own and the zone's applies.
const Inherit Value = "null"

// MarshalJSON writes the text itself; the zero Value is null.
func (v Value) MarshalJSON() ([]byte, error) {
	if v == "" {
		return []byte("null"), nil
	}
	return []byte(v), nil
}

// UnmarshalJSON keeps the text, compacted.
func (v *Value) UnmarshalJSON(b []byte) error {
	*v = Value(compact(b))
	return nil
}

// Text is the value as people write it: without quotes where it is a string.
func (v Value) Text() string {
	var s string
	if json.Unmarshal([]byte(v), &s) == nil && v != Inherit {
		return s
	}
	return string(v)
}

// List is the value as a list of strings, nil if it is none.
func (v Value) List() []string {
	var l []string
	if json.Unmarshal([]byte(v), &l) != nil {
		return nil
	}
	return l
}

// StringValue is the Value of a string.
func StringValue(s string) Value { return Value(quote(s)) }

// ListValue is the Value of a list of strings; nil is the empty list.
func ListValue(l []string) Value {
	if len(l) == 0 {
		return "[]"
	}
	parts := make([]string, len(l))
	for i, s := range l {
		parts[i] = quote(s)
	}
	return Value("[" + strings.Join(parts, ",") + "]")
}

// Level is where a setting can live. Levels combine as bits.
type Level uint8

// The levels of this release.
const (
	ZoneLevel           Level = 1 << iota // the zone itself
	HostnameLevel                         // names in the zone: per-hostname TLS settings
	CustomHostnameLevel                   // custom hostnames of Cloudflare for SaaS
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
	// ciphers, which is a list with rules of its own (cipher.go).
	Values []string
	Ranked bool
	// ZoneOnly are the values that a zone takes and a hostname does not.
	ZoneOnly []string
	// Default is what `default` means on a zone: the value Cloudflare documents
	// for a zone nobody touched. Empty where it depends on the plan.
	Default Value
	// ReadAlone marks a setting that the read of all zone settings leaves out.
	ReadAlone bool
}

// table lists the settings in the order in which they are printed. It is read
// only.
var table = []Setting{
	{ID: "min_tls_version", Levels: ZoneLevel | HostnameLevel | CustomHostnameLevel, Values: []string{"1.0", "1.1", "1.2", "1.3"}, Ranked: true, Default: `"1.0"`},
	// zrt is TLS 1.3 with 0-RTT: early data can be replayed, hence below on.
	{ID: "tls_1_3", Levels: ZoneLevel | CustomHostnameLevel, Values: []string{"off", "zrt", "on"}, Ranked: true, ZoneOnly: []string{"zrt"}},
	{ID: Ciphers, Levels: ZoneLevel | HostnameLevel | CustomHostnameLevel, Ranked: true, Default: "[]"},
	{ID: "ssl", Levels: ZoneLevel, Values: []string{"off", "flexible", "full", "strict", "origin_pull"}, Ranked: true},
	// In auto Cloudflare itself raises ssl; neither is stronger.
	{ID: "ssl_automatic_mode", Levels: ZoneLevel, Values: []string{"custom", "auto"}, Default: `"auto"`, ReadAlone: true},
	{ID: "always_use_https", Levels: ZoneLevel, Values: []string{"off", "on"}, Ranked: true, Default: `"off"`},
	{ID: "automatic_https_rewrites", Levels: ZoneLevel, Values: []string{"off", "on"}, Ranked: true},
	{ID: "opportunistic_encryption", Levels: ZoneLevel, Values: []string{"off", "on"}, Ranked: true},
	{ID: "http2", Levels: ZoneLevel | HostnameLevel | CustomHostnameLevel, Values: []string{"off", "on"}},
	{ID: "http3", Levels: ZoneLevel, Values: []string{"off", "on"}},
	{ID: "early_hints", Levels: ZoneLevel | CustomHostnameLevel, Values: []string{"off", "on"}, Default: `"off"`, ReadAlone: true},
}

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
	case v == "" || v == Inherit:
		return Inherit
	case v == `""` && l != ZoneLevel:
		return Inherit
	case s.ID == Ciphers:
		if list := v.List(); list != nil {
			return canonicalCiphers(list, l)
		}
	}
	return v
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

// quote is a string as JSON text.
func quote(s string) string {
	if plain(s) {
		return `"` + s + `"` // what nearly every value is, and much cheaper
	}
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string always marshals
	}
	return string(b)
}

// plain reports whether a string stands for itself in JSON text.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || strings.IndexByte(`"\<>&`, c) >= 0 {
			return false
		}
	}
	return true
}

func compact(b []byte) string {
	b = []byte(strings.TrimSpace(string(b)))
	if len(b) == 0 || (b[0] != '[' && b[0] != '{') {
		return string(b)
	}
	var v any
	if json.Unmarshal(b, &v) != nil {
		return string(b)
	}
	out, err := json.Marshal(v)
	if err != nil {
		return string(b)
	}
	return string(out)
}
