package cloudflare

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/cloudflare/cloudflare-go"

	"tlsync/engine/plan"
)

// Writer is a Reader that can carry out changes. What is read through it is
// remembered, so that many changes can be checked with few requests.
type Writer struct {
	*Reader
	sends map[*client]sendFunc
}

// NewWriter makes a Writer. It sends nothing yet.
func NewWriter(o Options) (*Writer, error) {
	r, sends, err := connect(o, true)
	if err != nil {
		return nil, err
	}
	r.cache = newCache()
	return &Writer{r, sends}, nil
}

// Read is the present state of what a change writes, from a reading no older
// than maxAge; zero means a new one. A custom hostname is read together with
// the whole page of the list on which it stood: that is one request for a
// thousand names, which the next changes will find fresh.
func (w *Writer) Read(ctx context.Context, c *plan.Change, maxAge time.Duration) (plan.Object, error) {
	cl, err := w.clientOf(c)
	if err != nil {
		return plan.Object{}, err
	}
	var o plan.Object
	if c.Kind == plan.KindZone {
		o, err = w.readZoneSetting(ctx, cl, c, maxAge)
	} else {
		o, err = w.readHostname(ctx, cl, c, maxAge)
	}
	return o, onZone(err, c.Zone)
}

// Write sends a request, once, and returns the object as the answer shows it,
// without values where it shows none: the write was accepted, and what it did has
// to be read. An error with OutcomeUnknown leaves open whether it was done.
func (w *Writer) Write(ctx context.Context, c *plan.Change, req plan.Request) (plan.Object, error) {
	cl, err := w.clientOf(c)
	if err != nil {
		return plan.Object{}, err
	}
	if err := checkRequest(c, req); err != nil {
		return plan.Object{}, err
	}
	answer, err := w.sends[cl](ctx, req.Method, req.Path, []byte(req.Body))
	w.drop(c)
	if err != nil {
		return plan.Object{}, onZone(err, c.Zone)
	}
	o, err := w.accept(c, answer.Result)
	if err != nil {
		return plan.Object{}, &Error{
			Method: req.Method, Path: req.Path, Zone: c.Zone,
			Detail: "unexpected answer: " + clean(err.Error(), cl.hide), unknown: true,
		}
	}
	return o, nil
}

// checkRequest refuses a request that is not about the object of its change.
func checkRequest(c *plan.Change, req plan.Request) error {
	switch {
	case req.Method == "" || req.Method == http.MethodGet:
		return fmt.Errorf("%s: %q is no method to write with", c.ID, req.Method)
	case !strings.HasPrefix(req.Path, zonePath(c.ZoneID)+"/"), strings.Contains(req.Path, "/../"):
		return fmt.Errorf("%s: path %s is not below %s", c.ID, req.Path, zonePath(c.ZoneID))
	case req.Body != "" && !json.Valid([]byte(req.Body)):
		return fmt.Errorf("%s: the body is not JSON", c.ID)
	}
	return nil
}

