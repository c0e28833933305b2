// Package resolve applies a configuration to live state: which settings it asks of
// which zone, hostname and account. It also says what has to be read for that.
package resolve

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// Resolved is what a configuration asks of each live object.
type Resolved struct {
	// Zones are aligned with Live.Zones.
	Zones []ResolvedZone
	// Accounts are aligned with Live.Accounts.
	Accounts []ResolvedAccount
	// Findings tell of single entries that do not exist live.
	Findings []plan.Finding
	// Policy is that of the configuration; nil without a configuration.
	Policy *schema.Policy
}

// ResolvedZone is what is asked of one live zone and of its custom hostnames.
type ResolvedZone struct {
	Settings []schema.Assignment
	// CustomHostnames are aligned with Zone.CustomHostnames; slices are shared between
	// hostnames that the same lines reach.
	CustomHostnames [][]schema.Assignment
	// Deleted marks the indices of custom hostnames that are to be deleted, by
	// the entry that asks for it.
	Deleted map[int]*schema.Entry
	// Created are custom hostnames that do not exist and are to, sorted by name.
	Created []Creation
	// Hostnames holds what is asked of hostnames in the zone, sorted by name.
	Hostnames []Hostname
	// OriginCertificates are the certificates asked for, in the order written.
	OriginCertificates []schema.OriginCertificate
	// Managed says that a zone document speaks of the zone.
	Managed bool
	// Uncovered are the indices of custom hostnames that no defaults, no rule and
	// no entry reaches.
	Uncovered []int
}

// Creation is a custom hostname to be made.
type Creation struct {
	Name string
	// Settings are those of its certificate and origin, and those that the
	// cascade gives it.
	Settings []schema.Assignment
	Origin   plan.Origin
}

// Hostname is a hostname in a zone with what is asked of it.
type Hostname struct {
	Name     string
	Settings []schema.Assignment
}

// ResolvedAccount is what is asked of one live account: a document, nil if none
// speaks of it.
type ResolvedAccount struct{ Document *schema.Account }

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
	s := plan.ZoneScope{
		Name: z.Name.Value, Glob: z.Glob, Account: z.Account.Value,
		CustomHostnames: z.CustomHostnames.Written(),
		Origin:          plan.Origin{Pos: z.Name.Pos, Via: "zone"},
	}
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

// Resolve applies a configuration to live state: which settings are asked of
// which zone and of which custom hostname. Nil asks for nothing.
func Resolve(d *schema.Desired, live *plan.Live) *Resolved {
	r := &Resolved{Zones: make([]ResolvedZone, len(live.Zones))}
	r.resolveAccounts(d, live)
	if d == nil {
		return r
	}
	r.Policy = &d.Policy
	selectors := make([]*schema.Selector, len(d.Zones))
	for i := range d.Zones {
		selectors[i] = schema.Compile(&d.Zones[i].CustomHostnames)
	}
	found := make([]map[string]bool, len(d.Zones)) // entries of a document that exist live
	reached := make([]string, len(d.Zones))        // a live zone that the document reaches
	for zi := range live.Zones {
		z, out := &live.Zones[zi], &r.Zones[zi]
		out.CustomHostnames = make([][]schema.Assignment, len(z.CustomHostnames))
		// The zone's own document goes over the globs, whatever stands first.
		var layers []int
		for _, glob := range []bool{true, false} {
			for i := range d.Zones {
				if d.Zones[i].Glob == glob && reaches(&d.Zones[i], z) {
					layers = append(layers, i)
				}
			}
		}
		out.Managed = len(layers) > 0
		covered := make([]bool, len(z.CustomHostnames))
		for _, i := range layers {
			reached[i] = cmp.Or(reached[i], z.Name)
			out.Settings = schema.Overlay(out.Settings, d.Zones[i].Settings)
			out.addHostnames(d.Zones[i].Hostnames)
			out.OriginCertificates = slices.Concat(out.OriginCertificates, d.Zones[i].OriginCertificates)
			entries := d.Zones[i].CustomHostnames.Entries
			if len(entries) > 0 && found[i] == nil {
				found[i] = make(map[string]bool, len(entries))
			}
			lifecycle := lifecycles(entries)
			for hi := range z.CustomHostnames {
				h := &z.CustomHostnames[hi]
				as, isReached := selectors[i].Decide(h.Name, h.Metadata, h.Wildcard)
				covered[hi] = covered[hi] || isReached
				switch {
				case len(as) == 0:
				case len(out.CustomHostnames[hi]) == 0:
					out.CustomHostnames[hi] = as
				default:
					out.CustomHostnames[hi] = schema.Overlay(out.CustomHostnames[hi], as)
				}
				if e := lifecycle[h.Name]; e != nil {
					out.CustomHostnames[hi] = schema.Overlay(out.CustomHostnames[hi], e.Certificate)
					if delete(out.Deleted, hi); e.Absent {
						out.Deleted = withEntry(out.Deleted, hi, e)
					}
				}
				if found[i] != nil {
					found[i][h.Name] = true
				}
			}
		}
		for hi, isCovered := range covered {
			if out.Managed && !isCovered {
				out.Uncovered = append(out.Uncovered, hi)
			}
		}
		if z.CustomHostnames != nil && len(layers) > 0 {
			i := layers[len(layers)-1] // creating is asked for by the zone's own document
			out.create(&d.Zones[i], z, func(name string, isWildcard bool) []schema.Assignment {
				var as []schema.Assignment
				for _, l := range layers {
					own, _ := selectors[l].Decide(name, nil, isWildcard)
					as = schema.Overlay(as, own)
				}
				return as
			})
			for _, c := range out.Created {
				found[i][c.Name] = true
			}
		}
	}
	for i := range d.Zones {
		if reached[i] == "" {
			continue // the zone itself is missing, which the reading has told
		}
		zone, in := reached[i], "zone "+reached[i]
		if d.Zones[i].Glob {
			zone = d.Zones[i].Name.Value
			in = "any zone that matches " + zone
		}
		for _, e := range d.Zones[i].CustomHostnames.Entries {
			if !found[i][e.Hostname.Value] && !e.Absent {
				r.Findings = append(r.Findings, plan.Finding{
					Severity: schema.Warning, Rule: plan.NotFound,
					Ref:     plan.ZoneRef(zone).CustomHostname(e.Hostname.Value),
					Message: fmt.Sprintf("custom hostname %s does not exist in %s%s", e.Hostname.Value, in, notCreated(&d.Zones[i], &e)),
					Origin:  plan.Origin{Pos: e.Hostname.Pos, Via: "entry"},
				})
			}
		}
	}
	return r
}

