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

// forTurn is the part of MaxAge that is left for the wait for a turn where an object
// is read alone: the first reading before its write may be as old as the rest. A write
// whose turn does not come in time is made anew from another reading, at most
// staleRounds times. Such writes go one at a time, and no other change is begun
// meanwhile, or else the readings could use up every turn that there is.
const (
	forTurn     = 15 * time.Second
	staleRounds = 5
)

// guarded turns a panic into a failure that ends the run, so that everything is
// accounted for all the same. The write may have been sent.
func (r *run) guarded(ctx, writes context.Context, c *plan.Change) (s Step) {
	defer func() {
		if bug := crash.Recovered(recover()); bug != nil {
			s = Step{Change: c, Wrote: true}.failed(bug)
		}
	}()
	return r.step(ctx, writes, c)
}

// step writes one change: read, compare, write, compare. The reading listens to
// ctx, so that an interrupt ends it at once; the write to writes.
func (r *run) step(ctx, writes context.Context, c *plan.Change) Step {
	s := Step{Change: c, Outcome: Failed}
	age := MaxAge - forTurn
	if r.batch(c) != "" {
		age = MaxAge
	}
	select {
	case r.late <- struct{}{}:
		<-r.late
	case <-ctx.Done():
		return Step{Change: c, Outcome: NotAttempted, Err: context.Cause(ctx)}
	}
	object, err := r.target.Read(ctx, c, age)
	if err != nil {
		if ctx.Err() != nil {
			return Step{Change: c, Outcome: NotAttempted, Err: err}
		}
		return s.failed(fmt.Errorf("read before writing: %w", err))
	}
	switch standing, e, found := plan.Stand(c, object); standing {
	case plan.AtTarget:
		if object.Pending != "" {
			return r.verify(ctx, writes, s, object) // what needs it has to wait
		}
		s.Outcome, s.Reason = Done, "it was so already"
		return s
	case plan.Moved:
		return s.failed(conflict(e, found))
	}
	return r.write(ctx, writes, s, object)
}

// write sends a change over an object as it was read. Where no usable answer
// comes it reads and decides: repeating the write blindly would not be harmless,
// since even an equal PATCH restarts the validation of a pending hostname. Where
// it reads as before it is sent once more, unless the run is to stop, or the
// answer was a no. What has not been sent by a time, since the API let nobody in or
// the budget was used up, is read again first.
func (r *run) write(ctx, writes context.Context, s Step, object plan.Object) Step {
	c := s.Change
	again, waited, stale, late := false, 0, 0, false
	defer func() {
		if late {
			<-r.late
		}
	}()
	for {
		s.Wrote = false
		if why := plan.Unwritable(c, object); why != "" {
			return s.failed(conflictError(why))
		}
		req := plan.NewRequest(c, object)
		req.Before = object.At.Add(MaxAge)
		answer, err := r.target.Write(ctx, c, req)
		if late && !tooOld(err) {
			late = false
			<-r.late
		}
		if err != nil && !unknown(err) {
			old := tooOld(err)
			if ctx.Err() != nil && (old || errors.Is(err, context.Cause(ctx))) { // given up before it was sent
				return Step{Change: c, Outcome: NotAttempted, Err: err}
			}
			maxAge := time.Duration(0)
			switch {
			case old && stale == staleRounds:
				return s.failed(errStale)
			case old:
				if r.batch(c) != "" {
					maxAge = MaxAge // what is read for its neighbours does as well
				}
				if stale++; !late {
					select {
					case r.late <- struct{}{}:
						late = true
					case <-ctx.Done():
						return Step{Change: c, Outcome: NotAttempted, Err: err}
					}
				}
			case waited == len(busyPauses) || !busy(err) || !pause(ctx, r.busy(waited)):
				return s.failed(err)
			default:
				waited++
			}
			var unread error
			if object, unread = r.target.Read(ctx, c, maxAge); unread != nil {
				if old && ctx.Err() != nil {
					return Step{Change: c, Outcome: NotAttempted, Err: unread}
				}
				return s.failed(fmt.Errorf("%w; reading it again: %w", err, unread))
			}
			switch standing, e, found := plan.Stand(c, object); standing {
			case plan.AtTarget:
				s.Outcome, s.Reason = Done, "somebody else did it meanwhile"
				return s
			case plan.Moved:
				return s.failed(conflict(e, found))
			}
			continue
		}
		s.Wrote = true
		if err == nil {
			return r.verify(ctx, writes, s, answer)
		}
		var unread error
		if object, unread = r.target.Read(writes, c, 0); unread != nil {
			return s.failed(fmt.Errorf("outcome unknown, run apply again to settle it: %w; reading it back: %w", err, unread))
		}
		switch standing, e, found := plan.Stand(c, object); {
		case standing == plan.AtTarget && object.Pending != "":
			return r.verify(ctx, writes, s, object)
		case standing == plan.AtTarget:
			s.Outcome, s.Reason = Done, "the answer was lost, the write was not"
			if refused(err) {
				s.Reason = "the answer said no, and it is so all the same"
			}
			return s
		case standing == plan.Moved:
			return s.failed(conflict(e, found))
		case refused(err):
			s.Wrote = false
			return s.failed(err)
		case again:
			return s.failed(fmt.Errorf("outcome unknown, run apply again to settle it: sent twice without a usable answer, and it still reads as before: %w", err))
		case ctx.Err() != nil:
			// It was sent, and nobody waits for the server to make up its mind.
			return s.failed(fmt.Errorf("outcome unknown, run apply again to settle it: it was under way when the run was stopped, and still read as before: %w", err))
		}
		again = true
	}
}

