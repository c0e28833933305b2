package diff_test

import (
	"testing"

	"tlsync/engine/diff"
	"tlsync/engine/resolve"
)

// Five times as many custom hostnames, all of them to be changed, take no more than
// six times as many allocations: what the benchmarks show in time, without a clock.
func TestGrowth(t *testing.T) {
	allocations := func(n int) float64 {
		live, d := many(t, n, "1.0", "min_tls_version: \"1.2\"")
		return testing.AllocsPerRun(1, func() {
			head := resolve.Resolve(d, live)
			p, err := diff.Build(diff.Input{Live: live, Head: head, Base: head})
			if err != nil || len(p.Changes) <= n {
				t.Fatalf("%d changes, %v", len(p.Changes), err)
			}
		})
	}
	if few, many := allocations(1_000), allocations(5_000); many > 6*few {
		t.Errorf("%.0f allocations for 1,000 names, %.0f for 5,000", few, many)
	}
}
