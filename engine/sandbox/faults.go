package sandbox

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Fault breaks requests. Which: Method and Path say, and of these the Nth, at
// most Count, with a Probability. How: Kind says.
//
//	drop-request       the connection is reset, nothing was done
//	drop-answer        the work is done, then the connection is reset
//	truncate           the answer ends after Bytes (default: half)
//	error              Status (500), with Code and Message, as a page where HTML is set;
//	                   the work is not done unless Work is set; NoRay leaves cf-ray out
//	rate-limit         429 with RetryAfter as written, or without the header; Block makes
//	                   it last, for every call, RetryAfter seconds
//	delay              nothing but Delay, which every kind may have
//	unsuccessful       200 with "success": false
//	redirect           Status (302) to Location
//	body               Status (200) with Body and ContentType in place of the answer
//	total-count        result_info.total_count is Value
//	no-result-info     a list without result_info
//	total-pages-zero   total_pages is 0
//	clamp-page-size    pages hold no more than Value
//	refuse-page-size   400 for a per_page above Value
//	shuffle-pages      every page is cut from another order
//	duplicate-item     the last item of a page comes again on the next
//	endless-pages      after the last page the first comes again
//	ignore-write       the answer to a write is a success that shows the old state
//	revoke             the sender loses Permission before the request is looked at
//	edit               the dashboard edit in Edit comes just before the request
//	no-gzip            the answer is not compressed
type Fault struct {
	Kind   string `yaml:"kind"`
	Method string `yaml:"method"` // empty is any
	// Path is a pattern over the path below Base: "*" is one part, "**" any
	// number. A zone's or custom hostname's name may stand for its id.
	Path        string  `yaml:"path"`
	Query       string  `yaml:"query"` // parameters that must be present, "page=2"
	Nth         int     `yaml:"nth"`   // 0 is every one
	Count       int     `yaml:"count"` // 0 is no end, or once where Nth is set
	Probability float64 `yaml:"probability"`
	Seed        uint64  `yaml:"seed"` // of the chance

	Status      int           `yaml:"status"`
	Code        int           `yaml:"code"`
	Message     string        `yaml:"message"`
	HTML        bool          `yaml:"html"`
	NoRay       bool          `yaml:"no_ray"`
	Work        bool          `yaml:"work"`
	RetryAfter  string        `yaml:"retry_after"`
	Block       bool          `yaml:"block"`
	Delay       time.Duration `yaml:"delay"`
	Location    string        `yaml:"location"`
	Body        string        `yaml:"body"`
	ContentType string        `yaml:"content_type"`
	Bytes       int           `yaml:"bytes"`
	Value       int           `yaml:"value"`
	Permission  string        `yaml:"permission"`
	Edit        *Edit         `yaml:"edit"`
}

// kinds are the names of the faults, in the order of the documentation.
var kinds = []string{
	"drop-request", "drop-answer", "truncate", "error", "rate-limit", "delay", "unsuccessful", "redirect", "body",
	"total-count", "no-result-info", "total-pages-zero", "clamp-page-size", "refuse-page-size", "shuffle-pages",
	"duplicate-item", "endless-pages", "ignore-write", "revoke", "edit", "no-gzip",
}

func (f *Fault) validate() error {
	if !slices.Contains(kinds, f.Kind) {
		return fmt.Errorf("kind %q is not one of %s", f.Kind, strings.Join(kinds, ", "))
	}
	if _, err := path.Match(f.Path, ""); err != nil {
		return fmt.Errorf("path %q is not a pattern", f.Path)
	}
	if _, err := url.ParseQuery(f.Query); err != nil {
		return fmt.Errorf("query %q cannot be decoded", f.Query)
	}
	if f.Probability < 0 || f.Probability > 1 {
		return fmt.Errorf("probability %v is not between 0 and 1", f.Probability)
	}
	if f.Nth < 0 || f.Count < 0 || f.Delay < 0 || f.Bytes < 0 {
		return errors.New("nth, count, delay and bytes take no negative numbers")
	}
	if f.Status != 0 && (f.Status < 200 || f.Status > 599) {
		return fmt.Errorf("status %d is not between 200 and 599", f.Status)
	}
	if f.Kind == "edit" && f.Edit == nil {
		return errors.New("kind edit needs edit: {zone, …}")
	}
	if f.Kind == "revoke" && f.Permission == "" {
		return errors.New("kind revoke needs a permission")
	}
	return nil
}

// activeFault is a fault with its counts.
type activeFault struct {
	Fault
	seen, fired int
	chance      *rand.Rand
}

