package sandbox_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/md5"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tlsync/engine/sandbox"
)

const (
	accountA     = "/accounts/0000000000000000000000000000000a"
	accountB     = "/accounts/0000000000000000000000000000000b"
	cas          = accountA + "/access/certificates"
	hostSettings = cas + "/settings"
)

// accountSeed has two accounts. Another team owns the certificates of the first one.
const accountSeed = `
accounts:
  - name: Example Inc
    id: 0000000000000000000000000000000a
    certificates:
      - {name: theirs, id: cccccccc-0000-4000-8000-000000000001, fingerprint: "00112233445566778899AABBCCDDEEFF", expires_on: 2030-01-02T03:04:05Z, hostnames: [other.saas.example]}
    mtls_settings: [{hostname: other.saas.example, client_certificate_forwarding: true}]
    applications:
      - domain: other.saas.example
        id: dddddddd-0000-4000-8000-000000000001
        fields: {tags: [team-b], skip_interstitial: true}
        policies: [{name: staff, decision: allow, include: [{email_domain: {domain: saas.example}}]}]
    alerts:
      - {name: theirs, id: eeeeeeee000040008000000000000001, alert_type: universal_ssl_event_type, webhooks: [chat], filters: {zones: [x]}}
    webhooks: [{name: chat, id: ffffffff000040008000000000000001}]
    pagerduty: [{name: oncall, id: ffffffff000040008000000000000002}]
  - {name: Other Inc, id: 0000000000000000000000000000000b}
tokens:
  - {value: full-token}
  - {value: read-token, permissions: read_only}
  - {value: zone-token, permissions: [zone:read, zone_settings:edit, ssl:edit]}
  - {value: other-token, accounts: [Other Inc]}
  - {value: far-token, zones: [far.example]}
zones:
  - name: saas.example
    id: 11111111111111111111111111111111
    account: Example Inc
    fallback_origin: origin.saas.example
    custom_hostnames:
      - {hostname: app.test}
      - {hostname: pay.test}
      - {hostname: new.test, status: pending, ssl: {status: pending_validation}}
      - {hostname: wild.test, ssl: {wildcard: true}}
  - {name: far.example, account: Other Inc}
`

// issuer is a certificate with its key.
type issuer struct {
	crt *x509.Certificate
	key *ecdsa.PrivateKey
}

func (i *issuer) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.crt.Raw}))
}

func (i *issuer) fingerprint() string {
	return "MD5 Fingerprint=" + strings.ReplaceAll(fmt.Sprintf("% X", md5.Sum(i.crt.Raw)), " ", ":")
}

func (i *issuer) tls() tls.Certificate {
	return tls.Certificate{Certificate: [][]byte{i.crt.Raw}, PrivateKey: i.key}
}

// issue makes a certificate. Without a parent it signs itself.
func issue(t *testing.T, name string, parent *issuer, change func(*x509.Certificate)) *issuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return sign(t, name, key, parent, change)
}

