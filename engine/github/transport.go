package github

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// maxAnswer bounds one answer, in bytes.
	maxAnswer = 16 << 20
	// tries is how often a request is tried. Tries that the rate limit refuses do not
	// count, since they are not executed.
	tries = 3
	// maxWaiting bounds the total time that a client waits.
	maxWaiting = 3 * time.Minute
	// attemptTimeout bounds one try.
	attemptTimeout = 30 * time.Second
	// blindWait is the first wait for the rate limit if an answer does not name a time, as
	// GitHub recommends.
	blindWait = time.Minute
)

// transport sends the requests of a client. It returns a complete answer of at most
// maxAnswer bytes, or a *failure.
//
//	answer                          GET, PATCH           POST
//	2xx with an object or a list    returned             returned
//	rate limit (403, 429)           sent again after a wait
//	none, a cut one, 5xx            tried again          returned: it may have been executed
//	2xx with anything else          tried again          the same
//	too large                       failure              the same
//	other 3xx, 4xx                  returned             returned
//
// A PATCH sets values, so sending it twice has the same effect as once.
type transport struct {
	base  http.RoundTripper
	api   *url.URL
	token string
	log   *slog.Logger
	sleep func(context.Context, time.Duration) error
	now   func() time.Time

	mu     sync.Mutex
	waited time.Duration
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		defer req.Body.Close()
	}
	if req.URL.Scheme != t.api.Scheme || req.URL.Host != t.api.Host {
		return nil, t.failure(req, "the redirect leads to another server, which must not get the token", nil)
	}

	ctx := req.Context()
	blind := blindWait
	for try := 1; ; {
		res, body, failed := t.once(req)
		t.record(req, res, failed, try)

		wait, limited := time.Duration(0), false
		if failed == nil {
			wait, limited = t.limited(res, body, &blind)
		}

		again := failed == nil && res.StatusCode >= 500 || failed != nil && failed.lost && ctx.Err() == nil
		switch {
		case limited:
			t.log.Info("GitHub asks to wait", "for", wait)
		case again && req.Method != http.MethodPost && try < tries:
			wait = time.Duration(try) * time.Second
			try++
		case failed != nil:
			return nil, failed
		default:
			return res, nil
		}

		switch err := t.pause(ctx, wait); {
		case err == nil:
		case !limited && errors.Is(err, ErrRateLimit) && failed != nil:
			return nil, failed
		case !limited && errors.Is(err, ErrRateLimit):
			return res, nil
		default:
			return nil, t.failure(req, err.Error(), err)
		}
	}
}

// pause waits for d, or fails if the client would wait too long in total.
func (t *transport) pause(ctx context.Context, d time.Duration) error {
	t.mu.Lock()
	left := maxWaiting - t.waited
	if d <= left {
		t.waited += d
	}
	t.mu.Unlock()

	if d > left {
		return fmt.Errorf("%w: GitHub asks to wait %s, and %s of %s are left: run it again later", ErrRateLimit, d.Round(time.Second), left.Round(time.Second), maxWaiting)
	}
	return t.sleep(ctx, d)
}

// once sends a request once and reads the whole answer.
func (t *transport) once(req *http.Request) (*http.Response, []byte, *failure) {
	ctx, cancel := context.WithTimeout(req.Context(), attemptTimeout)
	defer cancel()

	r := req.Clone(ctx)
	r.Header.Set("Authorization", "Bearer "+t.token)
	r.Header.Set("Accept", "application/vnd.github+json")
	r.Header.Set("X-GitHub-Api-Version", "2022-11-28")
	if req.GetBody != nil {
		body, err := req.GetBody()
		if err != nil {
			return nil, nil, t.failure(req, err.Error(), nil)
		}
		r.Body = body
	}

	res, err := t.base.RoundTrip(r)
	if err != nil {
		return nil, nil, t.lose(req, err)
	}
	defer res.Body.Close()

	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, nil, t.lose(req, err)
	case len(body) > maxAnswer:
		return nil, nil, t.failure(req, fmt.Sprintf("the answer is larger than %d MiB", maxAnswer>>20), nil)
	case res.StatusCode/100 == 2 && !isAnswer(body):
		return nil, nil, t.lose(req, fmt.Errorf("%d with %s instead of JSON: use the URL of the API, with /api/v3 on GitHub Enterprise Server",
			res.StatusCode, quoted(res.Header.Get("Content-Type"))))
	}

	res.Body = io.NopCloser(bytes.NewReader(body))
	res.ContentLength = int64(len(body))
	res.Request = req
	return res, body, nil
}

