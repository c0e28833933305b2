package githubtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	shaA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	shaB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

const seedText = `
repository: acme/tls
token: ghs_test
branches: {main: ` + shaA + `, release/1: ` + shaB + `}
pulls:
  - number: 7
    head: {ref: fix, sha: ` + shaB + `, repo: eve/tls}
    base: {sha: ` + shaA + `}
    merged: true
    merge-sha: ` + shaA + `
    comments:
      - body: hello
      - {author: ann, body: "two\nlines"}
issues:
  - {number: 9, title: Old, body: text, labels: [a, b], state: closed, state-reason: completed}
  - {number: 10, title: New, labels: [a]}
statuses:
  - {sha: ` + shaA + `, context: ci, state: failure}
  - {sha: ` + shaA + `, context: ci, state: success}
without: ["issues: write"]
`

type client struct {
	t      *testing.T
	url    string
	header http.Header
}

func start(t *testing.T, seed string) (*Server, *client) {
	t.Helper()
	s, err := ParseSeed([]byte(seed))
	if err != nil {
		t.Fatal(err)
	}
	server := New(s)
	web := httptest.NewServer(server)
	t.Cleanup(web.Close)
	return server, &client{t, web.URL, http.Header{
		"Authorization": {"Bearer ghs_test"}, "Accept": {"application/vnd.github+json"}, "X-Github-Api-Version": {"2022-11-28"}, "Content-Type": {"application/json"},
	}}
}