// sign makes a certificate for a key.
func sign(t *testing.T, name string, key *ecdsa.PrivateKey, parent *issuer, change func(*x509.Certificate)) *issuer {
	t.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(5, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	if change != nil {
		change(template)
	}
	from, signer := template, key
	if parent != nil {
		from, signer = parent.crt, parent.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, from, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	crt, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &issuer{crt, key}
}

// leaf turns the template into one for a client certificate.
func leaf(crt *x509.Certificate) {
	crt.IsCA, crt.KeyUsage = false, x509.KeyUsageDigitalSignature
	crt.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
}

// shownCA is a certificate in an answer.
type shownCA struct {
	ID, Name, Fingerprint string
	Hosts                 []string  `json:"associated_hostnames"`
	Expires               time.Time `json:"expires_on"`
}

func upload(t *testing.T, srv http.Handler, name, certificate string, hosts ...string) shownCA {
	t.Helper()
	return must[shownCA](t, srv, "POST", cas, jsonText(t, map[string]any{"name": name, "certificate": certificate, "associated_hostnames": append([]string{}, hosts...)}))
}

func jsonText(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func associate(t *testing.T, srv http.Handler, id string, hosts ...string) {
	t.Helper()
	must[shownCA](t, srv, "PUT", cas+"/"+id, jsonText(t, map[string]any{"associated_hostnames": append([]string{}, hosts...)}))
}

func TestCertificatesAreUploadedAndRead(t *testing.T) {
	srv := newServer(t, accountSeed, sandbox.Options{})
	root := issue(t, "root", nil, nil)
	got := upload(t, srv, "partners", root.pem(), "pay.test", "api.saas.example", "app.test")
	want := shownCA{got.ID, "partners", root.fingerprint(), []string{"api.saas.example", "app.test", "pay.test"}, root.crt.NotAfter}
	if diff := cmp.Diff(want, got); diff != "" || len(got.ID) != 36 {
		t.Errorf("%s id %q", diff, got.ID)
	}
	list := must[[]shownCA](t, srv, "GET", cas, "")
	if len(list) != 2 || list[0].Name != "theirs" || list[0].Fingerprint != "MD5 Fingerprint=00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF" {
		t.Errorf("list %+v", list)
	}
	if one := must[shownCA](t, srv, "GET", cas+"/"+got.ID, ""); cmp.Diff(one, got) != "" {
		t.Errorf("by id %+v", one)
	}
	if _, text := send(t, srv, step{token: "full-token", method: "GET", path: cas}); strings.Contains(text, "BEGIN") || !strings.Contains(text, `"per_page":50`) {
		t.Errorf("the list shows a certificate, or has pages of another size: %s", text)
	}
	// Without hostnames the list is null, not empty.
	associate(t, srv, got.ID)
	if _, text := send(t, srv, step{token: "full-token", method: "GET", path: cas + "/" + got.ID}); !strings.Contains(text, `"associated_hostnames":null`) {
		t.Errorf("%s", text)
	}
	must[shownCA](t, srv, "PUT", cas+"/"+got.ID, `{"associated_hostnames":["app.test"],"name":"renamed"}`)
	var names []string
	for _, ca := range srv.State().Accounts[0].Certificates {
		names = append(names, ca.Name+" "+strings.Join(ca.Hostnames, ","))
	}
	if diff := cmp.Diff([]string{"renamed app.test", "theirs other.saas.example"}, names); diff != "" {
		t.Error(diff)
	}
}

func TestWhichCertificateOfAChainIsReported(t *testing.T) {
	root := issue(t, "root", nil, nil)
	middle := issue(t, "middle", root, nil)
	for seed, want := range map[string]string{"": middle.fingerprint(), "fingerprint_of: last\n": root.fingerprint()} {
		srv := newServer(t, accountSeed+seed, sandbox.Options{})
		if got := upload(t, srv, "partners", middle.pem()+root.pem()); got.Fingerprint != want {
			t.Errorf("%q: %s, want %s", seed, got.Fingerprint, want)
		}
	}
}

func TestCertificatesThatAreRefused(t *testing.T) {
	srv := newServer(t, accountSeed, sandbox.Options{})
	root := issue(t, "root", nil, nil)
	middle := issue(t, "middle", root, nil)
	other := issue(t, "other", nil, nil)
	expired := issue(t, "expired", nil, func(crt *x509.Certificate) { crt.NotAfter = time.Now().Add(-time.Minute) })
	client := issue(t, "client", root, leaf)
	namesake := issue(t, "root", nil, nil)
	renamed := sign(t, "renamed", root.key, nil, nil) // the root's key under another name
	key, err := x509.MarshalECPrivateKey(root.key)
	if err != nil {
		t.Fatal(err)
	}
	secret := string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: key}))
	upload(t, srv, "partners", root.pem())
	for name, tc := range map[string]struct {
		body         any
		status, code int
	}{
		"no JSON":             {json.RawMessage(`[]`), 400, 12131},
		"no name":             {map[string]any{"certificate": other.pem()}, 400, 12131},
		"empty name":          {map[string]any{"name": "", "certificate": other.pem()}, 400, 12131},
		"long name":           {map[string]any{"name": strings.Repeat("x", 351), "certificate": other.pem()}, 400, 12131},
		"unknown field":       {map[string]any{"name": "x", "certificate": other.pem(), "expires_on": "0001-01-01T00:00:00Z"}, 400, 12131},
		"null hostnames":      {map[string]any{"name": "x", "certificate": other.pem(), "associated_hostnames": nil}, 400, 12131},
		"hostname a number":   {map[string]any{"name": "x", "certificate": other.pem(), "associated_hostnames": []any{1}}, 400, 12131},
		"no PEM":              {map[string]any{"name": "x", "certificate": "MIIB"}, 400, 12131},
		"trailing text":       {map[string]any{"name": "x", "certificate": other.pem() + "more"}, 400, 12131},
		"a key":               {map[string]any{"name": "x", "certificate": other.pem() + secret}, 400, 12131},
		"a leaf":              {map[string]any{"name": "x", "certificate": client.pem()}, 400, 12131},
		"a leaf first":        {map[string]any{"name": "x", "certificate": client.pem() + root.pem()}, 400, 12131},
		"the root first":      {map[string]any{"name": "x", "certificate": root.pem() + middle.pem()}, 400, 12131},
		"another root":        {map[string]any{"name": "x", "certificate": middle.pem() + other.pem()}, 400, 12131},
		"a namesake":          {map[string]any{"name": "x", "certificate": middle.pem() + namesake.pem()}, 400, 12131},
		"another name":        {map[string]any{"name": "x", "certificate": middle.pem() + renamed.pem()}, 400, 12131},
		"no root":             {map[string]any{"name": "x", "certificate": middle.pem()}, 400, 12131},
		"expired":             {map[string]any{"name": "x", "certificate": expired.pem()}, 400, 12131},
		"there already":       {map[string]any{"name": "x", "certificate": root.pem()}, 409, 12133},
		"foreign hostname":    {map[string]any{"name": "x", "certificate": other.pem(), "associated_hostnames": []string{"www.far.example"}}, 400, 12036},
		"pending hostname":    {map[string]any{"name": "x", "certificate": other.pem(), "associated_hostnames": []string{"new.test"}}, 400, 12036},
		"wildcard":            {map[string]any{"name": "x", "certificate": other.pem(), "associated_hostnames": []string{"wild.test"}}, 400, 12036},
		"child of a wildcard": {map[string]any{"name": "x", "certificate": other.pem(), "associated_hostnames": []string{"a.wild.test"}}, 400, 12036},
		"upper case":          {map[string]any{"name": "x", "certificate": other.pem(), "associated_hostnames": []string{"App.test"}}, 400, 12036},
		"hostname twice":      {map[string]any{"name": "x", "certificate": other.pem(), "associated_hostnames": []string{"app.test", "app.test"}}, 400, 12131},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, srv, step{method: "POST", path: cas, body: jsonText(t, tc.body), status: tc.status, code: tc.code})
		})
	}
	if n := len(srv.State().Accounts[0].Certificates); n != 2 {
		t.Errorf("%d certificates, want the 2 from before", n)
	}
	if text := jsonText(t, srv.History()); strings.Contains(text, "PRIVATE KEY") {
		t.Error("history shows a private key")
	}
	const theirs = cas + "/cccccccc-0000-4000-8000-000000000001"
	expect(t, srv,
		step{method: "PUT", path: theirs, body: `{"name":"x"}`, status: 400, code: 12131},
		step{method: "PUT", path: theirs, body: `{"associated_hostnames":null}`, status: 400, code: 12131},
		step{method: "PUT", path: theirs, body: `{"associated_hostnames":[],"certificate":"x"}`, status: 400, code: 12131},
		step{method: "PUT", path: theirs, body: `{"associated_hostnames":["www.far.example"]}`, status: 400, code: 12036},
		step{method: "GET", path: cas + "/cccccccc-0000-4000-8000-000000000009", status: 404, code: 12134},
		step{method: "GET", path: cas + "?name=theirs", status: 400, code: 6003},
		step{method: "GET", path: cas + "?per_page=1001", status: 400, code: 6003},
		step{method: "PATCH", path: cas, body: `{}`, status: 405, code: 7001},
		step{method: "GET", path: accountA + "/access/nothing", status: 404, code: 7003},
		step{method: "GET", path: "/accounts/0000000000000000000000000000000f/access/certificates", status: 404, code: 7003},
	)
}

