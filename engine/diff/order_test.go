package diff_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tlsync/engine/diff"
	"tlsync/engine/plan"
	"tlsync/engine/resolve"
	"tlsync/schema"
)

// build makes a plan. Worlds without a safe order are passed over, if they are
// of the two kinds that are known (testdata/plan/no-safe-order.txtar, pair-opposite.txtar).
// TestRefusedOnlyWithoutASafeOrder judges the second kind.
func build(t *rapid.T, w world) *plan.Plan {
	p, refusal := attempt(t, w)
	if refusal != nil {
		t.Skip(refusal.Message)
	}
	return p
}

// attempt makes a plan, and returns the finding that says why there is none.
func attempt(t *rapid.T, w world) (*plan.Plan, *plan.Finding) {
	p, err := diff.Build(diff.Input{Live: w.live, Head: w.want})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range p.Findings {
		if f.Rule != plan.NoSafeOrder {
			continue
		}
		if !w.refusedForPair(f) && !slices.ContainsFunc(w.live.Zones, func(z plan.Zone) bool { return w.earlyDataAlone(z) }) {
			t.Fatal(f.Message)
		}
		return nil, &f
	}
	return p, nil
}

// earlyDataAlone reports whether a zone is to gain or lose early data while TLS
// 1.3 stays on, and to change its minimum.
func (w world) earlyDataAlone(z plan.Zone) bool {
	i := slices.IndexFunc(w.live.Zones, func(o plan.Zone) bool { return o.ID == z.ID })
	tls, _ := z.Value("tls_1_3")
	asked := w.asked(i, -1)["tls_1_3"]
	return tls != asked && tls != `"off"` && asked != `"off"` && asks(w.want.Zones[i].Settings, "min_tls_version")
}

// linear is an order of the changes that keeps every Needs, drawn at random:
// apply writes independent changes together, so every such order can happen.
func linear(changes []plan.Change, r *rand.Rand) []int {
	done := map[string]bool{}
	order := []int{}
	for len(order) < len(changes) {
		var ready []int
		for i := range changes {
			if !done[changes[i].String()] && !slices.ContainsFunc(changes[i].Needs, func(n plan.Ref) bool { return !done[n.String()] }) {
				ready = append(ready, i)
			}
		}
		if len(ready) == 0 {
			return nil
		}
		i := ready[r.IntN(len(ready))]
		done[changes[i].String()] = true
		order = append(order, i)
	}
	return order
}

func has(c *plan.Change, kind plan.HazardKind) bool {
	return slices.ContainsFunc(c.Hazards, func(h plan.Hazard) bool { return h.Kind == kind })
}

// serving reports whether visitors reach a custom hostname.
func serving(h *plan.Hostname) bool { return h.Status != "blocked" }

// worlds checks a promise in five times as many worlds as rapid draws: 10,000 of
// them unless -rapid.checks says otherwise.
func worlds(t *testing.T, check func(t *rapid.T, w world)) {
	for i := range 5 {
		t.Run(strconv.Itoa(i+1), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) { check(t, drawWorld(t)) })
		})
	}
}

