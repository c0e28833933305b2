package view

import (
	"fmt"
	"strconv"
	"strings"

	"tlsync/engine/plan"
	"tlsync/engine/safe"
	"tlsync/schema/words"
)

// AllowLabel is how the labels of a pull request begin that accept a hazard of its changes.
// The name of the hazard follows.
const AllowLabel = "tlsync:allow-"

// Way says how a reader can accept what a plan is refused for. The zero Way is that of a
// terminal.
type Way struct {
	// Workflow says that a run of the action was refused, which can be run by hand.
	Workflow bool
	// Pulls are the merged pull requests whose labels would count.
	Pulls []int
	// Notes say why labels that are set do not count. They may be foreign text.
	Notes []string
}

// accept says what accepts hazards and, where most is not 0, that many changes. Allowed are
// the hazards that a flag or an input accepts already. Where labels could not be all that it
// takes, it does not name them.
func (w *Way) accept(kinds, allowed []plan.HazardKind, most int) string {
	gate := Gate{Allow: append(append([]plan.HazardKind{}, allowed...), kinds...)}
	var flags, inputs []string
	if len(kinds) > 0 {
		flags, inputs = append(flags, AllowFlag+" "+gate.Allowed(unchanged)), append(inputs, "allow-hazards: "+gate.Allowed(unchanged))
	}
	if most > 0 {
		flags, inputs = append(flags, "--max-changes "+strconv.Itoa(most)), append(inputs, "max-changes: "+strconv.Itoa(most))
	}

	text := ""
	for _, n := range w.Notes {
		text += "\n" + safe.Text(n)
	}
	switch byHand := "run the apply workflow by hand with " + strings.Join(inputs, " and "); {
	case !w.Workflow:
		return text + "\nto accept this, run again with " + strings.Join(flags, " ")
	case len(w.Pulls) == 0 || most > 0:
		return text + "\nto accept this, " + byHand
	default:
		return text + fmt.Sprintf("\nto accept this, set the %s on %s %s and run this job again, or %s",
			labels(kinds), words.Plural(len(w.Pulls), "pull request", "pull requests"), numbers(w.Pulls), byHand)
	}
}

func labels(kinds []plan.HazardKind) string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = AllowLabel + string(k)
	}
	return words.Plural(len(names), "label", "labels") + " " + words.Enumerate(names)
}

func numbers(list []int) string {
	text := make([]string, len(list))
	for i, n := range list {
		text[i] = strconv.Itoa(n)
	}
	return words.Enumerate(text)
}
