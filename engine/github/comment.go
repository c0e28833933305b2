package github

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
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

// comment is what is read of a comment, on a pull request or an issue.
type comment struct {
	ID   int64
	URL  string `json:"html_url"`
	Body string
	User user
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
	old, found, err := c.comment(ctx, number, kind, key)
	if err != nil {
		return Posted{}, err
	}
	if found {
		if sameText(old.Body, body) {
			p.URL, p.Done = old.URL, "unchanged"
			return p, nil
		}
		var now comment
		_, err := c.call(ctx, http.MethodPatch, c.below("issues/comments/%d", old.ID), newComment{body}, &now, commentPermission)
		if err == nil {
			p.URL, p.Done = now.URL, "updated"
			return p, nil
		}
		if !hasStatus(err, 404) {
			return Posted{}, err
		}
		// It was deleted meanwhile.
	}
	p.Done = "created"
	err = c.create(ctx, func() error {
		now, err := c.addComment(ctx, number, body, commentPermission)
		p.URL, p.Stranger = now.URL, c.stranger(ctx, now.User)
		return err
	}, func() (bool, error) {
		now, found, err := c.comment(ctx, number, kind, key)
		if !found || now.ID == old.ID {
			return false, err
		}
		p.URL = now.URL
		return true, nil
	})
	if err != nil {
		return Posted{}, err
	}
	return p, nil
}

// newComment is a comment as it is sent.
type newComment struct {
	Body string `json:"body"`
}

func (c *Client) addComment(ctx context.Context, number int, body, permission string) (made comment, err error) {
	_, err = c.call(ctx, http.MethodPost, c.below("issues/%d/comments", number), newComment{body}, &made, permission)
	return made, err
}

// sameText compares bodies as GitHub keeps them: the ends of lines, and space at the
// end, may have changed on the way.
func sameText(a, b string) bool {
	plain := func(s string) string { return strings.TrimRight(strings.ReplaceAll(s, "\r\n", "\n"), " \n") }
	return plain(a) == plain(b)
}

// stranger is the author of something that we made, if it is not who we are taken
// for.
func (c *Client) stranger(ctx context.Context, author user) string {
	if login := author.Login; login != "" && !strings.EqualFold(login, c.whoWeAre(ctx)) {
		return login
	}
	return ""
}

// FindComment is the text of our comment of a kind and key on a pull request, with
// its marker and with LF at the ends of lines.
func (c *Client) FindComment(ctx context.Context, number int, kind, key string) (body string, found bool, err error) {
	if err = check(kind, key); err == nil {
		var m comment
		if m, found, err = c.comment(ctx, number, kind, key); found {
			return strings.ReplaceAll(m.Body, "\r\n", "\n"), true, nil
		}
	}
	if err != nil {
		err = fmt.Errorf("find the comment on pull request %d: %w", number, err)
	}
	return "", false, err
}

// comment is the first of ours of a kind and key.
func (c *Client) comment(ctx context.Context, number int, kind, key string) (m comment, found bool, err error) {
	err = c.eachComment(ctx, number, func(next *comment) bool {
		if found = c.ours(ctx, next.User, next.Body, kind, key); found {
			m = *next
		}
		return !found
	})
	return m, found, err
}

// ours reports whether we wrote a text, and for this kind and key. A marker alone
// can be anybody's.
func (c *Client) ours(ctx context.Context, author user, body, kind, key string) bool {
	m, ok := ParseMarker(body)
	return ok && m.Kind == kind && m.Key == key && strings.EqualFold(author.Login, c.whoWeAre(ctx))
}

// eachComment reads comments, the oldest first, until do returns false.
func (c *Client) eachComment(ctx context.Context, number int, do func(*comment) bool) error {
	more, err := each(ctx, c, c.below("issues/%d/comments", number), url.Values{}, maxComments, commentPermission, do)
	if more {
		return fmt.Errorf("there are more than %d pages of comments: delete old ones", maxComments)
	}
	return err
}
