package schema

import "slices"

// Overlaps reports whether two configurations may be about a common zone or account.
func (d *Desired) Overlaps(other *Desired) bool {
	return slices.ContainsFunc(d.Zones, func(z Zone) bool { return slices.ContainsFunc(other.Zones, z.overlaps) }) ||
		slices.ContainsFunc(d.Accounts, func(a Account) bool {
			return slices.ContainsFunc(other.Accounts, func(b Account) bool { return a.Name.Value == b.Name.Value })
		})
}

// overlaps reports whether two zone documents may hold for a common zone. Two globs may.
func (z Zone) overlaps(other Zone) bool {
	a, b := z.Name.Value, other.Name.Value
	return a == b || z.Glob && other.Glob || z.Glob && MatchZone(a, b) || other.Glob && MatchZone(b, a)
}
