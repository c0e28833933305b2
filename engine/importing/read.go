package importing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"tlsync/engine/plan"
	"tlsync/schema"
	"tlsync/schema/sorted"
)

// Source reads the parts of live state that a scope asks for.
type Source interface {
	Fetch(ctx context.Context, s plan.Scope) (*plan.Live, error)
}

// Reading says what is read of live state.
type Reading struct {
	// Zones are the zones to read; none means all.
	Zones []string
	// Settings are the settings to read; none means those that few requests can read.
	Settings []string
	// Everything reads all settings and objects, however many requests that takes.
	Everything bool
}

// fewRequests is how many requests a reading may take that was not told what to read.
// Settings that take a request for each zone would take thousands in a large account.
const fewRequests = 60

// Read reads live state: first what a few requests give, then as much of the rest as a
// short reading allows. Skipped names the parts that were left unread.
func (r *Reading) Read(ctx context.Context, source Source) (live *plan.Live, skipped []string, err error) {
	live, err = source.Fetch(ctx, r.scope())
	if err != nil {
		return nil, nil, err
	}
	if err := r.found(live); err != nil {
		return nil, nil, r.suggesting(ctx, source, live, err)
	}

	var more plan.Scope
	requests := live.Reads
	for _, p := range r.parts(live) {
		switch {
		case p.cost == 0:
		case r.Everything || requests+p.cost <= fewRequests:
			requests += p.cost
			p.add(&more)
		default:
			skipped = append(skipped, p.what)
		}
	}
	if len(more.Zones) == 0 && len(more.Accounts) == 0 {
		return live, skipped, nil
	}

	rest, err := source.Fetch(ctx, more)
	switch {
	case err == nil:
		live.Add(rest)
		nameAccounts(live)
	case ctx.Err() != nil:
		return nil, nil, err
	default: // there is no more than the token may read
		live.Problems = append(live.Problems, plan.Finding{Severity: schema.Warning, Rule: plan.Unreadable, Ref: plan.ConfigurationRef(), Message: err.Error()})
	}
	return live, skipped, nil
}

// scope is what is read first.
func (r *Reading) scope() plan.Scope {
	z := plan.ZoneScope{CustomHostnames: true, Optional: true}
	for _, row := range schema.Table() {
		if r.named(row.ID) || len(r.Settings) == 0 && !row.ReadAlone {
			if row.On(schema.ZoneLevel) {
				z.Settings = append(z.Settings, row.ID)
			}
			if row.On(schema.HostnameLevel) && r.named(row.ID) {
				z.HostnameSettings = append(z.HostnameSettings, row.ID)
			}
		}
	}

	var out plan.Scope
	for _, name := range r.Zones {
		z.Name = name
		out.Zones = append(out.Zones, z)
	}
	if len(r.Zones) == 0 {
		z.Name, z.Glob = "*", true
		out.Zones = append(out.Zones, z)
	}
	return out
}

func (r *Reading) named(setting string) bool { return slices.Contains(r.Settings, setting) }

// found fails if there is nothing to write, or if a zone that was named cannot be read.
func (r *Reading) found(live *plan.Live) error {
	for _, f := range live.Problems {
		switch {
		case f.Severity != schema.Error || len(r.Zones) == 0:
		case f.Rule == plan.Ambiguous:
			return fmt.Errorf("--zone %s: several accounts have a zone of this name: import without --zone, or with a token of one account", f.Ref.Name)
		default:
			return errors.New(f.Message)
		}
	}
	if len(live.Zones) == 0 {
		return errors.New("the token sees no zone; it needs \"Zone: Read\" and \"Zone Settings: Read\"")
	}
	return nil
}

// suggesting adds the zone that a misspelt one is near, if the token sees one.
func (r *Reading) suggesting(ctx context.Context, source Source, live *plan.Live, err error) error {
	at := slices.IndexFunc(live.Problems, func(f plan.Finding) bool { return f.Rule == plan.NotFound })
	if len(r.Zones) == 0 || at < 0 || live.Problems[at].Message != err.Error() {
		return err
	}
	seen, failed := source.Fetch(ctx, plan.Scope{Zones: []plan.ZoneScope{{Name: "*", Glob: true, Optional: true}}})
	if failed != nil {
		return err
	}
	return near(err, live.Problems[at].Ref.Name, seen)
}

// near adds the zone of live state whose name is near one that is not found.
func near(err error, name string, live *plan.Live) error {
	var names []string
	for i := range live.Zones {
		names = append(names, live.Zones[i].Name)
	}
	slices.Sort(names)
	found := schema.Suggest(name, names)
	if slip, meant := apart(name, found); found == "" || schema.Suggest(slip, []string{meant}) == "" {
		return err
	}
	return fmt.Errorf("%w; did you mean %s?", err, schema.Show(found))
}

