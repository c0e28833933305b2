package cloudflare

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"tlsync/engine/apply"
	"tlsync/engine/plan"
)

// raised is the change of a zone's minimum from 1.0 to 1.2.
func raised(id string) plan.Change {
	c := settingChange(id)
	c.Action, c.Edits = plan.Update, []plan.Edit{{Setting: id, From: `"1.0"`, To: `"1.2"`}}
	return *c
}

// broken panics a second after a request came.
type broken struct{ direct }

func (broken) RoundTrip(*http.Request) (*http.Response, error) {
	time.Sleep(time.Second)
	panic("a bug")
}

// A bug during the request that goes alone does not keep those that wait for its
// answer for ever.
func TestAPanicHoldsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options(newFake())
		o.Transport = broken{}
		r := apply.Run(t.Context(), &plan.Plan{Changes: []plan.Change{raised("min_tls_version"), raised("http2")}}, writer(t, o), apply.Options{Concurrency: 2})
		if r.Tally.Failed != 2 || r.Stopped != "" {
			t.Errorf("%+v, %s", r.Tally, r.Stopped)
		}
	})
}

// A write that comes after the stop was surely not done.
func TestAWriteAfterTheStop(t *testing.T) {
	f := patchable()
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped by the user")
	cancel(stopped)
	err := sendAll(ctx, writer(t, options(f)), 1, 1)
	var failed *Error
	if !errors.As(err, &failed) || failed.OutcomeUnknown() || !errors.Is(err, stopped) || len(f.seen) != 0 {
		t.Errorf("sent %d times, %v", len(f.seen), err)
	}
}

// What has not had its turn when the run is stopped is not counted.
func TestWhatIsNotSentIsNotCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.handle("GET /client/v4"+settingPath(zoneA, "min_tls_version"), 200, ok(`{"id":"min_tls_version","value":"1.0"}`))
		o := options(f)
		o.Rate = Rate{Requests: 1, Per: 10 * time.Second}
		w := writer(t, o)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		c := raised("min_tls_version")
		for _, act := range []func() error{
			func() error { _, err := w.Read(ctx, &c, 0); return err },
			func() error { _, err := w.Write(ctx, &c, plan.NewRequest(&c, plan.Object{})); return err },
			func() error { _, err := w.Read(ctx, &c, 0); return err },
		} {
			err := act()
			if got, sent := w.Requests(), len(f.requests("")); got.Read != sent || got.Write != 0 {
				t.Errorf("counted %+v of %d: %v", got, sent, err)
			}
		}
	})
	// Nor is a write that is given up since its reading became too old.
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.handle("GET /client/v4"+settingPath(zoneA, "min_tls_version"), 200, ok(`{"id":"min_tls_version","value":"1.0"}`))
		o := options(f)
		o.Rate = Rate{Requests: 1, Per: 2 * time.Minute}
		w := writer(t, o)
		r := apply.Run(t.Context(), &plan.Plan{Changes: []plan.Change{raised("min_tls_version")}}, w, apply.Options{Concurrency: 1})
		if got, sent := w.Requests(), len(f.requests("")); got.Read != sent || got.Write != 0 || sent != 6 || r.Steps[0].Wrote {
			t.Errorf("counted %+v of %d: %s", got, sent, r.Steps[0].Reason)
		}
	})
}
