package cloudflare

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tlsync/engine/apply"
	"tlsync/engine/plan"
	"tlsync/schema"
)

// raised is the change of a zone's minimum from 1.0 to 1.2.
func raised(id string) plan.Change {
	c := settingChange(id)
	c.Action, c.Edits = plan.Update, []plan.Edit{{Setting: id, From: `"1.0"`, To: `"1.2"`}}
	return *c
}

// broken panics a second after a request arrives.
type broken struct{}

func (broken) RoundTrip(*http.Request) (*http.Response, error) {
	time.Sleep(time.Second)
	panic("a bug")
}

// A panic during a probe does not block the requests that wait for its answer.
func TestAPanicHoldsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options(newFake())
		o.Transport = broken{}
		other := raised("http2")
		other.Zone, other.ZoneID = "other.example", zoneB
		r := apply.Run(t.Context(), &plan.Plan{Changes: []plan.Change{raised("min_tls_version"), other}}, writer(t, o), apply.Options{Concurrency: 2})
		if r.Tally.Failed != 2 || r.Stopped != "" {
			t.Errorf("%+v, %s", r.Tally, r.Stopped)
		}
	})
}

// A write that begins after the stop was surely not done.
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

// A request that has not had its turn when the run is stopped is not counted.
func TestWhatIsNotSentIsNotCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.handle("GET /client/v4"+plan.SettingPath(zoneA, "min_tls_version"), 200, ok(`{"id":"min_tls_version","value":"1.0"}`))
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
	// The same holds for a write that is given up because its reading became
	// too old.
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.handle("GET /client/v4"+plan.SettingPath(zoneA, "min_tls_version"), 200, ok(`{"id":"min_tls_version","value":"1.0"}`))
		o := options(f)
		o.Rate = Rate{Requests: 1, Per: 2 * time.Minute}
		w := writer(t, o)
		r := apply.Run(t.Context(), &plan.Plan{Changes: []plan.Change{raised("min_tls_version")}}, w, apply.Options{Concurrency: 1})
		if got, sent := w.Requests(), len(f.requests("")); got.Read != sent || got.Write != 0 || sent != 6 || r.Steps[0].Wrote {
			t.Errorf("counted %+v of %d: %s", got, sent, r.Steps[0].Reason)
		}
	})
}

// slowly answers a write after a delay, and everything else at once.
type slowly struct {
	direct
	write time.Duration
}

func (s slowly) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodGet {
		s.latency = s.write
	}
	return s.direct.RoundTrip(r)
}

// A request that had its turn is waited for: the age of its reading no longer
// matters.
func TestASlowWriteIsWaitedFor(t *testing.T) {
	for _, takes := range []time.Duration{time.Second, 22 * time.Second, 29 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			path := "/client/v4" + plan.SettingPath(zoneA, "min_tls_version")
			f.handle("GET "+path, 200, ok(`{"id":"min_tls_version","value":"1.0"}`))
			f.handle("PATCH "+path, 200, ok(`{"id":"min_tls_version","value":"1.2"}`))
			o := options(f)
			o.Transport = slowly{direct{handler: f}, takes}
			w := writer(t, o)
			r := apply.Run(t.Context(), &plan.Plan{Changes: []plan.Change{raised("min_tls_version")}}, w, apply.Options{Concurrency: 1})
			if got := w.Requests(); r.Tally.Done != 1 || got != (plan.Requests{Read: 1, Write: 1}) {
				t.Errorf("%s: %+v, %+v: %s", takes, r.Tally, got, r.Steps[0].Reason)
			}
		})
	}
}

// A write replaces the whole list of an account. After a pause the list is read
// again, so entries that someone added meanwhile stay.
func TestAListIsReadAgainAfterAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const forwards = `{"hostname":"%s","china_network":false,"client_certificate_forwarding":%t}`
		f := newFake()
		paused, list := false, `[`+fmt.Sprintf(forwards, "a.test", false)+`]`
		f.mux.HandleFunc("/client/v4/accounts/"+acctA+"/access/certificates/settings", func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Method == http.MethodPut && !paused:
				paused, list = true, `[`+fmt.Sprintf(forwards, "a.test", false)+`,`+fmt.Sprintf(forwards, "b.test", true)+`]`
				w.Header().Set("Retry-After", "290")
				write(w, 429, failure)
				return
			case r.Method == http.MethodPut:
				body, _ := io.ReadAll(r.Body)
				list = strings.TrimSuffix(strings.TrimPrefix(string(body), `{"settings":`), `}`)
			}
			write(w, 200, ok(list))
		})
		c := accountChange(plan.KindMTLSHostname, plan.Update, "", "p")
		c.Edits = []plan.Edit{{Setting: plan.FieldForwarding("a.test"), From: schema.Inherit, To: `"on"`}}
		start := time.Now()
		r := apply.Run(t.Context(), &plan.Plan{Changes: []plan.Change{*c}}, writer(t, options(f)), apply.Options{Concurrency: 1})
		if r.Tally.Done != 1 || !strings.Contains(list, "b.test") || time.Since(start) != 290*time.Second {
			t.Errorf("%+v after %s: %s; left is %s", r.Tally, time.Since(start), r.Steps[0].Reason, list)
		}
	})
}