// A hostname that has since gone does not prevent an object from being written unchanged.
func TestNamesThatAreThereStayPossible(t *testing.T) {
	srv := newServer(t, strings.NewReplacer("hostnames: [other.saas.example]", "hostnames: [new.test]", "hostname: other.saas.example", "hostname: new.test",
		"domain: other.saas.example", "domain: new.test").Replace(accountSeed), sandbox.Options{})
	expect(t, srv,
		step{method: "PUT", path: cas + "/cccccccc-0000-4000-8000-000000000001", body: `{"associated_hostnames":["app.test","new.test"]}`, status: 200},
		step{method: "PUT", path: hostSettings, body: forwardingBody("new.test", true), status: 202},
		step{method: "PUT", path: theirApp, body: appBody("new.test", ``), status: 200},
		step{method: "PUT", path: cas + "/cccccccc-0000-4000-8000-000000000001", body: `{"associated_hostnames":[]}`, status: 200},
		step{method: "PUT", path: cas + "/cccccccc-0000-4000-8000-000000000001", body: `{"associated_hostnames":["new.test"]}`, status: 400, code: 12036},
		step{method: "PUT", path: hostSettings, body: forwardingBody("new.test", false), status: 202},
		step{method: "PUT", path: hostSettings, body: forwardingBody("new.test", true), status: 400, code: 12036})
}

