package starter

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	validator "github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"

	"tlsync/schema/jsonschema"
	"tlsync/schema/load"
)

var someZones = []Zone{{"a.example", "One"}, {"b.example", "One"}, {"b.example", "Two: & a half"}}

// starts are the starters: with zones, without, and with too many.
func starts() map[string]Options {
	many := Options{Dir: ".", Branch: "main"}
	for i := range maxZones + 1 {
		many.Zones = append(many.Zones, Zone{strings.Repeat("z", i+1) + ".example", "One"})
	}
	return map[string]Options{
		"zones": {Dir: ".", Branch: "main", Zones: someZones}, "none": {Dir: ".", Branch: "main"}, "many": many,
	}
}

// commented matches a line that is configuration once its # is gone.
var commented = regexp.MustCompile(`(?m)^#(\S|  )`)

// TestStarterManagesNothing loads every starter: as it is it manages nothing, and with every
// # removed it is valid too, for the loader and for the schema.
func TestStarterManagesNothing(t *testing.T) {
	for name, o := range starts() {
		t.Run(name, func(t *testing.T) {
			plain, full := fstest.MapFS{}, fstest.MapFS{}
			for _, f := range configuration(o) {
				whole := commented.ReplaceAllString(f.Text, "$1")
				if whole == f.Text {
					t.Errorf("%s has nothing to remove a # from", f.Path)
				}
				plain[f.Path] = &fstest.MapFile{Data: []byte(f.Text)}
				full[f.Path] = &fstest.MapFile{Data: []byte(whole)}
			}

			desired, diags := load.Load(plain, time.Time{})
			if diags.HasErrors() || desired.Manages() {
				t.Errorf("as it is: %v, manages: %v", diags, desired.Manages())
			}
			desired, diags = load.Load(full, time.Time{})
			if len(diags) > 0 || !desired.Manages() || len(desired.Policy.Floor) == 0 {
				t.Errorf("uncommented: %v, manages: %v", diags, desired.Manages())
			}
			fits(t, plain)
			fits(t, full)
		})
	}
}

