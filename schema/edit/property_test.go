package edit

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"tlsync/schema"
	"tlsync/schema/edit/edittest"
	"tlsync/schema/load"

	"pgregory.net/rapid"
)

// drawEdits draws some edits for a configuration, none of them twice.
func drawEdits(d *edittest.Text, desired *schema.Desired) []Edit {
	z := &desired.Zones[0]
	var out []Edit
	seen := map[Edit]bool{}
	for range rapid.IntRange(1, 6).Draw(d.T, "edits") {
		e := Edit{Block: Block{Zone: z.Name.Pos}, Setting: d.Pick("min_tls_version", "http2", "ciphers", "early_hints")}
		switch k := rapid.IntRange(0, 3).Draw(d.T, "kind"); {
		case k == 0:
			e.Kind = Settings
		case k == 1:
			e.Kind = Defaults
		case k == 2 && len(z.CustomHostnames.Rules) > 0:
			e.Kind, e.Rule = Rule, rapid.IntRange(1, len(z.CustomHostnames.Rules)).Draw(d.T, "rule")
		default:
			e.Kind, e.Name = Entry, d.Pick(edittest.Names()...)
		}
		if seen[e] {
			continue
		}
		seen[e] = true
		e.Value = map[string]schema.Value{
			"min_tls_version": schema.StringValue(d.Pick("1.0", "1.1", "1.2")),
			"http2":           schema.StringValue(d.Pick("on", "off")), "early_hints": schema.StringValue(d.Pick("on", "off")),
			"ciphers": schema.Value(d.Pick(`["ECDHE-ECDSA-AES128-GCM-SHA256","AES128-SHA"]`, `["AES128-SHA","AES256-SHA"]`)),
		}[e.Setting]
		out = append(out, e)
	}
	return out
}

// TestEditsTouchNothingElse makes random edits in random files. Every line without an
// edited setting is still there, in the same order; so is every comment.
func TestEditsTouchNothingElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := edittest.Draw(t)
		before := d.String()
		tree := fstest.MapFS{"tlsync.yaml": &fstest.MapFile{Data: []byte(before)}}
		desired, diags := load.Load(tree, time.Time{})
		if diags.HasErrors() {
			t.Fatalf("%v\n%s", diags, before)
		}

		edits := drawEdits(d, desired)
		changed, err := Apply(tree, edits)
		if err != nil {
			t.Fatalf("%v\n%v\n%s", err, edits, before)
		}
		after := before
		if b, ok := changed["tlsync.yaml"]; ok {
			after = string(b)
		}

		for i := 1; i <= d.Comments; i++ {
			if n := strings.Count(after, fmt.Sprintf(" %d.", i)+d.EOL); n != 1 {
				t.Fatalf("comment %d is there %d times\n%s\nbecame\n%s", i, n, before, after)
			}
		}
		touched := func(line string) bool {
			return strings.Contains(line, "{") || strings.Contains(line, "- ECDHE") || strings.Contains(line, "- AES") || slices.ContainsFunc(edits, func(e Edit) bool { return strings.Contains(line, e.Setting+":") })
		}
		if missing := notWithin(before, after, touched); missing != "" {
			t.Fatalf("line %q is gone\n%s\nbecame\n%s", missing, before, after)
		}
		if strings.Count(after, "\n") != strings.Count(after, d.EOL) {
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
