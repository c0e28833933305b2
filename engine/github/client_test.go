package github

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"tlsync/engine/github/githubtest"
)

const canary = "ghs_canary0123456789"

// lab is a client before a fake GitHub, with a clock that only sleeping moves.
type lab struct {
	*githubtest.Server
	*Client
	url    string
	slept  []time.Duration
	now    time.Time
	log    *strings.Builder
	before func(http.ResponseWriter, *http.Request) bool // answers in the fake's place, where it returns true
}

func newLab(t *testing.T, seed githubtest.Seed) *lab {
	t.Helper()
	if seed.Token == "" {
		seed.Token = canary
	}
	l := &lab{Server: githubtest.New(seed), now: time.Unix(1_800_000_000, 0), log: &strings.Builder{}}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if l.before == nil || !l.before(w, r) {
			l.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(web.Close)
	l.url = web.URL
	l.Client = l.client(t, Options{})
	t.Cleanup(func() {
		if strings.Contains(l.log.String(), seed.Token) {
			t.Errorf("the token is in the log:\n%s", l.log)
		}
	})
	return l
}

func (l *lab) client(t *testing.T, o Options) *Client {
	t.Helper()
	if o.APIURL == "" {
		o.APIURL = l.url
	}
	if o.Token == "" {
		o.Token = canary
	}
	o.Repository = "acme/tls"
	o.Log = slog.New(slog.NewTextHandler(l.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	o.Now = func() time.Time { return l.now }
	o.Sleep = func(ctx context.Context, d time.Duration) error {
		l.slept = append(l.slept, d)
		l.now = l.now.Add(d)
		return ctx.Err()
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (l *lab) waits() string { return fmt.Sprint(l.slept) }

// methods are the requests so far, without their bodies.
func (l *lab) methods() string {
	var out []string
	for line := range strings.Lines(l.Transcript()) {
		if !strings.HasPrefix(line, " ") {
			f := strings.Fields(line)
			out = append(out, f[0]+" "+strings.Join(f[2:], " "))
		}
	}
	return strings.Join(out, ", ")
}

func wantError(t *testing.T, err, is error, parts ...string) {
	t.Helper()
	if err == nil || is != nil && !errors.Is(err, is) {
		t.Fatalf("got %v, want %v", err, is)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("got %q, want %q in it", err, p)
		}
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		if strings.Contains(fmt.Sprintf("%v %+v %#v", e, e, e), canary) {
			t.Errorf("the token is in %#v", e)
		}
	}
	if strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' || r == '\u202e' }) {
		t.Errorf("control characters in %q", err)
	}
}

var onePull = githubtest.Seed{Pulls: []githubtest.Pull{{Number: 7, Head: githubtest.Ref{Ref: "fix", SHA: shaA}, Base: githubtest.Ref{Ref: "main", SHA: shaB}}}}

func TestOptionsThatCannotWork(t *testing.T) {
	good := Options{Token: "t", Repository: "acme/tls"}
	for name, tt := range map[string]struct {
		change func(*Options)
		want   string
	}{
		"no token":                          {func(o *Options) { o.Token = "" }, "the token is missing"},
		"a token with a line end":           {func(o *Options) { o.Token = canary + "\n" }, "a character that tokens never contain"},
		"no repository":                     {func(o *Options) { o.Repository = "tls" }, `repository "tls" is not owner/name`},
		"a repository that is a step up":    {func(o *Options) { o.Repository = "acme/.." }, "is not owner/name"},
		"a URL without a host":              {func(o *Options) { o.APIURL = "api.github.com" }, "must look like https://api.github.com"},
		"a URL with a password":             {func(o *Options) { o.APIURL = "https://u:" + canary + "@h" }, "must look like https://api.github.com"},
		"a URL that cannot be read":         {func(o *Options) { o.APIURL = "https://" + canary + "\x7f" }, "must look like https://api.github.com"},
		"plain http to somewhere":           {func(o *Options) { o.APIURL = "http://ghe.test/api/v3" }, `on "ghe.test", does not begin with https://`},
		"plain http to a name like this":    {func(o *Options) { o.APIURL = "http://localhost.evil.test" }, "does not begin with https://"},
		"another scheme":                    {func(o *Options) { o.APIURL = "ftp://localhost" }, "does not begin with https://"},
		"a URL with a query":                {func(o *Options) { o.APIURL = "https://h?x" }, "must look like https://api.github.com"},
		"plain http to an address far away": {func(o *Options) { o.APIURL = "http://192.0.2.1" }, "does not begin with https://"},
	} {
		t.Run(name, func(t *testing.T) {
			o := good
			tt.change(&o)
			_, err := New(o)
			wantError(t, err, nil, tt.want, "connect to GitHub")
		})
	}
	for _, u := range []string{"", "https://ghe.test/api/v3", "https://ghe.test/api/v3/", "http://127.0.0.1:1", "http://[::1]:1", "http://localhost:1"} {
		o := good
		o.APIURL = u
		if _, err := New(o); err != nil {
			t.Errorf("%q: %v", u, err)
		}
	}
}

func TestRequestsGoBelowThePathOfAnEnterpriseServer(t *testing.T) {
	l := newLab(t, githubtest.Seed{Branches: map[string]string{"main": shaA}})
	for _, u := range []string{"/api/v3", "/api/v3/"} {
		l.ClearTranscript()
		if sha, err := l.client(t, Options{APIURL: l.url + u}).BranchTip(t.Context(), "main"); err != nil || sha != shaA {
			t.Fatalf("%q, %v", sha, err)
		}
		if got := l.Transcript(); got != "GET /api/v3/repos/acme/tls/branches/main 200\n" {
			t.Error(got)
		}
	}
}

func TestWhoWeAre(t *testing.T) {
	for name, tt := range map[string]struct {
		login, token, user string
		want               string
		asks               int
	}{
		"a token of a workflow is the bot's": {token: "ghs_1", want: Bot},
		"so is one of a kind not known":      {token: "abc", user: "ann", want: Bot},
		"a personal token is asked for":      {token: "ghp_1", user: "ann", want: "ann", asks: 1},
		"so is one of OAuth":                 {token: "gho_1", user: "ann", want: "ann", asks: 1},
		"and a fine-grained one":             {token: "github_pat_1", user: "ann", want: "ann", asks: 1},
		"one that may not ask is the bot's":  {token: "ghp_1", want: Bot, asks: 1},
		"who is told does not ask":           {token: "ghp_1", user: "ann", login: "app[bot]", want: "app[bot]"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, githubtest.Seed{Token: tt.token, User: tt.user})
			c := l.client(t, Options{Token: tt.token, Login: tt.login})
			for range 2 {
				if got := c.whoWeAre(t.Context()); got != tt.want {
					t.Errorf("got %s", got)
				}
			}
			if n := strings.Count(l.Transcript(), "GET /user "); n != tt.asks {
				t.Errorf("asked %d times", n)
			}
		})
	}
}

func TestWhoWeAreIsAskedAgainAfterAnInterrupt(t *testing.T) {
	l := newLab(t, githubtest.Seed{Token: "ghp_1", User: "ann"})
	c := l.client(t, Options{Token: "ghp_1"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c.whoWeAre(ctx)
	if got := c.whoWeAre(t.Context()); got != "ann" {
		t.Errorf("got %s", got)
	}
}

// read is a request that is tried again, and write one that is not.
func (l *lab) read(ctx context.Context) error { _, err := l.BranchTip(ctx, "main"); return err }
func (l *lab) write(ctx context.Context) error {
	return l.SetStatus(ctx, shaA, "tlsync/apply", "done", "")
}

func TestFaultsAreWaitedOut(t *testing.T) {
	in := func(s int64) string { return fmt.Sprint(1_800_000_000 + s) }
	type fault = githubtest.Fault
	for name, tt := range map[string]struct {
		fault fault
		write bool
		waits string
		is    error  // nil is success
		says  string // of the error; "" is success
	}{
		"a secondary limit is waited out":                    {fault: fault{Status: 403, RetryAfter: "7", Times: 2}, waits: "[7s 7s]"},
		"also with status 429, and for a write":              {fault: fault{Status: 429, RetryAfter: "7"}, write: true, waits: "[7s]"},
		"a limit of no seconds waits one":                    {fault: fault{Status: 429, RetryAfter: "0"}, waits: "[1s]"},
		"a date is as good as seconds":                       {fault: fault{Status: 429, RetryAfter: time.Unix(1_800_000_009, 0).UTC().Format(http.TimeFormat)}, waits: "[9s]"},
		"a limit that is no number waits a minute":           {fault: fault{Status: 429, RetryAfter: "soon"}, waits: "[1m0s]"},
		"a limit that is negative too":                       {fault: fault{Status: 429, RetryAfter: "-5"}, waits: "[1m0s]"},
		"a limit that says nothing waits a minute, then two": {fault: fault{Status: 429, Times: 2}, waits: "[1m0s 2m0s]"},
		"403 may be a limit by its words alone":              {fault: fault{Status: 403, Body: `{"message":"You have exceeded a secondary rate limit."}`}, waits: "[1m0s]"},
		"a primary limit is waited out":                      {fault: fault{Status: 403, Reset: in(20)}, waits: "[20s]"},
		"a primary limit that is over waits a second":        {fault: fault{Status: 429, Reset: in(-20)}, write: true, waits: "[1s]"},
		"a primary limit without an end waits a minute":      {fault: fault{Status: 403, Reset: "x"}, waits: "[1m0s]"},
		"retry-after goes before the primary limit":          {fault: fault{Status: 403, Reset: in(50), RetryAfter: "3"}, waits: "[3s]"},
		"three minutes are waited":                           {fault: fault{Status: 403, RetryAfter: "180"}, waits: "[3m0s]"},
		"more than three minutes are not":                    {fault: fault{Status: 403, RetryAfter: "181"}, waits: "[]", is: ErrRateLimit, says: "GitHub asks to wait 3m1s, and 3m0s of 3m0s are left"},
		"an hour is not":                                     {fault: fault{Status: 403, Reset: in(3600)}, waits: "[]", is: ErrRateLimit, says: "1h0m0s"},
		"many short waits are three minutes too":             {fault: fault{Status: 429, RetryAfter: "50", Times: -1}, waits: "[50s 50s 50s]", is: ErrRateLimit, says: "GitHub asks to wait 50s, and 30s of 3m0s are left: run it again later"},
		"a permission is no limit, though it was the last":   {fault: fault{Status: 403, Body: `{"message":"Resource not accessible by integration"}`, Header: map[string]string{"X-Ratelimit-Remaining": "0", "Retry-After": "9"}}, waits: "[]", is: ErrNoPermission, says: "contents: read"},
		"a read that is answered with 502 is tried again":    {fault: fault{Status: 502, Times: 2, Body: "<html>"}, waits: "[1s 2s]"},
		"three times": {fault: fault{Status: 502, Times: 3, Body: "<html>\x1b[2J"}, waits: "[1s 2s]", says: `GET /repos/acme/tls/branches/main: 502 <html>\u001b[2J`},
		"a write that is answered with 502 is read before":     {fault: fault{Method: "POST", Status: 502}, write: true, waits: "[1s]"},
		"a write that gets no answer is found":                 {fault: fault{Method: "POST", Drop: true}, write: true, waits: "[1s]"},
		"a write that never gets an answer is given up":        {fault: fault{Method: "POST", Status: 500, Times: -1}, write: true, waits: "[1s 2s]", says: "POST /repos/acme/tls/statuses/" + shaA + ": 500 Internal Server Error"},
		"an answer that is no JSON is tried again":             {fault: fault{Status: 200, Body: "<html>"}, waits: "[1s]"},
		"an answer that is empty too":                          {fault: fault{Status: 200, Body: " "}, waits: "[1s]"},
		"an answer that is null too":                           {fault: fault{Status: 200, Body: "null", Times: 3}, waits: "[1s 2s]", says: "instead of JSON: use the URL of the API, with /api/v3"},
		"an answer that is something else is an error":         {fault: fault{Status: 200, Body: `{"commit":[]}`}, waits: "[]", says: "/branches/main"},
		"an answer without a commit is an error":               {fault: fault{Status: 200, Body: `{"commit":{"sha":"x"}}`}, waits: "[]", says: "unexpected answer"},
		"a token that is not valid is no permission":           {fault: fault{Status: 401, Body: `{"message":"Bad credentials"}`}, waits: "[]", is: ErrNoPermission, says: "401 Bad credentials; use a token"},
		"what is not there to be read is no lack of one":       {fault: fault{Status: 404}, waits: "[]", says: "404 Not Found; it does not exist, or the token cannot read it"},
		"what is not there to be written is one":               {fault: fault{Method: "POST", Status: 404}, write: true, waits: "[]", is: ErrNoPermission, says: "statuses: write"},
		"403 for another reason is no lack of one":             {fault: fault{Status: 403, Body: `{"message":"Repository was archived so is read-only."}`}, waits: "[]", says: "403 Repository was archived"},
		"an answer that holds the token is shown without it":   {fault: fault{Status: 400, Body: `{"message":"no: Bearer ` + canary + ` \u202e\u0007"}`}, waits: "[]", says: `400 no: Bearer [redacted] \u202e\u0007`},
		"also where it is no JSON":                             {fault: fault{Status: 400, Body: canary + strings.Repeat("x", 500)}, waits: "[]", says: "[redacted]x"},
		"also across the cut":                                  {fault: fault{Status: 400, Body: strings.Repeat("x", 185) + canary}, waits: "[]", says: "x[redacted]"},
		"202 is no answer":                                     {fault: fault{Status: 202, Body: "{}"}, waits: "[]", says: "unexpected answer"},
		"a redirect without an end is an error":                {fault: fault{Status: 301, Times: -1, Header: map[string]string{"Location": "/repos/acme/tls/branches/main"}}, waits: "[]", says: "301"},
		"a write that is redirected is an error":               {fault: fault{Method: "POST", Status: 301, Header: map[string]string{"Location": "/repos/acme/tls/statuses/" + shaA}}, write: true, waits: "[]", says: "301: GitHub redirects this request"},
		"a read that is redirected here is followed":           {fault: fault{Status: 301, Header: map[string]string{"Location": "/repos/acme/tls/branches/main"}}, waits: "[]"},
		"a write that is redirected as it is here is followed": {fault: fault{Status: 307, Header: map[string]string{"Location": "/repos/acme/tls/statuses/" + shaA}}, write: true, waits: "[]"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, githubtest.Seed{Branches: map[string]string{"main": shaA}, Faults: []fault{tt.fault}})
			do := l.read
			if tt.write {
				do = l.write
			}
			err := do(t.Context())
			if tt.says == "" && err != nil {
				t.Fatal(err)
			}
			if tt.says != "" {
				wantError(t, err, tt.is, tt.says)
				if len(err.Error()) > 600 {
					t.Errorf("%d bytes: %s", len(err.Error()), err)
				}
				if tt.is == nil && (errors.Is(err, ErrNoPermission) || errors.Is(err, ErrRateLimit) || errors.Is(err, ErrTooLong)) {
					t.Errorf("%v has a reason", err)
				}
			}
			if got := l.waits(); got != tt.waits {
				t.Errorf("waits %s, want %s\n%s", got, tt.waits, l.Transcript())
			}
			if n := len(l.Statuses(shaA)); tt.write && tt.says == "" && n != 1 {
				t.Errorf("%d statuses\n%s", n, l.Transcript())
			}
		})
	}
}

func TestWaitsOfAClientAddUp(t *testing.T) {
	l := newLab(t, githubtest.Seed{Branches: map[string]string{"main": shaA}, Faults: []githubtest.Fault{{Status: 403, RetryAfter: "100", Times: 2}}})
	if err := l.read(t.Context()); !errors.Is(err, ErrRateLimit) {
		t.Errorf("the second wait: %v", err)
	}
	if err := l.read(t.Context()); err != nil {
		t.Errorf("nothing is left to wait, and nothing need be: %v", err)
	}
	l.Fault(githubtest.Fault{Status: 403, RetryAfter: "79"})
	if err := l.read(t.Context()); err != nil {
		t.Error(err)
	}
	l.Fault(githubtest.Fault{Status: 502, Times: -1})
	// The error tells the answer, and not that the time to wait is used up.
	err := l.read(t.Context())
	wantError(t, err, nil, ": 502 Bad Gateway")
	l.before = func(w http.ResponseWriter, _ *http.Request) bool { fmt.Fprint(w, "<html>"); return true }
	odd := l.read(t.Context())
	wantError(t, odd, nil, "instead of JSON")
	if errors.Is(err, ErrRateLimit) || errors.Is(odd, ErrRateLimit) {
		t.Errorf("%v, %v", err, odd)
	}
}

func TestAnInterruptEndsAWait(t *testing.T) {
	l := newLab(t, githubtest.Seed{Branches: map[string]string{"main": shaA}, Faults: []githubtest.Fault{{Status: 403, RetryAfter: "5", Times: -1}}})
	ctx, cancel := context.WithCancel(t.Context())
	l.Client.transport.sleep = func(ctx context.Context, d time.Duration) error { cancel(); return clock(ctx, d) }
	wantError(t, l.read(ctx), context.Canceled)
	wantError(t, l.read(ctx), context.Canceled)
	if n := strings.Count(l.Transcript(), "GET"); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestAnInterruptEndsARequest(t *testing.T) {
	l := newLab(t, githubtest.Seed{})
	ctx, cancel := context.WithCancel(t.Context())
	l.before = func(_ http.ResponseWriter, r *http.Request) bool {
		cancel()
		<-r.Context().Done()
		return true
	}
	wantError(t, l.read(ctx), context.Canceled, "GET /repos/acme/tls/branches/main: context canceled")
	if l.waits() != "[]" {
		t.Errorf("waits %s", l.waits())
	}
}

func TestTheTokenGoesToNoOtherServer(t *testing.T) {
	seen := 0
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen++
		t.Errorf("%s %s came with %q", r.Method, r.URL, r.Header.Get("Authorization"))
	}))
	defer other.Close()
	l := newLab(t, onePull)
	for _, status := range []int{301, 302, 307, 308} {
		l.before = func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, other.URL+r.URL.Path, status)
			return true
		}
		wantError(t, l.read(t.Context()), nil, "branch")
		wantError(t, l.write(t.Context()), nil, "redirects this request")
		_, err := l.UpsertComment(t.Context(), 7, KindPlan, "k", "text")
		wantError(t, err, nil, "redirects this request")
	}
	req, err := http.NewRequest("GET", other.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = l.Client.transport.RoundTrip(req)
	wantError(t, err, nil, "which must not get the token")
	if seen > 0 {
		t.Errorf("%d requests", seen)
	}
}

