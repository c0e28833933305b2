//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package job

import "syscall"

// Flags of open. The first makes it fail for a symbolic link, the second makes it return
// for a pipe that nobody has at its other end.
const (
	withoutLinks   = syscall.O_NOFOLLOW
	withoutWaiting = syscall.O_NONBLOCK
)
