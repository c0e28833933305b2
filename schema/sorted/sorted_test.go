package sorted_test

import (
	"cmp"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"tlsync/schema/sorted"
)

type pair struct{ key, at int }

func byKey(a, b pair) int { return cmp.Compare(a.key, b.key) }

// TestSortsLikeSlices compares both orders with those of package slices.
func TestSortsLikeSlices(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var pairs []pair
		for i, key := range rapid.SliceOfN(rapid.IntRange(0, 20), 0, 200).Draw(t, "keys") {
			pairs = append(pairs, pair{key, i})
		}

		stably, want := slices.Clone(pairs), slices.Clone(pairs)
		sorted.Stably(stably, byKey)
		slices.SortStableFunc(want, byKey)
		if !slices.Equal(stably, want) {
			t.Fatalf("Stably: %v, want %v", stably, want)
		}

		sorted.By(pairs, func(a, b pair) int { return cmp.Or(byKey(a, b), cmp.Compare(a.at, b.at)) })
		if !slices.Equal(pairs, want) {
			t.Fatalf("By: %v, want %v", pairs, want)
		}
	})
}