// isAnswer reports whether body is a JSON object or list. An empty body is neither: it
// would otherwise pass for an empty list.
func isAnswer(body []byte) bool {
	body = bytes.TrimSpace(body)
	return len(body) > 0 && (body[0] == '{' || body[0] == '[') && json.Valid(body)
}

// limited reports whether the rate limit refused a request, and how long to wait. blind is
// the wait if the answer does not name a time; it doubles with each use.
func (t *transport) limited(res *http.Response, body []byte, blind *time.Duration) (time.Duration, bool) {
	if res.StatusCode != http.StatusForbidden && res.StatusCode != http.StatusTooManyRequests {
		return 0, false
	}

	after, spent := res.Header.Get("Retry-After"), res.Header.Get("X-Ratelimit-Remaining") == "0"
	said, _ := message(body)
	if res.StatusCode == http.StatusForbidden {
		// A missing permission is a 403 too, maybe for the last request that the rate
		// limit allowed.
		about := strings.ToLower(said)
		if strings.HasPrefix(said, notAccessible) || after == "" && !spent && !strings.Contains(about, "rate limit") && !strings.Contains(about, "abuse detection") {
			return 0, false
		}
	}

	if s, err := strconv.ParseUint(after, 10, 31); err == nil {
		return max(time.Duration(s)*time.Second, time.Second), true
	}
	if at, err := http.ParseTime(after); err == nil {
		return max(at.Sub(t.now()), time.Second), true
	}
	if s, err := strconv.ParseInt(res.Header.Get("X-Ratelimit-Reset"), 10, 64); err == nil && spent {
		return max(time.Unix(s, 0).Sub(t.now()), time.Second), true
	}

	d := *blind
	*blind *= 2
	return d, true
}

// failure returns the error for a request that is given up.
func (t *transport) failure(req *http.Request, text string, kind error) *failure {
	f := &failure{method: req.Method, path: t.clean(req.URL.Path), text: t.clean(text)}
	for _, k := range []error{ErrRateLimit, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(kind, k) {
			f.kind = k
		}
	}
	return f
}

// lose returns the error for a request without a complete answer.
func (t *transport) lose(req *http.Request, err error) *failure {
	if cause := req.Context().Err(); cause != nil {
		f := t.failure(req, cause.Error(), cause)
		f.lost = true
		return f
	}
	text := err.Error()
	if errors.Is(err, context.DeadlineExceeded) {
		text = "no answer within " + attemptTimeout.String()
	}
	f := t.failure(req, text, nil)
	f.lost = true
	return f
}

// read returns the body of an answer of RoundTrip, which is in memory.
func (t *transport) read(res *http.Response) []byte {
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil
	}
	return body
}

// record logs a try of a request.
func (t *transport) record(req *http.Request, res *http.Response, failed *failure, try int) {
	attrs := []any{"method", req.Method, "path", t.clean(req.URL.RequestURI()), "try", try}
	if failed != nil {
		t.log.Debug("request to GitHub failed", append(attrs, "error", failed.text)...)
		return
	}
	t.log.Debug("request to GitHub", append(attrs, "status", res.StatusCode, "id", t.clean(res.Header.Get("X-GitHub-Request-Id")))...)
}

// redirect follows GitHub's redirects to the new name of a repository. It does not follow
// a redirect to another server or with another method.
func (t *transport) redirect(req *http.Request, via []*http.Request) error {
	if len(via) > 3 || req.Method != via[0].Method || req.URL.Scheme != t.api.Scheme || req.URL.Host != t.api.Host {
		return http.ErrUseLastResponse
	}
	return nil
}

// clock waits in real time.
func clock(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
