package sandbox

import (
	"cmp"
	"crypto/md5"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Error codes of the Access service. The first two are Cloudflare's; which
// numbers it uses elsewhere is not documented, so the others are ours and no
// client can rely on them.
const (
	accessNotInZone = 12036
	accessOverLimit = 12130
	accessInvalid   = 12131
	accessInUse     = 12132
	accessDuplicate = 12133
	accessUnknown   = 12134
	accessBusy      = 12135
)

// mostAuthorities is how many certificates an account may have.
const mostAuthorities = 50

// authority is a certificate authority of Access.
type authority struct {
	id, name string
	// chain holds the certificates with the issuing one first. There are none
	// where a seed gives no more than the fingerprint; such an authority vouches
	// for nobody at the edge.
	chain       []*x509.Certificate
	fingerprint string // MD5, pairs of digits with colons between them
	expires     time.Time
	hosts       []string // sorted
	// free is when the latest change of the hostnames has reached the edge, which
	// is when the certificate can be deleted.
	free             time.Time
	created, updated time.Time
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

// render is the certificate as the API shows it: without the certificate.
func (ca *authority) render() authorityJSON {
	return authorityJSON{
		ID: ca.id, Name: ca.name, Hosts: ca.hosts, Expires: stamp(ca.expires), Fingerprint: "MD5 Fingerprint=" + ca.fingerprint,
		Created: stamp(ca.created), Updated: stamp(ca.updated),
	}
}

// own is the certificate for the history. The id tells certificates of one name
// apart.
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

func (a *account) listAuthorities(c *call) *answer {
	return pagedBy(c, 50, len(a.authorities), 1000, func(i int) any { return a.authorities[i].render() })
}

// badAccess refuses a request for what it says.
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
			return nil, fmt.Errorf("a PEM block of type %q is no certificate", block.Type)
		}
		crt, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d cannot be read", len(chain)+1)
		}
		chain = append(chain, crt)
	}
	switch {
	case len(chain) == 0:
		return nil, errors.New("there is no PEM certificate")
	case strings.TrimSpace(string(rest)) != "":
		return nil, errors.New("there is something other than PEM certificates")
	}
	return chain, nil
}

// signatures are the algorithms that an authority may be signed with.
var signatures = []x509.SignatureAlgorithm{
	x509.SHA1WithRSA, x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA,
	x509.ECDSAWithSHA1, x509.ECDSAWithSHA256, x509.ECDSAWithSHA384, x509.ECDSAWithSHA512,
}

// checkChain says why certificates cannot be an authority: each has to be one
// itself, be in force and be signed by the next; the last has to be a root.
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

// fingerprintOf is the MD5 digest of a certificate, in the form in which the API
// shows it.
func fingerprintOf(crt *x509.Certificate) string {
	sum := md5.Sum(crt.Raw)
	pairs := make([]string, len(sum))
	for i, b := range sum {
		pairs[i] = fmt.Sprintf("%02X", b)
	}
	return strings.Join(pairs, ":")
}

// newAuthority makes an authority of a checked chain. Which certificate of a
// chain the fingerprint covers is not documented.
func (s *Server) newAuthority(a *account, name string, chain []*x509.Certificate) *authority {
	covered := chain[0]
	if s.seed.FingerprintOf == "last" {
		covered = chain[len(chain)-1]
	}
	now := s.now()
	return &authority{name: name, chain: chain, fingerprint: fingerprintOf(covered), expires: chain[0].NotAfter, created: now, updated: now}
}

// mostName is the longest name of a certificate.
const mostName = 350

