package ci

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"tlsync/engine/github"
	"tlsync/engine/job"
	"tlsync/engine/planfile"
	"tlsync/engine/report"
	"tlsync/engine/safe"
	"tlsync/schema/words"
)

// The result of an apply stands at the top of a plan comment, and the plan is folded below
// it. Its first line, which GitHub does not show, names the run, so that an older one does not
// replace what a newer one wrote.
const (
	foldPlan   = "\n<details><summary>The plan that was reviewed</summary>\n<!-- tlsync:result:end -->\n\n"
	unfoldPlan = "\n<!-- tlsync:plan:end -->\n</details>\n"
)

var resultOpen = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^<!-- tlsync:result:v1 run=([0-9]{1,18}) attempt=([0-9]{1,9}) -->\n`)
})

// resultRoom is kept free in plan comments for the result, in bytes.
const resultRoom = 4000

// maxReporting is how long a result may take to be posted after the run was cancelled.
const maxReporting = 2 * time.Second

// post puts the result of an apply into the plan comments of the pull requests that it was
// held to. It changes only comments that count as a review: another one may have been edited
// by somebody, and would pass for ours afterwards.
func (r *run) post(ctx context.Context, a job.Applied) {
	if !r.o.Comment || r.client == nil {
		return
	}
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), maxReporting)
		defer cancel()
	}

	posted := map[int]bool{}
	for i := range r.merges {
		m := &r.merges[i]
		if m.review == nil || posted[m.pull] {
			continue
		}
		posted[m.pull] = true
		if err := r.postTo(ctx, m, a); err != nil {
			r.notice("notice", fmt.Sprintf("the result could not be added to the comment on pull request %d: %v", m.pull, err))
		}
	}
}

// postTo puts the result of an apply into the comment of one pull request.
func (r *run) postTo(ctx context.Context, m *merge, a job.Applied) error {
	page, review, err := planfile.CutReviewed(m.comment)
	if err != nil {
		return err
	}
	_, page, _ = strings.Cut(page, "\n") // the marker, which the new text gets afresh
	page, newer := r.withoutResult(page)
	nothing := a.Err == nil && a.Result == nil
	if newer || nothing && strings.Contains(m.comment, foldPlan) {
		return nil
	}

	review.Since = m.shown
	rest := foldPlan + page + unfoldPlan + "\n" + planfile.ReviewedMarkdown(review) + "\n"
	mark := fmt.Sprintf("<!-- tlsync:result:v1 run=%s attempt=%s -->\n", cmp.Or(r.env.RunID, "0"), cmp.Or(r.env.RunAttempt, "0"))
	text, err := r.outcome(a, commentBudget-200-len(mark)-len(rest))
	if err != nil {
		return err
	}
	text = mark + text + rest
	if err := r.Secrets.Whole(text); err != nil {
		return err
	}

	posted, err := r.client.UpsertComment(ctx, m.pull, github.KindPlan, r.key(), text)
	if err == nil {
		r.commentURL = cmp.Or(r.commentURL, posted.URL)
		r.remark("tlsync: comment on pull request %d %s", m.pull, posted.Done)
	}
	return err
}

// withoutResult cuts the result of an earlier run from a comment, and reports whether the
// run is a newer one than this.
func (r *run) withoutResult(page string) (rest string, newer bool) {
	found := resultOpen().FindStringSubmatch(page)
	_, rest, folded := strings.Cut(page, foldPlan)
	rest, unfolded := strings.CutSuffix(rest, unfoldPlan)
	if found == nil || !folded || !unfolded {
		return page, false
	}

	number := func(s string) int { n, _ := strconv.Atoi(s); return n } // digits, or nothing
	id, attempt := number(found[1]), number(found[2])
	return rest, cmp.Or(cmp.Compare(id, number(r.env.RunID)), cmp.Compare(attempt, number(r.env.RunAttempt))) > 0
}

// outcome tells in a comment what an apply did, or why it did nothing.
func (r *run) outcome(a job.Applied, budget int) (string, error) {
	lead := strings.TrimSpace(r.aboutRun() + "\n\n" + r.leftAlone(a.Left) + "\n\n" + r.acceptedBy())
	if a.Result != nil {
		page := report.MarkdownOptions{Title: "tlsync apply", Budget: max(1, budget), Lead: lead}
		text, err := job.Markdown(r.Job, report.ResultMarkdown, a.Result, page)
		if err == nil {
			return text, nil
		}
		r.warn("the whole result", err) // there is room for a headline
		t := a.Result.Tally
		return fmt.Sprintf("### tlsync apply: %d of %s done\n\n%s\n", t.Done, words.Count(t.Planned, "change"), r.aboutRun()), nil
	}

	text := "### tlsync apply: nothing to do\n"
	if a.Err != nil {
		text = refusedMarkdown(job.CodeOf(a.Err), r.Secrets.Hide(a.Err.Error()), 30)
	}
	if text += "\n" + lead + "\n"; len(text) > budget {
		text = "### tlsync apply: " + map[bool]string{true: "refused", false: "failed"}[refuses(job.CodeOf(a.Err))] + "\n\n" + r.aboutRun() + "\n"
	}
	return text, nil
}

// refuses reports whether an exit code says that a run wrote nothing because it must not.
func refuses(code int) bool { return code == job.CodeRefused || code == job.CodeStale }

// refusedMarkdown says why a run wrote nothing, and what to do, as a message of at most so
// many lines says.
func refusedMarkdown(code int, message string, most int) string {
	title := "### Failed"
	if refuses(code) {
		title = "### Refused"
	}
	return title + " (exit code " + strconv.Itoa(code) + ")\n\n" + safe.MarkdownMessage(message, most) + "\n"
}

// aboutRun links to the run.
func (r *run) aboutRun() string {
	commit := "Commit " + safe.MarkdownCode(short(r.head.Hash))
	if url := r.env.RunURL(); url != "" {
		return commit + ", [the run and its log](" + url + ")."
	}
	return commit + "."
}

// leftAlone says how many settings are left alone; it is empty if none are.
func (r *run) leftAlone(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("**%s drifted after the review** and %s left alone. To put %s right, run the apply by hand (in the ready-made workflow: Run workflow); or commit what is live.",
		words.Count(n, "setting"), words.Plural(n, "is", "are"), words.Plural(n, "it", "them"))
}

// acceptedBy says which hazards were accepted by whom; it is empty if none were.
func (r *run) acceptedBy() string {
	var parts []string
	for _, a := range r.accepted {
		parts = append(parts, safe.MarkdownCode(string(a.kind))+" by "+safe.MarkdownText(a.by))
	}
	if len(parts) == 0 {
		return ""
	}
	return "Accepted: " + strings.Join(parts, "; ") + "."
}

// findPulls looks up the pull requests of commits for their comments alone: the apply is not
// held to their reviews.
func (r *run) findPulls(ctx context.Context, last marked) {
	if r.client == nil || !r.o.Comment {
		return
	}
	for _, commit := range last.since {
		m, err := r.reviewOf(ctx, commit)
		if err != nil {
			r.notice("notice", "the result is not added to the comments of pull requests: "+errors.Unwrap(err).Error())
			return
		}
		r.merges = append(r.merges, m)
	}
}
