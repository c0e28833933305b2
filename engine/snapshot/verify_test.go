package snapshot_test

import (
	"strings"
	"testing"

	"tlsync/engine/snapshot"
)

// TestVerify checks that an edit is found before anything is decoded, and that what
// is no snapshot is left to Read.
func TestVerify(t *testing.T) {
	good := write(t, full(t), fullMeta(t))
	if err := snapshot.Verify(strings.NewReader(good)); err != nil {
		t.Error(err)
	}
	for _, edit := range [][2]string{{`"reads":`, `"reads":1`}, {`"zones":[`, `"zones":[{},`}, {`"digest":"sha256:`, `"digest":"sha256:0`}} {
		text := strings.Replace(good, edit[0], edit[1], 1)
		if err := snapshot.Verify(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), "the digest is not that of the file") {
			t.Errorf("%s for %s: %v", edit[1], edit[0], err)
		}
	}
	for _, text := range []string{"", "{}", good[:len(good)/2], strings.Replace(good, `"1"`, `"2"`, 1)} {
		if err := snapshot.Verify(strings.NewReader(text)); err != nil {
			t.Errorf("%.40q: %v", text, err)
		}
	}
}

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