// send returns the status, the headers and the body of an answer.
func (c *client) send(method, path, body string) (int, http.Header, string) {
	c.t.Helper()
	req, err := http.NewRequest(method, c.url+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header = c.header.Clone()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err.Error()
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(text)
}

// message returns the message in an answer.
func message(t *testing.T, body string) string {
	t.Helper()
	var in struct {
		Message string
		Errors  []struct{ Message string }
	}
	if err := json.Unmarshal([]byte(body), &in); err != nil {
		t.Fatalf("%q: %v", body, err)
	}
	for _, e := range in.Errors {
		in.Message += ": " + e.Message
	}
	return in.Message
}

func TestRoutes(t *testing.T) {
	long := strings.Repeat("é", maxBody)
	for name, tt := range map[string]struct {
		method, path, body string
		status             int
		want               string // in the answer
	}{
		"the repository":                {"GET", "/repos/acme/tls", "", 200, `"default_branch":"main"`},
		"below the path of Enterprise":  {"GET", "/api/v3/repos/acme/tls", "", 200, `"full_name":"acme/tls"`},
		"another repository":            {"GET", "/repos/acme/other", "", 404, "Not Found"},
		"something else":                {"GET", "/emojis", "", 404, "Not Found"},
		"a method that is none":         {"DELETE", "/repos/acme/tls/issues/9", "", 404, "Not Found"},
		"the user of no personal token": {"GET", "/user", "", 403, "Resource not accessible by integration"},
		"a branch":                      {"GET", "/repos/acme/tls/branches/main", "", 200, `"commit":{"sha":"` + shaA + `"}`},
		"a branch with a slash":         {"GET", "/repos/acme/tls/branches/release%2F1", "", 200, shaB},
		"a slash that is not escaped":   {"GET", "/repos/acme/tls/branches/release/1", "", 404, "Not Found"},
		"no branch":                     {"GET", "/repos/acme/tls/branches/x", "", 404, "Branch not found"},
		"pull requests of a commit":     {"GET", "/repos/acme/tls/commits/" + shaA + "/pulls", "", 200, `"head":{"ref":"fix","repo":{"full_name":"eve/tls"},"sha":"` + shaB + `"}`},
		"of a commit that is none":      {"GET", "/repos/acme/tls/commits/abc/pulls", "", 422, "No commit found for SHA: abc"},
		"statuses, the newest first":    {"GET", "/repos/acme/tls/commits/" + shaA + "/statuses?per_page=1", "", 200, `"state":"success"`},
		"a status":                      {"POST", "/repos/acme/tls/statuses/" + shaB, `{"state":"success","context":"x"}`, 201, `"context":"x"`},
		"a status of a state":           {"POST", "/repos/acme/tls/statuses/" + shaB, `{"state":"good"}`, 422, "state is unknown"},
		"a status that says too much":   {"POST", "/repos/acme/tls/statuses/" + shaB, `{"state":"success","description":"` + strings.Repeat("é", 141) + `"}`, 422, "description is too long"},
		"a status that leads elsewhere": {"POST", "/repos/acme/tls/statuses/" + shaB, `{"state":"success","target_url":"javascript:x"}`, 422, "must use http(s)"},
		"a status of no commit":         {"POST", "/repos/acme/tls/statuses/abc", `{"state":"success"}`, 422, "No commit found for SHA"},
		"a field that is not known":     {"POST", "/repos/acme/tls/statuses/" + shaB, `{"state":"success","colour":"x"}`, 400, "an unknown field"},
		"more than one object":          {"POST", "/repos/acme/tls/statuses/" + shaB, `{"state":"success"} {}`, 400, "Problems parsing JSON"},
		"a parameter that is not known": {"GET", "/repos/acme/tls/issues?perpage=100", "", 400, "unknown or repeated parameter perpage"},
		"a parameter that is repeated":  {"GET", "/repos/acme/tls/issues?page=1&page=2", "", 400, "unknown or repeated parameter page"},
		"a state of issues":             {"GET", "/repos/acme/tls/issues?state=good", "", 422, "state, sort or direction"},
		"comments":                      {"GET", "/repos/acme/tls/issues/7/comments", "", 200, `"body":"two\nlines"`},
		"comments of nothing":           {"GET", "/repos/acme/tls/issues/1/comments", "", 404, "Not Found"},
		"a comment":                     {"POST", "/repos/acme/tls/issues/7/comments", `{"body":"x"}`, 201, `"user":{"login":"github-actions[bot]","type":"Bot"}`},
		"a comment as long as may be":   {"POST", "/repos/acme/tls/issues/7/comments", `{"body":"` + long + `"}`, 201, ""},
		"one that is too long":          {"POST", "/repos/acme/tls/issues/7/comments", `{"body":"` + long + `x"}`, 422, "Validation Failed: Body is too long (maximum is 65536 characters)"},
		"one that is empty":             {"POST", "/repos/acme/tls/issues/7/comments", `{"body":" "}`, 422, "cannot be blank"},
		"one that is changed":           {"PATCH", "/repos/acme/tls/issues/comments/1", `{"body":"x"}`, 200, `"id":1`},
		"one that is not there":         {"PATCH", "/repos/acme/tls/issues/comments/5", `{"body":"x"}`, 404, "Not Found"},
		"an issue without permission":   {"POST", "/repos/acme/tls/issues", `{"title":"x"}`, 403, "Resource not accessible by integration"},
		"a change of one":               {"PATCH", "/repos/acme/tls/issues/9", `{"state":"open"}`, 403, "Resource not accessible by integration"},
		"a comment on one":              {"POST", "/repos/acme/tls/issues/9/comments", `{"body":"x"}`, 403, "Resource not accessible by integration"},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := start(t, seedText)
			status, _, body := c.send(tt.method, tt.path, tt.body)
			got := body
			if tt.status >= 400 {
				got = message(t, body)
			}
			if status != tt.status || !strings.Contains(got, tt.want) {
				t.Errorf("%d %s", status, body)
			}
			if want := fmt.Sprintf("%s %s %d\n", tt.method, tt.path, tt.status); !strings.HasPrefix(s.Transcript(), want) {
				t.Errorf("transcript %q", s.Transcript())
			}
		})
	}
}

