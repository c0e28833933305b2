package github

import (
	"context"
	"fmt"
	"strings"

	gh "github.com/google/go-github/v92/github"
)

// maxComments bounds the pages of comments that are read, of 100 each.
const maxComments = 100

// Posted is what became of a comment or an issue.
type Posted struct {
	Number int // of the issue or pull request; 0 where there is none
	URL    string
	Done   string // none, unchanged, created, updated, closed or reopened
	// Stranger is the author of what was made, where that is not who we are taken
	// for, so that it will not be found again.
	Stranger string
}

// UpsertComment keeps one comment of a kind and key on a pull request: it is made,
// brought up to date, or left alone where it is that of text already. A comment of
// somebody else is never touched, whatever its first line. Where there are several
// of ours, the first is kept up to date.
func (c *Client) UpsertComment(ctx context.Context, number int, kind, key, text string) (Posted, error) {
	p, err := c.upsert(ctx, number, kind, key, Mark(kind, key, text))
	if err != nil {
		return Posted{}, fmt.Errorf("comment on pull request %d: %w", number, err)
	}
	return p, nil
}

const commentPermission = "pull-requests: write"

func (c *Client) upsert(ctx context.Context, number int, kind, key, body string) (Posted, error) {
	if err := check(kind, key); err != nil {
		return Posted{}, err
	}
	p := Posted{Number: number}
	old, err := c.comment(ctx, number, kind, key)
	if err != nil {
		return Posted{}, err
	}
	if old != nil {
		if sameText(old.GetBody(), body) {
			p.URL, p.Done = old.GetHTMLURL(), "unchanged"
			return p, nil
		}
		now, res, err := c.calls.updateComment(ctx, c.owner, c.name, old.GetID(), gh.IssueCommentRequest{Body: body})
		err = c.failed(res, err, commentPermission)
		if err == nil {
			p.URL, p.Done = now.GetHTMLURL(), "updated"
			return p, nil
		}
		if !hasStatus(err, 404) {
			return Posted{}, err
		}
		// It was deleted meanwhile.
	}
	p.Done = "created"
	err = c.create(ctx, func() error {
		now, res, err := c.calls.createComment(ctx, c.owner, c.name, number, gh.IssueCommentRequest{Body: body})
		p.URL, p.Stranger = now.GetHTMLURL(), c.stranger(ctx, now.GetUser())
		return c.failed(res, err, commentPermission)
	}, func() (bool, error) {
		now, err := c.comment(ctx, number, kind, key)
		if now == nil || now.GetID() == old.GetID() {
			return false, err
		}
		p.URL = now.GetHTMLURL()
		return true, nil
	})
	if err != nil {
		return Posted{}, err
	}
	return p, nil
}

// sameText compares bodies as GitHub keeps them: the ends of lines, and space at the
// end, may have changed on the way.
func sameText(a, b string) bool {
	plain := func(s string) string { return strings.TrimRight(strings.ReplaceAll(s, "\r\n", "\n"), " \n") }
	return plain(a) == plain(b)
}

// stranger is the author of something that we made, if it is not who we are taken
// for.
func (c *Client) stranger(ctx context.Context, author *gh.User) string {
	if login := author.GetLogin(); login != "" && !strings.EqualFold(login, c.whoWeAre(ctx)) {
		return login
	}
	return ""
}

// FindComment is the text of our comment of a kind and key on a pull request, with
// its marker and with LF at the ends of lines.
func (c *Client) FindComment(ctx context.Context, number int, kind, key string) (body string, found bool, err error) {
	if err = check(kind, key); err == nil {
		var m *gh.IssueComment
		if m, err = c.comment(ctx, number, kind, key); m != nil {
			return strings.ReplaceAll(m.GetBody(), "\r\n", "\n"), true, nil
		}
	}
	if err != nil {
		err = fmt.Errorf("find the comment on pull request %d: %w", number, err)
	}
	return "", false, err
}

// comment is the first of ours of a kind and key, or nil.
func (c *Client) comment(ctx context.Context, number int, kind, key string) (*gh.IssueComment, error) {
	var found *gh.IssueComment
	err := c.eachComment(ctx, number, func(m *gh.IssueComment) bool {
		if c.ours(ctx, m.GetUser(), m.GetBody(), kind, key) {
			found = m
		}
		return found == nil
	})
	return found, err
}

// ours reports whether we wrote a text, and for this kind and key. A marker alone
// can be anybody's.
func (c *Client) ours(ctx context.Context, author *gh.User, body, kind, key string) bool {
	m, ok := ParseMarker(body)
	return ok && m.Kind == kind && m.Key == key && strings.EqualFold(author.GetLogin(), c.whoWeAre(ctx))
}

// eachComment reads comments, the oldest first, until each returns false.
func (c *Client) eachComment(ctx context.Context, number int, each func(*gh.IssueComment) bool) error {
	o := &gh.IssueListCommentsOptions{}
	more, err := follow(&o.ListOptions, maxComments, func() ([]*gh.IssueComment, *gh.Response, error) {
		list, res, err := c.calls.comments(ctx, c.owner, c.name, number, o)
		return list, res, c.failed(res, err, commentPermission)
	}, each)
	if more {
		return fmt.Errorf("there are more than %d pages of comments: delete old ones", maxComments)
	}
	return err
}
