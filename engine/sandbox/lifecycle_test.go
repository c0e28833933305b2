package sandbox_test

import (
	"strings"
	"testing"
	"time"

	"tlsync/engine/sandbox"
)

func TestCustomHostnamesAreCreatedAsAsked(t *testing.T) {
	srv := newServer(t, ownSeed, sandbox.Options{})
	must[any](t, srv, "POST", names, `{"hostname":"shop.test","custom_origin_server":"Own.saas.example","custom_origin_sni":":request_host_header:",`+
		`"ssl":{"type":"dv","method":"txt","wildcard":true,"bundle_method":"force","certificate_authority":"ssl_com","settings":{"min_tls_version":"1.3"}}}`)
	got, want := wrote(srv), `created: custom_hostname/saas.example/shop.test map[] -> map[custom_origin_server:"own.saas.example" custom_origin_sni:":request_host_header:" `+
		`min_tls_version:"1.3" ssl.bundle_method:"force" ssl.certificate_authority:"ssl_com" ssl.method:"txt" ssl.type:"dv" ssl.wildcard:true]`
	if got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	state := zoneState(srv, "saas.example").CustomHostnames[1]
	if s := state.SSL; state.Hostname != "shop.test" || state.CustomOriginServer != "own.saas.example" || !s.Wildcard || s.CertificateAuthority != "ssl_com" || s.BundleMethod != "force" {
		t.Errorf("state %+v, ssl %+v", state, state.SSL)
	}
	long := strings.Repeat("a", 60) + ".test"
	const pro = zoneB + "/custom_hostnames"
	expect(t, srv,
		step{method: "POST", path: names, body: `{"hostname":"shop.test","ssl":{"type":"dv","method":"txt"}}`, status: 409, code: 1406},
		step{method: "POST", path: names, body: `{"hostname":"a.test","ssl":{"type":"dv","method":"http","wildcard":true}}`, status: 400, code: 1432},
		step{method: "POST", path: names, body: `{"hostname":"a.test","ssl":{"type":"dv","method":"txt","wildcard":"yes"}}`, status: 400, code: 1448},
		step{method: "POST", path: names, body: `{"hostname":"a.test","ssl":{"type":"dv","method":"txt","wildcard":null}}`, status: 400, code: 1448},
		step{method: "POST", path: names, body: `{"hostname":"a.test","ssl":{"type":"dv","method":"txt","certificate_authority":"self"}}`, status: 400, code: 1434},
		step{method: "POST", path: names, body: `{"hostname":"a.test","custom_origin_server":"https://a.test"}`, status: 400, code: 1415},
		step{method: "POST", path: names, body: `{"hostname":"a.test","custom_origin_server":null}`, status: 400, code: 1415},
		step{method: "POST", path: names, body: `{"hostname":"a.test","custom_origin_sni":"10.0.0.1"}`, status: 400, code: 1415},
		step{method: "POST", path: names, body: `{"hostname":"` + long + `","ssl":{"type":"dv","method":"txt"}}`, status: 400, code: 1469},
		step{method: "POST", path: names, body: `{"hostname":"` + long + `","ssl":{"type":"dv","method":"txt","cloudflare_branding":true}}`, status: 201},
		step{method: "POST", path: pro, body: `{"hostname":"a.test","ssl":{"type":"dv","method":"txt","wildcard":true}}`, status: 400, code: 1448},
		step{method: "POST", path: pro, body: `{"hostname":"a.test","ssl":{"type":"dv","method":"txt","certificate_authority":"google"}}`, status: 400, code: 1459},
		step{method: "POST", path: pro, body: `{"hostname":"a.test","ssl":{"type":"dv","method":"http","wildcard":false}}`, status: 201})
}

