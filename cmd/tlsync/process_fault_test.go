package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tlsync/engine/sandbox"
)

// TestFaultsOver500Changes lets a fifth of all requests fail in some way. The run
// ends with 0 or 5 and a tally that adds up, the next one ends clean, and nothing
// that the configuration does not speak of has changed.
func TestFaultsOver500Changes(t *testing.T) {
	t.Parallel()
	rng, seed := draw(t)
	a := newAPI(t, sandbox.Seed{Zones: []sandbox.Zone{
		{
			Name: "saas.example", Settings: sandbox.Settings{"min_tls_version": "1.0", "http3": "off"},
			Generate: sandbox.Generators{{Count: 500, Pattern: "shop-%03d.test", Settings: sandbox.Settings{"http2": "on", "early_hints": "off"}}},
		},
		{Name: "other.example", Generate: sandbox.Generators{{Count: 20, Pattern: "other-%02d.test"}}},
	}})
	dir := configured(t, `version: 1
---
zone: saas.example
custom_hostnames: { defaults: { min_tls_version: "1.2" } }
`)
	before := a.State()
	for i, f := range []sandbox.Fault{
		{Kind: "error", Status: 503, Probability: 0.03},
		{Kind: "error", Status: 502, HTML: true, Work: true, Probability: 0.03},
		{Kind: "drop-request", Probability: 0.04},
		{Kind: "drop-answer", Probability: 0.04},
		{Kind: "truncate", Probability: 0.03},
		{Kind: "delay", Delay: time.Duration(1+rng.IntN(150)) * time.Millisecond, Probability: 0.05},
	} {
		f.Seed = seed + uint64(i)
		if err := a.AddFault(f); err != nil {
			t.Fatal(err)
		}
	}
	apply := []string{"apply", "--yes", "--rate", "1000000/1m"}
	code, p := a.run(t, dir, apply...)
	if code == 1 && !strings.Contains(p.out.String(), "Applied: ") {
		// Live state could not be read: a page failed three times.
		if n := len(changed(a.History())); n > 0 {
			t.Fatalf("exit code 1, and %d writes:\n%s", n, &p.err)
		}
	} else {
		if code != 0 && code != 5 {
			t.Fatalf("exit code %d\n%s%s", code, &p.out, &p.err)
		}
		tally := p.tally(t)
		if tally[4] != 500 {
			t.Errorf("%d changes were planned", tally[4])
		}
		if (code == 0) != (tally[0] == 500) && !strings.Contains(p.err.String(), "but not checked") {
			t.Errorf("exit code %d with %d changes done\n%s", code, tally[0], &p.err)
		}
		if n := len(changed(a.History())); n < tally[0] || n > tally[0]+tally[1] {
			t.Errorf("%d names were written, %d changes are done and %d failed", n, tally[0], tally[1])
		}
	}
	struck := 0
	for _, e := range a.History() {
		if len(e.Faults) > 0 {
			struck++
		}
	}
	t.Logf("%d of %d requests were disturbed; exit code %d", struck, len(a.History()), code)
	if n := len(a.History()); struck < n/10 {
		t.Errorf("%d of %d requests were disturbed, not a fifth", struck, n)
	}

	a.ClearFaults()
	a.settles(t, dir, apply...)
	for object, n := range changed(a.History()) {
		if n > 1 {
			t.Errorf("%s was written %d times", object, n)
		}
	}
	after := a.State()
	for i := range after.Zones[1].CustomHostnames {
		settings := after.Zones[1].CustomHostnames[i].SSL.Settings
		if settings["min_tls_version"] != "1.2" {
			t.Errorf("%s ends as %v", after.Zones[1].CustomHostnames[i].Hostname, settings)
		}
		delete(settings, "min_tls_version")
		// A write carries the whole certificate and restarts nothing else.
		after.Zones[1].CustomHostnames[i].SSL.Status = before.Zones[1].CustomHostnames[i].SSL.Status
	}
	if was, is := string(before.YAML()), string(after.YAML()); was != is {
		t.Errorf("something else has changed: %s", firstDifference(was, is))
	}
}