func TestAnAnswerIsBounded(t *testing.T) {
	l := newLab(t, githubtest.Seed{})
	l.before = func(w http.ResponseWriter, _ *http.Request) bool {
		fmt.Fprint(w, `{"name":"`, strings.Repeat("x", maxAnswer), `"}`)
		return true
	}
	wantError(t, l.read(t.Context()), nil, "the answer is larger than 16 MiB")
}

func TestAnAnswerThatIsCutIsAskedForAgain(t *testing.T) {
	l := newLab(t, githubtest.Seed{Branches: map[string]string{"main": shaA}})
	n := 0
	l.before = func(w http.ResponseWriter, _ *http.Request) bool {
		if n++; n > 2 {
			return false
		}
		w.Header().Set("Content-Length", "1000")
		fmt.Fprint(w, `{"commit":`)
		return true
	}
	if err := l.read(t.Context()); err != nil || l.waits() != "[1s 2s]" {
		t.Errorf("%v, waits %s", err, l.waits())
	}
}

func TestAServerThatIsNotThere(t *testing.T) {
	l := newLab(t, githubtest.Seed{})
	c := l.client(t, Options{APIURL: "http://127.0.0.1:1"})
	_, err := c.BranchTip(t.Context(), "main")
	wantError(t, err, nil, `find the tip of branch "main": GET /repos/acme/tls/branches/main: `, "refused")
	if l.waits() != "[1s 2s]" {
		t.Errorf("waits %s", l.waits())
	}
}

