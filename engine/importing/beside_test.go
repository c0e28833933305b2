package importing_test

import (
	"context"
	"maps"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"pgregory.net/rapid"

	"tlsync/engine/importing"
	"tlsync/engine/plan"
	"tlsync/schema/format"
	"tlsync/schema/load"
)

// existing is a configuration that manages zone0, names zone1, and says nothing of others.
func existing(t interface{ Fatal(...any) }, held string, more map[string]string) *importing.Existing {
	files := fstest.MapFS{
		"tlsync.yaml":      {Data: []byte("version: 1\nprofiles:\n  tls-1.2: { min_tls_version: \"1.3\" }\n")},
		"zones/zone0.yaml": {Data: []byte("# managed\nzone: zone0.example\nsettings: { http2: on }\n")},
		"zones/held.yaml":  {Data: []byte(held)},
	}
	for path, text := range more {
		files[path] = &fstest.MapFile{Data: []byte(text)}
	}
	desired, diags := load.Load(files, time.Time{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return &importing.Existing{Files: files, Desired: desired}
}

// TestAddPlansEmpty adds zones of random worlds to a configuration.
func TestAddPlansEmpty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, wild{clashes: rapid.Bool().Draw(t, "clashes"), zones: 4})
		held := rapid.SampledFrom([]string{
			"zone: zone1.example\n", "zone: zone1.example", "# ours\nzone: zone1.example # here\n\n#settings:\n#  http2: off\n", "zone: zone1.example\r\n# ours\r\n",
			"---\nzone: other.example\nsettings: { http2: on }\n---\nzone: zone1.example\naccount: Example Inc\n",
		}).Draw(t, "held")
		e := existing(t, held, nil)

		sorted := e.Sort(w.live)
		if len(sorted.Managed) != 1 || len(sorted.Named) != 1 || len(sorted.Unnamed) != 2 {
			t.Fatalf("%d managed, %d named, %d others", len(sorted.Managed), len(sorted.Named), len(sorted.Unnamed))
		}
		if err := e.Fillable(sorted.Named[0]); err != nil {
			t.Fatal(err)
		}
		added, err := e.Add(w.live, []string{"zone1.example", "zone2.example"}, all())
		if err != nil {
			t.Fatal(err)
		}
		made, err := added.Prove(context.Background(), e, w.live, time.Time{})
		if err != nil {
			t.Fatalf("%v\n%s\n%s", err, added.Filled, added.New)
		}
		if len(made.Breaches) > 0 {
			t.Fatal(made.Breaches)
		}

		for path, text := range added.New {
			formatted, err := format.Format(text)
			if path != "zones/zone2.example.yaml" || err != nil || string(formatted) != string(text) || strings.Contains(string(text), "use:") {
				t.Fatalf("%s: %v\n%s", path, err, text)
			}
		}
		for path, text := range added.Filled {
			if path != "zones/held.yaml" || !strings.HasPrefix(string(text), held) {
				t.Fatalf("%s:\n%s", path, text)
			}
		}
		if len(added.New)+len(added.Filled)+len(added.Empty) != 2 {
			t.Fatalf("%d new, %d filled, %d empty", len(added.New), len(added.Filled), len(added.Empty))
		}
	})
}

// TestProofOfAddedRefuses changes a live value after the files were made, or a file.
func TestProofOfAddedRefuses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, wild{zones: 3})
		e := existing(t, "zone: zone1.example\n", nil)
		added, err := e.Add(w.live, []string{"zone1.example", "zone2.example"}, all())
		if err != nil {
			t.Fatal(err)
		}
		at := rapid.IntRange(1, 2).Draw(t, "zone")
		w.live.Zones[at].Settings[0] = setting("min_tls_version", `"1.1"`)
		_, err = added.Prove(context.Background(), e, w.live, time.Time{})
		if err == nil || !strings.Contains(err.Error(), w.live.Zones[at].Name) || !strings.Contains(err.Error(), "min_tls_version") {
			t.Fatalf("the proof says: %v", err)
		}
		w.live.Zones[at].Settings[0] = setting("min_tls_version", `"1.0"`)
		w.live.Zones[0].Settings[3] = setting("http2", `"off"`) // of a zone that is not added
		if _, err := added.Prove(context.Background(), e, w.live, time.Time{}); err != nil {
			t.Fatal(err)
		}

		// A comment that swallows what follows must not pass for an empty plan.
		added.Filled = maps.Clone(added.Filled)
		added.Filled["zones/held.yaml"] = []byte("zone: zone1.example\n# settings: {}\n")
		if _, err := added.Prove(context.Background(), e, w.live, time.Time{}); err == nil || !strings.Contains(err.Error(), "still say nothing of zone zone1.example") {
			t.Fatalf("the proof says: %v", err)
		}
	})
}

