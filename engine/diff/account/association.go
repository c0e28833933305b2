package account

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tlsync/engine/plan"
	"tlsync/schema"
	"tlsync/schema/words"
)

// associate decides which hostnames every authority is associated with after the plan.
func (w *mtlsPlan) associate() {
	for _, e := range w.entries {
		if !e.Absent {
			w.bar(e)
		}
	}

	for _, a := range w.authorities {
		if !a.entry.HostnamesAt.Set {
			a.to = a.from
			continue
		}
		for _, h := range a.entry.Hostnames {
			if _, already := slices.BinarySearch(a.from, h.Value); already || !w.barred[h.Value] {
				a.to = append(a.to, h.Value)
				w.covered[h.Value] = true
			}
		}
	}

	for _, a := range w.authorities {
		// A hostname that another entry lists and cannot have yet stays.
		for _, h := range a.from {
			if a.entry.HostnamesAt.Set && !a.entry.listed[h] && (w.blind || w.listed[h] && !w.covered[h]) {
				a.to = append(a.to, h)
			}
		}
		slices.Sort(a.to)
		for _, h := range a.to {
			a.entry.covered[h] = true
		}
	}
}

// bar finds the hostnames of an entry that cannot be given client certificates, and
// reports them.
func (w *mtlsPlan) bar(e *mtlsEntry) {
	for _, h := range e.Hostnames {
		if rule, why := w.unusable(h.Value); rule != "" {
			w.barred[h.Value] = true
			w.report(schema.Warning, rule, w.ref.Of(plan.KindMTLSHostname, h.Value), plan.This+" "+why, e.origin(h.Pos))
		}
	}
}

// dropStaying drops the authorities that are to go and cannot.
func (w *mtlsPlan) dropStaying() {
	for _, e := range w.entries {
		kept := e.authorities[:0]
		for _, a := range e.authorities {
			if a.goes() {
				if !w.canGo(a) {
					continue
				}
				w.authorities = append(w.authorities, a)
			}
			kept = append(kept, a)
		}
		e.authorities = kept
	}
}

// canGo reports whether a certificate authority may be deleted: no hostname may lose it
// that is still to be protected. It adds a finding where it may not.
func (w *mtlsPlan) canGo(a *authority) bool {
	e := a.entry
	var foreign, waiting []string
	for _, h := range a.from {
		isOurs, isCovered := e.listed[h], e.covered[h]
		if e.Absent {
			isOurs, isCovered = isOurs || len(e.Hostnames) == 0, w.covered[h] || !w.listed[h]
		}
		switch {
		case !isOurs:
			foreign = append(foreign, h)
		case !isCovered:
			waiting = append(waiting, h)
		}
	}

	why := ""
	switch {
	case len(foreign) > 0:
		why = fmt.Sprintf("it also protects %s, which the entry does not list; list %s, or end the association first",
			words.First(foreign), words.Plural(len(foreign), "it", "them"))
	case len(waiting) > 0:
		why = fmt.Sprintf("%s would be left without a certificate authority", words.First(waiting))
	case e.refused:
		why = "its replacement belongs to another entry"
	case w.blind && len(a.from) > 0:
		why = "objects that have to go before it could not be read"
	default:
		return true
	}

	w.report(schema.Warning, plan.NotEditable, w.ref.Of(plan.KindMTLSCertificate, e.Name.Value), fmt.Sprintf(
		"certificate authority %s (%s) is no longer in the configuration and is not deleted: %s", a.name, a.live.ID, why), e.origin(e.Name.Pos))
	return false
}

// unusable says why a hostname cannot be given client certificates, if it cannot:
// a custom hostname has to be active and not a wildcard
// (developers.cloudflare.com/cloudflare-for-platforms/cloudflare-for-saas/security/secure-with-access),
// any other name must lie in a zone of the account. A name counts as usable where the
// live state that would decide was not read.
func (w *mtlsPlan) unusable(name string) (rule, why string) {
	known, zones := len(w.in.Live.Problems) == 0, 0
	for i := range w.in.Live.Zones {
		z := &w.in.Live.Zones[i]
		if z.Account.ID != w.live.ID {
			continue
		}
		zones++
		known = known && z.CustomHostnames != nil
		at, found := slices.BinarySearchFunc(z.CustomHostnames, name, func(h plan.Hostname, n string) int { return strings.Compare(h.Name, n) })
		if !found && (name == z.Name || strings.HasSuffix(name, "."+z.Name)) {
			return "", ""
		}
		for ; at < len(z.CustomHostnames) && z.CustomHostnames[at].Name == name; at++ {
			state := unready(&z.CustomHostnames[at])
			if state == "" {
				return "", ""
			}
			why = cmp.Or(why, state)
		}
	}

	switch {
	case why != "":
		return plan.NotEditable, why + ", and only active custom hostnames that are not wildcards can have client certificates: it keeps what it has and gets nothing new"
	case known && zones > 0:
		return plan.NotFound, fmt.Sprintf("is neither a custom hostname nor a name in a zone of account %s in the configuration: it keeps what it has and gets nothing new", w.live.Name)
	}
	return "", ""
}

// unready says why a custom hostname cannot have client certificates.
func unready(h *plan.Hostname) string {
	switch {
	case h.Wildcard:
		return "is a wildcard custom hostname"
	case h.Status != "active" && h.Status != "active_redeploying":
		return "is a custom hostname whose status is " + h.Status
	case !h.SSL:
		return "is a custom hostname without a certificate"
	case h.SSLStatus != "active":
		return "is a custom hostname whose certificate's status is " + h.SSLStatus
	}
	return ""
}

// count counts how many certificate authorities each hostname has after the plan.
func (w *mtlsPlan) count() {
	ours := map[*plan.Resource]bool{}
	for _, a := range w.authorities {
		ours[a.live] = true
		for _, h := range a.to {
			w.after[h]++
		}
	}
	for i := range w.live.Certificates {
		if c := &w.live.Certificates[i]; !ours[c] {
			for _, h := range hostnamesOf(c) {
				w.after[h]++
			}
		}
	}
}
