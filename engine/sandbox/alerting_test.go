package sandbox_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tlsync/engine/sandbox"
)

const (
	alerts = accountA + "/alerting/v3/policies"
	theirs = alerts + "/eeeeeeee000040008000000000000001"
	hook   = "ffffffff000040008000000000000001"
	oncall = "ffffffff000040008000000000000002"
)

// alertBody is a notification policy by e-mail with additional members.
func alertBody(name, kind, more string) string {
	return fmt.Sprintf(`{"name":%q,"enabled":true,"alert_type":%q,"mechanisms":{"email":[{"id":"tls@saas.example"}]}%s}`, name, kind, more)
}

func TestAlertsAreWrittenAndRead(t *testing.T) {
	srv := newServer(t, accountSeed, sandbox.Options{})
	made := must[map[string]any](t, srv, "POST", alerts, alertBody("Partner CA expiry", "access_custom_certificate_expiration_type", ""))
	if len(made) != 1 {
		t.Errorf("the answer has more than the id: %v", made)
	}
	path := alerts + "/" + made["id"].(string)
	got := must[map[string]any](t, srv, "GET", path, "")
	for _, k := range []string{"id", "created", "modified"} {
		delete(got, k)
	}
	if diff := cmp.Diff(map[string]any{
		"name": "Partner CA expiry", "description": "", "enabled": true, "alert_type": "access_custom_certificate_expiration_type", "filters": nil,
		"mechanisms": map[string]any{"email": []any{map[string]any{"id": "tls@saas.example"}}, "webhooks": []any{}, "pagerduty": []any{}},
	}, got); diff != "" {
		t.Error(diff)
	}
	// A PUT removes the fields that it leaves out. Filters come back as written.
	must[any](t, srv, "PUT", path, `{"name":"Partner CA expiry","enabled":false,"alert_type":"universal_ssl_event_type","description":"d","alert_interval":"30m",`+
		`"mechanisms":{"webhooks":[{"id":"`+hook+`"}],"pagerduty":[{"id":"`+oncall+`"}]},"filters":{"odd":["b","a"]}}`)
	if diff := cmp.Diff([]sandbox.AlertState{
		{Name: "Partner CA expiry", Type: "universal_ssl_event_type", Description: "d", Interval: "30m", Webhooks: []string{"chat"}, PagerDuty: []string{"oncall"}, Filters: map[string]any{"odd": []any{"b", "a"}}},
		{Name: "theirs", Type: "universal_ssl_event_type", Enabled: true, Webhooks: []string{"chat"}, Filters: map[string]any{"zones": []any{"x"}}},
	}, srv.State().Accounts[0].Alerts); diff != "" {
		t.Error(diff)
	}
	if e := last(srv); e.Effect != sandbox.EffectChanged || e.Writes[0].Object != "alert/Example Inc/Partner CA expiry" || string(e.Writes[0].Before["enabled"]) != "true" || string(e.Writes[0].After["enabled"]) != "false" {
		t.Errorf("history shows %+v", e)
	}
	must[any](t, srv, "DELETE", path, "")
	expect(t, srv, step{method: "GET", path: path, status: 404, code: 17002})
	if list := must[[]any](t, srv, "GET", alerts, ""); len(list) != 1 {
		t.Errorf("%d left, want theirs", len(list))
	}
}

