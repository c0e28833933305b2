// Package history compares the drift of a check with that of an earlier one: what is new,
// what was there already, and what is gone.
package history

import (
	"fmt"
	"strings"

	"tlsync/engine/plan"
	"tlsync/engine/report/view"
	"tlsync/engine/safe"
	"tlsync/schema"
	"tlsync/schema/words"
)

// Drift is one setting whose live value left what is committed.
type Drift struct {
	Change  *plan.Change // that would undo it
	Setting string
	Live    schema.Value
	// Before is the live value of the earlier check, if that was another one.
	Before schema.Value
}

// History is drift in relation to an earlier check. Each list has the order of its plan.
type History struct {
	New, Persisting, Gone []Drift
}

// Compare compares two plans that were made to find drift. What the earlier one has of
// objects that the later one was not about is left out: about reports whether it was.
func Compare(earlier, now *plan.Plan, about func(plan.Ref) bool) *History {
	before := map[plan.Spot]Drift{}
	for _, d := range driftOf(earlier) {
		before[d.spot()] = d
	}

	h := &History{}
	still := map[plan.Spot]bool{}
	for _, d := range driftOf(now) {
		was, there := before[d.spot()]
		still[d.spot()] = true
		if !there {
			h.New = append(h.New, d)
			continue
		}
		if was.Live != d.Live {
			d.Before = was.Live
		}
		h.Persisting = append(h.Persisting, d)
	}
	for _, d := range driftOf(earlier) {
		if !still[d.spot()] && about(d.Change.Ref) {
			h.Gone = append(h.Gone, d)
		}
	}
	return h
}

// driftOf returns the drift of a plan in its order.
func driftOf(p *plan.Plan) (out []Drift) {
	for i := range p.Changes {
		c := &p.Changes[i]
		for _, e := range c.Edits {
			if e.Cause == plan.CauseDrift || e.Cause == plan.CauseConflict {
				out = append(out, Drift{Change: c, Setting: e.Setting, Live: e.From})
			}
		}
	}
	return out
}

func (d *Drift) spot() plan.Spot { return plan.Spot{Object: d.Change.Whole(), Setting: d.Setting} }

// Text lists what is new, persisting and gone since the earlier check, whose file is named.
// Unless all is asked for, long lists are cut.
func (h *History) Text(since string, all bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Since %s: %s new, %s persisting, %s gone.\n", safe.Text(since), words.Number(len(h.New)), words.Number(len(h.Persisting)), words.Number(len(h.Gone)))
	list(&b, "New", "live", h.New, all)
	list(&b, "Persisting", "live", h.Persisting, all)
	list(&b, "Gone", "was", h.Gone, all)
	return b.String()
}

// list writes the lines of a list. The verb begins a live value.
func list(b *strings.Builder, title, verb string, drift []Drift, all bool) {
	const most = 20
	if len(drift) == 0 {
		return
	}

	fmt.Fprintf(b, "  %s\n", title)
	for i := range drift {
		if i == most && !all {
			fmt.Fprintf(b, "    and %s (--verbose shows all)\n", words.Count(len(drift)-most, "more setting"))
			return
		}
		d := &drift[i]
		text := verb + " " + safe.Text(d.Live.Show())
		if d.Before != "" {
			text += ", before that " + safe.Text(d.Before.Show())
		}
		fmt.Fprintf(b, "    %s  %s  %s\n", view.SubjectOf(d.Change), safe.Text(d.Setting), text)
	}
}
