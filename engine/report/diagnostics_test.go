package report

import (
	"bytes"
	"strings"
	"testing"

	"tlsync/engine/safe/safetest"
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
			if bad := safetest.Unsafe(b.String()); bad != "" && !c.o.Color {
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
	if bad := safetest.Unsafe(b.String()); bad != "" {
		t.Errorf("holds %s", bad)
	}
}

// Many warnings that are alike are told in a few lines; every error is shown, and comes
// first.
func TestRepeatedWarningsAreFolded(t *testing.T) {
	var ds schema.Diagnostics
	for i := range 40 {
		ds = append(ds, schema.Diagnostic{Pos: schema.Pos{File: "tlsync.yaml", Line: i + 1, Col: 1}, Severity: schema.Warning, Rule: "no-effect", Message: "nothing is set"})
		ds = append(ds, schema.Diagnostic{Pos: schema.Pos{File: "tlsync.yaml", Line: i + 1, Col: 9}, Severity: schema.Error, Rule: "unknown-key", Message: "unknown key"})
	}
	ds = append(ds, schema.Diagnostic{Pos: schema.Pos{File: "z.yaml", Line: 1, Col: 1}, Severity: schema.Warning, Rule: "ciphers-unused", Message: "not used"})
	ds.Sort()

	var text, markdown bytes.Buffer
	if err := Diagnostics(&text, ds, DiagnosticOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := DiagnosticsMarkdown(&markdown, ds, MarkdownOptions{}); err != nil {
		t.Fatal(err)
	}

	for name, got := range map[string]string{"text": text.String(), "Markdown": strings.ReplaceAll(markdown.String(), `\`, "")} {
		for what, want := range map[string]int{"nothing is set": 3, "unknown key": 40, "not used": 1, "and 37 more warnings": 1, "40 errors, 41 warnings": 1} {
			if n := strings.Count(got, what); n != want {
				t.Errorf("%s: %q %d times, want %d", name, what, n, want)
			}
		}
		if strings.Index(got, "nothing is set") < strings.LastIndex(got, "unknown key") {
			t.Errorf("%s: a warning stands before an error", name)
		}
	}
}
