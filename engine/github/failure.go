package github

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Callers find these errors with errors.Is.
var (
	// ErrNoPermission reports that the token does not allow a request or is not valid. The
	// message names the missing permission.
	ErrNoPermission = errors.New("the token lacks a permission")
	// ErrTooLong reports that a text is longer than GitHub accepts.
	ErrTooLong = errors.New("the text is too long")
	// ErrRateLimit reports that GitHub asks a Client to wait longer than it will.
	ErrRateLimit = errors.New("the rate limit is used up")
)

// maxShown is the number of characters of an answer that an error shows.
const maxShown = 200

// failure is the error of a request. Its text does not contain the token, nor anything
// that a terminal or the runner would take for a command.
type failure struct {
	method, path string
	status       int // 0 if there was no answer
	text         string
	kind         error // one of the errors above, an error of a context, or nil
	lost         bool  // the request may or may not have been executed
}

func (f *failure) Error() string { return f.method + " " + f.path + ": " + f.text }

func (f *failure) Unwrap() error { return f.kind }

// isLost reports whether a request may or may not have been executed.
func isLost(err error) bool {
	var f *failure
	return errors.As(err, &f) && f.lost
}

func hasStatus(err error, status int) bool {
	var f *failure
	return errors.As(err, &f) && f.status == status
}

// clean returns untrusted text as an error may show it.
func (t *transport) clean(s string) string {
	s = strings.ReplaceAll(s, t.token, "[redacted]")
	return cut(visible(strings.Join(strings.Fields(s), " ")), maxShown)
}

// unexpected returns the error for an answer that reports success but has the wrong
// content.
func (c *Client) unexpected(req *http.Request, status int) *failure {
	f := c.transport.failure(req, "unexpected answer", nil)
	f.status, f.lost = status, true
	return f
}

// refused returns the error for an answer that does not report success. permission is the
// permission that the request needs, such as "issues: write".
func (c *Client) refused(res *http.Response, body []byte, permission string) *failure {
	said, long := message(body)
	f := c.transport.failure(res.Request, "", nil)
	f.status = res.StatusCode
	f.text = c.transport.clean(fmt.Sprintf("%d %s", f.status, said))

	switch {
	case f.status/100 == 3:
		f.text = fmt.Sprintf("%d: GitHub redirects this request; use the URL of the API itself and the current name of the repository", f.status)
	case f.status == http.StatusUnauthorized:
		f.kind, f.text = ErrNoPermission, f.text+"; use a token that is valid on this server"
	case f.status == http.StatusForbidden && strings.HasPrefix(said, notAccessible):
		f.kind = ErrNoPermission
		f.text += "; give the job the permission " + permission + " (a run for a pull request from a fork never has it)"
	case f.status == http.StatusNotFound && f.method != http.MethodGet:
		f.kind = ErrNoPermission
		f.text += "; give the job the permission " + permission + ", or check that the object of the request still exists"
	case f.status == http.StatusNotFound:
		f.text += "; it does not exist, or the token cannot read it"
	case f.status == http.StatusUnprocessableEntity && long:
		f.kind = ErrTooLong
	case f.status >= 500:
		f.lost = true
	}
	return f
}

// notAccessible is the beginning of GitHub's message about a missing permission.
const notAccessible = "Resource not accessible by "

// message returns GitHub's message in an answer, and whether it says that a body is too
// long.
func message(body []byte) (said string, long bool) {
	var in struct {
		Message string
		Errors  []json.RawMessage
	}
	if json.Unmarshal(body, &in) != nil || in.Message == "" {
		return string(body), false
	}

	said = in.Message
	for _, raw := range in.Errors {
		var e struct{ Resource, Field, Code, Message string }
		var s string
		switch {
		case json.Unmarshal(raw, &s) == nil:
			said += ": " + s
		case json.Unmarshal(raw, &e) != nil:
		case e.Message != "":
			said += ": " + e.Message
		default:
			said += fmt.Sprintf(": %s %s %s", e.Resource, e.Field, e.Code)
		}
	}
	return said, strings.Contains(strings.ToLower(said), "body is too long")
}
