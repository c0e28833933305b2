package diff_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"tlsync/engine/diff"
	"tlsync/engine/plan"
	"tlsync/engine/resolve"
	"tlsync/schema"
)

// open is what a visitor of a name can negotiate below TLS 1.3, as "version suite". It is
// worked out here once more, from the words of the values alone.
func open(m map[string]schema.Value, keys schema.Keys) map[string]bool {
	versions := []string{"1.0", "1.1", "1.2"}
	lowest := slices.Index(versions, m["min_tls_version"].Text())
	if lowest < 0 { // 1.3
		return nil
	}
	list := m["ciphers"].List()
	if len(list) == 0 {
		list = schema.CipherList("legacy")
	}
	out := map[string]bool{}
	for _, name := range list {
		s, _ := schema.LookupSuite(name)
		if keys != 0 && s.ECDSA && keys&schema.ECDSAKey == 0 || keys != 0 && !s.ECDSA && keys&schema.RSAKey == 0 {
			continue
		}
		for _, v := range versions[lowest:] {
			if v == "1.2" || s.TLS10 {
				out[v+" "+name] = true
			}
		}
	}
	return out
}

// opens returns what is open in between and neither before nor after, "" if nothing is.
func opens(before, between, after map[string]schema.Value, keys schema.Keys) string {
	was, will := open(before, keys), open(after, keys)
	for handshake := range open(between, keys) {
		if !was[handshake] && !will[handshake] {
			return handshake
		}
	}
	return ""
}

// pairKnown reports whether the minimum and the list of a name were read.
func pairKnown(m map[string]schema.Value) bool {
	return m["min_tls_version"] != "" && (m["ciphers"] != "" || m["min_tls_version"] == `"1.3"`)
}

// TestMinimumAndCiphersAreNotWeakTogether watches a minimum and a list that move both: no name can
// negotiate anything that it could not before and cannot afterwards, in whichever order
// the writes are done that the plan permits.
func TestMinimumAndCiphersAreNotWeakTogether(t *testing.T) {
	var moved atomic.Int64
	t.Run("worlds", func(t *testing.T) {
		worlds(t, func(t *rapid.T, w world) { moved.Add(nothingOpens(t, w, build(t, w))) })
	})
	t.Logf("%d moments", moved.Load())
	if moved.Load() < 1000 {
		t.Error("the worlds drawn do not reach the case")
	}
}

// nothingOpens counts the moments at which a name has moved in both or in one of two.
func nothingOpens(t *rapid.T, w world, p *plan.Plan) (moments int64) {
	old, now, final := newEdge(w.live), newEdge(w.live), newEdge(w.live)
	writeSome(t, p, final, len(p.Changes), nil)
	seed := rapid.Uint64().Draw(t, "order")
	for at, i := range linear(p.Changes, rand.New(rand.NewPCG(seed, 1))) {
		if err := now.write(p.Changes[i].Request); err != nil {
			t.Fatal(err)
		}
		w.watch(func(zone, name string, _ map[string]schema.Value) {
			before, met, after := old.meets(zone, name), now.meets(zone, name), final.meets(zone, name)
			if !pairKnown(before) || !pairKnown(met) || !pairKnown(after) || before["min_tls_version"] == after["min_tls_version"] || before["ciphers"] == after["ciphers"] {
				return
			}
			moments++
			if found := opens(before, met, after, w.keys(name)); found != "" {
				t.Fatalf("after write %d (%s) name %q of %s can negotiate %s, neither before nor after", at, p.Changes[i].String(), name, zone, found)
			}
		})
	}
	return moments
}

