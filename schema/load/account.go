package load

import (
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"unicode/utf8"

	"tlsync/schema"

	"gopkg.in/yaml.v3"
)

// maxCertificateName is the largest number of characters in the name of a
// certificate of Access.
const maxCertificateName = 350

// mtls reads the mtls block of an account document.
func (d *decoder) mtls(n *yaml.Node) []schema.MTLS {
	pairs := d.mapping(n, "mtls")
	out := make([]schema.MTLS, 0, len(pairs))
	for _, p := range pairs {
		m := d.mtlsEntry(p)
		if strings.TrimSpace(p.key) != p.key || p.key == "" || strings.Contains(p.key, "\n") || utf8.RuneCountInString(p.key) > maxCertificateName {
			d.errorf(d.at(p.node), "name", fmt.Sprintf("write one line of at most %d characters without surrounding spaces", maxCertificateName), "%s is not a valid name for a certificate", schema.Show(p.key))
			continue
		}
		out = append(out, m)
	}
	return out
}

// mtlsEntry reads one entry of mtls.
func (d *decoder) mtlsEntry(p pair) schema.MTLS {
	m := schema.MTLS{Name: schema.Field[string]{Value: p.key, Pos: d.at(p.node), Set: true}}
	pairs := d.mapping(p.value, "an entry of mtls")
	if p.value.Kind != yaml.MappingNode {
		return m
	}
	if i := slices.IndexFunc(pairs, func(p pair) bool { return p.key == "state" }); i >= 0 { // ca depends on it
		m.Absent = d.absent(pairs[i].value)
	}

	for _, p := range pairs {
		switch p.key {
		case "state":
			continue
		case "ca":
			m.CAs = d.authorities(p.value, m.Absent)
			continue
		case "hostnames":
			m.Hostnames, m.HostnamesAt = d.hostnameList(p.value)
			continue
		case "forward_client_certificate":
			m.Forward = d.boolean(p.value, p.key)
		case "require":
			m.Require = d.boolean(p.value, p.key)
		default:
			d.unknownKey(p, "an entry of mtls", "ca", "hostnames", "forward_client_certificate", "require", "state")
			continue
		}
		if m.Absent {
			d.errorf(d.at(p.node), "absent", "remove the line", "%s has state: absent and cannot have %s", schema.Bare(m.Name.Value), p.key)
		}
	}

	if !m.Absent {
		d.checkMTLS(p, &m)
	}
	return m
}

// checkMTLS reports what is missing from an entry of mtls.
func (d *decoder) checkMTLS(p pair, m *schema.MTLS) {
	if !hasKey(p.value, "ca") {
		d.errorf(m.Name.Pos, "missing-key", "write ca: with the file of the certificate authority, or state: absent to remove the entry", "%s has no ca", schema.Bare(m.Name.Value))
	}

	// The list of hostnames counts as written if all its names have mistakes.
	noHostnames := !hasKey(p.value, "hostnames") || m.HostnamesAt.Set && m.HostnamesAt.Value == 0
	const hint = "write hostnames: with the names that clients connect to"
	if m.Require.Value && noHostnames {
		d.errorf(m.Require.Pos, "missing-key", hint, "require needs hostnames to protect")
	}
	if m.Forward.Value && noHostnames {
		d.errorf(m.Forward.Pos, "missing-key", hint, "forward_client_certificate needs hostnames")
	}
}

// authorities reads a file, or a list of files.
func (d *decoder) authorities(n *yaml.Node, isAbsent bool) []schema.CACertificate {
	var out []schema.CACertificate
	for _, item := range d.scalars(n, "ca") {
		if ca, ok := d.authority(item, isAbsent); ok {
			out = append(out, ca)
		}
	}
	return out
}

// hostnameList reads a list of hostnames, which may be empty. The Value of at is
// the number of items written.
func (d *decoder) hostnameList(n *yaml.Node) (names []schema.Field[string], at schema.Field[int]) {
	items, ok := d.list(n, "hostnames")
	if !ok {
		return nil, at
	}

	seen := map[string]schema.Pos{}
	for _, item := range items {
		name, err := schema.CanonicalHostname(item.Value)
		if err != nil {
			hint := ""
			if schema.IsGlob(item.Value) {
				hint = "write each name: client certificates cannot be asked for under a wildcard"
			}
			d.errorf(d.at(item), "hostname", hint, "%v", err)
			continue
		}

		if first, ok := seen[name]; ok {
			d.errorf(d.at(item), "duplicate-name", "", "%s is already in the list, at %s", schema.Show(item.Value), first)
			continue
		}

		seen[name] = d.at(item)
		names = append(names, schema.Field[string]{Value: name, Pos: d.at(item), Set: true})
	}

	return names, schema.Field[int]{Value: len(items), Pos: d.at(n), Set: true}
}

// alertTypes are the notifications about certificates and about service tokens
// of Access. None of them needs filters.
var alertTypes = []string{
	"access_custom_certificate_expiration_type",
	"custom_ssl_certificate_event_type",
	"dedicated_ssl_certificate_event_type",
	"expiring_service_token_alert",
	"hostname_aop_custom_certificate_expiration_type",
	"mtls_certificate_store_certificate_expiration_type",
	"universal_ssl_event_type",
	"zone_aop_custom_certificate_expiration_type",
}

// expiryAlert is the alert type for the certificate authorities of Access.
const expiryAlert = "access_custom_certificate_expiration_type"

