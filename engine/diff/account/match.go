package account

import (
	"fmt"
	"slices"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// match finds the live certificate of each authority, gives names to those that are to be
// created, and claims former certificates of the entries.
func (w *mtlsPlan) match() {
	claimed := make([]bool, len(w.live.Certificates))
	w.matchFingerprints(claimed)
	w.refuseUnknown()
	w.nameAuthorities()

	for _, e := range w.entries {
		for _, a := range e.authorities {
			w.reportTwins(a, claimed)
			w.authorities = append(w.authorities, a)
		}
	}
	for i := range w.live.Certificates {
		if !claimed[i] {
			w.claimFormer(&w.live.Certificates[i])
		}
	}
}

// matchFingerprints finds live certificates by fingerprint alone. The documentation does
// not say which certificate of a chain Cloudflare's fingerprint covers; the first is the
// likeliest, so all first certificates are looked up before all second ones, and so on.
func (w *mtlsPlan) matchFingerprints(claimed []bool) {
	for depth, more := 0, true; more; depth++ {
		more = false
		for _, e := range w.entries {
			for _, a := range e.authorities {
				if a.live != nil || depth >= len(a.ca.MD5) {
					continue
				}
				more = true
				if i := w.find(e, a.ca.MD5[depth], depth == 0, claimed); i >= 0 {
					claimed[i] = true
					a.live, a.name = &w.live.Certificates[i], w.live.Certificates[i].Name
					a.from = hostnamesOf(a.live)
				}
			}
		}
	}
}

// find returns the index of a live certificate with a fingerprint, -1 if there is none.
// The root of a chain may be somebody else's authority too, so a certificate that is not
// matched by the first of the chain has to have the entry's name as well.
func (w *mtlsPlan) find(e *mtlsEntry, md5 string, isFirst bool, claimed []bool) int {
	best := -1
	for i := range w.live.Certificates {
		c := &w.live.Certificates[i]
		if claimed[i] || fingerprintOf(c) != md5 {
			continue
		}
		if w.owner(c.Name) == e {
			return i
		}
		if best < 0 && isFirst {
			best = i
		}
	}
	return best
}

// refuseUnknown gives up authorities that are missing where the entry has a live
// certificate without a fingerprint. It may be any of them, and to create another one at
// every run would fill the account.
func (w *mtlsPlan) refuseUnknown() {
	for i := range w.live.Certificates {
		c := &w.live.Certificates[i]
		if e := w.owner(c.Name); e != nil && !e.Absent && fingerprintOf(c) == "" {
			e.refused = true
			e.authorities = slices.DeleteFunc(e.authorities, func(a *authority) bool { return a.live == nil })
		}
	}
}

// nameAuthorities names the authorities that are to be created. The documentation does
// not say whether two certificates may share a name. All but the first of an entry have
// their own, so that a name does not depend on when a run was interrupted.
func (w *mtlsPlan) nameAuthorities() {
	taken := map[string]bool{}
	for i := range w.live.Certificates {
		taken[w.live.Certificates[i].Name] = true
	}
	for _, e := range w.entries {
		for i, a := range e.authorities {
			if a.live != nil {
				continue
			}
			if a.name = e.Name.Value; taken[a.name] || i > 0 {
				a.name += " " + a.ca.MD5[0][:8]
			}
			taken[a.name] = true
		}
	}
}

// reportTwins reports live certificates with the fingerprint of one that is used.
func (w *mtlsPlan) reportTwins(a *authority, claimed []bool) {
	if a.live == nil {
		return
	}
	for i := range w.live.Certificates {
		if c := &w.live.Certificates[i]; !claimed[i] && fingerprintOf(c) == a.fingerprint() {
			w.report(schema.Warning, plan.NotEditable, w.ref.Of(plan.KindMTLSCertificate, a.entry.Name.Value), fmt.Sprintf(
				"account %s has the certificate authority in %s more than once: %s (%s) is used, %s (%s) is not changed",
				w.live.Name, a.ca.File, a.live.Name, a.live.ID, c.Name, c.ID), a.entry.origin(a.ca.Pos))
		}
	}
}

// owner returns the entry that a live certificate belongs to by its name: the name of the
// entry, or that and the start of a fingerprint; see nameAuthorities.
func (w *mtlsPlan) owner(name string) *mtlsEntry {
	var owner *mtlsEntry
	for _, e := range w.entries {
		switch {
		case e.Name.Value == name:
			return e
		case plan.CertificateOf(name, e.Name.Value):
			owner = e
		}
	}
	return owner
}

// claimFormer takes a live certificate that no entry asks for as one that is to go, if it
// belongs to an entry by its name, or to an entry that is to be absent.
func (w *mtlsPlan) claimFormer(c *plan.Resource) {
	e := w.owner(c.Name)
	md5 := fingerprintOf(c)
	for _, x := range w.entries {
		if x.Absent && slices.ContainsFunc(x.CAs, func(ca schema.CACertificate) bool { return ca.MD5[0] == md5 }) {
			e = x
		}
	}

	switch {
	case e == nil:
	case md5 == "" && !e.Absent:
		w.report(schema.Warning, plan.NotEditable, w.ref.Of(plan.KindMTLSCertificate, e.Name.Value), fmt.Sprintf(
			"certificate %s (%s) is not changed: Cloudflare does not report its fingerprint, so it may or may not be the one in the configuration", c.Name, c.ID), e.origin(e.Name.Pos))
	case e.Absent || !plan.HasFingerprint(e.CAs, md5):
		e.authorities = append(e.authorities, &authority{entry: e, live: c, name: c.Name, from: hostnamesOf(c)})
	}
}