func TestWhatIsSent(t *testing.T) {
	l := newLab(t, onePull)
	var got http.Header
	l.before = func(_ http.ResponseWriter, r *http.Request) bool { got = r.Header.Clone(); return false }
	if _, err := l.UpsertComment(t.Context(), 7, KindPlan, "k", "text"); err != nil {
		t.Fatal(err)
	}
	for k, want := range map[string]string{
		"Accept": "application/vnd.github+json", "X-Github-Api-Version": "2022-11-28", "User-Agent": "tlsync", "Authorization": "Bearer " + canary, "Content-Type": "application/json",
	} {
		if len(got[k]) != 1 || got[k][0] != want {
			t.Errorf("%s is %q", k, got[k])
		}
	}
	if log := l.log.String(); !strings.Contains(log, "method=POST path=/repos/acme/tls/issues/7/comments try=1 status=201") {
		t.Error(log)
	}
}

func TestTheMessageOfAnAnswer(t *testing.T) {
	for body, want := range map[string]string{
		`{"message":"Validation Failed","errors":[{"message":"Body is too long"}]}`:           "Validation Failed: Body is too long",
		`{"message":"Validation Failed","errors":["one","two",3]}`:                            "Validation Failed: one: two",
		`{"message":"V","errors":[{"resource":"Issue","field":"title","code":"missing"}]}`:    "V: Issue title missing",
		`{"message":"V","errors":{}}`:                                                         `{"message":"V","errors":{}}`,
		`oops`:                                                                                "oops",
		`{"message":"Body is too long (maximum is 65536 characters)","errors":null}`:          "Body is too long (maximum is 65536 characters)",
		`{"message":"Validation Failed","errors":[{"code":"custom","message":"title bad"}]} `: "Validation Failed: title bad",
	} {
		said, long := message([]byte(body))
		if said != want || long != strings.Contains(want, "too long") {
			t.Errorf("%s: %q, %v", body, said, long)
		}
	}
}

