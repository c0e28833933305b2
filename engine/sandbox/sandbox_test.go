package sandbox_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tlsync/engine/sandbox"
)

// step is one request of the tour: the sender, the request, and the expected answer.
type step struct {
	token, method, path, body string
	status, code              int // code 0: no error
}

const tourSeed = `
tokens:
  - {name: full, value: full-token}
  - {name: reader, value: read-token, permissions: read_only}
  - {name: expired, value: expired-token, status: expired}
  - {name: other, value: other-token, zones: [second.example]}
  - {name: owned, value: owned-token, owner: Example Inc, expires_on: "2030-01-01T00:00:00Z", not_before: "2025-01-01T00:00:00Z"}
  - {name: away, value: away-token, refused_from: 203.0.113.7}
zones:
  - name: saas.example
    id: 11111111111111111111111111111111
    account: Example Inc
    fallback_origin: origin.saas.example
    settings: {min_tls_version: 1.0, unheard_of: "x"}
    not_editable: [rocket_loader]
    custom_hostnames:
      - {hostname: app.test, id: aaaaaaaa-0000-4000-8000-000000000001, custom_metadata: {tier: gold}, ssl: {method: txt, settings: {min_tls_version: 1.2, http2: "on"}}}
      - {hostname: bare.test, id: aaaaaaaa-0000-4000-8000-000000000002, ssl: null}
      - {hostname: own.test, id: aaaaaaaa-0000-4000-8000-000000000003, ssl: {uploaded: true}}
      - {hostname: blocked.test, id: aaaaaaaa-0000-4000-8000-000000000004, status: blocked}
      - {hostname: moved.test, id: aaaaaaaa-0000-4000-8000-000000000005, status: moved}
      - {hostname: new.test, id: aaaaaaaa-0000-4000-8000-000000000006, status: pending, ssl: {status: pending_validation, method: email}}
      - {hostname: wild.test, id: aaaaaaaa-0000-4000-8000-000000000007, ssl: {wildcard: true}}
    generate: {count: 30, pattern: "shop-%05d.test", certificate_bytes: 1000}
  - {name: second.example, id: 22222222222222222222222222222222, account: Example Inc, plan: enterprise, entitlements: {custom_certificates: 5}}
  - {name: bücher.example, id: 33333333333333333333333333333333, account: Other Inc, plan: free, no_acm: true}
`

const (
	zoneA = "/zones/11111111111111111111111111111111"
	zoneB = "/zones/22222222222222222222222222222222"
	zoneC = "/zones/33333333333333333333333333333333"
	names = zoneA + "/custom_hostnames"
	host1 = names + "/aaaaaaaa-0000-4000-8000-00000000000"
)

