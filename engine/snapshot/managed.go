package snapshot

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// asConfigured stands for the recipients of an alert that were those of the configuration.
// A digest of them would be no better than the addresses: whoever guesses one could check
// the guess.
const asConfigured = "(as configured)"

// Managed returns live state with only those objects of accounts that a configuration
// manages, and without e-mail addresses. LiveAccount.Kept has what the configuration names,
// so that a plan of another configuration can tell a missing object from one that was left
// out. It shares the rest with the live state that it is given.
//
// A certificate authority or an application of somebody else that is in the way of a
// managed hostname stays, without its name, its id and all that no plan needs.
func Managed(live *plan.Live, d *schema.Desired) *plan.Live {
	out := *live
	out.Zones = slices.Clone(live.Zones)
	for i := range out.Zones {
		z := &out.Zones[i]
		z.Account, z.Unreadable, z.Lacking = named(z.Account), withoutAddresses(z.Unreadable), withoutAddresses(z.Lacking)
	}

	out.Accounts = slices.Clone(live.Accounts)
	for i := range out.Accounts {
		reduce(&out.Accounts[i], d)
	}

	out.Problems = nil
	for _, p := range live.Problems {
		if !hasAddress(p.Ref.String()) { // of an account with such a name
			p.Message, p.Template = withoutAddress(p.Message), ""
			out.Problems = append(out.Problems, p)
		}
	}
	return &out
}

// named returns an account with its id for a name where the name has an address.
func named(a plan.Account) plan.Account {
	if hasAddress(a.Name) {
		a.Name = a.ID
	}
	return a
}

// reduce leaves out of an account what the configuration does not manage.
func reduce(a *plan.LiveAccount, d *schema.Desired) {
	k := plan.Kept{Partial: true}
	var alerts []*schema.Alert
	for i := range d.Accounts {
		if want := &d.Accounts[i]; a.IsCalled(want.Name.Value) {
			keep(&k, want)
			for j := range want.Alerts {
				alerts = append(alerts, &want.Alerts[j])
			}
		}
	}

	a.Account, a.Unreadable = named(a.Account), withoutAddresses(a.Unreadable)
	a.Alerts = filter(a.Alerts, func(r *plan.Resource) bool { return slices.Contains(k.Alerts, r.Name) })
	for i := range a.Alerts {
		markRecipients(&a.Alerts[i], alerts)
	}
	a.Webhooks = filter(a.Webhooks, func(w *plan.Destination) bool { return means(k.Webhooks, w) })
	a.PagerDuty = filter(a.PagerDuty, func(w *plan.Destination) bool { return means(k.PagerDuty, w) })
	reduceMTLS(a, &k)
	a.Kept = k
}

// keep notes what an account document names.
func keep(k *plan.Kept, want *schema.Account) {
	for i := range want.Alerts {
		alert := &want.Alerts[i]
		if !hasAddress(alert.Name.Value) {
			k.Alerts = append(k.Alerts, alert.Name.Value)
		}
		for _, name := range alert.Webhooks.Value {
			if !hasAddress(name) {
				k.Webhooks = append(k.Webhooks, name)
			}
		}
		for _, name := range alert.PagerDuty.Value {
			if !hasAddress(name) {
				k.PagerDuty = append(k.PagerDuty, name)
			}
		}
	}

	for i := range want.MTLS {
		e := &want.MTLS[i]
		if !hasAddress(e.Name.Value) {
			k.Entries = append(k.Entries, e.Name.Value)
		}
		for _, h := range e.Hostnames {
			k.Hostnames = append(k.Hostnames, h.Value)
		}
		for _, ca := range e.CAs {
			k.Fingerprints = append(k.Fingerprints, ca.MD5...)
		}
	}
}

// means reports whether one of some names is that of a destination, or its id.
func means(names []string, d *plan.Destination) bool {
	return slices.Contains(names, d.Name) || slices.Contains(names, d.ID)
}

// markRecipients replaces the recipients of an alert where they are the configured ones.
// Write blanks those of all others.
func markRecipients(r *plan.Resource, alerts []*schema.Alert) {
	at := slices.IndexFunc(alerts, func(a *schema.Alert) bool { return a.Name.Value == r.Name })
	if at >= 0 && alerts[at].Email.Set && r.Value(plan.FieldEmail) == recipients(alerts[at]) && r.Value(plan.FieldEmail) != schema.Inherit {
		r.Fields = maps.Clone(r.Fields)
		r.Fields[plan.FieldEmail] = schema.ListValue([]string{asConfigured})
	}
}

// recipients returns the addresses that an alert is to have.
func recipients(a *schema.Alert) schema.Value {
	return plan.ListField(slices.Compact(slices.Sorted(slices.Values(a.Email.Value))))
}

// reduceMTLS leaves out of an account what no entry is about.
func reduceMTLS(a *plan.LiveAccount, k *plan.Kept) {
	ours := func(c *plan.Resource) bool {
		return slices.Contains(k.Fingerprints, plan.TextOf(c.Value(plan.FieldFingerprint))) ||
			slices.ContainsFunc(k.Entries, func(entry string) bool { return plan.CertificateOf(c.Name, entry) })
	}
	concerned := map[string]bool{} // hostnames
	for _, h := range k.Hostnames {
		concerned[h] = true
	}
	for i := range a.Certificates {
		if c := &a.Certificates[i]; ours(c) {
			for _, h := range c.Value(plan.FieldHostnames).List() {
				concerned[h] = true
			}
		}
	}

	a.Certificates = replace(a.Certificates, func(c plan.Resource) (plan.Resource, bool) {
		if ours(&c) {
			return c, true
		}
		hostnames := slices.DeleteFunc(slices.Clone(c.Value(plan.FieldHostnames).List()), func(h string) bool { return !concerned[h] })
		return plan.Resource{Fields: map[string]schema.Value{plan.FieldHostnames: plan.ListField(hostnames)}}, len(hostnames) > 0
	})
	a.Applications = replace(a.Applications, func(app plan.Resource) (plan.Resource, bool) {
		domain := plan.DomainOf(&app)
		if slices.ContainsFunc(k.Entries, func(entry string) bool { return domain != "" && app.Name == plan.ApplicationName(entry, domain) }) {
			return app, true
		}
		return plan.Resource{Name: blank, Fields: app.Fields}, concerned[domain]
	})
	reduceForwarding(&a.Forwarding, concerned)
}

