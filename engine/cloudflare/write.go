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

// Writer is a Reader that can carry out changes. It remembers what it reads, so
// that it can check many changes with few requests.
type Writer struct {
	*Reader
	sends  map[*client]sendFunc
	keys   map[string]string // private keys, by environment variable
	pauses []time.Duration
}

// NewWriter makes a Writer. It sends nothing yet.
func NewWriter(o Options) (*Writer, error) {
	r, sends, err := connect(o, true)
	if err != nil {
		return nil, err
	}
	r.cache = newCache()
	w := &Writer{Reader: r, sends: sends, keys: o.Keys, pauses: o.Pauses}
	if w.pauses == nil {
		w.pauses = settling
	}
	return w, nil
}

// Read returns the present state of the object that a change writes, from a reading
// no older than maxAge; zero means a new one. It reads a custom hostname together
// with a page of the list, the one that it was last seen on: the next changes find
// their names fresh. It reads a hostname in a zone with the
// list of all that have a value. It always reads objects of accounts, and objects
// that are to be created, anew.
func (w *Writer) Read(ctx context.Context, c *plan.Change, maxAge time.Duration) (plan.Object, error) {
	cl, err := w.clientOf(c)
	if err != nil {
		return plan.Object{}, err
	}
	// While the rate is used up, a reading would be too old before the write.
	err = cl.limit.ready(ctx)
	if c.Issues() && err == nil {
		err = cl.issue.ready(ctx)
	}
	if err != nil {
		return plan.Object{}, about(&Error{Method: http.MethodGet, Path: plan.TargetPath(c), Err: err}, c)
	}

	start := time.Now()
	o, err := w.readTarget(ctx, cl, c, maxAge)
	if c.Kind == plan.KindCustomHostname && c.Action == plan.Delete && (missingObject(err) || err == nil && o.Hostname != nil && going(o.Hostname.Status)) {
		o, err = plan.Object{Absent: true}, nil
	}
	if err == nil && o.At.IsZero() { // it does not come from the cache
		o.At = start
	}
	return o, about(err, c)
}

func (w *Writer) readTarget(ctx context.Context, cl *client, c *plan.Change, maxAge time.Duration) (plan.Object, error) {
	switch {
	case c.Kind.OfAccount():
		return w.readResource(ctx, cl, c)
	case uploads(c):
		return w.readUploaded(ctx, cl, c)
	case c.Kind == plan.KindZone:
		return w.readZoneSetting(ctx, cl, c, maxAge)
	case c.Kind == plan.KindHostname:
		return w.readName(ctx, cl, c, maxAge)
	case c.Action == plan.Create:
		return w.findCustomHostname(ctx, cl, c)
	default:
		return w.readCustomHostname(ctx, cl, c, maxAge)
	}
}

// about adds the zone or the account of a change to an error.
func about(err error, c *plan.Change) error {
	if c.Kind.OfAccount() {
		return onAccount(err, c.Account)
	}
	return onZone(err, c.Zone)
}

// Write sends a request and returns the object as the answer shows it, or
// without values if the answer shows none: the write was accepted, and its
// effect has to be read. Write sends the request once, again if Cloudflare
// refuses it because an earlier write is still being carried out (settle.go),
// and not at all if its turn comes after req.Before. An error with
// OutcomeUnknown leaves open whether the write was done.
func (w *Writer) Write(ctx context.Context, c *plan.Change, req plan.Request) (plan.Object, error) {
	cl, err := w.clientOf(c)
	if err != nil {
		return plan.Object{}, err
	}
	if err := checkRequest(c, req); err != nil {
		return plan.Object{}, err
	}
	body, err := withKey(c, req.Body, w.keys)
	if err != nil {
		return plan.Object{}, err
	}

	var answer cloudflare.RawResponse
	start := time.Now()
	err = w.settled(ctx, c, req, func(before time.Time) (err error) {
		answer, err = w.send(ctx, cl, c, req, body, before)
		return err
	})

	var late *Error
	if errors.As(err, &late) && late.old {
		return plan.Object{}, about(err, c)
	}

	w.drop(c)
	setting := c.Kind == plan.KindZone || c.Kind == plan.KindHostname
	switch deleted := req.Method == http.MethodDelete; {
	case deleted && setting && missingObject(err):
		none := noValue(c.ObjectID)
		return plan.Object{Setting: &none}, nil
	case deleted && !setting && (err == nil || missingObject(err)):
		return plan.Object{Absent: true}, nil
	case err != nil:
		return plan.Object{}, about(err, c)
	}

	o, err := w.accept(c, answer.Result, start)
	if err != nil {
		return plan.Object{}, &Error{
			Method: req.Method, Path: req.Path, Zone: c.Zone, Account: c.Account,
			Detail: "unexpected answer: " + clean(err.Error(), cl.hide), unknown: true,
		}
	}
	return o, nil
}

