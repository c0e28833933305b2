package github

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tlsync/engine/github/githubtest"
)

// pullWith is a repository with pull request 7 and these comments.
func pullWith(comments ...githubtest.Comment) githubtest.Seed {
	s := onePull
	s.Pulls = []githubtest.Pull{onePull.Pulls[0]}
	s.Pulls[0].Comments = comments
	return s
}

func (l *lab) upsert(t *testing.T, text string) (Posted, error) {
	t.Helper()
	return l.UpsertComment(t.Context(), 7, KindPlan, "prod", text)
}

func TestACommentIsKeptUpToDate(t *testing.T) {
	l := newLab(t, pullWith(githubtest.Comment{Author: "ann", Body: "hello"}))
	for _, step := range []struct{ text, done, requests string }{
		{"one", "created", "GET 200, POST 201"},
		{"one", "unchanged", "GET 200"},
		{"two", "updated", "GET 200, PATCH 200"},
		{"two", "unchanged", "GET 200"},
	} {
		l.ClearTranscript()
		p, err := l.upsert(t, step.text)
		want := Posted{Number: 7, URL: "https://github.test/acme/tls/pull/7#issuecomment-2", Done: step.done}
		if err != nil || p != want || l.methods() != step.requests {
			t.Fatalf("%s: %+v, %v\n%s", step.text, p, err, l.Transcript())
		}
		if got := l.Comment(7, 1); got.Body != Mark(KindPlan, "prod", step.text) || got.Author != Bot || len(l.Comments(7)) != 2 {
			t.Errorf("comments %+v", l.Comments(7))
		}
	}
	// Somebody edits it, and leaves the marker.
	l.EditComment(7, 1, strings.Replace(l.Comment(7, 1).Body, "two", "LGTM", 1))
	if p, err := l.upsert(t, "two"); err != nil || p.Done != "updated" || l.Comment(7, 1).Body != Mark(KindPlan, "prod", "two") {
		t.Errorf("after an edit: %+v, %v, %+v", p, err, l.Comments(7))
	}
	if l.Comment(7, 0).Body != "hello" {
		t.Error("another comment was touched")
	}
}

func TestWhichCommentIsOurs(t *testing.T) {
	ours, other := Mark(KindPlan, "prod", "old"), Mark(KindPlan, "test", "old")
	for name, tt := range map[string]struct {
		seed  githubtest.Comment
		ours  bool
		login string
	}{
		"ours":                                   {githubtest.Comment{Author: Bot, Body: ours}, true, ""},
		"ours with CRLF":                         {githubtest.Comment{Author: Bot, Body: strings.ReplaceAll(ours, "\n", "\r\n")}, true, ""},
		"a decoy of the pull request's author":   {githubtest.Comment{Author: "eve", Body: ours}, false, ""},
		"a decoy whose author is called alike":   {githubtest.Comment{Author: "github-actions", Body: ours}, false, ""},
		"of another configuration":               {githubtest.Comment{Author: Bot, Body: other}, false, ""},
		"of another kind":                        {githubtest.Comment{Author: Bot, Body: Mark(KindDrift, "prod", "old")}, false, ""},
		"of another workflow that quotes ours":   {githubtest.Comment{Author: Bot, Body: "> " + ours}, false, ""},
		"of another workflow with it further":    {githubtest.Comment{Author: Bot, Body: "text\n" + ours}, false, ""},
		"of the login that is configured":        {githubtest.Comment{Author: "Our-App[bot]", Body: ours}, true, "our-app[bot]"},
		"of the bot, while we are somebody else": {githubtest.Comment{Author: Bot, Body: ours}, false, "our-app[bot]"},
	} {
		t.Run(name, func(t *testing.T) {
			seed := pullWith(tt.seed)
			seed.Login = tt.login
			l := newLab(t, seed)
			c := l.client(t, Options{Login: tt.login})
			all, err := c.Candidates(t.Context(), 7, KindPlan, "prod")
			found := len(all) > 0 && all[0].Ours
			if err != nil || found != tt.ours || found && (all[0].Body != ours || !all[0].Intact) {
				t.Fatalf("found %+v, %v", all, err)
			}
			if _, err := c.UpsertComment(t.Context(), 7, KindPlan, "prod", "new"); err != nil {
				t.Fatal(err)
			}
			first, n := l.Comment(7, 0), len(l.Comments(7))
			if touched := first.Body != tt.seed.Body; touched != tt.ours || (n == 1) != tt.ours {
				t.Errorf("touched %v, %d comments", touched, n)
			}
		})
	}
}

func TestADecoyIsNeverSentTo(t *testing.T) {
	l := newLab(t, pullWith(githubtest.Comment{Author: "eve", Body: Mark(KindPlan, "prod", "two")}))
	for _, text := range []string{"one", "two", "two"} {
		if _, err := l.upsert(t, text); err != nil {
			t.Fatal(err)
		}
	}
	if strings.Contains(l.Transcript(), "issues/comments/1 ") || l.Comment(7, 0).Body != Mark(KindPlan, "prod", "two") || l.Comment(7, 1).Body != Mark(KindPlan, "prod", "two") {
		t.Error(l.Transcript())
	}
}

