package plan

import "tlsync/schema"

// Difference shows two values. It shows objects without the members that they have in
// common.
func Difference(from, to schema.Value) (before, after string) {
	a, b := from.Without(to), to.Without(from)
	if a == "{}" || b == "{}" { // one has members that the other lacks
		return from.Show(), to.Show()
	}
	return a.Show(), b.Show()
}
