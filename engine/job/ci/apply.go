package ci

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"tlsync/engine/gitfs"
	"tlsync/engine/job"
	"tlsync/engine/plan"
	"tlsync/engine/report"
	"tlsync/engine/report/view"
	"tlsync/engine/safe"
	"tlsync/schema/words"
)

// marked is what commit statuses say about earlier applies.
type marked struct {
	applied gitfs.Commit   // the newest commit that an apply has marked, none where found is not set
	since   []gitfs.Commit // those after it, the newest first; without a mark those that may wait
	found   bool
	shallow bool // there may be one beyond the history of this clone
	// unknown says why it is not known whether there is a mark; empty if it is.
	unknown string
}

// maxMarks is how many merges may wait at once; each costs a request.
const maxMarks = 50

// marks looks for the newest commit, from the one that is checked out backwards, that
// an apply marked as done.
func (r *run) marks(ctx context.Context) marked {
	m := marked{since: []gitfs.Commit{r.head}}
	if r.client == nil {
		m.unknown = "there is no GITHUB_TOKEN (in the action: the input github-token)"
		return m
	}
	contexts := []string{r.statusContext()}
	if r.part() != "" { // what was applied as a whole, a part of it was too
		contexts = append(contexts, statusName)
	}

	line, err := r.repo.FirstParents(r.head, maxMarks+1)
	for i := 0; err == nil && i < min(len(line), maxMarks); i++ {
		var done bool
		if done, err = r.client.HasStatus(ctx, line[i].Hash, contexts...); done {
			return marked{applied: line[i], since: line[:i], found: true}
		}
	}

	m.since = r.unmarked(line)
	switch {
	case err != nil:
		m.unknown = err.Error()
	case len(line) > maxMarks: // where nothing is applied in CI there never is one
		r.remark("tlsync: none of the last %d commits is marked as applied", maxMarks)
	default:
		if _, err := r.repo.Parents(line[len(line)-1]); errors.Is(err, gitfs.ErrShallow) {
			m.unknown, m.shallow = err.Error(), true
		}
	}
	return m
}

// statusName is the name of the commit status of a finished apply.
const statusName = "tlsync/apply"

// statusContext is the same for what this run is about: some zones or hostnames, whatever
// key their comments have, or the configuration of a key.
func (r *run) statusContext() string {
	if part := cmp.Or(r.part(), r.o.Key); part != "" {
		return statusName + "/" + part
	}
	return statusName
}

// apply handles a push to the default branch.
func (r *run) apply(ctx context.Context) error {
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
		r.notice("warning", "the last applied commit is unknown: "+last.unknown)
	}
	base, err := r.before(last)
	if errors.Is(err, job.ErrSeveral) {
		err = noBase(job.OneLine(err), "move the configuration in a commit of its own, from one directory to another")
	}
	if err != nil {
		return err
	}

	reviewed, err := r.heldTo(ctx, last)
	if err != nil {
		r.post(ctx, job.Applied{Err: err})
		return err
	}
	gate := func(made *plan.Plan) (view.Way, error) {
		if err := r.isTip(ctx); err != nil { // reading may have taken long
			return view.Way{}, err
		}
		return r.accept(ctx, made), nil
	}

	o := job.ApplyOptions{Common: r.o.Common, Approved: true, Allow: r.o.Allow, MaxChanges: r.o.MaxChanges, Deadline: r.o.Deadline, Reviewed: reviewed}
	a := r.ApplyCommit(ctx, o, c, base, gate)
	r.record(ctx, a, c, base)
	if a.Err == nil {
		r.mark(ctx, a.Made)
	}
	r.post(ctx, a)
	return a.Err
}

// record keeps the plan of an apply, and adds it and the result to the job summary.
func (r *run) record(ctx context.Context, a job.Applied, c, base *job.Configuration) {
	r.left = a.Left
	if r.made = a.Made; a.Made != nil {
		r.Credit(ctx, r.o.Common, a.Made, c, base)
		r.savePlan()
		r.annotate(report.PlanAnnotations(a.Made))
	}

	page := r.page("tlsync plan", r.of(base))
	page.Accepted = r.acceptedOf(a.Made)
	if a.Result != nil {
		result := r.page("tlsync apply", "")
		result.Budget = summaryBudget
		if text, err := job.Markdown(r.Job, report.ResultMarkdown, a.Result, result); err == nil {
			r.summary = append(r.summary, text)
		}
		page.Title = "The plan that was applied"
	}
	page.Lead = r.leftAlone(a.Left)

	if a.Made != nil {
		r.summarise(a.Made, page)
	}
}

