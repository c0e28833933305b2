package plan

import (
	"fmt"
	"strings"

	"tlsync/schema"
)

func Count(n int, noun string) string { return fmt.Sprintf("%d %s", n, Plural(n, noun, noun+"s")) }

func Plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// First is the beginning of a list of names.
func First(names []string) string {
	const most = 3
	if len(names) > most {
		return strings.Join(names[:most], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}

// Enumerate is a list in words.
func Enumerate(list []string) string {
	if n := len(list); n > 1 {
		return strings.Join(list[:n-1], ", ") + " and " + list[n-1]
	}
	return strings.Join(list, "")
}

// Difference shows two values. Of two objects it shows only the members in which
// they differ.
func Difference(from, to schema.Value) (before, after string) {
	a, b := from.Without(to), to.Without(from)
	if a == "{}" || b == "{}" { // one has members that the other lacks
		return from.Show(), to.Show()
	}
	return a.Show(), b.Show()
}
