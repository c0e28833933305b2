// Package regular reads and writes regular files only, for programs that others can leave
// pipes, devices and links in the way of.
package regular

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"tlsync/engine/safe"
)

// Open opens a file to read. It refuses directories, devices and pipes, which
// could be waited for or read without end. The file is looked at before it is opened,
// because opening can have effects, and after, because it may have been replaced
// meanwhile; O_NONBLOCK keeps even then from waiting for a pipe.
func Open(file string) (*os.File, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, named(err, missing{"file", file})
	}
	if !info.Mode().IsRegular() {
		return nil, notRegular(file)
	}

	f, err := os.OpenFile(file, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if info, err = f.Stat(); err == nil && !info.Mode().IsRegular() {
		err = notRegular(file)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// missing is the error for a file or directory that does not exist.
type missing struct{ what, name string }

func (m missing) Error() string { return "there is no " + m.what + " " + safe.Text(m.name) }

func (m missing) Is(target error) bool { return target == fs.ErrNotExist }

// named returns m if err says that something does not exist, and other errors as they are.
// The system's own words name the call that failed, or a temporary file.
func named(err error, m missing) error {
	if errors.Is(err, fs.ErrNotExist) {
		return m
	}
	return err
}

func notRegular(file string) error {
	return fmt.Errorf("%s is not a regular file", safe.Text(file))
}

// OpenOwn opens or creates a regular file to read and write. It never follows a link:
// a link that someone else placed must not decide which file is written.
func OpenOwn(file string) (*os.File, error) {
	flags := os.O_RDWR | syscall.O_NONBLOCK | noFollow
	before, err := os.Lstat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		flags |= os.O_CREATE | os.O_EXCL
	case err != nil:
		return nil, err
	case !before.Mode().IsRegular():
		return nil, notRegular(file)
	}

	f, err := os.OpenFile(file, flags, 0o600)
	if err != nil {
		return nil, named(err, missing{"directory", filepath.Dir(file)})
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = notRegular(file)
	case before != nil && !os.SameFile(before, info):
		err = fmt.Errorf("%s was replaced while it was opened", safe.Text(file))
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// Read reads a file of at most max bytes.
func Read(file string, max int64) ([]byte, error) {
	f, err := Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()

	text, err := io.ReadAll(io.LimitReader(f, max+1))
	if err == nil && int64(len(text)) > max {
		err = fmt.Errorf("%s is larger than %d MiB", safe.Text(file), max>>20)
	}
	return text, err
}

// NotYAML refuses to write to a file that could be configuration.
func NotYAML(file string) error {
	if ext := strings.ToLower(filepath.Ext(file)); ext == ".yaml" || ext == ".yml" {
		return fmt.Errorf("%s: the file is JSON; a name that ends in %s could be read as configuration", safe.Text(file), ext)
	}
	return nil
}

// Savable says what keeps the file of a flag from being saved, as far as that shows before
// there is anything to save. No file is fine.
func Savable(flag, file string) error {
	if file == "" {
		return nil
	}
	if err := NotYAML(file); err != nil {
		return fmt.Errorf("%s %w", flag, err)
	}
	if info, err := os.Lstat(file); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s %s: is not a regular file", flag, safe.Text(file))
	}

	dir := filepath.Dir(file)
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", flag, named(err, missing{"directory", dir}))
	case !info.IsDir():
		return fmt.Errorf("%s %s: %s is not a directory", flag, safe.Text(file), safe.Text(dir))
	}
	return nil
}

// Save writes the file of a flag to a temporary file and renames it, so that the file
// is never incomplete. Its mode is 0600, because live settings are private.
func Save(flag, file string, save func(io.Writer) error) (err error) {
	if err := Savable(flag, file); err != nil {
		return err
	}

	f, err := os.CreateTemp(filepath.Dir(file), ".tlsync-*")
	if err != nil {
		return fmt.Errorf("%s: %w", flag, named(err, missing{"directory", filepath.Dir(file)}))
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
			err = fmt.Errorf("%s: %w", flag, err)
		}
	}()

	if err := save(f); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}
