package snapshot

import (
	"crypto/sha256"
	"io"
	"strings"

	"tlsync/engine/plan"
)

// Blank is what stands for a secret.
const Blank = blank

// WriteUpTo and ReadUpTo have a limit of their own, in bytes.
func WriteUpTo(w io.Writer, live *plan.Live, m Meta, limit int64) error {
	return write(w, live, m, limit)
}

func ReadUpTo(r io.Reader, limit int64) (*Snapshot, error) { return read(r, limit) }

// Sealed is a file with the digest that fits what stands before it.
func Sealed(file string) string {
	at := strings.LastIndex(file, `"digest":`)
	if at < 0 {
		return file
	}
	sum := sha256.New()
	sum.Write([]byte(file[:at]))
	return file[:at] + digestLine(sum) + "\n}\n"
}
