package resolve

import (
	"fmt"
	"slices"
	"strings"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// addAccounts adds the needs of the account documents of a configuration whose zone
// documents are the last of the scope. A client certificate may be for an active custom
// hostname without a wildcard, so every zone that may have a hostname of an mtls block
// needs its custom hostnames. They are optional, because such a zone may have none.
func addAccounts(s *plan.Scope, d *schema.Desired) {
	zones := s.Zones[len(s.Zones)-len(d.Zones):]
	for i := range d.Accounts {
		a := &d.Accounts[i]
		if !a.Manages() {
			continue
		}
		s.Accounts = append(s.Accounts, plan.AccountScope{
			Name: a.Name.Value, MTLS: len(a.MTLS) > 0, Alerts: len(a.Alerts) > 0,
			Webhooks:  slices.ContainsFunc(a.Alerts, func(al schema.Alert) bool { return len(al.Webhooks.Value) > 0 }),
			PagerDuty: slices.ContainsFunc(a.Alerts, func(al schema.Alert) bool { return len(al.PagerDuty.Value) > 0 }),
			Origin:    plan.Origin{Pos: a.Name.Pos, Via: "account"},
		})
		for j := range zones {
			if z := &zones[j]; !z.CustomHostnames && mayBeOf(z.Account, a.Name.Value) && namesOutside(a, z) {
				z.CustomHostnames, z.Optional = true, true
			}
		}
	}
}

// mayBeOf reports whether the account of a zone document, if it names one, can be the
// account of an account document. Only a reading shows whether a name and an id belong
// to one account.
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

// resolveAccounts finds the document of each live account, by name or id.
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
