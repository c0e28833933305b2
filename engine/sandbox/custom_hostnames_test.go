package sandbox_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tlsync/engine/sandbox"
)

type shown struct {
	ID       string
	Hostname string
	Status   string
	SSL      *struct {
		Status, Method string
		Settings       map[string]any
	}
}

func last(srv *sandbox.Server) sandbox.Entry {
	h := srv.History()
	return h[len(h)-1]
}

func TestSettingsAreReplacedAsAWhole(t *testing.T) {
	srv := newServer(t, tourSeed, sandbox.Options{})
	got := must[shown](t, srv, "PATCH", host1+"1", `{"ssl":{"type":"dv","method":"txt","settings":{"ciphers":["AES128-SHA"]}}}`)
	want := map[string]any{"ciphers": []any{"AES128-SHA"}}
	if diff := cmp.Diff(want, got.SSL.Settings); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	// A write without settings keeps them.
	got = must[shown](t, srv, "PATCH", host1+"1", `{"ssl":{"type":"dv","method":"http"}}`)
	if diff := cmp.Diff(want, got.SSL.Settings); diff != "" || got.SSL.Method != "http" {
		t.Errorf("method %s, settings (-want +got):\n%s", got.SSL.Method, diff)
	}
}

func TestWritesSettleLate(t *testing.T) {
	c := newClock()
	srv := newServer(t, tourSeed+"settle: 30s\n", c.options())
	patch := func(body string) string {
		return must[shown](t, srv, "PATCH", host1+"1", body).SSL.Status
	}
	status := func() string { return must[shown](t, srv, "GET", host1+"1", "").SSL.Status }
	change := `{"ssl":{"type":"dv","method":"txt","settings":{"min_tls_version":"1.3"}}}`
	if got := patch(change); got != "pending_deployment" {
		t.Errorf("a change leaves the certificate %s", got)
	}
	if e := last(srv); e.Effect != sandbox.EffectChanged || e.Status != 202 {
		t.Errorf("effect %s, status %d", e.Effect, e.Status)
	}
	c.advance(20 * time.Second)
	if got := patch(change); got != "pending_validation" {
		t.Errorf("an equal write leaves the certificate %s", got)
	}
	if e := last(srv); e.Effect != sandbox.EffectNoop {
		t.Errorf("effect %s, want noop", e.Effect)
	}
	c.advance(20 * time.Second) // the first write's time is over, the second's is not
	if got := status(); got != "pending_validation" {
		t.Errorf("%s after 40 s", got)
	}
	c.advance(10 * time.Second)
	if got := status(); got != "active" {
		t.Errorf("%s after 50 s, want active", got)
	}
	// An empty write refreshes the name and restarts validation too.
	if got := patch(`{}`); got != "pending_validation" || last(srv).Effect != sandbox.EffectNoop {
		t.Errorf("an empty write leaves the certificate %s, effect %s", got, last(srv).Effect)
	}
	// A write does not make a name active that never was.
	if got := must[shown](t, srv, "PATCH", host1+"6", `{"ssl":{"type":"dv","method":"email","settings":{"http2":"on"}}}`).SSL.Status; got != "pending_validation" {
		t.Errorf("a pending name is %s", got)
	}
	c.advance(time.Hour)
	if got := must[shown](t, srv, "GET", host1+"6", "").SSL.Status; got != "pending_validation" {
		t.Errorf("a pending name is %s an hour later", got)
	}
}

