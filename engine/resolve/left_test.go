package resolve_test

import (
	"testing"
	"testing/fstest"
	"time"

	"tlsync/engine/plan"
	"tlsync/engine/resolve"
	"tlsync/schema"
	"tlsync/schema/load"
)

const leftConfig = `version: 1
---
zone: saas.example
settings: { min_tls_version: "1.2", tls_1_3: on }
hostnames:
  www.saas.example: { min_tls_version: "1.2", http2: on }
custom_hostnames:
  create: true
  defaults: { http2: on, min_tls_version: "1.2" }
  hostnames:
    gone.test: { state: absent }
    new.test: { ssl: { method: txt } }
`

// What is left is not asked for, and everything else still is: also of names whose
// assignments are the same, which share them.
func TestWhatIsLeftIsNotAskedFor(t *testing.T) {
	d, diags := load.Load(fstest.MapFS{"tlsync.yaml": {Data: []byte(leftConfig)}}, time.Time{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	zone := plan.ZoneRef("saas.example")
	name := func(n, id string) plan.Hostname { return plan.Hostname{Name: n, ID: id, Status: "active"} }
	live := &plan.Live{Zones: []plan.Zone{{Name: "saas.example", CustomHostnames: []plan.Hostname{
		name("a.test", "1"), name("b.test", "2"), name("gone.test", "3"), name("twin.test", "4"), name("twin.test", "5"),
	}}, {Name: "other.example"}}}
	twin := zone.CustomHostname("twin.test")
	twin.Twin = "5"
	spot := func(o plan.Ref, setting string) plan.Spot { return plan.Spot{Object: o, Setting: setting} }

	asked := func(as []schema.Assignment, id string) bool { return schema.Assigned(as, id) != nil }
	all := map[string]func(z *resolve.ResolvedZone) bool{
		"min_tls_version of the zone": func(z *resolve.ResolvedZone) bool { return asked(z.Settings, "min_tls_version") },
		"tls_1_3 of the zone":         func(z *resolve.ResolvedZone) bool { return asked(z.Settings, "tls_1_3") },
		"min_tls_version of www":      func(z *resolve.ResolvedZone) bool { return asked(z.Hostnames[0].Settings, "min_tls_version") },
		"http2 of www":                func(z *resolve.ResolvedZone) bool { return asked(z.Hostnames[0].Settings, "http2") },
		"http2 of a":                  func(z *resolve.ResolvedZone) bool { return asked(z.CustomHostnames[0], "http2") },
		"min_tls_version of a":        func(z *resolve.ResolvedZone) bool { return asked(z.CustomHostnames[0], "min_tls_version") },
		"http2 of b":                  func(z *resolve.ResolvedZone) bool { return asked(z.CustomHostnames[1], "http2") },
		"http2 of a twin":             func(z *resolve.ResolvedZone) bool { return asked(z.CustomHostnames[3], "http2") },
		"http2 of its twin":           func(z *resolve.ResolvedZone) bool { return asked(z.CustomHostnames[4], "http2") },
		"the deletion":                func(z *resolve.ResolvedZone) bool { return z.Deleted[2] != nil },
		"the creation":                func(z *resolve.ResolvedZone) bool { return len(z.Created) == 1 },
	}
	for _, x := range []struct {
		spot plan.Spot
		gone string // what is not asked for, "" for nothing
	}{
		{spot(zone.Setting("min_tls_version"), "min_tls_version"), "min_tls_version of the zone"},
		{spot(zone.Setting("0rtt"), "0rtt"), "tls_1_3 of the zone"},
		{spot(zone.Hostname("www.saas.example").Setting("http2"), "http2"), "http2 of www"},
		{spot(zone.CustomHostname("a.test"), "http2"), "http2 of a"},
		{spot(zone.CustomHostname("a.test"), "ciphers"), ""},
		{spot(twin, "http2"), "http2 of its twin"},
		{spot(zone.CustomHostname("gone.test"), plan.FieldHostname), "the deletion"},
		{spot(zone.CustomHostname("gone.test"), "http2"), ""},
		{spot(zone.CustomHostname("new.test"), "ssl.method"), "the creation"},
		{spot(plan.ZoneRef("other.example").Setting("min_tls_version"), "min_tls_version"), ""},
		{spot(plan.Ref{Kind: plan.KindAlert, Account: "Example Inc", Name: "x"}, "enabled"), ""},
	} {
		r := resolve.ResolveNames(d, live, nil, resolve.Left{x.spot: true})
		for what, isAsked := range all {
			if got := isAsked(&r.Zones[0]); got != (what != x.gone) {
				t.Errorf("%v is left: %s is asked for: %v", x.spot, what, got)
			}
		}
	}
	if plain := resolve.Resolve(d, live); !all["http2 of a"](&plain.Zones[0]) {
		t.Error("the configuration itself was changed")
	}
}