func TestNoPrefixOfAnyPlanShowsAThirdValue(t *testing.T) {
	var mu sync.Mutex
	reached := map[string]int{}
	count := func(what string) {
		mu.Lock()
		defer mu.Unlock()
		reached[what]++
	}
	t.Run("worlds", func(t *testing.T) {
		worlds(t, func(t *rapid.T, w world) {
			p := build(t, w)
			refused := false
			count("world")
			for i := range p.Changes {
				c := &p.Changes[i]
				refused = refused || has(c, plan.Unreachable)
				_, suffix, _ := strings.Cut(c.String(), "#")
				count(fmt.Sprintf("%s %s", c.Kind, suffix))
			}
			for _, f := range p.Findings {
				count(f.Rule)
			}
			seed := rapid.Uint64().Draw(t, "order")
			order := linear(p.Changes, rand.New(rand.NewPCG(seed, 1)))
			if order == nil {
				t.Fatal("the needs cannot be met")
			}
			old, now := newEdge(w.live), newEdge(w.live)
			for at, i := range order {
				if err := now.write(p.Changes[i].Request); err != nil {
					t.Fatal(err)
				}
				w.watch(func(zone, name string, asked map[string]schema.Value) {
					before, met := old.meets(zone, name), now.meets(zone, name)
					for id, v := range met {
						if v == before[id] || v == asked[id] && v != "" {
							continue
						}
						// A list that appears only while the minimum leaves 1.3
						// has no old value to keep.
						if id == "ciphers" && (before[id] == "" || asked[id] == "") {
							continue
						}
						t.Fatalf("after write %d (%s) name %q of %s meets %s %s, which is neither the old %s nor the %s asked for",
							at, p.Changes[i].String(), name, zone, id, v, before[id], asked[id])
					}
					if unreachable(met, w.keys(name)) && !unreachable(before, w.keys(name)) && !refused {
						t.Fatalf("after write %d (%s) name %q of %s is unreachable", at, p.Changes[i].String(), name, zone)
					}
				})
			}
		})
	})
	t.Log(reached)
	for _, what := range []string{
		"hostname min_tls_version", "hostname ciphers", "custom_hostname ", "custom_hostname pin", "custom_hostname unpin", "zone min_tls_version", "zone tls_1_3", "zone 0rtt",
		plan.NotEditable, plan.NeedsKey, plan.Unreadable, plan.WildcardChildren, plan.PinnedLikeZone,
	} {
		if reached[what] < 10 {
			t.Errorf("the worlds drawn reach %q %d times only", what, reached[what])
		}
	}
}

// TestInterruptedAnywhereAndRunAgain stops a plan after each of its writes, in some
// order that its needs permit, plans from there, and carries that out: it ends as if
// nothing had happened, and no name meets a third value on the way.
func TestInterruptedAnywhereAndRunAgain(t *testing.T) {
	worlds(t, func(t *rapid.T, w world) {
		if w.contradictory() {
			return
		}
		p := build(t, w)
		if slices.ContainsFunc(p.Changes, func(c plan.Change) bool { return has(&c, plan.Unreachable) }) {
			return // never applied
		}
		if slices.ContainsFunc(w.live.Zones, func(z plan.Zone) bool {
			return len(z.Hostnames) > 0 && slices.ContainsFunc(z.Settings, func(s plan.Setting) bool { return s.ID == schema.Ciphers && s.Locked })
		}) {
			// That names in the zone have settings is the only sign that they can
			// be set, where the zone's own ciphers cannot. No such zone is known.
			return
		}
		old, whole := newEdge(w.live), newEdge(w.live)
		writeSome(t, p, whole, len(p.Changes), nil)
		seed := rapid.Uint64().Draw(t, "order")
		order := linear(p.Changes, rand.New(rand.NewPCG(seed, 1)))
		watched := int(seed % uint64(max(1, len(p.Changes))))
		for n := range p.Changes {
			now := newEdge(w.live)
			writeSome(t, p, now, n, order)
			rest := world{now.reread(), w.want}
			again, refusal := attempt(t, rest)
			switch {
			case refusal != nil && rest.refusedForPair(*refusal):
				t.Fatalf("stopped after %d: the rest has no safe order", n)
			case refusal != nil:
				t.Skip(refusal.Message)
			}
			for i := range again.Changes {
				if err := now.write(again.Changes[i].Request); err != nil {
					t.Fatalf("stopped after %d: %s: %v", n, again.Changes[i].String(), err)
				}
				if n != watched { // the costliest part, at one step of each world
					continue
				}
				w.watch(func(zone, name string, asked map[string]schema.Value) {
					before, met := old.meets(zone, name), now.meets(zone, name)
					for id, v := range met {
						if v != before[id] && v != asked[id] && (id != "ciphers" || before[id] != "" && asked[id] != "") {
							t.Fatalf("stopped after %d, at %s of the next run: name %q of %s meets %s %s, not %s nor %s", n, again.Changes[i].String(), name, zone, id, v, before[id], asked[id])
						}
					}
				})
			}
			if !reflect.DeepEqual(now.zones, whole.zones) || !reflect.DeepEqual(now.names, whole.names) {
				t.Fatalf("stopped after %d of %d and run again: live is\n%+v\nwant\n%+v", n, len(p.Changes), now.reread(), whole.reread())
			}
		}
	})
}

