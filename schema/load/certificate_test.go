package load

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
	"unicode/utf16"

	"tlsync/schema"
	"tlsync/schema/certificate"
)

// authority is a certificate authority made for a test.
type authority struct {
	*x509.Certificate
	key crypto.Signer
}

// newAuthority makes an authority that another one has signed, itself if nil.
func newAuthority(t testing.TB, name string, by *authority, change func(*x509.Certificate)) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: testNow.AddDate(-1, 0, 0), NotAfter: testNow.AddDate(10, 0, 0), BasicConstraintsValid: true, IsCA: true}
	if change != nil {
		change(template)
	}
	a := &authority{template, key}
	if by == nil {
		by = a
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.Certificate, key.Public(), by.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.Certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *authority) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Raw}))
}

// certificateTree is a configuration that names certs/ca.pem.
func certificateTree(content string) fstest.MapFS {
	return tree("tlsync.yaml", "version: 1\n---\naccount: a\nmtls:\n  partners:\n    ca: certs/ca.pem\nalerts:\n"+
		"  - { name: a, type: access_custom_certificate_expiration_type, email: a@b.example }\n", "certs/ca.pem", content)
}

const caPlace = "tlsync.yaml:6:9"

func TestExpiresSoon(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		left time.Duration
		want string // the beginning, "" for nothing
	}{
		{31 * day, ""},
		{30*day + time.Second, ""},
		{30 * day, "expires in 30 days (2026-07-01); one of Cloudflare's own alerts (30 and 14 days ahead) is still to come"},
		{14*day + time.Second, "expires in 14 days (2026-06-15); one of "},
		{14 * day, "expires in 14 days (2026-06-15); Cloudflare's own alerts (30 and 14 days ahead) are past"},
		{2*day - time.Second, "expires in 1 day (2026-06-03)"},
		{time.Second, "expires in less than a day (2026-06-01)"},
		{0, "expires in less than a day (2026-06-01)"},
		{-time.Second, "expired on 2026-06-01, less than a day ago"},
		{-day, "expired on 2026-05-31, 1 day ago"},
		{-400 * day, "expired on 2025-04-27, 400 days ago"},
	} {
		got, ok := certificate.ExpiresSoon(testNow.Add(c.left), testNow)
		if ok != (c.want != "") || !strings.HasPrefix(got, c.want) {
			t.Errorf("%v: %q, want %q", c.left, got, c.want)
		}
	}
	if _, ok := certificate.ExpiresSoon(testNow, time.Time{}); ok {
		t.Error("something is said without knowing the time")
	}
	if _, ok := certificate.ExpiresSoon(time.Time{}, testNow); ok {
		t.Error("something is said without knowing the end")
	}
	here := time.FixedZone("", 14*3600)
	if got, _ := certificate.ExpiresSoon(testNow.In(here), testNow.In(here)); !strings.Contains(got, "2026-06-01") {
		t.Errorf("the date depends on where one is: %s", got)
	}
}

// TestExpiryNeedsTheTime checks that no result depends on the clock of the
// machine.
func TestExpiryNeedsTheTime(t *testing.T) {
	old := newAuthority(t, "Old", nil, func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2002, 1, 1, 0, 0, 0, 0, time.UTC)
	})
	fsys := certificateTree(old.pem())
	if _, diags := Load(fsys, time.Time{}); len(diags) > 0 {
		t.Error(dumpDiagnostics(diags))
	}
	if _, diags := Load(fsys, time.Date(2001, 6, 1, 0, 0, 0, 0, time.UTC)); len(diags) > 0 {
		t.Error(dumpDiagnostics(diags))
	}
	_, diags := Load(fsys, time.Date(2003, 1, 1, 0, 0, 0, 0, time.UTC))
	mustSay(t, diags, caPlace, "expired on 2002-01-01, 365 days ago [ca-expired]")
}

// TestOldSignatures loads SHA-1 signatures, which Cloudflare accepts and the
// chain checks of crypto/x509 do not.
func TestOldSignatures(t *testing.T) {
	sha1 := func(c *x509.Certificate) { c.SignatureAlgorithm = x509.ECDSAWithSHA1 }
	root := newAuthority(t, "Root", nil, sha1)
	issuing := newAuthority(t, "Issuing", root, sha1)
	d, diags := Load(certificateTree(issuing.pem()+root.pem()), testNow)
	if len(diags) > 0 || len(d.Accounts[0].MTLS[0].CAs) != 1 {
		t.Errorf("a chain with SHA-1: %s", dumpDiagnostics(diags))
	}
	_, diags = Load(certificateTree(root.pem()+issuing.pem()), testNow)
	mustSay(t, diags, caPlace, `"CN=Root" is followed by "CN=Issuing"`)
	// The same names, and other keys.
	other := newAuthority(t, "Root", nil, sha1)
	_, diags = Load(certificateTree(issuing.pem()+other.pem()), testNow)
	mustSay(t, diags, caPlace, `"CN=Issuing" is not signed by "CN=Root"`)
}

