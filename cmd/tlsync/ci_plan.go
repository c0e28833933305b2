package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"tlsync/engine/gitfs"
	"tlsync/engine/github"
	"tlsync/engine/plan"
	"tlsync/engine/report"
)

// plan is what a pull request gets: a three-way plan in a comment, in the job
// summary and on the lines of the configuration.
func (r *ciRun) plan(ctx context.Context) error {
	c, err := r.configuration()
	if err != nil {
		return r.unplanned(ctx, err)
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
	base, err := r.base()
	if err != nil {
		return r.unplanned(ctx, err)
	}
	from, offline := r.offline(c, base)
	switch {
	case offline == "" || from != "":
	case r.event.Pull.Fork || r.env.Actor == dependabot:
		return r.unplanned(ctx, nothingToCompare(offline))
	default: // a secret that is missing, or has another name
		return r.unplanned(ctx, errors.New(offline))
	}
	made, err := r.compare(ctx, r.o.common, c, base, from)
	if err != nil {
		return r.unplanned(ctx, err)
	}
	r.made = made
	r.credit(ctx, r.o.common, made, c, base)
	r.savePlan()
	r.annotate(report.PlanAnnotations(made))
	if err := r.print(r.o.common, made, false); err != nil {
		r.lost(err)
	}
	page := report.MarkdownOptions{Rate: rateText(r.o.rate), Title: r.title("plan"), Footer: r.of(base)}
	if offline != "" {
		page.Lead = "Compared with a saved snapshot, not with Cloudflare: what is live may have changed since."
	}
	r.summarise(made, page)
	review := report.ReviewedMarkdown(r.reviewedHead(), plan.Review(made))
	r.comment(ctx, func(budget int) (string, error) {
		page := page
		page.Budget = max(1, budget-len(review)-2)
		var b bytes.Buffer
		err := report.Markdown(&b, made, page)
		return b.String() + "\n" + review + "\n", err
	})
	return unread(made)
}

// dependabot is whose pull requests get no secret, like those of forks.
const dependabot = "dependabot[bot]"

// configuration is what is committed, whatever an earlier step of the job did to the
// files: it is the commit that is reviewed, applied and marked.
func (r *ciRun) configuration() (*configuration, error) { return r.committed(r.o.common) }

// nothingToCompare says why a plan could not be made, where that is nobody's fault.
type nothingToCompare string

func (e nothingToCompare) Error() string {
	return string(e) + ", and there is no snapshot of live state: the configuration was checked, and not compared with anything"
}

// unplanned tells, in place of a plan, why there is none.
func (r *ciRun) unplanned(ctx context.Context, why error) error {
	title, text := "failed", r.secrets.hide(why.Error())
	var nothing nothingToCompare
	if errors.As(why, &nothing) {
		title, r.uncompared = "nothing to compare with", true
		r.notice("warning", text)
	}
	page := "### " + report.MarkdownText(r.title("plan")) + ": " + title + "\n\n" + report.MarkdownText(text) + ".\n\n" + r.of(nil) + "\n"
	r.comment(ctx, func(int) (string, error) { return page, nil })
	if nothing == "" {
		return why // which the summary tells at the end
	}
	r.summary = append(r.summary, page)
	return nil
}

// offline says why a plan is made without Cloudflare, if it is, and from which
// snapshot, if there is one: for the pull request of a fork always, since its
// configuration is somebody else's, and else where there are no credentials.
func (r *ciRun) offline(c, base *configuration) (from, why string) {
	var missing noCredentials
	switch _, err := r.cloudflareOptions(r.o.common, c.desired, base.asked()); {
	case r.event.Pull.Fork:
		why = "pull requests of forks get no token for Cloudflare"
	case errors.As(err, &missing):
		why = string(missing)
	default:
		return "", ""
	}
	if from = r.o.snapshot; from != "" {
		// The workflow names it before the first one was saved.
		if _, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) {
			from = ""
		}
	}
	return from, why
}

// isPull reports whether what is checked out is the head of the pull request, or the
// merge of it that GitHub makes.
func (r *ciRun) isPull() bool {
	head := r.event.Pull.HeadSHA
	if head == "" || r.head.Hash == head {
		return head != ""
	}
	parents, err := r.repo.Parents(r.head)
	return err == nil && len(parents) == 2 && parents[1].Hash == head
}

