package sandbox

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// pulls is the authenticated origin pulls of a zone.
type pulls struct {
	enabled      bool
	certificates []*clientCertificate // in the order of upload
	made         int                  // number of certificates ever uploaded
}

// clientCertificate is a certificate that Cloudflare shows to the zone's origins.
type clientCertificate struct {
	id, status string
	leaf       *x509.Certificate
	pem        string // as the API shows it
	uploaded   time.Time
}

type clientCertificateJSON struct {
	ID          string `json:"id"`
	Certificate string `json:"certificate"`
	Issuer      string `json:"issuer"`
	Signature   string `json:"signature"`
	Serial      string `json:"serial_number"`
	ExpiresOn   string `json:"expires_on"`
	Status      string `json:"status"`
	UploadedOn  string `json:"uploaded_on"`
}

func (crt *clientCertificate) render() clientCertificateJSON {
	return clientCertificateJSON{
		ID: crt.id, Certificate: crt.pem, Issuer: crt.leaf.Issuer.String(), Signature: crt.leaf.SignatureAlgorithm.String(),
		Serial: crt.leaf.SerialNumber.String(), ExpiresOn: stamp(crt.leaf.NotAfter), Status: crt.status,
		UploadedOn: crt.uploaded.UTC().Format("2006-01-02T15:04:05.000000Z"),
	}
}

// fingerprint is the SHA-256 of the certificate, in lower case.
func (crt *clientCertificate) fingerprint() string {
	sum := sha256.Sum256(crt.leaf.Raw)
	return hex.EncodeToString(sum[:])
}

// own is the content for the history.
func (crt *clientCertificate) own() map[string]json.RawMessage {
	return map[string]json.RawMessage{"sha256": encode(crt.fingerprint())}
}

func (z *zone) certificateObject(crt *clientCertificate) string {
	return "origin_certificate/" + z.ascii + "/" + crt.id
}

// newCertificate returns a new certificate. The API normalises PEM, and a client that
// compares texts would see a difference for ever. To expose such a client, the text
// always differs from the one that was sent.
func (z *zone) newCertificate(text string, leaf *x509.Certificate, status string, now time.Time) *clientCertificate {
	z.pulls.made++
	shown := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw}))
	if shown == text {
		shown = strings.TrimSuffix(shown, "\n")
	}
	return &clientCertificate{
		id:     uuid(z.id, fmt.Sprintf("origin_tls_client_auth/%d", z.pulls.made)),
		status: status, leaf: leaf, pem: shown, uploaded: now,
	}
}

// parseLeaf reads a PEM text with exactly one certificate, which must not be a CA
// certificate.
func parseLeaf(text string) (*x509.Certificate, error) {
	var leaf *x509.Certificate
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			if len(bytes.TrimSpace(rest)) > 0 {
				return nil, errors.New("certificate is not in PEM form")
			}
			break
		}

		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("certificate holds a PEM block %q", block.Type)
		}
		if leaf != nil {
			return nil, errors.New("certificate holds more than one certificate")
		}
		var err error
		if leaf, err = x509.ParseCertificate(block.Bytes); err != nil {
			return nil, errors.New("certificate cannot be read")
		}
	}

	switch {
	case leaf == nil:
		return nil, errors.New("certificate is not in PEM form")
	case leaf.IsCA:
		return nil, errors.New("certificate is a CA certificate, not a leaf")
	}
	return leaf, nil
}

func (z *zone) listPulls() *answer {
	out := []clientCertificateJSON{}
	for _, crt := range z.pulls.certificates {
		out = append(out, crt.render())
	}
	return ok(http.StatusOK, out)
}

// uploadPull is POST origin_tls_client_auth. The codes are those of custom hostnames for
// certificates and keys, because the codes of this service are not documented.
func (s *Server) uploadPull(c *call, z *zone) *answer {
	m, err := readFields(c.body, []field{{"certificate", aText, true}, {"private_key", aText, true}})
	if err != nil {
		return fail(http.StatusBadRequest, badField, err.Error())
	}

	text, key := as[string](m["certificate"]), as[string](m["private_key"])
	leaf, err := parseLeaf(text)
	switch {
	case err != nil:
		return fail(http.StatusBadRequest, 1427, err.Error())
	case leaf.NotAfter.Before(c.now):
		return fail(http.StatusBadRequest, 1427, "certificate has expired")
	}
	if _, err := tls.X509KeyPair([]byte(text), []byte(key)); err != nil {
		return fail(http.StatusBadRequest, 1428, "private_key is not the key of certificate")
	}

	crt := z.newCertificate(text, leaf, "initializing", c.now)
	if c.ignoreWrite {
		c.entry.Effect = EffectIgnored
		return ok(http.StatusOK, crt.render())
	}

	z.pulls.certificates = append(z.pulls.certificates, crt)
	s.deploy(func() {
		if crt.status == "pending_deployment" {
			crt.status = "active"
		}
	})

	c.entry.Effect = EffectCreated
	c.entry.wrote(z.certificateObject(crt), nil, crt.own())

	ans := ok(http.StatusOK, crt.render())
	crt.status = "pending_deployment" // only this answer shows the first status
	return ans
}

func (s *Server) showPull(_ *call, _ *zone, crt *clientCertificate) *answer {
	return ok(http.StatusOK, crt.render())
}

// deletePull is DELETE origin_tls_client_auth/{id}.
func (s *Server) deletePull(c *call, z *zone, crt *clientCertificate) *answer {
	switch {
	case crt.status == "pending_deletion":
		return fail(http.StatusConflict, 1439, "The certificate is already being deleted")
	case c.ignoreWrite:
		c.entry.Effect = EffectIgnored
		return ok(http.StatusOK, crt.render())
	}

	crt.status = "pending_deletion"
	c.entry.Effect = EffectDeleted
	c.entry.wrote(z.certificateObject(crt), crt.own(), nil)
	s.deploy(func() {
		z.pulls.certificates = slices.DeleteFunc(z.pulls.certificates, func(o *clientCertificate) bool { return o == crt })
	})
	return ok(http.StatusOK, crt.render())
}

func (z *zone) readPulls() *answer { return ok(http.StatusOK, enabledJSON{Enabled: z.pulls.enabled}) }

// editPulls is PUT origin_tls_client_auth/settings.
func (s *Server) editPulls(c *call, z *zone) *answer {
	on, bad := readEnabled(c)
	if bad != nil {
		return bad
	}
	s.setPulls(c, z, on)
	return z.readPulls()
}

func (s *Server) setPulls(c *call, z *zone, on bool) {
	s.writeItem(c, z, originPulls, func() { z.pulls.enabled = on })
}
