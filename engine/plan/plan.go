// Package plan has the data that the stages pass to each other: live state, the scope of
// a reading, and plans with changes, hazards and findings. It also makes the requests of
// changes, because plans show the requests that apply sends.
package plan

import (
	"cmp"
	"encoding/json"
	"strings"
	"time"

	"tlsync/schema"
)

// FormatVersion is the version of the JSON form of a Plan.
const FormatVersion = "1"

// Kind is the kind of an object that a change writes or a finding is about.
type Kind string

// Kinds.
const (
	KindZone              Kind = "zone"
	KindHostname          Kind = "hostname" // a name in a zone, with per-hostname settings
	KindCustomHostname    Kind = "custom_hostname"
	KindMTLSCertificate   Kind = "mtls_certificate"   // a certificate authority of Access
	KindMTLSHostname      Kind = "mtls_hostname"      // whether client certificates are forwarded, by hostname
	KindAccessApplication Kind = "access_application" // an application that requires a certificate
	KindAlert             Kind = "alert"              // a notification policy

	// Only findings are about these.
	KindAccount       Kind = "account"
	KindConfiguration Kind = "configuration"
)

// OfAccount reports whether objects of a kind belong to an account, not to a zone.
func (k Kind) OfAccount() bool {
	switch k {
	case KindMTLSCertificate, KindMTLSHostname, KindAccessApplication, KindAlert:
		return true
	case KindZone, KindHostname, KindCustomHostname, KindAccount, KindConfiguration:
	}
	return false
}

// Actions of changes.
const (
	Create = "create"
	Update = "update"
	Delete = "delete"
)

// Cause says why live state has to change.
type Cause string

// Causes. Without a base commit everything is Adopt.
const (
	CauseChange   Cause = "change"   // this commit asks for it; live was as the base said
	CauseDrift    Cause = "drift"    // live left what base and head agree on
	CauseConflict Cause = "conflict" // both
	CauseAdopt    Cause = "adopt"    // not managed at the base
)

// Plan has the changes to write, in order, and findings about them.
type Plan struct {
	FormatVersion string    `json:"format_version"`
	Tool          Tool      `json:"tool"`
	Config        Config    `json:"config"`
	Summary       Summary   `json:"summary"`
	Changes       []Change  `json:"changes"`
	Findings      []Finding `json:"findings"`
	// Digest covers the changes and their hazards and nothing else: two plans
	// that would do the same have the same digest.
	Digest string `json:"digest"`
	// Checksum is the checksum of the file that the plan was read from, if any.
	Checksum string `json:"-"`
	// Withheld are edits that the configuration asks for and that cannot be written now.
	// A finding says why. The JSON form has their number.
	Withheld []Withheld `json:"-"`
	// Breaches are the violations of the policy, by zone. Each is a finding as well.
	Breaches []Breach `json:"-"`
}

// Tool is the program that made the plan.
type Tool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Config identifies the configuration of the plan.
type Config struct {
	Digest     string `json:"digest"`
	Commit     string `json:"commit"`      // of HEAD; empty outside a repository
	BaseCommit string `json:"base_commit"` // empty without a base
	Dirty      bool   `json:"dirty"`       // the files differ from the commit
}

// Summary counts the parts of a plan.
type Summary struct {
	Zones   int    `json:"zones"`
	Objects int    `json:"objects"` // live zones and custom hostnames looked at
	Changes int    `json:"changes"`
	Edits   int    `json:"edits"`
	Causes  Causes `json:"causes"` // edits by cause
	// Withheld is the number of edits that cannot be written now.
	Withheld int `json:"withheld,omitempty"`
	// Adopted is the number of settings that are managed newly, and that live state has
	// already. It is 0 without a base commit.
	Adopted int `json:"adopted,omitempty"`
	// AccountNames are the names of accounts by their ids, of accounts with zones that share
	// their name with a zone of another account.
	AccountNames map[string]string `json:"account_names,omitempty"`
	Requests     Requests          `json:"requests"`
	// EstimatedSeconds is the duration of the writes at the permitted rate.
	EstimatedSeconds int `json:"estimated_seconds"`
}

