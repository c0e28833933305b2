package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
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

// Write is what one entry did to one object, "zone/NAME" or
// "custom_hostname/ZONE/NAME": of a zone the settings that it touched, of a
// hostname all of its own, before and after. Nil stands for no such object.
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
	if !json.Valid(body) {
		return encode(string(body))
	}
	if !bytes.Contains(body, []byte("custom_key")) {
		return bytes.Clone(body)
	}
	var v any
	_ = json.Unmarshal(body, &v) // valid, as seen above
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for k := range v {
				if k == "custom_key" {
					v[k] = "(blanked)"
				}
				walk(v[k])
			}
		case []any:
			for _, item := range v {
				walk(item)
			}
		}
	}
	walk(v)
	return encode(v)
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
// With an empty hostname it is the zone's, which children of wildcard
// hostnames follow.
func (s *Server) Timeline(zoneName, hostname, setting string) []Moment {
	s.mu.Lock()
	defer s.mu.Unlock()
	z := s.findZone(zoneName)
	if z == nil {
		return nil
	}
	// Walk back from the present, undoing write after write.
	zoneValue := ""
	if st := z.settings[setting]; st != nil {
		zoneValue = st.value
	}
	var own map[string]json.RawMessage
	exists := hostname == ""
	if h := z.byName[hostname]; h != nil {
		exists, own = true, h.own()
	}
	effective := func() string {
		switch v, has := own[setting]; {
		case !exists:
			return ""
		case has:
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
				exists = e.Effect != EffectCreated
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
