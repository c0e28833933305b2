package gitfs

import (
	"bytes"
	"io"
	"io/fs"
	"path"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// treeFS is a directory of a commit as a file system.
type treeFS struct {
	repo *Repo
	root treeEntry
}

var (
	_ fs.ReadDirFS  = (*treeFS)(nil)
	_ fs.ReadFileFS = (*treeFS)(nil)
	_ fs.StatFS     = (*treeFS)(nil)
)

// entry finds the entry of a name and follows symbolic links. The entry gets the last
// element of the name as its own, whatever the target of a link is called.
func (f *treeFS) entry(op, name string) (treeEntry, error) {
	if !fs.ValidPath(name) {
		return treeEntry{}, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	e, err := f.find(name)
	if err != nil {
		return treeEntry{}, &fs.PathError{Op: op, Path: name, Err: err}
	}
	e.name = path.Base(name)
	return e, nil
}

// Open opens a file or directory. It does not read the content of a file; the first
// call of Read does.
func (f *treeFS) Open(name string) (fs.File, error) {
	e, err := f.entry("open", name)
	if err != nil {
		return nil, err
	}

	if e.mode == modeTree {
		entries, err := f.readDir(name, e)
		if err != nil {
			return nil, err
		}
		return &dir{info: info{treeEntry: e}, path: name, entries: entries}, nil
	}

	i, err := f.info(name, e)
	if err != nil {
		return nil, err
	}
	return &file{info: i, fs: f, path: name}, nil
}

// Stat returns a description of the file or directory.
func (f *treeFS) Stat(name string) (fs.FileInfo, error) {
	e, err := f.entry("stat", name)
	if err != nil {
		return nil, err
	}
	return f.info(name, e)
}

// ReadFile returns the content of a file.
func (f *treeFS) ReadFile(name string) ([]byte, error) {
	e, err := f.entry("read", name)
	if err != nil {
		return nil, err
	}
	return f.read(name, e)
}

// ReadDir returns the entries of a directory, sorted by name. Symbolic links are listed
// as links and submodules as irregular files.
func (f *treeFS) ReadDir(name string) ([]fs.DirEntry, error) {
	e, err := f.entry("readdir", name)
	if err != nil {
		return nil, err
	}
	return f.readDir(name, e)
}

func (f *treeFS) readDir(name string, e treeEntry) ([]fs.DirEntry, error) {
	if e.mode != modeTree {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrInvalid}
	}
	entries, err := f.repo.tree(e.hash)
	if err != nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: err}
	}
	list := make([]fs.DirEntry, len(entries))
	for i, e := range entries {
		list[i] = dirEntry{treeEntry: e, fs: f, path: path.Join(name, e.name)}
	}
	return list, nil
}

func (f *treeFS) read(name string, e treeEntry) ([]byte, error) {
	if e.mode == modeTree {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrInvalid}
	}
	text, err := f.repo.object(plumbing.BlobObject, e.hash)
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: err}
	}
	return text, nil
}

func (f *treeFS) info(name string, e treeEntry) (info, error) {
	if e.mode == modeTree || e.mode == modeSubmodule {
		return info{treeEntry: e}, nil
	}
	size, err := f.repo.size(e.hash)
	if err != nil {
		return info{}, &fs.PathError{Op: "stat", Path: name, Err: err}
	}
	return info{treeEntry: e, size: size}, nil
}

// info describes a file. Git stores no modification times.
type info struct {
	treeEntry
	size int64
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.size }
func (i info) Mode() fs.FileMode  { return i.fileMode() }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) IsDir() bool        { return i.mode == modeTree }
func (i info) Sys() any           { return nil }

// dirEntry is an entry of a directory. Its size is read when Info is called.
type dirEntry struct {
	treeEntry
	fs   *treeFS
	path string
}

func (d dirEntry) Name() string               { return d.name }
func (d dirEntry) IsDir() bool                { return d.mode == modeTree }
func (d dirEntry) Type() fs.FileMode          { return d.fileMode().Type() }
func (d dirEntry) Info() (fs.FileInfo, error) { return d.fs.info(d.path, d.treeEntry) }
func (d dirEntry) String() string             { return fs.FormatDirEntry(d) }

// file is an open file.
type file struct {
	info info
	fs   *treeFS
	path string
	rd   *bytes.Reader // nil before the first read
	shut bool
}

func (f *file) Stat() (fs.FileInfo, error) {
	if f.shut {
		return nil, &fs.PathError{Op: "stat", Path: f.path, Err: fs.ErrClosed}
	}
	return f.info, nil
}

func (f *file) Read(b []byte) (int, error) {
	if f.shut {
		return 0, &fs.PathError{Op: "read", Path: f.path, Err: fs.ErrClosed}
	}
	if f.rd == nil {
		text, err := f.fs.read(f.path, f.info.treeEntry)
		if err != nil {
			return 0, err
		}
		f.rd = bytes.NewReader(text)
	}
	return f.rd.Read(b)
}

func (f *file) Close() error {
	f.shut = true
	return nil
}

// dir is an open directory.
type dir struct {
	info    info
	path    string
	entries []fs.DirEntry
	next    int
	shut    bool
}

func (d *dir) Stat() (fs.FileInfo, error) {
	if d.shut {
		return nil, &fs.PathError{Op: "stat", Path: d.path, Err: fs.ErrClosed}
	}
	return d.info, nil
}

func (d *dir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.path, Err: fs.ErrInvalid}
}

func (d *dir) Close() error {
	d.shut = true
	return nil
}

// ReadDir returns the next n entries, or all that are left if n <= 0.
func (d *dir) ReadDir(n int) ([]fs.DirEntry, error) {
	if d.shut {
		return nil, &fs.PathError{Op: "readdir", Path: d.path, Err: fs.ErrClosed}
	}
	left := d.entries[d.next:]
	if n > 0 && len(left) == 0 {
		return nil, io.EOF
	}
	if n > 0 && n < len(left) {
		left = left[:n]
	}
	d.next += len(left)
	return append([]fs.DirEntry{}, left...), nil
}