func TestTheNewestOfSeveralIsKept(t *testing.T) {
	l := newLab(t, pullWith(
		githubtest.Comment{Author: Bot, Body: Mark(KindPlan, "prod", "a")},
		githubtest.Comment{Author: Bot, Body: Mark(KindPlan, "prod", "b")},
	))
	p, err := l.upsert(t, "c")
	if err != nil || p.Done != "updated" || l.Comment(7, 0).Body != Mark(KindPlan, "prod", "a") || l.Comment(7, 1).Body != Mark(KindPlan, "prod", "c") {
		t.Errorf("%+v, %v\n%s", p, err, l.Transcript())
	}
}

func TestACommentIsFoundOnAnyPage(t *testing.T) {
	var comments []githubtest.Comment
	for i := range 250 {
		comments = append(comments, githubtest.Comment{Body: fmt.Sprint(i)})
	}
	comments[210] = githubtest.Comment{Author: Bot, Body: Mark(KindPlan, "prod", "old")}
	for limit, pages := range map[int]int{0: 3, 7: 36} {
		seed := pullWith(comments...)
		seed.PageLimit = limit
		l := newLab(t, seed)
		p, err := l.upsert(t, "new")
		if err != nil || p.Done != "updated" || strings.Count(l.Transcript(), "GET") != pages || !strings.Contains(l.Transcript(), "comments?page=2&per_page=100 200") {
			t.Errorf("%+v, %v\n%s", p, err, l.Transcript())
		}
	}
}

func TestEndlessPagesAreAnError(t *testing.T) {
	seed := pullWith(githubtest.Comment{}, githubtest.Comment{})
	seed.PageLimit = 1
	l := newLab(t, seed)
	l.Fault(githubtest.Fault{Method: "GET", Times: -1, Status: 200, Body: "[]", Header: map[string]string{"Link": `<http://x/?page=2>; rel="next"`}})
	_, err := l.upsert(t, "new")
	wantError(t, err, nil, "comment on pull request 7: it has more than 100 pages of comments")
	if n := strings.Count(l.Transcript(), "GET"); n != maxComments {
		t.Errorf("%d pages", n)
	}
}

func TestCommentsUnderFaults(t *testing.T) {
	type fault = githubtest.Fault
	ours := githubtest.Comment{Author: Bot, Body: Mark(KindPlan, "prod", "old")}
	for name, tt := range map[string]struct {
		seed  []githubtest.Comment
		fault fault
		done  string
		waits string
		sent  string
	}{
		"an answer to POST is lost":  {nil, fault{Method: "POST", Drop: true}, "created", "[1s]", "GET 200, POST 201 dropped, GET 200"},
		"POST is not done":           {nil, fault{Method: "POST", Status: 502}, "created", "[1s]", "GET 200, POST 502, GET 200, POST 201"},
		"POST is done at last":       {nil, fault{Method: "POST", Status: 503, Times: 2}, "created", "[1s 2s]", "GET 200, POST 503, GET 200, POST 503, GET 200, POST 201"},
		"POST is limited":            {nil, fault{Method: "POST", Status: 403, RetryAfter: "60"}, "created", "[1m0s]", "GET 200, POST 403, POST 201"},
		"POST is answered oddly":     {nil, fault{Method: "POST", Status: 201, Body: "<html>"}, "created", "[1s]", "GET 200, POST 201, GET 200, POST 201"},
		"an answer to PATCH is lost": {[]githubtest.Comment{ours}, fault{Method: "PATCH", Drop: true}, "updated", "[1s]", "GET 200, PATCH 200 dropped, PATCH 200"},
		"PATCH is not done":          {[]githubtest.Comment{ours}, fault{Method: "PATCH", Status: 500}, "updated", "[1s]", "GET 200, PATCH 500, PATCH 200"},
		"the comment was deleted":    {[]githubtest.Comment{ours}, fault{Method: "PATCH", Status: 404}, "created", "[]", "GET 200, PATCH 404, POST 201"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, pullWith(tt.seed...))
			l.Fault(tt.fault)
			p, err := l.upsert(t, "new")
			if err != nil || p.Done != tt.done || !strings.HasPrefix(p.URL, "https://github.test/acme/tls/pull/7#issuecomment-") || l.waits() != tt.waits || l.methods() != tt.sent {
				t.Errorf("%+v, %v, waits %s\n%s", p, err, l.waits(), l.methods())
			}
			n := 0
			for _, c := range l.Comments(7) {
				if c.Body == Mark(KindPlan, "prod", "new") {
					n++
				}
			}
			if n != 1 {
				t.Errorf("%d comments say it: %+v", n, l.Comments(7))
			}
		})
	}
}

