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

// Seed is the state that a server starts with. The zero value is an empty
// repository "acme/tls" whose token is "ghs_test".
type Seed struct {
	Repository    string            `yaml:"repository"`     // owner/name
	Token         string            `yaml:"token"`          // the only one that is taken
	Login         string            `yaml:"login"`          // author of what the token writes; default "github-actions[bot]"
	User          string            `yaml:"user"`           // what GET /user says; "" refuses it, as for the tokens of an installation
	DefaultBranch string            `yaml:"default-branch"` // default "main"
	Branches      map[string]string `yaml:"branches"`       // name → SHA
	Commits       []string          `yaml:"commits"`        // SHAs that nothing else here names
	Pulls         []Pull            `yaml:"pulls"`
	Issues        []Issue           `yaml:"issues"`
	Statuses      []Status          `yaml:"statuses"`   // the oldest first
	Without       []string          `yaml:"without"`    // permissions taken away, as in SetPermission
	Faults        []Fault           `yaml:"faults"`     // as in Server.Fault
	PageLimit     int               `yaml:"page-limit"` // pages hold no more, whatever per_page says; 0 is GitHub's 100
	CRLF          bool              `yaml:"crlf"`       // bodies are stored with CRLF at the ends of lines
	NoLabels      bool              `yaml:"no-labels"`  // labels of new issues are dropped without a word
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
	Base     Ref       `yaml:"base"`    // the default branch of the repository, where not given
	Commits  []string  `yaml:"commits"` // further commits that it brought
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

// Issue is an issue, as seeded and as it stands.
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

// Comment is a comment on an issue or a pull request. IDs are given in the order
// of the seed, from 1.
type Comment struct {
	ID     int64  `yaml:"-"`
	Author string `yaml:"author"` // default "octocat"
	Body   string `yaml:"body"`
}

// Status is a commit status.
type Status struct {
	SHA         string `yaml:"sha"`
	Context     string `yaml:"context"`
	State       string `yaml:"state"`
	Description string `yaml:"description"`
	TargetURL   string `yaml:"target-url"`
	Creator     string `yaml:"creator"` // default who the token is
}

// Fault is something that goes wrong with the next requests it is meant for.
// Status alone answers with it; Drop does the work and breaks the connection
// instead of answering.
type Fault struct {
	Method     string            `yaml:"method"`      // "" is every method
	Path       string            `yaml:"path"`        // a part of the path; "" is every path
	Skip       int               `yaml:"skip"`        // so many requests pass first
	Times      int               `yaml:"times"`       // so many requests fail; 0 is one, -1 is all
	Status     int               `yaml:"status"`      // the answer's status
	RetryAfter string            `yaml:"retry-after"` // the secondary rate limit: a header as it is, mostly seconds
	Reset      string            `yaml:"reset"`       // the primary rate limit: when it ends, in seconds since 1970
	Header     map[string]string `yaml:"header"`
	Body       string            `yaml:"body"` // default is what GitHub says with the status
	Drop       bool              `yaml:"drop"`
}

// ParseSeed reads a Seed from YAML, whose keys are the names of the fields in
// small letters with hyphens. Unknown keys are errors.
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

// permissions are the names that SetPermission takes, each also with ": write".
func permissions() []string { return []string{"contents", "issues", "pull-requests", "statuses"} }

func permission(name string) bool {
	name, _ = strings.CutSuffix(name, ": write")
	return slices.Contains(permissions(), name)
}
