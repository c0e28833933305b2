package sandbox_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tlsync/engine/sandbox"
)

const ownSeed = `
tokens:
  - {value: full-token}
  - {value: read-token, permissions: read_only}
  - {value: zone-token, permissions: [zone:read, zone_settings:edit]}
zones:
  - name: saas.example
    id: 11111111111111111111111111111111
    plan: enterprise
    hostnames: {api.saas.example: {min_tls_version: 1.3}, old.saas.example: {min_tls_version: 1.0, ciphers: [AES128-SHA], http2: "off"}}
    custom_hostnames: [{hostname: app.test, id: aaaaaaaa-0000-4000-8000-000000000001, ssl: {method: txt}}]
  - {name: second.example, id: 22222222222222222222222222222222, universal_ssl: false, total_tls: {enabled: true, certificate_authority: ssl_com}}
  - {name: free.example, id: 33333333333333333333333333333333, plan: free}
`

func zoneState(srv *sandbox.Server, name string) sandbox.ZoneState {
	for _, z := range srv.State().Zones {
		if z.Name == name {
			return z
		}
	}
	return sandbox.ZoneState{}
}

// wrote describes the writes of the last request.
func wrote(srv *sandbox.Server) string {
	var out []string
	e := last(srv)
	for _, w := range e.Writes {
		out = append(out, fmt.Sprintf("%s %s -> %s", w.Object, w.Before, w.After))
	}
	return fmt.Sprintf("%s: %s", e.Effect, strings.Join(out, ", "))
}

func TestUniversalSSL(t *testing.T) {
	srv := newServer(t, ownSeed, sandbox.Options{})
	type universal struct {
		Enabled   bool
		Authority string `json:"certificate_authority"`
	}
	const path = zoneA + "/ssl/universal/settings"
	if got := must[universal](t, srv, "GET", path, ""); got != (universal{true, "google"}) {
		t.Errorf("it begins as %+v", got)
	}
	if got := must[universal](t, srv, "PATCH", path, `{"enabled":false}`); got != (universal{}) {
		t.Errorf("off shows as %+v", got)
	}
	if got, want := wrote(srv), `changed: zone/saas.example map[universal_ssl:"on"] -> map[universal_ssl:"off"]`; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	must[universal](t, srv, "PATCH", path, `{"enabled":false}`)
	if got := last(srv).Effect; got != sandbox.EffectNoop {
		t.Errorf("an equal write is %s", got)
	}
	if got := zoneState(srv, "saas.example").UniversalSSL; got != "off" {
		t.Errorf("state says %s", got)
	}
	if got := must[universal](t, srv, "GET", zoneB+"/ssl/universal/settings", ""); got.Enabled {
		t.Error("the seed's zone has it on")
	}
	expect(t, srv,
		step{method: "PATCH", path: path, body: `{}`, status: 400, code: 6003},
		step{method: "PATCH", path: path, body: `{"enabled":"on"}`, status: 400, code: 6003},
		step{method: "PATCH", path: path, body: `{"enabled":null}`, status: 400, code: 6003},
		step{method: "PATCH", path: path, body: `{"enabled":true,"value":1}`, status: 400, code: 6003},
		step{method: "PATCH", path: path, body: `[]`, status: 400, code: 6003},
		step{method: "PUT", path: path, body: `{"enabled":true}`, status: 405, code: 7001},
		step{method: "GET", path: path + "?x=1", status: 400, code: 6003},
		step{token: "zone-token", method: "GET", path: path, status: 403, code: 10000},
		step{token: "read-token", method: "PATCH", path: path, body: `{"enabled":true}`, status: 403, code: 10000},
		step{method: "GET", path: zoneA + "/ssl/universal", status: 404, code: 7003},
		step{method: "PATCH", path: zoneC + "/ssl/universal/settings", body: `{"enabled":false}`, status: 200})
}

