package plan

import (
	"slices"
	"strconv"
	"strings"

	"tlsync/schema"
)

// Live is the state at Cloudflare of the zones and accounts that a configuration
// reaches. It is plain data: engine/cloudflare reads it from the API, engine/snapshot
// from a file.
type Live struct {
	// Zones are sorted by name, then account id.
	Zones []Zone
	// Accounts are the accounts that have objects which the configuration manages,
	// sorted by name, then id.
	Accounts []LiveAccount
	// Problems report the zones and accounts that could not be found or read. A zone
	// that is not in Zones is never written.
	Problems []Finding
	// Reads is the number of requests of the reading, without retries.
	Reads int
}

// Zone is a live zone.
type Zone struct {
	ID      string
	Name    string // canonical: lower case, A-labels
	Account Account
	// Settings are the settings that were read, in the order of the table. Settings
	// that the configuration does not need may be missing.
	Settings []Setting
	// Unreadable has the needed settings that could not be read, and why.
	Unreadable map[string]string
	// Lacking has the needed settings that the zone's plan or a missing entitlement
	// does not allow to read or write, and why. The id of the per-hostname form of a
	// setting is PerHostname.
	Lacking map[string]string
	// CustomHostnames are the custom hostnames, sorted by name; nil if they were not
	// read.
	CustomHostnames []Hostname
	// Hostnames are the hostnames in the zone that have settings of their own
	// (per-hostname TLS settings), sorted by name, with the settings that were read.
	// HostnameSettings names these.
	Hostnames        []Hostname
	HostnameSettings []string
	// FallbackStatus is the state of the fallback origin: "active",
	// "initializing", … It is empty if there is none or if it was not read.
	FallbackStatus string
	// OriginCertificates are the zone's certificates for origin pulls, the
	// newest first, without those that are being deleted.
	OriginCertificates []OriginCertificate
}

// OriginCertificate is a client certificate that Cloudflare shows to origins.
type OriginCertificate struct {
	ID     string
	SHA256 string // of the certificate, 64 hexadecimal digits; empty if it cannot be parsed
	Status string // "active", "pending_deployment", …
}

// PerHostname returns the id of the per-hostname form of a setting in Zone.Unreadable
// and Zone.Lacking.
func PerHostname(setting string) string { return "hostnames/" + setting }

// Account is the account that holds a zone.
type Account struct{ ID, Name string }

// Setting is one live setting.
type Setting struct {
	ID    string       // Cloudflare's
	Raw   string       // the value as read, JSON
	Value schema.Value // canonical
	// Locked says that the plan or an entitlement does not allow a change
	// ("editable": false). It is used for settings of zones only.
	Locked bool
}

// Hostname is a live custom hostname, or a hostname in the zone if InZone is set.
type Hostname struct {
	ID        string
	Name      string // canonical
	Status    string // "active", "pending", "moved", …
	SSL       bool   // false if ssl is null or absent: there is nothing to set
	SSLStatus string
	Type      string // ssl.type, "dv"
	Method    string // ssl.method; Cloudflare may change it by itself
	Wildcard  bool
	// Uploaded says that the certificate was uploaded. A PATCH must then contain its
	// private key, which the API never returns.
	Uploaded bool
	// Expires is when the certificate expires, RFC 3339 as Cloudflare says it. It is empty if
	// Cloudflare does not, which documents it for uploaded certificates only.
	Expires string
	// Keys are the kinds of keys of an uploaded certificate, 0 if they are not known.
	// Cloudflare's own certificates come as a pair of both kinds.
	Keys     schema.Keys
	Metadata map[string]string
	// Settings are all keys of ssl.settings, sorted by id. They include keys that
	// tlsync does not know, because a PATCH replaces the whole object.
	Settings []Setting
	// BundleMethod, Authority, OriginServer and OriginSNI are
	// ssl.bundle_method, ssl.certificate_authority, custom_origin_server and
	// custom_origin_sni. They are empty if there is no value.
	BundleMethod, Authority, OriginServer, OriginSNI string
	// InZone marks a hostname in the zone itself, with per-hostname settings. It has
	// only a Name and Settings.
	InZone bool
}

