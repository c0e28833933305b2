package snapshot

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// missing is why something cannot be read that a scope asks for.
const missing = "not in the snapshot"

// other is what to do about a zone or an account that is missing.
const other = "which was taken with another configuration: take a new one"

// Fetch answers a scope from the snapshot, as cloudflare.Reader does from the API,
// with what is asked for and no more, so that the plan is the one that would have
// been made when the snapshot was taken. What is missing from it is told in the
// places where the Reader tells what could not be read: zones, accounts and
// hostnames that nothing can be planned without in Live.Problems, settings in
// Zone.Unreadable, objects of accounts in LiveAccount.Unreadable. Problems that
// kept a zone or an account out of the snapshot are told again.
//
// Live.Reads is 0. Lists of hostnames and of objects are shared with the snapshot
// and are not to be written to; Live.Add does not. The error is that of the
// context.
func (s *Snapshot) Fetch(ctx context.Context, scope plan.Scope) (*plan.Live, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	f := &fetch{from: s.Live, told: map[int]bool{}}
	zones := make([]zoneNeed, len(s.Live.Zones))
	for i := range scope.Zones {
		f.find(zones, &scope.Zones[i])
	}
	accounts := make([]accountNeed, len(s.Live.Accounts))
	for i := range scope.Accounts {
		f.findAccount(accounts, &scope.Accounts[i])
	}
	for i := range zones {
		if zones[i].asked {
			f.zone(&s.Live.Zones[i], &zones[i])
		}
	}
	for i := range accounts {
		if accounts[i].asked {
			f.live.Accounts = append(f.live.Accounts, accountOf(&s.Live.Accounts[i], &accounts[i]))
		}
	}
	return &f.live, nil
}

// fetch is an answer in the making.
type fetch struct {
	from *plan.Live
	live plan.Live
	told map[int]bool // problems of the snapshot that were told again
}

// zoneNeed is what all scopes together need of a zone of the snapshot.
type zoneNeed struct {
	asked           bool
	settings, local map[string]bool
	hostnames       bool
	required        bool // it is of no use without its hostnames
	pulls           bool
	origin          plan.Origin // of the first scope that reaches it
}

func (f *fetch) tell(severity schema.Severity, rule string, object plan.Ref, message string, origin plan.Origin) {
	f.live.Problems = append(f.live.Problems, plan.Finding{Severity: severity, Rule: rule, Ref: object, Message: message, Origin: origin})
}

// find enters the need of a scope at the zones that it reaches.
func (f *fetch) find(needs []zoneNeed, s *plan.ZoneScope) {
	object := plan.ZoneRef(s.Name)
	var found []int
	for i := range f.from.Zones {
		if z := &f.from.Zones[i]; s.ID != "" && z.ID == s.ID {
			found = []int{i}
			break
		} else if reaches(s, z) {
			found = append(found, i)
		}
	}
	in := ""
	if s.Account != "" {
		in = " in account " + s.Account
	}
	switch {
	case s.Glob:
		// Of which account a zone is that could not be read is not recorded.
		again := f.again(s.Origin, func(p *plan.Finding) bool {
			name := p.Zone
			return p.Kind == plan.KindZone && (name == s.Name || p.Rule != plan.NotFound && schema.MatchZone(s.Name, name) && !f.holds(name))
		})
		if len(found) == 0 && !again {
			// Zones that match may be created tomorrow: that is what a glob is for.
			f.tell(schema.Warning, plan.NotFound, object, "no zone in the snapshot matches "+s.Name+in, s.Origin)
		}
	case len(found) == 0:
		// What was ambiguous then is not, once the account is given; and what is told
		// of a zone of that name in another account is of no interest.
		same := func(p *plan.Finding) bool { return p.Ref == object && (p.Rule != plan.Ambiguous || s.Account == "") }
		if f.holds(s.Name) || !f.again(s.Origin, same) {
			f.tell(schema.Error, plan.Unreadable, object, "zone "+s.Name+in+" is "+missing+", "+other, s.Origin)
		}
	case len(found) > 1:
		var accounts []string
		for _, i := range found {
			a := &f.from.Zones[i].Account
			accounts = append(accounts, fmt.Sprintf("%s (%s)", a.Name, a.ID))
		}
		slices.Sort(accounts)
		f.tell(schema.Error, plan.Ambiguous, object, fmt.Sprintf("zone %s exists in %d accounts: %s; say which with account:",
			s.Name, len(found), strings.Join(accounts, ", ")), s.Origin)
		return
	}
	for _, i := range found {
		needs[i].add(s)
	}
}

