package cloudflare

import (
	"strings"
	"testing"

	"tlsync/engine/plan"
)

// A diagnosis needs a code or a text of the API. Without one, a 403 is shown with what
// to check, and nothing is called missing.
func TestDiagnosisNeedsEvidence(t *testing.T) {
	const page = "<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>Checking your browser</body></html>"
	refusal := func(code, message string) string {
		return `{"success":false,"errors":[{"code":` + code + `,"message":"` + message + `"}],"messages":[],"result":null}`
	}
	for _, tt := range []struct {
		name, body string
		want       string // after the code and the text
		permission bool
	}{
		{"no permission", refusal("10000", "Authentication error"), `the token lacks "Zone Settings: Read" on zone saas.example`, true},
		{"a text about a permission", refusal("0", "Actor 'com.cloudflare.api.token.1' requires permission 'com.cloudflare.api.account.zone.setting.read'"),
			`the token lacks "Zone Settings: Read" on zone saas.example`, true},
		{"an IP filter", refusal("9109", "Cannot use the access token from location: 192.0.2.1"),
			"the token may not be used from the address of this machine: check the IP filter of the token", false},
		{"another scope", refusal("9109", "Unauthorized to access requested resource"),
			"the token does not cover this zone, is disabled, or may not be used from this machine: check its resources, its status and its IP filter", false},
		{"a disabled token", refusal("9109", "Invalid access token"), "the token is unknown, disabled or expired: check that it is active", false},
		{"an unknown key", refusal("9103", "Unknown X-Auth-Key or X-Auth-Email"),
			"Cloudflare does not know the global API key or its e-mail address: check CLOUDFLARE_API_KEY and CLOUDFLARE_EMAIL", false},
		{"a challenge", page, "the answer is a web page and not from the API: check whether a proxy, a firewall or a bot check stands between this machine and the API", false},
		{"another code", refusal("1234", "not \u001b[31m today"), `check that the token has "Zone Settings: Read" on zone saas.example, and its IP filter`, false},
		{"no code", `{"success":false}`, `check that the token has "Zone Settings: Read" on zone saas.example, and its IP filter`, false},
		{"an entitlement", refusal("1450", "Advanced Certificate Manager is needed"), "", false},
	} {
		f := newFake()
		f.handle("GET /client/v4/zones/"+zoneA+"/settings/x", 403, tt.body)
		_, err := readSetting(t.Context(), reader(t, options(f)).clients[0], zoneA, "x")
		failed := onZone(err, "saas.example").(*Error)
		if got := failed.lacks(); got != tt.want || (failed.Permission != "") != tt.permission {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		got := failed.Error()
		if !strings.HasPrefix(got, "GET "+plan.SettingPath(zoneA, "x")+": 403") || strings.ContainsAny(got, "\x1b<") {
			t.Errorf("%s: %q", tt.name, got)
		}
		if !tt.permission && strings.Contains(got, "lacks") {
			t.Errorf("%s: it calls a permission missing: %q", tt.name, got)
		}
	}
}
