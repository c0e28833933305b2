package apply_test

import (
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"tlsync/engine/sandbox"
)

// wire carries requests to a sandbox without sockets, which would keep the clock of
// a synctest bubble from moving. It breaks them on the way, and ends for good at
// the request at which the program is killed.
type wire struct {
	server *sandbox.Server
	seed   uint64
	chance float64 // that a write is broken; a reading is half as often
	edits  []sandbox.Edit
	every  time.Duration // somebody else edits so often; 0 is never
	asked  time.Duration // between a plan and its apply, for approval
	revoke bool
	killAt int           // the request that the program does not survive; 0 is none
	stopAt int           // the request at which it is told to stop; 0 is none
	dead   chan struct{} // closed when it is killed
	stop   func()

	mu     sync.Mutex
	sent   int
	seen   map[string]int // requests by method and path
	paused []pauseAsked
	early  int // requests during a pause
}

// pauseAsked is a 429 that reached the program: nothing may be sent meanwhile.
type pauseAsked struct{ from, until time.Time }

var errKilled = errors.New("the program was killed")

func (w *wire) alive() bool {
	select {
	case <-w.dead:
		return false
	default:
		return true
	}
}

// RoundTrip implements http.RoundTripper.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	rng, last, ok := w.take(r)
	if !ok {
		return nil, errKilled
	}
	latency := time.NewTimer(time.Duration(10+rng.IntN(150)) * time.Millisecond)
	defer latency.Stop()
	select {
	case <-latency.C:
	case <-r.Context().Done():
		return nil, r.Context().Err()
	case <-w.dead:
	}
	// A request in flight when the program died may or may not arrive.
	if !w.alive() && rng.IntN(2) == 0 {
		return nil, errKilled
	}
	if w.chance > 0 && !last {
		if err := w.breaks(r, rng); err != nil {
			return nil, err
		}
	}
	res, err := serveDirectly(w.server, r)
	if !w.alive() {
		return nil, errKilled
	}
	if err == nil && res.StatusCode == http.StatusTooManyRequests {
		asked, err := strconv.Atoi(res.Header.Get("Retry-After"))
		if err != nil {
			asked = 300
		}
		w.mu.Lock()
		w.paused = append(w.paused, pauseAsked{time.Now(), time.Now().Add(time.Duration(asked) * time.Second)})
		w.mu.Unlock()
	}
	return res, err
}

// take counts a request. Its randomness comes from what it is and how often it was
// sent, and not from who was first, so that a seed tells the same story again.
func (w *wire) take(r *http.Request) (rng *rand.Rand, last, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.alive() {
		return nil, false, false
	}
	w.sent++
	if now := time.Now(); slices.ContainsFunc(w.paused, func(p pauseAsked) bool { return now.After(p.from) && now.Before(p.until) }) {
		w.early++
	}
	if w.sent == w.stopAt {
		w.stop()
	}
	if w.sent == w.killAt {
		last = true
		close(w.dead)
	}
	key := r.Method + " " + r.URL.RequestURI()
	w.seen[key]++
	h := fnv.New64a()
	fmt.Fprintf(h, "%s %d", key, w.seen[key])
	return rand.New(rand.NewPCG(w.seed, h.Sum64())), last, true
}

// somebodyElse edits in the dashboard every now and then, until the function that it
// returns is called.
func (w *wire) somebodyElse() (end func()) {
	if w.every == 0 {
		return func() {}
	}
	rng := rand.New(rand.NewPCG(w.seed, 3))
	ended, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		for {
			select {
			case <-time.After(w.every):
				// The API may refuse the edit; then nothing was edited.
				_ = w.server.Dashboard(w.edits[rng.IntN(len(w.edits))])
			case <-ended:
				return
			}
		}
	}()
	return func() {
		close(ended)
		<-gone
	}
}

// breaks draws a fault for a request and plants it.
func (w *wire) breaks(r *http.Request, rng *rand.Rand) error {
	write := r.Method != http.MethodGet
	chance := w.chance
	if !write {
		chance /= 2
	}
	if rng.Float64() >= chance {
		return nil
	}
	if rng.IntN(12) == 0 {
		return &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	kinds := []sandbox.Fault{
		{Kind: "drop-request"},
		{Kind: "drop-answer"},
		{Kind: "rate-limit", RetryAfter: []string{"", "3", "45", "300"}[rng.IntN(4)]},
		{Kind: "error", Status: 503},
		{Kind: "error", Status: 502, HTML: true},
		{Kind: "error", Status: 500, Work: true},
		{Kind: "body", Body: "<html>sign in</html>", ContentType: "text/html"},
		{Kind: "truncate"},
		{Kind: "delay", Delay: time.Duration(1+rng.IntN(45)) * time.Second},
		{Kind: "unsuccessful"},
	}
	if r.Method == http.MethodPatch {
		kinds = append(kinds, sandbox.Fault{Kind: "ignore-write"}, sandbox.Fault{Kind: "ignore-write"})
	}
	if len(w.edits) > 0 {
		edit := sandbox.Fault{Kind: "edit", Edit: &w.edits[rng.IntN(len(w.edits))]}
		kinds = append(kinds, edit, edit, edit)
	}
	if w.revoke {
		kinds = append(kinds, sandbox.Fault{Kind: "revoke", Permission: []string{sandbox.SSLEdit, sandbox.ZoneSettingsEdit, sandbox.NotificationsEdit}[rng.IntN(3)]})
	}
	f := kinds[rng.IntN(len(kinds))]
	f.Method, f.Path, f.Nth = r.Method, strings.TrimPrefix(r.URL.EscapedPath(), sandbox.Base), 1
	return w.server.AddFault(f)
}

// serveDirectly is one request to a handler, and what a connection would make of
// its answer.
func serveDirectly(h http.Handler, r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	aborted := func() (aborted bool) {
		defer func() {
			switch p := recover(); p {
			case nil:
			case http.ErrAbortHandler:
				aborted = true
			default:
				panic(p)
			}
		}()
		h.ServeHTTP(rec, r)
		return false
	}()
	if aborted && rec.Body.Len() == 0 {
		if err := r.Context().Err(); err != nil {
			return nil, err
		}
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	}
	res := rec.Result()
	res.Request = r
	if aborted {
		res.Body = io.NopCloser(io.MultiReader(bytes.NewReader(rec.Body.Bytes()), cutOff{}))
	}
	return res, nil
}

// cutOff is the end of an answer that is shorter than it said.
type cutOff struct{}

func (cutOff) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
