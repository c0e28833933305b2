package plan

import "tlsync/schema"

// Credit notes on every line that the plan names who last touched it: head is
// asked for lines of the configuration that was planned, base for those of the
// base commit. Either may be nil. Neither the digest nor any fingerprint depends on
// it.
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
