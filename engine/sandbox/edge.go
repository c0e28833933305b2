package sandbox

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"strings"
	"time"
)

// Edge is a TLS listener that enforces the server's state for each SNI name: the
// minimum version, TLS 1.3 on or off, the cipher suites. It answers every HTTP
// request with one line that says what was negotiated.
//
// It looks for a name among the custom hostnames first, then as a child of a
// wildcard custom hostname, then as the zone or a name in it. Children have the
// zone's settings. Names in the zone have their own settings and the zone's where
// those are missing. An unknown name gets a TLS alert, and so do a name whose
// certificate was never active and the zone's names while Universal SSL is off:
// the edge knows no other certificates for them.
//
// It uses Go's crypto/tls, which orders the suites itself and lacks
// ECDHE-ECDSA-AES256-SHA384, ECDHE-RSA-AES256-SHA384 and AES256-SHA256: a list may
// name them, but nobody can negotiate them. TLS 1.3 suites are on whenever TLS 1.3
// is, as at Cloudflare.
//
// For a name that Access protects, it asks for a client certificate and answers
// requests that no policy lets in with 403 (see entrance).
//
// On request it misbehaves; see EdgeFault.
type Edge struct {
	server *Server
	caPEM  []byte
	ca     *x509.Certificate
	caKey  crypto.Signer
	leaves []crypto.Signer // one ECDSA, one RSA
	http   *http.Server
}

// NewEdge returns the edge of a server. Its certificate authority is its own, so
// clients must be told to trust it.
func NewEdge(s *Server) (*Edge, error) {
	e := &Edge{server: s}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("edge: make the key of the authority: %w", err)
	}
	leafKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("edge: make an ECDSA key: %w", err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("edge: make an RSA key: %w", err)
	}
	e.caKey, e.leaves = key, []crypto.Signer{leafKey, rsaKey}

	now := time.Now() // peers check certificates against the real clock
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "tlsync sandbox"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("edge: sign the authority: %w", err)
	}
	if e.ca, err = x509.ParseCertificate(der); err != nil {
		return nil, fmt.Errorf("edge: read the authority: %w", err)
	}
	e.caPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})

	s.mu.Lock()
	s.caPEM = e.caPEM
	s.mu.Unlock()

	e.http = &http.Server{
		Handler:           http.HandlerFunc(e.serve),
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0), // refused handshakes are what it is for
	}
	return e, nil
}

// CA returns the certificate of the edge's authority as PEM text, as
// GET /__sandbox/ca.pem does.
func (e *Edge) CA() []byte { return e.caPEM }

// Serve takes connections until the listener or the edge is closed.
func (e *Edge) Serve(ln net.Listener) error {
	err := e.http.Serve(tls.NewListener(ln, &tls.Config{GetConfigForClient: e.config, MinVersion: tls.VersionTLS12}))
	if errors.Is(err, http.ErrServerClosed) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Close ends Serve and every connection.
func (e *Edge) Close() error { return e.http.Close() }

// describe writes what was negotiated.
func describe(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintf(w, "%s %s %s\n", r.TLS.ServerName, tls.VersionName(r.TLS.Version), tls.CipherSuiteName(r.TLS.CipherSuite))
}

// policy is what the edge enforces for a name.
type policy struct {
	min     string
	tls13   bool
	ciphers []string // empty means all
}

// policyFor returns the policy of a name; ok is false if nothing serves it.
func (s *Server) policyFor(sni string) (p policy, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle(s.now())

	sni = strings.ToLower(strings.TrimSuffix(sni, "."))
	_, parent, _ := strings.Cut(sni, ".")
	serves := func(h *customHostname) bool { return h != nil && h.ssl != nil && h.ssl.deployed != nil }

	for _, z := range s.zones {
		if h := z.byName[sni]; h != nil {
			if !serves(h) {
				return policy{}, false
			}
			return z.policy(h.ssl.deployed), true
		}
	}

	for _, z := range s.zones {
		if h := z.byName[parent]; serves(h) && h.ssl.wildcard {
			return z.policy(nil), true
		}
	}

	for _, z := range s.zones {
		if z.holds(sni) {
			return z.policy(z.hostnamesDeployed[sni]), z.deployed[universalSSL] == `"on"`
		}
	}
	return policy{}, false
}

// policy lays the settings of a name over the zone's.
func (z *zone) policy(own map[string]string) policy {
	value := func(id string) string {
		if v, ok := own[id]; ok {
			return v
		}
		return z.deployed[id]
	}

	p := policy{tls13: value(tls13) != `"off"`}
	// Values come from checked writes or from a seed. An invalid value in a seed
	// counts as the weakest one.
	_ = json.Unmarshal([]byte(value(minVersion)), &p.min)
	_ = json.Unmarshal([]byte(value(cipherList)), &p.ciphers)
	return p
}

var versions = map[string]uint16{"1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}

// config returns the TLS configuration for one handshake.
func (e *Edge) config(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	faults := e.server.edgeFaultsOf(hello.ServerName)
	if err := disturb(hello.Conn, faults); err != nil {
		return nil, err
	}
	p, ok := e.server.policyFor(hello.ServerName)
	if !ok {
		return nil, fmt.Errorf("nothing serves %q", hello.ServerName)
	}

	cfg := &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS13, CipherSuites: []uint16{}, NextProtos: []string{"http/1.1"}}
	// A resumed session would keep the state of its first handshake.
	cfg.SessionTicketsDisabled = true
	if e.server.entranceOf(hello.ServerName).asks() {
		cfg.ClientAuth = tls.RequestClientCert // the handshake accepts any client; requests are refused later
	}
	if v, ok := versions[p.min]; ok {
		cfg.MinVersion = v
	}
	if !p.tls13 {
		cfg.MaxVersion = tls.VersionTLS12
	}

	names := p.ciphers
	if len(names) == 0 {
		names = sortedKeys(suites)
	}
	for _, name := range names {
		if id := suites[name]; id != 0 {
			cfg.CipherSuites = append(cfg.CipherSuites, id)
		}
	}
	loosen(cfg, faults)

	for i, key := range e.leaves {
		leaf, err := e.leaf(hello.ServerName, int64(i), key)
		if err != nil {
			return nil, err
		}
		cfg.Certificates = append(cfg.Certificates, leaf)
	}
	return cfg, nil
}

// leaf signs a certificate for a name. Signing costs a fraction of the handshake, so
// certificates are not cached.
func (e *Edge) leaf(name string, serial int64, key crypto.Signer) (tls.Certificate, error) {
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano() + serial), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(0, 0, 90),
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, e.ca, key.Public(), e.caKey)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("edge: sign a certificate for %q: %w", name, err)
	}
	return tls.Certificate{Certificate: [][]byte{der, e.ca.Raw}, PrivateKey: key}, nil
}
