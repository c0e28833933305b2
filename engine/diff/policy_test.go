package diff_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tlsync/engine/diff"
	"tlsync/engine/plan"
	"tlsync/engine/resolve"
	"tlsync/schema"
)

// drawPolicy is a floor with exceptions for some of the names that worlds have.
func drawPolicy(t *rapid.T) *schema.Policy {
	p := &schema.Policy{Set: true}
	as := func(label string) []schema.Assignment {
		var out []schema.Assignment
		for _, id := range []string{"min_tls_version", "ciphers"} {
			if rapid.Bool().Draw(t, label+" "+id) {
				out = append(out, assign(id, rapid.SampledFrom(values[id]).Draw(t, label+" value"), schema.ZoneLevel))
			}
		}
		return out
	}
	p.Floor = as("floor")
	for range rapid.IntRange(0, 3).Draw(t, "exceptions") {
		p.Exceptions = append(p.Exceptions, schema.Exception{
			Hostname: rapid.SampledFrom([]string{"*", "**.saas0.example", "saas0.example", "h0.example", "h1.example", "*.h0.example", "**.h1.example", "a.local"}).Draw(t, "for"),
			Settings: as("exception"),
			Until:    rapid.SampledFrom([]string{"2020-01-01", "2099-01-01"}).Draw(t, "until"),
		})
	}
	return p
}

// acceptable is what the policy says of a value, worked out in another way.
func acceptable(p *schema.Policy, id string, v schema.Value, texts ...string) bool {
	meets := func(limit schema.Value) bool {
		if id != schema.Ciphers {
			return slices.Index(values[id], v) >= slices.Index(values[id], limit)
		}
		allowed := limit.List()
		for _, name := range v.List() {
			if len(allowed) > 0 && !slices.Contains(allowed, name) {
				return false
			}
		}
		return len(allowed) == 0 || len(v.List()) > 0
	}
	value := func(as []schema.Assignment) schema.Value {
		for _, a := range as {
			if a.Setting == id {
				return a.Value
			}
		}
		return ""
	}
	floor := value(p.Floor)
	if floor == "" || meets(floor) {
		return true
	}
	for _, e := range p.Exceptions {
		limit := value(e.Settings)
		if limit == "" || !meets(limit) || e.Until < "2026" {
			continue
		}
		all := true
		for _, text := range texts {
			all = all && e.Holds(text, time.Time{})
		}
		if all {
			return true
		}
	}
	return false
}

// TestTheFloorIsWhatVisitorsMeet carries a plan out, looks at what every name meets,
// and expects a breach for each that falls short, and for no other.
func TestTheFloorIsWhatVisitorsMeet(t *testing.T) {
	told, kept := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		w.want.Policy = drawPolicy(t)
		w.want.Policy.Floor = slices.Clip(w.want.Policy.Floor)
		in := diff.Input{Live: w.live, Head: w.want, Now: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)}
		policies := []*schema.Policy{w.want.Policy}
		if rapid.Bool().Draw(t, "with a base") {
			base := *w.want
			base.Policy = drawPolicy(t)
			in.Base = &base // it asks for the same
			policies = append(policies, base.Policy)
		}
		p, err := diff.Build(in)
		if err != nil {
			t.Fatal(err)
		}
		after := newEdge(w.live)
		for i := range p.Changes {
			if err := after.write(p.Changes[i].Request); err != nil {
				t.Fatal(err)
			}
		}
		// The base's policy is about what the plan moves, and not to something stronger.
		before := newEdge(w.live)
		counts := func(policy int, zone, key, id string, met schema.Value) bool {
			was := before.meets(zone, key)[id]
			row, _ := schema.LookupSetting(id)
			had, has := negotiable(before.meets(zone, key), w.keys(key)), negotiable(after.meets(zone, key), w.keys(key))
			opens := had == nil || has == nil || opensSomething(had, has) != ""
			return policy == 0 || was != met && row.Compare(was, met) != schema.Strengthens && opens
		}
		type short struct{ zone, name, setting string }
		want, got := map[short]bool{}, map[short]bool{}
		for _, b := range p.Breaches {
			for _, name := range b.Names {
				got[short{b.Zone, name, b.Setting}] = true
			}
		}
		for _, z := range w.live.Zones {
			look := func(key, name string, texts ...string) {
				met := after.meets(z.ID, key)
				for _, id := range []string{"min_tls_version", "ciphers"} {
					if met[id] == "" { // not known, or a list under a minimum of 1.3
						continue
					}
					for i, policy := range policies {
						if counts(i, z.ID, key, id, met[id]) && !acceptable(policy, id, met[id], texts...) {
							want[short{z.Name, name, id}] = true
						}
					}
				}
			}
			look("", "**."+z.Name, z.Name, "*."+z.Name)
			for _, h := range z.CustomHostnames {
				if !serving(&h) {
					continue
				}
				look(h.ID, h.Name, h.Name)
				if h.Wildcard {
					look("", "*."+h.Name, "*."+h.Name)
				}
			}
			for _, name := range hostnamesInZone {
				for _, id := range []string{"min_tls_version", "ciphers"} {
					met := after.meets(z.ID, z.ID+name)
					// Without a value of its own it is one of the zone's own names,
					// unless only its minimum lets it use the zone's list.
					lowered := id == schema.Ciphers && after.meets(z.ID, "")[id] == ""
					if after.names[z.ID+name][id] == "" && !lowered || met[id] == "" {
						continue
					}
					for i, policy := range policies {
						if counts(i, z.ID, z.ID+name, id, met[id]) && !acceptable(policy, id, met[id], name) {
							want[short{z.Name, name, id}] = true
						}
					}
				}
			}
		}
		for s := range want {
			if !got[s] {
				t.Fatalf("%v falls short, and is no breach: %+v", s, p.Breaches)
			}
		}
		for s := range got {
			if !want[s] {
				t.Fatalf("%v is a breach, and does not fall short", s)
			}
		}
		if len(want) > 0 {
			told++
		} else {
			kept++
		}
		// Findings say the same.
		for _, f := range p.Findings {
			if f.Rule == plan.BelowFloor && len(p.Breaches) == 0 {
				t.Fatalf("a finding without a breach: %+v", f)
			}
		}
	})
	t.Logf("%d worlds fall short, %d do not", told, kept)
	if told < 20 || kept < 20 {
		t.Errorf("%d worlds fall short, %d do not", told, kept)
	}
}

