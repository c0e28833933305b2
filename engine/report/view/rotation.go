package view

import (
	"cmp"
	"slices"
	"strings"

	"tlsync/engine/plan"
	"tlsync/schema/words"
)

// Rotation is how the certificate authorities of an mTLS entry change: mostly one takes the
// place of another.
type Rotation struct {
	in    Place
	entry string
	steps []*plan.Change // in the order in which they happen
}

// rotationsOf finds the entries of which a certificate authority is added or removed, and
// returns the other changes as well. An entry whose hostnames are left without one is not
// among them.
func rotationsOf(changes []*plan.Change) (rotations []Rotation, rest []*plan.Change) {
	entries := map[plan.Ref]*Rotation{}
	for _, c := range changes {
		if c.Kind != plan.KindMTLSCertificate {
			continue
		}
		if entries[c.Object()] == nil {
			entries[c.Object()] = &Rotation{in: PlaceOf(c.Ref), entry: c.Name}
		}
		r := entries[c.Object()]
		r.steps = append(r.steps, c)
	}

	for _, c := range changes {
		switch r := entries[c.Object()]; {
		case c.Kind != plan.KindMTLSCertificate || !r.has(plan.Create) && !r.has(plan.Delete) || r.weakens():
			rest = append(rest, c)
		case r.steps[0] == c:
			rotations = append(rotations, *r)
		}
	}
	return rotations, rest
}

func (r *Rotation) has(action string) bool {
	return slices.ContainsFunc(r.steps, func(c *plan.Change) bool { return c.Action == action })
}

func (r *Rotation) weakens() bool {
	return slices.ContainsFunc(r.steps, func(c *plan.Change) bool { return slices.ContainsFunc(c.Edits, Weakens) })
}

// Title says which entry is about to change, and where.
func (r *Rotation) Title(m Markup) string {
	what := m.Strong("Certificate authority")
	if r.has(plan.Create) && r.has(plan.Delete) {
		what = m.Strong("Rotation")
	}
	text := what + " of mTLS " + m.Code(r.entry) + " of " + r.in.inSentence(m)
	if edits := r.steps[0].Edits; len(edits) > 0 {
		if at := edits[0].Origin; at.File != "" {
			text += ", " + m.Line(at.Pos)
		}
		switch edits[0].Cause {
		case plan.CauseDrift:
			text += ", drift"
		case plan.CauseConflict:
			text += ", in conflict with a live change"
		case plan.CauseChange, plan.CauseAdopt:
		}
	}
	return text + ", in this order:"
}

// Steps says what happens, in order.
func (r *Rotation) Steps(m Markup) []string {
	lines := make([]string, len(r.steps))
	for i, c := range r.steps {
		lines[i] = rotationStep(c, m)
	}
	return lines
}

func rotationStep(c *plan.Change, m Markup) string {
	var from, to []string
	for _, e := range c.Edits {
		if e.Setting == plan.FieldHostnames {
			from, to = e.From.List(), e.To.List()
		}
	}

	gained, lost := plan.Minus(to, from), plan.Minus(from, to)
	of := authority(c, m)
	switch {
	case c.Action == plan.Create && len(gained) > 0:
		return "add " + of + " for " + firstNames(gained, m)
	case c.Action == plan.Create:
		return "add " + of
	case c.Action == plan.Delete:
		return "delete " + of
	case len(lost) == 0:
		return "let " + of + " also verify clients of " + firstNames(gained, m)
	}
	return "stop using " + of + " for " + firstNames(lost, m)
}

// authority names a certificate authority, and says when it expires.
func authority(c *plan.Change, m Markup) string {
	known := c.Authority
	if known == nil {
		known = &plan.Authority{}
	}
	name := m.Code(cmp.Or(known.Subject, c.Title()))
	if known.Expires != "" {
		name += " (expires " + m.Code(known.Expires) + ")"
	}
	return name
}

// firstNames names the first of some hostnames.
func firstNames(names []string, m Markup) string {
	const most = 3
	shown := make([]string, min(len(names), most))
	for i := range shown {
		shown[i] = m.Code(names[i])
	}
	text := strings.Join(shown, ", ")
	if n := len(names) - most; n > 0 {
		text += " and " + words.Count(n, "more hostname")
	}
	return text
}
