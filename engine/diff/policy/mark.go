package policy

import (
	"slices"

	"tlsync/engine/diff/outcome"
	"tlsync/engine/plan"
	"tlsync/schema"
)

// Marker marks the edits whose live value is below the floor.
type Marker struct {
	o          *outcome.Outcome
	policy     *schema.Policy // nil where there is no floor
	exceptions Exceptions
}

// NewMarker returns the marker for a zone.
func NewMarker(in *outcome.Input, o *outcome.Outcome) *Marker {
	m := &Marker{o: o, exceptions: ExceptionsOf(in)}
	if in.HeadPolicy != nil && len(in.HeadPolicy.Floor) > 0 {
		m.policy = in.HeadPolicy
	}
	return m
}

// MarkZone marks the edits of the zone.
func (m *Marker) MarkZone(c *plan.Change) {
	m.mark(c, func(row *schema.Setting) []subject { return followers(m.o, row) })
}

// MarkHostname marks the edits of the hostname at an index.
func (m *Marker) MarkHostname(i int, c *plan.Change) {
	m.mark(c, func(*schema.Setting) []subject { return []subject{hostnameSubject(m.o.Names.At(i).Name, i)} })
}

func (m *Marker) mark(c *plan.Change, who func(*schema.Setting) []subject) {
	if m.policy == nil {
		return
	}
	for k := range c.Edits {
		e := &c.Edits[k]
		row, known := schema.LookupSetting(e.Setting)
		floor := schema.Assigned(m.policy.Floor, e.Setting)
		if !known || floor == nil || e.EffectiveFrom == "" || row.Meets(floor.Value, e.EffectiveFrom) {
			continue
		}
		e.BelowFloor = slices.ContainsFunc(who(row), func(s subject) bool {
			minimum, _ := met(m.o, &s, schema.MinTLSVersion)
			if row.ID == schema.Ciphers && schema.ListUnused(minimum) {
				return false
			}
			return m.exceptions.find(m.policy, &s, row, e.EffectiveFrom) == nil
		})
	}
}