func newServer(t *testing.T, text string, o sandbox.Options) *sandbox.Server {
	t.Helper()
	seed, err := sandbox.ParseSeed([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return sandbox.New(seed, o)
}

func send(t testing.TB, h http.Handler, st step) (int, string) {
	t.Helper()
	req := httptest.NewRequest(st.method, sandbox.Base+st.path, strings.NewReader(st.body))
	if st.token != "" {
		req.Header.Set("Authorization", "Bearer "+st.token)
	}
	if st.body != "" {
		req.Header.Set("Content-Type", "application/json")
	} else {
		req.Body = http.NoBody
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, req)
	body, err := io.ReadAll(rec.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return rec.Code, string(body)
}

// clock is a clock that moves only by advance and by sleeping.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func (c *clock) options() sandbox.Options {
	return sandbox.Options{
		Now:   c.now,
		Sleep: func(_ context.Context, d time.Duration) error { c.advance(d); return nil },
	}
}

// must sends a request that must succeed, and decodes its result.
func must[T any](t *testing.T, h http.Handler, method, path, body string) T {
	t.Helper()
	status, text := send(t, h, step{token: "full-token", method: method, path: path, body: body})
	var env struct {
		Success bool
		Result  T
	}
	if err := json.Unmarshal([]byte(text), &env); err != nil || status >= 300 || !env.Success {
		t.Fatalf("%s %s: %d %s", method, path, status, text)
	}
	return env.Result
}

// expect sends requests and compares status and code.
func expect(t *testing.T, h http.Handler, steps ...step) {
	t.Helper()
	for _, st := range steps {
		if st.token == "" {
			st.token = "full-token"
		}
		status, body := send(t, h, st)
		var env struct{ Errors []struct{ Code int } }
		_ = json.Unmarshal([]byte(body), &env)
		code := 0
		if len(env.Errors) > 0 {
			code = env.Errors[0].Code
		}
		if status != st.status || code != st.code {
			t.Errorf("%s %s %s\n got %d/%d %s\nwant %d/%d", st.method, st.path, st.body, status, code, body, st.status, st.code)
		}
	}
}

func TestCredentials(t *testing.T) {
	srv := newServer(t, tourSeed+"users: [{email: Admin@saas.example, key: globalkey0123456789}]\n", sandbox.Options{})
	for _, tc := range []struct {
		name   string
		header map[string]string
		status int
	}{
		{"bearer token", map[string]string{"Authorization": "Bearer full-token"}, 200},
		{"global key", map[string]string{"X-Auth-Email": "admin@saas.example", "X-Auth-Key": "globalkey0123456789"}, 200},
		{"key of somebody else", map[string]string{"X-Auth-Email": "other@saas.example", "X-Auth-Key": "globalkey0123456789"}, 403},
		{"no scheme", map[string]string{"Authorization": "full-token"}, 400},
		{"token with a space", map[string]string{"Authorization": "Bearer full token"}, 400},
		{"malformed key", map[string]string{"X-Auth-Email": "admin@saas.example", "X-Auth-Key": "no key"}, 400},
		{"nothing", nil, 400},
	} {
		t.Run(tc.name, func(t *testing.T) {
			req := httptest.NewRequest("GET", sandbox.Base+"/zones", nil)
			for k, v := range tc.header {
				req.Header.Set(k, v)
			}
			rec := httptest.NewRecorder()
			srv.ServeHTTP(rec, req)
			if rec.Code != tc.status {
				t.Errorf("status %d, want %d: %s", rec.Code, tc.status, rec.Body)
			}
			if tc.status == 400 && !strings.Contains(rec.Body.String(), `"error_chain":[{"code":61`) {
				t.Errorf("no chain in %s", rec.Body)
			}
		})
	}
	b, err := json.Marshal(srv.History())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(b), "full-token") || strings.Contains(string(b), "globalkey") {
		t.Errorf("history shows a credential: %s", b)
	}
}

func TestEveryAnswerHasARayAndALimit(t *testing.T) {
	srv := newServer(t, tourSeed, sandbox.Options{})
	for _, path := range []string{"/zones", "/nowhere", names} {
		req := httptest.NewRequest("GET", sandbox.Base+path, nil)
		req.Header.Set("Authorization", "Bearer full-token")
		rec := httptest.NewRecorder()
		srv.ServeHTTP(rec, req)
		for _, h := range []string{"Cf-Ray", "Ratelimit", "Ratelimit-Policy"} {
			if rec.Header().Get(h) == "" {
				t.Errorf("%s: no %s", path, h)
			}
		}
	}
}

func TestUnknownThingsAreRefused(t *testing.T) {
	srv := newServer(t, tourSeed, sandbox.Options{})
	expect(t, srv,
		step{method: "GET", path: "/zones?nam=saas.example", status: 400, code: 6003},
		step{method: "GET", path: "/zones?name=near:saas", status: 400, code: 6003},
		step{method: "GET", path: "/zones?page=1&page=2", status: 400, code: 6003},
		step{method: "GET", path: "/zones?per_page=51", status: 400, code: 6003},
		step{method: "GET", path: "/zones?per_page=4", status: 400, code: 6003},
		step{method: "GET", path: "/zones?status=odd", status: 400, code: 6003},
		step{method: "GET", path: "/zones?%zz", status: 400, code: 6003},
		step{method: "GET", path: "/nowhere", status: 404, code: 7003},
		step{method: "GET", path: zoneA + "/settings/", status: 404, code: 7003},
		step{method: "GET", path: names + "/..%2F..%2Fsettings%2Fssl", status: 400, code: 1435},
		step{method: "GET", path: names + "?per_page=1001", status: 400, code: 6003},
		step{method: "GET", path: names + "?wildcard=maybe", status: 400, code: 6003},
		step{method: "GET", path: names + "?hostname=a&hostname.contain=b", status: 400, code: 1437},
		step{method: "DELETE", path: zoneA, status: 405, code: 7001},
		step{method: "POST", path: names + "/fallback_origin", body: `{}`, status: 405, code: 7001},
		step{method: "PUT", path: names + "/fallback_origin", body: `{}`, status: 400, code: 6003},
		step{method: "PATCH", path: zoneA + "/settings/http3", body: `{"value":"on","id":"http3"}`, status: 400, code: 1007},
		step{method: "PATCH", path: zoneA + "/settings/http3", body: `{"value":`, status: 400, code: 6007},
		step{method: "PATCH", path: zoneA + "/settings/http3", body: `{}`, status: 400, code: 1007},
		step{method: "PATCH", path: host1 + "1", body: `{"hostname":"b.test"}`, status: 400, code: 1400},
		step{method: "PATCH", path: host1 + "1", body: `null`, status: 400, code: 1400},
	)
	for _, e := range srv.History() {
		if e.Effect != sandbox.EffectRefused {
			t.Errorf("%s %s: effect %s, want refused", e.Method, e.Path, e.Effect)
		}
	}
}

func TestZonesAreFoundByName(t *testing.T) {
	srv := newServer(t, tourSeed, sandbox.Options{})
	for query, want := range map[string]string{
		"":                                          "bücher.example saas.example second.example",
		"?name=saas.example":                        "saas.example",
		"?name=SAAS.example":                        "saas.example",
		"?name=contains:s":                          "saas.example second.example",
		"?name=starts_with:se":                      "second.example",
		"?name=ends_with:.example":                  "bücher.example saas.example second.example",
		"?name=not_equal:saas.example":              "bücher.example second.example",
		"?name=b%C3%BCcher.example":                 "bücher.example",
		"?name=xn--bcher-kva.example":               "", // the API matches the Unicode form
		"?account.name=Other+Inc":                   "bücher.example",
		"?name=saas.example&status=moved":           "",
		"?name=saas.example&status=moved&match=any": "saas.example",
		"?order=name&direction=desc":                "second.example saas.example bücher.example",
	} {
		var got []string
		for _, z := range must[[]struct{ Name string }](t, srv, "GET", "/zones"+query, "") {
			got = append(got, z.Name)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("zones%s: %v, want %s", query, got, want)
		}
	}
}

func TestOneRequestTooManyBlocksEveryCall(t *testing.T) {
	c := newClock()
	srv := newServer(t, tourSeed+"rate: {requests: 3, per: 1m, penalty: 5m}\n", c.options())
	get := func() *http.Response {
		req := httptest.NewRequest("GET", sandbox.Base+zoneA, nil)
		req.Header.Set("Authorization", "Bearer full-token")
		rec := httptest.NewRecorder()
		srv.ServeHTTP(rec, req)
		return rec.Result()
	}
	c.advance(time.Second)
	for i := range 3 {
		res := get()
		if res.StatusCode != 200 {
			t.Fatalf("request %d: %d", i, res.StatusCode)
		}
		if want := `"default";r=` + strconv.Itoa(2-i) + `;t=60`; res.Header.Get("Ratelimit") != want {
			t.Errorf("Ratelimit %q, want %q", res.Header.Get("Ratelimit"), want)
		}
	}
	if res := get(); res.StatusCode != 429 || res.Header.Get("Retry-After") != "300" {
		t.Fatalf("%d, Retry-After %q, want 429 and 300", res.StatusCode, res.Header.Get("Retry-After"))
	}
	c.advance(299500 * time.Millisecond)
	if res := get(); res.StatusCode != 429 || res.Header.Get("Retry-After") != "1" {
		t.Errorf("%d, Retry-After %q half a second early, want 429 and 1", res.StatusCode, res.Header.Get("Retry-After"))
	}
	if status, _ := send(t, srv, step{token: "read-token", method: "GET", path: zoneA}); status != 200 {
		t.Errorf("another token is blocked too: %d", status)
	}
	c.advance(500 * time.Millisecond)
	if res := get(); res.StatusCode != 200 {
		t.Errorf("%d after the penalty, want 200", res.StatusCode)
	}
}

// Tests of a client's timing run in virtual time: without sockets, with the server's own
// clock and waits.
func TestTheServerRunsInVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := newServer(t, tourSeed+"latency: 200ms\nsettle: 1m\n", sandbox.Options{})
		start := time.Now()
		must[any](t, srv, "PATCH", host1+"1", `{"ssl":{"type":"dv","method":"txt","settings":{"http2":"off"}}}`)
		if d := time.Since(start); d != 200*time.Millisecond {
			t.Errorf("answered after %s, want 200ms", d)
		}
		time.Sleep(time.Minute)
		if got := must[shown](t, srv, "GET", host1+"1", "").SSL.Status; got != "active" {
			t.Errorf("%s after a minute", got)
		}
		if e := last(srv); e.AtMS != 60_200 {
			t.Errorf("history says %d ms, want the arrival at 60200", e.AtMS)
		}
	})
}

