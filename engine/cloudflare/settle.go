package cloudflare

import (
	"context"
	"errors"
	"net/http"
	"time"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// settling is how long a write waits before each further attempt while Cloudflare
// refuses it because an earlier one is still being carried out: a minute and a
// half in all.
var settling = []time.Duration{
	time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 30 * time.Second, 30 * time.Second,
}

// notYet reports whether a refusal is about something that settles by itself. It
// is a definite no, so the write may be sent again.
//
//	a certificate to be deleted       409, 400     names are still associated with it
//	an application to be deleted      409          a policy is still attached
//	the fallback origin               409, 1414    it is being deployed
func notYet(c *plan.Change, req plan.Request, err error) bool {
	var failed *Error
	if !errors.As(err, &failed) || failed.OutcomeUnknown() {
		return false
	}
	conflict := failed.Status == http.StatusConflict
	switch c.Kind {
	case plan.KindMTLSHostname:
		return false // its body was made from a reading: Busy
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

// settled sends a write, and again as long as it is refused for something that
// settles. The last error is returned. A context that is done ends the waiting at
// once; the write was not done then. The pauses do not count to the age of the
// reading: what may have to wait is a deletion or a single value, and takes nothing
// over from what was read.
func (w *Writer) settled(ctx context.Context, c *plan.Change, req plan.Request, send func(before time.Time) error) error {
	for _, d := range w.pauses {
		err := send(req.Before)
		if err == nil || !notYet(c, req, err) {
			return err
		}
		w.log.Info("refused for now; waiting", "change", c.Ref, "for", d, "error", err)
		if stopped := wait(ctx, time.Now().Add(d), nil); stopped != nil {
			return &Error{Method: req.Method, Path: req.Path, Detail: "given up while waiting to send it again, since " + err.Error(), Err: stopped}
		}
		if !req.Before.IsZero() {
			req.Before = req.Before.Add(d)
		}
	}
	return send(req.Before)
}
