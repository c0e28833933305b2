package apply_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"tlsync/engine"
	"tlsync/engine/apply"
	"tlsync/engine/cloudflare"
	"tlsync/engine/plan"
	"tlsync/engine/sandbox"
	"tlsync/schema"
	"tlsync/schema/load"
)

var (
	modelSeed   = flag.Uint64("model.seed", 0, "run the one world of TestModel that has this seed")
	modelWorlds = flag.Uint64("model.worlds", 200, "how many worlds TestModel looks at")
)

// pastBugs are worlds that once showed something wrong, and what.
var pastBugs = map[uint64]string{
	518174579884: "a write that had waited minutes for its turn undid an edit",
	672434723287: "a write that had waited minutes for its turn undid an edit",
}

// model is a world made from a seed: the live state, the configuration, and the faults.
type model struct {
	seed   sandbox.Seed
	config string
	head   *schema.Desired
	// want are the values that the configuration asks for, by object and setting,
	// as an object's own. live are those before the first run.
	want, live map[string]map[string]schema.Value
	create     []string // objects that are to be made
	remove     []string // objects that are to be deleted
	edits      []sandbox.Edit
	rate       int
	workers    int
}

// TestModel makes a world from each seed and applies its configuration while requests
// fail in all possible ways and someone edits in the dashboard. It kills or stops some of
// the runs, and runs once more without faults. Then it checks in the simulator's history:
//
//  1. Every managed setting has the desired value.
//  2. Nothing that is not managed was ever written.
//  3. No name ever had a value other than its old one and its new one.
//  4. Nothing was created twice.
//  5. Nothing was written more often than planned, except for writes that were surely
//     not done.
//  6. Every change is accounted for once, and correctly.
//  7. No five minutes had more requests than the rate allows.
//  8. A plan made at the end is empty.
func TestModel(t *testing.T) {
	if *modelSeed != 0 {
		runModel(t, *modelSeed, map[string]int{})
		return
	}
	for _, seed := range slices.Sorted(maps.Keys(pastBugs)) {
		t.Run(fmt.Sprintf("%d: %s", seed, pastBugs[seed]), func(t *testing.T) { runModel(t, seed, map[string]int{}) })
	}
	met := map[string]int{}
	worlds, first := *modelWorlds, rand.Uint64N(1<<40)
	if testing.Short() {
		worlds /= 5
	}
	for i := range worlds {
		seed := first + i
		if !t.Run(fmt.Sprint(seed), func(t *testing.T) { runModel(t, seed, met) }) {
			t.Fatalf("see it again with: go test ./engine/apply -run TestModel -model.seed %d", seed)
		}
	}
	t.Log(met)
	for _, what := range []string{
		"done", "failed", "skipped", "not_attempted", "killed", "stopped", "dashboard", "created", "deleted", "dropped", "ignored",
		"drop-answer", "rate-limit", "error", "body", "truncate", "delay", "unsuccessful", "revoke", "conflict", "unknown",
	} {
		if met[what] == 0 && worlds >= 200 {
			t.Errorf("no world comes to %q", what)
		}
	}
}

// A run is what one process did.
type modelRun struct {
	made     *plan.Plan
	result   *apply.Result
	err      error
	reported []apply.Step // before it was killed
	killed   bool
	history  []sandbox.Entry
}