// writeSome writes the first n changes in an order, nil for that of the plan.
func writeSome(t *rapid.T, p *plan.Plan, e *edge, n int, order []int) {
	for at := range n {
		i := at
		if order != nil {
			i = order[at]
		}
		if err := e.write(p.Changes[i].Request); err != nil {
			t.Fatal(err)
		}
	}
}

// watch visits every name that visitors reach: the zone's own, for which name is
// empty, and the custom hostnames, by id.
func (w world) watch(visit func(zone, name string, asked map[string]schema.Value)) {
	for zi := range w.live.Zones {
		z := &w.live.Zones[zi]
		visit(z.ID, "", w.asked(zi, -1))
		for i := range z.CustomHostnames {
			if serving(&z.CustomHostnames[i]) {
				visit(z.ID, z.CustomHostnames[i].ID, w.asked(zi, i))
			}
		}
		for i, name := range hostnamesInZone {
			visit(z.ID, z.ID+name, w.asked(zi, len(z.CustomHostnames)+i))
		}
	}
}

func TestApplyThenPlanIsEmpty(t *testing.T) {
	worlds(t, func(t *rapid.T, w world) {
		p := build(t, w)
		e := newEdge(w.live)
		for i := range p.Changes {
			if err := e.write(p.Changes[i].Request); err != nil {
				t.Fatal(err)
			}
		}
		after := world{e.reread(), w.want}
		if again := build(t, after); len(again.Changes) > 0 && !w.contradictory() {
			t.Fatalf("planned again: %+v", again.Changes)
		}
		unmanagedUntouched(t, w, after.live)
		effectivesHold(t, w, p, e)
	})
}

func unmanagedUntouched(t *rapid.T, w world, after *plan.Live) {
	for zi, z := range w.live.Zones {
		for _, s := range z.Settings {
			managed := asks(w.want.Zones[zi].Settings, s.ID) || s.ID == "0rtt" && asks(w.want.Zones[zi].Settings, "tls_1_3")
			if got, _ := after.Zones[zi].Value(s.ID); !managed && got != s.Value {
				t.Fatalf("%s of %s is not managed and went from %s to %s", s.ID, z.Name, s.Value, got)
			}
		}
		for i, h := range z.CustomHostnames {
			for _, id := range watched {
				if got := after.Zones[zi].CustomHostnames[i].Own(id); !asks(w.want.Zones[zi].CustomHostnames[i], id) && got != h.Own(id) {
					t.Fatalf("%s of %s is not managed and went from %s to %s", id, h.Name, h.Own(id), got)
				}
			}
		}
	}
}

func asks(as []schema.Assignment, id string) bool {
	return slices.ContainsFunc(as, func(a schema.Assignment) bool { return a.Setting == id })
}

// effectivesHold compares what the plan says of each edit with what visitors
// meet before and after.
func effectivesHold(t *rapid.T, w world, p *plan.Plan, after *edge) {
	before := newEdge(w.live)
	own := func(e *edge, c *plan.Change, id string) schema.Value {
		name := c.ObjectID
		if c.Kind == plan.KindHostname {
			name = c.ZoneID + c.Name
		}
		if v, ok := e.names[name][id]; ok && c.Kind != plan.KindZone {
			return v
		}
		return e.value(c.ZoneID, id)
	}
	for i := range p.Changes {
		c := &p.Changes[i]
		for _, e := range c.Edits {
			if e.Setting == "0rtt" {
				continue
			}
			if from, to := own(before, c, e.Setting), own(after, c, e.Setting); e.EffectiveFrom != from || e.EffectiveTo != to {
				t.Fatalf("%s: %s is said to go from %s to %s and goes from %s to %s", c.String(), e.Setting, e.EffectiveFrom, e.EffectiveTo, from, to)
			}
		}
		if h := w.hostname(c); h != nil && h.Status == "moved" && !has(c, plan.MovesTraffic) {
			t.Fatalf("%s is written in the state moved without a hazard", c.String())
		}
	}
}

