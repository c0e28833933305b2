//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package load

import "errors"

func mkfifo(string) error { return errors.ErrUnsupported }
