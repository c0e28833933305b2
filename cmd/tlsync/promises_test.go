package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestPromisesNameTheirProof holds every test and every story that SECURITY.md names as
// a proof to be there.
func TestPromisesNameTheirProof(t *testing.T) {
	security, err := os.ReadFile("../../SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	known := testsAndStories(t)

	// The fewest rows of each table: one that lost its rows proves nothing.
	for heading, fewest := range map[string]int{"Promises": 20, "Threats": 18} {
		rows := tableBelow(t, string(security), heading)
		if len(rows) < fewest {
			t.Errorf("the table below %s has %d rows, want at least %d", heading, len(rows), fewest)
		}

		for _, cells := range rows {
			proof := cells[len(cells)-1]
			names := regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(proof, -1)
			if len(names) == 0 {
				t.Errorf("%s: nothing proves %s", heading, cells[len(cells)-2])
			}
			for _, name := range names {
				if !known[name[1]] {
					t.Errorf("%s: %s is the proof of %q, and there is no such test or story", heading, name[1], cells[len(cells)-2])
				}
			}
		}
	}
}

// tableBelow returns the cells of the rows of the table below a heading, whose last
// column is the proof.
func tableBelow(t *testing.T, text, heading string) (rows [][]string) {
	t.Helper()
	_, section, found := strings.Cut(text, "\n## "+heading+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	if !found {
		t.Fatalf("SECURITY.md has no section %s", heading)
	}

	columns := 0
	for line := range strings.Lines(section) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}

		switch {
		case columns == 0:
			if columns = len(cells); cells[columns-1] != "proof" {
				t.Fatalf("the last column below %s is %q, want proof", heading, cells[columns-1])
			}
		case strings.HasPrefix(cells[0], "---"):
		case len(cells) != columns:
			t.Errorf("%s: %d cells, want %d: %s", heading, len(cells), columns, line)
		default:
			rows = append(rows, cells)
		}
	}
	return rows
}

// testsAndStories returns the names of all tests and stories.
func testsAndStories(t *testing.T) map[string]bool {
	t.Helper()
	known := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(d.Name(), ".") && len(d.Name()) > 2:
			return fs.SkipDir
		case strings.HasSuffix(path, "_test.go"):
			text, err := os.ReadFile(path)
			for _, m := range declared.FindAllSubmatch(text, -1) {
				known[string(m[1])] = true
			}
			return err
		case strings.HasSuffix(path, ".txtar") && filepath.Base(filepath.Dir(path)) == "script":
			known[strings.TrimSuffix(d.Name(), ".txtar")] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return known
}
