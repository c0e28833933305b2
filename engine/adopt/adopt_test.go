package adopt

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"tlsync/engine/diff"
	"tlsync/engine/plan"
	"tlsync/engine/resolve"
	"tlsync/schema"
	"tlsync/schema/edit"
	"tlsync/schema/edit/edittest"
	"tlsync/schema/load"

	"pgregory.net/rapid"
)

// loaded loads files that have no mistakes.
func loaded(t rapid.TB, fsys fstest.MapFS, changed edit.Files) *schema.Desired {
	t.Helper()
	d, diags := load.Load(edit.Overlay(fsys, changed), time.Time{})
	if diags.HasErrors() {
		t.Fatalf("%v", diags)
	}
	return d
}

// drift plans a configuration that is as committed.
func drift(t rapid.TB, d *schema.Desired, live *plan.Live) *plan.Plan {
	t.Helper()
	r := resolve.Resolve(d, live)
	made, err := diff.Build(diff.Input{Live: live, Head: r, Base: r})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// zoneOf makes a live zone.
func zoneOf(name string, hostnames ...plan.Hostname) plan.Zone {
	slices.SortFunc(hostnames, func(a, b plan.Hostname) int { return strings.Compare(a.Name, b.Name) })
	z := plan.Zone{ID: "id-" + name, Name: name, Account: plan.Account{ID: "acc", Name: "Acme"}, CustomHostnames: hostnames}
	for id, value := range map[string]schema.Value{"min_tls_version": `"1.2"`, "tls_1_3": `"on"`, "ciphers": `[]`, "http2": `"on"`, "early_hints": `"off"`, schema.HSTS: `{"enabled":true,"include_subdomains":false,"max_age":300,"nosniff":false,"preload":false}`} {
		z.Settings = append(z.Settings, plan.Setting{ID: id, Raw: string(value), Value: value})
	}
	slices.SortFunc(z.Settings, func(a, b plan.Setting) int { return schema.Rank(a.ID) - schema.Rank(b.ID) })
	return z
}

// hostname makes a live custom hostname with own values.
func hostname(name string, own map[string]schema.Value) plan.Hostname {
	h := plan.Hostname{ID: "id-" + name, Name: name, Status: "active", SSL: true, SSLStatus: "active", Type: "dv", Method: "http"}
	for _, id := range []string{"ciphers", "early_hints", "http2", "min_tls_version"} {
		if v := own[id]; v != "" {
			h.Settings = append(h.Settings, plan.Setting{ID: id, Raw: string(v), Value: v})
		}
	}
	return h
}

// blocks describes edits: the block, its setting and the value.
func blocks(a *Adoption) []string {
	var out []string
	for i := range a.Adopted {
		e := &a.Adopted[i]
		out = append(out, fmt.Sprintf("%d %s %s %s", e.Kind, e.block(), e.Setting, e.Value))
	}
	return out
}

func TestLayers(t *testing.T) {
	minimum := func(v schema.Value) map[string]schema.Value {
		return map[string]schema.Value{"min_tls_version": v}
	}
	text := `version: 1
profiles: { p: { min_tls_version: "1.2" } }
---
zone: "*.example"
account: Acme
settings: { http2: off, hsts: { max_age: 600 } }
custom_hostnames:
  defaults: { min_tls_version: "1.2" }
---
zone: saas.example
custom_hostnames:
  rules:
    - match: { hostname: "*.pay.example" }
      use: p
    - match: { hostname: "*.one.example" }
      min_tls_version: "1.2"
    - match: { hostname: "*.bound.example" }
      min_tls_version: { at_least: "1.2" }
`
	tree := fstest.MapFS{"tlsync.yaml": &fstest.MapFile{Data: []byte(text)}}
	desired := loaded(t, tree, nil)
	for _, test := range []struct {
		name   string
		zones  []plan.Zone
		singly bool
		want   []string
		left   string
		partly bool
	}{
		{"a rule whose names moved alike, although a profile sets the value", []plan.Zone{zoneOf("saas.example",
			hostname("a.pay.example", minimum(`"1.3"`)), hostname("b.pay.example", minimum(`"1.3"`)))}, false,
			[]string{
				`0 zone saas.example http2 "on"`, `2 rule 1 of saas.example (2 custom hostnames) min_tls_version "1.3"`,
			}, "", false},
		{"the same as single names", []plan.Zone{zoneOf("saas.example",
			hostname("a.pay.example", minimum(`"1.3"`)), hostname("b.pay.example", minimum(`"1.3"`)))}, true,
			[]string{
				`3 a.pay.example min_tls_version "1.3"`, `3 b.pay.example min_tls_version "1.3"`,
			}, "", false},
		{"names that moved apart, or not all", []plan.Zone{zoneOf("saas.example",
			hostname("a.pay.example", minimum(`"1.3"`)), hostname("b.pay.example", minimum(`"1.1"`)),
			hostname("a.other.example", minimum(`"1.3"`)), hostname("b.other.example", minimum(`"1.2"`)))}, false,
			[]string{
				`3 a.other.example min_tls_version "1.3"`, `3 a.pay.example min_tls_version "1.3"`, `3 b.pay.example min_tls_version "1.1"`,
			}, "", false},
		{"a rule that decides about one name", []plan.Zone{zoneOf("saas.example", hostname("a.one.example", minimum(`"1.3"`)))}, false,
			[]string{`3 a.one.example min_tls_version "1.3"`}, "", false},
		{"a lower bound holds for one that has more", []plan.Zone{zoneOf("saas.example",
			hostname("a.bound.example", minimum(`"1.0"`)), hostname("b.bound.example", minimum(`"1.3"`)))}, false,
			[]string{`3 a.bound.example min_tls_version "1.0"`}, "", false},
		{"a pattern whose zones moved alike", []plan.Zone{
			zoneOf("a.example", hostname("x.test", minimum(`"1.1"`))), zoneOf("b.example", hostname("y.test", minimum(`"1.1"`)))}, false,
			[]string{
				`0 zone *.example (2 zones) http2 "on"`, `0 zone *.example (2 zones) hsts {"max_age":300}`,
				`1 defaults of *.example (2 custom hostnames) min_tls_version "1.1"`,
			}, "", false},
		{"a pattern of which not all zones are known", []plan.Zone{
			zoneOf("a.example", hostname("x.test", minimum(`"1.1"`)), hostname("y.test", minimum(`"1.1"`)))}, false,
			[]string{`3 x.test min_tls_version "1.1"`, `3 y.test min_tls_version "1.1"`}, "zone/a.example", true},
		{"a pattern in one zone without a document", []plan.Zone{zoneOf("a.example", hostname("x.test", minimum(`"1.1"`)))}, false,
			[]string{`3 x.test min_tls_version "1.1"`}, "zone/a.example", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			live := &plan.Live{Zones: test.zones}
			made := drift(t, desired, live)
			a := Find(Input{Plan: made, Desired: desired, Live: live, Singly: test.singly, Partial: test.partly})
			got := strings.Join(blocks(a), "\n")
			for _, want := range test.want {
				if !strings.Contains(got, want) {
					t.Errorf("no edit %q among\n%s", want, got)
				}
			}
			for _, line := range blocks(a) {
				if strings.Contains(line, "min_tls_version") && !slices.Contains(test.want, line) {
					t.Errorf("unexpected edit %q", line)
				}
			}
			if test.left != "" && (len(a.Left) == 0 || a.Left[0].String() != test.left) {
				t.Errorf("left %v", a.Left)
			}

			files, err := edit.Apply(tree, a.Edits())
			if err != nil {
				t.Fatal(err)
			}
			after := drift(t, loaded(t, tree, files), live)
			if still := a.Remaining(after); still != "" || test.left == "" && len(after.Changes) > 0 {
				t.Errorf("%s, %d changes are left\n%s", still, len(after.Changes), files["tlsync.yaml"])
			}
		})
	}
}

