package schema

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
		if len(d.Zones[i].Settings) > 0 || d.Zones[i].CustomHostnames.Written() {
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

// Entry is a single custom hostname, named exactly.
type Entry struct {
	Hostname Field[string] // canonical form
	Settings []Assignment
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
	// CoverageRequired makes a custom hostname that nothing reaches an error.
	CoverageRequired bool
	MaxChanges       MaxChanges
	Exceptions       []Exception
}

// MaxChanges is the blast radius of one apply: a count, or a share of the live
// objects in percent. Both zero means no limit.
type MaxChanges struct {
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
}
