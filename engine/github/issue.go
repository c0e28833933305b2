package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
)

const (
	// DriftLabel is the label of our issues, by which they are found.
	DriftLabel = "tlsync-drift"

	issuePermission = "issues: write"
	// maxIssuePages bounds the pages of issues that are read; a page has 100.
	maxIssuePages = 10
	// maxTitle is the longest title of an issue that GitHub accepts, in characters.
	maxTitle = 256
)

// Issue is the wanted content of the drift issue.
type Issue struct {
	Key         string // see CheckKey
	Fingerprint string // 64 hexadecimal digits, equal for equal drift
	Title       string // cut at 256 characters
	Text        string // Markdown; "" if nothing drifted, or no longer does
	Gone        string // Markdown of the comment made when the issue is closed; "" for none
}

// issue is an issue as it is read. Lists of issues contain pull requests too.
type issue struct {
	Number      int
	URL         string `json:"html_url"`
	State       string
	Body        string
	User        user
	Labels      []struct{ Name string }
	PullRequest *struct{} `json:"pull_request"`
}

// newIssue creates or edits an issue. An edit leaves empty fields as they are.
type newIssue struct {
	Title       string   `json:"title,omitempty"`
	Body        string   `json:"body,omitempty"`
	State       string   `json:"state,omitempty"`
	StateReason string   `json:"state_reason,omitempty"`
	Labels      []string `json:"labels,omitempty"`
}

// DriftIssue keeps one issue for a key. It is open while there is drift and closed when
// the drift is gone. For a new fingerprint DriftIssue updates the open issue or creates
// one. For a fingerprint that it knows it leaves the open issue alone, or reopens the
// closed one.
//
// Posted.Done is none, unchanged, created, updated, closed or reopened. DriftIssue does not
// find or touch issues of others, nor issues whose label was removed.
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
	if o.Text != "" && !markerHex().MatchString(o.Fingerprint) {
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
		if err := c.commentGone(ctx, open.Number, o); err != nil {
			return Posted{}, err
		}
		return c.edit(ctx, open, "closed", newIssue{State: "closed", StateReason: "completed"})
	case open != nil:
		if m, _ := ParseMarker(open.Body); m == marker {
			return posted(open, "unchanged"), nil
		}
		return c.edit(ctx, open, "updated", newIssue{Title: title, Body: body})
	case closed != nil:
		return c.edit(ctx, closed, "reopened", newIssue{Title: title, Body: body, State: "open"})
	}
	return c.open(ctx, o, newIssue{Title: title, Body: body, Labels: []string{DriftLabel}})
}

// open creates the drift issue.
func (c *Client) open(ctx context.Context, o Issue, content newIssue) (Posted, error) {
	var made *issue
	err := c.create(ctx, func() error {
		made = &issue{}
		_, err := c.call(ctx, http.MethodPost, c.below("issues"), content, made, issuePermission)
		return err
	}, func() (bool, error) {
		now, _, err := c.driftIssues(ctx, o)
		made = now
		return now != nil, err
	})
	if err != nil {
		return Posted{}, err
	}

	p := posted(made, "created")
	p.Stranger = c.stranger(ctx, made.User)
	if !slices.ContainsFunc(made.Labels, func(l struct{ Name string }) bool { return l.Name == DriftLabel }) {
		return p, fmt.Errorf("issue %d was created without the label %s, so the next run will not find it: create the label in the repository", made.Number, DriftLabel)
	}
	return p, nil
}

func posted(i *issue, done string) Posted {
	return Posted{Number: i.Number, URL: i.URL, Done: done}
}

func (c *Client) edit(ctx context.Context, i *issue, done string, to newIssue) (Posted, error) {
	var now issue
	if _, err := c.call(ctx, http.MethodPatch, c.below("issues/%d", i.Number), to, &now, issuePermission); err != nil {
		return Posted{}, err
	}
	return posted(&now, done), nil
}

// driftIssues returns our open issue for the key and our closed one with the same
// fingerprint, nil if there is none. If there are several it returns the one changed last.
func (c *Client) driftIssues(ctx context.Context, o Issue) (open, closed *issue, err error) {
	query := url.Values{"state": {"all"}, "labels": {DriftLabel}, "sort": {"updated"}, "direction": {"desc"}}
	_, err = each(ctx, c, c.below("issues"), query, maxIssuePages, issuePermission, func(i *issue) bool {
		if i.PullRequest != nil || !c.ours(ctx, i.User, i.Body, KindDrift, o.Key) {
			return true
		}

		m, _ := ParseMarker(i.Body)
		switch {
		case i.State == "open":
			open = i
		case closed == nil && m.Digest == o.Fingerprint:
			closed = i
		}
		return open == nil
	})
	return open, closed, err
}

// commentGone comments that the drift is gone, unless the last comment already says so because
// an earlier run failed to close the issue.
func (c *Client) commentGone(ctx context.Context, number int, o Issue) error {
	if o.Gone == "" {
		return nil
	}

	body := Mark(KindDrift, o.Key, o.Gone)
	want, _ := ParseMarker(body)
	isSaid := func() (bool, error) {
		var last comment
		err := c.eachComment(ctx, number, func(next *comment) bool { last = *next; return true })
		got, _ := ParseMarker(last.Body)
		return got == want && c.ours(ctx, last.User, last.Body, KindDrift, o.Key), err
	}
	said, err := isSaid()
	if err != nil || said {
		return err
	}

	err = c.create(ctx, func() error {
		_, err := c.addComment(ctx, number, body, issuePermission)
		return err
	}, isSaid)
	if errors.Is(err, ErrTooLong) {
		return fmt.Errorf("the comment that closes issue %d: %w", number, err)
	}
	return err
}
