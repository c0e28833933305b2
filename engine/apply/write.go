package apply

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tlsync/engine/plan"
)

// maxStale is how often a write is repeated from a new reading because the last
// reading grew too old before the rate limit let the write through. These
// repeated writes run alone, and no other change starts meanwhile: otherwise the
// readings could use up the whole rate.
const maxStale = 5

// errStale reports a write whose readings all grew too old in the queue.
var errStale = errors.New("the rate limit let no write through soon enough after the reading of the object, several times in a row: raise the rate, or stop other clients that use it up")

// busyPauses are the pauses before a write is repeated that the API was too busy to
// take: about a minute and a half in all.
var busyPauses = []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 30 * time.Second, 30 * time.Second}

// attempt is the state of writing one change.
type attempt struct {
	run    *run
	change *plan.Change
	object plan.Object // as last read
	unsure bool        // a write got no usable answer, and the object was read unchanged after it
	waited int         // pauses made because the API was busy
	stale  int         // readings that grew too old before the write was sent
	alone  bool        // it holds run.alone
}

// write sends a change to an object that was read as planned.
//
// A write without a usable answer is not simply repeated, which could do harm: even an
// equal PATCH restarts the validation of a pending hostname. The object is read
// instead, and the write sent once more only if the object is unchanged. A write that
// was surely not processed is repeated too, but also from a new reading.
func (r *run) write(ctx, writes context.Context, i int, object plan.Object) Step {
	c := &r.plan.Changes[i]
	a := &attempt{run: r, change: c, object: object}
	defer a.letOthersStart()

	for {
		if why := plan.Unwritable(c, a.object); why != "" {
			return a.unwritten().failed(conflictError(why))
		}

		answer, err := a.send(ctx)
		if err == nil || refused(err) {
			r.answered(i)
		}
		var s Step
		var ended bool
		switch {
		case err == nil:
			return r.verify(ctx, writes, a.written(), answer)
		case unknown(err):
			s, ended = a.settle(ctx, writes, err)
		default:
			s, ended = a.prepare(ctx, err)
		}
		if ended {
			return s
		}
	}
}

// unwritten returns a step whose last write did not reach Cloudflare.
func (a *attempt) unwritten() Step { return Step{Change: a.change, Outcome: Failed} }

// written returns a step whose last write reached Cloudflare, or may have.
func (a *attempt) written() Step { return Step{Change: a.change, Outcome: Failed, Wrote: true} }

// send sends the write once, over the last reading.
func (a *attempt) send(ctx context.Context) (plan.Object, error) {
	req := plan.NewRequest(a.change, a.object)
	req.Before = a.object.At.Add(maxAge(a.change))

	answer, err := a.run.target.Write(ctx, a.change, req)
	if !tooOld(err) {
		a.letOthersStart()
	}
	return answer, err
}

// prepare reads the object again after a write that was surely not processed: its turn
// came too late, or the API was too busy. It returns true and the final step where the
// write is not to be repeated.
func (a *attempt) prepare(ctx context.Context, err error) (Step, bool) {
	late := tooOld(err)
	if ctx.Err() != nil && (late || errors.Is(err, context.Cause(ctx))) {
		return notAttempted(a.change, err), true // the run ended while the write was queueing
	}

	var age time.Duration
	switch {
	case late && a.stale == maxStale:
		return a.unwritten().failed(errStale), true
	case late:
		if a.run.batch(a.change) != nil {
			age = maxAge(a.change) // a reading made for its neighbours will do
		}
		a.stale++
		if !a.runAlone(ctx) {
			return notAttempted(a.change, err), true
		}
	case !a.waitWhileBusy(ctx, err):
		return a.unwritten().failed(err), true
	}

	object, unread := a.run.target.Read(ctx, a.change, age)
	switch {
	case unread != nil && late && ctx.Err() != nil:
		return notAttempted(a.change, unread), true
	case unread != nil:
		return a.unwritten().failed(fmt.Errorf("%w; reading it again: %w", err, unread)), true
	}

	a.object = object
	switch standing, e, found := plan.Stand(a.change, object); standing {
	case plan.AtTarget:
		return a.unwritten().done("someone else already made this change"), true
	case plan.Moved:
		return a.unwritten().failed(conflict(e, found)), true
	}
	return Step{}, false
}

// runAlone waits until no other write runs alone, and then keeps other changes from
// starting until letOthersStart. It returns false when ctx ends first.
func (a *attempt) runAlone(ctx context.Context) bool {
	if a.alone {
		return true
	}
	select {
	case a.run.alone <- struct{}{}:
		a.alone = true
		return true
	case <-ctx.Done():
		return false
	}
}

// letOthersStart ends what runAlone began, if it did.
func (a *attempt) letOthersStart() {
	if a.alone {
		a.alone = false
		<-a.run.alone
	}
}

// waitWhileBusy pauses before a write that the API was too busy to take is repeated. It
// returns false where the write is not to be repeated: err says something else, all
// pauses are used up, or ctx ended.
func (a *attempt) waitWhileBusy(ctx context.Context, err error) bool {
	if a.waited == len(busyPauses) || !busy(err) || !pause(ctx, a.run.busyPause(a.waited)) {
		return false
	}
	a.waited++
	return true
}

// busyPause returns the pause after n others. It is never longer than the longest of
// Options.Pauses, if that is below a second, as it is in tests.
func (r *run) busyPause(n int) time.Duration {
	if p := r.options.Pauses; len(p) > 0 && p[len(p)-1] < time.Second {
		return p[len(p)-1]
	}
	return busyPauses[n]
}

// settle finds out by reading the object whether a write without a usable answer took
// effect. It returns true and the final step, or false where the object is unchanged
// and the write is to be sent once more.
func (a *attempt) settle(ctx, writes context.Context, err error) (Step, bool) {
	s := a.written()
	object, unread := a.run.target.Read(writes, a.change, 0)
	if unread != nil {
		return s.failed(fmt.Errorf("outcome unknown; run the same command again: %w; reading it back: %w", err, unread)), true
	}

	switch standing, e, found := plan.Stand(a.change, object); {
	case standing == plan.AtTarget && object.Pending != "":
		return a.run.verify(ctx, writes, s, object), true
	case standing == plan.AtTarget && refused(err):
		return s.done("the API refused the change, but it is in effect"), true
	case standing == plan.AtTarget:
		return s.done("the answer was lost, but the change is in effect"), true
	case standing == plan.Moved:
		return s.failed(conflict(e, found)), true
	case refused(err):
		return a.unwritten().failed(err), true
	case a.unsure:
		return s.failed(fmt.Errorf("outcome unknown; run the same command again: sent twice without a usable answer, and the object is unchanged: %w", err)), true
	case ctx.Err() != nil:
		// The server may still be working on it, and a stopped run does not wait.
		return s.failed(fmt.Errorf("outcome unknown; run the same command again: the write was in flight when the run stopped, and the object was still unchanged: %w", err)), true
	}

	a.object, a.unsure = object, true
	return Step{}, false
}
