//go:build !linux

package main

import (
	"errors"
	"os"
)

// openTerminal is known for Linux only.
func openTerminal(int) (master, slave *os.File, name string, err error) {
	return nil, nil, "", errors.ErrUnsupported
}
