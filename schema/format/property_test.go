package format

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"tlsync/schema/edit"
	"tlsync/schema/edit/edittest"

	"pgregory.net/rapid"
)

// TestFormatIsStable formats random files. They stay the same configuration, which Files
// itself proves, keep every comment, and do not change a second time.
func TestFormatIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := edittest.Draw(t)
		before := d.String()
		tree := fstest.MapFS{"tlsync.yaml": &fstest.MapFile{Data: []byte(before)}}
		changed, skipped, err := Files(tree, []string{"tlsync.yaml"})
		if err != nil || len(skipped) > 0 {
			t.Fatalf("%v, skipped %v\n%s", err, skipped, before)
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
		if strings.Count(after, "\n") != strings.Count(after, d.EOL) {
			t.Fatalf("line ends are mixed\n%q", after)
		}

		again, _, err := Files(edit.Overlay(tree, changed), []string{"tlsync.yaml"})
		if err != nil || len(again) > 0 {
			t.Fatalf("%v, once more:\n%s\nbecame\n%s", err, after, again["tlsync.yaml"])
		}
	})
}

// FuzzFormat formats any file. It must not panic. What it writes is the same
// configuration, and it does not change a second time.
func FuzzFormat(f *testing.F) {
	for _, text := range []string{
		"version: 1\n---\nzone: a.example\nsettings: { http2: on }\n",
		"version: 1\n---\n# a\nzone: a.example\nsettings:\n  ciphers: # x\n  - AES128-SHA\n\n  # y\n  http2: >-\n   on\ncustom_hostnames: {hostnames: {b.example: {}}}",
		"\ufeffversion: 1\r\n---\r\n{settings: {\r\n http2: on, # y\r\n }, zone: 'a.example'}\r\n",
		"version: 1\n---\nzone: a.example\ncustom_hostnames:\n rules:\n - \n  # z\n  http2: on\n  match: {hostname: \"*.b.example\"}\n  # w\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		tree := fstest.MapFS{"tlsync.yaml": &fstest.MapFile{Data: b}}
		changed, _, err := Files(tree, []string{"tlsync.yaml"})
		if err != nil {
			return
		}
		if again, _, err := Files(edit.Overlay(tree, changed), []string{"tlsync.yaml"}); err != nil || len(again) > 0 {
			t.Fatalf("%v\n%q\n%q\n%q", err, b, changed["tlsync.yaml"], again["tlsync.yaml"])
		}
	})
}
