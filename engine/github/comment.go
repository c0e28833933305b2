package github

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxComments bounds the pages of comments that are read; a page has 100.
const maxComments = 100

// Posted is the result of posting a comment or an issue.
type Posted struct {
	Number int // of the issue or pull request; 0 if there is none
	URL    string
	Done   string // none, unchanged, created, updated, closed or reopened
	// Stranger is set if GitHub names another author than the Client expected. The next
	// run will not find the comment or issue then.
	Stranger string
}

// comment is a comment on a pull request or an issue.
type comment struct {
	ID   int64
	Node string `json:"node_id"` // its name in GraphQL
	URL  string `json:"html_url"`
	Body string
	User user
	// UpdatedAt is when it was written or edited last.
	UpdatedAt time.Time `json:"updated_at"`
}

// UpsertComment keeps one comment of a kind and key on a pull request: it creates the
// comment, updates it, or leaves it alone if its text is the same. It never touches a
// comment of someone else, even one with our marker. If we have several, it updates the
// newest.
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
	old, found, err := c.comment(ctx, number, kind, key)
	if err != nil {
		return Posted{}, err
	}

	if found && sameText(old.Body, body) {
		return Posted{Number: number, URL: old.URL, Done: "unchanged"}, nil
	}
	if found {
		var now comment
		_, err := c.call(ctx, http.MethodPatch, c.below("issues/comments/%d", old.ID), newComment{body}, &now, commentPermission)
		switch {
		case err == nil:
			return Posted{Number: number, URL: now.URL, Done: "updated"}, nil
		case !hasStatus(err, http.StatusNotFound):
			return Posted{}, err
		}
		// Someone deleted it since it was read.
	}

	p := Posted{Number: number, Done: "created"}
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

// newComment is a comment to be sent.
type newComment struct {
	Body string `json:"body"`
}

func (c *Client) addComment(ctx context.Context, number int, body, permission string) (made comment, err error) {
	_, err = c.call(ctx, http.MethodPost, c.below("issues/%d/comments", number), newComment{body}, &made, permission)
	return made, err
}

// sameText reports whether two bodies are equal but for the changes that GitHub makes to
// line ends and to space at the end.
func sameText(a, b string) bool {
	plain := func(s string) string { return strings.TrimRight(strings.ReplaceAll(s, "\r\n", "\n"), " \n") }
	return plain(a) == plain(b)
}

// stranger returns the author of something that we posted, if it is not the expected one.
func (c *Client) stranger(ctx context.Context, author user) string {
	if login := author.Login; login != "" && !strings.EqualFold(login, c.whoWeAre(ctx)) {
		return login
	}
	return ""
}

// comment returns our newest comment of a kind and key.
func (c *Client) comment(ctx context.Context, number int, kind, key string) (m comment, found bool, err error) {
	err = c.eachComment(ctx, number, func(next *comment) bool {
		if c.ours(ctx, next.User, next.Body, kind, key) {
			m, found = *next, true
		}
		return true
	})
	return m, found, err
}

// ours reports whether a text is ours and has this kind and key. The marker alone does not
// prove that, since anyone can write one.
func (c *Client) ours(ctx context.Context, author user, body, kind, key string) bool {
	m, ok := ParseMarker(body)
	return ok && m.Kind == kind && m.Key == key && c.wrote(ctx, author)
}

// wrote reports whether an author is us. An author that GitHub does not name is not.
func (c *Client) wrote(ctx context.Context, author user) bool {
	return author.Login != "" && strings.EqualFold(author.Login, c.whoWeAre(ctx))
}

// eachComment calls do for each comment, the oldest first, until it returns false.
func (c *Client) eachComment(ctx context.Context, number int, do func(*comment) bool) error {
	more, err := each(ctx, c, c.below("issues/%d/comments", number), url.Values{}, maxComments, commentPermission, do)
	if more {
		return fmt.Errorf("it has more than %d pages of comments: delete old ones", maxComments)
	}
	return err
}
