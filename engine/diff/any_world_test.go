package diff_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tlsync/engine/diff"
	"tlsync/engine/plan"
	"tlsync/engine/resolve"
	"tlsync/schema"
)

// oddValues are values that live state is not documented to have, besides those of
// the table.
var oddValues = []schema.Value{
	`null`, `""`, `"1.3"`, `"1.1"`, `"9.9"`, `7`, `true`, `[]`, `["UNHEARD-OF"]`, `["AES128-SHA",3]`, `"on"`, `"off"`, `"zrt"`, `"strict"`, `{}`, `{"enabled":true}`,
	`{"enabled":"yes","max_age":-1}`, `{"enabled":false,"max_age":1e30}`, `{"enabled":null}`,
}

var oddStatuses = []string{"", "active", "pending", "moved", "blocked", "pending_deletion", "deleted", "pending_migration", "unheard_of"}

// drawAnyWorld is drawWorld without any restriction on what goes together in live state.
func drawAnyWorld(t *rapid.T) world {
	w := drawWorld(t)
	for zi := range w.live.Zones {
		z, want := &w.live.Zones[zi], &w.want.Zones[zi]
		z.Settings, want.Settings = drawAnySettings(t, z.Settings, want.Settings)
		z.FallbackStatus = rapid.SampledFrom(oddStatuses).Draw(t, "fallback status")

		for i := range z.CustomHostnames {
			h := &z.CustomHostnames[i]
			h.Settings = oddSettings(t, h.Settings, schema.CustomHostnameLevel, 3)
			if odds(t, 3, "a list beside 1.3 and nothing said of either") {
				h.Settings = []plan.Setting{{ID: "ciphers", Raw: string(lists[0]), Value: lists[0]}, {ID: "min_tls_version", Raw: `"1.3"`, Value: `"1.3"`}}
				want.CustomHostnames[i] = slices.DeleteFunc(want.CustomHostnames[i], func(a schema.Assignment) bool {
					return a.Setting == "min_tls_version" || a.Setting == "ciphers"
				})
			}
			if odds(t, 4, "any state") {
				h.Status, h.SSLStatus = rapid.SampledFrom(oddStatuses).Draw(t, "status"), rapid.SampledFrom(oddStatuses).Draw(t, "ssl status")
				h.SSL, h.Uploaded = rapid.Bool().Draw(t, "ssl"), rapid.Bool().Draw(t, "uploaded")
				h.Keys = schema.Keys(rapid.IntRange(0, 3).Draw(t, "keys"))
			}
			if i > 0 && odds(t, 8, "twin") {
				h.Name = z.CustomHostnames[i-1].Name
			}
		}
		for i := range z.Hostnames {
			z.Hostnames[i].Settings = oddSettings(t, z.Hostnames[i].Settings, schema.HostnameLevel, 3)
		}
	}
	return w
}

// drawAnySettings adds settings that no other world has, with any value.
func drawAnySettings(t *rapid.T, live []plan.Setting, want []schema.Assignment) ([]plan.Setting, []schema.Assignment) {
	for _, row := range schema.Table() {
		if !row.On(schema.ZoneLevel) || slices.Contains(watched, row.ID) || row.ID == "0rtt" {
			continue
		}
		if odds(t, 2, "has "+row.ID) {
			live = append(live, plan.Setting{ID: row.ID, Value: row.Default, Raw: string(row.Default), Locked: odds(t, 8, "locked "+row.ID)})
		}
		if len(row.Values) > 0 && odds(t, 4, "wants "+row.ID) {
			v := schema.StringValue(rapid.SampledFrom(row.Values).Draw(t, "value"))
			want = append(want, schema.Assignment{Setting: row.ID, Value: v, Wire: v, Via: "test"})
		}
	}
	return oddSettings(t, live, schema.ZoneLevel, 5), want
}

// oddSettings puts odd values in the place of some.
func oddSettings(t *rapid.T, settings []plan.Setting, l schema.Level, n int) []plan.Setting {
	settings = slices.Clone(settings)
	for i := range settings {
		s := &settings[i]
		if odds(t, n, "odd "+s.ID) {
			raw := rapid.SampledFrom(oddValues).Draw(t, "odd value")
			s.Raw, s.Value = string(raw), canonical(s.ID, raw, l)
		}
	}
	return settings
}

// TestAnyLiveStateIsPlanned makes plans of live states that Cloudflare documents as
// impossible: none panics, and a hostname that keeps a value that the configuration
// wants changed is named by a finding, or its zone is.
func TestAnyLiveStateIsPlanned(t *testing.T) {
	left := 0
	t.Run("worlds", func(t *testing.T) {
		for range 5 { // as in worlds: 10,000 of them
			rapid.Check(t, func(t *rapid.T) {
				w := drawAnyWorld(t)
				in := diff.Input{Live: w.live, Head: w.want}
				if odds(t, 2, "with base") {
					in.Base = drawBase(t, w)
				}
				p, err := diff.Build(in)
				if err != nil {
					t.Fatal(err)
				}
				left += w.checkLeft(t, p)
			})
		}
	})
	if left < 100 {
		t.Errorf("only %d hostnames are left with a list beside 1.3", left)
	}
}

// drawBase asks for other values of the same settings.
func drawBase(t *rapid.T, w world) *resolve.Resolved {
	base := &resolve.Resolved{Zones: slices.Clone(w.want.Zones)}
	for i := range base.Zones {
		if odds(t, 2, "another base") {
			base.Zones[i].Settings = nil
		}
	}
	return base
}

// checkLeft checks what happens to the hostnames with a list beside 1.3, and returns how
// many of them are left alone.
func (w world) checkLeft(t *rapid.T, p *plan.Plan) (left int) {
	for zi := range w.live.Zones {
		z := &w.live.Zones[zi]
		for i := range z.CustomHostnames {
			h := &z.CustomHostnames[i]
			if !contradictory(h) || h.Own("ciphers") == "[]" {
				continue
			}
			differs := slices.ContainsFunc(w.want.Zones[zi].CustomHostnames[i], func(a schema.Assignment) bool { return h.Own(a.Setting) != a.Value })
			written := slices.ContainsFunc(p.Changes, func(c plan.Change) bool { return c.ObjectID == h.ID })
			if !differs || written {
				continue
			}
			left++
			told := func(f plan.Finding) bool {
				return f.Rule == plan.NoSafeOrder || strings.Contains(fmt.Sprint(f.Message), h.Name) || strings.HasSuffix(f.Ref.String(), "/"+h.Name) || strings.Contains(f.Message, "custom hostnames are not changed")
			}
			if !slices.ContainsFunc(p.Findings, told) {
				t.Fatalf("%s is left and no finding says so: %v", h.Name, p.Findings)
			}
		}
	}
	for i := range p.Changes {
		if c := &p.Changes[i]; c.Kind == plan.KindCustomHostname && bothInRequest(string(c.Request.Body)) {
			t.Fatalf("%s sends a cipher list beside 1.3: %s", c.String(), c.Request.Body)
		}
	}
	return left
}

func bothInRequest(body string) bool {
	return strings.Contains(body, `"min_tls_version":"1.3"`) && strings.Contains(body, `"ciphers":[`) && !strings.Contains(body, `"ciphers":[]`)
}
