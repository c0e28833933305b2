package regular_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"tlsync/engine/regular"
)

func content(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		rel, _ := filepath.Rel(dir, name)
		out[filepath.ToSlash(rel)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func same(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	got := content(t, dir)
	for name, text := range want {
		if got[name] != text {
			t.Errorf("%s: %q, want %q", name, got[name], text)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d files, want %d: %v", len(got), len(want), got)
	}
}

func TestPlace(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "deep")
	paths := []string{"zones/a.yaml", "root.yaml"}
	files := map[string][]byte{"zones/a.yaml": []byte("a"), "root.yaml": []byte("r")}
	if err := regular.Place(dir, paths, files, false); err != nil {
		t.Fatal(err)
	}
	same(t, dir, map[string]string{"zones/a.yaml": "a", "root.yaml": "r"})

	// Nothing is written if one file is there, and all are replaced by force.
	files = map[string][]byte{"zones/b.yaml": []byte("b"), "root.yaml": []byte("R")}
	paths = []string{"zones/b.yaml", "root.yaml"}
	var exists *regular.Exists
	if err := regular.Place(dir, paths, files, false); !errors.As(err, &exists) || exists.Path != "root.yaml" {
		t.Errorf("error %v, want that root.yaml exists", err)
	}
	same(t, dir, map[string]string{"zones/a.yaml": "a", "root.yaml": "r"})
	if err := regular.Place(dir, paths, files, true); err != nil {
		t.Fatal(err)
	}
	same(t, dir, map[string]string{"zones/a.yaml": "a", "zones/b.yaml": "b", "root.yaml": "R"})

	others, err := regular.Beside(dir, paths, "*.yaml", "zones/*.yaml")
	if err != nil || !slices.Equal(others, []string{"zones/a.yaml"}) {
		t.Errorf("beside them: %v, %v", others, err)
	}
	if others, err := regular.Beside(filepath.Join(dir, "nowhere"), nil, "*"); err != nil || len(others) > 0 {
		t.Errorf("in no directory: %v, %v", others, err)
	}
}

func TestPlaceLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "zones"), []byte("a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := regular.Place(dir, []string{"root.yaml", "zones/a.yaml"}, map[string][]byte{"root.yaml": nil, "zones/a.yaml": nil}, true)
	if err == nil {
		t.Error("zones is a file, and nothing failed")
	}
	same(t, dir, map[string]string{"zones": "a file"})
}

func TestPlaceFollowsNoLinkOut(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need a privilege")
	}
	dir, outside := t.TempDir(), t.TempDir()
	if err := os.Symlink(outside, filepath.Join(dir, "zones")); err != nil {
		t.Fatal(err)
	}
	if err := regular.Place(dir, []string{"zones/a.yaml"}, map[string][]byte{"zones/a.yaml": []byte("a")}, true); err == nil {
		t.Error("a file was written outside of the directory")
	}
	same(t, outside, map[string]string{})

	if err := os.Symlink(filepath.Join(outside, "b"), filepath.Join(dir, "b.yaml")); err != nil {
		t.Fatal(err)
	}
	if err := regular.Place(dir, []string{"b.yaml"}, map[string][]byte{"b.yaml": []byte("b")}, true); err == nil {
		t.Error("a link was replaced")
	}
	same(t, outside, map[string]string{})
}
