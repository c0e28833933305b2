package cloudflare

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"tlsync/engine/plan"
)

// sendAll sends n writes with the given number of workers.
func sendAll(ctx context.Context, w *Writer, n, workers int) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(workers)
	for i := range n {
		group.Go(func() error {
			_, err := w.Write(ctx, hostnameChange(i), plan.Request{Method: "PATCH", Path: plan.CustomHostnamePath(zoneA, hostnameID(i)), Body: `{"ssl":{}}`})
			return err
		})
	}
	return group.Wait()
}

func hostnameChange(i int) *plan.Change {
	return &plan.Change{Ref: plan.ParseRef(fmt.Sprintf("custom_hostname/saas.example/app%d.customer.example", i), ""),
		ZoneID: zoneA, ObjectID: hostnameID(i)}
}

// patched answers a PATCH with the hostname it is for.
func patched(w http.ResponseWriter, r *http.Request) {
	var i int
	fmt.Sscanf(strings.TrimPrefix(r.PathValue("id"), "00000000-0000-4000-8000-"), "%d", &i)
	write(w, 202, ok(hostnameJSON(i, commonSettings)))
}

func patchable() *fake {
	f := newFake()
	f.mux.HandleFunc("PATCH /client/v4/zones/"+zoneA+"/custom_hostnames/{id}", patched)
	return f
}

// busiest returns the largest number of requests in any period of a length.
func busiest(at []seen, per time.Duration) int {
	most, from := 0, 0
	for to := range at {
		for at[to].at-at[from].at >= per {
			from++
		}
		most = max(most, to-from+1)
	}
	return most
}

// 5,000 writes at the default rate: a burst of 1,100 at once, never more than
// that in five minutes, and nearly as many as permitted.
func TestBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := patchable()
		o := options(f)
		o.Transport = direct{f, 100 * time.Millisecond}
		w := writer(t, o)
		if err := sendAll(t.Context(), w, 5000, 10); err != nil {
			t.Fatal(err)
		}
		all := f.requests("PATCH")
		if len(all) != 5000 {
			t.Errorf("%d requests", len(all))
		}
		if n := busiest(all, 5*time.Minute); n > 1100 {
			t.Errorf("%d requests within five minutes", n)
		}
		if burst := all[1099].at; burst > 12*time.Second {
			t.Errorf("the burst took %s", burst)
		}
		last := all[len(all)-1].at
		if permitted := 4 * 5 * time.Minute; last > permitted*105/100 {
			t.Errorf("it took %s, permitted were %s", last, permitted)
		}
		if got := w.Requests(); got != (plan.Requests{Write: 5000}) {
			t.Errorf("counted %+v", got)
		}
	})
}

// Whatever the latencies, no period holds more requests than the rate allows,
// even if the server counts a request at any moment before its answer.
func TestBudgetProperty(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 7).Draw(rt, "requests")
		workers := rapid.IntRange(1, 9).Draw(rt, "workers")
		latencies := rapid.SliceOfN(rapid.IntRange(0, 3000), 40, 40).Draw(rt, "latencies")
		counted := rapid.SliceOfN(rapid.IntRange(0, 100), 40, 40).Draw(rt, "counted at")
		synctest.Test(t, func(*testing.T) {
			l := newLimiter(Rate{n, time.Second})
			start := time.Now()
			var mu sync.Mutex
			var times []time.Duration
			var group errgroup.Group
			group.SetLimit(workers)
			for i := range latencies {
				group.Go(func() error {
					tk, err := l.acquire(context.Background(), time.Time{})
					if err != nil {
						return err
					}
					lat := time.Duration(latencies[i]) * time.Millisecond
					before := lat * time.Duration(counted[i]) / 100
					time.Sleep(before)
					mu.Lock()
					times = append(times, time.Since(start))
					mu.Unlock()
					time.Sleep(lat - before)
					l.done(tk, 200, nil)
					return nil
				})
			}
			if err := group.Wait(); err != nil {
				rt.Fatal(err)
			}
			for i := range times {
				if j := i + n; j < len(times) && times[j]-times[i] < time.Second {
					rt.Fatalf("%d requests within %s: %v", n+1, times[j]-times[i], times)
				}
			}
		})
	})
}

