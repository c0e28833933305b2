// Package certificate reads files of certificates in PEM form and checks chains of
// certificate authorities.
package certificate

import (
	"bytes" // the fingerprint by which Cloudflare reports a certificate
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"time"

	"tlsync/schema"
)

// maxCertificates is the largest number of certificates in one file. A chain has
// three or four.
const maxCertificates = 10

// CertificateFile is a parsed file of certificates.
type CertificateFile struct {
	Name         string
	Certificates []Certificate
	// problems are the mistakes in the file itself. They have no node, and are
	// reported wherever the configuration names the file.
	Problems []schema.Problem
}

// Certificate is a certificate and the line of the file where it begins.
type Certificate struct {
	*x509.Certificate
	Line int
}

// QuotedSubject returns the subject of a certificate for messages.
func (c Certificate) QuotedSubject() string { return schema.Show(c.Subject.String()) }

// Cloudflare sends its own alerts this many days before an mTLS certificate of
// Access expires: https://developers.cloudflare.com/notifications/notification-available/
const (
	FirstAlertDays = 30
	lastAlertDays  = 14
)

// ExpiresSoon says when a certificate expires, or that it has expired, as the
// rest of a sentence about it. It is false if the certificate is valid for more
// than 30 days, and if either time is the zero time.
func ExpiresSoon(notAfter, now time.Time) (message string, ok bool) {
	const day = 24 * time.Hour
	left := notAfter.Sub(now)
	if now.IsZero() || notAfter.IsZero() || left > FirstAlertDays*day {
		return "", false
	}

	date := notAfter.UTC().Format(time.DateOnly)
	alerts := fmt.Sprintf("Cloudflare's own alerts (%d and %d days ahead)", FirstAlertDays, lastAlertDays)

	switch {
	case left < 0:
		return fmt.Sprintf("expired on %s, %s ago", date, Days(-left/day)), true
	case left <= lastAlertDays*day:
		return fmt.Sprintf("expires in %s (%s); %s are past", Days(left/day), date, alerts), true
	}
	return fmt.Sprintf("expires in %s (%s); one of %s is still to come", Days(left/day), date, alerts), true
}

func Days(n time.Duration) string {
	switch n {
	case 0:
		return "less than a day"
	case 1:
		return "1 day"
	}
	return fmt.Sprintf("%d days", n)
}

// ParseCertificates reads a file in PEM form. It must not have blocks other than
// certificates. Text between the blocks is a comment, as in the output of
// OpenSSL. Messages never repeat text of a private key.
func ParseCertificates(name string, b []byte) *CertificateFile {
	f := &CertificateFile{Name: name}
	if line := privateKeyLine(b); line > 0 {
		f.wrong(line, schema.RuleSecret, "remove the key from the file, and revoke it if it was committed; only certificates belong here",
			"this looks like a private key, so the file is not loaded")
		return f
	}

	b = bytes.TrimPrefix(b, schema.Utf8BOM)
	blocks, ok := f.parseBlocks(b)
	if !ok {
		return f
	}
	switch {
	case len(bytes.TrimSpace(b)) == 0:
		f.wrong(0, "certificate", "", "the file is empty")
	case blocks == 0:
		hint := "a certificate begins with -----BEGIN CERTIFICATE-----"
		if _, err := x509.ParseCertificate(b); err == nil {
			hint = "it is in DER form; openssl x509 -inform der writes it as PEM"
		}
		f.wrong(0, "certificate", hint, "the file contains no certificate in PEM form")
	}

	seen := map[string]int{}
	for _, c := range f.Certificates {
		if first, ok := seen[string(c.Raw)]; ok {
			f.wrong(c.Line, "certificate", "remove one of them", "%s is already in the file, at line %d", c.QuotedSubject(), first)
			continue
		}
		seen[string(c.Raw)] = c.Line
	}
	return f
}

