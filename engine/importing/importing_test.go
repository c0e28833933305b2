package importing_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tlsync/engine/importing"
	"tlsync/engine/plan"
	"tlsync/schema"
	"tlsync/schema/format"
)

func setting(id string, v schema.Value) plan.Setting {
	return plan.Setting{ID: id, Raw: string(v), Value: v}
}

func all() importing.Options { return importing.Options{Rules: importing.RulesAll} }

// prove fails unless a plan of the imported configuration is empty and its files are as
// tlsync fmt writes them.
func prove(t *rapid.T, r *importing.Result, w world) {
	if _, err := importing.Prove(context.Background(), r.Files, w.live, time.Time{}); err != nil {
		t.Fatalf("%v\n\nimported:\n%s\nhidden:\n%s", err, r.Stream(), w.text)
	}
	for _, path := range r.Paths() {
		if !strings.HasSuffix(path, ".yaml") {
			continue
		}
		formatted, err := format.Format(r.Files[path])
		if diff := cmp.Diff(string(r.Files[path]), string(formatted)); err != nil || diff != "" {
			t.Fatalf("%s is not formatted: %v\n%s", path, err, diff)
		}
	}
}

// TestImportPlansEmpty draws worlds of all kinds, with hostnames that nobody can write
// among them.
func TestImportPlansEmpty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, wild{clashes: rapid.Bool().Draw(t, "clashes"), zones: rapid.IntRange(1, 3).Draw(t, "zones")})
		o := importing.Options{Rules: rapid.SampledFrom([]importing.Rules{importing.RulesNone, importing.RulesFew, importing.RulesAll}).Draw(t, "amount")}
		prove(t, importing.Files(w.live, o), w)
	})
}

// TestImportIsNoLongerThanWhatPeopleWrote holds that an import takes at most a fifth more
// lines than the configuration that made the world, without comments. The shortest
// configuration is NP-hard to find, so one world in a hundred may be an exception.
func TestImportIsNoLongerThanWhatPeopleWrote(t *testing.T) {
	worlds, longer, lines, hidden := 0, 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, wild{zones: 1})
		r := importing.Files(w.live, all())
		prove(t, r, w)

		written := 0
		for l := range strings.Lines(r.Stream()) {
			if !strings.HasPrefix(strings.TrimSpace(l), "#") {
				written++
			}
		}
		const head = 6 // version, and the settings of the zone, which the hidden configuration leaves out
		const some = 5 // of a few hostnames, for which there are no rules
		worlds, lines, hidden = worlds+1, lines+written-head, hidden+w.lines
		if most := w.lines*12/10 + head + some; written > most {
			longer++
			t.Logf("%d lines, more than %d\n\nimported:\n%s\nhidden:\n%s", written, most, r.Stream(), w.text)
		}
	})

	t.Logf("%d worlds: %d lines for %d that people wrote", worlds, lines, hidden)
	if longer > 1+worlds/100 {
		t.Errorf("%d of %d imports are more than a fifth longer than what made the world", longer, worlds)
	}
	if lines > hidden {
		t.Errorf("%d lines for %d that people wrote", lines, hidden)
	}
}

func TestSameStateGivesSameBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, wild{clashes: true, zones: 2})
		want := importing.Files(w.live, all()).Stream()
		for range 3 {
			if diff := cmp.Diff(want, importing.Files(w.live, all()).Stream()); diff != "" {
				t.Fatal(diff)
			}
		}
	})
}

// TestProofRefuses changes one value after the import, as a mistake of the import would.
func TestProofRefuses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, wild{zones: 1})
		r := importing.Files(w.live, all())
		prove(t, r, w)

		z := &w.live.Zones[0]
		h := &z.CustomHostnames[rapid.IntRange(0, len(z.CustomHostnames)-1).Draw(t, "hostname")]
		was := h.Own("min_tls_version")
		var rest []plan.Setting
		for _, s := range h.Settings {
			if s.ID != "min_tls_version" {
				rest = append(rest, s)
			}
		}
		h.Settings = rest
		if was == schema.Inherit { // the same value, but its own
			h.Settings = append(rest, setting("min_tls_version", `"1.0"`))
		}
		_, err := importing.Prove(context.Background(), r.Files, w.live, time.Time{})
		if err == nil || !strings.Contains(err.Error(), h.Name) || !strings.Contains(err.Error(), "min_tls_version") {
			t.Fatalf("%s differs, and the proof says: %v", h.Name, err)
		}
	})
}

