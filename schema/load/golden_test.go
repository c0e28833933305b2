package load

import (
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"tlsync/schema"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestGolden loads the configuration trees in testdata/schema. Each archive
// contains the files of a tree, then the expected diagnostics, and if there are
// no errors the expected configuration as "desired".
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("../../testdata/schema/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			tree := fstest.MapFS{}
			want := map[string]string{}
			inputs := archive.Files[:0:0]
			for _, f := range archive.Files {
				if f.Name == "diagnostics" || f.Name == "desired" {
					want[f.Name] = string(f.Data)
					continue
				}
				inputs = append(inputs, f)
				tree[f.Name] = &fstest.MapFile{Data: f.Data, Mode: 0o644}
			}
			desired, diags := Load(tree, testNow)
			checkPlaces(t, tree, diags)
			got := map[string]string{"diagnostics": dumpDiagnostics(diags)}
			if !diags.HasErrors() {
				got["desired"] = dump(desired)
			}
			if *update {
				archive.Files = append(inputs, txtar.File{Name: "diagnostics", Data: []byte(got["diagnostics"])})
				if d, ok := got["desired"]; ok {
					archive.Files = append(archive.Files, txtar.File{Name: "desired", Data: []byte(d)})
				}
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got; go test ./schema/load -run TestGolden -update accepts it)\n%s", diff)
			}
		})
	}
}

// checkPlaces fails unless every diagnostic points inside its file.
func checkPlaces(t *testing.T, tree fs.FS, diags schema.Diagnostics) {
	t.Helper()
	for _, d := range diags {
		if d.Rule == "" || d.Message == "" || strings.HasSuffix(d.Message, ".") || strings.ContainsAny(d.Message+d.Hint, "\n\r\t\x1b") {
			t.Errorf("malformed diagnostic: %q", d.String())
		}
		if d.Line == 0 {
			if !slices.Contains([]string{"no-configuration", "twin-files", "not-a-file", "unreadable", "too-large", "include", "too-many", schema.RuleNoEffect}, d.Rule) {
				t.Errorf("no line: %s", d)
			}
			continue
		}
		b, err := fs.ReadFile(tree, d.File)
		if err != nil {
			t.Errorf("points into a file that cannot be read: %s: %v", d, err)
			continue
		}
		lines := strings.Split(strings.TrimPrefix(string(b), "\ufeff"), "\n")
		if d.Line > len(lines) || d.Col < 1 || d.Col > len([]rune(lines[d.Line-1]))+1 {
			t.Errorf("points outside its file: %s", d)
		}
	}
}

func dumpDiagnostics(diags schema.Diagnostics) string {
	var b strings.Builder
	for _, d := range diags {
		fmt.Fprintln(&b, d)
		if d.Hint != "" {
			fmt.Fprintf(&b, "    hint: %s\n", d.Hint)
		}
	}
	return b.String()
}

// field writes a field that is set.
func field[T any](w io.Writer, name string, f schema.Field[T]) {
	if f.Set {
		fmt.Fprintf(w, "%s %#v  %s\n", name, f.Value, f.Pos)
	}
}