// A reading carries its time, cached or not, and that time decides even if the
// object was read again meanwhile.
func TestReadingsTellTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(3)
		f := s.fake()
		setting := "/client/v4" + plan.SettingPath(zoneA, "min_tls_version")
		f.handle(setting, 200, ok(`{"id":"min_tls_version","value":"1.0"}`))
		f.handle("/client/v4"+plan.HostnameSettingsPath(zoneA, "ciphers"), 200, ok(`[]`))
		f.handle("/client/v4/accounts/"+acctA+"/access/certificates/settings", 200, ok(`[]`))
		w := writer(t, options(f))
		start := time.Now()
		if _, err := w.Fetch(t.Context(), withHostnames); err != nil {
			t.Fatal(err)
		}
		after := func(c *plan.Change, maxAge, want time.Duration) plan.Object {
			t.Helper()
			o, err := w.Read(t.Context(), c, maxAge)
			if err != nil || o.At.Sub(start) != want {
				t.Errorf("%s: read after %s, want %s: %v", c.String(), o.At.Sub(start), want, err)
			}
			return o
		}
		zone, name := raised("min_tls_version"), settingChange("ciphers")
		name.Kind, name.Name = plan.KindHostname, "a.saas.example"
		list := accountChange(plan.KindMTLSHostname, plan.Update, "", "p")
		one, two := hostnameChange(1), hostnameChange(2)
		for _, c := range []*plan.Change{&zone, name, list} {
			after(c, 0, 0)
		}
		time.Sleep(50 * time.Second)
		first := after(one, time.Minute, 0)
		after(two, 30*time.Second, 50*time.Second) // the page, and with it the first one
		after(&zone, time.Minute, 0)
		after(name, time.Minute, 0)
		after(list, time.Minute, 50*time.Second)
		time.Sleep(20 * time.Second)
		after(one, time.Minute, 50*time.Second)
		after(two, 0, 70*time.Second)
		after(&zone, time.Minute, 70*time.Second)
		after(name, time.Minute, 70*time.Second)

		req := plan.Request{Method: "PATCH", Path: plan.CustomHostnamePath(zoneA, hostnameID(1)), Body: `{}`, Before: first.At.Add(time.Minute)}
		var failed *Error
		if _, err := w.Write(t.Context(), one, req); !errors.As(err, &failed) || !failed.Old() || w.Requests().Write != 0 {
			t.Errorf("%v", err)
		}
	})
}

// A write gives up as soon as its turn is certain to come too late, and else
// when its time comes.
func TestGivesUpInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(Rate{Requests: 1, Per: 2 * time.Minute})
		first, err := l.acquire(t.Context(), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		gaveUp := func(after time.Duration) {
			t.Helper()
			start := time.Now()
			if _, err := l.acquire(t.Context(), start.Add(time.Minute)); !errors.Is(err, errOld) || time.Since(start).Round(time.Second) != after {
				t.Errorf("after %s: %v", time.Since(start), err)
			}
		}
		gaveUp(time.Minute) // the first one may end at any moment
		l.done(first, 200, nil)
		gaveUp(0)
		time.Sleep(time.Minute + time.Second)
		if _, err := l.acquire(t.Context(), time.Now().Add(time.Minute)); err != nil {
			t.Error(err)
		}
	})
}

// However low the rate, if one object can be read and written within MaxAge,
// each change gets its turn with a reading no older than that.
func TestEachGetsItsTurn(t *testing.T) {
	for _, rate := range []Rate{{2, time.Minute}, {3, time.Minute}, {1, 4 * time.Second}, {10, 5 * time.Minute}} {
		synctest.Test(t, func(t *testing.T) {
			const n = 60
			s := newShop(n)
			o := options(s.fake())
			o.Transport = direct{o.Transport.(direct).handler, 100 * time.Millisecond}
			o.Rate = rate
			w := writer(t, o)
			if _, err := w.Fetch(t.Context(), withHostnames); err != nil {
				t.Fatal(err)
			}
			r := apply.Run(t.Context(), raise(n), w, apply.Options{Concurrency: 10})
			if r.Tally.Done != n || w.Requests().Write != n {
				t.Errorf("%v: %+v, %+v, %s", rate, r.Tally, w.Requests(), r.Stopped)
			}
			if s.latest > apply.MaxAge {
				t.Errorf("%v: written over a reading %s old", rate, s.latest)
			}
		})
	}
}
