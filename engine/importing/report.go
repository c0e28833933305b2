package importing

import (
	"fmt"
	"strings"

	"tlsync/engine/plan"
	"tlsync/schema/words"
)

// Stream returns all files as one stream of documents, each under its path.
func (r *Result) Stream() string {
	var out strings.Builder
	for i, path := range r.Paths() {
		if i > 0 {
			out.WriteString("---\n")
		}
		fmt.Fprintf(&out, "# %s\n%s", path, r.Files[path])
	}
	return out.String()
}

// LeftOut returns sentences about what the configuration does not manage, one for each
// zone and reason, and about what could not be read. It names a few of many objects, or all of them.
func (r *Result) LeftOut(live *plan.Live, all bool) []string {
	var out []string
	for _, f := range live.Problems {
		out = append(out, "not imported: "+f.Message)
	}
	for _, l := range r.Left {
		names := words.First(l.Names)
		if all {
			names = strings.Join(l.Names, ", ")
		}
		noun := l.Noun
		if n := len(l.Names); n > 1 {
			noun = fmt.Sprintf("%s %s", thousands(n), plural(l.Noun))
		}
		out = append(out, fmt.Sprintf("left out: %s of %s (%s): %s", noun, l.In, names, l.Why))
	}
	return out
}

func plural(noun string) string {
	if stem, ok := strings.CutSuffix(noun, "y"); ok {
		return stem + "ies"
	}
	return noun + "s"
}

// Tally says how much was written for how much.
func (r *Result) Tally(live *plan.Live) string {
	return fmt.Sprintf("%s, %s: %s, %s, %s of YAML; %s; a plan of it has no changes",
		counted(r.Zones, "zone"), counted(r.Hostnames, "custom hostname"), counted(r.Rules, "rule"), counted(r.Entries, "single hostname"),
		counted(r.Lines(), "line"), counted(live.Reads, "request"))
}

func counted(n int, noun string) string {
	return thousands(n) + " " + words.Plural(n, noun, plural(noun))
}