func reaches(s *plan.ZoneScope, z *plan.Zone) bool {
	if s.Account != "" && s.Account != z.Account.Name && s.Account != z.Account.ID {
		return false
	}
	if s.Glob {
		return schema.MatchZone(s.Name, z.Name)
	}
	return s.Name == z.Name
}

// holds reports whether the snapshot has a zone of a name.
func (f *fetch) holds(name string) bool {
	return slices.ContainsFunc(f.from.Zones, func(z plan.Zone) bool { return z.Name == name })
}

// again tells some problems that the snapshot had, each once, and reports whether
// there are any.
func (f *fetch) again(origin plan.Origin, is func(*plan.Finding) bool) bool {
	any := false
	for i := range f.from.Problems {
		p := &f.from.Problems[i]
		if !is(p) {
			continue
		}
		any = true
		if !f.told[i] {
			f.told[i] = true
			f.tell(p.Severity, p.Rule, p.Ref, "when the snapshot was taken: "+p.Message, origin)
		}
	}
	return any
}

func (n *zoneNeed) add(s *plan.ZoneScope) {
	if !n.asked {
		*n = zoneNeed{asked: true, settings: map[string]bool{}, local: map[string]bool{}, origin: s.Origin}
	}
	for _, id := range s.Settings {
		n.settings[id] = true
	}
	for _, id := range s.HostnameSettings {
		n.local[id] = true
	}
	n.hostnames = n.hostnames || s.CustomHostnames
	n.required = n.required || s.CustomHostnames && !s.Optional
	n.pulls = n.pulls || s.OriginCertificates
}

// zone gives what is needed of a zone.
func (f *fetch) zone(from *plan.Zone, need *zoneNeed) {
	object := plan.ZoneRef(from.Name)
	if need.hostnames && from.CustomHostnames == nil {
		why := "they are " + missing
		for _, p := range f.from.Problems {
			if p.Ref == object && p.Rule == plan.Unreadable {
				why += "; when it was taken: " + p.Message
			}
		}
		if need.required {
			f.tell(schema.Error, plan.Unreadable, object, "zone "+from.Name+" cannot be read without its custom hostnames: "+why, need.origin)
			return
		}
		f.tell(schema.Warning, plan.Unreadable, object, "the custom hostnames of zone "+from.Name+
			" cannot be read, so it is not known who follows its settings: "+why, need.origin)
	}
	z := plan.Zone{ID: from.ID, Name: from.Name, Account: from.Account}
	gap := func(id string, have bool) {
		why, unreadable := from.Unreadable[id]
		lacks, lacking := from.Lacking[id]
		switch {
		case lacking:
			z.Lacking = with(z.Lacking, id, lacks)
		case unreadable:
			z.Unreadable = with(z.Unreadable, id, why)
		case !have:
			z.Unreadable = with(z.Unreadable, id, "it is "+missing)
		}
	}
	// The API gives most settings at once, if one of them is needed.
	bulk := false
	for id := range need.settings {
		bulk = bulk || !readAlone(id)
	}
	have := map[string]bool{}
	for _, s := range from.Settings {
		if have[s.ID] = true; need.settings[s.ID] || bulk && !readAlone(s.ID) {
			z.Settings = append(z.Settings, s)
		}
	}
	for id := range need.settings {
		gap(id, have[id])
	}
	if need.settings[schema.FallbackOrigin] {
		z.FallbackStatus = from.FallbackStatus
	}
	if need.hostnames {
		z.CustomHostnames = slices.Clip(from.CustomHostnames)
	}
	for _, id := range from.HostnameSettings {
		if need.local[id] {
			z.HostnameSettings = append(z.HostnameSettings, id)
		}
	}
	for id := range need.local {
		gap(plan.PerHostname(id), slices.Contains(from.HostnameSettings, id))
	}
	z.Hostnames = localOf(from.Hostnames, need.local)
	if need.pulls {
		z.OriginCertificates = slices.Clip(from.OriginCertificates)
		gap(plan.OriginPullsCertificates, from.OriginCertificates != nil)
	}
	f.live.Zones = append(f.live.Zones, z)
}

