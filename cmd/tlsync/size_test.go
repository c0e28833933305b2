package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// maxSize bounds the program that make build makes, in bytes.
const maxSize = 15_000_000

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

// TestNothingCallsMethodsByName keeps out what makes the linker keep every exported
// method of every type in an interface: two megabytes of this program.
func TestNothingCallsMethodsByName(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	deps := strings.Fields(string(out))
	if !slices.Contains(deps, "net/http") {
		t.Fatalf("this is no list of packages: %s", out)
	}
	for _, name := range []string{"text/template", "html/template", "net/rpc"} {
		if slices.Contains(deps, name) {
			t.Errorf("%s is in the program and calls methods by their names; go mod why %s tells who imports it", name, name)
		}
	}
}