// Lookup returns the setting with an id, and whether there is one.
func Lookup(settings []Setting, id string) (Setting, bool) {
	for _, s := range settings {
		if s.ID == id {
			return s, true
		}
	}
	return Setting{}, false
}

// Own returns the hostname's own value of a setting, or Inherit if it has none. The
// settings of its certificate and its origin ("ssl.method", …) are settings too.
func (h *Hostname) Own(id string) schema.Value {
	if OfCertificate(id) {
		return h.certificate(id)
	}
	if s, ok := Lookup(h.Settings, id); ok {
		return s.Value
	}
	return schema.Inherit
}

// certificate returns the value of a setting of the certificate or of the origin.
func (h *Hostname) certificate(id string) schema.Value {
	text := func(s string) schema.Value {
		if s == "" {
			return schema.Inherit
		}
		return schema.StringValue(s)
	}
	switch id {
	case "ssl.type":
		return text(h.Type)
	case "ssl.method":
		return text(h.Method)
	case "ssl.wildcard":
		return schema.Value(strconv.FormatBool(h.Wildcard))
	case "ssl.bundle_method":
		return text(h.BundleMethod)
	case "ssl.certificate_authority":
		return text(h.Authority)
	case "origin.server":
		return text(h.OriginServer)
	case "origin.sni":
		return text(h.OriginSNI)
	}
	return schema.Inherit
}

// Value returns the zone's value of a setting, and whether it was read.
func (z *Zone) Value(id string) (schema.Value, bool) {
	s, ok := Lookup(z.Settings, id)
	return s.Value, ok
}

// ReadPerHostname reports whether it is known which hostnames of the zone have a value of
// their own of a setting: it was read, or the zone cannot have any.
func (z *Zone) ReadPerHostname(setting string) bool {
	_, lacking := z.Lacking[PerHostname(setting)]
	return lacking || slices.Contains(z.HostnameSettings, setting)
}

// FindHostname looks up a hostname by name in a sorted list. It returns the first of
// several with that name, as slices.BinarySearch does.
func FindHostname(sorted []Hostname, name string) (int, bool) {
	return slices.BinarySearchFunc(sorted, name, func(h Hostname, n string) int { return strings.Compare(h.Name, n) })
}

// Is reports whether a live certificate is the one that a configuration names.
func (c *OriginCertificate) Is(want *schema.OriginCertificate) bool {
	return c.ID == want.ID && want.ID != "" || c.SHA256 == want.SHA256 && want.SHA256 != ""
}

// ZoneRef returns the Ref of a zone by its index.
func (l *Live) ZoneRef(i int) Ref {
	r := ZoneRef(l.Zones[i].Name)
	same := func(j int) bool { return j >= 0 && j < len(l.Zones) && l.Zones[j].Name == l.Zones[i].Name }
	if same(i-1) || same(i+1) {
		r.Account = l.Zones[i].Account.ID
	}
	return r
}

// AccountRef returns the Ref of an account by its index.
func (l *Live) AccountRef(i int) Ref {
	r := AccountRef(l.Accounts[i].Name)
	same := func(j int) bool { return j >= 0 && j < len(l.Accounts) && l.Accounts[j].Name == l.Accounts[i].Name }
	if same(i-1) || same(i+1) {
		r.Account += "@" + l.Accounts[i].ID
	}
	return r
}

// FallbackPending reports whether the fallback origin is on its way to a value or away
// from one: Cloudflare then refuses to change it.
func (z *Zone) FallbackPending() bool {
	switch z.FallbackStatus {
	case "initializing", "pending_deployment", "pending_deletion":
		return true
	}
	return false
}
