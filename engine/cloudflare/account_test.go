package cloudflare

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tlsync/engine/plan"
	"tlsync/engine/sandbox"
	"tlsync/schema"
)

const (
	theirCA    = "cccccccc-0000-4000-8000-000000000001"
	theirApp   = "dddddddd-0000-4000-8000-000000000001"
	theirAlert = "eeeeeeee000040008000000000000001"
	hookID     = "ffffffff000040008000000000000001"
	oncallID   = "ffffffff000040008000000000000002"
)

// accountSeed has an account with objects of another team.
const accountSeed = `
accounts:
  - name: Example Inc
    id: ` + acctA + `
    certificates:
      - {name: theirs, id: ` + theirCA + `, fingerprint: "00112233445566778899AABBCCDDEEFF", expires_on: 2030-01-02T03:04:05Z, hostnames: [z.saas.example, other.saas.example]}
      - {name: idle, fingerprint: "ff112233445566778899AABBCCDDEEFF", expires_on: 2031-01-02T03:04:05Z}
    mtls_settings: [{hostname: other.saas.example, client_certificate_forwarding: true}, {hostname: z.saas.example, china_network: true}]
    applications:
      - domain: other.saas.example
        id: ` + theirApp + `
        policies: [{name: staff, decision: allow, include: [{email_domain: {domain: saas.example}}]}]
      - domain: pay.saas.example/api
        name: a payment
        policies: [{name: certs, decision: non_identity, include: [{certificate: {}}, {common_name: {common_name: x}}], require: [{geo: {country_code: DE}}]}]
      - {domain: shut.saas.example}
    alerts:
      - {name: theirs, id: ` + theirAlert + `, alert_type: universal_ssl_event_type, description: d, email: [b@saas.example, a@saas.example], webhooks: [chat], filters: {zones: [x]}}
      - {name: quiet, alert_type: universal_ssl_event_type, disabled: true, pagerduty: [oncall]}
    webhooks: [{name: chat, id: ` + hookID + `}]
    pagerduty: [{name: oncall, id: ` + oncallID + `}]
    available_alerts: [universal_ssl_event_type, access_custom_certificate_expiration_type]
  - {name: Other Inc, id: ` + acctB + `}
` + zoneSeed + `
  - {name: other.example, id: ` + zoneB + `, account: Other Inc}
`

func accountScope(name string) plan.Scope {
	return plan.Scope{Accounts: []plan.AccountScope{{Name: name, MTLS: true, Alerts: true, Webhooks: true, PagerDuty: true}}}
}

