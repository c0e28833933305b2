package plan

import (
	"fmt"
	"slices"
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
		return Show(from), Show(to)
	}
	return Show(a), Show(b)
}

// Show is a value as people read it: the name of a cipher list or the number
// of its suites, "inherit" for no own value, "unknown" for one not read.
func Show(v schema.Value) string {
	switch {
	case v == "":
		return "unknown"
	case v == schema.Inherit:
		return "inherit"
	case v[0] == '{':
		return v.Fields()
	case v[0] != '[':
		return v.Text()
	}
	l := v.List()
	if l == nil {
		return string(v)
	}
	if name := schema.CipherListName(v); name != "" {
		return name
	}
	if slices.ContainsFunc(l, func(s string) bool { _, ok := schema.LookupSuite(s); return !ok }) {
		return First(l) // hostnames, or addresses
	}
	return Count(len(l), "suite")
}
