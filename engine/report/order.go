package report

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"

	"tlsync/engine/plan"
)

// wait is some changes of one place that wait for others for one reason.
type wait struct {
	place string
	names []string // sorted, each once
	why   string
}

// waitsOf says which changes have to wait for others, and why: changes that wait
// for the same reason, in the same place, are one.
func waitsOf(changes []*plan.Change) []wait {
	type tie struct{ place, why string }
	at := map[tie]int{}
	var list []wait
	for _, c := range changes {
		for _, why := range c.Reasons {
			k := tie{placeOf(c), why}
			i, ok := at[k]
			if !ok {
				i = len(list)
				at[k] = i
				list = append(list, wait{place: k.place, why: why})
			}
			list[i].names = append(list[i].names, waits(c))
		}
	}
	sort.Slice(list, func(i, j int) bool { // by the first that waits, in the order of the plan
		a, b := &list[i], &list[j]
		return cmp.Or(
			cmp.Compare(strings.Count(a.place, accountMark), strings.Count(b.place, accountMark)),
			strings.Compare(a.place, b.place), strings.Compare(a.names[0], b.names[0]), strings.Compare(a.why, b.why),
		) < 0
	})
	for i := range list {
		list[i].names = slices.Compact(slices.Sorted(slices.Values(list[i].names)))
	}
	return list
}

// order prints what waits for what.
func (t *text) order(changes []*plan.Change) {
	ties := waitsOf(changes)
	if len(ties) == 0 {
		return
	}
	fmt.Fprintln(t.out, t.style.bold.Sprint("Order"))
	for _, k := range ties {
		names := k.names
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
		return Safe(c.Part + " of zone " + c.Zone)
	case c.Kind.OfAccount():
		return kindName(c.Kind, 1) + " " + Safe(c.Title()) + " (" + Safe(c.Action) + ")"
	case c.Action == plan.Update:
		return Safe(c.Title())
	}
	return Safe(c.Title()) + " (" + Safe(c.Action) + ")"
}