func TestFetchAccount(t *testing.T) {
	l := newLab(t, accountSeed)
	live := l.fetch(accountScope("Example Inc"))
	if len(live.Accounts) != 1 || len(live.Zones) != 0 || len(live.Problems) != 0 {
		t.Fatalf("%+v", live)
	}
	a := live.Accounts[0]
	for _, list := range [][]plan.Resource{a.Certificates, a.Applications, a.Alerts, {a.Forwarding}} {
		for i := range list {
			if !strings.HasPrefix(list[i].Rest, "{") && !strings.HasPrefix(list[i].Rest, "[") {
				t.Errorf("%s: the rest is %q", list[i].Name, list[i].Rest)
			}
			list[i].Rest = ""
			if list[i].ID == "" {
				t.Errorf("%s has no id", list[i].Name)
			}
			if !slices.Contains([]string{theirCA, theirApp, theirAlert, acctA}, list[i].ID) {
				list[i].ID = ""
			}
		}
	}
	type fields = map[string]schema.Value
	a.Forwarding.Rest = ""
	want := plan.LiveAccount{
		Account: plan.Account{ID: acctA, Name: "Example Inc"},
		Certificates: []plan.Resource{
			{Name: "idle", Fields: fields{"fingerprint": `"ff112233445566778899aabbccddeeff"`, "expires_on": `"2031-01-02T03:04:05Z"`}},
			{ID: theirCA, Name: "theirs", Fields: fields{
				"fingerprint": `"00112233445566778899aabbccddeeff"`, "associated_hostnames": `["other.saas.example","z.saas.example"]`, "expires_on": `"2030-01-02T03:04:05Z"`,
			}},
		},
		Applications: []plan.Resource{
			{Name: "a payment", Fields: fields{"domain": `"pay.saas.example/api"`, "policy": plan.PolicyCertificate}},
			{ID: theirApp, Name: "other.saas.example", Fields: fields{"domain": `"other.saas.example"`, "policy": plan.PolicyOther}},
			{Name: "shut.saas.example", Fields: fields{"domain": `"shut.saas.example"`, "policy": plan.PolicyNone}},
		},
		Alerts: []plan.Resource{
			{Name: "quiet", Fields: fields{"enabled": "false", "alert_type": `"universal_ssl_event_type"`, "pagerduty": `["` + oncallID + `"]`}},
			{ID: theirAlert, Name: "theirs", Fields: fields{
				"enabled": "true", "alert_type": `"universal_ssl_event_type"`, "description": `"d"`,
				"email": `["a@saas.example","b@saas.example"]`, "webhooks": `["` + hookID + `"]`,
			}},
		},
		Forwarding: plan.Resource{ID: acctA, Fields: fields{plan.FieldForwarding("other.saas.example"): `"on"`}},
		AlertTypes: []string{"access_custom_certificate_expiration_type", "universal_ssl_event_type"},
		Webhooks:   []plan.Destination{{ID: hookID, Name: "chat"}},
		PagerDuty:  []plan.Destination{{ID: oncallID, Name: "oncall"}},
	}
	if d := cmp.Diff(want, a); d != "" {
		t.Error(d)
	}
	// One look-up and seven lists, and nothing that the scope does not need.
	if live.Reads != 8 {
		t.Errorf("%d requests", live.Reads)
	}
	before := len(l.server.History())
	live = l.fetch(plan.Scope{Accounts: []plan.AccountScope{{Name: acctA, Alerts: true, Webhooks: true, PagerDuty: true}}})
	for _, e := range l.server.History()[before:] {
		if !strings.Contains(e.Path, "/alerting/") {
			t.Errorf("asked for %s", e.Path)
		}
	}
	if a := live.Accounts[0]; a.Name != acctA || len(a.Alerts) != 2 || a.Certificates != nil || len(a.Unreadable) != 0 {
		t.Errorf("%+v", a)
	}
}