func TestTotalTLS(t *testing.T) {
	srv := newServer(t, ownSeed, sandbox.Options{})
	type total struct {
		Enabled   bool
		Authority string `json:"certificate_authority"`
		Validity  int    `json:"validity_period"`
	}
	const path = zoneA + "/acm/total_tls"
	for _, tc := range []struct {
		body string
		want total
	}{
		{"", total{false, "", 90}},
		{`{"enabled":true}`, total{true, "google", 90}},
		{`{"enabled":true,"certificate_authority":"lets_encrypt"}`, total{true, "lets_encrypt", 90}},
		{`{"enabled":false}`, total{false, "", 90}},
	} {
		method := "POST"
		if tc.body == "" {
			method = "GET"
		}
		if got := must[total](t, srv, method, path, tc.body); got != tc.want {
			t.Errorf("%s: %+v, want %+v", tc.body, got, tc.want)
		}
	}
	if got, want := wrote(srv), `changed: zone/saas.example map[total_tls:{"certificate_authority":"lets_encrypt","enabled":true}] -> map[total_tls:{"enabled":false}]`; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if got := zoneState(srv, "second.example").TotalTLS; got != (sandbox.TotalTLSState{Enabled: true, CertificateAuthority: "ssl_com"}) {
		t.Errorf("state says %+v", got)
	}
	const second = zoneB + "/acm/total_tls"
	expect(t, srv,
		step{method: "POST", path: path, body: `{"enabled":false}`, status: 400, code: 1467},
		step{method: "POST", path: path, body: `{"enabled":false,"certificate_authority":"google"}`, status: 400, code: 1467},
		step{method: "POST", path: second, body: `{"enabled":true}`, status: 400, code: 1467},
		step{method: "POST", path: second, body: `{"enabled":true,"certificate_authority":"ssl_com"}`, status: 400, code: 1467},
		step{method: "POST", path: second, body: `{"enabled":true,"certificate_authority":"digicert"}`, status: 400, code: 6003},
		step{method: "POST", path: second, body: `{"enabled":true,"certificate_authority":""}`, status: 400, code: 6003},
		step{method: "POST", path: second, body: `{"certificate_authority":"google"}`, status: 400, code: 6003},
		step{method: "POST", path: second, body: `{"enabled":true,"validity_period":90}`, status: 400, code: 6003},
		step{method: "PATCH", path: second, body: `{"enabled":true}`, status: 405, code: 7001},
		step{method: "GET", path: zoneC + "/acm/total_tls", status: 403, code: 1450},
		step{method: "POST", path: zoneC + "/acm/total_tls", body: `{"enabled":true}`, status: 403, code: 1450},
		step{token: "read-token", method: "POST", path: path, body: `{"enabled":true}`, status: 403, code: 10000})
}

// A zone on the Free plan refuses settings that it cannot have and shows them as not
// editable. Other settings work as elsewhere.
func TestTheFreePlan(t *testing.T) {
	srv := newServer(t, ownSeed, sandbox.Options{})
	type setting struct {
		ID       string
		Editable bool
	}
	locked := map[string]bool{}
	for _, id := range strings.Fields("http2 ciphers h2_prioritization image_resizing waf min_tls_version tls_1_3 ssl security_header tls_client_auth opportunistic_onion early_hints origin_max_http_version") {
		locked[id] = !must[setting](t, srv, "GET", zoneC+"/settings/"+id, "").Editable
		if !must[setting](t, srv, "GET", zoneA+"/settings/"+id, "").Editable {
			t.Errorf("%s is not editable on the Enterprise plan", id)
		}
	}
	want := map[string]bool{"http2": true, "ciphers": true, "h2_prioritization": true, "image_resizing": true, "waf": true,
		"min_tls_version": false, "tls_1_3": false, "ssl": false, "security_header": false, "tls_client_auth": false,
		"opportunistic_onion": false, "early_hints": false, "origin_max_http_version": false}
	if diff := cmp.Diff(want, locked); diff != "" {
		t.Errorf("not editable (-want +got):\n%s", diff)
	}
	expect(t, srv,
		step{method: "PATCH", path: zoneC + "/settings/http2", body: `{"value":"off"}`, status: 400, code: 1025},
		step{method: "PATCH", path: zoneC + "/settings/ciphers", body: `{"value":[]}`, status: 403, code: 1450},
		step{method: "PATCH", path: zoneC + "/settings/tls_client_auth", body: `{"value":"on"}`, status: 200},
		step{method: "GET", path: zoneC + "/hostnames/settings/http2", status: 403, code: 1450})
	bought := newServer(t, strings.Replace(ownSeed, "plan: free", "plan: free, no_acm: false", 1), sandbox.Options{})
	expect(t, bought, step{method: "GET", path: zoneC + "/hostnames/settings/http2", status: 200})
}

