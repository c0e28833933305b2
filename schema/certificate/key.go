package certificate

import (
	"crypto/tls"
	"encoding/pem"
	"errors"
	"strings"
)

// KeyFits returns nil if a text is the private key, in PEM form, of the first certificate
// of another one. The error ends a sentence about the variable that holds the key, and
// repeats nothing of it.
func KeyFits(certificates, key string) error {
	if strings.TrimSpace(key) == "" {
		return errors.New("is not set")
	}
	if block, _ := pem.Decode([]byte(key)); block == nil || !strings.HasSuffix(block.Type, "PRIVATE KEY") {
		return errors.New("does not hold a private key in PEM form")
	}
	if _, err := tls.X509KeyPair([]byte(certificates), []byte(key)); err != nil {
		return errors.New("does not hold the key of this certificate")
	}
	return nil
}
