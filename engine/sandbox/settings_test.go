package sandbox_test

import (
	"encoding/json"
	"strings"
	"testing"

	"tlsync/engine/sandbox"
)

type settingValue struct {
	ID    string
	Value json.RawMessage
}

// tls_1_3 and 0rtt are two views of one state. Each row is a write and the values of both
// after it.
func TestZeroRTTIsPartOfTLS13(t *testing.T) {
	srv := newServer(t, tourSeed, sandbox.Options{})
	for _, tc := range []struct{ id, write, tls13, zeroRTT string }{
		{"tls_1_3", "zrt", "zrt", "on"},
		{"tls_1_3", "on", "zrt", "on"}, // the documented loop
		{"0rtt", "off", "on", "off"},
		{"0rtt", "on", "zrt", "on"},
		{"tls_1_3", "off", "off", "on"},
		{"tls_1_3", "on", "zrt", "on"},
		{"0rtt", "off", "on", "off"},
		{"tls_1_3", "off", "off", "off"},
		{"0rtt", "on", "off", "on"},
	} {
		must[any](t, srv, "PATCH", zoneA+"/settings/"+tc.id, `{"value":"`+tc.write+`"}`)
		for id, want := range map[string]string{"tls_1_3": tc.tls13, "0rtt": tc.zeroRTT} {
			if got := must[settingValue](t, srv, "GET", zoneA+"/settings/"+id, ""); string(got.Value) != `"`+want+`"` {
				t.Errorf("after %s=%s: %s reads %s, want %s", tc.id, tc.write, id, got.Value, want)
			}
		}
	}
}

func TestZoneSettingsTakeOnlyTheirValues(t *testing.T) {
	srv := newServer(t, tourSeed, sandbox.Options{})
	before := string(srv.State().YAML())
	for _, tc := range []struct{ id, value string }{
		{"min_tls_version", `"1.4"`}, {"min_tls_version", `1.2`}, {"min_tls_version", `null`}, {"tls_1_3", `true`}, {"ssl", `"Full"`},
		{"ciphers", `"AES128-SHA"`}, {"ciphers", `null`}, {"ciphers", `["AES128-SHA","AES128-SHA"]`}, {"ciphers", `["TLS_AES_128_GCM_SHA256"]`},
		{"ciphers", `["TLS_RSA_WITH_AES_128_CBC_SHA"]`}, {"browser_cache_ttl", `"4"`}, {"security_header", `[]`},
	} {
		expect(t, srv, step{method: "PATCH", path: zoneA + "/settings/" + tc.id, body: `{"value":` + tc.value + `}`, status: 400, code: 1007})
	}
	if after := string(srv.State().YAML()); after != before {
		t.Error("a refused write changed the state")
	}
}

func TestTheBulkListLeavesOutWhatHasToBeReadAlone(t *testing.T) {
	srv := newServer(t, tourSeed, sandbox.Options{})
	listed := map[string]bool{}
	for _, s := range must[[]settingValue](t, srv, "GET", zoneA+"/settings", "") {
		listed[s.ID] = true
	}
	for _, id := range strings.Fields("ssl_automatic_mode origin_max_http_version early_hints h2_prioritization image_resizing nel replace_insecure_js speed_brain fonts aegis binary_ast") {
		if listed[id] {
			t.Errorf("%s is in the list", id)
		}
		if got := must[settingValue](t, srv, "GET", zoneA+"/settings/"+id, ""); got.ID != id {
			t.Errorf("%s reads as %q", id, got.ID)
		}
	}
	for _, id := range []string{"min_tls_version", "ciphers", "http3", "log_to_cloudflare", "long_lived_grpc", "unheard_of"} {
		if !listed[id] {
			t.Errorf("%s is not in the list", id)
		}
	}
}

func TestBulkWriteIsAllOrNothing(t *testing.T) {
	srv := newServer(t, tourSeed, sandbox.Options{})
	path := zoneA + "/settings"
	status, body := send(t, srv, step{token: "full-token", method: "PATCH", path: path,
		body: `{"items":[{"id":"http3","value":"off"},{"id":"nonsense","value":1},{"id":"min_tls_version","value":"9"}]}`})
	if status != 400 || !strings.Contains(body, `"code":1006`) || !strings.Contains(body, `"code":1007`) {
		t.Errorf("%d %s, want both errors", status, body)
	}
	if got := must[settingValue](t, srv, "GET", path+"/http3", ""); string(got.Value) != `"on"` {
		t.Errorf("http3 is %s: the good half was written", got.Value)
	}
	expect(t, srv,
		step{method: "PATCH", path: path, body: `[{"id":"http3","value":"off"}]`, status: 400, code: 1004},
		step{method: "PATCH", path: path, body: `{"items":[]}`, status: 400, code: 1004},
		step{method: "PATCH", path: path, body: `{"items":[{"id":"origin_max_http_version","value":"1"}]}`, status: 400, code: 1006},
		step{method: "PATCH", path: path, body: `{"items":[{"id":"http3","value":"off"}]}`, status: 200})
}

func TestPermissionsOfSettings(t *testing.T) {
	srv := newServer(t, `
tokens:
  - {value: zone-only, permissions: zone:read}
  - {value: settings, permissions: [zone_settings:edit]}
  - {value: ssl, permissions: [ssl:edit]}
  - {value: nothing, permissions: none}
zones: [{name: saas.example, id: 11111111111111111111111111111111}]
`, sandbox.Options{})
	mode := zoneA + "/settings/ssl_automatic_mode"
	write := `{"value":"custom"}`
	expect(t, srv,
		step{token: "zone-only", method: "GET", path: zoneA, status: 200},
		step{token: "zone-only", method: "GET", path: zoneA + "/settings", status: 403, code: 10000},
		step{token: "zone-only", method: "GET", path: names, status: 403, code: 10000},
		step{token: "settings", method: "GET", path: zoneA + "/settings", status: 200}, // edit includes read
		step{token: "settings", method: "GET", path: names, status: 403, code: 10000},
		step{token: "settings", method: "PATCH", path: mode, body: write, status: 200},
		step{token: "ssl", method: "PATCH", path: mode, body: write, status: 200},
		step{token: "ssl", method: "PATCH", path: zoneA + "/settings/http3", body: `{"value":"on"}`, status: 403, code: 10000},
		step{token: "ssl", method: "GET", path: names, status: 200},
		step{token: "nothing", method: "GET", path: zoneA, status: 403, code: 10000},
		step{token: "nothing", method: "GET", path: "/zones", status: 403, code: 10000},
	)
}

func TestAutomaticModeRaisesSSL(t *testing.T) {
	srv := newServer(t, tourSeed, sandbox.Options{})
	path := zoneA + "/settings/ssl"
	read := func() string { return string(must[settingValue](t, srv, "GET", path, "").Value) }
	must[any](t, srv, "PATCH", path, `{"value":"flexible"}`)
	srv.Advance()
	if got := read(); got != `"full"` {
		t.Errorf("ssl is %s after one step, want full", got)
	}
	must[any](t, srv, "PATCH", zoneA+"/settings/ssl_automatic_mode", `{"value":"custom"}`)
	srv.Advance()
	if got := read(); got != `"full"` {
		t.Errorf("ssl is %s in custom mode, want full", got)
	}
}
