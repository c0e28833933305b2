package report

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"

	"tlsync/engine/plan"
)

// order says which changes have to wait for others, and why: changes that wait
// for the same reason, in the same place, are one line.
func (t *text) order(changes []*plan.Change) {
	type tie struct{ place, why string }
	found := map[tie][]string{}
	var ties []tie
	for _, c := range changes {
		for _, why := range c.Reasons {
			k := tie{placeOf(c), why}
			if found[k] == nil {
				ties = append(ties, k)
			}
			found[k] = append(found[k], waits(c))
		}
	}
	if len(ties) == 0 {
		return
	}
	sort.Slice(ties, func(i, j int) bool {
		a, b := ties[i], ties[j]
		return cmp.Or(
			cmp.Compare(strings.Count(a.place, accountMark), strings.Count(b.place, accountMark)),
			strings.Compare(a.place, b.place), strings.Compare(found[a][0], found[b][0]), strings.Compare(a.why, b.why),
		) < 0
	})
	fmt.Fprintln(t.out, t.style.bold.Sprint("Order"))
	for _, k := range ties {
		names := slices.Compact(slices.Sorted(slices.Values(found[k])))
		line := "  " + names[0]
		switch {
		case len(names) == 2:
			line += " and " + names[1]
		case len(names) > 2:
			line += fmt.Sprintf(" and %d more", len(names)-1)
		}
		verb := " wait: "
		if len(names) == 1 {
			verb = " waits: "
		}
		fmt.Fprintln(t.out, line+verb+Safe(k.why))
	}
	fmt.Fprintln(t.out)
}

// waits names a change.
func waits(c *plan.Change) string {
	switch {
	case c.Kind == plan.KindZone:
		_, setting, _ := strings.Cut(c.ID, "#") // a plan that was saved knows no more
		return Safe(setting + " of zone " + c.Zone)
	case c.Kind.OfAccount():
		return kindName(c.Kind, 1) + " " + Safe(c.Name) + " (" + Safe(c.Action) + ")"
	case c.Action == plan.Update:
		return Safe(c.Name)
	}
	return Safe(c.Name) + " (" + Safe(c.Action) + ")"
}
