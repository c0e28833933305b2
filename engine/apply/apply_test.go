package apply_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tlsync/engine/apply"
	"tlsync/engine/plan"
	"tlsync/engine/sandbox"
)

// Three names around a zone that is lowered, and a zone beside it. The plan is
//
//	pin.test ──▶ saas.example#min_tls_version ──▶ unpin.test    free.test    second.example#http2
const (
	chainSeed = `
zones:
  - name: saas.example
    settings: {min_tls_version: "1.2"}
    custom_hostnames:
      - {hostname: free.test, ssl: {settings: {min_tls_version: "1.1"}}}
      - {hostname: pin.test, ssl: {settings: {http2: "on"}}}
      - {hostname: unpin.test, ssl: {settings: {min_tls_version: "1.0"}}}
  - name: second.example
    settings: {http2: "off"}
`
	chainConfig = `
zone: saas.example
settings: { min_tls_version: "1.0" }
custom_hostnames:
  hostnames:
    free.test: { min_tls_version: "1.3" }
    pin.test: { min_tls_version: "1.2" }
    unpin.test: { min_tls_version: inherit }
---
zone: second.example
settings: { http2: on }
`
	free   = "custom_hostname/saas.example/free.test"
	pin    = "custom_hostname/saas.example/pin.test"
	zone   = "zone/saas.example#min_tls_version"
	unpin  = "custom_hostname/saas.example/unpin.test"
	second = "zone/second.example#http2"
)

// patch is where faults of writes of one name of the chain strike.
func patch(kind, name string) sandbox.Fault {
	return sandbox.Fault{Kind: kind, Method: "PATCH", Path: "/zones/saas.example/custom_hostnames/" + name}
}

func TestEverythingDone(t *testing.T) {
	s := newStand(t, chainSeed, chainConfig)
	var steps []string
	r := apply.Run(t.Context(), s.plan(), s.writer, apply.Options{Concurrency: 1, Report: func(s apply.Step) {
		steps = append(steps, string(s.Outcome)+" "+s.Change.String())
	}})
	all := []string{"done " + free, "done " + pin, "done " + second, "done " + zone, "done " + unpin}
	expect(t, r, all...)
	if diff := cmp.Diff(all, steps); diff != "" {
		t.Errorf("reported (-want +got):\n%s", diff)
	}
	if r.Writes() != 5 || r.Stopped != "" {
		t.Errorf("%d writes, stopped: %q", r.Writes(), r.Stopped)
	}
	want := []string{
		"changed " + free, "changed " + pin, "changed zone/second.example", "changed zone/saas.example", "changed " + unpin,
	}
	if diff := cmp.Diff(want, s.writes()); diff != "" {
		t.Errorf("written (-want +got):\n%s", diff)
	}
	s.converges()
	if n := len(s.writes()); n != 5 {
		t.Errorf("a second run wrote %d times", n-5)
	}
}

// TestReadings counts requests: those names that were read for the plan are not
// read again.
func TestReadings(t *testing.T) {
	s := newStand(t, chainSeed, chainConfig)
	p := s.plan()
	before := s.writer.Requests()
	apply.Run(t.Context(), p, s.writer, apply.Options{Concurrency: 4})
	after := s.writer.Requests()
	if reads := after.Read - before.Read; reads != 0 || after.Write != len(p.Changes) {
		t.Errorf("%d reads and %d writes for %d changes", reads, after.Write, len(p.Changes))
	}
}

