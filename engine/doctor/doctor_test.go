package doctor

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"tlsync/engine/cloudflare"
	"tlsync/engine/plan"
	"tlsync/engine/resolve"
	"tlsync/schema"
	"tlsync/schema/load"
)

func TestTokenKind(t *testing.T) {
	rest := strings.Repeat("0", 45)
	for token, want := range map[string]Kind{
		"":             {Name: "none", Absent: true},
		"cfut_" + rest: {Name: "a user token (cfut_)", User: true},
		"cfat_" + rest: {Name: "an account-owned token (cfat_)", Owned: true},
		"cfk_" + rest:  {Name: "a global API key (cfk_)", Key: true},
		rest:           {Name: "a token without a prefix, from before Cloudflare gave them one"},
	} {
		if got := TokenKind(token); got != want {
			t.Errorf("%.8q: %+v, want %+v", token, got, want)
		}
	}
}

// Nothing that is said of the shape of a token shows a part of it.
func TestShapeShowsNoToken(t *testing.T) {
	const secret = "s3cr3t0000000000000000000000000000000000"
	for _, token := range []string{`"` + secret, secret + "'", " " + secret, secret + "\n", "Bearer " + secret, "bearer " + secret, "cfk_" + secret, "`" + secret + "`"} {
		got := Misshapen(token)
		if got == "" || strings.Contains(got, "s3cr3t") {
			t.Errorf("%q: %q", token, got)
		}
	}
	for _, token := range []string{"", secret, "cfut_" + secret} {
		if got := Misshapen(token); got != "" {
			t.Errorf("%q: %q", token, got)
		}
	}
}

// everything asks for all that a zone and an account can have.
const everything = `version: 1
policy: { floor: { min_tls_version: "1.2" }, coverage: required }
---
zone: saas.example
account: Acme
settings:
  min_tls_version: "1.2"
  hsts: { enabled: true }
  ssl_automatic_mode: custom
  universal_ssl: on
  total_tls: on
  origin_pulls: on
  fallback_origin: origin.saas.example
  early_hints: on
hostnames: { api.saas.example: { min_tls_version: "1.3" } }
custom_hostnames: { defaults: { min_tls_version: "1.2" } }
---
account: Acme
mtls:
  gone: { state: absent }
alerts:
  - { type: universal_ssl_event_type, name: a, email: [a@example.com], webhooks: [hook], pagerduty: [duty] }
`

