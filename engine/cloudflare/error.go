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

// Error is a request that failed: it was refused, or has no usable answer. It
// never contains a credential, and foreign text in it is printable.
type Error struct {
	Method string
	Path   string // below the host
	Status int    // zero if no answer came, or a success that cannot be used
	Codes  []Code // of Cloudflare
	RayID  string // Cloudflare finds the request by it
	// Permission is the permission that the token lacks, as the dashboard words
	// it; set only if the answer says so.
	Permission string
	Zone       string // name of the zone, if known
	Account    string // name of the account, if the request was about its own objects
	Detail     string // what was wrong with the answer, if Codes do not say it
	Err        error  // why no answer came

	header  http.Header
	again   bool // the request may be sent again unchanged
	unknown bool // the write may have been done
	refused bool // the status says success, the body says failure
	empty   bool // the answer has no result
	page    bool // a refusal is a web page
	heavy   bool // the time ran out or the answer is too large: a smaller page may succeed
	old     bool // the write was not sent: its reading is too old
}

// Code is an entry of the errors of an answer.
type Code struct {
	Code    int
	Message string
	Chain   []Code // what caused it
}

// OutcomeUnknown reports whether a write may or may not have been done. A write
// that is Refused as well was answered, and must never be sent again.
func (e *Error) OutcomeUnknown() bool { return e.unknown }

// Denied reports whether the credentials lack the permission, so that the next
// write would fail too. A 403 about the zone's plan or a quota does not count.
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

// Busy reports whether a write was refused only for now, and its body was made
// from a reading: it may be made again from a new reading once the update under
// way ends. Cloudflare refuses writes of the settings of client certificates
// while it rolls out an earlier one.
func (e *Error) Busy() bool {
	return e.Status == http.StatusConflict && !e.unknown && strings.HasSuffix(e.Path, plan.EndpointForwarding)
}

// Old reports whether a write was not sent because its reading was too old when
// its turn came. It has to be made again from a new reading.
func (e *Error) Old() bool { return e.old }

// Refused reports whether the API works and refused this request alone, so that
// others may go on.
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

// malformedCredentials reports whether an Authorization or X-Auth-Key header
// has the wrong form. The code itself means "invalid request"; the chain below
// it names the header.
func (e *Error) malformedCredentials() bool {
	return slices.ContainsFunc(e.Codes, func(c Code) bool {
		return c.Code == 6003 && slices.ContainsFunc(c.Chain, func(c Code) bool { return c.Code == 6103 || c.Code == 6111 })
	})
}

// entitlementCodes come with 403 and mean that the zone has not paid for
// something.
var entitlementCodes = []int{1404, 1405, 1413, 1414, 1431, 1450, 1459}

// Unwrap returns the reason why no answer came.
func (e *Error) Unwrap() error { return e.Err }

// Error returns one line: request, status, codes, missing permission, ray.
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

// codes reads the errors of an answer as far as possible: an item may be an
// object or a string, a code a number or a string.
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
// line, printable, short, and without a final full stop, since it ends up
// inside a sentence. It hides the credential first, since a cut could leave
// half of it.
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
		} else { // it must not control a terminal, and must stay visible
			shown = fmt.Sprintf(`\u%04x`, r)
			b.WriteString(shown)
			n += len(shown)
		}
	}

	return strings.TrimSuffix(b.String(), ".")
}

// stripTags returns the text of an HTML page, for a message. It only
// approximates a parser: the message is cleaned and cut anyway.
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

// asError turns the error of a call into an *Error. An *Error of the transport
// comes wrapped by net/http and the SDK, whose text adds nothing. Other errors
// are about envelopes that the SDK cannot read; it does not tell their status.
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

// onZone adds the name of the zone to an error about it.
func onZone(err error, zone string) error {
	var e *Error
	if errors.As(err, &e) && e.Zone == "" {
		e.Zone = zone
	}
	return err
}

// onAccount adds the name of the account to an error about its own objects.
func onAccount(err error, account string) error {
	var e *Error
	if errors.As(err, &e) && e.Account == "" {
		e.Account = account
	}
	return err
}
