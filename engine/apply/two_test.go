package apply_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"tlsync/engine/apply"
	"tlsync/engine/cloudflare"
	"tlsync/engine/diff"
	"tlsync/engine/plan"
	"tlsync/engine/resolve"
	"tlsync/engine/sandbox"
	"tlsync/schema"
	"tlsync/schema/load"
)

// twin is one of two programs on the same account, in a synctest bubble.
type twin struct {
	t      *testing.T
	writer *cloudflare.Writer
	head   *schema.Desired
}

const namesSeed = `
tokens: [{name: writer, value: writer-token}]
rate: {requests: -1}
zones:
  - name: saas.example
    settings: {min_tls_version: "1.0"}
    generate: {count: 40, pattern: "h%02d.test", settings: {min_tls_version: "1.0"}}
`

func newSandbox(t *testing.T, seed string) *sandbox.Server {
	t.Helper()
	parsed, err := sandbox.ParseSeed([]byte(seed))
	if err != nil {
		t.Fatal(err)
	}
	server := sandbox.New(parsed, sandbox.Options{})
	t.Cleanup(server.Close)
	return server
}

func newTwin(t *testing.T, server *sandbox.Server, config string, rate cloudflare.Rate) *twin {
	t.Helper()
	head, diags := load.Load(fstest.MapFS{"tlsync.yaml": {Data: []byte("version: 1\n---\n" + config)}}, time.Time{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	w, err := cloudflare.NewWriter(cloudflare.Options{
		BaseURL: "https://api.test" + sandbox.Base, Credentials: cloudflare.Credentials{Token: "writer-token"}, Rate: rate,
		Transport: &wire{server: server, dead: make(chan struct{}), seen: map[string]int{}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return &twin{t, w, head}
}

func (p *twin) plan() *plan.Plan {
	p.t.Helper()
	live, err := p.writer.Fetch(p.t.Context(), resolve.ScopeOf(p.head))
	if err != nil {
		p.t.Fatal(err)
	}
	made, err := diff.Build(diff.Input{Live: live, Head: resolve.Resolve(p.head, live)})
	if err != nil {
		p.t.Fatal(err)
	}
	return made
}

func (p *twin) apply(made *plan.Plan) *apply.Result {
	p.t.Helper()
	r := apply.Run(p.t.Context(), made, p.writer, apply.Options{Concurrency: 4})
	addsUp(p.t, r)
	return r
}

const namesConfig = "zone: saas.example\ncustom_hostnames: { defaults: { min_tls_version: \"1.2\" } }\n"

// atOnce has both plan, and then both apply at once.
func atOnce(fast, slow *twin) (results [2]*apply.Result) {
	first, second := fast.plan(), slow.plan()
	var both sync.WaitGroup
	both.Go(func() { results[1] = slow.apply(second) })
	both.Go(func() { results[0] = fast.apply(first) })
	both.Wait()
	return results
}

// writesByName counts what was written, by object, and its values in turn.
func writesByName(server *sandbox.Server) (counts map[string]int, values map[string][]string) {
	counts, values = map[string]int{}, map[string][]string{}
	for _, e := range server.History() {
		for _, w := range e.Writes {
			if e.Method != "" {
				counts[w.Object]++
			}
			values[w.Object] = append(values[w.Object], strings.Trim(string(w.After["min_tls_version"]), `"`))
		}
	}
	return counts, values
}

// TestTwoAppliersOfOneConfiguration runs two applies that have both planned everything.
// Each finds the writes of the other done as soon as it reads the object again.
func TestTwoAppliersOfOneConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newSandbox(t, namesSeed)
		fast := newTwin(t, server, namesConfig, cloudflare.Rate{Requests: 1000, Per: time.Minute})
		slow := newTwin(t, server, namesConfig, cloudflare.Rate{Requests: 6, Per: time.Minute})
		results := atOnce(fast, slow)
		already := 0
		for _, r := range results {
			if r.Tally.Done != 40 {
				t.Errorf("%+v\n%s", r.Tally, reasons(r))
			}
			for _, s := range r.Steps {
				if s.Reason == "already up to date" && !s.Wrote {
					already++
				}
			}
		}
		counts, values := writesByName(server)
		twice := 0
		for object, n := range counts {
			if n > 1 {
				twice++
			}
			for _, v := range values[object] {
				if v != "1.2" {
					t.Errorf("%s: %v", object, values[object])
				}
			}
		}
		// Only what was under way in the first minute may be written by both.
		if len(counts) != 40 || twice > 10 || already < 30 {
			t.Errorf("%d names were written, %d of them by both; %d were found done", len(counts), twice, already)
		}
		if left := newTwin(t, server, namesConfig, cloudflare.Rate{}).plan(); len(left.Changes) > 0 {
			t.Errorf("%d changes are left", len(left.Changes))
		}
	})
}

// TestTwoAppliersOfDifferentConfigurations do not undo each other in turns: what
// the other one has changed is left to it, and said.
func TestTwoAppliersOfDifferentConfigurations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newSandbox(t, namesSeed)
		other := strings.Replace(namesConfig, "1.2", "1.3", 1)
		fast := newTwin(t, server, namesConfig, cloudflare.Rate{Requests: 1000, Per: time.Minute})
		slow := newTwin(t, server, other, cloudflare.Rate{Requests: 6, Per: time.Minute})
		results := atOnce(fast, slow)
		if results[0].Tally.Done+results[0].Tally.Failed != 40 || results[1].Tally.Failed < 30 {
			t.Errorf("%+v and %+v", results[0].Tally, results[1].Tally)
		}
		for _, s := range results[1].Steps {
			if s.Outcome == apply.Failed && (s.Wrote || !strings.HasPrefix(s.Reason, "changed since the plan was made")) {
				t.Errorf("%s: %s", s.Change.String(), s.Reason)
			}
		}
		_, values := writesByName(server)
		for object, v := range values {
			if len(v) > 2 {
				t.Errorf("%s went to and fro: %v", object, v)
			}
		}
	})
}

