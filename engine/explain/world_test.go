package explain_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"pgregory.net/rapid"

	"tlsync/engine/diff"
	"tlsync/engine/explain"
	"tlsync/engine/plan"
	"tlsync/engine/resolve"
	"tlsync/schema"
	"tlsync/schema/load"
)

// world is live state of one zone, and a configuration of four layers for it.
type world struct {
	live *plan.Live
	text string
}

// choices are the values that a configuration may ask for, as it writes them.
var choices = map[string][]string{
	"min_tls_version": {`"1.0"`, `"1.2"`, `"1.3"`, "inherit", `{ at_least: "1.1" }`, `{ at_least: "1.2" }`, `{ at_least: "1.3" }`},
	"tls_1_3":         {"off", "on", "inherit", `{ at_least: "on" }`},
	"ciphers":         {"modern", "compatible", "[AES128-SHA, ECDHE-ECDSA-AES128-GCM-SHA256]", "inherit"},
	"http2":           {"off", "on", "inherit"},
}

var watched = []string{"min_tls_version", "tls_1_3", "ciphers", "http2"}

// block writes some settings, one on each line. A line that no test looks at keeps the
// block from being empty when another one is taken out.
func block(t *rapid.T, indent string, keep string) string {
	var b strings.Builder
	b.WriteString(indent + keep + "\n")
	for _, id := range watched {
		values := choices[id]
		if keep == "http3: on" { // of the zone, which follows nothing
			values = slices.DeleteFunc(slices.Clone(values), func(v string) bool { return v == "inherit" })
		}
		if rapid.Bool().Draw(t, "writes "+id) {
			fmt.Fprintf(&b, "%s%s: %s\n", indent, id, rapid.SampledFrom(values).Draw(t, id))
		}
	}
	return b.String()
}

func drawWorld(t *rapid.T) world {
	var b strings.Builder
	maybe := func(what string) bool { return rapid.Bool().Draw(t, what) }
	b.WriteString("version: 1\nprofiles:\n  one:\n" + block(t, "    ", "early_hints: on") + "  two:\n" + block(t, "    ", "early_hints: on"))
	if maybe("policy") {
		b.WriteString("policy:\n  floor:\n    min_tls_version: \"1.2\"\n")
		if maybe("exception") {
			b.WriteString("  exceptions:\n    - hostname: \"*.pay.test\"\n      settings: { min_tls_version: \"1.0\" }\n      reason: old terminals\n      until: 2030-01-01\n")
		}
	}
	use := func(indent string) {
		if names := rapid.SampledFrom([]string{"", "", "one", "[one, two]", "[two, one]"}).Draw(t, "uses"); names != "" {
			fmt.Fprintf(&b, "%suse: %s\n", indent, names)
		}
	}
	document := func(head string) {
		b.WriteString(head)
		if maybe("settings") {
			b.WriteString("settings:\n" + block(t, "  ", "http3: on"))
		}
		b.WriteString("custom_hostnames:\n  defaults:\n" + block(t, "    ", "early_hints: on"))
		b.WriteString("  rules:\n")
		for i := range rapid.IntRange(1, 3).Draw(t, "rules") {
			match := rapid.SampledFrom([]string{`{ hostname: "*.pay.test" }`, `{ hostname: h0.pay.test }`, `{ metadata: { tier: gold } }`, `{ wildcard: true }`, `{ hostname: "**", except: h1.test }`}).Draw(t, fmt.Sprint("match ", i))
			fmt.Fprintf(&b, "    - match: %s\n", match)
			use("      ")
			b.WriteString(block(t, "      ", "early_hints: on"))
		}
		b.WriteString("  hostnames:\n")
		for _, name := range []string{"h0.pay.test", "h1.test"} {
			if name == "h1.test" || maybe("entry") {
				fmt.Fprintf(&b, "    %s:\n", name)
				use("      ")
				b.WriteString(block(t, "      ", "early_hints: on"))
			}
		}
	}
	document("---\nzone: \"*.example\"\naccount: Acme\n")
	document("---\nzone: saas.example\n")
	if maybe("names in the zone") {
		b.WriteString("hostnames:\n  api.saas.example:\n    http2: on\n")
	}
	return world{&plan.Live{Zones: []plan.Zone{drawZone(t)}}, b.String()}
}

