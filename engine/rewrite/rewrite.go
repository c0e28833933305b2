// Package rewrite replaces files of a configuration directory: all of them or none.
package rewrite

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"tlsync/engine/safe"
)

// Save replaces files in a directory. Each is written to a temporary file beside it, with
// the mode that it has, and renamed when all of them are on the disk. Links, which may
// lead to a file that others use, are refused.
func Save(dir string, files map[string][]byte) (err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()

	names := slices.Sorted(maps.Keys(files))
	temporary := make(map[string]string, len(names))
	defer func() {
		for _, name := range temporary {
			_ = root.Remove(name) // those that were not renamed
		}
	}()
	for _, name := range names {
		if temporary[name], err = prepare(root, name, files[name]); err != nil {
			return fmt.Errorf("write %s: %w", safe.Text(name), err)
		}
	}

	for _, name := range names {
		if err := root.Rename(temporary[name], name); err != nil {
			return fmt.Errorf("write %s: %w", safe.Text(name), err)
		}
		delete(temporary, name)
	}
	return nil
}

// prepare writes what a file is to hold to a new file beside it, and returns its name.
func prepare(root *os.Root, name string, content []byte) (temporary string, err error) {
	info, err := root.Lstat(name)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", errors.New("it is a link, or no regular file: change the file that it leads to")
	}

	var random [8]byte
	if _, err := rand.Read(random[:]); err != nil {
		return "", err
	}
	temporary = path.Join(path.Dir(name), ".tlsync-"+hex.EncodeToString(random[:]))
	f, err := root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, info.Mode().Perm())
	if err != nil {
		return "", err
	}

	_, err = f.Write(content)
	err = errors.Join(err, f.Chmod(info.Mode().Perm()), f.Sync(), f.Close())
	if err != nil {
		_ = root.Remove(temporary)
		return "", err
	}
	return temporary, nil
}

// Select returns those of a configuration's files that arguments of a command line name: a
// file, or every file below a directory. Without arguments these are all of them.
func Select(dir string, names, arguments []string) ([]string, error) {
	if len(arguments) == 0 {
		return names, nil
	}

	chosen := map[string]bool{}
	for _, argument := range arguments {
		name, err := within(dir, argument)
		if err != nil {
			return nil, err
		}
		found := false
		for _, n := range names {
			if n == name || name == "." || strings.HasPrefix(n, name+"/") {
				chosen[n], found = true, true
			}
		}
		if _, err := os.Stat(argument); !found && errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s: file not found", safe.Text(argument))
		}
		if !found {
			return nil, fmt.Errorf("%s is not part of the configuration in %s: --config names its directory, and include its files", safe.Text(argument), safe.Text(dir))
		}
	}
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !chosen[n] }), nil
}

// within returns the name of a file in a directory, with slashes.
func within(dir, file string) (string, error) {
	from, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	to, err := filepath.Abs(file)
	if err != nil {
		return "", err
	}
	rel, err := filepath.Rel(from, to)
	return filepath.ToSlash(rel), err
}