func TestAnAccountHasNoMoreThanFiftyCertificates(t *testing.T) {
	seed := strings.Replace(accountSeed, "    certificates:\n", "    certificates:\n"+func() (text string) {
		for i := range 49 {
			text += fmt.Sprintf("      - {name: c, fingerprint: %032X, expires_on: 2030-01-01T00:00:00Z}\n", i)
		}
		return text
	}(), 1)
	srv := newServer(t, seed, sandbox.Options{})
	body := jsonText(t, map[string]string{"name": "x", "certificate": issue(t, "root", nil, nil).pem()})
	expect(t, srv, step{method: "POST", path: cas, body: body, status: 400, code: 12130})
	if page := must[[]shownCA](t, srv, "GET", cas+"?per_page=20&page=3", ""); len(page) != 10 {
		t.Errorf("page 3 has %d, want 10", len(page))
	}
}

func TestNamesOfCertificatesAreUniqueOnRequest(t *testing.T) {
	a, b := issue(t, "a", nil, nil), issue(t, "b", nil, nil)
	upload(t, newServer(t, accountSeed, sandbox.Options{}), "theirs", a.pem())
	srv := newServer(t, accountSeed+"unique_certificate_names: true\n", sandbox.Options{})
	made := upload(t, srv, "ours", b.pem())
	expect(t, srv,
		step{method: "POST", path: cas, body: jsonText(t, map[string]string{"name": "theirs", "certificate": a.pem()}), status: 409, code: 12133},
		step{method: "PUT", path: cas + "/" + made.ID, body: `{"associated_hostnames":[],"name":"theirs"}`, status: 409, code: 12133},
		step{method: "PUT", path: cas + "/" + made.ID, body: `{"associated_hostnames":[],"name":"ours"}`, status: 200})
}