// apart returns what differs in two names: both without the last labels that they share, which
// would make any two zones of one country look alike.
func apart(a, b string) (string, string) {
	for {
		i, j := strings.LastIndexByte(a, '.'), strings.LastIndexByte(b, '.')
		if i < 0 || j < 0 || a[i:] != b[j:] {
			return a, b
		}
		a, b = a[:i], b[:j]
	}
}

// part is a part of live state that takes requests of its own.
type part struct {
	what string
	cost int // requests
	add  func(*plan.Scope)
}

// parts are what is read after the first reading, the most important first. Settings that
// were named have been read.
func (r *Reading) parts(live *plan.Live) []part {
	if len(r.Settings) > 0 {
		return nil
	}

	out := []part{perHostname(live), alone(live, "ssl_automatic_mode")}
	if len(r.Zones) == 0 {
		out = append(out, ofAccounts(live)...)
	}
	for _, row := range schema.Table() {
		if row.On(schema.ZoneLevel) && row.ReadAlone && row.ID != "ssl_automatic_mode" {
			out = append(out, alone(live, row.ID))
		}
	}
	return out
}

// again is the scope of a zone that was read before.
func again(s *plan.Scope, z *plan.Zone) *plan.ZoneScope {
	for i := range s.Zones {
		if s.Zones[i].ID == z.ID {
			return &s.Zones[i]
		}
	}
	s.Zones = append(s.Zones, plan.ZoneScope{ID: z.ID, Name: z.Name, Account: z.Account.ID})
	return &s.Zones[len(s.Zones)-1]
}

// perHostname are the settings of single names in the zones that can have them.
func perHostname(live *plan.Live) part {
	var settings []string
	for _, row := range schema.Table() {
		if row.On(schema.HostnameLevel) {
			settings = append(settings, row.ID)
		}
	}

	var zones []*plan.Zone
	for i := range live.Zones {
		ciphers, read := plan.Lookup(live.Zones[i].Settings, schema.Ciphers)
		if !read || !ciphers.Locked { // else it lacks the entitlement for both
			zones = append(zones, &live.Zones[i])
		}
	}
	return part{"the settings of single hostnames in the zones", len(zones) * len(settings), func(s *plan.Scope) {
		for _, z := range zones {
			again(s, z).HostnameSettings = settings
		}
	}}
}

// alone is a setting with an endpoint of its own.
func alone(live *plan.Live, setting string) part {
	return part{setting, len(live.Zones), func(s *plan.Scope) {
		for i := range live.Zones {
			z := again(s, &live.Zones[i])
			z.Settings = append(z.Settings, setting)
		}
	}}
}

// ofAccounts are the alerts and the client certificate authorities of the accounts.
func ofAccounts(live *plan.Live) []part {
	var ids []string
	for i := range live.Zones {
		if id := live.Zones[i].Account.ID; plan.IsAccountID(id) && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	of := func(needs plan.AccountScope) func(*plan.Scope) {
		return func(s *plan.Scope) {
			for _, id := range ids {
				a := needs
				a.Name = id
				s.Accounts = append(s.Accounts, a)
			}
		}
	}

	const alertLists, mtlsLists = 4, 3
	return []part{
		{"alerts", alertLists * len(ids), of(plan.AccountScope{Alerts: true, Webhooks: true, PagerDuty: true})},
		{"client certificate authorities", mtlsLists * len(ids), of(plan.AccountScope{MTLS: true})},
	}
}

// nameAccounts gives accounts that were read by their id the names that their zones show.
func nameAccounts(live *plan.Live) {
	for i := range live.Accounts {
		a := &live.Accounts[i]
		for j := range live.Zones {
			if live.Zones[j].Account.ID == a.ID && live.Zones[j].Account.Name != "" {
				a.Name = live.Zones[j].Account.Name
			}
		}
	}
	sorted.Stably(live.Accounts, func(a, b plan.LiveAccount) int {
		return strings.Compare(a.Name+"\x00"+a.ID, b.Name+"\x00"+b.ID)
	})
}

// Only returns live state without the zones that are not named; none means all.
func Only(live *plan.Live, zones []string) (*plan.Live, error) {
	if len(zones) == 0 {
		return live, nil
	}

	out := &plan.Live{Reads: live.Reads}
	for i, name := range zones {
		if slices.Contains(zones[:i], name) {
			continue
		}
		found := false
		for i := range live.Zones {
			if live.Zones[i].Name == name {
				out.Zones, found = append(out.Zones, live.Zones[i]), true
			}
		}
		if !found {
			return nil, near(fmt.Errorf("the snapshot has no zone %s", name), name, live)
		}
	}
	sorted.Stably(out.Zones, func(a, b plan.Zone) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}
