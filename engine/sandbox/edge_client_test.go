package sandbox_test

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"tlsync/engine/sandbox"
)

// visit sends a request to a name over a new connection. The client shows its certificate
// to every server that asks.
func visit(t *testing.T, addr string, roots *x509.CertPool, name, path string, client *issuer) (status int, text string, asked bool) {
	t.Helper()
	cfg := &tls.Config{RootCAs: roots, ServerName: name, GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		asked = true
		if client == nil {
			return &tls.Certificate{}, nil
		}
		crt := client.tls()
		return &crt, nil
	}}
	transport := &http.Transport{TLSClientConfig: cfg}
	defer transport.CloseIdleConnections()
	res, err := (&http.Client{Transport: transport}).Get("https://" + addr + path)
	if err != nil {
		t.Fatalf("%s%s: %v", name, path, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body), asked
}

func TestTheEdgeLetsInWhomAccessLetsIn(t *testing.T) {
	root := issue(t, "root", nil, nil)
	middle := issue(t, "middle", root, nil)
	sub := issue(t, "sub", root, nil) // of the same root, yet never uploaded
	stranger := issue(t, "stranger", nil, nil)
	clients := map[string]*issuer{
		"nobody": nil, "ours": issue(t, "x", root, leaf), "below": issue(t, "y", middle, leaf), "beside": issue(t, "y", sub, leaf),
		"strange": issue(t, "x", stranger, leaf),
		"server": issue(t, "x", root, func(crt *x509.Certificate) {
			leaf(crt)
			crt.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		}),
		"old": issue(t, "x", root, func(crt *x509.Certificate) { leaf(crt); crt.NotAfter = time.Now().Add(-time.Minute) }),
	}
	srv := newServer(t, accountSeed, sandbox.Options{})
	addr, roots := startEdge(t, srv)
	upload(t, srv, "partners", middle.pem()+root.pem(), "app.test", "pay.test", "free.saas.example", "deny.saas.example")
	policy := func(decision, include, more string) string {
		return `,"policies":[{"name":"p","decision":"` + decision + `","include":[` + include + `]` + more + `}]`
	}
	const certificate, common = `{"certificate":{}}`, `{"common_name":{"common_name":"x"}}`
	for domain, more := range map[string]string{
		"app.test":                policy("non_identity", certificate, ""),
		"pay.test":                policy("non_identity", common, ""),
		"none.saas.example":       "",
		"bare.saas.example":       policy("non_identity", certificate, ""), // no authority knows it
		"open.saas.example":       policy("bypass", `{"everyone":{}}`, ""),
		"open.saas.example/admin": policy("non_identity", certificate, ""),
		"login.saas.example":      policy("allow", `{"everyone":{}}`, ""),
		"deny.saas.example":       policy("non_identity", certificate, `,"exclude":[`+common+`]`),
		"both.saas.example":       policy("non_identity", `{"everyone":{}}`, `,"require":[{"email":{"email":"a@b.example"}}]`),
		"part.saas.example/admin": policy("non_identity", certificate, ""),
		"*.deep.saas.example":     policy("non_identity", certificate, ""),
	} {
		must[any](t, srv, "POST", apps, appBody(domain, more))
	}
	for _, tc := range []struct {
		name, path, client string
		status             int
		asked              bool
	}{
		{"app.test", "/", "nobody", 403, true},
		{"app.test", "/", "ours", 200, true},
		{"APP.test", "/", "nobody", 403, true},
		{"app.test", "/", "below", 200, true},
		{"app.test", "/", "beside", 403, true},
		{"app.test", "/", "strange", 403, true},
		{"app.test", "/", "server", 403, true},
		{"app.test", "/", "old", 403, true},
		{"pay.test", "/", "nobody", 403, true},
		{"pay.test", "/", "ours", 200, true},
		{"pay.test", "/", "below", 403, true}, // of another common name
		{"pay.test", "/", "strange", 403, true},
		{"none.saas.example", "/", "ours", 403, true},
		{"bare.saas.example", "/", "ours", 403, true},
		{"open.saas.example", "/", "nobody", 200, true},
		{"login.saas.example", "/", "ours", 403, true},
		{"deny.saas.example", "/", "ours", 403, true},
		{"deny.saas.example", "/", "below", 200, true},
		{"both.saas.example", "/", "ours", 403, true},
		{"part.saas.example", "/", "nobody", 200, true},
		{"part.saas.example", "/administration", "nobody", 200, true},
		{"part.saas.example", "/x/../admin/y", "nobody", 403, true},
		{"open.saas.example", "/admin", "nobody", 403, true}, // the longer path decides
		{"x.deep.saas.example", "/", "nobody", 403, true},
		{"deep.saas.example", "/", "nobody", 200, false},
		{"free.saas.example", "/", "nobody", 200, true}, // an authority alone refuses nobody
		{"www.saas.example", "/", "ours", 200, false},
	} {
		status, text, asked := visit(t, addr, roots, tc.name, tc.path, clients[tc.client])
		if status != tc.status || asked != tc.asked {
			t.Errorf("%s%s with the certificate of %s: %d %q, asked %v, want %d, %v", tc.name, tc.path, tc.client, status, text, asked, tc.status, tc.asked)
		}
	}
}

