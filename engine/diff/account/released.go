package account

import (
	"fmt"
	"slices"
	"strings"

	"tlsync/engine/plan"
	"tlsync/schema"
	"tlsync/schema/words"
)

// released reports the parts of the account that the base commit managed and head does
// not, and says what remains of them.
func (w *work) released() {
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
			w.reportReleased(plan.KindMTLSCertificate, b.Name, b.Name.Pos, "", w.remainsOfEntry(b))
		case !head.MTLS[at].Absent:
			w.releasedFieldsOfEntry(b, &head.MTLS[at])
		}
	}
	for i := range w.base.Alerts {
		b := &w.base.Alerts[i]
		at := slices.IndexFunc(head.Alerts, func(a schema.Alert) bool { return a.Name.Value == b.Name.Value })
		switch {
		case b.Absent:
		case at < 0:
			w.reportReleased(plan.KindAlert, b.Name, b.Name.Pos, "", w.remainsOfAlert(b))
		case !head.Alerts[at].Absent:
			w.releasedFieldsOfAlert(b, &head.Alerts[at])
		}
	}
}

// releasedFieldsOfEntry reports fields of an mtls entry that head no longer has.
func (w *work) releasedFieldsOfEntry(b, head *schema.MTLS) {
	if b.HostnamesAt.Set && !head.HostnamesAt.Set {
		w.reportReleased(plan.KindMTLSCertificate, b.Name, b.HostnamesAt.Pos, "hostnames", w.remainsOfEntry(b))
	}
	if b.Forward.Set && !head.Forward.Set {
		w.reportReleased(plan.KindMTLSCertificate, b.Name, b.Forward.Pos, "forward_client_certificate", w.stillForwarded(b))
	}
	if b.Require.Set && !head.Require.Set {
		w.reportReleased(plan.KindMTLSCertificate, b.Name, b.Require.Pos, "require", w.stillRequired(b))
	}
}

// releasedFieldsOfAlert reports fields of an alert that head no longer has.
func (w *work) releasedFieldsOfAlert(b, head *schema.Alert) {
	for _, f := range []struct {
		field string
		gone  bool
		pos   schema.Pos
	}{
		{plan.FieldEmail, b.Email.Set && !head.Email.Set, b.Email.Pos},
		{plan.FieldWebhooks, b.Webhooks.Set && !head.Webhooks.Set, b.Webhooks.Pos},
		{plan.FieldPagerDuty, b.PagerDuty.Set && !head.PagerDuty.Set, b.PagerDuty.Pos},
		{plan.FieldDescription, b.Description.Set && !head.Description.Set, b.Description.Pos},
	} {
		if f.gone {
			w.reportReleased(plan.KindAlert, b.Name, f.pos, f.field, w.remainsOfField(b, f.field))
		}
	}
}

// reportReleased reports an mtls entry or an alert, or a field of one, that the
// configuration gave up.
func (w *work) reportReleased(kind plan.Kind, name schema.Field[string], pos schema.Pos, field, remains string) {
	noun := "mtls entry "
	via := "mtls "
	if kind == plan.KindAlert {
		noun, via = "alert ", "alert "
	}
	if field != "" {
		field += " of "
	}
	w.report(schema.Warning, plan.NoLongerManaged, w.ref.Of(kind, name.Value),
		fmt.Sprintf("%s%s%s of account %s is no longer managed: %s", field, noun, plan.This, w.live.Name, remains), plan.Origin{Pos: pos, Via: via + name.Value})
}

// unknownNow is reported where the remaining objects could not be read.
const unknownNow = "it could not be read, and stays as it is"

// remainsOfEntry says what remains of an entry: its certificate authorities with their
// hostnames, and the hostnames whose clients have to show a certificate.
func (w *work) remainsOfEntry(b *schema.MTLS) string {
	if !w.readable(plan.KindMTLSCertificate) {
		return unknownNow
	}
	var hostnames []string
	remaining := 0
	for i := range w.live.Certificates {
		if c := &w.live.Certificates[i]; plan.HasFingerprint(b.CAs, fingerprintOf(c)) {
			remaining++
			hostnames = append(hostnames, hostnamesOf(c)...)
		}
	}
	if remaining == 0 {
		return "none of its certificate authorities exists"
	}

	slices.Sort(hostnames)
	text := "its certificate authority stays, for no hostname"
	if hostnames = slices.Compact(hostnames); len(hostnames) > 0 {
		text = fmt.Sprintf("its certificate authority stays, for %s (%s)", words.Count(len(hostnames), "hostname"), words.First(hostnames))
	}
	return text + ", and " + w.stillRequired(b) + "; write state: absent to remove it"
}

// stillRequired says for which hostnames of an entry an application demands a
// certificate.
func (w *work) stillRequired(b *schema.MTLS) string {
	if !w.readable(plan.KindAccessApplication) {
		return "applications that demand it could not be read, and stay as they are"
	}
	some := hostnamesWith(b, func(hostname string) bool {
		return slices.ContainsFunc(w.live.Applications, func(app plan.Resource) bool {
			return plan.DomainOf(&app) == hostname && app.Value(plan.FieldPolicy) == plan.PolicyCertificate
		})
	})
	if some == "" {
		return "no application demands a certificate"
	}
	return "clients of " + some + " have to show a certificate, and nothing keeps it that way"
}

// stillForwarded says for which hostnames of an entry the client certificate is passed
// on.
func (w *work) stillForwarded(b *schema.MTLS) string {
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

// hostnamesWith counts and names the hostnames of an entry that meet a condition, "" if
// none does.
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
	return fmt.Sprintf("%s (%s)", words.Count(len(names), "hostname"), words.First(names))
}

// remainsOfAlert says what remains of an alert.
func (w *work) remainsOfAlert(b *schema.Alert) string {
	if !w.readable(plan.KindAlert) || w.leftOut(b) {
		return unknownNow
	}
	l, n := w.alertNamed(b)
	switch {
	case n == 0:
		return "it does not exist"
	case l == nil:
		return severalStay(n)
	case l.Value(plan.FieldEnabled) == "false":
		return "it stays switched off; write state: absent to remove it"
	}
	return "it stays on, and nothing keeps it there; write state: absent to remove it"
}

// remainsOfField says which value a field of an alert keeps.
func (w *work) remainsOfField(b *schema.Alert, field string) string {
	if !w.readable(plan.KindAlert) || w.leftOut(b) {
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
		value = strings.Trim(v.Show(), "[]")
	}
	return "it stays at " + value + ", and nothing keeps it there"
}

func severalStay(n int) string {
	return fmt.Sprintf("there are %d of that name, and all stay as they are", n)
}
