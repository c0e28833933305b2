//go:build !unix

package cloudflare

import (
	"testing"
	"time"
)

// cpu is not measured here.
func cpu(b *testing.B) time.Duration {
	b.Skip("the processor time of a process is measured on Unix only")
	return 0
}
