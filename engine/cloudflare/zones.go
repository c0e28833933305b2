package cloudflare

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strings"
	"sync"

	"golang.org/x/net/idna"
	"golang.org/x/sync/errgroup"

	"tlsync/engine/crash"
	"tlsync/engine/plan"
	"tlsync/schema"
)

// zonePages is the one size of pages of zones: the most that the API takes.
var zonePages = []int{50}

// maxLookups is up to how many zones are looked up by name, one request each.
// For more of them, or for a glob, all zones are listed, fifty per request.
const maxLookups = 5

// liveZone is a zone that the configuration reaches, and what is needed of it.
type liveZone struct {
	plan.Zone
	client    *client
	settings  []string
	local     []string // settings whose per-hostname form is needed
	pulls     bool     // the certificates for origin pulls are needed
	hostnames bool
	names     []string    // the only ones of its hostnames that are needed; nil for all
	required  bool        // it is of no use without its hostnames
	origin    plan.Origin // of the first document that reaches it

	failed  error
	without error // why its hostnames are missing, where they are not required
}

// Fetch reads what the scope asks for. Zones and accounts that could not be found
// or read are told in Live.Problems, and the others are read all the same. It is
// an error if the credentials are refused, or if nothing could be read at all.
func (r *Reader) Fetch(ctx context.Context, scope plan.Scope) (*plan.Live, error) {
	before := r.Requests().Read
	live := &plan.Live{}
	d, err := r.discover(ctx, scope)
	if err != nil {
		return nil, err
	}
	zones, failures := r.resolve(d, scope, live)
	accounts, failed, err := r.resolveAccounts(ctx, d, scope, live)
	if err != nil {
		return nil, err
	}
	failures = append(failures, failed...)
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(r.concurrency)
	for i := range zones {
		group.Go(crash.Guard(func() error { return r.fill(gctx, &zones[i]) }))
	}
	for i := range accounts {
		group.Go(crash.Guard(func() error { return r.fillAccount(gctx, &accounts[i]) }))
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for i := range zones {
		z := &zones[i]
		if z.failed != nil {
			failures = append(failures, z.failed)
			live.Problems = append(live.Problems, problem(plan.Unreadable, z.Name, "zone "+z.Name+" cannot be read: "+z.failed.Error(), z.origin))
			continue
		}
		if z.without != nil {
			f := problem(plan.Unreadable, z.Name, "the custom hostnames of zone "+z.Name+
				" cannot be read, so it is not known who follows its settings: "+z.without.Error(), z.origin)
			f.Severity = schema.Warning
			live.Problems = append(live.Problems, f)
		}
		live.Zones = append(live.Zones, z.Zone)
	}
	read := len(live.Zones)
	for i := range accounts {
		a := &accounts[i]
		live.Accounts = append(live.Accounts, a.LiveAccount)
		if a.failed != nil {
			failures = append(failures, a.failed)
		} else {
			read++
		}
	}
	if read == 0 && len(failures) > 0 {
		return nil, failures[0]
	}
	live.Reads = r.Requests().Read - before
	return live, nil
}

func problem(rule, zone, message string, origin plan.Origin) plan.Finding {
	return plan.Finding{Severity: schema.Error, Rule: rule, Object: "zone/" + zone, Message: message, Origin: origin}
}

// fill reads what is needed of a zone. A failure is kept in the zone; the error is
// one that concerns every zone.
func (r *Reader) fill(ctx context.Context, z *liveZone) error {
	var settings, hostnames, local, pulls error
	var got zoneSettings
	var ofLocal gaps
	var wait sync.WaitGroup
	run := func(needed bool, failed *error, f func() error) {
		if needed {
			wait.Go(func() { *failed = onZone(crash.Guard(f)(), z.Name) })
		}
	}
	run(len(z.settings) > 0, &settings, func() (err error) {
		got, err = r.settingsOf(ctx, z.client, &z.Zone, z.settings)
		return err
	})
	run(z.hostnames, &hostnames, func() (err error) {
		z.Hostnames, err = r.hostnamesOf(ctx, z.client, &z.Zone, z.names)
		return err
	})
	run(len(z.local) > 0, &local, func() (err error) {
		z.Local, z.LocalRead, ofLocal, err = r.localOf(ctx, z.client, &z.Zone, z.local)
		return err
	})
	run(z.pulls, &pulls, func() (err error) {
		z.OriginCertificates, err = originCertificates(ctx, z.client, z.ID)
		return err
	})
	wait.Wait()
	for _, err := range []error{settings, hostnames, local, pulls} {
		if err != nil && everybodys(ctx, err) {
			return err
		}
	}
	z.Settings, z.FallbackStatus = got.settings, got.fallback
	got.gaps.to(&z.Zone)
	ofLocal.to(&z.Zone)
	if pulls != nil {
		var g gaps
		g.add(plan.OriginPullsCertificates, pulls)
		g.to(&z.Zone)
	}
	if z.required {
		z.failed = cmp.Or(settings, hostnames)
	} else {
		z.failed, z.without = settings, hostnames
	}
	return nil
}

// everybodys reports whether an error is not about one zone: the credentials
// are refused, the run is over, or there is a bug.
func everybodys(ctx context.Context, err error) bool {
	var failed *Error
	var bug *crash.Error
	return ctx.Err() != nil || errors.As(err, &bug) || errors.As(err, &failed) && failed.Status == http.StatusUnauthorized
}

// candidate is a live zone as one credential sees it.
type candidate struct {
	plan.Zone
	client *client
}

// resolve finds the live zones of a scope, sorted by name and account. What is
// not found goes to the problems of live, what could not be asked also to
// failures.
func (r *Reader) resolve(d discovery, scope plan.Scope, live *plan.Live) (zones []liveZone, failures []error) {
	byID := map[string]*liveZone{}
	for _, s := range scope.Zones {
		found, failed := d.find(r, s)
		if c := r.ownerOf(s.ID); c != nil {
			found = []candidate{{plan.Zone{ID: s.ID, Name: s.Name, Account: plan.Account{ID: s.Account}}, c}}
		}
		switch {
		case len(found) == 0 && failed != nil:
			failures = append(failures, failed)
			live.Problems = append(live.Problems, problem(plan.Unreadable, s.Name, "zone "+s.Name+" cannot be looked up: "+failed.Error(), s.Origin))
			continue
		case len(found) == 0:
			live.Problems = append(live.Problems, notFound(s))
			continue
		case !s.Glob && len(found) > 1:
			live.Problems = append(live.Problems, ambiguous(s, found))
			continue
		}
		for _, f := range found {
			if !validID(f.ID) {
				failed := fmt.Errorf("zone %s has the id %q, which is no id", f.Name, clean(f.ID, f.client.hide))
				failures = append(failures, failed)
				live.Problems = append(live.Problems, problem(plan.Unreadable, f.Name, failed.Error(), s.Origin))
				continue
			}
			z := byID[f.ID]
			if z == nil {
				z = &liveZone{Zone: f.Zone, client: f.client, origin: s.Origin}
				byID[f.ID] = z
			}
			switch {
			case !s.Hostnames:
			case !z.hostnames:
				z.names = s.Names
			case len(z.names) == 0 || len(s.Names) == 0:
				z.names = nil
			default:
				z.names = union(z.names, s.Names)
			}
			z.hostnames = z.hostnames || s.Hostnames
			z.required = z.required || s.Hostnames && !s.Optional
			z.settings = union(z.settings, s.Settings)
			z.local = union(z.local, s.Local)
			z.pulls = z.pulls || s.OriginCertificates
		}
	}
	for _, z := range byID {
		zones = append(zones, *z)
	}
	sort.Slice(zones, func(i, j int) bool {
		a, b := &zones[i], &zones[j]
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Account.ID, b.Account.ID), cmp.Compare(a.ID, b.ID)) < 0
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range zones {
		r.owner[zones[i].ID] = zones[i].client
	}
	return zones, failures
}

func union(a, b []string) []string {
	out := slices.Clone(a)
	for _, id := range b {
		if !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

func notFound(s plan.ZoneScope) plan.Finding {
	in := ""
	if s.Account != "" {
		in = " in account " + s.Account
	}
	if s.Glob {
		f := problem(plan.NotFound, s.Name, "no live zone matches "+s.Name+in+"; the token may also lack \"Zone: Read\" on it", s.Origin)
		// Zones that match may be created tomorrow: that is what a glob is for.
		f.Severity = schema.Warning
		return f
	}
	return problem(plan.NotFound, s.Name, "zone "+s.Name+" does not exist"+in+", or the token lacks \"Zone: Read\" on it", s.Origin)
}

func ambiguous(s plan.ZoneScope, found []candidate) plan.Finding {
	var accounts []string
	for _, f := range found {
		accounts = append(accounts, fmt.Sprintf("%s (%s)", clean(f.Account.Name, f.client.hide), clean(f.Account.ID, f.client.hide)))
	}
	slices.Sort(accounts)
	return problem(plan.Ambiguous, s.Name, fmt.Sprintf("zone %s exists in %d accounts: %s; say which with account:",
		s.Name, len(found), strings.Join(accounts, ", ")), s.Origin)
}

// lookup is a question about zones that one credential was asked, and the
// answer.
type lookup struct {
	client *client
	name   string // canonical; empty for all zones
	zones  []plan.Zone
	err    error
}

// discovery is what the credentials know of zones.
type discovery []lookup

// discover asks for zones: each credential that a scope concerns is asked for
// the few names it is to know, or for all its zones.
func (r *Reader) discover(ctx context.Context, scope plan.Scope) (discovery, error) {
	names := map[*client]map[string]bool{}
	all := map[*client]bool{}
	for _, s := range scope.Zones {
		if r.ownerOf(s.ID) != nil {
			continue
		}
		for _, c := range r.clientsOf(s) {
			if names[c] == nil {
				names[c] = map[string]bool{}
			}
			names[c][s.Name] = true
			all[c] = all[c] || s.Glob
		}
	}
	var d discovery
	for _, c := range r.clients {
		switch {
		case names[c] == nil:
		case all[c] || len(names[c]) > maxLookups:
			d = append(d, lookup{client: c})
		default:
			for _, name := range slices.Sorted(maps.Keys(names[c])) {
				d = append(d, lookup{client: c, name: name})
			}
		}
	}
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(r.concurrency)
	for i := range d {
		group.Go(crash.Guard(func() error {
			l := &d[i]
			if l.zones, l.err = r.lookUp(gctx, l.client, l.name); l.err == nil || !everybodys(gctx, l.err) {
				return nil
			}
			if of := l.client.accounts; len(of) > 0 && !l.client.fallback {
				return fmt.Errorf("account %s: %w", strings.Join(of, ", "), l.err)
			}
			return l.err
		}))
	}
	return d, group.Wait()
}

// ownerOf are the credentials by which a zone was read before, nil if it was not.
func (r *Reader) ownerOf(id string) *client {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.owner[id]
}

// clientsOf are the credentials that may see the zones of a scope: those of its
// account, else the default ones, and where it names no account, all.
func (r *Reader) clientsOf(s plan.ZoneScope) []*client {
	if s.Account == "" {
		return r.clients
	}
	for _, c := range r.clients {
		if slices.ContainsFunc(c.accounts, func(a string) bool { return a == s.Account }) {
			return []*client{c}
		}
	}
	for _, c := range r.clients {
		if c.fallback {
			return []*client{c}
		}
	}
	return r.clients
}

// find are the live zones of one scope, each once. The error is that of a
// credential that could not be asked.
func (d discovery) find(r *Reader, s plan.ZoneScope) ([]candidate, error) {
	var out []candidate
	var failed error
	clients := r.clientsOf(s)
	at := map[string]int{} // index in out, by id
	for _, l := range d {
		if !slices.Contains(clients, l.client) || l.name != "" && l.name != s.Name {
			continue
		}
		failed = cmp.Or(failed, l.err)
		for _, z := range l.zones {
			if !reaches(s, z) {
				continue
			}
			i, seen := at[z.ID]
			switch {
			case !seen:
				at[z.ID] = len(out)
				out = append(out, candidate{z, l.client})
			case !out[i].client.serves(z.Account) && l.client.serves(z.Account):
				out[i].client = l.client
			}
		}
	}
	return out, failed
}

// serves reports whether the credentials were given for an account.
func (c *client) serves(a plan.Account) bool {
	return slices.ContainsFunc(c.accounts, func(n string) bool { return n == a.Name || n == a.ID })
}

func reaches(s plan.ZoneScope, z plan.Zone) bool {
	if s.Account != "" && s.Account != z.Account.Name && s.Account != z.Account.ID {
		return false
	}
	if s.Glob {
		return schema.MatchZone(s.Name, z.Name)
	}
	return s.Name == z.Name
}

// lookUp asks for a zone by name, or for all. The API compares with the Unicode form of a
// name; a server that only knows the ASCII form is asked again.
func (r *Reader) lookUp(ctx context.Context, c *client, name string) ([]plan.Zone, error) {
	if name == "" {
		return r.listZones(ctx, c, "")
	}
	unicode, err := idna.ToUnicode(name)
	if err != nil {
		unicode = name
	}
	zones, err := r.listZones(ctx, c, unicode)
	if err != nil || unicode == name || slices.ContainsFunc(zones, func(z plan.Zone) bool { return z.Name == name }) {
		return zones, err
	}
	return r.listZones(ctx, c, name)
}

// listZones lists the zones that a credential sees, those of one name if it is
// not empty. A server that ignores the filter gives more.
func (r *Reader) listZones(ctx context.Context, c *client, name string) ([]plan.Zone, error) {
	q := query[plan.Zone]{
		client: c,
		path:   plan.ZonesPath(),
		sizes:  zonePages,
		decode: decodeZones,
		id:     func(z *plan.Zone) string { return z.ID },
		limit:  r.concurrency,
		log:    r.log,
	}
	if name != "" {
		q.path += "?name=" + url.QueryEscape(name)
		q.filtered = true
	}
	l, err := list(ctx, q)
	if err != nil {
		return nil, err
	}
	return l.items, nil
}

func decodeZones(result []byte) ([]plan.Zone, error) { return decodeList(result, decodeZone) }

// decodeZone reads a zone object. Its id is checked where the zone is used: one odd
// zone that the configuration does not name must not stop the others.
func decodeZone(text []byte) (plan.Zone, error) {
	var shown struct {
		ID      string `json:"id"`
		Name    string `json:"name"`
		Account struct {
			ID   string `json:"id"`
			Name string `json:"name"`
		} `json:"account"`
	}
	switch err := unmarshal(text, &shown); {
	case err != nil:
		return plan.Zone{}, err
	case shown.ID == "" || shown.Name == "":
		return plan.Zone{}, errors.New("a zone without id or name")
	}
	return plan.Zone{
		ID:      shown.ID,
		Name:    canonicalName(shown.Name),
		Account: plan.Account{ID: shown.Account.ID, Name: shown.Account.Name},
	}, nil
}
