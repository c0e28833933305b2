// Package apply carries out a plan: no change before those that it needs, and as much
// at once as that permits, each object read before it is written and compared after
// it. What is read together is written together, whatever stands between in the plan.
//
// It never repeats a write whose fate is unknown: it reads and decides. It
// never goes on behind a failure: changes that need a failed one are skipped,
// everything else proceeds. When told to stop it starts nothing new, lets what
// is in flight finish for a moment, and accounts for every change.
package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"tlsync/engine/crash"
	"tlsync/engine/plan"
)

// MaxAge is how old the reading may be over which anything is written: Cloudflare
// knows no versions, so what somebody changes between the reading and the write is
// lost.
const MaxAge = time.Minute

// Grace is how long a write in flight may go on after a stop. A cancelled CI
// job is killed ten seconds after its first signal; the report comes before.
const Grace = 5 * time.Second

// After breakerRun failures in a row, or more than breakerShare among the last
// breakerSpan changes, nothing more is started: the API is in no state to be
// written to. Refusals and conflicts do not count; they speak of one object.
const (
	breakerRun   = 5
	breakerSpan  = 100
	breakerShare = 10
)

// Options of a run.
type Options struct {
	// Concurrency is how many changes are written at once; at least 1.
	Concurrency int
	// Report, if set, is told of every step as it ends, one at a time, in the
	// order in which they end.
	Report func(Step)
	// Pauses come before each further look for a change that was accepted and
	// does not show yet. Nil means a quarter of a second, one, and two.
	Pauses []time.Duration
}

// Refusal is a hazard that was not allowed, with the changes that have it.
type Refusal struct {
	Hazard  plan.HazardKind
	Changes []*plan.Change
}

// Refusals are the hazards of a plan that nobody allowed by name, sorted by
// kind. A plan with any must not be run. CutsOffClients is told in the plan and
// needs no permission; Unreachable cannot be allowed.
func Refusals(p *plan.Plan, allowed []plan.HazardKind) []Refusal {
	byKind := map[plan.HazardKind][]*plan.Change{}
	for i := range p.Changes {
		c := &p.Changes[i]
		for _, h := range c.Hazards {
			if h.NeedsPermission() && (h.Kind == plan.Unreachable || !slices.Contains(allowed, h.Kind)) {
				byKind[h.Kind] = append(byKind[h.Kind], c)
			}
		}
	}
	var out []Refusal
	for kind, changes := range byKind {
		out = append(out, Refusal{Hazard: kind, Changes: changes})
	}
	slices.SortFunc(out, func(a, b Refusal) int { return strings.Compare(string(a.Hazard), string(b.Hazard)) })
	return out
}

// Run writes the plan's changes. It returns when all are accounted for: at the
// end, or, once the context is done, after what was in flight. It does not read
// live again at the end; Result.Remaining is the caller's to fill.
func Run(ctx context.Context, p *plan.Plan, t Target, o Options) *Result {
	if o.Pauses == nil {
		o.Pauses = []time.Duration{250 * time.Millisecond, time.Second, 2 * time.Second}
	}
	r := &run{plan: p, target: t, options: o, steps: make([]Step, len(p.Changes)), started: make([]bool, len(p.Changes))}
	r.graph()
	// Writes outlive the context by Grace, so that an interrupt does not turn
	// every write in flight into one of unknown outcome.
	writes, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stopTimer := context.AfterFunc(ctx, func() {
		r.stop(stoppedBy(ctx))
		timer := time.NewTimer(Grace)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel()
		case <-writes.Done():
		}
	})
	defer stopTimer()

	var workers sync.WaitGroup
	for range max(1, min(o.Concurrency, len(p.Changes))) {
		workers.Go(func() {
			for {
				i, ok := r.next(ctx)
				if !ok {
					return
				}
				r.finish(i, r.guarded(ctx, writes, &p.Changes[i]))
			}
		})
	}
	workers.Wait()
	return r.result()
}

