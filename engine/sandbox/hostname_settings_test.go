package sandbox_test

import (
	"crypto/tls"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"tlsync/engine/sandbox"
)

const locals = zoneA + "/hostnames/settings"

type shownLocal struct {
	Hostname string
	Value    any
	Status   string
	Created  string `json:"created_at"`
	Updated  string `json:"updated_at"`
}

func listed(t *testing.T, srv *sandbox.Server, path string) string {
	t.Helper()
	var out []string
	for _, l := range must[[]shownLocal](t, srv, "GET", path, "") {
		out = append(out, fmt.Sprintf("%s=%v %s", l.Hostname, l.Value, l.Status))
	}
	return strings.Join(out, ", ")
}

func TestNamesInAZoneHaveSettingsOfTheirOwn(t *testing.T) {
	c := newClock()
	srv := newServer(t, ownSeed+"settle: 30s\n", c.options())
	if got, want := listed(t, srv, locals+"/min_tls_version"), "api.saas.example=1.3 active, old.saas.example=1.0 active"; got != want {
		t.Errorf("seeded %s, want %s", got, want)
	}
	const one = locals + "/min_tls_version/www.saas.example"
	expect(t, srv, step{method: "GET", path: one, status: 404, code: 1436}, step{method: "DELETE", path: one, status: 404, code: 1436})
	made := must[shownLocal](t, srv, "PUT", locals+"/min_tls_version/WWW.saas.example", `{"value":"1.2"}`)
	if made.Hostname != "www.saas.example" || made.Value != "1.2" || made.Status != "pending_deployment" {
		t.Errorf("made %+v", made)
	}
	if got, want := wrote(srv), `created: hostname/saas.example/www.saas.example map[] -> map[min_tls_version:"1.2"]`; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	c.advance(30 * time.Second)
	if got := must[shownLocal](t, srv, "GET", one, ""); got.Status != "active" {
		t.Errorf("after 30 s it is %s", got.Status)
	}
	again := must[shownLocal](t, srv, "PUT", one, `{"value":"1.3"}`)
	if again.Created != made.Created || again.Updated == made.Updated {
		t.Errorf("first %+v, then %+v", made, again)
	}
	if got, want := wrote(srv), `changed: hostname/saas.example/www.saas.example map[min_tls_version:"1.2"] -> map[min_tls_version:"1.3"]`; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	must[any](t, srv, "PUT", one, `{"value":"1.3"}`)
	if got := last(srv).Effect; got != sandbox.EffectNoop {
		t.Errorf("an equal write is %s", got)
	}
	c.advance(time.Minute)

	// A deleted setting stays in the list for a while, with its old value.
	if got := must[shownLocal](t, srv, "DELETE", one, ""); got.Value != "" || got.Status != "pending_deletion" {
		t.Errorf("deleted %+v", got)
	}
	if got, want := wrote(srv), `deleted: hostname/saas.example/www.saas.example map[min_tls_version:"1.3"] -> map[]`; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if got := listed(t, srv, locals+"/min_tls_version?hostname=WWW.saas.example"); got != "www.saas.example=1.3 pending_deletion" {
		t.Errorf("the list shows %s", got)
	}
	expect(t, srv, step{method: "DELETE", path: one, status: 404, code: 1436})
	if got := fmt.Sprint(zoneState(srv, "saas.example").Hostnames[2]); got != "{www.saas.example map[min_tls_version:{1.3 pending_deletion}]}" {
		t.Errorf("state shows %s", got)
	}
	c.advance(30 * time.Second)
	if got := listed(t, srv, locals+"/min_tls_version"); strings.Contains(got, "www") {
		t.Errorf("the list shows %s", got)
	}
	if n := len(zoneState(srv, "saas.example").Hostnames); n != 2 {
		t.Errorf("state has %d names", n)
	}

	// A deletion does not undo a write that follows it at once.
	must[any](t, srv, "DELETE", locals+"/http2/old.saas.example", "")
	c.advance(10 * time.Second)
	must[any](t, srv, "PUT", locals+"/http2/old.saas.example", `{"value":"on"}`)
	for range 2 {
		c.advance(30 * time.Second)
		if got := listed(t, srv, locals+"/http2"); got != "old.saas.example=on active" && got != "old.saas.example=on pending_deployment" {
			t.Errorf("the list shows %s", got)
		}
	}
}