// TestExceptionsLiftOneGateOnly holds what a hazard that an exception lifts stands
// beside: every edit of it that weakens is to a value that the exceptions of both
// policies accept, for everybody who meets it.
func TestExceptionsLiftOneGateOnly(t *testing.T) {
	lifted := 0
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		w.want.Policy = drawPolicy(t)
		p, err := diff.Build(diff.Input{Live: w.live, Head: w.want, Now: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)})
		if err != nil {
			t.Fatal(err)
		}
		for i := range p.Changes {
			c := &p.Changes[i]
			for _, h := range c.Hazards {
				if h.Exception == "" {
					continue
				}
				lifted++
				if h.Kind != plan.WeakensTLS || h.NeedsPermission() {
					t.Fatalf("%s: %+v", c.String(), h)
				}
				texts := []string{c.Name}
				if c.Kind == plan.KindZone {
					texts = []string{c.Zone, "*." + c.Zone}
					if own := w.moves(t, p)[c.ZoneID][""]; own.known && own.opened == "" {
						continue // only names with values of their own need one
					}
				}
				for _, e := range c.Edits {
					// With a floor that nothing meets, only an exception makes it acceptable.
					only := *w.want.Policy
					only.Floor = []schema.Assignment{{Setting: e.Setting, Value: "none"}}
					if e.Direction == schema.Weakens && !acceptable(&only, e.Setting, e.EffectiveTo, texts...) {
						t.Fatalf("%s: %s is lifted, and no exception accepts %s", c.String(), e.Setting, e.EffectiveTo)
					}
				}
			}
		}
	})
	if lifted < 10 && !testing.Short() { // a fifth of the worlds has fewer
		t.Errorf("only %d hazards are lifted", lifted)
	}
}

// TestTheBlastRadius counts changes against the limits of both policies.
func TestTheBlastRadius(t *testing.T) {
	plans := func(n int, head, base schema.MaxChanges) *plan.Plan {
		live := &plan.Live{Zones: []plan.Zone{{ID: "z", Name: "saas.example"}}}
		want := resolve.ResolvedZone{Managed: true}
		for i := range n {
			name := fmt.Sprintf("h%02d.test", i)
			live.Zones[0].CustomHostnames = append(live.Zones[0].CustomHostnames, plan.Hostname{ID: name, Name: name, Status: "active", SSL: true, Type: "dv", Method: "http"})
			want.CustomHostnames = append(want.CustomHostnames, []schema.Assignment{assign("http2", `"on"`, schema.CustomHostnameLevel)})
		}
		in := diff.Input{Live: live, Head: &resolve.Resolved{Zones: []resolve.ResolvedZone{want}, Policy: &schema.Policy{Set: true, MaxChanges: head}}}
		in.Base = &resolve.Resolved{Zones: []resolve.ResolvedZone{want}, Policy: &schema.Policy{Set: true, MaxChanges: base}}
		p, err := diff.Build(in)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	none, twelve, forty := schema.MaxChanges{}, schema.MaxChanges{Count: 12, Set: true}, schema.MaxChanges{Count: 40, Set: true}
	for _, tt := range []struct {
		n          int
		head, base schema.MaxChanges
		refused    bool
	}{
		{12, twelve, none, false}, {13, twelve, none, true}, {13, none, none, false},
		{12, forty, twelve, false}, {13, forty, twelve, true}, {13, none, twelve, true}, {13, twelve, forty, true},
	} {
		p := plans(tt.n, tt.head, tt.base)
		at := slices.IndexFunc(p.Findings, func(f plan.Finding) bool { return f.Rule == plan.MaxChanges })
		if len(p.Breaches) > 0 != tt.refused || at >= 0 != tt.refused {
			t.Errorf("%d changes, head %q, base %q: %+v, %+v", tt.n, tt.head, tt.base, p.Breaches, p.Findings)
		}
	}
}
