package job

import (
	"fmt"
	"io"
	"os"

	"tlsync/engine/planfile"
	"tlsync/engine/safe"
)

// openRegular opens a file to read. It refuses a pipe and a device, which could be waited
// for without end, and looks once more at what it opened: the name may lead elsewhere by
// then.
func openRegular(file string) (*os.File, os.FileInfo, error) {
	info, err := os.Stat(file)
	if err == nil && !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("%s is not a regular file", safe.Text(file))
	}

	f, err := os.OpenFile(file, os.O_RDONLY|withoutWaiting, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err = f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", safe.Text(file))
	}
	if err != nil {
		_ = f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// readBounded reads a plan, a receipt or a review from a file of limited size.
func readBounded(file string) ([]byte, error) {
	f, info, err := openRegular(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()

	tooLarge := info.Size() > planfile.MaxSize
	var text []byte
	if !tooLarge {
		text, err = io.ReadAll(io.LimitReader(f, planfile.MaxSize+1))
		tooLarge = len(text) > planfile.MaxSize
	}
	if tooLarge {
		return nil, fmt.Errorf("%s is larger than %d MiB", safe.Text(file), planfile.MaxSize>>20)
	}
	return text, err
}

// openReceiptFile opens the file of a receipt to write, and creates it if there is none. It
// follows no link and waits for nobody: the file must be a regular one, or a device if
// that is expected.
func openReceiptFile(file string, device bool) (*os.File, error) {
	const flags = withoutLinks | withoutWaiting
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE|flags, 0o600)
	if err != nil && device {
		f, err = os.OpenFile(file, os.O_WRONLY|flags, 0o600)
	}
	if err != nil {
		return nil, err
	}

	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() && (!device || info.Mode()&os.ModeDevice == 0) {
		err = fmt.Errorf("%s is not a regular file", safe.Text(file))
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}
