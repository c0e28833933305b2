package github

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	gh "github.com/google/go-github/v92/github"
)

const (
	// maxCommitPages bounds the pages of pull requests and statuses of a commit.
	maxCommitPages = 10
	// maxDescription is what GitHub takes as the description of a status, in
	// characters.
	maxDescription = 140
)

// MergedPull is the pull request that brought a commit to a branch.
type MergedPull struct {
	Number  int
	HeadSHA string
}

// MergedPull finds the merged pull request that brought a commit to a branch: the
// one whose merge made this commit, else the one with the smallest number. ok is
// false where there is none.
func (c *Client) MergedPull(ctx context.Context, sha, branch string) (p MergedPull, ok bool, err error) {
	var best *gh.PullRequest
	if err = checkSHA(sha); err == nil {
		o := &gh.ListOptions{}
		_, err = follow(o, maxCommitPages, func() ([]*gh.PullRequest, *gh.Response, error) {
			list, res, err := c.calls.pulls(ctx, c.owner, c.name, sha, o)
			return list, res, c.failed(res, err, "pull-requests: read")
		}, func(pr *gh.PullRequest) bool {
			base := pr.GetBase()
			switch {
			case pr.MergedAt == nil, base.GetRef() != branch, pr.GetNumber() == 0:
			case base.Repo != nil && !strings.EqualFold(base.Repo.GetFullName(), c.repository()):
			case pr.GetMergeCommitSHA() == sha:
				best = pr
				return false
			case best == nil || pr.GetNumber() < best.GetNumber():
				best = pr
			}
			return true
		})
	}
	if err != nil {
		return MergedPull{}, false, fmt.Errorf("find the pull request of commit %s: %w", cut(visible(sha), 40), err)
	}
	if best == nil {
		return MergedPull{}, false, nil
	}
	return MergedPull{best.GetNumber(), best.GetHead().GetSHA()}, true, nil
}

// BranchTip is the commit that a branch, such as main or release/1, is at now.
func (c *Client) BranchTip(ctx context.Context, branch string) (sha string, err error) {
	b, res, err := c.calls.branch(ctx, c.owner, c.name, branch, 3)
	if err == nil && !isSHA(b.GetCommit().GetSHA()) {
		err = errors.New("the answer names no commit")
	}
	if err := c.failed(res, err, "contents: read"); err != nil {
		return "", fmt.Errorf("find the tip of branch %s: %w", quoted(branch), err)
	}
	return b.GetCommit().GetSHA(), nil
}

// SetStatus marks a commit with a status of success. name is what GitHub calls the
// context, such as tlsync/apply. The description is cut at 140 characters; a
// targetURL that is not http or https is left out.
func (c *Client) SetStatus(ctx context.Context, sha, name, description, targetURL string) error {
	s := gh.RepoStatus{State: new("success"), Context: &name, Description: new(cut(description, maxDescription))}
	if strings.HasPrefix(targetURL, "https://") || strings.HasPrefix(targetURL, "http://") {
		s.TargetURL = &targetURL
	}
	err := checkSHA(sha)
	if err == nil {
		err = c.create(ctx, func() error {
			_, res, err := c.calls.createStatus(ctx, c.owner, c.name, sha, s)
			return c.failed(res, err, "statuses: write")
		}, func() (bool, error) { return c.hasStatus(ctx, sha, name) })
	}
	if err != nil {
		return fmt.Errorf("set the status %s of commit %s: %w", quoted(name), cut(visible(sha), 40), err)
	}
	return nil
}

// HasStatus reports whether, of one of the names at least, the newest status of a
// commit is success. Statuses of others do not count.
func (c *Client) HasStatus(ctx context.Context, sha string, names ...string) (bool, error) {
	ok, err := false, checkSHA(sha)
	if err == nil {
		ok, err = c.hasStatus(ctx, sha, names...)
	}
	if err != nil {
		return false, fmt.Errorf("read the statuses of commit %s: %w", cut(visible(sha), 40), err)
	}
	return ok, nil
}

func (c *Client) hasStatus(ctx context.Context, sha string, names ...string) (bool, error) {
	ok, open := false, slices.Clone(names) // names of which no status was seen yet
	o := &gh.ListOptions{}
	_, err := follow(o, maxCommitPages, func() ([]*gh.RepoStatus, *gh.Response, error) {
		list, res, err := c.calls.statuses(ctx, c.owner, c.name, sha, o)
		return list, res, c.failed(res, err, "statuses: read")
	}, func(s *gh.RepoStatus) bool { // the newest first
		i := slices.Index(open, s.GetContext())
		if i < 0 || c.stranger(ctx, s.GetCreator()) != "" {
			return true
		}
		open = slices.Delete(open, i, i+1)
		ok = s.GetState() == "success"
		return !ok && len(open) > 0
	})
	return ok, err
}

func checkSHA(sha string) error {
	if !isSHA(sha) {
		return fmt.Errorf("%s is not a commit of 40 hexadecimal digits", quoted(sha))
	}
	return nil
}
