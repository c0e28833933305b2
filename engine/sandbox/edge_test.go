package sandbox_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"tlsync/engine/sandbox"
)

const edgeSeed = `
tokens: [{value: full-token}]
zones:
  - name: saas.example
    id: 11111111111111111111111111111111
    settings: {min_tls_version: 1.0}
    custom_hostnames:
      - {hostname: app.test, id: aaaaaaaa-0000-4000-8000-000000000001, ssl: {method: txt, settings: {min_tls_version: 1.2}}}
      - {hostname: inherit.test}
      - {hostname: rsa.test, ssl: {settings: {tls_1_3: "off", ciphers: [ECDHE-RSA-AES128-GCM-SHA256]}}}
      - {hostname: none.test, ssl: {settings: {tls_1_3: "off", ciphers: [ECDHE-RSA-AES256-SHA384]}}}
      - {hostname: dark.test, ssl: {settings: {tls_1_3: "off", min_tls_version: 1.3}}}
      - {hostname: new.test, status: pending, ssl: {status: pending_validation}}
      - {hostname: bare.test, ssl: null}
      - {hostname: wild.test, ssl: {wildcard: true, settings: {min_tls_version: 1.3}}}
      - {hostname: exact.wild.test, ssl: {settings: {min_tls_version: 1.2}}}
`

func startEdge(t *testing.T, srv *sandbox.Server) (addr string, roots *x509.CertPool) {
	t.Helper()
	edge, err := sandbox.NewEdge(srv)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- edge.Serve(ln) }()
	t.Cleanup(func() {
		if err := edge.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	_, pem := control(t, srv, "GET", "ca.pem", "")
	roots = x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(pem)) {
		t.Fatalf("no certificate in %q", pem)
	}
	return ln.Addr().String(), roots
}

// handshake returns "refused", or what was negotiated.
func handshake(addr string, roots *x509.CertPool, name string, version uint16, suites ...uint16) string {
	cfg := &tls.Config{RootCAs: roots, ServerName: name, MinVersion: version, MaxVersion: version, CipherSuites: suites}
	conn, err := tls.Dial("tcp", addr, cfg)
	if err != nil {
		return "refused"
	}
	defer conn.Close()
	st := conn.ConnectionState()
	return tls.VersionName(st.Version) + " " + st.PeerCertificates[0].PublicKeyAlgorithm.String()
}

func TestTheEdgeEnforcesTheState(t *testing.T) {
	srv := newServer(t, edgeSeed, sandbox.Options{})
	addr, roots := startEdge(t, srv)
	for _, tc := range []struct {
		name    string
		version uint16
		suites  []uint16
		want    string
	}{
		{"app.test", tls.VersionTLS10, nil, "refused"},
		{"app.test", tls.VersionTLS11, nil, "refused"},
		{"app.test", tls.VersionTLS12, nil, "TLS 1.2 ECDSA"},
		{"app.test", tls.VersionTLS13, nil, "TLS 1.3 ECDSA"},
		{"APP.test", tls.VersionTLS12, nil, "TLS 1.2 ECDSA"},
		{"inherit.test", tls.VersionTLS10, nil, "TLS 1.0 ECDSA"},
		{"inherit.test", tls.VersionTLS12, []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}, "TLS 1.2 RSA"},
		{"inherit.test", tls.VersionTLS10, []uint16{tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA}, "TLS 1.0 RSA"},
		{"rsa.test", tls.VersionTLS13, nil, "refused"},
		{"rsa.test", tls.VersionTLS12, nil, "TLS 1.2 RSA"},
		{"rsa.test", tls.VersionTLS11, nil, "refused"}, // the list has nothing for it
		{"rsa.test", tls.VersionTLS12, []uint16{tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384}, "refused"},
		{"none.test", tls.VersionTLS12, nil, "refused"}, // crypto/tls lacks the only suite
		{"dark.test", tls.VersionTLS12, nil, "refused"},
		{"dark.test", tls.VersionTLS13, nil, "refused"},
		{"wild.test", tls.VersionTLS12, nil, "refused"},
		{"child.wild.test", tls.VersionTLS10, nil, "TLS 1.0 ECDSA"}, // children follow the zone
		{"exact.wild.test", tls.VersionTLS11, nil, "refused"},       // its own name comes first
		{"child.inherit.test", tls.VersionTLS12, nil, "refused"},    // its parent is not a wildcard
		{"deep.child.wild.test", tls.VersionTLS12, nil, "refused"},
		{"saas.example", tls.VersionTLS10, nil, "TLS 1.0 ECDSA"},
		{"www.saas.example", tls.VersionTLS10, nil, "TLS 1.0 ECDSA"},
		{"new.test", tls.VersionTLS13, nil, "refused"},
		{"bare.test", tls.VersionTLS13, nil, "refused"},
		{"nobody.test", tls.VersionTLS13, nil, "refused"},
	} {
		if got := handshake(addr, roots, tc.name, tc.version, tc.suites...); got != tc.want {
			t.Errorf("%s at %s %v: %s, want %s", tc.name, tls.VersionName(tc.version), tc.suites, got, tc.want)
		}
	}
}