func runModel(t *testing.T, seed uint64, met map[string]int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := newModel(t, seed)
		server := sandbox.New(m.seed, sandbox.Options{})
		defer server.Close()
		rng := rand.New(rand.NewPCG(seed, 1))
		broken := &wire{server: server, seed: seed, edits: m.edits, chance: []float64{0, 0.05, 0.2, 0.5}[rng.IntN(4)], revoke: rng.IntN(3) == 0}
		if rng.IntN(3) == 0 {
			broken.every = time.Duration(5+rng.IntN(60)) * time.Second
			broken.asked = []time.Duration{0, 2 * time.Minute}[rng.IntN(2)]
		}
		switch rng.IntN(5) {
		case 0, 1:
			broken.killAt = 1 + rng.IntN(60)
		case 2:
			broken.stopAt = 1 + rng.IntN(40)
		}
		runs := []*modelRun{m.run(t, server, broken)}
		if runs[0].killed {
			met["killed"]++
		}
		if runs[0].result != nil && strings.Contains(runs[0].result.Stopped, "SIGINT") {
			met["stopped"]++
		}
		server.ClearFaults()
		if err := server.Permissions("writer", sandbox.All(), ""); err != nil {
			t.Fatal(err)
		}
		for i := range 2 { // the second has nothing to do
			time.Sleep(5 * time.Minute)
			r := m.run(t, server, &wire{server: server, seed: seed + 1 + uint64(i)})
			if r.err != nil {
				t.Fatalf("run %d, without faults: %v", i+2, r.err)
			}
			if r.result.Tally.Done != r.result.Tally.Planned {
				t.Fatalf("run %d, without faults, is not done:\n%s", i+2, reasons(r.result))
			}
			runs = append(runs, r)
		}
		if n := len(runs[2].made.Changes); n > 0 {
			t.Errorf("planned again: %d changes, the first %s", n, runs[2].made.Changes[0].String())
		}
		for i, r := range runs {
			m.check(t, fmt.Sprintf("run %d", i+1), r)
			for _, e := range r.history {
				met[string(e.Effect)]++
				for _, f := range e.Faults {
					met[f]++
				}
			}
			if r.result == nil || r.killed {
				continue
			}
			for _, s := range r.result.Steps {
				met[string(s.Outcome)]++
				for what, sign := range map[string]string{"conflict": "changed since the plan was made", "unknown": "outcome unknown"} {
					if strings.Contains(s.Reason, sign) {
						met[what]++
					}
				}
			}
		}
		m.checkEnd(t, server)
		if t.Failed() {
			t.Logf("configuration:\n%s", m.config)
			for _, f := range runs[2].made.Findings {
				t.Logf("finding: %s %s", f.Ref, f.Message)
			}
		}
	})
}

// run is one process: a client that remembers nothing, a plan, and an apply.
func (m *model) run(t *testing.T, server *sandbox.Server, w *wire) *modelRun {
	t.Helper()
	w.dead, w.seen = make(chan struct{}), map[string]int{}
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	w.stop = func() { cancel(errors.New("SIGINT")) }
	writer, err := cloudflare.NewWriter(cloudflare.Options{
		BaseURL: "https://api.test" + sandbox.Base, Credentials: cloudflare.Credentials{Token: "writer-token"},
		Rate: cloudflare.Rate{Requests: m.rate, Per: 5 * time.Minute}, Concurrency: m.workers, Transport: w,
	})
	if err != nil {
		t.Fatal(err)
	}
	before := len(server.History())
	defer w.somebodyElse()()
	r := &modelRun{}
	e := &engine.Engine{Source: writer, Target: writer}
	if r.made, r.err = e.Plan(ctx, nil, m.head, plan.Config{}); r.err == nil {
		time.Sleep(w.asked)
		r.result, r.err = e.Apply(ctx, r.made, m.head, apply.Options{Concurrency: m.workers, Report: func(s apply.Step) {
			if w.alive() {
				r.reported = append(r.reported, s)
			}
		}})
	}
	if w.early > 0 {
		t.Errorf("%d requests were sent although the API had asked to wait", w.early)
	}
	r.killed = !w.alive()
	r.history = server.History()[before:]
	return r
}

