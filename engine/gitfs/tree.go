package gitfs

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"tlsync/schema/sorted"
)

// The kinds of entries in a tree, as modes of Git.
const (
	modeTree       = 0o040000
	modeExecutable = 0o100755
	modeSymlink    = 0o120000
	modeSubmodule  = 0o160000
)

// Bounds on symbolic links, as on Linux.
const (
	maxLinks  = 40   // links that a name may go through
	maxTarget = 4096 // length of the target, in bytes
)

var (
	errEscapes     = errors.New("symbolic link leaves the directory: keep files inside it")
	errLinks       = errors.New("too many levels of symbolic links")
	errTarget      = fmt.Errorf("the target of a symbolic link has more than %d bytes", maxTarget)
	errSubmodule   = errors.New("is inside a submodule, and its files are not part of the commit: keep the configuration in the repository itself")
	errNoDirectory = errors.New("is not a directory")
	errDirectory   = errors.New("is a directory")
)

// treeEntry is an entry of a directory.
type treeEntry struct {
	name string
	mode uint32 // Git's
	hash plumbing.Hash
}

// fileMode returns the mode as a mode of Go, without permissions to write.
func (e treeEntry) fileMode() fs.FileMode {
	switch e.mode {
	case modeTree:
		return fs.ModeDir | 0o555
	case modeExecutable:
		return 0o555
	case modeSymlink:
		return fs.ModeSymlink | 0o777
	case modeSubmodule:
		return fs.ModeIrregular
	}
	return 0o444
}

// parseTree decodes a tree: for each entry its mode in octal, a space, the name, a zero
// byte, and the 20 bytes of the hash. Git sorts directories as if their names ended in a
// slash, but io/fs sorts by name.
func parseTree(text []byte) ([]treeEntry, error) {
	var entries []treeEntry
	for len(text) > 0 {
		head, rest, ok := bytes.Cut(text, []byte{0})
		octal, name, spaced := strings.Cut(string(head), " ")
		if !ok || !spaced || len(rest) < len(plumbing.Hash{}) {
			return nil, errors.New("is cut short or damaged")
		}

		e := treeEntry{name: name}
		for _, digit := range octal {
			if digit < '0' || digit > '7' || e.mode > 0o777777 {
				return nil, fmt.Errorf("entry %q has the mode %q", name, octal)
			}
			e.mode = e.mode<<3 | uint32(digit-'0')
		}
		// fs.ValidPath refuses these names, so nobody could open them.
		if name == "." || !fs.ValidPath(name) || strings.Contains(name, "/") {
			return nil, fmt.Errorf("entry %q has an invalid name", name)
		}

		copy(e.hash[:], rest)
		text = rest[len(e.hash):]
		entries = append(entries, e)
	}
	sorted.Stably(entries, func(a, b treeEntry) int { return cmp.Compare(a.name, b.name) })
	return entries, nil
}

// find follows a path from the root of the tree and through symbolic links.
func (f *treeFS) find(name string) (treeEntry, error) {
	var (
		at    = []treeEntry{f.root} // the directories on the way, for ".." in links
		todo  = strings.Split(name, "/")
		links = 0
	)

	for len(todo) > 0 {
		part := todo[0]
		todo = todo[1:]

		here := at[len(at)-1]
		switch {
		case here.mode == modeSubmodule:
			return treeEntry{}, errSubmodule
		case here.mode != modeTree:
			return treeEntry{}, fs.ErrNotExist
		case part == "" || part == ".":
			continue
		case part == "..":
			if len(at) == 1 {
				return treeEntry{}, errEscapes
			}
			at = at[:len(at)-1]
			continue
		}

		next, err := f.repo.entry(here.hash, part)
		if err != nil {
			return treeEntry{}, err
		}
		if next.mode != modeSymlink {
			at = append(at, next)
			continue
		}

		if links++; links > maxLinks {
			return treeEntry{}, errLinks
		}
		target, err := f.target(next.hash)
		if err != nil {
			return treeEntry{}, err
		}
		if bytes.HasPrefix(target, []byte("/")) {
			return treeEntry{}, errEscapes
		}
		todo = slices.Concat(strings.Split(string(target), "/"), todo)
	}

	found := at[len(at)-1]
	if found.mode == modeSubmodule {
		return treeEntry{}, errSubmodule
	}
	return found, nil
}

// entry finds an entry of a tree by name.
func (r *Repo) entry(tree plumbing.Hash, name string) (treeEntry, error) {
	entries, err := r.tree(tree)
	if err != nil {
		return treeEntry{}, err
	}
	i, ok := slices.BinarySearchFunc(entries, name, func(e treeEntry, name string) int { return cmp.Compare(e.name, name) })
	if !ok {
		return treeEntry{}, fs.ErrNotExist
	}
	return entries[i], nil
}

// target returns the target of a symbolic link.
func (f *treeFS) target(h plumbing.Hash) ([]byte, error) {
	size, err := f.repo.size(h)
	if err != nil {
		return nil, err
	}
	if size > maxTarget {
		return nil, errTarget
	}
	return f.repo.object(plumbing.BlobObject, h)
}