// A correct rotation leaves no moment without an authority. One that removes the old
// authority first does.
func TestAssociationsAreCountedOverTheHistory(t *testing.T) {
	for _, tc := range []struct {
		name, seed string
		oldFirst   bool
		want       []int
	}{
		{"new first", "", false, []int{0, 1, 2, 1}},
		{"old first", "", true, []int{0, 1, 0, 1}},
		// The swap is then one write, and every moment has an authority.
		{"one authority each", "exclusive_associations: true\n", false, []int{0, 1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			srv := newServer(t, accountSeed+tc.seed, sandbox.Options{})
			old := upload(t, srv, "partners", issue(t, "old", nil, nil).pem(), "app.test", "pay.test")
			added := upload(t, srv, "partners", issue(t, "new", nil, nil).pem()) // of the same name
			if tc.oldFirst {
				associate(t, srv, old.ID)
				associate(t, srv, added.ID, "app.test", "pay.test")
			} else {
				associate(t, srv, added.ID, "app.test", "pay.test")
				associate(t, srv, old.ID)
			}
			must[any](t, srv, "DELETE", cas+"/"+old.ID, "")
			var got []int
			for _, m := range srv.Associations("Example Inc", "app.test") {
				got = append(got, m.Authorities)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s%s", diff, jsonText(t, srv.History()))
			}
		})
	}
	srv := newServer(t, accountSeed, sandbox.Options{})
	if got := srv.Associations("0000000000000000000000000000000a", "other.saas.example"); len(got) != 1 || got[0] != (sandbox.AssociationCount{Authorities: 1}) {
		t.Errorf("from the seed: %v", got)
	}
	if got := srv.Associations("Nobody", "app.test"); got != nil {
		t.Errorf("of no account: %v", got)
	}
}

func TestAnAuthorityIsDeletedOnceTheEdgeKnows(t *testing.T) {
	c := newClock()
	srv := newServer(t, accountSeed+"settle: 30s\n", c.options())
	ca := upload(t, srv, "partners", issue(t, "root", nil, nil).pem(), "app.test")
	c.advance(time.Minute)
	path := cas + "/" + ca.ID
	expect(t, srv, step{method: "DELETE", path: path, status: 409, code: 12132})
	associate(t, srv, ca.ID)
	expect(t, srv, step{method: "DELETE", path: path, status: 409, code: 12132})
	c.advance(29 * time.Second)
	expect(t, srv, step{method: "DELETE", path: path, status: 409, code: 12132})
	c.advance(time.Second)
	if got := must[struct{ ID string }](t, srv, "DELETE", path, ""); got.ID != ca.ID {
		t.Errorf("deleted %q", got.ID)
	}
	expect(t, srv, step{method: "DELETE", path: path, status: 404, code: 12134})
	w := last(srv)
	if e := srv.History()[len(srv.History())-2]; e.Effect != sandbox.EffectDeleted || e.Writes[0].Object != "mtls_certificate/Example Inc/partners" || e.Writes[0].After != nil {
		t.Errorf("history shows %+v then %+v", e, w)
	}
}

// A certificate that is created again after its deletion is another object.
func TestIdsAreNotUsedTwice(t *testing.T) {
	srv := newServer(t, accountSeed, sandbox.Options{})
	root := issue(t, "root", nil, nil)
	first := upload(t, srv, "partners", root.pem())
	must[any](t, srv, "DELETE", cas+"/"+first.ID, "")
	if second := upload(t, srv, "partners", root.pem()); second.ID == first.ID {
		t.Errorf("both are %s", first.ID)
	}
}

type shownSetting struct {
	Hostname string
	China    bool `json:"china_network"`
	Forward  bool `json:"client_certificate_forwarding"`
}

