package hold

import (
	"slices"
	"strings"

	"tlsync/engine/plan"
	"tlsync/engine/resolve"
	"tlsync/schema"
)

// wellFormed reports whether the id of a change fits its edits. The digest of a plan
// covers the id, but not the members that repeat parts of it.
func wellFormed(c *plan.Change) bool {
	if c.Name == "" || len(c.Edits) == 0 {
		return false
	}
	switch c.Kind {
	case plan.KindZone, plan.KindMTLSCertificate:
		return c.Part != ""
	case plan.KindHostname:
		return c.Part == c.Edits[0].Setting && len(c.Edits) == 1
	case plan.KindCustomHostname:
		return true
	case plan.KindMTLSHostname, plan.KindAccessApplication, plan.KindAlert:
		return c.Part == ""
	case plan.KindAccount, plan.KindConfiguration:
	}
	return false
}

// foreign says why a change cannot come from the configuration. It returns "" if it can.
func (n *narrowing) foreign(c *plan.Change) string {
	if !wellFormed(c) {
		return "its id does not fit what it is about"
	}
	if c.Kind.OfAccount() {
		return n.foreignToAccount(c)
	}

	covered := false
	for i := range n.head.Zones {
		z := &n.head.Zones[i]
		if z.Name.Value == c.Zone || z.Glob && schema.MatchZone(z.Name.Value, c.Zone) {
			if covered = true; n.mayAsk(i, c) {
				return ""
			}
		}
	}
	if !covered {
		return "no document of the configuration covers zone " + c.Zone
	}
	return "the configuration does not ask for it"
}

// mayAsk reports whether a zone document can ask for all edits of a change. It ignores
// metadata and the wildcard flag, which may have changed.
func (n *narrowing) mayAsk(i int, c *plan.Change) bool {
	z := &n.head.Zones[i]
	switch c.Kind {
	case plan.KindZone:
		if strings.HasPrefix(c.Part, plan.OriginPullsCertificates) {
			return slices.ContainsFunc(z.OriginCertificates, func(o schema.OriginCertificate) bool { return schema.StringValue(o.SHA256) == c.Edits[0].To })
		}
		e := &c.Edits[0]
		if e.Setting == schema.EarlyData {
			a := schema.Assigned(z.Settings, schema.TLS13)
			return a != nil && e.To == `"off"` && a.Value == `"on"`
		}
		return len(c.Edits) == 1 && asks(z.Settings, e)
	case plan.KindHostname:
		at := slices.IndexFunc(z.Hostnames, func(e schema.Entry) bool { return e.Hostname.Value == c.Name })
		return at >= 0 && asks(z.Hostnames[at].Settings, &c.Edits[0])
	case plan.KindCustomHostname, plan.KindMTLSCertificate, plan.KindMTLSHostname, plan.KindAccessApplication, plan.KindAlert:
	}

	entry := n.entry(i, c.Name)
	switch {
	case c.Action == plan.Delete:
		return entry != nil && entry.Absent
	case c.Action == plan.Create && (entry == nil || !z.CustomHostnames.Create.Value || !resolve.Creatable(entry)):
		return false
	}

	for j := range c.Edits {
		if e := &c.Edits[j]; !mayAskHostname(&z.CustomHostnames, entry, c.Name, e) {
			return false
		}
	}
	return true
}

// entry returns the entry of a zone document for a custom hostname, or nil.
func (n *narrowing) entry(i int, name string) *schema.Entry {
	if n.entries[i] == nil {
		all := n.head.Zones[i].CustomHostnames.Entries
		n.entries[i] = make(map[string]*schema.Entry, len(all))
		for j := range all {
			n.entries[i][all[j].Hostname.Value] = &all[j]
		}
	}
	return n.entries[i][name]
}

// mayAskHostname reports whether a zone document can ask for an edit of a custom
// hostname.
func mayAskHostname(c *schema.CustomHostnames, entry *schema.Entry, name string, e *plan.Edit) bool {
	if asks(c.Defaults, e) || entry != nil && (asks(entry.Settings, e) || asks(entry.Certificate, e)) {
		return true
	}
	return slices.ContainsFunc(c.Rules, func(r schema.Rule) bool {
		matches := func(g string) bool { return schema.MatchZone(g, name) }
		reaches := (len(r.Match.Hostnames) == 0 || slices.ContainsFunc(r.Match.Hostnames, matches)) && !slices.ContainsFunc(r.Match.Except, matches)
		return reaches && asks(r.Settings, e)
	})
}

// asks reports whether an edit can come from one of some assignments. An object value
// may omit members, which come from live state.
func asks(as []schema.Assignment, e *plan.Edit) bool {
	a := schema.Assigned(as, e.Setting)
	return a != nil && plan.Completed(a, e.To) == e.To
}

// foreignToAccount is foreign for an object of an account.
func (n *narrowing) foreignToAccount(c *plan.Change) string {
	name, _, _ := strings.Cut(c.Account, "@")
	names := []string{c.Account, name}
	for i := range n.live.Accounts {
		if a := &n.live.Accounts[i]; a.Name == c.Account || a.Name+"@"+a.ID == c.Account {
			names = append(names, a.ID, a.Name)
		}
	}

	covered := false
	for i := range n.head.Accounts {
		a := &n.head.Accounts[i]
		if !a.Manages() || !slices.Contains(names, a.Name.Value) {
			continue
		}
		if covered = true; asksOfAccount(a, c) {
			return ""
		}
	}
	if !covered {
		return "no document of the configuration covers account " + c.Account
	}
	return "the configuration does not ask for it"
}

// asksOfAccount reports whether an account document has an entry for a change. It does
// not compare lists, whose values depend on live state.
func asksOfAccount(a *schema.Account, c *plan.Change) bool {
	entry := c.Name
	switch c.Kind {
	case plan.KindAlert:
		return slices.ContainsFunc(a.Alerts, func(x schema.Alert) bool { return x.Name.Value == entry && x.Absent == (c.Action == plan.Delete) })
	case plan.KindAccessApplication:
		return slices.ContainsFunc(a.MTLS, func(m schema.MTLS) bool {
			return c.Action == plan.Delete || !m.Absent && m.Require.Value && slices.ContainsFunc(m.Hostnames, func(h schema.Field[string]) bool { return h.Value == entry })
		})
	case plan.KindMTLSCertificate, plan.KindMTLSHostname:
		return slices.ContainsFunc(a.MTLS, func(m schema.MTLS) bool {
			made := plan.EditOf(c.Edits, plan.FieldFingerprint)
			return m.Name.Value == entry && (c.Action != plan.Create || made != nil && plan.HasFingerprint(m.CAs, plan.TextOf(made.To)))
		})
	case plan.KindZone, plan.KindHostname, plan.KindCustomHostname:
	}
	return false
}
