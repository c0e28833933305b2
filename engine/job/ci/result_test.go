package ci

import (
	"strings"
	"testing"
	"time"

	"tlsync/engine/github"
	"tlsync/engine/job"
	"tlsync/engine/planfile"
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
		return "<!-- tlsync:result:v1 run=" + run + " attempt=" + attempt + " -->\n### done\n" + foldPlan + plan + unfoldPlan
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
		if rest, newer := r.withoutResult(x.page); rest != x.rest || newer != x.newer {
			t.Errorf("%s: newer %v, rest\n%s", x.what, newer, rest)
		}
	}
}

// The room that a plan leaves is enough for a result that says little.
func TestThereIsRoomForAResult(t *testing.T) {
	review := planfile.ReviewedMarkdown(planfile.Review{Head: strings.Repeat("a", 40), Base: strings.Repeat("b", 40)})
	with := planfile.ReviewedMarkdown(planfile.Review{Head: strings.Repeat("a", 40), Base: strings.Repeat("b", 40), Since: time.Unix(1e9, 0)})
	most := commentBudget - 200 - resultRoom // the plan and its review
	if took := len(with) - len(review) + len(foldPlan) + len(unfoldPlan) + 100; most+took+2000 > commentBudget-200 {
		t.Errorf("the frame of a result takes %d bytes", took)
	}
}
