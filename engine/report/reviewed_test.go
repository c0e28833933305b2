package report

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"tlsync/engine/hold"
	"tlsync/engine/plan"
	"tlsync/engine/planfile"
	"tlsync/engine/report/view"
	"tlsync/engine/sample"
)

const reviewedCommit = "0123456789abcdef0123456789abcdef01234567"

func TestTheCommentFor50000ChangesHasRoomForItsReview(t *testing.T) {
	for _, alone := range []bool{false, true} {
		p := manyPlan(50000, alone)
		review := planfile.ReviewedMarkdown(planfile.Review{Head: reviewedCommit, Reviewed: hold.Review(p)})
		if len(review) > 20500 {
			t.Errorf("the review takes %d bytes", len(review))
		}
		page := markdown(t, p, MarkdownOptions{Budget: 64800 - len(review)})
		if n := len(page) + len(review); n >= 65536 {
			t.Errorf("the comment has %d bytes", n)
		}
		if alone {
			tables(t, page, 50000)
		}
	}
}

func TestWhatWasAddedIsNamed(t *testing.T) {
	p := sample.Rollout()
	var added []hold.Unreviewed
	for i := range p.Changes[:4] {
		added = append(added, hold.Unreviewed{Change: &p.Changes[i], Edit: &p.Changes[i].Edits[0]})
	}
	added = append(added, hold.Unreviewed{Change: added[3].Change, Hazard: &plan.Hazard{Kind: plan.WeakensTLS}})
	odd := &plan.Change{Ref: plan.Ref{Kind: plan.KindAlert, Name: "A\x1b", Account: "Example Inc"}, Action: plan.Create}
	added = append(added, hold.Unreviewed{Change: odd}, hold.Unreviewed{Change: odd, Why: "it needs \x1b first"})
	got := view.Added(added, 2)
	want := []string{
		"app000.customer.example in saas.example: min_tls_version 1.0 → 1.2",
		"app001.customer.example in saas.example: min_tls_version 1.0 → 1.2",
		"and 3 more",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if got := view.Added(added[5:6], 9); len(got) != 1 || got[0] != `alert A\u001b of account Example Inc: create` {
		t.Errorf("%q", got)
	}
	if got := view.Added(added[4:5], 9); len(got) != 1 || got[0] != "app003.customer.example in saas.example: new hazard weakens_tls" {
		t.Errorf("%q", got)
	}
	want = []string{
		"app003.customer.example in saas.example: min_tls_version 1.0 → 1.2",
		`alert A\u001b of account Example Inc: it needs \u001b first`,
	}
	if d := cmp.Diff(want, view.Added(added[3:], 9)); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}