func TestNamesInAZoneComeInPages(t *testing.T) {
	var seed strings.Builder
	seed.WriteString("tokens: [{value: full-token}]\nzones: [{name: saas.example, id: 11111111111111111111111111111111, hostnames: {")
	for i := range 120 {
		fmt.Fprintf(&seed, "h%03d.saas.example: {http2: \"on\"}, ", i)
	}
	seed.WriteString("}}]\n")
	srv := newServer(t, seed.String(), sandbox.Options{})
	seen := map[string]bool{}
	for _, query := range []string{"", "?page=2", "?page=3&per_page=50"} {
		status, body := send(t, srv, step{token: "full-token", method: "GET", path: locals + "/http2" + query})
		if status != 200 || !strings.Contains(body, `"per_page":50,`) || !strings.Contains(body, `"total_count":120,"total_pages":3`) {
			t.Fatalf("%d %s", status, body[max(0, len(body)-200):])
		}
		for _, l := range must[[]shownLocal](t, srv, "GET", locals+"/http2"+query, "") {
			seen[l.Hostname] = true
		}
	}
	if len(seen) != 120 {
		t.Errorf("%d names on three pages", len(seen))
	}
	if status, body := send(t, srv, step{token: "full-token", method: "GET", path: locals + "/http2?hostname=h001.saas.example"}); status != 200 || !strings.Contains(body, `"count":1,"total_count":120`) {
		t.Errorf("filtered: %d %s", status, body)
	}
	expect(t, srv,
		step{method: "GET", path: locals + "/http2?per_page=51", status: 400, code: 6003},
		step{method: "GET", path: locals + "/http2?limit=10", status: 400, code: 6003},
		step{method: "GET", path: locals + "/http2?hostname=a&hostname=b", status: 400, code: 6003})
}

func TestSettingsOfNamesThatAreRefused(t *testing.T) {
	srv := newServer(t, ownSeed, sandbox.Options{})
	before := string(srv.State().YAML())
	put := func(id, name, body string, code int) step {
		return step{method: "PUT", path: locals + "/" + id + "/" + url.PathEscape(name), body: body, status: 400, code: code}
	}
	expect(t, srv,
		put("min_tls_version", "www.saas.example", `{`, 6007),
		put("min_tls_version", "www.saas.example", `{}`, 1007),
		put("min_tls_version", "www.saas.example", `{"value":1.2}`, 1007),
		put("min_tls_version", "www.saas.example", `{"value":null}`, 1007),
		put("min_tls_version", "www.saas.example", `{"value":"1.4"}`, 1007),
		put("min_tls_version", "www.saas.example", `{"value":["1.2"]}`, 1007),
		put("min_tls_version", "www.saas.example", `{"value":"1.2","Hostname":"www.saas.example"}`, 6003),
		put("http2", "www.saas.example", `{"value":true}`, 1007),
		put("ciphers", "www.saas.example", `{"value":[]}`, 1007),
		put("ciphers", "www.saas.example", `{"value":"AES128-SHA"}`, 1007),
		put("ciphers", "www.saas.example", `{"value":["AES128-SHA","AES128-SHA"]}`, 1007),
		put("ciphers", "www.saas.example", `{"value":["AEAD-AES128-GCM-SHA256"]}`, 1007),
		put("tls_1_3", "www.saas.example", `{"value":"on"}`, 1006),
		put("http2", "www.other.example", `{"value":"on"}`, 1407),
		put("http2", "notsaas.example", `{"value":"on"}`, 1407),
		put("http2", "*.saas.example", `{"value":"on"}`, 1407),
		put("http2", "a/b.saas.example", `{"value":"on"}`, 1407),
		step{method: "GET", path: locals + "/tls_1_3", status: 400, code: 1006},
		step{method: "GET", path: locals + "/tls_1_3/www.saas.example", status: 400, code: 1006},
		step{method: "DELETE", path: locals + "/tls_1_3/www.saas.example", status: 400, code: 1006},
		step{method: "POST", path: locals + "/http2", body: `{}`, status: 405, code: 7001},
		step{method: "PATCH", path: locals + "/http2/www.saas.example", body: `{}`, status: 405, code: 7001},
		step{token: "read-token", method: "PUT", path: locals + "/http2/www.saas.example", body: `{"value":"on"}`, status: 403, code: 10000},
		step{token: "read-token", method: "DELETE", path: locals + "/http2/old.saas.example", status: 403, code: 10000},
		step{token: "zone-token", method: "GET", path: locals + "/http2", status: 403, code: 10000},
		step{method: "PUT", path: zoneC + "/hostnames/settings/http2/www.free.example", body: `{"value":"on"}`, status: 403, code: 1450},
		step{method: "DELETE", path: zoneC + "/hostnames/settings/http2/www.free.example", status: 403, code: 1450},
		step{method: "GET", path: zoneC + "/hostnames/settings/http2/www.free.example", status: 403, code: 1450})
	if after := string(srv.State().YAML()); after != before {
		t.Error("a refused write changed the state")
	}
	must[any](t, srv, "PUT", locals+"/http2/saas.example", `{"value":"on"}`) // the zone's own name is in it
}

