package cloudflare

import (
	"cmp"
	"context"
	"crypto/md5" // Cloudflare identifies certificates by it
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/cloudflare/cloudflare-go"
	"golang.org/x/sync/errgroup"

	"tlsync/engine/crash"
	"tlsync/engine/plan"
	"tlsync/schema"
)

// Page sizes for lists of Access. The documentation allows 1,000 for
// certificates. It gives no limit for applications; Cloudflare's own clients
// ask for 25.
var (
	certificatePages = []int{1000, 100, 50, 25}
	applicationPages = []int{100, 50, 25}
)

// liveAccount is an account that the configuration reaches, and the parts of it
// that are needed.
type liveAccount struct {
	plan.LiveAccount
	client *client
	needs  plan.AccountScope // of all documents that mean it

	failed error // set if nothing of it could be read
}

// resolveAccounts finds the accounts of a scope, sorted by name and id. Each account
// that does not exist or cannot be looked up becomes a problem of live; failures
// has the errors of the latter. The last error is one that ends the run.
func (r *Reader) resolveAccounts(ctx context.Context, d discovery, scope plan.Scope, live *plan.Live) (accounts []liveAccount, failures []error, err error) {
	at := map[string]int{} // index in accounts, by id
	for _, s := range scope.Accounts {
		found, failed := r.findAccount(ctx, d, s.Name)
		if failed != nil && fatal(ctx, failed) {
			return nil, nil, failed
		}
		f, failed := onlyAccount(s, found, failed, live)
		if failed != nil {
			failures = append(failures, failed)
		}
		if f == nil {
			continue
		}

		i, seen := at[f.ID]
		if !seen {
			i = len(accounts)
			at[f.ID] = i
			accounts = append(accounts, liveAccount{LiveAccount: plan.LiveAccount{Account: f.Account}, client: f.client})
		}
		accounts[i].needs.Add(&s)
	}

	// These lists are short. Each instance of the generic sort would make the
	// program 20 KB larger.
	sort.Slice(accounts, func(i, j int) bool {
		a, b := &accounts[i], &accounts[j]
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) < 0
	})

	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range accounts {
		r.owner[accounts[i].ID] = accounts[i].client
	}
	return accounts, failures, nil
}

// onlyAccount returns the account that a part of a scope means. If it is missing,
// ambiguous or unusable, onlyAccount returns nil and adds a problem to live; the
// error is set if it might exist.
func onlyAccount(s plan.AccountScope, found []foundAccount, failed error, live *plan.Live) (*foundAccount, error) {
	report := func(rule, message string) {
		live.Problems = append(live.Problems, plan.Finding{
			Severity: schema.Error, Rule: rule, Ref: plan.AccountRef(s.Name), Message: message, Origin: s.Origin,
		})
	}

	switch {
	case len(found) == 0 && failed != nil:
		report(plan.Unreadable, "account "+s.Name+" cannot be looked up: "+failed.Error())
		return nil, failed
	case len(found) == 0:
		report(plan.NotFound, "account "+s.Name+" does not exist, or the token sees none of its zones")
		return nil, nil
	case len(found) > 1:
		var ids []string
		for _, f := range found {
			ids = append(ids, clean(f.ID, f.client.hide))
		}
		slices.Sort(ids)
		report(plan.Ambiguous, fmt.Sprintf("there are %d accounts with the name %s: %s; say which by its id", len(found), s.Name, strings.Join(ids, ", ")))
		return nil, nil
	case !validID(found[0].ID):
		failed := fmt.Errorf("account %s has the id %q, which is not a usable id", s.Name, clean(found[0].ID, found[0].client.hide))
		report(plan.Unreadable, failed.Error())
		return nil, failed
	}
	return &found[0], nil
}

// foundAccount is an account and the client that sees it.
type foundAccount struct {
	plan.Account
	client *client
}

