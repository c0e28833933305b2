package sandbox_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"tlsync/engine/sandbox"
)

// over sends a request over a real connection.
func over(t *testing.T, url, method, path, body string) (*http.Response, string, error) {
	t.Helper()
	req, err := http.NewRequest(method, url+sandbox.Base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer full-token")
	req.Header.Set("Content-Type", "application/json")
	// The client neither retries nor follows redirects.
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res, string(b), err
}

func faulty(t *testing.T, faults ...sandbox.Fault) (*sandbox.Server, string) {
	t.Helper()
	srv := newServer(t, tourSeed, sandbox.Options{})
	for _, f := range faults {
		if err := srv.AddFault(f); err != nil {
			t.Fatal(err)
		}
	}
	ts := httptest.NewServer(srv)
	t.Cleanup(ts.Close)
	return srv, ts.URL
}

const pin13 = `{"ssl":{"type":"dv","method":"txt","settings":{"min_tls_version":"1.3"}}}`

func own(srv *sandbox.Server, name string) any {
	for _, h := range srv.State().Zones[1].CustomHostnames {
		if h.Hostname == name {
			return h.SSL.Settings["min_tls_version"]
		}
	}
	return nil
}

func TestDroppedConnections(t *testing.T) {
	for kind, want := range map[string]string{"drop-request": "1.2", "drop-answer": "1.3"} {
		t.Run(kind, func(t *testing.T) {
			srv, url := faulty(t, sandbox.Fault{Kind: kind, Method: "PATCH", Nth: 1})
			_, _, err := over(t, url, "PATCH", host1+"1", pin13)
			if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) {
				t.Errorf("got %v, want a reset", err)
			}
			if got := own(srv, "app.test"); got != want {
				t.Errorf("min_tls_version is %v, want %s", got, want)
			}
			if e := last(srv); len(e.Faults) != 1 || e.Faults[0] != kind {
				t.Errorf("history does not show the fault: %+v", e)
			}
			if _, _, err := over(t, url, "PATCH", host1+"1", pin13); err != nil {
				t.Errorf("the second request is broken too: %v", err)
			}
		})
	}
}

func TestTruncatedAnswers(t *testing.T) {
	_, url := faulty(t, sandbox.Fault{Kind: "truncate", Bytes: 10})
	for _, path := range []string{"/zones", names + "?per_page=1000"} { // plain, and compressed
		if _, body, err := over(t, url, "GET", path, ""); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: got %q, %v, want an unexpected end", path, body, err)
		}
	}
}

func TestFaultsThatAnswer(t *testing.T) {
	for _, tc := range []struct {
		fault  sandbox.Fault
		status int
		header [2]string
		body   string
		value  string // of app.test after the PATCH
	}{
		{sandbox.Fault{Kind: "error", Status: 503}, 503, [2]string{"Content-Type", "application/json"}, `"success":false`, "1.2"},
		{sandbox.Fault{Kind: "error", Status: 520, HTML: true}, 520, [2]string{"Content-Type", "text/html; charset=UTF-8"}, "<h1>Error 520</h1>", "1.2"},
		{sandbox.Fault{Kind: "error", Work: true, NoRay: true}, 500, [2]string{"Cf-Ray", ""}, `"code":1500`, "1.3"},
		{sandbox.Fault{Kind: "rate-limit", RetryAfter: "2"}, 429, [2]string{"Retry-After", "2"}, `"success":false`, "1.2"},
		{sandbox.Fault{Kind: "rate-limit"}, 429, [2]string{"Retry-After", ""}, `"success":false`, "1.2"},
		{sandbox.Fault{Kind: "unsuccessful", Code: 1234, Message: "no"}, 200, [2]string{}, `"errors":[{"code":1234,"message":"no"}]`, "1.2"},
		{sandbox.Fault{Kind: "redirect", Status: 307, Location: "http://elsewhere.test/"}, 307, [2]string{"Location", "http://elsewhere.test/"}, "", "1.2"},
		{sandbox.Fault{Kind: "body", Body: "null"}, 200, [2]string{}, "null", "1.2"},
		{sandbox.Fault{Kind: "ignore-write"}, 202, [2]string{}, `"min_tls_version":"1.2"`, "1.2"},
		{sandbox.Fault{Kind: "revoke", Permission: sandbox.SSLEdit}, 403, [2]string{}, `"code":10000`, "1.2"},
		{sandbox.Fault{Kind: "delay", Delay: time.Millisecond}, 202, [2]string{sandbox.FaultHeader, "delay"}, `"1.3"`, "1.3"},
		{sandbox.Fault{Kind: "edit", Edit: &sandbox.Edit{Zone: "saas.example", Hostname: "app.test", Settings: sandbox.Settings{"http2": "off"}}},
			202, [2]string{}, `"settings":{"min_tls_version":"1.3"}`, "1.3"},
	} {
		t.Run(tc.fault.Kind, func(t *testing.T) {
			srv, url := faulty(t, tc.fault)
			res, body, err := over(t, url, "PATCH", host1+"1", pin13)
			if err != nil {
				t.Fatal(err)
			}
			if res.StatusCode != tc.status || !strings.Contains(body, tc.body) {
				t.Errorf("%d %s\nwant %d with %s", res.StatusCode, body, tc.status, tc.body)
			}
			if tc.header[0] != "" && res.Header.Get(tc.header[0]) != tc.header[1] {
				t.Errorf("%s is %q, want %q", tc.header[0], res.Header.Get(tc.header[0]), tc.header[1])
			}
			if got := own(srv, "app.test"); got != tc.value {
				t.Errorf("min_tls_version is %v, want %s", got, tc.value)
			}
		})
	}
}

