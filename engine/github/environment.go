// Package github is everything that talks to GitHub or to the runner of GitHub
// Actions: what a step is told, what to do at an event, comments, the drift issue,
// commit statuses, and the files and commands of the runner.
//
// Payloads, branch names and the answers of the API are foreign text. Whatever of
// them reaches an error, an annotation or a log is made visible first.
package github

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// ErrNotActions says that this is no step of a GitHub Actions workflow.
var ErrNotActions = errors.New("not in GitHub Actions: GITHUB_ACTIONS is not true")

// Environment is what GitHub Actions tells a step. What is not said is "".
type Environment struct {
	Event      string // GITHUB_EVENT_NAME, such as pull_request
	EventPath  string // the file with the payload
	Repository string // owner/name
	SHA        string // 40 hexadecimal digits
	Ref        string // refs/heads/main, refs/tags/v1, refs/pull/7/merge
	APIURL     string // https://api.github.com, or https://HOST/api/v3
	ServerURL  string
	RunID      string
	Actor      string // who caused the run
	Output     string // file for AppendOutputs
	Summary    string // file for AppendSummary
	Temp       string // scratch space
}

var (
	eventName  = lazyRegexp(`^[a-z_]{1,64}$`)
	repository = lazyRegexp(`^[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}$`)
	commitSHA  = lazyRegexp(`^[0-9a-f]{40}$`)
	runID      = lazyRegexp(`^[0-9]{1,20}$`)
	hostPort   = lazyRegexp(`^[A-Za-z0-9.-]+(:[0-9]{1,5})?$`)
)

// lazyRegexp is a regular expression that is compiled when it is first asked for, so
// that no command pays for what it does not match.
func lazyRegexp(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}

// ReadEnvironment reads the variables of GitHub Actions. The error is
// ErrNotActions where there are none, and else names every needed variable that is
// missing or is not what it should be; what is there is returned all the same, so
// that it can be told where the runner looks.
func ReadEnvironment(getenv func(string) string) (Environment, error) {
	if getenv("GITHUB_ACTIONS") != "true" {
		return Environment{}, ErrNotActions
	}
	e := Environment{
		Event: getenv("GITHUB_EVENT_NAME"), EventPath: getenv("GITHUB_EVENT_PATH"), Repository: getenv("GITHUB_REPOSITORY"),
		SHA: getenv("GITHUB_SHA"), Ref: getenv("GITHUB_REF"),
		APIURL: getenv("GITHUB_API_URL"), ServerURL: getenv("GITHUB_SERVER_URL"),
		RunID: getenv("GITHUB_RUN_ID"), Actor: getenv("GITHUB_ACTOR"), Output: getenv("GITHUB_OUTPUT"), Summary: getenv("GITHUB_STEP_SUMMARY"), Temp: getenv("RUNNER_TEMP"),
	}
	var wrong []string
	need := func(name, value string, ok bool, what string) {
		switch {
		case value == "":
			wrong = append(wrong, name+" is missing")
		case !ok:
			wrong = append(wrong, fmt.Sprintf("%s is %q and not %s", name, value, what))
		}
	}
	need("GITHUB_EVENT_NAME", e.Event, eventName().MatchString(e.Event), "the name of an event")
	need("GITHUB_REPOSITORY", e.Repository, isRepository(e.Repository), "owner/name")
	need("GITHUB_SHA", e.SHA, isSHA(e.SHA), "40 hexadecimal digits")
	if len(wrong) > 0 {
		return e, errors.New("read the environment of GitHub Actions: " + strings.Join(wrong, ", "))
	}
	return e, nil
}

// RunURL is the page of this run. It is "" where the environment does not tell it,
// or tells something that has no place in a URL.
func (e Environment) RunURL() string {
	u, err := url.Parse(e.ServerURL)
	switch {
	case err != nil, u.Scheme != "https" && u.Scheme != "http", u.User != nil, u.RawQuery != "", u.Fragment != "",
		!hostPort().MatchString(u.Host), u.Path != "" && u.Path != "/", !isRepository(e.Repository), !runID().MatchString(e.RunID):
		return ""
	}
	return u.Scheme + "://" + u.Host + "/" + e.Repository + "/actions/runs/" + e.RunID
}

func isSHA(s string) bool { return commitSHA().MatchString(s) }

// isRepository knows owner/name, and refuses names that a URL would take for a
// step up.
func isRepository(s string) bool {
	owner, name, _ := strings.Cut(s, "/")
	return repository().MatchString(s) && strings.Trim(owner, ".") != "" && strings.Trim(name, ".") != ""
}

// quoted is foreign text in a sentence of ours, cut to a sensible length.
func quoted(s string) string { return strconv.Quote(cut(s, 100)) }
