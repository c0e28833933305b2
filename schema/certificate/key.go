package certificate

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
)

// FitsKey returns an error if a text is not the private key of the first certificate of
// another text, both in PEM form. The error holds nothing of the key.
func FitsKey(certificates, key string) error {
	block, _ := pem.Decode([]byte(certificates))
	if block == nil {
		return errors.New("there is no certificate to compare it with")
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return errors.New("the certificate cannot be read")
	}

	public, err := publicKey([]byte(key))
	if err != nil {
		return err
	}
	if !public.Equal(leaf.PublicKey) {
		return errors.New("it is not the key of the certificate")
	}
	return nil
}

// comparablePublicKey is what every public key of the standard library can do.
type comparablePublicKey interface {
	Equal(crypto.PublicKey) bool
}

// publicKey returns the public half of the first private key in a text.
func publicKey(text []byte) (comparablePublicKey, error) {
	block, rest := pem.Decode(bytes.TrimSpace(text))
	for block != nil && !strings.HasSuffix(block.Type, "PRIVATE KEY") { // such as EC PARAMETERS
		block, rest = pem.Decode(rest)
	}
	if block == nil {
		return nil, errors.New("it is not a private key in PEM form")
	}
	if strings.Contains(block.Type, "ENCRYPTED") || block.Headers["DEK-Info"] != "" {
		return nil, errors.New("it is encrypted; Cloudflare needs the key without a passphrase")
	}

	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		private, err = parseOldKey(block.Bytes)
	}
	if err != nil {
		return nil, errors.New("it cannot be read as a private key")
	}
	signer, ok := private.(crypto.Signer)
	if !ok {
		return nil, errors.New("it is a key that signs nothing")
	}
	public, ok := signer.Public().(comparablePublicKey)
	if !ok {
		return nil, errors.New("it is a key of an unknown kind")
	}
	return public, nil
}

// parseOldKey parses the forms from before PKCS #8.
func parseOldKey(der []byte) (any, error) {
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key, nil
	}
	return x509.ParseECPrivateKey(der)
}
