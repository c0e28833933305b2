// Package cloudflare reads live TLS settings from Cloudflare's API and writes
// changes to it. It converts between JSON and the plain data of engine/plan, and
// decides nothing.
//
// A [Reader] can only read: its only function that calls the API sends GET. A
// [Writer] is a Reader that can also carry out a change.
//
// Every call uses the raw interface of cloudflare-go, which adds the credentials and
// opens the envelope. The package handles failures below that interface, in an
// http.RoundTripper (transport.go): the SDK itself repeats writes after a lost
// answer, ignores Retry-After, takes a redirect or "success": false for success, and
// forgets the status of most errors.
package cloudflare

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cloudflare/cloudflare-go"

	"tlsync/engine/plan"
)

// DefaultBaseURL is the public API.
const DefaultBaseURL = "https://api.cloudflare.com/client/v4"

// Defaults of Options.
const (
	DefaultConcurrency = 10
	DefaultTimeout     = 30 * time.Second
)

// Options configure access to the API.
type Options struct {
	// BaseURL includes /client/v4. It must be https, since credentials go there,
	// unless it is on this machine. Empty means DefaultBaseURL.
	BaseURL string
	// Credentials are for every account that is not in Accounts. They may be
	// empty if Accounts is not.
	Credentials Credentials
	// Accounts are credentials by account name or id, as account documents
	// write it. Each distinct credential has its own limiter.
	Accounts map[string]Credentials
	// Keys are private keys in PEM form, by the name of the environment
	// variable that holds them. A request to upload a certificate names the
	// variable; its key is put in only when the request is sent.
	Keys map[string]string
	// Pauses are the waits before further attempts of a write that Cloudflare
	// refuses because an earlier one is still being carried out. Nil means 1,
	// 2, 4, 8, 16 and twice 30 seconds.
	Pauses []time.Duration
	// Rate limits the requests of each credential; the zero Rate means
	// DefaultRate.
	Rate Rate
	// Concurrency bounds the requests of one credential that are under way at
	// once.
	Concurrency int
	// Timeout bounds one attempt; pages of lists have twice as long.
	Timeout   time.Duration
	UserAgent string
	Log       *slog.Logger // nil discards
	// Notify, if set, is called with progress, one call at a time.
	Notify func(Event)

	// Transport sends the requests; nil means the network.
	Transport http.RoundTripper

	jitter func(limit time.Duration) time.Duration // a random duration in [0, limit)
}

// Event is a step of progress.
type Event struct {
	// Requests counts the requests so far, without retries.
	Requests plan.Requests
	// PausedUntil is set if the API asked all requests to wait.
	PausedUntil time.Time
	// Zone is set after a page of its custom hostnames was read. Items is the
	// number on that page; Total is the number that the server counts, or 0.
	Zone         string
	Items, Total int
	Budget       Budget
}

// Reader reads live state.
type Reader struct {
	clients     []*client // the default credentials first, then by account
	limits      []*limiter
	concurrency int
	cache       *cache // nil without a Writer
	log         *slog.Logger
	batch       batch

	reads, writes atomic.Int64
	notifying     sync.Mutex
	notify        func(Event)

	mu    sync.Mutex
	owner map[string]*client // by id of a zone or an account that was read
}

// client reads with one credential. It cannot write.
type client struct {
	accounts []string // the names in Options.Accounts with this credential, sorted
	fallback bool     // it is for all other accounts
	get      getFunc
	hide     redactor
	limit    *limiter
	issue    *limiter      // of new custom hostnames, for each of which a certificate is issued
	slots    chan struct{} // bounds the requests under way
	refused  atomic.Int32  // how many of customHostnamePages the server refused
}

// getFunc sends a GET. The path is below the base URL.
//
// It is a function and not a *cloudflare.API on purpose: a struct that reaches that
// type and is stored in an interface makes the linker keep all of its several hundred
// methods.
type getFunc func(ctx context.Context, path string) (cloudflare.RawResponse, error)

