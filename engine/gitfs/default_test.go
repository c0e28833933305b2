package gitfs

import (
	"os"
	"path/filepath"
	"testing"
)

func TestDefaultBranch(t *testing.T) {
	dir := repository(t, files{"x": "y"})
	git(t, dir, "branch", "--quiet", "-M", "trunk")
	if got := open(t, dir).DefaultBranch(); got != "trunk" {
		t.Errorf("without a remote it is %q", got)
	}

	// A clone remembers what its origin has checked out.
	cloned := clone(t, dir)
	git(t, cloned, "checkout", "--quiet", "-b", "topic")
	if got := open(t, cloned).DefaultBranch(); got != "trunk" {
		t.Errorf("in a clone it is %q", got)
	}
	git(t, cloned, "remote", "set-head", "origin", "--delete")
	if got := open(t, cloned).DefaultBranch(); got != "topic" {
		t.Errorf("without the default of the remote it is %q", got)
	}
	git(t, cloned, "checkout", "--quiet", "--detach")
	if got := open(t, cloned).DefaultBranch(); got != "" {
		t.Errorf("without any branch it is %q", got)
	}

	// A branch for a pull request, where no remote says which one is the default.
	git(t, dir, "branch", "--quiet", "-M", "master")
	git(t, dir, "checkout", "--quiet", "-b", "topic")
	if got := open(t, dir).DefaultBranch(); got != "master" {
		t.Errorf("on another branch than the usual one it is %q", got)
	}
}

func TestTop(t *testing.T) {
	dir := repository(t, files{"a/b/x": "y"})
	want, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(filepath.Join(dir, "a"), link); err != nil {
		t.Skip(err)
	}
	for _, from := range []string{dir, filepath.Join(dir, "a"), filepath.Join(dir, "a", "b"), filepath.Join(link, "b")} {
		if got, err := open(t, from).Top(from); err != nil || got != want {
			t.Errorf("from %s it is %q, %v, want %q", from, got, err, want)
		}
	}
}