// TestManyZonesShare has more zones than one pattern can name.
func TestManyZonesShare(t *testing.T) {
	live := &plan.Live{}
	for i := range 300 {
		z := plan.Zone{ID: fmt.Sprintf("%032d", i), Name: fmt.Sprintf("zone%03d.example", i), Account: plan.Account{ID: account, Name: "Example Inc"}}
		z.Settings = []plan.Setting{setting("min_tls_version", `"1.2"`), setting("tls_1_3", `"on"`), setting("ciphers", "[]")}
		for j := range 5 {
			z.CustomHostnames = append(z.CustomHostnames, plan.Hostname{
				ID: fmt.Sprintf("%d-%d", i, j), Name: fmt.Sprintf("app.c%d-%d.test", i, j), SSL: true, Type: "dv", Method: "http",
				Settings: []plan.Setting{setting("min_tls_version", `"1.2"`)},
			})
		}
		live.Zones = append(live.Zones, z)
	}

	r := importing.Files(live, all())
	if _, err := importing.Prove(context.Background(), r.Files, live, time.Time{}); err != nil {
		t.Fatal(err)
	}
	const most = 100 // lines
	if r.Lines() > most {
		t.Errorf("%d lines for zones that are all the same, want at most %d", r.Lines(), most)
	}
}

// TestLeftOutHasEveryNameOnce lists a hostname that several ways of grouping zones come
// across, and a setting of two zones with one name.
func TestLeftOutHasEveryNameOnce(t *testing.T) {
	live := &plan.Live{}
	for i, name := range []string{"one.example", "one.example", "two.example"} {
		id := fmt.Sprintf("%032d", i)
		z := plan.Zone{ID: id, Name: name, Account: plan.Account{ID: fmt.Sprintf("%032d", i%2), Name: fmt.Sprint("Account ", i%2)}}
		z.Settings = []plan.Setting{setting("min_tls_version", `"1.2"`), setting("ssl", `"strict"`)}
		z.CustomHostnames = []plan.Hostname{{ID: id, Name: "under_score.test", SSL: true, Type: "dv", Method: "http"}}
		live.Zones = append(live.Zones, z)
	}

	r := importing.Files(live, all())
	for _, l := range r.Left {
		if len(l.Names) != 1 || l.Names[0] == "" {
			t.Errorf("left out of %s: %s %q, want one name", l.In, l.Noun, l.Names)
		}
	}
	if strings.Contains(r.Stream(), "(,") {
		t.Errorf("a comment names nothing:\n%s", r.Stream())
	}
}

// TestSignsOfHTMLStayReadable has a rule over metadata that a company's name is in.
func TestSignsOfHTMLStayReadable(t *testing.T) {
	z := plan.Zone{ID: account, Name: "one.example", Account: plan.Account{ID: account, Name: "Example Inc"}}
	for i := range 40 {
		h := plan.Hostname{ID: fmt.Sprint(i), Name: fmt.Sprintf("x%d.c%d.test", i, i), SSL: true, Type: "dv", Method: "http"}
		if i%3 == 0 {
			h.Metadata = map[string]string{"owner": `A & B <ops>`}
			h.Settings = []plan.Setting{setting("min_tls_version", `"1.2"`)}
		}
		z.CustomHostnames = append(z.CustomHostnames, h)
	}
	live := &plan.Live{Zones: []plan.Zone{z}}

	r := importing.Files(live, all())
	if want := `metadata: { owner: "A & B <ops>" }`; !strings.Contains(r.Stream(), want) {
		t.Errorf("no %s in\n%s", want, r.Stream())
	}
	if _, err := importing.Prove(context.Background(), r.Files, live, time.Time{}); err != nil {
		t.Error(err)
	}
}

func TestOnlyTakesAZoneOnce(t *testing.T) {
	live, err := importing.Only(&plan.Live{Zones: []plan.Zone{{Name: "one.example"}}}, []string{"one.example", "one.example"})
	if err != nil || len(live.Zones) != 1 {
		t.Errorf("%d zones and %v, want one zone", len(live.Zones), err)
	}
}

// TestWhatARequestSaidIsInNoFile imports twice what could not be read: the answers differ by
// the number of the request.
func TestWhatARequestSaidIsInNoFile(t *testing.T) {
	state := func(ray string) *plan.Live {
		z := plan.Zone{ID: account, Name: "one.example", Account: plan.Account{ID: account, Name: "Example Inc"}}
		z.Settings = []plan.Setting{setting("min_tls_version", `"1.2"`)}
		z.Unreadable = map[string]string{"universal_ssl": "GET /b: 403 (ray 9" + ray + ")", "total_tls": "GET /a: 403 (ray 1" + ray + ")"}
		for _, id := range []string{"ciphers", "http2"} {
			z.Unreadable[plan.PerHostname(id)] = "GET /" + id + ": 403"
		}
		return &plan.Live{Zones: []plan.Zone{z}}
	}

	first, second := importing.Files(state("1"), all()), importing.Files(state("2"), all())
	if diff := cmp.Diff(first.Stream(), second.Stream()); diff != "" {
		t.Error(diff)
	}
	for _, want := range []string{"2 settings (total_tls, universal_ssl)", "2 hostname settings (ciphers, http2)"} {
		if want = "\n# Left out: " + want + ": it could not be read.\n"; !strings.Contains(first.Stream(), want) {
			t.Errorf("no %q in\n%s", want, first.Stream())
		}
	}
	said := strings.Join(first.LeftOut(state("1"), false), "\n")
	if want := "left out: setting total_tls of one.example: it could not be read: GET /a: 403 (ray 11)"; !strings.Contains(said, want) {
		t.Errorf("no %q in\n%s", want, said)
	}
}
