package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// batchGone tells all stories as they go after 2027-03-31, when Cloudflare no longer
// gives all settings of a zone in one answer.
var batchGone = flag.Bool("batch-gone", false, "tell the stories with a sandbox that answers requests for all zone settings with 410")

// storyCondition serves "[batch-gone] skip", for a story that is about the request for
// all settings.
func storyCondition(name string) (bool, error) {
	if name == "batch-gone" {
		return *batchGone, nil
	}
	return false, fmt.Errorf("unknown condition %q", name)
}

// storiesWithoutBatch copies the stories into a directory of its own. Only the number of
// requests that a reading took may differ there: patterns of stories match any number,
// and expected files are rewritten and then compared with the originals.
func storiesWithoutBatch(t *testing.T, from string) string {
	to := t.TempDir()
	paths, err := filepath.Glob(filepath.Join(from, "*.txtar"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no stories in %s: %v", from, err)
	}

	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		script, files, more := strings.Cut(string(text), "\n-- ")
		copied := readsPattern.ReplaceAllString(script, `$1[0-9]+ read`)
		if more {
			copied += "\n-- " + files
		}
		path = filepath.Join(to, filepath.Base(path))
		if err := os.WriteFile(path, []byte(copied), 0o600); err != nil {
			t.Fatal(err)
		}

		t.Cleanup(func() {
			now, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(withoutReads(copied), withoutReads(string(now))); d != "" {
				t.Errorf("%s says something else without the request for all settings:\n%s", filepath.Base(path), d)
			}
		})
	}
	return to
}

var (
	readsPattern = regexp.MustCompile(`(Requests: )[0-9]+ read`)
	// What is computed from a text with the number of requests differs too, and so do
	// the numbers that the sandbox gives to its answers.
	readsShown = regexp.MustCompile(`Requests: [0-9]+ read|"read": ?[0-9]+|digest=[0-9a-f]{64}|"checksum": "sha256:[0-9a-f]{64}"|ray [0-9a-f]{16}-SBX`)
)

func withoutReads(text string) string { return readsShown.ReplaceAllString(text, "(reads)") }