func TestTheEdgeFollowsWhenAWriteHasSettled(t *testing.T) {
	c := newClock()
	srv := newServer(t, edgeSeed+"settle: 30s\n", c.options())
	addr, roots := startEdge(t, srv)
	must[any](t, srv, "PATCH", host1+"1", `{"ssl":{"type":"dv","method":"txt","settings":{}}}`)
	must[any](t, srv, "PATCH", zoneA+"/settings/min_tls_version", `{"value":"1.3"}`)
	if got := handshake(addr, roots, "app.test", tls.VersionTLS11); got != "refused" {
		t.Errorf("the pin is gone at once: %s", got)
	}
	if got := handshake(addr, roots, "inherit.test", tls.VersionTLS10); got != "TLS 1.0 ECDSA" {
		t.Errorf("the zone's new minimum holds at once: %s", got)
	}
	srv.State() // another reader does not hurry it
	c.advance(30 * time.Second)
	if got := handshake(addr, roots, "app.test", tls.VersionTLS12); got != "refused" {
		t.Errorf("after it has settled: %s", got)
	}
	if got := handshake(addr, roots, "saas.example", tls.VersionTLS13); got != "TLS 1.3 ECDSA" {
		t.Errorf("zone: %s", got)
	}
}

func TestTheEdgeTellsWhatWasNegotiated(t *testing.T) {
	addr, roots := startEdge(t, newServer(t, edgeSeed, sandbox.Options{}))
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "app.test"}}}
	res, err := client.Get("https://" + addr + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	client.CloseIdleConnections()
	if !strings.HasPrefix(string(body), "app.test TLS 1.3 TLS_") {
		t.Errorf("got %q", body)
	}
}

// Whoever probes the edge has to see each of these for what it is.
func TestTheEdgeMisbehavesOnRequest(t *testing.T) {
	srv := newServer(t, edgeSeed, sandbox.Options{})
	addr, roots := startEdge(t, srv)
	for _, f := range []sandbox.EdgeFault{
		{Kind: sandbox.EdgeIgnoreMinimum, Name: "app.test"},
		{Kind: sandbox.EdgeKeepSuite, Name: "rsa.test", Suite: "AES128-SHA"},
		{Kind: sandbox.EdgeReset, Name: "inherit.test"},
		{Kind: sandbox.EdgeNoHTTP, Name: "saas.example"},
	} {
		if err := srv.AddEdgeFault(f); err != nil {
			t.Fatal(err)
		}
	}

	if got := handshake(addr, roots, "app.test", tls.VersionTLS10); got != "TLS 1.0 ECDSA" {
		t.Errorf("ignored minimum: %s", got)
	}
	config := func(name string) *tls.Config {
		return &tls.Config{RootCAs: roots, ServerName: name, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}, MaxVersion: tls.VersionTLS12}
	}
	if conn, err := tls.Dial("tcp", addr, config("rsa.test")); err != nil {
		t.Errorf("kept suite: %v", err)
	} else {
		_ = conn.Close()
	}
	if _, err := tls.Dial("tcp", addr, config("inherit.test")); err == nil || strings.Contains(err.Error(), "remote error") {
		t.Errorf("reset: %v", err)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "saas.example"}}}
	if _, err := client.Get("https://" + addr + "/"); err == nil || !strings.Contains(err.Error(), "malformed HTTP") {
		t.Errorf("no HTTP: %v", err)
	}

	srv.ClearEdgeFaults()
	if got := handshake(addr, roots, "app.test", tls.VersionTLS10); got != "refused" {
		t.Errorf("after the faults are cleared: %s", got)
	}
}

// A client that gives up ends the waiting.
func TestTheEdgeHangsOnRequest(t *testing.T) {
	srv := newServer(t, edgeSeed+"edge_faults: [{kind: hang, name: App.Test}]\n", sandbox.Options{})
	addr, roots := startEdge(t, srv)
	dialer := &net.Dialer{Timeout: 200 * time.Millisecond}
	if _, err := tls.DialWithDialer(dialer, "tcp", addr, &tls.Config{RootCAs: roots, ServerName: "app.test"}); err == nil || !strings.Contains(err.Error(), "deadline exceeded") {
		t.Errorf("a hanging edge answered: %v", err)
	}
}