// A session from before Access must not be resumed past it. The test uses TLS 1.2, where
// the client surely has its ticket at the end of the handshake.
func TestEveryHandshakeIsWhole(t *testing.T) {
	srv := newServer(t, accountSeed, sandbox.Options{})
	addr, roots := startEdge(t, srv)
	root := issue(t, "root", nil, nil)
	client := issue(t, "x", root, leaf).tls()
	sessions := tls.NewLRUClientSessionCache(1)
	for i, want := range []int{200, 200, 200} {
		cfg := &tls.Config{RootCAs: roots, ServerName: "app.test", Certificates: []tls.Certificate{client}, ClientSessionCache: sessions, MaxVersion: tls.VersionTLS12}
		transport := &http.Transport{TLSClientConfig: cfg}
		res, err := (&http.Client{Transport: transport}).Get("https://" + addr + "/")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		transport.CloseIdleConnections()
		if res.StatusCode != want || res.TLS.DidResume {
			t.Errorf("request %d: %d, resumed %v", i+1, res.StatusCode, res.TLS.DidResume)
		}
		if i == 0 {
			upload(t, srv, "partners", root.pem(), "app.test")
			must[any](t, srv, "POST", apps, appBody("app.test", `,"policies":[`+certificateOnly+`]`))
		}
	}
}

// A client cannot evade Access by naming an open host in the handshake and a protected one
// in the request.
func TestTheNameInTheRequestCountsToo(t *testing.T) {
	srv := newServer(t, accountSeed, sandbox.Options{})
	addr, roots := startEdge(t, srv)
	must[any](t, srv, "POST", apps, appBody("app.test", `,"policies":[`+certificateOnly+`]`))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "pay.test"}}
	defer transport.CloseIdleConnections()
	for host, want := range map[string]int{"app.test": 403, "APP.test:443": 403, "pay.test": 200} {
		req, err := http.NewRequest("GET", "https://"+addr+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		res, err := transport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("%s: %d, want %d", host, res.StatusCode, want)
		}
	}
}

func TestForwardingIsTold(t *testing.T) {
	srv := newServer(t, accountSeed, sandbox.Options{})
	addr, roots := startEdge(t, srv)
	root := issue(t, "root", nil, nil)
	client := issue(t, "x", root, leaf)
	sum := sha256.Sum256(client.crt.Raw)
	upload(t, srv, "partners", root.pem(), "app.test")
	see := func(want string, crt *issuer) {
		t.Helper()
		_, text, _ := visit(t, addr, roots, "app.test", "/", crt)
		if _, rest, _ := strings.Cut(text, "\n"); rest != want {
			t.Errorf("%q, want %q", rest, want)
		}
	}
	see("client-certificate: not forwarded\n", client)
	must[any](t, srv, "PUT", hostSettings, forwardingBody("app.test", true))
	see(fmt.Sprintf("client-certificate: forwarded sha256=%s\n", hex.EncodeToString(sum[:])), client)
	see("", nil)
	see("", issue(t, "x", nil, leaf))
	must[any](t, srv, "PUT", hostSettings, forwardingBody("app.test", false))
	see("client-certificate: not forwarded\n", client)
}

// Every write reaches the edge late, in the order of the writes.
func TestTheEdgeFollowsAccessWhenItHasSettled(t *testing.T) {
	c := newClock()
	srv := newServer(t, accountSeed+"settle: 30s\n", c.options())
	addr, roots := startEdge(t, srv)
	root := issue(t, "root", nil, nil)
	client := issue(t, "x", root, leaf)
	status := func(crt *issuer) int {
		t.Helper()
		status, _, _ := visit(t, addr, roots, "app.test", "/", crt)
		return status
	}
	app := must[shownApp](t, srv, "POST", apps, appBody("app.test", `,"policies":[`+certificateOnly+`]`))
	if got := status(nil); got != 200 {
		t.Errorf("the application holds at once: %d", got)
	}
	c.advance(20 * time.Second)
	ca := upload(t, srv, "partners", root.pem(), "app.test")
	c.advance(10 * time.Second)
	if got := status(client); got != 403 {
		t.Errorf("the authority is known 10 s after it was made: %d", got)
	}
	c.advance(20 * time.Second)
	if none, with := status(nil), status(client); none != 403 || with != 200 {
		t.Errorf("settled: %d without a certificate and %d with one, want 403 and 200", none, with)
	}
	associate(t, srv, ca.ID)
	if got := status(client); got != 200 {
		t.Errorf("the association is gone at once: %d", got)
	}
	c.advance(30 * time.Second)
	if got := status(client); got != 403 {
		t.Errorf("without an authority: %d", got)
	}
	must[any](t, srv, "DELETE", apps+"/"+app.ID, "")
	c.advance(30 * time.Second)
	if got := status(nil); got != 200 {
		t.Errorf("without an application: %d", got)
	}
}

func TestTheEdgeKnowsASeed(t *testing.T) {
	root := issue(t, "root", nil, nil)
	srv := newServer(t, `
accounts:
  - name: Example Inc
    certificates:
      - {name: partners, hostnames: [app.saas.example], certificate: `+jsonText(t, root.pem())+`}
      - {name: unknown, hostnames: [app.saas.example], fingerprint: 00112233445566778899AABBCCDDEEFF, expires_on: 2030-01-01T00:00:00Z}
    applications:
      - {domain: app.saas.example, policies: [{name: mtls, decision: non_identity, include: [{certificate: {}}]}]}
zones: [{name: saas.example, account: Example Inc}]
`, sandbox.Options{})
	addr, roots := startEdge(t, srv)
	for _, tc := range []struct {
		client *issuer
		want   int
	}{{nil, 403}, {issue(t, "x", root, leaf), 200}, {issue(t, "x", nil, leaf), 403}} {
		if got, text, _ := visit(t, addr, roots, "app.saas.example", "/", tc.client); got != tc.want {
			t.Errorf("%d %s, want %d", got, text, tc.want)
		}
	}
}
