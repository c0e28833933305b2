package apply_test

import (
	"context"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tlsync/engine/apply"
	"tlsync/engine/plan"
)

// queue is an API that makes writes wait for their turn, as while the budget is used up.
// Someone edits the object while the first write waits.
type queue struct {
	*slow
	waits  []time.Duration // of each write
	takes  time.Duration   // from its turn to its answer
	edited bool
	read   time.Time       // the last reading
	ages   []time.Duration // of the readings that writes went out over
}

func (q *queue) Read(ctx context.Context, c *plan.Change, maxAge time.Duration) (plan.Object, error) {
	o, err := q.slow.Read(ctx, c, maxAge)
	q.read = time.Now().Add(-maxAge) // no younger than it must be
	if q.edited && len(q.ages) == 0 && q.writes[c.Part] > 0 {
		return shown(c, `"third"`), nil
	}
	o.At = q.read
	return o, err
}

// tooLate is the error of a write that was not sent, lost that of one whose answer
// was not waited for.
type tooLate struct{}

func (tooLate) Error() string { return "not sent" }
func (tooLate) Old() bool     { return true }

type lost struct{}

func (lost) Error() string        { return "given up" }
func (lost) OutcomeUnknown() bool { return true }

func (q *queue) Write(ctx context.Context, c *plan.Change, req plan.Request) (plan.Object, error) {
	wait := q.waits[min(q.writes[c.Part], len(q.waits)-1)]
	q.writes[c.Part]++
	select {
	case <-time.After(wait):
	case <-time.After(time.Until(req.Before) + 1):
		return plan.Object{}, tooLate{}
	case <-ctx.Done():
		return plan.Object{}, context.Cause(ctx)
	}
	q.ages = append(q.ages, time.Since(q.read))
	answer := time.After(q.takes)
	select {
	case <-answer:
	case <-ctx.Done():
		select {
		case <-answer:
		case <-time.After(apply.Grace):
			return plan.Object{}, lost{}
		}
	}
	q.written[c.Part] = time.Now()
	return shown(c, c.Edits[0].To), nil
}

// TestAWriteThatWaitedIsReadAgain writes over no reading that is older than MaxValueAge,
// however long the write had to wait for its turn.
func TestAWriteThatWaitedIsReadAgain(t *testing.T) {
	for _, tc := range []struct {
		name   string
		waits  []time.Duration
		edited bool
		want   string
		tries  int
	}{
		{"at once", []time.Duration{0}, false, "done", 1},
		{"a moment", []time.Duration{14 * time.Second}, false, "done", 1},
		{"five minutes", []time.Duration{5 * time.Minute, 0}, false, "done", 2},
		{"five minutes, and again half a minute", []time.Duration{5 * time.Minute, 30 * time.Second}, false, "done", 2},
		{"five minutes, while somebody edits", []time.Duration{5 * time.Minute, 0}, true, "failed", 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			q := &queue{slow: newSlow(0, nil), waits: tc.waits, edited: tc.edited}
			r := apply.Run(t.Context(), inARow("a"), q, apply.Options{Concurrency: 1})
			expect(t, r, tc.want+" zone#a")
			if q.writes["a"] != tc.tries {
				t.Errorf("%s: %d attempts, want %d", tc.name, q.writes["a"], tc.tries)
			}
			for _, age := range q.ages {
				if age > apply.MaxValueAge {
					t.Errorf("%s: written over a reading that was %s old", tc.name, age)
				}
			}
			if tc.edited {
				contains(t, reason(t, r, "zone#a"), "changed since the plan was made")
				if len(q.ages) > 0 || r.Steps[0].Wrote {
					t.Errorf("%s: it was written all the same", tc.name)
				}
			}
		})
	}
	// Where turns come too seldom it is not written at all.
	synctest.Test(t, func(t *testing.T) {
		q := &queue{slow: newSlow(0, nil), waits: []time.Duration{time.Hour}}
		r := apply.Run(t.Context(), inARow("a"), q, apply.Options{Concurrency: 1})
		expect(t, r, "failed zone#a")
		contains(t, reason(t, r, "zone#a"), "the rate limit let no write through soon enough after the reading of the object")
		if q.writes["a"] != 6 || len(q.ages) > 0 || r.Steps[0].Wrote {
			t.Errorf("%d attempts, %d writes", q.writes["a"], len(q.ages))
		}
	})
	// A run waits for a write in flight, however old the reading is by then.
	synctest.Test(t, func(t *testing.T) {
		q := &queue{slow: newSlow(0, nil), waits: []time.Duration{14 * time.Second}, takes: 2 * time.Minute}
		r := apply.Run(t.Context(), inARow("a"), q, apply.Options{Concurrency: 1})
		expect(t, r, "done zone#a")
		if q.writes["a"] != 1 || q.reads["a"] != 1 {
			t.Errorf("%d attempts, %d readings: %s", q.writes["a"], q.reads["a"], reasons(r))
		}
	})
	// A stop while it waits: nothing was sent.
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		q := &queue{slow: newSlow(0, nil), waits: []time.Duration{time.Hour}}
		r := apply.Run(ctx, inARow("a"), q, apply.Options{Concurrency: 1})
		expect(t, r, "not_attempted zone#a")
		if len(q.ages) > 0 {
			t.Error("it was written")
		}
	})
}

// crowded is an API at which the turn of the first write of a comes too late. The
// second one takes long, and shows even later.
type crowded struct {
	*slow
	mu    sync.Mutex
	start time.Time
	began map[string]time.Duration // the first reading of each
}

func (q *crowded) Read(ctx context.Context, c *plan.Change, maxAge time.Duration) (plan.Object, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.reads[c.Part] == 0 {
		q.began[c.Part] = time.Since(q.start)
	}
	return q.slow.Read(ctx, c, maxAge)
}

func (q *crowded) Write(ctx context.Context, c *plan.Change, req plan.Request) (plan.Object, error) {
	takes := 2 * time.Second
	q.mu.Lock()
	first := q.writes[c.Part] == 0
	q.writes[c.Part]++
	q.mu.Unlock()
	switch {
	case c.Part == "a" && first:
		time.Sleep(time.Second)
		return plan.Object{}, tooLate{}
	case c.Part == "a":
		takes = 10 * time.Second
	}
	time.Sleep(takes)
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.slow.Write(ctx, c, req)
}

// TestNothingBeginsBeforeWhatIsLate keeps others from taking its turn as well, and
// holds them up no longer than that.
func TestNothingBeginsBeforeWhatIsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := inARow("a", "b", "c")
		for i := range p.Changes {
			p.Changes[i].Needs = nil
		}
		q := &crowded{slow: newSlow(3*time.Second, showsNothing), start: time.Now(), began: map[string]time.Duration{}}
		r := apply.Run(t.Context(), p, q, apply.Options{Concurrency: 2})
		expect(t, r, "done zone#a", "done zone#b", "done zone#c")
		// b was under way already, and shows after two seconds and another 3.25.
		if want := (map[string]time.Duration{"a": 0, "b": 0, "c": 11 * time.Second}); !maps.Equal(q.began, want) {
			t.Errorf("began %v, want %v", q.began, want)
		}
	})
}
