package plan

import "tlsync/schema"

// Credit sets the commit and the author of every line that the plan names. Head looks up
// lines of the planned configuration, base lines of the base commit; either may be nil.
// Digests and fingerprints do not depend on the result.
func (p *Plan) Credit(head, base func(schema.Pos) (commit, author string)) {
	of := func(o *Origin, who func(schema.Pos) (commit, author string)) {
		if who != nil && o.Line > 0 {
			o.Commit, o.Author = who(o.Pos)
		}
	}
	for i := range p.Changes {
		for j := range p.Changes[i].Edits {
			of(&p.Changes[i].Edits[j].Origin, head)
		}
	}
	for i := range p.Findings {
		f := &p.Findings[i]
		if f.Rule == NoLongerManaged {
			of(&f.Origin, base)
		} else {
			of(&f.Origin, head)
		}
	}
}
