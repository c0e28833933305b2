package sandbox_test

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
	"time"

	"tlsync/engine/sandbox"
)

const pulls = zoneA + "/origin_tls_client_auth"

type shownPull struct{ ID, Certificate, Issuer, Signature, Status string }

func keyOf(t *testing.T, i *issuer) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(i.key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func pairBody(t *testing.T, certificate, key string) string {
	t.Helper()
	return jsonText(t, map[string]string{"certificate": certificate, "private_key": key})
}

func TestCertificatesForOriginPulls(t *testing.T) {
	c := newClock()
	srv := newServer(t, ownSeed+"settle: 30s\n", c.options())
	pair := issue(t, "origin", nil, leaf)
	sum := fmt.Sprintf("%x", sha256.Sum256(pair.crt.Raw))
	made := must[shownPull](t, srv, "POST", pulls, pairBody(t, pair.pem(), keyOf(t, pair)))
	if made.Status != "initializing" || made.Issuer != "CN=origin" || made.Signature != "ECDSA-SHA256" || len(made.ID) != 36 {
		t.Errorf("made %+v", made)
	}
	block, _ := pem.Decode([]byte(made.Certificate))
	if block == nil || fmt.Sprintf("%x", sha256.Sum256(block.Bytes)) != sum {
		t.Errorf("the certificate shown is another: %q", made.Certificate)
	}
	if made.Certificate == pair.pem() {
		t.Error("the text is shown as it was sent")
	}
	if got, want := wrote(srv), fmt.Sprintf("created: origin_certificate/saas.example/%s map[] -> map[sha256:%q]", made.ID, sum); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	status := func() string {
		all := must[[]shownPull](t, srv, "GET", pulls, "")
		if len(all) == 0 {
			return "gone"
		}
		return all[0].Status
	}
	if got := status(); got != "pending_deployment" {
		t.Errorf("then it is %s", got)
	}
	c.advance(30 * time.Second)
	if got := must[shownPull](t, srv, "GET", pulls+"/"+made.ID, ""); got.Status != "active" {
		t.Errorf("after 30 s it is %s", got.Status)
	}
	if got := must[shownPull](t, srv, "DELETE", pulls+"/"+made.ID, ""); got.Status != "pending_deletion" {
		t.Errorf("deleted it is %s", got.Status)
	}
	if got := status(); got != "pending_deletion" {
		t.Errorf("then it is %s", got)
	}
	expect(t, srv, step{method: "DELETE", path: pulls + "/" + made.ID, status: 409, code: 1439})
	c.advance(30 * time.Second)
	if got := status(); got != "gone" {
		t.Errorf("30 s after the deletion it is %s", got)
	}
	again := must[shownPull](t, srv, "POST", pulls, pairBody(t, pair.pem(), keyOf(t, pair)))
	if again.ID == made.ID {
		t.Error("an id is used twice")
	}
	// A certificate that is deleted during its deployment never becomes active.
	must[any](t, srv, "DELETE", pulls+"/"+again.ID, "")
	c.advance(29 * time.Second)
	if got := status(); got != "pending_deletion" {
		t.Errorf("it is %s", got)
	}
}

func TestTheKeyIsShownNowhere(t *testing.T) {
	srv := newServer(t, ownSeed, sandbox.Options{})
	pair := issue(t, "origin", nil, leaf)
	key := keyOf(t, pair)
	secret := strings.Split(key, "\n")[1]
	var answers strings.Builder
	for _, body := range []string{
		pairBody(t, pair.pem(), key),
		pairBody(t, key, pair.pem()),                     // the wrong way round
		jsonText(t, map[string]any{"items": []any{key}}), // where none belongs
		jsonText(t, key),                                 // bare
		key,                                              // no JSON
		strings.Replace(pairBody(t, "x", key), "priv", `\u0070riv`, 1), // a key spelt oddly
	} {
		_, text := send(t, srv, step{token: "full-token", method: "POST", path: pulls, body: body})
		answers.WriteString(text)
	}
	for _, path := range []string{pulls, pulls + "/" + must[[]shownPull](t, srv, "GET", pulls, "")[0].ID} {
		_, text := send(t, srv, step{token: "full-token", method: "GET", path: path})
		answers.WriteString(text)
	}
	history, err := json.Marshal(srv.History())
	if err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{"an answer": answers.String(), "the history": string(history), "the state": string(srv.State().YAML())} {
		if strings.Contains(text, secret) {
			t.Errorf("%s holds the key", what)
		}
	}
	if strings.Contains(answers.String(), `"private_key":`) {
		t.Error("an answer has a field for the key")
	}
	if first := string(srv.History()[0].Body); !strings.Contains(first, "CERTIFICATE") {
		t.Errorf("the history has lost the certificate too: %s", first)
	}
}

func TestCertificatesForOriginPullsThatAreRefused(t *testing.T) {
	srv := newServer(t, ownSeed, sandbox.Options{})
	ca := issue(t, "authority", nil, nil)
	pair := issue(t, "origin", ca, leaf)
	old := issue(t, "old", nil, func(crt *x509.Certificate) {
		leaf(crt)
		crt.NotBefore, crt.NotAfter = time.Now().AddDate(-2, 0, 0), time.Now().AddDate(-1, 0, 0)
	})
	key := keyOf(t, pair)
	for _, tc := range []struct {
		what, body string
		code       int
	}{
		{"no JSON", `{`, 6003},
		{"no key", jsonText(t, map[string]string{"certificate": pair.pem()}), 6003},
		{"a key that is null", jsonText(t, map[string]any{"certificate": pair.pem(), "private_key": nil}), 6003},
		{"a further field", jsonText(t, map[string]string{"certificate": pair.pem(), "private_key": key, "name": "x"}), 6003},
		{"another's key", pairBody(t, pair.pem(), keyOf(t, ca)), 1428},
		{"no key at all", pairBody(t, pair.pem(), "x"), 1428},
		{"no certificate", pairBody(t, "x", key), 1427},
		{"an empty certificate", pairBody(t, "", key), 1427},
		{"a chain", pairBody(t, pair.pem()+ca.pem(), key), 1427},
		{"an authority", pairBody(t, ca.pem(), keyOf(t, ca)), 1427},
		{"the key in the certificate", pairBody(t, pair.pem()+key, key), 1427},
		{"something behind it", pairBody(t, pair.pem()+"x", key), 1427},
		{"a block that is none", pairBody(t, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", key), 1427},
		{"an expired one", pairBody(t, old.pem(), keyOf(t, old)), 1427},
	} {
		t.Run(tc.what, func(t *testing.T) {
			expect(t, srv, step{method: "POST", path: pulls, body: tc.body, status: 400, code: tc.code})
		})
	}
	expect(t, srv,
		step{token: "read-token", method: "POST", path: pulls, body: pairBody(t, pair.pem(), key), status: 403, code: 10000},
		step{token: "zone-token", method: "GET", path: pulls, status: 403, code: 10000},
		step{method: "GET", path: pulls + "?page=1", status: 400, code: 6003},
		step{method: "GET", path: pulls + "/nonsense", status: 404, code: 1436},
		step{method: "GET", path: pulls + "/hostnames", status: 404, code: 7003},
		step{method: "DELETE", path: pulls + "/hostnames", status: 404, code: 7003},
		step{method: "GET", path: pulls + "/hostnames/certificates", status: 404, code: 7003},
		step{method: "DELETE", path: pulls + "/settings", status: 405, code: 7001},
		step{method: "PUT", path: pulls + "/settings", body: `{"enabled":1}`, status: 400, code: 6003},
		step{method: "PATCH", path: pulls + "/settings", body: `{"enabled":true}`, status: 405, code: 7001},
		step{token: "read-token", method: "PUT", path: pulls + "/settings", body: `{"enabled":true}`, status: 403, code: 10000})
	if got := zoneState(srv, "saas.example").OriginPulls; got.Enabled || len(got.Certificates) > 0 {
		t.Errorf("a refused write left %+v", got)
	}
}

func TestOriginPullsAreTurnedOn(t *testing.T) {
	pair := issue(t, "seeded", nil, leaf)
	seed := strings.Replace(ownSeed, "plan: enterprise", "plan: enterprise\n    origin_pulls: {enabled: false, certificates: [{id: aop-1, status: deployment_timed_out, certificate: "+jsonText(t, pair.pem())+"}]}", 1)
	srv := newServer(t, seed, sandbox.Options{})
	type enabled struct{ Enabled bool }
	if got := must[enabled](t, srv, "GET", pulls+"/settings", ""); got.Enabled {
		t.Error("on from the start")
	}
	if got := must[enabled](t, srv, "PUT", pulls+"/settings", `{"enabled":true}`); !got.Enabled {
		t.Error("off after the write")
	}
	if got, want := wrote(srv), `changed: zone/saas.example map[origin_pulls:{"enabled":false}] -> map[origin_pulls:{"enabled":true}]`; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	got := zoneState(srv, "saas.example").OriginPulls
	want := sandbox.ClientCertificateState{ID: "aop-1", SHA256: fmt.Sprintf("%x", sha256.Sum256(pair.crt.Raw)), Status: "deployment_timed_out"}
	if !got.Enabled || len(got.Certificates) != 1 || got.Certificates[0] != want {
		t.Errorf("state %+v, want %+v", got, want)
	}
}
