//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package job

// Flags of open that this system does not have. Files are looked at before and after.
const (
	withoutLinks   = 0
	withoutWaiting = 0
)
