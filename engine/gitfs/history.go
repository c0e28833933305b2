package gitfs

import (
	"bytes"
	"cmp"
	"container/heap"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/go-git/go-git/v5/plumbing"
)

// ErrNoMergeBase reports that two commits have no common ancestor.
var ErrNoMergeBase = errors.New("they have no common ancestor")

// maxAuthor is the number of characters kept of an author's name.
const maxAuthor = 200

// commitObject holds the parts of a commit that this package uses.
type commitObject struct {
	tree    plumbing.Hash
	parents []plumbing.Hash
	cut     bool   // it has parents, but the shallow clone lacks them
	time    int64  // when it was committed, in seconds since 1970; 0 if that is missing
	author  string // in any encoding
}

// commit reads a commit.
func (r *Repo) commit(h plumbing.Hash) (commitObject, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c, ok := r.commits.get(h); ok {
		return c, nil
	}

	text, err := r.objectLocked(plumbing.CommitObject, h)
	if err != nil {
		return commitObject{}, err
	}
	c, err := parseCommit(text)
	if err != nil {
		return commitObject{}, fmt.Errorf("commit %s: %w", h, err)
	}
	if len(c.parents) > 0 && r.layout.shallow[h] {
		c.parents, c.cut = nil, true
	}
	r.commits.put(h, c, 1)
	return c, nil
}

// parseCommit decodes a commit. It has lines of a key and a value, up to an empty line;
// the first line is the tree. Further lines of a long value, such as a signature, begin
// with a space.
func parseCommit(text []byte) (commitObject, error) {
	var c commitObject
	first, rest, _ := bytes.Cut(text, []byte("\n"))
	tree, ok := bytes.CutPrefix(first, []byte("tree "))
	if !ok || !plumbing.IsHash(string(tree)) {
		return c, errors.New("it does not begin with the id of its tree")
	}
	c.tree = plumbing.NewHash(string(tree))

	for line := range bytes.Lines(rest) {
		if line = bytes.TrimSuffix(line, []byte("\n")); len(line) == 0 {
			break
		}

		key, value, _ := bytes.Cut(line, []byte(" "))
		switch string(key) {
		case "parent":
			if !plumbing.IsHash(string(value)) {
				return c, fmt.Errorf("its parent %q is not a commit id", value)
			}
			c.parents = append(c.parents, plumbing.NewHash(string(value)))
		case "author":
			c.author = authorName(value)
		case "committer":
			c.time = commitTime(value)
		}
	}
	return c, nil
}

// authorName returns the name in "name <address> seconds zone".
func authorName(line []byte) string {
	name, _, _ := bytes.Cut(line, []byte("<"))
	s := string(bytes.TrimSpace(name))
	n := 0
	for i := range s {
		if n == maxAuthor {
			return s[:i]
		}
		n++
	}
	return s
}

// commitTime returns the seconds in "name <address> seconds zone", 0 if they are damaged.
// They only decide the order in which commits are visited, so 0 does no harm.
func commitTime(line []byte) int64 {
	fields := bytes.Fields(line[bytes.LastIndexByte(line, '>')+1:])
	if len(fields) == 0 {
		return 0
	}
	t, err := strconv.ParseInt(string(fields[0]), 10, 64)
	if err != nil {
		return 0
	}
	return t
}

// visit is a commit to visit.
type visit struct {
	hash plumbing.Hash
	time int64
	turn int // how many were added before it
}

// queue returns the newest commit first, and among equally old ones the one that was
// added first. If all clocks are right, a commit comes after all of its children.
type queue struct {
	visits []visit
	turn   int
}

func (q *queue) add(h plumbing.Hash, time int64) {
	heap.Push(q, visit{h, time, q.turn})
	q.turn++
}

func (q *queue) next() plumbing.Hash { return heap.Pop(q).(visit).hash }

// These methods implement heap.Interface.

func (q *queue) Len() int { return len(q.visits) }
func (q *queue) Less(i, j int) bool {
	a, b := q.visits[i], q.visits[j]
	return a.time > b.time || a.time == b.time && a.turn < b.turn
}
func (q *queue) Swap(i, j int) { q.visits[i], q.visits[j] = q.visits[j], q.visits[i] }
func (q *queue) Push(x any)    { q.visits = append(q.visits, x.(visit)) }
func (q *queue) Pop() any {
	last := len(q.visits) - 1
	v := q.visits[last]
	q.visits = q.visits[:last]
	return v
}