// An account is found by its id, by the zones that were listed, or by a request
// for zones of the account. An unknown or ambiguous name is a problem.
func TestFindAccount(t *testing.T) {
	zones := []string{
		zoneJSON(zoneA, "a.example", acctA, "Acme"), zoneJSON(zoneB, "b.example", acctB, "Twin"),
		zoneJSON(strings.Repeat("c", 32), "c.example", strings.Repeat("c", 32), "Twin"),
	}
	byAccount := func(filtered bool) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			q := r.URL.Query()
			kept := slices.DeleteFunc(slices.Clone(zones), func(z string) bool {
				name, account := q.Get("name"), q.Get("account.name")
				return filtered && (name != "" && !strings.Contains(z, `"name":"`+name+`"`) || account != "" && !strings.Contains(z, `"name":"`+account+`"`))
			})
			paged{items: kept, clamp: 50}.ServeHTTP(w, r)
		}
	}
	for _, tt := range []struct {
		name  string
		scope plan.Scope
		want  string // accounts and problems
		asked int    // requests for zones
	}{
		{"by a zone of any name", accountScope("Acme"), "Acme " + acctA, 1},
		{"by a zone of the reading", plan.Scope{Zones: []plan.ZoneScope{{Name: "a.example"}}, Accounts: accountScope("Acme").Accounts}, "Acme " + acctA, 1},
		{"by its id", accountScope(acctA), acctA + " " + acctA, 0},
		{"by its id, with a zone of the reading", plan.Scope{Zones: []plan.ZoneScope{{Name: "a.example"}}, Accounts: accountScope(acctA).Accounts}, "Acme " + acctA, 1},
		{"by name and by id", plan.Scope{Zones: []plan.ZoneScope{{Name: "a.example"}}, Accounts: []plan.AccountScope{{Name: acctA, MTLS: true}, {Name: "Acme", Alerts: true, Webhooks: true, PagerDuty: true}}}, "Acme " + acctA, 1},
		{"unknown", accountScope("Nobody"), "error not-found account/Nobody: account Nobody does not exist, or the token sees none of its zones", 1},
		{"exact", accountScope("acme"), "error not-found account/acme: account acme does not exist, or the token sees none of its zones", 1},
		{"two", accountScope("Twin"), "error ambiguous-zone account/Twin: there are 2 accounts with the name Twin: " + acctB + ", " + strings.Repeat("c", 32) + "; say which by its id", 1},
	} {
		for _, filtered := range []bool{true, false} {
			f := newFake()
			f.mux.HandleFunc("GET /client/v4/zones", byAccount(filtered))
			f.mux.HandleFunc("GET /client/v4/accounts/", func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "available_alerts") {
					write(w, 200, ok(`{}`))
					return
				}
				write(w, 200, ok(`[]`))
			})
			live, err := reader(t, options(f)).Fetch(t.Context(), tt.scope)
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
				continue
			}
			var got []string
			for _, a := range live.Accounts {
				got = append(got, a.Name+" "+a.ID)
				if len(a.Unreadable) > 0 || a.Webhooks == nil || a.AlertTypes == nil {
					t.Errorf("%s: %+v", tt.name, a)
				}
			}
			for _, p := range live.Problems {
				got = append(got, fmt.Sprintf("%s %s %s: %s", p.Severity, p.Rule, p.Ref.String(), p.Message))
			}
			if d := cmp.Diff(tt.want, strings.Join(got, "\n")); d != "" {
				t.Errorf("%s, filtered %t: %s", tt.name, filtered, d)
			}
			asked := f.requests("GET /client/v4/zones?")
			if len(asked) != tt.asked || len(tt.scope.Zones) == 0 && tt.asked > 0 && !strings.HasSuffix(asked[0].uri, "&per_page=5") {
				t.Errorf("%s: %+v", tt.name, asked)
			}
		}
	}
}

// An account has its own credentials, found by name or by id. They read it and
// write it.
func TestCredentialsOfAccounts(t *testing.T) {
	f := newFake()
	f.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		switch token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "); {
		case strings.Contains(r.URL.Path, acctB) != (token == "token-of-b") && !strings.HasSuffix(r.URL.Path, "/zones"):
			write(w, 403, `{"success":false,"errors":[{"code":10000,"message":"Authentication error"}]}`)
		case strings.HasSuffix(r.URL.Path, "/zones"):
			paged{items: []string{zoneJSON(zoneA, "a.example", acctA, "Acme"), zoneJSON(zoneB, "b.example", acctB, "Other Inc")}}.ServeHTTP(w, r)
		case strings.HasSuffix(r.URL.Path, "available_alerts"):
			write(w, 200, ok(`{}`))
		default:
			write(w, 200, ok(`[]`))
		}
	})
	for _, tt := range []struct{ credentials, document string }{{"Other Inc", "Other Inc"}, {acctB, acctB}, {acctB, "Other Inc"}, {"Other Inc", acctB}} {
		o := options(f)
		o.Accounts = map[string]Credentials{tt.credentials: {Token: "token-of-b"}}
		w := writer(t, o)
		c := accountChange(plan.KindMTLSHostname, plan.Update, "", "x.example", edit(plan.FieldForwarding("x.example"), schema.Inherit, `"on"`))
		c.AccountID = acctB
		if _, err := w.Read(t.Context(), c, 0); err == nil {
			t.Error("read an account of which nobody knows whose it is")
		}
		live, err := w.Fetch(t.Context(), plan.Scope{Zones: []plan.ZoneScope{{Name: "a.example"}, {Name: "b.example"}}, Accounts: []plan.AccountScope{{Name: tt.document, MTLS: true, Alerts: true, Webhooks: true, PagerDuty: true}}})
		if err != nil || len(live.Accounts) != 1 || len(live.Accounts[0].Unreadable) > 0 {
			t.Errorf("%+v: %+v, %v", tt, live, err)
			continue
		}
		if _, err := w.Read(t.Context(), c, 0); err != nil {
			t.Errorf("%+v: %v", tt, err)
		}
	}
}

