package schema

import "time"

// Desired is the whole configuration: what every document of every file says,
// with profiles expanded and every value in canonical form. It is plain data;
// which live objects it reaches is decided by plan.Resolve.
type Desired struct {
	Policy   Policy
	Accounts []Account
	// Zones stand in the order in which they were read: tlsync.yaml first, then
	// the included files by name, and in a file from top to bottom. Glob
	// documents and exact ones are mixed; the cascade puts globs first.
	Zones []Zone
	// Digest is "sha256:…" over the names and contents of the files read, line
	// endings folded to LF, so that a checkout with CRLF is the same
	// configuration.
	Digest string
}

// Manages reports whether the configuration asks for anything at all.
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
	// token; unset means CLOUDFLARE_API_TOKEN.
	APITokenEnv Field[string]
	// MTLS are the client certificate authorities, in the order written; names
	// are unique.
	MTLS []MTLS
	// Alerts are the notification policies, in the order written; names are
	// unique.
	Alerts []Alert
}

// Manages reports whether the document asks for anything of the account itself.
func (a *Account) Manages() bool { return len(a.MTLS) > 0 || len(a.Alerts) > 0 }

// MTLS is one entry of the mtls block of an account: certificate authorities of
// Cloudflare Access, and the hostnames whose clients must show a certificate of
// theirs.
type MTLS struct {
	// Name is the key of the entry, and the name of the certificate at
	// Cloudflare.
	Name Field[string]
	// Absent says that the entry is to be taken away: its applications, its
	// associations and its certificates.
	Absent bool
	// CAs are the certificates that clients may come from, one per file. More
	// than one is a rotation under way. Empty only where Absent is set.
	CAs []CACertificate
	// Hostnames are those that the certificates are associated with, in
	// canonical form and in the order written. HostnamesAt is where the list
	// stands; not Set, the associations are not managed.
	Hostnames   []Field[string]
	HostnamesAt Field[int] // Value is the number of names
	// Forward is forward_client_certificate, for every hostname of the entry.
	Forward Field[bool]
	// Require is whether an Access application refuses clients without a
	// certificate, for every hostname of the entry.
	Require Field[bool]
}

// CACertificate is a certificate authority as read from a PEM file: one
// certificate, or a chain with the issuing certificate first and the root last.
type CACertificate struct {
	File string // as found: relative to the root of the configuration
	Pos  Pos    // of the line in YAML that names the file
	// PEM is the chain in normal form: nothing but the certificates, each as
	// one block.
	PEM string
	// MD5 are the fingerprints of the certificates in the order of the chain,
	// 32 hexadecimal digits in lower case: that is what Cloudflare reports. Of a
	// chain it is not documented which certificate it covers.
	MD5 []string
	// Subject is the subject of the first certificate, for messages.
	Subject string
	// NotAfter is when the first certificate of the chain to do so expires.
	NotAfter time.Time
}

// Alert is a notification policy.
type Alert struct {
	Name   Field[string]
	Type   Field[string] // alert_type, one of AlertTypes
	Absent bool          // it is to be deleted
	// Enabled is true where nothing is written.
	Enabled Field[bool]
	// Description, and the mechanisms, are managed where Set. Email are
	// addresses; Webhooks and PagerDuty names or ids of destinations that exist.
	Description Field[string]
	Email       Field[[]string]
	Webhooks    Field[[]string]
	PagerDuty   Field[[]string]
}

