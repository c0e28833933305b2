package diff_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tlsync/engine/plan"
	"tlsync/engine/resolve"
	"tlsync/schema"
)

// drawCrowd is a zone with many custom hostnames that a few lines reach.
func drawCrowd(t *rapid.T) world {
	zone := plan.Zone{ID: "z0", Name: "saas0.example", HostnameSettings: hostnameSettings, CustomHostnames: []plan.Hostname{}}
	var want resolve.ResolvedZone
	// Mostly the zone has the weakest values and every name gets the same, else a
	// cheaper way is rarely to be had.
	plain := !odds(t, 4, "mixed")
	for _, id := range watched {
		choice := values[id]
		if id == "tls_1_3" {
			choice = append(slices.Clone(choice), `"zrt"`)
			zone.Settings = append(zone.Settings, plan.Setting{ID: "0rtt", Raw: `"off"`, Value: `"off"`})
		}
		has := choice
		if weakest := 0; plain {
			if id == schema.Ciphers {
				weakest = len(choice) - 1
			}
			has = choice[weakest : weakest+1]
		}
		v := canonical(id, rapid.SampledFrom(has).Draw(t, "zone "+id), schema.ZoneLevel)
		s := plan.Setting{ID: id, Raw: string(v), Value: v, Locked: odds(t, 20, "locked "+id)}
		if v == `"zrt"` {
			zone.Settings[len(zone.Settings)-1] = plan.Setting{ID: "0rtt", Raw: `"on"`, Value: `"on"`}
		}
		zone.Settings = append(zone.Settings, s)
		if odds(t, 4, "zone manages "+id) {
			want.Settings = append(want.Settings, assign(id, rapid.SampledFrom(choice).Draw(t, "zone wants "+id), schema.ZoneLevel))
		}
	}
	alike, bare := odds(t, 4, "as the zone"), odds(t, 4, "no own values")
	lines := make([][]schema.Assignment, rapid.IntRange(1, 3).Draw(t, "lines"))
	for l := range lines {
		for _, id := range watched {
			if l == 0 && odds(t, 2, "first line asks "+id) || odds(t, 4, "line asks "+id) {
				v := rapid.SampledFrom(append(slices.Clone(values[id]), schema.Inherit)).Draw(t, "asks "+id)
				if has, _ := zone.Value(id); alike && has != `"zrt"` {
					v = has
				}
				a := assign(id, v, schema.CustomHostnameLevel)
				a.Pos, a.Via = schema.Pos{File: "f.yaml", Line: l + 1, Col: 3}, fmt.Sprintf("rule %d", l)
				lines[l] = append(lines[l], a)
			}
		}
	}
	for i := range rapid.IntRange(10, 30).Draw(t, "hostnames") {
		h := plan.Hostname{
			ID: fmt.Sprintf("id-0-%d", i), Name: fmt.Sprintf("h%02d.example", i), Status: "active", SSL: true,
			SSLStatus: "active", Type: "dv", Method: "http", Wildcard: odds(t, 8, "wildcard"),
		}
		switch {
		case plain:
		case odds(t, 40, "uploaded"):
			h.Uploaded = true
		case odds(t, 40, "blocked"):
			h.Status = "blocked"
		}
		for _, id := range watched {
			if !bare && odds(t, 12, "own "+id) {
				v := canonical(id, rapid.SampledFrom(values[id]).Draw(t, "own value "+id), schema.CustomHostnameLevel)
				h.Settings = append(h.Settings, plan.Setting{ID: id, Raw: string(v), Value: v})
			}
		}
		if h.Own("min_tls_version") == `"1.3"` && h.Own("ciphers") != schema.Inherit {
			h.Settings = nil
		}
		var as []schema.Assignment
		for l := range lines {
			if l == 0 && (plain || !odds(t, 40, "out of line")) || l > 0 && odds(t, 3, "in line") {
				as = schema.Overlay(as, lines[l])
			}
		}
		zone.CustomHostnames = append(zone.CustomHostnames, h)
		want.CustomHostnames = append(want.CustomHostnames, as)
	}
	if odds(t, 4, "local") {
		drawHostnames(t, &zone, &want, false)
	}
	return world{&plan.Live{Zones: []plan.Zone{zone}}, &resolve.Resolved{Zones: []resolve.ResolvedZone{want}}}
}

