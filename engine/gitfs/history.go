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

// ErrNoMergeBase says that two commits have no ancestor in common.
var ErrNoMergeBase = errors.New("they have no history in common")

// maxAuthor is how many characters of an author's name are kept.
const maxAuthor = 200

// commitObject is what is read of a commit.
type commitObject struct {
	tree    plumbing.Hash
	parents []plumbing.Hash
	cut     bool   // it has parents, but the clone was made without them
	time    int64  // when it was committed, in seconds since 1970; 0 where it does not say
	author  string // as it stands there, whatever its encoding
}

// commit is a decoded commit.
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

// parseCommit decodes a commit: lines of a key and a value, of which the first
// is the tree, up to an empty line. Further lines of a long value, such as a
// signature, begin with a space.
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
				return c, fmt.Errorf("its parent is %q, which is no commit id", value)
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

// authorName is the name in "name <address> seconds zone".
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

// commitTime is the time in "name <address> seconds zone". It only decides in
// what order commits are visited, so that one that is damaged does no harm.
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

// visit is a commit to be visited.
type visit struct {
	hash plumbing.Hash
	time int64
	turn int // how many came before it
}

// queue gives the newest commit first, and of equally old ones the one that came
// first: where clocks go right, all children of a commit come before it.
type queue struct {
	visits []visit
	turn   int
}

func (q *queue) add(h plumbing.Hash, time int64) {
	heap.Push(q, visit{h, time, q.turn})
	q.turn++
}

func (q *queue) next() plumbing.Hash { return heap.Pop(q).(visit).hash }

// The methods that container/heap asks for.

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
	ofA  = 1 << iota // it is an ancestor of a, or a itself
	ofB              // … of b
	old              // an ancestor of a common ancestor: of no interest any more
	both = ofA | ofB
)

// marked is a commit that a walk has come to.
type marked struct {
	commitObject
	hash    plumbing.Hash
	marks   int
	waiting bool // to be visited, or visited again because of a new mark
	common  bool // it was a common ancestor when it was visited
}

// walk goes from two sides into the past, newest commits first, until all that
// is left to visit is old.
//
// A commit that was visited too early, because somebody's clock was wrong, is
// visited again when it gets another mark. A best common ancestor is always
// found: whatever lies between it and either side is no common ancestor, so it
// is never old, and is visited. What may be found besides are ancestors of it
// that were visited before they were known to be old.
type walk struct {
	repo    *Repo
	commits map[plumbing.Hash]*marked
	queue   queue
	live    int       // how many that wait are not old
	order   []*marked // as they were found
}

// walk walks from a and from all of b. It ends early once a is known to be an
// ancestor of b, or the only b one of a.
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

func (m *marked) live() int {
	if m.waiting && m.marks&old == 0 {
		return 1
	}
	return 0
}

// mark adds marks to a commit. If they are news, they are to be passed on.
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

// cutOff explains that a commit which is an ancestor of these sides, and of them
// only, lacks its parents: they might have changed the answer. What is cut off
// behind a common ancestor could only have led to older ones.
func (w *walk) cutOff(sides ...int) error {
	for _, m := range w.order {
		if m.cut && slices.Contains(sides, m.marks) {
			return cutOff(m.hash)
		}
	}
	return nil
}

func cutOff(h plumbing.Hash) error {
	return fmt.Errorf("what came before commit %s is missing: %w", h, ErrShallow)
}

// MergeBase is the best common ancestor of two commits: one that is no ancestor
// of another common one. Where there are several it is the newest of them, and
// of equally old ones the one with the smallest id.
//
// The error is ErrNoMergeBase where there is none, and ErrShallow where what the
// clone lacks might decide. That is never so if one of the two is an ancestor of
// the other by what is there, which makes a fetch-depth of 2 enough for the
// merge commit of a pull request and its base.
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

// independent are those common ancestors that are not ancestors of others of
// them.
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

// IsAncestor tells whether one commit is an ancestor of another, or the same. The
// error is ErrShallow where what the clone lacks might decide.
func (r *Repo) IsAncestor(ancestor, of Commit) (bool, error) {
	yes, err := r.isAncestor(ancestor, of)
	if err != nil {
		return false, fmt.Errorf("see whether %s is an ancestor of %s: %w", ancestor.Hash, of.Hash, err)
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
	if w.isCommon(h[1]) { // it is the other way round
		return false, nil
	}
	return false, w.cutOff(ofB)
}

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

// Parents are the parents of a commit, in its order; none for a root. The error
// is ErrShallow where the clone was made without them.
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

// FirstParents is a commit, its first parent, the first parent of that, and so
// on: at most n commits. It ends at a root, and quietly where a shallow clone
// ends.
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