func drawZone(t *rapid.T) plan.Zone {
	setting := func(id, label string, l schema.Level, values ...schema.Value) plan.Setting {
		row, _ := schema.LookupSetting(id)
		v := row.Canonical([]byte(rapid.SampledFrom(values).Draw(t, label+" "+id)), l)
		return plan.Setting{ID: id, Raw: string(v), Value: v}
	}
	live := map[string][]schema.Value{
		"min_tls_version": {`"1.0"`, `"1.1"`, `"1.2"`, `"1.3"`}, "tls_1_3": {`"off"`, `"on"`}, "http2": {`"off"`, `"on"`},
		"ciphers": {"[]", schema.ListValue(schema.CipherList("modern")), schema.ListValue(schema.CipherList("compatible"))},
	}
	z := plan.Zone{ID: "z", Name: "saas.example", Account: plan.Account{ID: "a", Name: "Acme"}, HostnameSettings: []string{"min_tls_version", "http2", "ciphers"}}
	for _, id := range watched {
		s := setting(id, "zone", schema.ZoneLevel, live[id]...)
		s.Locked = rapid.IntRange(1, 12).Draw(t, "locked") == 1
		z.Settings = append(z.Settings, s)
		if id == "tls_1_3" && rapid.Bool().Draw(t, "early data") {
			e := plan.Setting{ID: "0rtt", Raw: `"on"`, Value: `"on"`}
			if s.Value == `"on"` {
				z.Settings[len(z.Settings)-1].Value = `"zrt"`
			}
			z.Settings = append(z.Settings, e)
		}
	}
	for i, name := range []string{"h0.pay.test", "h1.test", "h2.test"} {
		h := plan.Hostname{ID: fmt.Sprint("id", i), Name: name, Status: "active", SSL: true, SSLStatus: "active", Type: "dv", Method: "txt"}
		h.Wildcard = rapid.Bool().Draw(t, "wildcard")
		h.Uploaded = rapid.IntRange(1, 10).Draw(t, "uploaded") == 1
		if rapid.Bool().Draw(t, "gold") {
			h.Metadata = map[string]string{"tier": "gold"}
		}
		for _, id := range watched {
			if rapid.Bool().Draw(t, "own") && (id != "ciphers" || h.Own("min_tls_version") != `"1.3"`) {
				h.Settings = append(h.Settings, setting(id, name, schema.CustomHostnameLevel, live[id]...))
			}
		}
		z.CustomHostnames = append(z.CustomHostnames, h)
	}
	if rapid.Bool().Draw(t, "name with a value") {
		z.Hostnames = append(z.Hostnames, plan.Hostname{Name: "api.saas.example", InZone: true, Settings: []plan.Setting{setting("http2", "api", schema.HostnameLevel, `"off"`, `"on"`)}})
	}
	return z
}

func schemaValue(v string) schema.Value { return schema.Value(v) }

func configured(t interface{ Fatalf(string, ...any) }, text string) *schema.Desired {
	d, diags := load.Load(fstest.MapFS{"tlsync.yaml": {Data: []byte(text)}}, time.Time{})
	for _, d := range diags { // values that do not go together are no matter here
		if d.Severity == schema.Error && d.Rule != "ciphers-unused" && d.Rule != "no-protocol" {
			t.Fatalf("the configuration is wrong: %v\n%s", diags, text)
		}
	}
	return d
}

func (w *world) explained(t *rapid.T) (*explain.Explanation, *plan.Plan, *schema.Desired) {
	d := configured(t, w.text)
	p, err := diff.Build(diff.Input{Live: w.live, Head: resolve.Resolve(d, w.live)})
	if err != nil {
		t.Fatal(err)
	}
	return explain.Build(explain.Input{Desired: d, Live: w.live, Plan: p, Names: resolve.Names{"**"}}), p, d
}

// TestAgreesWithThePlan explains every name of random worlds: each edit of the plan is in
// it with the values of the plan, nothing else changes, and what holds without the
// deciding line is what holds once that line is taken out of the file.
func TestAgreesWithThePlan(t *testing.T) {
	edits, covered := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		x, p, d := w.explained(t)
		edits += agreesWithEdits(t, x, p)
		head := resolve.Resolve(d, w.live)
		for i := range x.Blocks {
			b := &x.Blocks[i]
			for j := range b.Rows {
				if agrees(t, &w, head, b, &b.Rows[j]) && len(p.Withheld) == 0 {
					covered += w.withoutLine(t, b, &b.Rows[j])
				}
			}
		}
	})
	if edits == 0 || covered == 0 {
		t.Errorf("%d edits and %d covered lines were compared", edits, covered)
	}
}

// find returns the row of a setting of a name.
func find(x *explain.Explanation, kind plan.Kind, name, setting string) *explain.Row {
	for i := range x.Blocks {
		if b := &x.Blocks[i]; b.Kind == kind && slices.Contains(b.Names, name) {
			for j := range b.Rows {
				if b.Rows[j].Setting == setting {
					return &b.Rows[j]
				}
			}
		}
	}
	return nil
}