func readAlone(id string) bool {
	row, ok := schema.LookupSetting(id)
	return ok && row.ReadAlone
}

// localOf are the names in a zone that have a value of their own for one of some
// settings, with those settings.
func localOf(names []plan.Hostname, settings map[string]bool) []plan.Hostname {
	var out []plan.Hostname
	for _, h := range names {
		all := h.Settings
		h.Settings = nil
		for _, s := range all {
			if settings[s.ID] {
				h.Settings = append(h.Settings, s)
			}
		}
		if len(h.Settings) > 0 {
			out = append(out, h)
		}
	}
	return out
}

func with[K comparable](m map[K]string, key K, value string) map[K]string {
	if m == nil {
		m = map[K]string{}
	}
	m[key] = value
	return m
}

// accountNeed is what all scopes together need of an account of the snapshot.
type accountNeed struct{ asked, mtls, alerts bool }

// findAccount enters the need of a scope at the account that it means.
func (f *fetch) findAccount(needs []accountNeed, s *plan.AccountScope) {
	object := plan.AccountRef(s.Name)
	var found []int
	var ids []string
	for i := range f.from.Accounts {
		if a := &f.from.Accounts[i]; a.ID == s.Name || a.Name == s.Name {
			found, ids = append(found, i), append(ids, a.ID)
		}
	}
	switch {
	case len(found) == 0:
		if !f.again(s.Origin, func(p *plan.Finding) bool { return p.Ref == object }) {
			f.tell(schema.Error, plan.Unreadable, object, "account "+s.Name+" is "+missing+", "+other, s.Origin)
		}
	case len(found) > 1:
		slices.Sort(ids)
		f.tell(schema.Error, plan.Ambiguous, object, fmt.Sprintf("there are %d accounts with the name %s: %s; say which by its id",
			len(found), s.Name, strings.Join(ids, ", ")), s.Origin)
	default:
		n := &needs[found[0]]
		n.asked, n.mtls, n.alerts = true, n.mtls || s.MTLS, n.alerts || s.Alerts
	}
}

// accountOf gives what is needed of an account. That something was not read shows
// in there being nothing of it at all: of what was read there is at least an id,
// or an empty list.
func accountOf(from *plan.LiveAccount, need *accountNeed) plan.LiveAccount {
	a := plan.LiveAccount{Account: from.Account}
	gaps := func(have bool, kinds ...plan.Kind) {
		for _, kind := range kinds {
			_, tried := from.Unreadable[kind]
			have = have || tried
		}
		for _, kind := range kinds {
			why, unreadable := from.Unreadable[kind]
			switch {
			case unreadable:
				a.Unreadable = with(a.Unreadable, kind, why)
			case !have:
				a.Unreadable = with(a.Unreadable, kind, "they are "+missing)
			}
		}
	}
	if need.mtls {
		a.Certificates, a.Applications = slices.Clip(from.Certificates), slices.Clip(from.Applications)
		a.Forwarding = from.Forwarding
		a.Forwarding.Fields = maps.Clone(a.Forwarding.Fields)
		gaps(from.Certificates != nil || from.Applications != nil || from.Forwarding.ID != "",
			plan.KindMTLSCertificate, plan.KindMTLSHostname, plan.KindAccessApplication)
	}
	if need.alerts {
		a.Alerts, a.AlertTypes = slices.Clip(from.Alerts), slices.Clip(from.AlertTypes)
		a.Webhooks, a.PagerDuty = slices.Clip(from.Webhooks), slices.Clip(from.PagerDuty)
		gaps(from.Alerts != nil || from.AlertTypes != nil || from.Webhooks != nil || from.PagerDuty != nil, plan.KindAlert)
	}
	return a
}
