// Package schema is what people write: the configuration as plain data, with the place
// of every value in its file, and Cloudflare's vocabulary of TLS settings.
//
// The table of settings lists the values of each setting, their canonical form,
// and the weaker of two values. Handshake knows how the minimum, TLS 1.3,
// ciphers and keys work together. A Selector decides which settings the
// configuration asks of a custom hostname. Package load reads the files.
package schema

import "time"

// Desired is the whole configuration: the content of all documents, with
// profiles expanded and every value in canonical form. It is plain data.
// plan.Resolve decides which live objects it applies to.
type Desired struct {
	Policy   Policy
	Accounts []Account
	// Zones are in the order in which they were read: tlsync.yaml first, then the
	// included files by name, each file from top to bottom. Patterns and single
	// zones are mixed; patterns come first in the cascade.
	Zones []Zone
	// Digest is "sha256:…" over the names and contents of the files. Line endings
	// count as LF, so that a checkout with CRLF is the same configuration.
	Digest string
}

// Manages reports whether the configuration manages anything at all.
func (d *Desired) Manages() bool {
	for i := range d.Zones {
		z := &d.Zones[i]
		if len(z.Settings) > 0 || len(z.Hostnames) > 0 || len(z.OriginCertificates) > 0 || z.CustomHostnames.Written() {
			return true
		}
	}
	for i := range d.Accounts {
		if d.Accounts[i].Manages() {
			return true
		}
	}
	return false
}

// Account is an account document.
type Account struct {
	// Name is the account's name or 32-digit id.
	Name Field[string]
	// APITokenEnv names the environment variable that holds this account's
	// token. If it is not set, that is CLOUDFLARE_API_TOKEN.
	APITokenEnv Field[string]
	// MTLS are the client certificate authorities, in the order written; names
	// are unique.
	MTLS []MTLS
	// Alerts are the notification policies, in the order written; names are
	// unique.
	Alerts []Alert
}

// Manages reports whether the document manages anything of the account itself.
func (a *Account) Manages() bool { return len(a.MTLS) > 0 || len(a.Alerts) > 0 }

// MTLS is an entry of the mtls block of an account: certificate authorities of
// Cloudflare Access, and the hostnames whose clients must show a certificate of
// one of them.
type MTLS struct {
	// Name is the key of the entry and the name of its certificate at Cloudflare.
	Name Field[string]
	// Absent means that the entry is to be removed: its applications, its
	// associations and its certificates.
	Absent bool
	// CAs are the authorities of the client certificates, one per file. During a
	// rotation there are several. They are empty only if Absent is set.
	CAs []CACertificate
	// Hostnames are the hostnames that the certificates are associated with, in
	// canonical form and in the order written. HostnamesAt is the place of the
	// list. If it is not Set, the associations are not managed.
	Hostnames   []Field[string]
	HostnamesAt Field[int] // Value is the number of names
	// Forward is forward_client_certificate, for every hostname of the entry.
	Forward Field[bool]
	// Require says whether an Access application refuses clients without a
	// certificate, for every hostname of the entry.
	Require Field[bool]
}

// CACertificate is a certificate authority from a PEM file: one certificate, or
// a chain with the issuing certificate first and the root last.
type CACertificate struct {
	File string // relative to the root of the configuration
	Pos  Pos    // of the line in YAML that names the file
	// PEM is the chain in normal form: one block for each certificate, and no
	// other text.
	PEM string
	// MD5 are the fingerprints of the certificates in the order of the chain, each
	// of 32 hexadecimal digits in lower case. Cloudflare reports one of them and
	// does not document which.
	MD5 []string
	// Subject is the subject of the first certificate, for messages.
	Subject string
	// NotAfter is the earliest time at which a certificate of the chain expires.
	NotAfter time.Time
}

// Alert is a notification policy.
type Alert struct {
	Name   Field[string]
	Type   Field[string] // alert_type, one of AlertTypes
	Absent bool          // the alert is to be deleted
	// Enabled is true unless the configuration says otherwise.
	Enabled Field[bool]
	// Description and the destinations are managed if they are Set. Email are
	// addresses. Webhooks and PagerDuty are names or ids of existing destinations.
	Description Field[string]
	Email       Field[[]string]
	Webhooks    Field[[]string]
	PagerDuty   Field[[]string]
}

// OriginCertificate is a client certificate that Cloudflare shows to the origins
// of a zone (authenticated origin pulls at the zone level).
type OriginCertificate struct {
	Pos Pos
	// ID identifies a certificate that Cloudflare has already. If it is empty, the
	// certificate is in File and its private key in the environment variable
	// KeyEnv.
	ID     string
	File   string
	KeyEnv string
	PEM    string // in normal form
	// SHA256 is the fingerprint of the certificate, 64 hexadecimal digits.
	SHA256   string
	Subject  string
	NotAfter time.Time
}

