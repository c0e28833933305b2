package diff_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"tlsync/engine/plan"
	"tlsync/engine/resolve"
	"tlsync/schema"
)

// TestMinimumAndCiphersAreNotWeakTogether watches the pair: where one of the two
// weakens and the other strengthens, no moment shows the weaker of both. Zones
// have one name here, a custom hostname or a name in the zone, since two can need
// opposite orders, of which only one can be had.
func TestMinimumAndCiphersAreNotWeakTogether(t *testing.T) {
	watchedPairs := 0
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		for i := range w.live.Zones {
			zone, want := &w.live.Zones[i], &w.want.Zones[i]
			local := rapid.Bool().Draw(t, "a name in the zone")
			other := func(name string) bool { return !local || name != hostnamesInZone[0] }
			zone.Hostnames = slices.DeleteFunc(zone.Hostnames, func(h plan.Hostname) bool { return other(h.Name) })
			want.Hostnames = slices.DeleteFunc(want.Hostnames, func(l resolve.Hostname) bool { return other(l.Name) })
			n := 1
			if local {
				n = 0
			}
			zone.CustomHostnames, want.CustomHostnames = zone.CustomHostnames[:n], want.CustomHostnames[:n]
		}
		p := build(t, w)
		old, now, final := newEdge(w.live), newEdge(w.live), newEdge(w.live)
		for i := range p.Changes {
			if err := final.write(p.Changes[i].Request); err != nil {
				t.Fatal(err)
			}
		}
		seed := rapid.Uint64().Draw(t, "order")
		for at, i := range linear(p.Changes, rand.New(rand.NewPCG(seed, 1))) {
			if err := now.write(p.Changes[i].Request); err != nil {
				t.Fatal(err)
			}
			w.watch(func(zone, name string, _ map[string]schema.Value) {
				before, met, after := old.meets(zone, name), now.meets(zone, name), final.meets(zone, name)
				weakMinimum, opposite := weaker("min_tls_version", before, after)
				weakCiphers, opposite2 := weaker("ciphers", before, after)
				if weakMinimum == "" || weakCiphers == "" || opposite == opposite2 {
					return
				}
				zoneBefore, zoneAfter := zonePair(old, zone), zonePair(final, zone)
				_, zoneMinimum := weaker("min_tls_version", zoneBefore, zoneAfter)
				zoneCiphers, zoneOpposite := weaker("ciphers", zoneBefore, zoneAfter)
				if zoneCiphers != "" && zoneMinimum != zoneOpposite && zoneMinimum != opposite {
					return // the zone's own names need the opposite order
				}
				watchedPairs++
				if met["min_tls_version"] == weakMinimum && met["ciphers"] == weakCiphers {
					t.Fatalf("after write %d (%s) name %q of %s meets %s with %s: weaker than before and after",
						at, p.Changes[i].String(), name, zone, weakMinimum, weakCiphers)
				}
			})
		}
	})
	t.Logf("%d moments", watchedPairs)
	if watchedPairs < 50 {
		t.Error("the worlds drawn do not reach the case")
	}
}

// weaker is the weaker of two values, and whether that is the later one; "" if
// they cannot be ordered.
func weaker(id string, before, after map[string]schema.Value) (schema.Value, bool) {
	s, _ := schema.LookupSetting(id)
	if before[id] == "" || after[id] == "" {
		return "", false
	}
	switch s.Compare(before[id], after[id]) {
	case schema.Strengthens:
		return before[id], false
	case schema.Weakens:
		return after[id], true
	}
	return "", false
}

// zonePair are the zone's own two values, the ciphers also where they have no
// effect.
func zonePair(e *edge, zone string) map[string]schema.Value {
	return map[string]schema.Value{
		"min_tls_version": e.value(zone, "min_tls_version"), "ciphers": e.value(zone, "ciphers"),
	}
}
