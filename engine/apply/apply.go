// Package apply carries out a plan. A change is written after the changes it needs, and
// otherwise as many as Options.Concurrency at once. Every object is read before it is
// written, and its new state is compared with the change. Changes of objects that are
// read together are written one after the other, even if others stand between them in
// the plan.
//
// A write whose outcome is unknown is never simply repeated: the object is read first.
// When a change fails, the changes that need it are skipped, and all others proceed.
// When a run is stopped it starts nothing new, gives writes in flight a moment to
// finish, and accounts for every change.
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

// MaxAge is the greatest age of the reading that a write of a whole object relies on.
// Cloudflare has no versions of objects, so such a write overwrites whatever someone
// else changed since the reading, managed or not. At the default rate of requests about
// twenty writes fit into it, so one reading has to serve as many of them.
const MaxAge = 5 * time.Second

// MaxValueAge is the same for a write of a single value. It overwrites nothing but that
// value, and the reading only tells whether someone else has changed it.
const MaxValueAge = time.Minute

// Grace is how long a write in flight may continue after a stop. A cancelled CI job is
// killed ten seconds after its first signal, and the report has to be written by then.
const Grace = 5 * time.Second

// A run starts no more changes after breakerRun failures in a row, or more than
// breakerShare failures among the last breakerSpan changes: the API is not well enough
// to be written to. Refusals and conflicts do not count, since they concern one object.
const (
	breakerRun   = 5
	breakerSpan  = 100
	breakerShare = 10
)

// Options are the options of a run.
type Options struct {
	// Concurrency is how many changes are written at once; at least 1.
	Concurrency int
	// Report, if set, is called with every step when it ends, never by two goroutines
	// at once.
	Report func(Step)
	// Pauses are made before each further reading of an object that does not show an
	// accepted change yet. Nil means 250 ms, 1 s and 2 s.
	Pauses []time.Duration
}

// Refusal is a hazard that is not allowed, with the changes that have it.
type Refusal struct {
	Hazard  plan.HazardKind
	Changes []*plan.Change
}

// Refusals returns the hazards of a plan that are not in allowed, sorted by kind. A plan
// that has any must not be run. CutsOffClients needs no permission: the plan shows it.
// Unreachable cannot be allowed.
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

// Run writes the changes of a plan. It returns when all are accounted for: at the end,
// or, once ctx is done, after the writes in flight. It does not read the live state
// again at the end; Result.Remaining is for the caller to fill.
func Run(ctx context.Context, p *plan.Plan, t Target, o Options) *Result {
	if o.Pauses == nil {
		o.Pauses = []time.Duration{250 * time.Millisecond, time.Second, 2 * time.Second}
	}
	r := newRun(p, t, o)

	// Writes outlive ctx by Grace, so that an interrupt does not leave every write in
	// flight with an unknown outcome.
	writes, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	cancelStop := context.AfterFunc(ctx, func() {
		r.stop(stopReason(ctx))
		timer := time.NewTimer(Grace)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel()
		case <-writes.Done():
		}
	})
	defer cancelStop()

	var workers sync.WaitGroup
	for range max(1, min(o.Concurrency, len(p.Changes))) {
		workers.Go(func() {
			for {
				i, ok := r.next(ctx)
				if !ok {
					return
				}
				r.finish(i, r.guarded(ctx, writes, i))
			}
		})
	}
	workers.Wait()
	return r.result()
}

func stopReason(ctx context.Context) string {
	if err := context.Cause(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return "stopped by " + err.Error()
	}
	return "stopped by an interrupt"
}

// run is the state of one Run. A change is named by its index in the plan. The fields
// from mu on are guarded by mu.
type run struct {
	plan    *plan.Plan
	target  Target
	options Options

	dependants [][]int
	// alone holds a value while one write runs alone, because its turn came too late
	// before. Other changes do not start meanwhile.
	alone chan struct{}

	mu       sync.Mutex
	changed  *sync.Cond
	waits    []int // how many of the changes it needs are not done yet
	queue    queue
	inFlight int
	steps    []Step
	started  []bool
	stopped  string // why nothing more is started, "" while changes are
	failures int    // in a row
	recent   []bool // whether each of the last breakerSpan changes failed
}

func newRun(p *plan.Plan, t Target, o Options) *run {
	n := len(p.Changes)
	r := &run{
		plan: p, target: t, options: o,
		dependants: make([][]int, n),
		alone:      make(chan struct{}, 1),
		waits:      make([]int, n),
		queue:      newQueue(p, t),
		steps:      make([]Step, n),
		started:    make([]bool, n),
	}
	r.changed = sync.NewCond(&r.mu)

	index := make(map[plan.Ref]int, n)
	for i := range p.Changes {
		index[p.Changes[i].Ref] = i
	}

	for i := range p.Changes {
		c := &p.Changes[i]
		r.steps[i] = Step{Change: c, Outcome: NotAttempted}
		for _, need := range c.Needs {
			if j, ok := index[need]; ok {
				r.dependants[j] = append(r.dependants[j], i)
				r.waits[i]++
			}
		}
		if r.waits[i] == 0 {
			r.queue.add(i)
		}
	}
	return r
}

