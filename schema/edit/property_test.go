package edit

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"tlsync/schema"
	"tlsync/schema/load"

	"pgregory.net/rapid"
)

// drawn is a random file. Every comment in it is different.
type drawn struct {
	*rapid.T
	strings.Builder
	comments int
	eol      string
}

func (d *drawn) chance(percent int) bool { return rapid.IntRange(0, 99).Draw(d.T, "chance") < percent }

func (d *drawn) pick(words ...string) string { return rapid.SampledFrom(words).Draw(d.T, "word") }

// line writes a line, sometimes with comments and blank lines around it.
func (d *drawn) line(indent int, text string) {
	margin := strings.Repeat(" ", indent)
	if d.chance(10) {
		d.WriteString(d.eol)
	}
	if d.chance(20) {
		d.comments++
		fmt.Fprintf(d, "%s# above %d.%s", margin, d.comments, d.eol)
	}
	d.WriteString(margin + text)
	if d.chance(20) {
		d.comments++
		fmt.Fprintf(d, "%s# beside %d.", d.pick(" ", "   "), d.comments)
	}
	d.WriteString(d.eol)
	if d.chance(8) {
		d.comments++
		fmt.Fprintf(d, "%s# below %d.%s", margin, d.comments, d.eol)
	}
}

// settings draws some settings, as text.
func (d *drawn) settings() []string {
	all := []string{
		"min_tls_version: " + d.pick(`"1.2"`, "1.2", `'1.1'`, `"1.0"`, "inherit"),
		"http2: " + d.pick("on", "off", "true", "inherit"),
		"ciphers: " + d.pick("modern", "compatible", "[ECDHE-ECDSA-AES128-GCM-SHA256, AES128-SHA]", "inherit"),
		"early_hints: " + d.pick("on", "'off'", `"on"`),
	}
	all = slices.DeleteFunc(all, func(string) bool { return d.chance(40) })
	return rapid.Permutation(all).Draw(d.T, "order")
}

// block writes a block of settings behind a key.
func (d *drawn) block(indent int, key string, settings []string) {
	switch {
	case len(settings) == 0:
		d.line(indent, key+": {}")
	case d.chance(50):
		d.line(indent, key+": "+d.pick("{", "{ ")+strings.Join(settings, ", ")+d.pick("}", " }"))
	default:
		d.line(indent, key+":")
		step := rapid.IntRange(1, 4).Draw(d.T, "indent")
		for _, s := range settings {
			d.line(indent+step, s)
		}
	}
}

var names = []string{"a.customer.example", "b.customer.example", "c.customer.example", "d.customer.example", "shop.other.example"}

// world draws a configuration of one zone.
func world(t *rapid.T) *drawn {
	d := &drawn{T: t, eol: rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "eol")}
	d.line(0, "version: 1")
	d.line(0, "---")
	d.line(0, "zone: saas.example")
	if d.chance(60) {
		d.block(0, "settings", []string{"http2: on", `min_tls_version: "1.2"`})
	}

	wanted := [3]bool{d.chance(60), d.chance(60), d.chance(70)}
	if wanted != [3]bool{} {
		d.line(0, "custom_hostnames:")
	}
	if wanted[0] {
		d.block(2, "defaults", d.settings())
	}
	if wanted[1] {
		d.line(2, "rules:")
		for range rapid.IntRange(1, 3).Draw(t, "rules") {
			d.line(4, `- match: { hostname: "**.customer.example" }`)
			for _, s := range d.settings() {
				d.line(6, s)
			}
		}
	}
	if wanted[2] {
		d.line(2, "hostnames:")
		entries := rapid.Permutation(names).Draw(t, "names")
		for _, name := range entries[:rapid.IntRange(1, len(entries)).Draw(t, "entries")] {
			d.block(4, name, d.settings())
		}
	}
	return d
}