func forwardingBody(pairs ...any) string {
	var items []string
	for i := 0; i < len(pairs); i += 2 {
		items = append(items, fmt.Sprintf(`{"hostname":%q,"china_network":false,"client_certificate_forwarding":%v}`, pairs[i], pairs[i+1]))
	}
	return `{"settings":[` + strings.Join(items, ",") + `]}`
}

func TestHostnameSettings(t *testing.T) {
	for _, tc := range []struct {
		seed string
		want []string
	}{
		{"", []string{"app.test", "other.saas.example"}},
		{"replace_mtls_settings: true\n", []string{"app.test"}},
	} {
		srv := newServer(t, accountSeed+tc.seed, sandbox.Options{})
		expect(t, srv, step{method: "PUT", path: hostSettings, body: forwardingBody("app.test", true, "pay.test", false), status: 202})
		var got []string
		for _, set := range must[[]shownSetting](t, srv, "GET", hostSettings, "") {
			if !set.Forward || set.China {
				t.Errorf("%+v", set)
			}
			got = append(got, set.Hostname)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%q: %s", tc.seed, diff)
		}
	}

	srv := newServer(t, accountSeed, sandbox.Options{})
	must[any](t, srv, "PUT", hostSettings, forwardingBody("other.saas.example", false)) // both false takes it away
	if got := must[[]shownSetting](t, srv, "GET", hostSettings, ""); len(got) != 0 {
		t.Errorf("%v", got)
	}
	entry := func(back int) sandbox.Entry { h := srv.History(); return h[len(h)-back] }
	if e := entry(2); e.Effect != sandbox.EffectChanged || len(e.Writes) != 1 || e.Writes[0].Object != "mtls_hostname/Example Inc/other.saas.example" || e.Writes[0].After != nil {
		t.Errorf("history shows %+v", e)
	}
	must[any](t, srv, "PUT", hostSettings, `{"settings":[]}`)
	if e := entry(1); e.Effect != sandbox.EffectNoop || len(e.Writes) != 0 {
		t.Errorf("history shows %+v", e)
	}
	for _, body := range []string{
		`{}`, `{"settings":null}`, `{"settings":{}}`, `{"settings":[],"x":1}`,
		`{"settings":[{"hostname":"app.test","client_certificate_forwarding":true}]}`,
		`{"settings":[{"hostname":"app.test","china_network":null,"client_certificate_forwarding":true}]}`,
		`{"settings":[{"hostname":"app.test","china_network":true,"client_certificate_forwarding":true}]}`,
		`{"settings":[{"hostname":"app.test","china_network":"false","client_certificate_forwarding":true}]}`,
		`{"settings":[{"hostname":"app.test","china_network":false,"client_certificate_forwarding":true,"id":"x"}]}`,
		forwardingBody("app.test", true, "app.test", true),
	} {
		expect(t, srv, step{method: "PUT", path: hostSettings, body: body, status: 400, code: 12131})
	}
	expect(t, srv, step{method: "PUT", path: hostSettings, body: forwardingBody("www.far.example", true), status: 400, code: 12036})
}

func TestHostnameSettingsTakeTheirTime(t *testing.T) {
	c := newClock()
	srv := newServer(t, accountSeed+"settle: 30s\n", c.options())
	expect(t, srv,
		step{method: "PUT", path: hostSettings, body: forwardingBody("app.test", true), status: 202},
		step{method: "PUT", path: hostSettings, body: forwardingBody("pay.test", true), status: 409, code: 12135})
	c.advance(30 * time.Second)
	expect(t, srv, step{method: "PUT", path: hostSettings, body: forwardingBody("pay.test", true), status: 202})
	if got := must[[]shownSetting](t, srv, "GET", hostSettings, ""); len(got) != 3 {
		t.Errorf("%v", got)
	}
}

