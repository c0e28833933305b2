// Package github talks to GitHub and to the runner of GitHub Actions. It reads the
// environment and the event of a step, decides the task of a run, keeps comments, the
// drift issue and commit statuses, and writes the files and commands of the runner.
//
// Payloads, branch names and answers of the API are untrusted text. Invisible characters
// in them are escaped before they reach an error, an annotation or a log.
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

// ErrNotActions reports that the program does not run in a GitHub Actions workflow.
var ErrNotActions = errors.New("not in GitHub Actions: GITHUB_ACTIONS is not true")

// Environment holds the variables that GitHub Actions sets for a step. A variable that is
// not set is "".
type Environment struct {
	Event      string // GITHUB_EVENT_NAME, such as pull_request
	EventPath  string // the file with the payload
	Repository string // owner/name
	SHA        string // 40 hexadecimal digits
	Workspace  string // the directory that checkouts are in
	Ref        string // refs/heads/main, refs/tags/v1, refs/pull/7/merge
	APIURL     string // https://api.github.com, or https://HOST/api/v3
	ServerURL  string
	RunID      string
	RunAttempt string
	Actor      string // the user who started the run
	Output     string // the file for AppendOutputs
	Summary    string // the file for AppendSummary
	Temp       string // a directory for temporary files
}

var (
	eventName  = lazyRegexp(`^[a-z_]{1,64}$`)
	repository = lazyRegexp(`^[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}$`)
	commitSHA  = lazyRegexp(`^[0-9a-f]{40}$`)
	runID      = lazyRegexp(`^[0-9]{1,20}$`)
	hostPort   = lazyRegexp(`^[A-Za-z0-9.-]+(:[0-9]{1,5})?$`)
)

// lazyRegexp returns a function that compiles a regular expression on its first call, so
// that commands that do not use it start faster.
func lazyRegexp(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}

// ReadEnvironment reads the variables of GitHub Actions. The error is ErrNotActions
// outside of a workflow. Otherwise it names every variable that is missing or wrong; the
// others are still returned, so that the caller can report the error to the runner.
func ReadEnvironment(getenv func(string) string) (Environment, error) {
	if getenv("GITHUB_ACTIONS") != "true" {
		return Environment{}, ErrNotActions
	}

	e := Environment{
		Event:      getenv("GITHUB_EVENT_NAME"),
		EventPath:  getenv("GITHUB_EVENT_PATH"),
		Repository: getenv("GITHUB_REPOSITORY"),
		SHA:        getenv("GITHUB_SHA"),
		Workspace:  getenv("GITHUB_WORKSPACE"),
		Ref:        getenv("GITHUB_REF"),
		APIURL:     getenv("GITHUB_API_URL"),
		ServerURL:  getenv("GITHUB_SERVER_URL"),
		RunID:      number(getenv("GITHUB_RUN_ID")),
		RunAttempt: number(getenv("GITHUB_RUN_ATTEMPT")),
		Actor:      getenv("GITHUB_ACTOR"),
		Output:     getenv("GITHUB_OUTPUT"),
		Summary:    getenv("GITHUB_STEP_SUMMARY"),
		Temp:       getenv("RUNNER_TEMP"),
	}

	var wrong []string
	need := func(name, value string, ok bool, what string) {
		switch {
		case value == "":
			wrong = append(wrong, name+" is missing")
		case !ok:
			wrong = append(wrong, fmt.Sprintf("%s is %q, not %s", name, value, what))
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

// RunURL returns the URL of the page of this run. It is "" if the environment lacks a part
// of it or has one that cannot stand in a URL.
func (e Environment) RunURL() string {
	u, err := url.Parse(e.ServerURL)
	switch {
	case err != nil, u.Scheme != "https" && u.Scheme != "http", u.User != nil, u.RawQuery != "", u.Fragment != "",
		!hostPort().MatchString(u.Host), u.Path != "" && u.Path != "/", !isRepository(e.Repository), !runID().MatchString(e.RunID):
		return ""
	}
	return u.Scheme + "://" + u.Host + "/" + e.Repository + "/actions/runs/" + e.RunID
}

// number returns a text of digits, and "" for another one.
func number(s string) string {
	if !runID().MatchString(s) {
		return ""
	}
	return s
}

func isSHA(s string) bool { return commitSHA().MatchString(s) }

// isRepository reports whether s is owner/name. Neither may consist of dots, which would
// lead to another path in a URL.
func isRepository(s string) bool {
	owner, name, _ := strings.Cut(s, "/")
	return repository().MatchString(s) && strings.Trim(owner, ".") != "" && strings.Trim(name, ".") != ""
}

// quoted quotes untrusted text for a message, cut at 100 characters.
func quoted(s string) string { return strconv.Quote(cut(s, 100)) }