// newModel makes the world of a seed. One that nobody could allow, since no version
// would be left to negotiate, is made anew.
func newModel(t *testing.T, seed uint64) *model {
	t.Helper()
	for i := uint64(2); ; i++ {
		m := drawModel(rand.New(rand.NewPCG(seed, i)))
		head, diags := load.Load(fstest.MapFS{"tlsync.yaml": {Data: []byte(m.config)}}, time.Time{})
		switch {
		case !diags.HasErrors():
		case slices.ContainsFunc(diags, func(d schema.Diagnostic) bool { return d.Severity == schema.Error && d.Rule != "no-protocol" }):
			t.Fatalf("seed %d: %v\n%s", seed, diags, m.config)
		default:
			continue
		}
		m.head = head
		server := sandbox.New(m.seed, sandbox.Options{})
		writer, err := cloudflare.NewWriter(cloudflare.Options{
			BaseURL: "https://api.test" + sandbox.Base, Credentials: cloudflare.Credentials{Token: "writer-token"},
			Transport: &wire{server: server, dead: make(chan struct{}), seen: map[string]int{}},
		})
		if err != nil {
			t.Fatal(err)
		}
		made, err := (&engine.Engine{Source: writer}).Plan(t.Context(), nil, head, plan.Config{})
		server.Close()
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, m.config)
		}
		if len(made.Changes) > 0 && len(apply.Refusals(made, plan.HazardKinds())) == 0 {
			return m
		}
	}
}

// drawModel draws a world.
func drawModel(rng *rand.Rand) *model {
	m := &model{
		want: map[string]map[string]schema.Value{}, live: map[string]map[string]schema.Value{},
		rate: []int{12, 25, 1100}[rng.IntN(3)], workers: []int{1, 1, 2, 4, 10}[rng.IntN(5)],
	}
	m.seed = sandbox.Seed{
		Rate:   sandbox.Rate{Requests: m.rate + m.rate/10},
		Settle: []time.Duration{0, 0, 700 * time.Millisecond, 3 * time.Second}[rng.IntN(4)],
		Tokens: []sandbox.Token{{Name: "writer", Value: "writer-token"}},
		Accounts: []sandbox.Account{{Name: "Sandbox Inc", Alerts: []sandbox.Alert{
			{Name: "Somebody else's", Type: "universal_ssl_event_type", Email: []string{"them@saas.example"}},
		}}},
	}
	var b strings.Builder
	b.WriteString("version: 1\n")
	for z := range 1 + rng.IntN(2) {
		m.drawZone(rng, &b, fmt.Sprintf("saas%d.example", z))
	}
	if rng.IntN(3) == 0 {
		b.WriteString("---\naccount: Sandbox Inc\nalerts:\n")
		for i, kind := range []string{"access_custom_certificate_expiration_type", "custom_ssl_certificate_event_type"}[:1+rng.IntN(2)] {
			fmt.Fprintf(&b, "  - { type: %s, name: Alert %d, email: [tls@saas.example] }\n", kind, i)
			m.create = append(m.create, fmt.Sprintf("alert/Sandbox Inc/Alert %d", i))
		}
	}
	m.config = b.String()
	return m
}