func TestDependantsOfAFailureAreSkipped(t *testing.T) {
	s := newStand(t, chainSeed, chainConfig)
	f := patch("error", "pin.test")
	f.Status, f.Code, f.Message = 409, 1439, "not now"
	s.fault(f)
	var steps []string
	r := apply.Run(t.Context(), s.plan(), s.writer, apply.Options{Concurrency: 1, Report: func(s apply.Step) {
		steps = append(steps, string(s.Outcome)+" "+s.Change.String())
	}})
	expect(t, r, "done "+free, "failed "+pin, "done "+second, "skipped "+zone, "skipped "+unpin)
	contains(t, reason(t, r, pin), "1439")
	contains(t, reason(t, r, zone), pin)
	contains(t, reason(t, r, unpin), pin)
	if diff := cmp.Diff([]string{"done " + free, "failed " + pin, "skipped " + zone, "skipped " + unpin, "done " + second}, steps); diff != "" {
		t.Errorf("reported (-want +got):\n%s", diff)
	}
	if r.Writes() != 2 {
		t.Errorf("%d steps wrote", r.Writes())
	}
	s.converges()
}

// TestLostAnswers breaks the answer to one write in every way there is. Each is
// settled by reading, and nothing is written twice.
func TestLostAnswers(t *testing.T) {
	for _, tc := range []struct {
		name  string
		fault sandbox.Fault
		sent  int // PATCHes for the name
	}{
		{"the connection is reset before the work", sandbox.Fault{Kind: "drop-request"}, 2},
		{"the connection is reset after the work", sandbox.Fault{Kind: "drop-answer"}, 1},
		{"the answer is cut", sandbox.Fault{Kind: "truncate"}, 1},
		{"a server error before the work", sandbox.Fault{Kind: "error", Status: 502, HTML: true}, 2},
		{"a server error after the work", sandbox.Fault{Kind: "error", Status: 500, Work: true}, 1},
		{"a page in place of an answer", sandbox.Fault{Kind: "body", Body: "<html>hello</html>", ContentType: "text/html"}, 2},
		{"an answer about another hostname", sandbox.Fault{Kind: "body", Body: `{"success":true,"result":{"id":"11111111-0000-4000-8000-000000000009","hostname":"x.test","ssl":{}}}`}, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newStand(t, chainSeed, chainConfig)
			f := tc.fault
			f.Method, f.Path, f.Nth = "PATCH", "/zones/saas.example/custom_hostnames/pin.test", 1
			s.fault(f)
			r := apply.Run(t.Context(), s.plan(), s.writer, apply.Options{Concurrency: 2})
			expect(t, r, "done "+free, "done "+pin, "done "+second, "done "+zone, "done "+unpin)
			sent, effective := 0, 0
			for _, e := range s.server.History() {
				if e.Method != "PATCH" || !slices.Contains(e.Faults, f.Kind) && (len(e.Writes) == 0 || e.Writes[0].Object != pin) {
					continue
				}
				sent++
				if e.Effect == sandbox.EffectChanged || e.Effect == sandbox.EffectNoop {
					effective++
				}
			}
			if sent != tc.sent || effective != 1 {
				t.Errorf("%d requests and %d writes, want %d and 1", sent, effective, tc.sent)
			}
			if r.Writes() != 5 {
				t.Errorf("%d steps wrote", r.Writes())
			}
			s.converges()
		})
	}
}

