package view

import (
	"strings"

	"tlsync/engine/hold"
	"tlsync/engine/plan"
	"tlsync/engine/safe"
	"tlsync/schema"
	"tlsync/schema/words"
)

// Discrepancies says why changes of a saved plan cannot be made as they were planned, one
// a line and safe to print. Most limits the lines; 0 is no limit.
func Discrepancies(all []hold.Discrepancy, most int) []string {
	if most == 0 {
		most = len(all)
	}
	v := NewValues()
	var lines []string
	for _, d := range all[:min(len(all), most)] {
		lines = append(lines, v.discrepancy(d))
	}
	return appendMore(lines, len(all))
}

func (v *Values) discrepancy(d hold.Discrepancy) string {
	c := d.Change
	lead := SubjectOf(c) + ": "
	switch {
	case d.Edit != nil:
		e := d.Edit
		return lead + safe.Text(e.Setting) + ": the plan saw " + v.seen(c.Kind, e, e.From) + " and asks for " + v.seen(c.Kind, e, e.To) +
			"; now it is " + v.seen(c.Kind, e, d.Found)
	case c.Action != plan.Update:
		return lead + safe.Text(c.Action) + ": " + safe.Text(d.Why)
	}
	return lead + v.edits(c) + ": " + safe.Text(d.Why)
}

// seen shows an object's own value of the setting of an edit.
func (v *Values) seen(k plan.Kind, e *plan.Edit, val schema.Value) string {
	return v.own(k, *e, val, schema.Inherit)
}

// edits lists the edits of a change.
func (v *Values) edits(c *plan.Change) string {
	var b strings.Builder
	for i, e := range c.Edits {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(safe.Text(e.Setting) + " " + v.Change(c.Kind, c.Action, e))
	}
	return b.String()
}

// appendMore counts the items of a list that have no line.
func appendMore(lines []string, items int) []string {
	if n := items - len(lines); n > 0 {
		lines = append(lines, "and "+words.Number(n)+" more")
	}
	return lines
}

// Added names what a plan has beyond its reviews, a change a line and safe to print, at most
// as many as most.
func Added(all []hold.Unreviewed, most int) []string {
	v := NewValues()
	var changes [][]hold.Unreviewed
	for i, u := range all {
		if i == 0 || u.Change != all[i-1].Change {
			changes = append(changes, nil)
		}
		last := len(changes) - 1
		changes[last] = append(changes[last], u)
	}

	var lines []string
	for _, of := range changes[:min(len(changes), most)] {
		lines = append(lines, v.added(of))
	}
	return appendMore(lines, len(changes))
}

// added names what a change has beyond its reviews: its edits, and else its hazards.
func (v *Values) added(of []hold.Unreviewed) string {
	c := *of[0].Change
	c.Edits = nil
	var parts []string
	for _, u := range of {
		switch {
		case u.Edit != nil:
			c.Edits = append(c.Edits, *u.Edit)
		case u.Hazard != nil:
			parts = append(parts, "new hazard "+safe.Text(string(u.Hazard.Kind)))
		case u.Why != "":
			parts = append(parts, safe.Text(u.Why))
		}
	}

	switch {
	case len(c.Edits) > 0:
		parts = []string{v.edits(&c)}
	case len(parts) == 0:
		parts = []string{safe.Text(c.Action)}
	}
	return SubjectOf(&c) + ": " + strings.Join(parts, ", ")
}
