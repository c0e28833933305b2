//go:build unix

package main

import (
	"os"
	"syscall"
)

// peakMemory is the largest memory of a process, in the unit of its kernel: KiB on Linux.
func peakMemory(p *os.ProcessState) int64 { return p.SysUsage().(*syscall.Rusage).Maxrss }
