package cloudflare

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tlsync/engine/plan"
	"tlsync/engine/sandbox"
	"tlsync/schema"
)

const zoneSeed = `
zones:
  - name: saas.example
    id: ` + zoneA + `
    account: Example Inc
    fallback_origin: Origin.saas.example
    settings:
      security_header: {strict_transport_security: {enabled: true, max_age: 300, include_subdomains: false, preload: false, nosniff: true}}
    not_editable: [opportunistic_onion]
`

// Every setting with a special endpoint or shape can be read, written and read
// back.
func TestUnusualEndpoints(t *testing.T) {
	off := schema.Value(`{"enabled":false}`)
	header := schema.Value(`{"enabled":true,"include_subdomains":false,"max_age":300,"nosniff":true,"preload":false}`)
	for _, tt := range []struct {
		id       string
		from, to schema.Value
		shown    schema.Value // the answer, where it is more than what was asked for
		path     string       // below the zone
	}{
		{id: schema.HSTS, from: header, to: `{"enabled":true,"include_subdomains":true,"max_age":31536000,"nosniff":true,"preload":false}`, path: "PATCH /settings/security_header"},
		{id: schema.UniversalSSL, from: `"on"`, to: `"off"`, path: "PATCH /ssl/universal/settings"},
		{id: schema.TotalTLS, from: off, to: `{"certificate_authority":"lets_encrypt","enabled":true}`, path: "POST /acm/total_tls"},
		{id: schema.OriginPulls, from: off, to: `{"enabled":true}`, path: "PUT /origin_tls_client_auth/settings"},
		{id: schema.FallbackOrigin, from: `"origin.saas.example"`, to: `"new.saas.example"`, path: "PUT /custom_hostnames/fallback_origin"},
		{id: "tls_client_auth", from: `"off"`, to: `"on"`, path: "PATCH /settings/tls_client_auth"},
		{id: "origin_max_http_version", from: `"2"`, to: `"1"`, path: "PATCH /settings/origin_max_http_version"},
	} {
		t.Run(tt.id, func(t *testing.T) {
			l := newLab(t, zoneSeed)
			scope := plan.ZoneScope{Settings: []string{tt.id}}
			live := l.zone(scope)
			if v, ok := live.Value(tt.id); !ok || v != tt.from || len(live.Unreadable)+len(live.Lacking) > 0 {
				t.Fatalf("read %s, %t; %v %v", v, ok, live.Unreadable, live.Lacking)
			}
			c := settingChange(tt.id)
			c.Action, c.Edits = plan.Update, []plan.Edit{edit(tt.id, tt.from, tt.to)}
			answer := l.do(l.writer(), c)
			if answer.Setting == nil || answer.Setting.Value != tt.to || answer.Setting.ID != tt.id {
				t.Errorf("the answer shows %+v", answer.Setting)
			}
			live = l.zone(scope)
			if v, _ := live.Value(tt.id); v != tt.to {
				t.Errorf("read back %s", v)
			}
			method, path, _ := strings.Cut(tt.path, " ")
			if got := l.sent(method + " /zones/" + zoneA + path + " "); len(got) != 1 {
				t.Errorf("sent %q", l.sent(method))
			}
		})
	}
}

// The list of all settings has hsts under another name, and says which settings
// the plan locks.
func TestHSTSComesWithTheBulkRead(t *testing.T) {
	l := newLab(t, strings.Replace(zoneSeed, "[opportunistic_onion]", "[opportunistic_onion, security_header]", 1))
	z := l.zone(plan.ZoneScope{Settings: []string{schema.HSTS, "opportunistic_onion", "tls_client_auth"}})
	for id, locked := range map[string]bool{schema.HSTS: true, "opportunistic_onion": true, "tls_client_auth": false} {
		i := slices.IndexFunc(z.Settings, func(s plan.Setting) bool { return s.ID == id })
		if i < 0 || z.Settings[i].Locked != locked {
			t.Errorf("%s: %+v", id, z.Settings)
		}
	}
	if got := l.sent("GET /zones/" + zoneA); len(got) != 1 {
		t.Errorf("read with %q", got)
	}
	o := l.read(l.writer(), settingChange(schema.HSTS), 0)
	if !o.Setting.Locked {
		t.Error("read alone it is not locked")
	}
}

