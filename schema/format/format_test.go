package format

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestGolden formats the files in testdata/format. Each archive has a configuration, and
// the files that change or the error.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("../../testdata/format/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			tree, want := fstest.MapFS{}, ""
			var names []string
			inputs := archive.Files[:0:0]
			for _, f := range archive.Files {
				if f.Name == "error" || f.Name == "skipped" || strings.HasPrefix(f.Name, "after/") {
					want += "-- " + f.Name + " --\n" + string(f.Data)
					continue
				}
				inputs = append(inputs, f)
				names = append(names, f.Name)
				tree[f.Name] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(string(f.Data), "^M\n", "\r\n"))}
			}

			outputs := run(tree, names)
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
				t.Errorf("(-want +got; go test ./schema/format -run TestGolden -update accepts it)\n%s", diff)
			}
		})
	}
}

func run(tree fstest.MapFS, names []string) []txtar.File {
	changed, skipped, err := Files(tree, names)
	if err != nil {
		return []txtar.File{{Name: "error", Data: []byte(err.Error() + "\n")}}
	}
	var out []txtar.File
	if len(skipped) > 0 {
		out = append(out, txtar.File{Name: "skipped", Data: []byte(strings.Join(skipped, "\n") + "\n")})
	}
	for _, name := range changed.Names() {
		text := strings.ReplaceAll(string(changed[name]), "\r\n", "^M\n")
		out = append(out, txtar.File{Name: "after/" + name, Data: []byte(text)})
	}
	return out
}

// TestDocumentationHasTheUsualForm formats the configurations of the README.
func TestDocumentationHasTheUsualForm(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for block := range strings.SplitSeq(string(readme), "```yaml\n") {
		text, _, _ := strings.Cut(block, "```")
		if !strings.HasPrefix(text, "version: 1") && !strings.HasPrefix(text, "account:") && !strings.HasPrefix(text, "policy:") && !strings.HasPrefix(text, "custom_hostnames:") && !strings.HasPrefix(text, "settings:") {
			continue
		}
		found++
		got, err := Format([]byte(text))
		if err != nil {
			t.Errorf("%v\n%s", err, text)
			continue
		}
		if diff := cmp.Diff(text, string(got)); diff != "" {
			t.Errorf("an example of the README is not as fmt writes it (-README +fmt)\n%s", diff)
		}
	}
	if found < 4 {
		t.Errorf("only %d examples found", found)
	}
}
