package importing

import (
	"testing"
	"testing/fstest"
)

func TestMemory(t *testing.T) {
	m := memory{"tlsync.yaml": []byte("version: 1\n"), "zones/a.yaml": []byte("zone: a.example\n"), "zones/deep/b.yaml": nil}
	if err := fstest.TestFS(m, "tlsync.yaml", "zones/a.yaml", "zones/deep/b.yaml"); err != nil {
		t.Fatal(err)
	}
}
