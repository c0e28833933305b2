package explain

import (
	"slices"

	"tlsync/engine/plan"
)

// Wanted returns a function that picks the edits of the plan which an explanation is about:
// those of the names, and those of the zone where a name follows it.
func (x *Explanation) Wanted() func(*plan.Change, *plan.Edit) bool {
	type setting struct {
		object  plan.Ref
		setting string
	}
	wanted := map[setting]bool{}
	for i := range x.Blocks {
		b := &x.Blocks[i]
		for j := range b.Rows {
			r := &b.Rows[j]
			switch {
			case r.Change.Kind == Written:
				for _, name := range b.Names {
					wanted[setting{b.Zone.Of(b.Kind, name).Object(), r.Setting}] = true
				}
			case r.After != r.Effective:
				wanted[setting{b.Zone.Object(), r.Setting}] = true
			}
		}
	}
	return func(c *plan.Change, e *plan.Edit) bool { return wanted[setting{c.Ref.Object(), e.Setting}] }
}

// AddChanged adds the changes of a plan that say who made live as it is.
func (x *Explanation) AddChanged(p *plan.Plan) {
	for i := range p.Changes {
		c := p.Changes[i]
		c.Edits = slices.DeleteFunc(slices.Clone(c.Edits), func(e plan.Edit) bool { return e.Changed == nil })
		if len(c.Edits) > 0 {
			x.Changed = append(x.Changed, c)
		}
	}
}
