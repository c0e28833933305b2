package posture_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestGolden holds the forms of a report on names of every kind.
func TestGolden(t *testing.T) {
	text, asJSON, asCSV := texts(t, build(t, configured(t, mixedText), mixed()))
	for name, got := range map[string]string{"mixed.txt": text, "mixed.json": asJSON, "mixed.csv": asCSV} {
		file := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatalf("%v: run the test with -update to make it", err)
		}
		if d := cmp.Diff(string(want), got); d != "" {
			t.Errorf("%s (-) and what is printed (+) differ:\n%s", file, d)
		}
	}
}
