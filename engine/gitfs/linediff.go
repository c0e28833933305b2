package gitfs

import (
	"bytes"
	"unicode/utf8"

	"github.com/sergi/go-diff/diffmatchpatch"
)

// The work for one pair of texts is bounded by comparing parts of them, because
// go-diff itself has no bound but a clock, and a clock would make the answer depend on
// the machine.
const (
	// nearLines is how many lines after a difference are compared first. They are
	// enough for the usual difference, a few lines here and there.
	nearLines = 64
	// farLines is how many lines are compared at once where the texts differ more.
	farLines = 2000
)

// run is a run of n equal lines in two texts.
type run struct{ before, after, n int }

// match returns the lines that two texts have in common, in order. The texts that it
// is made for are versions of one file and differ in a few places, so it compares
// their beginnings and ends as bytes first.
func match(before, after []byte) []run {
	head := samePrefix(before, after)
	head = bytes.LastIndexByte(before[:head], '\n') + 1
	first := bytes.Count(before[:head], []byte("\n"))
	before, after = before[head:], after[head:]

	tail := before[len(before)-sameSuffix(before, after):]
	_, tail, _ = bytes.Cut(tail, []byte("\n")) // the line before may be equal at its end only
	a, b := splitLines(before[:len(before)-len(tail)]), splitLines(after[:len(after)-len(tail)])

	found, x, y := matchNear(a, b)
	for _, m := range matchFar(a[x:], b[y:]) {
		found = append(found, run{m.before + x, m.after + y, m.n})
	}

	runs := []run{{0, 0, first}}
	for _, m := range found {
		runs = join(runs, run{m.before + first, m.after + first, m.n})
	}
	return join(runs, run{len(a) + first, len(b) + first, countLines(tail)})
}

// matchNear matches lines as long as the texts differ by a few lines in each place. It
// returns how many lines of a and b it has dealt with.
func matchNear(a, b [][]byte) (runs []run, x, y int) {
	for {
		n := 0
		for x+n < len(a) && y+n < len(b) && bytes.Equal(a[x+n], b[y+n]) {
			n++
		}
		if n > 0 {
			runs = append(runs, run{x, y, n})
			x, y = x+n, y+n
		}

		nextA, nextB := a[x:min(x+nearLines, len(a))], b[y:min(y+nearLines, len(b))]
		found := diff(nextA, nextB)
		whole := x+len(nextA) == len(a) && y+len(nextB) == len(b)
		// A long run at the end shows that the texts go on alike.
		if !whole && (len(found) == 0 || found[len(found)-1].n < nearLines/2) {
			return runs, x, y
		}
		for _, m := range found {
			runs = append(runs, run{x + m.before, y + m.after, m.n})
		}
		if whole {
			return runs, len(a), len(b)
		}
		last := runs[len(runs)-1]
		x, y = last.before+last.n, last.after+last.n
	}
}

// matchFar matches lines of texts that may differ in any way. It leaves out the lines
// that only one text has. If more than farLines are left it compares that many at a
// time, which may miss some equal lines.
func matchFar(a, b [][]byte) []run {
	inA, inB := sharedWith(b, a), sharedWith(a, b)
	if len(inA) <= farLines && len(inB) <= farLines {
		return translate(diff(pick(a, inA), pick(b, inB)), inA, inB)
	}

	var runs []run
	for len(inA) > 0 && len(inB) > 0 {
		nextA, nextB := inA[:min(farLines, len(inA))], inB[:min(farLines, len(inB))]
		found := matchFar(pick(a, nextA), pick(b, nextB))
		runs = append(runs, translate(found, nextA, nextB)...)

		// Go on after the last equal lines, but always by a good part of the texts.
		x, y := 0, 0
		if n := len(found); n > 0 {
			x, y = found[n-1].before+found[n-1].n, found[n-1].after+found[n-1].n
		}
		if x+y < farLines {
			x, y = len(nextA), len(nextB)
		}
		inA, inB = inA[x:], inB[y:]
	}
	return runs
}

// translate turns runs in selected lines of two texts into runs, of one line each, in
// the texts themselves. inA and inB are the indices of the selected lines.
func translate(runs []run, inA, inB []int) []run {
	var out []run
	for _, r := range runs {
		for i := range r.n {
			out = append(out, run{inA[r.before+i], inB[r.after+i], 1})
		}
	}
	return out
}

// sharedWith returns the indices of those lines that others contains too, ascending.
func sharedWith(others, lines [][]byte) []int {
	known := make(map[string]bool, len(others))
	for _, l := range others {
		known[string(l)] = true
	}
	var out []int
	for i, l := range lines {
		if known[string(l)] {
			out = append(out, i)
		}
	}
	return out
}

// pick returns the lines at the given indices.
func pick(lines [][]byte, at []int) [][]byte {
	out := make([][]byte, len(at))
	for i, j := range at {
		out[i] = lines[j]
	}
	return out
}

// diff returns the longest sequence of lines that a and b have in common. Together
// they must have fewer than 0xD800 lines: a rune stands for each.
func diff(a, b [][]byte) []run {
	ids := make(map[string]rune, len(a))
	encode := func(lines [][]byte) []rune {
		out := make([]rune, len(lines))
		for i, l := range lines {
			id, ok := ids[string(l)]
			if !ok {
				id = rune(len(ids))
				ids[string(l)] = id
			}
			out[i] = id
		}
		return out
	}

	var d diffmatchpatch.DiffMatchPatch // without its timeout
	var runs []run
	x, y := 0, 0
	for _, part := range d.DiffMainRunes(encode(a), encode(b), false) {
		n := utf8.RuneCountInString(part.Text)
		switch part.Type {
		case diffmatchpatch.DiffEqual:
			runs = append(runs, run{x, y, n})
			x, y = x+n, y+n
		case diffmatchpatch.DiffDelete:
			x += n
		case diffmatchpatch.DiffInsert:
			y += n
		}
	}
	return runs
}

func countLines(text []byte) int {
	n := bytes.Count(text, []byte("\n"))
	if len(text) > 0 && text[len(text)-1] != '\n' {
		n++
	}
	return n
}

func splitLines(text []byte) [][]byte {
	lines := bytes.SplitAfter(text, []byte("\n"))
	if last := len(lines) - 1; len(lines[last]) == 0 {
		lines = lines[:last] // nothing follows the last line end
	}
	return lines
}

// join appends a run, or extends the last one if it continues it.
func join(runs []run, r run) []run {
	last := &runs[len(runs)-1]
	if r.before == last.before+last.n && r.after == last.after+last.n {
		last.n += r.n
		return runs
	}
	return append(runs, r)
}

// blockSize is the number of bytes compared at once.
const blockSize = 1 << 12

// samePrefix returns the number of bytes that a and b have in common at the start.
func samePrefix(a, b []byte) int {
	n, most := 0, min(len(a), len(b))
	for n+blockSize <= most && bytes.Equal(a[n:n+blockSize], b[n:n+blockSize]) {
		n += blockSize
	}
	for n < most && a[n] == b[n] {
		n++
	}
	return n
}

// sameSuffix returns the number of bytes that a and b have in common at the end.
func sameSuffix(a, b []byte) int {
	n, most := 0, min(len(a), len(b))
	for n+blockSize <= most && bytes.Equal(a[len(a)-n-blockSize:len(a)-n], b[len(b)-n-blockSize:len(b)-n]) {
		n += blockSize
	}
	for n < most && a[len(a)-n-1] == b[len(b)-n-1] {
		n++
	}
	return n
}
