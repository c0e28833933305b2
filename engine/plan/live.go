package plan

import "tlsync/schema"

// Live is what Cloudflare says now, for the zones the configuration reaches.
// It is plain data: engine/cloudflare fills it, a snapshot could too.
type Live struct {
	// Zones are sorted by name, then account id.
	Zones []Zone
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
	// Hostnames are the custom hostnames, sorted by name; nil if they were not
	// read.
	Hostnames []Hostname
}

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
	Metadata map[string]string
	// Settings are all keys of ssl.settings, sorted by id, those that tlsync
	// does not know included: a PATCH replaces the object as a whole.
	Settings []Setting
}

// lookup is the live setting of an id.
func lookup(settings []Setting, id string) (Setting, bool) {
	for _, s := range settings {
		if s.ID == id {
			return s, true
		}
	}
	return Setting{}, false
}

// Own is the hostname's own value of a setting, Inherit where it has none.
func (h *Hostname) Own(id string) schema.Value {
	if s, ok := lookup(h.Settings, id); ok {
		return s.Value
	}
	return schema.Inherit
}

// Value is the zone's value of a setting, and whether it was read.
func (z *Zone) Value(id string) (schema.Value, bool) {
	s, ok := lookup(z.Settings, id)
	return s.Value, ok
}

// Scope is what the configuration needs to know of live state, so that a
// reading fetches no more than that.
type Scope struct {
	Zones []ZoneScope // in the order of the configuration
}

// ZoneScope is the need of one zone document.
type ZoneScope struct {
	// ID is the zone's, where a reading has told it: then nothing else is
	// needed to find the zone.
	ID       string
	Name     string // canonical name, or a glob
	Glob     bool
	Account  string   // name or id; empty means any, but only one may have the zone
	Settings []string // ids of zone settings, sorted by the table
	// Hostnames asks for all custom hostnames of the zone. With Optional the
	// zone is of use without them: where they cannot be read that is a finding.
	Hostnames bool
	Optional  bool
	Origin    Origin // the document, for messages
}

// Object is what one change writes, as read: one of the two is set.
type Object struct {
	Setting  *Setting  // of a zone
	Hostname *Hostname // a custom hostname
}