// The one that could not be updated is still listed when the new one is looked for.
func TestAnOldCommentIsNotTakenForTheNewOne(t *testing.T) {
	l := newLab(t, pullWith(githubtest.Comment{Author: Bot, Body: Mark(KindPlan, "prod", "old")}))
	l.Fault(githubtest.Fault{Method: "PATCH", Status: 404})
	l.Fault(githubtest.Fault{Method: "POST", Status: 502})
	p, err := l.upsert(t, "new")
	if want := "GET 200, PATCH 404, POST 502, GET 200, POST 201"; err != nil || p.Done != "created" || l.methods() != want {
		t.Errorf("%+v, %v\n%s, want\n%s", p, err, l.methods(), want)
	}
}

func TestCommentsThatAreRefused(t *testing.T) {
	ours := githubtest.Comment{Author: Bot, Body: Mark(KindPlan, "prod", "old")}
	for name, tt := range map[string]struct {
		change func(*lab)
		seed   []githubtest.Comment
		text   string
		is     error
		says   string
		waits  string
	}{
		"a run for a fork reads and cannot write": {change: func(l *lab) { l.SetPermission("pull-requests: write", false) }, is: ErrNoPermission,
			says: "comment on pull request 7: POST /repos/acme/tls/issues/7/comments: 403 Resource not accessible by integration; give the job the permission pull-requests: write (a run for a pull request from a fork never has it)"},
		"nor change what is there":     {change: func(l *lab) { l.SetPermission("pull-requests: write", false) }, seed: []githubtest.Comment{ours}, is: ErrNoPermission, says: "PATCH"},
		"a job without the permission": {change: func(l *lab) { l.SetPermission("pull-requests", false) }, is: ErrNoPermission, says: "GET /repos/acme/tls/issues/7/comments: 403"},
		"a pull request that is locked": {change: func(l *lab) {
			l.Fault(githubtest.Fault{Method: "POST", Status: 403, Body: `{"message":"Unable to create comment because issue is locked."}`})
		}, says: "403 Unable to create comment because issue is locked."},
		"a text that is too long":     {text: strings.Repeat("é", 65_536), is: ErrTooLong, says: "422 Validation Failed: Body is too long (maximum is 65536 characters)"},
		"a text that is too long now": {text: strings.Repeat("é", 65_536), seed: []githubtest.Comment{ours}, is: ErrTooLong, says: "PATCH"},
		"no such pull request":        {change: func(l *lab) { l.Fault(githubtest.Fault{Method: "GET", Status: 404}) }, says: "it does not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, pullWith(tt.seed...))
			if tt.change != nil {
				tt.change(l)
			}
			before := fmt.Sprint(l.Comments(7))
			_, err := l.upsert(t, tt.text+"x")
			wantError(t, err, tt.is, tt.says)
			if tt.is == nil && errors.Is(err, ErrNoPermission) {
				t.Errorf("%v is no lack of a permission", err)
			}
			if after := fmt.Sprint(l.Comments(7)); after != before || l.waits() != "[]" {
				t.Errorf("waits %s, %s", l.waits(), after)
			}
		})
	}
	l := newLab(t, onePull)
	_, err := l.UpsertComment(t.Context(), 7, KindPlan, "a b", "x")
	wantError(t, err, nil, `comment on pull request 7: key "a b" must have 1 to 64 characters of A-Z`)
	_, err = l.Candidates(t.Context(), 7, "apply", "k")
	wantError(t, err, nil, `find the comment on pull request 7: kind "apply" is not plan, drift or adopt`)
	if l.Transcript() != "" {
		t.Error(l.Transcript())
	}
}

func TestALimitOfGitHubIsJustTaken(t *testing.T) {
	l := newLab(t, onePull)
	text := strings.Repeat("é", 65_536-len(Mark(KindPlan, "prod", "")))
	if _, err := l.upsert(t, text); err != nil {
		t.Error(err)
	}
	l.SetPermission("issues", false) // a comment on a pull request does not need it
	if p, err := l.upsert(t, text); err != nil || p.Done != "unchanged" {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestAServerThatStoresCRLF(t *testing.T) {
	seed := pullWith()
	seed.CRLF = true
	l := newLab(t, seed)
	for _, done := range []string{"created", "unchanged"} {
		if p, err := l.upsert(t, "a\nb\n"); err != nil || p.Done != done {
			t.Errorf("%+v, %v", p, err)
		}
	}
	all, err := l.Candidates(t.Context(), 7, KindPlan, "prod")
	if err != nil || len(all) != 1 || !all[0].Intact {
		t.Fatalf("%+v, %v", all, err)
	}
	if diff := cmp.Diff(Mark(KindPlan, "prod", "a\nb\n"), all[0].Body); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(l.Comment(7, 0).Body, "-->\r\na\r\nb\r\n") {
		t.Errorf("stored %q", l.Comment(7, 0).Body)
	}
}
