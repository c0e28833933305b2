//go:build !unix

package main

import "os"

// endProcess ends a process. It cannot be asked to: Windows knows no signal for that.
func endProcess(p *os.Process) error { return p.Kill() }
