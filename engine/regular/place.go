package regular

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"tlsync/engine/safe"
)

// Place writes several files below a directory, which it makes if need be. All of them
// are written under other names first and then renamed, so that none is ever incomplete.
// It follows no link out of the directory. Without force it does not replace a file.
// Paths are in the order in which the files are put in place; they have slashes.
func Place(dir string, paths []string, files map[string][]byte, force bool) (err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()

	if err := mayPlace(root, paths, force); err != nil {
		return err
	}
	temporary := func(path string) string { return filepath.FromSlash(path) + ".tlsync-new" }
	defer func() {
		if err != nil {
			for _, path := range paths {
				_ = root.Remove(temporary(path))
			}
		}
	}()

	for _, path := range paths {
		if parent := filepath.Dir(filepath.FromSlash(path)); parent != "." {
			if err := root.MkdirAll(parent, 0o755); err != nil {
				return err
			}
		}
		if err := write(root, temporary(path), files[path]); err != nil {
			return err
		}
	}
	for _, path := range paths {
		if err := root.Rename(temporary(path), filepath.FromSlash(path)); err != nil {
			return err
		}
	}
	return nil
}

// Beside returns the files of a directory that match one of some patterns and that are not
// among paths, sorted. A directory that does not exist has none.
func Beside(dir string, paths []string, patterns ...string) ([]string, error) {
	var out []string
	for _, pattern := range patterns {
		found, err := fs.Glob(os.DirFS(dir), pattern)
		if err != nil {
			return nil, err
		}
		for _, path := range found {
			if !slices.Contains(paths, path) {
				out = append(out, path)
			}
		}
	}
	slices.Sort(out)
	return out, nil
}

// Holding returns the regular files among paths below a directory whose whole text is of
// some kind.
func Holding(dir string, paths []string, is func(text string) bool) []string {
	const most = 1 << 20
	var out []string
	for _, path := range paths {
		f, err := Open(filepath.Join(dir, filepath.FromSlash(path)))
		if err != nil {
			continue
		}
		text, err := io.ReadAll(io.LimitReader(f, most))
		_ = f.Close()
		if err == nil && is(string(text)) {
			out = append(out, path)
		}
	}
	return out
}

// Remove removes files below a directory. It follows no link out of the directory.
func Remove(dir string, paths []string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	for _, path := range paths {
		if err := root.Remove(filepath.FromSlash(path)); err != nil {
			return err
		}
	}
	return nil
}

// mayPlace refuses to replace files, and anything that is not a regular file.
func mayPlace(root *os.Root, paths []string, force bool) error {
	for _, path := range paths {
		info, err := root.Lstat(filepath.FromSlash(path))
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return err
		case !info.Mode().IsRegular():
			return notRegular(path)
		case !force:
			return &Exists{path}
		}
	}
	return nil
}

// Exists is the error for a file that is not replaced.
type Exists struct{ Path string }

func (e *Exists) Error() string { return fmt.Sprintf("%s exists already", safe.Text(e.Path)) }

// write makes a new file. One of that name is left from a run that was killed.
func write(root *os.Root, name string, text []byte) error {
	if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
}