func TestHeadersAreDemanded(t *testing.T) {
	for name, tt := range map[string]struct {
		header, value string
		status        int
	}{
		"no token":           {"Authorization", "", 401},
		"another token":      {"Authorization", "Bearer ghs_other", 401},
		"another scheme":     {"Authorization", "Basic ghs_test", 401},
		"no version":         {"X-Github-Api-Version", "", 400},
		"another version":    {"X-Github-Api-Version", "2026-03-10", 400},
		"another media type": {"Accept", "application/json", 415},
		"no name":            {"User-Agent", "", 403},
		"no JSON":            {"Content-Type", "text/plain", 415},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := start(t, seedText)
			c.header.Set(tt.header, tt.value)
			if status, _, body := c.send("POST", "/repos/acme/tls/issues/7/comments", `{"body":"x"}`); status != tt.status || len(s.Comments(7)) != 2 {
				t.Errorf("%d %s", status, body)
			}
		})
	}
}

func TestPages(t *testing.T) {
	for name, tt := range map[string]struct {
		limit       int
		query       string
		first, last int // numbers of the issues, which go down
		links       string
	}{
		"thirty by default":       {0, "", 250, 221, `<HOST?page=2>; rel="next", <HOST?page=9>; rel="last"`},
		"as many as asked for":    {0, "?per_page=40&page=2", 210, 171, `<HOST?page=1&per_page=40>; rel="prev", <HOST?page=1&per_page=40>; rel="first", <HOST?page=3&per_page=40>; rel="next", <HOST?page=7&per_page=40>; rel="last"`},
		"a hundred at most":       {0, "?per_page=200", 250, 151, `<HOST?page=2&per_page=200>; rel="next", <HOST?page=3&per_page=200>; rel="last"`},
		"fewer, on request":       {50, "?per_page=100", 250, 201, `<HOST?page=2&per_page=100>; rel="next", <HOST?page=5&per_page=100>; rel="last"`},
		"the last one is smaller": {0, "?per_page=100&page=3", 50, 1, `<HOST?page=2&per_page=100>; rel="prev", <HOST?page=1&per_page=100>; rel="first"`},
		"behind the last":         {0, "?per_page=100&page=9", 0, 0, `<HOST?page=3&per_page=100>; rel="prev", <HOST?page=1&per_page=100>; rel="first"`},
		"all parameters are kept": {0, "?state=all&per_page=100", 250, 151, `<HOST?page=2&per_page=100&state=all>; rel="next", <HOST?page=3&per_page=100&state=all>; rel="last"`},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := start(t, fmt.Sprintf("page-limit: %d", tt.limit))
			for n := range 250 {
				s.add(Issue{Number: n + 1, Title: "x"}, nil)
			}
			_, h, body := c.send("GET", "/repos/acme/tls/issues"+tt.query, "")
			var list []struct{ Number int }
			if err := json.Unmarshal([]byte(body), &list); err != nil {
				t.Fatal(err)
			}
			first, last := 0, 0
			if len(list) > 0 {
				first, last = list[0].Number, list[len(list)-1].Number
			}
			if first != tt.first || last != tt.last {
				t.Errorf("%d to %d", first, last)
			}
			if got := strings.ReplaceAll(h.Get("Link"), c.url+"/repos/acme/tls/issues", "HOST"); got != tt.links {
				t.Errorf("links %s", got)
			}
		})
	}
	_, c := start(t, "issues: [{number: 1}]")
	if _, h, body := c.send("GET", "/api/v3/repos/acme/tls/issues?labels=x", ""); body != "[]" || h.Get("Link") != "" {
		t.Errorf("%s %v", body, h)
	}
}

