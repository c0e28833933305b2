package apply

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"tlsync/engine/crash"
	"tlsync/engine/plan"
	"tlsync/schema"
)

// transit is the part of a reading's greatest age that is reserved for the way of the
// write to the API.
const transit = 500 * time.Millisecond

// maxAge returns the greatest age that the reading of a change's object may have when
// its write is sent.
func maxAge(c *plan.Change) time.Duration {
	if c.Kind == plan.KindZone || c.Kind == plan.KindHostname {
		return MaxValueAge - transit
	}
	return MaxAge - transit
}

// guarded calls step and turns a panic into a failure that ends the run, so that every
// change is still accounted for. The step counts as written, because the request may
// have been sent before the panic.
func (r *run) guarded(ctx, writes context.Context, i int) (s Step) {
	defer func() {
		if bug := crash.Recovered(recover()); bug != nil {
			s = Step{Change: &r.plan.Changes[i], Wrote: true}.failed(bug)
		}
	}()
	return r.step(ctx, writes, i)
}

// step carries out one change: read the object, compare it with the plan, write,
// compare again. Reading uses ctx, so that an interrupt ends it at once; a write in
// flight uses writes, which outlives ctx by Grace.
func (r *run) step(ctx, writes context.Context, i int) Step {
	c := &r.plan.Changes[i]
	s := Step{Change: c, Outcome: Failed}

	// Do not start beside a write that runs alone.
	select {
	case r.alone <- struct{}{}:
		<-r.alone
	case <-ctx.Done():
		return notAttempted(c, context.Cause(ctx))
	}

	object, err := r.read(ctx, i)
	if err != nil {
		if ctx.Err() != nil {
			return notAttempted(c, err)
		}
		return s.failed(fmt.Errorf("read before writing: %w", err))
	}

	switch standing, e, found := plan.Stand(c, object); standing {
	case plan.AtTarget:
		if object.Pending != "" {
			return r.verify(ctx, writes, s, object) // dependants wait until it is active
		}
		return s.done("already up to date")
	case plan.Moved:
		return s.failed(conflict(e, found))
	}
	return r.write(ctx, writes, i, object)
}

// read reads the object of a change before its first write. If it begins a batch, it
// first waits until the rate lets the whole batch through, so that one reading serves
// all of it.
func (r *run) read(ctx context.Context, i int) (plan.Object, error) {
	c := &r.plan.Changes[i]
	r.mu.Lock()
	further, leads := r.queue.leads(i)
	r.mu.Unlock()
	if !leads {
		age := maxAge(c)
		if r.batch(c) == nil {
			age -= age / 4 // the write may have to wait for its turn
		}
		return r.target.Read(ctx, c, age)
	}

	fit, err := r.queue.batcher.Room(ctx, c, 1+further, maxAge(c))
	if err != nil {
		return plan.Object{}, err
	}
	object, err := r.target.Read(ctx, c, maxAge(c))

	r.mu.Lock()
	defer r.mu.Unlock()
	r.queue.read(i, fit-1)
	r.changed.Broadcast()
	return object, err
}

// batch returns the batch in which the target reads the object of a change, nil if it
// reads the object alone.
func (r *run) batch(c *plan.Change) any {
	if b := r.queue.batcher; b != nil {
		return b.Batch(c)
	}
	return nil
}

// notAttempted returns the step of a change whose write was never sent, because the
// run ended first.
func notAttempted(c *plan.Change, err error) Step {
	return Step{Change: c, Outcome: NotAttempted, Err: err}
}

func (s Step) done(reason string) Step {
	s.Outcome, s.Reason = Done, reason
	return s
}

func (s Step) failed(err error) Step {
	s.Outcome, s.Err, s.Reason = Failed, err, strings.TrimSuffix(err.Error(), ".")
	return s
}

// pause waits for d. It returns false at once when ctx ends first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// conflictError reports that someone else changed the object that was to be written.
type conflictError string

func (e conflictError) Error() string { return string(e) }

func conflict(e *plan.Edit, found schema.Value) error {
	return conflictError(fmt.Sprintf("changed since the plan was made: %s is %s, the plan expects %s; plan again",
		e.Setting, found.Show(), e.From.Show()))
}

// ineffectiveError reports that the API accepted a write and the object does not show
// it yet.
type ineffectiveError string

func (e ineffectiveError) Error() string { return string(e) }

// The functions below ask an error of a Target about itself; see Target.

func unknown(err error) bool {
	var u interface{ OutcomeUnknown() bool }
	return errors.As(err, &u) && u.OutcomeUnknown()
}

func refused(err error) bool {
	var r interface{ Refused() bool }
	return errors.As(err, &r) && r.Refused()
}

func denied(err error) bool {
	var d interface{ Denied() bool }
	return errors.As(err, &d) && d.Denied()
}

func tooOld(err error) bool {
	var o interface{ Old() bool }
	return errors.As(err, &o) && o.Old()
}

func busy(err error) bool {
	var b interface{ Busy() bool }
	return errors.As(err, &b) && b.Busy()
}