// dump writes a configuration so that a person can compare it with the YAML.
func dump(d *schema.Desired) string {
	var b strings.Builder
	block := func(indent string, as []schema.Assignment) {
		for _, a := range as {
			fmt.Fprintf(&b, "%s%s ", indent, a.Setting)
			if a.AtLeast {
				b.WriteString("at least ")
			}
			b.WriteString(string(a.Value))
			if a.Wire != a.Value {
				fmt.Fprintf(&b, " sent as %s", a.Wire)
			}
			fmt.Fprintf(&b, "  %s (%s)\n", a.Pos, a.Via)
		}
	}
	if p := d.Policy; p.Set {
		fmt.Fprintf(&b, "policy %s coverage=%t max=%d/%g%%\n", p.Pos, p.CoverageRequired, p.MaxChanges.Count, p.MaxChanges.Percent)
		block("  floor ", p.Floor)
		for _, e := range p.Exceptions {
			fmt.Fprintf(&b, "  exception %s %s until %s: %s\n", e.Pos, e.Hostname, e.Until, e.Reason)
			block("    ", e.Settings)
		}
	}
	for _, a := range d.Accounts {
		fmt.Fprintf(&b, "account %q %s token=%q\n", a.Name.Value, a.Name.Pos, a.APITokenEnv.Value)
		for _, m := range a.MTLS {
			fmt.Fprintf(&b, "  mtls %q %s absent=%t\n", m.Name.Value, m.Name.Pos, m.Absent)
			for _, ca := range m.CAs {
				fmt.Fprintf(&b, "    ca %s %s %q until %s md5=%q, %d certificates\n", ca.File, ca.Pos, ca.Subject, ca.NotAfter.Format(time.DateOnly), ca.MD5, strings.Count(ca.PEM, "BEGIN CERTIFICATE"))
			}
			for _, h := range m.Hostnames {
				fmt.Fprintf(&b, "    hostname %s %s\n", h.Value, h.Pos)
			}
			field(&b, "    hostnames", m.HostnamesAt)
			field(&b, "    forward", m.Forward)
			field(&b, "    require", m.Require)
		}
		for _, alert := range a.Alerts {
			fmt.Fprintf(&b, "  alert %q %s type=%s absent=%t enabled=%t\n", alert.Name.Value, alert.Name.Pos, alert.Type.Value, alert.Absent, alert.Enabled.Value)
			field(&b, "    description", alert.Description)
			field(&b, "    email", alert.Email)
			field(&b, "    webhooks", alert.Webhooks)
			field(&b, "    pagerduty", alert.PagerDuty)
		}
	}
	for _, z := range d.Zones {
		fmt.Fprintf(&b, "zone %s %s glob=%t account=%q\n", z.Name.Value, z.Name.Pos, z.Glob, z.Account.Value)
		block("  ", z.Settings)
		for _, c := range z.OriginCertificates {
			fmt.Fprintf(&b, "  origin certificate %s id=%q file=%q key_env=%q", c.Pos, c.ID, c.File, c.KeyEnv)
			if c.ID == "" {
				fmt.Fprintf(&b, " %q until %s sha256=%s, %d certificates", c.Subject, c.NotAfter.Format(time.DateOnly), c.SHA256, strings.Count(c.PEM, "BEGIN CERTIFICATE"))
			}
			b.WriteString("\n")
		}
		for _, e := range z.Hostnames {
			fmt.Fprintf(&b, "  hostname %s %s\n", e.Hostname.Value, e.Hostname.Pos)
			block("    ", e.Settings)
		}
		field(&b, "  create", z.CustomHostnames.Create)
		block("  defaults ", z.CustomHostnames.Defaults)
		for _, r := range z.CustomHostnames.Rules {
			fmt.Fprintf(&b, "  rule %d %s hostnames=%q metadata=%s", r.Index, r.Pos, r.Match.Hostnames, metadataText(r.Match.Metadata))
			if len(r.Match.Except) > 0 {
				fmt.Fprintf(&b, " except=%q", r.Match.Except)
			}
			if r.Match.Wildcard.Set {
				fmt.Fprintf(&b, " wildcard=%t", r.Match.Wildcard.Value)
			}
			b.WriteString("\n")
			block("    ", r.Settings)
		}
		for _, e := range z.CustomHostnames.Entries {
			fmt.Fprintf(&b, "  entry %s %s", e.Hostname.Value, e.Hostname.Pos)
			if e.Absent {
				b.WriteString(" absent")
			}
			b.WriteString("\n")
			block("    ", e.Settings)
			block("    ", e.Certificate)
		}
	}
	return b.String()
}

// metadataText is the metadata of a rule, with "*" for any value.
func metadataText(ms []schema.MetadataMatch) string {
	var parts []string
	for _, m := range ms {
		if m.Any {
			m.Values = []string{"*"}
		}
		parts = append(parts, fmt.Sprintf("{%q %q}", m.Key, m.Values))
	}
	return "[" + strings.Join(parts, " ") + "]"
}
