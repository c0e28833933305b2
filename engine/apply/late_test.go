package apply_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tlsync/engine/apply"
	"tlsync/engine/plan"
	"tlsync/schema"
)

// slow is an API that takes writes at once and carries them out later. Its
// answers are what answer makes of the change.
type slow struct {
	after   time.Duration // from the write; negative is never
	answer  func(*plan.Change) (plan.Object, error)
	writes  map[string]int
	reads   map[string]int
	written map[string]time.Time
}

func newSlow(after time.Duration, answer func(*plan.Change) (plan.Object, error)) *slow {
	return &slow{after, answer, map[string]int{}, map[string]int{}, map[string]time.Time{}}
}

func (s *slow) Read(ctx context.Context, c *plan.Change, _ time.Duration) (plan.Object, error) {
	s.reads[c.Part]++
	if err := ctx.Err(); err != nil {
		return plan.Object{}, err
	}
	if at, ok := s.written[c.Part]; ok && s.after >= 0 && time.Since(at) >= s.after {
		return shown(c, c.Edits[0].To), nil
	}
	return shown(c, c.Edits[0].From), nil
}

func (s *slow) Write(_ context.Context, c *plan.Change, _ plan.Request) (plan.Object, error) {
	s.writes[c.Part]++
	s.written[c.Part] = time.Now()
	return s.answer(c)
}

func shown(c *plan.Change, v schema.Value) plan.Object {
	return plan.Object{Setting: &plan.Setting{ID: c.ObjectID, Raw: string(v), Value: v}}
}

func showsNothing(*plan.Change) (plan.Object, error) { return plan.Object{}, nil }

func showsBefore(c *plan.Change) (plan.Object, error) { return shown(c, c.Edits[0].From), nil }

// inARow returns a plan of settings. Each needs the one before.
func inARow(ids ...string) *plan.Plan {
	p := &plan.Plan{}
	for i, id := range ids {
		c := plan.Change{Ref: plan.Ref{Kind: plan.KindZone, Part: id}, ObjectID: id, Edits: []plan.Edit{{Setting: id, From: `"off"`, To: `"on"`}}}
		if i > 0 {
			c.Needs = []plan.Ref{{Kind: plan.KindZone, Part: ids[i-1]}}
		}
		p.Changes = append(p.Changes, c)
	}
	return p
}

// TestSettlesLate looks for an accepted change until it shows, for a moment, and
// never writes it again.
func TestSettlesLate(t *testing.T) {
	for _, tc := range []struct {
		name  string
		after time.Duration
		reads int // the one before the write included
		took  time.Duration
		want  string
	}{
		{"at once", 0, 2, 0, "done"},
		{"soon", 200 * time.Millisecond, 3, 250 * time.Millisecond, "done"},
		{"in a second", time.Second, 4, 1250 * time.Millisecond, "done"},
		{"in three seconds", 3 * time.Second, 5, 3250 * time.Millisecond, "done"},
		{"too late", 4 * time.Second, 5, 3250 * time.Millisecond, "failed"},
	} {
		for name, answer := range map[string]func(*plan.Change) (plan.Object, error){"nothing": showsNothing, "the state before": showsBefore} {
			synctest.Test(t, func(t *testing.T) {
				s := newSlow(tc.after, answer)
				start := time.Now()
				r := apply.Run(t.Context(), inARow("a"), s, apply.Options{Concurrency: 1})
				expect(t, r, tc.want+" zone#a")
				if s.writes["a"] != 1 || s.reads["a"] != tc.reads || time.Since(start) != tc.took {
					t.Errorf("%s, the answer shows %s: %d writes, %d reads, in %s", tc.name, name, s.writes["a"], s.reads["a"], time.Since(start))
				}
				if tc.want == "failed" && reason(t, r, "zone#a") != "accepted, but not effective: a still reads off, not on" {
					t.Errorf("%s: %s", tc.name, reason(t, r, "zone#a"))
				}
			})
		}
	}
}

