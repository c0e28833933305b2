package importing

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"tlsync/schema/sorted"
)

// memory is files by their path, as a file system.
type memory map[string][]byte

// Open opens a file or a directory.
func (m memory) Open(name string) (fs.File, error) {
	if text, ok := m[name]; ok {
		return &file{info: info{path.Base(name), int64(len(text)), false}, Reader: *bytes.NewReader(text)}, nil
	}
	entries := m.entries(name)
	if entries == nil && name != "." {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &file{info: info{path.Base(name), 0, true}, entries: entries}, nil
}

// entries returns what is in a directory, sorted.
func (m memory) entries(dir string) []fs.DirEntry {
	below := map[string]fs.DirEntry{}
	for name, text := range m {
		rest := name
		if dir != "." {
			var in bool
			if rest, in = strings.CutPrefix(name, dir+"/"); !in {
				continue
			}
		}
		first, _, deeper := strings.Cut(rest, "/")
		size := int64(len(text))
		if deeper {
			size = 0
		}
		below[first] = fs.FileInfoToDirEntry(info{first, size, deeper})
	}

	var out []fs.DirEntry
	for _, e := range below {
		out = append(out, e)
	}
	sorted.By(out, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return out
}

// file is an open file or directory.
type file struct {
	info
	bytes.Reader
	entries []fs.DirEntry
}

func (f *file) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *file) Close() error               { return nil }
func (f *file) Size() int64                { return f.info.size }

// Read reads from a file.
func (f *file) Read(b []byte) (int, error) {
	if f.dir {
		return 0, &fs.PathError{Op: "read", Path: f.name, Err: fs.ErrInvalid}
	}
	return f.Reader.Read(b)
}

// ReadDir returns the next entries of a directory, all of them for n ≤ 0.
func (f *file) ReadDir(n int) ([]fs.DirEntry, error) {
	if n > 0 && len(f.entries) == 0 {
		return nil, io.EOF
	}
	if n <= 0 || n > len(f.entries) {
		n = len(f.entries)
	}
	out := f.entries[:n]
	f.entries = f.entries[n:]
	return out, nil
}

// info describes a file or a directory.
type info struct {
	name string
	size int64
	dir  bool
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.size }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) IsDir() bool        { return i.dir }
func (i info) Sys() any           { return nil }

// Mode is that of files that everybody may read.
func (i info) Mode() fs.FileMode {
	if i.dir {
		return fs.ModeDir | 0o555
	}
	return 0o444
}

// joined is a file system with files in memory over it.
type joined struct {
	fs.FS
	over memory
}

// Open opens a file or a directory. The entries of a directory that both have are those of
// the file system: ReadDir lists all.
func (j joined) Open(name string) (fs.File, error) {
	if _, ok := j.over[name]; ok {
		return j.over.Open(name)
	}
	f, err := j.FS.Open(name)
	if err != nil && j.over.entries(name) != nil {
		return j.over.Open(name)
	}
	return f, err
}

// ReadDir lists a directory.
func (j joined) ReadDir(name string) ([]fs.DirEntry, error) {
	over := j.over.entries(name)
	out, err := fs.ReadDir(j.FS, name)
	if err != nil && (over == nil || !errors.Is(err, fs.ErrNotExist)) {
		return nil, err
	}

	for _, e := range over {
		if !slices.ContainsFunc(out, func(o fs.DirEntry) bool { return o.Name() == e.Name() }) {
			out = append(out, e)
		}
	}
	sorted.By(out, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return out, nil
}
