package plan

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"tlsync/schema"
)

// Scope says which parts of live state a configuration needs, so that nothing else is
// read.
type Scope struct {
	Zones    []ZoneScope    // in the order of the configuration
	Accounts []AccountScope // in the order of the configuration
}

// ZoneScope says what a zone document needs of the live zones that it reaches.
type ZoneScope struct {
	// ID is the id of the zone, if an earlier reading has shown it. Then the zone
	// does not have to be looked up.
	ID      string
	Name    string // canonical name, or a glob
	Glob    bool
	Account string // name or id; empty means any, but only one may have the zone

	Settings         []string // ids of zone settings, sorted by the table
	HostnameSettings []string // settings whose per-hostname values are needed, sorted by the table
	// CustomHostnames says that the custom hostnames are needed. With Optional the
	// zone is useful without them, and a finding reports that they cannot be read.
	CustomHostnames bool
	Optional        bool
	// Names restricts CustomHostnames to these names. Nil means all; a reading may
	// return more than it was asked for.
	Names []string
	// ForPolicy says that only the policy needs the custom hostnames.
	ForPolicy bool
	// OriginCertificates says that the certificates for origin pulls are needed.
	OriginCertificates bool

	Origin Origin // the document, for messages
}

// AccountScope says what an account document needs.
type AccountScope struct {
	Name   string // name or id
	MTLS   bool   // certificates, forwarding and applications
	Alerts bool   // notification policies and their types
	// Webhooks and PagerDuty are destinations of alerts. A token, or the plan of an
	// account, may not have these lists, and most alerts need neither.
	Webhooks, PagerDuty bool
	Origin              Origin // the document, for messages
}

// ScopeOfZone returns the scope of a zone document that needs nothing yet.
func ScopeOfZone(z *schema.Zone) ZoneScope {
	return ZoneScope{
		Name: z.Name.Value, Glob: z.Glob, Account: z.Account.Value,
		Origin: Origin{Pos: z.Name.Pos, Via: "zone"},
	}
}

// Reaches reports whether a live zone is one that the scope is about.
func (s *ZoneScope) Reaches(z *Zone) bool {
	return (s.Account == "" || z.Account.IsCalled(s.Account)) && s.matches(z.Name)
}

// Covers reports whether s is about every zone that another scope is about.
func (s *ZoneScope) Covers(other *ZoneScope) bool {
	switch {
	case s.Account != "" && s.Account != other.Account:
		return false
	case other.Glob:
		return s.Glob && s.Name == other.Name
	}
	return s.matches(other.Name)
}

// matches reports whether the scope is about zones of a name.
func (s *ZoneScope) matches(name string) bool {
	if s.Glob {
		return schema.MatchZone(s.Name, name)
	}
	return s.Name == name
}

// Required reports whether a zone is useless without its custom hostnames.
func (s *ZoneScope) Required() bool { return s.CustomHostnames && !s.Optional }

// Empty reports whether the scope needs nothing of a zone.
func (s *ZoneScope) Empty() bool {
	return len(s.Settings) == 0 && len(s.HostnameSettings) == 0 && !s.CustomHostnames && !s.OriginCertificates
}

// Add adds what another scope needs of the same zone.
func (s *ZoneScope) Add(other *ZoneScope) {
	switch {
	case !other.CustomHostnames:
	case !s.CustomHostnames:
		s.Names = other.Names
	case len(s.Names) == 0 || len(other.Names) == 0:
		s.Names = nil
	default:
		s.Names = union(s.Names, other.Names)
	}

	s.Optional = !s.Required() && !other.Required()
	s.CustomHostnames = s.CustomHostnames || other.CustomHostnames

	s.Settings = union(s.Settings, other.Settings)
	s.HostnameSettings = union(s.HostnameSettings, other.HostnameSettings)
	s.OriginCertificates = s.OriginCertificates || other.OriginCertificates
}

// Subtract removes what another scope needs already.
func (s *ZoneScope) Subtract(other *ZoneScope) {
	s.Settings = Minus(s.Settings, other.Settings)
	s.HostnameSettings = Minus(s.HostnameSettings, other.HostnameSettings)
	s.CustomHostnames = s.CustomHostnames && !other.CustomHostnames
	s.OriginCertificates = s.OriginCertificates && !other.OriginCertificates
}