// reduceForwarding leaves hostnames that no entry is about out of the forwarding list.
func reduceForwarding(r *plan.Resource, concerned map[string]bool) {
	fields := map[string]schema.Value{}
	for name, v := range r.Fields {
		if concerned[strings.TrimPrefix(name, plan.FieldForwarding(""))] {
			fields[name] = v
		}
	}
	if r.Fields != nil {
		r.Fields = fields
	}

	var items, kept []json.RawMessage
	if json.Unmarshal([]byte(r.Rest), &items) != nil {
		r.Rest = "" // anything but a list has nothing to keep
		return
	}
	for _, item := range items {
		var of struct {
			Hostname string `json:"hostname"`
		}
		if json.Unmarshal(item, &of) == nil && concerned[strings.ToLower(of.Hostname)] {
			kept = append(kept, item)
		}
	}
	if len(kept) < len(items) {
		r.Rest = marshal(append([]json.RawMessage{}, kept...))
	}
}

// filter returns the items that are to stay; nil stays nil.
func filter[T any](items []T, stays func(*T) bool) []T {
	return replace(items, func(item T) (T, bool) { return item, stays(&item) })
}

// replace returns what becomes of the items that are to stay; nil stays nil.
func replace[T any](items []T, to func(T) (T, bool)) []T {
	if items == nil {
		return nil
	}
	out := []T{}
	for _, item := range items {
		if item, stays := to(item); stays {
			out = append(out, item)
		}
	}
	return out
}

// For returns the snapshot as plans of a configuration and its base are to see it. Recipients
// that were the configured ones are filled in where one of the two is the configuration
// with which it was taken. Of an account whose mTLS block names what the snapshot leaves out,
// certificate authorities, forwarding and applications are unreadable: all of them depend on
// each other.
func (s *Snapshot) For(head, base *schema.Desired) *Snapshot {
	out, live := *s, *s.Live
	live.Accounts = slices.Clone(live.Accounts)
	for i := range live.Accounts {
		a := &live.Accounts[i]
		a.Alerts = slices.Clone(a.Alerts)
		for j := range a.Alerts {
			fillRecipients(&a.Alerts[j], s.configured(a, a.Alerts[j].Name, head, base))
		}
		if why := leftOut(a, head, base); why != "" {
			a.Unreadable = maps.Clone(a.Unreadable)
			for _, kind := range []plan.Kind{plan.KindMTLSCertificate, plan.KindMTLSHostname, plan.KindAccessApplication} {
				a.Unreadable = with(a.Unreadable, kind, why)
			}
		}
	}
	out.Live = &live
	return &out
}

// configured returns an alert of the configuration with which the snapshot was taken, nil
// if that is none of the given ones.
func (s *Snapshot) configured(a *plan.LiveAccount, name string, of ...*schema.Desired) *schema.Alert {
	for _, d := range of {
		if d == nil || d.Digest == "" || d.Digest != s.ConfigDigest {
			continue
		}
		for i := range d.Accounts {
			for j := range d.Accounts[i].Alerts {
				if alert := &d.Accounts[i].Alerts[j]; alert.Name.Value == name && a.IsCalled(d.Accounts[i].Name.Value) {
					return alert
				}
			}
		}
	}
	return nil
}

// fillRecipients replaces what stands for recipients by those of the configuration, or by
// what says that they are not known.
func fillRecipients(r *plan.Resource, from *schema.Alert) {
	if r.Value(plan.FieldEmail) != schema.ListValue([]string{asConfigured}) {
		return
	}
	r.Fields = maps.Clone(r.Fields)
	if from == nil {
		r.Fields[plan.FieldEmail] = schema.ListValue([]string{blank})
		return
	}
	r.Fields[plan.FieldEmail] = recipients(from)
	r.Rest = plan.WithRecipients(r.Rest, recipients(from).List())
}

// leftOut says what the mTLS blocks of configurations name that the snapshot left out.
func leftOut(a *plan.LiveAccount, of ...*schema.Desired) string {
	if !a.Kept.Partial {
		return ""
	}
	for _, d := range of {
		if d == nil {
			continue
		}
		for i := range d.Accounts {
			if !a.IsCalled(d.Accounts[i].Name.Value) {
				continue
			}
			for j := range d.Accounts[i].MTLS {
				if what := unknownPart(&a.Kept, &d.Accounts[i].MTLS[j]); what != "" {
					return what + " is " + plan.LeftOut
				}
			}
		}
	}
	return ""
}

// unknownPart returns the first part of an entry that the snapshot left out, "" for none.
func unknownPart(k *plan.Kept, e *schema.MTLS) string {
	entry := "mtls " + e.Name.Value
	if !slices.Contains(k.Entries, e.Name.Value) {
		return entry
	}
	for _, h := range e.Hostnames {
		if !slices.Contains(k.Hostnames, h.Value) {
			return h.Value + " of " + entry
		}
	}
	for _, ca := range e.CAs {
		for _, md5 := range ca.MD5 {
			if !slices.Contains(k.Fingerprints, md5) {
				return ca.File + " of " + entry
			}
		}
	}
	return ""
}