// TestRefusedOnlyWithoutASafeOrder holds a refusal against a model that tries every
// order: the zone's two settings in both orders, and the edits of each name anywhere
// between them.
func TestRefusedOnlyWithoutASafeOrder(t *testing.T) {
	refused, planned := 0, 0
	check := func(t *rapid.T) {
		w := drawPairs(t)
		p, err := diff.Build(diff.Input{Live: w.live, Head: w.want})
		if err != nil {
			t.Fatal(err)
		}
		possible := w.ordered(t)
		refusal := slices.ContainsFunc(p.Findings, func(f plan.Finding) bool { return f.Rule == plan.NoSafeOrder })
		switch {
		case refusal && possible:
			t.Fatalf("refused, and there is a safe order: %v", p.Findings)
		case !refusal && !possible:
			t.Fatal("planned, and there is no safe order")
		case refusal:
			refused++
		default:
			planned++
			nothingOpens(t, w, p)
		}
	}
	for range 3 {
		rapid.Check(t, check)
	}
	t.Logf("%d refused, %d planned", refused, planned)
	if refused < 5 && !testing.Short() {
		t.Error("the worlds drawn do not reach the case")
	}
}

// drawPairs draws a zone, two custom hostnames and a name in the zone that move in their
// minimum and their list only, all of which can be written.
func drawPairs(t *rapid.T) world {
	minimums, ids := []schema.Value{`"1.0"`, `"1.1"`, `"1.1"`, `"1.2"`, `"1.3"`}, []string{"min_tls_version", "ciphers"}
	draw := func(id, label string, also ...schema.Value) schema.Value {
		choice := append(slices.Clone(overlapping), lists[0])
		if id == "min_tls_version" {
			choice = minimums
		}
		return rapid.SampledFrom(append(slices.Clone(choice), also...)).Draw(t, label+" "+id)
	}
	zone := plan.Zone{ID: "z0", Name: "saas0.example", HostnameSettings: hostnameSettings, Settings: []plan.Setting{{ID: "tls_1_3", Raw: `"on"`, Value: `"on"`}}}
	want := resolve.ResolvedZone{Managed: true}
	for _, id := range ids {
		v := canonical(id, draw(id, "zone"), schema.ZoneLevel)
		zone.Settings = append(zone.Settings, plan.Setting{ID: id, Raw: string(v), Value: v})
		want.Settings = append(want.Settings, assign(id, draw(id, "zone wants"), schema.ZoneLevel))
	}
	own := func(label string, l schema.Level) (live []plan.Setting, as []schema.Assignment) {
		for _, id := range ids {
			if v := canonical(id, draw(id, label, schema.Inherit, schema.Inherit), l); v != schema.Inherit {
				live = append(live, plan.Setting{ID: id, Raw: string(v), Value: v})
			}
			as = append(as, assign(id, draw(id, label+" wants", schema.Inherit, schema.Inherit), l))
		}
		return live, as
	}
	for i := range 2 {
		h := plan.Hostname{ID: fmt.Sprint("id-", i), Name: fmt.Sprintf("h%d.example", i), Status: "active", SSL: true, SSLStatus: "active", Type: "dv", Method: "http"}
		var as []schema.Assignment
		h.Settings, as = own(h.Name, schema.CustomHostnameLevel)
		if contradictory(&h) {
			h.Settings = h.Settings[:1]
		}
		if as[0].Value == `"1.3"` {
			as[1] = assign("ciphers", schema.Inherit, schema.CustomHostnameLevel)
		}
		zone.CustomHostnames, want.CustomHostnames = append(zone.CustomHostnames, h), append(want.CustomHostnames, as)
	}
	h := plan.Hostname{Name: hostnamesInZone[0], InZone: true}
	var as []schema.Assignment
	h.Settings, as = own(h.Name, schema.HostnameLevel)
	zone.Hostnames, want.Hostnames = []plan.Hostname{h}, []resolve.Hostname{{Name: h.Name, Settings: as}}
	return world{&plan.Live{Zones: []plan.Zone{zone}}, &resolve.Resolved{Zones: []resolve.ResolvedZone{want}}}
}

// mover is a name of the model: its own values at the moment, and its edits.
type mover struct {
	own, to map[string]schema.Value // Inherit where it follows the zone
	custom  bool
}