// A 429 pauses all requests for the time that it states. Then one goes ahead as
// a probe. No request is lost or fails.
func TestPause(t *testing.T) {
	for _, tt := range []struct {
		retryAfter string
		want       time.Duration
	}{{"300", 300 * time.Second}, {"2", 2 * time.Second}, {"", 300 * time.Second}, {"soon", 300 * time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			n := 0
			f.mux.HandleFunc("PATCH /client/v4/zones/"+zoneA+"/custom_hostnames/{id}", func(w http.ResponseWriter, r *http.Request) {
				f.mu.Lock()
				n++
				limited := n >= 20 && n < 25
				f.mu.Unlock()
				if limited {
					if tt.retryAfter != "" {
						w.Header().Set("Retry-After", tt.retryAfter)
					}
					write(w, 429, `{"success":false,"errors":[{"code":971,"message":"More than 1200 requests per 300 seconds reached."}],"result":null}`)
					return
				}
				patched(w, r)
			})
			o := options(f)
			o.Transport = direct{f, 100 * time.Millisecond}
			var paused []Event
			o.Notify = func(e Event) {
				if !e.PausedUntil.IsZero() {
					paused = append(paused, e)
				}
			}
			w := writer(t, o)
			if err := sendAll(t.Context(), w, 50, 5); err != nil {
				t.Fatal(err)
			}
			all := f.requests("PATCH")
			if len(all) != 55 {
				t.Fatalf("%d requests, want 50 and the five that were limited", len(all))
			}
			// The five in flight get their 429 at 400 ms; the sixth request
			// behind them is the probe.
			limited := all[23].at
			probe, next := all[24+0], all[25]
			if got := probe.at - limited; got < tt.want || got > tt.want+200*time.Millisecond {
				t.Errorf("Retry-After %q: the next request came after %s, want %s", tt.retryAfter, got, tt.want)
			}
			if next.at-probe.at < 100*time.Millisecond {
				t.Errorf("a second request came %s after the probe", next.at-probe.at)
			}
			if len(paused) == 0 || paused[0].PausedUntil.Sub(f.start) < tt.want {
				t.Errorf("told %v", paused)
			}
			if got := w.Requests().Write; got != 50 {
				t.Errorf("counted %d writes", got)
			}
		})
	}
}

// The later end of two pauses counts. A probe without an answer says nothing,
// so another one follows.
func TestPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(DefaultRate)
		send := func() ticket {
			tk, err := l.acquire(t.Context(), time.Time{})
			if err != nil {
				t.Fatal(err)
			}
			return tk
		}
		l.done(send(), 200, nil)
		start := time.Now()
		a, b := send(), send()
		l.done(a, 429, http.Header{"Retry-After": {"60"}})
		l.done(b, 429, http.Header{"Retry-After": {"2"}})
		probe := send()
		if got := time.Since(start); got != time.Minute || !probe.probe {
			t.Errorf("%+v after %s", probe, got)
		}
		l.done(probe, 0, nil)
		if probe = send(); !probe.probe {
			t.Error("everybody goes on after a probe without an answer")
		}
		l.done(probe, 200, nil)
		if send().probe {
			t.Error("a probe although the last one was let through")
		}
	})
}

// If the API refuses every request, the run ends with an error and does not
// wait for ever.
func TestPausedForever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.handle("GET /client/v4/zones", 429, `{"success":false,"errors":[],"result":null}`)
		_, err := reader(t, options(f)).Fetch(t.Context(), scope("a.example"))
		var failed *Error
		if !errors.As(err, &failed) || failed.Status != 429 || failed.OutcomeUnknown() {
			t.Fatalf("%v", err)
		}
		if took := time.Since(f.start); took < 30*time.Minute || took > time.Hour {
			t.Errorf("gave up after %s", took)
		}
	})
}

// A wait ends with its context.
func TestWaitIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.handle("GET /client/v4/zones", 429, `{"success":false,"errors":[],"result":null}`)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, err := reader(t, options(f)).Fetch(ctx, scope("a.example"))
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(f.start) != 10*time.Second {
			t.Errorf("after %s: %v", time.Since(f.start), err)
		}
	})
}

