package report

import (
	"strconv"

	"tlsync/engine/hold"
	"tlsync/engine/plan"
	"tlsync/schema"
)

// Discrepancies says in words why changes of a saved plan cannot be made as they
// were planned, one a line and safe to print, at most as many as most; 0 is all.
func Discrepancies(all []hold.Discrepancy, most int) []string {
	if most == 0 {
		most = len(all)
	}
	v := newValues()
	var lines []string
	for _, d := range all[:min(len(all), most)] {
		c := d.Change
		line := subjectOf(c) + ": "
		if d.Edit != nil {
			e := d.Edit
			line += Safe(e.Setting) + ": the plan saw " + v.seen(c.Kind, e, e.From) + " and asks for " + v.seen(c.Kind, e, e.To)
			lines = append(lines, line+"; now it is "+v.seen(c.Kind, e, d.Found))
			continue
		}
		if c.Action != plan.Update {
			line += Safe(c.Action)
		} else {
			for i, e := range c.Edits {
				line += map[bool]string{true: ", "}[i > 0] + Safe(e.Setting) + " " + v.change(c.Kind, c.Action, e)
			}
		}
		lines = append(lines, line+": "+Safe(d.Why))
	}
	if n := len(all) - len(lines); n > 0 {
		lines = append(lines, "and "+strconv.Itoa(n)+" more")
	}
	return lines
}

// seen is an object's own value of the setting of an edit.
func (v *values) seen(k plan.Kind, e *plan.Edit, val schema.Value) string {
	return v.own(k, *e, val, schema.Inherit)
}
