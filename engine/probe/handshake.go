package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"

	"tlsync/engine/probe/compare"
	"tlsync/schema"
)

// suiteIDs returns the suites of crypto/tls by the names of Cloudflare's API.
func suiteIDs() map[string]uint16 {
	known := map[string]uint16{}
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		known[s.Name] = s.ID
	}
	out := map[string]uint16{}
	for _, s := range schema.Suites() {
		if id, ok := known[s.IANA]; ok {
			out[s.Name] = id
		}
	}
	return out
}

// suiteName returns the name of a suite as Cloudflare's API spells it.
func suiteName(id uint16) string {
	iana := tls.CipherSuiteName(id)
	for _, s := range schema.Suites() {
		if s.IANA == iana {
			return s.Name
		}
	}
	return iana
}

// configFor returns the configuration that sends a hello and no other. It fails for suites
// that crypto/tls does not implement: it would offer fewer, or none, and a refusal of those
// would look like a refusal of all.
func configFor(serverName string, h compare.Hello) (*tls.Config, error) {
	cfg := &tls.Config{
		ServerName: serverName, InsecureSkipVerify: true, // see the package comment
		MinVersion: uint16(h.Version()), MaxVersion: uint16(h.Version()), NextProtos: []string{"http/1.1"},
	}
	ids := suiteIDs()
	for _, name := range h.Suites() {
		id, ok := ids[name]
		if !ok {
			return nil, fmt.Errorf("crypto/tls has no suite %s", name)
		}
		cfg.CipherSuites = append(cfg.CipherSuites, id)
	}
	if h.Version() != compare.TLS13 && len(cfg.CipherSuites) == 0 {
		return nil, errors.New("the hello offers no suite")
	}
	return cfg, nil
}

// handshake makes one attempt, and one HTTP request if it succeeds.
func (p *prober) handshake(ctx context.Context, h compare.Hello, x *compare.Answer) {
	cfg, err := configFor(p.target.Expected.Name, h)
	if err != nil {
		x.Outcome, x.Why = compare.Local, err.Error()
		return
	}
	cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		x.AsksForCertificate = true
		return &tls.Certificate{}, nil
	}

	seen, hangUp, err := p.dial(ctx)
	if err != nil {
		x.Outcome, x.Why = compare.Unreachable, reason(err)
		return
	}
	defer hangUp()
	conn := tls.Client(seen, cfg)
	err = conn.Handshake()
	if h.Version() != compare.TLS13 && !sameSuites(seen.offered(), cfg.CipherSuites) {
		x.Outcome, x.Why = compare.Local, "crypto/tls offered other suites than it was told to"
		return
	}

	id, chosen := seen.chosen()
	if chosen {
		x.Suite = suiteName(id)
	}
	if err != nil {
		fail(x, chosen, err)
		return
	}
	exchange(x, conn, p.target.Expected.Name)
}

// dial opens a connection that ends with the context.
func (p *prober) dial(ctx context.Context) (seen *witness, hangUp func(), err error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, p.target.Network, p.target.Address)
	if err != nil {
		return nil, nil, err
	}
	if until, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(until)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	return &witness{Conn: conn}, func() { stop(); _ = conn.Close() }, nil
}

// facts makes the handshake of a client that can do everything. It returns nil if that fails:
// nothing depends on it.
func (p *prober) facts(ctx context.Context) *compare.Facts {
	if p.pace.turn(ctx) != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, p.o.Timeout)
	defer cancel()
	seen, hangUp, err := p.dial(ctx)
	if err != nil {
		return nil
	}
	defer hangUp()

	conn := tls.Client(seen, &tls.Config{
		ServerName: p.target.Expected.Name, InsecureSkipVerify: true, MinVersion: tls.VersionTLS10,
		NextProtos: []string{"h2", "http/1.1"},
	})
	if conn.Handshake() != nil {
		return nil
	}
	state := conn.ConnectionState()
	out := &compare.Facts{Version: compare.Version(state.Version), Suite: suiteName(state.CipherSuite), Protocol: state.NegotiatedProtocol}
	if state.CurveID != 0 {
		out.Exchange = state.CurveID.String()
	}
	if len(state.PeerCertificates) > 0 {
		leaf := state.PeerCertificates[0]
		out.Issuer, out.Expires = leaf.Issuer.String(), leaf.NotAfter
	}
	return out
}
