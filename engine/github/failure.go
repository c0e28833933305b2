package github

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Reasons that callers decide by, with errors.Is.
var (
	// ErrNoPermission says that the token may not do this, or is not valid. The
	// message names the permission to add.
	ErrNoPermission = errors.New("the token lacks a permission")
	// ErrTooLong says that a text is longer than GitHub takes.
	ErrTooLong = errors.New("the text is too long")
	// ErrRateLimit says that GitHub asks to wait longer than a Client does.
	ErrRateLimit = errors.New("the rate limit is used up")
)

// maxShown is how much of an answer an error shows, in characters.
const maxShown = 200

// failure is a request without success. Its text holds no token, and nothing that
// a terminal or the runner would obey.
type failure struct {
	method, path string
	status       int // 0 without an answer
	text         string
	kind         error // one of the reasons above, an error of a context, or nil
	lost         bool  // whether the request was executed is not known
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

// clean makes text of others fit for an error.
func (t *transport) clean(s string) string {
	s = strings.ReplaceAll(s, t.token, "[redacted]")
	return cut(visible(strings.Join(strings.Fields(s), " ")), maxShown)
}

// unexpected is an answer of success that does not say what it should.
func (c *Client) unexpected(req *http.Request, status int) *failure {
	f := c.transport.failure(req, "the answer is not what this request is answered with", nil)
	f.status, f.lost = status, true
	return f
}

// refused is an answer that is no success. permission is what the request needs,
// such as "issues: write".
func (c *Client) refused(res *http.Response, body []byte, permission string) *failure {
	said, long := message(body)
	f := c.transport.failure(res.Request, "", nil)
	f.status = res.StatusCode
	f.text = c.transport.clean(fmt.Sprintf("%d %s", f.status, said))
	switch {
	case f.status/100 == 3:
		f.text = fmt.Sprintf("%d: GitHub sends this request elsewhere; give the URL of the API itself, and the present name of the repository", f.status)
	case f.status == http.StatusUnauthorized:
		f.kind, f.text = ErrNoPermission, f.text+"; give a token that is valid on this server"
	case f.status == http.StatusForbidden && strings.HasPrefix(said, notAccessible):
		f.kind = ErrNoPermission
		f.text += "; give the job the permission " + permission + " (a run for a pull request from a fork never has it)"
	case f.status == http.StatusNotFound && f.method != http.MethodGet:
		f.kind = ErrNoPermission
		f.text += "; give the job the permission " + permission + ", if what this is about is still there"
	case f.status == http.StatusNotFound:
		f.text += "; it is not there, or the token may not see it"
	case f.status == http.StatusUnprocessableEntity && long:
		f.kind = ErrTooLong
	case f.status >= 500:
		f.lost = true
	}
	return f
}

// notAccessible is how GitHub begins to say that a permission is missing.
const notAccessible = "Resource not accessible by "

// message is what GitHub says in an answer, and whether it is that a body is too
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
