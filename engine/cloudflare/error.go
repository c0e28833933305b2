package cloudflare

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"tlsync/engine/plan"
)

// maxShown bounds how much foreign text goes into a message, in characters.
const maxShown = 200

// Error is a request that failed: refused, or without a usable answer. Nothing
// in it holds a credential, and foreign text in it is printable.
type Error struct {
	Method string
	Path   string // below the host
	Status int    // zero if no answer came, or a success that cannot be used
	Codes  []Code // Cloudflare's own
	RayID  string // by which Cloudflare finds the request
	// Permission is what a token would need, as the dashboard words it; set
	// where its lack is the likely reason.
	Permission string
	Zone       string // name of the zone the request was about, where known
	Account    string // name of the account, where the request was about its own objects
	Detail     string // what was wrong with the answer, where Codes do not tell
	Err        error  // why no answer came

	header  http.Header
	again   bool // may be sent again as it is
	unknown bool // a write that may have been done
	refused bool // a success by its status that says it is none
	empty   bool // the answer has no result
	heavy   bool // the time ran out, or the answer is too large: less may do
	old     bool // a write that was not sent: what it is made from is too old
}

// Code is an entry of the errors of an answer.
type Code struct {
	Code    int
	Message string
	Chain   []Code // what caused it
}

// OutcomeUnknown reports whether a write may or may not have been done. One that
// is Refused as well was answered, and must not be sent again in any case.
func (e *Error) OutcomeUnknown() bool { return e.unknown }

// Denied reports whether the credentials do not suffice, so that the next write
// would fail too. Some 403s speak of the plan or a quota: those are not meant.
func (e *Error) Denied() bool {
	switch e.Status {
	case http.StatusUnauthorized:
		return true
	case http.StatusForbidden:
		return !e.has(entitlementCodes...)
	case http.StatusBadRequest:
		return e.malformedCredentials()
	}
	return false
}

// Busy reports a no for now to a write whose body was made from a reading: it may
// be made anew, from another one, once what is under way is over. Cloudflare says
// so of the settings of client certificates while an update is rolled out.
func (e *Error) Busy() bool {
	return e.Status == http.StatusConflict && !e.unknown && strings.HasSuffix(e.Path, plan.EndpointForwarding)
}

// Old reports that a write was not sent, since its turn came when the reading that it
// is made from was too old. It is to be made anew, from another one.
func (e *Error) Old() bool { return e.old }

// Refused reports whether the API is well and said no to this very request, so
// that others may go on.
func (e *Error) Refused() bool {
	switch e.Status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return false
	}
	return e.refused || e.Status/100 == 4 && !e.Denied()
}

func (e *Error) has(codes ...int) bool {
	return slices.ContainsFunc(e.Codes, func(c Code) bool { return slices.Contains(codes, c.Code) })
}

// malformedCredentials reports an Authorization or X-Auth-Key header of the wrong
// form. The code says "invalid request" and more than that: which header it is
// stands in the chain below it.
func (e *Error) malformedCredentials() bool {
	return slices.ContainsFunc(e.Codes, func(c Code) bool {
		return c.Code == 6003 && slices.ContainsFunc(c.Chain, func(c Code) bool { return c.Code == 6103 || c.Code == 6111 })
	})
}

// entitlementCodes come with 403 and are about what the zone has paid for.
var entitlementCodes = []int{1404, 1405, 1413, 1414, 1431, 1450, 1459}

// Unwrap is why no answer came.
func (e *Error) Unwrap() error { return e.Err }

// Error is one line: request, status, codes, what is missing, ray.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Method + " " + e.Path + ": ")
	if e.Status != 0 {
		b.WriteString(strconv.Itoa(e.Status))
		if len(e.Codes) > 0 {
			b.WriteString(" (")
			writeCodes(&b, e.Codes)
			b.WriteString(")")
		}
	}
	for _, part := range []string{e.Detail, e.lacks(), text(e.Err)} {
		if part == "" {
			continue
		}
		if e.Status != 0 || !strings.HasSuffix(b.String(), ": ") {
			b.WriteString(": ")
		}
		b.WriteString(part)
	}
	if e.RayID != "" {
		b.WriteString(" (ray " + e.RayID + ")")
	}
	return b.String()
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func (e *Error) lacks() string {
	switch {
	case e.Status == http.StatusUnauthorized, e.Status == http.StatusBadRequest && e.malformedCredentials():
		return "the credentials are not valid, or have expired"
	case e.Permission == "":
		return ""
	case e.Zone != "":
		return "the token lacks \"" + e.Permission + "\" on zone " + e.Zone
	case e.Account != "":
		return "the token lacks \"" + e.Permission + "\" on account " + e.Account
	}
	return "the token lacks \"" + e.Permission + "\""
}

func writeCodes(b *strings.Builder, codes []Code) {
	for i, c := range codes {
		if i > 0 {
			b.WriteString("; ")
		}
		switch {
		case c.Code != 0 && c.Message != "":
			b.WriteString("code " + strconv.Itoa(c.Code) + ": " + c.Message)
		case c.Code != 0:
			b.WriteString("code " + strconv.Itoa(c.Code))
		default:
			b.WriteString(c.Message)
		}
		if len(c.Chain) > 0 {
			b.WriteString(" (")
			writeCodes(b, c.Chain)
			b.WriteString(")")
		}
	}
}

