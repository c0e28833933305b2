package resolve

import (
	"slices"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// ScopeOf returns the parts of live state that planning for some configurations needs.
// Nil configurations need nothing.
func ScopeOf(configs ...*schema.Desired) plan.Scope {
	var s plan.Scope
	for _, d := range configs {
		if d != nil {
			addConfig(&s, d, &d.Policy)
		}
	}
	return s
}

// ScopeOver returns the parts of live state that planning for a configuration needs,
// if the policy of a base applies to it as well. Base may be nil.
func ScopeOver(base, head *schema.Desired) plan.Scope {
	policies := []*schema.Policy{&head.Policy}
	if base != nil {
		policies = append(policies, &base.Policy)
	}
	var s plan.Scope
	addConfig(&s, head, policies...)
	return s
}

func addConfig(s *plan.Scope, d *schema.Desired, policies ...*schema.Policy) {
	for i := range d.Zones {
		s.Zones = append(s.Zones, scopeOf(&d.Zones[i], policies))
	}
	addAccounts(s, d)
}

// scopeOf returns what a zone document needs under some policies.
func scopeOf(z *schema.Zone, policies []*schema.Policy) plan.ZoneScope {
	needs := settingsOf(z)
	everybody := false // the policy is about every custom hostname
	for _, policy := range policies {
		everybody = needs.addFloor(policy) || everybody || policy.CoverageRequired
	}
	if needs.zone[schema.MinTLSVersion] || needs.zone[schema.TLS13] || needs.zone[schema.Ciphers] {
		// Only both together decide which protocol versions are left, and so what a list
		// of ciphers does.
		needs.zone[schema.MinTLSVersion], needs.zone[schema.TLS13] = true, true
	}

	s := plan.ScopeOfZone(z)
	s.Settings, s.HostnameSettings = needs.sorted()
	s.OriginCertificates = len(z.OriginCertificates) > 0
	s.CustomHostnames = z.CustomHostnames.Written()
	if everybody && !s.CustomHostnames {
		s.CustomHostnames, s.Optional, s.ForPolicy = true, true, true // the zone may have none at all
	}
	return s
}

// settings are sets of settings that have to be read: those of the zone, and those of
// its hostnames.
type settings struct{ zone, hostnames map[string]bool }

// settingsOf returns the settings that the lines of a zone document need.
func settingsOf(z *schema.Zone) settings {
	needs := settings{zone: map[string]bool{}, hostnames: map[string]bool{}}
	add := func(as []schema.Assignment) {
		for _, a := range as {
			needs.zone[a.Setting] = true
		}
	}

	add(z.Settings)
	add(z.CustomHostnames.Defaults)
	for _, r := range z.CustomHostnames.Rules {
		add(r.Settings)
	}
	for _, e := range z.CustomHostnames.Entries {
		add(e.Settings)
	}
	for _, e := range z.Hostnames {
		add(e.Settings)
		for _, a := range e.Settings {
			needs.hostnames[a.Setting] = true
		}
	}

	if len(needs.hostnames) > 0 || needs.zone[schema.TotalTLS] {
		// Only the zone's ciphers show whether it has the entitlement that these
		// settings need.
		needs.zone[schema.Ciphers] = true
	}
	if z.CustomHostnames.Create.Value {
		needs.zone[schema.FallbackOrigin] = true // nothing is created without an active one
	}
	return needs
}

// addFloor adds the settings of a policy's floor, which applies to all visitors and
// not only to names that the configuration manages. It reports whether custom
// hostnames have one of these settings.
func (s *settings) addFloor(policy *schema.Policy) (customHostnames bool) {
	for _, a := range policy.Floor {
		row, _ := schema.LookupSetting(a.Setting)
		customHostnames = customHostnames || row.On(schema.CustomHostnameLevel)

		s.zone[a.Setting] = true
		if row.On(schema.HostnameLevel) {
			s.hostnames[a.Setting] = true
		}
		if a.Setting == schema.Ciphers {
			// Under a minimum of TLS 1.3 no list of ciphers has an effect.
			s.zone[schema.MinTLSVersion], s.hostnames[schema.MinTLSVersion] = true, true
		}
	}
	return customHostnames
}

// sorted returns both sets in the order of the table, each without the settings that
// its level does not have.
func (s *settings) sorted() (zone, hostnames []string) {
	for _, row := range schema.Table() {
		if s.zone[row.ID] && row.On(schema.ZoneLevel) {
			zone = append(zone, row.ID)
		}
		if s.hostnames[row.ID] {
			hostnames = append(hostnames, row.ID)
		}
	}
	return zone, hostnames
}

// Followers returns what has to be read to know which names follow the zone values
// that a plan changes: the custom hostnames of zones whose document does not mention
// them, and the hostnames of the zone, where TLS 1.3 is switched off and they may require
// it, or where a minimum and a list protect only together and they may have one of the two.
// A second reading asks for them, because a zone without changes does not need them.
// They are optional, because a zone may have none.
func Followers(p *plan.Plan, live *plan.Live) plan.Scope {
	var s plan.Scope
	for i := range live.Zones {
		z := &live.Zones[i]
		moves := func(c plan.Change) bool {
			return c.Kind == plan.KindZone && c.ZoneID == z.ID && hasFollowers(c.ObjectID)
		}
		at := slices.IndexFunc(p.Changes, moves)
		if at < 0 {
			continue
		}

		needs := plan.ZoneScope{ID: z.ID, Name: z.Name, Account: z.Account.ID, Optional: true, Origin: p.Changes[at].Edits[0].Origin}
		needs.CustomHostnames = z.CustomHostnames == nil
		switchesOff := func(c plan.Change) bool { return moves(c) && c.ObjectID == schema.TLS13 && c.Edits[0].To == schema.Off }
		if !triedHostnames(z, schema.MinTLSVersion) && slices.ContainsFunc(p.Changes, switchesOff) {
			needs.HostnameSettings = []string{schema.MinTLSVersion}
		}
		if masked(p, z) {
			needs.HostnameSettings = slices.DeleteFunc([]string{schema.MinTLSVersion, schema.Ciphers}, func(id string) bool { return triedHostnames(z, id) })
		}
		if !needs.Empty() {
			s.Zones = append(s.Zones, needs)
		}
	}
	return s
}

// masked reports whether a plan moves the minimum or the list of a zone to a weaker value
// that weakens nobody who has neither of his own.
func masked(p *plan.Plan, z *plan.Zone) bool {
	value := func(id string) schema.Value { v, _ := z.Value(id); return v }
	from := schema.Handshake{Minimum: value(schema.MinTLSVersion), TLS13: value(schema.TLS13), Ciphers: value(schema.Ciphers)}
	to := from
	weaker := false
	for i := range p.Changes {
		c := &p.Changes[i]
		if c.Kind != plan.KindZone || c.ZoneID != z.ID || len(c.Edits) == 0 {
			continue
		}
		switch e := &c.Edits[0]; e.Setting {
		case schema.MinTLSVersion:
			to.Minimum, weaker = e.To, weaker || e.Direction == schema.Weakens
		case schema.Ciphers:
			to.Ciphers, weaker = e.To, weaker || e.Direction == schema.Weakens
		case schema.TLS13:
			to.TLS13 = e.To
		}
	}
	if !weaker {
		return false
	}
	d := from.Directions(to)
	return !d.Weakens()
}

// hasFollowers reports whether names that follow the zone's value of a setting may
// notice a change of it.
func hasFollowers(setting string) bool {
	row, ok := schema.LookupSetting(setting)
	return setting == schema.EarlyData || ok && row.On(schema.CustomHostnameLevel) && row.Ranked
}

// triedHostnames reports whether a reading asked for the per-hostname form of a
// setting, with or without success.
func triedHostnames(z *plan.Zone, setting string) bool {
	_, lacking := z.Lacking[plan.PerHostname(setting)]
	_, unreadable := z.Unreadable[plan.PerHostname(setting)]
	return lacking || unreadable || slices.Contains(z.HostnameSettings, setting)
}
