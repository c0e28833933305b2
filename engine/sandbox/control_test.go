package sandbox_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"tlsync/engine/sandbox"
)

func control(t *testing.T, srv *sandbox.Server, method, path, body string) (int, string) {
	t.Helper()
	rec := httptest.NewRecorder()
	srv.ServeHTTP(rec, httptest.NewRequest(method, "/__sandbox/"+path, strings.NewReader(body)))
	return rec.Code, rec.Body.String()
}

// Saving a custom hostname in the dashboard writes the minimum that the form displays, so
// a name that inherited it no longer follows its zone.
func TestSavingInTheDashboardPins(t *testing.T) {
	srv := newServer(t, tourSeed, sandbox.Options{})
	must[any](t, srv, "PATCH", zoneA+"/settings/min_tls_version", `{"value":"1.1"}`)
	if status, body := control(t, srv, "POST", "dashboard", `{"zone":"saas.example","hostname":"wild.test","save":true}`); status != 204 {
		t.Fatalf("%d %s", status, body)
	}
	if got := own(srv, "wild.test"); got != "1.1" {
		t.Errorf("wild.test has %v, want the zone's 1.1", got)
	}
	if e := last(srv); e.Effect != sandbox.EffectDashboard || e.Method != "" || len(e.Writes) != 1 {
		t.Errorf("history shows %+v", e)
	}
	// A name that has its own value keeps it.
	if err := srv.Dashboard(sandbox.Edit{Zone: "saas.example", Hostname: "app.test", Settings: sandbox.Settings{"http2": "off"}}); err != nil {
		t.Fatal(err)
	}
	if got := own(srv, "app.test"); got != "1.2" {
		t.Errorf("app.test has %v, want its own 1.2", got)
	}
}

func TestAnEditInTheDashboardSettlesToo(t *testing.T) {
	c := newClock()
	srv := newServer(t, tourSeed+"settle: 30s\n", c.options())
	if err := srv.Dashboard(sandbox.Edit{Zone: "saas.example", Hostname: "app.test", Save: true}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"pending_deployment", "active"} {
		if got := must[shown](t, srv, "GET", host1+"1", "").SSL.Status; got != want {
			t.Errorf("%s, want %s", got, want)
		}
		c.advance(30 * time.Second)
	}
}

func TestControlRefusesWhatItDoesNotKnow(t *testing.T) {
	srv := newServer(t, tourSeed, sandbox.Options{})
	for _, tc := range []struct{ method, path, body, want string }{
		{"POST", "dashboard", `{"zone":"no.example","save":true}`, "zone \"no.example\" does not exist"},
		{"POST", "dashboard", `{"zone":"saas.example"}`, "nothing to do"},
		{"POST", "dashboard", `{"zone":"saas.example","hostname":"no.test","save":true}`, "no custom hostname"},
		{"POST", "dashboard", `{"zone":"saas.example","hostname":"bare.test","save":true}`, "no custom hostname"},
		{"POST", "dashboard", `{"zone":"saas.example","settings":{"min_tls_version":"9"}}`, "min_tls_version"},
		{"POST", "dashboard", `{"zone":"saas.example","setings":{}}`, `line 1: unknown key "setings"`},
		{"POST", "faults", `{"kind":"explode"}`, "explode"},
		{"POST", "faults", ``, "empty"},
		{"POST", "edge", `{"kind":"explode"}`, `kind "explode"`},
		{"POST", "edge", `{"kind":"keep-suite","suite":"RC4-SHA"}`, `suite "RC4-SHA"`},
		{"POST", "edge", `{"kind":"hang","suite":"AES128-SHA"}`, "only keep-suite"},
		{"POST", "permissions", `{"token":"nobody","permissions":"all"}`, "token \"nobody\" does not exist"},
		{"POST", "permissions", `{"token":"full","permissions":"most"}`, "most"},
		{"GET", "nowhere", ``, "no such control"},
		{"GET", "ca.pem", ``, "no TLS edge"},
	} {
		if status, body := control(t, srv, tc.method, tc.path, tc.body); status < 400 || !strings.Contains(body, tc.want) {
			t.Errorf("%s %s %s: %d %s, want %s", tc.method, tc.path, tc.body, status, body, tc.want)
		}
	}
}

func TestControlOverHTTP(t *testing.T) {
	srv := newServer(t, tourSeed, sandbox.Options{})
	for _, tc := range []struct {
		method, path, body string
		status             int
	}{
		{"POST", "faults", `{"kind":"error","count":1}`, 204},
		{"DELETE", "faults", ``, 204},
		{"POST", "edge", `{"kind":"hang","name":"app.test"}`, 204},
		{"DELETE", "edge", ``, 204},
		{"POST", "permissions", `{"token":"full","permissions":["zone:read"]}`, 204},
		{"POST", "advance", ``, 204},
	} {
		if status, body := control(t, srv, tc.method, tc.path, tc.body); status != tc.status {
			t.Errorf("%s %s: %d %s", tc.method, tc.path, status, body)
		}
	}
	expect(t, srv,
		step{method: "GET", path: zoneA, status: 200},
		step{method: "GET", path: names, status: 403, code: 10000})

	var fromJSON, fromYAML sandbox.State
	_, text := control(t, srv, "GET", "state", "")
	if err := json.Unmarshal([]byte(text), &fromJSON); err != nil {
		t.Fatal(err)
	}
	_, text = control(t, srv, "GET", "state?format=yaml", "")
	if err := yaml.Unmarshal([]byte(text), &fromYAML); err != nil {
		t.Fatal(err)
	}
	if len(fromJSON.Zones) != 3 || len(fromYAML.Zones) != 3 {
		t.Errorf("%d zones in JSON, %d in YAML, want 3", len(fromJSON.Zones), len(fromYAML.Zones))
	}
	var history []sandbox.Entry
	_, text = control(t, srv, "GET", "history", "")
	if err := json.Unmarshal([]byte(text), &history); err != nil {
		t.Fatal(err)
	}
	if n := len(history); n < 2 || history[n-1].Path != names || history[n-1].Token != "full" || history[n-1].Status != 403 {
		t.Errorf("history %+v", history)
	}
	control(t, srv, "DELETE", "history", "")
	if n := len(srv.History()); n != 0 {
		t.Errorf("%d entries after they were deleted", n)
	}
}