// ordered reports whether the model finds an order of the zone's writes that suits every
// name.
func (w world) ordered(t *rapid.T) bool {
	z, want := &w.live.Zones[0], &w.want.Zones[0]
	from, to := map[string]schema.Value{}, map[string]schema.Value{}
	var moves []string
	for _, a := range want.Settings {
		from[a.Setting], _ = z.Value(a.Setting)
		to[a.Setting] = a.Value
		if from[a.Setting] != a.Value {
			moves = append(moves, a.Setting)
		}
	}
	names := []mover{{custom: true}} // the zone's own names
	for i := range z.CustomHostnames {
		names = append(names, moverOf(&z.CustomHostnames[i], want.CustomHostnames[i], true))
	}
	names = append(names, moverOf(&z.Hostnames[0], want.Hostnames[0].Settings, false))

	orders := [][]string{moves}
	if len(moves) == 2 {
		orders = append(orders, []string{moves[1], moves[0]})
	}
	return slices.ContainsFunc(orders, func(order []string) bool {
		return !slices.ContainsFunc(names, func(n mover) bool { return !n.fits(from, to, order) })
	})
}

func moverOf(h *plan.Hostname, want []schema.Assignment, custom bool) mover {
	n := mover{map[string]schema.Value{}, map[string]schema.Value{}, custom}
	for _, a := range want {
		n.own[a.Setting], n.to[a.Setting] = h.Own(a.Setting), a.Value
	}
	return n
}

// fits reports whether the edits of a name have safe places in an order of the zone's
// writes. It tries every way there: a step is the zone's next write, or a write of the
// name, which for a custom hostname can hold both edits.
func (n mover) fits(zoneFrom, zoneTo map[string]schema.Value, order []string) bool {
	met := func(zone, own map[string]schema.Value) map[string]schema.Value {
		out := map[string]schema.Value{}
		for id, v := range zone {
			if out[id] = v; own[id] != "" && own[id] != schema.Inherit {
				out[id] = own[id]
			}
		}
		return out
	}
	first, last := met(zoneFrom, n.own), met(zoneTo, n.to)
	safe := func(m map[string]schema.Value) bool {
		for id, v := range m {
			if v != first[id] && v != last[id] && (id != "ciphers" || m["min_tls_version"] != `"1.3"`) {
				return false
			}
		}
		return opens(first, m, last, 0) == ""
	}
	with := func(m map[string]schema.Value, ids ...string) func(to map[string]schema.Value) map[string]schema.Value {
		return func(to map[string]schema.Value) map[string]schema.Value {
			out := map[string]schema.Value{}
			for id, v := range m {
				if out[id] = v; slices.Contains(ids, id) {
					out[id] = to[id]
				}
			}
			return out
		}
	}
	var reach func(zone map[string]schema.Value, order []string, own map[string]schema.Value) bool
	reach = func(zone map[string]schema.Value, order []string, own map[string]schema.Value) bool {
		if !safe(met(zone, own)) || n.custom && own["min_tls_version"] == `"1.3"` && own["ciphers"] != schema.Inherit && own["ciphers"] != "" {
			return false
		}
		var left []string
		for id, v := range own {
			if v != n.to[id] {
				left = append(left, id)
			}
		}
		if len(order) == 0 && len(left) == 0 {
			return true
		}
		if len(order) > 0 && reach(with(zone, order[0])(zoneTo), order[1:], own) {
			return true
		}
		if n.custom && len(left) == 2 && reach(zone, order, with(own, left...)(n.to)) {
			return true
		}
		return slices.ContainsFunc(left, func(id string) bool { return reach(zone, order, with(own, id)(n.to)) })
	}
	return reach(zoneFrom, order, n.own)
}

// movesPair reports whether a zone is to change its minimum and its list, so that names
// can need opposite orders of the two.
func (w world) movesPair(z plan.Zone) bool {
	i := slices.IndexFunc(w.live.Zones, func(o plan.Zone) bool { return o.ID == z.ID })
	changes := func(id string) bool {
		a := schema.Assigned(w.want.Zones[i].Settings, id)
		v, _ := z.Value(id)
		return a != nil && a.Value != v
	}
	return changes("min_tls_version") && changes("ciphers")
}

// refusedForPair reports whether a finding says that a zone is not changed since names
// need opposite orders of its minimum and its list.
func (w world) refusedForPair(f plan.Finding) bool {
	i := slices.IndexFunc(w.live.Zones, func(z plan.Zone) bool { return z.Name == f.Ref.Zone })
	return i >= 0 && strings.Contains(f.Message, "ciphers") && w.movesPair(w.live.Zones[i])
}
