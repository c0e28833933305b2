package sandbox

import (
	"cmp"
	"crypto/md5"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Error codes of the Access service. The first two are Cloudflare's. The others are
// invented, because its documentation names none, and no client can rely on them.
const (
	accessNotInZone = 12036
	accessOverLimit = 12130
	accessInvalid   = 12131
	accessInUse     = 12132
	accessDuplicate = 12133
	accessUnknown   = 12134
	accessBusy      = 12135
)

// authority is a certificate authority of Access.
type authority struct {
	meta
	// chain holds the certificates, the issuing one first. It is empty where the
	// seed gives only the fingerprint; the edge then trusts no client certificate
	// of this authority.
	chain       []*x509.Certificate
	fingerprint string // MD5, pairs of digits with colons between them
	expires     time.Time
	hosts       []string // sorted
	// free is the time at which the latest change of hostnames has reached the edge
	// and the certificate can be deleted.
	free time.Time
}

// authorities are the certificate authorities of an account.
var authorities = &collection[authority, *authority]{
	items: func(a *account) *[]*authority { return &a.authorities }, noun: "certificate", unknown: accessUnknown,
	pageSize: 50, created: http.StatusCreated, deleted: http.StatusOK, most: 50,
	parse: (*Server).parseAuthority, inUse: (*authority).inUse, written: (*Server).associate,
	takeID:  func(a *account, ca *authority) { ca.id = cmp.Or(ca.id, a.newID("mtls", ca.fingerprint)) },
	ignored: func(a *account, ca *authority) { ca.id, ca.hosts = uuid(a.id, "mtls/"+ca.fingerprint), nil },
}

type authorityJSON struct {
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	Hosts       []string `json:"associated_hostnames"` // null where there are none
	Expires     string   `json:"expires_on"`
	Fingerprint string   `json:"fingerprint"`
	Created     string   `json:"created_at"`
	Updated     string   `json:"updated_at"`
}

// render is the object as the API shows it, without the certificate itself.
func (ca *authority) render(*account) any {
	return authorityJSON{
		ID: ca.id, Name: ca.name, Hosts: ca.hosts, Expires: stamp(ca.expires), Fingerprint: "MD5 Fingerprint=" + ca.fingerprint,
		Created: stamp(ca.created), Updated: stamp(ca.updated),
	}
}

// own is the content for the history. The id is part of it because several
// certificates may have one name.
func (ca *authority) own() map[string]json.RawMessage {
	hosts := ca.hosts
	if hosts == nil {
		hosts = []string{}
	}
	return map[string]json.RawMessage{
		"id": encode(ca.id), "name": encode(ca.name), "fingerprint": encode(ca.fingerprint), "associated_hostnames": encode(hosts),
	}
}

func (ca *authority) object(a *account) string { return "mtls_certificate/" + a.name + "/" + ca.name }

func (ca *authority) label() string { return ca.name }

func (ca *authority) recorded(*account) []recorded { return []recorded{ca} }

// badAccess refuses a request with an invalid body.
func badAccess(format string, args ...any) *answer {
	return fail(http.StatusBadRequest, accessInvalid, fmt.Sprintf(format, args...))
}

// parseChain reads certificates in PEM form.
func parseChain(text string) ([]*x509.Certificate, error) {
	var chain []*x509.Certificate
	rest := []byte(text)
	for {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		if block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("a PEM block of type %q is not a certificate", block.Type)
		}
		crt, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d cannot be read", len(chain)+1)
		}
		chain = append(chain, crt)
	}

	switch {
	case len(chain) == 0:
		return nil, errors.New("no PEM certificate found")
	case strings.TrimSpace(string(rest)) != "":
		return nil, errors.New("the text holds more than PEM certificates")
	}
	return chain, nil
}

// signatures are the accepted signature algorithms.
var signatures = []x509.SignatureAlgorithm{
	x509.SHA1WithRSA, x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA,
	x509.ECDSAWithSHA1, x509.ECDSAWithSHA256, x509.ECDSAWithSHA384, x509.ECDSAWithSHA512,
}

