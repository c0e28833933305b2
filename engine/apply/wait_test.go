package apply_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tlsync/engine/apply"
	"tlsync/engine/plan"
)

// edge is a zone whose certificates become active on their own time.
type edge struct {
	start    time.Time
	ready    map[string]time.Duration // by name
	before   map[string]string        // their status until then; pending_deployment where it is empty
	unknown  bool                     // the filter is not known
	fails    int                      // the question that fails
	asked    []string                 // "", or a status
	whenever []time.Duration
}

func newEdge(ready map[string]time.Duration) *edge { return &edge{start: time.Now(), ready: ready} }

func (e *edge) Certificates(_ context.Context, _, status string) ([]plan.Hostname, bool, error) {
	e.asked = append(e.asked, status)
	now := time.Since(e.start)
	if n := len(e.whenever); n == 0 || e.whenever[n-1] != now {
		e.whenever = append(e.whenever, now)
	}
	if len(e.asked) == e.fails {
		return nil, false, errors.New("the line is dead")
	}
	if status != "" && e.unknown {
		return nil, false, nil
	}
	var out []plan.Hostname
	for name, at := range e.ready {
		h := plan.Hostname{Name: name, SSL: true, SSLStatus: "active"}
		if now < at {
			h.SSLStatus = "pending_deployment"
			if e.before[name] != "" {
				h.SSLStatus = e.before[name]
			}
			h.SSL = h.SSLStatus != "none"
		}
		if status == "" || h.SSLStatus == status {
			out = append(out, h)
		}
	}
	return out, true, nil
}

func written(names ...string) []apply.Step {
	var steps []apply.Step
	for _, n := range names {
		steps = append(steps, apply.Step{Wrote: true, Outcome: apply.Done, Change: &plan.Change{
			Ref: plan.Ref{Zone: "saas.example", Kind: plan.KindCustomHostname, Name: n}, Action: plan.Update, ZoneID: "z1",
		}})
	}
	return steps
}

func TestWaitLooksInListsAndLessAndLessOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(map[string]time.Duration{"a.test": 0, "b.test": 20 * time.Second, "other.test": time.Hour})
		var told []int
		left, of, err := apply.Wait(t.Context(), written("a.test", "b.test"), e, apply.WaitOptions{For: time.Hour, Report: func(active, of int) {
			told = append(told, active, of)
		}})
		if len(left) > 0 || of != 2 || err != nil {
			t.Errorf("%v of %d, %v", left, of, err)
		}
		want := []time.Duration{0, time.Second, 3 * time.Second, 7 * time.Second, 15 * time.Second, 31 * time.Second}
		if diff := cmp.Diff(want, e.whenever); diff != "" {
			t.Errorf("looked at (-want +got):\n%s", diff)
		}
		// Four statuses each time, and once the whole list.
		if all := slices.DeleteFunc(slices.Clone(e.asked), func(s string) bool { return s != "" }); len(e.asked) != 4*6+1 || len(all) != 1 {
			t.Errorf("%d questions, %d of them for all", len(e.asked), len(all))
		}
		if diff := cmp.Diff([]int{1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 2, 2}, told); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
	})
}