// TestChainOrder checks the suggested order for every order of a chain.
func TestChainOrder(t *testing.T) {
	var chain []certificate.Certificate
	var by *authority
	for i := range 4 {
		by = newAuthority(t, fmt.Sprintf("CA %d", i), by, nil)
		chain = slices.Insert(chain, 0, certificate.Certificate{Certificate: by.Certificate, Line: i})
	}
	shuffled := slices.Clone(chain)
	for i := range 24 { // factorial number system
		copy(shuffled, chain)
		n := i
		for j := 4; j > 1; j-- {
			k := n % j
			n /= j
			shuffled[j-1], shuffled[k] = shuffled[k], shuffled[j-1]
		}
		order := certificate.ChainOrder(shuffled)
		if len(order) != 4 {
			t.Fatalf("%d of 4", len(order))
		}
		for j := range order {
			if order[j].Certificate != chain[j].Certificate {
				t.Errorf("order %d: %s at place %d", i, order[j].QuotedSubject(), j)
			}
		}
		if isRight := slices.EqualFunc(shuffled, chain, func(a, b certificate.Certificate) bool { return a.Certificate == b.Certificate }); isRight != (len(certificate.CheckChain(&certificate.CertificateFile{Certificates: shuffled})) == 0) {
			t.Errorf("order %d: right is %t", i, isRight)
		}
	}
	if certificate.ChainOrder(slices.Concat(chain[:1], chain[2:])) != nil {
		t.Error("a chain with a gap has an order")
	}
}

// TestKeysAreNotRepeated checks that messages never repeat a private key, and
// that a key in PEM form is reported as a secret wherever it is.
func TestKeysAreNotRepeated(t *testing.T) {
	a := newAuthority(t, "Root", nil, nil)
	der, err := x509.MarshalPKCS8PrivateKey(a.key)
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string) string { return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})) }
	wide := func(s string) string {
		var b bytes.Buffer
		for _, u := range utf16.Encode([]rune("\ufeff" + s)) {
			b.Write([]byte{byte(u), byte(u >> 8)})
		}
		return b.String()
	}
	plain := block("PRIVATE KEY")
	for name, c := range map[string]struct {
		content string
		rule    string
	}{
		"alone":              {plain, schema.RuleSecret},
		"before":             {plain + a.pem(), schema.RuleSecret},
		"after":              {a.pem() + plain, schema.RuleSecret},
		"EC":                 {block("EC PRIVATE KEY"), schema.RuleSecret},
		"RSA":                {block("RSA PRIVATE KEY"), schema.RuleSecret},
		"encrypted":          {block("ENCRYPTED PRIVATE KEY"), schema.RuleSecret},
		"OpenSSH":            {block("OPENSSH PRIVATE KEY"), schema.RuleSecret},
		"PGP":                {block("PGP PRIVATE KEY BLOCK"), schema.RuleSecret},
		"indented":           {strings.ReplaceAll(a.pem()+plain, "\n", "\n    "), schema.RuleSecret},
		"in a comment":       {a.pem() + "# " + strings.ReplaceAll(plain, "\n", "\n# "), schema.RuleSecret},
		"small letters":      {strings.ReplaceAll(plain, "PRIVATE KEY", "private key"), schema.RuleSecret},
		"CRLF":               {strings.ReplaceAll(plain, "\n", "\r\n"), schema.RuleSecret},
		"CR alone":           {strings.ReplaceAll(a.pem()+plain, "\n", "\r"), schema.RuleSecret},
		"cut short":          {a.pem() + plain[:100], schema.RuleSecret},
		"as a certificate":   {block("CERTIFICATE"), "certificate"},
		"DER":                {string(der), "certificate"},
		"UTF-16":             {wide(plain), "certificate"},
		"base64 alone":       {strings.Join(strings.Split(plain, "\n")[1:3], "\n"), "certificate"},
		"after its own name": {"-----BEGIN " + strings.ReplaceAll(plain, "\n", "") + "-----\n", schema.RuleSecret},
	} {
		fsys := certificateTree(c.content)
		d, diags := Load(fsys, testNow)
		checkPlaces(t, fsys, diags)
		if len(diags) != 1 || diags[0].Rule != c.rule || diags[0].Pos.String() != caPlace {
			t.Errorf("%s:\n%s", name, dumpDiagnostics(diags))
		}
		for _, line := range strings.Split(plain, "\n")[1:3] {
			if said := dumpDiagnostics(diags) + dump(d); strings.Contains(said, line) || strings.Contains(said, line[:16]) {
				t.Errorf("%s: the key is repeated:\n%s", name, said)
			}
		}
	}
}

