package apply

import (
	"context"
	"time"

	"tlsync/engine/plan"
)

// Target is where changes are written: in practice the Cloudflare API.
//
// An error may say more about itself by having some of these methods:
//
//   - OutcomeUnknown() bool: the write may or may not have been done; reading decides.
//   - Denied() bool: the credentials do not seem to allow it; see Granter.
//   - Refused() bool: the API refuses this request, which says nothing about others. If
//     the outcome is unknown too, reading decides, and the write is not repeated.
//   - Busy() bool: the API refuses it for now; repeat it later, from a new reading.
//   - Old() bool: it was not sent, because the reading grew too old; repeat it from a
//     new reading.
type Target interface {
	// Read returns the current state of the object that the change writes, from a
	// reading no older than maxAge; zero means a new one. Object.At is its time.
	Read(ctx context.Context, c *plan.Change, maxAge time.Duration) (plan.Object, error)
	// Write sends the request once and returns the object as the answer shows it,
	// without the values that the answer does not show. It may wait for the rate limit
	// first, but does not send the request after req.Before: the error is Old, and may
	// come as soon as that is certain. When ctx ends, the wait ends at once; a request
	// in flight continues for Grace, so that an interrupt does not leave its outcome
	// unknown.
	Write(ctx context.Context, c *plan.Change, req plan.Request) (plan.Object, error)
}

// A Batcher is a Target that reads many objects at once.
type Batcher interface {
	// Expect tells which changes are to be written, before the first one is.
	Expect(changes []plan.Change)
	// Batch returns the batch in which the object of a change is read. It can be
	// compared, and is nil if the object is read alone.
	Batch(c *plan.Change) any
	// Members returns the ids of the objects that were in a batch when it was last
	// read.
	Members(batch any) []string
	// Room waits until a batch could be read and so many of its objects written, the
	// object of the change among them, without a wait for the rate limit in between.
	// It returns the number of writes, or fewer if the rate never lets so many through
	// at once. With a reading no older than maxAge it does not wait for more than one.
	Room(ctx context.Context, c *plan.Change, writes int, maxAge time.Duration) (int, error)
}

// A Granter is a Target that knows what each write takes to be allowed.
type Granter interface {
	// Grant returns what the write of a change takes.
	Grant(c *plan.Change) plan.Grant
}