// Zone is a zone document.
type Zone struct {
	// Name is the canonical name of the zone (lower case, A-labels, no final dot),
	// or a pattern over names if Glob is set.
	Name Field[string]
	Glob bool
	// Account is the name or id of the zone's account. It is required for a
	// pattern and optional for a single zone.
	Account Field[string]
	// Settings are the zone's own values.
	Settings []Assignment
	// OriginCertificates are the client certificates of origin_pulls.
	OriginCertificates []OriginCertificate
	// Hostnames are the names in the zone with settings of their own (per-hostname
	// TLS settings), in the order written. Names are unique.
	Hostnames []Entry
	// CustomHostnames is the configuration of the zone's custom hostnames.
	CustomHostnames CustomHostnames
}

// CustomHostnames is the custom_hostnames block of a zone document. The cascade
// is Defaults, then Rules in order, then the entry of the hostname. Of each
// setting the last value in the cascade wins.
type CustomHostnames struct {
	Defaults []Assignment
	Rules    []Rule
	Entries  []Entry // in the order written; names are unique
	// Create allows tlsync to create the entries that have a Certificate and do
	// not exist.
	Create Field[bool]
}

// Written reports whether the block manages anything at all.
func (c *CustomHostnames) Written() bool {
	return len(c.Defaults) > 0 || len(c.Rules) > 0 || len(c.Entries) > 0
}

// Rule applies settings to every custom hostname that Match selects.
type Rule struct {
	Pos      Pos
	Index    int // position in the document's list of rules, from 1
	Match    Match
	Settings []Assignment
}

// Entry is a single hostname with its settings.
type Entry struct {
	Hostname Field[string] // canonical form
	Settings []Assignment
	// Certificate holds the settings of the certificate and the origin of a custom
	// hostname: ssl.method, ssl.type, ssl.wildcard, ssl.bundle_method,
	// ssl.certificate_authority, origin.server and origin.sni. A new hostname is
	// created with them; on an existing one they are compared like any setting.
	Certificate []Assignment
	// Absent means that the custom hostname is to be deleted.
	Absent bool
}

// Match selects custom hostnames. A hostname must meet all the conditions that
// are written.
type Match struct {
	// Hostnames are patterns; the name must match one of them. "*" within a label
	// matches any characters except a dot, "**" matches any number of labels
	// including none, and "*" alone matches every name.
	Hostnames []string
	// Metadata lists accepted values of the hostname's custom metadata, sorted by
	// key.
	Metadata []MetadataMatch
	// Except are patterns of names that the rule leaves out.
	Except []string
	// Wildcard, if Set, must equal the wildcard flag of the certificate.
	Wildcard Field[bool]
}

// MetadataMatch is the condition that Key has one of Values in the metadata of a
// hostname.
type MetadataMatch struct {
	Key    string
	Values []string
	Any    bool // any value will do, as long as there is one
}

// Assignment is a setting with the value that the configuration gives it.
type Assignment struct {
	Setting string // id, as in the table of settings
	Value   Value  // canonical form, for comparisons; Inherit to follow the zone
	Wire    Value  // the form to send to Cloudflare; it has another order of cipher suites than Value
	AtLeast bool   // Value is a lower bound; see Settle
	Pos     Pos    // the deciding line, which may be in a profile
	Via     string // the deciding block: "settings", "defaults", "rule 1", "entry", "rule 2, profile pci"
	// Covers is the weaker assignment of the same setting that this one takes the place
	// of, nil if there is none. It explains a value and has no part in one.
	Covers *Assignment
}

// Policy is the policy block of the root document.
type Policy struct {
	Pos Pos
	Set bool
	// Floor holds the weakest effective values that the policy accepts.
	Floor []Assignment
	// EnforceAll makes it an error if anything is below the floor, also what was below
	// before and is not touched. EnforceAt is the place of the line.
	EnforceAll bool
	EnforceAt  Pos
	// CoverageRequired makes it an error if no part of the configuration applies
	// to a custom hostname. CoverageAt is the place of the line.
	CoverageRequired bool
	CoverageAt       Pos
	MaxChanges       MaxChanges
	Exceptions       []Exception
}

// MaxChanges limits the number of changes of one apply: a count, or a percentage
// of the live objects. There is no limit if both are zero.
type MaxChanges struct {
	Pos     Pos
	Count   int
	Percent float64
	Set     bool
}

// Exception lifts the floor and the weakens_tls gate for a hostname or a pattern
// until a day.
type Exception struct {
	Pos      Pos
	Hostname string // canonical form, or a pattern
	Settings []Assignment
	Reason   string
	Until    string // YYYY-MM-DD; the exception ends when this day begins
	UntilAt  Pos
}