func TestDERCertificate(t *testing.T) {
	_, diags := Load(certificateTree(string(newAuthority(t, "Root", nil, nil).Raw)), testNow)
	mustSay(t, diags, caPlace, "no certificate in PEM form")
	if !strings.Contains(diags[0].Hint, "DER") {
		t.Errorf("hint %q", diags[0].Hint)
	}
}

// TestSubjectsAreHarmless loads certificates with hostile subjects.
func TestSubjectsAreHarmless(t *testing.T) {
	for _, name := range []string{"a\x1b[2Jb", "a\nb", "a\u202eb", strings.Repeat("x", 100_000), "::error::x", "\xff"} {
		a := newAuthority(t, "Root", nil, func(c *x509.Certificate) {
			c.Subject.CommonName, c.IsCA = strings.ToValidUTF8(name, "?"), false
		})
		fsys := certificateTree(a.pem())
		_, diags := Load(fsys, testNow)
		checkPlaces(t, fsys, diags)
		mustSay(t, diags, caPlace, "is not a certificate authority")
		for _, d := range diags {
			if text := d.Message + d.Hint; len(text) > 1000 || strings.ContainsRune(text, '\u202e') {
				t.Errorf("%.80q: %.200q", name, text)
			}
		}
	}
}

// TestCertificateDigest checks that the digest of a configuration covers its
// certificates.
func TestCertificateDigest(t *testing.T) {
	one, two := newAuthority(t, "One", nil, nil).pem(), newAuthority(t, "Two", nil, nil).pem()
	digest := func(fsys fs.FS) string {
		d, _ := Load(fsys, testNow)
		return d.Digest
	}
	base := digest(certificateTree(one))
	if digest(certificateTree(two)) == base || digest(certificateTree("")) == base {
		t.Error("another certificate is the same configuration")
	}
	if digest(certificateTree(strings.ReplaceAll(one, "\n", "\r\n"))) != base {
		t.Error("line endings change the digest")
	}
	unnamed := certificateTree(one)
	unnamed["certs/other.pem"] = &fstest.MapFile{Data: []byte(two)}
	if digest(unnamed) != base {
		t.Error("a file that nobody names changes the digest")
	}
}

func TestCertificatesAreReadOnce(t *testing.T) {
	fsys := counted{certificateTree(newAuthority(t, "One", nil, nil).pem()), map[string]int{}}
	fsys.MapFS["accounts/b.yaml"] = &fstest.MapFile{Data: []byte("account: b\nmtls: { x: { ca: ../certs/ca.pem }, y: { ca: ../certs/../certs/ca.pem } }\n")}
	_, diags := Load(fsys, testNow)
	mustSay(t, diags, "accounts/b.yaml:2:46", "already named")
	if fsys.opened["certs/ca.pem"] != 1 {
		t.Errorf("opened %d times", fsys.opened["certs/ca.pem"])
	}
}

type counted struct {
	fstest.MapFS
	opened map[string]int
}

func (c counted) Open(name string) (fs.File, error) {
	c.opened[name]++
	return c.MapFS.Open(name)
}

func (c counted) Stat(name string) (fs.FileInfo, error) { return c.MapFS.Stat(name) }

// TestHostileCertificates bounds time and memory for files that are made to be
// slow.
func TestHostileCertificates(t *testing.T) {
	one := newAuthority(t, "One", nil, nil).pem()
	giant := newAuthority(t, "Giant", nil, nil)
	// An RSA key of a million bits: nothing must be computed with it.
	n := new(big.Int).Lsh(big.NewInt(1), 1_000_000)
	der, err := x509.CreateCertificate(rand.Reader, giant.Certificate, giant.Certificate, &rsa.PublicKey{N: n.SetBit(n, 0, 1), E: 1<<31 - 1}, giant.key)
	if err != nil {
		t.Fatal(err)
	}
	giantPEM := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	for name, c := range map[string]struct{ content, says string }{
		"garbage":            {strings.Repeat("\x00\xff", maxCertificateFile/2), "no certificate in PEM form"},
		"lines":              {strings.Repeat("\n", maxCertificateFile), "is empty"},
		"hyphens":            {strings.Repeat("-", maxCertificateFile), "no certificate in PEM form"},
		"10,000 beginnings":  {strings.Repeat("-----BEGIN CERTIFICATE-----\n", 10_000), "more than 10"},
		"10,000 of them":     {one + strings.Repeat("-----BEGIN CERTIFICATE-----\nQUFB\n-----END CERTIFICATE-----\n", 10_000), "more than 10"},
		"one without end":    {"-----BEGIN CERTIFICATE-----\n" + strings.Repeat("QUFB\n", 200_000), "has no end"},
		"one of 1 MiB":       {"-----BEGIN CERTIFICATE-----\n" + strings.Repeat("MIIB", 250_000) + "\n-----END CERTIFICATE-----\n", "not a valid certificate"},
		"a giant key":        {giantPEM, "has an RSA key of 1000001 bits"},
		"more than it may":   {strings.Repeat("x", maxCertificateFile+1), "more than 1 MiB"},
		"a long label":       {"-----BEGIN " + strings.Repeat("X", 1_000_000) + "-----\n-----END X-----\n", "this is a block of type"},
		"headers":            {"-----BEGIN CERTIFICATE-----\n" + strings.Repeat("a: b\n", 200_000) + "\nQUFB\n-----END CERTIFICATE-----\n", "not a valid certificate"},
		"an end without one": {strings.Repeat("-----END CERTIFICATE-----\n", 30_000), "no certificate in PEM form"},
	} {
		t.Run(name, func(t *testing.T) {
			fsys := certificateTree(c.content)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			_, diags := Load(fsys, testNow)
			elapsed := time.Since(start)
			runtime.ReadMemStats(&after)
			checkPlaces(t, fsys, diags)
			mustSay(t, diags, caPlace, c.says)
			if n := len(dumpDiagnostics(diags)); n > 2000 {
				t.Errorf("%d bytes are said", n)
			}
			spent := after.TotalAlloc - before.TotalAlloc
			t.Logf("%d bytes: %v, %d KiB allocated", len(c.content), elapsed.Round(time.Millisecond), spent>>10)
			if spent > 24<<20 || tooSlow(fsys, elapsed, 5*time.Second) {
				t.Errorf("took %v and %d MiB", elapsed, spent>>20)
			}
		})
	}
}

