//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package cloudflare

import (
	"testing"
	"time"
)

// cpu returns nothing: this system does not tell the processor time in the same way.
func cpu(*testing.B) time.Duration { return 0 }
