package github

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tlsync/engine/github/githubtest"
)

func drift(n int) Issue {
	return Issue{Key: "prod", Fingerprint: strings.Repeat(fmt.Sprint(n), 64), Title: fmt.Sprintf("Drift %d", n), Text: fmt.Sprintf("text %d\n", n), Gone: "The drift is gone."}
}

func gone() Issue { return Issue{Key: "prod", Gone: "The drift is gone."} }

func (o Issue) body() string { return Marker{KindDrift, o.Key, o.Fingerprint}.above(o.Text) }

func TestTheDriftIssueThroughItsLife(t *testing.T) {
	l := newLab(t, onePull)
	url := func(n int) string { return fmt.Sprintf("https://github.test/acme/tls/issues/%d", n) }
	for _, step := range []struct {
		what string
		in   Issue
		want Posted
		sent string
	}{
		{"without drift nothing is made", gone(), Posted{Number: 0, URL: "", Done: "none"}, "GET 200"},
		{"drift makes an issue", drift(1), Posted{Number: 8, URL: url(8), Done: "created"}, "GET 200, POST 201"},
		{"the same drift is known", drift(1), Posted{Number: 8, URL: url(8), Done: "unchanged"}, "GET 200"},
		{"other drift changes it", drift(2), Posted{Number: 8, URL: url(8), Done: "updated"}, "GET 200, PATCH 200"},
		{"the end of it closes it", gone(), Posted{Number: 8, URL: url(8), Done: "closed"}, "GET 200, GET 200, POST 201, PATCH 200"},
		{"once", gone(), Posted{Number: 0, URL: "", Done: "none"}, "GET 200"},
		{"the same drift opens it again", drift(2), Posted{Number: 8, URL: url(8), Done: "reopened"}, "GET 200, PATCH 200"},
		{"and is known then", drift(2), Posted{Number: 8, URL: url(8), Done: "unchanged"}, "GET 200"},
		{"it is closed again, and said again", gone(), Posted{Number: 8, URL: url(8), Done: "closed"}, "GET 200, GET 200, PATCH 200"},
		{"other drift makes another", drift(3), Posted{Number: 9, URL: url(9), Done: "created"}, "GET 200, POST 201"},
	} {
		l.ClearTranscript()
		got, err := l.DriftIssue(t.Context(), step.in)
		if err != nil || got != step.want || l.methods() != step.sent {
			t.Fatalf("%s: %+v, %v\n%s", step.what, got, err, l.Transcript())
		}
	}
	said := githubtest.Comment{ID: 1, Author: Bot, Body: Mark(KindDrift, "prod", "The drift is gone.")}
	want := []githubtest.Issue{
		{Number: 8, Title: "Drift 2", Body: drift(2).body(), Author: Bot, State: "closed", StateReason: "completed", Labels: []string{DriftLabel}, Comments: []githubtest.Comment{said}},
		{Number: 9, Title: "Drift 3", Body: drift(3).body(), Author: Bot, State: "open", Labels: []string{DriftLabel}},
	}
	if diff := cmp.Diff(want, l.Issues()); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsSentForAnIssue(t *testing.T) {
	l := newLab(t, onePull)
	for _, o := range []Issue{drift(1), gone()} {
		if _, err := l.DriftIssue(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	m, _ := ParseMarker(Mark(KindDrift, "prod", "The drift is gone."))
	want := `GET /repos/acme/tls/issues?direction=desc&labels=tlsync-drift&per_page=100&sort=updated&state=all 200
POST /repos/acme/tls/issues 201
  {"body":"<!-- tlsync:drift:v1 key=prod digest=` + strings.Repeat("1", 64) + ` -->\ntext 1\n","labels":["tlsync-drift"],"title":"Drift 1"}
GET /repos/acme/tls/issues?direction=desc&labels=tlsync-drift&per_page=100&sort=updated&state=all 200
GET /repos/acme/tls/issues/8/comments?per_page=100 200
POST /repos/acme/tls/issues/8/comments 201
  {"body":"<!-- tlsync:drift:v1 key=prod digest=` + m.Digest + ` -->\nThe drift is gone."}
PATCH /repos/acme/tls/issues/8 200
  {"state":"closed","state_reason":"completed"}
`
	if diff := cmp.Diff(want, l.Transcript()); diff != "" {
		t.Error(diff)
	}
}

func TestWhichIssueIsOurs(t *testing.T) {
	label := []string{DriftLabel}
	for name, tt := range map[string]struct {
		seed githubtest.Issue
		want string
	}{
		"ours":                             {githubtest.Issue{Author: Bot, Body: drift(1).body(), Labels: label}, "unchanged"},
		"ours with CRLF":                   {githubtest.Issue{Author: Bot, Body: strings.ReplaceAll(drift(1).body(), "\n", "\r\n"), Labels: label}, "unchanged"},
		"ours with more labels":            {githubtest.Issue{Author: Bot, Body: drift(1).body(), Labels: []string{"ops", DriftLabel}}, "unchanged"},
		"a decoy":                          {githubtest.Issue{Author: "eve", Body: drift(1).body(), Labels: label}, "created"},
		"a closed decoy":                   {githubtest.Issue{Author: "eve", State: "closed", Body: drift(1).body(), Labels: label}, "created"},
		"ours without the label":           {githubtest.Issue{Author: Bot, Body: drift(1).body()}, "created"},
		"of another configuration":         {githubtest.Issue{Author: Bot, Body: strings.Replace(drift(1).body(), "prod", "test", 1), Labels: label}, "created"},
		"of another kind":                  {githubtest.Issue{Author: Bot, Body: strings.Replace(drift(1).body(), "drift", "plan", 1), Labels: label}, "created"},
		"a closed one of other drift":      {githubtest.Issue{Author: Bot, State: "closed", Body: drift(2).body(), Labels: label}, "created"},
		"a closed one of the same drift":   {githubtest.Issue{Author: Bot, State: "closed", StateReason: "not_planned", Body: drift(1).body(), Labels: label}, "reopened"},
		"an open one without a first line": {githubtest.Issue{Author: Bot, Body: "", Labels: label}, "created"},
	} {
		t.Run(name, func(t *testing.T) {
			tt.seed.Number = 3
			l := newLab(t, githubtest.Seed{Issues: []githubtest.Issue{tt.seed}})
			p, err := l.DriftIssue(t.Context(), drift(1))
			if err != nil || p.Done != tt.want {
				t.Fatalf("%+v, %v", p, err)
			}
			if i := l.Issues()[0]; tt.want != "reopened" && (i.Body != tt.seed.Body || len(l.Issues()) == 1 != (tt.want == "unchanged")) {
				t.Errorf("%+v", l.Issues())
			}
			if p, err = l.DriftIssue(t.Context(), gone()); err != nil || p.Done != "closed" {
				t.Errorf("%+v, %v", p, err)
			}
			if i := l.Issues()[0]; tt.want == "created" && (len(i.Comments) > 0 || tt.seed.State == "" && i.State != "open") {
				t.Errorf("the decoy was touched: %+v", i)
			}
		})
	}
}

func TestAPullRequestIsNoIssue(t *testing.T) {
	l := newLab(t, githubtest.Seed{Pulls: []githubtest.Pull{{Number: 1, Author: Bot, Body: drift(1).body(), Labels: []string{DriftLabel}}}})
	p, err := l.DriftIssue(t.Context(), drift(1))
	if err != nil || p.Number != 2 || p.Done != "created" {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestAnIssueIsFoundOnTheFirstTenPages(t *testing.T) {
	for at, done := range map[int]string{990: "unchanged", 1005: "created"} {
		var issues []githubtest.Issue
		for i := range 1010 { // the last has been updated last
			issues = append(issues, githubtest.Issue{Number: i + 1, Labels: []string{DriftLabel}})
		}
		issues[len(issues)-1-at].Author, issues[len(issues)-1-at].Body = Bot, drift(1).body()
		l := newLab(t, githubtest.Seed{Issues: issues})
		p, err := l.DriftIssue(t.Context(), drift(1))
		if err != nil || p.Done != done || strings.Count(l.Transcript(), "GET") != 10 {
			t.Errorf("%+v, %v\n%s", p, err, l.methods())
		}
	}
}

func TestTheOpenIssueGoesBeforeAClosedOne(t *testing.T) {
	l := newLab(t, githubtest.Seed{PageLimit: 1, Issues: []githubtest.Issue{
		{Number: 1, Author: Bot, Body: drift(2).body(), Labels: []string{DriftLabel}},
		{Number: 2, Author: Bot, Body: drift(1).body(), Labels: []string{DriftLabel}, State: "closed"},
		{Number: 3, Author: Bot, Body: drift(1).body(), Labels: []string{DriftLabel}, State: "closed"},
	}})
	if p, err := l.DriftIssue(t.Context(), drift(1)); err != nil || p.Number != 1 || p.Done != "updated" {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := l.DriftIssue(t.Context(), gone()); err != nil {
		t.Fatal(err)
	}
	// All are closed: the one that was closed last is opened again.
	if p, err := l.DriftIssue(t.Context(), drift(1)); err != nil || p.Number != 1 || p.Done != "reopened" {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestTheFirstOfSeveralOpenIssuesIsKept(t *testing.T) {
	open := githubtest.Issue{Author: Bot, Body: drift(1).body(), Labels: []string{DriftLabel}}
	one, two := open, open
	one.Number, two.Number = 1, 2
	l := newLab(t, githubtest.Seed{PageLimit: 1, Issues: []githubtest.Issue{one, two}})
	for range 2 { // 2 was changed last, and is so ever after
		if p, err := l.DriftIssue(t.Context(), drift(2)); err != nil || p.Number != 2 {
			t.Errorf("%+v, %v", p, err)
		}
	}
	if got := l.methods(); got != "GET 200, PATCH 200, GET 200" {
		t.Error(got)
	}
}

func TestIssuesUnderFaults(t *testing.T) {
	type fault = githubtest.Fault
	for name, tt := range map[string]struct {
		in    Issue
		fault fault
		done  string
		waits string
		sent  string
	}{
		"an answer to POST is lost":           {drift(3), fault{Method: "POST", Drop: true}, "created", "[1s]", "GET 200, POST 201 dropped, GET 200"},
		"POST is not done":                    {drift(3), fault{Method: "POST", Status: 502}, "created", "[1s]", "GET 200, POST 502, GET 200, POST 201"},
		"an answer to the comment is lost":    {gone(), fault{Method: "POST", Drop: true}, "closed", "[1s]", "GET 200, GET 200, POST 201 dropped, GET 200, PATCH 200"},
		"the comment is not made":             {gone(), fault{Method: "POST", Status: 500}, "closed", "[1s]", "GET 200, GET 200, POST 500, GET 200, POST 201, PATCH 200"},
		"an answer to the closing is lost":    {gone(), fault{Method: "PATCH", Drop: true}, "closed", "[1s]", "GET 200, GET 200, POST 201, PATCH 200 dropped, PATCH 200"},
		"an answer to the list is cut short":  {drift(3), fault{Method: "GET", Status: 200, Body: "[{"}, "created", "[1s]", "GET 200, GET 200, POST 201"},
		"the limit refuses the list at first": {drift(3), fault{Method: "GET", Status: 429, RetryAfter: "30"}, "created", "[30s]", "GET 429, GET 200, POST 201"},
	} {
		t.Run(name, func(t *testing.T) {
			seed := githubtest.Seed{}
			if tt.in.Text == "" {
				seed.Issues = []githubtest.Issue{{Number: 1, Author: Bot, Body: drift(1).body(), Labels: []string{DriftLabel}, Comments: []githubtest.Comment{{Body: Mark(KindDrift, "prod", gone().Gone)}}}}
			}
			l := newLab(t, seed)
			l.Fault(tt.fault)
			p, err := l.DriftIssue(t.Context(), tt.in)
			if err != nil || p.Number != 1 || p.Done != tt.done || l.waits() != tt.waits || l.methods() != tt.sent {
				t.Errorf("%+v, %v, waits %s\n%s", p, err, l.waits(), l.methods())
			}
			if n := len(l.Issues()); n != 1 {
				t.Errorf("%d issues", n)
			}
			if n := len(l.Comments(1)); tt.in.Text == "" && n != 2 {
				t.Errorf("%d comments", n)
			}
		})
	}
}

func TestAClosingThatFailedSaysItOnce(t *testing.T) {
	l := newLab(t, githubtest.Seed{Issues: []githubtest.Issue{{Number: 1, Author: Bot, Body: drift(1).body(), Labels: []string{DriftLabel}}}})
	l.Fault(githubtest.Fault{Method: "PATCH", Status: 500, Times: 3})
	if _, err := l.DriftIssue(t.Context(), gone()); err == nil {
		t.Fatal("it did not fail")
	}
	if p, err := l.DriftIssue(t.Context(), gone()); err != nil || p.Done != "closed" || len(l.Comments(1)) != 1 {
		t.Errorf("%+v, %v, %+v", p, err, l.Comments(1))
	}
	silent := gone()
	silent.Gone = ""
	l = newLab(t, githubtest.Seed{Issues: []githubtest.Issue{{Number: 1, Author: Bot, Body: drift(1).body(), Labels: []string{DriftLabel}}}})
	if p, err := l.DriftIssue(t.Context(), silent); err != nil || p.Done != "closed" || len(l.Comments(1)) != 0 {
		t.Errorf("%+v, %v, %+v", p, err, l.Comments(1))
	}
}

func TestIssuesThatAreRefused(t *testing.T) {
	l := newLab(t, githubtest.Seed{})
	bad := drift(1)
	bad.Key = "a b"
	_, err := l.DriftIssue(t.Context(), bad)
	wantError(t, err, nil, `keep the drift issue: key "a b"`)
	bad = drift(1)
	bad.Fingerprint = "12"
	_, err = l.DriftIssue(t.Context(), bad)
	wantError(t, err, nil, `keep the drift issue: fingerprint "12" is not 64 hexadecimal digits`)
	if l.Transcript() != "" {
		t.Error(l.Transcript())
	}
	bad = drift(1)
	bad.Text = strings.Repeat("x", 65_536)
	_, err = l.DriftIssue(t.Context(), bad)
	wantError(t, err, ErrTooLong, "POST /repos/acme/tls/issues: 422")
	l.SetPermission("issues: write", false)
	_, err = l.DriftIssue(t.Context(), drift(1))
	wantError(t, err, ErrNoPermission, "POST /repos/acme/tls/issues: 403", "issues: write")
	l.SetPermission("issues", false)
	_, err = l.DriftIssue(t.Context(), drift(1))
	wantError(t, err, ErrNoPermission, "GET /repos/acme/tls/issues: 403", "issues: write")
	if n := len(l.Issues()); n != 0 {
		t.Errorf("%d issues", n)
	}
}

func TestALongTitleIsCut(t *testing.T) {
	l := newLab(t, githubtest.Seed{})
	long := drift(1)
	long.Title = strings.Repeat("é", 300)
	if _, err := l.DriftIssue(t.Context(), long); err != nil || l.Issues()[0].Title != strings.Repeat("é", 255)+"…" {
		t.Errorf("%v, %+v", err, l.Issues())
	}
}

func TestALabelThatIsNotTakenIsTold(t *testing.T) {
	l := newLab(t, githubtest.Seed{NoLabels: true})
	p, err := l.DriftIssue(t.Context(), drift(1))
	wantError(t, err, nil, "issue 1 was created without the label tlsync-drift, so the next run will not find it")
	if p.Number != 1 || p.Done != "created" {
		t.Errorf("%+v", p)
	}
}
