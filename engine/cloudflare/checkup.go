package cloudflare

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/cloudflare/cloudflare-go"

	"tlsync/engine/plan"
)

// Checkup sends the reads of a diagnosis with one credential. Like a Reader, it has no
// way to write.
type Checkup struct {
	reader *Reader
	client *client
	heard  *listener
}

// NewCheckup makes a Checkup with Options.Credentials. It sends nothing yet.
func NewCheckup(o Options) (*Checkup, error) {
	o.Accounts = nil
	if err := o.complete(); err != nil {
		return nil, err
	}
	heard := &listener{base: o.Transport}
	o.Transport = heard

	r, err := NewReader(o)
	if err != nil {
		return nil, err
	}
	return &Checkup{r, r.clients[0], heard}, nil
}

// Get sends a GET and returns the result of its answer, which is empty where there is
// none. An error of the API is an *Error.
func (c *Checkup) Get(ctx context.Context, path string) (json.RawMessage, error) {
	var out json.RawMessage
	err := c.client.read(ctx, path, func(result []byte, _ *cloudflare.ResultInfo) error {
		out = append(out, result...)
		return nil
	})
	var failed *Error
	if errors.As(err, &failed) && failed.empty {
		return nil, nil
	}
	return out, err
}

// Found are the zones and accounts of a scope.
type Found struct {
	Zones    []plan.Zone
	Accounts []plan.Account
	// Problems report the zones and accounts that could not be found.
	Problems []plan.Finding
}

// Find looks up the zones and accounts of a scope. Only their ids, names and accounts are
// read.
func (c *Checkup) Find(ctx context.Context, scope plan.Scope) (Found, error) {
	live := &plan.Live{}
	d, err := c.reader.discover(ctx, scope)
	if err != nil {
		return Found{}, err
	}
	zones, _ := c.reader.resolve(d, scope, live)
	accounts, _, err := c.reader.resolveAccounts(ctx, d, scope, live)

	out := Found{Problems: live.Problems}
	for i := range zones {
		out.Zones = append(out.Zones, zones[i].Zone)
	}
	for i := range accounts {
		out.Accounts = append(out.Accounts, accounts[i].Account)
	}
	return out, err
}

// First returns the zones of the first page of the list of all zones.
func (c *Checkup) First(ctx context.Context) ([]plan.Zone, error) {
	text, err := c.Get(ctx, plan.ZonesPath()+"?per_page=50")
	if err != nil || len(text) == 0 {
		return nil, err
	}
	return decodeZones(text)
}

// Heard is what the headers of the answers said.
type Heard struct {
	// Ahead is how much the server's clock is ahead of ours, to the second, if
	// ClockKnown.
	Ahead      time.Duration
	ClockKnown bool
	// Left of Of requests are left in a period of Per, if RateKnown.
	Left, Of  int
	Per       time.Duration
	RateKnown bool
	Sent      int // requests that were sent
}

// Heard returns what the answers so far said.
func (c *Checkup) Heard() Heard {
	c.heard.mu.Lock()
	defer c.heard.mu.Unlock()
	return c.heard.said
}

// listener notes what the headers of answers say.
type listener struct {
	base http.RoundTripper
	mu   sync.Mutex
	said Heard
}

// RoundTrip implements http.RoundTripper. A read may be answered with 204, which means
// that there is nothing, and which the SDK takes for a broken answer.
func (l *listener) RoundTrip(req *http.Request) (*http.Response, error) {
	before := time.Now()
	l.mu.Lock()
	l.said.Sent++
	l.mu.Unlock()

	res, err := l.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	l.listen(res.Header, before, time.Now())

	if res.StatusCode == http.StatusNoContent {
		res.Body.Close()
		res.StatusCode, res.ContentLength = http.StatusOK, -1
		res.Header.Set("Content-Type", "application/json")
		res.Body = io.NopCloser(strings.NewReader(`{"success":true,"errors":[],"messages":[],"result":null}`))
	}
	return res, nil
}

// listen notes what the headers of an answer say that came between two times.
func (l *listener) listen(h http.Header, before, after time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		// The header has whole seconds, rounded down.
		l.said.Ahead, l.said.ClockKnown = date.Sub(before.Add(after.Sub(before)/2)).Round(time.Second), true
	}

	var left, window *quota
	all := quotas(h, after)
	for i := range all {
		switch q := &all[i]; {
		case q.known && left == nil:
			left = q
		case q.window.Requests > 0 && window == nil:
			window = q
		}
	}
	if left != nil && window != nil && left.name == window.name {
		l.said.Left, l.said.Of, l.said.Per, l.said.RateKnown = left.remaining, window.window.Requests, window.window.Per, true
	}
}

// Diagnosis says what an error tells of the credentials, or what to check about them. It
// is "" where the error is about something else.
func (e *Error) Diagnosis() string { return e.lacks() }

// Entitlement says which plan or entitlement a refusal asks for, in Cloudflare's words; ""
// if it asks for none.
func (e *Error) Entitlement() string { return lacks(e) }

// IsUnknownToken reports whether a refusal may mean that the endpoint does not know the
// token: it is of the other kind, or no token at all.
func (e *Error) IsUnknownToken() bool {
	return (e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden) && e.Denied() && !e.has(codeOutOfScope)
}

// Permission returns the token permission that a request needs, as the dashboard words it,
// "" if that is not known.
func Permission(method, path string) string { return permission(method, path) }

// Said returns the request, the status and the codes of a refusal, without a diagnosis and
// without the ray, which says nothing to a reader.
func (e *Error) Said() string {
	plain := *e
	plain.Permission, plain.page, plain.RayID = "", false, ""
	text := plain.Error()
	if what := plain.lacks(); what != "" {
		text = strings.Replace(text, ": "+what, "", 1)
	}
	return text
}

// Withdrawn reports whether an endpoint no longer exists.
func (e *Error) Withdrawn() bool { return withdrawn(e) }

// NoObject reports whether a refusal says that the object does not exist, and not that the
// path does not.
func (e *Error) NoObject() bool { return missingObject(e) }