func TestOutcomeUnknown(t *testing.T) {
	t.Run("both answers are lost", func(t *testing.T) {
		s := newStand(t, chainSeed, chainConfig)
		f := patch("drop-request", "pin.test")
		f.Count = 2
		s.fault(f)
		r := apply.Run(t.Context(), s.plan(), s.writer, apply.Options{Concurrency: 2})
		expect(t, r, "done "+free, "failed "+pin, "done "+second, "skipped "+zone, "skipped "+unpin)
		contains(t, reason(t, r, pin), "outcome unknown; run the same command again: sent twice without a usable answer, and the object is unchanged: PATCH /zones/")
		s.converges()
	})
	t.Run("the second is lost after the work", func(t *testing.T) {
		s := newStand(t, chainSeed, chainConfig)
		first, then := patch("drop-request", "pin.test"), patch("drop-answer", "pin.test")
		first.Nth, then.Nth = 1, 2
		s.fault(first)
		s.fault(then)
		r := apply.Run(t.Context(), s.plan(), s.writer, apply.Options{Concurrency: 2})
		expect(t, r, "done "+free, "done "+pin, "done "+second, "done "+zone, "done "+unpin)
	})
	t.Run("it cannot be read either", func(t *testing.T) {
		s := newStand(t, chainSeed, chainConfig)
		s.fault(patch("drop-answer", "pin.test"))
		s.fault(sandbox.Fault{Kind: "error", Status: 403, Method: "GET", Path: "/zones/saas.example/custom_hostnames/pin.test"})
		r := apply.Run(t.Context(), s.plan(), s.writer, apply.Options{Concurrency: 2})
		contains(t, reason(t, r, pin), "outcome unknown; run the same command again")
		for _, step := range r.Steps {
			if step.Change.String() == pin && (step.Outcome != apply.Failed || !step.Wrote) {
				t.Errorf("%s, wrote: %t", step.Outcome, step.Wrote)
			}
		}
		addsUp(t, r)
		s.converges()
	})
	t.Run("the second write is refused", func(t *testing.T) {
		s := newStand(t, chainSeed, chainConfig)
		first := patch("drop-request", "pin.test")
		first.Nth = 1
		s.fault(first)
		then := patch("error", "pin.test")
		then.Nth, then.Status, then.Code = 2, 409, 1439
		s.fault(then)
		r := apply.Run(t.Context(), s.plan(), s.writer, apply.Options{Concurrency: 1})
		expect(t, r, "done "+free, "failed "+pin, "done "+second, "skipped "+zone, "skipped "+unpin)
		for _, step := range r.Steps {
			if step.Change.String() == pin && step.Wrote {
				t.Error("a write that surely was not done counts as one that may have been")
			}
		}
	})
}

