package plan

import (
	"tlsync/schema"
	"tlsync/schema/words"
)

// Difference shows two values. It shows objects without the members that they have in
// common, and names the suites in which lists of the same length differ.
func Difference(from, to schema.Value) (before, after string) {
	a, b := from.Without(to), to.Without(from)
	if a == "{}" || b == "{}" { // one has members that the other lacks
		return from.Show(), to.Show()
	}
	before, after = a.Show(), b.Show()
	if before == after && from != to {
		after += suitesApart(from.List(), to.List())
	}
	return before, after
}

// suitesApart names what a list of suites has and lacks, compared with another: " (+A, −B)".
func suitesApart(from, to []string) string {
	var text string
	if more := Minus(to, from); len(more) > 0 {
		text = "+" + words.First(more)
	}
	if missing := Minus(from, to); len(missing) > 0 {
		if text != "" {
			text += ", "
		}
		text += "−" + words.First(missing)
	}
	if text == "" {
		text = "in another order"
	}
	return " (" + text + ")"
}