// next waits for a change that may be written and takes it. It returns false when no
// more changes are to be written.
func (r *run) next(ctx context.Context) (int, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()

	for {
		if ctx.Err() != nil && r.stopped == "" {
			r.stopped = stopReason(ctx)
		}
		if r.stopped != "" {
			return 0, false
		}

		if i, ok := r.queue.take(); ok {
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

// finish records the step of a change and decides what it means for the others.
func (r *run) finish(i int, s Step) {
	r.mu.Lock()
	defer r.mu.Unlock()

	r.inFlight--
	r.queue.ended(i)
	r.record(i, s)
	switch {
	case s.Outcome == Done:
		r.failures = 0
		r.remember(false)
		r.unblock(i)
	case s.Outcome == Failed && s.Err != nil:
		r.afterFailure(i, s)
	}
	r.changed.Broadcast()
}

// unblock makes those changes ready that waited only for this one.
func (r *run) unblock(i int) {
	for _, d := range r.dependants[i] {
		if r.waits[d]--; r.waits[d] == 0 && r.steps[d].Outcome == NotAttempted {
			r.queue.add(d)
		}
	}
}

// afterFailure decides what a failure stops.
func (r *run) afterFailure(i int, s Step) {
	var bug *crash.Error
	var conflict conflictError
	var ineffective ineffectiveError
	switch {
	case errors.As(s.Err, &bug):
		r.stopped = "stopped by a bug in tlsync"
	case errors.As(s.Err, &conflict):
		// Someone else changed this object; the API is well.
	case errors.As(s.Err, &ineffective):
		// The API takes writes, but needs time.
	case denied(s.Err):
		if l, closed := r.queue.denied(i); closed {
			r.withhold(l)
		}
	case refused(s.Err):
		// Only this object is refused. If Cloudflare never accepts it, it must not stop
		// the others in this run and in every later one.
	default:
		r.countFailure()
	}
}

// countFailure stops the run after too many failures; see breakerRun.
func (r *run) countFailure() {
	r.failures++
	failed := r.remember(true)
	switch {
	case r.stopped != "":
	case r.failures == breakerRun:
		r.stopped = fmt.Sprintf("%d changes failed in a row", breakerRun)
	case len(r.recent) == breakerSpan && failed > breakerShare:
		r.stopped = fmt.Sprintf("%d of the last %d changes failed", failed, breakerSpan)
	}
}

// answered notes that the API took a write or judged its content, and not the
// credentials.
func (r *run) answered(i int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queue.answered(i)
	r.changed.Broadcast()
}

// withhold gives up the changes of a lane that have not started. What needs them is
// skipped.
func (r *run) withhold(l *lane) {
	var rest []int
	for _, i := range l.all {
		if !r.started[i] && r.steps[i].Outcome == NotAttempted {
			r.steps[i].Reason = l.why()
			rest = append(rest, i)
		}
	}
	l.withheld = len(rest)
	for _, i := range rest {
		r.skipDependants(i)
	}
}

// remember notes whether a change failed, and returns how many of the last breakerSpan
// changes did.
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

// record stores and reports the step of a change. If it failed, everything that needs
// it is skipped.
func (r *run) record(i int, s Step) {
	r.steps[i] = s
	if r.options.Report != nil {
		r.options.Report(s)
	}
	if s.Outcome == Failed {
		r.skipDependants(i)
	}
}

// skip stores and reports that a change is skipped.
func (r *run) skip(i int, reason string) {
	s := &r.steps[i]
	s.Outcome, s.Reason = Skipped, reason
	if r.options.Report != nil {
		r.options.Report(*s)
	}
}

// skipDependants skips every change that needs this one, which failed or was skipped,
// directly or through others.
func (r *run) skipDependants(i int) {
	s := r.steps[i]
	verb := "failed"
	switch s.Outcome {
	case Skipped:
		verb = "was skipped"
	case NotAttempted:
		verb = "was not attempted"
	case Done, Failed:
	}

	for todo := slices.Clone(r.dependants[i]); len(todo) > 0; {
		d := todo[0]
		todo = todo[1:]
		if r.steps[d].Outcome == NotAttempted && r.steps[d].Reason == "" {
			r.skip(d, "it needs "+s.Change.String()+", which "+verb)
			todo = append(todo, r.dependants[d]...)
		}
	}
}

// stop ends the run for the given reason, unless it has ended already.
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

	res := &Result{Plan: r.plan, Steps: r.steps, Tally: Tally{Planned: len(r.steps)}, Denied: r.queue.denials()}
	for i := range r.steps {
		switch s := &r.steps[i]; s.Outcome {
		case Done:
			res.Tally.Done++
		case Failed:
			res.Tally.Failed++
		case Skipped:
			res.Tally.Skipped++
		case NotAttempted:
			res.Tally.NotAttempted++
			if s.Reason == "" {
				s.Reason, res.Stopped = r.stopped, r.stopped
			}
		}
	}
	return res
}