func TestSomebodyElseEdits(t *testing.T) {
	t.Run("between the plan and the write", func(t *testing.T) {
		s := newStand(t, chainSeed, chainConfig)
		p := s.plan()
		if err := s.server.Dashboard(sandbox.Edit{Zone: "saas.example", Hostname: "pin.test", Settings: sandbox.Settings{"min_tls_version": "1.1"}}); err != nil {
			t.Fatal(err)
		}
		r := apply.Run(t.Context(), p, fresh{s.writer}, apply.Options{Concurrency: 2})
		expect(t, r, "done "+free, "failed "+pin, "done "+second, "skipped "+zone, "skipped "+unpin)
		contains(t, reason(t, r, pin), "changed since the plan was made: min_tls_version is 1.1, the plan expects inherit")
		for _, w := range s.writes() {
			if strings.HasSuffix(w, pin) {
				t.Errorf("%s was written all the same", pin)
			}
		}
		s.converges()
	})
	t.Run("to what is asked for", func(t *testing.T) {
		s := newStand(t, chainSeed, chainConfig)
		p := s.plan()
		if err := s.server.Dashboard(sandbox.Edit{Zone: "saas.example", Hostname: "pin.test", Save: true}); err != nil {
			t.Fatal(err)
		}
		r := apply.Run(t.Context(), p, fresh{s.writer}, apply.Options{Concurrency: 1})
		expect(t, r, "done "+free, "done "+pin, "done "+second, "done "+zone, "done "+unpin)
		if r.Writes() != 4 || reason(t, r, pin) != "already up to date" {
			t.Errorf("%d writes: %s", r.Writes(), reason(t, r, pin))
		}
	})
	t.Run("another setting of the same name", func(t *testing.T) {
		s := newStand(t, chainSeed, chainConfig)
		p := s.plan()
		if err := s.server.Dashboard(sandbox.Edit{Zone: "saas.example", Hostname: "free.test", Settings: sandbox.Settings{"early_hints": "on"}}); err != nil {
			t.Fatal(err)
		}
		r := apply.Run(t.Context(), p, fresh{s.writer}, apply.Options{Concurrency: 1})
		expect(t, r, "done "+free, "done "+pin, "done "+second, "done "+zone, "done "+unpin)
		for _, h := range s.server.State().Zones[0].CustomHostnames {
			if h.Hostname == "free.test" && h.SSL.Settings["early_hints"] != "on" {
				t.Error("the edit is gone")
			}
		}
	})
	t.Run("while an answer is lost", func(t *testing.T) {
		s := newStand(t, chainSeed, chainConfig)
		f := patch("drop-request", "pin.test")
		f.Nth = 1
		s.fault(f)
		s.fault(sandbox.Fault{Kind: "edit", Method: "GET", Path: "/zones/saas.example/custom_hostnames/pin.test", Nth: 1,
			Edit: &sandbox.Edit{Zone: "saas.example", Hostname: "pin.test", Settings: sandbox.Settings{"min_tls_version": "1.1"}}})
		r := apply.Run(t.Context(), s.plan(), s.writer, apply.Options{Concurrency: 2})
		expect(t, r, "done "+free, "failed "+pin, "done "+second, "skipped "+zone, "skipped "+unpin)
		contains(t, reason(t, r, pin), "changed since the plan was made")
	})
	t.Run("many names", func(t *testing.T) {
		s := newStand(t, `
zones:
  - name: saas.example
    settings: {http2: "off"}
    generate: {count: 20, pattern: "h%02d.test"}
`, "zone: saas.example\ncustom_hostnames: { defaults: { min_tls_version: \"1.2\" } }\n")
		p := s.plan()
		for i := range 10 {
			if err := s.server.Dashboard(sandbox.Edit{Zone: "saas.example", Hostname: fmt.Sprintf("h%02d.test", i+1), Settings: sandbox.Settings{"min_tls_version": "1.3"}}); err != nil {
				t.Fatal(err)
			}
		}
		r := apply.Run(t.Context(), p, fresh{s.writer}, apply.Options{Concurrency: 1})
		addsUp(t, r)
		// Conflicts say nothing about the API: the other names are written.
		if want := (apply.Tally{Planned: 20, Done: 10, Failed: 10}); r.Tally != want {
			t.Errorf("%+v, stopped: %q", r.Tally, r.Stopped)
		}
	})
}

// TestMovedAwayMeanwhile gives a name that left for another zone after the plan
// was made: a write would take its traffic back, and nobody has accepted that.
func TestMovedAwayMeanwhile(t *testing.T) {
	for status, part := range map[string]string{
		"moved":            "take its traffic back",
		"pending_deletion": "its status is pending_deletion",
	} {
		s := newStand(t, chainSeed, chainConfig)
		p := s.plan()
		var id string
		for i := range p.Changes {
			if p.Changes[i].String() == pin {
				id = p.Changes[i].ObjectID
			}
		}
		s.fault(sandbox.Fault{Kind: "body", Method: "GET", Path: "/zones/saas.example/custom_hostnames/pin.test",
			Body: fmt.Sprintf(`{"success":true,"errors":[],"messages":[],"result":{"id":%q,"hostname":"pin.test","status":%q,
				"ssl":{"status":"active","type":"dv","method":"http","settings":{"http2":"on"}}}}`, id, status)})
		r := apply.Run(t.Context(), p, fresh{s.writer}, apply.Options{Concurrency: 2})
		expect(t, r, "done "+free, "failed "+pin, "done "+second, "skipped "+zone, "skipped "+unpin)
		contains(t, reason(t, r, pin), part)
	}
}