// Empty reports whether the scope needs nothing of an account.
func (s *AccountScope) Empty() bool {
	return !s.MTLS && !s.Alerts && !s.Webhooks && !s.PagerDuty
}

// Add adds what another scope needs of the same account.
func (s *AccountScope) Add(other *AccountScope) {
	s.MTLS = s.MTLS || other.MTLS
	s.Alerts = s.Alerts || other.Alerts
	s.Webhooks = s.Webhooks || other.Webhooks
	s.PagerDuty = s.PagerDuty || other.PagerDuty
}

// Subtract removes what another scope needs already.
func (s *AccountScope) Subtract(other *AccountScope) {
	s.MTLS = s.MTLS && !other.MTLS
	s.Alerts = s.Alerts && !other.Alerts
	s.Webhooks = s.Webhooks && !other.Webhooks
	s.PagerDuty = s.PagerDuty && !other.PagerDuty
}

// IsCalled reports whether a configuration means the account by a name or an id.
func (a Account) IsCalled(name string) bool { return name == a.Name || name == a.ID }

// IsAccountID reports whether a configuration names an account by its id.
func IsAccountID(name string) bool {
	return len(name) == 32 && strings.Trim(name, "0123456789abcdef") == ""
}

// Only restricts a scope to some zones, given by canonical name. A glob becomes the
// names that it matches. Accounts are left out, and so is what only they need of a
// zone. Without names the scope stays as it is. The error names a zone that no
// document covers.
func (s Scope) Only(zones ...string) (Scope, error) {
	if len(zones) == 0 {
		return s, nil
	}

	var out Scope
	for _, name := range zones {
		covered := false
		for _, z := range s.Zones {
			if !z.matches(name) {
				continue
			}

			covered = true
			z.Name, z.Glob = name, false
			if z.Optional && !z.ForPolicy { // only accounts need the custom hostnames
				z.CustomHostnames, z.Optional = false, false
			}
			out.Zones = append(out.Zones, z)
		}
		if !covered {
			return s, s.notCovered(name)
		}
	}
	return out, nil
}

// maxNamed is how many zones an error lists.
const maxNamed = 20

// notCovered says that no document covers a zone, and which zones there are.
func (s Scope) notCovered(name string) error {
	var names []string
	for _, z := range s.Zones {
		names = append(names, z.Name)
	}
	slices.Sort(names)
	names = slices.Compact(names)

	text := fmt.Sprintf("no zone document covers zone %q", name)
	there := "; there are "
	for _, n := range names {
		if a, b := differing(name, n); schema.Suggest(a, []string{b}) != "" {
			text += fmt.Sprintf("; did you mean %q?", n)
			there = " There are "
			break
		}
	}

	switch {
	case len(names) > maxNamed:
		text += fmt.Sprintf("%s%d, such as %s", there, len(names), strings.Join(names[:3], ", "))
	case len(names) == 1:
		text += strings.Replace(there, "are ", "is only ", 1) + names[0]
	case len(names) > 0:
		text += there + strings.Join(names, ", ")
	}
	return errors.New(text)
}

// differing returns two names without the last labels that they share: names under one
// domain look alike and need not be.
func differing(a, b string) (restA, restB string) {
	for {
		i, j := strings.LastIndexByte(a, '.'), strings.LastIndexByte(b, '.')
		if i < 0 || j < 0 || a[i:] != b[j:] {
			return a, b
		}
		a, b = a[:i], b[:j]
	}
}

// union returns the items of a and those of b that a lacks.
func union(a, b []string) []string {
	out := slices.Clone(a)
	for _, s := range b {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// Minus returns the items of a that b lacks.
func Minus(a, b []string) []string {
	in := make(map[string]bool, len(b))
	for _, s := range b {
		in[s] = true
	}
	var out []string
	for _, s := range a {
		if !in[s] {
			out = append(out, s)
		}
	}
	return out
}
