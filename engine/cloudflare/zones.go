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

// zonePages is the only page size for lists of zones: the API's maximum.
var zonePages = []int{50}

// maxLookups is how many zones are looked up by name, with one request each. If
// there are more of them, or a glob, all zones are listed, fifty per request. A token
// that is limited to some zones may look up these and not list all: then every name is
// looked up.
const maxLookups = 5

// liveZone is a zone that the configuration reaches, and the parts of it that are
// needed.
type liveZone struct {
	plan.Zone
	client *client
	needs  plan.ZoneScope // of all documents that reach it, with the origin of the first

	failed  error
	without error // why its custom hostnames are missing although not required
}

// Fetch reads the scope. If a zone or an account cannot be found or read, Fetch
// reports it in Live.Problems and reads the others. It returns an error if the
// credentials are refused or if nothing could be read at all.
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

	if err := r.fillAll(ctx, zones, accounts); err != nil {
		return nil, err
	}
	failures = append(failures, addZones(live, zones)...)
	readable := len(live.Zones)
	for i := range accounts {
		a := &accounts[i]
		live.Accounts = append(live.Accounts, a.LiveAccount)
		if a.failed != nil {
			failures = append(failures, a.failed)
		} else {
			readable++
		}
	}
	if readable == 0 && len(failures) > 0 {
		return nil, failures[0]
	}

	live.Reads = r.Requests().Read - before
	return live, nil
}

// fillAll reads all zones and accounts, several at once.
func (r *Reader) fillAll(ctx context.Context, zones []liveZone, accounts []liveAccount) error {
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(r.concurrency)
	for i := range zones {
		group.Go(crash.Guard(func() error { return r.fill(gctx, &zones[i]) }))
	}
	for i := range accounts {
		group.Go(crash.Guard(func() error { return r.fillAccount(gctx, &accounts[i]) }))
	}
	return group.Wait()
}

// addZones adds the zones that were read to live, and a problem for each zone that
// was not. It returns the errors of the latter.
func addZones(live *plan.Live, zones []liveZone) (failures []error) {
	for i := range zones {
		z := &zones[i]
		if z.failed != nil {
			failures = append(failures, z.failed)
			live.Problems = append(live.Problems, problem(plan.Unreadable, z.Name, "zone "+z.Name+" cannot be read: "+z.failed.Error(), z.needs.Origin))
			continue
		}

		if z.without != nil {
			f := problem(plan.Unreadable, z.Name, "the custom hostnames of zone "+z.Name+
				" cannot be read, so it is not known who follows its settings: "+z.without.Error(), z.needs.Origin)
			f.Severity = schema.Warning
			live.Problems = append(live.Problems, f)
		}
		live.Zones = append(live.Zones, z.Zone)
	}
	return failures
}

func problem(rule, zone, message string, origin plan.Origin) plan.Finding {
	return plan.Finding{Severity: schema.Error, Rule: rule, Ref: plan.ZoneRef(zone), Message: message, Origin: origin}
}

// fill reads the needed parts of a zone. It keeps a failure in the zone and
// returns only an error that concerns every zone.
func (r *Reader) fill(ctx context.Context, z *liveZone) error {
	var settingsErr, customErr, hostnamesErr, certificatesErr error
	var settings zoneSettings
	var hostnameGaps gaps
	var wait sync.WaitGroup
	run := func(needed bool, failed *error, f func() error) {
		if needed {
			wait.Go(func() { *failed = onZone(crash.Guard(f)(), z.Name) })
		}
	}

	run(len(z.needs.Settings) > 0, &settingsErr, func() (err error) {
		settings, err = r.settingsOf(ctx, z.client, &z.Zone, z.needs.Settings)
		return err
	})
	run(z.needs.CustomHostnames, &customErr, func() (err error) {
		z.CustomHostnames, err = r.readCustomHostnames(ctx, z.client, &z.Zone, z.needs.Names)
		return err
	})
	run(len(z.needs.HostnameSettings) > 0, &hostnamesErr, func() (err error) {
		z.Hostnames, z.HostnameSettings, hostnameGaps, err = r.readZoneHostnames(ctx, z.client, &z.Zone, z.needs.HostnameSettings)
		return err
	})
	run(z.needs.OriginCertificates, &certificatesErr, func() (err error) {
		z.OriginCertificates, err = originCertificates(ctx, z.client, z.ID)
		return err
	})
	wait.Wait()

	for _, err := range []error{settingsErr, customErr, hostnamesErr, certificatesErr} {
		if err != nil && fatal(ctx, err) {
			return err
		}
	}

	z.Settings, z.FallbackStatus = settings.settings, settings.fallback
	settings.gaps.addTo(&z.Zone)
	hostnameGaps.addTo(&z.Zone)
	if certificatesErr != nil {
		var g gaps
		g.add(plan.OriginPullsCertificates, certificatesErr)
		g.addTo(&z.Zone)
	}
	if z.needs.Required() {
		z.failed = cmp.Or(settingsErr, customErr)
	} else {
		z.failed, z.without = settingsErr, customErr
	}
	return nil
}

