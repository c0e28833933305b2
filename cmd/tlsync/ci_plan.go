package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"tlsync/engine/gitfs"
	"tlsync/engine/github"
	"tlsync/engine/plan"
	"tlsync/engine/report"
)

// plan is what a pull request gets: a three-way plan in a comment, in the job
// summary and on the lines of the configuration.
func (r *ciRun) plan(ctx context.Context) error {
	c, err := r.load(r.o.common)
	if err != nil {
		return err
	}
	if err := r.checked(c); err != nil {
		// The comment must not go on showing an earlier commit's plan.
		r.comment(ctx, func(budget int) (string, error) {
			var b bytes.Buffer
			err := report.DiagnosticsMarkdown(&b, c.diags, report.MarkdownOptions{Title: "tlsync validate", Budget: budget, Footer: r.of(nil)})
			return b.String(), err
		})
		return err
	}
	from, offline := "", r.offline()
	if offline {
		if from = r.o.snapshot; from != "" {
			// The workflow names it before the first one was saved.
			if _, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) {
				from = ""
			}
		}
		if from == "" {
			const why = "There is no API token, as for every pull request from a fork, and no snapshot of live state: the configuration was checked, and not compared with anything."
			r.remark(r.o.common, "tlsync: %s", why)
			r.summary = append(r.summary, why+"\n")
			return nil
		}
	}
	base, err := r.base()
	if err != nil {
		return err
	}
	made, err := r.compare(ctx, r.o.common, c, base, from)
	if err != nil {
		r.comment(ctx, func(int) (string, error) {
			return "### tlsync plan: failed\n\n" + report.MarkdownText(r.secrets.hide(err.Error())) + "\n\n" + r.of(nil) + "\n", nil
		})
		return err
	}
	r.made = made
	r.credit(r.o.common, made, c, base)
	r.savePlan()
	r.annotate(report.PlanAnnotations(made))
	if err := r.print(r.o.common, made, false); err != nil {
		r.lost(err)
	}
	page := report.MarkdownOptions{Rate: rateText(r.o.rate), Title: "tlsync plan", Footer: r.of(base)}
	if offline {
		page.Lead = "Compared with a saved snapshot, not with Cloudflare: what is live may have changed since."
	}
	r.summarise(made, page)
	review := report.ReviewedMarkdown(r.reviewedHead(), plan.Review(made))
	r.comment(ctx, func(budget int) (string, error) {
		page := page
		page.Budget = budget - len(review) - 2
		var b bytes.Buffer
		err := report.Markdown(&b, made, page)
		return b.String() + "\n" + review + "\n", err
	})
	return unread(made)
}

// offline reports whether the plan is made without Cloudflare: for the pull request
// of a fork always, since its configuration is somebody else's, and else where
// there is no token.
func (r *ciRun) offline() bool {
	return r.event.Pull.Fork || r.getenv("CLOUDFLARE_API_TOKEN") == "" && r.getenv("CLOUDFLARE_API_KEY") == ""
}

// reviewedHead is the commit that reviewers look at: the pull request's own, and
// not the merge of it that is checked out.
func (r *ciRun) reviewedHead() string {
	if r.event.Pull.HeadSHA != "" {
		return r.event.Pull.HeadSHA
	}
	return r.head.Hash
}

// base is the configuration that the plan is compared with, nil where the event
// knows none.
func (r *ciRun) base() (*configuration, error) {
	if r.o.base != "" {
		return r.program.base(r.o.common, r.o.base)
	}
	with := r.event.Pull.BaseSHA
	switch r.env.Event {
	case "merge_group":
		with = r.event.Group.BaseSHA
	case "push":
		with = ""
		if r.event.DefaultBranch != "" {
			with = "refs/remotes/origin/" + r.event.DefaultBranch
		}
	}
	// GitHub checks out a merge of the pull request into its base, whose tip by then
	// is the first parent: nearer than what the event says.
	if parents, err := r.repo.Parents(r.head); err == nil && len(parents) == 2 && r.event.Pull.HeadSHA != "" && parents[1].Hash == r.event.Pull.HeadSHA {
		return r.earlier(r.repo, parents[0], r.o.common)
	}
	if with == "" {
		return nil, nil
	}
	at, err := r.repo.Resolve(with)
	if err == nil {
		at, err = r.repo.MergeBase(at, r.head)
	}
	switch {
	case errors.Is(err, gitfs.ErrShallow):
		return nil, fmt.Errorf("compare with the base of the %s: %w", r.env.Event, err)
	case err != nil && r.env.Event == "push": // a branch; a plan does without
		r.remark(r.o.common, "tlsync: not compared with the default branch: %s", oneLine(err))
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("compare with the base of the %s: %w; check out the whole history (actions/checkout with fetch-depth: 0)", r.env.Event, err)
	}
	return r.earlier(r.repo, at, r.o.common)
}

