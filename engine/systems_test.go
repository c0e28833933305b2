package engine_test

import (
	"os"
	"os/exec"
	"testing"
)

// TestOtherSystems checks that the program and its tests compile for systems that tests do
// not run on.
func TestOtherSystems(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles everything, twice")
	}
	for _, system := range []string{"windows", "darwin"} {
		cmd := exec.Command("go", "vet", "./...")
		cmd.Dir = ".."
		cmd.Env = append(os.Environ(), "GOOS="+system, "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", system, err, out)
		}
	}
}
