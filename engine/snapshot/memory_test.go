package snapshot_test

import (
	"strings"
	"testing"

	"tlsync/engine/snapshot"
)

// TestEmptyLinesAreRefused reads a file whose lines take many times their size in
// memory.
func TestEmptyLinesAreRefused(t *testing.T) {
	good := write(t, full(t), fullMeta(t))
	at := strings.Index(good, "\"hostnames\":[\n") + len("\"hostnames\":[\n")
	text := good[:at] + strings.Repeat("{\"name\":\"\"},\n", 700_000) + good[at:]
	if _, err := snapshot.Read(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), "hardly anything in them") {
		t.Errorf("%.200v", err)
	}
}