func (w world) hostname(c *plan.Change) *plan.Hostname {
	for zi := range w.live.Zones {
		for i := range w.live.Zones[zi].CustomHostnames {
			if h := &w.live.Zones[zi].CustomHostnames[i]; h.ID == c.ObjectID {
				return h
			}
		}
	}
	return nil
}

// TestUnreachableIsToldExactlyWhenItHappens holds the hazard against the state
// after the plan.
func TestUnreachableIsToldExactlyWhenItHappens(t *testing.T) {
	told := 0
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		p := build(t, w)
		before, after := newEdge(w.live), newEdge(w.live)
		hazard := false
		for i := range p.Changes {
			hazard = hazard || has(&p.Changes[i], plan.Unreachable)
			if err := after.write(p.Changes[i].Request); err != nil {
				t.Fatal(err)
			}
		}
		lost := false
		for zi := range w.live.Zones {
			z := &w.live.Zones[zi]
			ids := []string{""}
			for i := range z.CustomHostnames {
				ids = append(ids, z.CustomHostnames[i].ID)
			}
			for _, name := range hostnamesInZone {
				ids = append(ids, z.ID+name)
			}
			for _, id := range ids {
				lost = lost || unreachable(after.meets(z.ID, id), w.keys(id)) && !unreachable(before.meets(z.ID, id), w.keys(id))
			}
		}
		if hazard != lost {
			t.Fatalf("hazard: %t, a name is lost: %t", hazard, lost)
		}
		if hazard {
			told++
		}
	})
	if told < 10 {
		t.Errorf("only %d worlds lose a name", told)
	}
}

func TestNeeds(t *testing.T) {
	pins, unpins := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		p := build(t, w)
		at := map[string]int{}
		for i, c := range p.Changes {
			for _, n := range c.Needs {
				if j, ok := at[n.String()]; !ok {
					t.Fatalf("change %d (%s) needs %s, which is no earlier change (%d)", i, c.String(), n, j)
				}
			}
			if _, twice := at[c.String()]; twice {
				t.Fatalf("two changes have the id %s", c.String())
			}
			at[c.String()] = i
		}
		for i := range p.Changes {
			zone := &p.Changes[i]
			if zone.Kind != plan.KindZone {
				continue
			}
			governed := zone.Edits[0].Setting
			if governed == "0rtt" {
				governed = "tls_1_3"
			}
			for j := range p.Changes {
				c := &p.Changes[j]
				if c.Kind == plan.KindZone || c.ZoneID != zone.ZoneID {
					continue
				}
				k := slices.IndexFunc(c.Edits, func(e plan.Edit) bool { return e.Setting == governed })
				if k < 0 {
					continue
				}
				// Of the cipher list there is nothing to order while the
				// minimum of 1.3 hides it.
				e := c.Edits[k]
				hidden := governed == "ciphers" && c.Kind == plan.KindCustomHostname && slices.ContainsFunc(c.Edits, func(e plan.Edit) bool {
					return e.Setting == "min_tls_version" && (e.From == `"1.3"` || e.To == `"1.3"`)
				})
				switch {
				case hidden:
				case e.From == schema.Inherit:
					pins++
					if !slices.Contains(zone.Needs, c.Ref) {
						t.Fatalf("%s does not need the pin %s", zone.String(), c.String())
					}
				case e.To == schema.Inherit:
					unpins++
					if !slices.Contains(c.Needs, zone.Ref) {
						t.Fatalf("the unpin %s does not need %s", c.String(), zone.String())
					}
				}
			}
		}
	})
	if pins < 10 || unpins < 10 {
		t.Errorf("the worlds drawn have %d pins and %d unpins only", pins, unpins)
	}
}