// changed are the custom hostnames and zones that writes changed, and how often.
func changed(history []sandbox.Entry) map[string]int {
	out := map[string]int{}
	for _, e := range history {
		if isWrite(&e) && slices.Contains(effects, e.Effect) {
			for _, w := range e.Writes {
				out[w.Object]++
			}
		}
	}
	return out
}

func firstDifference(a, b string) string {
	as, bs := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(as), len(bs)) {
		if as[i] != bs[i] {
			return fmt.Sprintf("line %d was %q, is %q", i+1, as[i], bs[i])
		}
	}
	return fmt.Sprintf("%d lines, now %d", len(as), len(bs))
}

// killNew is how many names of killWorld are made: no more than may be at once, since
// further ones wait for Cloudflare to issue certificates.
const killNew = 12

// killWorld is a zone that is lowered, with names that are pinned first, names that
// follow it afterwards, names that are made, and others: 200 changes.
func killWorld() (sandbox.Seed, string) {
	seed := sandbox.Seed{Zones: []sandbox.Zone{{
		Name: "saas.example", Settings: sandbox.Settings{"min_tls_version": "1.2"}, FallbackOrigin: "origin.saas.example",
		Generate: sandbox.Generators{
			{Count: 138, Pattern: "pinned-%03d.test"},
			{Count: 40, Pattern: "freed-%03d.test", Settings: sandbox.Settings{"min_tls_version": "1.2"}},
			{Count: 9, Pattern: "plain-%03d.test", Settings: sandbox.Settings{"min_tls_version": "1.1"}},
		},
	}}}
	var b strings.Builder
	b.WriteString(`version: 1
---
zone: saas.example
settings: { min_tls_version: "1.0" }
custom_hostnames:
  create: true
  rules:
    - { match: { hostname: "pinned-*.test" }, min_tls_version: "1.2" }
    - { match: { hostname: "freed-*.test" }, min_tls_version: inherit }
    - { match: { hostname: "plain-*.test" }, min_tls_version: "1.3" }
  hostnames:
`)
	for i := range killNew {
		fmt.Fprintf(&b, "    new-%02d.test: { min_tls_version: \"1.2\", ssl: { method: http } }\n", i)
	}
	return seed, b.String()
}

// TestKilledAtAnyMoment kills an apply of 200 changes at 50 moments. The next run
// ends each time, and nothing is left to plan then; nothing was made twice, and no
// name met a value that is neither its old one nor its new one.
func TestKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	rng, _ := draw(t)
	seed, config := killWorld()
	dir := configured(t, config)
	apply := []string{"apply", "--yes", "--rate", "1000000/1m", "--allow-hazards", "weakens_tls"}
	killed, writes := 0, 0
	moments := 50
	if testing.Short() {
		moments = 10
	}
	for range moments {
		a := newAPI(t, seed)
		p := a.command(dir, slices.Concat(apply, []string{"--concurrency", fmt.Sprint(1 + rng.IntN(8))})...)
		die := make(chan string, 1)
		var late time.Duration
		if rng.IntN(4) == 0 {
			late = time.Duration(rng.IntN(1000)) * time.Millisecond
		} else {
			index, answered := 1+rng.IntN(240), rng.IntN(2) == 0
			a.watch(func(_ *http.Request, n int, done bool) {
				if n == index && done == answered {
					select {
					case die <- fmt.Sprintf("request %d, answered: %t", n, done):
					default:
					}
				}
			})
		}
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		moment := make(chan string, 1)
		go func() {
			var timer <-chan time.Time
			if late > 0 {
				timer = time.After(late)
			}
			at := ""
			select {
			case at = <-die:
				_ = p.Process.Kill()
			case <-timer:
				at = late.String()
				_ = p.Process.Kill()
			case <-ended:
			}
			moment <- at
		}()
		code := p.code(t)
		close(ended)
		at := <-moment
		if code == -1 {
			killed++
		} else if code != 0 {
			t.Fatalf("exit code %d\n%s%s", code, &p.out, &p.err)
		}
		writes += len(changed(a.History()))
		a.watch(nil)
		a.settles(t, dir, apply...)
		checkKilled(t, a.Server)
		a.close()
		if t.Failed() {
			t.Fatalf("killed at %s", at)
		}
	}
	t.Logf("%d of %d runs were killed, after %d writes in all", killed, moments, writes)
	if !testing.Short() && (killed < 25 || writes < 500) {
		t.Errorf("only %d runs were killed, after %d writes in all", killed, writes)
	}
}

