package github

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseEvent(t *testing.T) {
	pull := `{"action":"opened","number":7,"repository":{"default_branch":"main"},"pull_request":{"number":7,"draft":true,"merged":true,"user":{"login":"eve"},
		"merge_commit_sha":"` + shaC + `","head":{"sha":"` + shaA + `","ref":"fix","repo":{"full_name":"eve/tls"}},"base":{"sha":"` + shaB + `","ref":"main","repo":{"full_name":"acme/tls"}}}}`
	whole := Pull{Number: 7, HeadSHA: shaA, BaseSHA: shaB, Fork: true}
	noFork := whole
	noFork.Fork = false
	for name, tt := range map[string]struct {
		event, text string
		want        Event
	}{
		"a pull request from a fork": {"pull_request", pull, Event{Action: "opened", Pull: whole, OfPull: true, DefaultBranch: "main"}},
		"a pull request from the repository, whose name ignores case": {"pull_request", strings.ReplaceAll(pull, "eve/tls", "ACME/tls"),
			Event{Action: "opened", Pull: noFork, OfPull: true, DefaultBranch: "main"}},
		"a pull request from a fork that was deleted": {"pull_request_target", strings.Replace(pull, `{"full_name":"eve/tls"}`, "null", 1),
			Event{Action: "opened", Pull: whole, OfPull: true, DefaultBranch: "main"}},
		"a pull request without repositories is no fork's": {"pull_request", `{"number":3,"pull_request":{}}`, Event{Pull: Pull{Number: 3}, OfPull: true}},
		"a pull request whose base is told by the repository alone": {"pull_request", `{"number":3,"repository":{"full_name":"acme/tls"},"pull_request":{"head":{"repo":{"full_name":"eve/tls"}}}}`,
			Event{Pull: Pull{Number: 3, Fork: true}, OfPull: true}},
		"a pull request whose base is not told at all is a fork's": {"pull_request", `{"number":3,"pull_request":{"head":{"repo":{"full_name":"eve/tls"}}}}`,
			Event{Pull: Pull{Number: 3, Fork: true}, OfPull: true}},
		"a review is of a pull request, and gives no number": {"pull_request_review", pull, Event{Action: "opened", OfPull: true, DefaultBranch: "main"}},
		"a push":                              {"push", `{"before":"` + shaA + `","after":"` + shaB + `","deleted":true}`, Event{Before: shaA, Deleted: true}},
		"a push of a new branch":              {"push", `{"before":"0000000000000000000000000000000000000000","after":"` + shaB + `"}`, Event{}},
		"commits that are none":               {"push", `{"before":"main","after":"` + shaB + `0"}`, Event{}},
		"a merge group":                       {"merge_group", `{"merge_group":{"head_sha":"` + shaA + `","base_sha":"` + shaB + `","head_ref":"h","base_ref":"b"}}`, Event{Group: MergeGroup{shaB}}},
		"a comment on a pull request":         {"issue_comment", `{"issue":{"pull_request":{"url":"x"}}}`, Event{OfPull: true}},
		"a comment on an issue":               {"issue_comment", `{"issue":{"pull_request":null}}`, Event{}},
		"a comment on who knows what":         {"issue_comment", `{}`, Event{OfPull: true}},
		"a check of a pull request":           {"check_run", `{"check_run":{"pull_requests":[{}]}}`, Event{OfPull: true}},
		"a check of no pull request":          {"check_suite", `{"check_suite":{"pull_requests":[]}}`, Event{}},
		"nulls":                               {"push", `{"before":null,"repository":null,"pull_request":null,"issue":null}`, Event{}},
		"nothing at all":                      {"schedule", `{}`, Event{}},
		"a number outside of the pull itself": {"pull_request", `{"number":9,"pull_request":{"head":{"repo":{"full_name":"a/b"}},"base":{"repo":{"full_name":"a/b"}}}}`, Event{OfPull: true, Pull: Pull{Number: 9}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseEvent(tt.event, []byte(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			tt.want.Name = tt.event
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPayloadsThatAreNone(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"no JSON":         {"{", `read the payload of "push": it is not JSON`},
		"nothing":         {"", "it is not JSON"},
		"a list":          {"[]", "is a array"},
		"a field of text": {`{"pull_request":{"number":"7"}}`, `"pull_request.number" is a string`},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := ParseEvent("push", []byte(tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func TestReadEvent(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "event.json")
	if err := os.WriteFile(file, []byte(`{"action":"closed"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if e, err := ReadEvent("pull_request", file); err != nil || e.Action != "closed" || e.Name != "pull_request" {
		t.Errorf("got %+v, %v", e, err)
	}
	if _, err := ReadEvent("push", filepath.Join(dir, "none")); err == nil || !strings.Contains(err.Error(), "GITHUB_EVENT_PATH") || !os.IsNotExist(unwrapAll(err)) {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := ReadEvent("push", ""); err == nil || !strings.Contains(err.Error(), "GITHUB_EVENT_PATH does not name a file") {
		t.Errorf("no file: %v", err)
	}
	large := filepath.Join(dir, "large.json")
	if err := os.WriteFile(large, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, maxPayload+1); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadEvent("push", large); err == nil || !strings.Contains(err.Error(), "larger than 64 MiB") {
		t.Errorf("a file that is too large: %v", err)
	}
}

func unwrapAll(err error) error {
	for {
		u, ok := err.(interface{ Unwrap() error })
		if !ok {
			return err
		}
		if _, ok := err.(*os.PathError); ok {
			return err
		}
		err = u.Unwrap()
	}
}

func FuzzParseEvent(f *testing.F) {
	f.Add("pull_request", `{"number":7,"pull_request":{"head":{"sha":"`+shaA+`"}}}`)
	f.Add("push", `{"before":"`+shaB+`","deleted":true}`)
	f.Add("issue_comment", `{"issue":{"pull_request":{}}}`)
	f.Fuzz(func(t *testing.T, name, text string) {
		e, err := ParseEvent(name, []byte(text))
		if err != nil {
			if strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' }) {
				t.Errorf("control characters in %q", err)
			}
			return
		}
		for _, s := range []string{e.Before, e.Pull.HeadSHA, e.Pull.BaseSHA, e.Group.BaseSHA} {
			if s != "" && !isSHA(s) {
				t.Errorf("commit %q", s)
			}
		}
	})
}
