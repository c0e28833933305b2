package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const (
	// maxCommitPages bounds the pages that are read of a commit's pull requests and
	// statuses.
	maxCommitPages = 10
	// maxDescription is the longest description of a status that GitHub accepts, in
	// characters.
	maxDescription = 140
)

// MergedPull is the pull request that brought a commit to a branch.
type MergedPull struct {
	Number  int
	HeadSHA string
}

// pull is a pull request.
type pull struct {
	Number         int
	MergedAt       string `json:"merged_at"`
	MergeCommitSHA string `json:"merge_commit_sha"`
	Head           struct{ SHA string }
	Base           struct {
		Ref  string
		Repo *struct {
			FullName string `json:"full_name"`
		}
	}
}

// MergedPull finds the merged pull request that brought a commit to a branch: the one
// whose merge created the commit, else the one with the smallest number. ok is false if
// there is none.
func (c *Client) MergedPull(ctx context.Context, sha, branch string) (p MergedPull, ok bool, err error) {
	var best pull
	if err = checkSHA(sha); err == nil {
		_, err = each(ctx, c, c.below("commits/%s/pulls", sha), url.Values{}, maxCommitPages, "pull-requests: read", func(p *pull) bool {
			repo := p.Base.Repo
			switch {
			case p.MergedAt == "", p.Base.Ref != branch, p.Number == 0:
			case repo != nil && !strings.EqualFold(repo.FullName, c.repository):
			case p.MergeCommitSHA == sha:
				best = *p
				return false
			case best.Number == 0 || p.Number < best.Number:
				best = *p
			}
			return true
		})
	}

	if err != nil {
		return MergedPull{}, false, fmt.Errorf("find the pull request of commit %s: %w", cut(visible(sha), 40), err)
	}
	if best.Number == 0 {
		return MergedPull{}, false, nil
	}
	return MergedPull{best.Number, best.Head.SHA}, true, nil
}

// BranchTip returns the commit at the tip of a branch, such as main or release/1.
func (c *Client) BranchTip(ctx context.Context, branch string) (sha string, err error) {
	var b struct{ Commit struct{ SHA string } }
	path := c.below("branches/%s", url.PathEscape(branch))
	if strings.Contains(branch, "..") { // in a URL it would lead to another path
		err = errors.New("this is not a valid name of a branch")
	} else if _, err = c.call(ctx, http.MethodGet, path, nil, &b, "contents: read"); err == nil && !isSHA(b.Commit.SHA) {
		err = errors.New("unexpected answer: it does not name a commit")
	}

	if err != nil {
		return "", fmt.Errorf("find the tip of branch %s: %w", quoted(branch), err)
	}
	return b.Commit.SHA, nil
}

// status is a commit status, as it is sent and read.
type status struct {
	State       string `json:"state"`
	TargetURL   string `json:"target_url,omitempty"`
	Description string `json:"description"`
	Context     string `json:"context"`
	Creator     user   `json:"creator,omitzero"`
}

// SetStatus sets a status of success on a commit. GitHub calls name the context; an
// example is tlsync/apply. The description is cut at 140 characters. A targetURL that is
// not http or https is left out.
func (c *Client) SetStatus(ctx context.Context, sha, name, description, targetURL string) error {
	s := status{State: "success", Context: name, Description: cut(description, maxDescription)}
	if strings.HasPrefix(targetURL, "https://") || strings.HasPrefix(targetURL, "http://") {
		s.TargetURL = targetURL
	}

	err := checkSHA(sha)
	if err == nil {
		err = c.create(ctx, func() error {
			_, err := c.call(ctx, http.MethodPost, c.below("statuses/%s", sha), s, &status{}, "statuses: write")
			return err
		}, func() (bool, error) { return c.hasStatus(ctx, sha, name) })
	}

	if err != nil {
		return fmt.Errorf("set the status %s of commit %s: %w", quoted(name), cut(visible(sha), 40), err)
	}
	return nil
}

// HasStatus reports whether the newest status of a commit is success for at least one of
// the names. Statuses that others set do not count, nor those without a creator.
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
	ok, open := false, slices.Clone(names) // open are the names without a status so far
	path := c.below("commits/%s/statuses", sha)
	_, err := each(ctx, c, path, url.Values{}, maxCommitPages, "statuses: read", func(s *status) bool { // the newest first
		i := slices.Index(open, s.Context)
		if i < 0 || !c.wrote(ctx, s.Creator) {
			return true
		}
		open = slices.Delete(open, i, i+1)
		ok = s.State == "success"
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