// send sends a request once. For one that has a certificate issued, it waits for its
// turn among those too.
func (w *Writer) send(ctx context.Context, cl *client, c *plan.Change, req plan.Request, body []byte, before time.Time) (cloudflare.RawResponse, error) {
	if !c.Issues() {
		return w.sends[cl](ctx, req.Method, req.Path, body, before)
	}

	t, err := cl.issue.acquire(ctx, before)
	if err != nil {
		return cloudflare.RawResponse{}, &Error{Method: req.Method, Path: req.Path, Err: err, old: errors.Is(err, errOld)}
	}
	answer, err := w.sends[cl](ctx, req.Method, req.Path, body, before)
	var failed *Error
	if errors.As(err, &failed) && !failed.unknown {
		cl.issue.back(t) // it was not done, and does not count
	} else {
		cl.issue.done(t, http.StatusCreated, nil)
	}
	return answer, err
}

// checkRequest refuses a request that is not about the object of its change.
func checkRequest(c *plan.Change, req plan.Request) error {
	path := plan.TargetPath(c)
	switch {
	case req.Method == "" || req.Method == http.MethodGet:
		return fmt.Errorf("%s: %q is not a method for writes", c.Ref, req.Method)
	case req.Path != path && !belowApplication(c, req.Path):
		return fmt.Errorf("%s: path %s is not %s", c.Ref, req.Path, path)
	case req.Body != "" && !json.Valid([]byte(req.Body)):
		return fmt.Errorf("%s: the body is not JSON", c.Ref)
	}
	return nil
}

// belowApplication reports whether a path is that of a policy of the change's
// application.
func belowApplication(c *plan.Change, path string) bool {
	if c.Kind != plan.KindAccessApplication || c.ObjectID == "" {
		return false
	}
	rest, ok := strings.CutPrefix(path, plan.ApplicationPoliciesPath(c.AccountID, c.ObjectID))
	return ok && (rest == "" || rest[0] == '/' && validID(rest[1:]))
}

// clientOf returns the client for the zone or the account of a change. It refuses a
// change whose names or ids could lead a path elsewhere.
func (w *Writer) clientOf(c *plan.Change) (*client, error) {
	if err := checkTarget(c); err != nil {
		return nil, err
	}
	owner := c.ZoneID
	if c.Kind.OfAccount() {
		owner = c.AccountID
	}
	if !validID(owner) {
		return nil, fmt.Errorf("%s: %q is not the id of a zone or an account", c.Ref, owner)
	}

	w.mu.Lock()
	defer w.mu.Unlock()
	if cl := w.owner[owner]; cl != nil {
		return cl, nil
	}
	// This Writer has not read it. A single credential leaves no choice; with
	// several, a guess could write with the wrong one.
	if len(w.clients) == 1 {
		return w.clients[0], nil
	}
	return nil, fmt.Errorf("%s: the zone or the account was not read, so its credentials are unknown", c.Ref)
}

// checkTarget refuses a change whose object cannot be part of a path.
func checkTarget(c *plan.Change) error {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789_"
	creates := c.Action == plan.Create && c.ObjectID == ""
	switch c.Kind {
	case plan.KindZone, plan.KindHostname:
		if c.ObjectID == "" || strings.Trim(c.ObjectID, letters) != "" && !uploads(c) {
			return fmt.Errorf("%s: %q is not a setting", c.Ref, c.ObjectID)
		}
		if c.Kind == plan.KindHostname && !validName(c.Name) {
			return fmt.Errorf("%s: %q is not a hostname", c.Ref, c.Name)
		}
	case plan.KindCustomHostname:
		if !validID(c.ObjectID) && !creates {
			return fmt.Errorf("%s: %q is not the id of a custom hostname", c.Ref, c.ObjectID)
		}
	case plan.KindMTLSCertificate, plan.KindMTLSHostname, plan.KindAccessApplication, plan.KindAlert:
		if !validID(c.ObjectID) && !creates && c.Kind != plan.KindMTLSHostname {
			return fmt.Errorf("%s: %q is not the id of an object of kind %s", c.Ref, c.ObjectID, c.Kind)
		}
	default:
		return fmt.Errorf("%s: unknown kind of change %q", c.Ref, c.Kind)
	}
	return nil
}

// validName rejects names that are not hostnames and could lead a path
// elsewhere.
func validName(name string) bool {
	odd := func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`/\?#%`, r) }
	return strings.Contains(name, ".") && len(name) <= 255 && strings.Trim(name, ".") == name && !strings.ContainsFunc(name, odd)
}