func TestPermissionsOfAnAccount(t *testing.T) {
	srv := newServer(t, accountSeed, sandbox.Options{})
	paths := []struct{ read, write string }{
		{cas, cas}, {hostSettings, ""}, {accountA + "/access/apps", accountA + "/access/apps"}, {accountA + "/access/policies", accountA + "/access/policies"},
		{accountA + "/alerting/v3/policies", accountA + "/alerting/v3/policies"}, {accountA + "/alerting/v3/available_alerts", ""},
		{accountA + "/alerting/v3/destinations/webhooks", ""},
	}
	for _, p := range paths {
		expect(t, srv,
			step{token: "read-token", method: "GET", path: p.read, status: 200},
			step{token: "zone-token", method: "GET", path: p.read, status: 403, code: 10000},
			step{token: "other-token", method: "GET", path: p.read, status: 403, code: 9109},
			step{token: "far-token", method: "GET", path: p.read, status: 403, code: 9109})
		if p.write != "" {
			expect(t, srv, step{token: "read-token", method: "POST", path: p.write, body: `{}`, status: 403, code: 10000})
		}
	}
	expect(t, srv,
		step{token: "other-token", method: "GET", path: accountB + "/access/certificates", status: 200},
		step{token: "far-token", method: "GET", path: accountB + "/access/certificates", status: 200},
		step{token: "read-token", method: "PUT", path: hostSettings, body: `{"settings":[]}`, status: 403, code: 10000},
		step{token: "read-token", method: "DELETE", path: cas + "/x", status: 403, code: 10000})
	// Each permission opens only its own endpoints.
	for permission, want := range map[string][3]int{
		"access_certificates:read": {200, 403, 403}, "access_apps:edit": {403, 200, 403}, "notifications:read": {403, 403, 200},
	} {
		srv := newServer(t, strings.Replace(accountSeed, "permissions: read_only", "permissions: ["+permission+"]", 1), sandbox.Options{})
		for i, path := range []string{cas, accountA + "/access/apps", accountA + "/alerting/v3/policies"} {
			if status, text := send(t, srv, step{token: "read-token", method: "GET", path: path}); status != want[i] {
				t.Errorf("%s %s: %d %s", permission, path, status, text)
			}
		}
	}
}

// This test runs over a real connection, with faults.
func TestFaultsStrikeAccountsToo(t *testing.T) {
	srv := newServer(t, accountSeed+`
faults:
  - {kind: error, method: PUT, path: "/accounts/*/access/certificates/settings", status: 409, code: 12135, count: 2}
  - {kind: ignore-write, method: POST, path: "/accounts/*/access/**", nth: 1}
  - {kind: ignore-write, method: POST, path: "/accounts/*/alerting/**", nth: 1}
`, sandbox.Options{})
	web := httptest.NewServer(srv)
	defer web.Close()
	do := func(method, path, body string) int {
		req, err := http.NewRequest(method, web.URL+sandbox.Base+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer full-token")
		req.Header.Set("Content-Type", "application/json")
		res, err := web.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		return res.StatusCode
	}
	for i, want := range []int{409, 409, 202} {
		if got := do("PUT", hostSettings, forwardingBody("app.test", true)); got != want {
			t.Errorf("try %d: %d, want %d", i+1, got, want)
		}
	}
	body := jsonText(t, map[string]string{"name": "x", "certificate": issue(t, "root", nil, nil).pem()})
	for i, want := range []int{1, 2} {
		if got := do("POST", cas, body); got != 201 {
			t.Errorf("try %d: %d", i+1, got)
		}
		if n := len(srv.State().Accounts[0].Certificates); n != want {
			t.Errorf("%d certificates after try %d, want %d", n, i+1, want)
		}
	}
	for i, want := range []int{1, 2} {
		if got := do("POST", alerts, alertBody("x", "universal_ssl_event_type", "")); got != 200 {
			t.Errorf("try %d: %d", i+1, got)
		}
		if n := len(srv.State().Accounts[0].Alerts); n != want {
			t.Errorf("%d alerts after try %d, want %d", n, i+1, want)
		}
	}
}
