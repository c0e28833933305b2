package apply_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"tlsync/engine/apply"
	"tlsync/engine/plan"
	"tlsync/engine/sandbox"
	"tlsync/schema"
)

// slack is how long a write may be on its way after it got its turn.
const slack = 200 * time.Millisecond

// took are effects of a write that the API accepted.
var took = []sandbox.Effect{
	sandbox.EffectChanged, sandbox.EffectNoop, sandbox.EffectMoved, sandbox.EffectCreated, sandbox.EffectDeleted, sandbox.EffectIgnored,
}

// objectOf is the object of a change, as the history calls it.
func objectOf(c *plan.Change) string {
	if c.Kind == plan.KindZone {
		return "zone/" + c.Zone
	}
	object, _, _ := strings.Cut(c.String(), "#")
	return object
}

// check holds what the API saw of a run against what the run says of itself.
func (m *model) check(t *testing.T, name string, r *modelRun) {
	t.Helper()
	accepted := map[string]int{} // writes that the API took, by object
	edited := map[string]int{}   // edits in the dashboard
	for i, e := range r.history {
		if e.Effect == sandbox.EffectDashboard {
			for _, w := range e.Writes {
				edited[w.Object]++
			}
		}
		if e.Method == "" || e.Method == "GET" || !slices.Contains(took, e.Effect) {
			continue
		}
		if e.Effect == sandbox.EffectNoop && !m.overtaken(r, i) {
			t.Errorf("%s: request %d changed nothing: %s %s %s", name, e.N, e.Method, e.Path, e.Body)
		}
		for _, w := range e.Writes {
			accepted[w.Object]++
			m.checkWrite(t, name, r, i, w)
		}
	}
	m.checkRate(t, name, r)
	if r.result == nil {
		if len(accepted) > 0 {
			t.Errorf("%s wrote without a plan: %v", name, accepted)
		}
		return
	}
	planned, wrote, done := map[string]int{}, map[string]int{}, map[string]int{}
	for i := range r.result.Steps {
		s := &r.result.Steps[i]
		planned[objectOf(s.Change)]++
		if s.Wrote {
			wrote[objectOf(s.Change)]++
		}
	}
	steps := r.result.Steps
	if r.killed { // what was said before counts, and what came after was never said
		steps = r.reported
	} else {
		addsUp(t, r.result)
	}
	for _, s := range steps {
		if s.Outcome == apply.Done && s.Wrote {
			done[objectOf(s.Change)]++
		}
	}
	for object, n := range accepted {
		// Where somebody puts the old value back behind a write whose answer was
		// lost, the reading shows it and the write is sent again.
		if n > planned[object]+edited[object] {
			t.Errorf("%s: %s was written %d times, planned were %d", name, object, n, planned[object])
		}
		if !r.killed && n > wrote[object]+edited[object] {
			t.Errorf("%s: %s was written %d times, and %d steps say so:\n%s", name, object, n, wrote[object], reasons(r.result))
		}
	}
	for object, n := range done {
		if n > accepted[object]+edited[object] {
			t.Errorf("%s: %d steps say that they wrote %s, %d writes were taken:\n%s", name, n, object, accepted[object], reasons(r.result))
		}
	}
}

// overtaken reports whether somebody else made, shortly before a write, what it was
// to make.
func (m *model) overtaken(r *modelRun, i int) bool {
	e := r.history[i]
	return slices.ContainsFunc(r.history[:i], func(d sandbox.Entry) bool {
		return d.Effect == sandbox.EffectDashboard && d.Writes[0].Object == e.Writes[0].Object && e.AtMS-d.AtMS <= (apply.MaxAge+slack).Milliseconds()
	})
}

// checkWrite looks at what one write of ours changed: nothing that is not managed,
// and nothing that somebody else has set since the object was read.
func (m *model) checkWrite(t *testing.T, name string, r *modelRun, i int, w sandbox.Write) {
	t.Helper()
	e := r.history[i]
	want, known := m.want[w.Object]
	if !known && !slices.Contains(m.create, w.Object) && !slices.Contains(m.remove, w.Object) {
		t.Errorf("%s: request %d wrote %s, which is not managed", name, e.N, w.Object)
		return
	}
	if w.Before == nil || w.After == nil {
		return // made or deleted as a whole
	}
	for _, id := range slices.Sorted(maps.Keys(both(w.Before, w.After))) {
		before, after := w.Before[id], w.After[id]
		if string(before) == string(after) {
			continue
		}
		d := lastEdit(r.history[:i], w.Object, id)
		switch _, managed := want[id]; {
		case d == nil && !managed && (id != "0rtt" || want["tls_1_3"] == ""):
			t.Errorf("%s: request %d changed %s of %s from %s to %s, which is not managed", name, e.N, id, w.Object, before, after)
		case d == nil:
		case managed && plannedOn(r.made, w.Object, id, before):
			// The edit came before the plan was made.
		case e.AtMS-d.AtMS > (apply.MaxAge + slack).Milliseconds():
			t.Errorf("%s: request %d changed %s of %s from %s to %s: the edit that it undid was %s old",
				name, e.N, id, w.Object, before, after, time.Duration(e.AtMS-d.AtMS)*time.Millisecond)
		case seen(r.history[:i], d.N, e.Path):
			t.Errorf("%s: request %d changed %s of %s from %s to %s, although the edit that it undid had been read", name, e.N, id, w.Object, before, after)
		}
	}
}

// seen reports whether an object was read, with an answer that came, after an entry.
func seen(history []sandbox.Entry, n int, path string) bool {
	return slices.ContainsFunc(history, func(e sandbox.Entry) bool {
		return e.N > n && e.Method == "GET" && e.Path == path && e.Status == 200 && len(e.Faults) == 0
	})
}

