package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Effect says what a request did.
type Effect string

// Effects. Noop is a write that changed no setting; for a custom hostname it
// restarted validation. Moved is a write that also brought a hostname's traffic back
// to its zone. Ignored and Dropped come from faults.
const (
	EffectRead      Effect = "read"
	EffectRefused   Effect = "refused"
	EffectChanged   Effect = "changed"
	EffectNoop      Effect = "noop"
	EffectMoved     Effect = "traffic_moved"
	EffectCreated   Effect = "created"
	EffectDeleted   Effect = "deleted"
	EffectIgnored   Effect = "ignored"
	EffectDropped   Effect = "dropped"
	EffectDashboard Effect = "dashboard"
	EffectAutomatic Effect = "automatic"
)

// Entry is one request, or one edit made in another way, with an empty Method.
// Entries are in the order in which they took effect.
type Entry struct {
	N      int             `json:"n"`
	AtMS   int64           `json:"at_ms"` // arrival, since the server's start
	Method string          `json:"method,omitempty"`
	Path   string          `json:"path,omitempty"` // below Base, with the query
	Body   json.RawMessage `json:"body,omitempty"` // a string where it is not JSON; private keys are blanked
	Status int             `json:"status,omitempty"`
	Effect Effect          `json:"effect"`
	Token  string          `json:"token,omitempty"` // the name, never the value
	Ray    string          `json:"ray,omitempty"`
	Faults []string        `json:"faults,omitempty"`
	Writes []Write         `json:"writes,omitempty"`
}

// Write is the effect of one entry on one object, before and after. Nil stands for an
// object that does not exist, and for a name in a zone without settings of its own.
//
// "zone/NAME" holds the settings that the write touched. Beside settings, a zone has
// universal_ssl, total_tls, fallback_origin (null where there is none) and
// origin_pulls. "hostname/ZONE/NAME", a name in the zone, holds all settings of the
// name. "custom_hostname/ZONE/NAME" holds all its settings and, as far as the write
// changed them, ssl.type, ssl.method, ssl.wildcard, ssl.bundle_method,
// ssl.certificate_authority, custom_origin_server and custom_origin_sni.
// "origin_certificate/ZONE/ID" holds the sha256 of a certificate for origin pulls.
//
// Objects of accounts hold all their content: "mtls_certificate/ACCOUNT/NAME",
// "mtls_hostname/ACCOUNT/HOSTNAME" (nil where both flags are off),
// "access_application/ACCOUNT/DOMAIN" and "alert/ACCOUNT/NAME".
type Write struct {
	Object string                     `json:"object"`
	Before map[string]json.RawMessage `json:"before"`
	After  map[string]json.RawMessage `json:"after"`
}

func newEntry(c *call, at time.Duration) *Entry {
	e := &Entry{AtMS: at.Milliseconds(), Method: c.r.Method, Path: c.path}
	if c.r.URL.RawQuery != "" {
		e.Path += "?" + c.r.URL.RawQuery
	}
	if len(c.body) > 0 {
		e.Body = blanked(c.body)
	}
	return e
}

const blank = "(blanked)"

// isSecret reports whether a value in a body is a private key.
func isSecret(key string, v any) bool {
	text, ok := v.(string)
	return key == "custom_key" || key == "private_key" || ok && strings.Contains(text, "PRIVATE KEY-----")
}

// blanked returns a body without its private keys, for the history.
func blanked(body []byte) json.RawMessage {
	var v any
	if json.Unmarshal(body, &v) != nil {
		v = string(body)
		if isSecret("", v) {
			v = blank
		}
		return encode(v)
	}

	switch {
	case blankSecrets(v):
		return encode(v)
	case isSecret("", v):
		return encode(blank)
	}
	return bytes.Clone(body)
}

// blankSecrets replaces the private keys inside a value. It reports whether there
// were any.
func blankSecrets(v any) (found bool) {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			if isSecret(k, v[k]) {
				v[k], found = blank, true
			}
			found = blankSecrets(v[k]) || found
		}
	case []any:
		for i, item := range v {
			if isSecret("", item) {
				v[i], found = blank, true
			}
			found = blankSecrets(item) || found
		}
	}
	return found
}

