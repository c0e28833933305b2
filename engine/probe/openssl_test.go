package probe

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"tlsync/engine/probe/compare"
)

// pair makes a certificate with its key, as PEM text.
func pair(t testing.TB, ecdsaKey bool) (certificate, key []byte) {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "app.test"}, DNSNames: []string{"app.test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
	}
	var der, keyDER []byte
	var err error
	if ecdsaKey {
		var k *ecdsa.PrivateKey
		if k, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err == nil {
			der, err = x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
			keyDER, _ = x509.MarshalPKCS8PrivateKey(k)
		}
	} else {
		var k *rsa.PrivateKey
		if k, err = rsa.GenerateKey(rand.Reader, 2048); err == nil {
			der, err = x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
			keyDER, _ = x509.MarshalPKCS8PrivateKey(k)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
}

// opensslServer starts a server of OpenSSL and returns its address. It skips the test where
// there is no OpenSSL.
func opensslServer(t *testing.T, ecdsaKey bool, args ...string) string {
	t.Helper()
	program, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed")
	}
	dir := t.TempDir()
	certificate, key := pair(t, ecdsaKey)
	for name, text := range map[string][]byte{"cert.pem": certificate, "key.pem": key} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}

	free := listen(t)
	address := free.Addr().String()
	_ = free.Close()
	cmd := exec.Command(program, append([]string{"s_server", "-accept", address, "-cert", "cert.pem", "-key", "key.pem", "-www", "-quiet"}, args...)...)
	cmd.Dir = dir
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for range 100 {
		if conn, err := net.Dial("tcp", address); err == nil {
			_ = conn.Close()
			return address
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("openssl s_server does not listen")
	return ""
}

// The suites that crypto/tls lacks, against a server that has them.
func TestOddSuitesAgainstOpenSSL(t *testing.T) {
	for _, suite := range compare.Odd() {
		for _, verify := range [][]string{nil, {"-verify", "1"}} {
			address := opensslServer(t, suite == "ECDHE-ECDSA-AES256-SHA384", append([]string{"-tls1_2", "-cipher", suite}, verify...)...)
			o := options()
			target := at(address, expected("app.test", "1.2", ""))
			p := &prober{target: &target, o: &o, pace: &pacer{}}
			for _, other := range compare.Odd() {
				want := compare.Refused
				if other == suite {
					want = compare.Accepted
				}
				x := p.askOdd(t.Context(), other)
				if x.Outcome != want || want == compare.Accepted && (x.Status != 200 || x.AsksForCertificate != (verify != nil)) {
					t.Errorf("server with %s %v, hello with %s: %+v", suite, verify, other, x)
				}
			}
			if x := p.ask(t.Context(), compare.OfVersion(compare.TLS12)); x.Outcome != compare.Refused {
				t.Errorf("server with %s, every other suite: %+v", suite, x)
			}
		}
	}
}

// OpenSSL of today has no 3DES; the server of Go does.
func TestTripleDESAgainstGo(t *testing.T) {
	certificate, key := pair(t, false)
	both, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	ln := tls.NewListener(listen(t), &tls.Config{
		Certificates: []tls.Certificate{both}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10,
		CipherSuites: []uint16{tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA},
	})
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.NotFoundHandler(), ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = server.Serve(ln) }()
	t.Cleanup(func() { _ = server.Close() })

	got := outcomes(t, at(ln.Addr().String(), expected("app.test", "1.0", "AES128-SHA")), options())
	want := "1.3 refused, 1.2 refused, 1.1 refused, 1.0 accepted DES-CBC3-SHA, 1.0 accepted DES-CBC3-SHA, 1.0 refused, 1.2 refused, 1.2 refused, 1.2 refused"
	if got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}
