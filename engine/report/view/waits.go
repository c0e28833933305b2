package view

import (
	"cmp"
	"slices"
	"strings"

	"tlsync/engine/plan"
	"tlsync/engine/safe"
	"tlsync/schema/sorted"
	"tlsync/schema/words"
)

// Wait is some changes in one place that wait for others for one reason.
type Wait struct {
	in    Place
	names []string // sorted, each once, safe to show
	why   string
}

// waitsOf returns which changes have to wait for others. Changes in one place that wait
// for the same reason are one wait.
func waitsOf(changes []*plan.Change) []Wait {
	type key struct {
		in  Place
		why string
	}
	at := map[key]int{}
	var list []Wait
	for _, c := range changes {
		for _, why := range c.Reasons {
			k := key{PlaceOf(c.Ref), why}
			i, ok := at[k]
			if !ok {
				i = len(list)
				at[k] = i
				list = append(list, Wait{in: k.in, why: why})
			}
			list[i].names = append(list[i].names, waitsAs(c))
		}
	}

	// The order is that of the first names that wait, which stand in the order of the plan.
	sorted.By(list, func(a, b Wait) int {
		return cmp.Or(comparePlaces(a.in, b.in), strings.Compare(a.names[0], b.names[0]), strings.Compare(a.why, b.why))
	})
	for i := range list {
		slices.Sort(list[i].names)
		list[i].names = slices.Compact(list[i].names)
	}
	return list
}

// waitsAs names a change that waits.
func waitsAs(c *plan.Change) string {
	switch {
	case c.Kind == plan.KindZone:
		return safe.Text(c.Part + " of zone " + titleOf(c))
	case c.Kind.OfAccount():
		return KindName(c.Kind, 1) + " " + safe.Text(c.Title()) + " (" + safe.Text(c.Action) + ")"
	case c.Action == plan.Update:
		return safe.Text(c.Title())
	}
	return safe.Text(c.Title()) + " (" + safe.Text(c.Action) + ")"
}

// Sentence says what waits, and why.
func (w *Wait) Sentence(m Markup) string {
	name := func(i int) string { return m.Name(w.names[i]) }
	text := name(0)
	switch n := len(w.names); n {
	case 1:
		text += " waits: "
	case 2:
		text += " and " + name(1) + " wait: "
	default:
		text += " and " + words.Number(n-1) + " more wait: "
	}
	return text + m.Text(w.why)
}
