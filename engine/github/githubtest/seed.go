package githubtest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Seed is the initial state of a server. The zero value is an empty repository "acme/tls"
// whose token is "ghs_test".
type Seed struct {
	Repository    string            `yaml:"repository"`     // owner/name
	Token         string            `yaml:"token"`          // the only valid one
	Login         string            `yaml:"login"`          // author of everything that the token writes; default "github-actions[bot]"
	User          string            `yaml:"user"`           // login in GET /user; "" refuses the request, as for a token of an installation
	DefaultBranch string            `yaml:"default-branch"` // default "main"
	Branches      map[string]string `yaml:"branches"`       // name → SHA
	Commits       []string          `yaml:"commits"`        // other known SHAs
	Pulls         []Pull            `yaml:"pulls"`
	Issues        []Issue           `yaml:"issues"`
	Statuses      []Status          `yaml:"statuses"`   // oldest first
	Without       []string          `yaml:"without"`    // missing permissions, named as in SetPermission
	Faults        []Fault           `yaml:"faults"`     // as in Server.Fault
	PageLimit     int               `yaml:"page-limit"` // largest page, whatever per_page says; 0 means GitHub's 100
	CRLF          bool              `yaml:"crlf"`       // store bodies with CRLF line ends
	NoLabels      bool              `yaml:"no-labels"`  // silently drop the labels of new issues
	NoPulls       bool              `yaml:"no-pulls"`   // workflows may not open pull requests, as a new repository has it
}

// Pull is a pull request.
type Pull struct {
	Number   int       `yaml:"number"`
	Title    string    `yaml:"title"`
	Body     string    `yaml:"body"`
	Author   string    `yaml:"author"` // default "octocat"
	State    string    `yaml:"state"`  // open (the default) or closed
	Merged   bool      `yaml:"merged"`
	MergeSHA string    `yaml:"merge-sha"`
	Head     Ref       `yaml:"head"`
	Base     Ref       `yaml:"base"`    // default is the repository's default branch
	Commits  []string  `yaml:"commits"` // other commits of the pull request
	Labels   []string  `yaml:"labels"`
	Locked   bool      `yaml:"locked"` // takes no comments
	Comments []Comment `yaml:"comments"`
}

// Ref is one side of a pull request.
type Ref struct {
	Ref  string `yaml:"ref"`
	SHA  string `yaml:"sha"`
	Repo string `yaml:"repo"` // owner/name; default is the repository
}

// Issue is an issue, in a seed and in the present state.
type Issue struct {
	Number      int       `yaml:"number"`
	Title       string    `yaml:"title"`
	Body        string    `yaml:"body"`
	Author      string    `yaml:"author"` // default "octocat"
	State       string    `yaml:"state"`  // open (the default) or closed
	StateReason string    `yaml:"state-reason"`
	Labels      []string  `yaml:"labels"`
	Comments    []Comment `yaml:"comments"`
}

// Comment is a comment on an issue or a pull request. Seeded comments get the IDs 1, 2 and
// so on.
type Comment struct {
	ID     int64  `yaml:"-"`
	Author string `yaml:"author"` // default "octocat"
	Body   string `yaml:"body"`
	Editor string `yaml:"editor"` // who edited it last; "" if nobody did, "ghost" is an account that was deleted
}

// Status is a commit status.
type Status struct {
	SHA         string `yaml:"sha"`
	Context     string `yaml:"context"`
	State       string `yaml:"state"`
	Description string `yaml:"description"`
	TargetURL   string `yaml:"target-url"`
	Creator     string `yaml:"creator"` // default is the seed's Login; "ghost" is an account that was deleted
}

// Fault breaks requests. Usually it answers with Status and does nothing. With Drop, the
// request is handled, and the connection breaks before the answer.
type Fault struct {
	Method     string            `yaml:"method"`      // "" means every method
	Path       string            `yaml:"path"`        // a part of the path; "" means every path
	Skip       int               `yaml:"skip"`        // number of requests that pass first
	Times      int               `yaml:"times"`       // number of requests that fail; 0 means one, -1 all
	Status     int               `yaml:"status"`      // the answer's status
	RetryAfter string            `yaml:"retry-after"` // secondary rate limit: the header's value, usually seconds
	Reset      string            `yaml:"reset"`       // primary rate limit: its end, in seconds since 1970
	Header     map[string]string `yaml:"header"`
	Body       string            `yaml:"body"` // default is GitHub's body for the status
	Drop       bool              `yaml:"drop"`
}

// ParseSeed reads a Seed from YAML. The keys are the field names in lower case with hyphens.
// Unknown keys are errors.
func ParseSeed(text []byte) (Seed, error) {
	var s Seed
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&s); err != nil && !errors.Is(err, io.EOF) {
		return Seed{}, fmt.Errorf("seed of the GitHub server: %w", err)
	}
	for _, name := range s.Without {
		if !permission(name) {
			return Seed{}, fmt.Errorf("seed of the GitHub server: permission %q is not one of %s", name, strings.Join(permissions(), ", "))
		}
	}
	return s, nil
}

// permissions are the names for SetPermission; each may be followed by ": write".
func permissions() []string { return []string{"contents", "issues", "pull-requests", "statuses"} }

func permission(name string) bool {
	name, _ = strings.CutSuffix(name, ": write")
	return slices.Contains(permissions(), name)
}
