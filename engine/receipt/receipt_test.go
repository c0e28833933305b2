package receipt

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tlsync/engine/apply"
	"tlsync/engine/plan"
	"tlsync/engine/planfile"
	"tlsync/engine/secret"
)

// threeChanges is a run with a receipt for three changes.
func threeChanges(t *testing.T, secrets ...string) (*File, *plan.Plan, func() *planfile.Receipt) {
	t.Helper()
	hidden := &secret.Redactor{}
	for _, s := range secrets {
		hidden.Add(s)
	}
	file := filepath.Join(t.TempDir(), "receipt.jsonl")
	r, err := Open(file, hidden, plan.Tool{})
	if err != nil {
		t.Fatal(err)
	}
	made := &plan.Plan{Digest: "sha256:x"}
	for _, name := range []string{"a.test", "b.test", "c.test"} {
		made.Changes = append(made.Changes, plan.Change{Ref: plan.ParseRef("custom_hostname/saas.example/"+name, name), Action: plan.Update})
	}
	r.Expect([]*plan.Change{&made.Changes[0], &made.Changes[1], &made.Changes[2]}, made.Digest)
	return r, made, func() *planfile.Receipt {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range secrets {
			if strings.Contains(string(text), s) {
				t.Errorf("the receipt holds %q", s)
			}
		}
		got, err := planfile.ReadReceipt(text)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
}

// TestReceiptOfABug has a panic after the first change.
func TestReceiptOfABug(t *testing.T) {
	r, made, read := threeChanges(t)
	func() {
		defer func() { _ = recover() }()
		defer func() { _ = r.Close("a bug in tlsync ended the run") }()
		r.Step(apply.Step{Change: &made.Changes[1], Outcome: apply.Done, Wrote: true})
		panic("a bug")
	}()
	got := read()
	if got.Tally == nil || got.Tally.Tally != (apply.Tally{Planned: 3, Done: 1, NotAttempted: 2}) || got.Tally.Stopped != "a bug in tlsync ended the run" {
		t.Errorf("%+v", got.Tally)
	}
	if got.Steps[0].Name != "b.test" || got.Steps[2].Reason != "a bug in tlsync ended the run" {
		t.Errorf("%+v", got.Steps)
	}
}

func TestReceiptHoldsNoSecret(t *testing.T) {
	const secret = `token-with-"quotes"-123`
	r, made, read := threeChanges(t, secret)
	r.Step(
		apply.Step{Change: &made.Changes[0], Outcome: apply.Failed, Reason: "the server said " + secret},
		apply.Step{Change: &made.Changes[1], Outcome: apply.Failed, Err: errors.New("the server said " + secret)},
	)
	if err := r.Close("refused: " + secret); err != nil {
		t.Error(err)
	}
	got := read()
	for _, s := range got.Steps {
		if !strings.Contains(s.Reason, "[redacted]") {
			t.Errorf("%+v", s)
		}
	}
	if got.Tally == nil || got.Tally.Stopped != "refused: [redacted]" || got.Tally.NotAttempted != 1 {
		t.Errorf("%+v", got.Tally)
	}
}

// TestReceiptReasonsAreShort says why they were not attempted, in few words each.
func TestReceiptReasonsAreShort(t *testing.T) {
	r, _, read := threeChanges(t)
	_ = r.Close("refused:\n  " + strings.Repeat("one\n  ", 1000))
	for _, s := range read().Steps {
		if n := len([]rune(s.Reason)); n != 400 || !strings.HasPrefix(s.Reason, "refused: one one ") {
			t.Errorf("%d characters: %s", n, s.Reason)
		}
	}
}

// TestReceiptCutsNoSecret has a secret where the reason is cut: no half of it stays.
func TestReceiptCutsNoSecret(t *testing.T) {
	const secret = "canary-0123456789-0123456789"
	r, _, read := threeChanges(t, secret)
	if err := r.Close(strings.Repeat("x", 385) + " " + secret + " and more"); err != nil {
		t.Fatal(err)
	}
	for _, s := range read().Steps {
		if strings.Contains(s.Reason, "canary") || !strings.Contains(s.Reason, "[redacted]") {
			t.Error(s.Reason)
		}
	}
}