// The marks of a commit in a walk.
const (
	ofA  = 1 << iota // a or an ancestor of a
	ofB              // the same of b
	old              // an ancestor of a common ancestor, which no longer matters
	both = ofA | ofB
)

// marked is a commit that a walk has reached.
type marked struct {
	commitObject
	hash    plumbing.Hash
	marks   int
	waiting bool // in the queue, for the first time or again because of a new mark
	common  bool // it was a common ancestor when it was visited
}

// walk visits the ancestors of two sides, newest commits first, until all commits in the
// queue are old.
//
// A commit that is visited too early, because a clock was wrong, is visited again when
// it gets another mark. The walk always finds a best common ancestor: the commits
// between it and either side are not common ancestors, so they are never old and are
// visited. It may also find ancestors of it, if they are visited before they are known
// to be old.
type walk struct {
	repo    *Repo
	commits map[plumbing.Hash]*marked
	queue   queue
	live    int       // how many commits in the queue are not old
	order   []*marked // all commits, in the order in which they were reached
}

// walk walks from a on one side and all of b on the other. It ends early once a is known
// to be an ancestor of b, or the only b to be an ancestor of a.
func (r *Repo) walk(a plumbing.Hash, b ...plumbing.Hash) (*walk, error) {
	w := &walk{repo: r, commits: map[plumbing.Hash]*marked{}}
	if err := w.mark(a, ofA); err != nil {
		return nil, err
	}
	for _, h := range b {
		if err := w.mark(h, ofB); err != nil {
			return nil, err
		}
	}

	for w.live > 0 && !w.isCommon(a) && (len(b) > 1 || !w.isCommon(b[0])) {
		m := w.commits[w.queue.next()]
		w.live -= m.live()
		m.waiting = false

		pass := m.marks
		if pass == both {
			m.common = true
			pass |= old
		}
		for _, p := range m.parents {
			if err := w.mark(p, pass); err != nil {
				return nil, err
			}
		}
	}
	return w, nil
}

// live returns what m adds to walk.live.
func (m *marked) live() int {
	if m.waiting && m.marks&old == 0 {
		return 1
	}
	return 0
}

// mark adds marks to a commit and puts it in the queue if it did not have them.
func (w *walk) mark(h plumbing.Hash, marks int) error {
	m := w.commits[h]
	if m == nil {
		c, err := w.repo.commit(h)
		if err != nil {
			return err
		}
		m = &marked{commitObject: c, hash: h}
		w.commits[h] = m
		w.order = append(w.order, m)
	}
	if m.marks|marks == m.marks {
		return nil
	}

	w.live -= m.live()
	m.marks |= marks
	if !m.waiting {
		m.waiting = true
		w.queue.add(h, m.time)
	}
	w.live += m.live()
	return nil
}

func (w *walk) isCommon(h plumbing.Hash) bool { return w.commits[h].marks&both == both }

// cutOff returns an error if a commit with exactly these marks lacks its parents, which
// might change the answer. Parents missing behind a common ancestor could only lead to
// older common ancestors.
func (w *walk) cutOff(sides ...int) error {
	for _, m := range w.order {
		if m.cut && slices.Contains(sides, m.marks) {
			return cutOff(m.hash)
		}
	}
	return nil
}

// cutOff returns the error for a commit whose parents the shallow clone lacks.
func cutOff(h plumbing.Hash) error {
	return fmt.Errorf("the parents of commit %s are missing: %w", h, ErrShallow)
}

// MergeBase returns the best common ancestor of two commits, one that is not an ancestor
// of another common ancestor. If there are several, it returns the newest, and among
// equally old ones the one with the smallest id.
//
// The error is ErrNoMergeBase if there is none, and ErrShallow if commits that the clone
// lacks might change the answer. They never do if the clone shows that one commit is an
// ancestor of the other, so a fetch-depth of 2 is enough for the merge commit of a pull
// request and its base.
func (r *Repo) MergeBase(a, b Commit) (Commit, error) {
	best, err := r.mergeBase(a, b)
	if err != nil {
		return Commit{}, fmt.Errorf("find the common ancestor of %s and %s: %w", a.Hash, b.Hash, err)
	}
	return Commit{Hash: best.String()}, nil
}

