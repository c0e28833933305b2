package github

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxPayload bounds the payload of an event, in bytes.
const maxPayload = 64 << 20

// Event is what the payload of an event says. Every field may be missing.
type Event struct {
	Name          string // as in Environment.Event
	Action        string // opened, synchronize, closed, …
	Pull          Pull   // of pull_request and pull_request_target; Number is 0 otherwise
	OfPull        bool   // the payload speaks of a pull request, whatever the event
	Before, After string // of push; Before is "" for a new branch
	Deleted       bool   // the push deleted its branch or tag
	Forced        bool
	DefaultBranch string
	Group         MergeGroup // of merge_group
}

// Pull is the pull request of an event. SHAs have 40 hexadecimal digits or are "".
type Pull struct {
	Number                     int
	HeadSHA, HeadRef, HeadRepo string // HeadRepo is "" where the fork was deleted
	BaseSHA, BaseRef, BaseRepo string
	Fork                       bool // the head is not known to be in the repository of the base
	Draft, Merged              bool
	Author                     string
	MergeSHA                   string
}

// MergeGroup is what a merge queue tests.
type MergeGroup struct{ HeadSHA, BaseSHA, HeadRef, BaseRef string }

// ReadEvent reads the payload of the event called name from its file, of 64 MiB at
// most.
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
	Ref, SHA string
	Repo     *struct {
		FullName string `json:"full_name"`
	}
}

func (s *side) repo() string {
	if s.Repo == nil {
		return ""
	}
	return s.Repo.FullName
}

// payload is the part of all payloads that is looked at.
type payload struct {
	Action      string
	Number      int
	PullRequest *struct {
		Number         int
		Head, Base     side
		Draft, Merged  bool
		MergeCommitSHA string `json:"merge_commit_sha"`
		User           struct{ Login string }
	} `json:"pull_request"`
	Issue *struct {
		PullRequest json.RawMessage `json:"pull_request"`
	}
	CheckRun        pulls `json:"check_run"`
	CheckSuite      pulls `json:"check_suite"`
	Before, After   string
	Deleted, Forced bool
	Repository      struct {
		DefaultBranch string `json:"default_branch"`
	}
	MergeGroup struct {
		HeadSHA string `json:"head_sha"`
		BaseSHA string `json:"base_sha"`
		HeadRef string `json:"head_ref"`
		BaseRef string `json:"base_ref"`
	} `json:"merge_group"`
}

type pulls struct {
	PullRequests []json.RawMessage `json:"pull_requests"`
}

// ParseEvent reads a payload. Fields that are missing or null are left empty, and
// so are SHAs that are none; a field of another type than GitHub's is an error.
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
		Name: name, Action: p.Action, Before: sha(p.Before), After: sha(p.After), Deleted: p.Deleted, Forced: p.Forced,
		DefaultBranch: p.Repository.DefaultBranch,
		Group:         MergeGroup{sha(p.MergeGroup.HeadSHA), sha(p.MergeGroup.BaseSHA), p.MergeGroup.HeadRef, p.MergeGroup.BaseRef},
		OfPull:        p.PullRequest != nil || len(p.CheckRun.PullRequests)+len(p.CheckSuite.PullRequests) > 0,
	}
	if name == "issue_comment" {
		// Without the issue nobody knows what the comment is on.
		e.OfPull = p.Issue == nil || len(p.Issue.PullRequest) > 0 && string(p.Issue.PullRequest) != "null"
	}
	if pull := p.PullRequest; pull != nil && (name == "pull_request" || name == "pull_request_target") {
		e.Pull = Pull{
			Number:  pull.Number,
			HeadSHA: sha(pull.Head.SHA), HeadRef: pull.Head.Ref, HeadRepo: pull.Head.repo(),
			BaseSHA: sha(pull.Base.SHA), BaseRef: pull.Base.Ref, BaseRepo: pull.Base.repo(),
			Draft: pull.Draft, Merged: pull.Merged, Author: pull.User.Login, MergeSHA: sha(pull.MergeCommitSHA),
		}
		if e.Pull.Number == 0 {
			e.Pull.Number = p.Number
		}
		// Names of repositories ignore case. One that is not known may be a fork.
		e.Pull.Fork = e.Pull.HeadRepo == "" || !strings.EqualFold(e.Pull.HeadRepo, e.Pull.BaseRepo)
	}
	return e, nil
}

// sha is a commit, and "" for what is none: 40 zeros stand for "there was none".
func sha(s string) string {
	if !isSHA(s) || strings.Trim(s, "0") == "" {
		return ""
	}
	return s
}
