// Package gitfs presents one commit of a Git repository as a read-only fs.FS, so that
// the same code loads a committed configuration and one on disk. It also resolves
// revisions, finds the common ancestor of two commits, and tells who last touched a
// line.
//
// It reads objects and references through the storage layer of go-git, but walks
// commits and trees itself. go-git's porcelain (PlainOpen, MergeBase, Blame and so on)
// fails in cases that are common in CI: shallow clones, sparse checkouts, linked
// worktrees and alternates. The tests cover each of them.
//
// Only the objects that are needed are read. The working tree, the index and the size
// of the repository do not matter. The package never writes and never runs the git
// program. It ignores replacements (git replace) and grafts.
package gitfs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// ErrNoRepository reports that neither the directory nor any directory above it is a Git
// repository.
var ErrNoRepository = errors.New("not inside a Git repository")

// ErrNoCommit reports that the branch that is checked out has no commits yet.
var ErrNoCommit = errors.New("the repository has no commit yet")

// ErrShallow reports that the answer depends on history that a shallow clone lacks.
var ErrShallow = errors.New("the clone is shallow: fetch the whole history" +
	" (git fetch --unshallow; for actions/checkout, fetch-depth: 0)")

// Repo is a repository as seen from one directory inside it. It is safe for
// concurrent use.
type Repo struct {
	layout layout
	refs   storer.ReferenceStorer

	mu sync.Mutex // go-git's storage is not made for concurrent use
	// stores are the object stores: the repository's first, then its alternates.
	stores []*filesystem.ObjectStorage
	// trees and commits cache decoded objects. They are too small for a long history.
	trees   recent[[]treeEntry]
	commits recent[commitObject]
}

// The limits of the caches, which hold up to twice as much; see recent.
const (
	keepNames   = 1 << 16 // entries of trees
	keepCommits = 1 << 15
)

// maxTrusted is the largest buffer, in bytes, that is allocated for an object because
// its header says so.
const maxTrusted = 64 << 20

// recent is a cache. New values go to young. When the values in young cost more than
// limit, young becomes old and the values in old are dropped.
type recent[V any] struct {
	limit, cost int
	young, old  map[plumbing.Hash]V
}

func (c *recent[V]) get(h plumbing.Hash) (V, bool) {
	v, ok := c.young[h]
	if !ok {
		v, ok = c.old[h]
	}
	return v, ok
}

func (c *recent[V]) put(h plumbing.Hash, v V, cost int) {
	if c.cost += cost; c.cost > c.limit || c.young == nil {
		c.cost, c.young, c.old = cost, map[plumbing.Hash]V{}, c.young
	}
	c.young[h] = v
}

// Commit identifies a commit.
type Commit struct {
	Hash string // 40 hexadecimal digits
}

func (c Commit) id() (plumbing.Hash, error) {
	if !plumbing.IsHash(c.Hash) {
		return plumbing.ZeroHash, fmt.Errorf("%q is not a commit id of 40 hexadecimal digits", c.Hash)
	}
	return plumbing.NewHash(c.Hash), nil
}

// Sub returns the directory that Open was given, relative to the top of the tree and
// with slashes; "." is the top itself.
func (r *Repo) Sub() string { return r.layout.sub }

// Head returns the commit that is checked out. The error is ErrNoCommit if the branch
// has no commits yet.
func (r *Repo) Head() (Commit, error) {
	ref, err := storer.ResolveReference(r.refs, plumbing.HEAD)
	switch {
	case errors.Is(err, plumbing.ErrReferenceNotFound):
		return Commit{}, ErrNoCommit
	case err != nil:
		return Commit{}, fmt.Errorf("read HEAD of %s: %w", r.layout.gitDir, err)
	}
	return Commit{Hash: ref.Hash().String()}, nil
}

// FS returns the files of a commit, rooted at the directory that Open was given. The
// error is fs.ErrNotExist if the commit does not have that directory.
//
// Symbolic links inside the root are followed, as os.Root does. A link that leaves the
// root is an error, and so is a file in a submodule.
func (r *Repo) FS(c Commit) (fs.FS, error) {
	root, err := r.rootOf(c)
	if err != nil {
		return nil, err
	}

	f, err := r.dir(root)
	switch {
	case errors.Is(err, errNoDirectory):
		return nil, fmt.Errorf("%s %w in commit %s", r.layout.sub, err, c.Hash)
	case err != nil:
		return nil, fmt.Errorf("directory %s in commit %s: %w", r.layout.sub, c.Hash, err)
	}
	return f, nil
}

// Whole returns all files of a commit, rooted at the top of the repository.
func (r *Repo) Whole(c Commit) (fs.FS, error) {
	root, err := r.rootOf(c)
	if err != nil {
		return nil, err
	}
	return &treeFS{repo: r, root: treeEntry{mode: modeTree, hash: root}}, nil
}

