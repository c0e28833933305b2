package account

import (
	"fmt"
	"slices"

	"tlsync/engine/plan"
	"tlsync/schema"
	"tlsync/schema/certificate"
)

// mtlsEntry is one entry of the mtls block.
type mtlsEntry struct {
	*schema.MTLS
	base        *schema.MTLS // nil where the base commit does not have it
	authorities []*authority // those of the entry, and former ones that are to go
	listed      map[string]bool
	// covered holds the hostnames that have a certificate authority of the entry after
	// the plan.
	covered map[string]bool
	refused bool // an authority of the entry cannot be its own
}

func (e *mtlsEntry) origin(p schema.Pos) plan.Origin {
	return plan.Origin{Pos: p, Via: "mtls " + e.Name.Value}
}

// authority is a certificate authority of an entry.
type authority struct {
	entry *mtlsEntry
	ca    *schema.CACertificate // nil for one that is to go
	live  *plan.Resource        // nil for one that is to be created
	name  string                // at Cloudflare
	// from and to are the hostnames that it is associated with before and after
	// the plan, sorted.
	from, to []string
}

func (a *authority) goes() bool { return a.ca == nil }

// fingerprint returns the fingerprint of the live certificate, or else that of the first
// certificate of the chain.
func (a *authority) fingerprint() string {
	if a.live != nil {
		return fingerprintOf(a.live)
	}
	return a.ca.MD5[0]
}

func fingerprintOf(r *plan.Resource) string { return plan.TextOf(r.Value(plan.FieldFingerprint)) }

func hostnamesOf(r *plan.Resource) []string {
	return slices.Sorted(slices.Values(r.Value(plan.FieldHostnames).List()))
}

// mtlsPlan says which certificate authorities each hostname has before and after the
// plan. Certificates, applications and forwarding are planned from it.
type mtlsPlan struct {
	*work
	entries     []*mtlsEntry
	authorities []*authority // of all entries
	// blind is set where applications or forwarding could not be read. Then nothing
	// that protects a hostname is taken away, since it is not known what has to go
	// before it.
	blind bool
	// listed holds the hostnames that entries list, and covered those that have a
	// certificate authority of such an entry after the plan.
	listed, covered map[string]bool
	// barred holds the hostnames that cannot be given anything at present; they keep
	// what they have.
	barred map[string]bool
	// after counts the certificate authorities of a hostname after the plan, foreign
	// ones included.
	after map[string]int
}

// mtls plans the certificate authorities of Access and what depends on them.
func (w *work) mtls() {
	m := &mtlsPlan{
		work: w, blind: !w.readable(plan.KindMTLSHostname, plan.KindAccessApplication),
		listed: map[string]bool{}, covered: map[string]bool{}, barred: map[string]bool{}, after: map[string]int{},
	}
	m.readEntries()
	if len(m.entries) == 0 || !w.readable(plan.KindMTLSCertificate) {
		return
	}
	m.match()
	m.associate()
	m.dropStaying()
	m.count()

	opened := map[*plan.Resource]bool{}
	if w.readable(plan.KindAccessApplication) {
		opened = m.planApplications()
	}
	m.planCertificates(opened)
	if w.readable(plan.KindMTLSHostname) {
		m.planForwarding()
	}
}

// readEntries takes over the entries, and reports certificates that expire.
func (w *mtlsPlan) readEntries() {
	first := map[string]*mtlsEntry{} // by fingerprint of the first certificate
	for i := range w.want.MTLS {
		e := &mtlsEntry{MTLS: &w.want.MTLS[i], listed: map[string]bool{}, covered: map[string]bool{}}
		w.entries = append(w.entries, e)
		if w.base != nil {
			if j := slices.IndexFunc(w.base.MTLS, func(b schema.MTLS) bool { return b.Name.Value == e.Name.Value }); j >= 0 {
				e.base = &w.base.MTLS[j]
			}
		}
		for _, h := range e.Hostnames {
			e.listed[h.Value] = true
			w.listed[h.Value] = w.listed[h.Value] || !e.Absent
		}

		if e.Absent {
			continue
		}
		for j := range e.CAs {
			w.readCA(e, &e.CAs[j], first)
		}
	}
}

// readCA takes over a certificate file of an entry. An account has each certificate
// authority once, so the first entry to list one has it.
func (w *mtlsPlan) readCA(e *mtlsEntry, ca *schema.CACertificate, first map[string]*mtlsEntry) {
	object := w.ref.Of(plan.KindMTLSCertificate, e.Name.Value)
	if when, soon := certificate.ExpiresSoon(ca.NotAfter, w.in.Now); soon {
		w.report(schema.Warning, plan.CAExpires, object, fmt.Sprintf("the certificate authority in %s %s", ca.File, when), e.origin(ca.Pos))
	}
	if other := first[ca.MD5[0]]; other != nil {
		e.refused = true
		w.report(schema.Error, plan.NotEditable, object, fmt.Sprintf("the certificate authority in %s is not changed: %s already has it, and an account can have each only once",
			ca.File, other.Name.Value), e.origin(ca.Pos))
		return
	}
	first[ca.MD5[0]] = e
	e.authorities = append(e.authorities, &authority{entry: e, ca: ca})
}