// of names the commits of a plan, as Markdown.
func (r *ciRun) of(base *configuration) string {
	text := "Commit " + report.MarkdownCode(short(r.reviewedHead()))
	if base != nil && base.info.Commit != r.head.Hash {
		text += " against " + report.MarkdownCode(short(base.info.Commit))
	}
	return text + "."
}

// summarise adds a plan to the job summary.
func (r *ciRun) summarise(made *plan.Plan, page report.MarkdownOptions) {
	page.Budget = summaryBudget
	var b bytes.Buffer
	if err := report.Markdown(&b, made, page); err != nil {
		r.warn("the job summary", err)
		return
	}
	r.summary = append(r.summary, b.String())
}

// comment keeps the comment of the pull request. Render gets the room that there
// is. Whatever goes wrong, the plan is in the job summary too.
func (r *ciRun) comment(ctx context.Context, render func(budget int) (string, error)) {
	number := r.event.Pull.Number
	if !r.o.comment || number == 0 {
		return
	}
	if r.client == nil {
		r.notice("the plan is not commented: there is no GITHUB_TOKEN (in the action: the input github-token)")
		return
	}
	var posted github.Posted
	for budget := commentBudget; ; budget /= 2 {
		text, err := render(budget - 200) // for the marker
		if err == nil {
			posted, err = r.client.UpsertComment(ctx, number, "plan", r.key(), r.secrets.hide(text))
		}
		if errors.Is(err, github.ErrTooLong) && budget > commentBudget/4 {
			continue
		}
		if err != nil {
			r.notice("the plan could not be commented: " + r.secrets.hide(err.Error()) + "; it is in the job summary")
			return
		}
		break
	}
	r.commentURL = posted.URL
	r.remark(r.o.common, "tlsync: comment %s", posted.Done)
}

// notice tells of what could not be told.
func (r *ciRun) notice(text string) {
	r.annotations = append(r.annotations, github.Annotation{Level: "warning", Title: "tlsync", Message: text})
}

// marks finds the newest commit, from the one that is checked out backwards, that
// an apply marked as done, and the commits that came after it, the newest first.
// Without a mark there is none, and the commits are the one that is checked out.
func (r *ciRun) marks(ctx context.Context) (applied gitfs.Commit, since []gitfs.Commit, found bool) {
	const most = 30 // merges that wait at once; each costs a request
	since = []gitfs.Commit{r.head}
	if r.client == nil {
		return applied, since, false
	}
	contexts := []string{r.statusContext()}
	if len(r.o.zones) > 0 { // what was applied as a whole, some zones of it were too
		contexts = append(contexts, statusName)
	}
	line, err := r.repo.FirstParents(r.head, most)
	if err != nil {
		r.remark(r.o.common, "tlsync: it is not known which commit was applied last: %s", oneLine(err))
		return applied, since, false
	}
	for i, c := range line {
		done, err := r.client.HasStatus(ctx, c.Hash, contexts...)
		if err != nil {
			r.notice("it is not known which commit was applied last: " + r.secrets.hide(err.Error()))
			return applied, since, false
		}
		if done {
			return c, line[:i], true
		}
	}
	return applied, since, false
}

// statusName is the name of the commit status of a finished apply.
const statusName = "tlsync/apply"

// statusContext is the same for what this run is about: some zones, whatever key
// their comments have, or the configuration of a key.
func (r *ciRun) statusContext() string {
	if part := cmp.Or(zonesKey(r.o.zones), r.o.key); part != "" {
		return statusName + "/" + part
	}
	return statusName
}