// Each kind fails alone, with the permission that it needs. It is an error if
// nothing could be read or if the credentials are refused.
func TestUnreadableKinds(t *testing.T) {
	denied := sandbox.Fault{Kind: "error", Status: 403, Code: 10000, Message: "Authentication error"}
	for _, tt := range []struct {
		path, permission string
		kind             plan.Kind
	}{
		{"/accounts/*/access/certificates", "Access: Mutual TLS Certificates", plan.KindMTLSCertificate},
		{"/accounts/*/access/certificates/settings", "Access: Mutual TLS Certificates", plan.KindMTLSHostname},
		{"/accounts/*/access/apps", "Access: Apps and Policies", plan.KindAccessApplication},
		{"/accounts/*/alerting/v3/policies", "Notifications", plan.KindAlert},
		{"/accounts/*/alerting/v3/available_alerts", "", ""},
		{"/accounts/*/alerting/v3/destinations/webhooks", "", ""},
		{"/accounts/*/alerting/v3/destinations/pagerduty", "", ""},
	} {
		l := newLab(t, accountSeed)
		f := denied
		f.Path = tt.path
		l.fault(f)
		a := l.fetch(accountScope("Example Inc")).Accounts[0]
		if tt.kind == "" {
			if len(a.Unreadable) > 0 || (a.AlertTypes != nil) == strings.HasSuffix(tt.path, "alerts") || (a.Webhooks != nil) == strings.HasSuffix(tt.path, "webhooks") ||
				(a.PagerDuty != nil) == strings.HasSuffix(tt.path, "pagerduty") || len(a.Alerts) != 2 {
				t.Errorf("%s: %+v", tt.path, a)
			}
			continue
		}
		want := `403 (code 10000: Authentication error): the token lacks "` + tt.permission + `: Read" on account Example Inc`
		if len(a.Unreadable) != 1 || !strings.Contains(a.Unreadable[tt.kind], want) {
			t.Errorf("%s: %v\nwant %s", tt.path, a.Unreadable, want)
		}
		if read := len(a.Certificates) + len(a.Applications) + len(a.Alerts); read < 4 {
			t.Errorf("%s: only %d other objects were read", tt.path, read)
		}
	}
	l := newLab(t, accountSeed)
	f := denied
	f.Path = "/accounts/**"
	l.fault(f)
	if _, err := reader(t, l.options()).Fetch(t.Context(), accountScope("Example Inc")); err == nil {
		t.Error("nothing could be read, and there is no error")
	}
	// One readable zone is enough.
	s := accountScope("Example Inc")
	s.Zones = []plan.ZoneScope{{Name: "saas.example", Settings: []string{"min_tls_version"}}}
	if live := l.fetch(s); len(live.Zones) != 1 || len(live.Accounts) != 1 || len(live.Accounts[0].Unreadable) != 4 {
		t.Errorf("%+v", live)
	}
	l.server.ClearFaults()
	l.fault(sandbox.Fault{Kind: "error", Status: 401, Code: 1000, Message: "Invalid API Token", Path: "/accounts/*/alerting/v3/policies"})
	var failed *Error
	if _, err := reader(t, l.options()).Fetch(t.Context(), s); !errors.As(err, &failed) || failed.Status != 401 {
		t.Errorf("%v", err)
	}
}

// Long lists are read in large pages, and in smaller ones if the server refuses
// those. This does not change the page size for custom hostnames.
func TestPagesOfAccess(t *testing.T) {
	var certificates, apps strings.Builder
	for i := range 30 {
		fmt.Fprintf(&certificates, "      - {name: ca%02d, fingerprint: \"%032x\", expires_on: 2030-01-02T03:04:05Z}\n", i, i)
	}
	for i := range 120 {
		fmt.Fprintf(&apps, "      - {domain: app%03d.saas.example}\n", i)
	}
	l := newLab(t, "accounts:\n  - name: Example Inc\n    id: "+acctA+"\n    certificates:\n"+certificates.String()+"    applications:\n"+apps.String()+zoneSeed)
	l.fault(sandbox.Fault{Kind: "refuse-page-size", Path: "/accounts/*/access/**", Value: 25})
	r := reader(t, l.options())
	live, err := r.Fetch(t.Context(), plan.Scope{Accounts: []plan.AccountScope{{Name: acctA, MTLS: true}}})
	if err != nil || len(live.Accounts[0].Certificates) != 30 || len(live.Accounts[0].Applications) != 120 {
		t.Fatalf("%+v, %v", live, err)
	}
	if n := r.clients[0].refused.Load(); n != 0 {
		t.Errorf("custom hostnames would be asked for in pages of size %d", customHostnamePages[n])
	}
}