// before loads the configuration that was applied last: of the marked commit, else of the
// commit before the push, else of the parent of the commit. It explains why settings differ,
// and its policy binds the plan. It is nil only for the first commit of a repository; where
// it cannot be read, nothing may be written.
func (r *run) before(last marked) (*job.Configuration, error) {
	if last.found {
		return r.Earlier(r.repo, last.applied, r.o.Common)
	}
	if last.shallow {
		return nil, noBase("the history ends before a commit that is marked as applied", fullHistory)
	}

	if r.event.Before != "" {
		at, err := r.repo.Resolve(r.event.Before)
		if err != nil {
			return nil, noBase("commit "+short(r.event.Before)+", from before the push, is not in this clone", fullHistory+
				"; after a forced push, read the plan and run the apply by hand (in the ready-made workflow: Run workflow)")
		}
		return r.Earlier(r.repo, at, r.o.Common)
	}

	parents, err := r.repo.Parents(r.head)
	switch {
	case err != nil:
		return nil, noBase(job.OneLine(err), fullHistory)
	case len(parents) == 0:
		return nil, nil
	}
	return r.Earlier(r.repo, parents[0], r.o.Common)
}

const fullHistory = "check out the whole history (actions/checkout with fetch-depth: 0)"

// noBase refuses an apply whose base has a policy that cannot be read: a commit must not be
// judged by its own policy alone.
func noBase(why, hint string) error {
	return job.Exit{Code: job.CodeRefused, Err: fmt.Errorf("refused, nothing was written: the policy that the base has is unknown: %s; %s", why, hint)}
}

// isTip refuses a commit that is behind its branch: applying it would undo newer commits.
// It asks GitHub, because the checkout only knows the branch as it was.
func (r *run) isTip(ctx context.Context) error {
	if r.o.NotTip {
		return nil
	}
	if r.client == nil {
		return errors.New("nothing was written: cannot check that this commit is the tip of its branch without a GITHUB_TOKEN (in the action: the input github-token); set TLSYNC_ALLOW_NOT_TIP=true to skip the check")
	}

	tip, err := r.client.BranchTip(ctx, r.event.DefaultBranch)
	if err != nil {
		return fmt.Errorf("nothing was written: cannot check that this commit is the tip of its branch: %w", err)
	}
	if tip != r.head.Hash {
		return job.Exit{Code: job.CodeRefused, Err: fmt.Errorf("refused, nothing was written: commit %s is behind the tip of %s, which is %s: the run of that commit applies everything; to go back, revert the commit, or set TLSYNC_ALLOW_NOT_TIP=true",
			short(r.head.Hash), safe.Text(r.event.DefaultBranch), short(tip))}
	}
	return nil
}

// mark sets the status that says that live state matches the commit.
func (r *run) mark(ctx context.Context, made *plan.Plan) {
	switch {
	case r.client == nil:
		return
	case !reached(made):
		r.notice("warning", "the commit is not marked as applied: the configuration matches no live zone, or one of its globs matches none")
		return
	}

	done := "nothing had to change"
	if n := len(made.Changes); n > 0 {
		done = words.Count(n, "change") + " " + words.Plural(n, "was", "were") + " made"
	}
	description := "Live state matches this commit; " + done + "."
	if r.left > 0 {
		description = "This commit is applied; " + done + ", and " + words.Count(r.left, "drifted setting") + " " + words.Plural(r.left, "was", "were") + " left alone."
	}

	if err := r.client.SetStatus(ctx, r.head.Hash, r.statusContext(), description, r.env.RunURL()); err != nil {
		r.notice("warning", "the commit could not be marked as applied, so later runs report pending changes as drift: "+err.Error())
	}
}

// reached reports whether the plan found every zone of the configuration. A missing zone
// may also be one that the token can no longer see.
func reached(made *plan.Plan) bool {
	return !slices.ContainsFunc(made.Findings, func(f plan.Finding) bool {
		return f.Rule == plan.NotFound && f.Kind == plan.KindZone
	})
}