func TestAcceptedAndNotEffective(t *testing.T) {
	s := newStand(t, chainSeed, chainConfig)
	s.fault(patch("ignore-write", "pin.test"))
	s.fault(sandbox.Fault{Kind: "ignore-write", Method: "PATCH", Path: "/zones/second.example/settings/http2"})
	r := apply.Run(t.Context(), s.plan(), s.writer, apply.Options{Concurrency: 2, Pauses: []time.Duration{1, 1}})
	expect(t, r, "done "+free, "failed "+pin, "failed "+second, "skipped "+zone, "skipped "+unpin)
	contains(t, reason(t, r, pin), "accepted, but not effective: min_tls_version still reads inherit, not 1.2")
	contains(t, reason(t, r, second), "accepted, but not effective: http2 still reads off, not on")
	ignored := 0
	for _, w := range s.writes() {
		if strings.HasPrefix(w, "ignored") {
			ignored++
		}
	}
	if ignored != 2 || r.Writes() != 3 {
		t.Errorf("%d ignored writes, %d steps wrote", ignored, r.Writes())
	}
	s.converges()
}

// TestSuccessWithoutSuccess is an answer with status 200 that says it failed.
func TestSuccessWithoutSuccess(t *testing.T) {
	s := newStand(t, chainSeed, chainConfig)
	f := patch("unsuccessful", "pin.test")
	f.Code, f.Message = 1425, "no"
	s.fault(f)
	r := apply.Run(t.Context(), s.plan(), s.writer, apply.Options{Concurrency: 2})
	expect(t, r, "done "+free, "failed "+pin, "done "+second, "skipped "+zone, "skipped "+unpin)
	contains(t, reason(t, r, pin), "200 (code 1425: no): success is not true")
	// It was an answer, and not a lost one: it is looked up, and not sent again.
	var requests []string
	for _, e := range s.server.History() {
		if strings.Contains(e.Path, "/custom_hostnames/") && (e.Method == "GET" || slices.Contains(e.Faults, "unsuccessful")) {
			requests = append(requests, e.Method)
		}
	}
	if diff := cmp.Diff([]string{"PATCH", "GET"}, requests); diff != "" {
		t.Errorf("requests for the name (-want +got):\n%s", diff)
	}
	for _, step := range r.Steps {
		if step.Change.String() == pin && step.Wrote {
			t.Error("a write that was answered with a no, and was not done, counts as one that may have been")
		}
	}
	s.converges()
}

// TestDeniedStopsItsKindOfWrite: what the credentials may not write says nothing about
// another kind of write, another zone, or what they have just written.
func TestDeniedStopsItsKindOfWrite(t *testing.T) {
	t.Run("everything is refused", func(t *testing.T) {
		s := newStand(t, chainSeed, chainConfig)
		p := s.plan()
		if err := s.server.Permissions("writer", sandbox.ReadOnly(), ""); err != nil {
			t.Fatal(err)
		}
		r := apply.Run(t.Context(), p, s.writer, apply.Options{Concurrency: 1})
		expect(t, r, "failed "+free, "failed "+pin, "failed "+second, "skipped "+zone, "skipped "+unpin)
		contains(t, reason(t, r, free), "SSL and Certificates")
		want := []string{"Cloudflare refused writes with the default credentials: custom hostnames of zone saas.example (2 refused, 0 not attempted) and settings of zone second.example (1 refused, 0 not attempted)"}
		if diff := cmp.Diff(want, r.Denied); diff != "" || r.Writes() != 0 {
			t.Errorf("%d steps wrote; (-want +got):\n%s", r.Writes(), diff)
		}
	})
	t.Run("one kind of write, in the middle", func(t *testing.T) {
		s := newStand(t, chainSeed, chainConfig)
		f := patch("revoke", "pin.test")
		f.Permission = sandbox.SSLEdit
		s.fault(f)
		r := apply.Run(t.Context(), s.plan(), s.writer, apply.Options{Concurrency: 1})
		expect(t, r, "done "+free, "failed "+pin, "done "+second, "skipped "+zone, "skipped "+unpin)
		if err := s.server.Permissions("writer", sandbox.All(), ""); err != nil {
			t.Fatal(err)
		}
		s.converges()
	})
}

