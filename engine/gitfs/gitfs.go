// Package gitfs shows one commit of a Git repository as a read-only fs.FS, so
// that the configuration as committed is loaded by the same code as the one on
// disk.
//
// Objects are read straight from the object store, and only those that are
// asked for: neither the working tree nor the index nor the size of the
// repository matters. That is also why a sparse checkout can be read, which
// go-git's own repository type refuses to open. Nothing is ever written, and no
// git program is run.
package gitfs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
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

// Repo is a repository as seen from one directory inside it. It is safe for
// concurrent use.
type Repo struct {
	layout layout
	refs   storer.ReferenceStorer

	mu sync.Mutex // go-git's storage is not made for concurrent use
	// stores are the object stores: the repository's own, then those it borrows
	// from.
	stores []*filesystem.ObjectStorage
	trees  map[plumbing.Hash][]treeEntry // decoded, as many as were asked for
}

// Commit is one commit.
type Commit struct {
	Hash string // 40 hexadecimal digits
}

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
	if !plumbing.IsHash(c.Hash) {
		return nil, fmt.Errorf("%q is not a commit id of 40 hexadecimal digits", c.Hash)
	}
	root, err := r.rootTree(plumbing.NewHash(c.Hash))
	if err != nil {
		return nil, fmt.Errorf("read commit %s: %w", c.Hash, err)
	}
	whole := &treeFS{repo: r, root: treeEntry{mode: modeTree, hash: root}}
	if r.layout.sub == "." {
		return whole, nil
	}
	e, err := whole.find(r.layout.sub)
	if err != nil {
		return nil, fmt.Errorf("directory %s in commit %s: %w", r.layout.sub, c.Hash, err)
	}
	if e.mode != modeTree {
		return nil, fmt.Errorf("%s is not a directory in commit %s", r.layout.sub, c.Hash)
	}
	return &treeFS{repo: r, root: e}, nil
}

// rootTree is the hash of a commit's tree.
func (r *Repo) rootTree(commit plumbing.Hash) (plumbing.Hash, error) {
	text, err := r.object(plumbing.CommitObject, commit)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	// A commit begins with the line "tree HASH".
	line, _, _ := bytes.Cut(text, []byte("\n"))
	hash, ok := bytes.CutPrefix(line, []byte("tree "))
	if !ok || !plumbing.IsHash(string(hash)) {
		return plumbing.ZeroHash, errors.New("it does not begin with the id of its tree")
	}
	return plumbing.NewHash(string(hash)), nil
}

// object is the content of an object of the type t.
func (r *Repo) object(t plumbing.ObjectType, h plumbing.Hash) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.objectLocked(t, h)
}

func (r *Repo) objectLocked(t plumbing.ObjectType, h plumbing.Hash) ([]byte, error) {
	for _, s := range r.stores {
		o, err := s.EncodedObject(t, h)
		if errors.Is(err, plumbing.ErrObjectNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", t, h, err)
		}
		return content(o)
	}
	return nil, r.missing(t, h)
}

func content(o plumbing.EncodedObject) (_ []byte, err error) {
	rd, err := o.Reader()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rd.Close()) }()
	return io.ReadAll(rd)
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
	if entries, ok := r.trees[h]; ok {
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
	r.trees[h] = entries
	return entries, nil
}

// missing explains why an object is not there: most often the clone was made
// without it, and then the cure is another clone.
func (r *Repo) missing(t plumbing.ObjectType, h plumbing.Hash) error {
	switch {
	case t == plumbing.CommitObject && r.layout.shallow:
		return fmt.Errorf("commit %s is not in this clone, which is shallow: fetch the whole history"+
			" (git fetch --unshallow; for actions/checkout, fetch-depth: 0)", h)
	case r.layout.partial:
		return fmt.Errorf("%s %s is not in this clone, which is partial: clone without --filter"+
			" (for actions/checkout, without filter and sparse-checkout)", t, h)
	}
	return fmt.Errorf("%s %s is missing from the repository: clone it afresh, or see what git fsck says", t, h)
}