func TestAPlanted429CanBlock(t *testing.T) {
	c := newClock()
	srv := newServer(t, tourSeed, c.options())
	if err := srv.AddFault(sandbox.Fault{Kind: "rate-limit", Method: "PATCH", Nth: 1, RetryAfter: "2", Block: true}); err != nil {
		t.Fatal(err)
	}
	expect(t, srv,
		step{method: "PATCH", path: host1 + "1", body: pin13, status: 429, code: 10429},
		step{method: "GET", path: zoneA, status: 429, code: 10429})
	c.advance(2 * time.Second)
	expect(t, srv, step{method: "PATCH", path: host1 + "1", body: pin13, status: 202})
}

func TestFalsifiedLists(t *testing.T) {
	list := names + "?per_page=20"
	for _, tc := range []struct {
		fault  sandbox.Fault
		path   string
		status int
		want   string
	}{
		{sandbox.Fault{Kind: "total-count", Value: 7}, list, 200, `"count":20,"total_count":7}`},
		{sandbox.Fault{Kind: "total-pages-zero"}, list, 200, `"total_pages":0`},
		{sandbox.Fault{Kind: "clamp-page-size", Value: 10}, list, 200, `"per_page":10,"count":10,"total_count":37,"total_pages":4`},
		{sandbox.Fault{Kind: "refuse-page-size", Value: 10}, list, 400, `"code":6003`},
		{sandbox.Fault{Kind: "endless-pages"}, list + "&page=99", 200, `"count":20`},
	} {
		_, url := faulty(t, tc.fault)
		res, body, err := over(t, url, "GET", tc.path, "")
		if err != nil || res.StatusCode != tc.status || !strings.Contains(body, tc.want) {
			t.Errorf("%s: %v %d …%s, want %s", tc.fault.Kind, err, res.StatusCode, body[max(0, len(body)-150):], tc.want)
		}
	}
	_, url := faulty(t, sandbox.Fault{Kind: "no-result-info"})
	if _, body, err := over(t, url, "GET", list, ""); err != nil || strings.Contains(body, "result_info") {
		t.Errorf("no-result-info: %v, result_info is there", err)
	}
}

// ids reads every page of 10 and counts how often each id appears.
func ids(t *testing.T, srv *sandbox.Server) map[string]int {
	t.Helper()
	seen := map[string]int{}
	for page := 1; page <= 4; page++ {
		for _, h := range must[[]shown](t, srv, "GET", fmt.Sprintf("%s?per_page=10&page=%d", names, page), "") {
			seen[h.ID]++
		}
	}
	return seen
}