// TestAnEditBetweenPlanAndWrite is reported for its name, which is skipped; the
// others are done, and what the plan does not speak of stays.
func TestAnEditBetweenPlanAndWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newSandbox(t, namesSeed)
		p := newTwin(t, server, namesConfig, cloudflare.Rate{})
		made := p.plan()
		for name, settings := range map[string]sandbox.Settings{
			"h01.test": {"min_tls_version": "1.1"}, // another value
			"h02.test": {"min_tls_version": "1.2"}, // the one that is asked for
			"h03.test": {"http2": "off"},           // nothing that is managed
		} {
			if err := server.Dashboard(sandbox.Edit{Zone: "saas.example", Hostname: name, Settings: settings}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(apply.MaxAge) // for approval
		r := p.apply(made)
		if want := (apply.Tally{Planned: 40, Done: 39, Failed: 1}); r.Tally != want {
			t.Errorf("%+v\n%s", r.Tally, reasons(r))
		}
		contains(t, reason(t, r, "custom_hostname/saas.example/h01.test"), "changed since the plan was made: min_tls_version is 1.1, the plan expects 1.0")
		if got := reason(t, r, "custom_hostname/saas.example/h02.test"); got != "already up to date" {
			t.Error(got)
		}
		counts, values := writesByName(server)
		if got := fmt.Sprint(values["custom_hostname/saas.example/h01.test"], counts["custom_hostname/saas.example/h02.test"]); got != "[1.1] 0" {
			t.Errorf("written: %s", got)
		}
		for _, h := range server.State().Zones[0].CustomHostnames {
			if h.Hostname == "h03.test" && h.SSL.Settings["http2"] != "off" {
				t.Error("the edit of http2 is gone")
			}
		}
	})
}