func TestRefusedHostnameWrites(t *testing.T) {
	srv := newServer(t, tourSeed, sandbox.Options{})
	before := string(srv.State().YAML())
	ssl := func(settings string) string {
		return `{"ssl":{"type":"dv","method":"txt","settings":` + settings + `}}`
	}
	for _, tc := range []struct {
		body string
		code int
	}{
		{`{`, 1400},
		{`{"Ssl":{}}`, 1400},
		{`{"ssl":[]}`, 1434},
		{`{"ssl":{}}`, 1440},
		{`{"ssl":{"settings":{}}}`, 1434},
		{`{"ssl":{"type":"dv","settings":{}}}`, 1440},
		{`{"ssl":{"method":"txt","settings":{}}}`, 1440},
		{`{"ssl":{"type":"ev","method":"txt"}}`, 1433},
		{`{"ssl":{"type":"dv","method":"dns"}}`, 1432},
		{`{"ssl":{"type":"dv","method":"txt","bundle_method":"odd"}}`, 1449},
		{`{"ssl":{"type":"dv","method":"txt","certificate_authority":"google"}}`, 1459},
		{`{"ssl":{"type":"dv","method":"txt","custom_certificate":"x"}}`, 1426},
		{`{"ssl":{"type":"dv","method":"txt","status":"active"}}`, 1434},
		{ssl(`null`), 1434},
		{ssl(`{"min_tls_version":"1.4"}`), 1425},
		{ssl(`{"min_tls_version":""}`), 1425},
		{ssl(`{"min_tls_version":null}`), 1425},
		{ssl(`{"min_tls_version:":"1.2"}`), 1434},
		{ssl(`{"tls_1_3":"zrt"}`), 1424},
		{ssl(`{"http2":true}`), 1422},
		{ssl(`{"early_hints":"yes"}`), 1434},
		{ssl(`{"ciphers":["NULL-MD5"]}`), 1442},
		{ssl(`{"ciphers":["AEAD-AES128-GCM-SHA256"]}`), 1442},
		{ssl(`{"ciphers":["AES128-SHA"],"min_tls_version":"1.3"}`), 1443},
		{`{"custom_metadata":{"tier":1}}`, 1401},
	} {
		expect(t, srv, step{method: "PATCH", path: host1 + "1", body: tc.body, status: 400, code: tc.code})
	}
	expect(t, srv,
		step{method: "PATCH", path: host1 + "7", body: `{"custom_metadata":{"tier":"gold"}}`, status: 400, code: 1412},
		step{method: "PATCH", path: host1 + "3", body: `{"ssl":{"type":"dv","method":"http","custom_certificate":"x"}}`, status: 400, code: 1426},
		step{method: "PATCH", path: host1 + "4", body: ssl(`{}`), status: 409, code: 1439},
		step{method: "POST", path: names, body: `{"hostname":"a.test","ssl":{"type":"dv"}}`, status: 400, code: 1440},
		step{method: "POST", path: names, body: `{"hostname":"bücher.test"}`, status: 400, code: 1408},
		step{method: "POST", path: names, body: `{"hostname":"*.test.test"}`, status: 400, code: 1407},
		step{method: "POST", path: names, body: `{"hostname":"saas.example"}`, status: 403, code: 1404},
		step{method: "POST", path: names, body: `{"hostname":"app.test"}`, status: 409, code: 1406})
	if after := string(srv.State().YAML()); after != before {
		t.Errorf("a refused write changed the state:\n%s", cmp.Diff(before, after))
	}
}

func TestUploadedCertificateTakesItsKey(t *testing.T) {
	srv := newServer(t, tourSeed, sandbox.Options{})
	must[any](t, srv, "PATCH", host1+"3", `{"ssl":{"type":"dv","method":"http","custom_certificate":"PEM","custom_key":"s3cret","settings":{"min_tls_version":"1.2"}}}`)
	if body := string(last(srv).Body); strings.Contains(body, "s3cret") || !strings.Contains(body, "PEM") {
		t.Errorf("history holds %s", body)
	}
	if _, body := send(t, srv, step{token: "full-token", method: "GET", path: host1 + "3"}); strings.Contains(body, "s3cret") {
		t.Errorf("an answer holds the key: %s", body)
	}
}

func TestAnUnknownSettingCanBeGivenBackButNotInvented(t *testing.T) {
	srv := newServer(t, `
tokens: [{value: full-token}]
zones:
  - name: saas.example
    id: 11111111111111111111111111111111
    custom_hostnames:
      - {hostname: app.test, id: aaaaaaaa-0000-4000-8000-000000000001, ssl: {method: txt, settings: {novelty: [1]}}}
      - {hostname: b.test, id: aaaaaaaa-0000-4000-8000-000000000002, ssl: {method: txt}}
`, sandbox.Options{})
	body := `{"ssl":{"type":"dv","method":"txt","settings":{"novelty":[1],"http2":"on"}}}`
	expect(t, srv,
		step{method: "PATCH", path: host1 + "1", body: body, status: 202},
		step{method: "PATCH", path: host1 + "2", body: body, status: 400, code: 1434})
}

func TestAWritePullsMovedTrafficBack(t *testing.T) {
	srv := newServer(t, tourSeed, sandbox.Options{})
	got := must[shown](t, srv, "PATCH", host1+"5", `{"ssl":{"type":"dv","method":"http","settings":{"min_tls_version":"1.2"}}}`)
	if got.Status != "pending" || last(srv).Effect != sandbox.EffectMoved {
		t.Errorf("status %s, effect %s", got.Status, last(srv).Effect)
	}
}

func TestSSLCanBeRemoved(t *testing.T) {
	srv := newServer(t, tourSeed, sandbox.Options{})
	if got := must[shown](t, srv, "PATCH", host1+"1", `{"ssl":"null"}`); got.SSL != nil {
		t.Errorf("ssl is still there: %+v", got.SSL)
	}
}