func TestTheEdgeEnforcesSettingsOfNames(t *testing.T) {
	c := newClock()
	srv := newServer(t, strings.Replace(ownSeed, "plan: enterprise", "plan: enterprise\n    settings: {min_tls_version: 1.1}", 1)+"settle: 30s\n", c.options())
	addr, roots := startEdge(t, srv)
	check := func(name string, version uint16, want string, suite ...uint16) {
		t.Helper()
		if got := handshake(addr, roots, name, version, suite...); got != want {
			t.Errorf("%s at %s: %s, want %s", name, tls.VersionName(version), got, want)
		}
	}
	check("api.saas.example", tls.VersionTLS12, "refused")
	check("api.saas.example", tls.VersionTLS13, "TLS 1.3 ECDSA")
	check("old.saas.example", tls.VersionTLS10, "TLS 1.0 RSA", tls.TLS_RSA_WITH_AES_128_CBC_SHA)
	check("below.old.saas.example", tls.VersionTLS10, "refused") // a name's children are the zone's
	check("www.saas.example", tls.VersionTLS10, "refused")
	must[any](t, srv, "PUT", locals+"/min_tls_version/api.saas.example", `{"value":"1.2"}`)
	must[any](t, srv, "DELETE", locals+"/min_tls_version/old.saas.example", "")
	check("api.saas.example", tls.VersionTLS12, "refused")
	check("old.saas.example", tls.VersionTLS10, "TLS 1.0 RSA", tls.TLS_RSA_WITH_AES_128_CBC_SHA)
	c.advance(30 * time.Second)
	check("api.saas.example", tls.VersionTLS12, "TLS 1.2 ECDSA")
	check("old.saas.example", tls.VersionTLS10, "refused", tls.TLS_RSA_WITH_AES_128_CBC_SHA)
	check("old.saas.example", tls.VersionTLS11, "TLS 1.1 RSA", tls.TLS_RSA_WITH_AES_128_CBC_SHA) // its cipher list is still there
}

func TestTimelineFollowsNamesInAZone(t *testing.T) {
	srv := newServer(t, ownSeed, sandbox.Options{})
	zone := func(v string) { must[any](t, srv, "PATCH", zoneA+"/settings/min_tls_version", `{"value":"`+v+`"}`) }
	zone("1.1")                                                                             // 1
	must[any](t, srv, "PUT", locals+"/min_tls_version/www.saas.example", `{"value":"1.2"}`) // 2
	zone("1.0")                                                                             // 3
	must[any](t, srv, "PUT", locals+"/http2/www.saas.example", `{"value":"off"}`)           // 4
	must[any](t, srv, "DELETE", locals+"/min_tls_version/www.saas.example", "")             // 5
	must[any](t, srv, "DELETE", locals+"/min_tls_version/api.saas.example", "")             // 6
	for name, want := range map[string]string{
		"www.saas.example":  `[{0 "1.0"} {1 "1.1"} {2 "1.2"} {5 "1.0"}]`,
		"api.saas.example":  `[{0 "1.3"} {6 "1.0"}]`,
		"old.saas.example":  `[{0 "1.0"}]`,
		"none.saas.example": `[{0 "1.0"} {1 "1.1"} {3 "1.0"}]`,
		"app.test":          `[{0 "1.0"} {1 "1.1"} {3 "1.0"}]`,
		"no.test":           `[{0 }]`,
	} {
		if got := fmt.Sprint(srv.Timeline("saas.example", name, "min_tls_version")); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if got := fmt.Sprint(srv.Timeline("saas.example", "www.saas.example", "http2")); got != `[{0 "on"} {4 "off"}]` {
		t.Errorf("http2: %s", got)
	}
}