func TestWhatDoesNotShowIsMadeVisible(t *testing.T) {
	for s, want := range map[string]string{
		"plain äß 漢字 😀 a\u00a0b":         "plain äß 漢字 😀 a\u00a0b",
		"\x00\t\x1b\x7f\u0085":           `\u0000\u0009\u001b\u007f\u0085`,
		"\u200b\u202e\u2028\ufeff\u00ad": `\u200b\u202e\u2028\ufeff\u00ad`,
		"\u115f\u3164\ufe0f\U000e0041":   `\u115f\u3164\ufe0f\U000e0041`,
		"a\xffb":                         "a\ufffdb",
		"##[error] ####[[ #\u200b#[":     `# #[error] ### #[[ #\u200b#[`,
	} {
		if got := visible(s); got != want {
			t.Errorf("%q: %s, want %s", s, got, want)
		}
	}
}

func TestTheNextPage(t *testing.T) {
	for name, tt := range map[string]struct {
		links []string
		want  string
	}{
		"none":                            {nil, ""},
		"by its number":                   {[]string{`<https://h/x?page=1>; rel="prev", <https://h/x?per_page=100&page=3>; rel="next", <https://h/x?page=9>; rel="last"`}, "page=3"},
		"by the place to go on after":     {[]string{`<https://h/x?labels=a,b&after=Y3I%3D&page=2>; rel="next"`}, "after=Y3I%3D&page=2"},
		"after the last one":              {[]string{`<https://h/x?page=1>; rel="first", <https://h/x?page=8>; rel="prev"`}, ""},
		"in a header of its own":          {[]string{`<https://h/x?page=9>; rel="last"`, `<https://h/x?page=2>; rel="next"`}, "page=2"},
		"not in an address that is none":  {[]string{`<https://h:x/?page=2>; rel="next"`}, ""},
		"not from an address without one": {[]string{`<https://h/x?since=5>; rel="next"`}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, githubtest.Seed{})
			var asked []string
			l.before = func(w http.ResponseWriter, r *http.Request) bool {
				asked = append(asked, r.URL.RawQuery)
				w.Header()["Link"] = tt.links
				fmt.Fprint(w, "[]")
				return true
			}
			more, err := each(t.Context(), l.Client, l.below("issues"), url.Values{"state": {"all"}}, 2, "", func(*issue) bool { return true })
			want := []string{"per_page=100&state=all"}
			if tt.want != "" {
				want = append(want, tt.want+"&per_page=100&state=all")
			}
			if err != nil || more != (tt.want != "") || !slices.Equal(asked, want) {
				t.Errorf("%v, asked for %q, want %q", err, asked, want)
			}
		})
	}
}

