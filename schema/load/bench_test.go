package load

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"tlsync/schema"
)

// sizes are the numbers of hostnames that are measured.
var sizes = []struct {
	name string
	n    int
}{{"1k", 1_000}, {"10k", 10_000}, {"50k", 50_000}}

// manyEntries is a configuration of n single hostnames, some with settings of
// their own.
func manyEntries(n int) fstest.MapFS {
	var b strings.Builder
	b.WriteString(`version: 1
profiles:
  pci: { min_tls_version: "1.2", tls_1_3: on, ciphers: pci }
---
zone: saas.example
settings: { min_tls_version: "1.2" }
custom_hostnames:
  defaults: { min_tls_version: inherit }
  rules:
    - match: { hostname: "*.pay.example" }
      use: pci
  hostnames:
`)
	for i := range n {
		own := ""
		if i%10 == 0 {
			own = `, min_tls_version: "1.3", ciphers: inherit`
		}
		fmt.Fprintf(&b, "    app-%05d.customer.example: { use: pci%s }\n", i, own)
	}
	return tree("tlsync.yaml", b.String())
}

func BenchmarkLoad(b *testing.B) {
	for _, size := range sizes {
		b.Run(size.name, func(b *testing.B) {
			fsys := manyEntries(size.n)
			b.SetBytes(int64(len(fsys["tlsync.yaml"].Data)))
			b.ReportAllocs()
			for b.Loop() {
				if d, diags := Load(fsys, testNow); len(diags) > 0 || len(d.Zones[0].CustomHostnames.Entries) != size.n {
					b.Fatal(dumpDiagnostics(diags))
				}
			}
		})
	}
}

func BenchmarkDecide(b *testing.B) {
	for _, size := range sizes {
		b.Run(size.name, func(b *testing.B) {
			fsys := tree("tlsync.yaml", `version: 1
profiles:
  pci: { min_tls_version: "1.2", tls_1_3: on, ciphers: pci }
---
zone: saas.example
custom_hostnames:
  defaults: { min_tls_version: inherit }
  rules:
    - match: { hostname: "*.customer.example" }
      use: pci
    - match: { hostname: ["app-*7.customer.*", "**.shop.example"] }
      http2: on
    - match: { metadata: { tier: [gold, silver] }, wildcard: false }
      early_hints: on
  hostnames:
    app-00001.customer.example: { use: pci, min_tls_version: "1.3", ciphers: inherit }
`)
			d, diags := Load(fsys, testNow)
			if len(diags) > 0 {
				b.Fatal(dumpDiagnostics(diags))
			}
			names := make([]string, size.n)
			for i := range names {
				names[i] = fmt.Sprintf("app-%05d.customer.example", i)
			}
			gold := map[string]string{"tier": "gold"}
			b.ReportAllocs()
			for b.Loop() {
				s := schema.Compile(&d.Zones[0].CustomHostnames)
				for i, name := range names {
					metadata := gold
					if i%2 == 0 {
						metadata = nil
					}
					if as, _ := s.Decide(name, metadata, false); len(as) == 0 {
						b.Fatal("nothing is decided")
					}
				}
			}
		})
	}
}

// TestDecideShares checks that 50,000 hostnames cost one conversion of each name
// and one result for each combination of rules.
func TestDecideShares(t *testing.T) {
	d, diags := Load(manyEntries(2000), testNow)
	if len(diags) > 0 {
		t.Fatal(dumpDiagnostics(diags))
	}
	c := &d.Zones[0].CustomHostnames
	s := schema.Compile(c)
	a, _ := s.Decide("app-00001.customer.example", nil, false)
	if b, _ := s.Decide("app-00002.customer.example", nil, false); &a[0] != &b[0] {
		t.Error("two entries that say the same have results of their own")
	}
	allocs := testing.AllocsPerRun(100, func() {
		for _, e := range c.Entries[1:10] {
			s.Decide(e.Hostname.Value, nil, false)
		}
		s.Decide("a.pay.example", nil, false)
		s.Decide("b.pay.example", nil, false)
		s.Decide("other.example", nil, false)
	})
	if allocs > 0 {
		t.Errorf("%.0f allocations for results that were decided before", allocs)
	}
}