// With r left, no more than r requests are sent until t has passed.
func TestRatelimitHeader(t *testing.T) {
	for _, header := range []http.Header{
		{"Ratelimit": {`"default";r=1000;t=30, "burst";r=%d;t=%d`}},
		{"Ratelimit": {`"default";r=1000;t=30`, `"burst";r=%d;t=%d`}},
		{"X-Ratelimit-Remaining": {"%d"}, "X-Ratelimit-Reset": {"%d"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			// The server grants 20 in 60 s, in fixed windows, and says so.
			f := newFake()
			windowStart, used := time.Time{}, 0
			f.mux.HandleFunc("PATCH /client/v4/zones/"+zoneA+"/custom_hostnames/{id}", func(w http.ResponseWriter, r *http.Request) {
				f.mu.Lock()
				defer f.mu.Unlock()
				if windowStart.IsZero() || time.Since(windowStart) >= time.Minute {
					windowStart, used = time.Now(), 0
				}
				used++
				if used > 20 {
					t.Errorf("request %d of a window at %s", used, time.Since(f.start))
				}
				reset := int((time.Until(windowStart.Add(time.Minute)) + time.Second - 1) / time.Second)
				for k, lines := range header {
					for _, line := range lines {
						switch strings.Count(line, "%d") {
						case 2:
							line = fmt.Sprintf(line, 20-used, reset)
						case 1:
							line = fmt.Sprintf(line, map[bool]int{true: reset, false: 20 - used}[strings.HasSuffix(k, "Reset")])
						}
						w.Header().Add(k, line)
					}
				}
				patched(w, r)
			})
			o := options(f)
			o.Transport = direct{f, 300 * time.Millisecond}
			if err := sendAll(t.Context(), writer(t, o), 100, 6); err != nil {
				t.Fatal(err)
			}
			// Five windows: every permitted request is used.
			if took := time.Since(f.start); took > 4*time.Minute+20*time.Second {
				t.Errorf("%v: took %s", header, took)
			}
		})
	}
}

// An announced policy limits like our own rate, less the twelfth, rounded up,
// for others.
func TestRatelimitPolicy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.mux.HandleFunc("PATCH /client/v4/zones/"+zoneA+"/custom_hostnames/{id}", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Ratelimit-Policy", `"default";q=1200;w=300, "burst";q=10;w=6`)
			patched(w, r)
		})
		if err := sendAll(t.Context(), writer(t, options(f)), 50, 3); err != nil {
			t.Fatal(err)
		}
		if n := busiest(f.requests("PATCH"), 6*time.Second); n > 9 {
			t.Errorf("%d within six seconds", n)
		}
		if took := time.Since(f.start); took != 30*time.Second {
			t.Errorf("took %s", took)
		}
	})
}

// grant is a server that allows a number of requests in fixed windows of a
// minute, and after more than that refuses everything for the rest of the
// minute.
type grant struct {
	sync.Mutex
	each    int
	headers bool
	early   time.Duration // by how much the end of a window is announced too early
	others  func(window int) int

	start   time.Time
	used    map[int]int
	refused map[int]int // by window
}

func (g *grant) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.Lock()
	defer g.Unlock()
	since := time.Since(g.start)
	n := int(since / time.Minute)
	if g.used[n] == 0 && g.others != nil {
		g.used[n] = g.others(n)
	}
	g.used[n]++
	if g.headers {
		left := time.Minute - since%time.Minute - g.early
		w.Header().Set("Ratelimit", fmt.Sprintf(`"default";r=%d;t=%d`, max(0, g.each-g.used[n]), max(0, left/time.Second)))
		w.Header().Set("Ratelimit-Policy", fmt.Sprintf(`"default";q=%d;w=60`, g.each))
	}
	if g.used[n] > g.each {
		g.refused[n]++
		w.Header().Set("Retry-After", fmt.Sprint(int(time.Minute-since%time.Minute+time.Second-1)/int(time.Second)))
		write(w, 429, failure)
		return
	}
	patched(w, r)
}

// A server that others use too refuses no request, nor does a server whose
// windows end later than it says. A server that is closed at the beginning
// refuses one request.
func TestClosedWindow(t *testing.T) {
	for _, tt := range []struct {
		name    string
		g       *grant
		refused int // at most, in one window
	}{
		{"smaller than configured", &grant{each: 240, headers: true}, 0},
		{"shared", &grant{each: 240, headers: true, others: func(n int) int { return n * 40 % 200 }}, 0},
		{"used up", &grant{each: 240, headers: true, others: func(n int) int { return map[bool]int{true: 240}[n == 0] }}, 1},
		{"used up, and says nothing", &grant{each: 2000, others: func(n int) int { return map[bool]int{true: 2000}[n == 0] }}, 1},
		{"ends later than it says", &grant{each: 60, headers: true, early: 2 * time.Second, others: func(int) int { return 30 }}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := tt.g
				g.start, g.used, g.refused = time.Now(), map[int]int{}, map[int]int{}
				f := newFake()
				f.mux.Handle("PATCH /client/v4/zones/"+zoneA+"/custom_hostnames/{id}", g)
				o := options(f)
				o.Transport = direct{f, 300 * time.Millisecond}
				if err := sendAll(t.Context(), writer(t, o), 1000, 10); err != nil {
					t.Fatal(err)
				}
				all := 0
				for n, refused := range g.refused {
					all += refused
					if refused > tt.refused {
						t.Errorf("%d requests were sent into closed window %d", refused, n)
					}
				}
				if all < tt.refused {
					t.Error("nothing was refused: the test tests nothing")
				}
			})
		})
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"": 5 * time.Minute, "2": 2 * time.Second, " 300 ": 5 * time.Minute, "0": time.Second,
		"1000000000": 10 * time.Minute, "99999999999999999999999": 10 * time.Minute,
		"-5": 5 * time.Minute, "1.5": 5 * time.Minute, "soon": 5 * time.Minute,
		"Sun, 01 Mar 2026 12:01:30 GMT": 90 * time.Second,
		"Sun, 01 Mar 2026 11:00:00 GMT": time.Second,
		"Sun, 01 Mar 2036 11:00:00 GMT": 10 * time.Minute,
	} {
		if got := retryAfter(header, now); got != want {
			t.Errorf("%q: %s, want %s", header, got, want)
		}
	}
}

