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

// missing says why a needed part cannot be read.
const missing = "not in the snapshot"

// other says what to do about a missing zone or account.
const other = "which was taken with another configuration: take a new one"

// Fetch answers a scope from the snapshot, as cloudflare.Reader does from the API. It
// returns the needed parts and nothing else, so that the plan is the one that would
// have been made when the snapshot was taken. It reports missing parts where the Reader
// reports parts that could not be read: zones, accounts and custom hostnames without
// which nothing can be planned in Live.Problems, settings in Zone.Unreadable, objects
// of accounts in LiveAccount.Unreadable. It repeats the problems that kept a zone or an
// account out of the snapshot.
//
// Live.Reads is 0. Lists of hostnames and of objects are shared with the snapshot
// and must not be written to; Live.Add does not. The error is that of the context.
func (s *Snapshot) Fetch(ctx context.Context, scope plan.Scope) (*plan.Live, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}

	f := &fetch{from: s.Live, repeated: map[int]bool{}}
	zones := make([]*plan.ZoneScope, len(s.Live.Zones)) // needs by zone, nil for none
	for i := range scope.Zones {
		f.find(zones, &scope.Zones[i])
	}
	accounts := make([]*plan.AccountScope, len(s.Live.Accounts))
	for i := range scope.Accounts {
		f.findAccount(accounts, &scope.Accounts[i])
	}

	for i, needs := range zones {
		if needs != nil {
			f.zone(&s.Live.Zones[i], needs)
		}
	}
	for i, needs := range accounts {
		if needs != nil {
			f.live.Accounts = append(f.live.Accounts, accountOf(&s.Live.Accounts[i], needs))
		}
	}
	return &f.live, nil
}

// fetch is an answer in the making.
type fetch struct {
	from     *plan.Live
	live     plan.Live
	repeated map[int]bool // problems of the snapshot that the answer repeats
}

func (f *fetch) report(severity schema.Severity, rule string, object plan.Ref, message string, origin plan.Origin) {
	f.live.Problems = append(f.live.Problems, plan.Finding{Severity: severity, Rule: rule, Ref: object, Message: message, Origin: origin})
}

// find adds a scope to the needs of the zones that it reaches.
func (f *fetch) find(needs []*plan.ZoneScope, s *plan.ZoneScope) {
	found := f.reached(s)
	switch {
	case s.Glob:
		f.reportGlob(s, len(found) > 0)
	case len(found) == 0:
		f.reportMissing(s)
	case len(found) > 1:
		f.reportAmbiguous(s, found)
		return
	}

	for _, i := range found {
		if needs[i] == nil {
			needs[i] = &plan.ZoneScope{Origin: s.Origin}
		}
		needs[i].Add(s)
	}
}

// reached returns the indices of the zones that a scope reaches.
func (f *fetch) reached(s *plan.ZoneScope) []int {
	var found []int
	for i := range f.from.Zones {
		z := &f.from.Zones[i]
		if s.ID != "" && z.ID == s.ID {
			return []int{i}
		}
		if s.Reaches(z) {
			found = append(found, i)
		}
	}
	return found
}

// reportGlob repeats the problems of zones that a glob matches. It reports a glob
// without zones and problems as a warning: a zone that matches may be created later.
func (f *fetch) reportGlob(s *plan.ZoneScope, found bool) {
	// The snapshot does not record the account of a zone that could not be read.
	repeated := f.repeat(s.Origin, func(p *plan.Finding) bool {
		name := p.Zone
		return p.Kind == plan.KindZone && (name == s.Name || p.Rule != plan.NotFound && schema.MatchZone(s.Name, name) && !f.holds(name))
	})
	if !found && !repeated {
		f.report(schema.Warning, plan.NotFound, plan.ZoneRef(s.Name), "no zone in the snapshot matches "+s.Name+inAccount(s), s.Origin)
	}
}

// reportMissing reports that a zone is not in the snapshot.
func (f *fetch) reportMissing(s *plan.ZoneScope) {
	object := plan.ZoneRef(s.Name)
	// A name that was ambiguous no longer is where the account is given. A problem of
	// a zone with that name in another account does not matter.
	same := func(p *plan.Finding) bool { return p.Ref == object && (p.Rule != plan.Ambiguous || s.Account == "") }
	if f.holds(s.Name) || !f.repeat(s.Origin, same) {
		f.report(schema.Error, plan.Unreadable, object, "zone "+s.Name+inAccount(s)+" is "+missing+", "+other, s.Origin)
	}
}

// reportAmbiguous reports a name that zones of several accounts have.
func (f *fetch) reportAmbiguous(s *plan.ZoneScope, found []int) {
	var accounts []string
	for _, i := range found {
		a := &f.from.Zones[i].Account
		accounts = append(accounts, fmt.Sprintf("%s (%s)", a.Name, a.ID))
	}
	slices.Sort(accounts)
	f.report(schema.Error, plan.Ambiguous, plan.ZoneRef(s.Name), fmt.Sprintf("zone %s exists in %d accounts: %s; say which with account:",
		s.Name, len(found), strings.Join(accounts, ", ")), s.Origin)
}

func inAccount(s *plan.ZoneScope) string {
	if s.Account == "" {
		return ""
	}
	return " in account " + s.Account
}

// holds reports whether the snapshot has a zone of a name.
func (f *fetch) holds(name string) bool {
	return slices.ContainsFunc(f.from.Zones, func(z plan.Zone) bool { return z.Name == name })
}

// repeat reports some problems of the snapshot again, each once, and says whether
// there are any.
func (f *fetch) repeat(origin plan.Origin, is func(*plan.Finding) bool) bool {
	any := false
	for i := range f.from.Problems {
		p := &f.from.Problems[i]
		if !is(p) {
			continue
		}

		any = true
		if !f.repeated[i] {
			f.repeated[i] = true
			f.report(p.Severity, p.Rule, p.Ref, "when the snapshot was taken: "+p.Message, origin)
		}
	}
	return any
}