// clientOf are the credentials for the zone of a change.
func (w *Writer) clientOf(c *plan.Change) (*client, error) {
	switch {
	case !validID(c.ZoneID):
		return nil, fmt.Errorf("%s: %q is no zone id", c.ID, c.ZoneID)
	case c.Kind == plan.KindZone && (c.ObjectID == "" || strings.Trim(c.ObjectID, "abcdefghijklmnopqrstuvwxyz0123456789_") != ""):
		return nil, fmt.Errorf("%s: %q is no setting", c.ID, c.ObjectID)
	case c.Kind == plan.KindCustomHostname && !validID(c.ObjectID):
		return nil, fmt.Errorf("%s: %q is no id of a custom hostname", c.ID, c.ObjectID)
	case c.Kind != plan.KindZone && c.Kind != plan.KindCustomHostname:
		return nil, fmt.Errorf("%s: changes of kind %q cannot be made", c.ID, c.Kind)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if cl := w.owner[c.ZoneID]; cl != nil {
		return cl, nil
	}
	// The zone was not read by this Writer. With one credential there is no
	// choice; with several a guess could write with the wrong one.
	if len(w.clients) == 1 {
		return w.clients[0], nil
	}
	return nil, fmt.Errorf("%s: the zone was not read, so it is not known which credentials are for it", c.ID)
}

// accept takes the answer to a successful write over. It need not show the
// object: a server may take a write now and carry it out later. That is no reason
// to doubt the write, and still less to repeat it. Only an answer about something
// else is an error.
func (w *Writer) accept(c *plan.Change, result []byte) (plan.Object, error) {
	if c.Kind == plan.KindZone {
		s, err := decodeSetting(result, c.ObjectID)
		switch {
		case err != nil && s.ID != "" && s.ID != c.ObjectID:
			return plan.Object{}, err
		case err != nil:
			return plan.Object{}, nil
		}
		if c.ObjectID != tls13 && c.ObjectID != earlyData {
			kept := s
			w.cache.wroteSetting(settingKey{c.ZoneID, c.ObjectID}, &kept, time.Now())
		}
		return plan.Object{Setting: &s}, nil
	}
	d := newHostnameDecoder(result)
	h, err := d.hostname()
	switch {
	case h.ID != "" && h.ID != c.ObjectID:
		return plan.Object{}, fmt.Errorf("it is about custom hostname %s, not %s", h.ID, c.ObjectID)
	case err != nil, !d.shown:
		// Settings that are not shown must not pass for settings that are not
		// set.
		return plan.Object{}, nil
	}
	// The next write goes over this state. One that lacks a part would lose it.
	if h.Type != "" && h.Method != "" {
		w.cache.wroteHostname(h.ID, &h, time.Now())
	}
	return object(&h), nil
}

// object is a custom hostname for a caller, who gets a copy of what is kept.
func object(h *plan.Hostname) plan.Object {
	own := *h
	return plan.Object{Hostname: &own}
}

// drop forgets what is known of the object of a change.
func (w *Writer) drop(c *plan.Change) {
	now := time.Now()
	if c.Kind != plan.KindZone {
		w.cache.wroteHostname(c.ObjectID, nil, now)
		return
	}
	w.cache.wroteSetting(settingKey{c.ZoneID, c.ObjectID}, nil, now)
	if c.ObjectID == tls13 || c.ObjectID == earlyData {
		w.cache.wroteSetting(settingKey{c.ZoneID, tls13}, nil, now)
		w.cache.wroteSetting(settingKey{c.ZoneID, earlyData}, nil, now)
	}
}

func (w *Writer) readZoneSetting(ctx context.Context, cl *client, c *plan.Change, maxAge time.Duration) (plan.Object, error) {
	start := time.Now()
	if s, ok := w.cache.setting(c.ZoneID, c.ObjectID, start.Add(-maxAge)); ok && maxAge > 0 {
		return plan.Object{Setting: &s}, nil
	}
	s, err := readSetting(ctx, cl, c.ZoneID, c.ObjectID)
	if err != nil {
		return plan.Object{}, err
	}
	all := map[string]plan.Setting{s.ID: s}
	if s.ID == tls13 {
		early, err := readSetting(ctx, cl, c.ZoneID, earlyData)
		var failed *Error
		switch {
		case err == nil:
			all[earlyData] = early
		case errors.As(err, &failed) && retired(failed.Status):
			// A zone that does not know 0rtt has no early data.
		default:
			return plan.Object{}, err
		}
	}
	mergeEarlyData(all)
	s = all[c.ObjectID]
	w.cache.putSettings(c.ZoneID, []plan.Setting{s}, start)
	return plan.Object{Setting: &s}, nil
}

func (w *Writer) readHostname(ctx context.Context, cl *client, c *plan.Change, maxAge time.Duration) (plan.Object, error) {
	if maxAge <= 0 {
		return w.readOne(ctx, cl, c)
	}
	since := time.Now().Add(-maxAge)
	e, fresh := w.cache.hostname(c.ObjectID, since)
	switch {
	case fresh:
		return object(e.hostname), nil
	case e.hostname == nil || e.page.size == 0:
		// One name in doubt, or one that never was on a page.
		return w.readOne(ctx, cl, c)
	}
	// Of those that wait for the same page, one reads it.
	if busy, mine := w.cache.claim(e.page); mine {
		err := func() error {
			defer w.cache.release(e.page) // whatever happens: others wait for it
			return w.readPage(ctx, cl, e.page)
		}()
		if err != nil && ctx.Err() != nil {
			return plan.Object{}, err
		}
	} else {
		select {
		case <-busy:
		case <-ctx.Done():
			return plan.Object{}, context.Cause(ctx)
		}
	}
	if e, fresh = w.cache.hostname(c.ObjectID, since); fresh {
		return object(e.hostname), nil
	}
	return w.readOne(ctx, cl, c)
}

// readPage reads a page of the list again. The name it is read for may have
// moved to another one meanwhile.
func (w *Writer) readPage(ctx context.Context, cl *client, key pageKey) error {
	start := time.Now()
	var items []plan.Hostname
	err := cl.read(ctx, pagePath(zonePath(key.zone)+"/custom_hostnames", key.page, key.size), func(result []byte, _ *cloudflare.ResultInfo) (err error) {
		items, err = decodeHostnames(result)
		return err
	})
	if err == nil {
		w.cache.putPage(key, items, start)
	}
	return err
}

// readOne reads one custom hostname by its id.
func (w *Writer) readOne(ctx context.Context, cl *client, c *plan.Change) (plan.Object, error) {
	start := time.Now()
	var h plan.Hostname
	err := cl.read(ctx, hostnamePath(c.ZoneID, c.ObjectID), func(result []byte, _ *cloudflare.ResultInfo) (err error) {
		h, err = decodeHostname(result)
		if err == nil && h.ID != c.ObjectID {
			err = fmt.Errorf("it is about custom hostname %s, not %s", h.ID, c.ObjectID)
		}
		return err
	})
	if err != nil {
		return plan.Object{}, err
	}
	w.cache.putHostname(&h, start)
	return object(&h), nil
}