func stoppedBy(ctx context.Context) string {
	if err := context.Cause(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return "stopped by " + err.Error()
	}
	return "stopped by an interrupt"
}

// run is the schedule of one Run. Everything below mu is guarded by it.
type run struct {
	plan    *plan.Plan
	target  Target
	options Options

	dependants [][]int
	late       chan struct{} // held by the one write that is made anew since its turn came late; the others wait

	mu       sync.Mutex
	changed  *sync.Cond
	waits    []int
	ready    []int // indices of the plan, ascending
	together []int // those that go before the others, while they are ready
	inFlight int
	steps    []Step
	started  []bool
	stopped  string
	failures int    // in a row
	recent   []bool // whether each of the last breakerSpan changes failed
}

func (r *run) graph() {
	r.changed = sync.NewCond(&r.mu)
	r.late = make(chan struct{}, 1)
	n := len(r.plan.Changes)
	index := make(map[string]int, n)
	for i := range r.plan.Changes {
		index[r.plan.Changes[i].ID] = i
	}
	r.dependants = make([][]int, n)
	r.waits = make([]int, n)
	for i := range r.plan.Changes {
		c := &r.plan.Changes[i]
		r.steps[i] = Step{Change: c, Outcome: NotAttempted}
		for _, need := range c.Needs {
			if j, ok := index[need]; ok {
				r.dependants[j] = append(r.dependants[j], i)
				r.waits[i]++
			}
		}
		if r.waits[i] == 0 {
			r.ready = append(r.ready, i)
		}
	}
}

// next waits for a change that may be written. It is false when there will be
// none any more.
func (r *run) next(ctx context.Context) (int, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		if ctx.Err() != nil && r.stopped == "" {
			r.stopped = stoppedBy(ctx)
		}
		if r.stopped != "" {
			return 0, false
		}
		if len(r.ready) > 0 {
			i := r.pick()
			r.started[i] = true
			r.inFlight++
			return i, true
		}
		if r.inFlight == 0 {
			return 0, false
		}
		r.changed.Wait()
	}
}

// pick takes the change that is to be written next: the first that is ready, and
// right behind it all that are read together with it. A run may take hours, and
// readings are good for a minute: in any other order nearly every change would need
// its page anew.
func (r *run) pick() int {
	for len(r.together) > 0 {
		i := r.together[0]
		r.together = r.together[1:]
		if at, ok := slices.BinarySearch(r.ready, i); ok {
			r.ready = slices.Delete(r.ready, at, at+1)
			return i
		}
	}
	i := r.ready[0]
	r.ready = r.ready[1:]
	if name := r.batch(&r.plan.Changes[i]); name != "" {
		for _, j := range r.ready {
			if r.batch(&r.plan.Changes[j]) == name {
				r.together = append(r.together, j)
			}
		}
	}
	return i
}

// batch names what is read together with the object of a change; empty where the
// target reads it alone.
func (r *run) batch(c *plan.Change) string {
	if b, ok := r.target.(Batcher); ok {
		return b.Batch(c)
	}
	return ""
}

// finish records a step and frees, or skips, what waited for it.
func (r *run) finish(i int, s Step) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.inFlight--
	r.settle(i, s)
	if s.Outcome == Done {
		r.failures = 0
		r.remember(false)
		for _, d := range r.dependants[i] {
			if r.waits[d]--; r.waits[d] == 0 && r.steps[d].Outcome == NotAttempted {
				at, _ := slices.BinarySearch(r.ready, d)
				r.ready = slices.Insert(r.ready, at, d)
			}
		}
	}
	var denied interface{ Denied() bool }
	var moved conflictError
	var late lateError
	var bug *crash.Error
	switch {
	case s.Outcome != Failed || s.Err == nil:
	case errors.As(s.Err, &bug):
		r.stopped = "stopped by a bug in tlsync"
	case errors.As(s.Err, &moved):
		// Somebody else is at work; the API is well.
	case errors.As(s.Err, &late):
		// It takes writes, and needs time.
	case errors.As(s.Err, &denied) && denied.Denied():
		r.denied(s.Change)
	case refused(s.Err):
		// This object only; one that Cloudflare will not have changed must not
		// keep the others from their turn, in this run and in every later one.
	default:
		r.failures++
		switch failed := r.remember(true); {
		case r.stopped != "":
		case r.failures == breakerRun:
			r.stopped = fmt.Sprintf("%d changes failed in a row", breakerRun)
		case len(r.recent) == breakerSpan && failed > breakerShare:
			r.stopped = fmt.Sprintf("%d of the last %d changes failed", failed, breakerSpan)
		}
	}
	r.changed.Broadcast()
}