func TestAlertsThatAreRefused(t *testing.T) {
	srv := newServer(t, accountSeed, sandbox.Options{})
	const kind = "universal_ssl_event_type"
	base := `"name":"x","enabled":true,"alert_type":"universal_ssl_event_type"`
	for _, body := range []string{
		`{}`, `null`, `{` + base + `}`,
		alertBody("", kind, ""),
		alertBody("x", "no_such_type", ""),
		alertBody("x", kind, `,"id":"y"`),
		alertBody("x", kind, `,"filters":null`),
		alertBody("x", kind, `,"filters":{"zones":"a"}`),
		alertBody("x", kind, `,"description":null`),
		alertBody("x", kind, `,"alert_interval":"soon"`),
		strings.Replace(alertBody("x", kind, ""), "true", `"true"`, 1),
		`{` + base + `,"mechanisms":{}}`,
		`{` + base + `,"mechanisms":{"email":[]}}`,
		`{` + base + `,"mechanisms":{"email":null}}`,
		`{` + base + `,"mechanisms":{"email":["a@b.example"]}}`,
		`{` + base + `,"mechanisms":{"email":[{"id":"nobody"}]}}`,
		`{` + base + `,"mechanisms":{"email":[{"id":"a@b.example"},{"id":"a@b.example"}]}}`,
		`{` + base + `,"mechanisms":{"email":[{"id":"a@b.example","name":"a"}]}}`,
		`{` + base + `,"mechanisms":{"webhooks":[{"id":"` + oncall + `"}]}}`,
		`{` + base + `,"mechanisms":{"pagerduty":[{"id":"` + hook + `"}]}}`,
		`{` + base + `,"mechanisms":{"sms":[{"id":"1"}]}}`,
	} {
		expect(t, srv,
			step{method: "POST", path: alerts, body: body, status: 400, code: 17001},
			step{method: "PUT", path: theirs, body: body, status: 400, code: 17001})
	}
	expect(t, srv,
		step{method: "GET", path: alerts + "?page=1", status: 400, code: 6003},
		step{method: "GET", path: accountA + "/alerting/v3/destinations/sms", status: 404, code: 7003})
	if got := srv.State().Accounts[0].Alerts; len(got) != 1 || !got[0].Enabled {
		t.Errorf("%+v", got)
	}
}

func TestAvailableAlertsAndDestinations(t *testing.T) {
	kinds := func(srv *sandbox.Server) (out []string) {
		for product, list := range must[map[string][]struct {
			Type    string
			Display string           `json:"display_name"`
			Filters []map[string]any `json:"filter_options"`
		}](t, srv, "GET", accountA+"/alerting/v3/available_alerts", "") {
			for _, item := range list {
				if item.Display == "" {
					t.Errorf("%s has no display name", item.Type)
				}
				out = append(out, product+" "+item.Type)
			}
		}
		slices.Sort(out)
		return out
	}
	all := kinds(newServer(t, accountSeed, sandbox.Options{}))
	for _, want := range []string{
		"SSL/TLS access_custom_certificate_expiration_type", "SSL/TLS mtls_certificate_store_certificate_expiration_type",
		"SSL/TLS hostname_aop_custom_certificate_expiration_type", "SSL/TLS zone_aop_custom_certificate_expiration_type",
		"SSL/TLS custom_ssl_certificate_event_type", "SSL/TLS dedicated_ssl_certificate_event_type", "SSL/TLS universal_ssl_event_type",
		"Access expiring_service_token_alert",
	} {
		if !slices.Contains(all, want) {
			t.Errorf("no %s in %v", want, all)
		}
	}
	srv := newServer(t, strings.Replace(accountSeed, "    webhooks:", "    available_alerts: [universal_ssl_event_type]\n    webhooks:", 1), sandbox.Options{})
	if diff := cmp.Diff([]string{"SSL/TLS universal_ssl_event_type"}, kinds(srv)); diff != "" {
		t.Error(diff)
	}
	expect(t, srv,
		step{method: "POST", path: alerts, body: alertBody("x", "access_custom_certificate_expiration_type", ""), status: 400, code: 17001},
		step{method: "POST", path: alerts, body: alertBody("x", "universal_ssl_event_type", ""), status: 200})
	type dest struct{ ID, Name string }
	base := accountA + "/alerting/v3/destinations/"
	if diff := cmp.Diff([]dest{{hook, "chat"}}, must[[]dest](t, srv, "GET", base+"webhooks", "")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]dest{{oncall, "oncall"}}, must[[]dest](t, srv, "GET", base+"pagerduty", "")); diff != "" {
		t.Error(diff)
	}
	if got := must[map[string]struct{ Eligible, Ready bool }](t, srv, "GET", base+"eligible", ""); !got["email"].Eligible || len(got) != 3 {
		t.Errorf("%v", got)
	}
}