// OriginCertificate is a client certificate that Cloudflare shows to the origins
// of a zone (zone-level authenticated origin pulls).
type OriginCertificate struct {
	Pos Pos
	// ID is that of a certificate at Cloudflare; otherwise the certificate is
	// read from File and its private key from the environment variable KeyEnv.
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
	// Name is the zone's name in canonical form (lower case, A-labels, no final
	// dot), or, where Glob is set, a pattern over zone names.
	Name Field[string]
	Glob bool
	// Account is the name or id of the account that holds the zone; required
	// for a glob, optional otherwise.
	Account Field[string]
	// Settings are the zone's own values.
	Settings []Assignment
	// OriginCertificates are the client certificates of origin_pulls.
	OriginCertificates []OriginCertificate
	// Hostnames are names in the zone with settings of their own (per-hostname
	// TLS settings), in the order written; names are unique.
	Hostnames []Entry
	// CustomHostnames is what must hold for the custom hostnames of the zone.
	CustomHostnames CustomHostnames
}

// CustomHostnames is the custom_hostnames block of a zone document. The cascade
// is Defaults, then Rules in order, then the single entry; a later one wins
// setting by setting.
type CustomHostnames struct {
	Defaults []Assignment
	Rules    []Rule
	Entries  []Entry // in the order written; names are unique
	// Create lets an entry that has Certificate and does not exist be created.
	Create Field[bool]
}

// Written reports whether the block asks for anything at all.
func (c *CustomHostnames) Written() bool {
	return len(c.Defaults) > 0 || len(c.Rules) > 0 || len(c.Entries) > 0
}

// Rule holds for every custom hostname that Match selects.
type Rule struct {
	Pos      Pos
	Index    int // 1-based place in the document's list of rules
	Match    Match
	Settings []Assignment
}

// Entry is a single hostname, named exactly.
type Entry struct {
	Hostname Field[string] // canonical form
	Settings []Assignment
	// Certificate is what is asked of the certificate and the origin of a custom
	// hostname: ssl.method, ssl.type, ssl.wildcard, ssl.bundle_method,
	// ssl.certificate_authority, origin.server, origin.sni. Of an existing one
	// these are compared as any setting; a missing one is created with them.
	Certificate []Assignment
	// Absent says that the custom hostname is to be deleted.
	Absent bool
}

// Match selects custom hostnames. All parts that are written must hold.
type Match struct {
	// Hostnames are globs over the labels of the name; any one suffices. "*"
	// within a label matches any run of characters but a dot, "**" any number
	// of labels (none included), and "*" alone every name.
	Hostnames []string
	// Metadata are keys and accepted values of the hostname's custom metadata,
	// sorted by key.
	Metadata []MetadataMatch
	// Wildcard, where set, must equal the certificate's wildcard flag.
	Wildcard Field[bool]
}

// MetadataMatch holds where the hostname's metadata has Key with one of Values.
type MetadataMatch struct {
	Key    string
	Values []string
}

// Assignment is one setting with the value that is asked for, and who asks.
type Assignment struct {
	Setting string // id, as in the table of settings
	Value   Value  // canonical form, for comparing; Inherit for "no own value"
	Wire    Value  // what is sent to Cloudflare; differs from Value in the order of cipher suites
	Pos     Pos    // the line that decided: in the profile where one was used
	Via     string // who decided: "settings", "defaults", "rule 1", "entry", "rule 2, profile pci"
}

// Policy is the policy block of the root document.
type Policy struct {
	Pos Pos
	Set bool
	// Floor holds the weakest acceptable effective values.
	Floor []Assignment
	// CoverageRequired makes a custom hostname that nothing reaches an error;
	// CoverageAt is where it is written.
	CoverageRequired bool
	CoverageAt       Pos
	MaxChanges       MaxChanges
	Exceptions       []Exception
}

// MaxChanges is the blast radius of one apply: a count, or a share of the live
// objects in percent. Both zero means no limit.
type MaxChanges struct {
	Pos     Pos
	Count   int
	Percent float64
	Set     bool
}

// Exception lifts the floor and the weakens_tls gate for one name until a day.
type Exception struct {
	Pos      Pos
	Hostname string // canonical form, or a glob
	Settings []Assignment
	Reason   string
	Until    string // YYYY-MM-DD; from that day on the exception no longer holds
	UntilAt  Pos
}