// wrong adds a problem with a line of the file, or with the whole file if the
// line is 0.
func (f *CertificateFile) wrong(line int, rule, hint, format string, args ...any) {
	at := schema.Printable(f.Name)
	if line > 0 {
		at = fmt.Sprintf("%s:%d", at, line)
	}
	f.Problems = append(f.Problems, schema.Problem{Rule: rule, Hint: hint, Message: at + ": " + fmt.Sprintf(format, args...)})
}

// parseBlocks adds the certificates of a file and returns the number of blocks.
// It is false if there are too many of them.
func (f *CertificateFile) parseBlocks(b []byte) (blocks int, ok bool) {
	var block []byte
	line, start := 0, 0 // start is the line of BEGIN, 0 between blocks
	for text := range bytes.Lines(b) {
		line++
		text = bytes.TrimSpace(text)

		if bytes.HasPrefix(text, []byte("-----BEGIN ")) {
			if start > 0 {
				f.wrong(start, "certificate", "export the file again", "this block has no end")
			}
			if blocks++; blocks > maxCertificates {
				f.Problems = nil
				f.wrong(0, "certificate", "name one authority per file", "the file contains more than %d certificates", maxCertificates)
				return blocks, false
			}
			start, block = line, nil
		}
		if start == 0 {
			continue
		}

		block = append(append(block, text...), '\n')
		if bytes.HasPrefix(text, []byte("-----END ")) {
			c, problem, hint := parseBlock(block)
			if problem != "" {
				f.wrong(start, "certificate", hint, "%s", problem)
			} else {
				f.Certificates = append(f.Certificates, Certificate{c, start})
			}
			start = 0
		}
	}
	if start > 0 {
		f.wrong(start, "certificate", "export the file again", "this block has no end")
	}
	return blocks, true
}

// privateKeyLine returns the first line that begins a private key of any kind,
// or 0 if there is none.
func privateKeyLine(b []byte) int {
	line := 0
	for text := range bytes.Lines(b) {
		line++
		if i := bytes.Index(text, []byte("-----")); i >= 0 {
			if upper := bytes.ToUpper(text[i:]); bytes.Contains(upper, []byte("-----BEGIN ")) && bytes.Contains(upper, []byte("PRIVATE KEY")) {
				return line
			}
		}
	}
	return 0
}

// parseBlock reads one block, from BEGIN to END.
func parseBlock(block []byte) (c *x509.Certificate, problem, hint string) {
	first, _, _ := bytes.Cut(block, []byte("\n"))
	label := strings.TrimSuffix(strings.TrimPrefix(string(first), "-----BEGIN "), "-----")
	if label != "CERTIFICATE" {
		if label == "TRUSTED CERTIFICATE" {
			hint = "openssl x509 writes it as a plain certificate"
		}
		return nil, fmt.Sprintf("this is a block of type %s, not a certificate", schema.Show(label)), hint
	}

	p, _ := pem.Decode(block)
	if p == nil {
		return nil, "this block is damaged: it is not in PEM form", "export the file again"
	}
	c, err := x509.ParseCertificate(p.Bytes)
	if err != nil {
		reason := []rune(strings.TrimPrefix(err.Error(), "x509: "))
		return nil, "this is not a valid certificate: " + schema.Printable(string(reason[:min(len(reason), 200)])), "export the file again"
	}
	return c, "", ""
}

// NormalPEM returns certificates in PEM form without any other text.
func NormalPEM(certificates []Certificate) string {
	var b strings.Builder
	for _, c := range certificates {
		b.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
	}
	return b.String()
}

// signatures are the algorithms that Cloudflare accepts for a certificate
// authority.
var signatures = []x509.SignatureAlgorithm{
	x509.SHA1WithRSA, x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA,
	x509.ECDSAWithSHA1, x509.ECDSAWithSHA256, x509.ECDSAWithSHA384, x509.ECDSAWithSHA512,
}

