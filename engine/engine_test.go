package engine_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tlsync/engine"
	"tlsync/engine/apply"
	"tlsync/engine/cloudflare"
	"tlsync/engine/plan"
	"tlsync/engine/sandbox"
	"tlsync/schema"
	"tlsync/schema/load"
)

const seed = `
tokens: [{name: writer, value: writer-token, permissions: all}]
rate: {requests: -1}
settle: 1h
zones:
  - name: one.example
    settings: {min_tls_version: "1.0"}
    custom_hostnames: [{hostname: app.test}]
  - name: two.example
    settings: {min_tls_version: "1.0"}
`

const config = `
zone: one.example
settings: { min_tls_version: "1.2" }
custom_hostnames: { defaults: { http2: on } }
---
zone: two.example
settings: { min_tls_version: "1.2" }
`

func configured(t *testing.T, text string) *schema.Desired {
	t.Helper()
	d, diags := load.Load(fstest.MapFS{"tlsync.yaml": {Data: []byte("version: 1\n---\n" + text)}}, time.Time{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return d
}

// start is an engine on a server. Its waits are recorded and take no time.
func start(t *testing.T) (*engine.Engine, *sandbox.Server, *[]time.Duration) {
	t.Helper()
	parsed, err := sandbox.ParseSeed([]byte(seed))
	if err != nil {
		t.Fatal(err)
	}
	server := sandbox.New(parsed, sandbox.Options{})
	listener := httptest.NewServer(server)
	t.Cleanup(func() {
		server.Close()
		listener.Close()
	})
	w, err := cloudflare.NewWriter(cloudflare.Options{
		BaseURL: listener.URL + sandbox.Base, Credentials: cloudflare.Credentials{Token: "writer-token"},
	})
	if err != nil {
		t.Fatal(err)
	}
	waits := &[]time.Duration{}
	return &engine.Engine{Source: w, Target: w, Wait: func(ctx context.Context, d time.Duration) error {
		*waits = append(*waits, d)
		return ctx.Err()
	}}, server, waits
}

func ids(p *plan.Plan) []string {
	out := []string{}
	for _, c := range p.Changes {
		out = append(out, c.String())
	}
	return out
}

// late is live state that shows a write only some readings after it: it answers
// with what was read first, and from the given reading on with the truth.
type late struct {
	engine.Source
	first *plan.Live
	reads int
	until int
	fails int    // the reading that fails
	asked func() // called by every reading, unless nil
}

func (l *late) Fetch(ctx context.Context, s plan.Scope) (*plan.Live, error) {
	if s.Zones[0].Optional {
		return l.Source.Fetch(ctx, s) // who follows a zone; not what stands in it
	}
	l.reads++
	if l.asked != nil {
		l.asked()
	}
	switch {
	case l.reads == l.fails:
		return nil, errors.New("the line is dead")
	case l.first == nil:
		live, err := l.Source.Fetch(ctx, s)
		l.first = live
		return live, err
	case l.reads <= l.until:
		return l.first, nil
	}
	return l.Source.Fetch(ctx, s)
}

func TestApplyLooksAgain(t *testing.T) {
	const s = time.Second
	for _, tc := range []struct {
		name  string
		until int // the last reading that shows the old state
		fails int
		waits []time.Duration
		left  int
		err   string
	}{
		{"effective at once", 0, 0, nil, 0, ""},
		{"effective after two waits", 3, 0, []time.Duration{s, 2 * s}, 0, ""},
		{"never effective", 99, 0, []time.Duration{s, 2 * s, 4 * s}, 3, ""},
		{"not to be read again", 0, 2, nil, -1, "read live state again: read live state: the line is dead"},
		{"not to be read a third time", 99, 3, []time.Duration{s}, 3, "read live state again: read live state: the line is dead"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e, _, waits := start(t)
			e.Source = &late{Source: e.Source, until: tc.until, fails: tc.fails}
			head := configured(t, config)
			p, err := e.Plan(t.Context(), nil, head, plan.Config{Commit: "abc"})
			if err != nil {
				t.Fatal(err)
			}
			r, err := e.Apply(t.Context(), p, head, apply.Options{Concurrency: 2})
			if text := message(err); text != tc.err {
				t.Errorf("error %q, want %q", text, tc.err)
			}
			if r.Tally.Done != 3 {
				t.Errorf("%+v", r.Tally)
			}
			if diff := cmp.Diff(tc.waits, *waits, cmp.Transformer("none", func(d []time.Duration) []time.Duration { return append([]time.Duration{}, d...) })); diff != "" {
				t.Errorf("waits (-want +got):\n%s", diff)
			}
			switch {
			case tc.left < 0 && r.Remaining != nil:
				t.Errorf("remaining: %v", ids(r.Remaining))
			case tc.left >= 0 && (r.Remaining == nil || len(r.Remaining.Changes) != tc.left || r.Remaining.Config.Commit != "abc"):
				t.Errorf("remaining: %+v", r.Remaining)
			}
		})
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestApplyDoesNotWaitForFailures looks again at once where what is left is what
// failed.
func TestApplyDoesNotWaitForFailures(t *testing.T) {
	e, server, waits := start(t)
	if err := server.AddFault(sandbox.Fault{Kind: "error", Status: 400, Code: 1007, Method: "PATCH", Path: "/zones/two.example/**"}); err != nil {
		t.Fatal(err)
	}
	head := configured(t, config)
	p, err := e.Plan(t.Context(), nil, head, plan.Config{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := e.Apply(t.Context(), p, head, apply.Options{Concurrency: 2})
	if err != nil || len(*waits) > 0 {
		t.Errorf("error %v, waits %v", err, *waits)
	}
	if diff := cmp.Diff([]string{"zone/two.example#min_tls_version"}, ids(r.Remaining)); diff != "" {
		t.Errorf("remaining (-want +got):\n%s", diff)
	}
}

func TestApplyWithoutAWriteReadsNothing(t *testing.T) {
	e, server, _ := start(t)
	head := configured(t, config)
	p, err := e.Plan(t.Context(), nil, head, plan.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for name, fault := range map[string]bool{"nothing to do": false, "refused": true} {
		q := p
		if fault {
			if err := server.Permissions("writer", sandbox.ReadOnly(), ""); err != nil {
				t.Fatal(err)
			}
		} else {
			q = &plan.Plan{}
		}
		before := len(server.History())
		r, err := e.Apply(t.Context(), q, head, apply.Options{Concurrency: 1})
		if err != nil || r.Remaining != nil {
			t.Errorf("%s: error %v, remaining %v", name, err, r.Remaining)
		}
		for _, entry := range server.History()[before:] {
			if entry.Method == "GET" {
				t.Errorf("%s: read %s", name, entry.Path)
			}
		}
	}
}

// TestInterruptEndsTheLooking interrupts Apply while it waits for live state to
// settle, on the real clock: the first wait is a second.
func TestInterruptEndsTheLooking(t *testing.T) {
	e, _, _ := start(t)
	e.Wait = nil
	source := &late{Source: e.Source, until: 99}
	e.Source = source
	head := configured(t, config)
	p, err := e.Plan(t.Context(), nil, head, plan.Config{})
	if err != nil {
		t.Fatal(err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	// The clock starts with the look, so that a slow machine may take its time to write.
	var looked time.Time
	source.asked = func() {
		looked = time.Now()
		time.AfterFunc(100*time.Millisecond, cancel)
	}
	r, err := e.Apply(ctx, p, head, apply.Options{Concurrency: 4})
	if err != nil || r.Tally.Done != 3 || r.Remaining == nil {
		t.Errorf("error %v, %+v, remaining %v", err, r.Tally, r.Remaining)
	}
	if took := time.Since(looked); took > 900*time.Millisecond {
		t.Errorf("it took %s", took)
	}
}

func TestZones(t *testing.T) {
	e, server, _ := start(t)
	e.Zones = []string{"two.example"}
	p, err := e.Plan(t.Context(), nil, configured(t, config), plan.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"zone/two.example#min_tls_version"}, ids(p)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, z := range server.State().Zones {
		for _, entry := range server.History() {
			if z.Name == "one.example" && strings.Contains(entry.Path, z.ID) {
				t.Errorf("the other zone was read too: %s", entry.Path)
			}
		}
	}
	e.Zones = []string{"three.example"}
	if _, err := e.Plan(t.Context(), nil, configured(t, config), plan.Config{}); message(err) != `no zone document covers zone "three.example"; there are one.example, two.example` {
		t.Errorf("error %v", err)
	}
	// A glob narrowed to a name.
	p, err = (&engine.Engine{Source: e.Source, Zones: []string{"one.example"}}).Plan(t.Context(), nil,
		configured(t, "zone: \"*\"\naccount: Sandbox Inc\nsettings: { http3: off }\n"), plan.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"zone/one.example#http3"}, ids(p)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCauses(t *testing.T) {
	e, _, _ := start(t)
	head := configured(t, config)
	causes := func(p *plan.Plan, err error) []plan.Cause {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		var out []plan.Cause
		for _, c := range p.Changes {
			for _, edit := range c.Edits {
				out = append(out, edit.Cause)
			}
		}
		return slices.Compact(out)
	}
	if got := causes(e.Plan(t.Context(), head, head, plan.Config{})); !slices.Equal(got, []plan.Cause{plan.CauseDrift}) {
		t.Errorf("drift: %v", got)
	}
	if got := causes(e.Plan(t.Context(), nil, head, plan.Config{})); !slices.Equal(got, []plan.Cause{plan.CauseAdopt}) {
		t.Errorf("without a base: %v", got)
	}
	base := configured(t, strings.NewReplacer(`"1.2"`, `"1.0"`, "http2: on", "http2: inherit").Replace(config))
	if got := causes(e.Plan(t.Context(), base, head, plan.Config{})); !slices.Equal(got, []plan.Cause{plan.CauseChange}) {
		t.Errorf("with a base: %v", got)
	}
}

// TestZoneOfTheBaseAlone drops the document of a zone that is gone: that it does
// not exist is no finding any more.
func TestZoneOfTheBaseAlone(t *testing.T) {
	e, _, _ := start(t)
	base := configured(t, config+"---\nzone: gone.example\nsettings: { http2: on }\n")
	p, err := e.Plan(t.Context(), base, configured(t, config), plan.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range p.Findings {
		t.Errorf("%s %s", f.Rule, f.Message)
	}
}

func TestPlanCannotRead(t *testing.T) {
	e, _, _ := start(t)
	e.Source = &late{Source: e.Source, fails: 1}
	if _, err := e.Plan(t.Context(), nil, configured(t, config), plan.Config{}); message(err) != "read live state: the line is dead" {
		t.Errorf("error %v", err)
	}
}
