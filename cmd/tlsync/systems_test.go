package main

import (
	"os"
	"os/exec"
	"testing"
)

// TestOtherSystems checks the program and its tests for the systems on which they are
// not run.
func TestOtherSystems(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles the whole program twice")
	}
	for _, system := range []string{"darwin", "windows"} {
		cmd := exec.Command("go", "vet", "./...")
		cmd.Dir = "../.."
		cmd.Env = append(os.Environ(), "GOOS="+system, "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", system, err, out)
		}
	}
}
