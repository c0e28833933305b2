package schema

import "strings"

// Suggest returns the candidate that a misspelt word most likely stands for, or
// "" if none is near: at most one edit for every three letters.
func Suggest(word string, candidates []string) string {
	if len(word) > 64 {
		return "" // no candidate is that long, and distance is quadratic
	}
	best, bestDistance := "", len(word)/3+1
	for _, c := range candidates {
		if d := distance(strings.ToLower(word), strings.ToLower(c)); d < bestDistance {
			best, bestDistance = c, d
		}
	}
	return best
}

// DidYouMean returns a hint with the suggestion, or "" if there is none.
func DidYouMean(word string, candidates []string) string {
	if s := Suggest(word, candidates); s != "" {
		return "did you mean " + Show(s) + "?"
	}
	return ""
}

// SuggestOrList returns a hint with the suggestion, or with all candidates if
// there is none.
func SuggestOrList(word string, candidates []string) string {
	if hint := DidYouMean(word, candidates); hint != "" {
		return hint
	}
	return "expected one of " + strings.Join(candidates, ", ")
}

// distance returns the number of insertions, deletions, substitutions and swaps
// of neighbours that turn a into b.
func distance(a, b string) int {
	before := make([]int, len(b)+1)
	last := make([]int, len(b)+1)
	row := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}

	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}

	return last[len(b)]
}