func agreesWithEdits(t *rapid.T, x *explain.Explanation, p *plan.Plan) (n int) {
	written := 0
	for i := range p.Changes {
		c := &p.Changes[i]
		for _, e := range c.Edits {
			if e.Setting == schema.EarlyData {
				continue
			}
			r := find(x, c.Kind, c.Name, e.Setting)
			if r == nil {
				t.Fatalf("%s of %s is not explained", e.Setting, c.Ref)
			}
			if r.Own != e.From || r.Asked != e.To || r.Effective != e.EffectiveFrom || r.After != e.EffectiveTo || r.AskedEffective != r.After ||
				r.Change != (explain.Change{Kind: explain.Written, Direction: e.Direction}) {
				t.Fatalf("%s of %s: the plan says %+v, the explanation %+v", e.Setting, c.Ref, e, *r)
			}
			written++
		}
	}
	return written
}

// agrees compares a row with the resolution and with live state, and reports whether it
// can be compared with another configuration.
func agrees(t *rapid.T, w *world, head *resolve.Resolved, b *explain.Block, r *explain.Row) bool {
	z := &w.live.Zones[0]
	for _, name := range b.Names {
		own, asked := schema.Value(""), head.Zones[0].Settings
		own, _ = z.Value(r.Setting)
		if b.Kind == plan.KindCustomHostname {
			at, _ := plan.FindHostname(z.CustomHostnames, name)
			own, asked = z.CustomHostnames[at].Own(r.Setting), head.Zones[0].CustomHostnames[at]
		} else if b.Kind == plan.KindHostname {
			return false
		}
		a := schema.Assigned(asked, r.Setting)
		if r.Own != own || a == nil != (r.Asked == "") || a != nil && a.Value != r.Asked {
			t.Fatalf("%s of %s: own %s, asked %v; the explanation says %+v", r.Setting, name, own, a, *r)
		}
		if r.Change.Kind == explain.None && a != nil && r.Own != r.Asked && slices.Contains(watched, r.Setting) {
			t.Fatalf("%s of %s differs, and nothing is said of it: %+v", r.Setting, name, *r)
		}
		if r.Change.Kind != explain.Written && own != schema.Inherit && r.After != own {
			t.Fatalf("%s of %s is not written, and changes: %+v", r.Setting, name, *r)
		}
		if a != nil && (r.Layers[0].Origins[0].Via != a.Via || !slices.ContainsFunc(r.Layers[0].Origins, func(o plan.Origin) bool { return o.Pos == a.Pos })) {
			t.Fatalf("%s of %s is decided by %s %s, not by %+v", r.Setting, name, a.Via, a.Pos, r.Layers[0])
		}
	}
	return b.Kind == plan.KindCustomHostname && slices.Contains(watched, r.Setting)
}

// withoutLine takes the deciding line out of the file and resolves again.
func (w *world) withoutLine(t *rapid.T, b *explain.Block, r *explain.Row) int {
	if len(r.Layers) == 0 {
		return 0
	}
	lines := strings.Split(w.text, "\n")
	at := r.Layers[0].Origins[0].Line - 1
	if len(b.Names) > 1 || !strings.HasPrefix(strings.TrimSpace(lines[at]), r.Setting+":") {
		return 0
	}
	if slices.ContainsFunc(r.Layers[1:], func(l explain.Layer) bool { return l.Origins[0].Line == at+1 }) {
		return 0 // a profile that is used twice
	}

	lines[at] = strings.Repeat(" ", len(lines[at])-len(strings.TrimLeft(lines[at], " "))) + "# gone"
	other := resolve.Resolve(configured(t, strings.Join(lines, "\n")), w.live)
	i, _ := plan.FindHostname(w.live.Zones[0].CustomHostnames, b.Names[0])
	now := schema.Assigned(other.Zones[0].CustomHostnames[i], r.Setting)
	want := r.Own
	if now != nil {
		want = now.Value
	}
	if want == schema.Inherit {
		want = r.Zone.After
	}
	if r.Setting == schema.Ciphers && now == nil && len(r.Layers) > 1 {
		return 0 // let go beside a minimum of 1.3
	}
	if r.Without.Value != want {
		t.Fatalf("%s of %s without line %d: %s, explained as %s (%d layers)\n%s", r.Setting, b.Names[0], at+1, want, r.Without.Value, len(r.Layers), w.text)
	}
	return 1
}
