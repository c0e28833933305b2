// Package words has the parts of sentences that messages of several packages share.
package words

import (
	"fmt"
	"strconv"
	"strings"
)

// Number returns a number for people: "50,000".
func Number(n int) string {
	if n < 1000 {
		return strconv.Itoa(n)
	}
	return fmt.Sprintf("%s,%03d", Number(n/1000), n%1000)
}

// Count returns a number with its noun: "1 suite", "3,000 suites".
func Count(n int, noun string) string { return Number(n) + " " + Plural(n, noun, noun+"s") }

// Plural returns the word for n things.
func Plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// First returns the first three items of a list, with an ellipsis for the others.
func First(list []string) string {
	const most = 3
	if len(list) > most {
		return strings.Join(list[:most], ", ") + ", …"
	}
	return strings.Join(list, ", ")
}

// Enumerate returns a list in words: "a, b and c".
func Enumerate(list []string) string {
	if n := len(list); n > 1 {
		return strings.Join(list[:n-1], ", ") + " and " + list[n-1]
	}
	return strings.Join(list, "")
}

// Age returns a number of seconds in words, in days from one day on.
func Age(seconds int64) string {
	const day = 24 * 60 * 60
	if seconds < day {
		return Count(int(seconds), "second")
	}
	return Count(int(seconds/day), "day")
}
