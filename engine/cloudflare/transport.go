package cloudflare

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"tlsync/engine/plan"
)

const (
	// maxBody bounds one answer. A page of 1,000 custom hostnames has some 2
	// MB.
	maxBody = 64 << 20
	// attempts bounds how often one request is sent. A 429 does not count,
	// since the request was not executed.
	attempts = 3
	// Delays between attempts are random, from zero to a bound that doubles
	// ("full jitter"), so that clients that failed together do not come back
	// together.
	firstDelay = 500 * time.Millisecond
	lastDelay  = 20 * time.Second
)

// transport sends the requests of one credential. It returns either a complete
// answer of the API, 2xx and JSON that says success, or an *Error.
//
//	outcome                          a read              a write
//	2xx, success                     returned            returned
//	2xx, no success                  error               error, outcome unknown
//	202 or 204 without a body        tried again         returned: accepted, nothing to show
//	2xx, {"id": …} alone             error               returned if a custom hostname is deleted
//	429                              all requests wait, then it is sent again
//	no connection, TLS handshake     tried again         tried again: surely not processed
//	certificate not trusted          error               error
//	reset, timeout, cut, no JSON     tried again (1)     error, outcome unknown
//	5xx, 408                         tried again         error, outcome unknown
//	425                              tried again         error
//	3xx, other 4xx                   error               error
//	HTML with 200                    error               error, outcome unknown
//	its turn comes too late                              error, not sent
//
// (1) A large page that took too long is an error: the list continues with smaller
// pages.
//
// After a write with unknown outcome, the caller reads the object and then decides
// whether to repeat the write.
type transport struct {
	base    http.RoundTripper
	limit   *limiter
	retries *retryQuota
	timeout time.Duration
	hide    redactor
	writes  bool // if false, only GET is allowed
	jitter  func(limit time.Duration) time.Duration
	log     *slog.Logger
	paused  func(until time.Time)
	sends   func(method string) // called once for each request, when its turn comes
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		defer req.Body.Close()
	}
	if req.Method != http.MethodGet && !t.writes {
		return nil, &Error{Method: req.Method, Path: req.URL.Path, Err: errors.New("this client is read-only")}
	}

	ctx := req.Context()
	delay, counted := firstDelay, false
	for tries := 1; ; {
		tk, err := t.limit.acquire(ctx, before(req))
		if err != nil {
			return nil, &Error{Method: req.Method, Path: req.URL.Path, Err: err, old: errors.Is(err, errOld)}
		}
		if !counted {
			counted = true
			t.sends(req.Method)
		}

		tk.write = req.Method != http.MethodGet
		start := time.Now()
		res, failed, until, goOn := t.inTurn(tk, req)
		t.record(req, res, failed, tries, time.Since(start))

		switch {
		case failed == nil:
			t.retries.refund()
			return res, nil
		case failed.Status == http.StatusTooManyRequests:
			if !goOn {
				failed.Err = errPaused
				return nil, failed
			}
			t.log.Info("the API asks to wait", "until", until.Format(time.TimeOnly), "ray", failed.RayID)
			t.paused(until)
			continue
		case !failed.again || tries == attempts || !t.retries.take():
			return nil, failed
		}

		tries++
		if err := wait(ctx, time.Now().Add(t.jitter(delay)), nil); err != nil {
			return nil, failed
		}
		delay = min(2*delay, lastDelay)
	}
}

// sendBefore is the header with the time until which the reading that a write
// is made from is fresh enough. Only the transport reads it, since only there
// it is known when a request has its turn: after a burst or a 429, that may be
// minutes later. The transport removes it before it sends the request.
const sendBefore = "Tlsync-Send-Before"

// before returns the time after which a request must not be sent; the zero time
// means never.
func before(req *http.Request) time.Time {
	until, _ := time.Parse(time.RFC3339Nano, req.Header.Get(sendBefore))
	return until
}

// inTurn makes an attempt with a ticket and always gives the ticket back: while
// a probe is out, all other requests wait. A request that ends in a panic may
// have been sent.
func (t *transport) inTurn(tk ticket, req *http.Request) (res *http.Response, failed *Error, until time.Time, goOn bool) {
	status, header := 0, http.Header(nil)
	defer func() { until, goOn = t.limit.done(tk, status, header) }()
	if res, failed = t.attempt(req); failed != nil {
		status, header = failed.Status, failed.header
	} else {
		status, header = res.StatusCode, res.Header
	}
	return res, failed, until, goOn
}

func (t *transport) record(req *http.Request, res *http.Response, failed *Error, try int, took time.Duration) {
	attrs := []any{"method", req.Method, "path", t.hide.text(req.URL.RequestURI()), "try", try, "took", took.Round(time.Millisecond)}
	if failed != nil {
		t.log.Debug("request failed", append(attrs, "error", failed.Error())...)
		return
	}
	t.log.Debug("request", append(attrs, "status", res.StatusCode, "ray", res.Header.Get("Cf-Ray"))...)
}

