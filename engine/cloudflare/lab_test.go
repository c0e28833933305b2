package cloudflare

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/md5"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tlsync/engine/plan"
	"tlsync/engine/sandbox"
	"tlsync/schema"
)

// lab is a sandbox behind a real listener.
type lab struct {
	testing.TB
	server *sandbox.Server
	url    string
}

const labTokens = `
tokens:
  - {name: full, value: "` + canary + `"}
  - {name: narrow, value: narrow-token, permissions: [zone:read, zone_settings:edit]}
rate: {requests: -1}
`

func newLab(t testing.TB, seed string) *lab {
	t.Helper()
	l := &lab{TB: t, server: newSandbox(t, seed)}
	listener := httptest.NewServer(l.server)
	l.url = listener.URL + sandbox.Base
	t.Cleanup(func() {
		l.server.Close()
		listener.CloseClientConnections()
		listener.Close()
	})
	return l
}

func newSandbox(t testing.TB, seed string) *sandbox.Server {
	t.Helper()
	parsed, err := sandbox.ParseSeed([]byte(seed + labTokens))
	if err != nil {
		t.Fatal(err)
	}
	return sandbox.New(parsed, sandbox.Options{})
}

// options are without delays between attempts.
func (l *lab) options() Options {
	return Options{
		BaseURL: l.url, Credentials: Credentials{Token: canary}, Rate: Rate{1_000_000, time.Second},
		Pauses: []time.Duration{}, jitter: func(time.Duration) time.Duration { return 0 },
	}
}

func (l *lab) writer() *Writer { l.Helper(); return writer(l, l.options()) }

func (l *lab) fault(f sandbox.Fault) {
	l.Helper()
	if err := l.server.AddFault(f); err != nil {
		l.Fatal(err)
	}
}

// fetch reads with a new client.
func (l *lab) fetch(s plan.Scope) *plan.Live {
	l.Helper()
	live, err := reader(l, l.options()).Fetch(l.Context(), s)
	if err != nil {
		l.Fatal(err)
	}
	return live
}

// zone reads the zone saas.example alone.
func (l *lab) zone(s plan.ZoneScope) plan.Zone {
	l.Helper()
	s.Name = "saas.example"
	live := l.fetch(plan.Scope{Zones: []plan.ZoneScope{s}})
	if len(live.Zones) != 1 {
		l.Fatalf("%+v", live)
	}
	return live.Zones[0]
}

// do reads the object of a change, writes it with the request that a plan
// shows, and checks that a new reading has the values that the change wants.
func (l *lab) do(w *Writer, c *plan.Change) plan.Object {
	l.Helper()
	before := l.read(w, c, time.Minute)
	if at, e, v := plan.Stand(c, before); at != plan.AtOrigin {
		l.Fatalf("%s: before the write it is %s: %+v %s", c.String(), at, e, v)
	}
	answer, err := w.Write(l.Context(), c, plan.NewRequest(c, before))
	if err != nil {
		l.Fatalf("%s: %v", c.String(), err)
	}
	for _, age := range []time.Duration{time.Minute, 0} {
		after := l.read(w, c, age)
		if at, e, v := plan.Stand(c, after); at != plan.AtTarget {
			l.Errorf("%s: after the write it is %s: %+v %s", c.String(), at, e, v)
		}
	}
	return answer
}

func (l *lab) read(w *Writer, c *plan.Change, age time.Duration) plan.Object {
	l.Helper()
	o, err := w.Read(l.Context(), c, age)
	if err != nil {
		l.Fatalf("%s: %v", c.String(), err)
	}
	return o
}

// sent returns the requests so far as "METHOD PATH STATUS", if they have a
// prefix.
func (l *lab) sent(prefix string) []string {
	var out []string
	for _, e := range l.server.History() {
		if line := fmt.Sprintf("%s %s %d", e.Method, e.Path, e.Status); strings.HasPrefix(line, prefix) {
			out = append(out, line)
		}
	}
	return out
}

// accountChange is a change of an object of account A.
func accountChange(kind plan.Kind, action, id, name string, edits ...plan.Edit) *plan.Change {
	return &plan.Change{
		Ref: plan.Ref{Kind: kind, Account: "Example Inc", Name: name}, Action: action,
		AccountID: acctA, ObjectID: id, Edits: edits,
	}
}

func edit(setting string, from, to schema.Value) plan.Edit {
	return plan.Edit{Setting: setting, From: from, To: to}
}

// signer is a certificate with its key.
type signer struct {
	crt *x509.Certificate
	key *ecdsa.PrivateKey
}

// issue makes a certificate: a root without an issuer, an authority if ca is
// set.
func issue(t testing.TB, name string, ca bool, by *signer) *signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, IsCA: ca, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	parent, signing := template, key
	if by != nil {
		parent, signing = by.crt, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signing)
	if err != nil {
		t.Fatal(err)
	}
	crt, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &signer{crt, key}
}

func (s *signer) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.crt.Raw}))
}

func (s *signer) keyPEM(t testing.TB) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(s.key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func (s *signer) md5() schema.Value {
	sum := md5.Sum(s.crt.Raw)
	return schema.StringValue(hex.EncodeToString(sum[:]))
}
