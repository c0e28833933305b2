package ci

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
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
// replace what a newer one wrote, and says whether all is done.
const (
	foldPlan   = "\n<details><summary>The plan that was reviewed</summary>\n<!-- tlsync:result:end -->\n\n"
	unfoldPlan = "\n<!-- tlsync:plan:end -->\n</details>\n"
)

var resultOpen = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^<!-- tlsync:result:v1 run=([0-9]{1,18}) attempt=([0-9]{1,9}) state=(done|open) -->\n`)
})

// resultRoom is kept free in plan comments for the result, in bytes.
const resultRoom = 4000

// maxReporting is how long a result may take to be posted after the run was cancelled: with
// the writes in flight that is less than the runner waits.
const maxReporting = time.Second

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

	for i := range r.merges {
		m := &r.merges[i]
		if err := r.postTo(ctx, m, a); err != nil {
			r.notice("notice", fmt.Sprintf("the result could not be added to the comment on pull request %d: %v", m.pull, err))
		}
	}
}

// postTo puts the result of an apply into the comment of one pull request.
func (r *run) postTo(ctx context.Context, m *merge, a job.Applied) error {
	text, err := r.withResult(m, a)
	if err != nil || text == "" {
		return err
	}
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

// withResult returns the text of a comment with the result of an apply, and with its review
// as it was. It is empty if the comment has what a newer run did, or a result and there is
// nothing new to tell.
func (r *run) withResult(m *merge, a job.Applied) (string, error) {
	page, review, err := planfile.CutReviewed(m.comment)
	if err != nil {
		return "", err
	}
	_, page, _ = strings.Cut(page, "\n") // the marker, which the new text gets afresh
	page, newer, done := r.withoutResult(page)
	if newer || done && a.Err == nil && a.Result == nil {
		return "", nil
	}

	state := "done"
	if a.Err != nil {
		state = "open"
	}
	review.Since = m.shown
	rest := foldPlan + page + unfoldPlan + "\n" + planfile.ReviewedMarkdown(review) + "\n"
	mark := fmt.Sprintf("<!-- tlsync:result:v1 run=%s attempt=%s state=%s -->\n", cmp.Or(r.env.RunID, "0"), cmp.Or(r.env.RunAttempt, "0"), state)
	return mark + r.outcome(a, commentBudget-200-len(mark)-len(rest)) + rest, nil
}

// withoutResult cuts the result of another run from a comment. It reports whether that run is
// newer than this one, and whether it did all there was to do.
func (r *run) withoutResult(page string) (rest string, newer, done bool) {
	found := resultOpen().FindStringSubmatch(page)
	_, rest, folded := strings.Cut(page, foldPlan)
	rest, unfolded := strings.CutSuffix(rest, unfoldPlan)
	if found == nil || !folded || !unfolded {
		return page, false, false
	}

	number := func(s string) int { n, _ := strconv.Atoi(s); return n } // digits, or nothing
	id, attempt := number(found[1]), number(found[2])
	newer = cmp.Or(cmp.Compare(id, number(r.env.RunID)), cmp.Compare(attempt, number(r.env.RunAttempt))) > 0
	return rest, newer, found[3] == "done"
}

// outcome tells in a comment what an apply did, or why it did nothing.
func (r *run) outcome(a job.Applied, budget int) string {
	lead := strings.TrimSpace(r.leftAlone(a.Left) + "\n\n" + r.acceptedBy())
	if a.Result != nil {
		page := r.page("tlsync apply", r.of(nil))
		page.Budget, page.Lead = max(1, budget), lead
		text, err := job.Markdown(r.Job, report.ResultMarkdown, a.Result, page)
		if err == nil {
			return text
		}
		r.warn("the whole result", err) // there is room for a headline
		t := a.Result.Tally
		return fmt.Sprintf("### tlsync apply: %s of %s done\n\n%s\n", words.Number(t.Done), words.Count(t.Planned, "change"), r.aboutRun())
	}

	text := "### tlsync apply: nothing to do\n"
	if a.Err != nil {
		text = failureMarkdown(r.failed(job.CodeOf(a.Err)), job.CodeOf(a.Err), r.Secrets.Hide(a.Err.Error()), 30)
	}
	if text += "\n" + strings.TrimSpace(lead+"\n\n"+r.aboutRun()) + "\n"; len(text) > budget {
		text = "### tlsync apply: " + map[bool]string{true: "refused", false: "failed"}[refuses(job.CodeOf(a.Err))] + "\n\n" + r.aboutRun() + "\n"
	}
	return text
}

// refuses reports whether an exit code says that a run wrote nothing because it must not.
func refuses(code int) bool { return code == job.CodeRefused || code == job.CodeStale }

// failed says in a word or two how a run with an exit code ended.
func (r *run) failed(code int) string {
	switch {
	case code == job.CodeDiffers:
		return "Drift"
	case r.task == github.TaskDrift && code == job.CodeRefused:
		return "Policy broken"
	case refuses(code):
		return "Refused"
	}
	return "Failed"
}

// failureMarkdown says why a run did not do what it was to do, and what to do now. What the
// message indents is a block of code that can be copied, of at most so many lines.
func failureMarkdown(title string, code int, message string, most int) string {
	for _, word := range []string{"refused", "stale"} {
		if rest, ok := strings.CutPrefix(message, word+", nothing was written: "); ok {
			title, message = title+": nothing was written", rest
		} else if rest, ok := strings.CutPrefix(message, word+", nothing was written:\n"); ok {
			title, message = title+": nothing was written", rest
		}
	}

	text := "### " + title + " (exit code " + strconv.Itoa(code) + ")\n"
	var block []string
	flush := func() {
		if len(block) > 0 {
			text += "\n" + safe.Fenced("text", cut(block, most))
			block = nil
		}
	}
	for line := range strings.SplitSeq(message, "\n") {
		if shown, indented := strings.CutPrefix(line, "  "); indented {
			block = append(block, safe.Text(shown))
			continue
		}
		flush()
		text += "\n" + safe.MarkdownText(line) + "\n"
	}
	flush()
	return text
}

// cut leaves out the lines of a block after the first ones, and counts them.
func cut(lines []string, most int) []string {
	if left := len(lines) - most; left > 0 {
		return append(lines[:most:most], "… and "+words.Count(left, "more line"))
	}
	return lines
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

// acceptedBy says which hazards were accepted by whose labels; it is empty if none were.
func (r *run) acceptedBy() string {
	var parts []string
	for _, a := range r.accepted {
		parts = append(parts, safe.MarkdownCode(string(a.Hazard))+" by "+safe.MarkdownCode(a.By))
	}
	if len(parts) == 0 {
		return ""
	}

	var pulls []string
	for _, n := range slices.Compact(slices.Sorted(slices.Values(r.acceptedIn))) {
		pulls = append(pulls, strconv.Itoa(n))
	}
	return "Accepted: " + strings.Join(parts, ", ") + ", by " + words.Plural(len(pulls), "the label of pull request ", "the labels of pull requests ") + words.Enumerate(pulls) + "."
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
			r.notice("notice", "the result is not added to the comments of pull requests: "+err.Error())
			return
		}
		r.remember(m)
	}
}
