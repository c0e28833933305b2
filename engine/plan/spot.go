package plan

// Spot is one setting of one object.
type Spot struct {
	Object  Ref // the Whole of its changes
	Setting string
}

// Spots returns the settings that a change writes.
func (c *Change) Spots() []Spot {
	out := make([]Spot, len(c.Edits))
	for i := range c.Edits {
		out[i] = Spot{c.Whole(), c.Edits[i].Setting}
	}
	return out
}
