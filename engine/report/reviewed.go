package report

import (
	"strconv"

	"tlsync/engine/plan"
)

// Added says in words which changes of a plan nobody has reviewed, one a line and
// safe to print, at most as many as most.
func Added(changes []*plan.Change, most int) []string {
	v := newValues()
	var lines []string
	for _, c := range changes[:min(len(changes), most)] {
		line := subjectOf(c)
		for i, e := range c.Edits {
			line += map[bool]string{true: ": ", false: ", "}[i == 0] + Safe(e.Setting) + " " + v.change(c.Kind, c.Action, e)
		}
		if len(c.Edits) == 0 {
			line += ": " + Safe(c.Action)
		}
		lines = append(lines, line)
	}
	if n := len(changes) - len(lines); n > 0 {
		lines = append(lines, "and "+strconv.Itoa(n)+" more")
	}
	return lines
}