// missing is the permission whose lack explains a 403, "" for other errors.
func missing(e *Error) string {
	if e.Status != http.StatusForbidden || !e.Denied() {
		return ""
	}
	return permission(e.Method, e.Path)
}

// permissions are the token permissions by path, more special ones first
// (developers.cloudflare.com/fundamentals/api/reference/permissions).
var permissions = []struct{ part, name string }{
	{plan.EndpointAccessCertificates, "Access: Mutual TLS Certificates"},
	{plan.EndpointAccessApplications, "Access: Apps and Policies"},
	{plan.EndpointAlerting + "/", "Notifications"},
	{plan.EndpointHostnameSettings, "SSL and Certificates"},
	{plan.EndpointCustomHostnames, "SSL and Certificates"},
	{plan.EndpointSSL + "/", "SSL and Certificates"},
	{plan.EndpointAdvancedCerts + "/", "SSL and Certificates"},
	{plan.EndpointOriginPulls, "SSL and Certificates"},
	{plan.EndpointSettings, "Zone Settings"},
	{plan.EndpointZones, "Zone"},
}

// permission is the token permission that a request needs, with the words of
// the dashboard, where "Edit" is what the API calls write.
func permission(method, path string) string {
	access := ": Edit"
	if method == http.MethodGet {
		access = ": Read"
	}
	for _, p := range permissions {
		if strings.Contains(path, p.part) {
			return p.name + access
		}
	}
	return ""
}

// codes reads the errors of an answer as far as they can be read: an item may be
// an object or a bare string, a code a number or a string.
func (t *transport) codes(body []byte) []Code {
	var envelope struct{ Errors []json.RawMessage }
	if json.Unmarshal(body, &envelope) != nil {
		return nil
	}
	return t.readCodes(envelope.Errors, 0)
}

func (t *transport) readCodes(items []json.RawMessage, depth int) []Code {
	var out []Code
	for _, raw := range items[:min(len(items), 10)] {
		var item struct {
			Code    json.RawMessage
			Message json.RawMessage
			Chain   []json.RawMessage `json:"error_chain"`
		}
		var c Code
		var s string
		if json.Unmarshal(raw, &s) == nil {
			c.Message = t.clean(s)
		} else if json.Unmarshal(raw, &item) == nil {
			c.Code, _ = strconv.Atoi(strings.Trim(string(item.Code), `"`))
			if json.Unmarshal(item.Message, &s) != nil {
				s = string(item.Message)
			}
			c.Message = t.clean(s)
			if depth < 2 {
				c.Chain = t.readCodes(item.Chain, depth+1)
			}
		}
		if c.Code != 0 || c.Message != "" {
			out = append(out, c)
		}
	}
	return out
}

// clean makes foreign text fit for a message: without the credential, on one
// line, printable, short, and without a full stop that would end the sentence
// around it. Hiding comes first, since cutting could leave half a token.
func (t *transport) clean(s string) string { return clean(s, t.hide) }

func clean(s string, hide redactor) string {
	s = hide.text(s)
	var b strings.Builder
	n, space := 0, false
	for _, r := range s {
		if n >= maxShown {
			b.WriteString("…")
			break
		}
		if unicode.IsSpace(r) {
			space = true
			continue
		}
		if space && n > 0 {
			b.WriteByte(' ')
			n++
		}
		space = false
		if shown := string(r); unicode.IsPrint(r) && r != unicode.ReplacementChar {
			b.WriteString(shown)
			n++
		} else { // it must not act, and must not be hidden either
			shown = fmt.Sprintf(`\u%04x`, r)
			b.WriteString(shown)
			n += len(shown)
		}
	}
	return strings.TrimSuffix(b.String(), ".")
}

// stripTags leaves the text of an HTML page, for a message. It is no parser:
// what is left is cleaned and cut anyway.
func stripTags(s string) string {
	var b strings.Builder
	for s != "" {
		text, rest, found := strings.Cut(s, "<")
		b.WriteString(text)
		if !found {
			break
		}
		b.WriteByte(' ')
		lower := strings.ToLower(rest)
		for _, unseen := range []string{"script", "style"} {
			if strings.HasPrefix(lower, unseen) {
				if end := strings.Index(lower, "</"+unseen); end >= 0 {
					rest = rest[end+1:]
				}
			}
		}
		if _, rest, found = strings.Cut(rest, ">"); !found {
			break
		}
		s = rest
	}
	return b.String()
}

// asError makes an *Error of whatever a call ended with. One from the transport
// comes wrapped by net/http and the SDK, whose words add nothing. Others are
// about envelopes that do not have the form that the SDK expects; it does not
// tell their status.
func asError(err error, method, path string, hide redactor) *Error {
	var e *Error
	if errors.As(err, &e) {
		e.Path = path
		return e
	}
	return &Error{
		Method: method, Path: path, Detail: "unexpected answer: " + clean(err.Error(), hide),
		unknown: method != http.MethodGet,
	}
}

// onZone names the zone in an error about it.
func onZone(err error, zone string) error {
	var e *Error
	if errors.As(err, &e) && e.Zone == "" {
		e.Zone = zone
	}
	return err
}

// onAccount names the account in an error about objects of its own.
func onAccount(err error, account string) error {
	var e *Error
	if errors.As(err, &e) && e.Account == "" {
		e.Account = account
	}
	return err
}
