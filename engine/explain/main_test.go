package explain_test

import (
	"flag"
	"os"
	"testing"
)

// An explanation has to hold in rare worlds too; rapid's hundred would miss them.
func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "rapid.checks" })
	checks := "10000"
	if testing.Short() {
		checks = "2500" // of which rapid draws a fifth
	}
	if !given {
		if err := flag.Set("rapid.checks", checks); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
