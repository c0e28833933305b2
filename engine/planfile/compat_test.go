package planfile

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tlsync/engine/apply"
	"tlsync/engine/hold"
	"tlsync/engine/plan"
)

// The files in testdata/compat were written by an earlier tlsync.
// Never rewrite them: they stay readable.
func compat(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "compat", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// accounts are the accounts of the changes whose objects belong to one.
func accounts(changes []*plan.Change) []string {
	var names []string
	for _, c := range changes {
		if c.Kind.OfAccount() {
			names = append(names, c.Account+": "+c.Title())
		}
	}
	return names
}

func TestAnOldPlanIsRead(t *testing.T) {
	text := compat(t, "plan.json")

	p, err := ReadPlan(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Changes) != 14 || p.Digest != plan.Digest(p.Changes) || !Intact(p) {
		t.Errorf("%d changes, digest %s, intact %v", len(p.Changes), plan.Digest(p.Changes), Intact(p))
	}

	var again bytes.Buffer
	if err := PlanJSON(&again, p); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(text), again.String()); d != "" {
		t.Errorf("written again it differs (-old +new):\n%s", d)
	}

	var changes []*plan.Change
	for i := range p.Changes {
		changes = append(changes, &p.Changes[i])
	}
	want := []string{
		"Example Inc: Any hostname / TLS", "Example Inc: partners 06f67a2f", "Example Inc: app.customer.example", "Example Inc: partners",
		"Example Inc: partners", "Example Inc: partners", "Example Inc: pay.customer.example",
	}
	if d := cmp.Diff(want, accounts(changes)); d != "" {
		t.Errorf("accounts (-want +got):\n%s", d)
	}
}

func TestAnOldReceiptIsRead(t *testing.T) {
	text := compat(t, "receipt.jsonl")

	r, err := ReadReceipt(text)
	if err != nil {
		t.Fatal(err)
	}
	want := apply.Tally{Planned: 14, Done: 11, Failed: 1, Skipped: 2}
	if r.Tally == nil || r.Tally.Tally != want || r.Count() != want {
		t.Errorf("tally %+v, want %+v", r.Tally, want)
	}

	var again []byte
	for i := range r.Steps {
		again = append(again, lineOf(t, r.Steps[i])...)
	}
	again = append(again, lineOf(t, *r.Tally)...)
	if d := cmp.Diff(string(text), string(again)); d != "" {
		t.Errorf("written again it differs (-old +new):\n%s", d)
	}
}

// The comment shows the changes of the old plan.
func TestAnOldReviewIsRead(t *testing.T) {
	comment := string(compat(t, "comment.md"))

	r, err := ParseReviewed(comment)
	if err != nil || r.Head != "53d0c08911ee6110275f9357e8b466c9a273dc6b" || len(r.Changes) != 14 {
		t.Fatalf("%v, head %q, %d changes", err, r.Head, len(r.Changes))
	}
	again, err := ParseReviewed(ReviewedMarkdown(r))
	if d := cmp.Diff(r, again); err != nil || d != "" {
		t.Errorf("%v; written again it differs (-old +new):\n%s", err, d)
	}

	p, err := ReadPlan(bytes.NewReader(compat(t, "plan.json")))
	if err != nil {
		t.Fatal(err)
	}
	if added := hold.Added(p, r.Reviewed); len(added) > 0 {
		t.Errorf("%d items of the old plan are not in its review", len(added))
	}
	for i := range p.Changes {
		p.Changes[i].Edits[0].To = `"another"`
	}
	if added := hold.Added(p, r.Reviewed); len(added) == 0 {
		t.Error("another plan is in the review too")
	}
}