// sendFunc sends a write, unless its turn comes after a time; the zero time
// sets no limit.
type sendFunc func(ctx context.Context, method, path string, body []byte, before time.Time) (cloudflare.RawResponse, error)

// NewReader makes a Reader. It sends nothing yet.
func NewReader(o Options) (*Reader, error) {
	r, _, err := connect(o, false)
	return r, err
}

// connect makes a Reader and, if writes is set, the functions that write, by client.
func connect(o Options, writes bool) (*Reader, map[*client]sendFunc, error) {
	if err := o.complete(); err != nil {
		return nil, nil, err
	}
	if err := compileDecoders(); err != nil {
		return nil, nil, err
	}
	r := &Reader{concurrency: o.Concurrency, log: o.Log, notify: o.Notify, owner: map[string]*client{}}

	byCredentials := map[Credentials]*client{}
	sends := map[*client]sendFunc{}
	add := func(c Credentials) (*client, error) {
		if known := byCredentials[c]; known != nil {
			return known, nil
		}
		limit := newLimiter(o.Rate)
		get, send, err := r.dial(o, c, limit, writes)
		if err != nil {
			return nil, err
		}
		cl := &client{get: get, hide: newRedactor(c, o.Keys), limit: limit, issue: newLimiter(Rate{plan.Issued, plan.IssuedPer}), slots: make(chan struct{}, o.Concurrency)}
		byCredentials[c] = cl
		r.clients = append(r.clients, cl)
		if writes {
			sends[cl] = send
		}
		return cl, nil
	}

	if !o.Credentials.empty() {
		cl, err := add(o.Credentials)
		if err != nil {
			return nil, nil, err
		}
		cl.fallback = true
	}
	for _, name := range slices.Sorted(maps.Keys(o.Accounts)) {
		cl, err := add(o.Accounts[name])
		if err != nil {
			return nil, nil, fmt.Errorf("account %q: %w", name, err)
		}
		cl.accounts = append(cl.accounts, name)
	}
	if len(r.clients) == 0 {
		return nil, nil, errors.New("no credentials: set CLOUDFLARE_API_TOKEN, or CLOUDFLARE_EMAIL and CLOUDFLARE_API_KEY")
	}
	return r, sends, nil
}

// complete sets defaults and refuses options that cannot work.
func (o *Options) complete() error {
	if o.BaseURL == "" {
		o.BaseURL = DefaultBaseURL
	}
	o.BaseURL = strings.TrimRight(o.BaseURL, "/")
	if err := checkBaseURL(o.BaseURL); err != nil {
		return err
	}

	if o.Rate == (Rate{}) {
		o.Rate = DefaultRate
	}
	if err := o.Rate.check(); err != nil {
		return err
	}

	if o.Concurrency <= 0 {
		o.Concurrency = DefaultConcurrency
	}
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Transport == nil {
		o.Transport = network(o.Concurrency)
	}
	if o.jitter == nil {
		o.jitter = func(limit time.Duration) time.Duration { return rand.N(limit) }
	}
	return nil
}

// checkBaseURL refuses a URL that credentials must not be sent to.
func checkBaseURL(base string) error {
	u, err := url.Parse(base)
	if err != nil {
		// The parser's message repeats the URL, which may contain a password.
		return errors.New("the base URL is invalid")
	}

	shown := u.Redacted()
	switch {
	case u.Host == "":
		return fmt.Errorf("base URL %q has no host; write it like %s", shown, DefaultBaseURL)
	case u.User != nil:
		return fmt.Errorf("base URL %q contains a user name; pass credentials separately", shown)
	case u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("base URL %q has a query or a fragment; it must end with its path, as in %s", shown, DefaultBaseURL)
	case u.Scheme == "https", u.Scheme == "http" && loopback(u.Hostname()):
		return nil
	}
	return fmt.Errorf("base URL %q is not https; without TLS, credentials are sent only to this machine", shown)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// network returns the transport that sends requests. The environment may set
// proxies.
func network(concurrency int) http.RoundTripper {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   concurrency,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
	}
}

