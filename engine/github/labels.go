package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Label is a label that is set on a pull request.
type Label struct {
	Name string
	By   string // who set it last; "" if the account was deleted
	At   time.Time
}

// maxTimeline bounds the pages of a timeline that are read; a page has 100 events.
const maxTimeline = 100

// labelPermission is what reading a timeline takes; issues: read would do as well.
const labelPermission = "pull-requests: read"

// Labels returns the labels of a pull request that begin with a prefix and are set now, each
// with who set it last, and when. Names of labels ignore case.
func (c *Client) Labels(ctx context.Context, number int, prefix string) ([]Label, error) {
	set, err := c.labelsNow(ctx, number, prefix)
	if err == nil && len(set) > 0 {
		err = c.labelsSince(ctx, number, set)
	}
	if err != nil {
		return nil, fmt.Errorf("read the labels of pull request %d: %w", number, err)
	}
	return set, nil
}

// labelsNow returns the labels that are set, without their history.
func (c *Client) labelsNow(ctx context.Context, number int, prefix string) ([]Label, error) {
	var p struct{ Labels []struct{ Name string } }
	if _, err := c.call(ctx, http.MethodGet, c.below("pulls/%d", number), nil, &p, labelPermission); err != nil {
		return nil, err
	}

	var set []Label
	for _, l := range p.Labels {
		if len(l.Name) >= len(prefix) && strings.EqualFold(l.Name[:len(prefix)], prefix) {
			set = append(set, Label{Name: strings.ToLower(l.Name)})
		}
	}
	return set, nil
}

// labelsSince adds to labels that are set who did that, and when. The last time counts: one
// that was taken away and set again is as new as that.
func (c *Client) labelsSince(ctx context.Context, number int, set []Label) error {
	type event struct {
		Event     string
		Actor     user
		CreatedAt time.Time `json:"created_at"`
		Label     struct{ Name string }
	}

	more, err := each(ctx, c, c.below("issues/%d/timeline", number), url.Values{}, maxTimeline, labelPermission, func(e *event) bool {
		for i := range set {
			if e.Event == "labeled" && strings.EqualFold(e.Label.Name, set[i].Name) {
				set[i].By, set[i].At = e.Actor.Login, e.CreatedAt
			}
		}
		return true
	})
	if more {
		return fmt.Errorf("it has more than %d pages of events", maxTimeline)
	}
	for i := range set {
		if err == nil && set[i].At.IsZero() {
			err = errors.New("unexpected answer: it does not say when " + quoted(set[i].Name) + " was set")
		}
	}
	return err
}
