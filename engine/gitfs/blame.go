package gitfs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sort"

	"github.com/go-git/go-git/v5/plumbing"
)

const (
	// maxBlamed is how many commits are visited where no Effort is given.
	maxBlamed = 20_000
	// fewEdits and maxEdits bound the search for the shortest difference; see
	// match and longest.
	fewEdits = 64
	maxEdits = 512
	// keepText is how many bytes of versions are kept, twice over: the text of a
	// parent is soon needed again.
	keepText = 8 << 20
)

// Line tells who last touched a line of a file.
type Line struct {
	// Commit is the commit's id, 40 hexadecimal digits, and Author its author's
	// name: foreign text of at most 200 characters, of which nothing is known, not
	// even that it is UTF-8. Both are empty where the commit is not known.
	Commit, Author string
}

// Blame tells for each line of a file, as it is in a commit, who last touched
// it. The path is relative to the directory that Open was given. Lines end at
// "\n", which is part of them, as in Git: who adds one at the end of a file
// touches its last line.
//
// Not known are lines that are at least as old as the border of a shallow clone,
// and those for which the effort did not suffice. A file is not followed to former
// names.
func (r *Repo) Blame(ctx context.Context, c Commit, file string, e *Effort) ([]Line, error) {
	lines, err := r.blame(ctx, c, file, e)
	if err != nil {
		return nil, fmt.Errorf("see who last touched %s in commit %s: %w", file, c.Hash, err)
	}
	return lines, nil
}

// Effort bounds what several calls of Blame may do together: how many commits are
// left to be visited, each counted for each file. It is a number and no time, so that
// the answer does not depend on the machine. Nil stands for 20,000.
type Effort struct{ Commits int }

// traced are lines of the file on their way into the past.
type traced struct {
	line int // of the first, in the file whose history is asked for
	at   int // the same in the version at hand
	n    int
}

// rest is what follows the first n lines.
func (t traced) rest(n int) traced { return traced{t.line + n, t.at + n, t.n - n} }

// version is what a commit has under the file's name, and which lines came from
// there.
type version struct {
	blob  plumbing.Hash
	lines []traced
}

func (r *Repo) blame(ctx context.Context, c Commit, file string, e *Effort) ([]Line, error) {
	if e == nil {
		e = &Effort{maxBlamed}
	}
	if !fs.ValidPath(file) {
		return nil, fs.ErrInvalid
	}
	h, err := c.id()
	if err != nil {
		return nil, err
	}
	blob, err := r.blob(h, file)
	if err != nil {
		return nil, err
	}
	t := trail{
		repo: r, file: file,
		versions: map[plumbing.Hash]version{},
		texts:    recent[[]byte]{limit: keepText},
	}
	text, err := t.text(blob)
	if err != nil {
		return nil, err
	}
	lines := make([]Line, countLines(text))
	if err := t.add(h, blob, []traced{{n: len(lines)}}); err != nil {
		return nil, err
	}
	for ; e.Commits > 0 && t.queue.Len() > 0; e.Commits-- {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err := t.visit(lines); err != nil {
			return nil, err
		}
	}
	return lines, nil
}

// errNoFile are the errors of a path that leads to no file of the commit.
var errNoFile = []error{fs.ErrNotExist, errNoDirectory, errDirectory, errEscapes, errLinks, errTarget, errSubmodule}

// blob is the file of that name in a commit.
func (r *Repo) blob(commit plumbing.Hash, file string) (plumbing.Hash, error) {
	c, err := r.commit(commit)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	dir, err := r.dir(c.tree)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	e, err := dir.find(file)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	if e.mode == modeTree {
		return plumbing.ZeroHash, errDirectory
	}
	return e.hash, nil
}

// trail is the way of a file's lines into the past.
type trail struct {
	repo     *Repo
	file     string
	queue    queue
	versions map[plumbing.Hash]version // by the commits in the queue
	texts    recent[[]byte]
}

func (t *trail) text(blob plumbing.Hash) ([]byte, error) {
	if text, ok := t.texts.get(blob); ok {
		return text, nil
	}
	text, err := t.repo.object(plumbing.BlobObject, blob)
	if err != nil {
		return nil, err
	}
	t.texts.put(blob, text, len(text))
	return text, nil
}