// followed is the configuration that a finding speaks of.
func followed(w world, saving *plan.Saving) world {
	want := w.want.Zones[0]
	want.CustomHostnames = slices.Clone(want.CustomHostnames)
	for _, alt := range saving.Alternatives {
		if alt.InZone {
			want.Settings = schema.Overlay(want.Settings, []schema.Assignment{assign(alt.Setting, alt.Value, schema.ZoneLevel)})
		}
		for i, as := range want.CustomHostnames {
			as = slices.Clone(as)
			for j := range as {
				a := &as[j]
				if a.Setting == alt.Setting && a.Value == alt.Value && slices.Contains(alt.Lines, plan.Origin{Pos: a.Pos, Via: a.Via}) {
					a.Value, a.Wire = schema.Inherit, schema.Inherit
				}
			}
			want.CustomHostnames[i] = as
		}
	}
	return world{w.live, &resolve.Resolved{Zones: []resolve.ResolvedZone{want}}}
}

func isInZone(name string) bool {
	return slices.ContainsFunc(hostnamesInZone, func(l string) bool { return strings.HasSuffix(name, l) })
}

// knows reports whether a plan knows of a name in the zone.
func (w world) knows(local string) bool {
	return slices.ContainsFunc(w.live.Zones[0].Hostnames, func(h plan.Hostname) bool { return h.Name == local }) ||
		slices.ContainsFunc(w.want.Zones[0].Hostnames, func(l resolve.Hostname) bool { return l.Name == local })
}

// TestTheCheaperConfigurationComesToTheSame takes every finding at its word: its
// configuration takes as many requests as it says, and every name meets the same.
func TestTheCheaperConfigurationComesToTheSame(t *testing.T) {
	reached := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		w := drawCrowd(t)
		p := build(t, w)
		for _, f := range p.Findings {
			if f.Rule != plan.CheaperZoneValue {
				continue
			}
			saving := f.Saving
			stronger := slices.ContainsFunc(saving.Alternatives, func(a plan.Alternative) bool { return a.Instead != "" })
			q := build(t, followed(w, &saving))
			if len(p.Changes) != saving.Now || len(q.Changes) != saving.Then || saving.Now-saving.Then < 10 {
				t.Fatalf("%s\nbut it is %d in place of %d", f.Message, len(q.Changes), len(p.Changes))
			}
			after, otherwise := newEdge(w.live), newEdge(w.live)
			for i := range p.Changes {
				if err := after.write(p.Changes[i].Request); err != nil {
					t.Fatal(err)
				}
			}
			for i := range q.Changes {
				if err := otherwise.write(q.Changes[i].Request); err != nil {
					t.Fatal(err)
				}
			}
			differs := false
			w.watch(func(zone, name string, _ map[string]schema.Value) {
				unknown := name == "" || isInZone(name) && !w.knows(strings.TrimPrefix(name, zone))
				for _, id := range watched {
					meets, would := after.meets(zone, name)[id], otherwise.meets(zone, name)[id]
					if unknown { // also where a minimum of 1.3 hides the ciphers
						meets, would = after.value(zone, id), otherwise.value(zone, id)
					}
					row, _ := schema.LookupSetting(id)
					switch {
					case meets == would:
					case unknown && row.Compare(meets, would) == schema.Strengthens:
						differs = true
					default:
						t.Fatalf("%s\nbut %s of name %q would be %s and not %s", f.Message, id, name, would, meets)
					}
				}
			})
			if differs != stronger {
				t.Fatalf("%s\nthe zone's own names get stronger: %t", f.Message, differs)
			}
			reached["told"]++
			speaksOf := func(id string) bool {
				return slices.ContainsFunc(saving.Alternatives, func(a plan.Alternative) bool { return a.Setting == id })
			}
			for what, is := range map[string]bool{
				"several":       len(saving.Alternatives) > 1,
				"several lines": slices.ContainsFunc(saving.Alternatives, func(a plan.Alternative) bool { return len(a.Lines) > 1 }),
				"free":          saving.Then == 0, "one": saving.Then == 1, "more": saving.Then > 1,
				"stronger": stronger, "as it is": !stronger, "below wildcards": stronger && saving.Wildcards > 0,
				"ciphers": speaksOf(schema.Ciphers), "tls_1_3": speaksOf(schema.TLS13),
			} {
				if is {
					reached[what]++
				}
			}
		}
	})
	t.Log(reached)
	enough := 10
	if testing.Short() { // a fifth of the worlds
		enough = 1
	}
	for _, what := range []string{"told", "several", "several lines", "free", "one", "more", "stronger", "as it is", "below wildcards", "ciphers", "tls_1_3"} {
		if reached[what] < enough {
			t.Errorf("the worlds drawn reach %q %d times only", what, reached[what])
		}
	}
}
