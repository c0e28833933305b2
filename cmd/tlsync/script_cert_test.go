package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/md5"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"tlsync/engine/sandbox"
)

// certificate is one that a script has made: none, and no key, lies in the
// repository.
type certificate struct {
	name string // what the script calls it
	leaf *x509.Certificate
	key  *ecdsa.PrivateKey
}

// pem is the certificate alone.
func (c *certificate) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.leaf.Raw}))
}

func (c *certificate) keyPEM(ts *testscript.TestScript) string {
	der, err := x509.MarshalPKCS8PrivateKey(c.key)
	ts.Check(err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// fingerprint is the MD5 digest, in lower case.
func (c *certificate) fingerprint() string {
	sum := md5.Sum(c.leaf.Raw)
	return hex.EncodeToString(sum[:])
}

func (s *script) certificate(ts *testscript.TestScript, name string) *certificate {
	i := slices.IndexFunc(s.certificates, func(c *certificate) bool { return c.name == name })
	if i < 0 {
		ts.Fatalf("no certificate is called %q", name)
	}
	return s.certificates[i]
}

// certVerb makes certificates, and keeps their keys to itself:
//
//	cert ca NAME [-by CA] [-cn TEXT] [-days N]    a certificate authority, a root unless by another
//	cert leaf NAME CA [-cn TEXT] [-days N]        a client's certificate, signed by an authority
//	cert file FILE NAME…                          write certificates, in this order
//	cert key FILE NAME                            append a private key to a file
//	cert env VARIABLE NAME                        put a private key into the environment
func certVerb(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: cert ca|leaf|file|key|env args...")
	}
	s := scriptOf(ts)
	switch verb, first, rest := args[0], args[1], args[2:]; verb {
	case "ca":
		s.issue(ts, first, "", rest)
	case "leaf":
		s.issue(ts, first, rest[0], rest[1:])
	case "file":
		var text strings.Builder
		for _, name := range rest {
			text.WriteString(s.certificate(ts, name).pem())
		}
		ts.Check(os.MkdirAll(filepath.Dir(ts.MkAbs(first)), 0o700))
		ts.Check(os.WriteFile(ts.MkAbs(first), []byte(text.String()), 0o600))
	case "key":
		key := s.certificate(ts, rest[0]).keyPEM(ts)
		s.t.secret(key, s.certificate(ts, rest[0]).pem())
		s.keyFiles = append(s.keyFiles, ts.MkAbs(first))
		text := ""
		if _, err := os.Stat(ts.MkAbs(first)); err == nil {
			text = ts.ReadFile(first)
		}
		ts.Check(os.MkdirAll(filepath.Dir(ts.MkAbs(first)), 0o700))
		ts.Check(os.WriteFile(ts.MkAbs(first), []byte(text+key), 0o600))
	case "env":
		key := s.certificate(ts, rest[0]).keyPEM(ts)
		s.t.secret(key, s.certificate(ts, rest[0]).pem())
		ts.Setenv(first, key)
	default:
		ts.Fatalf("unknown verb: cert %s", verb)
	}
}

// issue makes a certificate, an authority's where leafOf is empty.
func (s *script) issue(ts *testscript.TestScript, name, leafOf string, args []string) {
	set := flag.NewFlagSet("cert", flag.ContinueOnError)
	by := set.String("by", leafOf, "")
	cn := set.String("cn", name, "")
	days := set.Int("days", 365, "")
	ts.Check(set.Parse(args))
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	// An hour more than so many days, so that these are what is left of it.
	end := time.Now().AddDate(0, 0, *days).Add(time.Hour)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(int64(len(s.certificates) + 1)), Subject: pkix.Name{CommonName: *cn},
		NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: end, BasicConstraintsValid: true,
	}
	if leafOf == "" {
		template.IsCA, template.KeyUsage = true, x509.KeyUsageCertSign
	} else {
		template.KeyUsage, template.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	}
	parent, signer := template, key
	if *by != "" {
		issuer := s.certificate(ts, *by)
		parent, signer = issuer.leaf, issuer.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	ts.Check(err)
	crt, err := x509.ParseCertificate(der)
	ts.Check(err)
	s.certificates = append(s.certificates, &certificate{name, crt, key})
}

var seedPEM = regexp.MustCompile(`PEM\(([^()]+)\)`)

// withCertificates puts certificates into a seed, where PEM(NAME) stands for one.
func (s *script) withCertificates(ts *testscript.TestScript, seed string) string {
	return seedPEM.ReplaceAllStringFunc(seed, func(m string) string {
		b, err := json.Marshal(s.certificate(ts, seedPEM.FindStringSubmatch(m)[1]).pem())
		ts.Check(err)
		return string(b)
	})
}

// certificateNames are pairs for a replacer: what a script calls a certificate
// stands for its text, its fingerprint, and the beginning of that.
func (s *script) certificateNames() []string {
	var pairs []string
	for _, c := range s.certificates {
		text, err := json.Marshal(c.pem())
		if err != nil {
			panic(err) // it is a string
		}
		pairs = append(pairs, strings.Trim(string(text), `"`), "PEM("+c.name+")", c.fingerprint(), c.name, c.fingerprint()[:8], c.name)
	}
	return pairs
}

// edgeVerb is "edge HOST [-cert NAME] [-tls VERSION]": a handshake with the
// sandbox's TLS edge and one request over it. What came of it goes to stdout: the
// status and the text of the answer, or why there was no handshake.
func edgeVerb(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: edge host [-cert name] [-tls version]")
	}
	set := flag.NewFlagSet("edge", flag.ContinueOnError)
	name := set.String("cert", "", "")
	version := set.String("tls", "1.3", "")
	ts.Check(set.Parse(args[1:]))
	edge, address := worldOf(ts).edgeOf(ts)
	versions := map[string]uint16{"1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}
	cfg := &tls.Config{ServerName: args[0], RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS10, MaxVersion: versions[*version]}
	cfg.RootCAs.AppendCertsFromPEM(edge.CA())
	if *name != "" {
		c := scriptOf(ts).certificate(ts, *name)
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return &tls.Certificate{Certificate: [][]byte{c.leaf.Raw}, PrivateKey: c.key}, nil
		}
	}
	client := &http.Client{
		Timeout: 10 * time.Second,
		Transport: &http.Transport{
			TLSClientConfig: cfg, DisableKeepAlives: true,
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "tcp", address)
			},
		},
	}
	answer, err := client.Get("https://" + args[0] + "/")
	if err != nil {
		fmt.Fprintf(ts.Stdout(), "no answer: %v\n", err)
		return
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%d\n%s", answer.StatusCode, text)
}

// edgeOf is the world's edge, which is opened when it is first asked for. From then on
// $SANDBOX_EDGE is its address.
func (w *world) edgeOf(ts *testscript.TestScript) (edge *sandbox.Edge, address string) {
	if w.edge == nil {
		edge, err := sandbox.NewEdge(w.server)
		ts.Check(err)
		l, err := net.Listen("tcp", "127.0.0.1:0")
		ts.Check(err)
		w.edge, w.edgeAddress = edge, l.Addr().String()
		ts.Setenv("SANDBOX_EDGE", w.edgeAddress)
		go func() { _ = edge.Serve(l) }() // until the world closes it
	}
	return w.edge, w.edgeAddress
}
