// Package account plans what account documents ask for: mutual TLS, the Access
// applications that demand client certificates, and alerts.
package account

import (
	"fmt"
	"slices"
	"time"

	"tlsync/engine/diff/order"
	"tlsync/engine/plan"
	"tlsync/schema"
)

// deed is what a write does to an account, as far as its place among the other
// writes is concerned. One write can do several.
type deed int

const (
	watch      deed = iota // an alert comes to tell of certificate authorities that expire
	unwatch                // it ceases to
	upload                 // a certificate authority is made
	associate              // a hostname gains one
	dissociate             // a hostname loses one
	remove                 // a certificate authority is deleted
	forward                // the client certificate of a hostname is passed on to the origin
	unforward              // it no longer is
	demand                 // an application comes to demand a certificate of a hostname's clients
	open                   // it ceases to
)

// reach says which two deeds a rule is about: all of an account, or those that
// have an entry of the configuration, a certificate or a hostname in common.
type reach int

const (
	perAccount reach = iota
	perEntry
	perCertificate
	perHostname
)

// accountRules is the ordering policy within an account: developers.cloudflare.com
// describes how mutual TLS is set up, how a certificate authority is replaced and
// how one is deleted, and that Access denies by default. It is read only.
//
// No rule leads back: alerts are switched on first, then come uploads and
// associations, then what opens, forwarding, what demands and dissociations, and
// at last deletions and alerts that go.
var accountRules = []struct {
	before, after deed
	of            reach
	why           string
}{
	{watch, upload, perAccount, "an alert that is there first misses no expiry"},
	{remove, unwatch, perAccount, "the expiry of a certificate authority is watched for as long as it is there"},
	{associate, forward, perHostname, "only a certificate that some authority vouches for can be forwarded"},
	{associate, demand, perHostname, "an application that demands a certificate before a certificate authority vouches for any refuses every client"},
	{forward, demand, perHostname, "the origin sees the certificate from the first client on that has to show one"},
	{open, unforward, perHostname, "the origin sees the certificate for as long as clients have to show one"},
	{open, dissociate, perHostname, "an application that demands a certificate when no certificate authority vouches for any refuses every client"},
	{unforward, dissociate, perHostname, "only a certificate that some authority vouches for can be forwarded"},
	{associate, dissociate, perHostname, "a hostname is associated with a certificate authority at every moment"},
	{associate, dissociate, perEntry, "the old certificate authority goes when the new one stands"},
	{upload, dissociate, perEntry, "the old certificate authority goes when the new one stands"},
	{upload, remove, perEntry, "the old certificate authority goes when the new one stands"},
	{associate, remove, perEntry, "the old certificate authority goes when the new one stands"},
	{dissociate, remove, perCertificate, "Cloudflare refuses to delete a certificate authority that hostnames are associated with"},
}

// whyForwarding is a tie that no rule can express: between one write of the list
// and the next.
const whyForwarding = "each write of the forwarding list holds the whole of it"

// step is one deed of a node.
type step struct {
	deed                         deed
	node                         int
	entry, certificate, hostname string
}

// key is what two steps must have in common to be tied.
func (s *step) key(of reach) string {
	switch of {
	case perEntry:
		return s.entry
	case perCertificate:
		return s.certificate
	case perHostname:
		return s.hostname
	case perAccount:
	}
	return ""
}

// accountWork is one live account while its changes are worked out.
type accountWork struct {
	in       Input
	graph    *order.Graph
	group    int // of its nodes, after those of all zones
	findings []plan.Finding
	live     *plan.LiveAccount
	label    string // the name; with the id where two accounts share the name
	want     *schema.Account
	base     *schema.Account // nil where the base does not speak of it
	steps    []step
	ids      map[string]bool
}

// Input is everything that the changes of one account are made from.
type Input struct {
	// Live is all live state: which hostnames can be given client certificates, the
	// zones tell.
	Live *plan.Live
	// Account is the index of the account in Live.
	Account int
	// Head is the document of the account, and Base that of the base commit; nil
	// where there is none.
	Head, Base *schema.Account
	// WithBase is set where there is a base commit.
	WithBase bool
	// Now is the time that the expiry of certificates is compared with.
	Now time.Time
}

