package cloudflare

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tlsync/engine/plan"
)

// leaf is a self-signed certificate.
func leaf(t *testing.T, name string, until time.Time) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotBefore: until.Add(-time.Hour), NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	crt, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(crt)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// A bad certificate is final; an unknown host name, or a proxy that wants a
// password, is tried again. The outcome is never in doubt, and each message
// names the cause.
func TestUnreachableByItsFault(t *testing.T) {
	const password = "hunter2-of-the-proxy"
	secure := func(name string, until time.Time) func(*testing.T, *http.Transport) (string, *atomic.Int32) {
		return func(t *testing.T, base *http.Transport) (string, *atomic.Int32) {
			crt, pool := leaf(t, name, until)
			server := httptest.NewUnstartedServer(http.NotFoundHandler())
			var n atomic.Int32
			server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
			server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
				if s == http.StateNew {
					n.Add(1)
				}
			}
			server.TLS = &tls.Config{Certificates: []tls.Certificate{crt}}
			server.StartTLS()
			t.Cleanup(server.Close)
			base.TLSClientConfig = &tls.Config{RootCAs: pool, ServerName: "api.test"}
			return server.URL, &n
		}
	}
	for _, tt := range []struct {
		name    string
		begin   func(*testing.T, *http.Transport) (base string, tries *atomic.Int32)
		message string
		tries   int32
	}{
		{"an expired certificate", secure("api.test", time.Now().Add(-time.Minute)), "certificate has expired or is not yet valid", 1},
		{"a certificate of tomorrow", secure("api.test", time.Now().Add(25*time.Hour)), "certificate has expired or is not yet valid", 1},
		{"another name", secure("other.test", time.Now().Add(30*time.Minute)), "certificate is valid for other.test, not api.test", 1},
		{"a proxy that wants a password", func(t *testing.T, base *http.Transport) (string, *atomic.Int32) {
			var n atomic.Int32
			proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				n.Add(1)
				w.WriteHeader(http.StatusProxyAuthRequired)
			}))
			t.Cleanup(proxy.Close)
			base.Proxy = func(*http.Request) (*url.URL, error) {
				return url.Parse(strings.Replace(proxy.URL, "http://", "http://ada:"+password+"@", 1))
			}
			return "https://api.test", &n
		}, "Proxy Authentication Required", 3},
		{"a name that does not exist", func(_ *testing.T, base *http.Transport) (string, *atomic.Int32) {
			var n atomic.Int32
			base.DialContext = func(context.Context, string, string) (net.Conn, error) {
				n.Add(1)
				return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "api.test", IsNotFound: true}}
			}
			return "https://api.test", &n
		}, "lookup api.test: no such host", 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			base := network(1).(*http.Transport)
			base.Proxy = nil
			address, tries := tt.begin(t, base)
			defer base.CloseIdleConnections()
			w := writer(t, Options{
				BaseURL: address + "/client/v4", Credentials: Credentials{Token: canary}, Transport: base,
				jitter: func(time.Duration) time.Duration { return 0 },
			})
			_, err := w.Write(t.Context(), settingChange("x"), plan.Request{Method: "PATCH", Path: plan.SettingPath(zoneA, "x"), Body: `{}`})
			var failed *Error
			if !errors.As(err, &failed) || failed.OutcomeUnknown() {
				t.Fatalf("%v", err)
			}
			if !strings.Contains(err.Error(), tt.message) || strings.Contains(err.Error(), password) || strings.Contains(err.Error(), "ada:") {
				t.Errorf("%v", err)
			}
			if n := tries.Load(); n != tt.tries {
				t.Errorf("tried %d times, want %d", n, tt.tries)
			}
		})
	}
}
