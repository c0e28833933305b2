package diff_test

import (
	"testing"

	"pgregory.net/rapid"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// TestEveryDifferenceIsPlannedOrWithheld looks for settings that were read, differ from
// the configuration, and are neither in a change nor counted as withheld, or in both.
func TestEveryDifferenceIsPlannedOrWithheld(t *testing.T) {
	withheld := 0
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		p := build(t, w)
		type spot struct {
			object  plan.Ref
			setting string
		}
		of := func(r plan.Ref, setting string) spot {
			r.Part = ""
			return spot{r, setting}
		}
		planned, left := map[spot]bool{}, map[spot]bool{}
		for i := range p.Changes {
			for _, e := range p.Changes[i].Edits {
				planned[of(p.Changes[i].Ref, e.Setting)] = true
			}
		}
		for i := range p.Withheld {
			left[of(p.Withheld[i].Ref, p.Withheld[i].Edit.Setting)] = true
		}
		if p.Summary.Withheld != len(left) {
			t.Fatalf("%d are counted, and there are %d", p.Summary.Withheld, len(left))
		}
		withheld += len(left)

		check := func(object plan.Ref, as []schema.Assignment, live func(id string) (schema.Value, bool)) {
			for _, a := range as {
				now, read := live(a.Setting)
				at := of(object, a.Setting)
				early := object.Kind == plan.KindZone && a.Setting == schema.TLS13 // 0rtt can be all of it
				if differs := read && now != a.Value; !early && (planned[at] || left[at]) != differs && read || planned[at] && left[at] {
					t.Fatalf("%s of %s is %s and is to be %s; planned %t, withheld %t", a.Setting, object, now, a.Value, planned[at], left[at])
				}
			}
		}
		for zi := range w.live.Zones {
			z, want, ref := &w.live.Zones[zi], &w.want.Zones[zi], plan.ZoneRef(w.live.Zones[zi].Name)
			check(ref, want.Settings, z.Value)
			for i := range z.CustomHostnames {
				h := &z.CustomHostnames[i]
				if serving(h) {
					check(ref.CustomHostname(h.Name), want.CustomHostnames[i], func(id string) (schema.Value, bool) { return h.Own(id), true })
				}
			}
			for _, l := range want.Hostnames {
				at, known := plan.FindHostname(z.Hostnames, l.Name)
				check(ref.Hostname(l.Name), l.Settings, func(id string) (schema.Value, bool) {
					if !known {
						return schema.Inherit, true
					}
					return z.Hostnames[at].Own(id), true
				})
			}
		}
	})
	if withheld < 50 {
		t.Errorf("only %d edits are withheld", withheld)
	}
}