// TestTheRestOfAKindOfWriteIsGivenUp after five refusals in a row, at every
// concurrency, and the other zone is done.
func TestTheRestOfAKindOfWriteIsGivenUp(t *testing.T) {
	for _, concurrency := range []int{1, 8} {
		s := newStand(t, thirtySeed+"  - name: second.example\n", thirtyConfig+"settings: { http3: off }\n---\nzone: second.example\nsettings: { http2: off }\n")
		p := s.plan()
		if err := s.server.Permissions("writer", []string{sandbox.SSLRead, sandbox.ZoneSettingsEdit}, ""); err != nil {
			t.Fatal(err)
		}
		r := apply.Run(t.Context(), p, s.writer, apply.Options{Concurrency: concurrency})
		addsUp(t, r)
		if want := (apply.Tally{Planned: 32, Done: 2, Failed: 5, NotAttempted: 25}); r.Tally != want || r.Stopped != "" {
			t.Errorf("concurrency %d: %+v, stopped: %q", concurrency, r.Tally, r.Stopped)
		}
		want := []string{"Cloudflare refused writes with the default credentials: custom hostnames of zone saas.example (5 refused, 25 not attempted)"}
		if diff := cmp.Diff(want, r.Denied); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if err := s.server.Permissions("writer", sandbox.All(), ""); err != nil {
			t.Fatal(err)
		}
		s.converges()
	}
}

const (
	thirtySeed = `
zones:
  - name: saas.example
    generate: {count: 30, pattern: "h%02d.test"}
`
	thirtyConfig = "zone: saas.example\ncustom_hostnames: { defaults: { http2: on } }\n"
)

// TestRefusedObjectsDoNotStopTheOthers: a 403 for some hostnames, and next to each
// other, is not one for all. Every run does what it can, at every concurrency.
func TestRefusedObjectsDoNotStopTheOthers(t *testing.T) {
	for name, refused := range map[string][]string{
		"one":            {"h07.test"},
		"the first ten":  {"h01.test", "h02.test", "h03.test", "h04.test", "h05.test", "h06.test", "h07.test", "h08.test", "h09.test", "h10.test"},
		"six at the end": {"h25.test", "h26.test", "h27.test", "h28.test", "h29.test", "h30.test"},
	} {
		for _, concurrency := range []int{1, 8} {
			s := newStand(t, thirtySeed, thirtyConfig)
			for _, h := range refused {
				f := patch("error", h)
				f.Status, f.Code = 403, 10000
				s.fault(f)
			}
			for range 2 {
				p := s.plan()
				r := apply.Run(t.Context(), p, s.writer, apply.Options{Concurrency: concurrency})
				addsUp(t, r)
				if r.Tally.Done != len(p.Changes)-len(refused) {
					t.Errorf("%s, concurrency %d: %+v, %q", name, concurrency, r.Tally, r.Denied)
				}
				s.connect()
			}
			s.converges()
		}
	}
}

const (
	twelveSeed = `
zones:
  - name: saas.example
    generate: {count: 12, pattern: "h%02d.test"}
`
	twelveConfig = "zone: saas.example\ncustom_hostnames: { defaults: { http2: on } }\n"
)

func TestFiveFailuresInARowStopTheRun(t *testing.T) {
	s := newStand(t, twelveSeed, twelveConfig)
	// A write whose answer is a 503 is looked up and sent once more, so two
	// requests make one failure.
	s.fault(sandbox.Fault{Kind: "error", Status: 503, Method: "PATCH", Nth: 2, Count: 8})
	s.fault(sandbox.Fault{Kind: "error", Status: 503, Method: "PATCH", Nth: 11, Count: 100})
	r := apply.Run(t.Context(), s.plan(), s.writer, apply.Options{Concurrency: 1})
	addsUp(t, r)
	// One, four failures, one, five failures, and the rest is left.
	if want := (apply.Tally{Planned: 12, Done: 2, Failed: 9, NotAttempted: 1}); r.Tally != want {
		t.Errorf("%+v", r.Tally)
	}
	contains(t, r.Stopped, "5 changes failed in a row")
	s.converges()
}