func TestFillableSaysWhyNot(t *testing.T) {
	z := &plan.Zone{ID: "zone1.example", Name: "zone1.example", Settings: []plan.Setting{setting("min_tls_version", `"1.2"`)}}
	for held, want := range map[string]bool{
		"zone: zone1.example\n":                                                    true,
		"zone: zone1.example\naccount: One\n":                                      false, // it is of another account
		"zone: zone1.example\n...\n":                                               false,
		"  zone: zone1.example\n":                                                  false,
		"? zone\n: zone1.example\n":                                                true,
		"zone: >-\n  zone1.example":                                                true,
		"{ zone: zone1.example }\n":                                                false,
		"zone: zone1.example\nsettings: {}\n":                                      false,
		"zone: zone1.example\ncustom_hostnames: { hostnames: {} }":                 false,
		"zone: zone1.example\n---\nzone: zone2.example\n":                          false,
		"zone: zone1.example\n---\nzone: zone2.example\nsettings: { http2: on }\n": false,
	} {
		e := existing(t, held, nil)
		live := &plan.Live{Zones: []plan.Zone{*z}}
		sorted := e.Sort(live)
		got := len(sorted.Named) == 1 && e.Fillable(sorted.Named[0]) == nil
		if got != want {
			t.Errorf("%q: fillable: %v", held, got)
		}
		if !got {
			continue
		}

		added, err := e.Add(live, []string{z.ID}, all())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := added.Prove(context.Background(), e, live, time.Time{}); err != nil {
			t.Errorf("%q: %v\n%s", held, err, added.Filled)
		}
	}
}

// TestFilesInTheWay has files where the new one would be, of which one is not read.
func TestFilesInTheWay(t *testing.T) {
	live := &plan.Live{}
	for _, account := range []string{"One", "Two"} {
		live.Zones = append(live.Zones, plan.Zone{
			ID: account, Name: "new.example", Account: plan.Account{ID: strings.Repeat("a", 31) + account[:1], Name: account},
			Settings: []plan.Setting{setting("min_tls_version", `"1.2"`)},
		})
	}
	e := existing(t, "zone: zone1.example\n", map[string]string{"zones/new.example.yaml": "zone: new.example\naccount: One\nsettings: { min_tls_version: \"1.2\" }\n"})

	// The zone of the same name in another account has a file with a number.
	sorted := e.Sort(live)
	if len(sorted.Managed) != 1 || len(sorted.Unnamed) != 1 || sorted.Unnamed[0].ID != "Two" {
		t.Fatalf("%d managed, %d others", len(sorted.Managed), len(sorted.Unnamed))
	}
	added, err := e.Add(live, []string{"Two"}, all())
	if err != nil {
		t.Fatal(err)
	}
	if text := string(added.New["zones/new.example-2.yaml"]); text != "zone: new.example\naccount: Two\nsettings:\n  min_tls_version: \"1.2\"\n" {
		t.Errorf("%q", text)
	}
	live.Zones[0].Settings[0] = setting("min_tls_version", `"1.1"`) // what it would change to is not about the other
	if _, err := added.Prove(context.Background(), e, live, time.Time{}); err != nil {
		t.Error(err)
	}

	live.Zones = live.Zones[1:]
	if _, err := e.Add(live, []string{"Two"}, all()); err == nil || !strings.Contains(err.Error(), "zones/new.example.yaml is there already") {
		t.Errorf("a file in the way: %v", err)
	}
}
