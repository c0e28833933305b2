//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package job

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"tlsync/engine/planfile"
)

// TestReceiptsFollowNoLink opens what stands in the place of a receipt at the last moment,
// after it was looked at.
func TestReceiptsFollowNoLink(t *testing.T) {
	dir := t.TempDir()
	target, link, pipe := filepath.Join(dir, "target"), filepath.Join(dir, "link"), filepath.Join(dir, "pipe")
	if err := os.WriteFile(target, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}

	for file, ok := range map[string]bool{link: false, pipe: false, dir: false, target: true, filepath.Join(dir, "new"): true} {
		for _, device := range []bool{false, true} {
			f, err := openReceiptFile(file, device)
			if (err == nil) != ok {
				t.Errorf("%s: %v", file, err)
			}
			if err == nil {
				_ = f.Close()
			}
		}
	}
	if f, err := openReceiptFile(os.DevNull, false); err == nil {
		_ = f.Close()
		t.Error("a device is taken for a file")
	}
}

func TestOnlyRegularFilesAreRead(t *testing.T) {
	dir := t.TempDir()
	pipe, large, good := filepath.Join(dir, "pipe"), filepath.Join(dir, "large"), filepath.Join(dir, "good")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for file, size := range map[string]int64{large: planfile.MaxSize + 1, good: 3} {
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(file, size); err != nil {
			t.Fatal(err)
		}
	}

	for file, want := range map[string]string{
		pipe: "is not a regular file", os.DevNull: "is not a regular file", dir: "is not a regular file",
		large: "is larger than 256 MiB", filepath.Join(dir, "nowhere"): "no such file", good: "",
	} {
		text, err := readBounded(file)
		switch {
		case want == "" && (err != nil || len(text) != 3):
			t.Errorf("%s: %d bytes, %v", file, len(text), err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %q", file, err, want)
		}
	}
}
