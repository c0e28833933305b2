package github

import (
	"strings"
	"testing"
	"time"

	"tlsync/engine/github/githubtest"
)

func TestCandidatesAreNewestFirst(t *testing.T) {
	edited := strings.Replace(Mark(KindPlan, "prod", "text"), "text", "LGTM", 1)
	l := newLab(t, pullWith(
		githubtest.Comment{Author: Bot, Body: Mark(KindPlan, "prod", "a")},
		githubtest.Comment{Author: "eve", Body: Mark(KindPlan, "prod", "b")},
		githubtest.Comment{Author: "ghost", Body: Mark(KindPlan, "prod", "c")},
		githubtest.Comment{Author: Bot, Body: edited},
		githubtest.Comment{Author: Bot, Body: Mark(KindPlan, "other", "d")},
		githubtest.Comment{Author: Bot, Body: "hello"},
	))
	got, err := l.Candidates(t.Context(), 7, KindPlan, "prod")
	want := []Candidate{
		{Body: edited, Author: Bot, Ours: true, Intact: false, node: "IC_4"},
		{Body: Mark(KindPlan, "prod", "c"), Author: "", Ours: false, Intact: true, node: "IC_3"},
		{Body: Mark(KindPlan, "prod", "b"), Author: "eve", Ours: false, Intact: true, node: "IC_2"},
		{Body: Mark(KindPlan, "prod", "a"), Author: Bot, Ours: true, Intact: true, node: "IC_1"},
	}
	if err != nil || len(got) != len(want) {
		t.Fatalf("%+v, %v", got, err)
	}
	for i := range want {
		if want[i].Shown = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC); got[i] != want[i] {
			t.Errorf("%d: %+v, want %+v", i, got[i], want[i])
		}
	}
}

func TestADigestFitsTheTextAsGitHubKeepsIt(t *testing.T) {
	body := Mark(KindPlan, "k", "a\nb\n")
	for name, tt := range map[string]struct {
		body string
		want bool
	}{
		"as it was sent":        {body, true},
		"with CRLF":             {strings.ReplaceAll(body, "\n", "\r\n"), true},
		"without the last line": {strings.TrimRight(body, "\n"), true},
		"with another word":     {strings.Replace(body, "b", "c", 1), false},
		"with a line more":      {body + "c", false},
		"with a line less":      {strings.Replace(body, "a\n", "", 1), false},
		"without a marker":      {"a\nb\n", false},
		"with another digest":   {strings.Replace(body, "digest=", "digest=0", 1), false},
	} {
		if got := IsIntact(tt.body); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestWhoEditedAComment: an edit of our own does not count, that of anybody else does, and
// without an answer nothing is assumed.
func TestWhoEditedAComment(t *testing.T) {
	for editor, want := range map[string]string{
		"": "", Bot: "", "ann": "ann", "github-actions": "github-actions", "other[bot]": "other[bot]", "ghost": "ghost",
	} {
		l := newLab(t, pullWith(githubtest.Comment{Author: Bot, Body: Mark(KindPlan, "prod", "a"), Editor: editor}))
		for _, api := range []string{l.url, l.url + "/api/v3"} {
			c := l.client(t, Options{APIURL: api})
			all, err := c.Candidates(t.Context(), 7, KindPlan, "prod")
			if err != nil || len(all) != 1 {
				t.Fatal(all, err)
			}
			if got, err := c.EditedBy(t.Context(), all[0]); got != want || err != nil {
				t.Errorf("edited by %q: %q, %v", editor, got, err)
			}
		}
	}

	l := newLab(t, pullWith(githubtest.Comment{Author: Bot, Body: Mark(KindPlan, "prod", "a")}))
	_, err := l.EditedBy(t.Context(), Candidate{node: "IC_99"})
	wantError(t, err, nil, "find out who edited the comment: Could not resolve to a node")
	l.Fault(githubtest.Fault{Method: "POST", Status: 502, Times: -1})
	_, err = l.EditedBy(t.Context(), Candidate{node: "IC_1"})
	wantError(t, err, nil, "find out who edited the comment: POST /graphql: 502")
	if !strings.HasSuffix(l.methods(), "POST 502, POST 502, POST 502") {
		t.Error(l.methods())
	}
}

func TestTheLastCommitOfAPullRequest(t *testing.T) {
	l := newLab(t, githubtest.Seed{Pulls: []githubtest.Pull{{Number: 7, Head: githubtest.Ref{Ref: "fix", SHA: shaA}}}})
	is := func(sha string, want bool) {
		t.Helper()
		if got, err := l.IsLast(t.Context(), 7, sha); got != want || err != nil {
			t.Errorf("%s: %v, %v", sha, got, err)
		}
	}
	is(shaA, true)
	is(shaB, false)
	l.Push(7, shaB)
	is(shaA, false)
	is(shaB, true)
	l.Merge(7, shaC) // its comment is a record now
	is(shaB, false)
	_, err := l.IsLast(t.Context(), 8, shaA)
	wantError(t, err, nil, "read pull request 8: GET /repos/acme/tls/pulls/8: 404")
}
