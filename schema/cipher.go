package schema

import (
	"slices"
	"strings"
	"sync"
)

// Ciphers is the id of the cipher suite setting.
const Ciphers = "ciphers"

// Grade is the strictest of Cloudflare's named lists that contains a suite.
type Grade uint8

// The grades, best first.
const (
	Modern Grade = iota
	Compatible
	Legacy
)

// Suite is a cipher suite that Cloudflare's API accepts in a list. TLS 1.3
// suites are not part of any list: they are on whenever TLS 1.3 is.
type Suite struct {
	Name  string // the spelling of the API, OpenSSL's
	IANA  string // the name that scanners print
	Grade Grade
	ECDSA bool // the certificate key it needs: ECDSA, else RSA
	TLS10 bool // can be negotiated below TLS 1.2
	FIPS  bool // in Cloudflare's FIPS 140-2 list
}

// suites is the table of suites in the order of Cloudflare's documentation
// (developers.cloudflare.com/ssl/edge-certificates/additional-options/cipher-suites).
// It is read only. AES256-GCM-SHA384 is missing from Cloudflare's FIPS list, so
// FIPS is not set here either.
var suites = []Suite{
	{"ECDHE-ECDSA-AES128-GCM-SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", Modern, true, false, true},
	{"ECDHE-ECDSA-CHACHA20-POLY1305", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", Modern, true, false, false},
	{"ECDHE-RSA-AES128-GCM-SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", Modern, false, false, true},
	{"ECDHE-RSA-CHACHA20-POLY1305", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", Modern, false, false, false},
	{"ECDHE-ECDSA-AES128-SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", Compatible, true, false, true},
	{"ECDHE-ECDSA-AES128-SHA", "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", Legacy, true, true, true},
	{"ECDHE-RSA-AES128-SHA256", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", Compatible, false, false, true},
	{"ECDHE-RSA-AES128-SHA", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", Legacy, false, true, true},
	{"AES128-GCM-SHA256", "TLS_RSA_WITH_AES_128_GCM_SHA256", Legacy, false, false, true},
	{"AES128-SHA256", "TLS_RSA_WITH_AES_128_CBC_SHA256", Legacy, false, false, true},
	{"AES128-SHA", "TLS_RSA_WITH_AES_128_CBC_SHA", Legacy, false, true, true},
	{"ECDHE-ECDSA-AES256-GCM-SHA384", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", Modern, true, false, true},
	{"ECDHE-ECDSA-AES256-SHA384", "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384", Compatible, true, false, true},
	{"ECDHE-RSA-AES256-GCM-SHA384", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", Modern, false, false, true},
	{"ECDHE-RSA-AES256-SHA384", "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384", Compatible, false, false, true},
	{"ECDHE-RSA-AES256-SHA", "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", Legacy, false, true, true},
	{"AES256-GCM-SHA384", "TLS_RSA_WITH_AES_256_GCM_SHA384", Legacy, false, false, false},
	{"AES256-SHA256", "TLS_RSA_WITH_AES_256_CBC_SHA256", Legacy, false, false, true},
	{"AES256-SHA", "TLS_RSA_WITH_AES_256_CBC_SHA", Legacy, false, true, true},
	{"DES-CBC3-SHA", "TLS_RSA_WITH_3DES_EDE_CBC_SHA", Legacy, false, true, true},
}

// tls13Suites are the names that Cloudflare and scanners use for the TLS 1.3
// suites. No list may contain them.
var tls13Suites = []string{
	"AEAD-AES128-GCM-SHA256", "AEAD-AES256-GCM-SHA384", "AEAD-CHACHA20-POLY1305-SHA256",
	"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
}

// cipherLists are the names of whole lists, in the order in which messages offer
// them.
var cipherLists = []string{"modern", "compatible", "legacy", "pci", "fips"}

// Suites returns the cipher suites that Cloudflare accepts, in its documented
// order.
func Suites() []Suite { return slices.Clone(suites) }

// CipherLists returns the names of the lists that Cloudflare publishes.
func CipherLists() []string { return slices.Clone(cipherLists) }

// CipherList returns a named list in the form that the API accepts, or nil for
// an unknown name. pci has the suites of modern in another order: GCM first.
func CipherList(name string) []string {
	var names []string
	keep := func(ok func(Suite) bool) {
		for _, s := range suites {
			if ok(s) {
				names = append(names, s.Name)
			}
		}
	}

	switch name {
	case "modern":
		keep(func(s Suite) bool { return s.Grade == Modern })
	case "compatible":
		// The suites of modern come first: the order is the edge's preference.
		keep(func(s Suite) bool { return s.Grade == Modern })
		keep(func(s Suite) bool { return s.Grade == Compatible })
	case "legacy":
		keep(func(Suite) bool { return true })
	case "pci":
		chacha := func(s Suite) bool { return strings.Contains(s.Name, "CHACHA20") }
		keep(func(s Suite) bool { return s.Grade == Modern && !chacha(s) })
		keep(func(s Suite) bool { return s.Grade == Modern && chacha(s) })
	case "fips":
		keep(func(s Suite) bool { return s.FIPS })
	}
	return names
}

// listNames maps the canonical value of a list to its name. It is read only.
var listNames = sync.OnceValue(func() map[Value]string {
	names := make(map[Value]string, len(cipherLists)+1)
	for _, name := range cipherLists {
		for _, l := range []Level{ZoneLevel, CustomHostnameLevel} {
			names[canonicalCiphers(CipherList(name), l)] = name
		}
	}
	return names
})

// CipherListName returns the name of the list that equals a canonical value, or
// "" if there is none. modern and pci differ only in order.
func CipherListName(v Value) string { return listNames()[v] }

// suiteIndex maps both names of a suite, in upper case, to its row in suites. It
// is read only. A map is worth it because lists of tens of thousands of
// hostnames are looked up in it.
var suiteIndex = sync.OnceValue(func() map[string]int {
	index := make(map[string]int, 2*len(suites))
	for i, s := range suites {
		index[s.Name] = i
		index[s.IANA] = i
	}
	return index
})

// LookupSuite finds a suite by the name that Cloudflare or IANA gives it, in
// upper or lower case.
func LookupSuite(name string) (Suite, bool) {
	i, ok := suiteRow(name)
	if !ok {
		return Suite{}, false
	}
	return suites[i], true
}

// suiteRow returns the index of a suite in suites.
func suiteRow(name string) (int, bool) {
	i, ok := suiteIndex()[strings.ToUpper(name)]
	return i, ok
}

// canonicalCiphers puts the suites for ECDSA keys before those for RSA keys and
// keeps the order within each. The edge does the same, so two lists are equal
// exactly if their canonical forms are. The empty list of a zone means every
// suite in Cloudflare's order, so both are the same value there. It is not known
// whether an empty list on a hostname means every suite or the zone's list, so
// it stays different from both.
func canonicalCiphers(list []string, l Level) Value {
	var ecdsa, rsa []string
	for _, name := range list {
		if usesECDSA(name) {
			ecdsa = append(ecdsa, name)
		} else {
			rsa = append(rsa, name)
		}
	}

	v := ListValue(append(ecdsa, rsa...))
	if l == ZoneLevel && len(list) == len(suites) && v == canonicalCiphers(CipherList("legacy"), CustomHostnameLevel) {
		return "[]"
	}
	return v
}

// usesECDSA reports whether a suite needs an ECDSA key. The name decides for a
// suite that is not in the table.
func usesECDSA(name string) bool {
	if s, ok := LookupSuite(name); ok {
		return s.ECDSA
	}
	return strings.Contains(strings.ToUpper(name), "ECDSA")
}

// compareCiphers orders two lists by the suites that they admit. A list that
// only drops suites is stronger if it drops some of its worst grade. A list that
// only adds suites is weaker if it adds some at or below its worst grade.
// Otherwise the list with the worse worst grade is weaker, and lists with the
// same worst grade cannot be ordered.
func compareCiphers(from, to Value) Direction {
	a, b := admitted(from), admitted(to)
	if a == nil || b == nil {
		return Changes
	}

	removed, added := minus(a, b), minus(b, a)
	worstA, worstB := worst(a), worst(b)

	switch {
	case len(removed) == 0 && len(added) == 0:
		return Changes // order only
	case len(added) == 0 && worst(removed) == worstA:
		return Strengthens
	case len(removed) == 0 && worst(added) >= worstA:
		return Weakens
	case worstB < worstA:
		return Strengthens
	case worstB > worstA:
		return Weakens
	}
	return Changes
}

// admitted returns the suites that a list admits: all of them for the empty
// list, nil if the value is not a list.
func admitted(v Value) []string {
	l := v.List()
	if l != nil && len(l) == 0 {
		return CipherList("legacy")
	}
	return l
}

func minus(a, b []string) []string {
	var out []string
	for _, s := range a {
		if !slices.Contains(b, s) {
			out = append(out, s)
		}
	}
	return out
}

// worst returns the worst grade in a list. A suite that is not in the table
// counts as Legacy.
func worst(names []string) Grade {
	g := Modern
	for _, n := range names {
		s, ok := LookupSuite(n)
		if !ok {
			return Legacy
		}
		g = max(g, s.Grade)
	}
	return g
}
