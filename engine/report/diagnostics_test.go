package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tlsync/schema"
)

func mistakes() schema.Diagnostics {
	return schema.Diagnostics{
		{Pos: schema.Pos{File: "zones/acme.yaml", Line: 14, Col: 20}, Severity: schema.Error, Rule: "setting-value",
			Message: `min_tls_version "1.4" is not one of 1.0, 1.1, 1.2, 1.3`, Hint: "use 1.3"},
		{Pos: schema.Pos{File: "zones/acme.yaml", Line: 15, Col: 9}, Severity: schema.Error, Rule: "unknown-key", Message: "wide \x1b[31m"},
		{Pos: schema.Pos{File: "zones/acme.yaml", Line: 16, Col: 4}, Severity: schema.Warning, Rule: "tab", Message: "a tab, 100%: ##[error]"},
		{Pos: schema.Pos{File: "zones/acme.yaml", Line: 17, Col: 151}, Severity: schema.Warning, Rule: "long", Message: "far out"},
		{Pos: schema.Pos{File: "zones/acme.yaml", Line: 18, Col: 90}, Severity: schema.Warning, Rule: "outside", Message: "beyond the end"},
		{Pos: schema.Pos{File: "zones/acme.yaml", Line: 99, Col: 1}, Severity: schema.Warning, Rule: "gone", Message: "no such line"},
		{Pos: schema.Pos{File: "a,b:c%2C.yaml"}, Severity: schema.Error, Rule: "too-large", Message: "a whole file"},
		{Severity: schema.Error, Rule: "no-files", Message: "::error::nowhere", Hint: "run tlsync init"},
	}
}

func source(file string, line int) (string, bool) {
	s, ok := map[int]string{
		14: `  min_tls_version: "1.4"`,
		15: "  東京: {\u202e x: 1}\r",
		16: "\t\tab: ::x",
		17: strings.Repeat("x", 150) + "!" + strings.Repeat("y", 150),
		18: "short",
	}[line]
	return s, ok && file == "zones/acme.yaml"
}

func TestDiagnosticsGolden(t *testing.T) {
	for _, c := range []struct {
		name string
		o    DiagnosticOptions
	}{
		{"diagnostics", DiagnosticOptions{Source: source}},
		{"diagnostics-plain", DiagnosticOptions{}},
		{"diagnostics-colour", DiagnosticOptions{Source: source, Color: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b bytes.Buffer
			if err := Diagnostics(&b, mistakes(), c.o); err != nil {
				t.Fatal(err)
			}
			golden(t, c.name, b.Bytes())
			if bad := unsafeIn(b.String()); bad != "" && !c.o.Color {
				t.Errorf("holds %s", bad)
			}
		})
	}
}

func TestNoMistakesPrintNothing(t *testing.T) {
	var b bytes.Buffer
	if err := Diagnostics(&b, nil, DiagnosticOptions{}); err != nil || b.Len() > 0 {
		t.Errorf("printed %q, %v", b.String(), err)
	}
	if err := DiagnosticsJSON(&b, nil); err != nil {
		t.Fatal(err)
	}
	want := "{\n  \"format_version\": \"1\",\n  \"errors\": 0,\n  \"warnings\": 0,\n  \"diagnostics\": []\n}\n"
	if b.String() != want {
		t.Errorf("printed %q", b.String())
	}
}

func TestDiagnosticsAsData(t *testing.T) {
	var b bytes.Buffer
	if err := DiagnosticsJSON(&b, mistakes()); err != nil {
		t.Fatal(err)
	}
	golden(t, "diagnostics.json", b.Bytes())
	if bad := unsafeIn(b.String()); bad != "" {
		t.Errorf("holds %s", bad)
	}
}

// command is a workflow command as the runner reads it.
type command struct {
	name, message string
	properties    map[string]string
}

// parseCommand follows ActionCommand.TryParseV2 and its unescaping in
// actions/runner.
func parseCommand(line string) (command, bool) {
	rest, ok := strings.CutPrefix(strings.TrimLeft(line, " "), "::")
	if !ok {
		return command{}, false
	}
	head, message, ok := strings.Cut(rest, "::")
	if !ok {
		return command{}, false
	}
	data := strings.NewReplacer("%0D", "\r", "%0A", "\n", "%25", "%")
	property := strings.NewReplacer("%0D", "\r", "%0A", "\n", "%3A", ":", "%2C", ",", "%25", "%")
	name, list, _ := strings.Cut(head, " ")
	c := command{name: name, message: data.Replace(message), properties: map[string]string{}}
	for pair := range strings.SplitSeq(list, ",") {
		if k, v, ok := strings.Cut(pair, "="); ok {
			c.properties[strings.TrimSpace(k)] = property.Replace(v)
		}
	}
	return c, true
}

func TestDiagnosticsGitHubIsReadBackAsMeant(t *testing.T) {
	var b bytes.Buffer
	if err := DiagnosticsGitHub(&b, mistakes()); err != nil {
		t.Fatal(err)
	}
	golden(t, "diagnostics-github", b.Bytes())
	var got []command
	for line := range strings.Lines(b.String()) {
		c, ok := parseCommand(strings.TrimSuffix(line, "\n"))
		if !ok {
			t.Fatalf("%q is no command", line)
		}
		got = append(got, c)
	}
	if len(got) != len(mistakes()) {
		t.Fatalf("%d commands for %d mistakes", len(got), len(mistakes()))
	}
	for i, want := range map[int]command{
		0: {"error", "min_tls_version \"1.4\" is not one of 1.0, 1.1, 1.2, 1.3\nhint: use 1.3",
			map[string]string{"file": "zones/acme.yaml", "line": "14", "col": "20", "title": "setting-value"}},
		2: {"warning", "a tab, 100%: # #[error]",
			map[string]string{"file": "zones/acme.yaml", "line": "16", "col": "4", "title": "tab"}},
		6: {"error", "a whole file", map[string]string{"file": "a,b:c%2C.yaml", "title": "too-large"}},
		7: {"error", ": :error::nowhere\nhint: run tlsync init", map[string]string{"title": "no-files"}},
	} {
		if d := cmp.Diff(want, got[i], cmp.AllowUnexported(command{})); d != "" {
			t.Errorf("mistake %d: %s", i, d)
		}
	}
}
