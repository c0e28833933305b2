package apply

import (
	"context"
	"fmt"
	"time"

	"tlsync/engine/plan"
)

// pendingLooks is the number of additional readings for an object whose status is
// pending.
const pendingLooks = 8

// verify compares the answer to an accepted write with the change. If they differ it
// reads the object again, several times: a server may carry out a write after it has
// answered. The write is never sent again.
//
// The first reading belongs to the write in flight and uses writes; the pauses and
// further readings end with ctx.
func (r *run) verify(ctx, writes context.Context, s Step, answer plan.Object) Step {
	c := s.Change
	if inEffect(c, answer) {
		return s.done("")
	}

	object, err := r.target.Read(writes, c, 0)
	for i := 0; err == nil && !inEffect(c, object); i++ {
		d, more := r.verifyPause(object, i)
		if !more {
			break
		}
		if pause(ctx, d) {
			object, err = r.target.Read(ctx, c, 0)
		}
		if ctx.Err() != nil && (err != nil || !inEffect(c, object)) {
			return s.failed(ineffectiveError("accepted, but not yet effective when the run stopped"))
		}
	}

	if err != nil {
		return s.failed(fmt.Errorf("accepted, but the answer does not show it, and reading it back failed: %w", err))
	}
	if lacks := lacking(c, object); lacks != nil {
		return s.failed(lacks)
	}
	return s.done("")
}

// lacking returns an error that says why an object does not show a change, nil if it
// does.
func lacking(c *plan.Change, o plan.Object) error {
	unmet := unmetEdit(c, o)
	switch {
	case unmet == nil && o.Pending != "":
		return ineffectiveError("accepted, but not active yet: its status is " + o.Pending + "; run the same command again once it is active")
	case c.Action == plan.Delete && !o.Absent:
		return ineffectiveError("accepted, but it still exists")
	case unmet != nil:
		return ineffectiveError(fmt.Sprintf("accepted, but not effective: %s still reads %s, not %s",
			unmet.Setting, o.Value(unmet.Setting).Show(), unmet.To.Show()))
	}
	return nil
}

// inEffect reports whether an object shows everything a change asks for, and is active.
func inEffect(c *plan.Change, o plan.Object) bool { return lacking(c, o) == nil }

// unmetEdit returns the first edit that an object does not show, nil if it shows all.
func unmetEdit(c *plan.Change, o plan.Object) *plan.Edit {
	for i := range c.Edits {
		if e := &c.Edits[i]; !e.Met(o.Value(e.Setting)) {
			return e
		}
	}
	return nil
}

// verifyPause returns the pause before the next reading, after i others that did not
// show the change, and false if there is to be none. A pending object gets more time.
func (r *run) verifyPause(o plan.Object, i int) (time.Duration, bool) {
	n := len(r.options.Pauses)
	switch {
	case i < n:
		return r.options.Pauses[i], true
	case o.Pending != "" && n > 0 && i < n+pendingLooks:
		return r.options.Pauses[n-1] * 2, true
	}
	return 0, false
}