func TestQuotas(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	for _, tt := range []struct {
		h    http.Header
		want []quota
	}{
		{http.Header{"Ratelimit": {`"default";r=50;t=30`}}, []quota{{name: "default", known: true, remaining: 50, reset: 30 * time.Second}}},
		{http.Header{"Ratelimit": {`"a;b,c" ; r=1 ; t=0,d;t=5;r=2`}}, []quota{{name: "a;b,c", known: true, remaining: 1, reset: time.Second}, {name: "d", known: true, remaining: 2, reset: 5 * time.Second}}},
		{http.Header{"Ratelimit-Policy": {`"burst";q=100;w=60`}}, []quota{{name: "burst", window: Rate{100, time.Minute}}}},
		{http.Header{"X-Ratelimit-Remaining": {"3"}, "X-Ratelimit-Reset": {"1800000007"}}, []quota{{name: "X-Ratelimit-", known: true, remaining: 3, reset: 7 * time.Second}}},
		{http.Header{"Ratelimit": {`"default";r=-1;t=30`, `r;t`, `;;;`, `"`, `"x";r=1`}, "Ratelimit-Policy": {`"x";q=0;w=0`, `"y";q=5;w=999999`}}, nil},
	} {
		if d := cmp.Diff(tt.want, quotas(tt.h, now), cmp.AllowUnexported(quota{})); d != "" {
			t.Errorf("%v: %s", tt.h, d)
		}
	}
}

func TestParseRate(t *testing.T) {
	for in, want := range map[string]string{"1100/5m": "1100/5m", "4/s": "4/1s", "200/1h": "200/1h", "90/1m30s": "90/1m30s", "1/1h0m5s": "1/1h0m5s"} {
		r, err := ParseRate(in)
		if err != nil || r.String() != want {
			t.Errorf("%q: %s, %v", in, r, err)
		}
	}
	for _, in := range []string{"", "5m", "x/5m", "0/5m", "-1/5m", "5/", "5/0s", "5/-1s", "5/5", "1100/5m/2", "5/9999h"} {
		if r, err := ParseRate(in); err == nil {
			t.Errorf("%q: %s", in, r)
		}
	}
}

func FuzzHeaders(f *testing.F) {
	f.Add("300", `"default";r=50;t=30, "burst";r=3;t=1`, `"burst";q=100;w=60`, "5", "1800000000")
	f.Add("Sun, 01 Mar 2026 12:01:30 GMT", `"`, `;`, "-1", "99999999999999999999")
	f.Fuzz(func(t *testing.T, retry, ratelimit, policy, remaining, reset string) {
		now := time.Unix(1_800_000_000, 0)
		if d := retryAfter(retry, now); d < minPause || d > maxPause {
			t.Errorf("pause of %s", d)
		}
		l := newLimiter(DefaultRate)
		h := http.Header{"Retry-After": {retry}, "Ratelimit": {ratelimit}, "Ratelimit-Policy": {policy}, "X-Ratelimit-Remaining": {remaining}, "X-Ratelimit-Reset": {reset}}
		for range 3 {
			l.inFlight++
			l.done(ticket{}, 200, h)
		}
		// Whatever the headers say, requests are allowed again some time.
		for _, r := range l.left {
			if r.n < 0 || time.Until(r.until) > maxPause {
				t.Errorf("%+v", r)
			}
		}
		for _, w := range l.windows {
			if w.Requests < 1 || w.Per <= 0 || w.Per > time.Hour {
				t.Errorf("%+v", w)
			}
		}
	})
}
