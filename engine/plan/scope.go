package plan

import (
	"fmt"

	"tlsync/schema"
)

// Scope is what the configuration needs to know of live state, so that a
// reading fetches no more than that.
type Scope struct {
	Zones    []ZoneScope    // in the order of the configuration
	Accounts []AccountScope // in the order of the configuration
}

// AccountScope is the need of one account document.
type AccountScope struct {
	Name   string // name or id
	MTLS   bool   // certificates, forwarding and applications
	Alerts bool   // notification policies, their types and destinations
	Origin Origin // the document, for messages
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
	// CustomHostnames asks for all custom hostnames of the zone. With Optional the
	// zone is of use without them: where they cannot be read that is a finding.
	CustomHostnames bool
	Optional        bool
	// Names, if there are any, are the only custom hostnames that are needed. More
	// may be read all the same.
	Names []string
	// ForPolicy says that the policy needs the custom hostnames.
	ForPolicy bool
	// HostnameSettings are the settings whose per-hostname form is needed, sorted by the
	// table.
	HostnameSettings []string
	// OriginCertificates asks for the certificates of origin pulls.
	OriginCertificates bool
	Origin             Origin // the document, for messages
}

// Only narrows a scope to some zones, given by canonical name: a glob becomes
// the names that it matches. Accounts are left out, and with them what only they
// need of a zone. The error names a zone that no document covers.
func (s Scope) Only(zones ...string) (Scope, error) {
	if len(zones) == 0 {
		return s, nil
	}
	var out Scope
	for _, name := range zones {
		covered := false
		for _, z := range s.Zones {
			switch {
			case z.Glob && schema.MatchZone(z.Name, name):
				z.Name, z.Glob = name, false
			case z.Glob || z.Name != name:
				continue
			}
			covered = true
			if z.Optional && !z.ForPolicy { // accounts need the custom hostnames, and nobody else
				z.CustomHostnames, z.Optional = false, false
			}
			out.Zones = append(out.Zones, z)
		}
		if !covered {
			return s, fmt.Errorf("no zone document covers zone %q", name)
		}
	}
	return out, nil
}
