package account

import (
	"fmt"
	"slices"
	"strings"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// releases tells what the base managed of the account and the head does not, and
// what stays of it.
func (w *accountWork) releases() {
	if w.base == nil {
		return
	}
	var head schema.Account
	if w.want != nil {
		head = *w.want
	}
	for i := range w.base.MTLS {
		b := &w.base.MTLS[i]
		at := slices.IndexFunc(head.MTLS, func(m schema.MTLS) bool { return m.Name.Value == b.Name.Value })
		switch {
		case b.Absent:
		case at < 0:
			w.released(plan.KindMTLSCertificate, b.Name, "mtls entry "+b.Name.Value, w.standingOf(b), "mtls ")
		case !head.MTLS[at].Absent:
			m := &head.MTLS[at]
			field := func(gone bool, at schema.Pos, field, stays string) {
				if gone {
					w.released(plan.KindMTLSCertificate, schema.Field[string]{Value: b.Name.Value, Pos: at}, field+" of mtls entry "+b.Name.Value, stays, "mtls ")
				}
			}
			field(b.HostnamesAt.Set && !m.HostnamesAt.Set, b.HostnamesAt.Pos, "hostnames", w.standingOf(b))
			field(b.Forward.Set && !m.Forward.Set, b.Forward.Pos, "forward_client_certificate", w.forwardedOf(b))
			field(b.Require.Set && !m.Require.Set, b.Require.Pos, "require", w.demandedOf(b))
		}
	}
	for i := range w.base.Alerts {
		b := &w.base.Alerts[i]
		at := slices.IndexFunc(head.Alerts, func(a schema.Alert) bool { return a.Name.Value == b.Name.Value })
		switch {
		case b.Absent:
		case at < 0:
			w.released(plan.KindAlert, b.Name, "alert "+b.Name.Value, w.alertOf(b), "alert ")
		case !head.Alerts[at].Absent:
			a := &head.Alerts[at]
			field := func(gone bool, at schema.Pos, field string) {
				if gone {
					w.released(plan.KindAlert, schema.Field[string]{Value: b.Name.Value, Pos: at}, field+" of alert "+b.Name.Value, w.fieldOf(b, field), "alert ")
				}
			}
			field(b.Email.Set && !a.Email.Set, b.Email.Pos, plan.FieldEmail)
			field(b.Webhooks.Set && !a.Webhooks.Set, b.Webhooks.Pos, plan.FieldWebhooks)
			field(b.PagerDuty.Set && !a.PagerDuty.Set, b.PagerDuty.Pos, plan.FieldPagerDuty)
			field(b.Description.Set && !a.Description.Set, b.Description.Pos, plan.FieldDescription)
		}
	}
}

func (w *accountWork) released(kind plan.Kind, name schema.Field[string], what, stays, via string) {
	w.tell(schema.Warning, plan.NoLongerManaged, w.object(kind, name.Value),
		fmt.Sprintf("%s of account %s is no longer managed: %s", what, w.live.Name, stays), plan.Origin{Pos: name.Pos, Via: via + name.Value})
}

// unknownNow is said where what stays could not be read.
const unknownNow = "it stays as it is, which could not be read"

// standingOf tells what stays of an entry: its certificate authorities with
// their hostnames, and the hostnames whose clients have to show a certificate.
func (w *accountWork) standingOf(b *schema.MTLS) string {
	if !w.readable(plan.KindMTLSCertificate) {
		return unknownNow
	}
	var hostnames []string
	standing := 0
	for i := range w.live.Certificates {
		if c := &w.live.Certificates[i]; plan.HasFingerprint(b.CAs, fingerprintOf(c)) {
			standing++
			hostnames = append(hostnames, hostnamesOf(c)...)
		}
	}
	if standing == 0 {
		return "none of its certificate authorities exists"
	}
	slices.Sort(hostnames)
	text := "its certificate authority stays, for no hostname"
	if hostnames = slices.Compact(hostnames); len(hostnames) > 0 {
		text = fmt.Sprintf("its certificate authority stays, for %s (%s)", plan.Count(len(hostnames), "hostname"), plan.First(hostnames))
	}
	return text + ", and " + w.demandedOf(b) + "; state: absent would take it away"
}

// demandedOf tells for which hostnames of an entry an application demands a
// certificate.
func (w *accountWork) demandedOf(b *schema.MTLS) string {
	if !w.readable(plan.KindAccessApplication) {
		return "what demands it stays as it is, which could not be read"
	}
	some := hostnamesWith(b, func(hostname string) bool {
		return slices.ContainsFunc(w.live.Applications, func(app plan.Resource) bool {
			return plan.DomainOf(&app) == hostname && app.Value(plan.FieldPolicy) == plan.PolicyCertificate
		})
	})
	if some == "" {
		return "no application demands a certificate"
	}
	return "clients of " + some + " have to show a certificate, and nothing keeps it so"
}

// forwardedOf tells for which hostnames of an entry the client certificate is
// passed on.
func (w *accountWork) forwardedOf(b *schema.MTLS) string {
	if !w.readable(plan.KindMTLSHostname) {
		return unknownNow
	}
	some := hostnamesWith(b, func(hostname string) bool {
		return w.live.Forwarding.Value(plan.FieldForwarding(hostname)) != schema.Inherit
	})
	if some == "" {
		return "no client certificate is forwarded"
	}
	return "it stays on for " + some + ", and nothing keeps it there"
}

// hostnamesWith counts and names the hostnames of an entry for which something is
// so, "" for none.
func hostnamesWith(b *schema.MTLS, is func(hostname string) bool) string {
	var names []string
	for _, h := range b.Hostnames {
		if is(h.Value) {
			names = append(names, h.Value)
		}
	}
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	return fmt.Sprintf("%s (%s)", plan.Count(len(names), "hostname"), plan.First(names))
}

// alertOf tells what stays of an alert.
func (w *accountWork) alertOf(b *schema.Alert) string {
	if !w.readable(plan.KindAlert) {
		return unknownNow
	}
	l, n := w.alertNamed(b)
	switch {
	case n == 0:
		return "it does not exist"
	case l == nil:
		return severalStay(n)
	case l.Value(plan.FieldEnabled) == "false":
		return "it stays switched off; state: absent would take it away"
	}
	return "it stays on, and nothing keeps it there; state: absent would take it away"
}

// fieldOf tells what a field of an alert stays at.
func (w *accountWork) fieldOf(b *schema.Alert, field string) string {
	if !w.readable(plan.KindAlert) {
		return unknownNow
	}
	l, n := w.alertNamed(b)
	switch {
	case n == 0:
		return "there is no such alert yet"
	case l == nil:
		return severalStay(n)
	}
	value := "empty"
	if v := l.Value(field); v != schema.Inherit {
		value = strings.Trim(plan.Show(v), "[]")
	}
	return "it stays at " + value + ", and nothing keeps it there"
}

func severalStay(n int) string {
	return fmt.Sprintf("there are %d of that name, and all stay as they are", n)
}
