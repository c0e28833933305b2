package cloudflare

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tlsync/engine/apply"
	"tlsync/engine/plan"
	"tlsync/schema"
)

var _ apply.Target = (*Writer)(nil)

// A Reader cannot write, whatever interface it is asserted to.
func TestReaderHasNoWrite(t *testing.T) {
	var r any = &Reader{}
	if _, ok := r.(interface {
		Write(context.Context, *plan.Change, plan.Request) (plan.Object, error)
	}); ok {
		t.Error("a Reader can write")
	}
	f := newFake()
	o := options(f)
	if err := o.complete(); err != nil {
		t.Fatal(err)
	}
	rd := &Reader{}
	_, send, err := rd.dial(o, o.Credentials, newLimiter(o.Rate), false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := send(t.Context(), http.MethodPatch, "/zones/"+zoneA, []byte("{}"), time.Time{}); err == nil || len(f.seen) != 0 {
		t.Errorf("the transport of a Reader sent a PATCH: %v, %v", err, f.seen)
	}
}

func TestFetch(t *testing.T) {
	f := oneZone(paged{items: []string{
		hostnameJSON(1, ` { "min_tls_version" : "1.2", "ciphers":[ "AES128-SHA","ECDHE-ECDSA-AES128-SHA"], "http3": "on"}`),
		hostnameJSON(2, `{}`),
		`{"id":"` + hostnameID(3) + `","hostname":"BÜCHER.example","status":"pending","ssl":null,"custom_metadata":null}`,
		`{"id":"` + hostnameID(4) + `","hostname":"*.wild.example","status":"active","ssl":{"status":"pending_validation","type":"dv","method":"txt","wildcard":true,"custom_csr_id":"7b163417","settings":{"min_tls_version":"","early_hints":null}},"custom_metadata":{"tier":"gold","since":2024}}`,
	}})
	f.handle("GET /client/v4/zones/"+zoneA+"/settings/early_hints", 200, ok(`{"id":"early_hints","value":"off","editable":true}`))
	f.handle("GET /client/v4/zones/"+zoneA+"/settings/ssl_automatic_mode", 403, `{"success":false,"errors":[{"code":10000,"message":"Authentication error"}],"result":null}`)
	live, err := reader(t, options(f)).Fetch(t.Context(), plan.Scope{Zones: []plan.ZoneScope{{
		Name: "saas.example", Settings: []string{"min_tls_version", "tls_1_3", "ciphers", "ssl_automatic_mode", "early_hints"}, CustomHostnames: true,
	}}})
	if err != nil {
		t.Fatal(err)
	}
	want := &plan.Live{
		Reads: 5,
		Zones: []plan.Zone{{
			ID: zoneA, Name: "saas.example", Account: plan.Account{ID: acctA, Name: "Example Inc"},
			Settings: []plan.Setting{
				{ID: "min_tls_version", Raw: `"1.0"`, Value: `"1.0"`},
				{ID: "tls_1_3", Raw: `"on"`, Value: `"on"`},
				{ID: "ciphers", Raw: `[]`, Value: `[]`, Locked: true},
				{ID: "early_hints", Raw: `"off"`, Value: `"off"`},
				{ID: "0rtt", Raw: `"off"`, Value: `"off"`},
			},
			Unreadable: map[string]string{"ssl_automatic_mode": `GET /zones/` + zoneA + `/settings/ssl_automatic_mode: 403 (code 10000: Authentication error): ` +
				`the token lacks "Zone Settings: Read" on zone saas.example (ray 8f00ray)`},
			CustomHostnames: []plan.Hostname{
				{ID: hostnameID(4), Name: "*.wild.example", Status: "active", SSL: true, SSLStatus: "pending_validation", Type: "dv", Method: "txt", Wildcard: true, Uploaded: true,
					Metadata: map[string]string{"tier": "gold", "since": "2024"},
					Settings: []plan.Setting{{ID: "early_hints", Raw: `null`, Value: schema.Inherit}, {ID: "min_tls_version", Raw: `""`, Value: schema.Inherit}}},
				{ID: hostnameID(1), Name: "app1.customer.example", Status: "active", SSL: true, SSLStatus: "active", Type: "dv", Method: "http", Metadata: map[string]string{"tier": "gold"},
					BundleMethod: "ubiquitous", Expires: "2027-02-06T18:11:23.531995Z", Authority: "google", OriginServer: "origin.example.com",
					Settings: []plan.Setting{
						{ID: "ciphers", Raw: `[ "AES128-SHA","ECDHE-ECDSA-AES128-SHA"]`, Value: `["ECDHE-ECDSA-AES128-SHA","AES128-SHA"]`},
						{ID: "http3", Raw: `"on"`, Value: `"on"`},
						{ID: "min_tls_version", Raw: `"1.2"`, Value: `"1.2"`},
					}},
				{ID: hostnameID(2), Name: "app2.customer.example", Status: "active", SSL: true, SSLStatus: "active", Type: "dv", Method: "http", Metadata: map[string]string{"tier": "gold"},
					BundleMethod: "ubiquitous", Expires: "2027-02-06T18:11:23.531995Z", Authority: "google", OriginServer: "origin.example.com"},
				{ID: hostnameID(3), Name: "xn--bcher-kva.example", Status: "pending"},
			},
		}},
	}
	if d := cmp.Diff(want, live); d != "" {
		t.Error(d)
	}
}

// tls_1_3 and 0rtt are one value: zrt is on with early data.
func TestEarlyData(t *testing.T) {
	for _, tt := range []struct{ tls13, early, want string }{
		{"on", "off", `"on"`}, {"on", "on", `"zrt"`}, {"zrt", "on", `"zrt"`}, {"zrt", "off", `"zrt"`}, {"off", "on", `"off"`},
	} {
		f := newFake()
		f.mux.Handle("GET /client/v4/zones", zoneList(zoneJSON(zoneA, "saas.example", acctA, "A")))
		f.handle("GET /client/v4/zones/"+zoneA+"/settings", 200, ok(`[{"id":"tls_1_3","value":"`+tt.tls13+`"},{"id":"0rtt","value":"`+tt.early+`"}]`))
		live, err := reader(t, options(f)).Fetch(t.Context(), plan.Scope{Zones: []plan.ZoneScope{{Name: "saas.example", Settings: []string{"tls_1_3"}}}})
		if err != nil {
			t.Fatal(err)
		}
		want := []plan.Setting{{ID: "tls_1_3", Raw: `"` + tt.tls13 + `"`, Value: schema.Value(tt.want)}, {ID: "0rtt", Raw: `"` + tt.early + `"`, Value: schema.Value(`"` + tt.early + `"`)}}
		if d := cmp.Diff(want, live.Zones[0].Settings); d != "" {
			t.Errorf("%+v: %s", tt, d)
		}
	}
}

// Without the list of all settings, they are read one by one.
func TestSettingsOneByOne(t *testing.T) {
	for _, status := range []int{400, 404, 405, 410} {
		f := newFake()
		f.mux.Handle("GET /client/v4/zones", zoneList(zoneJSON(zoneA, "saas.example", acctA, "A")))
		f.handle("GET /client/v4/zones/"+zoneA+"/settings", status, `{"success":false,"errors":[{"code":7000,"message":"No route"}]}`)
		f.handle("GET /client/v4/zones/"+zoneA+"/settings/min_tls_version", 200, ok(`{"id":"min_tls_version","value":"1.1"}`))
		live, err := reader(t, options(f)).Fetch(t.Context(), scope("saas.example"))
		if err != nil {
			t.Fatal(err)
		}
		if v, _ := live.Zones[0].Value("min_tls_version"); v != `"1.1"` {
			t.Errorf("%d: min_tls_version %s", status, v)
		}
	}
}

func TestZones(t *testing.T) {
	zones := []string{
		zoneJSON(zoneA, "b.example", acctA, "Acme"),
		zoneJSON(zoneB, "b.example", acctB, "Other"),
		zoneJSON(strings.Repeat("c", 32), "a.example", acctA, "Acme"),
		zoneJSON(strings.Repeat("d", 32), "bücher.example", acctA, "Acme"),
		zoneJSON("not/an/id", "odd.example", acctA, "Acme"),
	}
	names := func(l *plan.Live) string {
		var out []string
		for _, z := range l.Zones {
			out = append(out, z.Name+"@"+z.Account.Name)
		}
		for _, p := range l.Problems {
			out = append(out, string(p.Severity)+" "+p.Rule+": "+p.Message)
		}
		return strings.Join(out, "\n")
	}
	one := func(name, account string) plan.ZoneScope {
		return plan.ZoneScope{Name: name, Account: account, Glob: strings.Contains(name, "*")}
	}
	for _, tt := range []struct {
		name  string
		scope []plan.ZoneScope
		want  string
	}{
		{"a name", []plan.ZoneScope{one("a.example", "")}, "a.example@Acme"},
		{"a name in two accounts", []plan.ZoneScope{one("b.example", ""), one("a.example", "")},
			"a.example@Acme\nerror ambiguous-zone: zone b.example exists in 2 accounts: Acme (" + acctA + "), Other (" + acctB + "); say which with account:"},
		{"an account by name", []plan.ZoneScope{one("b.example", "Other")}, "b.example@Other"},
		{"an account by id", []plan.ZoneScope{one("b.example", acctA)}, "b.example@Acme"},
		{"the same name in both accounts", []plan.ZoneScope{one("b.example", "Other"), one("b.example", "Acme")}, "b.example@Acme\nb.example@Other"},
		{"an international name", []plan.ZoneScope{one("xn--bcher-kva.example", "")}, "xn--bcher-kva.example@Acme"},
		{"an unknown name", []plan.ZoneScope{one("a.example", ""), one("zz.example", "Acme")},
			"a.example@Acme\nerror not-found: zone zz.example does not exist in account Acme, or the token lacks \"Zone: Read\" on it"},
		{"a glob", []plan.ZoneScope{one("*.example", "Acme")},
			"a.example@Acme\nb.example@Acme\nxn--bcher-kva.example@Acme\nerror unreadable: zone odd.example has the id \"not/an/id\", which is not a usable id"},
		{"a glob and a name in it", []plan.ZoneScope{one("a*.example", "Acme"), one("a.example", "")}, "a.example@Acme"},
		{"a glob of nothing", []plan.ZoneScope{one("*.test", "Acme")},
			"warning not-found: no live zone matches *.test in account Acme; the token may also lack \"Zone: Read\" on it"},
	} {
		for _, server := range []struct {
			name string
			h    http.Handler
		}{{"filtering", zoneList(zones...)}, {"ignoring the filter", paged{items: zones, clamp: 50}}} {
			f := newFake()
			f.mux.Handle("GET /client/v4/zones", server.h)
			live, err := reader(t, options(f)).Fetch(t.Context(), plan.Scope{Zones: tt.scope})
			if err != nil {
				t.Errorf("%s, server %s: %v", tt.name, server.name, err)
				continue
			}
			if got := names(live); got != tt.want {
				t.Errorf("%s, server %s:\n%s\nwant\n%s", tt.name, server.name, got, tt.want)
			}
		}
	}
}

// A server may compare names in either form.
func TestInternationalName(t *testing.T) {
	for _, form := range []string{"bücher.example", "xn--bcher-kva.example"} {
		f := newFake()
		f.mux.Handle("GET /client/v4/zones", zoneList(zoneJSON(zoneA, form, acctA, "A")))
		live, err := reader(t, options(f)).Fetch(t.Context(), plan.Scope{Zones: []plan.ZoneScope{{Name: "xn--bcher-kva.example"}}})
		if err != nil || len(live.Zones) != 1 || live.Zones[0].Name != "xn--bcher-kva.example" {
			t.Errorf("%s: %+v, %v", form, live, err)
		}
	}
}

// Up to five names are looked up one by one; for more, all zones are listed.
func TestZoneRequests(t *testing.T) {
	var zones, names []string
	for i := range 120 {
		zones = append(zones, zoneJSON(fmt.Sprintf("%032x", i), fmt.Sprintf("z%d.example", i), acctA, "A"))
		names = append(names, fmt.Sprintf("z%d.example", i))
	}
	for _, tt := range []struct{ zones, want int }{{1, 1}, {5, 5}, {6, 3}, {120, 3}} {
		f := newFake()
		f.mux.Handle("GET /client/v4/zones", zoneList(zones...))
		s := scope(names[:tt.zones]...)
		for i := range s.Zones {
			s.Zones[i].Settings = nil
		}
		live, err := reader(t, options(f)).Fetch(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		if len(live.Zones) != tt.zones || len(f.seen) != tt.want || live.Reads != tt.want {
			t.Errorf("%d zones: %d found with %d requests (%d counted), want %d", tt.zones, len(live.Zones), len(f.seen), live.Reads, tt.want)
		}
	}
}

// A failure in one zone does not keep the others from being read.
func TestUnreadableZone(t *testing.T) {
	f := newFake()
	f.mux.Handle("GET /client/v4/zones", zoneList(zoneJSON(zoneA, "a.example", acctA, "A"), zoneJSON(zoneB, "b.example", acctA, "A")))
	f.handle("GET /client/v4/zones/"+zoneA+"/settings", 200, ok(`[{"id":"min_tls_version","value":"1.0"}]`))
	f.handle("GET /client/v4/zones/"+zoneA+"/custom_hostnames", 403, `{"success":false,"errors":[{"code":10000,"message":"Authentication error"}]}`)
	f.handle("GET /client/v4/zones/"+zoneB+"/settings", 200, ok(`[{"id":"min_tls_version","value":"1.0"}]`))
	s := scope("a.example", "b.example")
	s.Zones[0].CustomHostnames = true
	live, err := reader(t, options(f)).Fetch(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if len(live.Zones) != 1 || live.Zones[0].Name != "b.example" || len(live.Problems) != 1 {
		t.Fatalf("%+v", live)
	}
	want := `zone a.example cannot be read: GET /zones/` + zoneA + `/custom_hostnames?page=1&per_page=1000: 403 (code 10000: Authentication error): the token lacks "SSL and Certificates: Read" on zone a.example (ray 8f00ray)`
	if got := live.Problems[0]; got.Message != want || got.Rule != plan.Unreadable || got.Severity != schema.Error {
		t.Errorf("%+v\nwant %s", got, want)
	}
	// As the only zone, its failure is an error.
	s.Zones = s.Zones[:1]
	if _, err := reader(t, options(f)).Fetch(t.Context(), s); err == nil {
		t.Error("nothing could be read, and there is no error")
	}
}

// A zone is read without its custom hostnames if these are optional and cannot
// be read.
func TestOptionalHostnames(t *testing.T) {
	required := plan.ZoneScope{Name: "a.example", Settings: []string{"min_tls_version"}, CustomHostnames: true}
	optional := required
	optional.Optional = true
	nothingElse := optional
	nothingElse.Settings = nil
	nothing := plan.ZoneScope{Name: "a.example", Settings: []string{"min_tls_version"}}
	// The scope does not need hostnames, so an error about them does not
	// matter.
	silent := nothing
	silent.Optional = true
	glob := optional
	glob.Name, glob.Glob = "*.example", true
	for _, tt := range []struct {
		name   string
		status int
		scopes []plan.ZoneScope
		want   string // the severity, empty for an error of the whole reading
	}{
		{"required", 403, []plan.ZoneScope{required}, ""},
		{"optional", 403, []plan.ZoneScope{optional}, "warning"},
		{"optional, 404", 404, []plan.ZoneScope{optional}, "warning"},
		{"optional, 400", 400, []plan.ZoneScope{optional}, "warning"},
		{"optional, 401", 401, []plan.ZoneScope{optional}, ""},
		{"nothing but names", 403, []plan.ZoneScope{nothingElse}, "warning"},
		{"optional twice", 403, []plan.ZoneScope{optional, glob}, "warning"},
		{"optional and not asked for", 403, []plan.ZoneScope{optional, nothing}, "warning"},
		{"not asked for and optional", 403, []plan.ZoneScope{nothing, optional}, "warning"},
		{"optional and required", 403, []plan.ZoneScope{optional, required}, ""},
		{"required and optional", 403, []plan.ZoneScope{required, glob}, ""},
		{"required, and optional without asking", 403, []plan.ZoneScope{required, silent}, ""},
	} {
		f := newFake()
		f.mux.Handle("GET /client/v4/zones", zoneList(zoneJSON(zoneA, "a.example", acctA, "A")))
		f.handle("GET /client/v4/zones/"+zoneA+"/settings", 200, ok(`[{"id":"min_tls_version","value":"1.0"}]`))
		f.handle("GET /client/v4/zones/"+zoneA+"/custom_hostnames", tt.status, `{"success":false,"errors":[{"code":1234,"message":"no"}]}`)
		live, err := reader(t, options(f)).Fetch(t.Context(), plan.Scope{Zones: tt.scopes})
		if tt.want == "" {
			if err == nil {
				t.Errorf("%s: %+v", tt.name, live)
			}
			continue
		}
		if err != nil || len(live.Zones) != 1 || live.Zones[0].CustomHostnames != nil || len(live.Problems) != 1 {
			t.Errorf("%s: %+v, %v", tt.name, live, err)
			continue
		}
		if v, ok := live.Zones[0].Value("min_tls_version"); ok != (len(tt.scopes[0].Settings) > 0) || ok && v != `"1.0"` {
			t.Errorf("%s: min_tls_version %q, read: %t", tt.name, v, ok)
		}
		p := live.Problems[0]
		message := "the custom hostnames of zone a.example cannot be read, so it is not known who follows its settings: GET /zones/" + zoneA + "/custom_hostnames?page=1&per_page="
		if string(p.Severity) != tt.want || p.Rule != plan.Unreadable || p.Ref.String() != "zone/a.example" || !strings.HasPrefix(p.Message, message) || !strings.Contains(p.Message, "code 1234") {
			t.Errorf("%s: %+v", tt.name, p)
		}
	}
}

// The scope needs only the hostnames of this zone, and the zone gives them.
func TestOnlyHostnames(t *testing.T) {
	f := oneZone(paged{items: manyHostnames(3)})
	live, err := reader(t, options(f)).Fetch(t.Context(), plan.Scope{Zones: []plan.ZoneScope{{Name: "saas.example", CustomHostnames: true, Optional: true}}})
	if err != nil || len(live.Zones) != 1 || len(live.Zones[0].CustomHostnames) != 3 || live.Zones[0].Settings != nil || len(live.Problems) != 0 || live.Reads != 2 {
		t.Errorf("%+v, %v", live, err)
	}
}

func TestUnauthorized(t *testing.T) {
	f := newFake()
	f.handle("GET /client/v4/zones", 401, `{"success":false,"errors":[{"code":1000,"message":"Invalid API Token"}]}`)
	_, err := reader(t, options(f)).Fetch(t.Context(), scope("a.example", "b.example"))
	var failed *Error
	if !errors.As(err, &failed) || !failed.Denied() || !strings.Contains(err.Error(), "credentials are invalid") {
		t.Errorf("%v", err)
	}
}

// Each account has its own credentials, and its zones are read with them.
func TestAccounts(t *testing.T) {
	f := newFake()
	f.mux.HandleFunc("GET /client/v4/zones", func(w http.ResponseWriter, r *http.Request) {
		switch r.Header.Get("Authorization") {
		case "Bearer token-of-a":
			zoneList(zoneJSON(zoneA, "a.example", acctA, "Acme")).ServeHTTP(w, r)
		case "Bearer token-of-b":
			zoneList(zoneJSON(zoneB, "b.example", acctB, "Other")).ServeHTTP(w, r)
		}
	})
	f.handle("GET /client/v4/zones/{zone}/settings", 200, ok(`[{"id":"min_tls_version","value":"1.0"}]`))
	o := options(f)
	o.Credentials = Credentials{Token: "token-of-a"}
	o.Accounts = map[string]Credentials{acctB: {Token: "token-of-b"}, "Same Inc": {Token: "token-of-a"}}
	r := reader(t, o)
	if len(r.clients) != 2 {
		t.Errorf("%d limiters for two tokens", len(r.clients))
	}
	// The same holds if the scope names no account.
	for _, account := range []string{"", acctB} {
		f.seen = nil
		s := scope("b.example")
		s.Zones[0].Account = account
		live, err := r.Fetch(t.Context(), s)
		if err != nil || len(live.Zones) != 1 {
			t.Fatalf("%+v, %v", live, err)
		}
		if got := f.requests("GET /client/v4/zones/" + zoneB + "/settings"); len(got) != 1 || got[0].auth != "Bearer token-of-b" {
			t.Errorf("account %q: settings read with %+v", account, got)
		}
	}
}

// If several tokens see a zone, the token of its account reads it.
func TestZoneSeenTwice(t *testing.T) {
	f := oneZone(nil)
	o := options(f)
	o.Accounts = map[string]Credentials{"Example Inc": {Token: "token-of-the-account"}}
	live, err := reader(t, o).Fetch(t.Context(), scope("saas.example"))
	if err != nil || len(live.Zones) != 1 || len(live.Problems) != 0 {
		t.Fatalf("%+v, %v", live, err)
	}
	if got := f.requests("GET /client/v4/zones/" + zoneA); len(got) != 1 || got[0].auth != "Bearer token-of-the-account" {
		t.Errorf("%+v", got)
	}
}

func TestGlobalKey(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Auth-Email") != "me@example.com" || r.Header.Get("X-Auth-Key") != "0123456789abcdef" || r.Header.Get("User-Agent") != "tlsync/1" {
			t.Errorf("headers: %v", r.Header)
		}
		write(w, 200, ok(`[]`))
	}))
	defer server.Close()
	r := reader(t, Options{BaseURL: server.URL + "/client/v4/", Credentials: Credentials{Email: "me@example.com", Key: "0123456789abcdef"}, UserAgent: "tlsync/1"})
	live, err := r.Fetch(t.Context(), scope("a.example"))
	if err != nil || len(live.Problems) != 1 {
		t.Errorf("%+v, %v", live, err)
	}
}