// drawZone draws a zone with its names, and the document that speaks of it.
func (m *model) drawZone(rng *rand.Rand, b *strings.Builder, name string) {
	maybe := func() bool { return rng.IntN(2) == 0 }
	pick := func(id string, more ...string) string {
		all := slices.Concat(values[id], more)
		return all[rng.IntN(len(all))]
	}
	// Cloudflare takes no hostname that has both a minimum of 1.3 and ciphers of its
	// own.
	own := func(id string, more ...string) string {
		if id == "min_tls_version" {
			return slices.Concat([]string{"1.0", "1.1", "1.2"}, more)[rng.IntN(3+len(more))]
		}
		return pick(id, more...)
	}
	zone := sandbox.Zone{Name: name, Settings: sandbox.Settings{}, FallbackOrigin: "origin." + name, Hostnames: map[string]sandbox.Settings{}}
	zoneObject := "zone/" + name
	m.want[zoneObject], m.live[zoneObject] = map[string]schema.Value{}, map[string]schema.Value{}
	fmt.Fprintf(b, "---\nzone: %s\n", name)
	line := func(object, id, value string, l schema.Level) string {
		if m.want[object] == nil {
			m.want[object] = map[string]schema.Value{}
		}
		m.want[object][id] = assign(id, value, l).Value
		return fmt.Sprintf("%s: %q", id, value)
	}
	set := func(into sandbox.Settings, object, id, value string, l schema.Level) {
		into[id] = raw(id, value)
		if m.live[object] == nil {
			m.live[object] = map[string]schema.Value{}
		}
		m.live[object][id] = assign(id, value, l).Value
	}
	var lines []string
	for _, id := range watched {
		set(zone.Settings, zoneObject, id, pick(id), schema.ZoneLevel)
		if maybe() {
			lines = append(lines, line(zoneObject, id, pick(id), schema.ZoneLevel))
		}
	}
	if len(lines) > 0 {
		fmt.Fprintf(b, "settings: { %s }\n", strings.Join(lines, ", "))
	}
	m.edits = append(m.edits,
		sandbox.Edit{Zone: name, Settings: sandbox.Settings{"http3": pick("http2")}},
		sandbox.Edit{Zone: name, Settings: sandbox.Settings{"http2": pick("http2")}})

	for i := range rng.IntN(3) { // names in the zone
		if i == 0 {
			b.WriteString("hostnames:\n")
		}
		host := fmt.Sprintf("api%d.%s", i, name)
		object := "hostname/" + name + "/" + host
		zone.Hostnames[host] = sandbox.Settings{}
		if maybe() {
			set(zone.Hostnames[host], object, "min_tls_version", own("min_tls_version"), schema.HostnameLevel)
		}
		fmt.Fprintf(b, "  %s: { %s }\n", host, line(object, "min_tls_version", own("min_tls_version", "inherit"), schema.HostnameLevel))
	}

	fmt.Fprintf(b, "custom_hostnames:\n  create: true\n  hostnames:\n")
	for i := range 1 + rng.IntN(5) {
		host := fmt.Sprintf("h%d.test", i)
		object := "custom_hostname/" + name + "/" + host
		settings := sandbox.Settings{}
		m.want[object] = map[string]schema.Value{}
		lines = nil
		for _, id := range watched {
			if maybe() {
				set(settings, object, id, own(id), schema.CustomHostnameLevel)
			}
			if maybe() {
				lines = append(lines, line(object, id, own(id, "inherit"), schema.CustomHostnameLevel))
			}
		}
		if maybe() {
			settings["early_hints"] = "on"
		}
		zone.CustomHostnames = append(zone.CustomHostnames, sandbox.Hostname{Hostname: host, SSL: &sandbox.SSL{Settings: settings}})
		fmt.Fprintf(b, "    %s: { %s }\n", host, strings.Join(lines, ", "))
		m.edits = append(m.edits, sandbox.Edit{Zone: name, Hostname: host, Settings: sandbox.Settings{"min_tls_version": own("min_tls_version")}})
		if m.live[zoneObject]["min_tls_version"] != `"1.3"` && m.want[zoneObject]["min_tls_version"] != `"1.3"` {
			m.edits = append(m.edits, // each edit writes the zone's minimum to the hostname
				sandbox.Edit{Zone: name, Hostname: host, Settings: sandbox.Settings{"http2": pick("http2")}},
				sandbox.Edit{Zone: name, Hostname: host, Settings: sandbox.Settings{"early_hints": pick("http2")}},
				sandbox.Edit{Zone: name, Hostname: host, Save: true})
		}
	}
	for i := range rng.IntN(3) {
		host := fmt.Sprintf("new%d.test", i)
		object := "custom_hostname/" + name + "/" + host
		fmt.Fprintf(b, "    %s: { %s, %s, ssl: { method: http } }\n", host,
			line(object, "min_tls_version", own("min_tls_version"), schema.CustomHostnameLevel), line(object, "http2", pick("http2"), schema.CustomHostnameLevel))
		m.create = append(m.create, object)
	}
	if maybe() {
		zone.CustomHostnames = append(zone.CustomHostnames, sandbox.Hostname{Hostname: "gone.test"})
		b.WriteString("    gone.test: { state: absent }\n")
		m.remove = append(m.remove, "custom_hostname/"+name+"/gone.test")
	}
	zone.CustomHostnames = append(zone.CustomHostnames, sandbox.Hostname{Hostname: "foreign.test", SSL: &sandbox.SSL{Settings: sandbox.Settings{"http2": "on"}}})
	m.seed.Zones = append(m.seed.Zones, zone)
}
