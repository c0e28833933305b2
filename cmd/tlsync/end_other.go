//go:build !windows

package main

import (
	"os"
	"syscall"
)

// endProcess asks a process to end.
func endProcess(p *os.Process) error { return p.Signal(syscall.SIGTERM) }
