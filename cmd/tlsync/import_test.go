package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tlsync/engine/sandbox"
)

// TestImportOfAFleet adopts the fleet of make demo-import: 12 zones with 18,000 custom
// hostnames.
func TestImportOfAFleet(t *testing.T) {
	if testing.Short() {
		t.Skip("imports 18,000 hostnames three times")
	}
	text, err := exec.Command("go", "run", "../../testdata/demo-import").Output()
	if err != nil {
		t.Fatal(err)
	}
	seed, err := sandbox.ParseSeed(text)
	if err != nil {
		t.Fatal(err)
	}

	dir := t.TempDir()
	a := newAPI(t, seed)
	a.watch(nil)
	imported(t, a, dir, "first")
	const mostRequests = 60
	a.mu.Lock()
	arrived := a.arrived
	a.mu.Unlock()
	if arrived > mostRequests {
		t.Errorf("%d requests, want at most %d", arrived, mostRequests)
	}
	first := filesOf(t, filepath.Join(dir, "first"))
	lines := 0
	for path, text := range first {
		if strings.HasSuffix(path, ".yaml") {
			lines += strings.Count(text, "\n")
		}
	}
	const mostLines = 400
	if lines > mostLines {
		t.Errorf("%d lines of YAML, want at most %d", lines, mostLines)
	}
	if code, p := a.run(t, dir, "plan", "--config", "first", "--detailed-exitcode"); code != 0 || !strings.HasSuffix(p.out.String(), "\nNo changes.\n") {
		t.Errorf("plan: exit code %d\n%s%s", code, &p.out, &p.err)
	}

	imported(t, a, dir, "second")
	if diff := cmp.Diff(first, filesOf(t, filepath.Join(dir, "second"))); diff != "" {
		t.Errorf("a second import differs (-first +second):\n%s", diff)
	}

	slices.Reverse(seed.Zones)
	for i := range seed.Zones {
		slices.Reverse(seed.Zones[i].CustomHostnames)
	}
	imported(t, newAPI(t, seed), dir, "shuffled")
	if diff := cmp.Diff(first, filesOf(t, filepath.Join(dir, "shuffled"))); diff != "" {
		t.Errorf("answers in another order give another import (-first +shuffled):\n%s", diff)
	}
}

func imported(t *testing.T, a *api, dir, out string) {
	t.Helper()
	if code, p := a.run(t, dir, "import", "--quiet", "--out", out); code != 0 {
		t.Fatalf("import: exit code %d\n%s%s", code, &p.out, &p.err)
	}
}

// filesOf are the files below a directory by their path.
func filesOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(filepath.Join(dir, path))
		out[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
