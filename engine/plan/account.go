package plan

import (
	"strings"
	"unicode/utf8"

	"tlsync/schema"
)

// LiveAccount has the objects of an account, of the kinds that the configuration
// manages there.
type LiveAccount struct {
	Account
	// Certificates are the certificate authorities of Access (KindMTLSCertificate),
	// Applications its applications (KindAccessApplication), Alerts the
	// notification policies (KindAlert), each sorted by name, then id. They include
	// objects that the configuration does not manage.
	Certificates, Applications, Alerts []Resource
	// Forwarding is the object that lists the hostnames for which the client
	// certificate is forwarded (KindMTLSHostname). An account has one.
	Forwarding Resource
	// AlertTypes are the alert types that the account may use; nil if unknown.
	AlertTypes []string
	// Webhooks and PagerDuty are the destinations that alerts may name.
	Webhooks, PagerDuty []Destination
	// Unreadable has the needed kinds whose objects could not be read, and why.
	Unreadable map[Kind]string
	// Kept says what a snapshot holds of the account.
	Kept Kept
}

// Kept says which objects of an account a snapshot holds: those that a configuration named.
// Nothing is known of any other.
type Kept struct {
	// Partial is set in a snapshot. A reading of the account has all its objects.
	Partial bool
	// Alerts are names; Webhooks and PagerDuty are names or ids.
	Alerts, Webhooks, PagerDuty []string
	// Entries are those of the mTLS block, Hostnames and Fingerprints are theirs.
	Entries, Hostnames, Fingerprints []string
}

// LeftOut says of an object that nothing is known of it.
const LeftOut = "not in the snapshot, which holds only what the configuration managed when it was taken"

// Resource is a live object of an account, or one that a change is to make.
type Resource struct {
	ID   string // Cloudflare's
	Name string
	// Fields has the canonical values that plans compare, by the names below. A field
	// without a value is missing.
	Fields map[string]schema.Value
	// Rest is the object as read, JSON. A write that replaces the object keeps the
	// members that plans do not know.
	Rest string
}

// Value returns a field of a resource, or Inherit if it has no value.
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
	// Of an application: its domain, and whom it admits: PolicyCertificate,
	// PolicyNone or PolicyOther.
	FieldDomain = "domain"
	FieldPolicy = "policy"
	// Of an alert. The mechanisms are sorted lists of addresses, or of ids of
	// destinations. An empty list is missing, like an absent one.
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
	PolicyNone        schema.Value = `"none"`  // no policy: Access admits nobody
	PolicyOther       schema.Value = `"other"` // anything else
)

// FieldForwarding returns the field of LiveAccount.Forwarding for a hostname. Its value
// is "on", or missing.
func FieldForwarding(hostname string) string { return "client_certificate_forwarding " + hostname }

// Destination is a target for alerts.
type Destination struct{ ID, Name string }

// ApplicationName returns the name of the application that an entry of the mTLS block has
// for a hostname. The name of the entry is cut so that the whole is no longer than the name
// of a certificate may be.
func ApplicationName(entry, hostname string) string {
	const most = 350
	for room := most - len(": "+hostname); utf8.RuneCountInString(entry) > room; {
		_, size := utf8.DecodeLastRuneInString(entry)
		entry = entry[:len(entry)-size]
	}
	return entry + ": " + hostname
}

// CertificateOf reports whether a certificate authority belongs to an entry of the mTLS
// block by its name: the name of the entry, or that and the start of a fingerprint.
func CertificateOf(name, entry string) bool {
	rest, ok := strings.CutPrefix(name, entry)
	return ok && (rest == "" || len(rest) == 9 && rest[0] == ' ' && strings.Trim(rest[1:], "0123456789abcdef") == "")
}

// DomainOf returns the domain of an application in lower case. A configuration names
// only hostnames; other domains have a path.
func DomainOf(app *Resource) string { return strings.ToLower(TextOf(app.Value(FieldDomain))) }

// TextOf returns the text of a value, and "" for Inherit.
func TextOf(v schema.Value) string {
	if v == schema.Inherit {
		return ""
	}
	return v.Text()
}

// ListField returns a list as the value of a field, and Inherit for an empty list.
func ListField(l []string) schema.Value {
	if len(l) == 0 {
		return schema.Inherit
	}
	return schema.ListValue(l)
}