// A token that may look up its zones and not list all of them reads them all the same,
// however many they are. Only a glob needs the list.
func TestZonesOfATokenThatMayNotList(t *testing.T) {
	var zones, names []string
	for i := range 60 {
		zones = append(zones, zoneJSON(fmt.Sprintf("%032x", i+1), fmt.Sprintf("z%d.example", i), acctA, "A"))
		names = append(names, fmt.Sprintf("z%d.example", i))
	}
	for _, refusal := range []int{403, 400} {
		f := newFake()
		f.mux.HandleFunc("GET /client/v4/zones", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("name") == "" {
				write(w, refusal, `{"success":false,"errors":[{"code":0,"message":"Actor 'x' requires permission 'com.cloudflare.api.account.zone.list' to list zones"}]}`)
				return
			}
			zoneList(zones...).ServeHTTP(w, r)
		})
		f.handle("GET /client/v4/zones/{zone}/settings", 200, ok(`[{"id":"min_tls_version","value":"1.0"}]`))

		live, err := reader(t, options(f)).Fetch(t.Context(), scope(append(names, "zz.example")...))
		if err != nil || len(live.Zones) != 60 || len(live.Problems) != 1 || live.Problems[0].Rule != plan.NotFound {
			t.Fatalf("%d: %+v, %v", refusal, live, err)
		}

		s := scope("z1.example", "*.example")
		s.Zones[1].Glob = true
		live, err = reader(t, options(f)).Fetch(t.Context(), s)
		if err != nil || len(live.Zones) != 1 || len(live.Problems) != 1 ||
			!strings.Contains(live.Problems[0].Message, `zone *.example cannot be looked up: GET /zones`) {
			t.Errorf("%d, with a glob: %+v, %v", refusal, live, err)
		}
	}
}
