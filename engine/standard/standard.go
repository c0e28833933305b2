// Package standard has what published standards say of TLS versions and cipher suites, as
// tables with their sources and editions, and holds the handshakes that a name accepts
// against them.
package standard

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tlsync/schema"
)

// Verdict is what a standard says of a version or of a suite.
type Verdict string

// Verdicts. A suite that a closed list does not have is not accepted by it.
const (
	Recommended    Verdict = "recommended"
	Allowed        Verdict = "allowed" // neither recommended nor advised against
	AdvisedAgainst Verdict = "advised against"
	Forbidden      Verdict = "not accepted"
	NotListed      Verdict = "not listed"
)

// Accepts reports whether a standard accepts what it gives the verdict on.
func (v Verdict) Accepts() bool { return v == Recommended || v == Allowed }

// Standard is one edition of a published standard.
type Standard struct {
	Name    string // as people choose it
	Title   string
	Edition string

	versionSource, suiteSource string
	versions                   [4]Verdict // on TLS 1.0 to 1.3
	required, preferred        [4]bool    // what servers must support, and should
	until                      [4]string  // the day from which a version is no longer accepted
	column                     int        // of the table of suites
}

// Row is one statement of a standard.
type Row struct {
	Standard, Subject, ID string // ID is the number of a suite, in hexadecimal
	Verdict               Verdict
	Source, Edition       string
}

// All returns the standards, in the order in which they are printed.
func All() []Standard {
	out := slices.Clone(standards)
	for i := range out {
		out[i].column = i
	}
	return out
}

// Names returns the names of the standards.
func Names() []string {
	var out []string
	for i := range standards {
		out = append(out, standards[i].Name)
	}
	return out
}

// Lookup returns the standard with a name.
func Lookup(name string) (Standard, bool) {
	all := All()
	i := slices.IndexFunc(all, func(s Standard) bool { return s.Name == name })
	if i < 0 {
		return Standard{}, false
	}
	return all[i], true
}

// Select returns the standards with some names, all of them for none.
func Select(names []string) ([]Standard, error) {
	if len(names) == 0 {
		return All(), nil
	}

	var out []Standard
	for _, name := range names {
		s, ok := Lookup(name)
		if !ok {
			err := fmt.Errorf("--standard %q: want one of %s", name, strings.Join(Names(), ", "))
			if near := schema.Suggest(name, Names()); near != "" {
				err = fmt.Errorf("%w; did you mean %s?", err, near)
			}
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// Rows returns all that a standard says.
func (s *Standard) Rows() []Row {
	var out []Row
	for i, v := range s.versions {
		out = append(out, Row{s.Name, Versions()[i], "", v, s.versionSource, s.Edition})
	}
	for _, r := range suites {
		out = append(out, Row{s.Name, r.name, r.id, r.verdicts[s.column], s.suiteSource, s.Edition})
	}
	return out
}

// Sources says where the statements of the standard come from.
func (s *Standard) Sources() string {
	return "Versions: " + s.versionSource + ". Cipher suites: " + s.suiteSource + "."
}

// Versions returns the names of the versions of TLS, the oldest first.
func Versions() []string { return []string{"TLS 1.0", "TLS 1.1", "TLS 1.2", "TLS 1.3"} }

// OfVersion returns the verdict on a version, by its index in Versions, on a day. At the
// zero time no period has ended.
func (s *Standard) OfVersion(version int, now time.Time) Verdict {
	end, err := time.Parse(time.DateOnly, s.until[version])
	if err == nil && !now.IsZero() && !now.Before(end) {
		return Forbidden
	}
	return s.versions[version]
}

// OfSuite returns the verdict on a suite. One that the tables do not know is not listed.
func (s *Standard) OfSuite(name string) Verdict {
	i := slices.IndexFunc(suites, func(r suiteRow) bool { return r.name == name })
	if i < 0 {
		return NotListed
	}
	return suites[i].verdicts[s.column]
}

// SuiteID returns the number of a suite, "" if the tables do not know it.
func SuiteID(name string) string {
	i := slices.IndexFunc(suites, func(r suiteRow) bool { return r.name == name })
	if i < 0 {
		return ""
	}
	return suites[i].id
}

// Suites13 returns the suites of TLS 1.3. Cloudflare has them on whenever TLS 1.3 is.
func Suites13() []string {
	var out []string
	for _, r := range suites {
		if strings.HasPrefix(r.name, "TLS_") {
			out = append(out, r.name)
		}
	}
	return out
}

// Offer is what a name offers to clients, as far as its settings say.
type Offer struct {
	// Admitted are the versions that the minimum and TLS 1.3 admit, by their index in
	// Versions.
	Admitted [4]bool
	// Suites are those of TLS 1.2 and below, in the order of the setting.
	Suites []string
	// Unknown are the settings whose values are not known and matter.
	Unknown []string
}

// OfferOf returns what a name offers. A version counts as offered if the minimum admits it,
// even where no suite of the list works with it.
func OfferOf(h schema.Handshake) Offer {
	var o Offer
	minimum, _ := schema.LookupSetting(schema.MinTLSVersion)
	lowest := slices.Index(minimum.Values, text(h.Minimum))
	if lowest < 0 {
		o.Unknown = append(o.Unknown, schema.MinTLSVersion)
	}
	if lowest >= 0 {
		for v := lowest; v < 3; v++ {
			o.Admitted[v] = true
		}
	}

	tls13, _ := schema.LookupSetting(schema.TLS13)
	if !slices.Contains(tls13.Values, text(h.TLS13)) {
		o.Unknown = append(o.Unknown, schema.TLS13)
	}
	o.Admitted[3] = text(h.TLS13) == "on" || text(h.TLS13) == "zrt"

	if lowest == 3 {
		return o // a list has no effect
	}
	list := h.Ciphers.List()
	switch {
	case list == nil:
		o.Unknown = append(o.Unknown, schema.Ciphers)
	case len(list) == 0:
		o.Suites = schema.CipherList("legacy")
	default:
		o.Suites = list
	}
	return o
}

// text returns the text of a value, "" for one that is not known.
func text(v schema.Value) string {
	if v == "" || v == schema.Inherit {
		return ""
	}
	return v.Text()
}