func TestIssues(t *testing.T) {
	s, c := start(t, strings.Replace(seedText, "without", "# without", 1))
	numbers := func(query string) string {
		_, _, body := c.send("GET", "/repos/acme/tls/issues"+query, "")
		var list []struct {
			Number int
			Pull   any `json:"pull_request"`
		}
		if err := json.Unmarshal([]byte(body), &list); err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, i := range list {
			out = append(out, strings.TrimSuffix(fmt.Sprint(i.Number, " ", i.Pull != nil), " false"))
		}
		return strings.Join(out, ", ")
	}
	for query, want := range map[string]string{
		"": "10", "?state=all": "10, 9, 7 true", "?state=closed": "9, 7 true", "?labels=a&state=all": "10, 9", "?labels=a,b&state=all": "9", "?state=all&direction=asc": "7 true, 9, 10",
	} {
		if got := numbers(query); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	if status, _, _ := c.send("PATCH", "/repos/acme/tls/issues/9", `{"state":"open","title":"T","body":"B"}`); status != 200 {
		t.Error(status)
	}
	if got := numbers("?state=all&sort=updated"); got != "9, 10, 7 true" {
		t.Errorf("by change: %s", got)
	}
	if status, _, body := c.send("POST", "/repos/acme/tls/issues", `{"title":"N","labels":["l"]}`); status != 201 || !strings.Contains(body, `"number":11`) {
		t.Error(status, body)
	}
	for _, bad := range []string{`{"title":""}`, `{"title":"` + strings.Repeat("x", 257) + `"}`} {
		if status, _, body := c.send("POST", "/repos/acme/tls/issues", bad); status != 422 {
			t.Error(status, body)
		}
	}
	for _, bad := range []string{`{"state":"gone"}`, `{"state_reason":"x"}`, `{"title":""}`, `{"body":"` + strings.Repeat("x", maxBody+1) + `"}`} {
		if status, _, body := c.send("PATCH", "/repos/acme/tls/issues/9", bad); status != 422 {
			t.Error(status, body)
		}
	}
	want := []Issue{
		{Number: 9, Title: "T", Body: "B", Author: "octocat", State: "open", StateReason: "reopened", Labels: []string{"a", "b"}},
		{Number: 10, Title: "New", Author: "octocat", State: "open", Labels: []string{"a"}},
		{Number: 11, Title: "N", Author: DefaultLogin, State: "open", Labels: []string{"l"}},
	}
	if diff := cmp.Diff(want, s.Issues()); diff != "" {
		t.Error(diff)
	}
}

func TestFaults(t *testing.T) {
	s, c := start(t, seedText+`
faults:
  - {method: POST, path: /issues/7/, drop: true}
  - {path: /branches/, skip: 1, times: 2, status: 403, retry-after: "30"}
  - {path: /branches/, status: 403, reset: "1800000000"}
  - {path: /branches/, status: 200, body: "<html>", header: {Content-Type: text/html}}
`)
	if status, _, body := c.send("POST", "/repos/acme/tls/issues/7/comments", `{"body":"x"}`); status != 0 || !strings.Contains(body, "EOF") || s.Comment(7, 2).Body != "x" {
		t.Errorf("%d %s", status, body)
	}
	var got []string
	for range 6 {
		status, h, body := c.send("GET", "/repos/acme/tls/branches/main", "")
		got = append(got, fmt.Sprint(status, " ", h.Get("Retry-After"), " ", h.Get("X-Ratelimit-Reset"), " ", h.Get("X-Ratelimit-Remaining") == "0", " ", body == "<html>"))
	}
	// Every fault counts from its first request.
	want := []string{"403  1800000000 true false", "403 30  false false", "403 30  false false", "200   false true", "200   false false", "200   false false"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestPermissionsComeAndGo(t *testing.T) {
	s, c := start(t, seedText)
	get := func() int { status, _, _ := c.send("GET", "/repos/acme/tls/issues/7/comments", ""); return status }
	post := func() int {
		status, _, _ := c.send("POST", "/repos/acme/tls/issues/7/comments", `{"body":"x"}`)
		return status
	}
	for _, step := range []struct {
		name      string
		ok        bool
		get, post int
	}{
		{"pull-requests: write", false, 200, 403}, {"pull-requests", false, 403, 403}, {"pull-requests", true, 200, 403}, {"pull-requests: write", true, 200, 201}, {"issues", false, 200, 201},
	} {
		s.SetPermission(step.name, step.ok)
		if g, p := get(), post(); g != step.get || p != step.post {
			t.Errorf("%+v: %d, %d", step, g, p)
		}
	}
}

func TestTheSameRequestsGiveTheSameText(t *testing.T) {
	run := func() (string, string) {
		s, c := start(t, seedText)
		var answers strings.Builder
		for _, r := range [][3]string{
			{"POST", "/repos/acme/tls/issues/7/comments", `{"body":"<a>\n☃"}`},
			{"GET", "/repos/acme/tls/issues?state=all&per_page=2", ""},
			{"POST", "/repos/acme/tls/statuses/" + shaA, `{"target_url":"https://x","state":"success"}`},
			{"POST", "/repos/acme/tls/issues/7/comments", `oops`},
		} {
			_, _, body := c.send(r[0], r[1], r[2])
			answers.WriteString(body + "\n")
		}
		return s.Transcript(), answers.String()
	}
	one, answers := run()
	two, again := run()
	if one != two || answers != again {
		t.Error(cmp.Diff(one, two), cmp.Diff(answers, again))
	}
	want := `POST /repos/acme/tls/issues/7/comments 201
  {"body":"<a>\n☃"}
GET /repos/acme/tls/issues?state=all&per_page=2 200
POST /repos/acme/tls/statuses/` + shaA + ` 201
  {"state":"success","target_url":"https://x"}
POST /repos/acme/tls/issues/7/comments 400
  "oops"
`
	if diff := cmp.Diff(want, one); diff != "" {
		t.Error(diff)
	}
}

func TestSeedsThatAreNone(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"an unknown key":        {"colour: x", "field colour not found"},
		"an unknown permission": {"without: [all]", `permission "all" is not one of contents, issues, pull-requests, statuses`},
		"no YAML":               {"{", "seed of the GitHub server"},
	} {
		if _, err := ParseSeed([]byte(tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if s, err := ParseSeed(nil); err != nil || !reflect.ValueOf(s).IsZero() {
		t.Errorf("%+v, %v", s, err)
	}
	for name, do := range map[string]func(){
		"a number twice": func() { New(Seed{Issues: []Issue{{Number: 1}}, Pulls: []Pull{{Number: 1}}}) },
		"no number":      func() { New(Seed{Issues: []Issue{{}}}) },
		"no permission":  func() { New(Seed{}).SetPermission("x", true) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: taken", name)
				}
			}()
			do()
		}()
	}
}

func TestStateIsACopy(t *testing.T) {
	seed, err := ParseSeed([]byte(seedText))
	if err != nil {
		t.Fatal(err)
	}
	s := New(seed)
	s.AddComment(7, "eve", "x")
	s.SetBranch("main", shaB)
	s.Issues()[0].Labels[0] = "changed"
	s.Comments(7)[0].Body = "changed"
	if seed.Branches["main"] != shaA || len(seed.Pulls[0].Comments) != 2 || s.Issues()[0].Labels[0] != "a" || s.Comment(7, 0).Body != "hello" || s.Comment(7, 2) != (Comment{ID: 3, Author: "eve", Body: "x"}) {
		t.Error("the state is shared")
	}
	if s.Comment(7, 9) != (Comment{}) || s.Comments(99) != nil || len(s.Statuses(shaA)) != 2 || s.Statuses(shaB) != nil {
		t.Error("something is there that is not")
	}
}

func TestALockedPullRequestTakesNoComments(t *testing.T) {
	_, c := start(t, "{pulls: [{number: 1, locked: true}], user: ann, crlf: true}")
	if status, _, body := c.send("POST", "/repos/acme/tls/issues/1/comments", `{"body":"x"}`); status != 403 || message(t, body) != "Unable to create comment because issue is locked." {
		t.Error(status, body)
	}
	if status, _, body := c.send("GET", "/user", ""); status != 200 || body != `{"login":"ann","type":"User"}` {
		t.Error(status, body)
	}
}
