package sandbox

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
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

// Fault breaks requests. Method, Path and Query select requests; Nth, Count and
// Probability select among those. Kind says what breaks:
//
//	drop-request       the connection is reset, nothing was done
//	drop-answer        the work is done, then the connection is reset
//	truncate           the answer ends after Bytes (default: half)
//	trickle            the body comes byte by byte, one a second, and never ends
//	error              Status (500), with Code and Message, as a page where HTML is set;
//	                   the work is not done unless Work is set; NoRay leaves cf-ray out
//	rate-limit         429 with RetryAfter as written, or without the header; Block
//	                   refuses every call for RetryAfter seconds
//	delay              only Delay, which every kind may have
//	unsuccessful       200 with "success": false
//	redirect           Status (302) to Location
//	body               Status (200) with Body and ContentType replaces the answer
//	total-count        result_info.total_count is Value
//	no-result-info     a list without result_info
//	total-pages-zero   total_pages is 0
//	clamp-page-size    pages hold no more than Value
//	refuse-page-size   400 for a per_page above Value
//	shuffle-pages      every page has another order of the items
//	duplicate-item     the last item of a page is repeated on the next
//	endless-pages      the first page follows the last one
//	ignore-write       a write succeeds, and its answer shows the old state
//	revoke             the sender loses Permission before the request is handled
//	edit               the dashboard edit in Edit happens just before the request
//	no-gzip            the answer is not compressed
type Fault struct {
	Kind   string `yaml:"kind"`
	Method string `yaml:"method"` // empty means any
	// Path is a pattern over the path below Base: "*" is one part, "**" any
	// number. The name of a zone or custom hostname may replace its id.
	Path        string  `yaml:"path"`
	Query       string  `yaml:"query"` // required parameters, as in "page=2"
	Nth         int     `yaml:"nth"`   // 0 means every one
	Count       int     `yaml:"count"` // 0 means no limit, or once where Nth is set
	Probability float64 `yaml:"probability"`
	Seed        uint64  `yaml:"seed"` // of the random numbers

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
	"drop-request", "drop-answer", "truncate", "trickle", "error", "rate-limit", "delay", "unsuccessful", "redirect", "body",
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
		return errors.New("nth, count, delay and bytes must not be negative")
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

// activeFault is a fault with its counters.
type activeFault struct {
	Fault
	seen, fired int
	chance      *rand.Rand
}

// AddFault adds a fault. It returns an error for an invalid one.
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

// match counts the request for every fault and returns the faults that apply to it.
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

// matchPath matches a path with a pattern. A name in the pattern stands for the id
// of the zone or custom hostname.
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

// listFaults says what the next list gets wrong.
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

// before does what a fault does before the request is handled.
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
		// An impossible edit does nothing, which the history shows.
		_ = s.dashboard(*f.Edit)
	}
}

// replaced returns the answer of the first fault that prevents the work, nil if none
// does.
func (s *Server) replaced(c *call, faults []*activeFault) *answer {
	for _, f := range faults {
		if ans := s.replacement(c, f); ans != nil {
			return ans
		}
	}
	return nil
}

func (s *Server) replacement(c *call, f *activeFault) *answer {
	switch f.Kind {
	case "drop-request":
		c.entry.Effect = EffectDropped
		return fail(0, 0, "")
	case "rate-limit":
		return s.rateLimited(c, f)
	case "unsuccessful":
		return fail(http.StatusOK, cmp.Or(f.Code, 10000), cmp.Or(f.Message, "the request was not successful"))
	case "error":
		if !f.Work {
			return f.errorAnswer()
		}

	case "redirect":
		ans := fail(cmp.Or(f.Status, http.StatusFound), 0, "")
		ans.raw = []byte{}
		ans.header.Set("Location", f.Location)
		return ans

	case "body":
		ans := ok(cmp.Or(f.Status, http.StatusOK), nil)
		ans.raw = []byte(f.Body)
		if f.ContentType != "" {
			ans.header.Set("Content-Type", f.ContentType)
		}
		return ans
	}
	return nil
}