// lifecycles are the entries that say more of a custom hostname than settings, by
// name; nil if there are none.
func lifecycles(entries []schema.Entry) map[string]*schema.Entry {
	var m map[string]*schema.Entry
	for i := range entries {
		if e := &entries[i]; e.Absent || len(e.Certificate) > 0 {
			if m == nil {
				m = map[string]*schema.Entry{}
			}
			m[e.Hostname.Value] = e
		}
	}
	return m
}

func withEntry(m map[int]*schema.Entry, i int, e *schema.Entry) map[int]*schema.Entry {
	if m == nil {
		m = map[int]*schema.Entry{}
	}
	m[i] = e
	return m
}

// addHostnames lays the names in the zone that a document speaks of over those so far.
func (z *ResolvedZone) addHostnames(entries []schema.Entry) {
	for _, e := range entries {
		at, ok := slices.BinarySearchFunc(z.Hostnames, e.Hostname.Value, func(l Hostname, name string) int { return strings.Compare(l.Name, name) })
		if !ok {
			z.Hostnames = slices.Insert(z.Hostnames, at, Hostname{Name: e.Hostname.Value})
		}
		z.Hostnames[at].Settings = schema.Overlay(z.Hostnames[at].Settings, e.Settings)
	}
}

// create finds the entries of a document that are to be created: they say so,
// have what it takes, and no custom hostname of their name exists. Settings are
// those that the cascade gives to a name.
func (z *ResolvedZone) create(d *schema.Zone, live *plan.Zone, settings func(name string, isWildcard bool) []schema.Assignment) {
	if !d.CustomHostnames.Create.Value {
		return
	}
	for i := range d.CustomHostnames.Entries {
		e := &d.CustomHostnames.Entries[i]
		name := e.Hostname.Value
		_, exists := slices.BinarySearchFunc(live.CustomHostnames, name, func(h plan.Hostname, n string) int { return strings.Compare(h.Name, n) })
		if exists || !Creatable(e) {
			continue
		}
		w := schema.Assigned(e.Certificate, "ssl.wildcard")
		z.Created = append(z.Created, Creation{
			Name: name, Settings: schema.Overlay(settings(name, w != nil && w.Value == "true"), e.Certificate), Origin: plan.Origin{Pos: e.Hostname.Pos, Via: "entry"},
		})
	}
	sort.Slice(z.Created, func(i, j int) bool { return z.Created[i].Name < z.Created[j].Name })
}

// Creatable reports whether an entry says what a certificate is made from.
func Creatable(e *schema.Entry) bool {
	return !e.Absent && schema.Assigned(e.Certificate, "ssl.method") != nil
}

// notCreated says why a missing custom hostname is not created, where somebody
// may have meant it to be.
func notCreated(d *schema.Zone, e *schema.Entry) string {
	switch {
	case len(e.Certificate) == 0:
		return ""
	case !d.CustomHostnames.Create.Value:
		return "; custom_hostnames.create: true would create it"
	}
	return "; ssl: { method: … } is missing to create it"
}

// reaches reports whether a zone document holds for a live zone.
func reaches(d *schema.Zone, z *plan.Zone) bool {
	if a := d.Account.Value; a != "" && a != z.Account.ID && a != z.Account.Name {
		return false
	}
	if d.Glob {
		return schema.MatchZone(d.Name.Value, z.Name)
	}
	return d.Name.Value == z.Name
}