func TestResourceBodies(t *testing.T) {
	const head = `{"id":"x","name":"n",`
	certificate, app, alert := decodeCertificate, decodeApplication, decodeAlert
	for _, tt := range []struct {
		decode func([]byte) (plan.Resource, error)
		body   string
		want   map[string]schema.Value
		err    string
	}{
		{decode: certificate, body: head + `"fingerprint":"MD5 Fingerprint=1E:80:0F:7A:FD:31:55:96:DE:D5:CB:E2:F0:91:F6:91","associated_hostnames":null}`,
			want: map[string]schema.Value{"fingerprint": `"1e800f7afd315596ded5cbe2f091f691"`}},
		{decode: certificate, body: head + `"fingerprint":"1E800F7AFD315596DED5CBE2F091F691","associated_hostnames":["B.test","a.test","b.test"]}`,
			want: map[string]schema.Value{"fingerprint": `"1e800f7afd315596ded5cbe2f091f691"`, "associated_hostnames": `["a.test","b.test"]`}},
		{decode: certificate, body: head + `"fingerprint":"SHA256 Fingerprint=1E:80","associated_hostnames":[],"expires_on":"0001-01-01T00:00:00Z"}`},
		{decode: certificate, body: head + `"expires_on":"2030-01-02T05:04:05.5+02:00"}`, want: map[string]schema.Value{"expires_on": `"2030-01-02T03:04:05Z"`}},
		{decode: certificate, body: head + `"expires_on":"soon"}`},
		{decode: certificate, body: head + `"associated_hostnames":"a.test"}`, err: "associated_hostnames: a string where a list is expected"},
		{decode: certificate, body: `{"name":"n"}`, err: "without a usable id"},
		{decode: certificate, body: `{"id":"../x"}`, err: "without a usable id"},
		{decode: certificate, body: `[]`, err: "a list where an object is expected"},
		{decode: app, body: head + `"domain":"App.TEST/Path","policies":[]}`, want: map[string]schema.Value{"domain": `"app.test/Path"`, "policy": plan.PolicyNone}},
		{decode: app, body: head + `"type":"saas","policies":null}`},
		{decode: app, body: head + `"domain":"a.test"}`, want: map[string]schema.Value{"domain": `"a.test"`}},
		{decode: app, body: head + `"domain":"a.test","policies":["id-of-a-policy"]}`, want: map[string]schema.Value{"domain": `"a.test"`}},
		{decode: app, body: head + `"domain":7}`, err: "domain: a number where a string is expected"},
		{decode: alert, body: head + `"enabled":true,"alert_type":"t","description":"","mechanisms":{"email":[],"webhooks":null,"pagerduty":[{"id":"p2"},{"id":"p1"}],"new":[1]}}`,
			want: map[string]schema.Value{"enabled": "true", "alert_type": `"t"`, "pagerduty": `["p1","p2"]`}},
		{decode: alert, body: head + `"mechanisms":null,"enabled":null}`},
		{decode: alert, body: head + `"enabled":"yes"}`, err: "enabled: a string where a boolean is expected"},
		{decode: alert, body: head + `"mechanisms":{"email":"x"}}`, err: "mechanisms: email: a string where a list is expected"},
	} {
		got, err := tt.decode([]byte(tt.body))
		switch {
		case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
			t.Errorf("%s: %v, want %s", tt.body, err, tt.err)
		case tt.err == "":
			want := plan.Resource{ID: "x", Name: "n", Fields: tt.want, Rest: tt.body}
			if tt.want == nil {
				want.Fields = map[string]schema.Value{}
			}
			if d := cmp.Diff(want, got); d != "" || err != nil {
				t.Errorf("%s: %v %s", tt.body, err, d)
			}
		}
	}
}