func FuzzAnswers(f *testing.F) {
	f.Add(403, `{"message":"x","errors":[{}]}`, "7", "0", "1800000000")
	f.Add(200, `[null]`, "", "", "")
	f.Add(422, `{"message":"Validation Failed","errors":["Body is too long"]}`, "", "", "")
	f.Fuzz(func(t *testing.T, status int, body, after, remaining, reset string) {
		if status < 200 || status > 599 {
			return
		}
		tr := &transport{token: canary, now: func() time.Time { return time.Unix(1_800_000_000, 0) }}
		blind := blindWait
		h := http.Header{"Retry-After": {after}, "X-Ratelimit-Remaining": {remaining}, "X-Ratelimit-Reset": {reset}}
		d, ok := tr.limited(&http.Response{StatusCode: status, Header: h}, []byte(body), &blind)
		if ok != (d > 0) || ok && d < time.Second || ok && status != 403 && status != 429 {
			t.Errorf("to wait %s, %v", d, ok)
		}
		said, _ := message([]byte(body))
		shown := tr.clean(said)
		if strings.Contains(shown, canary) || strings.ContainsFunc(shown, func(r rune) bool { return r < ' ' }) || len([]rune(shown)) > maxShown {
			t.Errorf("shown %q", shown)
		}
		if isAnswer([]byte(body)) && !json.Valid([]byte(body)) {
			t.Errorf("%q is no answer", body)
		}
	})
}
