package sandbox_test

import (
	"net/url"
	"testing"
	"time"

	"tlsync/engine/sandbox"
)

// logEntry is an entry of the audit log as a client sees it.
type logEntry struct {
	Action struct{ Type, Result, Time string }
	Actor  struct {
		Email, Context string
		TokenName      string `json:"token_name"`
	}
	Raw struct {
		Method string
		Status int `json:"status_code"`
		URI    string
	}
	Zone struct{ Name string }
}

func TestAuditLog(t *testing.T) {
	c := newClock()
	srv := newServer(t, tourSeed, c.options())
	account := ""
	for _, z := range srv.State().Zones {
		if "/zones/"+z.ID == zoneA {
			account = z.AccountID
		}
	}
	read := func(more string) []logEntry {
		period := url.Values{"since": {c.options().Now().Add(-time.Hour).UTC().Format(time.RFC3339)}, "before": {c.options().Now().Add(time.Minute).UTC().Format(time.RFC3339)}}
		return must[[]logEntry](t, srv, "GET", "/accounts/"+account+"/logs/audit?"+period.Encode()+more, "")
	}

	must[any](t, srv, "PATCH", zoneA+"/settings/min_tls_version", `{"value":"1.1"}`)
	send(t, srv, step{token: "full-token", method: "PATCH", path: zoneA + "/settings/min_tls_version", body: `{"value":"9"}`})
	c.advance(time.Second)
	if err := srv.Dashboard(sandbox.Edit{By: "ada@acme.example", Zone: "saas.example", Settings: sandbox.Settings{"min_tls_version": "1.2"}}); err != nil {
		t.Fatal(err)
	}
	if got := read(""); len(got) != 0 {
		t.Errorf("entries appear at once: %+v", got)
	}

	// The latest comes first. What was refused, and what only read, is not there.
	c.advance(time.Minute)
	got := read("")
	if len(got) != 2 {
		t.Fatalf("%+v", got)
	}
	if e := got[0]; e.Actor.Email != "ada@acme.example" || e.Actor.Context != "dash" || e.Raw.URI != "/client/v4"+zoneA+"/settings/min_tls_version" || e.Raw.Method != "PATCH" || e.Zone.Name != "saas.example" {
		t.Errorf("%+v", e)
	}
	if e := got[1]; e.Actor.Context != "api_token" || e.Actor.TokenName == "" || e.Raw.Status != 200 || e.Action.Result != "success" {
		t.Errorf("%+v", e)
	}
	if asc := read("&direction=asc&limit=1"); len(asc) != 1 || asc[0] != got[1] {
		t.Errorf("%+v", asc)
	}
	if rest := read("&cursor=1"); len(rest) != 1 || rest[0] != got[1] {
		t.Errorf("%+v", rest)
	}
	if none := read("&zone_id=" + account); len(none) != 0 {
		t.Errorf("another zone has %+v", none)
	}
}
