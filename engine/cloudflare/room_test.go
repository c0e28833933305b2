package cloudflare

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"tlsync/engine/plan"
)

// A batch begins when all of it goes through at once, or what there is if more comes
// free only much later. It leaves enough for another one, or nothing.
func TestRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(Rate{Requests: 100, Per: 5 * time.Minute})
		start := time.Now()
		use := func(n int) {
			t.Helper()
			for range n {
				tk, err := l.acquire(t.Context(), time.Now())
				if err != nil {
					t.Fatal(err)
				}
				l.done(tk, 200, http.Header{})
			}
		}
		for _, step := range []struct {
			least, most, want int
			after             time.Duration
		}{
			{26, 51, 51, 0},
			{26, 51, 49, 0}, // nothing is left
			{26, 51, 51, 5 * time.Minute},
			{26, 30, 30, 5 * time.Minute}, // 19 are left
			{26, 51, 19, 5 * time.Minute}, // the next ones come in five minutes
			{200, 300, 100, 10 * time.Minute},
		} {
			n, err := l.room(t.Context(), step.least, step.most)
			if err != nil || n != step.want || time.Since(start).Round(time.Second) != step.after {
				t.Errorf("%+v: %d after %s: %v", step, n, time.Since(start), err)
			}
			use(n)
		}

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := l.room(ctx, 2, 2); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
	})
	for free, want := range map[int]int{20: 20, 51: 51, 57: 37, 70: 50, 71: 51, 200: 51} {
		l := newLimiter(Rate{Requests: free, Per: time.Minute})
		if n, err := l.room(t.Context(), 20, 51); err != nil || n != want {
			t.Errorf("%d free: %d, want %d: %v", free, n, want, err)
		}
	}
}

// What the answer to a write shows is as old as the write, however late it comes.
func TestAnAnswerIsAsOldAsItsWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(3)
		o := options(s.fake())
		o.Transport = slowly{direct{handler: o.Transport.(direct).handler}, 10 * time.Second}
		w := writer(t, o)
		if _, err := w.Fetch(t.Context(), withHostnames); err != nil {
			t.Fatal(err)
		}
		c := hostnameChange(1)
		start := time.Now()
		if _, err := w.Write(t.Context(), c, plan.Request{Method: "PATCH", Path: plan.CustomHostnamePath(zoneA, hostnameID(1)), Body: `{}`}); err != nil {
			t.Fatal(err)
		}
		if got, err := w.Read(t.Context(), c, time.Minute); err != nil || got.At != start || got.Hostname.Own("min_tls_version") != `"1.3"` {
			t.Errorf("read %s after the write began: %v", got.At.Sub(start), err)
		}
		if got, err := w.Read(t.Context(), c, 5*time.Second); err != nil || got.At.Sub(start) != 10*time.Second {
			t.Errorf("read %s after the write began: %v", got.At.Sub(start), err)
		}
	})
}