// record numbers an entry and adds it to the history.
func (s *Server) record(e *Entry) {
	s.requests++
	e.N = s.requests
	e.Ray = fmt.Sprintf("%016x-SBX", e.N)
	s.history = append(s.history, e)
}

// note records an edit that was not a request to the API.
func (s *Server) note(effect Effect, who string) *Entry {
	e := &Entry{AtMS: s.now().Sub(s.start).Milliseconds(), Effect: effect, Token: who}
	s.record(e)
	e.Ray = ""
	return e
}

func (e *Entry) wrote(object string, before, after map[string]json.RawMessage) {
	e.Writes = append(e.Writes, Write{object, before, after})
}

// History returns a copy of all entries, oldest first.
func (s *Server) History() []Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Entry, len(s.history))
	for i, e := range s.history {
		out[i] = *e
		out[i].Faults = slices.Clone(e.Faults)
		out[i].Writes = slices.Clone(e.Writes)
	}
	return out
}

// ClearHistory removes all entries. Numbers continue.
func (s *Server) ClearHistory() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.history = nil
}

// Moment is an effective value that holds from entry N of the history on. Entry 0
// stands for the time before the history. Value is JSON text, "" while the name does
// not exist.
type Moment struct {
	N     int
	Value string
}

// Timeline returns the changing effective value of a setting over the history. For a
// custom hostname and for a name in the zone it is the name's own value, or the
// zone's where there is none. An empty hostname means the zone itself, whose value the
// children of wildcard hostnames have too.
func (s *Server) Timeline(zoneName, hostname, setting string) []Moment {
	s.mu.Lock()
	defer s.mu.Unlock()
	z := s.findZone(zoneName)
	if z == nil {
		return nil
	}

	// Walk back from the present and undo each write.
	past := z.present(hostname, setting)
	var back []Moment
	for _, e := range slices.Backward(s.history) {
		if len(e.Writes) == 0 {
			continue
		}
		back = append(back, Moment{e.N, past.effective(setting)})
		for _, w := range slices.Backward(e.Writes) {
			past.undo(z, e, w, hostname, setting)
		}
	}

	out := []Moment{{0, past.effective(setting)}}
	for _, m := range slices.Backward(back) {
		if m.Value != out[len(out)-1].Value {
			out = append(out, m)
		}
	}
	return out
}

// moment is the part of a zone's state that decides the effective value of a setting.
type moment struct {
	exists    bool
	custom    map[string]json.RawMessage // settings of the custom hostname
	inZone    map[string]json.RawMessage // settings of the name in the zone
	zoneValue string
}

func (z *zone) present(hostname, setting string) *moment {
	m := &moment{exists: hostname == "" || z.holds(hostname), zoneValue: z.item(setting)}
	if hostname != "" {
		m.inZone = z.hostnameOwn(hostname)
	}
	if h := z.byName[hostname]; h != nil {
		m.exists, m.custom = true, h.own()
	}
	return m
}

func (m *moment) effective(setting string) string {
	if !m.exists {
		return ""
	}
	if v, has := m.custom[setting]; has {
		return string(v)
	}
	if v, has := m.inZone[setting]; has {
		return string(v)
	}
	return m.zoneValue
}

// undo restores the state before a write.
func (m *moment) undo(z *zone, e *Entry, w Write, hostname, setting string) {
	switch {
	case w.Object == "zone/"+z.ascii:
		if v, ok := w.Before[setting]; ok {
			m.zoneValue = string(v)
		}
	case hostname == "":
	case w.Object == "custom_hostname/"+z.ascii+"/"+hostname:
		m.custom = w.Before
		m.exists = z.holds(hostname) || e.Effect != EffectCreated
	case w.Object == z.hostnameObject(hostname):
		m.inZone = w.Before
	}
}
