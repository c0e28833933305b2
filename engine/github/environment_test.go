package github

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	shaA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	shaB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	shaC = "cccccccccccccccccccccccccccccccccccccccc"
)

func variables(changes ...string) func(string) string {
	vars := map[string]string{
		"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "push", "GITHUB_EVENT_PATH": "/e.json", "GITHUB_REPOSITORY": "acme/tls",
		"GITHUB_SHA": shaA, "GITHUB_REF": "refs/heads/main", "GITHUB_REF_NAME": "main", "GITHUB_BASE_REF": "b", "GITHUB_HEAD_REF": "h",
		"GITHUB_API_URL": "https://api", "GITHUB_SERVER_URL": "https://github.com", "GITHUB_RUN_ID": "12", "GITHUB_RUN_ATTEMPT": "2",
		"GITHUB_WORKFLOW": "w", "GITHUB_JOB": "j", "GITHUB_ACTOR": "me", "GITHUB_WORKSPACE": "/w", "GITHUB_OUTPUT": "/o",
		"GITHUB_STEP_SUMMARY": "/s", "RUNNER_TEMP": "/t",
	}
	for i := 0; i < len(changes); i += 2 {
		vars[changes[i]] = changes[i+1]
	}
	return func(name string) string { return vars[name] }
}

func TestReadEnvironment(t *testing.T) {
	got, err := ReadEnvironment(variables())
	if err != nil {
		t.Fatal(err)
	}
	want := Environment{
		Event: "push", EventPath: "/e.json", Repository: "acme/tls", SHA: shaA, Workspace: "/w", Ref: "refs/heads/main",
		APIURL: "https://api", ServerURL: "https://github.com", RunID: "12", RunAttempt: "2", Actor: "me", Output: "/o", Summary: "/s", Temp: "/t",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := ReadEnvironment(variables("GITHUB_ACTIONS", "")); !errors.Is(err, ErrNotActions) {
		t.Errorf("outside of Actions: %v", err)
	}
}

func TestAnIncompleteEnvironmentIsToldAsAWhole(t *testing.T) {
	for name, tt := range map[string]struct {
		changes []string
		want    string
	}{
		"all that is missing":               {[]string{"GITHUB_EVENT_NAME", "", "GITHUB_REPOSITORY", "", "GITHUB_SHA", ""}, "GITHUB_EVENT_NAME is missing, GITHUB_REPOSITORY is missing, GITHUB_SHA is missing"},
		"a repository without an owner":     {[]string{"GITHUB_REPOSITORY", "tls"}, `GITHUB_REPOSITORY is "tls", not owner/name`},
		"a repository that is a step up":    {[]string{"GITHUB_REPOSITORY", "acme/.."}, `GITHUB_REPOSITORY is "acme/..", not owner/name`},
		"a repository with three parts":     {[]string{"GITHUB_REPOSITORY", "a/b/c"}, `GITHUB_REPOSITORY is "a/b/c", not owner/name`},
		"a short commit":                    {[]string{"GITHUB_SHA", "abc"}, `GITHUB_SHA is "abc", not 40 hexadecimal digits`},
		"a commit in capitals":              {[]string{"GITHUB_SHA", strings.ToUpper(shaA)}, ", not 40 hexadecimal digits"},
		"an event with a line end is shown": {[]string{"GITHUB_EVENT_NAME", "push\n::error::x"}, `GITHUB_EVENT_NAME is "push\n::error::x", not the name of an event`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ReadEnvironment(variables(tt.changes...))
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func TestRunURL(t *testing.T) {
	for name, tt := range map[string]struct {
		changes []string
		want    string
	}{
		"on github.com":                    {nil, "https://github.com/acme/tls/actions/runs/12"},
		"on a server with a port":          {[]string{"GITHUB_SERVER_URL", "http://ghe.test:8080/"}, "http://ghe.test:8080/acme/tls/actions/runs/12"},
		"without a server":                 {[]string{"GITHUB_SERVER_URL", ""}, ""},
		"without a run":                    {[]string{"GITHUB_RUN_ID", ""}, ""},
		"with a run that is text":          {[]string{"GITHUB_RUN_ID", "12)[x](y"}, ""},
		"with a run and a line end":        {[]string{"GITHUB_RUN_ID", "12\n"}, ""},
		"with another scheme":              {[]string{"GITHUB_SERVER_URL", "javascript://github.com"}, ""},
		"with a password":                  {[]string{"GITHUB_SERVER_URL", "https://u:p@github.com"}, ""},
		"with a query":                     {[]string{"GITHUB_SERVER_URL", "https://github.com?x"}, ""},
		"with Markdown in the host's name": {[]string{"GITHUB_SERVER_URL", "https://a)b"}, ""},
		"with a path":                      {[]string{"GITHUB_SERVER_URL", "https://github.com/x"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := ReadEnvironment(variables(tt.changes...))
			if err != nil {
				t.Fatal(err)
			}
			if got := e.RunURL(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	if got := (Environment{ServerURL: "https://github.com", RunID: "1", Repository: "a b/c"}).RunURL(); got != "" {
		t.Errorf("a repository with a space gave %q", got)
	}
}