// A fallback origin may have the right value before it is deployed, but nothing
// may rely on it yet. Cloudflare accepts no other one meanwhile, so a write
// waits.
func TestFallbackOriginSettles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newSandbox(t, zoneSeed+"settle: 10s\n")
		defer server.Close()
		w := writer(t, options(server))
		read := func(age time.Duration) plan.Object {
			t.Helper()
			o, err := w.Read(t.Context(), settingChange(schema.FallbackOrigin), age)
			if err != nil {
				t.Fatal(err)
			}
			return o
		}
		put := func(origin string) plan.Object {
			t.Helper()
			c := settingChange(schema.FallbackOrigin)
			c.Edits = []plan.Edit{edit(schema.FallbackOrigin, "", schema.StringValue(origin))}
			o, err := w.Write(t.Context(), c, plan.NewRequest(c, plan.Object{}))
			if err != nil {
				t.Fatal(err)
			}
			return o
		}
		if o := read(time.Minute); o.Pending != "" || o.Setting.Value != `"origin.saas.example"` {
			t.Errorf("%+v", o)
		}
		if o := put("a.saas.example"); o.Pending != "initializing" || o.Setting.Value != `"a.saas.example"` {
			t.Errorf("the answer shows %+v", o)
		}
		if o := read(time.Minute); o.Pending != "initializing" {
			t.Errorf("remembered %+v", o)
		}
		if o := read(0); o.Pending != "pending_deployment" || o.Setting.Value != `"a.saas.example"` {
			t.Errorf("read %+v", o)
		}
		start := time.Now()
		put("b.saas.example") // refused after 0, 1, 3 and 7 seconds
		if d := time.Since(start); d != 15*time.Second {
			t.Errorf("waited %s", d)
		}
		live, err := w.Fetch(t.Context(), plan.Scope{Zones: []plan.ZoneScope{{Name: "saas.example", Settings: []string{schema.FallbackOrigin}}}})
		if err != nil || live.Zones[0].FallbackStatus != "pending_deployment" {
			t.Errorf("%+v, %v", live, err)
		}
		time.Sleep(10 * time.Second)
		if o := read(0); o.Pending != "" || o.Setting.Value != `"b.saas.example"` {
			t.Errorf("%+v", o)
		}
	})
}

func TestEndpointBodies(t *testing.T) {
	const allOff = `{"enabled":false,"include_subdomains":false,"max_age":0,"nosniff":false,"preload":false}`
	for _, tt := range []struct{ id, body, want, status, err string }{
		{id: schema.HSTS, body: `{"id":"security_header","value":{"strict_transport_security":{"max_age":0,"enabled":false,"new":1}},"editable":true}`, want: allOff},
		{id: schema.HSTS, body: `{"id":"security_header","value":{}}`, want: allOff},
		{id: schema.HSTS, body: `{"id":"security_header","value":null}`, want: allOff},
		{id: schema.HSTS, body: `{"id":"security_header","value":{"strict_transport_security":null}}`, want: allOff},
		{id: schema.HSTS, body: `{"id":"security_header"}`, err: "setting security_header has no value"},
		{id: schema.HSTS, body: `{"id":"security_header","value":"on"}`, err: "a string where an object is expected"},
		{id: schema.HSTS, body: `{"id":"hsts","value":{"strict_transport_security":{}}}`, err: "it is about setting hsts, not security_header"},
		{id: schema.UniversalSSL, body: `{"enabled":false,"certificate_authority":"google"}`, want: `"off"`},
		{id: schema.UniversalSSL, body: `{}`, err: "it does not say whether it is enabled"},
		{id: schema.UniversalSSL, body: `{"enabled":null}`, err: "enabled: null where a boolean is expected"},
		{id: schema.UniversalSSL, body: `[]`, err: "a list where an object is expected"},
		{id: schema.TotalTLS, body: `{"enabled":true,"certificate_authority":"google","validity_period":90}`, want: `{"certificate_authority":"google","enabled":true}`},
		{id: schema.TotalTLS, body: `{"enabled":false,"certificate_authority":""}`, want: `{"enabled":false}`},
		{id: schema.OriginPulls, body: `{"enabled":"true"}`, err: "enabled: a string where a boolean is expected"},
		{id: schema.FallbackOrigin, body: `{"origin":"ORIGIN.saas.example.","status":"active"}`, want: `"origin.saas.example"`, status: "active"},
		{id: schema.FallbackOrigin, body: `{"origin":"a.test","status":"deployment_timed_out"}`, want: `"a.test"`, status: "deployment_timed_out"},
		{id: schema.FallbackOrigin, body: `{"origin":"a.test","status":"pending_deletion"}`, want: `null`, status: "pending_deletion"},
		{id: schema.FallbackOrigin, body: `{"origin":"","status":null}`, want: `null`},
		{id: schema.FallbackOrigin, body: `{"origin":null}`, want: `null`},
		{id: schema.FallbackOrigin, body: `{}`, want: `null`},
		{id: schema.FallbackOrigin, body: `{"status":"active"}`, err: "it has no origin"},
		{id: schema.FallbackOrigin, body: `{"origin":7}`, err: "origin: a number where a string is expected"},
	} {
		e := endpointOf(tt.id)
		got, err := e.read([]byte(tt.body))
		switch {
		case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
			t.Errorf("%s: %v, want %s", tt.body, err, tt.err)
		case tt.err == "" && (err != nil || got.ID != tt.id || string(got.Value) != tt.want || got.status != tt.status):
			t.Errorf("%s: %+v, %v", tt.body, got, err)
		}
	}
}