// createAuthority is POST access/certificates.
func (s *Server) createAuthority(c *call, a *account) *answer {
	m, err := readFields(c.body, []field{{"name", aText, true}, {"certificate", aText, true}, {"associated_hostnames", someTexts, false}})
	if err != nil {
		return badAccess("%s", err)
	}
	name := as[string](m["name"])
	if bad := s.checkAuthorityName(a, nil, name); bad != nil {
		return bad
	}
	chain, err := parseChain(as[string](m["certificate"]))
	if err == nil {
		err = checkChain(chain, c.now)
	}
	if err != nil {
		return badAccess("certificate: %s", err)
	}
	ca := s.newAuthority(a, name, chain)
	hosts := as[[]string](m["associated_hostnames"])
	if bad := s.checkHosts(a, hosts, nil); bad != nil {
		return bad
	}
	for _, other := range a.authorities {
		if other.fingerprint == ca.fingerprint {
			return fail(http.StatusConflict, accessDuplicate, "the certificate exists already, with the name "+other.name)
		}
	}
	if len(a.authorities) >= mostAuthorities {
		return fail(http.StatusBadRequest, accessOverLimit, fmt.Sprintf("an account has no more than %d certificates", mostAuthorities))
	}
	ca.id = uuid(a.id, "mtls/"+ca.fingerprint) // for the answer of a write that is ignored
	if c.ignoreWrite {
		c.entry.Effect = EffectIgnored
		return ok(http.StatusCreated, ca.render())
	}
	ca.id = a.newID("mtls", ca.fingerprint)
	a.authorities = append(a.authorities, ca)
	s.associate(c, a, ca, hosts)
	c.entry.Effect = EffectCreated
	c.entry.wrote(ca.object(a), nil, ca.own())
	return ok(http.StatusCreated, ca.render())
}

func (s *Server) checkAuthorityName(a *account, self *authority, name string) *answer {
	switch {
	case name == "" || len(name) > mostName:
		return badAccess("name has to have 1 to %d characters", mostName)
	case s.seed.UniqueCertificateNames && slices.ContainsFunc(a.authorities, func(o *authority) bool { return o != self && o.name == name }):
		return fail(http.StatusConflict, accessDuplicate, "a certificate of this name exists already")
	}
	return nil
}

// checkHosts refuses names that an authority cannot be associated with. Those
// that it has already stay possible whatever became of them.
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

// associate gives an authority its hostnames, takes them from all others where
// the seed says that a hostname has one authority only, and sends the outcome
// towards the edge. The write of ca itself is the caller's to record.
func (s *Server) associate(c *call, a *account, ca *authority, hosts []string) {
	ca.setHosts(hosts)
	if len(hosts) > 0 {
		ca.free = c.now.Add(s.seed.Settle)
	}
	for _, other := range a.authorities {
		if !s.seed.ExclusiveAssociations || other == ca {
			continue
		}
		left := slices.DeleteFunc(slices.Clone(other.hosts), func(name string) bool { return slices.Contains(hosts, name) })
		if len(left) < len(other.hosts) {
			before := other.own()
			other.setHosts(left)
			other.updated, other.free = c.now, c.now.Add(s.seed.Settle)
			c.entry.wrote(other.object(a), before, other.own())
		}
	}
	s.publish(a)
}

// setHosts keeps names sorted, and none as nil, which the API shows as null.
func (ca *authority) setHosts(hosts []string) {
	ca.hosts = nil
	if len(hosts) > 0 {
		ca.hosts = slices.Sorted(slices.Values(hosts))
	}
}

// editAuthority is PUT access/certificates/{id}. The certificate itself cannot
// be changed: Cloudflare ignores the attempt, and here it is an unknown field.
func (s *Server) editAuthority(c *call, a *account, ca *authority) *answer {
	m, err := readFields(c.body, []field{{"associated_hostnames", someTexts, true}, {"name", aText, false}})
	if err != nil {
		return badAccess("%s", err)
	}
	name := ca.name
	if raw, given := m["name"]; given {
		name = as[string](raw)
		if bad := s.checkAuthorityName(a, ca, name); bad != nil {
			return bad
		}
	}
	hosts := as[[]string](m["associated_hostnames"])
	if bad := s.checkHosts(a, hosts, ca.hosts); bad != nil {
		return bad
	}
	if c.ignoreWrite {
		c.entry.Effect = EffectIgnored
		return ok(http.StatusOK, ca.render())
	}
	object, before := ca.object(a), ca.own()
	c.entry.Effect = EffectChanged
	if name == ca.name && slices.Equal(slices.Sorted(slices.Values(hosts)), ca.hosts) {
		c.entry.Effect = EffectNoop
	}
	ca.name, ca.updated = name, c.now
	ca.free = c.now.Add(s.seed.Settle)
	s.associate(c, a, ca, hosts)
	c.entry.wrote(object, before, ca.own())
	return ok(http.StatusOK, ca.render())
}

