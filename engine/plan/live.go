package plan

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"tlsync/schema"
)

// Live is what Cloudflare says now, for the zones the configuration reaches.
// It is plain data: engine/cloudflare fills it, a snapshot could too.
type Live struct {
	// Zones are sorted by name, then account id.
	Zones []Zone
	// Accounts are those whose own objects the configuration manages, sorted by
	// name, then id.
	Accounts []LiveAccount
	// Problems are zones that could not be found or read, as findings. What is
	// not in Zones is never written.
	Problems []Finding
	// Reads is how many requests the reading took, retries not counted.
	Reads int
}

// Zone is a live zone.
type Zone struct {
	ID      string
	Name    string // canonical: lower case, A-labels
	Account Account
	// Settings are those that were read, sorted by the table of settings. One
	// that the configuration does not need may be missing.
	Settings []Setting
	// Unreadable names settings that were needed and could not be read, and why.
	Unreadable map[string]string
	// Lacking names settings that were needed and that the zone's plan, or an
	// entitlement that it has not, keeps from being read or written, and why. The
	// per-hostname form of a setting has the id PerHostname gives.
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
	// "initializing", … Empty where there is none or it was not read.
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

// PerHostname is the id under which the per-hostname form of a setting is listed
// in Zone.Unreadable and Zone.Lacking.
func PerHostname(setting string) string { return "hostnames/" + setting }

// Account is the account that holds a zone.
type Account struct{ ID, Name string }

// Setting is one live setting.
type Setting struct {
	ID    string       // Cloudflare's
	Raw   string       // the value as read, JSON
	Value schema.Value // canonical
	// Locked is set where Cloudflare says that the plan or an entitlement does
	// not allow a change ("editable": false). Zones only.
	Locked bool
}

// Hostname is a live custom hostname.
type Hostname struct {
	ID        string
	Name      string // canonical
	Status    string // "active", "pending", "moved", …
	SSL       bool   // false where ssl is null or absent: there is nothing to set
	SSLStatus string
	Type      string // ssl.type, "dv"
	Method    string // ssl.method; Cloudflare may change it by itself
	Wildcard  bool
	// Uploaded is set where the certificate was uploaded: a PATCH must then
	// carry its private key, which the API never returns.
	Uploaded bool
	// Keys are the kinds of keys that an uploaded certificate has; zero where that
	// is not known. Cloudflare's own certificates come as a pair of both kinds.
	Keys     schema.Keys
	Metadata map[string]string
	// Settings are all keys of ssl.settings, sorted by id, those that tlsync
	// does not know included: a PATCH replaces the object as a whole.
	Settings []Setting
	// BundleMethod, Authority, OriginServer and OriginSNI are
	// ssl.bundle_method, ssl.certificate_authority, custom_origin_server and
	// custom_origin_sni; empty where there is none.
	BundleMethod, Authority, OriginServer, OriginSNI string
	// InZone marks a name in the zone itself, with per-hostname settings: it has
	// a Name and Settings and nothing else.
	InZone bool
}

// LiveAccount is what an account has of the kinds that the configuration manages
// there.
type LiveAccount struct {
	Account
	// Certificates are the certificate authorities of Access (KindMTLSCertificate),
	// Applications its applications (KindAccessApplication), Alerts the
	// notification policies (KindAlert), each sorted by name, then id. All of the
	// account are here, other people's too.
	Certificates, Applications, Alerts []Resource
	// Forwarding is the one object that says for which hostnames the client
	// certificate is forwarded (KindMTLSHostname).
	Forwarding Resource
	// AlertTypes are the alert types that the account may use; nil if unknown.
	AlertTypes []string
	// Webhooks and PagerDuty are the destinations that alerts may name.
	Webhooks, PagerDuty []Destination
	// Unreadable says why the objects of a kind could not be read; those of kinds
	// that are not in it, and were asked for, were.
	Unreadable map[Kind]string
}

// Resource is a live object of an account, or one that a change is to make.
type Resource struct {
	ID   string // Cloudflare's
	Name string
	// Fields are what plans compare, canonical, by the names below; one that has
	// no value is missing.
	Fields map[string]schema.Value
	// Rest is the object as read, JSON, so that a write that replaces it keeps
	// what plans know nothing of.
	Rest string
}

// Value is a field of a resource, Inherit where it has none.
func (r *Resource) Value(field string) schema.Value {
	if v, ok := r.Fields[field]; ok {
		return v
	}
	return schema.Inherit
}

// The fields of resources.
const (
	// Of a certificate: the MD5 fingerprint that Cloudflare reports, as 32
	// hexadecimal digits in lower case; the names that it is associated with, a
	// sorted list; and when it expires, RFC 3339, which is never edited.
	FieldFingerprint = "fingerprint"
	FieldHostnames   = "associated_hostnames"
	FieldExpires     = "expires_on"
	// Of an application: its domain, and who is let in: PolicyCertificate,
	// PolicyNone or PolicyOther.
	FieldDomain = "domain"
	FieldPolicy = "policy"
	// Of an alert. The mechanisms are sorted lists: of addresses, and of ids of
	// destinations. Absent and empty lists are the same and are missing.
	FieldEnabled     = "enabled"
	FieldAlertType   = "alert_type"
	FieldDescription = "description"
	FieldEmail       = "email"
	FieldWebhooks    = "webhooks"
	FieldPagerDuty   = "pagerduty"
	// Of a certificate for origin pulls: its SHA-256 fingerprint, 64 hexadecimal
	// digits in lower case.
	FieldSHA256 = "sha256"
)

// Values of FieldPolicy.
const (
	// PolicyCertificate: there is a policy, and every one has the decision
	// non_identity and includes only rules that demand a client certificate.
	PolicyCertificate schema.Value = `"certificate"`
	PolicyNone        schema.Value = `"none"`  // no policy: Access lets nobody in
	PolicyOther       schema.Value = `"other"` // anything else
)

// FieldForwarding is the field of LiveAccount.Forwarding for a hostname: "on" or
// missing.
func FieldForwarding(hostname string) string { return "client_certificate_forwarding " + hostname }

// Destination is where alerts can go.
type Destination struct{ ID, Name string }

// Lookup is the live setting of an id.
func Lookup(settings []Setting, id string) (Setting, bool) {
	for _, s := range settings {
		if s.ID == id {
			return s, true
		}
	}
	return Setting{}, false
}

// Own is the hostname's own value of a setting, Inherit where it has none. It
// also knows the settings of its certificate and origin ("ssl.method", …).
func (h *Hostname) Own(id string) schema.Value {
	if OfCertificate(id) {
		return h.certificate(id)
	}
	if s, ok := Lookup(h.Settings, id); ok {
		return s.Value
	}
	return schema.Inherit
}

// certificate is the value of a setting of the certificate or the origin.
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

// Value is the zone's value of a setting, and whether it was read.
func (z *Zone) Value(id string) (schema.Value, bool) {
	s, ok := Lookup(z.Settings, id)
	return s.Value, ok
}

// Object is what one change writes, as read: one of Setting, Hostname and
// Resource is set, or Absent.
type Object struct {
	Setting  *Setting  // of a zone, or of a name in it
	Hostname *Hostname // a custom hostname
	Resource *Resource // of an account
	// Absent says that there is no such object.
	Absent bool
	// Pending is the state of an object that stands as it should but is not in
	// effect yet, and on which later changes have to wait; empty otherwise.
	Pending string
	// At is when it was read; where it was read in several requests, the first.
	At time.Time
}

func FindHostname(sorted []Hostname, name string) (int, bool) {
	return slices.BinarySearchFunc(sorted, name, func(h Hostname, n string) int { return strings.Compare(h.Name, n) })
}

func EditOf(edits []Edit, id string) *Edit {
	for i := range edits {
		if edits[i].Setting == id {
			return &edits[i]
		}
	}
	return nil
}

// DomainOf is the domain of an application, which is a hostname alone where it
// can be the configuration's.
func DomainOf(app *Resource) string { return strings.ToLower(TextOf(app.Value(FieldDomain))) }

// TextOf is a string, empty for no value.
func TextOf(v schema.Value) string {
	if v == schema.Inherit {
		return ""
	}
	return v.Text()
}

// ListField is a list as fields have it: an empty one is no value.
func ListField(l []string) schema.Value {
	if len(l) == 0 {
		return schema.Inherit
	}
	return schema.ListValue(l)
}

// Is reports whether a live certificate is the one asked for.
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
