package sandbox_test

import (
	"strings"
	"testing"
	"time"

	"tlsync/engine/sandbox"
)

type shownFallback struct {
	Origin, Status string
	Errors         []string
	Created        string `json:"created_at"`
	Updated        string `json:"updated_at"`
}

func TestTheFallbackOriginTakesItsTime(t *testing.T) {
	c := newClock()
	srv := newServer(t, ownSeed+"settle: 30s\n", c.options())
	const path = names + "/fallback_origin"
	expect(t, srv,
		step{method: "GET", path: path, status: 404, code: 1551},
		step{method: "DELETE", path: path, status: 404, code: 1551})
	if got := must[shownFallback](t, srv, "PUT", path, `{"origin":"Origin.saas.example"}`); got.Origin != "origin.saas.example" || got.Status != "initializing" || got.Errors == nil {
		t.Errorf("made %+v", got)
	}
	if got, want := wrote(srv), `changed: zone/saas.example map[fallback_origin:null] -> map[fallback_origin:"origin.saas.example"]`; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	made := must[shownFallback](t, srv, "GET", path, "")
	if made.Status != "pending_deployment" {
		t.Errorf("then it is %s", made.Status)
	}
	expect(t, srv,
		step{method: "PUT", path: path, body: `{"origin":"other.saas.example"}`, status: 409, code: 1414},
		step{method: "DELETE", path: path, status: 409, code: 1414})
	c.advance(30 * time.Second)
	if got := must[shownFallback](t, srv, "GET", path, ""); got.Status != "active" {
		t.Errorf("after 30 s it is %s", got.Status)
	}
	again := must[shownFallback](t, srv, "PUT", path, `{"origin":"other.saas.example"}`)
	if again.Created != made.Created || again.Updated == made.Updated {
		t.Errorf("first %+v, then %+v", made, again)
	}
	c.advance(30 * time.Second)
	if got := must[shownFallback](t, srv, "DELETE", path, ""); got.Status != "pending_deletion" || got.Origin != "other.saas.example" {
		t.Errorf("deleted %+v", got)
	}
	if got, want := wrote(srv), `changed: zone/saas.example map[fallback_origin:"other.saas.example"] -> map[fallback_origin:null]`; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	expect(t, srv,
		step{method: "GET", path: path, status: 200},
		step{method: "PUT", path: path, body: `{"origin":"other.saas.example"}`, status: 409, code: 1414})
	c.advance(30 * time.Second)
	expect(t, srv, step{method: "GET", path: path, status: 404, code: 1551})
	var moments []string
	for _, m := range srv.Timeline("saas.example", "", "fallback_origin") {
		moments = append(moments, m.Value)
	}
	if got := strings.Join(moments, " "); got != `null "origin.saas.example" "other.saas.example" null` {
		t.Errorf("timeline %s", got)
	}
}

func TestFallbackOriginsThatAreRefused(t *testing.T) {
	srv := newServer(t, ownSeed, sandbox.Options{})
	const path = names + "/fallback_origin"
	expect(t, srv,
		step{method: "PUT", path: path, body: `{`, status: 400, code: 6003},
		step{method: "PUT", path: path, body: `{"origin":1}`, status: 400, code: 6003},
		step{method: "PUT", path: path, body: `{"origin":"o.saas.example","status":"active"}`, status: 400, code: 6003},
		step{method: "PUT", path: path, body: `{"origin":""}`, status: 400, code: 1415},
		step{method: "PUT", path: path, body: `{"origin":"https://o.saas.example"}`, status: 400, code: 1415},
		step{method: "PUT", path: path, body: `{"origin":"10.0.0.1"}`, status: 400, code: 1415},
		step{method: "PUT", path: path, body: `{"origin":"o.other.example"}`, status: 400, code: 1421},
		step{token: "read-token", method: "PUT", path: path, body: `{"origin":"o.saas.example"}`, status: 403, code: 10000},
		step{token: "read-token", method: "DELETE", path: path, status: 403, code: 10000})
	req := step{token: "full-token", method: "PUT", path: path, body: `{"origin":"o.saas.example"}`}
	must[any](t, srv, req.method, req.path, req.body) // without settling it is there at once
	if got := must[shownFallback](t, srv, "GET", path, ""); got.Status != "active" {
		t.Errorf("it is %s", got.Status)
	}
	must[any](t, srv, req.method, req.path, req.body)
	if got := last(srv).Effect; got != sandbox.EffectNoop {
		t.Errorf("an equal write is %s", got)
	}
}

// A seeded status stays. A pending one refuses edits; a failed one says why and can be
// overwritten.
func TestASeededFallbackOriginKeepsItsStatus(t *testing.T) {
	for status, refused := range map[string]bool{
		"active": false, "initializing": true, "pending_deployment": true, "pending_deletion": true,
		"deployment_timed_out": false, "deletion_timed_out": false,
	} {
		srv := newServer(t, strings.Replace(ownSeed, "plan: enterprise", "plan: enterprise\n    fallback_origin: o.saas.example\n    fallback_origin_status: "+status, 1), sandbox.Options{})
		got := must[shownFallback](t, srv, "GET", names+"/fallback_origin", "")
		if got.Status != status || len(got.Errors) > 0 != strings.HasSuffix(status, "_timed_out") {
			t.Errorf("%s: %+v", status, got)
		}
		want := step{method: "PUT", path: names + "/fallback_origin", body: `{"origin":"p.saas.example"}`, status: 200}
		if refused {
			want.status, want.code = 409, 1414
		}
		expect(t, srv, want)
	}
}

// A custom hostname without an origin serves nothing. Zones that never had a fallback
// origin accept it.
func TestACustomHostnameNeedsAnOrigin(t *testing.T) {
	for _, tc := range []struct {
		seed   string
		status int
	}{
		{``, 201},
		{`fallback_origin: o.saas.example`, 201},
		{`fallback_origin: o.saas.example, fallback_origin_status: pending_deployment`, 400},
		{`fallback_origin: o.saas.example, fallback_origin_status: deployment_timed_out`, 400},
		{`strict_fallback: true`, 400},
	} {
		srv := newServer(t, "tokens: [{value: full-token}]\nzones: [{name: saas.example, id: 11111111111111111111111111111111, "+tc.seed+"}]\n", sandbox.Options{})
		code := 0
		if tc.status == 400 {
			code = 1552
		}
		expect(t, srv,
			step{method: "POST", path: names, body: `{"hostname":"a.test"}`, status: tc.status, code: code},
			step{method: "POST", path: names, body: `{"hostname":"b.test","custom_origin_server":"own.saas.example"}`, status: 201})
	}
	c := newClock()
	srv := newServer(t, ownSeed+"settle: 30s\n", c.options())
	must[any](t, srv, "PUT", names+"/fallback_origin", `{"origin":"o.saas.example"}`)
	expect(t, srv, step{method: "POST", path: names, body: `{"hostname":"a.test"}`, status: 400, code: 1552})
	c.advance(30 * time.Second)
	expect(t, srv, step{method: "POST", path: names, body: `{"hostname":"a.test"}`, status: 201})
}
