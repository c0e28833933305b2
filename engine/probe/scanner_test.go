package probe

import (
	"crypto/tls"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tlsync/engine/probe/compare"
	"tlsync/schema"
)

// scanned is a server to agree about.
type scanned struct {
	name     string
	min, max uint16
	suites   string // none for all that Go has
	keys     schema.Keys
	// openssl are the arguments of a server of OpenSSL, which has the suites that Go lacks.
	openssl []string
}

func configurations() []scanned {
	const (
		v10, v11, v12, v13 = tls.VersionTLS10, tls.VersionTLS11, tls.VersionTLS12, tls.VersionTLS13
		both               = schema.AllKeys
	)
	return []scanned{
		{name: "everything of Go", min: v10, max: v13, keys: both},
		{name: "everything up to TLS 1.2", min: v10, max: v12, keys: both},
		{name: "from TLS 1.1", min: v11, max: v13, keys: both},
		{name: "from TLS 1.2", min: v12, max: v13, keys: both},
		{name: "TLS 1.2 only", min: v12, max: v12, keys: both},
		{name: "TLS 1.3 only", min: v13, max: v13, keys: both},
		{name: "TLS 1.0 only", min: v10, max: v10, keys: both},
		{name: "TLS 1.1 only", min: v11, max: v11, keys: both},
		{name: "an RSA key", min: v10, max: v12, keys: schema.RSAKey},
		{name: "an ECDSA key", min: v10, max: v12, keys: schema.ECDSAKey},
		{name: "modern", min: v12, max: v13, keys: both, suites: strings.Join(schema.CipherList("modern"), " ")},
		{name: "compatible", min: v12, max: v12, keys: both, suites: strings.Join(schema.CipherList("compatible"), " ")},
		{name: "3DES at TLS 1.0", min: v10, max: v10, keys: schema.RSAKey, suites: "DES-CBC3-SHA"},
		{name: "3DES and AES", min: v10, max: v12, keys: schema.RSAKey, suites: "DES-CBC3-SHA AES128-SHA AES256-SHA"},
		{name: "static RSA", min: v10, max: v12, keys: schema.RSAKey, suites: "AES128-GCM-SHA256 AES256-GCM-SHA384 AES128-SHA256 AES128-SHA"},
		{name: "one suite", min: v12, max: v12, keys: both, suites: "ECDHE-ECDSA-CHACHA20-POLY1305"},
		{name: "CBC with SHA-256", min: v12, max: v13, keys: both, suites: "ECDHE-ECDSA-AES128-SHA256 ECDHE-RSA-AES128-SHA256"},
		{name: "OpenSSL, AES256-SHA256", openssl: []string{"-tls1_2", "-cipher", "AES256-SHA256:AES128-SHA"}},
		{name: "OpenSSL, ECDHE-RSA-AES256-SHA384", openssl: []string{"-tls1_2", "-cipher", "ECDHE-RSA-AES256-SHA384:ECDHE-RSA-AES128-GCM-SHA256"}},
		{name: "OpenSSL, every suite", keys: schema.ECDSAKey, openssl: []string{"-no_tls1_1", "-no_tls1", "-cipher", "ALL"}},
	}
}

// start starts the server and returns its address.
func (s *scanned) start(t *testing.T) string {
	t.Helper()
	if s.openssl != nil {
		return opensslServer(t, s.keys == schema.ECDSAKey, s.openssl...)
	}

	cfg := &tls.Config{MinVersion: s.min, MaxVersion: s.max, NextProtos: []string{"http/1.1"}}
	for _, key := range []schema.Keys{schema.ECDSAKey, schema.RSAKey} {
		if s.keys&key == 0 {
			continue
		}
		certificate, err := tls.X509KeyPair(pair(t, key == schema.ECDSAKey))
		if err != nil {
			t.Fatal(err)
		}
		cfg.Certificates = append(cfg.Certificates, certificate)
	}
	ids := suiteIDs()
	names := strings.Fields(s.suites)
	if len(names) == 0 {
		names = compare.Suites(compare.TLS12)
	}
	for _, name := range names {
		if id, ok := ids[name]; ok {
			cfg.CipherSuites = append(cfg.CipherSuites, id)
		}
	}
	ln := listen(t)
	server := &http.Server{ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0), Handler: http.HandlerFunc(
		func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "here") })}
	go func() { _ = server.Serve(tls.NewListener(ln, cfg)) }()
	t.Cleanup(func() { _ = server.Close() })
	return ln.Addr().String()
}