func (r *Repo) mergeBase(a, b Commit) (best plumbing.Hash, err error) {
	from, err := ids(a, b)
	if err != nil {
		return best, err
	}
	w, err := r.walk(from[0], from[1])
	if err != nil {
		return best, err
	}

	for _, h := range from {
		if w.isCommon(h) {
			return h, nil
		}
	}
	if err := w.cutOff(ofA, ofB); err != nil {
		return best, err
	}

	var found []*marked
	for _, m := range w.order {
		if m.common && m.marks&old == 0 {
			found = append(found, m)
		}
	}
	if found, err = r.independent(found); err != nil {
		return best, err
	}
	if len(found) == 0 {
		return best, ErrNoMergeBase
	}

	newest := slices.MinFunc(found, func(a, b *marked) int {
		return cmp.Or(cmp.Compare(b.time, a.time), bytes.Compare(a.hash[:], b.hash[:]))
	})
	return newest.hash, nil
}

// independent returns the commits that are not ancestors of others among them.
func (r *Repo) independent(all []*marked) ([]*marked, error) {
	if len(all) < 2 {
		return all, nil
	}
	var kept []*marked
	for _, m := range all {
		var others []plumbing.Hash
		for _, other := range all {
			if other != m {
				others = append(others, other.hash)
			}
		}

		w, err := r.walk(m.hash, others...)
		if err != nil {
			return nil, err
		}
		if w.isCommon(m.hash) {
			continue
		}
		if err := w.cutOff(ofB); err != nil {
			return nil, err
		}
		kept = append(kept, m)
	}
	return kept, nil
}

// IsAncestor reports whether one commit is an ancestor of another, or the same commit.
// The error is ErrShallow if commits that the clone lacks might change the answer.
func (r *Repo) IsAncestor(ancestor, of Commit) (bool, error) {
	yes, err := r.isAncestor(ancestor, of)
	if err != nil {
		return false, fmt.Errorf("check whether %s is an ancestor of %s: %w", ancestor.Hash, of.Hash, err)
	}
	return yes, nil
}

func (r *Repo) isAncestor(ancestor, of Commit) (bool, error) {
	h, err := ids(ancestor, of)
	if err != nil {
		return false, err
	}
	w, err := r.walk(h[0], h[1])
	if err != nil {
		return false, err
	}

	if w.isCommon(h[0]) {
		return true, nil
	}
	if w.isCommon(h[1]) { // "of" is the ancestor
		return false, nil
	}
	return false, w.cutOff(ofB)
}

// ids returns the ids of commits.
func ids(commits ...Commit) ([]plumbing.Hash, error) {
	out := make([]plumbing.Hash, len(commits))
	for i, c := range commits {
		h, err := c.id()
		if err != nil {
			return nil, err
		}
		out[i] = h
	}
	return out, nil
}

// Parents returns the parents of a commit in their order, none for a root. The error is
// ErrShallow if the clone lacks them.
func (r *Repo) Parents(c Commit) ([]Commit, error) {
	h, err := c.id()
	if err != nil {
		return nil, err
	}
	parents, err := r.parents(h)
	if err != nil {
		return nil, fmt.Errorf("read the parents of commit %s: %w", c.Hash, err)
	}
	out := make([]Commit, len(parents))
	for i, p := range parents {
		out[i].Hash = p.String()
	}
	return out, nil
}

func (r *Repo) parents(h plumbing.Hash) ([]plumbing.Hash, error) {
	o, err := r.commit(h)
	if err != nil {
		return nil, err
	}
	if o.cut {
		return nil, cutOff(h)
	}
	return o.parents, nil
}

// FirstParents returns a commit, its first parent, the first parent of that, and so on,
// n commits at most. It ends at a root or, without an error, where a shallow clone ends.
func (r *Repo) FirstParents(c Commit, n int) ([]Commit, error) {
	h, err := c.id()
	if err != nil {
		return nil, err
	}

	var out []Commit
	for len(out) < n {
		o, err := r.commit(h)
		if err != nil {
			return nil, fmt.Errorf("read the history of commit %s: %w", c.Hash, err)
		}
		out = append(out, Commit{Hash: h.String()})
		if len(o.parents) == 0 {
			break
		}
		h = o.parents[0]
	}
	return out, nil
}
