package ci

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"tlsync/engine/gitfs"
	"tlsync/engine/github"
	"tlsync/engine/job"
	"tlsync/engine/planfile"
	"tlsync/engine/safe"
	"tlsync/schema"
	"tlsync/schema/load"
)

// merge is a commit on the default branch that waits to be applied, and its review.
type merge struct {
	pull    int // 0 for a direct push
	review  *planfile.Review
	comment string    // that has the review
	shown   time.Time // since when it shows what it does
	why     string    // the review is missing
}

// heldTo returns what the plan is held to: the reviews of all merges that are not applied
// yet; nil if nothing was reviewed and nothing has to be. A direct push is held to the reviews of the merges before it. A merged
// pull request whose review is missing is stale, unless it leaves the configuration alone
// or no comment can hold a review because comments are switched off.
func (r *run) heldTo(ctx context.Context, last marked) (*job.Reviewed, error) {
	if r.o.Reviewed == "off" {
		r.findPulls(ctx, last)
		return nil, nil
	}
	if r.client == nil {
		return nil, job.Exit{Code: job.CodeStale, Err: errors.New("stale, nothing was written: there is no GITHUB_TOKEN to look up the reviewed plan with (in the action: the input github-token)")}
	}

	since := last.since
	again := len(since) == 0 // it was applied before, and is held to the same once more
	if again {
		since = []gitfs.Commit{r.head}
	}

	out := &job.Reviewed{Next: whatNext}
	direct, unreviewed := "", false
	for _, commit := range since {
		m, err := r.reviewOf(ctx, commit)
		if err != nil {
			return nil, fmt.Errorf("nothing was written: %w", err)
		}
		r.remember(m)

		switch {
		case m.review != nil:
			out.Reviews = append(out.Reviews, m.review.Reviewed)
		case r.o.Reviewed == "required":
			return nil, job.Exit{Code: job.CodeStale, Err: fmt.Errorf("stale, nothing was written: %s, and a reviewed plan is required", m.why)}
		case m.pull == 0:
			direct = cmp.Or(direct, m.why)
		case !r.o.Comment:
			direct = cmp.Or(direct, m.why+": comments are switched off")
		case again || !r.configures(commit):
			unreviewed = true
		default:
			return nil, job.Exit{Code: job.CodeStale, Err: fmt.Errorf("stale, nothing was written: %s; %s", m.why, unreviewedHint)}
		}
	}

	if len(out.Reviews) == 0 && !unreviewed {
		r.remark("tlsync: not checked against a reviewed plan: %s", direct)
		r.summary = append(r.summary, "Not checked against a reviewed plan: "+safe.MarkdownText(direct)+".\n")
		return nil, nil
	}
	return out, nil
}

// remember notes a merge whose review shows what it brings. A pull request may have brought
// several commits.
func (r *run) remember(m merge) {
	known := slices.ContainsFunc(r.merges, func(o merge) bool { return o.pull == m.pull })
	if m.review != nil && !known {
		r.merges = append(r.merges, m)
	}
}

// unreviewedHint says what to do about a merge without a review.
const unreviewedHint = "read the plan, then apply it by hand with reviewed: off (in the ready-made workflow: Run workflow)"

// whatNext says what to do about a plan that has more than was reviewed.
const whatNext = "read the plan in the summary of this run; then open a pull request, which shows the rest for review, or apply all of it by hand with reviewed: off (in the ready-made workflow: Run workflow)"

// reviewOf finds the pull request that brought a commit, and its review: the newest
// comment that counts. If none counts, it says why the newest does not.
func (r *run) reviewOf(ctx context.Context, commit gitfs.Commit) (merge, error) {
	var m merge
	pull, ok, err := r.client.MergedPull(ctx, commit.Hash, r.event.DefaultBranch)
	switch {
	case err != nil:
		return m, fmt.Errorf("look up the pull request of commit %s: %w", short(commit.Hash), err)
	case !ok:
		m.why = "no merged pull request contains commit " + short(commit.Hash)
		return m, nil
	}

	return r.reviewIn(ctx, pull)
}