// deleteAuthority is DELETE access/certificates/{id}. It is refused while there
// are associations, and until the edge has heard that there are none.
func (s *Server) deleteAuthority(c *call, a *account, ca *authority) *answer {
	switch {
	case len(ca.hosts) > 0:
		return fail(http.StatusConflict, accessInUse, "the certificate is associated with hostnames")
	case c.now.Before(ca.free):
		return fail(http.StatusConflict, accessInUse, "the certificate is still being removed from hostnames")
	case c.ignoreWrite:
		c.entry.Effect = EffectIgnored
	default:
		a.authorities = slices.DeleteFunc(a.authorities, func(o *authority) bool { return o == ca })
		c.entry.Effect = EffectDeleted
		c.entry.wrote(ca.object(a), ca.own(), nil)
	}
	return ok(http.StatusOK, map[string]string{"id": ca.id})
}

// hostSetting is what a hostname has besides its authorities.
type hostSetting struct {
	China   bool `json:"china_network"`
	Forward bool `json:"client_certificate_forwarding"`
}

type hostSettingJSON struct {
	Hostname string `json:"hostname"`
	hostSetting
}

func (a *account) hostSettings() []hostSettingJSON {
	out := []hostSettingJSON{}
	for _, name := range sortedKeys(a.forwarding) {
		out = append(out, hostSettingJSON{name, a.forwarding[name]})
	}
	return out
}

// editHostSettings is PUT access/certificates/settings. Names that the list does
// not have stay as they are, as the reports have it, or go where the seed says
// that the list replaces what was; with both flags off a name has no settings.
func (s *Server) editHostSettings(c *call, a *account) *answer {
	m, err := readFields(c.body, []field{{"settings", aList, true}})
	if err != nil {
		return badAccess("%s", err)
	}
	if c.now.Before(a.busyUntil) {
		return fail(http.StatusConflict, accessBusy, "previous certificate settings still being updated")
	}
	next := map[string]hostSetting{}
	for name, was := range a.forwarding {
		if !s.seed.ReplaceMTLSSettings {
			next[name] = was
		}
	}
	var listed []string
	for i, raw := range as[[]json.RawMessage](m["settings"]) {
		item, err := readFields(raw, []field{{"hostname", aText, true}, {"china_network", aBool, true}, {"client_certificate_forwarding", aBool, true}})
		if err != nil {
			return badAccess("settings[%d]: %s", i, err)
		}
		name := as[string](item["hostname"])
		set := hostSetting{as[bool](item["china_network"]), as[bool](item["client_certificate_forwarding"])}
		was, known := a.forwarding[name]
		switch why := s.unusable(a, name); {
		case slices.Contains(listed, name):
			return badAccess("settings lists %q twice", name)
		case why != "" && !known:
			return fail(http.StatusBadRequest, accessNotInZone, fmt.Sprintf("hostname %q %s", name, why))
		case set.China && !was.China:
			return badAccess("hostname %q is in no zone of the China network", name)
		}
		listed = append(listed, name)
		next[name] = set
		if set == (hostSetting{}) {
			delete(next, name)
		}
	}
	if c.ignoreWrite {
		c.entry.Effect = EffectIgnored
		return ok(http.StatusAccepted, a.hostSettings())
	}
	s.setForwarding(c.entry, a, next)
	c.entry.Effect = cmp.Or(c.entry.Effect, EffectNoop)
	return ok(http.StatusAccepted, a.hostSettings())
}

// setForwarding replaces all settings and records those that change.
func (s *Server) setForwarding(e *Entry, a *account, next map[string]hostSetting) {
	was := a.forwarding
	names := append(sortedKeys(was), sortedKeys(next)...)
	slices.Sort(names)
	own := func(m map[string]hostSetting, name string) map[string]json.RawMessage {
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

// AssociationCount is how many certificate authorities a hostname was associated
// with from one entry of the history on; entry 0 is what was before it begins.
type AssociationCount struct{ N, Authorities int }

// Associations counts, over the history, the authorities of Access that a
// hostname of an account (by name or id) was associated with, each change once.
// During a rotation no count may be zero. It is nil if there is no such account.
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