// TestAdoptionPlansEmpty adopts random drift of random configurations: afterwards nothing
// differs, and the same settings of the same names are managed as before.
func TestAdoptionPlansEmpty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := edittest.Draw(t).String()
		tree := fstest.MapFS{"tlsync.yaml": &fstest.MapFile{Data: []byte(text)}}
		desired := loaded(t, tree, nil)

		var hostnames []plan.Hostname
		for _, name := range edittest.Names() {
			own := map[string]schema.Value{}
			for id, values := range map[string][]schema.Value{
				"min_tls_version": {`"1.0"`, `"1.1"`, `"1.2"`, ""}, "http2": {`"on"`, `"off"`, ""}, "early_hints": {`"on"`, `"off"`, ""},
				"ciphers": {`["ECDHE-ECDSA-AES128-GCM-SHA256","AES128-SHA"]`, `["AES128-SHA"]`, ""},
			} {
				own[id] = rapid.SampledFrom(values).Draw(t, name+" "+id)
			}
			hostnames = append(hostnames, hostname(name, own))
		}
		live := &plan.Live{Zones: []plan.Zone{zoneOf("saas.example", hostnames...)}}

		made := drift(t, desired, live)
		a := Find(Input{Plan: made, Desired: desired, Live: live, Singly: rapid.Bool().Draw(t, "singly")})
		files, err := edit.Apply(tree, a.Edits())
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		after := loaded(t, tree, files)
		if left := drift(t, after, live); len(left.Changes) > 0 || len(left.Withheld) > 0 || len(a.Left) > 0 {
			t.Fatalf("%d changes, %d withheld, %d not adopted\n%s\nbecame\n%s", len(left.Changes), len(left.Withheld), len(a.Left), text, files["tlsync.yaml"])
		}
		if before, now := managed(desired, live), managed(after, live); !slices.Equal(before, now) {
			t.Fatalf("managed were\n%q\nand are\n%q\n%s\nbecame\n%s", before, now, text, files["tlsync.yaml"])
		}
	})
}

