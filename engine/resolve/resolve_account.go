package resolve

import (
	"fmt"
	"strings"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// accounts adds what the account documents of a configuration need, whose zone
// documents are the last of the scope. Client certificates are for custom
// hostnames that are active and no wildcard, so the custom hostnames are needed
// of every zone that may hold a hostname of an mtls block; they are optional,
// since such a zone may have none at all.
func addAccounts(s *plan.Scope, d *schema.Desired) {
	zones := s.Zones[len(s.Zones)-len(d.Zones):]
	for i := range d.Accounts {
		a := &d.Accounts[i]
		if !a.Manages() {
			continue
		}
		s.Accounts = append(s.Accounts, plan.AccountScope{
			Name: a.Name.Value, MTLS: len(a.MTLS) > 0, Alerts: len(a.Alerts) > 0,
			Origin: plan.Origin{Pos: a.Name.Pos, Via: "account"},
		})
		for j := range zones {
			if z := &zones[j]; !z.CustomHostnames && mayBeOf(z.Account, a.Name.Value) && namesOutside(a, z) {
				z.CustomHostnames, z.Optional = true, true
			}
		}
	}
}

// mayBeOf reports whether what a zone document says of its account, if anything,
// can mean the account of an account document. That a name and an id are of two
// accounts cannot be known before they are read.
func mayBeOf(zone, account string) bool {
	return zone == "" || zone == account || plan.IsAccountID(zone) != plan.IsAccountID(account)
}

// namesOutside reports whether a hostname of an mtls block lies outside a zone.
func namesOutside(a *schema.Account, z *plan.ZoneScope) bool {
	for i := range a.MTLS {
		for _, h := range a.MTLS[i].Hostnames {
			if z.Glob || h.Value != z.Name && !strings.HasSuffix(h.Value, "."+z.Name) {
				return true
			}
		}
	}
	return false
}

// resolveAccounts finds the document of each live account, by name or id; nil
// asks for nothing.
func (r *Resolved) resolveAccounts(d *schema.Desired, live *plan.Live) {
	r.Accounts = make([]ResolvedAccount, len(live.Accounts))
	if d == nil {
		return
	}
	for i := range live.Accounts {
		l, out := &live.Accounts[i], &r.Accounts[i]
		for j := range d.Accounts {
			a := &d.Accounts[j]
			switch {
			case !a.Manages() || !l.IsCalled(a.Name.Value):
			case out.Document == nil:
				out.Document = a
			default:
				r.Findings = append(r.Findings, plan.Finding{
					Severity: schema.Error, Rule: plan.NotEditable, Ref: plan.AccountRef(l.Name),
					Message: fmt.Sprintf("this document is not planned: account %s has one at %s already, which names it in another way; merge the two", l.Name, out.Document.Name.Pos),
					Origin:  plan.Origin{Pos: a.Name.Pos, Via: "account"},
				})
			}
		}
	}
}