// attempt sends a request once and reads the whole answer.
func (t *transport) attempt(req *http.Request) (*http.Response, *Error) {
	limit := t.timeout
	if req.URL.Query().Has("per_page") {
		limit *= 2
	}
	life, end := lifetime(req)
	defer end()
	ctx, cancel := context.WithTimeout(life, limit)
	defer cancel()

	// A connection exists only after the handshake. Without one, nothing was sent.
	var sent atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { sent.Store(true) },
	})
	once, err := clone(ctx, req)
	if err != nil {
		return nil, &Error{Method: req.Method, Path: req.URL.Path, Err: err}
	}

	res, err := t.base.RoundTrip(once)
	if err != nil {
		_, traced := t.base.(*http.Transport)
		return nil, t.lost(req, limit, err, noConnection(err) || traced && !sent.Load())
	}
	defer res.Body.Close()

	body, err := readAll(res, fieldsOf(req, res))
	if err != nil {
		return nil, t.cut(req, res, limit, err)
	}
	body = envelope(req, res, body)
	if e := t.refusal(req, res, body); e != nil {
		return nil, e
	}

	res.Body = io.NopCloser(bytes.NewReader(body))
	res.ContentLength = int64(len(body))
	res.Request = req
	return res, nil
}

// clone copies a request for one attempt.
func clone(ctx context.Context, req *http.Request) (*http.Request, error) {
	once := req.Clone(ctx)
	once.Header.Del(sendBefore)
	if req.GetBody == nil {
		return once, nil
	}
	body, err := req.GetBody()
	once.Body = body
	return once, err
}

// cut returns the error of an answer that broke off after its headers.
func (t *transport) cut(req *http.Request, res *http.Response, limit time.Duration, err error) *Error {
	e := t.lost(req, limit, err, false)
	e.RayID = t.clean(res.Header.Get("Cf-Ray"))

	// The headers may say 429, which everybody has to obey.
	e.Status, e.header = res.StatusCode, res.Header
	if res.StatusCode/100 == 4 {
		e.again, e.unknown = false, false
	}
	if errors.Is(err, errTooLarge) {
		e.again, e.heavy = false, true
	}
	return e
}

// envelope adds the envelope that the SDK wants to answers that have none.
func envelope(req *http.Request, res *http.Response, body []byte) []byte {
	switch {
	case silent(req, res, body):
		return []byte(`{"success":true,"result":null}`)
	case bare(req, res, body):
		return slices.Concat([]byte(`{"success":true,"result":`), body, []byte("}"))
	}
	return body
}

// grace is how much longer a write may go on after its caller was told to stop.
// Given up at once, its outcome would be unknown.
const grace = 5 * time.Second

// lifetime returns the context of one attempt. A read uses the caller's; a
// write outlives it by grace. The wait for a turn ends with the caller's
// context, so nothing is sent after that.
func lifetime(req *http.Request) (context.Context, context.CancelFunc) {
	caller := req.Context()
	if req.Method == http.MethodGet {
		return caller, func() {}
	}

	ctx, cancel := context.WithCancelCause(context.WithoutCancel(caller))
	stop := context.AfterFunc(caller, func() {
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel(context.Cause(caller))
		case <-ctx.Done():
		}
	})
	return ctx, func() { stop(); cancel(nil) }
}

var errTooLarge = fmt.Errorf("the answer is larger than %d MiB", maxBody>>20)

// readAll reads a body. If fields is not nil, it keeps only those.
func readAll(res *http.Response, keep fields) (body []byte, err error) {
	if res.ContentLength > maxBody {
		return nil, errTooLarge
	}
	limited := &io.LimitedReader{R: res.Body, N: maxBody + 1}
	if keep != nil {
		body, err = sift(limited, keep)
	} else {
		body, err = io.ReadAll(limited)
	}
	if err == nil && limited.N <= 0 {
		err = errTooLarge
	}
	return body, err
}

// fieldsOf returns the fields of an answer to keep, nil for all. Only pages of
// custom hostnames are large.
func fieldsOf(req *http.Request, res *http.Response) fields {
	if req.Method == http.MethodGet && res.StatusCode == http.StatusOK && strings.HasSuffix(req.URL.Path, plan.EndpointCustomHostnames) {
		return customHostnameFields
	}
	return nil
}