// RSA keys outside of these lengths, in bits, are rejected. No authority uses
// them, checking a signature by a giant key takes very long, and crypto/x509 does
// not check shorter keys.
const (
	minRSA = 1024
	maxRSA = 16384
)

// CheckAuthority reports certificates that are not authorities, or that do not
// form a chain with the issuing one first and the root last.
func CheckAuthority(f *CertificateFile) []schema.Problem {
	var problems []schema.Problem
	for _, c := range f.Certificates {
		wrong := func(hint, format string, args ...any) {
			problems = append(problems, schema.Problem{Rule: "certificate", Hint: hint,
				Message: fmt.Sprintf("%s:%d: %s ", schema.Printable(f.Name), c.Line, c.QuotedSubject()) + fmt.Sprintf(format, args...)})
		}

		key, isRSA := c.PublicKey.(*rsa.PublicKey)
		switch {
		case !c.BasicConstraintsValid || !c.IsCA:
			wrong("name the certificate of its issuer, "+schema.Show(c.Issuer.String()),
				"is not a certificate authority: it has no Basic Constraints with CA:TRUE")
		case !slices.Contains(signatures, c.SignatureAlgorithm):
			wrong("Cloudflare accepts RSA (PKCS #1 v1.5) and ECDSA with SHA-1, SHA-256, SHA-384 or SHA-512", "is signed with %s", c.SignatureAlgorithm)
		case isRSA && (key.N.BitLen() < minRSA || key.N.BitLen() > maxRSA):
			wrong(fmt.Sprintf("use a key of %d to %d bits", minRSA, maxRSA), "has an RSA key of %d bits", key.N.BitLen())
		}
	}

	if len(problems) > 0 {
		return problems
	}
	return CheckChain(f)
}

// CheckChain reports the first certificate that is not signed by the next one.
func CheckChain(f *CertificateFile) []schema.Problem {
	certs := f.Certificates
	for i := 0; i+1 < len(certs); i++ {
		if certs[i].SignedBy(certs[i+1]) {
			continue
		}
		if order := ChainOrder(certs); order != nil {
			names := make([]string, len(order))
			for j, c := range order {
				names[j] = c.QuotedSubject()
			}
			return []schema.Problem{{Rule: "certificate", Hint: "write " + strings.Join(names, ", then "),
				Message: fmt.Sprintf("%s:%d: %s is followed by %s, which did not sign it: the issuing certificate comes first and the root last",
					schema.Printable(f.Name), certs[i].Line, certs[i].QuotedSubject(), certs[i+1].QuotedSubject())}}
		}
		return []schema.Problem{{Rule: "certificate", Hint: "put each authority into its own file, as in ca: [a.pem, b.pem]",
			Message: fmt.Sprintf("%s:%d: %s is not signed by %s, which follows it: a file contains one authority, or one chain up to its root",
				schema.Printable(f.Name), certs[i].Line, certs[i].QuotedSubject(), certs[i+1].QuotedSubject())}}
	}

	return nil
}

// ChainOrder returns the only order in which each certificate is signed by the
// next, or nil if there is none.
func ChainOrder(certs []Certificate) []Certificate {
	rest := slices.Clone(certs)
	var order []Certificate
	for len(rest) > 0 {
		first := slices.IndexFunc(rest, func(c Certificate) bool {
			return !slices.ContainsFunc(rest, func(o Certificate) bool { return o.Certificate != c.Certificate && o.SignedBy(c) })
		})
		if first < 0 || len(order) > 0 && !order[len(order)-1].SignedBy(rest[first]) {
			return nil
		}
		order = append(order, rest[first])
		rest = slices.Delete(rest, first, first+1)
	}
	return order
}

// SignedBy reports whether a certificate is signed by another, or by itself. It
// does not check the strength of the signature: Cloudflare accepts SHA-1, which
// the chain checks of crypto/x509 do not.
func (c Certificate) SignedBy(o Certificate) bool {
	return bytes.Equal(c.RawIssuer, o.RawSubject) && o.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}
