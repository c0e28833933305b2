package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Candidate is a comment with our marker, which may be a review or a decoy.
type Candidate struct {
	Body   string    // with the marker; lines end with LF
	Author string    // "" if the account was deleted
	Ours   bool      // we wrote it; anyone can write a marker
	Intact bool      // its text fits the digest of its marker
	Shown  time.Time // when its text was written
	node   string
}

// Candidates returns the comments of a pull request with the marker of a kind and key,
// whoever wrote them, the newest first.
func (c *Client) Candidates(ctx context.Context, number int, kind, key string) ([]Candidate, error) {
	var found []Candidate
	err := check(kind, key)
	if err == nil {
		err = c.eachComment(ctx, number, func(m *comment) bool {
			if marker, ok := ParseMarker(m.Body); ok && marker.Kind == kind && marker.Key == key {
				found = append(found, Candidate{
					Body: strings.ReplaceAll(m.Body, "\r\n", "\n"), Author: m.User.Login, node: m.Node, Shown: m.UpdatedAt,
					Ours: c.ours(ctx, m.User, m.Body, kind, key), Intact: marker.fits(m.Body),
				})
			}
			return true
		})
	}

	if err != nil {
		return nil, fmt.Errorf("find the comment on pull request %d: %w", number, err)
	}
	slices.Reverse(found)
	return found, nil
}

// ghost is the editor of a comment whose account was deleted, as GitHub shows it.
const ghost = "ghost"

// EditedBy returns the account that edited a comment last, or "" if nobody did after us.
// Whoever may write to a repository may edit our comments, and give them a digest that
// fits; their author stays the same. Only GraphQL names the editor.
func (c *Client) EditedBy(ctx context.Context, m Candidate) (string, error) {
	editor, err := c.lastEditor(ctx, m.node)
	if err != nil {
		return "", fmt.Errorf("find out who edited the comment: %w", err)
	}
	if strings.EqualFold(editor, c.whoWeAre(ctx)) {
		return "", nil
	}
	return editor, nil
}

func (c *Client) lastEditor(ctx context.Context, node string) (string, error) {
	question := graphQuestion{
		Query:     "query($id: ID!) { node(id: $id) { ... on IssueComment { lastEditedAt editor { __typename login } } } }",
		Variables: map[string]string{"id": node},
	}
	var answer struct {
		Data struct {
			Node *struct {
				LastEditedAt *string
				Editor       *struct {
					Typename string `json:"__typename"`
					Login    string
				}
			}
		}
		Errors []struct{ Message string }
	}

	if err := c.ask(ctx, question, &answer); err != nil {
		return "", err
	}
	found := answer.Data.Node
	switch {
	case len(answer.Errors) > 0:
		return "", errors.New(c.transport.clean(answer.Errors[0].Message))
	case found == nil:
		return "", errors.New("unexpected answer: it does not name the comment")
	case found.Editor == nil && found.LastEditedAt == nil:
		return "", nil
	case found.Editor == nil || found.Editor.Login == "":
		return ghost, nil
	case found.Editor.Typename == "Bot" && !strings.HasSuffix(found.Editor.Login, botSuffix):
		return found.Editor.Login + botSuffix, nil
	}
	return found.Editor.Login, nil
}

// botSuffix ends the name of an app in REST. GraphQL leaves it out.
const botSuffix = "[bot]"

// graphQuestion is a request to GraphQL.
type graphQuestion struct {
	Query     string            `json:"query"`
	Variables map[string]string `json:"variables"`
}

// ask sends a question to GraphQL. A question changes nothing, so it is repeated if its
// answer is lost.
func (c *Client) ask(ctx context.Context, question graphQuestion, answer any) error {
	return c.create(ctx, func() error {
		_, err := c.call(ctx, http.MethodPost, graphQL, question, answer, commentPermission)
		return err
	}, func() (bool, error) { return false, nil })
}

// IsLast reports whether a commit is still the last one of a pull request that is open. A
// run that began earlier, or that is run again, must not replace what newer ones wrote.
func (c *Client) IsLast(ctx context.Context, number int, head string) (bool, error) {
	var p struct {
		State string
		Head  struct{ SHA string }
	}
	if _, err := c.call(ctx, http.MethodGet, c.below("pulls/%d", number), nil, &p, commentPermission); err != nil {
		return false, fmt.Errorf("read pull request %d: %w", number, err)
	}
	return p.State == "open" && p.Head.SHA == head, nil
}
