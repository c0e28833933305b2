package sandbox_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tlsync/engine/sandbox"
)

func TestSeedsOfAccountsThatAreWrong(t *testing.T) {
	for seed, want := range map[string]string{
		"certificates: [{}]":                                "certificates[0]: name",
		"certificates: [{name: x}]":                         "set either certificate or fingerprint",
		"certificates: [{name: x, certificate: y}]":         "no PEM certificate",
		"certificates: [{name: x, fingerprint: y}]":         "32 hexadecimal digits",
		"mtls_settings: [{hostname: x}]":                    "at least one flag",
		"applications: [{}]":                                "applications[0]: domain",
		"applications: [{domain: x, policies: [{}]}]":       "name is empty",
		"applications: [{domain: x, fields: {odd: 1}}]":     "unknown field odd",
		"applications: [{domain: x, fields: {type: saas}}]": "unknown field type",
		"applications: [{domain: x, policies: [{name: p, decision: allow, include: [{1: {2: 3}}]}]}]":              "",
		"applications: [{domain: x, policies: [{name: p, decision: allow, include: [{certificate: {2: 3}}]}]}]":    "",
		"applications: [{domain: x, policies: [{name: p, decision: allow, include: [{certificate: {x: .nan}}]}]}]": "",
		"applications: [{domain: x, self_hosted_domains: [y]}]":                                                    "does not contain domain",
		"alerts: [{name: x}]":                               "alert_type",
		"alerts: [{name: x, alert_type: y, webhooks: [z]}]": `destination "z" does not exist`,
		"available_alerts: [x]":                             "available_alerts[0]",
		"certificate: []":                                   `unknown key "certificate"`,
	} {
		_, err := sandbox.ParseSeed([]byte("accounts:\n  - name: Example Inc\n    " + seed + "\n"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n got %v\nwant an error with %s", seed, err, want)
		}
	}
	if _, err := sandbox.ParseSeed([]byte("fingerprint_of: middle\n")); err == nil || !strings.Contains(err.Error(), "fingerprint_of") {
		t.Errorf("fingerprint_of: %v", err)
	}
}

func TestTheStateOfAccounts(t *testing.T) {
	st := newServer(t, accountSeed, sandbox.Options{}).State()
	st.Zones = nil
	want := `zones: []
accounts:
  - name: Example Inc
    id: 0000000000000000000000000000000a
    certificates:
      - name: theirs
        fingerprint: 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF
        expires_on: "2030-01-02T03:04:05Z"
        associated_hostnames:
          - other.saas.example
    mtls_settings:
      - hostname: other.saas.example
        china_network: false
        client_certificate_forwarding: true
    applications:
      - app_launcher_visible: true
        domain: other.saas.example
        name: other.saas.example
        policies:
          - decision: allow
            exclude: []
            include:
              - email_domain:
                  domain: saas.example
            name: staff
            precedence: 1
            require: []
        self_hosted_domains:
          - other.saas.example
        service_auth_401_redirect: false
        session_duration: 24h
        skip_interstitial: true
        tags:
          - team-b
        type: self_hosted
    alerts:
      - name: theirs
        alert_type: universal_ssl_event_type
        enabled: true
        webhooks:
          - chat
        filters:
          zones:
            - x
`
	if diff := cmp.Diff(want, string(st.YAML())); diff != "" {
		t.Error(diff)
	}
	// Accounts without objects are not shown.
	if got := newServer(t, tourSeed, sandbox.Options{}).State().Accounts; got != nil {
		t.Errorf("%+v", got)
	}
}

func TestEditsOfAccountsInTheDashboard(t *testing.T) {
	srv := newServer(t, accountSeed, sandbox.Options{})
	account := `{"account":"Example Inc",`
	for _, tc := range []struct{ body, object string }{
		{account + `"certificate":"theirs","hostnames":["app.test"]}`, "mtls_certificate/Example Inc/theirs"},
		{account + `"certificate":"theirs","hostnames":[]}`, "mtls_certificate/Example Inc/theirs"},
		{account + `"hostname":"app.test","client_certificate_forwarding":true}`, "mtls_hostname/Example Inc/app.test"},
		{account + `"hostname":"other.saas.example","delete":true}`, "mtls_hostname/Example Inc/other.saas.example"},
		{account + `"application":"other.saas.example","no_policies":true}`, "access_application/Example Inc/other.saas.example"},
		{account + `"alert":"theirs","enabled":false,"email":["a@b.example"]}`, "alert/Example Inc/theirs"},
	} {
		if status, text := control(t, srv, "POST", "dashboard", tc.body); status != 204 {
			t.Errorf("%s: %d %s", tc.body, status, text)
			continue
		}
		if e := last(srv); e.Effect != sandbox.EffectDashboard || e.Method != "" || len(e.Writes) != 1 || e.Writes[0].Object != tc.object {
			t.Errorf("%s: history shows %+v", tc.body, e)
		}
	}
	st := srv.State().Accounts[0]
	got := []any{st.Certificates[0].Hostnames, st.MTLSSettings[0].Hostname, len(st.MTLSSettings), st.Applications[0]["policies"], st.Alerts[0].Enabled, st.Alerts[0].Email}
	if diff := cmp.Diff([]any{[]string{}, "app.test", 1, []any{}, false, []string{"a@b.example"}}, got); diff != "" {
		t.Error(diff)
	}
	if got := srv.Associations("Example Inc", "app.test"); len(got) != 3 || got[1].Authorities != 1 {
		t.Errorf("associations %v", got)
	}
	for _, body := range []string{
		account + `"certificate":"theirs","delete":true}`, account + `"application":"other.saas.example","delete":true}`,
		account + `"alert":"theirs","delete":true}`, account + `"hostname":"app.test","client_certificate_forwarding":false}`,
	} {
		if status, text := control(t, srv, "POST", "dashboard", body); status != 204 {
			t.Errorf("%s: %d %s", body, status, text)
		}
	}
	if st := srv.State().Accounts; st != nil {
		t.Errorf("left: %+v", st)
	}
	n := len(srv.History())
	for _, body := range []string{
		`{"account":"Nobody","alert":"theirs","delete":true}`, account + `"alert":"theirs","delete":true}`, account + `"hostname":"app.test"}`,
		account + `"application":"app.test"}`, account + `"certificate":"x","hostnames":[]}`, account + `"settings":{"ssl":"off"}}`,
	} {
		if status, text := control(t, srv, "POST", "dashboard", body); status != 400 || !strings.Contains(text, "dashboard: ") {
			t.Errorf("%s: %d %s", body, status, text)
		}
	}
	if len(srv.History()) != n {
		t.Error("a refused edit is in the history")
	}
}
