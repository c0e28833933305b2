//go:build unix

package regular

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestFilesAreRegular opens everything that is no regular file. A pipe without a
// writer would be waited for without end.
func TestFilesAreRegular(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	target := at("target")
	if err := os.WriteFile(target, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(at("pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]string{"link": target, "pipe link": at("pipe"), "dangling": at("nowhere")} {
		if err := os.Symlink(to, at(name)); err != nil {
			t.Fatal(err)
		}
	}

	for _, name := range []string{"pipe", "pipe link", ".", "dangling"} {
		if f, err := Open(at(name)); err == nil {
			_ = f.Close()
			t.Errorf("%s can be read", name)
		}
	}
	for _, name := range []string{"pipe", "pipe link", ".", "dangling", "link"} {
		if f, err := OpenOwn(at(name)); err == nil {
			_ = f.Close()
			t.Errorf("%s can be written", name)
		}
	}
	for _, name := range []string{"target", "link"} {
		f, err := Open(at(name))
		if err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
	}
	if _, err := os.Lstat(at("nowhere")); err == nil {
		t.Error("a file was created through a link")
	}
}

// TestOpeningFollowsNoLink checks the protection that holds if a link takes the place of
// a file between the look and the opening.
func TestOpeningFollowsNoLink(t *testing.T) {
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(os.DevNull, link); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(link, os.O_RDWR|noFollow, 0o600)
	if err == nil {
		_ = f.Close()
		t.Fatal("the link was followed")
	}
	if !strings.Contains(err.Error(), "symbolic link") {
		t.Error(err)
	}
}
