package diff_test

import (
	"fmt"
	"testing"
	"testing/fstest"
	"time"

	"tlsync/engine/diff"
	"tlsync/engine/plan"
	"tlsync/engine/resolve"
	"tlsync/schema"
	"tlsync/schema/load"
)

var sizes = []int{1_000, 10_000, 50_000}

// many is a zone with n custom hostnames, every seventh of them with metadata,
// and a configuration that reaches them all in several ways.
func many(b testing.TB, n int, zone, own string) (*plan.Live, *schema.Desired) {
	b.Helper()
	live := &plan.Live{Zones: []plan.Zone{{
		ID: "0123456789abcdef0123456789abcdef", Name: "saas.example", CustomHostnames: make([]plan.Hostname, n),
		Settings: []plan.Setting{
			{ID: "min_tls_version", Raw: `"1.2"`, Value: `"1.2"`},
			{ID: "tls_1_3", Raw: `"on"`, Value: `"on"`},
			{ID: "http2", Raw: `"on"`, Value: `"on"`},
		},
	}}}
	plain := []plan.Setting{{ID: "http2", Raw: `"on"`, Value: `"on"`}}
	gold := map[string]string{"tier": "gold"}
	for i := range n {
		h := &live.Zones[0].CustomHostnames[i]
		*h = plan.Hostname{
			ID: fmt.Sprintf("%08d-0000-4000-8000-000000000000", i), Name: fmt.Sprintf("shop-%05d.customers.example", i),
			Status: "active", SSL: true, SSLStatus: "active", Type: "dv", Method: "http", Settings: plain,
		}
		if i%7 == 0 {
			h.Metadata = gold
		}
	}
	d, diags := load.Load(fstest.MapFS{"tlsync.yaml": {Data: []byte(fmt.Sprintf(`
version: 1
---
zone: saas.example
settings: { min_tls_version: %q }
custom_hostnames:
  defaults: { http2: on }
  rules:
    - { match: { hostname: "*.customers.example" }, %s }
    - { match: { hostname: "**.elsewhere.example" }, http2: off }
    - { match: { metadata: { tier: gold } }, http2: on }
  hostnames:
    shop-00000.customers.example: { http2: on }
`, zone, own))}}, time.Time{})
	if diags.HasErrors() {
		b.Fatal(diags)
	}
	return live, d
}

func BenchmarkResolve(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			live, d := many(b, n, "1.2", "http2: on")
			b.ReportAllocs()
			for b.Loop() {
				resolve.Resolve(d, live)
			}
			perHostname(b, n)
		})
	}
}

func perHostname(b *testing.B, n int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/hostname")
}

func BenchmarkBuild(b *testing.B) {
	for _, bc := range []struct {
		name, zone, own string
		changes         func(n int) int
	}{
		{"nothing", "1.2", "http2: on", func(int) int { return 0 }},
		{"everything", "1.2", "min_tls_version: \"1.3\", http2: off, early_hints: on", func(n int) int { return n }},
		{"pins", "1.0", "min_tls_version: \"1.2\"", func(n int) int { return n + 1 }},
		{"cheaper", "1.2", "min_tls_version: \"1.2\"", func(n int) int { return n }},
	} {
		for _, n := range sizes {
			b.Run(fmt.Sprintf("%s/%d", bc.name, n), func(b *testing.B) {
				live, d := many(b, n, bc.zone, bc.own)
				head := resolve.Resolve(d, live)
				b.ReportAllocs()
				for b.Loop() {
					p, err := diff.Build(diff.Input{Live: live, Head: head, Base: head})
					if err != nil {
						b.Fatal(err)
					}
					if want := bc.changes(n); len(p.Changes) < want {
						b.Fatalf("%d changes, want %d", len(p.Changes), want)
					}
				}
				perHostname(b, n)
			})
		}
	}
}
