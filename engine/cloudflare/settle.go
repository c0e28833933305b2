package cloudflare

import (
	"context"
	"errors"
	"net/http"
	"time"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// settling are the waits of a write before each further attempt while
// Cloudflare refuses it because an earlier one is still being carried out: a
// minute and a half in total.
var settling = []time.Duration{
	time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 30 * time.Second, 30 * time.Second,
}

// notYet reports whether a refusal will end by itself. The write was surely not
// done, so it may be sent again.
//
//	deletion of a certificate         409, 400     hostnames are still associated with it
//	deletion of an application        409          a policy is still attached
//	the fallback origin               409, 1414    it is being deployed
func notYet(c *plan.Change, req plan.Request, err error) bool {
	var failed *Error
	if !errors.As(err, &failed) || failed.OutcomeUnknown() {
		return false
	}

	conflict := failed.Status == http.StatusConflict
	switch c.Kind {
	case plan.KindMTLSHostname:
		return false // its body was made from a reading: see Error.Busy
	case plan.KindMTLSCertificate:
		return req.Method == http.MethodDelete && (conflict || failed.Status == http.StatusBadRequest && failed.Refused())
	case plan.KindAccessApplication:
		return conflict && req.Method == http.MethodDelete
	case plan.KindZone:
		return c.ObjectID == schema.FallbackOrigin && (conflict || failed.Status == http.StatusBadRequest && failed.has(1414))
	case plan.KindHostname, plan.KindCustomHostname, plan.KindAlert:
	}
	return false
}

// settled sends a write, and again while the refusal is one that ends by
// itself. It returns the last error. A context that is done ends the waiting at
// once; then the write was not done. The waits do not count towards the age of
// the reading: a write that may have to wait is a deletion or a single value,
// and contains nothing from the reading.
func (w *Writer) settled(ctx context.Context, c *plan.Change, req plan.Request, send func(before time.Time) error) error {
	for _, d := range w.pauses {
		err := send(req.Before)
		if err == nil || !notYet(c, req, err) {
			return err
		}

		w.log.Info("an earlier write is still being carried out; waiting", "change", c.Ref, "for", d, "error", err)
		if stopped := wait(ctx, time.Now().Add(d), nil); stopped != nil {
			return &Error{Method: req.Method, Path: req.Path, Detail: "interrupted while waiting to send it again after: " + err.Error(), Err: stopped}
		}

		if !req.Before.IsZero() {
			req.Before = req.Before.Add(d)
		}
	}
	return send(req.Before)
}
