package cloudflare

import (
	"context"
	"errors"
	"net/http"
	"sync"
)

// batch remembers during a run whether the API still answers the request for all
// settings of a zone at once. Cloudflare ends it on 2027-03-31 and says why: such
// requests were slow and failed (developers.cloudflare.com/fundamentals/api/reference/deprecations).
//
// All credentials share it, since an endpoint is gone for all of them.
type batch struct {
	mu     sync.Mutex
	works  bool
	gone   bool
	failed int           // zones in a row without an answer that can be used
	trial  chan struct{} // closed when the request that the others wait for has ended
}

// maxBatchFailures is how many zones in a row may fail before the others do without
// the request: one may be the trouble of one zone.
const maxBatchFailures = 2

// begin reports whether to send the request; then end must follow. Until one was
// answered, the other zones wait for it: they are read at once, and each would pay
// for the refusal.
func (b *batch) begin(ctx context.Context) (bool, error) {
	for {
		ask, other := b.turn()
		if other == nil {
			return ask, nil
		}
		select {
		case <-other:
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
	}
}

// turn returns the trial to wait for, or else whether to send the request.
func (b *batch) turn() (ask bool, other chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.gone:
		return false, nil
	case b.works:
		return true, nil
	case b.trial == nil:
		b.trial = make(chan struct{})
		return true, nil
	}
	return false, b.trial
}

// end takes note of how a request ended.
func (b *batch) end(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case err == nil:
		b.works, b.failed = true, 0
	case withdrawn(err):
		b.gone = true
	case oneByOne(err):
		b.failed++
		b.gone = b.gone || b.failed >= maxBatchFailures
	}
	if b.trial != nil {
		close(b.trial)
		b.trial = nil
	}
}

// isGone reports whether the request is no longer sent.
func (b *batch) isGone() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.gone
}

// withdrawn reports whether an error says for all zones that an endpoint no longer
// exists. A 400 or a 404 may be about the zone.
func withdrawn(err error) bool {
	var failed *Error
	return errors.As(err, &failed) && (failed.Status == http.StatusGone || failed.Status == http.StatusMethodNotAllowed)
}

// oneByOne reports whether settings may be readable one by one where they could not
// be read together.
func oneByOne(err error) bool {
	var failed *Error
	return errors.As(err, &failed) && (retired(failed.Status) || troubled(err))
}

// troubled reports whether a server failed, or took too long, at every attempt.
func troubled(err error) bool {
	var failed *Error
	return errors.As(err, &failed) && (failed.heavy || failed.Status >= 500 || failed.Status == http.StatusRequestTimeout)
}

// isSettled reports whether it is known if the request can be sent.
func (b *batch) isSettled() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.works || b.gone
}
