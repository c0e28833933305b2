package gitfs

import (
	"fmt"
	"strings"
)

// around is how many equal lines a unified diff shows around a difference.
const around = 3

// Unified returns the differences of two versions of a file as a unified diff, "" if
// there are none.
func Unified(name string, before, after []byte) string {
	a, b := splitLines(before), splitLines(after)
	edits := changedRuns(match(before, after), len(a), len(b))
	if len(edits) == 0 {
		return ""
	}

	var out strings.Builder
	fmt.Fprintf(&out, "--- a/%s\n+++ b/%s\n", name, name)
	for len(edits) > 0 {
		n := 1 // edits so near to each other that the lines around them meet share a hunk
		for n < len(edits) && edits[n].a-edits[n-1].aEnd <= 2*around {
			n++
		}
		hunk(&out, edits[:n], a, b)
		edits = edits[n:]
	}
	return out.String()
}

// changed is a part of two texts that differs: lines from a to aEnd became those from b
// to bEnd.
type changed struct{ a, aEnd, b, bEnd int }

// changedRuns returns what is between runs of equal lines.
func changedRuns(equal []run, a, b int) []changed {
	var out []changed
	x, y := 0, 0
	for _, r := range append(equal, run{a, b, 0}) {
		if r.before > x || r.after > y {
			out = append(out, changed{x, r.before, y, r.after})
		}
		x, y = r.before+r.n, r.after+r.n
	}
	return out
}

// hunk writes some edits with the lines around them.
func hunk(out *strings.Builder, edits []changed, a, b [][]byte) {
	first, last := edits[0], edits[len(edits)-1]
	lead := min(around, first.a)
	tail := min(around, len(a)-last.aEnd)
	fmt.Fprintf(out, "@@ -%s +%s @@\n", extent(first.a-lead, last.aEnd+tail), extent(first.b-lead, last.bEnd+tail))

	at := first.a - lead
	for _, e := range edits {
		writeLines(out, ' ', a[at:e.a])
		writeLines(out, '-', a[e.a:e.aEnd])
		writeLines(out, '+', b[e.b:e.bEnd])
		at = e.aEnd
	}
	writeLines(out, ' ', a[at:last.aEnd+tail])
}

// extent is the first line and the number of lines of a hunk.
func extent(from, to int) string {
	if from == to {
		return fmt.Sprintf("%d,0", from)
	}
	return fmt.Sprintf("%d,%d", from+1, to-from)
}

func writeLines(out *strings.Builder, mark byte, lines [][]byte) {
	for _, line := range lines {
		out.WriteByte(mark)
		out.WriteString(strings.TrimRight(string(line), "\r\n"))
		out.WriteByte('\n')
	}
}
