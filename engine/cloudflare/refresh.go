package cloudflare

import (
	"context"
	"net/http"
	"time"

	"github.com/cloudflare/cloudflare-go"

	"tlsync/engine/plan"
)

// Batch identifies what is read together with the object of a change: the page of a
// custom hostname. A caller that writes all of a batch before the next one reads each
// page as seldom as possible.
func (w *Writer) Batch(c *plan.Change) any {
	if c.Kind != plan.KindCustomHostname || c.Action == plan.Create {
		return nil
	}
	e, _ := w.cache.customHostname(c.ObjectID, time.Time{})
	if e.page.size == 0 {
		return nil
	}
	return e.page
}

// Members returns the ids of the custom hostnames of a batch.
func (w *Writer) Members(batch any) []string {
	key, ok := batch.(pageKey)
	if !ok {
		return nil
	}
	return w.cache.members(key)
}

// leastBatch is how many writes one reading of a page has to serve, if so many are left
// and the rate ever lets them through at once: a reading in twenty writes is cheap.
const leastBatch = 20

// Expect chooses how to divide into batches the custom hostnames that are to be written.
func (w *Writer) Expect(changes []plan.Change) {
	ids := map[string][]string{} // by zone
	for i := range changes {
		if c := &changes[i]; c.Kind == plan.KindCustomHostname && c.ObjectID != "" {
			ids[c.ZoneID] = append(ids[c.ZoneID], c.ObjectID)
		}
	}
	for zone, written := range ids {
		w.cache.expect(zone, written, 2*leastBatch) // a batch may come in two parts
	}
}

// Room waits until a page can be read and so many custom hostnames on it written right
// away, or as many as the rate ever lets through at once. A page that was read lately
// need not be read again, and is too old after a wait: those that go through are written.
func (w *Writer) Room(ctx context.Context, c *plan.Change, writes int, maxAge time.Duration) (int, error) {
	cl, err := w.clientOf(c)
	if err != nil {
		return 0, err
	}
	if _, fresh := w.cache.customHostname(c.ObjectID, time.Now().Add(-maxAge)); fresh {
		if n := cl.limit.now(writes); n > 0 {
			return n, nil
		}
	}
	parts := max(1, writes/leastBatch) // of the batch, each with a reading of its own
	n, err := cl.limit.room(ctx, 1+(writes+parts-1)/parts, 1+writes)
	if err != nil {
		return 0, about(&Error{Method: http.MethodGet, Path: plan.TargetPath(c), Err: err}, c)
	}
	return max(1, n-1), nil
}

// readCustomHostname reads a custom hostname from the cache, or with the page that it
// was last seen on. The list is sorted by what writes change, so names move to other
// pages: if too many have, the whole list is cheaper than each of them.
func (w *Writer) readCustomHostname(ctx context.Context, cl *client, c *plan.Change, maxAge time.Duration) (plan.Object, error) {
	if maxAge <= 0 {
		return w.readOne(ctx, cl, c)
	}

	since := time.Now().Add(-maxAge)
	for _, read := range []func(context.Context, *client, *plan.Change, pageKey) error{w.readItsPage, w.readAstray} {
		e, fresh := w.cache.customHostname(c.ObjectID, since)
		switch {
		case fresh:
			return e.object(), nil
		case e.hostname == nil: // in doubt
			return w.readOne(ctx, cl, c)
		}
		if err := read(ctx, cl, c, e.page); err != nil && ctx.Err() != nil {
			return plan.Object{}, err
		}
	}

	if e, fresh := w.cache.customHostname(c.ObjectID, since); fresh {
		return e.object(), nil
	}
	return w.readOne(ctx, cl, c)
}

// readItsPage reads the page that a custom hostname was last seen on, if that is known.
func (w *Writer) readItsPage(ctx context.Context, cl *client, _ *plan.Change, key pageKey) error {
	if key.size == 0 {
		return nil
	}
	return w.cache.shared(ctx, key, func() error { return w.readPage(ctx, cl, key) })
}

// readAstray reads the whole list if too many names are not where they were.
func (w *Writer) readAstray(ctx context.Context, cl *client, c *plan.Change, _ pageKey) error {
	if !w.cache.astray(c.ZoneID) {
		return nil
	}
	return w.cache.shared(ctx, c.ZoneID, func() error {
		_, err := w.readCustomHostnames(ctx, cl, &plan.Zone{ID: c.ZoneID, Name: c.Zone}, nil)
		return err
	})
}

// readPage reads a page of the list again. The hostname it is read for may have
// moved to another page.
func (w *Writer) readPage(ctx context.Context, cl *client, key pageKey) error {
	start := time.Now()
	var items []plan.Hostname
	err := cl.read(ctx, pagePath(plan.CustomHostnamesPath(key.zone), key.page, key.size), func(result []byte, _ *cloudflare.ResultInfo) (err error) {
		items, err = decodeCustomHostnames(result)
		return err
	})
	if err == nil {
		w.cache.putPage(key, items, start)
	}
	return err
}
