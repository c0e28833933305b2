package rewrite

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
)

func write(t *testing.T, file, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

func content(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestSaveKeepsTheMode(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.yaml"), "old", 0o640)
	write(t, filepath.Join(dir, "zones", "b.yaml"), "old", 0o600)

	if err := Save(dir, map[string][]byte{"a.yaml": []byte("new a"), "zones/b.yaml": []byte("new b")}); err != nil {
		t.Fatal(err)
	}
	if a, b := content(t, filepath.Join(dir, "a.yaml")), content(t, filepath.Join(dir, "zones", "b.yaml")); a != "new a" || b != "new b" {
		t.Errorf("the files hold %q and %q", a, b)
	}
	info, err := os.Stat(filepath.Join(dir, "a.yaml"))
	if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v (%v)", info.Mode(), err)
	}
	onlyFiles(t, dir, "a.yaml", "zones")
}

func onlyFiles(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if !slices.Equal(names, want) {
		t.Errorf("the directory holds %q, not %q", names, want)
	}
}

func TestSaveIsAllOrNothing(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.yaml"), "old", 0o644)
	write(t, filepath.Join(dir, "other"), "other", 0o644)
	if err := os.Symlink("other", filepath.Join(dir, "b.yaml")); err != nil {
		t.Skip(err)
	}

	for _, second := range []string{"b.yaml", "missing.yaml", "../outside.yaml"} {
		if err := Save(dir, map[string][]byte{"a.yaml": []byte("new"), second: []byte("new")}); err == nil {
			t.Errorf("%s was written", second)
		}
	}
	if a, other := content(t, filepath.Join(dir, "a.yaml")), content(t, filepath.Join(dir, "other")); a != "old" || other != "other" {
		t.Errorf("the files hold %q and %q", a, other)
	}
	onlyFiles(t, dir, "a.yaml", "b.yaml", "other")
}

func TestSelect(t *testing.T) {
	dir := t.TempDir()
	names := []string{"tlsync.yaml", "zones/a.yaml", "zones/b.yaml"}
	for _, name := range append(names, "notes.txt") {
		write(t, filepath.Join(dir, filepath.FromSlash(name)), "", 0o644)
	}
	for _, test := range []struct {
		arguments, want []string
	}{
		{nil, names},
		{[]string{"."}, names},
		{[]string{"zones"}, []string{"zones/a.yaml", "zones/b.yaml"}},
		{[]string{"zones/b.yaml", "tlsync.yaml", "zones/b.yaml"}, []string{"tlsync.yaml", "zones/b.yaml"}},
		{[]string{"notes.txt"}, nil},
		{[]string{"missing.yaml"}, nil},
		{[]string{".."}, nil},
	} {
		var arguments []string
		for _, a := range test.arguments {
			arguments = append(arguments, filepath.Join(dir, filepath.FromSlash(a)))
		}
		got, err := Select(dir, names, arguments)
		if (err != nil) != (test.want == nil) || !slices.Equal(got, test.want) {
			t.Errorf("Select(%q) = %q, %v", test.arguments, got, err)
		}
	}
}
