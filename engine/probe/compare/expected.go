package compare

import (
	"slices"

	"tlsync/schema"
)

// ClientCertificate is the row of verdicts about client certificates.
const ClientCertificate = "client_certificate"

// Want is what is asked of one setting.
type Want struct {
	// Value is the effective value, "" if it is not known.
	Value schema.Value
	// AtLeast says that Value is a lower bound.
	AtLeast bool
	// Why says why Value is not known.
	Why string
}

// Expected is what is asked of one name. A nil Want is not managed, and gets no verdict.
type Expected struct {
	Name             string
	Minimum          *Want
	TLS13            *Want
	Ciphers          *Want
	CertificateAsked *Want // "on" or "off"
}

// Wants returns what is asked, with the setting that each row is about.
func (e *Expected) Wants() []Row {
	return []Row{
		{Setting: schema.MinTLSVersion, Want: e.Minimum}, {Setting: schema.TLS13, Want: e.TLS13},
		{Setting: schema.Ciphers, Want: e.Ciphers}, {Setting: ClientCertificate, Want: e.CertificateAsked},
	}
}

// minimum returns the oldest version that is asked for; it reports false if that is not known.
func (e *Expected) minimum() (Version, bool) {
	if e.Minimum == nil {
		return TLS10, false
	}
	i := slices.IndexFunc(Versions(), func(v Version) bool { return v.Value() == e.Minimum.Value })
	if i < 0 {
		return TLS10, false
	}
	return Versions()[i], true
}

// list returns the suites that are asked for; it reports false if they are not known. The empty
// list admits every suite.
func (e *Expected) list() ([]string, bool) {
	if e.Ciphers == nil || e.Ciphers.Value == "" {
		return nil, false
	}
	return e.Ciphers.Value.List(), true
}

// First returns the hellos that are sent to every name: one for each version, the newest first,
// since a server that nobody can reach shows that soonest there.
func First() []Hello {
	var out []Hello
	for _, v := range slices.Backward(Versions()) {
		out = append(out, OfVersion(v))
	}
	return out
}

// Then returns the hellos for forbidden suites, after the answers to the first ones: a
// version that was refused with every suite is not asked for again.
func (e *Expected) Then(first []Answer) []Hello {
	list, _ := e.list()
	minimum, _ := e.minimum()
	return slices.DeleteFunc(Forbidden(list, minimum), func(h Hello) bool {
		return slices.ContainsFunc(first, func(a Answer) bool { return a.Version == h.Version() && a.Outcome == Refused })
	})
}