// add has lines go on in a commit. They may come to it from several children.
func (t *trail) add(commit, blob plumbing.Hash, lines []traced) error {
	if len(lines) == 0 {
		return nil
	}
	more, waiting := t.versions[commit]
	if waiting {
		lines = slices.Concat(more.lines, lines)
	} else {
		c, err := t.repo.commit(commit)
		if err != nil {
			return err
		}
		t.queue.add(commit, c.time)
	}
	t.versions[commit] = version{blob, lines}
	return nil
}

// visit visits the next commit: lines that a parent has too go on there, the
// rest is the commit's own.
func (t *trail) visit(lines []Line) error {
	h := t.queue.next()
	v := t.versions[h]
	delete(t.versions, h)
	c, err := t.repo.commit(h)
	if err != nil {
		return err
	}
	if c.cut {
		return nil // they may be older
	}
	own, err := t.pass(v, c.parents)
	if err != nil {
		return err
	}
	id := h.String()
	for _, l := range own {
		for i := range l.n {
			lines[l.line+i] = Line{Commit: id, Author: c.author}
		}
	}
	return nil
}

// pass hands lines on to parents and gives back those that no parent has. A
// parent that has the same file takes them all.
func (t *trail) pass(v version, parents []plumbing.Hash) ([]traced, error) {
	type parent struct{ commit, blob plumbing.Hash }
	var changed []parent
	for _, p := range parents {
		blob, err := t.repo.blob(p, t.file)
		switch {
		case slices.ContainsFunc(errNoFile, func(e error) bool { return errors.Is(err, e) }):
		case err != nil:
			return nil, err
		case blob == v.blob:
			return nil, t.add(p, blob, v.lines)
		default:
			changed = append(changed, parent{p, blob})
		}
	}
	if len(changed) == 0 {
		return v.lines, nil
	}
	text, err := t.text(v.blob)
	if err != nil {
		return nil, err
	}
	left := v.lines
	for _, p := range changed {
		if len(left) == 0 {
			break
		}
		before, err := t.text(p.blob)
		if err != nil {
			return nil, err
		}
		var passed []traced
		passed, left = split(left, match(before, text))
		if err := t.add(p.commit, p.blob, passed); err != nil {
			return nil, err
		}
	}
	return left, nil
}

// split tells lines that are in one of the runs, with their places in the older
// text, from those that are in none.
func split(lines []traced, runs []run) (in, out []traced) {
	for _, l := range lines {
		i := sort.Search(len(runs), func(i int) bool { return runs[i].after+runs[i].n > l.at })
		for ; i < len(runs) && runs[i].after < l.at+l.n; i++ {
			r := runs[i]
			if gap := r.after - l.at; gap > 0 {
				out = append(out, traced{l.line, l.at, gap})
				l = l.rest(gap)
			}
			n := min(l.n, r.after+r.n-l.at)
			in = append(in, traced{l.line, r.before + l.at - r.after, n})
			l = l.rest(n)
		}
		if l.n > 0 {
			out = append(out, l)
		}
	}
	return in, out
}

// run is a run of n equal lines in two texts.
type run struct{ before, after, n int }

func countLines(text []byte) int {
	n := bytes.Count(text, []byte("\n"))
	if len(text) > 0 && text[len(text)-1] != '\n' {
		n++
	}
	return n
}

// match finds the lines that two texts have in common, in order. Most versions
// differ in a few lines only, so what they begin and end with is compared as a
// whole. The rest is compared line by line as it is; if that turns out to take
// too many edits, without the lines that only one of the two has.
func match(before, after []byte) []run {
	head := samePrefix(before, after)
	head = bytes.LastIndexByte(before[:head], '\n') + 1
	first := bytes.Count(before[:head], []byte("\n"))
	before, after = before[head:], after[head:]

	tail := before[len(before)-sameSuffix(before, after):]
	_, tail, _ = bytes.Cut(tail, []byte("\n")) // the line before may only end alike
	a, b := splitLines(before[:len(before)-len(tail)]), splitLines(after[:len(after)-len(tail)])

	runs := []run{{0, 0, first}}
	found, x, y := search(len(a), len(b), fewEdits, func(i, j int) bool { return bytes.Equal(a[i], b[j]) })
	if x < len(a) || y < len(b) {
		found = longest(number(a, b))
	}
	for _, m := range found {
		runs = join(runs, run{m.before + first, m.after + first, m.n})
	}
	return join(runs, run{len(a) + first, len(b) + first, countLines(tail)})
}