// zone adds the needed parts of a zone to the answer.
func (f *fetch) zone(from *plan.Zone, needs *plan.ZoneScope) {
	if needs.CustomHostnames && from.CustomHostnames == nil {
		f.reportNoCustomHostnames(from, needs)
		if needs.Required() {
			return
		}
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

	// The API returns most settings in one answer, if one of them is needed.
	bulk := slices.ContainsFunc(needs.Settings, func(id string) bool { return !readAlone(id) })
	for _, s := range from.Settings {
		if slices.Contains(needs.Settings, s.ID) || bulk && !readAlone(s.ID) {
			z.Settings = append(z.Settings, s)
		}
	}
	for _, id := range needs.Settings {
		_, have := plan.Lookup(from.Settings, id)
		gap(id, have)
	}
	if slices.Contains(needs.Settings, schema.FallbackOrigin) {
		z.FallbackStatus = from.FallbackStatus
	}

	if needs.CustomHostnames {
		z.CustomHostnames = slices.Clip(from.CustomHostnames)
	}

	for _, id := range from.HostnameSettings {
		if slices.Contains(needs.HostnameSettings, id) {
			z.HostnameSettings = append(z.HostnameSettings, id)
		}
	}
	for _, id := range needs.HostnameSettings {
		gap(plan.PerHostname(id), slices.Contains(from.HostnameSettings, id))
	}
	z.Hostnames = hostnamesWith(from.Hostnames, needs.HostnameSettings)

	if needs.OriginCertificates {
		z.OriginCertificates = slices.Clip(from.OriginCertificates)
		gap(plan.OriginPullsCertificates, from.OriginCertificates != nil)
	}
	f.live.Zones = append(f.live.Zones, z)
}

// reportNoCustomHostnames reports that the snapshot lacks the custom hostnames of a
// zone.
func (f *fetch) reportNoCustomHostnames(from *plan.Zone, needs *plan.ZoneScope) {
	object := plan.ZoneRef(from.Name)
	why := "they are " + missing
	for _, p := range f.from.Problems {
		if p.Ref == object && p.Rule == plan.Unreadable {
			why += "; when it was taken: " + p.Message
		}
	}

	if needs.Required() {
		f.report(schema.Error, plan.Unreadable, object, "zone "+from.Name+" cannot be read without its custom hostnames: "+why, needs.Origin)
		return
	}
	f.report(schema.Warning, plan.Unreadable, object, "the custom hostnames of zone "+from.Name+
		" cannot be read, so it is not known who follows its settings: "+why, needs.Origin)
}

// readAlone reports whether the API returns a setting in an answer of its own.
func readAlone(id string) bool {
	row, ok := schema.LookupSetting(id)
	return ok && row.ReadAlone
}

// hostnamesWith returns the hostnames that have at least one of some settings, with
// these settings only.
func hostnamesWith(hostnames []plan.Hostname, settings []string) []plan.Hostname {
	var out []plan.Hostname
	for _, h := range hostnames {
		all := h.Settings
		h.Settings = nil
		for _, s := range all {
			if slices.Contains(settings, s.ID) {
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

// findAccount adds a scope to the needs of the account that it means.
func (f *fetch) findAccount(needs []*plan.AccountScope, s *plan.AccountScope) {
	object := plan.AccountRef(s.Name)
	var found []int
	var ids []string
	for i := range f.from.Accounts {
		if a := &f.from.Accounts[i]; a.IsCalled(s.Name) {
			found, ids = append(found, i), append(ids, a.ID)
		}
	}

	switch {
	case len(found) == 0:
		if !f.repeat(s.Origin, func(p *plan.Finding) bool { return p.Ref == object }) {
			f.report(schema.Error, plan.Unreadable, object, "account "+s.Name+" is "+missing+", "+other, s.Origin)
		}
	case len(found) > 1:
		slices.Sort(ids)
		f.report(schema.Error, plan.Ambiguous, object, fmt.Sprintf("there are %d accounts with the name %s: %s; say which by its id",
			len(found), s.Name, strings.Join(ids, ", ")), s.Origin)
	default:
		n := &needs[found[0]]
		if *n == nil {
			*n = &plan.AccountScope{}
		}
		(*n).Add(s)
	}
}

// accountOf returns the needed parts of an account. An account of which nothing is
// there was not read: a reading leaves at least an id or an empty list.
func accountOf(from *plan.LiveAccount, needs *plan.AccountScope) plan.LiveAccount {
	a := plan.LiveAccount{Account: from.Account, Kept: from.Kept}
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
	if needs.MTLS {
		a.Certificates, a.Applications = slices.Clip(from.Certificates), slices.Clip(from.Applications)
		a.Forwarding = from.Forwarding
		a.Forwarding.Fields = maps.Clone(a.Forwarding.Fields)
		gaps(from.Certificates != nil || from.Applications != nil || from.Forwarding.ID != "",
			plan.KindMTLSCertificate, plan.KindMTLSHostname, plan.KindAccessApplication)
	}
	if needs.Webhooks {
		a.Webhooks = slices.Clip(from.Webhooks)
	}
	if needs.PagerDuty {
		a.PagerDuty = slices.Clip(from.PagerDuty)
	}
	if needs.Alerts {
		a.Alerts, a.AlertTypes = slices.Clip(from.Alerts), slices.Clip(from.AlertTypes)
		gaps(from.Alerts != nil || from.AlertTypes != nil || from.Webhooks != nil || from.PagerDuty != nil, plan.KindAlert)
	}
	return a
}
