package resolve

import (
	"slices"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// ScopeOf is what has to be read to plan for some configurations. Nil ones ask for
// nothing.
func ScopeOf(configs ...*schema.Desired) plan.Scope {
	var s plan.Scope
	for _, d := range configs {
		if d != nil {
			addConfig(&s, d, &d.Policy)
		}
	}
	return s
}

// ScopeOver is what has to be read to plan for a configuration that is held to the
// policy of a base as well; nil is no base.
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

func scopeOf(z *schema.Zone, policies []*schema.Policy) plan.ZoneScope {
	need := map[string]bool{}
	want := func(as []schema.Assignment) {
		for _, a := range as {
			need[a.Setting] = true
		}
	}
	want(z.Settings)
	want(z.CustomHostnames.Defaults)
	for _, r := range z.CustomHostnames.Rules {
		want(r.Settings)
	}
	for _, e := range z.CustomHostnames.Entries {
		want(e.Settings)
	}
	inZone := map[string]bool{}
	for _, e := range z.Hostnames {
		want(e.Settings)
		for _, a := range e.Settings {
			inZone[a.Setting] = true
		}
	}
	if len(inZone) > 0 || need[schema.TotalTLS] {
		// It is the only sign of the entitlement that these settings need.
		need[schema.Ciphers] = true
	}
	if z.CustomHostnames.Create.Value {
		need[schema.FallbackOrigin] = true // without one that is active nothing is created
	}
	// The floor is about what everybody meets, whoever asks for it.
	everybody := false
	for _, policy := range policies {
		want(policy.Floor)
		everybody = everybody || policy.CoverageRequired
		for _, a := range policy.Floor {
			row, _ := schema.LookupSetting(a.Setting)
			everybody = everybody || row.On(schema.CustomHostnameLevel)
			if row.On(schema.HostnameLevel) {
				inZone[a.Setting] = true
			}
			if a.Setting == schema.Ciphers {
				need[schema.MinTLSVersion], inZone[schema.MinTLSVersion] = true, true // under one of 1.3 no list has any effect
			}
		}
	}
	// Which protocols are left is decided by the two together.
	if need["min_tls_version"] || need["tls_1_3"] {
		need["min_tls_version"], need["tls_1_3"] = true, true
	}
	s := plan.ScopeOfZone(z)
	s.CustomHostnames = z.CustomHostnames.Written()
	for _, row := range schema.Table() {
		if need[row.ID] && row.On(schema.ZoneLevel) {
			s.Settings = append(s.Settings, row.ID)
		}
		if inZone[row.ID] {
			s.HostnameSettings = append(s.HostnameSettings, row.ID)
		}
	}
	s.OriginCertificates = len(z.OriginCertificates) > 0
	if everybody && !s.CustomHostnames {
		s.CustomHostnames, s.Optional, s.ForPolicy = true, true, true // the zone may have none at all
	}
	return s
}

// Followers is what has to be read besides to know who follows the zones' values
// that a plan changes: the custom hostnames of zones whose document says nothing
// of them, and, where TLS 1.3 goes off, the names in the zone that demand it. They
// are asked for only now, since a zone without changes does not need them, and
// are optional, since a zone may have none of them at all.
func Followers(p *plan.Plan, live *plan.Live) plan.Scope {
	var s plan.Scope
	for i := range live.Zones {
		z := &live.Zones[i]
		moves := func(c plan.Change) bool {
			row, ok := schema.LookupSetting(c.ObjectID)
			return c.Kind == plan.KindZone && c.ZoneID == z.ID && (c.ObjectID == schema.EarlyData || ok && row.On(schema.CustomHostnameLevel) && row.Ranked)
		}
		at := slices.IndexFunc(p.Changes, moves)
		if at < 0 {
			continue
		}
		need := plan.ZoneScope{ID: z.ID, Name: z.Name, Account: z.Account.ID, Optional: true, Origin: p.Changes[at].Edits[0].Origin}
		need.CustomHostnames = z.CustomHostnames == nil
		if !slices.Contains(z.HostnameSettings, schema.MinTLSVersion) && !tried(z, schema.MinTLSVersion) &&
			slices.ContainsFunc(p.Changes, func(c plan.Change) bool { return moves(c) && c.ObjectID == schema.TLS13 && c.Edits[0].To == `"off"` }) {
			need.HostnameSettings = []string{schema.MinTLSVersion}
		}
		if need.CustomHostnames || len(need.HostnameSettings) > 0 {
			s.Zones = append(s.Zones, need)
		}
	}
	return s
}

// tried reports whether the per-hostname form of a setting could not be read.
func tried(z *plan.Zone, setting string) bool {
	_, lacking := z.Lacking[plan.PerHostname(setting)]
	_, unreadable := z.Unreadable[plan.PerHostname(setting)]
	return lacking || unreadable
}
