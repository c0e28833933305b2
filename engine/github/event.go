package github

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxPayload bounds the payload of an event, in bytes.
const maxPayload = 64 << 20

// Event holds the parts of an event's payload that matter. Every field may be missing.
type Event struct {
	Name          string // as in Environment.Event
	Action        string // opened, synchronize, closed, …
	Pull          Pull   // of pull_request and pull_request_target; Number is 0 otherwise
	OfPull        bool   // the payload concerns a pull request, whatever the event
	Before        string // of push; "" for a new branch
	Deleted       bool   // the push deleted its branch or tag
	DefaultBranch string
	Group         MergeGroup // of merge_group
}

// Pull is the pull request of an event. A SHA has 40 hexadecimal digits or is "".
type Pull struct {
	Number           int
	HeadSHA, BaseSHA string
	// Fork is set if the head is in another repository than the base, or in one that was
	// deleted. A payload of GitHub always names the repositories.
	Fork bool
}

// MergeGroup is the group of pull requests that a merge queue tests.
type MergeGroup struct{ BaseSHA string }

// ReadEvent reads the payload of the event called name from a file of at most 64 MiB.
func ReadEvent(name, path string) (Event, error) {
	if path == "" {
		return Event{}, fmt.Errorf("read the payload of %s: GITHUB_EVENT_PATH does not name a file", quoted(name))
	}
	f, err := os.Open(path)
	if err != nil {
		return Event{}, fmt.Errorf("read the payload of %s, which GITHUB_EVENT_PATH names: %w", quoted(name), err)
	}
	defer f.Close()

	if info, err := f.Stat(); err == nil && info.Size() > maxPayload {
		return Event{}, tooLarge(name)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxPayload+1))
	if err != nil {
		return Event{}, fmt.Errorf("read the payload of %s: %w", quoted(name), err)
	}
	return ParseEvent(name, text)
}

func tooLarge(name string) error {
	return fmt.Errorf("read the payload of %s: it is larger than %d MiB", quoted(name), maxPayload>>20)
}

// side is the head or the base of a pull request.
type side struct {
	SHA  string
	Repo repoOf
}

// repoOf is the repository of a side. It is null in JSON if it was deleted.
type repoOf struct {
	fullName string
	deleted  bool
}

func (r *repoOf) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		r.deleted = true
		return nil
	}
	var s struct {
		FullName string `json:"full_name"`
	}
	err := json.Unmarshal(text, &s)
	r.fullName = s.FullName
	return err
}

// payload holds the parts of all payloads that matter.
type payload struct {
	Action      string
	Number      int
	PullRequest *struct {
		Number     int
		Head, Base side
	} `json:"pull_request"`
	Issue *struct {
		PullRequest json.RawMessage `json:"pull_request"`
	}
	CheckRun   pulls `json:"check_run"`
	CheckSuite pulls `json:"check_suite"`
	Before     string
	Deleted    bool
	Repository struct {
		FullName      string `json:"full_name"`
		DefaultBranch string `json:"default_branch"`
	}
	MergeGroup struct {
		BaseSHA string `json:"base_sha"`
	} `json:"merge_group"`
}

type pulls struct {
	PullRequests []json.RawMessage `json:"pull_requests"`
}

// ParseEvent parses a payload. Fields that are missing or null, and invalid SHAs, are left
// empty. A field of the wrong type is an error.
func ParseEvent(name string, text []byte) (Event, error) {
	if len(text) > maxPayload {
		return Event{}, tooLarge(name)
	}
	var p payload
	if err := json.Unmarshal(text, &p); err != nil {
		why := "it is not JSON"
		var field *json.UnmarshalTypeError
		if errors.As(err, &field) {
			why = fmt.Sprintf("%s is a %s", quoted(strings.ToLower(field.Field)), field.Value)
		}
		return Event{}, fmt.Errorf("read the payload of %s: %s", quoted(name), why)
	}

	e := Event{
		Name: name, Action: p.Action, Before: sha(p.Before), Deleted: p.Deleted,
		DefaultBranch: p.Repository.DefaultBranch,
		Group:         MergeGroup{sha(p.MergeGroup.BaseSHA)},
		OfPull:        p.PullRequest != nil || len(p.CheckRun.PullRequests)+len(p.CheckSuite.PullRequests) > 0,
	}
	if name == "issue_comment" {
		// A payload without the issue may be about a comment on a pull request.
		e.OfPull = p.Issue == nil || len(p.Issue.PullRequest) > 0 && string(p.Issue.PullRequest) != "null"
	}

	if pull := p.PullRequest; pull != nil && (name == "pull_request" || name == "pull_request_target") {
		e.Pull = Pull{
			Number: pull.Number, HeadSHA: sha(pull.Head.SHA), BaseSHA: sha(pull.Base.SHA),
			Fork: isFork(pull.Head.Repo, cmp.Or(pull.Base.Repo.fullName, p.Repository.FullName)),
		}
		if e.Pull.Number == 0 {
			e.Pull.Number = p.Number
		}
	}
	return e, nil
}

// isFork reports whether the head of a pull request is in another repository than its
// base. Repository names ignore case.
func isFork(head repoOf, base string) bool {
	return head.deleted || head.fullName != "" && !strings.EqualFold(head.fullName, base)
}

// sha returns s if it is the id of a commit, else "". GitHub writes 40 zeros for "none".
func sha(s string) string {
	if !isSHA(s) || strings.Trim(s, "0") == "" {
		return ""
	}
	return s
}