// lastEdit is the edit in the dashboard that made a setting what it is; nil if
// something else did.
func lastEdit(history []sandbox.Entry, object, id string) *sandbox.Entry {
	for i := len(history) - 1; i >= 0; i-- {
		for _, w := range history[i].Writes {
			if w.Object == object && string(w.Before[id]) != string(w.After[id]) {
				if history[i].Effect == sandbox.EffectDashboard {
					return &history[i]
				}
				return nil
			}
		}
	}
	return nil
}

// plannedOn reports whether a plan was made on a value.
func plannedOn(p *plan.Plan, object, id string, value json.RawMessage) bool {
	for i := range p.Changes {
		c := &p.Changes[i]
		if objectOf(c) != object {
			continue
		}
		for _, e := range c.Edits {
			from := schema.Inherit
			if value != nil {
				from = canonical(id, string(value), level(object))
			}
			if e.Setting == id && e.From == from {
				return true
			}
		}
	}
	return false
}

func level(object string) schema.Level {
	switch kind, _, _ := strings.Cut(object, "/"); kind {
	case "zone":
		return schema.ZoneLevel
	case "hostname":
		return schema.HostnameLevel
	}
	return schema.CustomHostnameLevel
}

// checkRate counts the requests of a run in every stretch of five minutes.
func (m *model) checkRate(t *testing.T, name string, r *modelRun) {
	t.Helper()
	var at []int64
	for _, e := range r.history {
		if e.Method == "" {
			continue
		}
		at = append(at, e.AtMS)
		if e.Status == 429 && !slices.Contains(e.Faults, "rate-limit") {
			t.Errorf("%s: request %d was more than the API allows", name, e.N)
		}
	}
	slices.Sort(at)
	for i := range at {
		if j := i + m.rate; j < len(at) && at[j]-at[i] < (5*time.Minute).Milliseconds() {
			t.Errorf("%s: more than %d requests within five minutes", name, m.rate)
			return
		}
	}
}

// checkEnd looks at what all runs have come to: live as desired, nothing else
// changed by us, nothing made twice, and no name with a third value in between.
func (m *model) checkEnd(t *testing.T, server *sandbox.Server) {
	t.Helper()
	live := liveOf(server)
	for object, want := range m.want {
		for id, v := range want {
			got, ok := live[object][id]
			if !ok {
				got = schema.Inherit
			}
			if got != v {
				t.Errorf("in the end %s of %s is %s, want %s", id, object, got.Show(), v.Show())
			}
		}
	}
	made := map[string]int{}
	touched := map[string]bool{} // in the dashboard
	for _, e := range server.History() {
		for _, w := range e.Writes {
			if e.Effect == sandbox.EffectCreated {
				made[w.Object]++
			}
			if e.Effect == sandbox.EffectDashboard {
				touched[w.Object] = true
			}
		}
	}
	for _, object := range m.create {
		if made[object] != 1 {
			t.Errorf("%s was made %d times", object, made[object])
		}
	}
	for _, object := range m.remove {
		if _, still := live[object]; still {
			t.Errorf("%s is still there", object)
		}
	}
	for object := range m.want {
		kind, rest, _ := strings.Cut(object, "/")
		zone, host, _ := strings.Cut(rest, "/")
		if kind != "zone" && touched[object] || touched["zone/"+zone] || slices.Contains(m.create, object) {
			continue
		}
		hidden := slices.ContainsFunc(server.Timeline(zone, host, "min_tls_version"), func(m sandbox.Moment) bool { return m.Value == `"1.3"` })
		for _, id := range watched {
			if id == "ciphers" && hidden { // nobody meets them below TLS 1.3
				continue
			}
			moments := server.Timeline(zone, host, id)
			first, asked := canonical(id, moments[0].Value, schema.ZoneLevel), m.effective(object, "zone/"+zone, id)
			for _, at := range moments[1:] {
				if v := canonical(id, at.Value, schema.ZoneLevel); v != first && v != asked {
					t.Errorf("%s of %s was %s and is to be %s, and from request %d on it was %s", id, object, first, asked, at.N, at.Value)
				}
			}
		}
	}
}

// effective is the value that is asked for, after inheritance.
func (m *model) effective(object, zone, id string) schema.Value {
	for _, o := range []string{object, zone} {
		v, managed := m.want[o][id]
		if !managed {
			v = m.live[o][id]
		}
		if v != "" && v != schema.Inherit {
			return v
		}
	}
	return ""
}

// liveOf is the state of the API, as an object's own canonical values.
func liveOf(server *sandbox.Server) map[string]map[string]schema.Value {
	out := map[string]map[string]schema.Value{}
	put := func(object, id string, v any) {
		text, err := json.Marshal(v)
		if err != nil {
			panic(err) // it came from JSON
		}
		if out[object] == nil {
			out[object] = map[string]schema.Value{}
		}
		if _, known := schema.LookupSetting(id); known {
			out[object][id] = canonical(id, string(text), level(object))
		}
	}
	for _, z := range server.State().Zones {
		for id, v := range z.Settings {
			put("zone/"+z.Name, id, v)
		}
		for _, h := range z.Hostnames {
			for id, v := range h.Settings {
				if v.Status != "pending_deletion" {
					put("hostname/"+z.Name+"/"+h.Hostname, id, v.Value)
				}
			}
		}
		for _, h := range z.CustomHostnames {
			object := "custom_hostname/" + z.Name + "/" + h.Hostname
			out[object] = map[string]schema.Value{}
			if h.SSL != nil {
				for id, v := range h.SSL.Settings {
					put(object, id, v)
				}
			}
		}
	}
	return out
}
