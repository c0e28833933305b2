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
//   - Denied() bool: the credentials do not allow it, so every further write would fail.
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
	// Batch returns a name that is the same for all changes whose objects are read
	// together, "" if the object is read alone.
	Batch(c *plan.Change) string
}