func TestHostnamesComeAndGo(t *testing.T) {
	c := newClock()
	srv := newServer(t, tourSeed+"settle: 10s\n", c.options())
	made := must[shown](t, srv, "POST", names, `{"hostname":"Fresh.test","ssl":{"type":"dv","method":"http","settings":{"min_tls_version":"1.2"}}}`)
	if made.Hostname != "fresh.test" || made.SSL.Status != "initializing" {
		t.Errorf("made %+v", made)
	}
	c.advance(10 * time.Second)
	if got := must[shown](t, srv, "GET", names+"/"+made.ID, ""); got.SSL.Status != "pending_validation" {
		t.Errorf("settled at %s", got.SSL.Status)
	}
	if status, body := send(t, srv, step{token: "full-token", method: "DELETE", path: names + "/" + made.ID}); status != 200 || body != `{"id":"`+made.ID+`"}` {
		t.Errorf("%d %s, want a bare id", status, body)
	}
	expect(t, srv,
		step{method: "GET", path: names + "/" + made.ID, status: 200},
		step{method: "PATCH", path: names + "/" + made.ID, body: `{}`, status: 409, code: 1439})
	c.advance(10 * time.Second)
	expect(t, srv, step{method: "GET", path: names + "/" + made.ID, status: 404, code: 1436})
}

func TestQuotaEnds(t *testing.T) {
	srv := newServer(t, `
tokens: [{value: full-token}]
zones: [{name: saas.example, id: 11111111111111111111111111111111, quota: 1}]
`, sandbox.Options{})
	expect(t, srv,
		step{method: "POST", path: names, body: `{"hostname":"a.test"}`, status: 201},
		step{method: "POST", path: names, body: `{"hostname":"b.test"}`, status: 403, code: 1405})
	if got := must[struct{ Allocated, Used int }](t, srv, "GET", names+"/quota", ""); got.Used != 1 || got.Allocated != 1 {
		t.Errorf("quota %+v", got)
	}
}

func TestFilters(t *testing.T) {
	srv := newServer(t, tourSeed, sandbox.Options{})
	for query, want := range map[string]int{
		"":                              37,
		"ssl=1":                         36,
		"ssl=0":                         37,
		"hostname=APP.test":             1,
		"hostname.exact=app.test":       1,
		"hostname.contain=shop":         30,
		"hostname.startsWith=shop-0000": 9,
		"id=aaaaaaaa-0000-4000-8000-000000000002": 1,
		"hostname_status=blocked":                 1,
		"ssl_status=pending_validation":           1,
		"wildcard=true":                           1,
		"certificate_authority=google":            36,
		"custom_origin_server=x.test":             0,
		"hostname.contain=shop&ssl_status=active": 30,
	} {
		status, body := send(t, srv, step{token: "full-token", method: "GET", path: names + "?per_page=1000&" + query})
		if n := strings.Count(body, `"hostname":`); status != 200 || n != want {
			t.Errorf("%s: %d, %d names, want %d", query, status, n, want)
		}
		if !strings.Contains(body, `"total_count":37`) { // the total does not know filters
			t.Errorf("%s: another total in %s", query, body[max(0, len(body)-120):])
		}
	}
}

// The default order is by a status that changes, so an item may move to another page, as
// in reality.
func TestAStatusChangeShiftsPages(t *testing.T) {
	c := newClock()
	srv := newServer(t, tourSeed+"settle: 1h\n", c.options())
	first := func() string { return must[[]shown](t, srv, "GET", names+"?per_page=5&page=2", "")[0].ID }
	before := must[[]shown](t, srv, "GET", names+"?per_page=5", "")
	was := first()
	must[any](t, srv, "PATCH", names+"/"+before[4].ID, `{"ssl":{"type":"dv","method":"http","settings":{"http2":"on"}}}`)
	if now := first(); now == was {
		t.Errorf("page 2 still begins with %s", was)
	}
}

func TestTimelineFollowsPinsAndTheZone(t *testing.T) {
	srv := newServer(t, tourSeed, sandbox.Options{})
	zone := func(v string) {
		must[any](t, srv, "PATCH", zoneA+"/settings/min_tls_version", `{"value":"`+v+`"}`)
	}
	host := func(settings string) {
		must[any](t, srv, "PATCH", host1+"1", `{"ssl":{"type":"dv","method":"txt","settings":`+settings+`}}`)
	}
	zone("1.1")                       // 1: app.test is pinned at 1.2
	host(`{}`)                        // 2: and is not any more
	zone("1.3")                       // 3
	host(`{"min_tls_version":"1.3"}`) // 4: the same effective value
	zone("1.0")                       // 5
	if err := srv.Dashboard(sandbox.Edit{Zone: "saas.example", Settings: sandbox.Settings{"min_tls_version": "1.1"}}); err != nil {
		t.Fatal(err)
	}
	for hostname, want := range map[string]string{
		"app.test": `[{0 "1.2"} {2 "1.1"} {3 "1.3"}]`,
		"":         `[{0 "1.0"} {1 "1.1"} {3 "1.3"} {5 "1.0"} {6 "1.1"}]`,
		"no.test":  `[{0 }]`,
	} {
		if got := fmt.Sprint(srv.Timeline("saas.example", hostname, "min_tls_version")); got != want {
			t.Errorf("%q: %s, want %s", hostname, got, want)
		}
	}
}