// Estimated returns EstimatedSeconds as a duration.
func (s *Summary) Estimated() time.Duration { return time.Duration(s.EstimatedSeconds) * time.Second }

// Causes counts edits.
type Causes struct {
	Change   int `json:"change"`
	Drift    int `json:"drift"`
	Conflict int `json:"conflict"`
	Adopt    int `json:"adopt"`
}

// Requests counts API requests.
type Requests struct {
	Read  int `json:"read"`
	Write int `json:"write"`
}

// Change is one API write.
type Change struct {
	Ref
	// Certificate is the name of the certificate authority that the change is about:
	// the Ref names the entry of the configuration. It is empty for other kinds.
	Certificate string
	// Application is the name of an Access application that the change creates; the
	// Ref names its hostname.
	Application string
	// Upload is the certificate that the change uploads; nil for other changes.
	Upload *Upload
	// Authority says, for people, which certificate authority the change is about; nil for
	// other changes.
	Authority *Authority
	Edits     []Edit
	Action    string // Create, Update or Delete
	Request   Request
	Needs     []Ref // changes that must succeed first
	// Reasons say why the change has to wait for those that it needs, each once, sorted.
	Reasons []string
	Hazards []Hazard

	// ZoneID, AccountID and ObjectID are Cloudflare's ids; ObjectID is that of
	// the object, or the id of the setting of a zone or of a name in it, and is
	// empty for an object that is to be created.
	ZoneID    string
	AccountID string
	ObjectID  string
}

// Authority is a certificate authority as people know it. What is not known is empty.
type Authority struct {
	// Subject is that of its certificate, known where the configuration has it or had it.
	Subject string `json:"subject,omitempty"`
	Expires string `json:"expires,omitempty"` // a day: 2027-03-31
}

// Title returns the name of the object for people.
func (c *Change) Title() string { return cmp.Or(c.Certificate, c.Name) }

// Edit is one setting of one object.
type Edit struct {
	Setting string `json:"setting"`
	// From and To are the object's own values, canonical; null is inherit.
	From schema.Value `json:"from"`
	To   schema.Value `json:"to"`
	// EffectiveFrom and EffectiveTo are the values that apply to visitors before and
	// after the whole plan. They are null if the zone's value could not be read.
	EffectiveFrom schema.Value     `json:"effective_from"`
	EffectiveTo   schema.Value     `json:"effective_to"`
	Cause         Cause            `json:"cause"`
	Direction     schema.Direction `json:"direction"`
	Origin        Origin           `json:"origin"`

	// Committed is the value of the base commit, for a conflict. Empty means that it is not
	// known, as in a plan of an earlier release.
	Committed schema.Value `json:"committed,omitempty"`
	// BelowFloor says that the live value is below the floor of the policy, and that no
	// exception accepts it.
	BelowFloor bool `json:"-"`

	// Undone is the direction of the edit that would undo this one. It is empty where that
	// is the opposite of Direction.
	Undone schema.Direction `json:"-"`

	// Written is To as the user wrote it, with cipher suites in their order; it is
	// what requests contain. Empty means To.
	Written schema.Value `json:"-"`
}

// DriftDirection returns the direction of what happened, where the edit is the way back from
// drift. What fell below the floor is weaker, even where nobody can use the lower value now:
// the floor is about values. A plan from a file has only the direction of the edit.
func (e *Edit) DriftDirection() schema.Direction {
	switch {
	case e.BelowFloor && e.Direction == schema.Strengthens:
		return schema.Weakens
	case e.Undone != "":
		return e.Undone
	case e.Direction == schema.Strengthens:
		return schema.Weakens
	case e.Direction == schema.Weakens:
		return schema.Strengthens
	}
	return schema.Changes
}

// Weakens reports whether the edit makes its setting weaker.
func (e *Edit) Weakens() bool { return e.Direction == schema.Weakens }

