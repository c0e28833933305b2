package ci

import (
	"context"

	"tlsync/engine/github"
	"tlsync/engine/hold"
	"tlsync/engine/job"
	"tlsync/engine/plan"
	"tlsync/engine/report"
	"tlsync/engine/report/view"
)

// drift handles a schedule.
func (r *run) drift(ctx context.Context) error {
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
		if applied, err = r.Earlier(r.repo, last.applied, r.o.Common); err != nil {
			return err
		}
	}
	pending := applied != c

	made, live, err := r.LookAtDrift(ctx, r.o.Common, c, applied)
	if err != nil {
		return err
	}
	r.made = made
	r.Credit(ctx, r.o.Common, made, c, applied)

	r.savePlan()
	r.annotate(report.PlanAnnotations(made))
	if err := r.Print(r.o.Common, made, job.AsDrift{Pending: pending, Drift: true}); err != nil {
		r.Lost(err)
	}

	page := r.page(r.title("drift"), r.of(applied))
	page.Limit, page.Pending, page.Drift = 0, pending, true
	r.summarise(made, page)
	if last.unknown != "" {
		r.notice("warning", "merged changes that are not applied yet may appear as drift: the last applied commit is unknown: "+last.unknown)
	}

	if r.o.Issue {
		r.keepIssue(ctx, made, page, last.unknown)
	}
	if r.o.Adopt {
		r.warnOf("the pull request that adopts the drift was not updated", r.propose(ctx, c, made, live, last.unknown))
	}
	return r.DriftVerdict(made, c, r.o.FailOn, pending)
}

// keepIssue opens, updates and closes the drift issue of the default branch. It opens no
// issue while the last applied commit is unknown, because the drift may be a pending
// change. It closes no issue after an incomplete reading.
func (r *run) keepIssue(ctx context.Context, made *plan.Plan, page report.MarkdownOptions, unknown string) {
	fingerprint := hold.DriftFingerprint(made)
	switch {
	case r.client == nil:
		r.notice("warning", "the drift issue is not updated: there is no GITHUB_TOKEN (in the action: the input github-token)")
		return
	case !github.OnDefaultBranch(r.env, r.event):
		r.notice("notice", "the drift issue is not updated: this is not the default branch")
		return
	case fingerprint == "" && (job.Unread(made) != nil || !reached(made)):
		return
	case fingerprint != "" && unknown != "":
		r.notice("warning", "the drift issue is not updated: the drift shown may be a merge that is not applied yet")
		return
	}

	drifted := view.DriftOf(made)
	issue := github.Issue{Key: r.key(), Fingerprint: fingerprint, Title: "TLS drift: " + drifted.String(), Gone: "Live state matches the commit again."}
	if url := r.env.RunURL(); url != "" {
		issue.Gone += " " + url
	}
	if r.key() != "default" {
		issue.Title += " (" + r.key() + ")"
	}
	if fingerprint != "" {
		page.Budget = commentBudget - 200
		page.Footer += " Apply the configuration to put it right, or commit what is live. This issue closes itself when the drift is gone."
		text, err := job.Markdown(r.Job, report.Markdown, made, page)
		if err != nil {
			r.warn("the drift issue", err)
			return
		}
		issue.Text = text
	}

	posted, err := r.client.DriftIssue(ctx, issue)
	if err != nil {
		r.notice("warning", "the drift issue could not be updated: "+err.Error())
	}
	r.issueNumber = posted.Number
	r.strange(posted)
	if posted.Done != "" && posted.Done != "none" {
		r.remark("tlsync: drift issue %s", posted.Done)
	}
}