// rootOf returns the id of the tree at the top of a commit.
func (r *Repo) rootOf(c Commit) (plumbing.Hash, error) {
	h, err := c.id()
	if err != nil {
		return plumbing.ZeroHash, err
	}
	o, err := r.commit(h)
	if err != nil {
		return plumbing.ZeroHash, fmt.Errorf("read commit %s: %w", c.Hash, err)
	}
	return o.tree, nil
}

// dir returns the directory that Open was given, as it is in the tree root.
func (r *Repo) dir(root plumbing.Hash) (*treeFS, error) {
	whole := &treeFS{repo: r, root: treeEntry{mode: modeTree, hash: root}}
	if r.layout.sub == "." {
		return whole, nil
	}
	e, err := whole.find(r.layout.sub)
	if err != nil {
		return nil, err
	}
	if e.mode != modeTree {
		return nil, errNoDirectory
	}
	return &treeFS{repo: r, root: e}, nil
}

// object returns the content of the object h, which must have the type t.
func (r *Repo) object(t plumbing.ObjectType, h plumbing.Hash) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.objectLocked(t, h)
}

// objectLocked is object for callers that hold the lock.
func (r *Repo) objectLocked(t plumbing.ObjectType, h plumbing.Hash) ([]byte, error) {
	o, err := r.encoded(t, h)
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		return nil, r.missing(t, h)
	}
	if err != nil {
		return nil, err
	}
	return verified(o, h)
}

// unverified returns the content of a blob without checking it, for histories of large
// files of which only the authors of lines are told: the check takes most of the time.
func (r *Repo) unverified(blob plumbing.Hash) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	o, err := r.encoded(plumbing.BlobObject, blob)
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		return nil, r.missing(plumbing.BlobObject, blob)
	}
	if err != nil {
		return nil, err
	}
	return content(o)
}

// encoded finds an object in the stores. The error is plumbing.ErrObjectNotFound if none
// has it. The caller holds the lock.
func (r *Repo) encoded(t plumbing.ObjectType, h plumbing.Hash) (plumbing.EncodedObject, error) {
	for _, s := range r.stores {
		o, err := s.EncodedObject(t, h)
		if errors.Is(err, plumbing.ErrObjectNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", t, h, err)
		}
		return o, nil
	}
	return nil, plumbing.ErrObjectNotFound
}

// verified reads an object and checks that it is the one that its id names, so that a
// commit id stands for all of its files, wherever the objects come from.
func verified(o plumbing.EncodedObject, h plumbing.Hash) ([]byte, error) {
	text, err := content(o)
	if err != nil {
		return nil, err
	}
	if plumbing.ComputeHash(o.Type(), text) != h {
		return nil, fmt.Errorf("%s %s is damaged, its content has another id: clone the repository again, or run git fsck", o.Type(), h)
	}
	return text, nil
}

func content(o plumbing.EncodedObject) (_ []byte, err error) {
	rd, err := o.Reader()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rd.Close()) }()

	var b bytes.Buffer
	b.Grow(int(max(0, min(o.Size(), maxTrusted))) + bytes.MinRead)
	_, err = b.ReadFrom(rd)
	return b.Bytes(), err
}

// size returns the size of a blob without reading its content.
func (r *Repo) size(h plumbing.Hash) (int64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.stores {
		n, err := s.EncodedObjectSize(h)
		if errors.Is(err, plumbing.ErrObjectNotFound) {
			continue
		}
		return n, err
	}
	return 0, r.missing(plumbing.BlobObject, h)
}

// tree returns the entries of a tree, sorted by name.
func (r *Repo) tree(h plumbing.Hash) ([]treeEntry, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if entries, ok := r.trees.get(h); ok {
		return entries, nil
	}

	text, err := r.objectLocked(plumbing.TreeObject, h)
	if err != nil {
		return nil, err
	}
	entries, err := parseTree(text)
	if err != nil {
		return nil, fmt.Errorf("tree %s: %w", h, err)
	}
	r.trees.put(h, entries, 1+len(entries))
	return entries, nil
}

// missing returns an error that explains why an object is missing and what to do. Most
// often the clone was made without it.
func (r *Repo) missing(t plumbing.ObjectType, h plumbing.Hash) error {
	switch {
	case t == plumbing.CommitObject && len(r.layout.shallow) > 0:
		return fmt.Errorf("commit %s is missing: %w", h, ErrShallow)
	case r.layout.partial:
		return fmt.Errorf("%s %s is not in this partial clone: clone without --filter"+
			" (for actions/checkout, without filter and sparse-checkout)", t, h)
	}
	return fmt.Errorf("%s %s is missing from the repository: clone it again, or run git fsck", t, h)
}