func TestShiftingPages(t *testing.T) {
	for _, kind := range []string{"duplicate-item", "shuffle-pages"} {
		srv := newServer(t, tourSeed, sandbox.Options{})
		if n := len(ids(t, srv)); n != 37 {
			t.Fatalf("%d names without a fault", n)
		}
		if err := srv.AddFault(sandbox.Fault{Kind: kind, Seed: 1}); err != nil {
			t.Fatal(err)
		}
		twice := 0
		for _, n := range ids(t, srv) {
			if n > 1 {
				twice++
			}
		}
		if twice == 0 {
			t.Errorf("%s: no name came twice", kind)
		}
		srv.ClearFaults()
		if n := len(ids(t, srv)); n != 37 {
			t.Errorf("%s: %d names once the fault is gone", kind, n)
		}
	}
}

func TestWhichRequestsAFaultStrikes(t *testing.T) {
	for _, tc := range []struct {
		name  string
		fault sandbox.Fault
		want  string // statuses of GET zone, GET app.test, GET list page 1, 2, GET app.test
	}{
		{"every one", sandbox.Fault{}, "500 500 500 500 500"},
		{"the second", sandbox.Fault{Nth: 2}, "200 500 200 200 200"},
		{"from the second, two", sandbox.Fault{Nth: 2, Count: 2}, "200 500 500 200 200"},
		{"the first two", sandbox.Fault{Count: 2}, "500 500 200 200 200"},
		{"a path of parts", sandbox.Fault{Path: "/zones/*/custom_hostnames/*"}, "200 500 200 200 500"},
		{"a path by names", sandbox.Fault{Path: "/zones/saas.example/custom_hostnames/app.test", Nth: 2}, "200 200 200 200 500"},
		{"a path of any depth", sandbox.Fault{Path: "/zones/*/**/app.test"}, "200 500 200 200 500"},
		{"another name", sandbox.Fault{Path: "/zones/saas.example/custom_hostnames/own.test"}, "200 200 200 200 200"},
		{"a method", sandbox.Fault{Method: "PATCH"}, "200 200 200 200 200"},
		{"a query", sandbox.Fault{Query: "page=2"}, "200 200 200 500 200"},
		{"by chance", sandbox.Fault{Probability: 0.5, Seed: 3}, "200 500 200 500 200"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.fault.Kind = "error"
			srv := newServer(t, tourSeed, sandbox.Options{})
			if err := srv.AddFault(tc.fault); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, path := range []string{zoneA, host1 + "1", names + "?page=1", names + "?page=2", host1 + "1"} {
				status, _ := send(t, srv, step{token: "full-token", method: "GET", path: path})
				got = append(got, fmt.Sprint(status))
			}
			if strings.Join(got, " ") != tc.want {
				t.Errorf("%s, want %s", strings.Join(got, " "), tc.want)
			}
		})
	}
}

func TestCompressionCanBeTurnedOff(t *testing.T) {
	srv := newServer(t, tourSeed, sandbox.Options{})
	encoding := func() string {
		req := httptest.NewRequest("GET", sandbox.Base+names, nil)
		req.Header.Set("Authorization", "Bearer full-token")
		req.Header.Set("Accept-Encoding", "gzip")
		rec := httptest.NewRecorder()
		srv.ServeHTTP(rec, req)
		return rec.Header().Get("Content-Encoding")
	}
	if got := encoding(); got != "gzip" {
		t.Errorf("encoding %q, want gzip", got)
	}
	if err := srv.AddFault(sandbox.Fault{Kind: "no-gzip"}); err != nil {
		t.Fatal(err)
	}
	if got := encoding(); got != "" {
		t.Errorf("encoding %q, want none", got)
	}
}

func TestNonsenseFaultsAreRefused(t *testing.T) {
	srv := newServer(t, "", sandbox.Options{})
	for want, f := range map[string]sandbox.Fault{
		"kind":        {Kind: "explode"},
		"pattern":     {Kind: "error", Path: "/zones/["},
		"probability": {Kind: "error", Probability: 2},
		"negative":    {Kind: "error", Nth: -1},
		"status":      {Kind: "error", Status: 99},
		"edit":        {Kind: "edit"},
		"permission":  {Kind: "revoke"},
	} {
		if err := srv.AddFault(f); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want an error about %s", f, err, want)
		}
	}
}
