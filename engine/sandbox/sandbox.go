// Package sandbox is a Cloudflare API for trials and tests: a real HTTP server
// that keeps zones, their settings and their custom hostnames in memory. It
// answers as Cloudflare's documentation and bug reports describe, and is stricter
// where they leave room. It pages, limits rates, refuses unknown fields and
// parameters, replaces ssl.settings as a whole, restarts validation on a write
// that changes nothing, applies writes late, and fails on request.
//
// It shares no code with the client in this module, so that a misreading of the
// API in one is not mirrored in the other.
//
//	seed, err := sandbox.ParseSeed(text)
//	srv := sandbox.New(seed, sandbox.Options{})
//	http.ListenAndServe("127.0.0.1:0", srv) // base URL: http://…/client/v4
//
// Paths below /__sandbox/ control it: state, history, faults, dashboard edits.
// They take no credentials, so the server must listen on loopback only.
package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Base is the path below which the API lives.
const Base = "/client/v4"

// maxBody is the largest request body that is read.
const maxBody = 1 << 20

// Options are the server's clock. The zero Options use the real one.
type Options struct {
	Now func() time.Time
	// Sleep waits, or returns early with the context's error.
	Sleep func(context.Context, time.Duration) error
}

// Server is the API. It is safe for concurrent use.
type Server struct {
	now   func() time.Time
	sleep func(context.Context, time.Duration) error
	start time.Time
	open  context.Context // done once the server is closed
	shut  context.CancelFunc

	mu       sync.Mutex
	seed     Seed
	accounts []*account // sorted by name
	zones    []*zone    // sorted by name, then account
	byID     map[string]*zone
	tokens   map[string]*identity
	users    map[[2]string]*identity
	names    []*identity // in the order of the seed
	nobody   *limiter    // limits requests whose sender is unknown
	faults   []*activeFault
	history  []*Entry
	audits   []*audited // of all accounts, the oldest first
	requests int
	pending  []deployment // in the order in which they take effect
	caPEM    []byte       // certificate of the TLS edge, nil without one

	edgeFaults []EdgeFault
}

// New returns a server in the state of the seed.
func New(seed Seed, o Options) *Server {
	s := &Server{
		now: o.Now, sleep: o.Sleep, seed: seed,
		byID: map[string]*zone{}, tokens: map[string]*identity{}, users: map[[2]string]*identity{},
	}

	if s.now == nil {
		s.now = time.Now
	}
	if s.sleep == nil {
		s.sleep = sleep
	}

	s.open, s.shut = context.WithCancel(context.Background())
	s.start = s.now()
	for _, f := range seed.EdgeFaults {
		f.Name = strings.ToLower(f.Name)
		s.edgeFaults = append(s.edgeFaults, f)
	}
	s.plant()
	return s
}

// Close ends every wait and makes later requests fail.
func (s *Server) Close() { s.shut() }

// call is one request on its way through the server.
type call struct {
	r     *http.Request
	path  string   // below Base, escaped as sent
	segs  []string // the parts of the path, unescaped
	args  []string // the parts that match a "*" of the route
	query url.Values
	body  []byte
	who   *identity
	now   time.Time
	entry *Entry
	list  listFaults // faults in the next list
	// ignoreWrite answers a valid write with the old state.
	ignoreWrite bool
}

// answer is the answer to a request, before faults change it.
type answer struct {
	status   int
	header   http.Header
	success  bool
	errors   []problem
	messages []problem
	result   any
	info     *resultInfo
	raw      []byte // the whole body, instead of an envelope
	plain    bool   // never compressed
}

// problem is an item of "errors" or "messages".
type problem struct {
	Code    int       `json:"code"`
	Message string    `json:"message"`
	Chain   []problem `json:"error_chain,omitempty"`
}

type resultInfo struct {
	Page       int    `json:"page"`
	PerPage    int    `json:"per_page"`
	Count      int    `json:"count"`
	TotalCount int    `json:"total_count"`
	TotalPages *int   `json:"total_pages,omitempty"`
	Cursor     string `json:"cursor,omitempty"`
}

func ok(status int, result any) *answer {
	return &answer{status: status, header: http.Header{}, success: true, result: result}
}

func fail(status, code int, message string) *answer {
	return failWith(status, problem{Code: code, Message: message})
}

func failWith(status int, problems ...problem) *answer {
	return &answer{status: status, header: http.Header{}, errors: problems}
}

// noRoute is the answer to an unknown path or id.
func noRoute(path string) *answer {
	return failWith(http.StatusNotFound,
		problem{Code: 7003, Message: "Could not route to " + path + ", perhaps your object identifier is invalid?"},
		problem{Code: 7000, Message: "No route for that URI"})
}

// body returns the answer's text.
func (a *answer) body() []byte {
	var b bytes.Buffer
	a.write(&b)
	return b.Bytes()
}