// errStale is said of a write whose readings all became too old before its turn came.
var errStale = errors.New("its turn did not come within a minute of reading it, time after time: the rate is too low, or somebody else uses it up")

// busyPauses come before a write that was refused for now is made anew: about a
// minute and a half in all.
var busyPauses = []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 30 * time.Second, 30 * time.Second}

// busy is how long to wait, no longer than the run's own pauses where these are
// given.
func (r *run) busy(i int) time.Duration {
	if n := len(r.options.Pauses); n > 0 && r.options.Pauses[n-1] < time.Second {
		return r.options.Pauses[n-1]
	}
	return busyPauses[i]
}

func tooOld(err error) bool {
	var o interface{ Old() bool }
	return errors.As(err, &o) && o.Old()
}

func busy(err error) bool {
	var b interface{ Busy() bool }
	return errors.As(err, &b) && b.Busy()
}

// verify compares the answer to an accepted write with what was asked, and where
// it does not agree, new readings: a server may carry a write out after it has
// answered. The write is never sent again. The first look belongs to what is in
// flight and ends with writes, the pauses and further ones end with ctx.
func (r *run) verify(ctx, writes context.Context, s Step, answer plan.Object) Step {
	c := s.Change
	if shows(c, answer) {
		s.Outcome = Done
		return s
	}
	object, err := r.target.Read(writes, c, 0)
	for i := 0; err == nil && !shows(c, object); i++ {
		d, more := r.patience(object, i)
		if !more {
			break
		}
		if pause(ctx, d) {
			object, err = r.target.Read(ctx, c, 0)
		}
		if ctx.Err() != nil && (err != nil || !shows(c, object)) {
			return s.failed(lateError("accepted, but not yet effective when the run was stopped"))
		}
	}
	if err != nil {
		return s.failed(fmt.Errorf("accepted, but the answer does not show it, and reading it back: %w", err))
	}
	if object.Pending != "" && lacking(c, object) == nil {
		return s.failed(lateError("accepted, but not active yet: its status is " + object.Pending + "; run apply again when it is"))
	}
	if c.Action == plan.Delete && !object.Absent {
		return s.failed(lateError("accepted, but it still exists"))
	}
	if e := lacking(c, object); e != nil {
		return s.failed(lateError(fmt.Sprintf("accepted, but not effective: %s still reads %s, not %s",
			e.Setting, plan.Show(object.Value(e.Setting)), plan.Show(e.To))))
	}
	s.Outcome = Done
	return s
}

// shows reports whether an object is as a change has asked for, and in effect.
func shows(c *plan.Change, o plan.Object) bool {
	return (c.Action != plan.Delete || o.Absent) && lacking(c, o) == nil && o.Pending == ""
}

// patience is how long to wait before the next look at an object, after i looks,
// and whether there is to be one. What says that it is pending is on its way, and
// is given longer.
func (r *run) patience(o plan.Object, i int) (time.Duration, bool) {
	n := len(r.options.Pauses)
	switch {
	case i < n:
		return r.options.Pauses[i], true
	case o.Pending != "" && n > 0 && i < n+pendingLooks:
		return r.options.Pauses[n-1] * 2, true
	}
	return 0, false
}

// pendingLooks is how many more looks an object gets that is pending.
const pendingLooks = 8

// lacking is the first edit that an object does not show, nil if it shows all.
func lacking(c *plan.Change, o plan.Object) *plan.Edit {
	for i := range c.Edits {
		if e := &c.Edits[i]; !e.Met(o.Value(e.Setting)) {
			return e
		}
	}
	return nil
}

// pause waits, and reports whether the context was not done before.
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

func (s Step) failed(err error) Step {
	s.Outcome, s.Err, s.Reason = Failed, err, strings.TrimSuffix(err.Error(), ".")
	return s
}

// conflictError says that somebody else changed what was to be written.
type conflictError string

func (e conflictError) Error() string { return string(e) }

func conflict(e *plan.Edit, found schema.Value) error {
	return conflictError(fmt.Sprintf("changed by somebody else meanwhile: %s is %s, the plan was made on %s; plan again",
		e.Setting, plan.Show(found), plan.Show(e.From)))
}

// lateError says that a write was accepted and does not show.
type lateError string

func (e lateError) Error() string { return string(e) }

func unknown(err error) bool {
	var u interface{ OutcomeUnknown() bool }
	return errors.As(err, &u) && u.OutcomeUnknown()
}

func refused(err error) bool {
	var r interface{ Refused() bool }
	return errors.As(err, &r) && r.Refused()
}