// fatal reports whether an error ends the whole run and not only the reading of
// one object: the credentials are refused, the run is over, or there is a bug.
func fatal(ctx context.Context, err error) bool {
	var failed *Error
	var bug *crash.Error
	return ctx.Err() != nil || errors.As(err, &bug) || errors.As(err, &failed) && failed.Status == http.StatusUnauthorized
}

// candidate is a live zone as one credential sees it.
type candidate struct {
	plan.Zone
	client *client
}

// resolve finds the live zones of a scope, sorted by name and account. Each zone
// that does not exist or cannot be looked up becomes a problem of live; failures
// has the errors of the latter.
func (r *Reader) resolve(d discovery, scope plan.Scope, live *plan.Live) (zones []liveZone, failures []error) {
	byID := map[string]*liveZone{}
	for _, s := range scope.Zones {
		found, failed := r.candidates(d, s, live)
		if failed != nil {
			failures = append(failures, failed)
		}
		for _, f := range found {
			if !validID(f.ID) {
				failed := fmt.Errorf("zone %s has the id %q, which is not a usable id", f.Name, clean(f.ID, f.client.hide))
				failures = append(failures, failed)
				live.Problems = append(live.Problems, problem(plan.Unreadable, f.Name, failed.Error(), s.Origin))
				continue
			}
			if z := byID[f.ID]; z == nil {
				byID[f.ID] = &liveZone{Zone: f.Zone, client: f.client, needs: s}
			} else {
				z.needs.Add(&s)
			}
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

// candidates returns the live zones that one part of a scope means. If there are
// none, or too many, it adds a problem to live. The error is that of a look-up
// without which the zone cannot be found.
func (r *Reader) candidates(d discovery, s plan.ZoneScope, live *plan.Live) ([]candidate, error) {
	if c := r.ownerOf(s.ID); c != nil {
		return []candidate{{plan.Zone{ID: s.ID, Name: s.Name, Account: plan.Account{ID: s.Account}}, c}}, nil
	}

	found, failed := d.find(r, s)
	switch {
	case failed != nil && (len(found) == 0 || s.Glob):
		// A glob may mean more zones than those that were found.
		live.Problems = append(live.Problems, problem(plan.Unreadable, s.Name, "zone "+s.Name+" cannot be looked up: "+failed.Error(), s.Origin))
		return found, failed
	case len(found) == 0:
		live.Problems = append(live.Problems, notFound(s))
	case !s.Glob && len(found) > 1:
		live.Problems = append(live.Problems, ambiguous(s, found))
		return nil, nil
	}
	return found, nil
}

func notFound(s plan.ZoneScope) plan.Finding {
	in := ""
	if s.Account != "" {
		in = " in account " + s.Account
	}
	if s.Glob {
		f := problem(plan.NotFound, s.Name, "no live zone matches "+s.Name+in+"; the token may also lack \"Zone: Read\" on it", s.Origin)
		// A glob is written for zones that may be created tomorrow.
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

// lookup is a question about zones to one credential, and the answer.
type lookup struct {
	client *client
	name   string // canonical; empty for all zones
	zones  []plan.Zone
	err    error
	// globs says that the list of all zones was refused, and that the names were looked
	// up instead: only the globs miss it.
	globs bool
}

// concerns reports whether the answer to a look-up, or its failure, says something about
// the zones of a scope.
func (l *lookup) concerns(s *plan.ZoneScope) bool {
	return s.Glob || l.name == s.Name || l.name == "" && !l.globs
}

// discovery is what the credentials know about zones.
type discovery []lookup

// discover looks up the zones of a scope: with each credential concerned it
// asks for a few names or lists all zones.
func (r *Reader) discover(ctx context.Context, scope plan.Scope) (discovery, error) {
	names := map[*client]map[string]bool{}
	all := map[*client]bool{}
	for _, s := range scope.Zones {
		if r.ownerOf(s.ID) != nil {
			continue
		}
		for _, c := range r.clientsOf(s) {
			if s.Glob {
				all[c] = true
				continue
			}
			if names[c] == nil {
				names[c] = map[string]bool{}
			}
			names[c][s.Name] = true
		}
	}

	var d discovery
	byName := func(c *client) (out []lookup) {
		for _, name := range slices.Sorted(maps.Keys(names[c])) {
			out = append(out, lookup{client: c, name: name})
		}
		return out
	}
	for _, c := range r.clients {
		switch {
		case names[c] == nil && !all[c]:
		case all[c] || len(names[c]) > maxLookups:
			d = append(d, lookup{client: c})
		default:
			d = append(d, byName(c)...)
		}
	}
	if err := r.lookUpAll(ctx, d); err != nil {
		return d, err
	}

	var instead discovery
	for i := range d {
		if l := &d[i]; l.name == "" && refusedList(l.err) {
			l.globs = true
			instead = append(instead, byName(l.client)...)
		}
	}
	err := r.lookUpAll(ctx, instead)
	return append(d, instead...), err
}

// refusedList reports whether a token may not list all zones. Cloudflare answers with a
// 403, and with a 400 if the kind of token is wrong for a list.
func refusedList(err error) bool {
	var failed *Error
	return errors.As(err, &failed) && (failed.Status == http.StatusForbidden || failed.Status == http.StatusBadRequest)
}

// lookUpAll asks all the questions of a discovery, several at once.
func (r *Reader) lookUpAll(ctx context.Context, d discovery) error {
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(r.concurrency)
	for i := range d {
		group.Go(crash.Guard(func() error {
			l := &d[i]
			if l.zones, l.err = r.lookUp(gctx, l.client, l.name); l.err == nil || !fatal(gctx, l.err) {
				return nil
			}
			if accounts := l.client.accounts; len(accounts) > 0 && !l.client.fallback {
				return fmt.Errorf("account %s: %w", strings.Join(accounts, ", "), l.err)
			}
			return l.err
		}))
	}
	return group.Wait()
}

// ownerOf returns the client that read a zone before, or nil.
func (r *Reader) ownerOf(id string) *client {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.owner[id]
}

// clientsOf returns the clients that may see the zones of a scope: the one for
// its account, else the default one. If the scope names no account, it returns
// all.
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

// find returns the live zones of one part of a scope, each once. A glob also means the
// zones that were looked up by name, where the list was refused. The error is
// that of a credential whose look-up failed.
func (d discovery) find(r *Reader, s plan.ZoneScope) ([]candidate, error) {
	var out []candidate
	var failed error
	clients := r.clientsOf(s)
	at := map[string]int{} // index in out, by id

	for _, l := range d {
		if !slices.Contains(clients, l.client) || !l.concerns(&s) {
			continue
		}
		failed = cmp.Or(failed, l.err)
		for _, z := range l.zones {
			if !s.Reaches(&z) {
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
	return slices.ContainsFunc(c.accounts, a.IsCalled)
}

// lookUp looks up a zone by name, or all zones if the name is empty. The API
// compares with the Unicode form of a name; a second request serves servers
// that only know the ASCII form.
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

// listZones lists the zones that a credential sees, restricted to one name
// unless it is empty. A server that ignores the filter returns more.
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
