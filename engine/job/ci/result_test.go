package ci

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"tlsync/engine/apply"
	"tlsync/engine/github"
	"tlsync/engine/hold"
	"tlsync/engine/job"
	"tlsync/engine/plan"
	"tlsync/engine/planfile"
	"tlsync/engine/secret"
)

func TestAFailureBeginsWithWhatItIs(t *testing.T) {
	for _, x := range []struct {
		code          int
		message, want string
	}{
		{job.CodeRefused, "refused, nothing was written:\n  deletes: `x` is deleted\n  ## more\nto accept this, do *that*", "### Refused: nothing was written (exit code 3)\n\n```text\ndeletes: `x` is deleted\n… and 1 more line\n```\n\nto accept this, do `*that*`\n"},
		{job.CodeStale, "stale, nothing was written: the comment was edited", "### Refused: nothing was written (exit code 4)\n\nthe comment was edited\n"},
		{job.CodeRefused, "the plan breaks the policy", "### Refused (exit code 3)\n\nthe plan breaks the policy\n"},
		{job.CodeDiffers, "1 name is below the floor", "### Drift (exit code 2)\n\n1 name is below the floor\n"},
		{job.CodeError, "no credentials\n  ```\n  @all", "### Failed (exit code 1)\n\nno credentials\n\n````text\n```\n… and 1 more line\n````\n"},
	} {
		if got := failureMarkdown((&run{}).failed(x.code), x.code, x.message, 1); got != x.want {
			t.Errorf("got\n%s\nwant\n%s", got, x.want)
		}
	}
}

func TestAResultIsReplacedByNewerRunsOnly(t *testing.T) {
	const plan = "### tlsync plan: 1 to change\n\n<details><summary>Names</summary>\n\nx\n\n</details>\n"
	with := func(run, attempt string) string {
		return "<!-- tlsync:result:v1 run=" + run + " attempt=" + attempt + " state=open -->\n### done\n" + foldPlan + plan + unfoldPlan
	}
	for _, x := range []struct {
		what, page, rest string
		newer            bool
	}{
		{"no result", plan, plan, false},
		{"an older run", with("76", "9"), plan, false},
		{"an earlier attempt", with("77", "1"), plan, false},
		{"the same", with("77", "2"), plan, false},
		{"a later attempt", with("77", "3"), plan, true},
		{"a newer run", with("100", "1"), plan, true},
		{"something else that begins alike", "<!-- tlsync:result:v1 run=x attempt=1 -->\n" + plan, "<!-- tlsync:result:v1 run=x attempt=1 -->\n" + plan, false},
		{"a result without its end", strings.Replace(with("76", "1"), unfoldPlan, "", 1), strings.Replace(with("76", "1"), unfoldPlan, "", 1), false},
	} {
		r := &run{env: github.Environment{RunID: "77", RunAttempt: "2"}}
		if rest, newer, done := r.withoutResult(x.page); rest != x.rest || newer != x.newer || done {
			t.Errorf("%s: newer %v, rest\n%s", x.what, newer, rest)
		}
	}
}

// However long the plan in a comment is, there is room for what became of it, and the review
// stays what it was.
func TestThereIsRoomForAResult(t *testing.T) {
	dir := t.TempDir()
	repo, head := gitRepository(t, dir)
	review := planfile.Review{Head: strings.Repeat("a", 40), Base: strings.Repeat("b", 40), Reviewed: hold.Reviewed{Items: make([]string, 1200)}}
	for i := range review.Items {
		review.Items[i] = fmt.Sprintf("%016x", i)
	}
	kept := planfile.ReviewedMarkdown(review)
	page := "### tlsync plan\n\n" + strings.Repeat("x", commentBudget-200-resultRoom-len(kept)-20) + "\n"
	comment := github.Mark(github.KindPlan, "default", page+"\n"+kept+"\n")

	shown := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	failed := apply.Step{Outcome: apply.Failed, Reason: strings.Repeat("why ", 100), Change: &plan.Change{Ref: plan.ZoneRef("saas.example"), Edits: []plan.Edit{{Setting: "http2"}}}}
	many := &apply.Result{Plan: &plan.Plan{}, Tally: apply.Tally{Planned: 500, Failed: 500}, Steps: slices.Repeat([]apply.Step{failed}, 500)}
	for name, a := range map[string]job.Applied{
		"refused": {Err: job.Exit{Code: job.CodeRefused, Err: errors.New("refused, nothing was written:\n  " + strings.Repeat("long ", 2000))}},
		"failed":  {Result: many, Err: errors.New("x")},
		"nothing": {},
	} {
		r := &run{
			Job: &job.Job{Streams: job.Streams{Err: io.Discard}, Secrets: &secret.Redactor{}}, repo: repo, head: head,
			env: github.Environment{RunID: "77", RunAttempt: "1", ServerURL: "https://github.example", Repository: "acme/tls"},
		}
		m := &merge{pull: 7, review: &review, comment: comment, shown: shown}
		for range 3 { // each time in place of the last
			text, err := r.withResult(m, a)
			if err != nil || text == "" && name != "nothing" {
				t.Fatalf("%s: %v, %q", name, err, text)
			}
			if text == "" {
				break
			}
			m.comment = github.Mark(github.KindPlan, "default", text)
			if len(m.comment) > 65_536 || strings.Count(m.comment, "tlsync:result:v1") != 1 || strings.Count(m.comment, "### tlsync plan") != 1 {
				t.Fatalf("%s: the comment has %d bytes", name, len(m.comment))
			}
			again, err := planfile.ParseReviewed(m.comment)
			if err != nil || !again.Equal(review.Reviewed) || again.Head != review.Head || !again.Since.Equal(shown) {
				t.Fatalf("%s: the review is %+v now, %v", name, again, err)
			}
		}
		// Then there is nothing left to do: that is told if there was something before.
		text, err := r.withResult(m, job.Applied{})
		if told := strings.Contains(text, "### tlsync apply: nothing to do\n"); err != nil || told != (name != "nothing") {
			t.Errorf("%s: with nothing to do the comment becomes %.200q, %v", name, text, err)
		}
	}
}
