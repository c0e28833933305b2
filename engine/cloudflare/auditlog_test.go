package cloudflare

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tlsync/engine/plan"
	"tlsync/engine/who"
)

// auditReader is a Reader of a fake with an account whose audit log has some pages. Each
// page but the last names the next one.
func auditReader(t *testing.T, f *fake) *Reader {
	t.Helper()
	r, err := NewReader(options(f))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var (
	acme  = plan.Account{ID: strings.Repeat("a", 32), Name: "Acme"}
	until = time.Date(2026, 11, 28, 12, 0, 0, 500, time.UTC)
)

func auditPage(entries, cursor string) string {
	return `{"success":true,"errors":[],"messages":[],"result":[` + entries + `],"result_info":{"count":1,"cursor":"` + cursor + `"}}`
}

const fullEntry = `{"id":"e1","account":{"id":"a","name":"Acme"},
	"action":{"description":"","result":"success","time":"2026-11-28T11:00:00Z","type":"update"},
	"actor":{"id":"u","context":"api_token","email":"ada@acme.example","ip_address":"192.0.2.1","token_id":"t1","token_name":"terraform","type":"user"},
	"raw":{"cf_ray_id":"r1","method":"patch","status_code":200,"uri":"/client/v4/zones/z/settings/ssl","user_agent":"x"},
	"resource":{"id":"ssl","product":"zone","request":{"value":"full"},"scope":"zones","type":"setting"},"zone":{"id":"z","name":"acme.example"},"new":1}`

func TestAuditLogReadsPages(t *testing.T) {
	f := newFake()
	path := "GET /client/v4" + plan.AccountPath(acme.ID)
	f.mux.HandleFunc(path+"/logs/audit", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("cursor") == "" {
			write(w, 200, auditPage(fullEntry, "two"))
			return
		}
		// The other forms: an action that is a text, a request in a text, and nothing at all.
		write(w, 200, auditPage(`{"action":"update","interface":"UI"},{"action":{"time":"2026-11-28T10:00:00.25Z","result":"failure"},"resource":{"request":"{\"value\":\"off\"}"},"actor":null},{}`, ""))
	})
	f.handle("GET /client/v4/user/tokens/verify", 401, `{"success":false,"errors":[{"code":1000,"message":"Invalid API Token"}],"messages":[],"result":null}`)
	f.handle(path+"/tokens/verify", 200, ok(`{"id":"own","status":"active"}`))

	got, err := auditReader(t, f).AuditLog(t.Context(), acme, "z", until.AddDate(0, 0, -30), until)
	if err != nil {
		t.Fatal(err)
	}
	want := &who.Log{
		Own: "own", Since: until.AddDate(0, 0, -30), Before: time.Date(2026, 11, 28, 12, 0, 1, 0, time.UTC),
		Entries: []who.Entry{
			{
				Time: time.Date(2026, 11, 28, 11, 0, 0, 0, time.UTC), Method: "PATCH", URI: "/client/v4/zones/z/settings/ssl", Status: 200, Result: "success",
				TokenID: "t1", Resource: "ssl", Request: `{"value":"full"}`, Actor: plan.Actor{Email: "ada@acme.example", Way: "api_token", Token: "terraform", Ray: "r1"},
			},
			{},
			{Time: time.Date(2026, 11, 28, 10, 0, 0, 250e6, time.UTC), Result: "failure", Request: `{"value":"off"}`},
			{},
		},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if first := f.requests(path + "/logs/audit"); len(first) != 2 || !strings.Contains(first[0].uri, "before=2026-11-28T12%3A00%3A01Z&direction=desc&since=2026-10-29T12%3A00%3A00Z&zone_id=z") {
		t.Errorf("asked %v", first)
	}
}

// A log without an end is read for a while. What was not read is not said to be empty.
func TestAuditLogIsBounded(t *testing.T) {
	f := newFake()
	path := "GET /client/v4" + plan.AccountPath(acme.ID) + "/logs/audit"
	n := 0
	f.mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
		n++
		write(w, 200, auditPage(fullEntry+`,{}`, fmt.Sprint(n)))
	})
	f.handle("GET /client/v4/user/tokens/verify", 200, ok(`{"id":"own","status":"active"}`))

	got, err := auditReader(t, f).AuditLog(t.Context(), acme, "", until.AddDate(0, 0, -30), until)
	if err != nil || len(f.requests(path)) != maxAuditPages {
		t.Fatalf("%d requests, %v", len(f.requests(path)), err)
	}
	if want := time.Date(2026, 11, 28, 11, 0, 0, 0, time.UTC); !got.Since.Equal(want) {
		t.Errorf("it says to begin at %s, want %s", got.Since, want)
	}
	if strings.Contains(f.requests(path)[0].uri, "zone_id") {
		t.Error("asked for one zone")
	}
}

func TestAuditLogFailures(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"permission": {403, `{"success":false,"errors":[{"code":10000,"message":"Authentication error"}],"messages":[],"result":null}`, `the token lacks "Account Settings: Read" on account Acme`},
		"no list":    {200, ok(`{"a":1}`), "an object where a list is expected"},
		"no object":  {200, ok(`[1]`), "a number where an object is expected"},
	} {
		f := newFake()
		f.handle("GET /client/v4"+plan.AccountPath(acme.ID)+"/logs/audit", c.status, c.body)
		_, err := auditReader(t, f).AuditLog(t.Context(), acme, "", until.AddDate(0, 0, -30), until)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAuditValues(t *testing.T) {
	f := newFake()
	path := "GET /client/v4" + plan.AccountPath(acme.ID) + "/audit_logs"
	f.handle(path, 200, ok(`[{"id":"e","when":"2026-11-28T11:00:00Z","action":{"type":"change_setting","result":true},"actor":{"email":"ada@acme.example"},
		"interface":"UI","metadata":{"name":"IPv6","type":"network","value":true,"zone_name":"acme.example"},"oldValue":"off","newValue":"on"},
		{"when":7,"actor":"system","metadata":[],"oldValue":{},"newValue":true}]`))
	got, err := auditReader(t, f).AuditValues(t.Context(), acme, plan.Zone{ID: "z", Name: "acme.example"}, until.AddDate(0, 0, -1), until)
	want := []who.Value{{Time: time.Date(2026, 11, 28, 11, 0, 0, 0, time.UTC), Zone: "acme.example", Setting: "IPv6", Email: "ada@acme.example", Old: "off", New: "on"}, {}}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("%s, %v", d, err)
	}
	if asked := f.requests(path)[0].uri; !strings.Contains(asked, "zone.name=acme.example") || !strings.Contains(asked, "action.type=change_setting") {
		t.Errorf("asked %s", asked)
	}
}