// reviewedHead is the commit that reviewers look at: the pull request's own, and
// not the merge of it that is checked out.
func (r *ciRun) reviewedHead() string {
	if r.isPull() {
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
	if parents, err := r.repo.Parents(r.head); err == nil && r.isPull() && r.head.Hash != r.event.Pull.HeadSHA {
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

// title begins a comment or an issue.
func (r *ciRun) title(what string) string {
	if r.o.key == "" {
		return "tlsync " + what
	}
	return "tlsync " + what + " (" + r.o.key + ")"
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
	number, level := r.event.Pull.Number, "warning"
	if r.event.Pull.Fork {
		level = "notice" // its token may not write
	}
	switch {
	case !r.o.comment || r.env.Event != "pull_request" && r.env.Event != "pull_request_target":
		return
	case number == 0:
		r.notice("warning", "the plan is not commented: the payload of the event does not name the pull request")
		return
	case r.client == nil:
		r.notice("warning", "the plan is not commented: there is no GITHUB_TOKEN (in the action: the input github-token)")
		return
	case !r.isPull():
		r.notice("warning", "the plan is not commented: what is checked out is not the pull request")
		return
	}
	var posted github.Posted
	for budget := commentBudget; ; budget /= 2 {
		text, err := render(budget - 200) // for the marker
		if err == nil {
			posted, err = r.client.UpsertComment(ctx, number, github.KindPlan, r.key(), r.secrets.hide(text))
		}
		if errors.Is(err, github.ErrTooLong) && budget > commentBudget/4 {
			continue
		}
		if err != nil {
			r.notice(level, "the plan could not be commented: "+r.secrets.hide(err.Error())+"; it is in the job summary")
			return
		}
		break
	}
	r.commentURL = posted.URL
	r.strange(posted)
	r.remark(r.o.common, "tlsync: comment %s", posted.Done)
}

// strange tells that what was written will not be found again.
func (r *ciRun) strange(p github.Posted) {
	if p.Stranger != "" {
		r.notice("warning", "what is written with this token is "+p.Stranger+"'s, and will not be found again by the next run: give that as TLSYNC_GITHUB_LOGIN (in the action: the input github-login)")
	}
}

// notice tells of what could not be told.
func (r *ciRun) notice(level, text string) {
	r.annotations = append(r.annotations, github.Annotation{Level: level, Title: "tlsync", Message: text})
}

// marked is what the statuses of commits say of earlier applies.
type marked struct {
	applied gitfs.Commit   // the newest commit that an apply has marked, none where found is not set
	since   []gitfs.Commit // those after it, the newest first; without a mark the one that is checked out
	found   bool
	// unknown says why it is not known whether there is a mark; empty if it is.
	unknown string
}

// maxMarks is how many merges may wait at once; each costs a request.
const maxMarks = 50

// marks looks for the newest commit, from the one that is checked out backwards, that
// an apply marked as done.
func (r *ciRun) marks(ctx context.Context) marked {
	m := marked{since: []gitfs.Commit{r.head}}
	if r.client == nil {
		m.unknown = "there is no GITHUB_TOKEN (in the action: the input github-token)"
		return m
	}
	contexts := []string{r.statusContext()}
	if len(r.o.zones) > 0 { // what was applied as a whole, some zones of it were too
		contexts = append(contexts, statusName)
	}
	line, err := r.repo.FirstParents(r.head, maxMarks+1)
	for i := 0; err == nil && i < min(len(line), maxMarks); i++ {
		var done bool
		if done, err = r.client.HasStatus(ctx, line[i].Hash, contexts...); done {
			return marked{applied: line[i], since: line[:i], found: true}
		}
	}
	switch {
	case err != nil:
		m.unknown = r.secrets.hide(err.Error())
	case len(line) > maxMarks: // where nothing is applied in CI there never is one
		r.remark(r.o.common, "tlsync: none of the last %d commits is marked as applied", maxMarks)
	default:
		if _, err := r.repo.Parents(line[len(line)-1]); errors.Is(err, gitfs.ErrShallow) {
			m.unknown = err.Error()
		}
	}
	return m
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
	c, err := r.configuration()
	if err != nil {
		return err
	}
	if err := r.checked(c); err != nil {
		return err
	}
	if err := r.isTip(ctx); err != nil {
		return err
	}
	last := r.marks(ctx)
	if last.unknown != "" {
		r.notice("warning", "it is not known which commit was applied last: "+last.unknown)
	}
	base, err := r.before(last)
	if err != nil {
		return err
	}
	held, err := r.heldTo(ctx, last.since)
	if err != nil {
		return err
	}
	gate := func(made *plan.Plan) error {
		if held != nil {
			if err := stale(made, held...); err != nil {
				return err
			}
		}
		return r.isTip(ctx) // reading may have taken long
	}
	a := r.carryOut(ctx, applyOptions{common: r.o.common, approved: true, allow: r.o.allow, deadline: r.o.deadline}, c, base, gate)
	if r.made = a.made; a.made != nil {
		r.credit(ctx, r.o.common, a.made, c, base)
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

// before is the configuration that live was made equal to last, as far as that is
// known: that of the mark, else of the commit before the push. It only tells causes.
func (r *ciRun) before(last marked) (*configuration, error) {
	if last.found {
		return r.earlier(r.repo, last.applied, r.o.common)
	}
	if r.event.Before == "" {
		return nil, nil
	}
	at, err := r.repo.Resolve(r.event.Before)
	if err != nil {
		return nil, nil // not in this clone; a plan without causes does
	}
	return r.earlier(r.repo, at, r.o.common)
}

// isTip refuses a commit that the branch has left behind: live would go back to it.
// It is asked of GitHub, since the checkout knows the branch as it was.
func (r *ciRun) isTip(ctx context.Context) error {
	if r.o.notTip {
		return nil
	}
	if r.client == nil {
		return errors.New("nothing was written: without a GITHUB_TOKEN (in the action: the input github-token) it is not known whether this commit is still the tip of its branch; TLSYNC_ALLOW_NOT_TIP=true goes without")
	}
	tip, err := r.client.BranchTip(ctx, r.event.DefaultBranch)
	if err != nil {
		return fmt.Errorf("nothing was written: it is not known whether this commit is still the tip of its branch: %w", err)
	}
	if tip != r.head.Hash {
		return exit{codeRefused, fmt.Errorf("refused, nothing was written: commit %s is not the tip of %s any more, which is %s: its own run applies everything; to go back, revert the commit, or set TLSYNC_ALLOW_NOT_TIP=true",
			short(r.head.Hash), report.Safe(r.event.DefaultBranch), short(tip))}
	}
	return nil
}

// heldTo are the reviews that a plan is held to, nil where it is held to none: those
// of all merges that were not applied yet, the newest first. A merge without one is
// held to those of the others. The error is that of a review that is missing and
// required, or of one that does not speak of what was merged.
func (r *ciRun) heldTo(ctx context.Context, since []gitfs.Commit) ([]plan.Reviewed, error) {
	if r.o.reviewed == "off" {
		return nil, nil
	}
	var reviews []plan.Reviewed
	var missing []string
	switch {
	case r.client == nil:
		missing = []string{"there is no GITHUB_TOKEN to look it up with"}
	default:
		if len(since) == 0 { // it was applied before, and is held to the same once more
			since = []gitfs.Commit{r.head}
		}
		for _, commit := range since {
			review, why, err := r.reviewOf(ctx, commit)
			switch {
			case err != nil:
				return nil, err
			case why != "":
				missing = append(missing, why)
			default:
				reviews = append(reviews, review)
			}
		}
	}
	switch {
	case len(missing) == 0:
	case r.o.reviewed == "required":
		return nil, exit{codeStale, fmt.Errorf("stale, nothing was written: %s, and a reviewed plan is required", missing[0])}
	case len(reviews) == 0:
		r.remark(r.o.common, "tlsync: not held to a reviewed plan: %s", missing[0])
		r.summary = append(r.summary, "Not held to a reviewed plan: "+report.MarkdownText(missing[0])+".\n")
	}
	return reviews, nil
}

// reviewOf is the review of the pull request that brought a commit, or why there is
// none.
func (r *ciRun) reviewOf(ctx context.Context, commit gitfs.Commit) (review plan.Reviewed, missing string, err error) {
	pull, ok, err := r.client.MergedPull(ctx, commit.Hash, r.event.DefaultBranch)
	switch {
	case err != nil:
		return review, "", fmt.Errorf("nothing was written: look up the pull request of commit %s: %w", short(commit.Hash), err)
	case !ok:
		return review, "no merged pull request brought commit " + short(commit.Hash), nil
	}
	body, ok, err := r.client.FindComment(ctx, pull.Number, github.KindPlan, r.key())
	switch {
	case err != nil:
		return review, "", fmt.Errorf("nothing was written: look up the plan comment of pull request %d: %w", pull.Number, err)
	case !ok:
		return review, fmt.Sprintf("pull request %d has no plan comment of ours", pull.Number), nil
	}
	head, review, err := report.ParseReviewed(body)
	switch {
	case err != nil:
		return review, "", exit{codeStale, fmt.Errorf("stale, nothing was written: the plan comment of pull request %d: %w", pull.Number, err)}
	case head != pull.HeadSHA:
		return review, "", exit{codeStale, fmt.Errorf("stale, nothing was written: the plan that was commented on pull request %d is of commit %s, and %s was merged", pull.Number, short(head), short(pull.HeadSHA))}
	}
	return review, "", nil
}

// mark notes on the commit that live is as it says.
func (r *ciRun) mark(ctx context.Context, made *plan.Plan) {
	switch {
	case r.client == nil:
		return
	case !reached(made):
		r.notice("warning", "the commit is not marked as applied: the configuration reaches no live zone, or a glob of it matches none")
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
		r.notice("warning", "the commit could not be marked as applied, so that later runs take what is pending for drift: "+r.secrets.hide(err.Error()))
	}
}

// reached reports whether a plan is about all that the configuration is: that zones
// are missing may also mean that the token does not see them any more.
func reached(made *plan.Plan) bool {
	return !slices.ContainsFunc(made.Findings, func(f plan.Finding) bool {
		return f.Rule == plan.NotFound && strings.HasPrefix(f.Object, "zone/")
	})
}

// drift is what a schedule gets.
func (r *ciRun) drift(ctx context.Context) error {
	c, err := r.configuration()
	if err != nil {
		return err
	}
	if err := r.checked(c); err != nil {
		return err
	}
	applied := c
	last := r.marks(ctx)
	if last.found && len(last.since) > 0 {
		if applied, err = r.earlier(r.repo, last.applied, r.o.common); err != nil {
			return err
		}
	}
	pending := applied != c
	made, err := r.compare(ctx, r.o.common, c, applied, "")
	if err != nil {
		return err
	}
	r.made = made
	r.credit(ctx, r.o.common, made, c, applied)
	r.savePlan()
	r.annotate(report.PlanAnnotations(made))
	if err := r.print(r.o.common, made, pending); err != nil {
		r.lost(err)
	}
	page := report.MarkdownOptions{Rate: rateText(r.o.rate), Title: r.title("drift"), Footer: r.of(applied), Pending: pending}
	r.summarise(made, page)
	if last.unknown != "" {
		r.notice("warning", "what was merged and is not applied yet may be shown as drift: it is not known which commit was applied last: "+last.unknown)
	}
	if r.o.issue {
		r.keepIssue(ctx, made, page, last.unknown)
	}
	return driftVerdict(made, r.o.failOn, pending)
}

// keepIssue opens, updates and closes the drift issue, which is about the default
// branch. Drift that may be none, since it is unknown what was applied last, does not
// open it, and nothing found in an incomplete reading does not close it.
func (r *ciRun) keepIssue(ctx context.Context, made *plan.Plan, page report.MarkdownOptions, unknown string) {
	fingerprint := plan.DriftFingerprint(made)
	switch {
	case r.client == nil:
		r.notice("warning", "no drift issue is kept: there is no GITHUB_TOKEN (in the action: the input github-token)")
		return
	case !github.OnDefaultBranch(r.env, r.event):
		r.notice("notice", "no drift issue is kept: this is not the default branch")
		return
	case fingerprint == "" && (unread(made) != nil || !reached(made)):
		return
	case fingerprint != "" && unknown != "":
		r.notice("warning", "no drift issue is kept, since what is shown as drift may be a merge that waits")
		return
	}
	issue := github.Issue{Key: r.key(), Fingerprint: fingerprint, Title: "TLS drift: live is not as committed", Gone: "Live is as committed again."}
	if url := r.env.RunURL(); url != "" {
		issue.Gone += " " + url
	}
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
		r.notice("warning", "the drift issue could not be kept: "+r.secrets.hide(err.Error()))
	}
	r.issueNumber = posted.Number
	r.strange(posted)
	if posted.Done != "" && posted.Done != "none" {
		r.remark(r.o.common, "tlsync: drift issue %s", posted.Done)
	}
}