func TestTooManyCertificateFiles(t *testing.T) {
	fsys := tree("tlsync.yaml", "version: 1\n")
	var b strings.Builder
	b.WriteString("account: a\nmtls:\n  a:\n    state: absent\n    ca:\n")
	one := newAuthority(t, "One", nil, nil).pem()
	for i := range maxFiles + 1 {
		fmt.Fprintf(&b, "    - %d.pem\n", i)
		fsys[fmt.Sprintf("accounts/%d.pem", i)] = &fstest.MapFile{Data: []byte(one)}
	}
	fsys["accounts/a.yaml"] = &fstest.MapFile{Data: []byte(b.String())}
	_, diags := Load(fsys, testNow)
	if !slices.ContainsFunc(diags, func(d schema.Diagnostic) bool {
		return d.Pos.String() == "accounts/a.yaml:1006:7" && strings.Contains(d.Message, "more than 1000 certificate files")
	}) {
		t.Error(dumpDiagnostics(diags[:2]))
	}
}

// TestCertificateLinks loads certificates through links, which only a real file
// system has.
func TestCertificateLinks(t *testing.T) {
	dir, outside := t.TempDir(), filepath.Join(t.TempDir(), "ca.pem")
	one := newAuthority(t, "One", nil, nil).pem()
	for name, text := range map[string]string{
		filepath.Join(dir, "tlsync.yaml"): "version: 1\n---\naccount: a\nmtls:\n  in: { ca: in.pem }\n  out: { ca: out.pem }\n",
		filepath.Join(dir, "real.pem"):    one,
		outside:                           one,
	} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for to, from := range map[string]string{"real.pem": "in.pem", outside: "out.pem"} {
		if err := os.Symlink(to, filepath.Join(dir, from)); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	d, diags := Load(root.FS(), testNow)
	mustSay(t, diags, "tlsync.yaml:6:14", "escapes")
	if len(d.Accounts[0].MTLS[0].CAs) != 1 {
		t.Error("a link inside the directory is not followed")
	}
}

func TestAlertTypes(t *testing.T) {
	types := AlertTypes()
	if len(types) != 8 || !slices.IsSorted(types) || !slices.Contains(types, expiryAlert) {
		t.Errorf("%q", types)
	}
	types[0] = "changed"
	if alertTypes[0] == "changed" {
		t.Error("a caller can change them")
	}
}

// TestCertificateNames checks the keys of mtls, which are the names of
// certificates.
func TestCertificateNames(t *testing.T) {
	load := func(name string) schema.Diagnostics {
		_, diags := Load(tree("tlsync.yaml", "version: 1\n---\naccount: a\nmtls:\n  "+name+": { state: absent }\n"), testNow)
		return diags
	}
	long := strings.Repeat("ü", maxCertificateName)
	for _, name := range []string{"a", `"Partner CA (2027)"`, long} {
		if diags := load(name); len(diags) > 0 {
			t.Errorf("%.40s: %s", name, dumpDiagnostics(diags))
		}
	}
	for _, name := range []string{`""`, `" a"`, `"a "`, `"a\nb"`, long + "x"} {
		if diags := load(name); !diags.HasErrors() {
			t.Errorf("%.40s is taken", name)
		}
	}
}