// Withheld is an edit that cannot be written now: the state, the plan or the certificate
// of its object forbids it, or it depends on another edit that is withheld.
type Withheld struct {
	Ref
	Edit Edit
}

// Drifted reports whether live left what is committed.
func (w *Withheld) Drifted() bool { return w.Edit.Cause == CauseDrift || w.Edit.Cause == CauseConflict }

// Origin is the line of the configuration that causes an edit or a finding. Via is the
// part of the document that the line belongs to, such as "rule".
type Origin struct {
	schema.Pos
	Via string `json:"via"`
	// Commit and Author are the last commit of the line, 40 hexadecimal digits, and its
	// author, which is foreign text. Both are empty if Git does not know them.
	Commit string `json:"commit,omitempty"`
	Author string `json:"author,omitempty"`
}

// ForMany reports whether the line speaks of all names, or of all that match a rule, and
// of none of them by its name.
func (o Origin) ForMany() bool {
	part, _, _ := strings.Cut(o.Via, " ")
	return strings.TrimSuffix(part, ",") == "defaults" || part == "rule"
}

// MarshalJSON writes {} for an empty origin.
func (o Origin) MarshalJSON() ([]byte, error) {
	if o == (Origin{}) {
		return []byte("{}"), nil
	}
	type plain Origin // without this method
	return json.Marshal(plain(o))
}

// Request is an API request as it is shown and sent. Path is below the base URL.
type Request struct {
	Method string     `json:"method"`
	Path   string     `json:"path"`
	Body   RawMessage `json:"body"`
	// Before is the time after which the request must not be sent, because the state
	// that it was made from is too old. Zero means no limit.
	Before time.Time `json:"-"`
}

// RawMessage is JSON text.
type RawMessage string

// MarshalJSON writes the text itself.
func (m RawMessage) MarshalJSON() ([]byte, error) {
	if m == "" {
		return []byte("null"), nil
	}
	return []byte(m), nil
}

// UnmarshalJSON keeps the text.
func (m *RawMessage) UnmarshalJSON(b []byte) error {
	*m = RawMessage(b)
	return nil
}

// Hazard is something that a reviewer must accept by name.
type Hazard struct {
	Kind    HazardKind `json:"kind"`
	Message string     `json:"message"` // one sentence: who is affected
	// Template is Message with This in place of the object's name. It is empty where the
	// template is not known, as in a plan from a file.
	Template string `json:"-"`
	// Exception is the exception of the policy that lifts it, with its line, its
	// end and its reason, which is foreign text; empty if none does.
	Exception string `json:"exception,omitempty"`
	// Accepted says who accepts it for this run, as in "ada, by label"; empty if nobody
	// does. It is foreign text, and no part of what the plan does.
	Accepted string `json:"-"`
}

// NeedsPermission reports whether the hazard has to be allowed by name.
func (h *Hazard) NeedsPermission() bool {
	return h.Kind.NeedsPermission() && h.Exception == "" && h.Accepted == ""
}

// HazardKind is the name by which a hazard is allowed.
type HazardKind string

// The hazards. CutsOffClients needs no permission. Unreachable can never be allowed.
const (
	WeakensTLS          HazardKind = "weakens_tls"
	CutsOffClients      HazardKind = "cuts_off_clients"
	Unreachable         HazardKind = "unreachable"
	ReissuesCertificate HazardKind = "reissues_certificate"
	MovesTraffic        HazardKind = "moves_traffic"
	StickyHSTS          HazardKind = "sticky_hsts"
	DisablesMTLS        HazardKind = "disables_mtls"
	OpensEndpoint       HazardKind = "opens_endpoint"
	BreaksOrigin        HazardKind = "breaks_origin"
	Deletes             HazardKind = "deletes"
)

// NeedsPermission reports whether a change with the hazard is refused until the
// hazard is allowed by name.
func (k HazardKind) NeedsPermission() bool { return k != CutsOffClients }

