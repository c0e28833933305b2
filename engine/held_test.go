package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"pgregory.net/rapid"

	"tlsync/engine"
	"tlsync/engine/apply"
	"tlsync/engine/hold"
	"tlsync/engine/plan"
	"tlsync/schema"
	"tlsync/schema/load"
)

// fleet is live state in a form that is easily changed: the zone's values of settings, and
// those of each name.
type fleet struct {
	zone  map[string]string
	names map[string]map[string]string
}

var fleetSettings = map[string][]string{"min_tls_version": {"1.0", "1.1", "1.2", "1.3"}, "http2": {"on", "off"}}

var settingIDs = []string{"http2", "min_tls_version"}

func drawFleet(t *rapid.T) fleet {
	f := fleet{zone: map[string]string{}, names: map[string]map[string]string{}}
	for _, id := range settingIDs {
		f.zone[id] = rapid.SampledFrom(fleetSettings[id]).Draw(t, "zone "+id)
	}
	for i := range 4 {
		own := map[string]string{}
		for _, id := range settingIDs {
			if rapid.Bool().Draw(t, "own") {
				own[id] = rapid.SampledFrom(fleetSettings[id]).Draw(t, id)
			}
		}
		f.names[fmt.Sprintf("n%d.test", i)] = own
	}
	return f
}

// edited is the fleet after some edits in the dashboard.
func (f fleet) edited(t *rapid.T) fleet {
	out := fleet{zone: map[string]string{}, names: map[string]map[string]string{}}
	change := func(from map[string]string, own bool) map[string]string {
		to := map[string]string{}
		for _, id := range settingIDs {
			v, ok := from[id]
			if rapid.IntRange(0, 3).Draw(t, "edited") == 0 {
				v, ok = rapid.SampledFrom(fleetSettings[id]).Draw(t, "now"), !own || rapid.Bool().Draw(t, "explicit")
			}
			if ok {
				to[id] = v
			}
		}
		return to
	}
	out.zone = change(f.zone, false)
	for i := range len(f.names) {
		name := fmt.Sprintf("n%d.test", i)
		out.names[name] = change(f.names[name], true)
	}
	return out
}

// Fetch is a reading of everything.
func (f fleet) Fetch(context.Context, plan.Scope) (*plan.Live, error) {
	settings := func(m map[string]string) []plan.Setting {
		var out []plan.Setting
		for _, id := range settingIDs {
			if v, ok := m[id]; ok {
				out = append(out, plan.Setting{ID: id, Raw: fmt.Sprintf("%q", v), Value: schema.StringValue(v)})
			}
		}
		return out
	}
	z := plan.Zone{ID: "z", Name: "saas.example", Settings: settings(f.zone), CustomHostnames: []plan.Hostname{}}
	for i := range len(f.names) {
		name := fmt.Sprintf("n%d.test", i)
		z.CustomHostnames = append(z.CustomHostnames, plan.Hostname{
			ID: name, Name: name, Status: "active", SSL: true, SSLStatus: "active", Type: "dv", Method: "http", Settings: settings(f.names[name]),
		})
	}
	return &plan.Live{Zones: []plan.Zone{z}}, nil
}

// own returns the own value of a setting of an object.
func (f fleet) own(ref plan.Ref, id string) schema.Value {
	m := f.zone
	if ref.Kind != plan.KindZone {
		m = f.names[ref.Name]
	}
	if v, ok := m[id]; ok {
		return schema.StringValue(v)
	}
	return schema.Inherit
}

// fleetTarget writes to a fleet.
type fleetTarget struct{ fleet }

func (f fleetTarget) Read(ctx context.Context, c *plan.Change, _ time.Duration) (plan.Object, error) {
	live, err := f.Fetch(ctx, plan.Scope{})
	z := &live.Zones[0]
	if c.Kind == plan.KindZone {
		s, _ := plan.Lookup(z.Settings, c.Edits[0].Setting)
		return plan.Object{Setting: &s}, err
	}
	at, _ := plan.FindHostname(z.CustomHostnames, c.Name)
	return plan.Object{Hostname: &z.CustomHostnames[at]}, err
}

// Write replaces a custom hostname as a whole.
func (f fleetTarget) Write(ctx context.Context, c *plan.Change, req plan.Request) (plan.Object, error) {
	var body struct {
		Value string
		SSL   struct{ Settings map[string]string }
	}
	if err := json.Unmarshal([]byte(req.Body), &body); err != nil {
		return plan.Object{}, err
	}
	if c.Kind == plan.KindZone {
		f.zone[c.Edits[0].Setting] = body.Value
	} else {
		f.names[c.Name] = body.SSL.Settings
	}
	return f.Read(ctx, c, 0)
}