// A 404 or an answer without a result says that a zone has no fallback origin.
// That is a value, unlike the 404 of a path that does not exist.
func TestNoFallbackOrigin(t *testing.T) {
	for _, tt := range []struct {
		status int
		body   string
		none   bool
	}{
		{404, `{"success":false,"errors":[{"code":1551,"message":"not found"}]}`, true},
		{200, ok(`{"origin":"","status":""}`), true},
		{404, `{"success":false,"errors":[{"code":7003,"message":"Could not route"},{"code":7000,"message":"No route"}]}`, false},
		{404, `<html>not here</html>`, false},
		{404, `{"success":false,"errors":[]}`, false},
		{200, ok(`null`), true},
		{500, failure, false},
	} {
		f := oneZone(nil)
		f.handle("GET /client/v4/zones/"+zoneA+"/custom_hostnames/fallback_origin", tt.status, tt.body)
		live, err := reader(t, options(f)).Fetch(t.Context(), plan.Scope{Zones: []plan.ZoneScope{{Name: "saas.example", Settings: []string{"min_tls_version", schema.FallbackOrigin}}}})
		if err != nil {
			t.Fatal(err)
		}
		z := live.Zones[0]
		v, read := z.Value(schema.FallbackOrigin)
		if read != tt.none || read && v != schema.Inherit || (z.Unreadable[schema.FallbackOrigin] == "") != tt.none {
			t.Errorf("%d %s: %s, %t, %v", tt.status, tt.body, v, read, z.Unreadable)
		}
		if v, _ := z.Value("min_tls_version"); v != `"1.0"` {
			t.Errorf("%d %s: min_tls_version is %s", tt.status, tt.body, v)
		}
	}
}

