package hold

import (
	"net/url"
	"slices"
	"strings"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// find returns the live object of a change, or why it is not known.
func (n *narrowing) find(c *plan.Change) (o plan.Object, why string) {
	if c.Kind.OfAccount() {
		return n.findResource(c)
	}
	if n.zones == nil {
		n.zones = map[plan.Ref]*plan.Zone{}
		for i := range n.live.Zones {
			n.zones[n.live.ZoneRef(i)] = &n.live.Zones[i]
		}
	}

	z := n.zones[c.In()]
	if z == nil {
		return o, "zone " + c.Zone + " could not be read, or is not there any more"
	}
	switch c.Kind {
	case plan.KindZone:
		return findInZone(z, c)
	case plan.KindHostname:
		return findHostname(z, c)
	case plan.KindCustomHostname, plan.KindMTLSCertificate, plan.KindMTLSHostname, plan.KindAccessApplication, plan.KindAlert:
	}
	return findCustomHostname(z, c)
}

// findHostname returns the setting of a hostname in a zone.
func findHostname(z *plan.Zone, c *plan.Change) (o plan.Object, why string) {
	if !slices.Contains(z.HostnameSettings, c.Edits[0].Setting) {
		return o, "it could not be read"
	}
	s := plan.Setting{ID: c.Edits[0].Setting, Value: schema.Inherit}
	if at, ok := plan.FindHostname(z.Hostnames, c.Name); ok {
		s.Value = z.Hostnames[at].Own(s.ID)
	}
	return plan.Object{Setting: &s}, ""
}

// findCustomHostname returns a custom hostname that is not being deleted already.
func findCustomHostname(z *plan.Zone, c *plan.Change) (o plan.Object, why string) {
	if z.CustomHostnames == nil {
		return o, "the custom hostnames of zone " + c.Zone + " could not be read"
	}

	at, ok := plan.FindHostname(z.CustomHostnames, c.Name)
	for ; ok && at < len(z.CustomHostnames) && z.CustomHostnames[at].Name == c.Name; at++ {
		h := &z.CustomHostnames[at]
		if c.Twin != "" && c.Twin != h.ID {
			continue // another object of the name
		}
		if c.Action == plan.Delete && (h.Status == "pending_deletion" || h.Status == "deleted") {
			continue
		}
		return plan.Object{Hostname: h}, ""
	}
	return plan.Object{Absent: true}, ""
}

// findInZone returns a setting of a zone, or a certificate for origin pulls.
func findInZone(z *plan.Zone, c *plan.Change) (plan.Object, string) {
	e := &c.Edits[0]
	if e.Setting == plan.FieldSHA256 {
		if _, unread := z.Unreadable[plan.OriginPullsCertificates]; unread {
			return plan.Object{}, "the certificates for origin pulls could not be read"
		}

		there := slices.ContainsFunc(z.OriginCertificates, func(o plan.OriginCertificate) bool { return schema.StringValue(o.SHA256) == e.To })
		if !there {
			return plan.Object{Absent: true}, ""
		}
		return plan.Object{Resource: &plan.Resource{Fields: map[string]schema.Value{plan.FieldSHA256: e.To}}}, ""
	}

	s, ok := plan.Lookup(z.Settings, e.Setting)
	if !ok {
		return plan.Object{}, "it could not be read"
	}
	return plan.Object{Setting: &s}, ""
}

// findResource returns an object of an account.
func (n *narrowing) findResource(c *plan.Change) (o plan.Object, why string) {
	at := -1
	for i := range n.live.Accounts {
		if n.live.AccountRef(i) == c.In() {
			at = i
		}
	}
	if at < 0 {
		return o, "account " + c.Account + " could not be read"
	}
	a := &n.live.Accounts[at]
	if _, bad := a.Unreadable[c.Kind]; bad {
		return o, "it could not be read"
	}

	if c.Kind == plan.KindMTLSHostname {
		return plan.Object{Resource: &a.Forwarding}, ""
	}
	all, is := candidates(a, c)
	for i := range all {
		if is(&all[i]) {
			return plan.Object{Resource: &all[i]}, ""
		}
	}
	return plan.Object{Absent: true}, ""
}

// candidates returns the objects of an account that have the kind of a change, and a
// function that recognises the object of the change among them.
func candidates(a *plan.LiveAccount, c *plan.Change) (all []plan.Resource, is func(*plan.Resource) bool) {
	is = func(r *plan.Resource) bool { return r.ID == requestedID(c) }
	switch c.Kind {
	case plan.KindMTLSCertificate:
		all = a.Certificates
		if made := plan.EditOf(c.Edits, plan.FieldFingerprint); c.Action == plan.Create && made != nil {
			is = func(r *plan.Resource) bool { return r.Value(plan.FieldFingerprint) == made.To || r.Name == c.Title() }
		}
	case plan.KindAccessApplication:
		all = a.Applications
		if c.Action == plan.Create {
			is = func(r *plan.Resource) bool {
				return plan.DomainOf(r) == c.Name && r.Value(plan.FieldPolicy) == plan.PolicyCertificate
			}
		}
	case plan.KindAlert:
		all = a.Alerts
		if c.Action == plan.Create {
			is = func(r *plan.Resource) bool { return r.Name == c.Name }
		}
	case plan.KindZone, plan.KindHostname, plan.KindCustomHostname, plan.KindMTLSHostname:
	}
	return all, is
}

// requestedID returns Cloudflare's id of the object that a change writes. In a saved
// plan only the request contains it.
func requestedID(c *plan.Change) string {
	id, err := url.PathUnescape(c.Request.Path[strings.LastIndex(c.Request.Path, "/")+1:])
	if err != nil {
		return ""
	}
	return id
}
