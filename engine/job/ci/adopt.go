package ci

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"tlsync/engine/github"
	"tlsync/engine/job"
	"tlsync/engine/plan"
	"tlsync/engine/report/view"
	"tlsync/engine/safe"
)

// maxAdopted is how many lines the text of the pull request has about what is adopted. The
// diff shows all of it.
const maxAdopted = 200

// propose keeps a pull request that edits the configuration so that it asks for what has
// drifted, as long as there is drift. It writes nothing to Cloudflare.
func (r *run) propose(ctx context.Context, c *job.Configuration, made *plan.Plan, live *plan.Live, unknown string) error {
	switch {
	case r.client == nil:
		return errors.New("there is no GITHUB_TOKEN (in the action: the input github-token)")
	case !github.OnDefaultBranch(r.env, r.event):
		return errors.New("this is not the default branch")
	case unknown != "":
		return errors.New("the drift shown may be a merge that is not applied yet")
	case job.Unread(made) != nil || !reached(made):
		return errors.New("the plan is incomplete")
	}

	a, err := r.Adoption(ctx, r.o.Common, c, made, live)
	if err != nil {
		return err
	}
	proposal := github.Proposal{Key: r.key(), Base: strings.TrimPrefix(r.env.Ref, "refs/heads/"), Commit: r.head.Hash, Files: map[string][]byte{}}
	for _, name := range a.Files.Names() {
		proposal.Files[path.Join(r.repo.Sub(), name)] = a.Files[name]
		if err := r.Secrets.Whole(string(a.Files[name])); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}

	drifted := view.DriftOf(made)
	proposal.Title = "Adopt TLS drift: " + drifted.String()
	proposal.Message = proposal.Title
	proposal.Text = r.proposalText(a)
	if err := r.Secrets.Whole(proposal.Title + proposal.Text); err != nil {
		return err
	}
	posted, err := r.client.Propose(ctx, proposal)
	if err != nil {
		return err
	}
	r.strange(posted)
	if posted.Done != "none" {
		r.remark("tlsync: pull request %d adopts the drift: %s", posted.Number, posted.Done)
	}
	return nil
}

// proposalText is the text of the pull request.
func (r *run) proposalText(a *job.Adoption) string {
	lines := strings.Split(strings.TrimSpace(a.Text()), "\n")
	if left := len(lines) - maxAdopted; left > 0 {
		lines = append(lines[:maxAdopted:maxAdopted], fmt.Sprintf("… %d more lines", left))
	}

	text := "Somebody changed TLS settings at Cloudflare. This makes the configuration ask for what is live. " +
		"Merge it if that is what you want: nothing at Cloudflare changes. Otherwise close it, and apply the configuration to undo the change.\n\n" +
		safe.Fenced("text", lines) +
		"\ntlsync updates this pull request, and closes it when the drift is gone. What you close is not proposed again.\n"
	if url := r.env.RunURL(); url != "" {
		text += "\n" + url + "\n"
	}
	return text
}

// warnOf tells why something was not done. It does not fail the run.
func (r *run) warnOf(what string, err error) {
	if err != nil {
		r.notice("warning", what+": "+err.Error())
	}
}