// A feature that the zone's plan lacks, a permission that the token lacks and a
// failure are told apart, and none of them keeps the rest from being read.
func TestLacking(t *testing.T) {
	l := newLab(t, strings.Replace(zoneSeed, "account: Example Inc", "account: Example Inc\n    plan: free", 1))
	all := plan.ZoneScope{
		Settings:         []string{"min_tls_version", schema.HSTS, schema.OriginPulls, schema.UniversalSSL, schema.TotalTLS, schema.FallbackOrigin},
		HostnameSettings: []string{"min_tls_version", "http2"}, OriginCertificates: true,
	}
	keys := func(m map[string]string) []string {
		var out []string
		for k := range m {
			out = append(out, k)
		}
		slices.Sort(out)
		return out
	}
	z := l.zone(all)
	if d := cmp.Diff([]string{"hostnames/http2", "hostnames/min_tls_version", schema.TotalTLS}, keys(z.Lacking)); d != "" || len(z.Unreadable) > 0 || len(z.HostnameSettings) > 0 {
		t.Errorf("%s %v %v", d, z.Unreadable, z.HostnameSettings)
	}
	if got, want := z.Lacking[schema.TotalTLS], "the zone's plan or entitlements do not allow it; Cloudflare says code 1450: Advanced Certificate Manager is needed to use this endpoint"; got != want {
		t.Error(got)
	}
	if v, _ := z.Value(schema.UniversalSSL); v != `"on"` {
		t.Errorf("universal_ssl is %s", v)
	}

	// A token without the permission to read them.
	o := l.options()
	o.Credentials = Credentials{Token: "narrow-token"}
	all.Name = "saas.example"
	live, err := reader(t, o).Fetch(t.Context(), plan.Scope{Zones: []plan.ZoneScope{all}})
	if err != nil {
		t.Fatal(err)
	}
	z = live.Zones[0]
	want := []string{schema.FallbackOrigin, "hostnames/http2", "hostnames/min_tls_version", schema.OriginPulls, plan.OriginPullsCertificates, schema.TotalTLS, schema.UniversalSSL}
	if d := cmp.Diff(want, keys(z.Unreadable)); d != "" || len(z.Lacking) > 0 {
		t.Errorf("%s %v", d, z.Lacking)
	}
	for id, why := range z.Unreadable {
		if !strings.Contains(why, `the token lacks "SSL and Certificates: Read" on zone saas.example`) {
			t.Errorf("%s: %s", id, why)
		}
	}
	if v, ok := z.Value(schema.HSTS); !ok || v.Member("max_age") != "300" {
		t.Errorf("hsts is %s", v)
	}

	// One endpoint fails in any way.
	for _, f := range []sandbox.Fault{
		{Kind: "error", Status: 404, Code: 7003, Message: "Could not route"},
		{Kind: "error", Status: 500, HTML: true},
		{Kind: "body", Body: "<html>log in</html>", ContentType: "text/html"},
		{Kind: "drop-answer"},
		{Kind: "body", Body: `{"success":true,"result":[]}`},
	} {
		l.server.ClearFaults()
		f.Path = "/zones/*/ssl/universal/settings"
		l.fault(f)
		z := l.zone(all)
		if _, ok := z.Value(schema.UniversalSSL); ok || z.Unreadable[schema.UniversalSSL] == "" || len(z.Unreadable) != 1 {
			t.Errorf("%s %d: %v", f.Kind, f.Status, z.Unreadable)
		}
		if v, ok := z.Value(schema.FallbackOrigin); !ok || v != `"origin.saas.example"` {
			t.Errorf("%s %d: fallback_origin is %s", f.Kind, f.Status, v)
		}
	}
}

// Codes mean a missing feature only on their endpoints and with their status.
func TestLacks(t *testing.T) {
	for _, tt := range []struct {
		path   string
		status int
		code   int
		want   bool
	}{
		{"/zones/z/acm/total_tls", 403, 1450, true},
		{"/zones/z/acm/total_tls", 400, 1459, true},
		{"/zones/z/hostnames/settings/ciphers", 403, 1450, true},
		{"/zones/z/hostnames/settings/ciphers?page=2", 400, 1450, true},
		{"/zones/z/settings/ciphers", 403, 1450, true},
		{"/zones/z/custom_hostnames/fallback_origin", 403, 1404, true},
		{"/zones/z/custom_hostnames/fallback_origin", 403, 1414, true},
		{"/zones/z/custom_hostnames/fallback_origin", 409, 1414, false},
		{"/zones/z/acm/total_tls", 403, 10000, false},
		{"/zones/z/acm/total_tls", 403, 1404, false},
		{"/zones/z/acm/total_tls", 500, 1450, false},
		{"/zones/z/acm/total_tls", 401, 1450, false},
		{"/accounts/a/access/apps", 403, 1450, false},
	} {
		e := &Error{Method: http.MethodGet, Path: tt.path, Status: tt.status, Codes: []Code{{Code: tt.code, Message: "no"}}}
		if got := lacks(e); (got != "") != tt.want {
			t.Errorf("%+v: %q", tt, got)
		}
	}
}
