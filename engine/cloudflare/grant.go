package cloudflare

import (
	"strings"

	"tlsync/engine/plan"
	"tlsync/schema/words"
)

// Grant returns what the write of a change takes to be allowed. Two changes with one
// Grant are written with one credential at one endpoint of one zone or account.
func (w *Writer) Grant(c *plan.Change) plan.Grant {
	g := plan.Grant{Write: kindOfWrite(c), Place: "zone " + c.Zone, PlaceID: c.ZoneID}
	if c.Kind.OfAccount() {
		g.Place, g.PlaceID = "account "+c.Account, c.AccountID
	}
	cl, err := w.clientOf(c)
	if err != nil {
		return g
	}
	g.Credential = cl.title()
	if c.Issues() {
		// Each waits for its turn to have a certificate issued, which must not keep
		// others from theirs.
		g.Write, g.Queue = "new custom hostnames", "new custom hostnames with "+g.Credential
	}
	return g
}

// kindOfWrite names what writes at the endpoint of a change's object are about.
func kindOfWrite(c *plan.Change) string {
	switch c.Kind {
	case plan.KindCustomHostname:
		return "custom hostnames"
	case plan.KindHostname:
		return "settings of hostnames"
	case plan.KindMTLSCertificate:
		return "certificate authorities"
	case plan.KindMTLSHostname:
		return "mTLS settings"
	case plan.KindAccessApplication:
		return "Access applications"
	case plan.KindAlert:
		return "alerts"
	case plan.KindZone:
	}
	if strings.Contains(plan.TargetPath(c), plan.EndpointSettings+"/") {
		return "settings"
	}
	return "certificate settings"
}

// title names the credential of a client for people, by the accounts that it is for.
func (c *client) title() string {
	switch {
	case c.fallback:
		return "the default credentials"
	case len(c.accounts) == 1:
		return "the credentials of account " + c.accounts[0]
	}
	return "the credentials of accounts " + words.Enumerate(c.accounts)
}
