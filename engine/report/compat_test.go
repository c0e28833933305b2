package report

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"tlsync/engine/planfile"
)

// TestOldFilesAreShown renders a plan and a receipt that an older release wrote.
func TestOldFilesAreShown(t *testing.T) {
	old := func(name string) []byte {
		text, err := os.ReadFile(filepath.Join("..", "planfile", "testdata", "compat", name))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}

	p, err := planfile.ReadPlan(bytes.NewReader(old("plan.json")))
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "compat-plan", []byte(render(t, p, TextOptions{Verbose: true})))
	golden(t, "compat-plan-markdown", []byte(markdown(t, p, MarkdownOptions{})))

	r, err := planfile.ReadReceipt(old("receipt.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := ReceiptText(&text, r, ResultOptions{Verbose: true}); err != nil {
		t.Fatal(err)
	}
	golden(t, "compat-receipt", text.Bytes())
}