// fits holds every document against the schema.
func fits(t *testing.T, tree fstest.MapFS) {
	t.Helper()
	doc, err := validator.UnmarshalJSON(bytes.NewReader(jsonschema.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := validator.NewCompiler()
	if err := c.AddResource("s.json", doc); err != nil {
		t.Fatal(err)
	}
	s := c.MustCompile("s.json")

	for name, f := range tree {
		documents := yaml.NewDecoder(bytes.NewReader(f.Data))
		for n := 0; ; n++ {
			var value any
			if err := documents.Decode(&value); err != nil {
				if n == 0 {
					t.Errorf("%s: %v", name, err)
				}
				break
			}
			if err := s.Validate(value); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// TestWorkflowsAreAdapted gives the workflows every known fact, and looks for what was not
// replaced.
func TestWorkflowsAreAdapted(t *testing.T) {
	o := Options{Dir: "infra/tls", Branch: "trunk", Action: "acme/tlsync@0123456789012345678901234567890123456789"}
	files, err := flows(o)
	if err != nil || len(files) != 3 {
		t.Fatalf("%d workflows: %v", len(files), err)
	}
	for _, f := range files {
		var w struct {
			On   yaml.Node
			Jobs map[string]struct {
				Steps []struct {
					Uses, Run string
					With      map[string]string
				}
			}
		}
		if err := yaml.Unmarshal([]byte(f.Text), &w); err != nil {
			t.Fatalf("%s: %v", f.Path, err)
		}
		if strings.Contains(f.Text, "OWNER") || strings.Contains(f.Text, "[main]") || strings.Contains(f.Path, "apply") != strings.Contains(f.Text, "branches: [trunk]") {
			t.Errorf("%s is not adapted:\n%s", f.Path, f.Text)
		}

		steps := 0
		for _, job := range w.Jobs {
			for _, s := range job.Steps {
				if strings.HasPrefix(s.Uses, "acme/") {
					if steps++; s.With["config"] != o.Dir {
						t.Errorf("%s: the action has config %q", f.Path, s.With["config"])
					}
				}
				if strings.Contains(s.Run, "tlsync ") && !strings.Contains(s.Run, "--config "+o.Dir+" ") {
					t.Errorf("%s: without the directory: %s", f.Path, s.Run)
				}
			}
		}
		if steps != 1 {
			t.Errorf("%s uses the action %d times", f.Path, steps)
		}
	}

	// What is not known stays as it is.
	files, err = flows(Options{Dir: ".", Branch: "main"})
	for _, f := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(f.Path), "tlsync-"), ".yml")
		text, readErr := os.ReadFile("../../testdata/workflows/" + name + ".yml")
		if err != nil || readErr != nil || f.Text != string(text) {
			t.Errorf("%s differs from testdata/workflows/%s.yml (%v, %v)", f.Path, name, err, readErr)
		}
	}

	for _, odd := range []string{"a b", "${{ secrets.X }}", "", "-x", "a'b", "ä"} {
		if _, err := flows(Options{Dir: odd, Branch: "main"}); err == nil {
			t.Errorf("%q is written into a workflow", odd)
		}
	}
}

func TestCheckAction(t *testing.T) {
	for ref, ok := range map[string]bool{
		"acme/tlsync@v1": true, "acme/mono/tlsync@0123456": true, "acme/tlsync": false, "tlsync@v1": false,
		"acme/tlsync@v1 # x": false, "acme/tlsync@${{ x }}": false, "a\nb/tlsync@v1": false, "": false,
	} {
		if err := CheckAction(ref); (err == nil) != ok {
			t.Errorf("%q: %v", ref, err)
		}
	}
}

// TestWriteReplacesNothing writes twice, and over what is there.
func TestWriteReplacesNothing(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	put := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put(".vscode/extensions.json", "{}")
	put("zones/a.example.yaml", "mine")
	put(".github/workflows/tlsync-plan.yml", "mine")
	put(".github/workflows/other.yml", "name: something else")

	o := Options{Dir: ".", Branch: "main", Zones: someZones}
	done, err := Write(root, o)
	if err != nil {
		t.Fatal(err)
	}
	wrote := []string{"tlsync.yaml", "zones/b.example.yaml", "zones/b.example-2.yaml", "tlsync.schema.json", ".github/workflows/tlsync-apply.yml", ".github/workflows/tlsync-drift.yml", ".vscode/settings.json"}
	if !slices.Equal(done.Written, wrote) || len(done.Kept) != 2 {
		t.Errorf("wrote %q, kept %v", done.Written, done.Kept)
	}
	for _, name := range []string{"zones/a.example.yaml", ".github/workflows/tlsync-plan.yml"} {
		if text, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(text) != "mine" {
			t.Errorf("%s is %q (%v)", name, text, err)
		}
	}

	// The second time nothing is missing. A configuration gets no zones beside its own.
	if err := os.Remove(filepath.Join(dir, "zones/b.example.yaml")); err != nil {
		t.Fatal(err)
	}
	if done, err = Write(root, o); err != nil || len(done.Written) > 0 {
		t.Errorf("the second time: wrote %q (%v)", done.Written, err)
	}

	// The schema of another release is kept, and named.
	put(SchemaName, "{}")
	if done, err = Write(root, o); err != nil || !slices.ContainsFunc(done.Kept, func(k Kept) bool { return k.Path == SchemaName && strings.Contains(k.Why, "another release") }) {
		t.Errorf("beside an old schema: %+v (%v)", done, err)
	}

	// A workflow by another name that runs tlsync stands for all of them.
	put(".github/workflows/tls.yml", "steps: [{ uses: acme/tlsync@v1 }]")
	if err := os.Remove(filepath.Join(dir, ".github/workflows/tlsync-apply.yml")); err != nil {
		t.Fatal(err)
	}
	if done, err = Write(root, o); err != nil || len(done.Written) > 0 || !slices.Contains(done.Kept, Kept{".github/workflows/tls.yml", "runs tlsync, so no workflow is added"}) {
		t.Errorf("beside a workflow: %+v (%v)", done, err)
	}
}

// TestWriteStaysInside has a link in the way that leads out of the repository.
func TestWriteStaysInside(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	if err := os.Symlink(outside, filepath.Join(dir, ".github")); err != nil {
		t.Skip(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()

	if _, err := Write(root, Options{Dir: ".", Branch: "main"}); err == nil || !strings.Contains(err.Error(), "write .github/workflows/tlsync-plan.yml: ") {
		t.Errorf("error %v", err)
	}
	if left, err := os.ReadDir(outside); err != nil || len(left) > 0 {
		t.Errorf("outside are %v (%v)", left, err)
	}
}

func TestUntouched(t *testing.T) {
	for _, f := range configuration(starts()["zones"])[1:] {
		if !Untouched(f.Text) {
			t.Errorf("%s is not as it was written:\n%s", f.Path, f.Text)
		}
		for _, other := range []string{"# mine\n" + f.Text, f.Text + "# mine\n", strings.Replace(f.Text, "#settings", "settings", 1), strings.Replace(f.Text, "\n\n", "\nsettings: {}\n\n", 1)} {
			if Untouched(other) {
				t.Errorf("taken for untouched:\n%s", other)
			}
		}
	}
}
