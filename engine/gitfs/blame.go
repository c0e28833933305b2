package gitfs

import (
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
