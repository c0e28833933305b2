package diff_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"pgregory.net/rapid"

	"tlsync/engine/diff"
	"tlsync/engine/plan"
	"tlsync/engine/resolve"
	"tlsync/schema"
	"tlsync/schema/load"
)

// boundedWorld is live state of one zone, and a configuration that asks for nothing but
// lower bounds.
type boundedWorld struct {
	live    *plan.Live
	desired *schema.Desired
	bounds  map[string]schema.Value // of min_tls_version, by name; "" is the zone
	text    string
}

var (
	versions = []schema.Value{`"1.0"`, `"1.1"`, `"1.2"`, `"1.3"`}
	tls13s   = []schema.Value{`"off"`, `"zrt"`, `"on"`}
)

func drawBounded(t *rapid.T) boundedWorld {
	w := boundedWorld{bounds: map[string]schema.Value{}}
	zone := plan.Zone{ID: "z", Name: "saas.example", HostnameSettings: []string{"min_tls_version"}}
	w.live = &plan.Live{}
	draw := func(label string, values []schema.Value) schema.Value {
		return rapid.SampledFrom(values).Draw(t, label)
	}
	add := func(list *[]plan.Setting, id string, v schema.Value, locked bool) {
		*list = append(*list, plan.Setting{ID: id, Raw: string(v), Value: v, Locked: locked})
	}

	locked := odds(t, 5, "locked")
	tls13 := draw("zone tls_1_3", tls13s)
	early := schema.Value(`"off"`)
	if tls13 == `"zrt"` {
		early = `"on"`
	}
	add(&zone.Settings, "0rtt", early, false)
	add(&zone.Settings, "min_tls_version", draw("zone", versions), locked)
	add(&zone.Settings, "tls_1_3", tls13, false)
	for i := range rapid.IntRange(1, 4).Draw(t, "names") {
		h := plan.Hostname{ID: fmt.Sprint("id", i), Name: fmt.Sprintf("h%d.pay.example", i), Status: "active", SSL: true, SSLStatus: "active", Type: "dv", Method: "http"}
		if rapid.Bool().Draw(t, "own") {
			add(&h.Settings, "min_tls_version", draw("own value", versions), false)
		}
		zone.CustomHostnames = append(zone.CustomHostnames, h)
	}
	if rapid.Bool().Draw(t, "own of a name in the zone") {
		h := plan.Hostname{Name: "a.local", InZone: true}
		add(&h.Settings, "min_tls_version", draw("own value", versions), false)
		zone.Hostnames = append(zone.Hostnames, h)
	}
	w.live.Zones = []plan.Zone{zone}

	var b strings.Builder
	b.WriteString("version: 1\n---\nzone: saas.example\n")
	bound := func(prefix string, names ...string) {
		v := draw("bound", versions)
		fmt.Fprintf(&b, "%s{ min_tls_version: { at_least: %s } }\n", prefix, v)
		for _, n := range names {
			w.bounds[n] = v
		}
	}
	if rapid.Bool().Draw(t, "zone bound") {
		bound("settings: ", "")
	}
	b.WriteString("custom_hostnames:\n")
	bound("  defaults: ", "h0.pay.example", "h1.pay.example", "h2.pay.example", "h3.pay.example")
	if rapid.Bool().Draw(t, "rule") {
		fmt.Fprintf(&b, "  rules:\n    - { match: { hostname: \"*.pay.example\", except: h1.pay.example }, min_tls_version: { at_least: \"1.2\" } }\n")
		for _, n := range []string{"h0.pay.example", "h2.pay.example", "h3.pay.example"} {
			w.bounds[n] = `"1.2"`
		}
	}
	if rapid.Bool().Draw(t, "entry") {
		b.WriteString("  hostnames:\n")
		bound("    h2.pay.example: ", "h2.pay.example")
	}
	w.text = b.String()

	var diags schema.Diagnostics
	w.desired, diags = load.Load(fstest.MapFS{"tlsync.yaml": {Data: []byte(w.text)}}, time.Time{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return w
}

func (w *boundedWorld) plan(t *rapid.T, live *plan.Live) *plan.Plan {
	p, err := diff.Build(diff.Input{Live: live, Head: resolve.Resolve(w.desired, live)})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A lower bound never lowers anything at any moment, holds after the apply wherever it
// could be written, and then asks for nothing more.
func TestAtLeastNeverLowersAndSettles(t *testing.T) {
	row, _ := schema.LookupSetting(schema.MinTLSVersion)
	rapid.Check(t, func(t *rapid.T) {
		w := drawBounded(t)
		p := w.plan(t, w.live)
		e := newEdge(w.live)
		ids := []string{"", "za.local"}
		for _, h := range w.live.Zones[0].CustomHostnames {
			ids = append(ids, h.ID)
		}

		for i := range p.Changes {
			for _, h := range p.Changes[i].Hazards {
				if h.Kind == plan.WeakensTLS {
					t.Fatalf("%s weakens: %s\n%s", p.Changes[i].Ref, h.Message, w.text)
				}
			}
			before := map[string]schema.Value{}
			for _, id := range ids {
				before[id] = e.meets("z", id)["min_tls_version"]
			}
			if err := e.write(p.Changes[i].Request); err != nil {
				t.Fatal(err)
			}
			for _, id := range ids {
				if after := e.meets("z", id)["min_tls_version"]; after != before[id] && row.Compare(before[id], after) != schema.Strengthens {
					t.Fatalf("%s goes from %s to %s\n%s", id, before[id], after, w.text)
				}
			}
		}

		locked := slices.ContainsFunc(w.live.Zones[0].Settings, func(s plan.Setting) bool { return s.Locked })
		for i, id := range ids {
			name := ""
			if i > 1 {
				name = w.live.Zones[0].CustomHostnames[i-2].Name
			}
			limit, asked := w.bounds[name]
			if i == 1 || !asked || name == "" && locked {
				continue
			}
			if got := e.meets("z", id)["min_tls_version"]; !row.Meets(limit, got) {
				t.Errorf("%q has %s, want at least %s\n%s", name, got, limit, w.text)
			}
		}

		live := e.reread()
		if again := w.plan(t, live); len(again.Changes) > 0 {
			t.Errorf("the next plan has %d changes, first %+v\n%s", len(again.Changes), again.Changes[0].Edits, w.text)
		}
	})
}

// What a bound lets stand is planned as it is, so a list of suites beside a minimum of 1.3
// that stays is left out.
func TestAtLeastLeavesWhatIsAbove(t *testing.T) {
	const text = `version: 1
---
zone: saas.example
custom_hostnames:
  defaults: { min_tls_version: { at_least: "1.2" }, ciphers: pci, http2: on }
`
	desired, diags := load.Load(fstest.MapFS{"tlsync.yaml": {Data: []byte(text)}}, time.Time{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	name := func(n string, own ...plan.Setting) plan.Hostname {
		return plan.Hostname{ID: n, Name: n + ".example", Status: "active", SSL: true, SSLStatus: "active", Type: "dv", Method: "http", Settings: own}
	}
	minimum := func(v string) plan.Setting {
		return plan.Setting{ID: "min_tls_version", Raw: v, Value: schema.Value(v)}
	}
	live := &plan.Live{Zones: []plan.Zone{{
		ID: "z", Name: "saas.example",
		Settings:        []plan.Setting{minimum(`"1.0"`), {ID: "ciphers", Raw: "[]", Value: "[]"}, {ID: "http2", Raw: `"off"`, Value: `"off"`}},
		CustomHostnames: []plan.Hostname{name("above", minimum(`"1.3"`)), name("below", minimum(`"1.0"`)), name("follower")},
	}}}

	p, err := diff.Build(diff.Input{Live: live, Head: resolve.Resolve(desired, live)})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, c := range p.Changes {
		for _, e := range c.Edits {
			got[c.Name+" "+e.Setting] = e.To.Show()
		}
	}
	if len(p.Findings) > 0 {
		t.Errorf("findings: %+v", p.Findings)
	}
	for key, want := range map[string]string{
		"above.example min_tls_version": "", "above.example ciphers": "", "above.example http2": "on",
		"below.example min_tls_version": "1.2", "below.example ciphers": "pci",
		"follower.example min_tls_version": "1.2", "follower.example ciphers": "pci",
	} {
		if got[key] != want {
			t.Errorf("%s: %q, want %q", key, got[key], want)
		}
	}
}