// AlertTypes returns the accepted values of type in alerts, which are
// Cloudflare's own names.
func AlertTypes() []string { return slices.Clone(alertTypes) }

// alerts reads the alerts of an account document.
func (d *decoder) alerts(n *yaml.Node) []schema.Alert {
	var out []schema.Alert
	seen := map[string]schema.Pos{}
	for _, item := range d.sequence(n, "alerts") {
		a, ok := d.alert(item)
		if !ok {
			continue
		}

		if first, ok := seen[a.Name.Value]; ok {
			d.errorf(a.Name.Pos, "duplicate-name", "give each alert of the account its own name", "alert %s is already defined at %s", schema.Show(a.Name.Value), first)
			continue
		}

		seen[a.Name.Value] = a.Name.Pos
		out = append(out, a)
	}
	return out
}

// alert reads an item of alerts.
func (d *decoder) alert(n *yaml.Node) (schema.Alert, bool) {
	a := schema.Alert{Enabled: schema.Field[bool]{Value: true}}
	pairs := d.mapping(n, "an alert")
	if n.Kind != yaml.MappingNode {
		return a, false
	}

	var extra *pair // the first key that an absent alert must not have
	for i, p := range pairs {
		if d.alertKey(p, &a) && extra == nil {
			extra = &pairs[i]
		}
	}

	required := []string{"name", "type"}
	if a.Absent {
		required = required[:1]
	}
	for _, key := range required {
		if !hasKey(n, key) {
			d.errorf(d.at(n), "missing-key", "", "the alert has no %s", key)
		}
	}
	switch {
	case a.Absent && extra != nil:
		d.errorf(d.at(extra.node), "absent", "remove the line", "an alert with state: absent cannot have %s", extra.key)
	case !a.Absent && !notifies(pairs):
		d.errorf(d.at(n), "missing-key", "add email, webhooks or pagerduty", "the alert has no destination")
	}
	return a, a.Name.Set
}

// alertKey reads a key of an alert. It reports whether the key is known and not
// allowed on an alert that is to be absent.
func (d *decoder) alertKey(p pair, a *schema.Alert) (extra bool) {
	switch p.key {
	case "name":
		a.Name, _ = d.line(p.value, "name")
		return false
	case "type":
		a.Type = d.alertType(p.value)
		return false
	case "state":
		a.Absent = d.absent(p.value)
		return false
	case "enabled":
		if on := d.boolean(p.value, "enabled"); on.Set {
			a.Enabled = on
		}
	case "description":
		if s, ok := d.scalar(p.value, "description"); ok {
			a.Description = schema.Field[string]{Value: s, Pos: d.at(p.value), Set: true}
		}
	case "email":
		a.Email = d.destinations(p, checkAddress)
	case "webhooks":
		a.Webhooks = d.destinations(p, nil)
	case "pagerduty":
		a.PagerDuty = d.destinations(p, nil)
	default:
		d.unknownKey(p, "an alert", "type", "name", "email", "webhooks", "pagerduty", "enabled", "description", "state")
		return false
	}
	return true
}

// notifies reports whether an alert names a destination, even one with a mistake.
func notifies(pairs []pair) bool {
	return slices.ContainsFunc(pairs, func(p pair) bool {
		isDestination := p.key == "email" || p.key == "webhooks" || p.key == "pagerduty"
		isEmpty := p.value.Kind == yaml.SequenceNode && !slices.ContainsFunc(p.value.Content, func(item *yaml.Node) bool {
			return item.Kind == yaml.ScalarNode && !schema.IsNull(item)
		})
		return isDestination && !isEmpty
	})
}

func (d *decoder) alertType(n *yaml.Node) schema.Field[string] {
	s, ok := d.scalar(n, "type")
	if !ok {
		return schema.Field[string]{}
	}
	if !slices.Contains(alertTypes, s) {
		d.errorf(d.at(n), "alert-type", schema.SuggestOrList(s, alertTypes), "unknown alert type %s", schema.Show(s))
		return schema.Field[string]{}
	}
	return schema.Field[string]{Value: s, Pos: d.at(n), Set: true}
}

// destinations reads the destinations of one kind. A single one counts as a list
// of one. check, if any, describes the mistake in a destination, "" if there is
// none.
func (d *decoder) destinations(p pair, check func(string) (wrong, hint string)) schema.Field[[]string] {
	items, ok := d.list(p.value, p.key)
	if !ok {
		return schema.Field[[]string]{}
	}

	out := make([]string, 0, len(items))
	for _, item := range items {
		f, ok := d.line(item, "an item of "+p.key)
		if !ok {
			continue
		}
		if check != nil {
			if wrong, hint := check(f.Value); wrong != "" {
				d.errorf(f.Pos, "address", hint, "%s %s", schema.Show(f.Value), wrong)
				continue
			}
		}
		if slices.Contains(out, f.Value) {
			d.errorf(f.Pos, "duplicate-name", "", "%s is already in the list", schema.Show(f.Value))
			continue
		}
		out = append(out, f.Value)
	}
	return schema.Field[[]string]{Value: out, Pos: d.at(p.value), Set: true}
}

// checkAddress describes the mistake in an e-mail address, "" if there is none.
func checkAddress(s string) (wrong, hint string) {
	a, err := mail.ParseAddress(s)
	switch {
	case err != nil:
		return "is not an e-mail address", ""
	case a.Address != s:
		return "is more than an e-mail address", "write " + schema.Show(a.Address)
	}
	return "", ""
}
