package cloudflare

import (
	"net/http"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// TestBudgetIsWhatTheLimiterLetsThrough takes as many tickets as the budget has
// left, and checks that no further one is available.
func TestBudgetIsWhatTheLimiterLetsThrough(t *testing.T) {
	zeros, some := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		// The actions are drawn outside the bubble, which has a clock of its
		// own.
		steps := rapid.SliceOfN(rapid.IntRange(0, 9), 1, 40).Draw(rt, "steps")
		synctest.Test(t, func(*testing.T) {
			l := newLimiter(Rate{6, 10 * time.Second})
			first, err := l.acquire(t.Context(), time.Time{})
			if err != nil {
				rt.Fatal(err)
			}
			l.done(first, 200, nil) // which went alone
			var out []ticket
			for _, step := range steps {
				switch b := l.budget(time.Now()); {
				case step < 4 && b.Left > 0 && l.probe != probeSent:
					tk, err := l.acquire(t.Context(), time.Time{})
					if err != nil {
						rt.Fatal(err)
					}
					out = append(out, tk)
				case step < 7 && len(out) > 0:
					status, h := 200, http.Header{}
					if step == 6 {
						h.Set("Ratelimit-Policy", `"other";q=4;w=7`)
						h.Set("Ratelimit", `"other";r=`+strconv.Itoa(len(steps)%4)+`;t=5`)
					}
					l.done(out[0], status, h)
					out = out[1:]
				case step == 7:
					time.Sleep(3 * time.Second)
				}
				b, now := l.budget(time.Now()), time.Now()
				// All others wait for a probe, whatever is left.
				if _, blocked := l.blocked(now); blocked != (b.Left == 0 || l.probe == probeSent) {
					rt.Fatalf("a request has to wait: %t, and the budget is %+v", blocked, b)
				}
				if b.Left == 0 {
					zeros++
				} else if b.Left < b.Of {
					some++
				}
				if b.Left > 0 { // exactly as many go through at this moment
					trial := &limiter{windows: l.windows, ends: slices.Clone(l.ends), left: slices.Clone(l.left), inFlight: l.inFlight}
					for range b.Left {
						if _, blocked := trial.blocked(now); blocked {
							rt.Fatalf("fewer than %d go through", b.Left)
						}
						trial.inFlight++
					}
					if _, blocked := trial.blocked(now); !blocked {
						rt.Fatalf("more than %d go through", b.Left)
					}
				}
				if !b.Again.IsZero() && !b.Again.After(now) {
					rt.Fatalf("again at %s, and it is %s", b.Again, now)
				}
			}
			for _, tk := range out {
				l.done(tk, 200, http.Header{})
			}
		})
	})
	// The fewer draws of -short reach each case less often.
	enough := 100
	if testing.Short() {
		enough = 1
	}
	if zeros < enough || some < enough {
		t.Errorf("only %d times none is left, %d times some", zeros, some)
	}
}

// TestAPauseLeavesNothing is a 429.
func TestAPauseLeavesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(Rate{6, 10 * time.Second})
		tk, err := l.acquire(t.Context(), time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		l.done(tk, http.StatusTooManyRequests, http.Header{"Retry-After": {"40"}})
		b := l.budget(time.Now())
		if want := time.Now().Add(40 * time.Second); b.Left != 0 || b.Of != 6 || b.Again.Before(want) || b.Again.After(want.Add(5*time.Second)) {
			t.Errorf("%+v, want none until %s", b, want)
		}
	})
}