// findAccount returns the accounts that a document may mean by a name or an id,
// each once. An id needs no request. A name is looked up among the zones that were
// listed and then, if need be, by a request for zones of that account. The list of
// accounts itself would need a permission of its own.
func (r *Reader) findAccount(ctx context.Context, d discovery, name string) ([]foundAccount, error) {
	clients := r.clientsOf(plan.ZoneScope{Account: name})
	var out []foundAccount
	add := func(c *client, a plan.Account) {
		if slices.ContainsFunc(out, func(f foundAccount) bool { return f.ID == a.ID }) {
			return
		}
		// The credentials may be given by the id, and the document by the name.
		if i := slices.IndexFunc(r.clients, func(c *client) bool { return c.serves(a) }); i >= 0 {
			c = r.clients[i]
		}
		out = append(out, foundAccount{a, c})
	}

	for _, l := range d {
		if !slices.Contains(clients, l.client) {
			continue
		}
		for _, z := range l.zones {
			if z.Account.IsCalled(name) && z.Account.ID != "" {
				add(l.client, z.Account)
			}
		}
	}
	if len(out) > 0 {
		return out, nil
	}
	if plan.IsAccountID(name) {
		add(clients[0], plan.Account{ID: name, Name: name})
		return out, nil
	}

	var failed error
	for _, c := range clients {
		err := c.read(ctx, plan.ZonesPath()+"?account.name="+url.QueryEscape(name)+"&per_page=5", func(result []byte, _ *cloudflare.ResultInfo) error {
			zones, err := decodeZones(result)
			for _, z := range zones {
				if z.Account.Name == name && z.Account.ID != "" {
					add(c, z.Account)
				}
			}
			return err
		})
		failed = cmp.Or(failed, err)
	}
	return out, failed
}

// accountPart is a list of an account and the outcome of reading it.
type accountPart struct {
	kind   plan.Kind // empty for a list that only tells what alerts may use
	needed bool
	read   func() error
	err    error
}

// fillAccount reads the needed parts of an account. It keeps failures in the
// account by kind and returns only an error that ends the run.
func (r *Reader) fillAccount(ctx context.Context, a *liveAccount) error {
	parts := r.accountParts(ctx, a)
	var wait sync.WaitGroup
	for i := range parts {
		if p := &parts[i]; p.needed {
			wait.Go(func() { p.err = onAccount(crash.Guard(p.read)(), a.Name) })
		}
	}
	wait.Wait()

	readable := false
	for _, p := range parts {
		switch {
		case !p.needed:
		case p.err == nil:
			readable = readable || p.kind != ""
		case fatal(ctx, p.err) && (p.kind != "" || !denied(p.err)):
			return p.err
		case p.kind != "":
			if a.Unreadable == nil {
				a.Unreadable = map[plan.Kind]string{}
			}
			a.Unreadable[p.kind] = p.err.Error()
			a.failed = cmp.Or(a.failed, p.err)
		default:
			// Only an alert that names an entry of such a list fails for it: a nil list
			// means unknown. If the credentials are refused altogether, the alerts
			// themselves say so.
			r.log.Warn("cannot read what alerts may use", "account", clean(a.Name, a.client.hide), "error", clean(p.err.Error(), a.client.hide))
		}
	}
	if readable {
		a.failed = nil
	}
	return nil
}

// denied reports whether an error is a refusal for lack of a permission.
func denied(err error) bool {
	var failed *Error
	return errors.As(err, &failed) && failed.Denied()
}

func (r *Reader) accountParts(ctx context.Context, a *liveAccount) []accountPart {
	return []accountPart{
		{kind: plan.KindMTLSCertificate, needed: a.needs.MTLS, read: func() (err error) {
			a.Certificates, err = r.certificates(ctx, a.client, a.ID)
			return err
		}},
		{kind: plan.KindMTLSHostname, needed: a.needs.MTLS, read: func() (err error) {
			a.Forwarding, err = forwarding(ctx, a.client, a.ID)
			return err
		}},
		{kind: plan.KindAccessApplication, needed: a.needs.MTLS, read: func() (err error) {
			a.Applications, err = r.applications(ctx, a.client, a.ID)
			return err
		}},
		{kind: plan.KindAlert, needed: a.needs.Alerts, read: func() (err error) {
			a.Alerts, err = alerts(ctx, a.client, a.ID)
			return err
		}},

		{needed: a.needs.Alerts, read: func() (err error) {
			a.AlertTypes, err = alertTypes(ctx, a.client, a.ID)
			return err
		}},
		{needed: a.needs.Webhooks, read: func() (err error) {
			a.Webhooks, err = destinations(ctx, a.client, a.ID, "webhooks")
			return err
		}},
		{needed: a.needs.PagerDuty, read: func() (err error) {
			a.PagerDuty, err = destinations(ctx, a.client, a.ID, "pagerduty")
			return err
		}},
	}
}

// certificates reads all certificate authorities of an account.
func (r *Reader) certificates(ctx context.Context, c *client, account string) ([]plan.Resource, error) {
	return r.resources(ctx, c, plan.AccountObjectsPath(account, plan.KindMTLSCertificate), certificatePages, decodeCertificate)
}

