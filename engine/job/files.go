package job

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"tlsync/engine/planfile"
	"tlsync/engine/safe"
)

// openRegular opens a file to read. It refuses directories, devices and pipes, which
// could be waited for or read without end. The file is looked at before it is opened,
// because opening can have effects, and after, because it may have been replaced
// meanwhile; O_NONBLOCK keeps even then from waiting for a pipe.
func openRegular(file string) (*os.File, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
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

func notRegular(file string) error {
	return fmt.Errorf("%s is not a regular file", safe.Text(file))
}

// openOwn opens or creates a regular file to read and write. It never follows a link:
// a link that someone else placed must not decide which file is written.
func openOwn(file string) (*os.File, error) {
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
		return nil, err
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

// readBounded reads a plan, a receipt or a review from a file of limited size.
func readBounded(file string) ([]byte, error) {
	f, err := openRegular(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()

	text, err := io.ReadAll(io.LimitReader(f, planfile.MaxSize+1))
	if err == nil && len(text) > planfile.MaxSize {
		err = fmt.Errorf("%s is larger than %d MiB", safe.Text(file), planfile.MaxSize>>20)
	}
	return text, err
}