func TestTheSecurityHeaderIsWrittenWhole(t *testing.T) {
	srv := newServer(t, ownSeed, sandbox.Options{})
	const path = zoneA + "/settings/security_header"
	whole := `{"value":{"strict_transport_security":{"enabled":true,"max_age":31536000,"include_subdomains":true,"preload":false,"nosniff":true}}}`
	got := must[settingValue](t, srv, "PATCH", path, whole)
	if want := `{"strict_transport_security":{"enabled":true,"include_subdomains":true,"max_age":31536000,"nosniff":true,"preload":false}}`; string(got.Value) != want {
		t.Errorf("%s\nwant %s", got.Value, want)
	}
	for _, tc := range [][2]string{
		{`,"nosniff":true`, ``}, {`"nosniff"`, `"no_sniff"`}, {`"enabled":true`, `"enabled":"on"`}, {`"preload":false`, `"preload":null`},
		{`31536000`, `-1`}, {`31536000`, `1.5`}, {`31536000`, `"31536000"`}, {`31536000`, `null`}, {`31536000`, `1e30`},
		{`"enabled"`, `"extra":1,"enabled"`}, {`{"strict`, `{"other":1,"strict`}, {`"strict_transport_security":`, `"x":`},
	} {
		body := strings.Replace(whole, tc[0], tc[1], 1)
		expect(t, srv, step{method: "PATCH", path: path, body: body, status: 400, code: 1007})
	}
	expect(t, srv,
		step{method: "PATCH", path: path, body: `{"value":{"strict_transport_security":null}}`, status: 400, code: 1007},
		step{method: "PATCH", path: path, body: `{"value":{"strict_transport_security":[]}}`, status: 400, code: 1007},
		step{method: "PATCH", path: path, body: strings.Replace(whole, "31536000", "0", 1), status: 200},
		step{method: "PATCH", path: zoneA + "/settings/opportunistic_onion", body: `{"value":"off"}`, status: 200},
		step{method: "PATCH", path: zoneA + "/settings/tls_client_auth", body: `{"value":true}`, status: 400, code: 1007},
		step{method: "PATCH", path: zoneA + "/settings/origin_max_http_version", body: `{"value":1}`, status: 400, code: 1007},
		step{method: "PATCH", path: zoneA + "/settings/origin_max_http_version", body: `{"value":"1"}`, status: 200},
		step{method: "PATCH", path: zoneA + "/settings", body: `{"items":[{"id":"origin_max_http_version","value":"1"}]}`, status: 400, code: 1006})
}

func TestIgnoredWritesChangeNothing(t *testing.T) {
	srv := newServer(t, ownSeed, sandbox.Options{})
	before := string(srv.State().YAML())
	if err := srv.AddFault(sandbox.Fault{Kind: "ignore-write"}); err != nil {
		t.Fatal(err)
	}
	pair := issue(t, "origin", nil, leaf)
	for _, st := range []step{
		{method: "PATCH", path: zoneA + "/ssl/universal/settings", body: `{"enabled":false}`},
		{method: "POST", path: zoneA + "/acm/total_tls", body: `{"enabled":true}`},
		{method: "PUT", path: names + "/fallback_origin", body: `{"origin":"o.saas.example"}`},
		{method: "PUT", path: zoneA + "/origin_tls_client_auth/settings", body: `{"enabled":true}`},
		{method: "POST", path: zoneA + "/origin_tls_client_auth", body: pairBody(t, pair.pem(), keyOf(t, pair))},
		{method: "PUT", path: zoneA + "/hostnames/settings/http2/api.saas.example", body: `{"value":"on"}`},
		{method: "PUT", path: zoneA + "/hostnames/settings/min_tls_version/api.saas.example", body: `{"value":"1.2"}`},
		{method: "DELETE", path: zoneA + "/hostnames/settings/min_tls_version/api.saas.example"},
	} {
		must[any](t, srv, st.method, st.path, st.body)
		if e := last(srv); e.Effect != sandbox.EffectIgnored || len(e.Writes) > 0 {
			t.Errorf("%s %s: effect %s, writes %v", st.method, st.path, e.Effect, e.Writes)
		}
	}
	if diff := cmp.Diff(before, string(srv.State().YAML())); diff != "" {
		t.Error(diff)
	}
}