// checkChain says why certificates cannot be an authority: each must be a CA
// certificate, valid now and signed by the next one; the last must be a root.
func checkChain(chain []*x509.Certificate, now time.Time) error {
	for i, crt := range chain {
		n := i + 1
		switch {
		case !crt.BasicConstraintsValid || !crt.IsCA:
			return fmt.Errorf("certificate %d is not a certificate authority (CA:TRUE)", n)
		case !slices.Contains(signatures, crt.SignatureAlgorithm):
			return fmt.Errorf("certificate %d is signed with %s, which is not accepted", n, crt.SignatureAlgorithm)
		case now.After(crt.NotAfter):
			return fmt.Errorf("certificate %d has expired", n)
		}

		issuer := crt
		if n < len(chain) {
			issuer = chain[n]
		}

		var insecure x509.InsecureAlgorithmError // SHA-1, which crypto/x509 does not check
		err := issuer.CheckSignature(crt.SignatureAlgorithm, crt.RawTBSCertificate, crt.Signature)
		if string(crt.RawIssuer) != string(issuer.RawSubject) || err != nil && !errors.As(err, &insecure) {
			if n == len(chain) {
				return fmt.Errorf("certificate %d, the last, is not a root", n)
			}
			return fmt.Errorf("certificate %d is not signed by certificate %d: the issuing one comes first, the root last", n, n+1)
		}
	}
	return nil
}

// fingerprintOf returns the MD5 digest of a certificate in the API's form.
func fingerprintOf(crt *x509.Certificate) string {
	sum := md5.Sum(crt.Raw)
	pairs := make([]string, len(sum))
	for i, b := range sum {
		pairs[i] = fmt.Sprintf("%02X", b)
	}
	return strings.Join(pairs, ":")
}

// newAuthority returns an authority with a checked chain. Cloudflare does not
// document which certificate of a chain the fingerprint covers.
func (s *Server) newAuthority(name string, chain []*x509.Certificate) *authority {
	covered := chain[0]
	if s.seed.FingerprintOf == "last" {
		covered = chain[len(chain)-1]
	}
	return &authority{meta: meta{name: name}, chain: chain, fingerprint: fingerprintOf(covered), expires: chain[0].NotAfter}
}

// mostName is the longest name of a certificate.
const mostName = 350

// parseAuthority reads the body of POST access/certificates and PUT
// access/certificates/{id}. A PUT cannot change the certificate itself: Cloudflare
// ignores the attempt, and here certificate is an unknown field.
func (s *Server) parseAuthority(c *call, a *account, old *authority) (*authority, *answer) {
	if old != nil {
		return s.parseAuthorityEdit(c, a, old)
	}
	m, err := readFields(c.body, []field{{"name", aText, true}, {"certificate", aText, true}, {"associated_hostnames", someTexts, false}})
	if err != nil {
		return nil, badAccess("%s", err)
	}
	name := as[string](m["name"])
	if bad := s.checkAuthorityName(a, nil, name); bad != nil {
		return nil, bad
	}

	chain, err := parseChain(as[string](m["certificate"]))
	if err == nil {
		err = checkChain(chain, c.now)
	}
	if err != nil {
		return nil, badAccess("certificate: %s", err)
	}
	ca := s.newAuthority(name, chain)

	hosts := as[[]string](m["associated_hostnames"])
	if bad := s.checkHosts(a, hosts, nil); bad != nil {
		return nil, bad
	}
	ca.setHosts(hosts)
	if len(hosts) > 0 {
		ca.free = c.now.Add(s.seed.Settle)
	}

	same := find(a.authorities, func(o *authority) bool { return o.fingerprint == ca.fingerprint })
	if same != nil {
		return nil, fail(http.StatusConflict, accessDuplicate, "the certificate already exists with the name "+same.name)
	}
	return ca, nil
}

func (s *Server) parseAuthorityEdit(c *call, a *account, old *authority) (*authority, *answer) {
	m, err := readFields(c.body, []field{{"associated_hostnames", someTexts, true}, {"name", aText, false}})
	if err != nil {
		return nil, badAccess("%s", err)
	}

	next := *old
	if raw, given := m["name"]; given {
		next.name = as[string](raw)
		if bad := s.checkAuthorityName(a, old, next.name); bad != nil {
			return nil, bad
		}
	}

	hosts := as[[]string](m["associated_hostnames"])
	if bad := s.checkHosts(a, hosts, old.hosts); bad != nil {
		return nil, bad
	}
	next.setHosts(hosts)
	next.free = c.now.Add(s.seed.Settle)
	return &next, nil
}