// permission is what the objects of an account need to be written, each kind
// another; empty for what belongs to zones.
func permission(k plan.Kind) string {
	switch k {
	case plan.KindMTLSCertificate, plan.KindMTLSHostname:
		return "Access: Mutual TLS Certificates"
	case plan.KindAccessApplication:
		return "Access: Apps and Policies"
	case plan.KindAlert:
		return "Notifications"
	case plan.KindZone, plan.KindHostname, plan.KindCustomHostname:
	}
	return ""
}

// denied ends the run after a change that the credentials do not suffice for. One
// of an account's objects ends only what needs the same permission there: tokens
// for zones commonly lack those.
func (r *run) denied(c *plan.Change) {
	if !c.Kind.OfAccount() {
		r.stopped = "the credentials do not suffice; every further write would fail too"
		return
	}
	same := func(i int) bool {
		x := r.steps[i].Change
		return permission(x.Kind) == permission(c.Kind) && x.AccountID == c.AccountID
	}
	r.ready = slices.DeleteFunc(r.ready, same)
	for i := range r.steps {
		if s := &r.steps[i]; s.Outcome == NotAttempted && same(i) && !r.started[i] {
			s.Outcome, s.Reason = Skipped, "the credentials do not suffice for it, as for "+c.ID
			if r.options.Report != nil {
				r.options.Report(*s)
			}
			r.skip(i)
		}
	}
}

// remember notes whether a change failed and counts the failures among the
// latest.
func (r *run) remember(failed bool) int {
	r.recent = append(r.recent, failed)
	r.recent = r.recent[max(0, len(r.recent)-breakerSpan):]
	n := 0
	for _, f := range r.recent {
		if f {
			n++
		}
	}
	return n
}

// settle sets an outcome; a failure skips everything behind it.
func (r *run) settle(i int, s Step) {
	r.steps[i] = s
	if r.options.Report != nil {
		r.options.Report(s)
	}
	if s.Outcome == Failed {
		r.skip(i)
	}
}

// skip skips everything that waits for a change that failed or was skipped.
func (r *run) skip(i int) {
	s := r.steps[i]
	word := "failed"
	if s.Outcome == Skipped {
		word = "was skipped"
	}
	for todo := slices.Clone(r.dependants[i]); len(todo) > 0; {
		d := todo[0]
		todo = todo[1:]
		if r.steps[d].Outcome == NotAttempted {
			r.steps[d].Outcome = Skipped
			r.steps[d].Reason = "it needs " + s.Change.ID + ", which " + word
			if r.options.Report != nil {
				r.options.Report(r.steps[d])
			}
			todo = append(todo, r.dependants[d]...)
		}
	}
}

func (r *run) stop(why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped == "" {
		r.stopped = why
	}
	r.changed.Broadcast()
}

func (r *run) result() *Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	res := &Result{Plan: r.plan, Steps: r.steps, Tally: Tally{Planned: len(r.steps)}}
	for i := range r.steps {
		switch r.steps[i].Outcome {
		case Done:
			res.Tally.Done++
		case Failed:
			res.Tally.Failed++
		case Skipped:
			res.Tally.Skipped++
		case NotAttempted:
			res.Tally.NotAttempted++
			r.steps[i].Reason = r.stopped
		}
	}
	if res.Tally.Done+res.Tally.Failed+res.Tally.Skipped < len(r.steps) {
		res.Stopped = r.stopped
	}
	return res
}