// managed lists the settings that a configuration manages.
func managed(d *schema.Desired, live *plan.Live) []string {
	z := resolve.Resolve(d, live).Zones[0]
	var out []string
	for _, a := range z.Settings {
		out = append(out, a.Setting)
	}
	for i, as := range z.CustomHostnames {
		for _, a := range as {
			out = append(out, live.Zones[0].CustomHostnames[i].Name+" "+a.Setting)
		}
	}
	return out
}

// TestNewEntriesOnlyAddLines brings random fleets into random files as single entries.
// For names without an entry that adds lines to the file, and changes none.
func TestNewEntriesOnlyAddLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := edittest.Draw(t).String()
		tree := fstest.MapFS{"tlsync.yaml": &fstest.MapFile{Data: []byte(text)}}
		desired := loaded(t, tree, nil)
		var hostnames []plan.Hostname
		for i := range rapid.IntRange(1, 5).Draw(t, "hostnames") {
			version := rapid.SampledFrom([]schema.Value{`"1.0"`, `"1.1"`, `"1.2"`}).Draw(t, "version")
			hostnames = append(hostnames, hostname(fmt.Sprintf("new-%d.customer.example", i), map[string]schema.Value{"min_tls_version": version}))
		}
		live := &plan.Live{Zones: []plan.Zone{zoneOf("saas.example", hostnames...)}}

		made, err := diff.Build(diff.Input{Live: live, Head: resolve.Resolve(desired, live)})
		if err != nil {
			t.Fatal(err)
		}
		a := Find(Input{Plan: made, Desired: desired, Live: live, All: true, Singly: true})
		edits := slices.DeleteFunc(a.Edits(), func(e edit.Edit) bool { return e.Kind != edit.Entry })
		files, err := edit.Apply(tree, edits)
		if err != nil {
			t.Fatal(err)
		}
		if len(edits) == 0 {
			return
		}

		rest := strings.Split(string(files["tlsync.yaml"]), "\n")
		for line := range strings.SplitSeq(text, "\n") {
			i := slices.Index(rest, line)
			if i < 0 {
				t.Fatalf("line %q is gone\n%s\nbecame\n%s", line, text, files["tlsync.yaml"])
			}
			rest = rest[i+1:]
		}
	})
}

// TestWhatIsLeft has differences that the configuration cannot ask for.
func TestWhatIsLeft(t *testing.T) {
	tree := fstest.MapFS{"tlsync.yaml": &fstest.MapFile{Data: []byte(`version: 1
---
zone: saas.example
settings: { tls_1_3: on }
custom_hostnames:
  create: true
  hostnames:
    a.test: { min_tls_version: "1.2", ciphers: modern }
    b.test: { min_tls_version: "1.2" }
    new.test: { ssl: { method: http }, origin: { server: origin.saas.example } }
`)}}
	desired := loaded(t, tree, nil)
	both := map[string]schema.Value{"min_tls_version": `"1.3"`, "ciphers": `["AES128-SHA"]`}
	z := zoneOf("saas.example", hostname("a.test", both), hostname("b.test", both))
	for i := range z.Settings {
		if z.Settings[i].ID == schema.TLS13 {
			z.Settings[i].Value, z.Settings[i].Raw = `"future"`, `"future"`
		}
	}
	live := &plan.Live{Zones: []plan.Zone{z}}

	a := Find(Input{Plan: drift(t, desired, live), Desired: desired, Live: live})
	want := `
Adopted into the configuration:
  tlsync.yaml  b.test  min_tls_version  1.2 → 1.3

Not adopted:
  zone saas.example  tls_1_3: a configuration cannot ask for the live value
  new.test: it does not exist at Cloudflare: take it out of the file, or apply it again
  a.test  min_tls_version: live has a list of ciphers beside min_tls_version 1.3, which a configuration cannot ask for
  a.test  ciphers: live has a list of ciphers beside min_tls_version 1.3, which a configuration cannot ask for
`
	got := strings.Split(strings.TrimSpace(a.Text()), "\n")
	slices.Sort(got)
	wanted := strings.Split(strings.TrimSpace(want), "\n")
	slices.Sort(wanted)
	if !slices.Equal(got, wanted) {
		t.Errorf("got\n%s", a.Text())
	}
	if _, err := edit.Apply(tree, a.Edits()); err != nil {
		t.Error(err)
	}
}