func (s *Server) checkAuthorityName(a *account, self *authority, name string) *answer {
	switch {
	case name == "" || len(name) > mostName:
		return badAccess("name must have 1 to %d characters", mostName)
	case s.seed.UniqueCertificateNames && slices.ContainsFunc(a.authorities, func(o *authority) bool { return o != self && o.name == name }):
		return fail(http.StatusConflict, accessDuplicate, "a certificate with this name already exists")
	}
	return nil
}

// checkHosts refuses names that an authority cannot be associated with. Names that
// it already has stay allowed.
func (s *Server) checkHosts(a *account, hosts, already []string) *answer {
	for i, name := range hosts {
		if slices.Contains(hosts[:i], name) {
			return badAccess("associated_hostnames lists %q twice", name)
		}
		if why := s.unusable(a, name); why != "" && !slices.Contains(already, name) {
			return fail(http.StatusBadRequest, accessNotInZone, fmt.Sprintf("hostname %q %s", name, why))
		}
	}
	return nil
}

// associate takes the hostnames of an authority from all others, where the seed
// says that a hostname has only one authority.
func (s *Server) associate(c *call, a *account, ca *authority) {
	for _, other := range a.authorities {
		if !s.seed.ExclusiveAssociations || other == ca {
			continue
		}
		left := slices.DeleteFunc(slices.Clone(other.hosts), func(name string) bool { return slices.Contains(ca.hosts, name) })
		if len(left) < len(other.hosts) {
			before := other.own()
			other.setHosts(left)
			other.updated, other.free = c.now, c.now.Add(s.seed.Settle)
			c.entry.wrote(other.object(a), before, other.own())
		}
	}
}

// setHosts sorts the names. An empty list becomes nil, which the API shows as null.
func (ca *authority) setHosts(hosts []string) {
	ca.hosts = nil
	if len(hosts) > 0 {
		ca.hosts = slices.Sorted(slices.Values(hosts))
	}
}

// inUse refuses to delete a certificate while it is associated with hostnames, and
// until the end of the association has reached the edge.
func (ca *authority) inUse(c *call, _ *account) *answer {
	switch {
	case len(ca.hosts) > 0:
		return fail(http.StatusConflict, accessInUse, "the certificate is associated with hostnames")
	case c.now.Before(ca.free):
		return fail(http.StatusConflict, accessInUse, "the certificate is still being removed from hostnames")
	}
	return nil
}

// mtlsSetting is the mTLS settings of a hostname.
type mtlsSetting struct {
	China   bool `json:"china_network"`
	Forward bool `json:"client_certificate_forwarding"`
}

type mtlsSettingJSON struct {
	Hostname string `json:"hostname"`
	mtlsSetting
}

func (a *account) mtlsSettings() any { return a.listMTLSSettings() }

func (a *account) listMTLSSettings() []mtlsSettingJSON {
	out := []mtlsSettingJSON{}
	for _, name := range sortedKeys(a.forwarding) {
		out = append(out, mtlsSettingJSON{name, a.forwarding[name]})
	}
	return out
}

// editMTLSSettings is PUT access/certificates/settings. Names outside the list keep
// their settings, as users report, or lose them where the seed says that the list
// replaces the old one.
func (s *Server) editMTLSSettings(c *call, a *account) *answer {
	m, err := readFields(c.body, []field{{"settings", aList, true}})
	if err != nil {
		return badAccess("%s", err)
	}
	if c.now.Before(a.busyUntil) {
		return fail(http.StatusConflict, accessBusy, "previous certificate settings still being updated")
	}

	next, bad := s.readMTLSSettings(a, as[[]json.RawMessage](m["settings"]))
	if bad != nil {
		return bad
	}
	if c.ignoreWrite {
		c.entry.Effect = EffectIgnored
		return ok(http.StatusAccepted, a.mtlsSettings())
	}
	s.setForwarding(c.entry, a, next)
	c.entry.Effect = cmp.Or(c.entry.Effect, EffectNoop)
	return ok(http.StatusAccepted, a.mtlsSettings())
}