// TestBuildIsDeterministic holds two plans of the same world against each other,
// the second from slices whose order means nothing put into another one.
func TestBuildIsDeterministic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		first, err := json.Marshal(build(t, w))
		if err != nil {
			t.Fatal(err)
		}
		seed := rapid.Uint64().Draw(t, "shuffle")
		r := rand.New(rand.NewPCG(seed, 2))
		other := &plan.Live{Zones: slices.Clone(w.live.Zones)}
		for i := range other.Zones {
			z := &other.Zones[i]
			z.Settings = shuffled(r, z.Settings)
			z.CustomHostnames = slices.Clone(z.CustomHostnames)
		}
		second, err := json.Marshal(build(t, world{other, w.want}))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(first), string(second)); diff != "" {
			t.Fatal(diff)
		}
	})
}

func shuffled[T any](r *rand.Rand, s []T) []T {
	s = slices.Clone(s)
	r.Shuffle(len(s), func(i, j int) { s[i], s[j] = s[j], s[i] })
	return s
}

// TestDigest holds the digests of two plans against what the plans would do and
// what must be accepted for it.
func TestDigest(t *testing.T) {
	same, different := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		other := w
		other.want = &resolve.Resolved{Zones: slices.Clone(w.want.Zones)}
		z := &other.want.Zones[0]
		z.Settings = slices.Clone(z.Settings)
		for i := range z.Settings {
			a := &z.Settings[i]
			a.Pos.Line, a.Via = 99, "elsewhere" // who asks is no part of the digest
			if odds(t, 6, "other value") {
				*a = assign(a.Setting, rapid.SampledFrom(values[a.Setting]).Draw(t, "value"), schema.ZoneLevel)
			}
		}
		other.live = &plan.Live{Zones: slices.Clone(w.live.Zones)}
		hostnames := slices.Clone(w.live.Zones[0].CustomHostnames)
		if odds(t, 4, "other method") {
			hostnames[0].Method = "txt" // another request for the same edits
		}
		if odds(t, 4, "moved away") {
			hostnames[0].Status = "moved" // another hazard of the same request
		}
		other.live.Zones[0].CustomHostnames = hostnames
		p, q := build(t, w), build(t, other)
		does := func(p *plan.Plan) string {
			type write struct {
				ID      string
				Request plan.Request
				Needs   []plan.Ref
				Hazards []plan.Hazard
			}
			var ws []write
			for _, c := range p.Changes {
				ws = append(ws, write{c.String(), c.Request, c.Needs, c.Hazards})
			}
			b, err := json.Marshal(ws)
			if err != nil {
				t.Fatal(err)
			}
			return string(b)
		}
		if equal := does(p) == does(q); equal != (p.Digest == q.Digest) {
			t.Fatalf("the writes are equal: %t; the digests %s and %s", equal, p.Digest, q.Digest)
		} else if equal {
			same++
		} else {
			different++
		}
	})
	if same < 10 || different < 10 {
		t.Errorf("%d equal and %d different plans only", same, different)
	}
}

// TestSSLBeforeItsAutomaticMode is about the one pair that no configuration can
// ask for, since ssl is not to be managed in automatic mode.
func TestSSLBeforeItsAutomaticMode(t *testing.T) {
	live := &plan.Live{Zones: []plan.Zone{{ID: "z", Name: "saas.example", Settings: []plan.Setting{
		{ID: "ssl", Raw: `"full"`, Value: `"full"`}, {ID: "ssl_automatic_mode", Raw: `"custom"`, Value: `"custom"`},
	}}}}
	head := &resolve.Resolved{Zones: []resolve.ResolvedZone{{Settings: []schema.Assignment{
		assign("ssl", `"flexible"`, schema.ZoneLevel), assign("ssl_automatic_mode", `"auto"`, schema.ZoneLevel),
	}}}}
	p, err := diff.Build(diff.Input{Live: live, Head: head})
	if err != nil {
		t.Fatal(err)
	}
	got := [][]string{}
	for _, c := range p.Changes {
		ids := []string{c.String()}
		for _, ref := range c.Needs {
			ids = append(ids, ref.String())
		}
		got = append(got, ids)
	}
	want := [][]string{{"zone/saas.example#ssl"}, {"zone/saas.example#ssl_automatic_mode", "zone/saas.example#ssl"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
