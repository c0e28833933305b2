package load

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"tlsync/schema"
	"tlsync/schema/certificate"

	"gopkg.in/yaml.v3"
)

// certificateFile reads the file that a node names, relative to the file of the
// node. It returns nil if it has reported a mistake.
func (d *decoder) certificateFile(n *yaml.Node) *certificate.CertificateFile {
	written, ok := d.scalar(n, "a file of certificates")
	if !ok {
		return nil
	}

	name := path.Join(path.Dir(d.file), written)
	if hint, wrong := checkFilePath(written, name); wrong != "" {
		d.errorf(d.at(n), "file-path", hint, "%s %s", schema.Show(written), wrong)
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
		f = certificate.ParseCertificates(name, b)
		d.certificates[name] = f
	}

	d.reportAt(n, f.Problems)
	if len(f.Problems) > 0 {
		return nil
	}
	return f
}

// reportAt reports problems without a node at the node that named the file.
func (d *decoder) reportAt(n *yaml.Node, problems []schema.Problem) {
	for _, p := range problems {
		d.errorf(d.at(n), p.Rule, p.Hint, "%s", p.Message)
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

// authority reads the certificate authority in the file that a node names. It
// does not warn of the expiry of an authority that is to be removed.
func (d *decoder) authority(n *yaml.Node, isAbsent bool) (schema.CACertificate, bool) {
	f := d.certificateFile(n)
	if f == nil {
		return schema.CACertificate{}, false
	}
	if problems := certificate.CheckAuthority(f); len(problems) > 0 {
		d.reportAt(n, problems)
		return schema.CACertificate{}, false
	}

	ca := schema.CACertificate{File: f.Name, Pos: d.at(n), PEM: certificate.NormalPEM(f.Certificates), Subject: f.Certificates[0].Subject.String(), NotAfter: f.Certificates[0].NotAfter}
	for _, c := range f.Certificates {
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
func (d *decoder) warnAuthority(n *yaml.Node, f *certificate.CertificateFile) {
	if last := f.Certificates[len(f.Certificates)-1]; !last.SignedBy(last) {
		d.warnf(d.at(n), "ca-incomplete", "add the certificate of "+schema.Show(last.Issuer.String())+" at the end of the file",
			"%s: the chain ends in %s, which is not a root: Cloudflare needs the root as the last certificate", schema.Printable(f.Name), last.QuotedSubject())
	}

	for _, c := range f.Certificates {
		at := fmt.Sprintf("%s:%d: %s", schema.Printable(f.Name), c.Line, c.QuotedSubject())
		message, soon := certificate.ExpiresSoon(c.NotAfter, d.now)
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

// leaf reads the client certificate in the file that a node names.
func (d *decoder) leaf(n *yaml.Node, into *schema.OriginCertificate) (file string, ok bool) {
	f := d.certificateFile(n)
	if f == nil {
		return "", false
	}

	c := f.Certificates[0]
	at := fmt.Sprintf("%s:%d: %s", schema.Printable(f.Name), c.Line, c.QuotedSubject())
	switch {
	case len(f.Certificates) > 1:
		d.errorf(d.at(n), "certificate", "leave only the client certificate in the file", "%s: the file contains %d certificates instead of one", schema.Printable(f.Name), len(f.Certificates))
		return "", false
	case c.IsCA:
		d.errorf(d.at(n), "certificate", "name the client certificate; the authority belongs to the origin", "%s is a certificate authority, not a client certificate", at)
		return "", false
	}

	if message, soon := certificate.ExpiresSoon(c.NotAfter, d.now); soon {
		d.warnf(d.at(n), "certificate-expires", "add its replacement, and remove this one afterwards", "%s %s", at, message)
	}

	sum := sha256.Sum256(c.Raw)
	into.PEM, into.SHA256, into.Subject, into.NotAfter = certificate.NormalPEM(f.Certificates), hex.EncodeToString(sum[:]), c.Subject.String(), c.NotAfter
	return f.Name, true
}