func (s *Server) rateLimited(c *call, f *activeFault) *answer {
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
	ans := fail(cmp.Or(f.Status, http.StatusInternalServerError), cmp.Or(f.Code, 1500), cmp.Or(f.Message, "internal error"))
	if f.HTML {
		ans.raw = fmt.Appendf(nil, "<!DOCTYPE html>\n<html><head><title>%d</title></head>\n<body><h1>Error %d</h1>\n<p>%s</p></body></html>\n",
			ans.status, ans.status, cmp.Or(f.Message, "The web server reported an unknown error"))
		ans.header.Set("Content-Type", "text/html; charset=UTF-8")
	}
	return ans
}

// after changes the answer when the work is done.
func (f *activeFault) after(ans *answer) {
	switch {
	case f.Kind == "error" && f.Work:
		*ans = *f.errorAnswer()
	case f.Kind == "no-gzip":
		ans.plain = true
	}
}

// FaultHeader marks an answer that a fault has changed, so that a check of answers
// can skip it. Cloudflare has no such header.
const FaultHeader = "X-Sandbox-Fault"

// compressFrom is the smallest body worth compressing.
const compressFrom = 1400

// streamFrom is the smallest list that is encoded while it is sent. A list may have
// tens of megabytes.
const streamFrom = 100

// send writes the answer, or cuts the connection where a fault says so.
func send(w http.ResponseWriter, r *http.Request, ans *answer, faults []*activeFault, ray string, compress bool) {
	cut := setHeaders(w, ans, faults, ray)
	h := w.Header()
	compress = compress && !ans.plain && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip")
	if items, ok := ans.result.([]json.RawMessage); ok && len(items) >= streamFrom && compress && cut < 0 {
		h.Set("Content-Encoding", "gzip")
		w.WriteHeader(ans.status)
		compressed(w, ans.write)
		return
	}

	if slices.ContainsFunc(faults, func(f *activeFault) bool { return f.Kind == "trickle" }) {
		w.WriteHeader(ans.status)
		trickle(w, r)
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
	if cut < 0 {
		_, _ = w.Write(body) // the client may be gone; nothing follows
		return
	}
	if cut == 0 || cut > len(body) {
		cut = len(body) / 2
	}
	_, _ = w.Write(body[:cut])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// trickle sends a byte a second for as long as the client listens.
func trickle(w http.ResponseWriter, r *http.Request) {
	for {
		_, _ = w.Write([]byte(" ")) // the next wait ends where the client is gone
		_ = http.NewResponseController(w).Flush()
		if sleep(r.Context(), time.Second) != nil {
			return
		}
	}
}

// setHeaders sets the headers and returns the size at which a fault cuts the body, -1
// for the whole body. It does not return if a fault drops the answer.
func setHeaders(w http.ResponseWriter, ans *answer, faults []*activeFault, ray string) (cut int) {
	h := w.Header()
	maps.Copy(h, ans.header)
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", "application/json")
	}
	h.Set("Cf-Ray", ray)
	h.Set("Cache-Control", "no-store")

	cut = -1
	for _, f := range faults {
		h.Add(FaultHeader, f.Kind)
		switch f.Kind {
		case "drop-request", "drop-answer":
			reset(w)
		case "truncate":
			cut = f.Bytes
		}
		if f.NoRay {
			h.Del("Cf-Ray")
		}
	}
	return cut
}

// compressors are reused: each has tables of a megabyte.
var compressors = sync.Pool{New: func() any {
	z, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	if err != nil {
		panic(err) // the level is a constant
	}
	return z
}}

// compressed passes a gzip writer on w to a function.
func compressed(w io.Writer, write func(io.Writer)) {
	z := compressors.Get().(*gzip.Writer)
	defer compressors.Put(z)
	z.Reset(w)
	write(z)
	_ = z.Close() // as with every answer, the client may be gone
}

// reset ends the connection with a TCP reset and never returns. Where there is no
// connection to take over (HTTP/2, or a test without sockets), the panic makes the
// server or the test's transport end the request.
func reset(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = conn.Close()
	}
	panic(http.ErrAbortHandler)
}

// sleep waits by the real clock.
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