// TestManyFailuresAmongSuccessesStopTheRun: one change in five fails, never five
// in a row.
func TestManyFailuresAmongSuccessesStopTheRun(t *testing.T) {
	s := newStand(t, strings.Replace(twelveSeed, "count: 12, pattern: \"h%02d", "count: 150, pattern: \"h%03d", 1), twelveConfig)
	for i := range 30 { // five changes take six requests
		s.fault(sandbox.Fault{Kind: "error", Status: 503, Method: "PATCH", Nth: 6*i + 5, Count: 2})
	}
	r := apply.Run(t.Context(), s.plan(), s.writer, apply.Options{Concurrency: 1})
	addsUp(t, r)
	contains(t, r.Stopped, "of the last 100 changes failed")
	if ended := r.Tally.Done + r.Tally.Failed; ended != 100 {
		t.Errorf("stopped after %d changes: %+v", ended, r.Tally)
	}
}

// TestRefusalsDoNotStopTheRun: names that Cloudflare will not have changed come
// first in every run, and must not keep the others from their turn for ever.
func TestRefusalsDoNotStopTheRun(t *testing.T) {
	s := newStand(t, twelveSeed, twelveConfig)
	s.fault(sandbox.Fault{Kind: "error", Status: 409, Code: 1439, Method: "PATCH", Nth: 1, Count: 8})
	r := apply.Run(t.Context(), s.plan(), s.writer, apply.Options{Concurrency: 1})
	addsUp(t, r)
	if want := (apply.Tally{Planned: 12, Done: 4, Failed: 8}); r.Tally != want || r.Stopped != "" {
		t.Errorf("%+v, stopped: %q", r.Tally, r.Stopped)
	}
	s.converges()
}

func TestStoppedBeforeItBegins(t *testing.T) {
	s := newStand(t, chainSeed, chainConfig)
	p := s.plan()
	for range 50 {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errors.New("the deadline of 3m0s"))
		r := apply.Run(ctx, p, s.writer, apply.Options{Concurrency: 2})
		expect(t, r, "not_attempted "+free, "not_attempted "+pin, "not_attempted "+second, "not_attempted "+zone, "not_attempted "+unpin)
		if r.Stopped != "stopped by the deadline of 3m0s" {
			t.Fatalf("stopped: %q", r.Stopped)
		}
	}
	if w := s.writes(); len(w) > 0 {
		t.Errorf("written: %v", w)
	}
}

func TestStoppedBetweenWrites(t *testing.T) {
	s := newStand(t, chainSeed, chainConfig)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	r := apply.Run(ctx, s.plan(), s.writer, apply.Options{Concurrency: 1, Report: func(apply.Step) {
		if n++; n == 2 {
			cancel()
		}
	}})
	expect(t, r, "done "+free, "done "+pin, "not_attempted "+second, "not_attempted "+zone, "not_attempted "+unpin)
	if r.Stopped != "stopped by an interrupt" {
		t.Errorf("stopped: %q", r.Stopped)
	}
	s.converges()
}

// TestStoppedDuringAWrite lets the write that is under way finish, and its lost
// answer be settled, and starts nothing more.
func TestStoppedDuringAWrite(t *testing.T) {
	for _, tc := range []struct {
		name  string
		fault string
		want  string // outcome of the write
		sent  int
	}{
		{"answered", "delay", "done ", 1},
		{"answer lost after the work", "drop-answer", "done ", 1},
		{"lost, and nobody knows", "drop-request", "failed ", 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newStand(t, chainSeed, chainConfig)
			f := patch(tc.fault, "free.test")
			f.Nth, f.Delay = 1, 200*time.Millisecond
			s.fault(f)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			p := s.plan()
			time.AfterFunc(100*time.Millisecond, cancel)
			start := time.Now()
			r := apply.Run(ctx, p, s.writer, apply.Options{Concurrency: 1})
			expect(t, r, tc.want+free, "not_attempted "+pin, "not_attempted "+second, "not_attempted "+zone, "not_attempted "+unpin)
			if n := len(s.writes()); n != tc.sent {
				t.Errorf("%d writes were sent: %v", n, s.writes())
			}
			if took := time.Since(start); took > apply.Grace {
				t.Errorf("it took %s", took)
			}
			s.converges()
		})
	}
}