// AddFault adds a fault, or says why it is none.
func (s *Server) AddFault(f Fault) error {
	if err := f.validate(); err != nil {
		return fmt.Errorf("fault: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addFault(f)
	return nil
}

func (s *Server) addFault(f Fault) {
	s.faults = append(s.faults, &activeFault{Fault: f, chance: rand.New(rand.NewPCG(f.Seed, uint64(len(s.faults))))})
}

// ClearFaults removes every fault.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// match counts a request with every fault and returns those that strike it.
func (s *Server) match(c *call) []*activeFault {
	var struck []*activeFault
	for _, f := range s.faults {
		if f.Method != "" && f.Method != c.r.Method || !s.matchPath(f.Path, c.path) || !matchQuery(f.Query, c.query) {
			continue
		}
		f.seen++
		limit := f.Count
		if limit == 0 && f.Nth > 0 {
			limit = 1
		}
		if f.seen < f.Nth || limit > 0 && f.fired >= limit || f.Probability > 0 && f.chance.Float64() >= f.Probability {
			continue
		}
		f.fired++
		struck = append(struck, f)
		c.entry.Faults = append(c.entry.Faults, f.Kind)
	}
	return struck
}

func (s *Server) matchPath(pattern, have string) bool {
	if pattern == "" {
		return true
	}
	parts := strings.Split(strings.Trim(pattern, "/"), "/")
	segs := strings.Split(strings.Trim(have, "/"), "/")
	for i := 1; i < len(segs); i++ {
		// A name in the pattern stands for the id at its place.
		switch z := s.byID[segs[1]]; {
		case z == nil || segs[0] != "zones" || i >= len(parts):
		case i == 1 && parts[1] == z.ascii:
			parts[1] = z.id
		case i == 3 && segs[2] == "custom_hostnames" && z.byName[parts[3]] != nil:
			parts[3] = z.byName[parts[3]].id
		}
	}
	return matchParts(parts, segs)
}

func matchParts(parts, segs []string) bool {
	if len(parts) == 0 {
		return len(segs) == 0
	}
	if parts[0] == "**" {
		for i := range len(segs) + 1 {
			if matchParts(parts[1:], segs[i:]) {
				return true
			}
		}
		return false
	}
	if len(segs) == 0 {
		return false
	}
	hit, err := path.Match(parts[0], segs[0])
	return err == nil && hit && matchParts(parts[1:], segs[1:])
}

func matchQuery(want string, have url.Values) bool {
	params, err := url.ParseQuery(want)
	if err != nil {
		return false
	}
	for k, vs := range params {
		if !slices.Equal(have[k], vs) {
			return false
		}
	}
	return true
}

// listFaults say how the next list is falsified.
type listFaults struct {
	total       *int
	noInfo      bool
	zeroPages   bool
	clamp       int
	refuseAbove int
	shuffle     *rand.Rand
	duplicate   bool
	endless     bool
}

func (l *listFaults) falsify(info *resultInfo) {
	if l.total != nil {
		info.TotalCount = *l.total
		info.TotalPages = nil
	}
	if l.zeroPages {
		info.TotalPages = new(int)
	}
	if l.endless {
		info.TotalPages = nil
		info.TotalCount = 1_000_000
	}
}

// before does what a fault does ahead of the work.
func (s *Server) before(c *call, f *activeFault) {
	switch f.Kind {
	case "total-count":
		c.list.total = &f.Value
	case "no-result-info":
		c.list.noInfo = true
	case "total-pages-zero":
		c.list.zeroPages = true
	case "clamp-page-size":
		c.list.clamp = f.Value
	case "refuse-page-size":
		c.list.refuseAbove = f.Value
	case "shuffle-pages":
		c.list.shuffle = f.chance
	case "duplicate-item":
		c.list.duplicate = true
	case "endless-pages":
		c.list.endless = true
	case "ignore-write":
		c.ignoreWrite = true
	case "revoke":
		if who, _ := s.identify(c.r); who != nil {
			who.permissions = slices.DeleteFunc(slices.Clone(who.permissions), func(p string) bool { return p == f.Permission })
		}
	case "edit":
		// An edit that cannot be done is left out: the fault was told to be
		// tried, and history shows that nothing came of it.
		_ = s.dashboard(*f.Edit)
	}
}

// replaced is the answer that a fault gives in place of the work, nil if none
// does.
func (s *Server) replaced(c *call, faults []*activeFault) *answer {
	for _, f := range faults {
		var ans *answer
		switch f.Kind {
		case "drop-request":
			ans = fail(0, 0, "")
			c.entry.Effect = EffectDropped
		case "rate-limit":
			ans = s.planted429(c, f)
		case "error":
			if !f.Work {
				ans = f.errorAnswer()
			}
		case "redirect":
			ans = fail(orInt(f.Status, http.StatusFound), 0, "")
			ans.raw = []byte{}
			ans.header.Set("Location", f.Location)
		case "body":
			ans = ok(orInt(f.Status, http.StatusOK), nil)
			ans.raw = []byte(f.Body)
			if f.ContentType != "" {
				ans.header.Set("Content-Type", f.ContentType)
			}
		case "unsuccessful":
			ans = fail(http.StatusOK, orInt(f.Code, 10000), orText(f.Message, "the request was not successful"))
		}
		if ans != nil {
			return ans
		}
	}
	return nil
}

func (s *Server) planted429(c *call, f *activeFault) *answer {
	ans := fail(http.StatusTooManyRequests, 10429, "Please wait and consider throttling your request speed")
	if f.RetryAfter != "" {
		ans.header.Set("Retry-After", f.RetryAfter)
	}
	who, _ := s.identify(c.r)
	if n, err := strconv.Atoi(f.RetryAfter); err == nil && n > 0 && f.Block && who != nil {
		who.limit.block(c.now, time.Duration(n)*time.Second)
	}
	return ans
}

func (f *Fault) errorAnswer() *answer {
	ans := fail(orInt(f.Status, http.StatusInternalServerError), orInt(f.Code, 1500), orText(f.Message, "internal error"))
	if f.HTML {
		ans.raw = fmt.Appendf(nil, "<!DOCTYPE html>\n<html><head><title>%d</title></head>\n<body><h1>Error %d</h1>\n<p>%s</p></body></html>\n",
			ans.status, ans.status, orText(f.Message, "The web server reported an unknown error"))
		ans.header.Set("Content-Type", "text/html; charset=UTF-8")
	}
	return ans
}

// after changes an answer once the work is done.
func (f *activeFault) after(ans *answer) {
	switch {
	case f.Kind == "error" && f.Work:
		*ans = *f.errorAnswer()
	case f.Kind == "no-gzip":
		ans.plain = true
	}
}

func orInt(v, fallback int) int {
	if v == 0 {
		return fallback
	}
	return v
}

func orText(v, fallback string) string {
	if v == "" {
		return fallback
	}
	return v
}

// FaultHeader marks an answer that a fault has touched, so that a check of
// well-formed answers can pass it by. Cloudflare has no such header.
const FaultHeader = "X-Sandbox-Fault"

// compressFrom is the size from which on compressing pays.
const compressFrom = 1400

// streamFrom is from how many items on a list is sent as it is made: it may have
// tens of megabytes.
const streamFrom = 100

// send writes the answer, or cuts the connection where a fault wants that.
func send(w http.ResponseWriter, r *http.Request, ans *answer, faults []*activeFault, ray string, compress bool) {
	h := w.Header()
	for k, v := range ans.header {
		h[k] = v
	}
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", "application/json")
	}
	h.Set("Cf-Ray", ray)
	h.Set("Cache-Control", "no-store")
	cut := -1
	for _, f := range faults {
		h.Add(FaultHeader, f.Kind)
		switch {
		case f.Kind == "drop-request" || f.Kind == "drop-answer":
			reset(w)
		case f.Kind == "truncate":
			cut = f.Bytes
		}
		if f.NoRay {
			h.Del("Cf-Ray")
		}
	}
	compress = compress && !ans.plain && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip")
	if items, ok := ans.result.([]json.RawMessage); ok && len(items) >= streamFrom && compress && cut < 0 {
		h.Set("Content-Encoding", "gzip")
		w.WriteHeader(ans.status)
		compressed(w, ans.write)
		return
	}
	body := ans.body()
	if compress && len(body) >= compressFrom {
		var b bytes.Buffer
		compressed(&b, func(w io.Writer) { _, _ = w.Write(body) })
		body = b.Bytes()
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(ans.status)
	if cut >= 0 {
		if cut == 0 || cut > len(body) {
			cut = len(body) / 2
		}
		_, _ = w.Write(body[:cut]) // the client may be gone; nothing follows
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(body)
}

// compressors are used again: each has tables of a megabyte.
var compressors = sync.Pool{New: func() any {
	z, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	if err != nil {
		panic(err) // the level is a constant
	}
	return z
}}

// compressed writes to w what is written by a function.
func compressed(w io.Writer, write func(io.Writer)) {
	z := compressors.Get().(*gzip.Writer)
	defer compressors.Put(z)
	z.Reset(w)
	write(z)
	_ = z.Close() // as with every answer, the client may be gone
}

// reset ends the connection with a TCP reset and never returns. Where there is
// no connection to take over (HTTP/2, or a test without sockets) the server, or
// the test's transport, ends the request on seeing http.ErrAbortHandler.
func reset(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = conn.Close()
	}
	panic(http.ErrAbortHandler)
}

// sleep waits for real.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