func TestChangesOfACertificateAreShown(t *testing.T) {
	c := newClock()
	srv := newServer(t, ownSeed+"settle: 30s\n", c.options())
	status := func() string { return must[shown](t, srv, "GET", host1+"1", "").SSL.Status }
	for _, tc := range []struct{ body, want string }{
		{`{"ssl":{"type":"dv","method":"txt","wildcard":true}}`, `changed: custom_hostname/saas.example/app.test map[ssl.wildcard:false] -> map[ssl.wildcard:true]`},
		{`{"ssl":{"type":"dv","method":"email","wildcard":false}}`, `changed: custom_hostname/saas.example/app.test map[ssl.method:"txt" ssl.wildcard:true] -> map[ssl.method:"email" ssl.wildcard:false]`},
		{`{"ssl":{"type":"dv","method":"http","certificate_authority":"lets_encrypt","settings":{"http2":"on"}}}`, `changed: custom_hostname/saas.example/app.test ` +
			`map[ssl.certificate_authority:"google" ssl.method:"email"] -> map[http2:"on" ssl.certificate_authority:"lets_encrypt" ssl.method:"http"]`},
		{`{"ssl":{"type":"dv","method":"http","bundle_method":"optimal"}}`, `changed: custom_hostname/saas.example/app.test map[http2:"on" ssl.bundle_method:"ubiquitous"] -> map[http2:"on" ssl.bundle_method:"optimal"]`},
	} {
		must[any](t, srv, "PATCH", host1+"1", tc.body)
		if got := wrote(srv); got != tc.want {
			t.Errorf("%s\n got %s\nwant %s", tc.body, got, tc.want)
		}
		if got := status(); got != "pending_validation" {
			t.Errorf("%s: the certificate is %s", tc.body, got)
		}
		c.advance(30 * time.Second)
		if got := status(); got != "active" {
			t.Errorf("%s: 30 s later it is %s", tc.body, got)
		}
	}
	for _, tc := range []struct{ body, want string }{
		{`{"custom_origin_server":"own.saas.example"}`, `changed: custom_hostname/saas.example/app.test map[http2:"on"] -> map[custom_origin_server:"own.saas.example" http2:"on"]`},
		{`{"custom_origin_server":"own.saas.example"}`, `noop: custom_hostname/saas.example/app.test map[http2:"on"] -> map[http2:"on"]`},
		{`{"custom_origin_server":"","custom_origin_sni":"sni.test"}`, `changed: custom_hostname/saas.example/app.test map[custom_origin_server:"own.saas.example" http2:"on"] -> map[custom_origin_sni:"sni.test" http2:"on"]`},
	} {
		must[any](t, srv, "PATCH", host1+"1", tc.body)
		if got := wrote(srv); got != tc.want {
			t.Errorf("%s\n got %s\nwant %s", tc.body, got, tc.want)
		}
		if got := status(); got != "active" {
			t.Errorf("%s: the certificate is %s", tc.body, got)
		}
	}
	state := zoneState(srv, "saas.example").CustomHostnames[0]
	if s := state.SSL; s.Method != "http" || s.CertificateAuthority != "lets_encrypt" || s.BundleMethod != "optimal" || s.Wildcard || state.CustomOriginSNI != "sni.test" {
		t.Errorf("state %+v, ssl %+v", state, state.SSL)
	}
	expect(t, srv, step{method: "PATCH", path: host1 + "1", body: `{"ssl":{"type":"dv","method":"http","wildcard":true}}`, status: 400, code: 1432})
}

func TestACustomHostnameMadeAnewIsAnotherOne(t *testing.T) {
	c := newClock()
	srv := newServer(t, ownSeed+"settle: 30s\n", c.options())
	body := `{"hostname":"shop.test","ssl":{"type":"dv","method":"txt"}}`
	first := must[shown](t, srv, "POST", names, body)
	remove := func(id string) {
		if status, text := send(t, srv, step{token: "full-token", method: "DELETE", path: names + "/" + id}); status != 200 {
			t.Fatalf("%d %s", status, text)
		}
	}
	remove(first.ID)
	expect(t, srv, step{method: "POST", path: names, body: body, status: 409, code: 1406})
	c.advance(29 * time.Second)
	remove(first.ID) // it is on its way already
	if e := last(srv); e.Effect != sandbox.EffectNoop || len(e.Writes) > 0 {
		t.Errorf("the second deletion is %s, writes %v", e.Effect, e.Writes)
	}
	c.advance(time.Second)
	second := must[shown](t, srv, "POST", names, body)
	if second.ID == first.ID {
		t.Error("an id is used twice")
	}
	c.advance(time.Hour)
	expect(t, srv,
		step{method: "GET", path: names + "/" + first.ID, status: 404, code: 1436},
		step{method: "GET", path: names + "/" + second.ID, status: 200})
}