// applications reads all applications of an account with their policies.
func (r *Reader) applications(ctx context.Context, c *client, account string) ([]plan.Resource, error) {
	items, err := r.resources(ctx, c, plan.AccountObjectsPath(account, plan.KindAccessApplication), applicationPages, decodeApplication)
	if err != nil {
		return nil, err
	}

	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(r.concurrency)
	for i := range items {
		group.Go(crash.Guard(func() error { return withPolicy(gctx, c, account, &items[i]) }))
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return items, nil
}

// withPolicy reads the policies of an application that does not show them. An
// application without a domain does not need them.
func withPolicy(ctx context.Context, c *client, account string, app *plan.Resource) error {
	if app.Value(plan.FieldPolicy) != schema.Inherit || app.Value(plan.FieldDomain) == schema.Inherit {
		return nil
	}
	path := plan.ApplicationPoliciesPath(account, app.ID)
	policies, err := gather(ctx, c, path, decodePolicies, func(p *accessPolicy) string { return p.id })
	if err != nil {
		return err
	}
	app.Fields[plan.FieldPolicy] = admission(policies)
	return nil
}

// resources reads a list with pages and sorts it by name and id.
func (r *Reader) resources(ctx context.Context, c *client, path string, sizes []int, decode func([]byte) (plan.Resource, error)) ([]plan.Resource, error) {
	l, err := list(ctx, query[plan.Resource]{
		client: c, path: path, sizes: sizes, limit: r.concurrency, log: r.log,
		decode: func(result []byte) ([]plan.Resource, error) { return decodeList(result, decode) },
		id:     func(o *plan.Resource) string { return o.ID },
	})
	if err != nil {
		return nil, err
	}
	sortResources(l.items)
	return l.items, nil
}

func sortResources(items []plan.Resource) {
	sort.Slice(items, func(i, j int) bool {
		a, b := &items[i], &items[j]
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) < 0
	})
}

// alerts reads all notification policies of an account.
func alerts(ctx context.Context, c *client, account string) ([]plan.Resource, error) {
	items, err := gather(ctx, c, plan.AccountObjectsPath(account, plan.KindAlert), func(result []byte) ([]plan.Resource, error) {
		return decodeList(result, decodeAlert)
	}, func(o *plan.Resource) string { return o.ID })
	sortResources(items)
	return items, err
}

// forwarding reads which hostnames of an account have their client certificate
// forwarded.
func forwarding(ctx context.Context, c *client, account string) (plan.Resource, error) {
	var out plan.Resource
	err := c.read(ctx, plan.AccountObjectsPath(account, plan.KindMTLSHostname), func(result []byte, _ *cloudflare.ResultInfo) (err error) {
		out, err = decodeForwarding(result)
		return err
	})
	out.ID = account
	return out, err
}

// alertTypes reads the alert types that an account may use, sorted.
func alertTypes(ctx context.Context, c *client, account string) ([]string, error) {
	var out []string
	err := c.read(ctx, plan.AlertTypesPath(account), func(result []byte, _ *cloudflare.ResultInfo) (err error) {
		out, err = decodeAlertTypes(result)
		return err
	})
	return out, err
}

// destinations reads the targets for alerts of an account: kind is "webhooks"
// or "pagerduty".
func destinations(ctx context.Context, c *client, account, kind string) ([]plan.Destination, error) {
	out := []plan.Destination{} // not nil: the list was read, if empty
	items, err := gather(ctx, c, plan.AlertDestinationsPath(account, kind), decodeDestinations,
		func(d *plan.Destination) string { return d.ID })
	if err != nil {
		return nil, err
	}
	out = append(out, items...)
	sort.Slice(out, func(i, j int) bool {
		a, b := &out[i], &out[j]
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) < 0
	})
	return out, nil
}

// readResource reads the present state of an object of an account by its id. If
// a change is to create the object, it searches for one like it. It caches
// nothing: these objects are few, and other changes of a run touch them.
func (w *Writer) readResource(ctx context.Context, cl *client, c *plan.Change) (plan.Object, error) {
	if c.Kind == plan.KindMTLSHostname {
		o, err := forwarding(ctx, cl, c.AccountID)
		if err != nil {
			return plan.Object{}, err
		}
		return plan.Object{Resource: &o}, nil
	}

	if c.ObjectID == "" {
		return w.findResource(ctx, cl, c)
	}

	var o plan.Resource
	err := cl.read(ctx, plan.TargetPath(c), func(result []byte, _ *cloudflare.ResultInfo) (err error) {
		o, err = decodeResource(c, result)
		return err
	})
	if err == nil && c.Kind == plan.KindAccessApplication {
		err = withPolicy(ctx, cl, c.AccountID, &o)
	}

	switch {
	case missingObject(err):
		return plan.Object{Absent: true}, nil
	case err != nil:
		return plan.Object{}, err
	}
	return plan.Object{Resource: &o}, nil
}

