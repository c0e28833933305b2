package account

import (
	"tlsync/engine/diff/order"
)

// effect is what a write does to an account, as far as ordering cares. One write can
// have several effects.
type effect int

const (
	watch      effect = iota // an alert starts to report certificate authorities that expire
	unwatch                  // it stops
	upload                   // a certificate authority is created
	associate                // a hostname gains one
	dissociate               // a hostname loses one
	remove                   // a certificate authority is deleted
	forward                  // the client certificate of a hostname is passed on to the origin
	unforward                // it no longer is
	demand                   // an application starts to demand a certificate of a hostname's clients
	open                     // it stops
)

// common says what the two effects of a rule must have in common.
type common int

const (
	sameAccount common = iota
	sameEntry          // of the configuration
	sameCertificate
	sameHostname
)

// accountRules is the ordering policy within an account: developers.cloudflare.com
// describes how mutual TLS is set up, how a certificate authority is replaced and
// how one is deleted, and that Access denies by default. It is read only.
//
// No rule leads back: alerts are switched on first, then come uploads and
// associations, then what opens, forwarding, what demands and dissociations, and
// at last deletions and alerts that go.
var accountRules = []struct {
	before, after effect
	of            common
	why           string
}{
	{watch, upload, sameAccount, "an alert that exists first misses no expiry"},
	{remove, unwatch, sameAccount, "the expiry of a certificate authority is watched as long as it exists"},
	{associate, forward, sameHostname, "only a certificate that a certificate authority has verified can be forwarded"},
	{associate, demand, sameHostname, "an application that demands a certificate refuses every client until the hostname has a certificate authority"},
	{forward, demand, sameHostname, "the origin sees the certificate of the first client that has to show one"},
	{open, unforward, sameHostname, "the origin sees the certificate for as long as clients have to show one"},
	{open, dissociate, sameHostname, "an application that demands a certificate refuses every client once the hostname has no certificate authority"},
	{unforward, dissociate, sameHostname, "only a certificate that a certificate authority has verified can be forwarded"},
	{associate, dissociate, sameHostname, "a hostname has a certificate authority at every moment"},
	{associate, dissociate, sameEntry, "the old certificate authority goes after the new one is in place"},
	{upload, dissociate, sameEntry, "the old certificate authority goes after the new one is in place"},
	{upload, remove, sameEntry, "the old certificate authority goes after the new one is in place"},
	{associate, remove, sameEntry, "the old certificate authority goes after the new one is in place"},
	{dissociate, remove, sameCertificate, "Cloudflare refuses to delete a certificate authority that hostnames are associated with"},
}

// whyForwarding is the reason for a tie that no rule can express: between one write of
// the list and the next.
const whyForwarding = "each write of the forwarding list replaces the whole list"

// act is one effect of a node.
type act struct {
	effect                       effect
	node                         int
	entry, certificate, hostname string
}

// key returns the text that two acts have in common if a rule ties them.
func (a *act) key(of common) string {
	switch of {
	case sameEntry:
		return a.entry
	case sameCertificate:
		return a.certificate
	case sameHostname:
		return a.hostname
	case sameAccount:
	}
	return ""
}

// tie makes the nodes of acts wait for each other by the rules.
func tie(graph *order.Graph, acts []act) {
	seen := map[dependency]bool{}
	for _, rule := range accountRules {
		before := map[string][]int{} // nodes by key
		for _, p := range places(acts, rule.before, rule.of) {
			before[p.key] = append(before[p.key], p.node)
		}
		for _, p := range places(acts, rule.after, rule.of) {
			for _, on := range before[p.key] {
				d := dependency{p.node, on, rule.why}
				if on != p.node && !seen[d] {
					seen[d] = true
					graph.Needs(p.node, on, rule.why)
				}
			}
		}
	}
}

// dependency says that a node waits for another node, and why.
type dependency struct {
	node, on int
	why      string
}

// place is a node with the key of an act.
type place struct {
	key  string
	node int
}

// places returns the nodes that have an effect, each once for each key.
func places(acts []act, e effect, of common) []place {
	var out []place
	seen := map[place]bool{}
	for i := range acts {
		if acts[i].effect != e {
			continue
		}
		if p := (place{acts[i].key(of), acts[i].node}); !seen[p] {
			seen[p] = true
			out = append(out, p)
		}
	}
	return out
}