// lost returns the error of an attempt without a complete answer. unsent says
// that the server surely did not process the request.
func (t *transport) lost(req *http.Request, limit time.Duration, err error, unsent bool) *Error {
	e := &Error{
		Method: req.Method, Path: req.URL.Path,
		// Only the text is kept: an error of net/http may quote the answer.
		Err:     errors.New(t.clean(err.Error())),
		again:   unsent || req.Method == http.MethodGet,
		unknown: !unsent && req.Method != http.MethodGet,
	}

	var verify *tls.CertificateVerificationError
	var timeout net.Error
	switch ctx := req.Context(); {
	case ctx.Err() != nil:
		e.Err, e.again = context.Cause(ctx), false
	case errors.Is(err, context.DeadlineExceeded):
		// This deadline is ours and must not look like the caller's.
		e.Err, e.heavy = fmt.Errorf("no complete answer within %s", limit), true
		e.again = e.again && !largePage(req) // a smaller page will be faster
	case errors.As(err, &verify):
		e.again = false
	case errors.As(err, &timeout) && timeout.Timeout():
		e.heavy = true
	case noConnection(err):
		e.Err = fmt.Errorf("%w; check the network, and CLOUDFLARE_BASE_URL if it is set", e.Err)
	}

	if network, ok := t.base.(*http.Transport); ok && unsent && network.Proxy != nil {
		// The user name and the password of the proxy are left out.
		if u, perr := network.Proxy(req); perr == nil && u != nil {
			e.Err = fmt.Errorf("via proxy %s://%s: %w", u.Scheme, u.Host, e.Err)
		}
	}
	return e
}

// noConnection reports whether the server could not be reached at all.
func noConnection(err error) bool {
	var dial *net.OpError
	return errors.As(err, &dial) && dial.Op == "dial"
}

// largePage reports whether a request is for a page that could be smaller.
func largePage(req *http.Request) bool {
	size, err := strconv.Atoi(req.URL.Query().Get("per_page"))
	return err == nil && size > customHostnamePages[len(customHostnamePages)-1]
}

// silent reports whether a write was accepted with a status that needs no body.
func silent(req *http.Request, res *http.Response, body []byte) bool {
	taken := res.StatusCode == http.StatusAccepted || res.StatusCode == http.StatusNoContent
	return taken && len(body) == 0 && req.Method != http.MethodGet
}

// bare reports whether an answer is that to the deletion of a custom hostname,
// the only one without an envelope: {"id": …} alone
// (developers.cloudflare.com/api/resources/custom_hostnames/methods/delete).
func bare(req *http.Request, res *http.Response, body []byte) bool {
	if req.Method != http.MethodDelete || res.StatusCode/100 != 2 || !strings.Contains(req.URL.Path, plan.EndpointCustomHostnames+"/") {
		return false
	}
	var members map[string]json.RawMessage
	return unmarshal(body, &members) == nil && len(members) == 1 && members["id"] != nil
}

// refusal returns the error that an answer stands for, or nil.
func (t *transport) refusal(req *http.Request, res *http.Response, body []byte) *Error {
	write := req.Method != http.MethodGet
	e := &Error{
		Method: req.Method, Path: req.URL.Path, Status: res.StatusCode,
		RayID: t.clean(res.Header.Get("Cf-Ray")), header: res.Header,
	}
	switch s := res.StatusCode; {
	case s/100 == 2:
		return t.unusable(e, req, res, body)
	case s/100 == 3:
		e.Detail = "a redirect, which is not followed"
		if u, err := res.Location(); err == nil {
			e.Detail = "a redirect to " + t.clean(u.Scheme+"://"+u.Host) + ", which is not followed"
		}
		return e
	case s >= 500, s == http.StatusRequestTimeout:
		e.again, e.unknown = !write, write
	case s == http.StatusTooEarly:
		e.again = !write
	}

	e.Codes = t.codes(body)
	if len(e.Codes) == 0 {
		e.Detail = t.clean(stripTags(shown(body, t.hide)))
		e.page = looksLikeHTML(res.Header.Get("Content-Type"), body)
	}
	e.Permission = missing(e)
	return e
}

// unusable completes the error of an answer with the status of a success that does
// not say success, and returns nil if it does.
func (t *transport) unusable(e *Error, req *http.Request, res *http.Response, body []byte) *Error {
	write := req.Method != http.MethodGet
	contentType := res.Header.Get("Content-Type")
	switch {
	case looksLikeHTML(contentType, body):
		e.Detail = fmt.Sprintf("%s answered with %s instead of JSON; check CLOUDFLARE_BASE_URL", t.hide.text(req.URL.Redacted()), t.clean(contentType))
		e.unknown = write
		return e
	case !json.Valid(body):
		e.Detail = "the answer is not JSON: " + t.clean(shown(body, t.hide))
		if len(body) == 0 {
			e.Detail = "the answer is empty"
		}
		e.again, e.unknown = !write, write
		return e
	}

	said := success(body)
	if said == "true" {
		return nil
	}
	// "success": false is a refusal, but does not tell that nothing was done: the
	// status says that something was.
	e.Detail, e.Codes = "success is not true", t.codes(body)
	e.refused, e.unknown = said == "false", write
	return e
}

// shown returns the beginning of a body, for a message. It hides the credential
// before it cuts, since half a credential would not be recognised.
func shown(body []byte, hide redactor) string {
	s := hide.text(string(body))
	return s[:min(len(s), 64<<10)]
}

func looksLikeHTML(contentType string, body []byte) bool {
	return strings.Contains(strings.ToLower(contentType), "html") || bytes.HasPrefix(bytes.TrimSpace(body[:min(len(body), 64)]), []byte("<"))
}