func splitLines(text []byte) [][]byte {
	lines := bytes.SplitAfter(text, []byte("\n"))
	if last := len(lines) - 1; len(lines[last]) == 0 {
		lines = lines[:last] // what follows the last line end is no line
	}
	return lines
}

// join appends a run, which may turn out to continue the one before.
func join(runs []run, r run) []run {
	last := &runs[len(runs)-1]
	if r.before == last.before+last.n && r.after == last.after+last.n {
		last.n += r.n
		return runs
	}
	return append(runs, r)
}

// blockSize is how many bytes are compared at once.
const blockSize = 1 << 12

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

// numbered is a line as a number, equal for equal lines.
type numbered struct{ at, id int }

// number gives the lines of two texts numbers and leaves out those that the
// other text does not have: they cannot match anything, and most lines that were
// changed are of this kind.
func number(before, after [][]byte) (a, b []numbered) {
	ids := make(map[string]int, len(before))
	for i, line := range before {
		id, ok := ids[string(line)]
		if !ok {
			id = len(ids)
			ids[string(line)] = id
		}
		a = append(a, numbered{i, id})
	}
	shared := make([]bool, len(ids))
	for i, line := range after {
		if id, ok := ids[string(line)]; ok {
			b = append(b, numbered{i, id})
			shared[id] = true
		}
	}
	return slices.DeleteFunc(a, func(l numbered) bool { return !shared[l.id] }), b
}

// longest finds the longest sequence of lines that is part of both texts. Where
// that would take more than maxEdits edits it settles for the way that went
// farthest with as many, and begins anew from there: texts that were shuffled are
// matched worse, but soon.
func longest(a, b []numbered) (runs []run) {
	for len(a) > 0 && len(b) > 0 {
		found, x, y := search(len(a), len(b), maxEdits, func(i, j int) bool { return a[i].id == b[j].id })
		for _, m := range found {
			for i := range m.n {
				runs = append(runs, run{a[m.before+i].at, b[m.after+i].at, 1})
			}
		}
		a, b = a[x:], b[y:]
	}
	return runs
}

// front is how far into a the search came with d edits, on each diagonal from -d
// to d: a diagonal is the place in a minus that in b. It is -1 where there is no
// way to.
type front []int

func (f front) on(diagonal int) int {
	if i := diagonal + len(f)/2; i >= 0 && i < len(f) {
		return f[i]
	}
	return -1
}

// step is how far one comes on a diagonal by one more edit, which leaves out a
// line of a (of n) or of b (of m).
func (f front) step(diagonal, n, m int) (x int, ofB bool) {
	fromA, fromB := f.on(diagonal-1), f.on(diagonal+1)
	if fromA == n {
		fromA = -1
	}
	if fromA >= 0 {
		fromA++
	}
	if fromB-diagonal > m {
		fromB = -1
	}
	return max(fromA, fromB), fromB >= fromA
}

// search is Myers' greedy search ("An O(ND) Difference Algorithm and Its
// Variations", 1986) for what a, of n lines, and b, of m, have in common: with 0,
// 1, 2, … edits, limit at most, it goes as far as it can on each diagonal. It
// gives back what it found, and up to where in a and b: their ends, unless the
// limit was reached.
func search(n, m, limit int, equal func(i, j int) bool) (runs []run, x, y int) {
	var fronts []front
	best, far := 0, -1 // the diagonal on which most lines lie behind, and how many
	for d := 0; d <= limit && far < n+m; d++ {
		f := make(front, 2*d+1)
		far = -1
		for i := range f {
			k, x := i-d, -1
			switch {
			case d == 0:
				x = 0
			case i%2 == 0:
				x, _ = fronts[d-1].step(k, n, m)
			}
			if x >= 0 {
				for x < n && x-k < m && equal(x, x-k) {
					x++
				}
				if 2*x-k > far {
					best, far = k, 2*x-k
				}
			}
			f[i] = x
		}
		fronts = append(fronts, f)
	}
	// The way there, backwards.
	k, end := best, fronts[len(fronts)-1].on(best)
	x, y = end, end-k
	for d := len(fronts) - 1; d >= 0; d-- {
		start, ofB := 0, false
		if d > 0 {
			start, ofB = fronts[d-1].step(k, n, m)
		}
		if start < end {
			runs = append(runs, run{start, start - k, end - start})
		}
		if end = start; ofB {
			k++
		} else {
			k--
			end--
		}
	}
	slices.Reverse(runs)
	return runs, x, y
}