func TestTheDashboardReachesWhatIsBesideTheSettings(t *testing.T) {
	srv := newServer(t, ownSeed, sandbox.Options{})
	edit := func(hostname string, settings sandbox.Settings) error {
		return srv.Dashboard(sandbox.Edit{Zone: "saas.example", Hostname: hostname, Settings: settings})
	}
	if err := edit("", sandbox.Settings{
		"universal_ssl": "off", "total_tls": map[string]any{"enabled": true}, "origin_pulls": map[string]any{"enabled": true},
		"fallback_origin": "o.saas.example", "min_tls_version": "1.2",
	}); err != nil {
		t.Fatal(err)
	}
	if e := last(srv); e.Effect != sandbox.EffectDashboard || len(e.Writes) != 5 {
		t.Errorf("history shows %+v", e)
	}
	z := zoneState(srv, "saas.example")
	if z.UniversalSSL != "off" || !z.TotalTLS.Enabled || !z.OriginPulls.Enabled || z.Settings["min_tls_version"] != "1.2" {
		t.Errorf("%+v", z)
	}
	if z.FallbackOrigin == nil || *z.FallbackOrigin != (sandbox.FallbackState{Origin: "o.saas.example", Status: "active"}) {
		t.Errorf("fallback origin %+v", z.FallbackOrigin)
	}
	if err := edit("", sandbox.Settings{"fallback_origin": nil}); err != nil {
		t.Error(err)
	}
	if err := edit("api.saas.example", sandbox.Settings{"min_tls_version": nil, "http2": "on", "ciphers": nil}); err != nil {
		t.Error(err)
	}
	z = zoneState(srv, "saas.example")
	if z.FallbackOrigin != nil || fmt.Sprint(z.Hostnames[0]) != `{api.saas.example map[http2:{on active}]}` {
		t.Errorf("fallback origin %v, hostnames %v", z.FallbackOrigin, z.Hostnames)
	}
	before := len(srv.History())
	for _, bad := range []sandbox.Settings{
		{"universal_ssl": true}, {"total_tls": map[string]any{"on": true}}, {"origin_pulls": "on"}, {"fallback_origin": "o.other.example"},
		{"fallback_origin": nil}, {"universal_ssl": "off", "min_tls_version": "9"},
	} {
		if err := edit("", bad); err == nil {
			t.Errorf("%v is taken", bad)
		}
	}
	if err := edit("api.saas.example", sandbox.Settings{"tls_1_3": "on"}); err == nil {
		t.Error("a name in the zone has its own tls_1_3")
	}
	if n := len(srv.History()); n != before {
		t.Errorf("%d refused edits are in the history", n-before)
	}
}

func TestTheEdgeServesTheZoneWithUniversalSSLOnly(t *testing.T) {
	c := newClock()
	srv := newServer(t, ownSeed+"settle: 30s\n", c.options())
	addr, roots := startEdge(t, srv)
	const v13 = 0x0304
	serves := func(name string) bool { return handshake(addr, roots, name, v13) != "refused" }
	if !serves("www.saas.example") || serves("www.second.example") {
		t.Error("the seed is not enforced")
	}
	must[any](t, srv, "PATCH", zoneA+"/ssl/universal/settings", `{"enabled":false}`)
	if !serves("saas.example") {
		t.Error("the write holds at once")
	}
	c.advance(30 * time.Second)
	if serves("saas.example") || serves("www.saas.example") {
		t.Error("the zone is served without Universal SSL")
	}
	if !serves("app.test") {
		t.Error("a custom hostname goes with the zone's certificates")
	}
}

func TestSeedsOfZonesThatAreWrong(t *testing.T) {
	for seed, want := range map[string]string{
		`total_tls: {certificate_authority: digicert}`:                "digicert",
		`total_tls: {enable: true}`:                                   `unknown key "enable"`,
		`fallback_origin_status: active`:                              "needs a fallback_origin",
		`fallback_origin: o.a.example, fallback_origin_status: ready`: "ready",
		`origin_pulls: {certificates: [{certificate: PEM}]}`:          "not in PEM form",
		`origin_pulls: {certificate: x}`:                              `unknown key "certificate"`,
		`hostnames: {www.b.example: {http2: "on"}}`:                   "not a hostname in zone a.example",
		`hostnames: {www.a.example: {http3: "on"}}`:                   "Unrecognized",
		`hostnames: {www.a.example: {min_tls_version: 1.4}}`:          "min_tls_version",
		`hostnames: {www.a.example: {ciphers: []}}`:                   "empty",
		`no_acm: maybe`: "",
		`universal_ssl: true, fallback_origin: o.a.example, fallback_origin_status: initializing`: "no error",
	} {
		_, err := sandbox.ParseSeed([]byte("zones: [{name: a.example, " + seed + "}]"))
		if want == "no error" && err != nil || want != "no error" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %s", seed, err, want)
		}
	}
}