// readMTLSSettings returns the settings of all hostnames once the items are
// written. A name with both flags off has no settings.
func (s *Server) readMTLSSettings(a *account, items []json.RawMessage) (map[string]mtlsSetting, *answer) {
	next := map[string]mtlsSetting{}
	if !s.seed.ReplaceMTLSSettings {
		maps.Copy(next, a.forwarding)
	}

	var listed []string
	for i, raw := range items {
		item, err := readFields(raw, []field{{"hostname", aText, true}, {"china_network", aBool, true}, {"client_certificate_forwarding", aBool, true}})
		if err != nil {
			return nil, badAccess("settings[%d]: %s", i, err)
		}
		name := as[string](item["hostname"])
		set := mtlsSetting{as[bool](item["china_network"]), as[bool](item["client_certificate_forwarding"])}

		old, known := a.forwarding[name]
		switch why := s.unusable(a, name); {
		case slices.Contains(listed, name):
			return nil, badAccess("settings lists %q twice", name)
		case why != "" && !known:
			return nil, fail(http.StatusBadRequest, accessNotInZone, fmt.Sprintf("hostname %q %s", name, why))
		case set.China && !old.China:
			return nil, badAccess("hostname %q is not in a zone of the China network", name)
		}

		listed = append(listed, name)
		next[name] = set
		if set == (mtlsSetting{}) {
			delete(next, name)
		}
	}
	return next, nil
}

// setForwarding replaces the settings of all hostnames and records the changes.
func (s *Server) setForwarding(e *Entry, a *account, next map[string]mtlsSetting) {
	was := a.forwarding
	names := append(sortedKeys(was), sortedKeys(next)...)
	slices.Sort(names)

	own := func(m map[string]mtlsSetting, name string) map[string]json.RawMessage {
		set, has := m[name]
		if !has {
			return nil
		}
		return map[string]json.RawMessage{"china_network": encode(set.China), "client_certificate_forwarding": encode(set.Forward)}
	}

	for _, name := range slices.Compact(names) {
		if was[name] != next[name] {
			e.wrote("mtls_hostname/"+a.name+"/"+name, own(was, name), own(next, name))
			e.Effect = cmp.Or(e.Effect, EffectChanged)
		}
	}

	a.forwarding = next
	a.busyUntil = s.now().Add(s.seed.Settle)
	s.publish(a)
}

// AssociationCount is the number of certificate authorities that a hostname is
// associated with from entry N of the history on. Entry 0 stands for the time
// before the history.
type AssociationCount struct{ N, Authorities int }

// Associations returns the changing number of Access authorities that a hostname is
// associated with over the history. account is a name or id; an unknown account
// gives nil. During a rotation no number may be zero.
func (s *Server) Associations(accountName, hostname string) []AssociationCount {
	s.mu.Lock()
	defer s.mu.Unlock()

	a := s.findAccount(accountName)
	if a == nil {
		return nil
	}

	// Walk back from the present, undoing write after write.
	with := map[string]bool{} // by the id of the certificate
	for _, ca := range a.authorities {
		if slices.Contains(ca.hosts, hostname) {
			with[ca.id] = true
		}
	}

	var back []AssociationCount
	for _, e := range slices.Backward(s.history) {
		back = append(back, AssociationCount{e.N, len(with)})
		for _, w := range slices.Backward(e.Writes) {
			if !strings.HasPrefix(w.Object, "mtls_certificate/"+a.name+"/") {
				continue
			}
			id := as[string](w.Before["id"])
			if w.Before == nil {
				id = as[string](w.After["id"])
			}
			delete(with, id)
			if slices.Contains(as[[]string](w.Before["associated_hostnames"]), hostname) {
				with[id] = true
			}
		}
	}

	out := []AssociationCount{{0, len(with)}}
	for _, m := range slices.Backward(back) {
		if m.Authorities != out[len(out)-1].Authorities {
			out = append(out, m)
		}
	}
	return out
}
