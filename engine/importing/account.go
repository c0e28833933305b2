package importing

import (
	"fmt"
	"net/mail"
	"slices"
	"strings"

	"tlsync/engine/plan"
	"tlsync/schema"
	"tlsync/schema/load"
)

// accountFile is the file of an account.
type accountFile struct{ name, text string }

// accounts writes the documents of the accounts: their alerts, and what has to be done to
// manage their client certificate authorities, which cannot be read back.
func (m *maker) accounts() []accountFile {
	var out []accountFile
	for i := range m.live.Accounts {
		a := &m.live.Accounts[i]
		if a.Kept.Partial {
			continue // a snapshot has only what a configuration managed
		}
		m.leaveKinds(a)
		w := &writer{}
		alerts := m.alerts(a)
		authorities := m.authorities(a)
		if alerts == "" && authorities == "" {
			continue
		}

		w.WriteString(authorities)
		if alerts != "" {
			w.linef(0, "account: %s", word(m.account(a.Account)))
			w.WriteString(alerts)
		}
		out = append(out, accountFile{a.Name, w.String()})
	}
	return out
}

// leaveKinds reports the kinds of objects that could not be read.
func (m *maker) leaveKinds(a *plan.LiveAccount) {
	for _, k := range []struct {
		kind plan.Kind
		noun string
	}{
		{plan.KindMTLSCertificate, "the certificate authorities"}, {plan.KindMTLSHostname, "the forwarding of client certificates"},
		{plan.KindAccessApplication, "the Access applications"}, {plan.KindAlert, "the alerts"},
	} {
		if why := a.Unreadable[k.kind]; why != "" {
			m.leaveUnread(a.Name, k.noun, "", why)
		}
	}
}

// alerts writes the alerts that a configuration can have.
func (m *maker) alerts(a *plan.LiveAccount) string {
	w := &writer{}
	for i := range a.Alerts {
		r := &a.Alerts[i]
		kind := plan.TextOf(r.Value(plan.FieldAlertType))
		if !slices.Contains(load.AlertTypes(), kind) {
			continue // it is not about TLS
		}

		lines, why := m.alert(a, r)
		if why != "" {
			m.leave(a.Name, "alert", r.Name, why)
			continue
		}
		if w.Len() == 0 {
			w.linef(0, "alerts:")
		}
		w.linef(2, "- type: %s", kind)
		for _, l := range lines {
			w.linef(4, "%s", l)
		}
	}
	return w.String()
}

// alert writes the lines of an alert after its type, or says why it cannot.
func (m *maker) alert(a *plan.LiveAccount, r *plan.Resource) (lines []string, why string) {
	twins := 0
	for i := range a.Alerts {
		if a.Alerts[i].Name == r.Name {
			twins++
		}
	}
	switch {
	case twins > 1:
		return nil, "there are several of this name"
	case !oneLine(r.Name):
		return nil, "its name cannot be written"
	}

	lines = append(lines, "name: "+word(r.Name))
	if text := plan.TextOf(r.Value(plan.FieldDescription)); text != "" && oneLine(text) {
		lines = append(lines, "description: "+word(text))
	}

	email := r.Value(plan.FieldEmail).List()
	if slices.ContainsFunc(email, func(s string) bool { p, err := mail.ParseAddress(s); return err != nil || p.Address != s }) {
		return nil, "it notifies something that is not an e-mail address"
	}
	destinations := 0
	for _, d := range []struct {
		key   string
		names []string
	}{
		{"email", email},
		{"webhooks", named(r.Value(plan.FieldWebhooks).List(), a.Webhooks)},
		{"pagerduty", named(r.Value(plan.FieldPagerDuty).List(), a.PagerDuty)},
	} {
		if len(d.names) > 0 {
			destinations += len(d.names)
			lines = append(lines, d.key+": ["+strings.Trim(inList(d.names), "[]")+"]")
		}
	}
	if destinations == 0 {
		return nil, "it notifies nobody"
	}
	if r.Value(plan.FieldEnabled) == "false" {
		lines = append(lines, "enabled: false")
	}
	return lines, ""
}

// named returns the names of destinations, and the ids of those whose name does not tell
// them from others.
func named(ids []string, known []plan.Destination) []string {
	var out []string
	for _, id := range ids {
		name := id
		for _, d := range known {
			if d.ID == id && oneLine(d.Name) {
				name = d.Name
			}
		}
		if slices.ContainsFunc(known, func(d plan.Destination) bool { return d.ID != id && (d.Name == name || d.ID == name) }) {
			name = id
		}
		out = append(out, name)
	}
	return out
}

func oneLine(s string) bool {
	return s != "" && strings.TrimSpace(s) == s && schema.Printable(s) == s
}

// authorities writes, as comments, the certificate authorities of an account and what to
// do to manage them.
func (m *maker) authorities(a *plan.LiveAccount) string {
	w := &writer{}
	for i := range a.Certificates {
		c := &a.Certificates[i]
		m.leave(a.Name, "certificate authority", c.Name, "Cloudflare does not give out certificates: save its PEM file beside the configuration and write the entry that the file of the account shows")
		if w.Len() == 0 {
			w.linef(0, "# Cloudflare does not give out the certificates of its authorities for client certificates.")
			w.linef(0, "# To manage one, save its PEM file as shown, check the fingerprint, and write under account:")
			w.linef(0, "# mtls:")
		}
		m.authority(w, a, c)
	}
	return w.String()
}

func (m *maker) authority(w *writer, a *plan.LiveAccount, c *plan.Resource) {
	comment := func(indent int, format string, args ...any) {
		w.linef(0, "#"+strings.Repeat(" ", indent+1)+"%s", fmt.Sprintf(format, args...))
	}
	comment(2, "%s:", commented(c.Name))
	comment(4, "ca: certs/%s.pem # MD5 fingerprint %s", fileName(c.Name), commented(plan.TextOf(c.Value(plan.FieldFingerprint))))

	hostnames := c.Value(plan.FieldHostnames).List()
	if len(hostnames) == 0 {
		return
	}
	comment(4, "hostnames: %s", commented("["+strings.Trim(inList(hostnames), "[]")+"]"))
	all := func(is func(hostname string) bool) bool {
		return !slices.ContainsFunc(hostnames, func(h string) bool { return !is(h) })
	}
	if all(func(h string) bool { return a.Forwarding.Value(plan.FieldForwarding(h)) != schema.Inherit }) {
		comment(4, "forward_client_certificate: true")
	}
	if all(func(h string) bool { return demands(a, h) }) {
		comment(4, "require: true # Access applications demand it")
	}
}

// demands reports whether an application of Access demands a client certificate of the
// visitors of a hostname.
func demands(a *plan.LiveAccount, hostname string) bool {
	return slices.ContainsFunc(a.Applications, func(app plan.Resource) bool {
		return plan.DomainOf(&app) == hostname && app.Value(plan.FieldPolicy) == plan.PolicyCertificate
	})
}

// commented makes a text fit into a comment, where a file with an odd character is not
// loaded.
func commented(s string) string {
	if s == "" {
		return "unknown"
	}
	return schema.Printable(s)
}
