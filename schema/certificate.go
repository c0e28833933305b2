package schema

import (
	"bytes"
	"crypto/md5" // the fingerprint by which Cloudflare reports a certificate
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// maxCertificates is the largest number of certificates in one file. A chain has
// three or four.
const maxCertificates = 10

// certificateFile is a parsed file of certificates.
type certificateFile struct {
	name         string
	certificates []certificate
	// problems are the mistakes in the file itself. They have no node, and are
	// reported wherever the configuration names the file.
	problems []problem
}

// certificate is a certificate and the line of the file where it begins.
type certificate struct {
	*x509.Certificate
	line int
}

// subject returns the subject of a certificate for messages.
func (c certificate) subject() string { return show(c.Subject.String()) }

// Cloudflare sends its own alerts this many days before an mTLS certificate of
// Access expires: https://developers.cloudflare.com/notifications/notification-available/
const (
	firstAlertDays = 30
	lastAlertDays  = 14
)

// ExpiresSoon says when a certificate expires, or that it has expired, as the
// rest of a sentence about it. It is false if the certificate is valid for more
// than 30 days, and if either time is the zero time.
func ExpiresSoon(notAfter, now time.Time) (message string, ok bool) {
	const day = 24 * time.Hour
	left := notAfter.Sub(now)
	if now.IsZero() || notAfter.IsZero() || left > firstAlertDays*day {
		return "", false
	}

	date := notAfter.UTC().Format(time.DateOnly)
	alerts := fmt.Sprintf("Cloudflare's own alerts (%d and %d days ahead)", firstAlertDays, lastAlertDays)

	switch {
	case left < 0:
		return fmt.Sprintf("expired on %s, %s ago", date, days(-left/day)), true
	case left <= lastAlertDays*day:
		return fmt.Sprintf("expires in %s (%s); %s are past", days(left/day), date, alerts), true
	}
	return fmt.Sprintf("expires in %s (%s); one of %s is still to come", days(left/day), date, alerts), true
}

func days(n time.Duration) string {
	switch n {
	case 0:
		return "less than a day"
	case 1:
		return "1 day"
	}
	return fmt.Sprintf("%d days", n)
}

// certificateFile reads the file that a node names, relative to the file of the
// node. It returns nil if it has reported a mistake.
func (d *decoder) certificateFile(n *yaml.Node) *certificateFile {
	written, ok := d.scalar(n, "a file of certificates")
	if !ok {
		return nil
	}

	name := path.Join(path.Dir(d.file), written)
	if hint, wrong := checkFilePath(written, name); wrong != "" {
		d.errorf(d.at(n), "file-path", hint, "%s %s", show(written), wrong)
		return nil
	}

	f, ok := d.certificates[name]
	if !ok {
		if len(d.certificates) >= maxFiles {
			d.errorf(d.at(n), "too-large", "", "the configuration names more than %d certificate files", maxFiles)
			return nil
		}
		b, ok := d.bytes(name, d.at(n), maxCertificateFile)
		if !ok {
			return nil
		}
		f = parseCertificates(name, b)
		d.certificates[name] = f
	}

	d.reportAt(n, f.problems)
	if len(f.problems) > 0 {
		return nil
	}
	return f
}

// reportAt reports problems without a node at the node that named the file.
func (d *decoder) reportAt(n *yaml.Node, problems []problem) {
	for _, p := range problems {
		d.errorf(d.at(n), p.rule, p.hint, "%s", p.message)
	}
}

// checkFilePath describes the mistake in a path, "" if there is none. written is
// the path in the configuration, and name the resulting path below the
// configuration directory.
func checkFilePath(written, name string) (hint, wrong string) {
	const relative = "write a path relative to this file"
	switch {
	case strings.Contains(written, "-----BEGIN"):
		return "write the certificate to a file, and its name here", "is a certificate, not the name of a file"
	case written == "":
		return relative, "is not a file name"
	case strings.Contains(written, `\`):
		return `separate directories with "/"`, "contains a backslash"
	case path.IsAbs(written):
		return relative, "is an absolute path"
	case name == ".." || strings.HasPrefix(name, "../"):
		return "move the file into the configuration directory", "is outside the configuration directory"
	case !fs.ValidPath(name) || name == ".":
		return relative, "is not a file name"
	}
	return "", ""
}

// parseCertificates reads a file in PEM form. It must not have blocks other than
// certificates. Text between the blocks is a comment, as in the output of
// OpenSSL. Messages never repeat text of a private key.
func parseCertificates(name string, b []byte) *certificateFile {
	f := &certificateFile{name: name}
	if line := privateKeyLine(b); line > 0 {
		f.wrong(line, RuleSecret, "remove the key from the file, and revoke it if it was committed; only certificates belong here",
			"this looks like a private key, so the file is not loaded")
		return f
	}

	b = bytes.TrimPrefix(b, utf8BOM)
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
	for _, c := range f.certificates {
		if first, ok := seen[string(c.Raw)]; ok {
			f.wrong(c.line, "certificate", "remove one of them", "%s is already in the file, at line %d", c.subject(), first)
			continue
		}
		seen[string(c.Raw)] = c.line
	}
	return f
}

// wrong adds a problem with a line of the file, or with the whole file if the
// line is 0.
func (f *certificateFile) wrong(line int, rule, hint, format string, args ...any) {
	at := printable(f.name)
	if line > 0 {
		at = fmt.Sprintf("%s:%d", at, line)
	}
	f.problems = append(f.problems, problem{rule: rule, hint: hint, message: at + ": " + fmt.Sprintf(format, args...)})
}

// parseBlocks adds the certificates of a file and returns the number of blocks.
// It is false if there are too many of them.
func (f *certificateFile) parseBlocks(b []byte) (blocks int, ok bool) {
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
				f.problems = nil
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
				f.certificates = append(f.certificates, certificate{c, start})
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
		return nil, fmt.Sprintf("this is a block of type %s, not a certificate", show(label)), hint
	}

	p, _ := pem.Decode(block)
	if p == nil {
		return nil, "this block is damaged: it is not in PEM form", "export the file again"
	}
	c, err := x509.ParseCertificate(p.Bytes)
	if err != nil {
		reason := []rune(strings.TrimPrefix(err.Error(), "x509: "))
		return nil, "this is not a valid certificate: " + printable(string(reason[:min(len(reason), 200)])), "export the file again"
	}
	return c, "", ""
}

// normalPEM returns certificates in PEM form without any other text.
func normalPEM(certificates []certificate) string {
	var b strings.Builder
	for _, c := range certificates {
		b.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
	}
	return b.String()
}

// authority reads the certificate authority in the file that a node names. It
// does not warn of the expiry of an authority that is to be removed.
func (d *decoder) authority(n *yaml.Node, isAbsent bool) (CACertificate, bool) {
	f := d.certificateFile(n)
	if f == nil {
		return CACertificate{}, false
	}
	if problems := checkAuthority(f); len(problems) > 0 {
		d.reportAt(n, problems)
		return CACertificate{}, false
	}

	ca := CACertificate{File: f.name, Pos: d.at(n), PEM: normalPEM(f.certificates), Subject: f.certificates[0].Subject.String(), NotAfter: f.certificates[0].NotAfter}
	for _, c := range f.certificates {
		sum := md5.Sum(c.Raw)
		ca.MD5 = append(ca.MD5, hex.EncodeToString(sum[:]))
		if c.NotAfter.Before(ca.NotAfter) {
			ca.NotAfter = c.NotAfter
		}
	}

	if !isAbsent {
		d.warnAuthority(n, f)
	}
	return ca, true
}

// warnAuthority warns of an incomplete chain, and of certificates that are not
// valid now or soon will not be.
func (d *decoder) warnAuthority(n *yaml.Node, f *certificateFile) {
	if last := f.certificates[len(f.certificates)-1]; !last.signedBy(last) {
		d.warnf(d.at(n), "ca-incomplete", "add the certificate of "+show(last.Issuer.String())+" at the end of the file",
			"%s: the chain ends in %s, which is not a root: Cloudflare needs the root as the last certificate", printable(f.name), last.subject())
	}

	for _, c := range f.certificates {
		at := fmt.Sprintf("%s:%d: %s", printable(f.name), c.line, c.subject())
		message, soon := ExpiresSoon(c.NotAfter, d.now)
		switch {
		case soon && d.now.After(c.NotAfter):
			d.errorf(d.at(n), "ca-expired", "name its replacement", "%s %s", at, message)
		case soon:
			d.warnf(d.at(n), "ca-expires", "add its replacement, as in ca: [old.pem, new.pem]", "%s %s", at, message)
		case !d.now.IsZero() && d.now.Before(c.NotBefore):
			d.warnf(d.at(n), "ca-not-yet-valid", "", "%s is not valid before %s", at, c.NotBefore.UTC().Format(time.DateOnly))
		}
	}
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

// checkAuthority reports certificates that are not authorities, or that do not
// form a chain with the issuing one first and the root last.
func checkAuthority(f *certificateFile) []problem {
	var problems []problem
	for _, c := range f.certificates {
		wrong := func(hint, format string, args ...any) {
			problems = append(problems, problem{rule: "certificate", hint: hint,
				message: fmt.Sprintf("%s:%d: %s ", printable(f.name), c.line, c.subject()) + fmt.Sprintf(format, args...)})
		}

		key, isRSA := c.PublicKey.(*rsa.PublicKey)
		switch {
		case !c.BasicConstraintsValid || !c.IsCA:
			wrong("name the certificate of its issuer, "+show(c.Issuer.String()),
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
	return checkChain(f)
}

// checkChain reports the first certificate that is not signed by the next one.
func checkChain(f *certificateFile) []problem {
	certs := f.certificates
	for i := 0; i+1 < len(certs); i++ {
		if certs[i].signedBy(certs[i+1]) {
			continue
		}
		if order := chainOrder(certs); order != nil {
			names := make([]string, len(order))
			for j, c := range order {
				names[j] = c.subject()
			}
			return []problem{{rule: "certificate", hint: "write " + strings.Join(names, ", then "),
				message: fmt.Sprintf("%s:%d: %s is followed by %s, which did not sign it: the issuing certificate comes first and the root last",
					printable(f.name), certs[i].line, certs[i].subject(), certs[i+1].subject())}}
		}
		return []problem{{rule: "certificate", hint: "put each authority into its own file, as in ca: [a.pem, b.pem]",
			message: fmt.Sprintf("%s:%d: %s is not signed by %s, which follows it: a file contains one authority, or one chain up to its root",
				printable(f.name), certs[i].line, certs[i].subject(), certs[i+1].subject())}}
	}

	return nil
}

// chainOrder returns the only order in which each certificate is signed by the
// next, or nil if there is none.
func chainOrder(certs []certificate) []certificate {
	rest := slices.Clone(certs)
	var order []certificate
	for len(rest) > 0 {
		first := slices.IndexFunc(rest, func(c certificate) bool {
			return !slices.ContainsFunc(rest, func(o certificate) bool { return o.Certificate != c.Certificate && o.signedBy(c) })
		})
		if first < 0 || len(order) > 0 && !order[len(order)-1].signedBy(rest[first]) {
			return nil
		}
		order = append(order, rest[first])
		rest = slices.Delete(rest, first, first+1)
	}
	return order
}

// signedBy reports whether a certificate is signed by another, or by itself. It
// does not check the strength of the signature: Cloudflare accepts SHA-1, which
// the chain checks of crypto/x509 do not.
func (c certificate) signedBy(o certificate) bool {
	return bytes.Equal(c.RawIssuer, o.RawSubject) && o.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}

// leaf reads the client certificate in the file that a node names.
func (d *decoder) leaf(n *yaml.Node, into *OriginCertificate) (file string, ok bool) {
	f := d.certificateFile(n)
	if f == nil {
		return "", false
	}

	c := f.certificates[0]
	at := fmt.Sprintf("%s:%d: %s", printable(f.name), c.line, c.subject())
	switch {
	case len(f.certificates) > 1:
		d.errorf(d.at(n), "certificate", "leave only the client certificate in the file", "%s: the file contains %d certificates instead of one", printable(f.name), len(f.certificates))
		return "", false
	case c.IsCA:
		d.errorf(d.at(n), "certificate", "name the client certificate; the authority belongs to the origin", "%s is a certificate authority, not a client certificate", at)
		return "", false
	}

	if message, soon := ExpiresSoon(c.NotAfter, d.now); soon {
		d.warnf(d.at(n), "certificate-expires", "add its replacement, and remove this one afterwards", "%s %s", at, message)
	}

	sum := sha256.Sum256(c.Raw)
	into.PEM, into.SHA256, into.Subject, into.NotAfter = normalPEM(f.certificates), hex.EncodeToString(sum[:]), c.Subject.String(), c.NotAfter
	return f.name, true
}