// An application demands a certificate if all of its policies demand one and
// nothing else.
func TestPolicies(t *testing.T) {
	rule := func(decision, include string) string {
		return `{"id":"` + fmt.Sprint(len(include)) + `","decision":"` + decision + `","include":` + include + `,"require":[{"geo":{}}]}`
	}
	certificate := rule("non_identity", `[{"certificate":{}}]`)
	for _, tt := range []struct {
		policies string
		want     schema.Value
	}{
		{``, plan.PolicyNone},
		{certificate, plan.PolicyCertificate},
		{certificate + "," + rule("non_identity", `[{"common_name":{"common_name":"x"}},{"certificate":{}}]`), plan.PolicyCertificate},
		{rule("allow", `[{"certificate":{}}]`), plan.PolicyOther},
		{rule("bypass", `[{"certificate":{}}]`), plan.PolicyOther},
		{certificate + "," + rule("allow", `[{"certificate":{}}]`), plan.PolicyOther},
		{certificate + "," + rule("non_identity", `[{"certificate":{}},{"everyone":{}}]`), plan.PolicyOther},
		{rule("non_identity", `[{"service_token":{"token_id":"x"}}]`), plan.PolicyOther},
		{rule("non_identity", `[{"certificate":{},"everyone":{}}]`), plan.PolicyOther},
		{rule("non_identity", `["certificate"]`), plan.PolicyOther},
		{rule("non_identity", `[{}]`), plan.PolicyOther},
		{rule("non_identity", `[]`), plan.PolicyOther},
		{rule("non_identity", `null`), plan.PolicyOther},
	} {
		got, err := decodePolicies([]byte("[" + tt.policies + "]"))
		if err != nil || admission(got) != tt.want {
			t.Errorf("%s: %s, %v; want %s", tt.policies, admission(got), err, tt.want)
		}
	}
	// A policy shown by its id alone does not say who is let in, so it has to
	// be read.
	for _, named := range []string{`["x"]`, `[{"id":"x","precedence":1}]`} {
		if got, err := decodePolicies([]byte(named)); err == nil {
			t.Errorf("%s: %v", named, got)
		}
	}
}

// If an application does not show its policies, they are read. Policies that
// cannot be read are not the same as none.
func TestPoliciesReadLater(t *testing.T) {
	for _, status := range []int{200, 500} {
		f := newFake()
		base := "GET /client/v4/accounts/" + acctA + "/access"
		f.handle(base+"/certificates", 200, ok(`[]`))
		f.handle(base+"/certificates/settings", 200, ok(`[]`))
		f.mux.Handle(base+"/apps", paged{items: []string{
			`{"id":"shown","domain":"a.test","policies":[]}`, `{"id":"silent","domain":"b.test"}`, `{"id":"named","domain":"c.test","policies":["p1"]}`, `{"id":"launcher","type":"app_launcher"}`,
		}})
		for _, id := range []string{"silent", "named"} {
			f.handle(base+"/apps/"+id+"/policies", status, ok(`[{"id":"p1","decision":"non_identity","include":[{"certificate":{}}]}]`))
		}
		live, err := reader(t, options(f)).Fetch(t.Context(), plan.Scope{Accounts: []plan.AccountScope{{Name: acctA, MTLS: true}}})
		if err != nil {
			t.Fatal(err)
		}
		a := live.Accounts[0]
		if status == 500 {
			if a.Applications != nil || a.Unreadable[plan.KindAccessApplication] == "" || len(a.Unreadable) != 1 {
				t.Errorf("%+v", a)
			}
			continue
		}
		got := map[string]schema.Value{}
		for i := range a.Applications {
			got[a.Applications[i].ID] = a.Applications[i].Value(plan.FieldPolicy)
		}
		want := map[string]schema.Value{"shown": plan.PolicyNone, "silent": plan.PolicyCertificate, "named": plan.PolicyCertificate, "launcher": schema.Inherit}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		if got := f.requests(base + "/apps/"); len(got) != 2 {
			t.Errorf("%+v", got)
		}
	}
}