// findResource searches for the object that a change is to create: a
// certificate by its fingerprint, an application by its domain, an alert by its
// name.
func (w *Writer) findResource(ctx context.Context, cl *client, c *plan.Change) (plan.Object, error) {
	var items []plan.Resource
	var err error
	matches := func(o plan.Resource) bool { return o.Name == c.Title() }

	switch c.Kind {
	case plan.KindMTLSCertificate:
		want, bad := edited(c, plan.FieldFingerprint)
		if bad != nil {
			return plan.Object{}, bad
		}
		matches = func(o plan.Resource) bool { return o.Value(plan.FieldFingerprint) == want }
		items, err = w.certificates(ctx, cl, c.AccountID)
		for i := range items {
			asUploaded(c, &items[i])
		}
	case plan.KindAccessApplication:
		domain := schema.StringValue(canonicalDomain(c.Name))
		matches = func(o plan.Resource) bool { return o.Value(plan.FieldDomain) == domain }
		items, err = w.resources(ctx, cl, plan.AccountObjectsPath(c.AccountID, c.Kind), applicationPages, decodeApplication)
	default:
		items, err = alerts(ctx, cl, c.AccountID)
	}
	if err != nil {
		return plan.Object{}, err
	}

	i := slices.IndexFunc(items, matches)
	if i < 0 {
		return plan.Object{Absent: true}, nil
	}

	o := items[i]
	if c.Kind == plan.KindAccessApplication {
		if err := withPolicy(ctx, cl, c.AccountID, &o); err != nil {
			return plan.Object{}, err
		}
	}
	return plan.Object{Resource: &o}, nil
}

// asUploaded gives a certificate the fingerprint that a change asks for, if
// both belong to the chain that the change uploads. Cloudflare does not
// document whose fingerprint in a chain it reports.
func asUploaded(c *plan.Change, o *plan.Resource) {
	if c.Kind != plan.KindMTLSCertificate || c.Action != plan.Create {
		return
	}
	want, err := edited(c, plan.FieldFingerprint)
	if err != nil {
		return
	}
	var body struct{ Certificate string }
	if json.Unmarshal([]byte(c.Request.Body), &body) != nil {
		return
	}

	var sums []schema.Value
	for rest := []byte(body.Certificate); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		sum := md5.Sum(block.Bytes)
		sums = append(sums, schema.StringValue(hex.EncodeToString(sum[:])))
	}

	// A later certificate of the chain may also be the authority of someone
	// else.
	found := o.Value(plan.FieldFingerprint)
	if slices.Contains(sums, want) && slices.Contains(sums, found) && (found == sums[0] || o.Name == c.Title()) {
		o.Fields[plan.FieldFingerprint] = want
	}
}

// decodeResource reads the object of a change.
func decodeResource(c *plan.Change, result []byte) (plan.Resource, error) {
	decode := decodeAlert
	switch c.Kind {
	case plan.KindMTLSCertificate:
		decode = decodeCertificate
	case plan.KindAccessApplication:
		decode = decodeApplication
	}
	o, err := decode(result)
	if o.ID != "" && c.ObjectID != "" && o.ID != c.ObjectID {
		return o, &otherObject{fmt.Sprintf("it is about %s %s, not %s", c.Kind, o.ID, c.ObjectID)}
	}
	return o, err
}

// otherObject is the error of an answer about another object.
type otherObject struct{ message string }

func (e *otherObject) Error() string { return e.message }

// acceptResource reads the answer to a write of an object of an account, if it
// shows everything that plans compare. Otherwise the object has to be read:
// alerts are answered with an id only, forwarding with as much as is rolled out
// so far.
func (w *Writer) acceptResource(c *plan.Change, result []byte) (plan.Object, error) {
	if c.Kind == plan.KindMTLSHostname {
		return plan.Object{}, nil
	}

	o, err := decodeResource(c, result)
	var other *otherObject
	switch {
	case errors.As(err, &other):
		return plan.Object{}, err
	case err != nil:
		return plan.Object{}, nil
	}

	asUploaded(c, &o)
	var shown []string
	switch c.Kind {
	case plan.KindMTLSCertificate:
		shown = []string{"fingerprint", "associated_hostnames"}
	case plan.KindAccessApplication:
		shown = []string{"domain", "policies"}
	default:
		return plan.Object{}, nil
	}

	if !hasMembers([]byte(o.Rest), shown...) || c.Kind == plan.KindAccessApplication && o.Value(plan.FieldPolicy) == schema.Inherit {
		return plan.Object{}, nil
	}
	return plan.Object{Resource: &o}, nil
}
