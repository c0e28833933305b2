package apply_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tlsync/engine/apply"
	"tlsync/engine/plan"
	"tlsync/engine/sandbox"
	"tlsync/schema"
)

// Every world below is a server with real connections.
func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "rapid.checks" })
	if !given {
		if err := flag.Set("rapid.checks", "200"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// world is a state of the API and what is asked of it.
type world struct {
	seed sandbox.Seed
	head *schema.Desired
}

var (
	values = map[string][]string{
		"min_tls_version": {"1.0", "1.2", "1.3"},
		"tls_1_3":         {"off", "on"},
		"ciphers":         {"modern", "compatible"},
		"http2":           {"off", "on"},
	}
	watched = []string{"min_tls_version", "tls_1_3", "ciphers", "http2"}
)

func drawWorld(t *rapid.T) world {
	maybe := func(label string) bool { return rapid.Bool().Draw(t, label) }
	pick := func(id, label string, more ...string) string {
		return rapid.SampledFrom(append(more, values[id]...)).Draw(t, label)
	}
	w := world{sandbox.Seed{
		Rate:   sandbox.Rate{Requests: -1},
		Tokens: []sandbox.Token{{Name: "writer", Value: "writer-token"}},
	}, &schema.Desired{}}
	for n := range rapid.IntRange(1, 2).Draw(t, "zones") {
		zone := sandbox.Zone{Name: fmt.Sprintf("saas%d.example", n), Settings: sandbox.Settings{}}
		want := schema.Zone{Name: schema.Field[string]{Value: zone.Name, Set: true}}
		for _, id := range watched {
			more := []string{}
			if id == "tls_1_3" {
				more = append(more, "zrt")
			}
			zone.Settings[id] = raw(id, pick(id, "zone "+id, more...))
			if maybe("zone manages " + id) {
				want.Settings = append(want.Settings, assign(id, pick(id, "zone wants "+id, more...), schema.ZoneLevel))
			}
		}
		for i := range rapid.IntRange(1, 4).Draw(t, "hostnames") {
			name := fmt.Sprintf("h%d.test", i)
			own := sandbox.Settings{}
			entry := schema.Entry{Hostname: schema.Field[string]{Value: name, Set: true}}
			for _, id := range watched {
				if maybe("own " + id) {
					own[id] = raw(id, pick(id, "own value "+id))
				}
				if maybe("manages " + id) {
					entry.Settings = append(entry.Settings, assign(id, pick(id, "wants "+id, "inherit"), schema.CustomHostnameLevel))
				}
			}
			if own["min_tls_version"] == "1.3" {
				delete(own, "ciphers") // Cloudflare takes no such state
			}
			zone.CustomHostnames = append(zone.CustomHostnames, sandbox.Hostname{Hostname: name, SSL: &sandbox.SSL{Settings: own}})
			want.CustomHostnames.Entries = append(want.CustomHostnames.Entries, entry)
		}
		w.seed.Zones = append(w.seed.Zones, zone)
		w.head.Zones = append(w.head.Zones, want)
	}
	return w
}

func raw(id, value string) any {
	if id == "ciphers" {
		return schema.CipherList(value)
	}
	return value
}

func assign(id, value string, l schema.Level) schema.Assignment {
	a := schema.Assignment{Setting: id, Value: schema.StringValue(value), Via: "test"}
	switch {
	case value == "inherit":
		a.Value = schema.Inherit
	case id == "ciphers":
		a.Value = schema.ListValue(schema.CipherList(value))
	}
	a.Wire = a.Value
	a.Value = canonical(id, string(a.Value), l)
	return a
}

func canonical(id, text string, l schema.Level) schema.Value {
	s, _ := schema.LookupSetting(id)
	return s.Canonical([]byte(text), l)
}

func drawFault(t *rapid.T, edits bool) sandbox.Fault {
	kinds := []sandbox.Fault{
		{Kind: "drop-request"},
		{Kind: "drop-answer"},
		{Kind: "truncate"},
		{Kind: "error", Status: 502, HTML: true},
		{Kind: "error", Status: 500, Work: true},
		{Kind: "error", Status: 409, Code: 1439},
		{Kind: "body", Body: "<html>sign in</html>", ContentType: "text/html"},
		{Kind: "body", Body: "{}"},
		{Kind: "body", Body: `{"success":true,"result":null}`, Status: 202},
		{Kind: "unsuccessful"},
		{Kind: "ignore-write"},
		{Kind: "delay", Delay: 20 * time.Millisecond},
		{Kind: "revoke", Permission: sandbox.SSLEdit},
		{Kind: "revoke", Permission: sandbox.ZoneSettingsEdit},
	}
	f := rapid.SampledFrom(kinds).Draw(t, "kind")
	f.Method = "PATCH"
	f.Nth = rapid.IntRange(1, 6).Draw(t, "nth")
	f.Count = rapid.IntRange(1, 2).Draw(t, "count")
	if !edits {
		return f
	}
	// An edit that comes just before a name is read, and so before it is
	// written: one between the two is lost, since Cloudflare knows no versions.
	name := fmt.Sprintf("h%d.test", rapid.IntRange(0, 3).Draw(t, "edited"))
	edit := &sandbox.Edit{Zone: "saas0.example", Hostname: name, Save: true}
	if rapid.Bool().Draw(t, "edits http2") {
		edit.Settings = sandbox.Settings{"http2": rapid.SampledFrom(values["http2"]).Draw(t, "to")}
	}
	return sandbox.Fault{Kind: "edit", Method: "GET", Path: "/zones/saas0.example/custom_hostnames/" + name, Nth: f.Nth%2 + 1, Edit: edit}
}

// TestFaults runs plans against an API that breaks, stops some of them, and
// looks at what the API has seen.
func TestFaults(t *testing.T) {
	seen := map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		w := drawWorld(rt)
		s := serve(t, w.seed, w.head)
		defer s.close()
		p, err := s.tryPlan()
		if err != nil {
			rt.Fatal(err)
		}
		edits := rapid.IntRange(0, 2).Draw(rt, "edits") == 2
		var target apply.Target = s.writer
		if edits {
			target = fresh{s.writer}
		}
		for range rapid.IntRange(0, 4).Draw(rt, "faults") {
			f := drawFault(rt, edits && rapid.Bool().Draw(rt, "an edit"))
			if err := s.server.AddFault(f); err != nil {
				rt.Fatal(err)
			}
		}
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		stopAfter := rapid.IntRange(-8, 8).Draw(rt, "stop after")
		if stopAfter == 0 {
			cancel()
		}
		// No mutex: the race detector finds reports that overlap.
		steps := map[string]apply.Outcome{}
		r := apply.Run(ctx, p, target, apply.Options{
			Concurrency: rapid.IntRange(1, 4).Draw(rt, "concurrency"),
			Pauses:      []time.Duration{time.Millisecond, time.Millisecond},
			Report: func(s apply.Step) {
				if before, twice := steps[s.Change.String()]; twice {
					rt.Errorf("%s is reported as %s after %s", s.Change.String(), s.Outcome, before)
				}
				for _, n := range s.Change.Needs {
					if s.Outcome == apply.Done && steps[n.String()] != apply.Done {
						rt.Errorf("%s is done before %s, which it needs", s.Change.String(), n)
					}
				}
				if steps[s.Change.String()] = s.Outcome; len(steps) == stopAfter {
					cancel()
				}
			},
		})
		addsUp(rt, r)
		for i := range r.Steps {
			seen[string(r.Steps[i].Outcome)]++
		}
		first := len(s.server.History())
		w.checkHistory(rt, s.server.History(), r)

		// Without faults the rest is done, and nothing is left then.
		s.server.ClearFaults()
		if err := s.server.Permissions("writer", sandbox.All(), "active"); err != nil {
			rt.Fatal(err)
		}
		s.connect()
		second, err := s.tryPlan()
		if err != nil {
			rt.Fatal(err)
		}
		r = apply.Run(context.Background(), second, s.writer, apply.Options{Concurrency: 4})
		addsUp(rt, r)
		if r.Tally.Done != r.Tally.Planned {
			rt.Fatalf("the second run is not done:\n%s", reasons(r))
		}
		w.checkHistory(rt, s.server.History()[first:], r)
		s.connect()
		third, err := s.tryPlan()
		if err != nil {
			rt.Fatal(err)
		}
		if len(third.Changes) > 0 {
			rt.Fatalf("%d changes are left, the first is %+v", len(third.Changes), third.Changes[0])
		}
		w.checkTimelines(rt, s.server)
		for _, e := range s.server.History() {
			seen[string(e.Effect)]++
		}
	})
	t.Log(seen)
	if testing.Short() {
		return // a fifth of the worlds may miss a case
	}
	for _, what := range []string{"done", "failed", "skipped", "not_attempted", "dropped", "ignored", "refused", "dashboard"} {
		if seen[what] < 3 {
			t.Errorf("the worlds drawn come to %q %d times only", what, seen[what])
		}
	}
}

