package resolve

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"tlsync/schema"
)

// maxCandidates is the number of words that a misspelt one is compared with.
const maxCandidates = 200

// similar returns a hint for a pattern that matches no name: one that matches some and looks
// like it, "" if there is none.
func (e *effects) similar(pattern string) string {
	if e.hints == 0 {
		return ""
	}
	e.hints--

	prefix, tail := "", pattern
	for strings.HasPrefix(tail, "*.") || strings.HasPrefix(tail, "**.") {
		wild, rest, _ := strings.Cut(tail, ".")
		prefix, tail = prefix+wild+".", rest
	}
	if schema.IsGlob(tail) {
		return ""
	}

	var near []string
	last := ""
	seen := map[string]bool{}
	labels := strings.Count(tail, ".") + 1
	for c := range e.names {
		end := lastLabels(c.Name, labels)
		if end == last {
			continue
		}
		if last = end; end == tail {
			return "; did you mean " + schema.Show("**."+tail) + "?" // for other numbers of labels
		}
		if off := len(end) - len(tail); off*off > len(tail)*len(tail)/9 || len(near) == maxCandidates || seen[end] {
			continue
		}
		seen[end] = true
		near = append(near, end)
	}
	if found := schema.Suggest(tail, near); found != "" {
		return "; did you mean " + schema.Show(prefix+found) + "?"
	}
	return ""
}

// lastLabels returns the last labels of a name, all of them if it has fewer.
func lastLabels(name string, n int) string {
	at := len(name)
	for range n {
		at = strings.LastIndexByte(name[:at], '.')
		if at < 0 {
			return name
		}
	}
	return name[at+1:]
}

// commonKeys returns some of the keys of a map: those that most names have first, so that of
// words that are equally near the usual one is suggested.
func commonKeys[V any](m map[string]V, names func(string) int) []string {
	keys := slices.SortedFunc(maps.Keys(m), func(a, b string) int {
		return cmp.Or(cmp.Compare(names(b), names(a)), cmp.Compare(a, b))
	})
	return keys[:min(len(keys), maxCandidates)]
}

// didYouMean returns the hint for a misspelt word as the end of a sentence.
func didYouMean(word string, candidates []string) string {
	if hint := schema.DidYouMean(word, candidates); hint != "" {
		return "; " + hint
	}
	return ""
}

// showAll lists words as messages print them, the first few of many.
func showAll(words []string) string {
	const most = 3
	shown := make([]string, 0, most)
	for _, w := range words[:min(len(words), most)] {
		shown = append(shown, schema.Show(w))
	}
	text := strings.Join(shown, ", ")
	if len(words) > most {
		text += ", …"
	}
	return text
}