// draw draws some edits for a configuration, none of them twice.
func (d *drawn) edits(desired *schema.Desired) []Edit {
	z := &desired.Zones[0]
	var out []Edit
	seen := map[Edit]bool{}
	for range rapid.IntRange(1, 6).Draw(d.T, "edits") {
		e := Edit{Block: Block{Zone: z.Name.Pos}, Setting: d.pick("min_tls_version", "http2", "ciphers", "early_hints")}
		switch k := rapid.IntRange(0, 3).Draw(d.T, "kind"); {
		case k == 0:
			e.Kind = Settings
		case k == 1:
			e.Kind = Defaults
		case k == 2 && len(z.CustomHostnames.Rules) > 0:
			e.Kind, e.Rule = Rule, rapid.IntRange(1, len(z.CustomHostnames.Rules)).Draw(d.T, "rule")
		default:
			e.Kind, e.Name = Entry, d.pick(names...)
		}
		if seen[e] {
			continue
		}
		seen[e] = true
		e.Value = map[string]schema.Value{
			"min_tls_version": schema.StringValue(d.pick("1.0", "1.1", "1.2")),
			"http2":           schema.StringValue(d.pick("on", "off")), "early_hints": schema.StringValue(d.pick("on", "off")),
			"ciphers": schema.Value(d.pick(`["ECDHE-ECDSA-AES128-GCM-SHA256","AES128-SHA"]`, `["AES128-SHA","AES256-SHA"]`)),
		}[e.Setting]
		out = append(out, e)
	}
	return out
}

// TestEditsTouchNothingElse makes random edits in random files. Every line without an
// edited setting is still there, in the same order; so is every comment.
func TestEditsTouchNothingElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := world(t)
		before := d.String()
		tree := fstest.MapFS{"tlsync.yaml": &fstest.MapFile{Data: []byte(before)}}
		desired, diags := load.Load(tree, time.Time{})
		if diags.HasErrors() {
			t.Fatalf("%v\n%s", diags, before)
		}

		edits := d.edits(desired)
		changed, err := Apply(tree, edits)
		if err != nil {
			t.Fatalf("%v\n%v\n%s", err, edits, before)
		}
		after := before
		if b, ok := changed["tlsync.yaml"]; ok {
			after = string(b)
		}

		for i := 1; i <= d.comments; i++ {
			if n := strings.Count(after, fmt.Sprintf(" %d.", i)+d.eol); n != 1 {
				t.Fatalf("comment %d is there %d times\n%s\nbecame\n%s", i, n, before, after)
			}
		}
		touched := func(line string) bool {
			return strings.Contains(line, "{") || slices.ContainsFunc(edits, func(e Edit) bool { return strings.Contains(line, e.Setting+":") })
		}
		if missing := notWithin(before, after, touched); missing != "" {
			t.Fatalf("line %q is gone\n%s\nbecame\n%s", missing, before, after)
		}
		if strings.Count(after, "\n") != strings.Count(after, d.eol) {
			t.Fatalf("line ends are mixed\n%q", after)
		}

		again, err := Apply(Overlay(tree, changed), edits)
		if err != nil || len(again) > 0 {
			t.Fatalf("the same edits once more: %v, %v", err, again)
		}
	})
}

// notWithin returns the first line of before, of those that count, which after does not
// have behind the one before it.
func notWithin(before, after string, leave func(string) bool) string {
	rest := strings.Split(after, "\n")
	for line := range strings.SplitSeq(before, "\n") {
		if leave(line) {
			continue
		}
		i := slices.Index(rest, line)
		if i < 0 {
			return line
		}
		rest = rest[i+1:]
	}
	return ""
}

// FuzzApply makes an edit in any file. It must not panic, and what it writes must load.
func FuzzApply(f *testing.F) {
	for _, text := range []string{
		"version: 1\n---\nzone: a.example\nsettings: { http2: on }\n",
		"version: 1\n---\nzone: a.example\nsettings:\n  ciphers: # x\n  - AES128-SHA\ncustom_hostnames: {hostnames: {b.example: {}}}",
		"\ufeffversion: 1\r\n---\r\nzone: 'a.example'\r\nsettings: {\r\n http2: on, # y\r\n }\r\n",
		"version: 1\n---\nzone: a.example\nsettings:\n  ? http2\n  : on\n  \"tls_1_3\": >-\n   on\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		tree := fstest.MapFS{"tlsync.yaml": &fstest.MapFile{Data: b}}
		desired, diags := load.Load(tree, time.Time{})
		if diags.HasErrors() || len(desired.Zones) == 0 {
			return
		}
		at := desired.Zones[0].Name.Pos
		_, _ = Apply(tree, []Edit{
			{Block: Block{Zone: at}, Setting: "http2", Value: `"off"`},
			{Block: Block{Zone: at}, Setting: "ciphers", Value: `["AES128-SHA"]`},
			{Block: Block{Zone: at, Kind: Entry, Name: "b.example"}, Setting: "http2", Value: "null"},
		})
	})
}