// checkHistory holds what the API saw of one run against the result.
func (w world) checkHistory(t *rapid.T, history []sandbox.Entry, r *apply.Result) {
	planned, effective := map[string]int{}, map[string]int{}
	wrote := map[string]bool{}
	for i := range r.Steps {
		c := r.Steps[i].Change
		object := strings.TrimSuffix(strings.TrimSuffix(c.String(), "#pin"), "#unpin")
		if c.Kind == plan.KindZone {
			object = "zone/" + c.Zone
		}
		planned[object]++
		wrote[object] = wrote[object] || r.Steps[i].Wrote
	}
	for _, e := range history {
		if e.Effect == sandbox.EffectDashboard {
			// Where somebody puts the old value back behind a write whose
			// answer was lost, the reading shows it and the write is sent again.
			for _, write := range e.Writes {
				planned[write.Object]++
			}
		}
		if e.Method != "PATCH" || len(e.Writes) == 0 {
			continue
		}
		for _, write := range e.Writes {
			effective[write.Object]++
			if !wrote[write.Object] {
				t.Fatalf("request %d wrote %s, and no step says so:\n%s", e.N, write.Object, reasons(r))
			}
			managed := w.managed(write.Object)
			for _, id := range slices.Sorted(maps.Keys(both(write.Before, write.After))) {
				if before, after := string(write.Before[id]), string(write.After[id]); before != after && !slices.Contains(managed, id) {
					t.Fatalf("request %d changed %s of %s from %q to %q, which is not managed", e.N, id, write.Object, before, after)
				}
			}
		}
		if e.Effect == sandbox.EffectNoop {
			t.Fatalf("request %d changed nothing: %s %s", e.N, e.Path, e.Body)
		}
	}
	for object, n := range effective {
		if n > planned[object] {
			t.Fatalf("%s was written %d times, planned were %d", object, n, planned[object])
		}
	}
}