// HazardKinds returns all hazards but Unreachable, which nobody can allow.
func HazardKinds() []HazardKind {
	return []HazardKind{
		WeakensTLS, CutsOffClients, ReissuesCertificate, MovesTraffic, StickyHSTS,
		DisablesMTLS, OpensEndpoint, BreaksOrigin, Deletes,
	}
}

// Finding is a remark about an object or about the configuration.
type Finding struct {
	Severity schema.Severity
	Rule     string
	Ref
	Message  string
	Template string // as in Hazard
	Origin   Origin // {} where no line asks for it
	// Saving is the other configuration that a CheaperZoneValue is about.
	Saving Saving
}

// Info is the severity of a finding that requires no action.
const Info schema.Severity = "info"

// OfPolicy reports whether a finding reports a violation of the policy.
func (f *Finding) OfPolicy() bool {
	return f.Rule == BelowFloor || f.Rule == NotCovered || f.Rule == MaxChanges
}

// Rules of findings.
const (
	NotFound         = "not-found"          // an entry, or a zone, that does not exist live
	Unreadable       = "unreadable"         // a zone or a setting that could not be read
	NotEditable      = "not-editable"       // state or plan forbids the change
	NeedsKey         = "needs-key"          // uploaded certificate, cannot be written without its key
	WildcardChildren = "wildcard-children"  // children of a wildcard follow the zone
	PinnedLikeZone   = "pinned-like-zone"   // explicit and equal to the zone's value, unasked
	Ambiguous        = "ambiguous-zone"     // one name in several accounts
	NoSafeOrder      = "no-safe-order"      // a zone whose writes would have to come before each other
	NoLongerManaged  = "no-longer-managed"  // the base asked for it, the head does not
	CAExpires        = "ca-expires"         // a certificate authority that expires soon
	BelowFloor       = "below-floor"        // an effective value that the policy does not accept
	NotCovered       = "not-covered"        // a custom hostname that no part of the configuration reaches
	MaxChanges       = "max-changes"        // more changes than one apply may make
	PolicyLoosened   = "policy-loosened"    // the policy lets pass what the base's does not
	CheaperZoneValue = "cheaper-zone-value" // a zone value would take fewer requests
	NoEffect         = "no-effect"          // a part of the configuration that reaches nothing
	NotReviewed      = "not-reviewed"       // drift that appeared after the review, and is left alone
	NotReverted      = "not-reverted"       // something that an apply wrote, and that its revert leaves as it is
)

// AddHazard adds a hazard to the change. This stands for the name of the object in the
// message.
func (c *Change) AddHazard(kind HazardKind, message string) {
	h := Hazard{Kind: kind}
	h.Message, h.Template = fill(message, c.Title())
	c.Hazards = append(c.Hazards, h)
}

// Lift lifts the gate of the hazards of one kind by an exception of the policy, given
// as plans show it.
func (c *Change) Lift(kind HazardKind, exception string) {
	for i := range c.Hazards {
		if c.Hazards[i].Kind == kind {
			c.Hazards[i].Exception = exception
		}
	}
}

// MinSaving is the smallest number of saved requests worth reporting.
const MinSaving = 10

// Breach is a violation of the policy. A plan with breaches must not be written, and no
// approval changes that.
type Breach struct {
	// Rule is BelowFloor, NotCovered or MaxChanges, or Unreadable if it is not known
	// whether the policy is violated.
	Rule    string
	Message string // one sentence
	// Zone is the zone's name; empty for MaxChanges.
	Zone string
	// Names are the affected names as an exception or an entry would write them, sorted:
	// hostnames, or patterns for the names of a zone and for those below a wildcard.
	Names []string
	// Setting and Value are the setting and the value that visitors of those names get.
	Setting string
	Value   schema.Value
	// Floor says what the floor is and where it is written, for BelowFloor.
	Floor string
	// OfHead and OfBase say which policy is violated: that of the configuration, that
	// of the base, or both.
	OfHead, OfBase bool
	// Tolerated says that the values were below the floor before, and that the plan makes
	// none of them worse: that is reported and refuses nothing.
	Tolerated bool
	// Changes is the number of changes, for MaxChanges.
	Changes int
}
