// Package gitfs shows one commit of a Git repository as a read-only fs.FS, so
// that the configuration as committed is loaded by the same code as the one on
// disk. It also finds commits by name, common ancestors of two, and who last
// touched a line.
//
// Objects are read straight from the object store, and only those that are
// asked for: neither the working tree nor the index nor the size of the
// repository matters. That is also why a sparse checkout can be read, which
// go-git's own repository type refuses to open. Nothing is ever written, and no
// git program is run. Replacements (git replace) and grafts are not followed.
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

// ErrNoRepository says that neither the directory nor any above it is a Git
// repository.
var ErrNoRepository = errors.New("not inside a Git repository")

// ErrNoCommit says that the branch which is checked out has no commit yet.
var ErrNoCommit = errors.New("the repository has no commit yet")

// ErrShallow says that the answer depends on history that the clone was made
// without.
var ErrShallow = errors.New("the clone is shallow: fetch the whole history" +
	" (git fetch --unshallow; for actions/checkout, fetch-depth: 0)")

// Repo is a repository as seen from one directory inside it. It is safe for
// concurrent use.
type Repo struct {
	layout layout
	refs   storer.ReferenceStorer

	mu sync.Mutex // go-git's storage is not made for concurrent use
	// stores are the object stores: the repository's own, then those it borrows
	// from.
	stores []*filesystem.ObjectStorage
	// What was decoded lately. A long history does not fit.
	trees   recent[[]treeEntry]
	commits recent[commitObject]
}

// How much of what was decoded is kept, twice over: names in trees, and commits.
const (
	keepNames   = 1 << 16
	keepCommits = 1 << 15
)

// maxTrusted is up to which size, in bytes, an object is believed to be as large
// as it says before it is read.
const maxTrusted = 64 << 20

// recent keeps what was read lately. When it is full, it forgets whatever has
// not been read since it was full the last time.
type recent[V any] struct {
	limit, cost int // of young
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

// Commit is one commit.
type Commit struct {
	Hash string // 40 hexadecimal digits
}

func (c Commit) id() (plumbing.Hash, error) {
	if !plumbing.IsHash(c.Hash) {
		return plumbing.ZeroHash, fmt.Errorf("%q is not a commit id of 40 hexadecimal digits", c.Hash)
	}
	return plumbing.NewHash(c.Hash), nil
}

// Sub is the directory that Open was given, relative to the top of the tree,
// with slashes; "." for the top itself.
func (r *Repo) Sub() string { return r.layout.sub }

// Head is the commit that is checked out. The error is ErrNoCommit where the
// branch has none yet.
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

// FS is the tree of a commit, rooted at the directory that Open was given. The
// error is fs.ErrNotExist where the commit does not have that directory.
//
// Symbolic links inside the tree are followed, as os.Root does; one that leaves
// it is refused, and so is whatever lies in a submodule.
func (r *Repo) FS(c Commit) (fs.FS, error) {
	h, err := c.id()
	if err != nil {
		return nil, err
	}
	o, err := r.commit(h)
	if err != nil {
		return nil, fmt.Errorf("read commit %s: %w", c.Hash, err)
	}
	f, err := r.dir(o.tree)
	switch {
	case errors.Is(err, errNoDirectory):
		return nil, fmt.Errorf("%s %w in commit %s", r.layout.sub, err, c.Hash)
	case err != nil:
		return nil, fmt.Errorf("directory %s in commit %s: %w", r.layout.sub, c.Hash, err)
	}
	return f, nil
}

// dir is the directory that Open was given, in a commit with that tree.
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

// object is the content of an object of the type t.
func (r *Repo) object(t plumbing.ObjectType, h plumbing.Hash) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.objectLocked(t, h)
}

func (r *Repo) objectLocked(t plumbing.ObjectType, h plumbing.Hash) ([]byte, error) {
	o, err := r.encoded(t, h)
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		return nil, r.missing(t, h)
	}
	if err != nil {
		return nil, err
	}
	return content(o)
}

// encoded finds an object. The error is plumbing.ErrObjectNotFound where it is
// not there. The caller holds the lock.
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

// size is the size of a blob, without reading it.
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

// tree is a decoded tree, sorted by name.
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

// missing explains why an object is not there: most often the clone was made
// without it, and then the cure is another clone.
func (r *Repo) missing(t plumbing.ObjectType, h plumbing.Hash) error {
	switch {
	case t == plumbing.CommitObject && len(r.layout.shallow) > 0:
		return fmt.Errorf("commit %s is missing: %w", h, ErrShallow)
	case r.layout.partial:
		return fmt.Errorf("%s %s is not in this clone, which is partial: clone without --filter"+
			" (for actions/checkout, without filter and sparse-checkout)", t, h)
	}
	return fmt.Errorf("%s %s is missing from the repository: clone it afresh, or see what git fsck says", t, h)
}
