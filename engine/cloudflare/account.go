package cloudflare

import (
	"cmp"
	"context"
	"crypto/md5" // it is what Cloudflare tells certificates apart by
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

// The sizes of pages of lists of Access. Certificates are documented up to
// 1,000; of applications nothing is said, and 25 is what Cloudflare's own clients
// ask for.
var (
	certificatePages = []int{1000, 100, 50, 25}
	applicationPages = []int{100, 50, 25}
)

// liveAccount is an account that the configuration reaches, and what is needed
// of it.
type liveAccount struct {
	plan.LiveAccount
	client *client
	mtls   bool
	alerts bool

	failed error // set where nothing of it could be read
}

// resolveAccounts finds the accounts of a scope, sorted by name and id. What is
// not found goes to the problems of live, what could not be asked also to
// failures.
func (r *Reader) resolveAccounts(ctx context.Context, d discovery, scope plan.Scope, live *plan.Live) (accounts []liveAccount, failures []error, err error) {
	at := map[string]int{} // index in accounts, by id
	for _, s := range scope.Accounts {
		found, failed := r.findAccount(ctx, d, s.Name)
		if failed != nil && fatal(ctx, failed) {
			return nil, nil, failed
		}
		trouble := func(rule, message string) {
			live.Problems = append(live.Problems, plan.Finding{
				Severity: schema.Error, Rule: rule, Object: "account/" + s.Name, Message: message, Origin: s.Origin,
			})
		}
		switch {
		case len(found) == 0 && failed != nil:
			failures = append(failures, failed)
			trouble(plan.Unreadable, "account "+s.Name+" cannot be looked up: "+failed.Error())
			continue
		case len(found) == 0:
			trouble(plan.NotFound, "account "+s.Name+" does not exist, or the token sees no zone of it")
			continue
		case len(found) > 1:
			var ids []string
			for _, f := range found {
				ids = append(ids, clean(f.ID, f.client.hide))
			}
			slices.Sort(ids)
			trouble(plan.Ambiguous, fmt.Sprintf("there are %d accounts with the name %s: %s; say which by its id", len(found), s.Name, strings.Join(ids, ", ")))
			continue
		case !validID(found[0].ID):
			failed := fmt.Errorf("account %s has the id %q, which is no id", s.Name, clean(found[0].ID, found[0].client.hide))
			failures = append(failures, failed)
			trouble(plan.Unreadable, failed.Error())
			continue
		}
		f := found[0]
		i, seen := at[f.ID]
		if !seen {
			i = len(accounts)
			at[f.ID] = i
			accounts = append(accounts, liveAccount{LiveAccount: plan.LiveAccount{Account: f.Account}, client: f.client})
		}
		accounts[i].mtls = accounts[i].mtls || s.MTLS
		accounts[i].alerts = accounts[i].alerts || s.Alerts
	}
	// Of short lists; an instance of the generic sort for each would make the
	// program larger by 20 KB.
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

// owned is an account and the credentials that see it.
type owned struct {
	plan.Account
	client *client
}

// findAccount are the accounts that a document may mean by a name or an id, each
// once. An id needs no look-up. A name is found by the zones that the credentials
// see: those of this reading, or else some of that account. The list of accounts
// itself needs a permission of its own.
func (r *Reader) findAccount(ctx context.Context, d discovery, name string) ([]owned, error) {
	clients := r.clientsOf(plan.ZoneScope{Account: name})
	var out []owned
	add := func(c *client, a plan.Account) {
		if slices.ContainsFunc(out, func(o owned) bool { return o.ID == a.ID }) {
			return
		}
		// The credentials may be given by the id, and the document by the name.
		if i := slices.IndexFunc(r.clients, func(c *client) bool { return c.serves(a) }); i >= 0 {
			c = r.clients[i]
		}
		out = append(out, owned{a, c})
	}
	for _, l := range d {
		if !slices.Contains(clients, l.client) {
			continue
		}
		for _, z := range l.zones {
			if z.Account.ID == name || z.Account.Name == name && z.Account.ID != "" {
				add(l.client, z.Account)
			}
		}
	}
	if len(out) > 0 {
		return out, nil
	}
	if accountID(name) {
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

// accountID reports whether a document names an account by its id.
func accountID(name string) bool {
	return len(name) == 32 && strings.Trim(name, "0123456789abcdef") == ""
}

// fillAccount reads what is needed of an account. What could not be read is told
// by kind; the error is one that concerns everybody.
func (r *Reader) fillAccount(ctx context.Context, a *liveAccount) error {
	var wait sync.WaitGroup
	var failures []error // one for each kind, in the order below
	kinds := []plan.Kind{plan.KindMTLSCertificate, plan.KindMTLSHostname, plan.KindAccessApplication, plan.KindAlert}
	failures = make([]error, len(kinds)+3) // and one for each list that alerts only look into
	run := func(i int, needed bool, f func() error) {
		if needed {
			wait.Go(func() { failures[i] = onAccount(crash.Guard(f)(), a.Name) })
		}
	}
	run(0, a.mtls, func() (err error) {
		a.Certificates, err = r.certificates(ctx, a.client, a.ID)
		return err
	})
	run(1, a.mtls, func() (err error) {
		a.Forwarding, err = forwarding(ctx, a.client, a.ID)
		return err
	})
	run(2, a.mtls, func() (err error) {
		a.Applications, err = r.applications(ctx, a.client, a.ID)
		return err
	})
	run(3, a.alerts, func() (err error) {
		a.Alerts, err = alerts(ctx, a.client, a.ID)
		return err
	})
	run(4, a.alerts, func() (err error) {
		a.AlertTypes, err = alertTypes(ctx, a.client, a.ID)
		return err
	})
	run(5, a.alerts, func() (err error) {
		a.Webhooks, err = destinations(ctx, a.client, a.ID, "webhooks")
		return err
	})
	run(6, a.alerts, func() (err error) {
		a.PagerDuty, err = destinations(ctx, a.client, a.ID, "pagerduty")
		return err
	})
	wait.Wait()
	read := false
	for i, err := range failures {
		asked := a.mtls
		if i >= 3 {
			asked = a.alerts
		}
		switch {
		case !asked:
		case err == nil:
			read = read || i < len(kinds)
		case fatal(ctx, err):
			return err
		case i < len(kinds):
			if a.Unreadable == nil {
				a.Unreadable = map[plan.Kind]string{}
			}
			a.Unreadable[kinds[i]] = err.Error()
			a.failed = cmp.Or(a.failed, err)
		default:
			// What alerts may use is good to know. That it is unknown shows in
			// the list, which is nil.
			r.log.Warn("what alerts may use is not known", "account", clean(a.Name, a.client.hide), "error", clean(err.Error(), a.client.hide))
		}
	}
	if read {
		a.failed = nil
	}
	return nil
}

// certificates reads all certificate authorities of an account.
func (r *Reader) certificates(ctx context.Context, c *client, account string) ([]plan.Resource, error) {
	return r.resources(ctx, c, plan.AccountObjectsPath(account, plan.KindMTLSCertificate), certificatePages, decodeCertificate)
}

// applications reads all applications of an account, and who they let in.
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

// withPolicy reads the policies of an application whose object does not show
// them. Only those with a domain matter.
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

// resources reads a list with pages, sorted by name and id.
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

// forwarding reads for which hostnames of an account the client certificate is
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

// alertTypes reads which types of alerts an account may use, sorted.
func alertTypes(ctx context.Context, c *client, account string) ([]string, error) {
	var out []string
	err := c.read(ctx, plan.AlertTypesPath(account), func(result []byte, _ *cloudflare.ResultInfo) (err error) {
		out, err = decodeAlertTypes(result)
		return err
	})
	return out, err
}

// destinations reads where the alerts of an account can go: kind is "webhooks"
// or "pagerduty".
func destinations(ctx context.Context, c *client, account, kind string) ([]plan.Destination, error) {
	out := []plan.Destination{} // read, if empty
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

// readResource is the present state of an object of an account: by its id, or,
// where a change is to create it, by what tells it from others. Nothing of it is
// remembered: there are few of them, and other changes of a run touch them.
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

// findResource looks for the object that a change is to create: a certificate by
// its fingerprint, an application by its domain, an alert by its name.
func (w *Writer) findResource(ctx context.Context, cl *client, c *plan.Change) (plan.Object, error) {
	var items []plan.Resource
	var err error
	is := func(o plan.Resource) bool { return o.Name == c.Name }
	switch c.Kind {
	case plan.KindMTLSCertificate:
		want, bad := edited(c, plan.FieldFingerprint)
		if bad != nil {
			return plan.Object{}, bad
		}
		is = func(o plan.Resource) bool { return o.Value(plan.FieldFingerprint) == want }
		items, err = w.certificates(ctx, cl, c.AccountID)
		for i := range items {
			asUploaded(c, &items[i])
		}
	case plan.KindAccessApplication:
		domain := schema.StringValue(canonicalDomain(c.Name))
		is = func(o plan.Resource) bool { return o.Value(plan.FieldDomain) == domain }
		items, err = w.resources(ctx, cl, plan.AccountObjectsPath(c.AccountID, c.Kind), applicationPages, decodeApplication)
	default:
		items, err = alerts(ctx, cl, c.AccountID)
	}
	if err != nil {
		return plan.Object{}, err
	}
	i := slices.IndexFunc(items, is)
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

// asUploaded gives a certificate the fingerprint that a change asks for, if it is
// that of any certificate of the chain which the change uploads: of which one
// Cloudflare reports it is not documented.
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
	// Another certificate than the first may be somebody else's authority too.
	found := o.Value(plan.FieldFingerprint)
	if slices.Contains(sums, want) && slices.Contains(sums, found) && (found == sums[0] || o.Name == c.Name) {
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

// otherObject is the error of an answer about something else.
type otherObject struct{ message string }

func (e *otherObject) Error() string { return e.message }

// acceptResource takes over the answer to a write of an object of an account,
// where it shows all of it that plans compare. Alerts are answered with an id
// only, and settings of hostnames with whatever is rolled out so far: those are
// read.
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