// probed returns everything that a server accepts, by our own probe: "TLS 1.2 AES128-SHA",
// and "TLS 1.3".
func probed(t *testing.T, address string) []string {
	t.Helper()
	o := options()
	target := at(address, compare.Expected{Name: "app.test"})
	p := &prober{target: &target, o: &o, pace: &pacer{}}

	var all []compare.Answer
	for _, h := range compare.First() {
		all = append(all, p.exhaust(t.Context(), h)...)
	}
	for _, suite := range compare.Odd() {
		all = append(all, p.askOdd(t.Context(), suite))
	}
	var out []string
	for _, x := range all {
		switch {
		case x.Outcome == compare.Accepted && x.Version == compare.TLS13:
			out = append(out, x.Version.String())
		case x.Outcome == compare.Accepted:
			out = append(out, x.Version.String()+" "+x.Suite)
		case x.Outcome != compare.Refused:
			t.Errorf("%s %v: %s (%s)", x.Version, x.Offered, x.Outcome, x.Why)
		}
	}
	slices.Sort(out)
	return out
}

// ours reports whether Cloudflare's lists know a suite; the scanners know more.
func ours(suite string) bool {
	_, known := schema.LookupSuite(suite)
	return known
}

// scannedBySSLScan returns what sslscan says in the form of probed.
func scannedBySSLScan(t *testing.T, address string) []string {
	t.Helper()
	text, err := exec.Command("sslscan", "--xml=-", "--no-colour", "--sni-name=app.test", address).Output()
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Test struct {
			Protocols []struct {
				Type    string `xml:"type,attr"`
				Version string `xml:"version,attr"`
				Enabled int    `xml:"enabled,attr"`
			} `xml:"protocol"`
			Ciphers []struct {
				Version string `xml:"sslversion,attr"`
				Cipher  string `xml:"cipher,attr"`
			} `xml:"cipher"`
		} `xml:"ssltest"`
	}
	if err := xml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}

	var out []string
	for _, p := range doc.Test.Protocols {
		if p.Type == "tls" && p.Version == "1.3" && p.Enabled == 1 {
			out = append(out, "TLS 1.3")
		}
	}
	for _, c := range doc.Test.Ciphers {
		name := c.Cipher
		for _, s := range schema.Suites() {
			if s.IANA == name {
				name = s.Name
			}
		}
		if version := strings.Replace(c.Version, "TLSv", "TLS ", 1); version != "TLS 1.3" && ours(name) {
			out = append(out, version+" "+name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// scannedByTestSSL returns what testssl.sh says in the form of probed.
func scannedByTestSSL(t *testing.T, program, address string) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "out.json")
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	// By the name, since a server of Go chooses its certificate by it.
	cmd := exec.Command(program, "--quiet", "--color", "0", "--warnings", "batch", "--nodns", "none", "--ip", host, "-p", "-E", "--jsonfile", file, "app.test:"+port)
	cmd.Env = append(os.Environ(), "TERM=dumb")
	_ = cmd.Run() // its exit code counts findings
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var findings []struct{ ID, Finding string }
	if err := json.Unmarshal(text, &findings); err != nil {
		t.Fatal(err)
	}

	var out []string
	for _, f := range findings {
		words := strings.Fields(f.Finding)
		switch {
		case f.ID == "TLS1_3" && strings.HasPrefix(f.Finding, "offered"):
			out = append(out, "TLS 1.3")
		case !strings.HasPrefix(f.ID, "cipher-tls1") || len(words) < 4:
		default:
			version, name := "TLS "+words[1], words[3]
			if !strings.Contains(words[1], ".") { // it says "TLS 1" for TLS 1.0
				version += ".0"
			}
			if ours(name) {
				out = append(out, version+" "+name)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// scanner finds a program, and skips the test where it is missing. make test-probe installs
// the scanners.
func scanner(t *testing.T, names ...string) string {
	t.Helper()
	if os.Getenv("TLSYNC_SCANNERS") == "" {
		t.Skip("make test-probe runs it")
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skipf("%s is not installed", names[0])
	return ""
}

func agree(t *testing.T, address, who string, theirs []string) {
	t.Helper()
	if mine := probed(t, address); !slices.Equal(mine, theirs) || len(mine) == 0 {
		t.Errorf("\nprobe   %v\n%s %v", mine, who, theirs)
	}
}

func TestTheProbeAgreesWithSSLScan(t *testing.T) {
	scanner(t, "sslscan")
	for _, s := range configurations() {
		t.Run(s.name, func(t *testing.T) {
			address := s.start(t)
			agree(t, address, "sslscan", scannedBySSLScan(t, address))
		})
	}
}

func TestTheProbeAgreesWithTestSSL(t *testing.T) {
	program := scanner(t, "testssl", "testssl.sh")
	all := configurations()
	for _, i := range []int{0, 13, 18} {
		t.Run(all[i].name, func(t *testing.T) {
			address := all[i].start(t)
			agree(t, address, "testssl", scannedByTestSSL(t, program, address))
		})
	}
}