// drawConfig is a configuration that manages some settings of the zone and of the names.
func drawConfig(t *rapid.T, bounds bool) string {
	lines := func(extra ...string) string {
		var parts []string
		for _, id := range settingIDs {
			choice := append(slices.Clone(fleetSettings[id]), extra...)
			switch v := rapid.SampledFrom(choice).Draw(t, "asked"); {
			case !rapid.Bool().Draw(t, "managed"):
			case bounds && id == "min_tls_version" && v != "inherit" && rapid.Bool().Draw(t, "as a bound"):
				parts = append(parts, fmt.Sprintf("%s: { at_least: %q }", id, v))
			default:
				parts = append(parts, fmt.Sprintf("%s: %q", id, v))
			}
		}
		return "{ " + strings.Join(parts, ", ") + " }"
	}
	text := "version: 1\n---\nzone: saas.example\nsettings: " + lines() + "\ncustom_hostnames:\n  hostnames:\n"
	for i := range 4 {
		text += fmt.Sprintf("    n%d.test: %s\n", i, lines("inherit"))
	}
	return text
}

func loaded(t *rapid.T, text string) *schema.Desired {
	d, diags := load.Load(fstest.MapFS{"tlsync.yaml": {Data: []byte(text)}}, time.Time{})
	if diags.HasErrors() {
		t.Fatalf("%v\n%s", diags, text)
	}
	return d
}

type editKey struct {
	spot     plan.Spot
	from, to schema.Value
}

func editsOf(p *plan.Plan) map[editKey]plan.Cause {
	out := map[editKey]plan.Cause{}
	for i := range p.Changes {
		c := &p.Changes[i]
		for j, spot := range c.Spots() {
			e := &c.Edits[j]
			out[editKey{spot, e.From, e.To}] = e.Cause
		}
	}
	return out
}

// What a run that is held to a review writes was reviewed. What drifted since keeps its live
// value, also in whole objects, and everything else is stale.
func TestARunThatIsHeldToAReview(t *testing.T) {
	stale, left, wrote := 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		bounds := rapid.Bool().Draw(t, "with bounds")
		before := drawFleet(t)
		base := loaded(t, drawConfig(t, bounds))
		head := base
		if rapid.IntRange(0, 3).Draw(t, "a commit") > 0 {
			head = loaded(t, drawConfig(t, bounds))
		}
		at := func(f fleet) *engine.Engine { return &engine.Engine{Source: f} }
		seen, err := at(before).Plan(t.Context(), base, head, plan.Config{})
		if err != nil {
			t.Fatal(err)
		}
		review := hold.Review(seen)

		now := before.edited(t)
		full, err := at(now).Plan(t.Context(), base, head, plan.Config{})
		if err != nil {
			t.Fatal(err)
		}
		held, err := at(now).Hold(t.Context(), base, head, plan.Config{}, []hold.Reviewed{review})
		if err != nil {
			t.Fatal(err)
		}

		for _, w := range held.Left {
			if w.Edit.Cause != plan.CauseDrift {
				t.Errorf("%s %s is left alone, and is %s", w.Ref, w.Edit.Setting, w.Edit.Cause)
			}
			if !slices.ContainsFunc(held.Plan.Findings, func(f plan.Finding) bool { return f.Rule == plan.NotReviewed && f.Ref == w.Ref }) {
				t.Errorf("%s is left alone, and no finding says so", w.Ref)
			}
		}
		reviewed := editsOf(seen)
		for e, cause := range editsOf(full) {
			if _, ok := reviewed[e]; !ok && cause != plan.CauseDrift && len(held.Added) == 0 && !bounds {
				t.Errorf("%v of cause %s was not reviewed, and is not stale", e, cause)
			}
		}
		if len(held.Added) > 0 {
			stale++
			return
		}

		for e := range editsOf(held.Plan) {
			if _, ok := reviewed[e]; !ok {
				t.Errorf("%v is written and was not reviewed", e)
			}
		}
		left, wrote = left+len(held.Left), wrote+len(held.Plan.Changes)
		e := at(now)
		e.Target = fleetTarget{now}
		result, err := e.ApplyHeld(t.Context(), held, head, apply.Options{Concurrency: 1})
		if err != nil {
			t.Fatal(err)
		}
		if n := len(held.Plan.Changes); n > 0 && (result.Tally.Done != n || len(result.Remaining.Changes) > 0 || result.LeftAlone != len(held.Left)) {
			t.Errorf("%+v, %d left alone, and this remains: %v", result.Tally, result.LeftAlone, ids(result.Remaining))
		}
		for _, w := range held.Left {
			if own := now.own(w.Ref, w.Edit.Setting); own != w.Edit.From {
				t.Errorf("%s of %s is %s now, and was to be left at %s", w.Edit.Setting, w.Ref, own, w.Edit.From)
			}
		}
	})
	if !testing.Short() && (stale < 5 || left < 10 || wrote < 10) {
		t.Errorf("%d stale runs, %d settings left alone, %d writes: too few to show anything", stale, left, wrote)
	}
}