// TestAStopIsReportedInTime ends with a report seven seconds after a signal at the
// latest, whatever the API does.
func TestAStopIsReportedInTime(t *testing.T) {
	for _, f := range []sandbox.Fault{
		{Kind: "delay", Delay: time.Hour, Method: "PATCH"},
		{Kind: "rate-limit", RetryAfter: "300", Method: "PATCH"},
		{Kind: "drop-request", Method: "PATCH"},
		{Kind: "delay", Delay: time.Hour}, // reading back hangs as well
		{Kind: "ignore-write", Method: "PATCH"},
	} {
		for after := 100 * time.Millisecond; after < 5*time.Second; after += 700 * time.Millisecond {
			synctest.Test(t, func(t *testing.T) {
				server := newSandbox(t, namesSeed)
				p := newTwin(t, server, namesConfig, cloudflare.Rate{})
				made := p.plan()
				f := f
				f.Nth, f.Count = 5, 1000
				if f.Method == "" {
					drop := sandbox.Fault{Kind: "drop-request", Method: "PATCH", Nth: 5, Count: 1000}
					if err := server.AddFault(drop); err != nil {
						t.Fatal(err)
					}
					f.Method, f.Nth = "GET", 1
				}
				if err := server.AddFault(f); err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(after, func() { cancel(errors.New("SIGTERM")) })
				start := time.Now()
				r := apply.Run(ctx, made, p.writer, apply.Options{Concurrency: 4})
				addsUp(t, r)
				if took := time.Since(start) - after; took > 7*time.Second {
					t.Errorf("%s, stopped after %s: the report came %s later", f.Kind, after, took)
				}
			})
		}
	}
}

// TestFiftyThousandChangesAndADeadline stops in the middle, and the next run does
// the rest: all is done then, and nothing twice.
func TestFiftyThousandChangesAndADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &plan.Plan{}
		for i := range 50_000 {
			id := fmt.Sprintf("h%05d.test", i)
			p.Changes = append(p.Changes, plan.Change{Ref: plan.Ref{Kind: plan.KindZone, Part: id}, ObjectID: id, Edits: []plan.Edit{{Setting: id, From: `"off"`, To: `"on"`}}})
		}
		target := &counted{writes: map[string]int{}}
		ctx, cancel := context.WithTimeoutCause(t.Context(), 30*time.Minute, errors.New("the deadline of 30m0s"))
		defer cancel()
		start := time.Now()
		first := apply.Run(ctx, p, target, apply.Options{Concurrency: 10})
		addsUp(t, first)
		if took := time.Since(start); took > 30*time.Minute+apply.Grace {
			t.Errorf("it took %s", took)
		}
		if first.Stopped != "stopped by the deadline of 30m0s" || first.Tally.Done < 10_000 || first.Tally.NotAttempted < 10_000 || first.Tally.Failed > 0 {
			t.Errorf("%+v, %s", first.Tally, first.Stopped)
		}
		second := apply.Run(t.Context(), p, target, apply.Options{Concurrency: 10})
		addsUp(t, second)
		if second.Tally.Done != 50_000 {
			t.Errorf("%+v, %s", second.Tally, second.Stopped)
		}
		if len(target.writes) != 50_000 {
			t.Errorf("%d objects were written", len(target.writes))
		}
		for id, n := range target.writes {
			if n != 1 {
				t.Fatalf("%s was written %d times", id, n)
			}
		}
		if n := first.Writes() + second.Writes(); n != 50_000 {
			t.Errorf("%d writes are reported", n)
		}
	})
}

// counted is an API that takes a second for every write, and counts them.
type counted struct {
	mu     sync.Mutex
	writes map[string]int
}

func (c *counted) Read(_ context.Context, x *plan.Change, _ time.Duration) (plan.Object, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.writes[x.Part] > 0 {
		return shown(x, x.Edits[0].To), nil
	}
	return shown(x, x.Edits[0].From), nil
}

func (c *counted) Write(_ context.Context, x *plan.Change, _ plan.Request) (plan.Object, error) {
	time.Sleep(time.Second)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writes[x.Part]++
	return shown(x, x.Edits[0].To), nil
}
