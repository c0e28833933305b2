package sandbox

import (
	"slices"
	"strings"
	"time"
)

// account is an account with its objects, other than zones.
type account struct {
	id, name     string
	entitlements map[string]int // what it has of features, by key

	authorities  []*authority // in the order of creation
	forwarding   map[string]mtlsSetting
	applications []*application  // in the order of creation
	policies     []*accessPolicy // the reusable ones
	alerts       []*alert        // in the order of creation
	webhooks     []destination
	pagerDuty    []destination
	alertTypes   []string // the types in available_alerts; nil means all known types

	// made counts the objects ever created of each kind and name, so that one
	// created anew gets another id than the deleted one.
	made map[string]int
	// busyUntil is when the latest settings of hostnames have reached the edge.
	busyUntil time.Time
	// edge is what the TLS edge enforces; it follows the state after a while.
	edge *frontage
}

// accountByID returns the account with an id, nil if there is none.
func (s *Server) accountByID(id string) *account {
	for _, a := range s.accounts {
		if a.id == id {
			return a
		}
	}
	return nil
}

// findAccount returns the account with a name or id, nil if there is none.
func (s *Server) findAccount(name string) *account {
	for _, a := range s.accounts {
		if a.name == name || a.id == name {
			return a
		}
	}
	return nil
}

// reaches reports whether a token may touch an account's objects. A token that is
// limited to zones and names no account reaches the accounts of its zones.
func (s *Server) reaches(who *identity, a *account) bool {
	if !who.seesAccount(a) {
		return false
	}
	return len(who.zones) == 0 || len(who.accounts) > 0 ||
		slices.ContainsFunc(s.zones, func(z *zone) bool { return z.account == a && who.seesZone(z) })
}

// unusable says why a hostname of an account cannot use client certificates, ""
// if it can. It must be in a zone of the account, or an active custom hostname
// there that is not a wildcard. developers.cloudflare.com/cloudflare-for-platforms
// documents the last two conditions; whether the API checks them is unknown.
func (s *Server) unusable(a *account, name string) string {
	if !hostnameShape().MatchString(name) || len(name) > 255 {
		return "is not a hostname in lower case"
	}

	why := "is not in a zone of the account"
	for _, z := range s.zones {
		if z.account != a {
			continue
		}
		if h := z.byName[name]; h != nil {
			switch {
			case h.ssl != nil && h.ssl.wildcard:
				why = "is a wildcard custom hostname"
			case h.status != "active" && h.status != "active_redeploying":
				why = "is a custom hostname that is not active"
			default:
				return ""
			}
		} else if name == z.ascii || strings.HasSuffix(name, "."+z.ascii) {
			return ""
		}
	}
	return why
}

// stamp formats a time as the services of accounts do.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
