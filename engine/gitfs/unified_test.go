package gitfs

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestUnified(t *testing.T) {
	before := "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n"
	after := "1\n2\n3\nfour\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n"
	want := `--- a/f
+++ b/f
@@ -1,7 +1,7 @@
 1
 2
 3
-4
+four
 5
 6
 7
@@ -12,3 +12,4 @@
 12
 13
 14
+15
`
	if got := Unified("f", []byte(before), []byte(after)); got != want {
		t.Errorf("got\n%s", got)
	}
	if got := Unified("f", []byte(before), []byte(before)); got != "" {
		t.Errorf("no difference is shown as\n%s", got)
	}
	if got := Unified("f", nil, []byte("1\n")); got != "--- a/f\n+++ b/f\n@@ -0,0 +1,1 @@\n+1\n" {
		t.Errorf("got\n%s", got)
	}
}

// TestUnifiedApplies lets git apply diffs of random texts.
func TestUnifiedApplies(t *testing.T) {
	dir := t.TempDir()
	line := rapid.SampledFrom([]string{"a\n", "b\n", "c\n", "  d\n", "\n"})
	rapid.Check(t, func(t *rapid.T) {
		before := strings.Join(rapid.SliceOfN(line, 1, 40).Draw(t, "before"), "")
		after := strings.Join(rapid.SliceOfN(line, 1, 40).Draw(t, "after"), "")
		diff := Unified("f", []byte(before), []byte(after))
		if diff == "" {
			if before != after {
				t.Fatal("no difference")
			}
			return
		}

		if err := os.WriteFile(filepath.Join(dir, "f"), []byte(before), 0o644); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("git", "apply", "--unidiff-zero", "-")
		cmd.Dir, cmd.Stdin = dir, strings.NewReader(diff)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s\n%q → %q\n%s", err, out, before, after, diff)
		}
		if got, err := os.ReadFile(filepath.Join(dir, "f")); err != nil || string(got) != after {
			t.Fatalf("git made %q, not %q (%v)\n%s", got, after, err, diff)
		}
	})
}