func checkKilled(t *testing.T, server *sandbox.Server) {
	t.Helper()
	made := map[string]int{}
	for _, e := range server.History() {
		if e.Effect == sandbox.EffectCreated {
			made[e.Writes[0].Object]++
		}
	}
	if len(made) != killNew {
		t.Errorf("%d names were made", len(made))
	}
	for _, object := range slices.Sorted(maps.Keys(made)) {
		if made[object] != 1 {
			t.Errorf("%s was made %d times", object, made[object])
		}
	}
	allowed := map[string][]string{"pinned": {"1.2"}, "freed": {"1.2", "1.0"}, "plain": {"1.1", "1.3"}, "new": {"", "1.2"}}
	for _, h := range server.State().Zones[0].CustomHostnames {
		kind, _, _ := strings.Cut(h.Hostname, "-")
		for _, m := range server.Timeline("saas.example", h.Hostname, "min_tls_version") {
			if value := textOf(json.RawMessage(m.Value)); !slices.Contains(allowed[kind], value) {
				t.Errorf("%s met %s from request %d on", h.Hostname, m.Value, m.N)
			}
		}
	}
}

// TestTwoAtOnce runs two programs on one account, and somebody edits in the dashboard
// meanwhile: neither undoes what the other has done, and afterwards all is as asked.
func TestTwoAtOnce(t *testing.T) {
	t.Parallel()
	a := newAPI(t, sandbox.Seed{Latency: 3 * time.Millisecond, Zones: []sandbox.Zone{{
		Name: "saas.example", Settings: sandbox.Settings{"min_tls_version": "1.2"},
		Generate: sandbox.Generators{{Count: 60, Pattern: "shop-%02d.test"}},
	}}})
	dir := configured(t, `version: 1
---
zone: saas.example
settings: { min_tls_version: "1.0" }
custom_hostnames: { defaults: { min_tls_version: "1.2" } }
`)
	var lists atomic.Int32
	planned := make(chan struct{}) // closed when both have read what is live
	a.watch(func(r *http.Request, n int, answered bool) {
		switch {
		case r.Method != http.MethodGet:
			select {
			case <-planned:
			case <-time.After(30 * time.Second):
			}
		case answered && strings.HasSuffix(r.URL.Path, "/custom_hostnames") && lists.Add(1) == 2:
			close(planned)
		}
		if n%10 == 0 && answered {
			edit := sandbox.Edit{Zone: "saas.example", Hostname: fmt.Sprintf("shop-%02d.test", n/10), Settings: sandbox.Settings{"http2": "off"}}
			if err := a.Dashboard(edit); err != nil {
				t.Error(err)
			}
		}
	})
	apply := []string{"apply", "--yes", "--rate", "1000000/1m", "--allow-hazards", "weakens_tls"}
	var both [2]*process
	for i := range both {
		both[i] = a.command(dir, apply...)
		if err := both[i].Start(); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range both {
		code := p.code(t)
		if tally := p.tally(t); code != 0 && code != 5 || code == 0 && tally[0] != tally[4] {
			t.Errorf("exit code %d\n%s%s", code, &p.out, &p.err)
		}
	}
	a.watch(nil)
	for object, n := range changed(a.History()) {
		if n > 2 {
			t.Errorf("%s was written %d times", object, n)
		}
	}
	a.settles(t, dir, apply...)
	for _, h := range a.State().Zones[0].CustomHostnames {
		for _, m := range a.Timeline("saas.example", h.Hostname, "min_tls_version") {
			if m.Value != `"1.2"` {
				t.Errorf("%s met %s from request %d on", h.Hostname, m.Value, m.N)
			}
		}
	}
}
