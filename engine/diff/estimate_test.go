package diff_test

import (
	"fmt"
	"testing"
	"time"

	"tlsync/engine/diff"
	"tlsync/engine/plan"
	"tlsync/engine/resolve"
	"tlsync/schema"
)

// TestEstimate is about the budget: a stretch of it goes out at once, and what is
// beyond waits for the next.
func TestEstimate(t *testing.T) {
	usual := plan.Budget{Requests: 1100, Per: 5 * time.Minute}
	for _, c := range []struct {
		name          string
		budget        plan.Budget
		reads, writes int
		want          time.Duration
	}{
		{"nothing to write takes no time", usual, 4, 0, 0},
		{"one write rounds up to a second", usual, 4, 1, time.Second},
		{"what one stretch holds goes out at once", usual, 4, 1096, 55 * time.Second},
		{"one more waits for the next stretch", usual, 4, 1097, 5*time.Minute + time.Second},
		{"reads of an earlier stretch are not waited for again", usual, 1100 + 4, 1096, 55 * time.Second},
		{"a stretch used up by reads is waited for", usual, 1100, 1, 5*time.Minute + time.Second},
		{"many stretches", usual, 51, 50_000, 45*5*time.Minute + 28*time.Second},
		{"writes take longer than a generous budget", plan.Budget{Requests: 1000, Per: time.Second}, 0, 2200, 110 * time.Second},
		{"a budget of one", plan.Budget{Requests: 1, Per: time.Second}, 0, 5, 5 * time.Second},
		{"no budget, no estimate", plan.Budget{}, 0, 5, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			if testing.Short() && c.writes > 10_000 {
				t.Skip("plans many changes")
			}
			live := &plan.Live{Reads: c.reads, Zones: []plan.Zone{{ID: "z", Name: "saas.example", CustomHostnames: make([]plan.Hostname, c.writes)}}}
			want := resolve.ResolvedZone{CustomHostnames: make([][]schema.Assignment, c.writes)}
			for i := range c.writes {
				live.Zones[0].CustomHostnames[i] = plan.Hostname{ID: fmt.Sprint(i), Name: fmt.Sprintf("h%06d.example", i), Status: "active", SSL: true, Type: "dv", Method: "http"}
				want.CustomHostnames[i] = []schema.Assignment{assign("min_tls_version", `"1.2"`, schema.CustomHostnameLevel)}
			}
			p, err := diff.Build(diff.Input{Live: live, Head: &resolve.Resolved{Zones: []resolve.ResolvedZone{want}}, Budget: c.budget})
			if err != nil {
				t.Fatal(err)
			}
			if got := time.Duration(p.Summary.EstimatedSeconds) * time.Second; len(p.Changes) != c.writes || got != c.want {
				t.Errorf("%d writes are estimated to take %s, want %s for %d", len(p.Changes), got, c.want, c.writes)
			}
		})
	}
}

// TestEstimateOfCreations is about the certificates that Cloudflare issues: the creations
// beyond those of a minute wait for the next one.
func TestEstimateOfCreations(t *testing.T) {
	for _, c := range []struct {
		created, edited int
		want            time.Duration
	}{
		{15, 0, time.Second},
		{16, 0, time.Minute + time.Second},
		{60, 0, 3*time.Minute + time.Second},
		{60, 100, 3*time.Minute + time.Second},     // the edits go on meanwhile
		{16, 1500, 5*time.Minute + 21*time.Second}, // and can take longer
	} {
		live := &plan.Live{Zones: []plan.Zone{{ID: "z", Name: "saas.example", CustomHostnames: make([]plan.Hostname, c.edited),
			FallbackStatus: "active", Settings: []plan.Setting{{ID: schema.FallbackOrigin, Raw: `"f.saas.example"`, Value: `"f.saas.example"`}}}}}
		want := resolve.ResolvedZone{CustomHostnames: make([][]schema.Assignment, c.edited)}
		for i := range c.edited {
			live.Zones[0].CustomHostnames[i] = plan.Hostname{ID: fmt.Sprint(i), Name: fmt.Sprintf("h%06d.example", i), Status: "active", SSL: true, Type: "dv", Method: "http"}
			want.CustomHostnames[i] = []schema.Assignment{assign("min_tls_version", `"1.2"`, schema.CustomHostnameLevel)}
		}
		for i := range c.created {
			want.Created = append(want.Created, resolve.Creation{Name: fmt.Sprintf("new%03d.example", i), Settings: []schema.Assignment{assign("ssl.method", `"http"`, schema.CustomHostnameLevel)}})
		}
		p, err := diff.Build(diff.Input{Live: live, Head: &resolve.Resolved{Zones: []resolve.ResolvedZone{want}}, Budget: plan.Budget{Requests: 1100, Per: 5 * time.Minute}})
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Summary.Estimated(); len(p.Changes) != c.created+c.edited || got != c.want {
			t.Errorf("%d creations and %d edits are estimated to take %s, want %s (%d changes)", c.created, c.edited, got, c.want, len(p.Changes))
		}
	}
}
