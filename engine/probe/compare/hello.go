// Package compare holds what handshakes show against what the configuration asks for. It
// says which hellos a probe sends, and judges the answers. It sends nothing itself.
package compare

import (
	"slices"

	"tlsync/schema"
)

// Version is a version of TLS, as on the wire.
type Version uint16

// The versions that a probe asks for.
const (
	TLS10 Version = 0x0301 + iota
	TLS11
	TLS12
	TLS13
)

// Versions are the versions that a probe asks for, the oldest first.
func Versions() []Version { return []Version{TLS10, TLS11, TLS12, TLS13} }

// String returns the name of a version, as in "TLS 1.2".
func (v Version) String() string { return "TLS 1." + string(rune('0'+v-TLS10)) }

// Value returns the version as settings write it.
func (v Version) Value() schema.Value { return schema.StringValue("1." + string(rune('0'+v-TLS10))) }

// Hello is one thing to ask a server: does it speak a version with one of some suites?
// The zero Hello asks nothing and cannot be sent. A Hello always offers a suite: OfVersion
// and OfSuites make no other.
type Hello struct {
	version Version
	// first and rest are the suites, which TLS 1.3 has of its own.
	first string
	rest  []string
}

// OfVersion asks for a version with every suite that it may be spoken with.
func OfVersion(v Version) Hello {
	if v == TLS13 {
		return Hello{version: v, first: own13}
	}
	h, _ := OfSuites(v, Suites(v))
	return h
}

// own13 stands for the suites of TLS 1.3, of which nobody can choose some.
const own13 = "TLS 1.3"

// OfSuites asks for a version below TLS 1.3 with one of some suites. It leaves out suites that
// the version cannot carry, and reports false if none is left.
func OfSuites(v Version, suites []string) (Hello, bool) {
	var fit []string
	for _, name := range suites {
		if slices.Contains(Suites(v), name) {
			fit = append(fit, name)
		}
	}
	if len(fit) == 0 || v == TLS13 {
		return Hello{}, false
	}
	return Hello{version: v, first: fit[0], rest: fit[1:]}, true
}

// Version returns the version that the hello asks for.
func (h Hello) Version() Version { return h.version }

// Suites returns the suites that the hello offers, by the names of Cloudflare's API. There
// are none for TLS 1.3, where the library's own are offered.
func (h Hello) Suites() []string {
	if h.version == TLS13 {
		return nil
	}
	return append([]string{h.first}, h.rest...)
}

// Without returns a hello that no longer offers a suite. It reports false if nothing is left
// to ask.
func (h Hello) Without(suite string) (Hello, bool) {
	left := slices.DeleteFunc(h.Suites(), func(s string) bool { return s == suite })
	if len(left) == len(h.Suites()) {
		return Hello{}, false
	}
	return OfSuites(h.version, left)
}

// Odd are the suites that crypto/tls does not implement. They work with TLS 1.2 only, and each
// needs a hello of its own, by a client of ours.
func Odd() []string {
	return []string{"ECDHE-ECDSA-AES256-SHA384", "ECDHE-RSA-AES256-SHA384", "AES256-SHA256"}
}

// Suites returns the suites that a version below TLS 1.3 can carry and crypto/tls implements.
func Suites(v Version) []string {
	var out []string
	for _, s := range schema.Suites() {
		if v <= TLS12 && (s.TLS10 || v == TLS12) && !slices.Contains(Odd(), s.Name) {
			out = append(out, s.Name)
		}
	}
	return out
}

// Forbidden returns the hellos for the suites that a list leaves out, one for each version
// from the minimum up. The empty list leaves nothing out.
func Forbidden(list []string, minimum Version) []Hello {
	if len(list) == 0 {
		return nil
	}

	var out []Hello
	for _, v := range []Version{TLS10, TLS11, TLS12} {
		left := slices.DeleteFunc(Suites(v), func(s string) bool { return slices.Contains(list, s) })
		if h, ok := OfSuites(v, left); ok && v >= minimum {
			out = append(out, h)
		}
	}
	return out
}