// Every endpoint of a configuration is read once, and each read has a permission that the
// dashboard knows.
func TestNeeds(t *testing.T) {
	d, diags := load.Load(fstest.MapFS{"tlsync.yaml": {Data: []byte(everything)}}, time.Time{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	scope := resolve.ScopeOf(d)
	needs := slices.Concat(needsOfZone("z", &scope.Zones[0]), needsOfAccount("a", &scope.Accounts[0]))
	var got []string
	seen := map[string]bool{}
	for i := range needs {
		n := &needs[i]
		if seen[n.path] {
			t.Errorf("%s is read twice", n.path)
		}
		seen[n.path] = true
		got = append(got, n.permission()+"\t"+n.path)
	}
	want := []string{
		"Zone Settings: Read\t/zones/z/settings/min_tls_version",
		"SSL and Certificates: Read\t/zones/z/origin_tls_client_auth/settings",
		"SSL and Certificates: Read\t/zones/z/ssl/universal/settings",
		"SSL and Certificates: Read\t/zones/z/acm/total_tls",
		"SSL and Certificates: Read\t/zones/z/custom_hostnames/fallback_origin",
		"SSL and Certificates: Read\t/zones/z/hostnames/settings/min_tls_version?per_page=5",
		"SSL and Certificates: Read\t/zones/z/custom_hostnames?per_page=5",
		"Access: Mutual TLS Certificates: Read\t/accounts/a/access/certificates?per_page=5",
		"Access: Mutual TLS Certificates: Read\t/accounts/a/access/certificates/settings",
		"Access: Apps and Policies: Read\t/accounts/a/access/apps?per_page=5",
		"Notifications: Read\t/accounts/a/alerting/v3/policies",
		"Notifications: Read\t/accounts/a/alerting/v3/available_alerts",
		"Notifications: Read\t/accounts/a/alerting/v3/destinations/webhooks",
		"Notifications: Read\t/accounts/a/alerting/v3/destinations/pagerduty",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}

	live := plan.Zone{ID: "z", Name: "saas.example", Account: plan.Account{Name: "Acme"}}
	writes := writesOfZone(d, &live)
	if !slices.Equal(writes, []string{"SSL and Certificates: Edit", "Zone Settings: Edit"}) {
		t.Errorf("writes need %q", writes)
	}
	for _, permission := range writes {
		if hints[permission] == "" {
			t.Errorf("the list of a zone has no word for %s", permission)
		}
	}
	if writes := writesOfZone(d, &plan.Zone{Name: "other.example"}); len(writes) > 0 {
		t.Errorf("a zone without a document needs %q", writes)
	}
}

// Every setting of a zone is read through an endpoint whose permission is known.
func TestEverySettingHasAPermission(t *testing.T) {
	for _, row := range schema.Table() {
		if !row.On(schema.ZoneLevel) {
			continue
		}
		needs := needsOfZone("z", &plan.ZoneScope{Settings: []string{row.ID}})
		shared := plan.SettingPath("z", schema.MinTLSVersion)
		if row.ReadAlone && strings.HasPrefix(plan.SettingPath("z", row.ID), plan.SettingsPath("z")+"/") {
			continue // under the path that all settings share
		}
		if len(needs) != 1 || needs[0].permission() == "" || needs[0].path != plan.SettingPath("z", row.ID) && needs[0].path != shared {
			t.Errorf("%s is read by %+v", row.ID, needs)
		}
		if cloudflare.Permission(http.MethodPatch, plan.SettingPath("z", row.ID)) == "" {
			t.Errorf("no permission is known to write %s", row.ID)
		}
	}
}

func TestExpiry(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	e := examination{in: &Input{Now: now}, credential: &Credential{}}
	for _, c := range []struct {
		v    verification
		want string
		ok   bool
	}{
		{verification{ID: "1", Status: "active"}, "it never expires", true},
		{verification{ID: "1", Status: "active", ExpiresOn: now.Add(29 * 24 * time.Hour)}, "it expires on 2026-12-28, in 29 days", true},
		{verification{ID: "1", Status: "active", ExpiresOn: now.Add(-time.Hour)}, "it expires on 2026-11-29, in 0 days", true},
		{verification{ID: "1", Status: "active", ExpiresOn: now.Add(31 * 24 * time.Hour)}, "it expires on 2026-12-30", true},
		{verification{ID: "1", Status: "active", NotBefore: now.Add(time.Hour)}, "it may not be used before 2026-11-29", false},
		{verification{ID: "1", Status: "disabled"}, "it is disabled", false},
	} {
		var s Section
		ok := e.judge(&s, c.v, "a user's token")
		if last := s.Checks[len(s.Checks)-1].Text; ok != c.ok || !strings.Contains(last, c.want) {
			t.Errorf("%+v: %t, %q; want %q", c.v, ok, last, c.want)
		}
	}
}

// Nothing that comes from outside reaches a terminal as it is.
func TestForeignTextIsHarmless(t *testing.T) {
	bad := "::error::x\r\n\x1b]0;t\x07\u202e"
	r := &Report{Sections: []Section{{Title: bad, Checks: []Check{{Status: Missing, Text: bad, Permission: bad, Commands: []string{bad}, Detail: bad}}}}}
	var text, json bytes.Buffer
	if err := Text(&text, r, false); err != nil {
		t.Fatal(err)
	}
	if err := JSON(&json, r); err != nil {
		t.Fatal(err)
	}
	for _, got := range []string{text.String(), json.String()} {
		if strings.ContainsAny(got, "\x1b\x07\r\u202e") || strings.Contains(got, "\n::error") {
			t.Errorf("foreign text came through: %q", got)
		}
	}
}

func TestGit(t *testing.T) {
	const commit = "0123456789abcdef0123456789abcdef01234567"
	for _, c := range []struct {
		git  Git
		want string
	}{
		{Git{}, "note: the configuration is not in a Git repository: drift and the base of a plan need one"},
		{Git{Problem: "odd"}, "failed: the repository cannot be read"},
		{Git{Repository: true}, "note: the repository has no commit yet: drift compares with the files as they are"},
		{Git{Repository: true, Commit: commit}, "ok: at commit 0123456789ab"},
		{Git{Repository: true, Commit: commit, Shallow: true}, "warning: the clone is shallow: a base may lie outside of it; write fetch-depth: 0 for actions/checkout, or run git fetch --unshallow"},
		{Git{Repository: true, Commit: commit, Base: commit}, "ok: the configuration of the base, commit 0123456789ab, can be read"},
		{Git{Repository: true, Commit: commit, Base: commit, BaseProblem: "gone"}, "missing: the base of the pull request cannot be read, and so neither can its policy"},
	} {
		s := (&Input{Git: c.git}).git()
		last := s.Checks[len(s.Checks)-1]
		if got := string(last.Status) + ": " + last.Text; got != c.want {
			t.Errorf("%+v: %q, want %q", c.git, got, c.want)
		}
	}
}
