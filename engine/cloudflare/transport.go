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
	// maxBody bounds one answer. A page of 1,000 custom hostnames has some 2 MB.
	maxBody = 64 << 20
	// attempts of one request, 429s not counted: they were not executed.
	attempts = 3
	// Delays between attempts are random between zero and twice the former
	// bound ("full jitter"), so that clients that failed together do not come
	// back together.
	firstDelay = 500 * time.Millisecond
	lastDelay  = 20 * time.Second
)

// transport sends the requests of one credential. What it returns is either a
// complete answer of the API, 2xx and JSON that says success, or an *Error.
//
//	what came                        a read              a write
//	2xx, success                     returned            returned
//	2xx, no success                  error               error, outcome unknown
//	202 or 204 without a body        tried again         returned: taken, and nothing to show
//	2xx, {"id": …} alone             error               returned where a custom hostname is deleted
//	429                              everybody waits, then it is sent again
//	no connection, TLS handshake     tried again         tried again: surely not processed
//	certificate not trusted          error               error
//	reset, timeout, cut, no JSON     tried again (1)     error, outcome unknown
//	5xx, 408                         tried again         error, outcome unknown
//	425                              tried again         error
//	3xx, other 4xx                   error               error
//	HTML with 200                    error               error, outcome unknown
//	its turn comes too late                              error, not sent
//
// (1) A large page that took too long is an error: the list goes on with smaller ones.
//
// Whether a write of unknown outcome is repeated is for the caller to decide,
// after reading.
type transport struct {
	base    http.RoundTripper
	limit   *limiter
	retries *retryQuota
	timeout time.Duration
	hide    redactor
	writes  bool // else everything but GET is refused
	jitter  func(limit time.Duration) time.Duration
	log     *slog.Logger
	paused  func(until time.Time)
	sends   func(method string) // told of each request when it has its turn, once
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		defer req.Body.Close()
	}
	if req.Method != http.MethodGet && !t.writes {
		return nil, &Error{Method: req.Method, Path: req.URL.Path, Err: errors.New("this client only reads")}
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

// sendBefore is the header of a write that is made from a reading, with the time up
// to which the reading is good. It is for the transport alone, since only there it is
// known when a request has its turn: after a burst, or a 429, that may be minutes
// later. It is not sent.
const sendBefore = "Tlsync-Send-Before"

// before is the time after which a request must not be sent, zero for never.
func before(req *http.Request) time.Time {
	until, _ := time.Parse(time.RFC3339Nano, req.Header.Get(sendBefore))
	return until
}

// inTurn makes an attempt with a ticket, and gives it back whatever happens: while
// one that goes alone is out, everybody waits. What came to a panic may have been
// sent.
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
	// Without a connection, and a connection is one only after the handshake,
	// nothing was sent.
	var sent atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { sent.Store(true) },
	})
	once := req.Clone(ctx)
	once.Header.Del(sendBefore)
	if req.GetBody != nil {
		body, err := req.GetBody()
		if err != nil {
			return nil, &Error{Method: req.Method, Path: req.URL.Path, Err: err}
		}
		once.Body = body
	}
	res, err := t.base.RoundTrip(once)
	if err != nil {
		_, traced := t.base.(*http.Transport)
		var dial *net.OpError
		refused := errors.As(err, &dial) && dial.Op == "dial"
		return nil, t.lost(req, limit, err, refused || traced && !sent.Load())
	}
	defer res.Body.Close()
	body, err := readAll(res, readOf(req, res))
	if err != nil {
		e := t.lost(req, limit, err, false)
		e.RayID = t.clean(res.Header.Get("Cf-Ray"))
		// The headers came, and with them perhaps a 429 that must be heard.
		e.Status, e.header = res.StatusCode, res.Header
		if res.StatusCode/100 == 4 {
			e.again, e.unknown = false, false
		}
		if errors.Is(err, errTooLarge) {
			e.again, e.heavy = false, true
		}
		return nil, e
	}
	if silent(req, res, body) {
		body = []byte(`{"success":true,"result":null}`) // the SDK wants an envelope
	}
	if bare(req, res, body) {
		body = slices.Concat([]byte(`{"success":true,"result":`), body, []byte("}"))
	}
	if e := t.refusal(req, res, body); e != nil {
		return nil, e
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	res.ContentLength = int64(len(body))
	res.Request = req
	return res, nil
}

// grace is how long a write that is under way may go on after its caller was
// told to stop: given up at once, its outcome would be unknown.
const grace = 5 * time.Second

// lifetime is the context of one attempt. That of a read is the caller's; a write
// outlives it by grace. Only the wait for a turn ends with the caller's context:
// what was not sent by then is not sent any more.
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