// accept reads the answer to a successful write. The answer need not show the
// object: a server may accept a write now and carry it out later. That is no
// reason to doubt the write, let alone to repeat it. Only an answer about
// another object is an error. The write was sent at a time or later.
func (w *Writer) accept(c *plan.Change, result []byte, sent time.Time) (plan.Object, error) {
	switch {
	case c.Kind.OfAccount():
		return w.acceptResource(c, result)
	case uploads(c):
		return acceptUploaded(result), nil
	case c.Kind == plan.KindHostname:
		return w.acceptName(c, result)
	case c.Kind == plan.KindZone:
		return w.acceptSetting(c, result)
	}

	d := newCustomHostnameDecoder(result)
	h, err := d.hostname()
	switch {
	case h.ID != "" && c.ObjectID != "" && h.ID != c.ObjectID:
		return plan.Object{}, fmt.Errorf("it is about custom hostname %s, not %s", h.ID, c.ObjectID)
	case h.Name != "" && c.ObjectID == "" && h.Name != c.Name:
		return plan.Object{}, fmt.Errorf("it is about custom hostname %s, not %s", h.Name, c.Name)
	case err != nil, !d.shown:
		// Settings that are not shown must not pass for settings that are not
		// set.
		return plan.Object{}, nil
	}

	// The next write starts from this state. Without its type or method it
	// would lose them.
	if h.Type != "" && h.Method != "" {
		w.cache.wroteCustomHostname(h.ID, &h, time.Now(), sent)
	}
	return object(&h), nil
}

// acceptSetting reads the answer to a write of a zone setting.
func (w *Writer) acceptSetting(c *plan.Change, result []byte) (plan.Object, error) {
	e := endpointOf(c.ObjectID)
	got, err := e.read(result)
	var other *otherObject
	switch {
	case errors.As(err, &other):
		return plan.Object{}, err
	case err != nil:
		return plan.Object{}, nil
	}

	if c.ObjectID != tls13 && c.ObjectID != earlyData {
		kept := got
		w.cache.wroteSetting(settingKey{c.ZoneID, c.ObjectID}, &kept, time.Now())
	}
	return got.object(), nil
}

// object copies a custom hostname for a caller, who may modify it.
func object(h *plan.Hostname) plan.Object {
	own := *h
	return plan.Object{Hostname: &own}
}

// object copies the hostname of an entry for a caller.
func (e customHostnameEntry) object() plan.Object {
	o := object(e.hostname)
	o.At = e.seen
	return o
}

// drop forgets the object of a change.
func (w *Writer) drop(c *plan.Change) {
	now := time.Now()
	key := settingKey{c.ZoneID, c.ObjectID}
	switch c.Kind {
	case plan.KindHostname:
		w.cache.wroteHostnameSetting(key, c.Name, nil, now)
	case plan.KindCustomHostname:
		w.cache.wroteCustomHostname(c.ObjectID, nil, now, now)
	case plan.KindZone:
		w.cache.wroteSetting(key, nil, now)
		if c.ObjectID == tls13 || c.ObjectID == earlyData {
			w.cache.wroteSetting(settingKey{c.ZoneID, tls13}, nil, now)
			w.cache.wroteSetting(settingKey{c.ZoneID, earlyData}, nil, now)
		}
	case plan.KindMTLSCertificate, plan.KindMTLSHostname, plan.KindAccessApplication, plan.KindAlert:
		// These are not remembered.
	}
}

func (w *Writer) readZoneSetting(ctx context.Context, cl *client, c *plan.Change, maxAge time.Duration) (plan.Object, error) {
	start := time.Now()
	if s, at, ok := w.cache.setting(c.ZoneID, c.ObjectID, start.Add(-maxAge)); ok && maxAge > 0 {
		o := s.object()
		o.At = at
		return o, nil
	}

	s, err := readSetting(ctx, cl, c.ZoneID, c.ObjectID)
	if err != nil {
		return plan.Object{}, err
	}

	all := map[string]reading{s.ID: s}
	if s.ID == tls13 {
		early, err := readSetting(ctx, cl, c.ZoneID, earlyData)
		var failed *Error
		switch {
		case err == nil:
			all[earlyData] = early
		case errors.As(err, &failed) && retired(failed.Status):
			// A zone without 0rtt has no early data.
		default:
			return plan.Object{}, err
		}
	}

	mergeEarlyData(all)
	s = all[c.ObjectID]
	w.cache.putSettings(c.ZoneID, map[string]reading{s.ID: s}, start)
	return s.object(), nil
}

// findCustomHostname searches by name for the custom hostname that a change is
// to create.
func (w *Writer) findCustomHostname(ctx context.Context, cl *client, c *plan.Change) (plan.Object, error) {
	found, err := w.readNamed(ctx, cl, c.ZoneID, []string{c.Name})
	switch {
	case err != nil:
		return plan.Object{}, err
	case len(found) == 0:
		return plan.Object{Absent: true}, nil
	}
	return object(&found[0]), nil
}

// readOne reads one custom hostname by its id.
func (w *Writer) readOne(ctx context.Context, cl *client, c *plan.Change) (plan.Object, error) {
	start := time.Now()
	var h plan.Hostname
	err := cl.read(ctx, plan.CustomHostnamePath(c.ZoneID, c.ObjectID), func(result []byte, _ *cloudflare.ResultInfo) (err error) {
		h, err = decodeCustomHostname(result)
		if err == nil && h.ID != c.ObjectID {
			err = fmt.Errorf("it is about custom hostname %s, not %s", h.ID, c.ObjectID)
		}
		return err
	})
	if err != nil {
		return plan.Object{}, err
	}
	w.cache.putCustomHostname(&h, start)
	return customHostnameEntry{hostname: &h, seen: start}.object(), nil
}