// apply is what a push to the default branch gets.
func (r *ciRun) apply(ctx context.Context) error {
	c, err := r.load(r.o.common)
	if err != nil {
		return err
	}
	if err := r.checked(c); err != nil {
		return err
	}
	if err := r.isTip(ctx); err != nil {
		return err
	}
	last, since, marked := r.marks(ctx)
	var base *configuration
	switch {
	case marked:
		base, err = r.earlier(r.repo, last, r.o.common)
	case r.event.Before != "":
		// What was there before the push; where it is not in the clone, a plan
		// without causes does.
		if at, resolveErr := r.repo.Resolve(r.event.Before); resolveErr == nil {
			base, err = r.earlier(r.repo, at, r.o.common)
		}
	}
	if err != nil {
		return err
	}
	gate, err := r.gate(ctx, since)
	if err != nil {
		return err
	}
	a := r.carryOut(ctx, applyOptions{common: r.o.common, approved: true, allow: r.o.allow, deadline: r.o.deadline}, c, base, gate)
	if r.made = a.made; a.made != nil {
		r.credit(r.o.common, a.made, c, base)
		r.savePlan()
		r.annotate(report.PlanAnnotations(a.made))
	}
	page := report.MarkdownOptions{Rate: rateText(r.o.rate), Title: "tlsync plan", Footer: r.of(base)}
	if a.result != nil {
		var b bytes.Buffer
		if err := report.ResultMarkdown(&b, a.result, report.MarkdownOptions{Title: "tlsync apply", Budget: summaryBudget}); err == nil {
			r.summary = append(r.summary, b.String())
		}
		page.Title = "The plan that was applied"
	}
	if a.made != nil {
		r.summarise(a.made, page)
	}
	if a.err == nil {
		r.mark(ctx, a.made)
	}
	return a.err
}

// isTip refuses a commit that the branch has left behind: live would go back to it.
// It is asked of GitHub, since the checkout knows the branch as it was.
func (r *ciRun) isTip(ctx context.Context) error {
	if r.o.notTip {
		return nil
	}
	if r.client == nil {
		return errors.New("nothing was written: without a GITHUB_TOKEN (in the action: the input github-token) it is not known whether this commit is still the tip of its branch; --allow-not-tip goes without")
	}
	tip, err := r.client.BranchTip(ctx, r.event.DefaultBranch)
	if err != nil {
		return fmt.Errorf("nothing was written: it is not known whether this commit is still the tip of its branch: %w", err)
	}
	if tip != r.head.Hash {
		return exit{codeRefused, fmt.Errorf("refused, nothing was written: commit %s is not the tip of %s any more, which is %s: its own run applies everything; to go back, revert the commit, or use --allow-not-tip",
			short(r.head.Hash), report.Safe(r.event.DefaultBranch), short(tip))}
	}
	return nil
}

// gate is the check that a plan holds nothing that was not reviewed, nil where
// there is none to make. The reviews are those of all merges that were not applied
// yet. The error is that of a review that is missing and required, or is of
// another commit.
func (r *ciRun) gate(ctx context.Context, since []gitfs.Commit) (func(*plan.Plan) error, error) {
	if r.o.reviewed == "off" {
		return nil, nil
	}
	missing := func(why string) (func(*plan.Plan) error, error) {
		if r.o.reviewed == "required" {
			return nil, exit{codeStale, fmt.Errorf("stale, nothing was written: %s, and a reviewed plan is required", why)}
		}
		r.remark(r.o.common, "tlsync: not held to a reviewed plan: %s", why)
		r.summary = append(r.summary, "Not held to a reviewed plan: "+report.MarkdownText(why)+".\n")
		return nil, nil
	}
	if r.client == nil {
		return missing("there is no GITHUB_TOKEN to look it up with")
	}
	var reviews []plan.Reviewed
	for i, commit := range since {
		pull, ok, err := r.client.MergedPull(ctx, commit.Hash, r.event.DefaultBranch)
		if err != nil {
			return nil, fmt.Errorf("nothing was written: look up the pull request of commit %s: %w", short(commit.Hash), err)
		}
		newest := i == 0
		if !ok {
			if newest {
				return missing("no merged pull request brought commit " + short(commit.Hash))
			}
			continue
		}
		body, ok, err := r.client.FindComment(ctx, pull.Number, "plan", r.key())
		if err != nil {
			return nil, fmt.Errorf("nothing was written: look up the plan comment of #%d: %w", pull.Number, err)
		}
		if !ok {
			if newest {
				return missing(fmt.Sprintf("pull request %d has no plan comment", pull.Number))
			}
			continue
		}
		head, review, err := report.ParseReviewed(body)
		switch {
		case !newest && (err != nil || head != pull.HeadSHA):
		case err != nil:
			return nil, exit{codeStale, fmt.Errorf("stale, nothing was written: the plan comment of pull request %d: %w", pull.Number, err)}
		case head != pull.HeadSHA:
			return nil, exit{codeStale, fmt.Errorf("stale, nothing was written: the plan that was commented on pull request %d is of commit %s, and %s was merged", pull.Number, short(head), short(pull.HeadSHA))}
		default:
			reviews = append(reviews, review)
		}
	}
	if len(since) == 0 { // this very commit was applied before: what differs now is drift
		return missing("commit " + short(r.head.Hash) + " was applied before")
	}
	return func(made *plan.Plan) error { return stale(made, reviews...) }, nil
}

