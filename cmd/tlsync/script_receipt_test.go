package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// receiptVerb is "receipt [-incomplete] FILE PLANNED": exactly the lines of the
// public form, a step for each change that was planned, and a tally that counts
// them at the end; with -incomplete there is none. Nobody else may read the file.
func receiptVerb(ts *testscript.TestScript, neg bool, args []string) {
	incomplete := len(args) == 3 && args[0] == "-incomplete"
	if neg || len(args) != 2 && !incomplete {
		ts.Fatalf("usage: receipt [-incomplete] file planned")
	}
	file, want := args[len(args)-2], number(ts, args[len(args)-1])
	info, err := os.Stat(ts.MkAbs(file))
	ts.Check(err)
	if info.Mode().Perm() != 0o600 {
		ts.Fatalf("%s has mode %v", file, info.Mode())
	}
	value := orNull(anything)
	step := object("type", oneOf("step"), "id", text, "zone", text,
		"kind", oneOf("zone", "hostname", "custom_hostname", "mtls_certificate", "mtls_hostname", "access_application", "alert"),
		"name", text, "action", oneOf("create", "update", "delete"),
		"outcome", oneOf("done", "failed", "skipped", "not_attempted"), "wrote", boolean, "reason", text,
		"edits", listOf(object("setting", text, "from", value, "to", value)))
	tally := object("type", oneOf("tally"), "format_version", oneOf("1"),
		"tool", object("name", oneOf("tlsync"), "version", text),
		"config", object("digest", text, "commit", text), "plan_digest", text,
		"planned", whole, "done", whole, "failed", whole, "skipped", whole, "not_attempted", whole, "stopped", text)
	content := ts.ReadFile(file)
	if content != "" && !strings.HasSuffix(content, "\n") {
		ts.Fatalf("%s ends in half a line", file)
	}
	lines := strings.Split(strings.TrimSuffix(content, "\n"), "\n")
	counts := map[string]int{}
	ids := map[string]bool{}
	for i, line := range lines {
		if content == "" {
			break
		}
		dec := json.NewDecoder(bytes.NewReader([]byte(line)))
		dec.UseNumber()
		var v any
		ts.Check(dec.Decode(&v))
		if i == len(lines)-1 && !incomplete {
			ts.Check(tally("tally", v))
			var t map[string]any
			ts.Check(json.Unmarshal([]byte(line), &t))
			for _, outcome := range []string{"done", "failed", "skipped", "not_attempted"} {
				if t[outcome] != float64(counts[outcome]) {
					ts.Fatalf("the tally says %v %s, and there are %d", t[outcome], outcome, counts[outcome])
				}
			}
			if t["planned"] != float64(len(ids)) {
				ts.Fatalf("the tally says %v planned, and there are %d", t["planned"], len(ids))
			}
			continue
		}
		ts.Check(step("step", v))
		s := v.(map[string]any)
		if ids[s["id"].(string)] {
			ts.Fatalf("%s is there twice", s["id"])
		}
		ids[s["id"].(string)] = true
		counts[s["outcome"].(string)]++
		if s["outcome"] != "done" && s["reason"] == "" {
			ts.Fatalf("%s has no reason", s["id"])
		}
	}
	if len(ids) != want {
		ts.Fatalf("%d steps, want %d", len(ids), want)
	}
}
