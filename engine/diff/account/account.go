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

// Input is everything that the changes of one account are made from.
type Input struct {
	// Live is all live state: the zones decide which hostnames can have client
	// certificates.
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
	w := &work{
		in: in, graph: graph, group: len(in.Live.Zones) + in.Account,
		live: &in.Live.Accounts[in.Account], ref: in.Live.AccountRef(in.Account),
		want: in.Head, base: in.Base, refs: map[plan.Ref]bool{},
	}

	if w.want != nil {
		w.unreadable()
		w.mtls()
		w.alerts()
		tie(w.graph, w.acts)
	}
	w.released()

	return w.findings
}

// work plans the changes of one account.
type work struct {
	in       Input
	graph    *order.Graph
	group    int // of its nodes, after those of all zones
	live     *plan.LiveAccount
	ref      plan.Ref
	want     *schema.Account // nil without a document
	base     *schema.Account // nil where the base commit has no document
	acts     []act
	findings []plan.Finding
	refs     map[plan.Ref]bool // of its changes
}

// unreadable reports the kinds of objects that are needed and could not be read. No
// object of such a kind is planned, and nothing that depends on one.
func (w *work) unreadable() {
	mtls, alerts := len(w.want.MTLS) > 0, len(w.want.Alerts) > 0
	for _, k := range []struct {
		kind   plan.Kind
		needed bool
		noun   string
	}{
		{plan.KindMTLSCertificate, mtls, "the certificate authorities"},
		{plan.KindMTLSHostname, mtls, "the forwarding of client certificates"},
		{plan.KindAccessApplication, mtls, "the Access applications"},
		{plan.KindAlert, alerts, "the alerts"},
	} {
		if why, ok := w.live.Unreadable[k.kind]; ok && k.needed {
			w.report(schema.Error, plan.Unreadable, w.ref,
				fmt.Sprintf("%s of account %s could not be read: %s", k.noun, w.live.Name, why), plan.Origin{Pos: w.want.Name.Pos, Via: "account"})
		}
	}
}

// readable reports whether all objects of the kinds could be read.
func (w *work) readable(kinds ...plan.Kind) bool {
	return !slices.ContainsFunc(kinds, func(k plan.Kind) bool { _, bad := w.live.Unreadable[k]; return bad })
}

// report adds a finding. In the message, plan.This stands for the name of the object.
func (w *work) report(sev schema.Severity, rule string, object plan.Ref, message string, origin plan.Origin) {
	f := plan.Finding{Severity: sev, Rule: rule, Ref: object, Origin: origin}
	f.Say(message)
	w.findings = append(w.findings, f)
}

// edit returns an edit of an object of the account. Nothing is inherited there, so its
// effect is the same as its values.
func (w *work) edit(field string, from, to schema.Value, c plan.Cause, d schema.Direction, o plan.Origin) plan.Edit {
	return plan.Edit{Setting: field, From: from, To: to, EffectiveFrom: from, EffectiveTo: to, Cause: c, Direction: d, Origin: o}
}

// cause says why a field changes. Base is the value that the base commit asked for, ""
// where it did not manage the field.
func (w *work) cause(base, head, live schema.Value) plan.Cause {
	if base == "" {
		return plan.CauseAdopt
	}
	return plan.CauseOf(w.in.WithBase, &schema.Assignment{Value: base}, head, live)
}

// add adds a change to the graph. Over is the object that it is written over, as it
// stands when its turn comes.
func (w *work) add(c plan.Change, over plan.Object) int {
	c.AccountID = w.live.ID
	switch {
	case !w.refs[c.Ref]:
	case c.Part != "": // a second write of this kind to certificates with one name
		c.Part += "@" + c.ObjectID
	default:
		c.Twin = c.ObjectID
	}
	w.refs[c.Ref] = true
	c.Request = plan.NewRequest(&c, over)
	return w.graph.Add(c, w.group)
}

// hazard adds a hazard to the change of a node. In the message, plan.This stands for the
// name of the object.
func (w *work) hazard(n int, kind plan.HazardKind, format string, args ...any) {
	w.graph.Change(n).AddHazard(kind, fmt.Sprintf(format, args...))
}

// act notes an effect of a node.
func (w *work) act(a act) { w.acts = append(w.acts, a) }