// dial makes the functions that call the API with one credential. Without writes,
// the transport refuses everything but GET, so send always fails.
func (r *Reader) dial(o Options, c Credentials, limit *limiter, writes bool) (getFunc, sendFunc, error) {
	if err := c.check(); err != nil {
		return nil, nil, err
	}
	hide := newRedactor(c, o.Keys)
	r.limits = append(r.limits, limit)
	api, err := sdk(o, c, &transport{
		base: o.Transport, limit: limit, retries: newQuota(),
		timeout: o.Timeout, hide: hide, writes: writes, jitter: o.jitter, log: o.Log,
		paused: func(until time.Time) { r.emit(Event{PausedUntil: until}) },
		sends: func(method string) {
			if method == http.MethodGet {
				r.reads.Add(1)
			} else {
				r.writes.Add(1)
			}
			r.emit(Event{})
		},
	})
	if err != nil {
		return nil, nil, err
	}

	call := func(ctx context.Context, method, path string, body any, header http.Header) (cloudflare.RawResponse, error) {
		if ctx.Err() != nil { // the SDK's error would not say that nothing was sent
			return cloudflare.RawResponse{}, &Error{Method: method, Path: path, Err: context.Cause(ctx)}
		}
		answer, err := api.Raw(ctx, method, path, body, header)
		if err != nil {
			return answer, asError(err, method, path, hide)
		}
		return answer, nil
	}
	get := func(ctx context.Context, path string) (cloudflare.RawResponse, error) {
		return call(ctx, http.MethodGet, path, nil, nil)
	}
	send := func(ctx context.Context, method, path string, body []byte, before time.Time) (cloudflare.RawResponse, error) {
		var header http.Header
		if !before.IsZero() {
			header = http.Header{sendBefore: {before.Format(time.RFC3339Nano)}}
		}
		var content any
		if len(body) > 0 {
			content = body
		}
		return call(ctx, method, path, content, header)
	}
	return get, send, nil
}

// sdk makes a client of cloudflare-go without its own retries, limits and redirects.
func sdk(o Options, c Credentials, t *transport) (*cloudflare.API, error) {
	options := []cloudflare.Option{
		cloudflare.BaseURL(o.BaseURL),
		cloudflare.UsingRetryPolicy(0, 0, 0),
		cloudflare.UsingRateLimit(math.MaxFloat64),
		cloudflare.HTTPClient(&http.Client{
			Transport:     t,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}),
	}
	if o.UserAgent != "" {
		options = append(options, cloudflare.UserAgent(o.UserAgent))
	}
	return c.api(options)
}

// Requests counts the requests so far. A request counts once, from when it is
// first sent.
func (r *Reader) Requests() plan.Requests {
	return plan.Requests{Read: int(r.reads.Load()), Write: int(r.writes.Load())}
}

// emit calls Notify.
func (r *Reader) emit(e Event) {
	if r.notify == nil {
		return
	}
	r.notifying.Lock()
	defer r.notifying.Unlock()
	e.Requests, e.Budget = r.Requests(), r.budget()
	r.notify(e)
}

// read sends a GET and decodes its result while it still holds one of the
// client's slots, so that no more pages are in memory than requests may be
// under way.
func (c *client) read(ctx context.Context, path string, decode func(result []byte, info *cloudflare.ResultInfo) error) error {
	select {
	case c.slots <- struct{}{}:
	case <-ctx.Done():
		return &Error{Method: http.MethodGet, Path: path, Err: context.Cause(ctx)}
	}
	defer func() { <-c.slots }()

	answer, err := c.get(ctx, path)
	if err != nil {
		return err
	}
	if len(answer.Result) == 0 || string(answer.Result) == "null" {
		return &Error{Method: http.MethodGet, Path: path, Detail: "the answer has no result", empty: true}
	}

	if err := decode(answer.Result, answer.ResultInfo); err != nil {
		return &Error{Method: http.MethodGet, Path: path, Detail: "unexpected answer: " + clean(err.Error(), c.hide)}
	}
	return nil
}