// readAll reads a body; of the fields only where they are not nil.
func readAll(res *http.Response, of fields) (body []byte, err error) {
	if res.ContentLength > maxBody {
		return nil, errTooLarge
	}
	limited := &io.LimitedReader{R: res.Body, N: maxBody + 1}
	if of != nil {
		body, err = sift(limited, of)
	} else {
		body, err = io.ReadAll(limited)
	}
	if err == nil && limited.N <= 0 {
		err = errTooLarge
	}
	return body, err
}

// readOf are the fields that are read of an answer, nil for all. Only pages of
// custom hostnames are large.
func readOf(req *http.Request, res *http.Response) fields {
	if req.Method == http.MethodGet && res.StatusCode == http.StatusOK && strings.HasSuffix(req.URL.Path, plan.EndpointCustomHostnames) {
		return customHostnameFields
	}
	return nil
}

// lost is the error of an attempt that brought no complete answer. unsent says
// that it surely was not processed.
func (t *transport) lost(req *http.Request, limit time.Duration, err error, unsent bool) *Error {
	e := &Error{
		Method: req.Method, Path: req.URL.Path,
		// Only the words are kept: an error of net/http may quote what the
		// server sent.
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
		// Ours, and not the caller's: it must not look like the caller's.
		e.Err, e.heavy = fmt.Errorf("no complete answer within %s", limit), true
		e.again = e.again && !largePage(req) // a smaller one will do sooner
	case errors.As(err, &verify):
		e.again = false
	case errors.As(err, &timeout) && timeout.Timeout():
		e.heavy = true
	}
	if network, ok := t.base.(*http.Transport); ok && unsent && network.Proxy != nil {
		// The user name and password of a proxy are left out.
		if u, perr := network.Proxy(req); perr == nil && u != nil {
			e.Err = fmt.Errorf("via proxy %s://%s: %w", u.Scheme, u.Host, e.Err)
		}
	}
	return e
}

// largePage reports whether a request is for a page that could be smaller.
func largePage(req *http.Request) bool {
	size, err := strconv.Atoi(req.URL.Query().Get("per_page"))
	return err == nil && size > customHostnamePages[len(customHostnamePages)-1]
}

// silent reports whether a write was taken with a status that needs no body.
func silent(req *http.Request, res *http.Response, body []byte) bool {
	taken := res.StatusCode == http.StatusAccepted || res.StatusCode == http.StatusNoContent
	return taken && len(body) == 0 && req.Method != http.MethodGet
}

// bare reports whether an answer is that to the deletion of a custom hostname,
// which is the one that comes without an envelope: {"id": …} alone
// (developers.cloudflare.com/api/resources/custom_hostnames/methods/delete).
func bare(req *http.Request, res *http.Response, body []byte) bool {
	if req.Method != http.MethodDelete || res.StatusCode/100 != 2 || !strings.Contains(req.URL.Path, plan.EndpointCustomHostnames+"/") {
		return false
	}
	var members map[string]json.RawMessage
	return unmarshal(body, &members) == nil && len(members) == 1 && members["id"] != nil
}

// refusal is the error that an answer stands for, nil if it is none.
func (t *transport) refusal(req *http.Request, res *http.Response, body []byte) *Error {
	write := req.Method != http.MethodGet
	e := &Error{
		Method: req.Method, Path: req.URL.Path, Status: res.StatusCode,
		RayID: t.clean(res.Header.Get("Cf-Ray")), header: res.Header,
	}
	html := looksLikeHTML(res.Header.Get("Content-Type"), body)
	switch s := res.StatusCode; {
	case s/100 == 2 && html:
		e.Detail = fmt.Sprintf("%s answered %s in place of JSON; is CLOUDFLARE_BASE_URL right?", t.hide.text(req.URL.Redacted()), t.clean(res.Header.Get("Content-Type")))
		e.unknown = write
		return e
	case s/100 == 2 && !json.Valid(body):
		e.Detail = "the answer is not JSON: " + t.clean(shown(body, t.hide))
		if len(body) == 0 {
			e.Detail = "the answer is empty"
		}
		e.again, e.unknown = !write, write
		return e
	case s/100 == 2:
		said := success(body)
		if said == "true" {
			return nil
		}
		e.Detail, e.Codes = "success is not true", t.codes(body)
		// A clear no is an answer all the same. It does not tell whether nothing
		// was done: the status says that something was.
		e.refused, e.unknown = said == "false", write
		return e
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
	}
	e.Permission = missing(e)
	return e
}

// shown is the beginning of a body, for a message. The credential is hidden
// before anything is cut: half of one would not be recognised.
func shown(body []byte, hide redactor) string {
	s := hide.text(string(body))
	return s[:min(len(s), 64<<10)]
}

func looksLikeHTML(contentType string, body []byte) bool {
	return strings.Contains(strings.ToLower(contentType), "html") || bytes.HasPrefix(bytes.TrimSpace(body[:min(len(body), 64)]), []byte("<"))
}
