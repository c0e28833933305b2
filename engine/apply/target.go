package apply

import (
	"context"
	"time"

	"tlsync/engine/plan"
)

// Target is where changes go: in practice the Cloudflare API.
//
// An error may say more about itself by having some of these methods:
// OutcomeUnknown() bool (the write may or may not have been done: it must be
// settled by reading), Denied() bool (the credentials do not suffice: every
// further write would fail too), Refused() bool (a no to this one request,
// which says nothing about others), Busy() bool (a no for now, to be tried again
// from a new reading) and Old() bool (it was not sent, since the reading had become
// too old; to be made anew). A no of unknown outcome is settled by reading
// too, and not sent again.
type Target interface {
	// Read is the present state of what the change writes, from a reading no
	// older than maxAge; zero means a new one. The object says when that was.
	Read(ctx context.Context, c *plan.Change, maxAge time.Duration) (plan.Object, error)
	// Write sends the request, once, and returns the object as the answer shows
	// it, without values where it shows none. A request whose turn comes after its
	// time is not sent: the error is Old, and may come as soon as that is certain.
	// The context ends the wait for a turn at once; a request that is under way by
	// then goes on for Grace, so that an interrupt does not make its outcome
	// unknown.
	Write(ctx context.Context, c *plan.Change, req plan.Request) (plan.Object, error)
}

// A Batcher is a Target that reads many objects at once.
type Batcher interface {
	// Batch names what is read together with the object of a change; empty if it
	// is read alone.
	Batch(c *plan.Change) string
}
