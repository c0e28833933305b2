package cloudflare

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tlsync/engine/apply"
)

// A server that answers 429 for ever ends a run: reading and writing, whatever it asks
// for, and after that nothing more is sent.
func TestEndlessRefusalsEnd(t *testing.T) {
	for _, tc := range []struct {
		retryAfter string
		most       time.Duration
	}{{"0", time.Minute}, {"1", time.Minute}, {"20", 15 * time.Minute}, {"", 36 * time.Minute}, {"86400", 41 * time.Minute}} {
		for _, method := range []string{http.MethodGet, http.MethodPatch} {
			synctest.Test(t, func(t *testing.T) {
				const n = 60
				s := newShop(n)
				f := s.fake()
				o := options(f)
				refusing, sent := false, 0
				o.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
					if !refusing || r.Method != method {
						return direct{handler: f, latency: 50 * time.Millisecond}.RoundTrip(r)
					}
					sent++
					return direct{handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
						if tc.retryAfter != "" {
							w.Header().Set("Retry-After", tc.retryAfter)
						}
						write(w, 429, failure)
					})}.RoundTrip(r)
				})
				w := writer(t, o)
				if _, err := w.Fetch(t.Context(), withHostnames); err != nil {
					t.Fatal(err)
				}
				refusing = true
				start := time.Now()

				if method == http.MethodPatch {
					r := apply.Run(t.Context(), raise(n), w, apply.Options{Concurrency: 10})
					if r.Tally.Done > 0 || r.Tally.Failed < 5 || !strings.Contains(r.Stopped, "failed in a row") {
						t.Errorf("%q: %+v, %s", tc.retryAfter, r.Tally, r.Stopped)
					}
					for _, s := range r.Steps {
						if s.Outcome == apply.Failed && (s.Wrote || !strings.Contains(s.Reason, "rate limit")) {
							t.Errorf("%q: %s", tc.retryAfter, s.Reason)
						}
					}
				} else if _, err := w.Fetch(t.Context(), withHostnames); !errors.Is(err, errPaused) {
					t.Errorf("%q: %v", tc.retryAfter, err)
				}
				if time.Since(start) > tc.most || sent > 50 {
					t.Errorf("%s %q: after %s and %d requests", method, tc.retryAfter, time.Since(start), sent)
				}

				// Once it gave up it sends nothing.
				before := sent
				if _, err := w.Fetch(t.Context(), withHostnames); method == http.MethodGet && (err == nil || sent > before) {
					t.Errorf("%q: sent again: %v", tc.retryAfter, err)
				}
			})
		}
	}
}

// roundTripper is a function that sends requests.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