func both(a, b map[string]json.RawMessage) map[string]json.RawMessage {
	out := maps.Clone(a)
	if out == nil {
		out = map[string]json.RawMessage{}
	}
	maps.Copy(out, b)
	return out
}

// managed are the settings of an object that the configuration names.
func (w world) managed(object string) []string {
	var ids []string
	for _, z := range w.head.Zones {
		if object == "zone/"+z.Name.Value {
			for _, a := range z.Settings {
				ids = append(ids, a.Setting)
			}
			if slices.Contains(ids, "tls_1_3") {
				ids = append(ids, "0rtt") // the other view of it
			}
		}
		for _, e := range z.CustomHostnames.Entries {
			if object != "custom_hostname/"+z.Name.Value+"/"+e.Hostname.Value {
				continue
			}
			for _, a := range e.Settings {
				ids = append(ids, a.Setting)
			}
		}
	}
	return ids
}

// checkTimelines looks for values that were neither the old one nor the one
// asked for. Names that somebody else has edited are passed over, and cipher
// lists of names that meet a minimum of 1.3, which hides them.
func (w world) checkTimelines(t *rapid.T, server *sandbox.Server) {
	edited := map[string]bool{}
	for _, e := range server.History() {
		if e.Effect == sandbox.EffectDashboard {
			for _, write := range e.Writes {
				edited[write.Object] = true
			}
		}
	}
	for zi, z := range w.head.Zones {
		for i := -1; i < len(z.CustomHostnames.Entries); i++ {
			name := ""
			if i >= 0 {
				name = z.CustomHostnames.Entries[i].Hostname.Value
			}
			if edited["custom_hostname/"+z.Name.Value+"/"+name] {
				continue
			}
			hidden := slices.ContainsFunc(server.Timeline(z.Name.Value, name, "min_tls_version"), func(m sandbox.Moment) bool { return m.Value == `"1.3"` })
			for _, id := range watched {
				if id == "ciphers" && hidden {
					continue
				}
				moments := server.Timeline(z.Name.Value, name, id)
				asked := w.asked(zi, i, id)
				for _, m := range moments[1:] {
					if v := canonical(id, m.Value, schema.ZoneLevel); v != canonical(id, moments[0].Value, schema.ZoneLevel) && v != asked {
						t.Fatalf("%s of %q in %s was %s and is to be %s, and from request %d on it was %s",
							id, name, z.Name.Value, moments[0].Value, asked, m.N, m.Value)
					}
				}
			}
		}
	}
}

// asked is the effective value that the configuration asks for. Index -1 is the
// zone.
func (w world) asked(zone, i int, id string) schema.Value {
	find := func(as []schema.Assignment) (schema.Value, bool) {
		k := slices.IndexFunc(as, func(a schema.Assignment) bool { return a.Setting == id })
		if k < 0 {
			return "", false
		}
		return as[k].Value, true
	}
	live := func(v any, l schema.Level) schema.Value {
		text, err := json.Marshal(v)
		if err != nil {
			return ""
		}
		return canonical(id, string(text), l)
	}
	if i >= 0 {
		own, managed := find(w.head.Zones[zone].CustomHostnames.Entries[i].Settings)
		if !managed {
			own = schema.Inherit
			if v, ok := w.seed.Zones[zone].CustomHostnames[i].SSL.Settings[id]; ok {
				own = live(v, schema.CustomHostnameLevel)
			}
		}
		if own != schema.Inherit {
			return own
		}
	}
	if v, ok := find(w.head.Zones[zone].Settings); ok {
		return v
	}
	return live(w.seed.Zones[zone].Settings[id], schema.ZoneLevel)
}
