package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// maxSize bounds the program that make build makes, in bytes.
const maxSize = 20_000_000

// TestSize builds as the Makefile does, for one platform wherever it runs.
func TestSize(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the whole program")
	}
	bin := filepath.Join(t.TempDir(), "tlsync")
	build := exec.Command("make", "-C", "../..", "build", "BIN="+bin)
	build.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("make build: %v\n%s", err, out)
	}
	info, err := os.Stat(bin)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes", info.Size())
	if info.Size() > maxSize {
		t.Errorf("the program has %d bytes, %d more than it may: go tool nm -size -sort size, of a build without -s, tells what is in it", info.Size(), info.Size()-maxSize)
	}
}
