package expect

import (
	"tlsync/engine/apply"
	"tlsync/engine/plan"
	"tlsync/engine/planfile"
)

// Planned returns what a plan writes, without deletions. It is never nil.
func Planned(p *plan.Plan) []Written {
	out := []Written{}
	for i := range p.Changes {
		if c := &p.Changes[i]; c.Action != plan.Delete {
			out = append(out, Written{Zone: c.Zone, Kind: c.Kind, Name: c.Name, Edits: c.Edits})
		}
	}
	return out
}

// Done returns what was written by the run of a receipt, without deletions. It is never nil.
func Done(r *planfile.Receipt) []Written {
	out := []Written{}
	for _, s := range r.Steps {
		if s.Outcome != apply.Done || s.Action == plan.Delete {
			continue
		}
		w := Written{Zone: s.Zone, Kind: s.Kind, Name: s.Name}
		for _, e := range s.Edits {
			w.Edits = append(w.Edits, plan.Edit{Setting: e.Setting, From: e.From, To: e.To})
		}
		out = append(out, w)
	}
	return out
}
