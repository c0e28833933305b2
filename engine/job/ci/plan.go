package ci

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"tlsync/engine/gitfs"
	"tlsync/engine/github"
	"tlsync/engine/hold"
	"tlsync/engine/job"
	"tlsync/engine/plan"
	"tlsync/engine/planfile"
	"tlsync/engine/report"
	"tlsync/engine/safe"
)

// plan handles a pull request: it puts a three-way plan into a comment, into the job
// summary and on the lines of the configuration.
func (r *run) plan(ctx context.Context) error {
	c, err := r.configuration()
	if err != nil {
		return r.unplanned(ctx, err)
	}

	if err := r.checked(c); err != nil {
		// The comment must not go on showing an earlier commit's plan.
		r.comment(ctx, func(budget int) (string, error) {
			page := r.page("tlsync validate", r.of(nil))
			page.Budget = budget
			return job.Markdown(r.Job, report.DiagnosticsMarkdown, c.Mistakes(), page)
		})
		return err
	}

	base, err := r.base()
	if err != nil {
		return r.unplanned(ctx, err)
	}
	r.o.Unmerged = base != nil || r.env.Event != "push" && r.env.Event != "workflow_dispatch" && r.env.Event != "schedule"
	from, offline := r.offline(c, base)
	if from != "" && !r.event.Pull.Fork && r.env.Actor != dependabot {
		r.notice("warning", offline+": compared with a saved snapshot")
	}
	switch {
	case offline == "" || from != "":
	case r.event.Pull.Fork || r.env.Actor == dependabot:
		return r.unplanned(ctx, nothingToCompare(offline))
	default: // a secret that is missing, or has another name
		return r.unplanned(ctx, errors.New(offline))
	}

	made, err := r.Compare(ctx, r.o.Common, c, base, from)
	if err != nil {
		return r.unplanned(ctx, err)
	}
	r.made = made
	r.Credit(ctx, r.o.Common, made, c, base)
	r.savePlan()
	r.annotate(report.PlanAnnotations(made))

	if err := r.Print(r.o.Common, made, job.AsDrift{}); err != nil {
		r.Lost(err)
	}

	page := r.page(r.title("plan"), r.of(base))
	if offline != "" {
		page.Lead = "Compared with a saved snapshot, not with Cloudflare: live state may have changed since."
	}
	page.Refused = r.PolicyBroken(made, c)
	r.summarise(made, page)

	shown := planfile.Review{Head: r.reviewedHead(), Base: made.Config.BaseCommit, Reviewed: hold.Review(made)}
	if r.mayComment() && len(refusedKinds(made, r.o.Allow)) > 0 {
		shown.Since = r.shownBefore(ctx, shown)
		var notes string
		page.Accepted, notes = r.labelled(ctx, made, shown.Since)
		page.Lead = strings.TrimSpace(page.Lead + "\n\n" + notes)
	}

	review := planfile.ReviewedMarkdown(shown)
	r.comment(ctx, func(budget int) (string, error) {
		page := page
		page.Budget = max(1, budget-resultRoom-len(review)-2)
		text, err := job.Markdown(r.Job, report.Markdown, made, page)
		return text + "\n" + review + "\n", err
	})
	return cmp.Or(job.Unread(made), r.PolicyKept(made, c))
}

// dependabot opens pull requests that get no secrets, like those from forks.
const dependabot = "dependabot[bot]"

// configuration loads the committed configuration, not the files, which an earlier step
// of the job may have changed: the commit is reviewed, applied and marked.
func (r *run) configuration() (*job.Configuration, error) { return r.Committed(r.o.Common) }

// nothingToCompare says why no plan could be made although nothing went wrong.
type nothingToCompare string

func (e nothingToCompare) Error() string {
	return string(e) + ", and there is no snapshot of live state: the configuration was checked but not compared"
}

// unplanned reports why no plan was made, in the places where the plan would be.
func (r *run) unplanned(ctx context.Context, why error) error {
	title, text := "failed", r.Secrets.Hide(why.Error())
	var nothing nothingToCompare
	if errors.As(why, &nothing) {
		title, r.uncompared = "nothing to compare with", true
		r.notice("warning", text)
	}

	page := "### " + safe.MarkdownText(r.title("plan")) + ": " + title + "\n\n" + safe.MarkdownText(text) + ".\n\n" + r.of(nil) + "\n"
	r.comment(ctx, func(int) (string, error) { return page, nil })
	if nothing == "" {
		return why // which the summary tells at the end
	}
	r.summary = append(r.summary, page)
	return nil
}

// offline returns why Cloudflare cannot be asked, and the snapshot to use instead; both
// are empty if it can. A pull request from a fork never asks Cloudflare, because someone
// else wrote its configuration. Other runs only do not if they lack credentials.
func (r *run) offline(c, base *job.Configuration) (from, why string) {
	why = r.MissingCredentials(r.o.Common, c, base)
	if r.event.Pull.Fork {
		why = "pull requests from forks get no Cloudflare token"
	}
	if why == "" {
		return "", ""
	}

	if from = r.o.Snapshot; from != "" {
		// The workflow names it before the first one was saved.
		if _, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) {
			from = ""
		}
	}
	return from, why
}