// reviewIn finds the review in the comments of a pull request.
func (r *run) reviewIn(ctx context.Context, pull github.MergedPull) (merge, error) {
	m := merge{pull: pull.Number}
	comments, err := r.client.Candidates(ctx, pull.Number, github.KindPlan, r.key())
	if err != nil {
		return m, fmt.Errorf("look up the plan comment of pull request %d: %w", pull.Number, err)
	}
	for _, c := range comments {
		review, why, err := r.counts(ctx, c, pull)
		switch {
		case err != nil:
			return m, fmt.Errorf("check the plan comment of pull request %d: %w", pull.Number, err)
		case why == "":
			m.review, m.comment, m.shown = &review, c.Body, shownSince(review, c)
			return m, nil
		case m.why == "":
			m.why = fmt.Sprintf("the plan comment on pull request %d %s", pull.Number, why)
		}
	}
	if m.why == "" {
		m.why = fmt.Sprintf("pull request %d has no plan comment by tlsync", pull.Number)
	}
	return m, nil
}

// shownSince returns since when a comment shows what it does.
func shownSince(review planfile.Review, c github.Candidate) time.Time {
	if !review.Since.IsZero() {
		return review.Since
	}
	return c.Shown
}

// counts reads the review of a comment, or says why the comment does not count.
func (r *run) counts(ctx context.Context, c github.Candidate, pull github.MergedPull) (review planfile.Review, why string, err error) {
	switch {
	case !c.Ours && c.Author == "":
		return review, "is by an account that was deleted", nil
	case !c.Ours:
		return review, "is by " + safe.Text(c.Author) + ", not by the owner of this token: if that is tlsync with another token, set TLSYNC_GITHUB_LOGIN to that name (in the action: the input github-login)", nil
	case !c.Intact:
		return review, "was edited: its text does not match its digest", nil
	}

	review, err = planfile.ParseReviewed(c.Body)
	switch {
	case err != nil:
		return review, "does not count: " + err.Error(), nil
	case review.Head != pull.HeadSHA:
		return review, fmt.Sprintf("is for commit %s, but %s was merged", short(review.Head), short(pull.HeadSHA)), nil
	}

	editor, err := r.client.EditedBy(ctx, c)
	if err != nil || editor != "" {
		return review, "was edited by " + safe.Text(editor), err
	}
	return review, "", nil
}

// configures reports whether a commit differs from its first parent in the files of the
// configuration. If it cannot be compared, it does.
func (r *run) configures(commit gitfs.Commit) bool {
	parents, err := r.repo.Parents(commit)
	if err != nil || len(parents) == 0 {
		return true
	}
	after, err := r.digestOf(commit)
	if err != nil {
		return true
	}
	before, err := r.digestOf(parents[0])
	return err != nil || before != after
}

// digestOf returns the digest of the configuration in a commit, "" if it has none.
func (r *run) digestOf(commit gitfs.Commit) (string, error) {
	c, err := r.InCommit(r.repo, commit, r.o.Common, time.Time{})
	if errors.Is(err, job.ErrNotCommitted) {
		return "", nil
	}
	if i := slices.IndexFunc(c.Mistakes(), func(d schema.Diagnostic) bool { return d.Rule == load.RuleUnreadable }); i >= 0 {
		return "", errors.New(c.Mistakes()[i].Message)
	}
	return c.Digest(), err
}

// unmarked returns the commits that may wait for their first apply: those of a line, the
// newest first, back to the one that brought the configuration, as far as they change it.
func (r *run) unmarked(line []gitfs.Commit) []gitfs.Commit {
	since := []gitfs.Commit{r.head}
	for _, commit := range line[min(1, len(line)):] {
		files, err := r.repo.FS(commit)
		if errors.Is(err, fs.ErrNotExist) || err == nil && !job.HasRoot(files) {
			break
		}
		if r.configures(commit) {
			since = append(since, commit)
		}
	}
	return since
}
