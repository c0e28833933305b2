package certificate

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
)

func TestFitsKey(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	old, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	text := func(kind string, der []byte, err error) string {
		if err != nil {
			t.Fatal(err)
		}
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	certificate := func(key crypto.Signer) string {
		der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1)}, &x509.Certificate{SerialNumber: big.NewInt(1)}, key.Public(), key)
		return text("CERTIFICATE", der, err)
	}
	pkcs8 := func(key any) string {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		return text("PRIVATE KEY", der, err)
	}
	sec1, err := x509.MarshalECPrivateKey(ec)
	ecKey := text("EC PRIVATE KEY", sec1, err)

	for name, c := range map[string]struct{ certificate, key, want string }{
		"EC":                {certificate(ec), pkcs8(ec), ""},
		"EC, SEC 1":         {certificate(ec), ecKey, ""},
		"EC parameters":     {certificate(ec), text("EC PARAMETERS", []byte{6, 0}, nil) + ecKey, ""},
		"RSA":               {certificate(old), pkcs8(old), ""},
		"RSA, PKCS #1":      {certificate(old), "\n" + text("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(old), nil) + "\n", ""},
		"Ed25519":           {certificate(edwards), pkcs8(edwards), ""},
		"a chain":           {certificate(ec) + certificate(old), pkcs8(ec), ""},
		"of another":        {certificate(ec), pkcs8(old), "not the key of the certificate"},
		"of the issuer":     {certificate(ec) + certificate(old), pkcs8(old), "not the key of the certificate"},
		"a token":           {certificate(ec), "cfut_Xk3uJ9fQ2mW7pL4sT8vB1nC6dH5gR0yZaEiOuQwV", "not a private key in PEM form"},
		"nothing":           {certificate(ec), "", "not a private key in PEM form"},
		"a certificate":     {certificate(ec), certificate(ec), "not a private key in PEM form"},
		"damaged":           {certificate(ec), text("PRIVATE KEY", []byte("secret"), nil), "cannot be read"},
		"encrypted":         {certificate(ec), text("ENCRYPTED PRIVATE KEY", []byte("secret"), nil), "is encrypted"},
		"no certificate":    {"", pkcs8(ec), "no certificate"},
		"a bad certificate": {text("CERTIFICATE", []byte("x"), nil), pkcs8(ec), "cannot be read"},
	} {
		err := FitsKey(c.certificate, c.key)
		switch {
		case (err == nil) != (c.want == ""), err != nil && !strings.Contains(err.Error(), c.want):
			t.Errorf("%s: %v, want %q", name, err, c.want)
		case err != nil && strings.Contains(err.Error(), "cfut"):
			t.Errorf("%s: the error holds the key: %v", name, err)
		}
	}
}
