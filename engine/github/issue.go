package github

import (
	"context"
	"errors"
	"fmt"
	"slices"

	gh "github.com/google/go-github/v92/github"
)

const (
	// DriftLabel is the label by which issues of ours are found.
	DriftLabel = "tlsync-drift"

	issuePermission = "issues: write"
	// maxIssuePages bounds the pages of issues that are read, of 100 each.
	maxIssuePages = 10
	// maxTitle is what GitHub takes as the title of an issue, in characters.
	maxTitle = 256
)

// Issue is what the drift issue is to say.
type Issue struct {
	Key         string // see CheckKey
	Fingerprint string // 64 hexadecimal digits, the same for the same drift
	Title       string // cut at 256 characters
	Text        string // Markdown; "" says that there is no drift any more
	Gone        string // Markdown of the comment that closes the issue; "" makes none
}

// DriftIssue keeps one issue for a key: none without drift, one that is open with
// it, which is closed when the drift is gone. An open issue with the same
// fingerprint is left alone; a closed one is opened again; for another fingerprint,
// the open one is brought up to date or a new one is made.
//
// Done is none, unchanged, created, updated, closed or reopened. Issues of others,
// and those from which somebody took the label, are neither found nor touched.
func (c *Client) DriftIssue(ctx context.Context, o Issue) (Posted, error) {
	p, err := c.driftIssue(ctx, o)
	if err != nil {
		return p, fmt.Errorf("keep the drift issue: %w", err)
	}
	return p, nil
}

func (c *Client) driftIssue(ctx context.Context, o Issue) (Posted, error) {
	if err := CheckKey(o.Key); err != nil {
		return Posted{}, err
	}
	if o.Text != "" && !markerHex.MatchString(o.Fingerprint) {
		return Posted{}, fmt.Errorf("fingerprint %s is not 64 hexadecimal digits", quoted(o.Fingerprint))
	}
	open, closed, err := c.driftIssues(ctx, o)
	if err != nil {
		return Posted{}, err
	}
	marker := Marker{KindDrift, o.Key, o.Fingerprint}
	title, body := cut(o.Title, maxTitle), marker.above(o.Text)
	switch {
	case o.Text == "" && open == nil:
		return Posted{Done: "none"}, nil
	case o.Text == "":
		if err := c.sayGone(ctx, open.GetNumber(), o); err != nil {
			return Posted{}, err
		}
		return c.edit(ctx, open, "closed", gh.UpdateIssueRequest{State: new("closed"), StateReason: new("completed")})
	case open != nil:
		if m, _ := ParseMarker(open.GetBody()); m == marker {
			return posted(open, "unchanged"), nil
		}
		return c.edit(ctx, open, "updated", gh.UpdateIssueRequest{Title: &title, Body: &body})
	case closed != nil:
		return c.edit(ctx, closed, "reopened", gh.UpdateIssueRequest{Title: &title, Body: &body, State: new("open")})
	}
	var made *gh.Issue
	err = c.create(ctx, func() error {
		now, res, err := c.calls.createIssue(ctx, c.owner, c.name, gh.CreateIssueRequest{Title: title, Body: &body, Labels: []string{DriftLabel}})
		made = now
		return c.failed(res, err, issuePermission)
	}, func() (bool, error) {
		now, _, err := c.driftIssues(ctx, o)
		made = now
		return now != nil, err
	})
	if err != nil {
		return Posted{}, err
	}
	p := posted(made, "created")
	p.Stranger = c.stranger(ctx, made.GetUser())
	if !slices.ContainsFunc(made.Labels, func(l *gh.Label) bool { return l.GetName() == DriftLabel }) {
		return p, fmt.Errorf("issue %d was made without the label %s and will not be found again: make the label in the repository", made.GetNumber(), DriftLabel)
	}
	return p, nil
}

func posted(i *gh.Issue, done string) Posted {
	return Posted{Number: i.GetNumber(), URL: i.GetHTMLURL(), Done: done}
}

func (c *Client) edit(ctx context.Context, i *gh.Issue, done string, body gh.UpdateIssueRequest) (Posted, error) {
	now, res, err := c.calls.updateIssue(ctx, c.owner, c.name, i.GetNumber(), body)
	if err := c.failed(res, err, issuePermission); err != nil {
		return Posted{}, err
	}
	return posted(now, done), nil
}

// driftIssues are the first open issue of ours for the key, and the first closed one
// with the same fingerprint, of those changed last.
func (c *Client) driftIssues(ctx context.Context, o Issue) (open, closed *gh.Issue, err error) {
	list := &gh.IssueListByRepoOptions{State: "all", Labels: []string{DriftLabel}, Sort: "updated", Direction: "desc"}
	_, err = follow(&list.ListOptions, maxIssuePages, func() ([]*gh.Issue, *gh.Response, error) {
		issues, res, err := c.calls.issues(ctx, c.owner, c.name, list)
		if res != nil {
			list.After = res.After
		}
		return issues, res, c.failed(res, err, issuePermission)
	}, func(i *gh.Issue) bool {
		if i.IsPullRequest() || !c.ours(ctx, i.GetUser(), i.GetBody(), KindDrift, o.Key) {
			return true
		}
		m, _ := ParseMarker(i.GetBody())
		switch {
		case i.GetState() == "open":
			open = i
		case closed == nil && m.Digest == o.Fingerprint:
			closed = i
		}
		return open == nil
	})
	return open, closed, err
}

// sayGone comments that the drift is gone, unless the last comment says so: then a
// former run could not close the issue.
func (c *Client) sayGone(ctx context.Context, number int, o Issue) error {
	if o.Gone == "" {
		return nil
	}
	body := Mark(KindDrift, o.Key, o.Gone)
	want, _ := ParseMarker(body)
	last := func() (*gh.IssueComment, bool, error) {
		var m *gh.IssueComment
		err := c.eachComment(ctx, number, func(next *gh.IssueComment) bool { m = next; return true })
		got, _ := ParseMarker(m.GetBody())
		return m, got == want && c.ours(ctx, m.GetUser(), m.GetBody(), KindDrift, o.Key), err
	}
	_, said, err := last()
	if err != nil || said {
		return err
	}
	err = c.create(ctx, func() error {
		_, res, err := c.calls.createComment(ctx, c.owner, c.name, number, gh.IssueCommentRequest{Body: body})
		return c.failed(res, err, issuePermission)
	}, func() (bool, error) {
		_, said, err := last()
		return said, err
	})
	if errors.Is(err, ErrTooLong) {
		return fmt.Errorf("the comment that closes issue %d: %w", number, err)
	}
	return err
}