// mark notes on the commit that live is as it says.
func (r *ciRun) mark(ctx context.Context, made *plan.Plan) {
	if r.client == nil {
		return
	}
	description := "Live is as this commit says; nothing had to change."
	switch n := len(made.Changes); n {
	case 0:
	case 1:
		description = "Live is as this commit says; 1 change was made."
	default:
		description = fmt.Sprintf("Live is as this commit says; %d changes were made.", n)
	}
	if err := r.client.SetStatus(ctx, r.head.Hash, r.statusContext(), description, r.env.RunURL()); err != nil {
		r.notice("the commit could not be marked as applied, so that later runs take what is pending for drift: " + r.secrets.hide(err.Error()))
	}
}

// drift is what a schedule gets.
func (r *ciRun) drift(ctx context.Context) error {
	c, err := r.committed(r.o.common)
	if err != nil {
		return err
	}
	if err := r.checked(c); err != nil {
		return err
	}
	applied := c
	if last, since, ok := r.marks(ctx); ok && len(since) > 0 {
		if applied, err = r.earlier(r.repo, last, r.o.common); err != nil {
			return err
		}
	}
	pending := applied != c
	made, err := r.compare(ctx, r.o.common, c, applied, "")
	if err != nil {
		return err
	}
	r.made = made
	r.credit(r.o.common, made, c, applied)
	r.savePlan()
	r.annotate(report.PlanAnnotations(made))
	if err := r.print(r.o.common, made, pending); err != nil {
		r.lost(err)
	}
	page := report.MarkdownOptions{Rate: rateText(r.o.rate), Title: "tlsync drift", Footer: r.of(applied), Pending: pending}
	r.summarise(made, page)
	incomplete := unread(made)
	if r.o.issue {
		r.keepIssue(ctx, made, page, incomplete != nil)
	}
	return driftVerdict(made, r.o.failOn, pending)
}

// keepIssue opens, updates and closes the drift issue. That nothing was found in an
// incomplete reading does not close it.
func (r *ciRun) keepIssue(ctx context.Context, made *plan.Plan, page report.MarkdownOptions, incomplete bool) {
	fingerprint := plan.DriftFingerprint(made)
	switch {
	case r.client == nil:
		r.notice("no drift issue is kept: there is no GITHUB_TOKEN (in the action: the input github-token)")
		return
	case fingerprint == "" && incomplete:
		return
	}
	issue := github.Issue{Key: r.key(), Fingerprint: fingerprint, Title: "TLS drift: live is not as committed", Gone: "Live is as committed again."}
	if r.key() != "default" {
		issue.Title += " (" + r.key() + ")"
	}
	if fingerprint != "" {
		page.Budget = commentBudget - 200
		page.Footer += " Apply the configuration to put it right, or commit what is live. This issue closes itself when the drift is gone."
		var b bytes.Buffer
		if err := report.Markdown(&b, made, page); err != nil {
			r.warn("the drift issue", err)
			return
		}
		issue.Text = r.secrets.hide(b.String())
	}
	posted, err := r.client.DriftIssue(ctx, issue)
	if err != nil {
		r.notice("the drift issue could not be kept: " + r.secrets.hide(err.Error()))
		return
	}
	r.issueNumber = posted.Number
	if posted.Done != "none" {
		r.remark(r.o.common, "tlsync: drift issue %s", posted.Done)
	}
}
