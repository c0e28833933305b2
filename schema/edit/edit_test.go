package edit

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"tlsync/schema"
	"tlsync/schema/load"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestGolden makes the edits in testdata/edit. Each archive has the files of a
// configuration, the edits, and the files after them or the error.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("../../testdata/edit/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			tree, want, edits := fstest.MapFS{}, "", ""
			inputs := archive.Files[:0:0]
			for _, f := range archive.Files {
				switch {
				case f.Name == "error" || strings.HasPrefix(f.Name, "after/"):
					want += "-- " + f.Name + " --\n" + string(f.Data)
					continue
				case f.Name == "edits":
					edits = string(f.Data)
				default:
					tree[f.Name] = &fstest.MapFile{Data: written(f.Data)}
				}
				inputs = append(inputs, f)
			}

			outputs := run(t, tree, edits)
			got := ""
			for _, f := range outputs {
				got += "-- " + f.Name + " --\n" + string(f.Data)
			}
			if *update {
				archive.Files = append(inputs, outputs...)
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got; go test ./schema/edit -run TestGolden -update accepts it)\n%s", diff)
			}
		})
	}
}

// written turns ^M at the ends of lines, which archives cannot hold, into carriage returns,
// and drops the line end after the word EOF.
func written(b []byte) []byte {
	s := strings.ReplaceAll(string(b), "^M\n", "\r\n")
	return []byte(strings.TrimSuffix(s, "<EOF>\n"))
}

// shown is the reverse of written.
func shown(b []byte) []byte {
	s := strings.ReplaceAll(string(b), "\r\n", "^M\n")
	if !strings.HasSuffix(s, "\n") {
		s += "<EOF>\n"
	}
	return []byte(s)
}

func run(t *testing.T, tree fstest.MapFS, lines string) []txtar.File {
	t.Helper()
	d, diags := load.Load(tree, time.Time{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	changed, err := Apply(tree, parseEdits(t, d, lines))
	if err != nil {
		return []txtar.File{{Name: "error", Data: []byte(err.Error() + "\n")}}
	}
	var out []txtar.File
	for _, name := range changed.Names() {
		out = append(out, txtar.File{Name: "after/" + name, Data: shown(changed[name])})
	}
	return out
}

// parseEdits reads lines such as
//
//	saas.example entry app.customer.example min_tls_version "1.2"
func parseEdits(t *testing.T, d *schema.Desired, lines string) []Edit {
	t.Helper()
	var out []Edit
	for line := range strings.Lines(lines) {
		words := strings.SplitN(strings.TrimSpace(line), " ", 5)
		if len(words) != 5 {
			t.Fatalf("edit %q: want zone, block, name, setting, value", line)
		}
		e := Edit{Setting: words[3], Value: schema.Value(words[4])}
		for _, z := range d.Zones {
			if z.Name.Value == words[0] {
				e.Zone = z.Name.Pos
			}
		}
		switch words[1] {
		case "settings":
			e.Kind = Settings
		case "defaults":
			e.Kind = Defaults
		case "rule":
			e.Kind = Rule
			e.Rule, _ = strconv.Atoi(words[2])
		case "entry":
			e.Kind, e.Name = Entry, words[2]
		case "hostname":
			e.Kind, e.Name = Hostname, words[2]
		default:
			t.Fatal(fmt.Errorf("edit %q: unknown block", line))
		}
		out = append(out, e)
	}
	return out
}