func TestTokensOfOneUserShareALimit(t *testing.T) {
	srv := newServer(t, `
rate: {requests: 2}
tokens: [{value: full-token, user: a@b.example}, {value: second, user: A@b.example}]
users: [{email: a@b.example, key: key}]
`, newClock().options())
	expect(t, srv,
		step{method: "GET", path: "/zones", status: 200},
		step{token: "second", method: "GET", path: "/zones", status: 200},
		step{method: "GET", path: "/zones", status: 429, code: 10429},
		step{token: "second", method: "GET", path: "/zones", status: 429, code: 10429})
}

func TestPagesHoldEveryNameOnce(t *testing.T) {
	type name struct{ ID string }
	for _, tc := range []struct {
		seed          string
		ask, requests int
	}{
		{"", 1000, 2},
		{"page_size_max: 50\npage_size_over: clamp\n", 1000, 24},
		{"page_size_max: 50\n", 50, 24},
	} {
		srv := newServer(t, tc.seed+`
tokens: [{value: full-token}]
zones: [{name: saas.example, id: 11111111111111111111111111111111, generate: {count: 1200, pattern: "shop-%05d.test"}}]
`, sandbox.Options{})
		seen := map[string]int{}
		for page := 1; len(seen) < 1200 && page < 100; page++ {
			for _, n := range must[[]name](t, srv, "GET", names+"?per_page="+strconv.Itoa(tc.ask)+"&page="+strconv.Itoa(page), "") {
				seen[n.ID]++
			}
		}
		if len(seen) != 1200 || len(srv.History()) != tc.requests {
			t.Errorf("%q: %d names in %d requests, want 1200 in %d", tc.seed, len(seen), len(srv.History()), tc.requests)
		}
		if past := must[[]name](t, srv, "GET", names+"?page=500", ""); len(past) != 0 {
			t.Errorf("%d names past the end", len(past))
		}
	}
}

func TestStateIsTheSameTextEveryTime(t *testing.T) {
	a, b := newServer(t, tourSeed, newClock().options()).State(), newServer(t, tourSeed, sandbox.Options{}).State()
	if diff := cmp.Diff(string(a.YAML()), string(b.YAML())); diff != "" {
		t.Error(diff)
	}
	if !slices.IsSortedFunc(a.Zones[1].CustomHostnames, func(x, y sandbox.CustomHostnameState) int { return strings.Compare(x.Hostname, y.Hostname) }) {
		t.Error("custom hostnames are not sorted")
	}
}

func TestClosedServerAbortsRequests(t *testing.T) {
	srv := newServer(t, tourSeed, sandbox.Options{})
	srv.Close()
	srv.Close() // a second call is harmless
	defer func() {
		if r := recover(); r != http.ErrAbortHandler {
			t.Errorf("recovered %v, want http.ErrAbortHandler", r)
		}
	}()
	send(t, srv, step{token: "full-token", method: "GET", path: "/zones"})
	t.Error("a closed server answers")
}
