package expect_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"pgregory.net/rapid"

	"tlsync/engine/plan"
	"tlsync/engine/probe/compare"
	"tlsync/engine/probe/expect"
	"tlsync/schema"
	"tlsync/schema/load"
)

const configuration = `version: 1
---
zone: "{new,saas,other}.example"
account: Acme
settings: { tls_1_3: on }
---
zone: saas.example
account: Acme
settings: { min_tls_version: "1.2" }
hostnames:
  www.saas.example: { min_tls_version: "1.3" }
custom_hostnames:
  rules:
    - match: { hostname: ["*.pay.test"] }
      min_tls_version: "1.3"
    - match: { metadata: { tier: gold } }
      min_tls_version: "1.3"
    - match: { metadata: { tier: old } }
      tls_1_3: off
  hostnames:
    a.pay.test: { http2: on }
    app.test: { min_tls_version: inherit, ciphers: modern, tls_1_3: inherit }
    bound.test: { min_tls_version: { at_least: "1.1" }, tls_1_3: on }
    open.test: { http2: on }
    gone.test: { state: absent }
    wild.test: { http2: on, min_tls_version: "1.3", ssl: { method: txt, wildcard: true } }
---
zone: other.example
account: Else
custom_hostnames:
  hostnames:
    follows.test: { min_tls_version: inherit }
`

func configured(t testing.TB) *schema.Desired {
	t.Helper()
	d, diags := load.Load(fstest.MapFS{"tlsync.yaml": {Data: []byte(configuration)}}, time.Time{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return d
}

func show(w *compare.Want) string {
	switch {
	case w == nil:
		return "-"
	case w.Value == "":
		return "? " + w.Why
	case w.AtLeast:
		return "≥" + w.Value.Show()
	}
	return w.Value.Show()
}

func shown(e compare.Expected) string {
	return fmt.Sprintf("%s | %s | %s", show(e.Minimum), show(e.TLS13), show(e.Ciphers))
}

func TestWithoutLiveState(t *testing.T) {
	x := expect.Of(configured(t), nil, nil)
	if got, want := strings.Join(x.Names(), " "), "a.pay.test app.test bound.test follows.test open.test wild.test www.saas.example"; got != want {
		t.Errorf("names: %s", got)
	}

	const old = "? rule 3, tlsync.yaml:18:7, looks at more than the name; --snapshot knows the rest"
	for name, want := range map[string]string{
		"a.pay.test":       "1.3 | " + old + " | -",
		"app.test":         "1.2 | on | modern",
		"bound.test":       "≥1.1 | on | -",
		"open.test":        "? rule 2, tlsync.yaml:16:7, looks at more than the name; --snapshot knows the rest | " + old + " | -",
		"follows.test":     "? it follows its zone, of which the configuration does not manage the setting | - | -",
		"child.wild.test":  "1.2 | on | -",
		"www.saas.example": "1.3 | on | -",
		"any.saas.example": "1.2 | on | -",
		"saas.example":     "1.2 | on | -",
	} {
		if got := shown(x.Of(name)); got != want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, want)
		}
	}
	if e := x.Of("nobody.test"); !strings.Contains(show(e.Minimum), "names neither it nor its zone") {
		t.Errorf("nobody.test: %s", shown(e))
	}
}

func TestWithLiveState(t *testing.T) {
	setting := func(id string, v schema.Value) plan.Setting { return plan.Setting{ID: id, Value: v} }
	live := &plan.Live{Zones: []plan.Zone{{
		ID: "1", Name: "saas.example", Account: plan.Account{ID: "2", Name: "Acme"},
		Settings: []plan.Setting{setting("min_tls_version", `"1.0"`), setting("tls_1_3", `"on"`), setting("ciphers", "[]")},
		CustomHostnames: []plan.Hostname{
			{ID: "a", Name: "bound.test", SSL: true, Settings: []plan.Setting{setting("min_tls_version", `"1.3"`)}},
			{ID: "b", Name: "gold.test", SSL: true, Metadata: map[string]string{"tier": "gold"}},
			{ID: "c", Name: "open.test", SSL: true},
		},
	}}}
	x := expect.Of(configured(t), live, nil)
	for name, want := range map[string]string{
		"bound.test": "1.3 | on | legacy",
		"gold.test":  "1.3 | on | legacy",
		"open.test":  "1.2 | on | legacy",
	} {
		if got := shown(x.Of(name)); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

// What a plan writes takes the place of what the configuration says.
func TestWritten(t *testing.T) {
	edit := func(id string, to, effective schema.Value) []plan.Edit {
		return []plan.Edit{{Setting: id, To: to, EffectiveTo: effective}}
	}
	x := expect.Of(configured(t), nil, []expect.Written{
		{Zone: "saas.example", Kind: plan.KindCustomHostname, Name: "open.test", Edits: edit("min_tls_version", schema.Inherit, `"1.1"`)},
		{Zone: "saas.example", Kind: plan.KindCustomHostname, Name: "ruled.pay.test", Edits: edit("min_tls_version", `"1.3"`, `"1.3"`)},
		{Zone: "saas.example", Kind: plan.KindCustomHostname, Name: "open.test", Edits: edit("min_tls_version", `"1.3"`, "")},
		{Zone: "new.example", Kind: plan.KindCustomHostname, Name: "new.test", Edits: edit("tls_1_3", `"on"`, `"on"`)},
		{Zone: "none.example", Kind: plan.KindCustomHostname, Name: "strange.test", Edits: edit("min_tls_version", `"1.3"`, `"1.3"`)},
		{Zone: "other.example", Kind: plan.KindZone, Name: "other.example", Edits: edit("min_tls_version", `"1.2"`, `"1.2"`)},
	})
	if got := show(x.Of("open.test").Minimum); got != "1.3" {
		t.Errorf("open.test, which was written twice: %s", got)
	}
	if got := show(x.Of("ruled.pay.test").Minimum); got != "1.3" {
		t.Errorf("a custom hostname that no line names: %s", got)
	}
	if got := show(x.Of("new.test").TLS13); got != "on" {
		t.Errorf("a custom hostname of a zone that a pattern met: %s", got)
	}
	if got := show(x.Of("strange.test").Minimum); !strings.Contains(got, "names neither it nor its zone") {
		t.Errorf("a custom hostname of a zone that no line names: %s", got)
	}
	if got := show(x.Of("follows.test").Minimum); got != "1.2" {
		t.Errorf("follows.test: %s", got)
	}
}

// A sample is the same for the same names, and changes by one name at most if one is added.
func TestSamplesAreStable(t *testing.T) {
	d := &schema.Desired{}
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z]{4}\.test`), 2, 40, func(s string) string { return s }).Draw(t, "names")
		n := rapid.IntRange(1, len(names)).Draw(t, "n")
		choose := func(names []string) []string {
			got, err := expect.Of(d, nil, nil).Choose(expect.Choice{Names: names, Sample: n})
			if err != nil {
				t.Fatal(err)
			}
			return got
		}

		all := choose(names)
		if len(all) != n || !slices.IsSorted(all) {
			t.Fatalf("%d of %v: %v", n, names, all)
		}
		reversed := slices.Clone(names)
		slices.Reverse(reversed)
		if !slices.Equal(choose(reversed), all) {
			t.Fatal("the order of the names matters")
		}
		if n == len(names) {
			return
		}
		lost := 0
		for _, name := range choose(names[1:]) {
			if !slices.Contains(all, name) {
				lost++
			}
		}
		if lost > 1 {
			t.Fatalf("one name less changes %d names of the sample", lost)
		}
	})
}
