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
)

// The kinds of entries a tree can hold, as Git's modes.
const (
	modeTree       = 0o040000
	modeExecutable = 0o100755
	modeSymlink    = 0o120000
	modeSubmodule  = 0o160000
)

// Bounds on symbolic links, as on Linux: how many one name may go through, and
// how long the text of one may be.
const (
	maxLinks  = 40
	maxTarget = 4096
)

var (
	errEscapes     = errors.New("symbolic link leaves the directory: keep files inside it")
	errLinks       = errors.New("too many levels of symbolic links")
	errTarget      = fmt.Errorf("symbolic link to a name of more than %d bytes", maxTarget)
	errSubmodule   = errors.New("is inside a submodule, whose files are not part of the commit: keep the configuration in the repository itself")
	errNoDirectory = errors.New("is not a directory")
	errDirectory   = errors.New("is a directory")
)

// treeEntry is one name in a directory.
type treeEntry struct {
	name string
	mode uint32 // Git's
	hash plumbing.Hash
}

// fileMode is the mode as Go knows it. Nothing can be written.
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

// parseTree decodes a tree: for each entry its mode in octal, a space, the
// name, a zero byte, and the 20 bytes of the hash. Git sorts directories as if
// their names ended in a slash; io/fs wants plain order.
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
		// fs.ValidPath refuses these too, so nobody could ask for them.
		if name == "." || !fs.ValidPath(name) || strings.Contains(name, "/") {
			return nil, fmt.Errorf("entry %q has a name that no file can have", name)
		}
		copy(e.hash[:], rest)
		text = rest[len(e.hash):]
		entries = append(entries, e)
	}
	slices.SortStableFunc(entries, func(a, b treeEntry) int { return cmp.Compare(a.name, b.name) })
	return entries, nil
}

// find follows a path from the root of the tree, through symbolic links.
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
		entries, err := f.repo.tree(here.hash)
		if err != nil {
			return treeEntry{}, err
		}
		i, ok := slices.BinarySearchFunc(entries, part, func(e treeEntry, name string) int { return cmp.Compare(e.name, name) })
		if !ok {
			return treeEntry{}, fs.ErrNotExist
		}
		if entries[i].mode != modeSymlink {
			at = append(at, entries[i])
			continue
		}
		if links++; links > maxLinks {
			return treeEntry{}, errLinks
		}
		target, err := f.target(entries[i].hash)
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

// target is the text of a symbolic link.
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
