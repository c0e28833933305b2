// Package sorted sorts slices with one copy of the sorting code for all types. Package
// slices has a copy for each, about ten kilobytes of the program: worth it where tens of
// thousands of values are sorted for each plan, and nowhere else.
package sorted

import "sort"

// By sorts a slice like slices.SortFunc.
func By[T any](s []T, cmp func(a, b T) int) { sort.Sort(by[T]{s, cmp}) }

// Stably sorts a slice like slices.SortStableFunc.
func Stably[T any](s []T, cmp func(a, b T) int) { sort.Stable(by[T]{s, cmp}) }

type by[T any] struct {
	s   []T
	cmp func(a, b T) int
}

func (b by[T]) Len() int           { return len(b.s) }
func (b by[T]) Less(i, j int) bool { return b.cmp(b.s[i], b.s[j]) < 0 }
func (b by[T]) Swap(i, j int)      { b.s[i], b.s[j] = b.s[j], b.s[i] }
