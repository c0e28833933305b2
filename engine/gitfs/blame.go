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
	// maxBlamed is the number of commits that Blame visits if no Effort is given.
	maxBlamed = 20_000
	// keepText is how many bytes of text the cache of versions holds; see recent. The
	// text of a parent is soon needed again, as that of a child.
	keepText = 8 << 20
)

// Line is the commit that last touched a line of a file. It is empty if that is unknown.
type Line struct {
	// Commit is the id of the commit, 40 hexadecimal digits.
	Commit string
	// Author is the name of its author: untrusted text of at most 200 characters, which
	// may not even be UTF-8.
	Author string
}

// Blame returns, for each line of a file as it is in a commit, the commit that last
// touched the line. The path is relative to the directory that Open was given. As in
// Git a line includes its "\n": adding one at the end of a file touches the last line.
//
// The commit is unknown for lines that are as old as the border of a shallow clone or
// older, and for lines that are left when the effort is used up. Blame does not follow
// renames.
func (r *Repo) Blame(ctx context.Context, c Commit, file string, e *Effort) ([]Line, error) {
	lines, err := r.blame(ctx, c, file, e)
	if err != nil {
		return nil, fmt.Errorf("find who last touched %s in commit %s: %w", file, c.Hash, err)
	}
	return lines, nil
}

// Effort bounds the work of several calls of Blame together. Commits is the number of
// commits that they may still visit; a commit counts once for each file. It is not a
// time, so that the answer does not depend on the machine. Nil stands for 20,000.
type Effort struct{ Commits int }

// traced is a run of lines that is traced back in history.
type traced struct {
	line int // index of its first line in the file that Blame was asked for
	at   int // index of the same line in the version at hand
	n    int // how many lines
}

// rest returns the run without its first n lines.
func (t traced) rest(n int) traced { return traced{t.line + n, t.at + n, t.n - n} }

// version is the file as it is in one commit, and the lines that are traced to there.
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

// errNoFile holds the errors for a path that does not lead to a file of the commit.
var errNoFile = []error{fs.ErrNotExist, errNoDirectory, errDirectory, errEscapes, errLinks, errTarget, errSubmodule}

// blob returns the id of the content that a file has in a commit.
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

// trail traces the lines of a file back in history.
type trail struct {
	repo     *Repo
	file     string
	queue    queue
	versions map[plumbing.Hash]version // by the commits in the queue
	texts    recent[[]byte]
}

// text returns the content of a version.
func (t *trail) text(blob plumbing.Hash) ([]byte, error) {
	if text, ok := t.texts.get(blob); ok {
		return text, nil
	}
	text, err := t.repo.unverified(blob)
	if err != nil {
		return nil, err
	}
	t.texts.put(blob, text, len(text))
	return text, nil
}

// add traces lines on to a commit. They may come from several of its children.
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

// visit visits the next commit. It traces lines that a parent also has on to the parent,
// and sets the others to this commit.
func (t *trail) visit(lines []Line) error {
	h := t.queue.next()
	v := t.versions[h]
	delete(t.versions, h)

	c, err := t.repo.commit(h)
	if err != nil {
		return err
	}
	if c.cut {
		return nil // the lines may be older
	}
	touched, err := t.pass(v, c.parents)
	if err != nil {
		return err
	}

	id := h.String()
	for _, l := range touched {
		for i := range l.n {
			lines[l.line+i] = Line{Commit: id, Author: c.author}
		}
	}
	return nil
}

// parent is a parent in which the file has another content.
type parent struct{ commit, blob plumbing.Hash }

// pass traces lines on to parents and returns the lines that no parent has. A parent
// that has the same file gets them all.
func (t *trail) pass(v version, parents []plumbing.Hash) ([]traced, error) {
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
	return t.passChanged(v, changed)
}

// passChanged is pass for parents that all have another version of the file.
func (t *trail) passChanged(v version, parents []parent) ([]traced, error) {
	if len(parents) == 0 {
		return v.lines, nil
	}
	text, err := t.text(v.blob)
	if err != nil {
		return nil, err
	}

	left := v.lines
	for _, p := range parents {
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

// split splits lines into those in one of the runs, with their indices in the older
// text, and the others.
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
