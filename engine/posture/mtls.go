package posture

import (
	"cmp"
	"slices"
	"strings"

	"tlsync/engine/plan"
	"tlsync/engine/resolve"
	"tlsync/schema"
	"tlsync/schema/sorted"
)

// MTLS says of one hostname which certificate authority is associated with it, whether an
// Access application demands a client certificate, and whether the origin gets it.
type MTLS struct {
	Account  string `json:"account"`
	Hostname string `json:"hostname"`
	// Authority is the name of the certificate authority, and Expires when it ends as
	// Cloudflare says it; "" without one.
	Authority string `json:"authority"`
	Expires   string `json:"authority_expires"`
	// Application is the Access application of the hostname, "" without one, and Admits is
	// whom it admits: certificate, none, or other.
	Application string `json:"application"`
	Admits      string `json:"admits"`
	// Forwarded says whether the origin gets the certificate: yes, no, or unknown.
	Forwarded string `json:"forwarded"`
}

// Demanded reports whether visitors need a client certificate.
func (m *MTLS) Demanded() bool { return m.Authority != "" && m.Admits == "certificate" }

// mtlsOf returns what the accounts that were read say of hostnames, and the accounts of zones
// that were not: an account is read if the configuration has client certificates there.
func mtlsOf(live *plan.Live, resolved *resolve.Resolved, only resolve.Names) (rows []MTLS, unread []string) {
	read := map[string]bool{}
	for i := range live.Accounts {
		a, document := &live.Accounts[i], resolved.Accounts[i].Document
		if _, failed := a.Unreadable[plan.KindMTLSCertificate]; failed || document == nil || len(document.MTLS) == 0 {
			continue
		}
		read[a.ID] = true
		rows = append(rows, mtlsOfAccount(a)...)
	}
	for i := range live.Zones {
		if a := live.Zones[i].Account; !read[a.ID] {
			unread = append(unread, cmp.Or(a.Name, a.ID))
		}
	}

	rows = slices.DeleteFunc(rows, func(m MTLS) bool { return !only.Match(m.Hostname) })
	sorted.By(rows, func(a, b MTLS) int {
		return cmp.Or(strings.Compare(a.Account, b.Account), strings.Compare(a.Hostname, b.Hostname), strings.Compare(a.Authority, b.Authority), strings.Compare(a.Application, b.Application))
	})
	slices.Sort(unread)
	return rows, slices.Compact(unread)
}

// mtlsOfAccount returns the rows of one account.
func mtlsOfAccount(a *plan.LiveAccount) []MTLS {
	authorities := map[string][]*plan.Resource{}
	for i := range a.Certificates {
		for _, host := range a.Certificates[i].Value(plan.FieldHostnames).List() {
			authorities[host] = append(authorities[host], &a.Certificates[i])
		}
	}
	applications := map[string][]*plan.Resource{}
	for i := range a.Applications {
		app := &a.Applications[i]
		if host := plan.DomainOf(app); authorities[host] != nil || app.Value(plan.FieldPolicy) == plan.PolicyCertificate {
			applications[host] = append(applications[host], app)
		}
	}

	hosts := map[string]bool{}
	for host := range authorities {
		hosts[host] = true
	}
	for host := range applications {
		hosts[host] = true
	}
	var out []MTLS
	for host := range hosts { // sorted by the caller
		for _, ca := range orNil(authorities[host]) {
			for _, app := range orNil(applications[host]) {
				out = append(out, mtlsRow(a, host, ca, app))
			}
		}
	}
	return out
}

// orNil returns a list with nil in place of none, so that loops over it run once.
func orNil(list []*plan.Resource) []*plan.Resource {
	if len(list) == 0 {
		return []*plan.Resource{nil}
	}
	return list
}

func mtlsRow(a *plan.LiveAccount, host string, ca, app *plan.Resource) MTLS {
	m := MTLS{Account: cmp.Or(a.Name, a.ID), Hostname: host, Forwarded: "no"}
	if ca != nil {
		m.Authority, m.Expires = ca.Name, cmp.Or(plan.TextOf(ca.Value(plan.FieldExpires)), Unknown)
	}
	if app != nil {
		m.Application, m.Admits = app.Name, cmp.Or(plan.TextOf(app.Value(plan.FieldPolicy)), Unknown)
	}

	if _, unreadable := a.Unreadable[plan.KindAccessApplication]; unreadable {
		m.Application, m.Admits = Unknown, Unknown
	}
	_, unreadable := a.Unreadable[plan.KindMTLSHostname]
	switch {
	case unreadable || a.Kept.Partial && !slices.Contains(a.Kept.Hostnames, host):
		m.Forwarded = Unknown
	case a.Forwarding.Value(plan.FieldForwarding(host)) != schema.Inherit:
		m.Forwarded = "yes"
	}
	return m
}