// TestDependantsWaitForWhatIsLate starts nothing before what it needs shows.
func TestDependantsWaitForWhatIsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlow(time.Second, showsNothing)
		r := apply.Run(t.Context(), inARow("a", "b"), s, apply.Options{Concurrency: 1})
		expect(t, r, "done zone#a", "done zone#b")
		if waited := s.written["b"].Sub(s.written["a"]); waited < s.after {
			t.Errorf("b was written %s after a", waited)
		}
		s = newSlow(-1, showsNothing)
		r = apply.Run(t.Context(), inARow("a", "b"), s, apply.Options{Concurrency: 1})
		expect(t, r, "failed zone#a", "skipped zone#b")
		if s.writes["b"] != 0 {
			t.Error("b was written all the same")
		}
	})
}

// TestLateDoesNotStopTheRun: an API that takes writes is well.
func TestLateDoesNotStopTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := inARow("a", "b", "c", "d", "e", "f", "g")
		for i := range p.Changes {
			p.Changes[i].Needs = nil
		}
		r := apply.Run(t.Context(), p, newSlow(-1, showsNothing), apply.Options{Concurrency: 1})
		if want := (apply.Tally{Planned: 7, Failed: 7}); r.Tally != want || r.Stopped != "" {
			t.Errorf("%+v, stopped: %q", r.Tally, r.Stopped)
		}
	})
}

// TestStoppedWhileItIsLate ends the wait for an accepted change at once.
func TestStoppedWhileItIsLate(t *testing.T) {
	for _, after := range []time.Duration{0, 100 * time.Millisecond, 700 * time.Millisecond, 2 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			s := newSlow(-1, func(*plan.Change) (plan.Object, error) {
				if after == 0 {
					cancel()
				}
				time.AfterFunc(after, cancel)
				return plan.Object{}, nil
			})
			start := time.Now()
			r := apply.Run(ctx, inARow("a", "b"), s, apply.Options{Concurrency: 1})
			expect(t, r, "failed zone#a", "skipped zone#b")
			if reason(t, r, "zone#a") != "accepted, but not yet effective when the run stopped" || !r.Steps[0].Wrote {
				t.Errorf("%s: %s", after, reason(t, r, "zone#a"))
			}
			if took := time.Since(start); took != after {
				t.Errorf("stopped after %s, it took %s", after, took)
			}
		})
	}
	// A change that shows at the first look is done, even if the run is stopped.
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		r := apply.Run(ctx, inARow("a"), newSlow(0, func(*plan.Change) (plan.Object, error) {
			cancel()
			return plan.Object{}, nil
		}), apply.Options{Concurrency: 1})
		expect(t, r, "done zone#a")
	})
}

// refusal is a no that does not tell whether anything was done.
type refusal struct{}

func (refusal) Error() string        { return "200 (code 1425: no)" }
func (refusal) OutcomeUnknown() bool { return true }
func (refusal) Refused() bool        { return true }

// TestRefusedWithUnknownOutcome settles a no by reading, as any other doubtful
// answer, but does not send the write again.
func TestRefusedWithUnknownOutcome(t *testing.T) {
	answer := func(*plan.Change) (plan.Object, error) { return plan.Object{}, refusal{} }
	for after, want := range map[time.Duration]string{0: "done", -1: "failed"} {
		s := newSlow(after, answer)
		r := apply.Run(t.Context(), inARow("a"), s, apply.Options{Concurrency: 1})
		expect(t, r, want+" zone#a")
		if s.writes["a"] != 1 || s.reads["a"] != 2 || r.Steps[0].Wrote != (want == "done") {
			t.Errorf("%s: %d writes, %d reads, wrote: %t", want, s.writes["a"], s.reads["a"], r.Steps[0].Wrote)
		}
		if want == "failed" && (reason(t, r, "zone#a") != refusal{}.Error() || !errors.Is(r.Steps[0].Err, refusal{})) {
			t.Errorf("failed with %q", reason(t, r, "zone#a"))
		}
		if want == "done" && strings.Contains(reason(t, r, "zone#a"), "lost") {
			t.Errorf("done: %q", reason(t, r, "zone#a"))
		}
	}
	// It speaks of one object: the others get their turn.
	p := inARow("a", "b", "c", "d", "e", "f", "g")
	for i := range p.Changes {
		p.Changes[i].Needs = nil
	}
	r := apply.Run(t.Context(), p, newSlow(-1, answer), apply.Options{Concurrency: 1})
	if want := (apply.Tally{Planned: 7, Failed: 7}); r.Tally != want || r.Stopped != "" {
		t.Errorf("%+v, stopped: %q", r.Tally, r.Stopped)
	}
}

