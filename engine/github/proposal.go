package github

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const (
	contentsPermission = "contents: write"
	pullsPermission    = "pull-requests: write"
	// maxPullPages bounds the pages of pull requests of one branch that are read.
	maxPullPages = 2
	// ourCommit begins the last line of the messages of our commits, before the key.
	ourCommit = "Tlsync-Adopt: "
	// adoptBranch is the branch of our proposals, followed by the key if there is one.
	adoptBranch = "tlsync/adopt"
	// defaultKey is the key of a repository with one configuration.
	defaultKey = "default"
)

// Proposal is the wanted content of the pull request that adopts drift.
type Proposal struct {
	Key    string // see CheckKey
	Base   string // the branch to merge into
	Commit string // the commit of Base that the files are changed in
	// Files are the changed files by their paths in the repository. Without any there is
	// nothing to propose, or no longer.
	Files   map[string][]byte
	Message string // of the commit
	Title   string // cut at 256 characters
	Text    string // Markdown
}

// branch returns the name of the branch of the proposal.
func (o *Proposal) branch() string {
	if o.Key == defaultKey {
		return adoptBranch
	}
	return adoptBranch + "-" + o.Key
}

// fingerprint identifies the changed files.
func (o *Proposal) fingerprint() string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(o.Files)) {
		fmt.Fprintf(h, "%d %s\n%d\n", len(name), name, len(o.Files[name]))
		h.Write(o.Files[name])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// proposed is a pull request of our branch.
type proposed struct {
	Number int
	URL    string `json:"html_url"`
	Body   string
	State  string
	Merged string `json:"merged_at"`
	User   user
}

// newPull creates or edits a pull request. An edit leaves empty fields as they are.
type newPull struct {
	Title string `json:"title,omitempty"`
	Body  string `json:"body,omitempty"`
	Head  string `json:"head,omitempty"`
	Base  string `json:"base,omitempty"`
	State string `json:"state,omitempty"`
}

// Propose keeps one pull request for a key, with one commit on a branch of its own. It
// opens the pull request, updates it, leaves it alone if it proposes the same, and closes
// it if there is nothing to propose. Posted.Done is none, unchanged, created, updated or
// closed. What somebody declined, by closing it, is not proposed again. A branch that
// somebody else committed to is not touched.
func (c *Client) Propose(ctx context.Context, o Proposal) (Posted, error) {
	p, err := c.propose(ctx, &o)
	if err != nil && strings.Contains(err.Error(), "not permitted to create") {
		err = fmt.Errorf("%w; allow it in the settings of the repository, under Actions, General, Workflow permissions", err)
	}
	if err != nil {
		return Posted{}, fmt.Errorf("propose to adopt drift: %w", err)
	}
	return p, nil
}

func (c *Client) propose(ctx context.Context, o *Proposal) (Posted, error) {
	if err := cmp.Or(CheckKey(o.Key), checkSHA(o.Commit)); err != nil {
		return Posted{}, err
	}
	marker := Marker{KindAdopt, o.Key, o.fingerprint()}
	open, declined, err := c.proposals(ctx, o, marker)
	if err != nil {
		return Posted{}, err
	}

	mine := open != nil && c.ours(ctx, open.User, open.Body, KindAdopt, o.Key)
	if len(o.Files) == 0 {
		if !mine {
			return Posted{Done: "none"}, nil
		}
		// With another marker it does not count as declined, should the drift come back.
		return c.editPull(ctx, open.Number, "closed", newPull{State: "closed", Body: Mark(KindAdopt, o.Key, "There is no drift to adopt any more.\n")})
	}
	if mine {
		if m, _ := ParseMarker(open.Body); m == marker {
			return Posted{Number: open.Number, URL: open.URL, Done: "unchanged"}, nil
		}
	}
	if open == nil && declined != nil {
		return Posted{Number: declined.Number, URL: declined.URL, Done: "none"}, nil
	}

	if err := c.moveBranch(ctx, o); err != nil {
		return Posted{}, err
	}
	content := newPull{Title: cut(o.Title, maxTitle), Body: marker.above(o.Text)}
	switch {
	case mine:
		return c.editPull(ctx, open.Number, "updated", content)
	case open != nil: // somebody opened one for the branch: its text is theirs
		return Posted{Number: open.Number, URL: open.URL, Done: "updated"}, nil
	}
	content.Head, content.Base = o.branch(), o.Base
	return c.openPull(ctx, o, content)
}

// proposals returns the open pull request of our branch, and ours with the marker that
// somebody closed without merging it; nil if there is none.
func (c *Client) proposals(ctx context.Context, o *Proposal, marker Marker) (open, declined *proposed, err error) {
	owner, _, _ := strings.Cut(c.repository, "/")
	query := url.Values{"state": {"all"}, "head": {owner + ":" + o.branch()}, "base": {o.Base}}
	_, err = each(ctx, c, c.below("pulls"), query, maxPullPages, pullsPermission, func(p *proposed) bool {
		m, _ := ParseMarker(p.Body)
		switch {
		case p.State == "open":
			open = p
		case declined == nil && p.Merged == "" && m == marker && c.wrote(ctx, p.User):
			declined = p
		}
		return open == nil
	})
	return open, declined, err
}

// openPull creates the pull request.
func (c *Client) openPull(ctx context.Context, o *Proposal, content newPull) (Posted, error) {
	made := &proposed{}
	err := c.create(ctx, func() error {
		_, err := c.call(ctx, http.MethodPost, c.below("pulls"), content, made, pullsPermission)
		return err
	}, func() (bool, error) {
		now, _, err := c.proposals(ctx, o, Marker{})
		if now != nil {
			made = now
		}
		return now != nil, err
	})

	if err != nil {
		return Posted{}, err
	}
	return Posted{Number: made.Number, URL: made.URL, Done: "created", Stranger: c.stranger(ctx, made.User)}, nil
}

func (c *Client) editPull(ctx context.Context, number int, done string, to newPull) (Posted, error) {
	var now proposed
	if _, err := c.call(ctx, http.MethodPatch, c.below("pulls/%d", number), to, &now, pullsPermission); err != nil {
		return Posted{}, err
	}
	return Posted{Number: now.Number, URL: now.URL, Done: done}, nil
}

// gitObject is a commit, a tree or a reference, as far as it is read.
type gitObject struct {
	SHA     string
	Message string
	Tree    struct{ SHA string }
	Object  struct{ SHA string }
}

// treeEntry is a file in a new tree.
type treeEntry struct {
	Path    string `json:"path"`
	Mode    string `json:"mode"`
	Type    string `json:"type"`
	Content string `json:"content"`
}

type newTree struct {
	Base  string      `json:"base_tree"`
	Files []treeEntry `json:"tree"`
}

type newCommit struct {
	Message string   `json:"message"`
	Tree    string   `json:"tree"`
	Parents []string `json:"parents"`
}

type newRef struct {
	Ref   string `json:"ref,omitempty"`
	SHA   string `json:"sha"`
	Force bool   `json:"force,omitempty"`
}

// moveBranch commits the files on top of the commit that they are changed in, and points
// the branch to that.
func (c *Client) moveBranch(ctx context.Context, o *Proposal) error {
	tip, err := c.ourTip(ctx, o)
	if err != nil {
		return err
	}

	var parent, tree, commit gitObject
	if _, err := c.call(ctx, http.MethodGet, c.below("git/commits/%s", o.Commit), nil, &parent, contentsPermission); err != nil {
		return err
	}
	files := newTree{Base: parent.Tree.SHA}
	for _, name := range slices.Sorted(maps.Keys(o.Files)) {
		files.Files = append(files.Files, treeEntry{name, "100644", "blob", string(o.Files[name])})
	}
	if err := c.object(ctx, "git/trees", files, &tree); err != nil {
		return err
	}
	message := strings.TrimSpace(o.Message) + "\n\n" + ourCommit + o.Key + "\n"
	if err := c.object(ctx, "git/commits", newCommit{message, tree.SHA, []string{o.Commit}}, &commit); err != nil {
		return err
	}

	var ref gitObject
	if tip != "" {
		_, err := c.call(ctx, http.MethodPatch, c.below("git/refs/heads/%s", o.branch()), newRef{SHA: commit.SHA, Force: true}, &ref, contentsPermission)
		return err
	}
	return c.create(ctx, func() error {
		_, err := c.call(ctx, http.MethodPost, c.below("git/refs"), newRef{Ref: "refs/heads/" + o.branch(), SHA: commit.SHA}, &ref, contentsPermission)
		return err
	}, func() (bool, error) {
		tip, err := c.tip(ctx, o)
		return tip == commit.SHA, err
	})
}

// object makes a tree or a commit. They are named by their content, so making one twice
// does no harm.
func (c *Client) object(ctx context.Context, path string, in any, made *gitObject) error {
	err := c.create(ctx, func() error {
		_, err := c.call(ctx, http.MethodPost, c.below("%s", path), in, made, contentsPermission)
		return err
	}, func() (bool, error) { return false, nil })
	if err == nil && !isSHA(made.SHA) {
		err = errors.New("unexpected answer: it does not name what was made")
	}
	return err
}

// tip returns the commit of our branch, "" if there is no such branch.
func (c *Client) tip(ctx context.Context, o *Proposal) (string, error) {
	var ref gitObject
	_, err := c.call(ctx, http.MethodGet, c.below("git/ref/heads/%s", o.branch()), nil, &ref, contentsPermission)
	if hasStatus(err, http.StatusNotFound) {
		return "", nil
	}
	return ref.Object.SHA, err
}

// ourTip is tip, and fails if the commit is not ours.
func (c *Client) ourTip(ctx context.Context, o *Proposal) (string, error) {
	tip, err := c.tip(ctx, o)
	if err != nil || tip == "" {
		return "", err
	}
	if err := checkSHA(tip); err != nil {
		return "", err
	}

	var commit gitObject
	if _, err := c.call(ctx, http.MethodGet, c.below("git/commits/%s", tip), nil, &commit, contentsPermission); err != nil {
		return "", err
	}
	lines := strings.Split(strings.TrimSpace(commit.Message), "\n")
	if lines[len(lines)-1] != ourCommit+o.Key {
		return "", fmt.Errorf("branch %s has a commit of someone else, %s: merge or delete the branch", o.branch(), tip[:12])
	}
	return tip, nil
}