// TestStoppedWhileWaiting is an interrupt while the API has asked everybody to
// wait: what was refused with 429 was not done.
func TestStoppedWhileWaiting(t *testing.T) {
	t.Parallel()
	s := newStand(t, chainSeed, chainConfig)
	s.fault(sandbox.Fault{Kind: "rate-limit", RetryAfter: "30", Method: "PATCH", Nth: 2, Count: 1})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	p := s.plan()
	start := time.Now()
	r := apply.Run(ctx, p, s.writer, apply.Options{Concurrency: 1, Report: func(apply.Step) {
		time.AfterFunc(100*time.Millisecond, cancel)
	}})
	expect(t, r, "done "+free, "not_attempted "+pin, "not_attempted "+second, "not_attempted "+zone, "not_attempted "+unpin)
	if took := time.Since(start); took > apply.Grace+2*time.Second {
		t.Errorf("it took %s", took)
	}
	if n := len(s.writes()); n != 2 {
		t.Errorf("%d writes were sent: %v", n, s.writes())
	}
	s.connect() // the old client still waits
	s.converges()
}

// TestWaitsOutA429 goes on where the API asked everybody to wait for a moment.
func TestWaitsOutA429(t *testing.T) {
	t.Parallel()
	s := newStand(t, chainSeed, chainConfig)
	s.fault(sandbox.Fault{Kind: "rate-limit", RetryAfter: "1", Block: true, Method: "PATCH", Nth: 2, Count: 1})
	start := time.Now()
	r := apply.Run(t.Context(), s.plan(), s.writer, apply.Options{Concurrency: 2})
	expect(t, r, "done "+free, "done "+pin, "done "+second, "done "+zone, "done "+unpin)
	if took := time.Since(start); took < time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestRefusals(t *testing.T) {
	change := func(id string, kinds ...plan.HazardKind) plan.Change {
		c := plan.Change{Ref: plan.ParseRef(id, "")}
		for _, k := range kinds {
			c.Hazards = append(c.Hazards, plan.Hazard{Kind: k})
		}
		return c
	}
	p := &plan.Plan{Changes: []plan.Change{
		change("a", plan.WeakensTLS, plan.CutsOffClients),
		change("b", plan.Unreachable, plan.WeakensTLS),
		change("c", plan.MovesTraffic),
		change("d"),
	}}
	for _, tc := range []struct {
		allowed []plan.HazardKind
		want    []string
	}{
		{nil, []string{"moves_traffic: c", "unreachable: b", "weakens_tls: a b"}},
		{[]plan.HazardKind{plan.WeakensTLS}, []string{"moves_traffic: c", "unreachable: b"}},
		{[]plan.HazardKind{plan.WeakensTLS, plan.MovesTraffic, plan.Unreachable}, []string{"unreachable: b"}},
	} {
		var got []string
		for _, r := range apply.Refusals(p, tc.allowed) {
			line := string(r.Hazard) + ":"
			for _, c := range r.Changes {
				line += " " + c.String()
			}
			got = append(got, line)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("allowed %v (-want +got):\n%s", tc.allowed, diff)
		}
	}
}

// TestNothingToDo is a plan without changes.
func TestNothingToDo(t *testing.T) {
	r := apply.Run(t.Context(), &plan.Plan{}, nil, apply.Options{})
	addsUp(t, r)
	if r.Stopped != "" || r.Tally != (apply.Tally{}) {
		t.Errorf("%+v", r)
	}
}
