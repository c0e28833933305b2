package view

import (
	"fmt"
	"strconv"
	"strings"

	"tlsync/engine/plan"
	"tlsync/schema/words"
)

// AllowLabel is the label of a pull request that accepts a hazard of its changes, but for
// the name of the hazard.
const AllowLabel = "tlsync:allow-"

// Remedy says where a reader can accept what a plan is refused for. The zero value is a
// terminal.
type Remedy struct {
	// Actions says that a GitHub workflow was refused, which can be run by hand.
	Actions bool
	// Pulls are the merged pull requests whose labels accept hazards.
	Pulls []int
}

// Labels lists the labels that accept hazards, shown each by a function.
func Labels(kinds []plan.HazardKind, show func(string) string) string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = show(AllowLabel + string(k))
	}
	return words.Plural(len(names), "label", "labels") + " " + words.Enumerate(names)
}

// accepting says what accepts hazards and, where most is not 0, that many changes. Allowed
// are the hazards that a flag or an input accepts already.
func (r *Remedy) accepting(kinds, allowed []plan.HazardKind, most int) string {
	gate := Gate{Allow: append(append([]plan.HazardKind{}, allowed...), kinds...)}
	if !r.Actions {
		var flags []string
		if len(kinds) > 0 {
			flags = append(flags, AllowFlag+" "+gate.Allowed(unchanged))
		}
		if most > 0 {
			flags = append(flags, "--max-changes "+strconv.Itoa(most))
		}
		return "run again with " + strings.Join(flags, " ")
	}

	var ways []string
	if len(kinds) > 0 && len(r.Pulls) > 0 && most == 0 {
		numbers := make([]string, len(r.Pulls))
		for i, n := range r.Pulls {
			numbers[i] = strconv.Itoa(n)
		}
		ways = append(ways, fmt.Sprintf("set the %s on pull request %s and run this job again", Labels(kinds, unchanged), words.Enumerate(numbers)))
	}
	var inputs []string
	if len(kinds) > 0 {
		inputs = append(inputs, "allow-hazards: "+gate.Allowed(unchanged))
	}
	if most > 0 {
		inputs = append(inputs, "max-changes: "+strconv.Itoa(most))
	}
	ways = append(ways, "run the apply workflow by hand with "+strings.Join(inputs, " and "))
	return strings.Join(ways, ", or ")
}