// write writes the answer's text. It ignores errors: the client may be gone, and
// nothing follows.
func (a *answer) write(w io.Writer) {
	if a.raw != nil {
		_, _ = w.Write(a.raw)
		return
	}

	fmt.Fprintf(w, `{"success":%t,"errors":%s,"messages":%s,"result":`, a.success, list(a.errors), list(a.messages))
	switch r := a.result.(type) {
	case []json.RawMessage:
		// A page may hold megabytes that are already encoded; encoding it again would
		// check every byte.
		before := "["
		for _, item := range r {
			_, _ = io.WriteString(w, before)
			_, _ = w.Write(item)
			before = ","
		}
		if len(r) == 0 {
			_, _ = io.WriteString(w, before)
		}
		_, _ = io.WriteString(w, "]")
	default:
		_, _ = w.Write(encode(r))
	}

	if a.info != nil {
		_, _ = io.WriteString(w, `,"result_info":`)
		_, _ = w.Write(encode(a.info))
	}
	_, _ = io.WriteString(w, "}")
}

func list(problems []problem) []byte {
	if problems == nil {
		return []byte("[]")
	}
	return encode(problems)
}

// encode marshals a value that the server itself has made.
func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // only strings, numbers and valid JSON go in
	}
	return b
}

// ServeHTTP answers one request. The lock is never held while it waits, so a
// slow answer delays nobody else.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if rest, ok := strings.CutPrefix(r.URL.Path, "/__sandbox/"); ok {
		s.control(w, r, rest)
		return
	}

	arrived := s.now()
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		panic(http.ErrAbortHandler) // the client did not send the whole request
	}

	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(s.open, cancel)()

	path := r.URL.EscapedPath()
	c := &call{r: r, body: body, path: strings.TrimPrefix(path, Base)}
	c.entry = newEntry(c, arrived.Sub(s.start))
	c.query, err = url.ParseQuery(r.URL.RawQuery)
	badQuery := err != nil

	s.mu.Lock()
	faults := s.match(c)
	s.mu.Unlock()

	wait := s.seed.Latency
	for _, f := range faults {
		wait += f.Delay
	}
	if wait > 0 && s.sleep(ctx, wait) != nil {
		panic(http.ErrAbortHandler)
	}

	s.mu.Lock()
	if s.open.Err() != nil {
		s.mu.Unlock()
		panic(http.ErrAbortHandler)
	}
	ans := s.process(c, faults, badQuery)
	ray := c.entry.Ray
	s.mu.Unlock()

	send(w, r, ans, faults, ray, !s.seed.Plain)
}

// process does the work of a request, applies the faults that change it, and
// records it in the history.
func (s *Server) process(c *call, faults []*activeFault, badQuery bool) *answer {
	c.now = s.now()
	s.settle(c.now)
	for _, f := range faults {
		s.before(c, f)
	}

	s.record(c.entry)
	ans := s.replaced(c, faults)
	if ans == nil {
		ans = s.answer(c, badQuery)
		s.audit(c, ans)
	}

	for _, f := range faults {
		f.after(ans)
	}
	if c.who != nil {
		c.entry.Token = c.who.name
		c.who.limit.headers(ans.header, c.now)
	} else {
		s.nobody.headers(ans.header, c.now)
	}

	if s.seed.ClockAhead != 0 {
		ans.header.Set("Date", c.now.Add(s.seed.ClockAhead).UTC().Format(http.TimeFormat))
	}
	c.entry.Status = ans.status
	if c.entry.Effect == "" {
		c.entry.Effect = EffectRead
		if ans.status >= 400 || !ans.success && ans.raw == nil {
			c.entry.Effect = EffectRefused
		}
	}
	return ans
}

// answer returns the answer that the request gets without faults.
func (s *Server) answer(c *call, badQuery bool) *answer {
	if !c.splitPath() {
		return noRoute(c.path)
	}
	who, bad := s.identify(c.r)
	if bad != nil {
		return bad
	}
	c.who = who

	service := c.service()
	if who == nil {
		return denied(service)
	}
	if allowed, wait := who.limit.allow(c.now); !allowed {
		return who.limit.tooMany(wait)
	}
	if who.refusedFrom != "" {
		return fail(http.StatusForbidden, 9109, "Cannot use the access token from location: "+who.refusedFrom)
	}
	if who.status != "active" && service != "verify" {
		return denied(service)
	}

	if len(c.body) > maxBody {
		return fail(http.StatusRequestEntityTooLarge, 7012, "request body is too large")
	}
	if badQuery {
		return fail(http.StatusBadRequest, 6003, "the query string cannot be decoded")
	}
	return s.route(c)
}

// splitPath sets the parts of the path. It reports false for a path outside the
// API and for one with an empty part.
func (c *call) splitPath() bool {
	rest, ok := strings.CutPrefix(c.r.URL.EscapedPath(), Base+"/")
	for _, seg := range strings.Split(rest, "/") {
		part, err := url.PathUnescape(seg)
		if err != nil || part == "" {
			return false
		}
		c.segs = append(c.segs, part)
	}
	return ok
}

// service names the service that answers: each words its refusals differently.
func (c *call) service() string {
	switch {
	case slices.Contains(c.segs, "custom_hostnames"):
		return "custom_hostnames"
	case c.segs[len(c.segs)-1] == "verify":
		return "verify"
	}
	return c.segs[0]
}