func TestWaitEnds(t *testing.T) {
	inactive := func(of ...string) (out []apply.Inactive) {
		for i := 0; i < len(of); i += 2 {
			out = append(out, apply.Inactive{Zone: "saas.example", Name: of[i], Status: of[i+1]})
		}
		return out
	}
	for _, tc := range []struct {
		name    string
		edge    edge
		want    []apply.Inactive
		wantErr bool
		elapsed time.Duration
	}{
		{name: "nothing was written", elapsed: 0},
		{name: "at once", edge: edge{ready: map[string]time.Duration{"a.test": 0}}},
		{name: "with its last look when the time is over", edge: edge{ready: map[string]time.Duration{"a.test": 40 * time.Second, "b.test": time.Hour}},
			want: inactive("b.test", "pending_deployment"), elapsed: 45 * time.Second},
		{name: "with a status that is no step on the way", edge: edge{ready: map[string]time.Duration{"a.test": time.Hour}, before: map[string]string{"a.test": "validation_timed_out"}},
			want: inactive("a.test", "validation_timed_out"), elapsed: 45 * time.Second},
		{name: "on such a status that passes", edge: edge{ready: map[string]time.Duration{"a.test": 10 * time.Second}, before: map[string]string{"a.test": "backup_issued"}},
			elapsed: 15 * time.Second},
		{name: "where there is no certificate", edge: edge{ready: map[string]time.Duration{"a.test": time.Hour}, before: map[string]string{"a.test": "none"}},
			want: inactive("a.test", "it has no certificate"), elapsed: 45 * time.Second},
		{name: "where it is gone", edge: edge{ready: map[string]time.Duration{"else.test": 0}},
			want: inactive("a.test", "it does not exist"), elapsed: 45 * time.Second},
		{name: "without the filter", edge: edge{ready: map[string]time.Duration{"a.test": 5 * time.Second, "b.test": time.Hour}, unknown: true},
			want: inactive("b.test", "pending_deployment"), elapsed: 45 * time.Second},
		{name: "after a look that failed", edge: edge{ready: map[string]time.Duration{"a.test": 2 * time.Second}, fails: 6}, elapsed: 3 * time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := tc.edge
				e.start = time.Now()
				var names []string
				for _, n := range []string{"a.test", "b.test"} {
					if _, there := e.ready[n]; there || n == "a.test" && e.ready["else.test"] == 0 && len(e.ready) > 0 {
						names = append(names, n)
					}
				}
				left, of, err := apply.Wait(t.Context(), written(names...), &e, apply.WaitOptions{For: 45 * time.Second})
				if diff := cmp.Diff(tc.want, left); diff != "" || of != len(names) {
					t.Errorf("of %d inactive (-want +got):\n%s", of, diff)
				}
				if err != nil != tc.wantErr {
					t.Errorf("error %v", err)
				}
				if got := time.Since(e.start); got != tc.elapsed {
					t.Errorf("it took %s, want %s", got, tc.elapsed)
				}
				if e.unknown && slices.Contains(e.asked[1:], "initializing") {
					t.Error("the filter is asked for again, though it is not known")
				}
			})
		})
	}
}

func TestWaitTellsThatTheLastLookFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(map[string]time.Duration{"a.test": time.Hour})
		e.fails = 5 // the first of the second look
		left, _, err := apply.Wait(t.Context(), written("a.test"), e, apply.WaitOptions{For: time.Second})
		if err == nil || len(left) != 1 || left[0].Status != "pending_deployment" {
			t.Errorf("%v, %v", left, err)
		}
	})
}

// TestWaitStopsAtOnce has the context end during a pause of half a minute.
func TestWaitStopsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(map[string]time.Duration{"a.test": time.Hour, "b.test": 0})
		ctx, cancel := context.WithCancelCause(t.Context())
		stop := errors.New("SIGINT")
		time.AfterFunc(100*time.Second, func() { cancel(stop) })
		left, of, err := apply.Wait(ctx, written("a.test", "b.test"), e, apply.WaitOptions{For: time.Hour})
		want := []apply.Inactive{{Zone: "saas.example", Name: "a.test", Status: "pending_deployment"}, {Zone: "saas.example", Name: "b.test"}}
		if diff := cmp.Diff(want, left); diff != "" || of != 2 || !errors.Is(err, stop) {
			t.Errorf("%v of %d (-want +got):\n%s", err, of, diff)
		}
		if got := time.Since(e.start); got != 100*time.Second {
			t.Errorf("it went on until %s", got)
		}
	})
}

// TestWaitForMany has as many questions for fifty thousand names as for one.
func TestWaitForMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ready := map[string]time.Duration{}
		var names []string
		for i := range 50_000 {
			names = append(names, fmt.Sprintf("h%05d.test", i))
			ready[names[i]] = time.Duration(i%7) * time.Second
		}
		steps := written(names...)
		steps[0].Change.Action = plan.Delete
		steps[1].Wrote = false
		steps[2].Change.Kind = plan.KindHostname
		e := newEdge(ready)
		left, of, err := apply.Wait(t.Context(), steps, e, apply.WaitOptions{For: time.Minute})
		if len(left) > 0 || of != len(names)-3 || err != nil {
			t.Errorf("%d left of %d, %v", len(left), of, err)
		}
		if len(e.asked) != 4*4+1 {
			t.Errorf("%d questions", len(e.asked))
		}
	})
}
