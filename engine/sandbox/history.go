package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Effect is what came of a request.
type Effect string

// Effects. Noop is a write that changed no setting, which for a custom hostname
// restarted validation; Moved is one that also pulled a hostname's traffic back
// into its zone; Ignored and Dropped are faults.
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

// Entry is one request, or one edit that came by another way (then Method is
// empty). Entries stand in the order in which they took effect.
type Entry struct {
	N      int             `json:"n"`
	AtMS   int64           `json:"at_ms"` // arrival, since the server's start
	Method string          `json:"method,omitempty"`
	Path   string          `json:"path,omitempty"` // below Base, with the query
	Body   json.RawMessage `json:"body,omitempty"` // a string where it is not JSON; keys are blanked
	Status int             `json:"status,omitempty"`
	Effect Effect          `json:"effect"`
	Token  string          `json:"token,omitempty"` // the name, never the value
	Ray    string          `json:"ray,omitempty"`
	Faults []string        `json:"faults,omitempty"`
	Writes []Write         `json:"writes,omitempty"`
}

// Write is what one entry did to one object, "zone/NAME", "hostname/ZONE/NAME"
// (a name in the zone) or "custom_hostname/ZONE/NAME": of a zone the settings
// that it touched, of a hostname all of its own, before and after. Nil stands
// for no such object, and for a name in a zone without settings of its own.
//
// A zone has universal_ssl, total_tls, fallback_origin (null where there is
// none) and origin_pulls beside its settings. Of a custom hostname those of
// ssl.type, ssl.method, ssl.wildcard, ssl.bundle_method,
// ssl.certificate_authority, custom_origin_server and custom_origin_sni are
// there that the write changed. "origin_certificate/ZONE/ID" is a certificate
// for origin pulls, with its sha256.
//
// Of an account there are, each with all it has, "mtls_certificate/ACCOUNT/NAME",
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

// blanked is a body for the history: private keys do not belong there.
func blanked(body []byte) json.RawMessage {
	const blank = "(blanked)"
	secret := func(key string, v any) bool {
		text, ok := v.(string)
		return key == "custom_key" || key == "private_key" || ok && strings.Contains(text, "PRIVATE KEY-----")
	}
	var v any
	if json.Unmarshal(body, &v) != nil {
		if secret("", string(body)) {
			return encode(blank)
		}
		return encode(string(body))
	}
	found := false
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for k := range v {
				if secret(k, v[k]) {
					v[k], found = blank, true
				}
				walk(v[k])
			}
		case []any:
			for i, item := range v {
				if secret("", item) {
					v[i], found = blank, true
				}
				walk(item)
			}
		}
	}
	walk(v)
	switch {
	case found:
		return encode(v)
	case secret("", v):
		return encode(blank)
	}
	return bytes.Clone(body)
}

// record numbers an entry and puts it into the history.
func (s *Server) record(e *Entry) {
	s.requests++
	e.N = s.requests
	e.Ray = fmt.Sprintf("%016x-SBX", e.N)
	s.history = append(s.history, e)
}

// note makes the entry of an edit that is no request of the API.
func (s *Server) note(effect Effect, who string) *Entry {
	e := &Entry{AtMS: s.now().Sub(s.start).Milliseconds(), Effect: effect, Token: who}
	s.record(e)
	e.Ray = ""
	return e
}

func (e *Entry) wrote(object string, before, after map[string]json.RawMessage) {
	e.Writes = append(e.Writes, Write{object, before, after})
}

// History is a copy of everything that happened, oldest first.
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

// ClearHistory forgets what happened; numbers go on.
func (s *Server) ClearHistory() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.history = nil
}

// Moment is an effective value and the entry from which on it held; entry 0 is
// what was before the history begins. Value is JSON text, "" where the name
// does not exist.
type Moment struct {
	N     int
	Value string
}

// Timeline is the effective value of a setting of a custom hostname over the
// history, each change once: its own value while it has one, else the zone's.
// A name in the zone is followed in the same way. With an empty hostname it is
// the zone's, which children of wildcard hostnames follow.
func (s *Server) Timeline(zoneName, hostname, setting string) []Moment {
	s.mu.Lock()
	defer s.mu.Unlock()
	z := s.findZone(zoneName)
	if z == nil {
		return nil
	}
	// Walk back from the present, undoing write after write.
	zoneValue := z.item(setting)
	inZone := hostname == "" || z.holds(hostname)
	exists := inZone
	var own, local map[string]json.RawMessage
	if hostname != "" {
		local = z.localOwn(hostname)
	}
	if h := z.byName[hostname]; h != nil {
		exists, own = true, h.own()
	}
	effective := func() string {
		if !exists {
			return ""
		}
		if v, has := own[setting]; has {
			return string(v)
		}
		if v, has := local[setting]; has {
			return string(v)
		}
		return zoneValue
	}
	var back []Moment
	for i := len(s.history) - 1; i >= 0; i-- {
		e := s.history[i]
		if len(e.Writes) == 0 {
			continue
		}
		back = append(back, Moment{e.N, effective()})
		for j := len(e.Writes) - 1; j >= 0; j-- {
			switch w := e.Writes[j]; {
			case w.Object == "zone/"+z.ascii:
				if v, ok := w.Before[setting]; ok {
					zoneValue = string(v)
				}
			case hostname != "" && w.Object == "custom_hostname/"+z.ascii+"/"+hostname:
				own = maps.Clone(w.Before)
				exists = inZone || e.Effect != EffectCreated
			case hostname != "" && w.Object == z.localObject(hostname):
				local = w.Before
			}
		}
	}
	out := []Moment{{0, effective()}}
	for i := len(back) - 1; i >= 0; i-- {
		if back[i].Value != out[len(out)-1].Value {
			out = append(out, back[i])
		}
	}
	return out
}