// Build adds the changes that an account document asks for to the graph, and
// returns the findings.
func Build(graph *order.Graph, in Input) []plan.Finding {
	w := &accountWork{
		in: in, graph: graph, group: len(in.Live.Zones) + in.Account, live: &in.Live.Accounts[in.Account], label: in.Live.AccountLabel(in.Account),
		want: in.Head, base: in.Base, ids: map[string]bool{},
	}
	if w.want != nil {
		w.unreadable()
		w.mtls()
		w.alerts()
		w.tie()
	}
	w.releases()
	return w.findings
}

// unreadable tells which kinds of objects could not be read. Nothing of them is
// planned, nor what depends on them.
func (w *accountWork) unreadable() {
	mtls, alerts := len(w.want.MTLS) > 0, len(w.want.Alerts) > 0
	for _, k := range []struct {
		kind  plan.Kind
		asked bool
		noun  string
	}{
		{plan.KindMTLSCertificate, mtls, "the certificate authorities"},
		{plan.KindMTLSHostname, mtls, "the forwarding of client certificates"},
		{plan.KindAccessApplication, mtls, "the Access applications"},
		{plan.KindAlert, alerts, "the alerts"},
	} {
		if why, ok := w.live.Unreadable[k.kind]; ok && k.asked {
			w.tell(schema.Error, plan.Unreadable, "account/"+w.label,
				fmt.Sprintf("%s of account %s could not be read: %s", k.noun, w.live.Name, why), plan.Origin{Pos: w.want.Name.Pos, Via: "account"})
		}
	}
}

func (w *accountWork) readable(kinds ...plan.Kind) bool {
	return !slices.ContainsFunc(kinds, func(k plan.Kind) bool { _, bad := w.live.Unreadable[k]; return bad })
}

func (w *accountWork) tell(sev schema.Severity, rule, object, message string, origin plan.Origin) {
	w.findings = append(w.findings, plan.Finding{Severity: sev, Rule: rule, Object: object, Message: message, Origin: origin})
}

func (w *accountWork) object(kind plan.Kind, name string) string {
	return string(kind) + "/" + w.label + "/" + name
}

// edit is one edit of an object of the account. What it is effectively is what
// it is.
func (w *accountWork) edit(field string, from, to schema.Value, c plan.Cause, d schema.Direction, o plan.Origin) plan.Edit {
	return plan.Edit{Setting: field, From: from, To: to, EffectiveFrom: from, EffectiveTo: to, Cause: c, Direction: d, Origin: o}
}

// cause says why an edit is to be made. Base is what the base commit asked of the
// field, "" where it did not manage it.
func (w *accountWork) cause(base, head, live schema.Value) plan.Cause {
	if base == "" {
		return plan.CauseAdopt
	}
	return plan.CauseOf(w.in.WithBase, &schema.Assignment{Value: base}, head, live)
}

// add makes a change a node. Object is what it is written over, as it stands when
// its turn comes.
func (w *accountWork) add(c plan.Change, over plan.Object) int {
	c.Account, c.AccountID = w.label, w.live.ID
	if w.ids[c.ID] {
		c.ID += "@" + c.ObjectID // a second object of the same name
	}
	w.ids[c.ID] = true
	c.Request = plan.NewRequest(&c, over)
	return w.graph.Add(c, w.group)
}

// hazard tells of a node what a reviewer has to accept by name.
func (w *accountWork) hazard(n int, kind plan.HazardKind, format string, args ...any) {
	w.graph.Change(n).AddHazard(kind, fmt.Sprintf(format, args...))
}

func (w *accountWork) did(s step) { w.steps = append(w.steps, s) }

// tie makes the nodes wait for each other by the rules.
func (w *accountWork) tie() {
	type place struct {
		key  string
		node int
	}
	seen := map[order.Edge]map[int]bool{} // what waits for a node for a reason
	for _, rule := range accountRules {
		before := map[string][]int{}
		listed := map[place]bool{}
		for i := range w.steps {
			s := &w.steps[i]
			if at := (place{s.key(rule.of), s.node}); s.deed == rule.before && !listed[at] {
				listed[at] = true
				before[at.key] = append(before[at.key], s.node)
			}
		}
		done := map[place]bool{}
		for i := range w.steps {
			s := &w.steps[i]
			at := place{s.key(rule.of), s.node}
			if s.deed != rule.after || done[at] {
				continue
			}
			done[at] = true
			for _, on := range before[at.key] {
				e := order.Edge{Node: on, Why: rule.why}
				if on == s.node || seen[e][s.node] {
					continue
				}
				if seen[e] == nil {
					seen[e] = map[int]bool{}
				}
				seen[e][s.node] = true
				w.graph.Needs(s.node, on, rule.why)
			}
		}
	}
}