// TestAnswerThatShowsNothing is one of the API's: it is looked up, found, and
// nothing is sent twice.
func TestAnswerThatShowsNothing(t *testing.T) {
	for _, result := range []string{`null`, `{}`, `[]`} {
		s := newStand(t, chainSeed, chainConfig)
		f := patch("body", "pin.test")
		f.Status, f.Body = 202, `{"success":true,"errors":[],"messages":[],"result":`+result+`}`
		s.fault(f)
		r := apply.Run(t.Context(), s.plan(), s.writer, apply.Options{Concurrency: 1, Pauses: []time.Duration{1}})
		expect(t, r, "done "+free, "failed "+pin, "done "+second, "skipped "+zone, "skipped "+unpin)
		contains(t, reason(t, r, pin), "accepted, but not effective")
		sent, read := 0, 0
		for _, e := range s.server.History() {
			switch {
			case e.Method == "GET" && strings.Contains(e.Path, "/custom_hostnames/"):
				read++
			case e.Method == "PATCH" && len(e.Faults) > 0:
				sent++
			}
		}
		if sent != 1 || read != 2 {
			t.Errorf("%s: sent %d times, read %d times", result, sent, read)
		}
	}
}

// forNow is a no to a write that is to be made anew.
type forNow struct{}

func (forNow) Error() string { return "409 (code 12135: still being updated)" }
func (forNow) Refused() bool { return true }
func (forNow) Busy() bool    { return true }

// TestBusy makes a write anew, from a new reading each time, as long as it is
// refused for now, and not for ever.
func TestBusy(t *testing.T) {
	for refusals, want := range map[int]string{0: "done", 3: "done", 100: "failed"} {
		synctest.Test(t, func(t *testing.T) {
			var s *slow
			s = newSlow(0, func(c *plan.Change) (plan.Object, error) {
				if s.writes[c.Part] <= refusals {
					delete(s.written, c.Part)
					return plan.Object{}, forNow{}
				}
				return shown(c, c.Edits[0].To), nil
			})
			r := apply.Run(t.Context(), inARow("a"), s, apply.Options{Concurrency: 1})
			expect(t, r, want+" zone#a")
			if writes := min(refusals, 7) + 1; s.writes["a"] != writes || s.reads["a"] != writes {
				t.Errorf("%d refusals: %d writes, %d reads", refusals, s.writes["a"], s.reads["a"])
			}
		})
	}
}

// TestLostAnswerOfWhatIsPending waits until it is in effect, as for any other.
func TestLostAnswerOfWhatIsPending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &pendingOnce{newSlow(0, func(*plan.Change) (plan.Object, error) { return plan.Object{}, refusal{} })}
		r := apply.Run(t.Context(), inARow("a", "b"), s, apply.Options{Concurrency: 1})
		if r.Steps[0].Outcome != apply.Done || s.reads["a"] < 4 {
			t.Errorf("%s after %d readings: %s", r.Steps[0].Outcome, s.reads["a"], reasons(r))
		}
	})
}

// pendingOnce shows what was written at once, and as pending at the first looks.
type pendingOnce struct{ *slow }

func (s *pendingOnce) Read(ctx context.Context, c *plan.Change, d time.Duration) (plan.Object, error) {
	o, err := s.slow.Read(ctx, c, d)
	if s.writes[c.Part] > 0 && s.reads[c.Part] < 4 {
		o.Pending = "pending_deployment"
	}
	return o, err
}