// isPull reports whether the checkout is the head of the pull request, or GitHub's test
// merge of it.
func (r *run) isPull() bool {
	head := r.event.Pull.HeadSHA
	if head == "" || r.head.Hash == head {
		return head != ""
	}
	parents, err := r.repo.Parents(r.head)
	return err == nil && len(parents) == 2 && parents[1].Hash == head
}

// reviewedHead returns the commit that reviewers see: the pull request's head, not the
// test merge that is checked out.
func (r *run) reviewedHead() string {
	if r.isPull() {
		return r.event.Pull.HeadSHA
	}
	return r.head.Hash
}

// base loads the configuration that the plan is compared with. It returns nil if the
// event names no base.
func (r *run) base() (*job.Configuration, error) {
	if r.o.Base != "" {
		return r.Job.Base(r.o.Common, r.o.Base)
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
		return r.Earlier(r.repo, parents[0], r.o.Common)
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
		r.remark("tlsync: not compared with the default branch: %s", job.OneLine(err))
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("compare with the base of the %s: %w; check out the whole history (actions/checkout with fetch-depth: 0)", r.env.Event, err)
	}
	return r.Earlier(r.repo, at, r.o.Common)
}

// title begins a comment or an issue.
func (r *run) title(what string) string {
	if r.o.Key == "" {
		return "tlsync " + what
	}
	return "tlsync " + what + " (" + r.Secrets.Hide(r.o.Key) + ")"
}

// of names the commits that a plan compares, as Markdown.
func (r *run) of(base *job.Configuration) string {
	text := "Commit " + safe.MarkdownCode(short(r.reviewedHead()))
	if base != nil && base.Commit() != r.head.Hash {
		text += " against " + safe.MarkdownCode(short(base.Commit()))
	}
	return text + "."
}

// summarise adds a plan to the job summary.
func (r *run) summarise(made *plan.Plan, page report.MarkdownOptions) {
	page.Budget = summaryBudget
	text, err := job.Markdown(r.Job, report.Markdown, made, page)
	if err != nil {
		r.warn("the job summary", err)
		return
	}
	r.summary = append(r.summary, text)
}

// shownBefore returns since when a comment on the pull request shows the same of the same
// commit: labels that were set since then still count. It is zero if none does.
func (r *run) shownBefore(ctx context.Context, now planfile.Review) time.Time {
	m, err := r.reviewIn(ctx, github.MergedPull{Number: r.event.Pull.Number, HeadSHA: r.event.Pull.HeadSHA})
	if err != nil || m.review == nil || m.review.Head != now.Head || !m.review.Equal(now.Reviewed) {
		return time.Time{}
	}
	return m.shown
}

// mayComment reports whether this run can have a comment on a pull request at all.
func (r *run) mayComment() bool {
	return r.o.Comment && (r.env.Event == "pull_request" || r.env.Event == "pull_request_target") &&
		r.event.Pull.Number != 0 && r.client != nil && r.isPull()
}

// comment creates or updates the comment on the pull request. Render gets the size limit.
// If the comment fails, the plan is still in the job summary.
func (r *run) comment(ctx context.Context, render func(budget int) (string, error)) {
	number, level := r.event.Pull.Number, "warning"
	if r.event.Pull.Fork {
		level = "notice" // its token may not write
	}
	switch {
	case !r.o.Comment || r.env.Event != "pull_request" && r.env.Event != "pull_request_target":
		return
	case number == 0:
		r.notice("warning", "the plan was not posted as a comment: the payload of the event does not name the pull request")
		return
	case r.client == nil:
		r.notice("warning", "the plan was not posted as a comment: there is no GITHUB_TOKEN (in the action: the input github-token)")
		return
	case !r.isPull():
		r.notice("warning", "the plan was not posted as a comment: the checkout is not the pull request")
		return
	}

	switch last, err := r.client.IsLast(ctx, number, r.event.Pull.HeadSHA); {
	case err != nil:
		r.notice(level, "the plan could not be posted as a comment: "+err.Error()+"; it is in the job summary")
		return
	case !last:
		r.notice("notice", "the plan was not posted as a comment: the pull request is closed, or has a newer commit than this run; it is in the job summary")
		return
	}

	var posted github.Posted
	for budget := commentBudget; ; budget /= 2 {
		text, err := render(budget - 200) // for the marker
		if err = cmp.Or(err, r.Secrets.Whole(text)); err == nil {
			posted, err = r.client.UpsertComment(ctx, number, github.KindPlan, r.key(), text)
		}
		if errors.Is(err, github.ErrTooLong) && budget > commentBudget/4 {
			continue
		}
		if err != nil {
			r.notice(level, "the plan could not be posted as a comment: "+err.Error()+"; it is in the job summary")
			return
		}
		break
	}

	r.commentURL = posted.URL
	r.strange(posted)
	r.remark("tlsync: comment %s", posted.Done)
}

// strange warns that the next run will not find what this one wrote.
func (r *run) strange(p github.Posted) {
	if p.Stranger != "" {
		r.notice("warning", "comments and issues written with this token belong to "+p.Stranger+", so the next run does not find them: set TLSYNC_GITHUB_LOGIN to that name (in the action: the input github-login)")
	}
}

// notice adds an annotation about the run itself.
func (r *run) notice(level, text string) {
	r.annotations = append(r.annotations, github.Annotation{Level: level, Title: "tlsync", Message: r.Secrets.Hide(text)})
}
