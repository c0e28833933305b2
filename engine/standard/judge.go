package standard

import (
	"fmt"
	"slices"
	"time"

	"tlsync/schema"
	"tlsync/schema/words"
)

// Result says how a name stands to a standard.
type Result string

// Results.
const (
	Meets      Result = "meets"
	FallsShort Result = "falls short"
	Unknown    Result = "unknown" // nothing falls short, and not everything is known
)

// Assessment is how a name stands to a standard, and why.
type Assessment struct {
	Standard string
	Result   Result
	// Reasons say where it falls short, or what is not known.
	Reasons []Reason
	// Remarks are what nobody can meet with Cloudflare, and what a standard prefers.
	Remarks []string
}

// Reason is one thing in which a name falls short, and the setting that would mend it. Suites
// are those that it is about.
type Reason struct {
	Setting, Text string
	Suites        []string
}

// Judge holds what a name offers against a standard, on a day.
func (s *Standard) Judge(o *Offer, now time.Time) Assessment {
	a := Assessment{Standard: s.Name, Result: Meets}
	s.judgeVersions(o, now, &a)
	s.judgeSuites(o, now, &a)
	s.judgeSuites13(o, now, &a)

	switch {
	case len(a.Reasons) > 0:
		a.Result = FallsShort
	case len(o.Unknown) > 0:
		a.Result = Unknown
		for _, setting := range o.Unknown {
			a.Reasons = append(a.Reasons, Reason{Setting: setting, Text: setting + " is not known"})
		}
	}
	return a
}

// judgeVersions judges the versions that are admitted, and those that are not.
func (s *Standard) judgeVersions(o *Offer, now time.Time, a *Assessment) {
	var refused []string
	for v, name := range Versions() {
		if o.Admitted[v] && !s.OfVersion(v, now).Accepts() {
			refused = append(refused, name)
		}
	}
	if len(refused) > 0 {
		a.Reasons = append(a.Reasons, Reason{Setting: schema.MinTLSVersion,
			Text: words.Enumerate(refused) + words.Plural(len(refused), " is", " are") + " offered and not accepted"})
	}

	for v, name := range Versions() {
		decides := schema.MinTLSVersion
		if v == 3 {
			decides = schema.TLS13
		}
		known := !slices.Contains(o.Unknown, decides)
		switch {
		case o.Admitted[v] || !known:
		case s.required[v] && v == 3:
			a.Reasons = append(a.Reasons, Reason{Setting: schema.TLS13, Text: name + " is required and not offered"})
		case s.required[v]:
			a.Remarks = append(a.Remarks, "servers are to support "+name+", and the minimum is above it")
		case s.preferred[v]:
			a.Remarks = append(a.Remarks, name+" is preferred and not offered")
		}
	}
}

// judgeSuites judges the suites of TLS 1.2 and below. Where no such version is accepted, the
// versions say it all.
func (s *Standard) judgeSuites(o *Offer, now time.Time, a *Assessment) {
	if !s.OfVersion(2, now).Accepts() || !o.Admitted[2] {
		return
	}

	for _, verdict := range []Verdict{Forbidden, AdvisedAgainst, NotListed} {
		var found []string
		for _, name := range o.Suites {
			if s.OfSuite(name) == verdict {
				found = append(found, name)
			}
		}
		if len(found) > 0 {
			a.Reasons = append(a.Reasons, Reason{schema.Ciphers, words.Count(len(found), "suite") + " " + string(verdict), found})
		}
	}
}

// judgeSuites13 remarks on the suites of TLS 1.3, which nobody can switch off.
func (s *Standard) judgeSuites13(o *Offer, now time.Time, a *Assessment) {
	if !o.Admitted[3] || !s.OfVersion(3, now).Accepts() {
		return
	}
	for _, name := range Suites13() {
		if v := s.OfSuite(name); !v.Accepts() {
			a.Remarks = append(a.Remarks, fmt.Sprintf("%s is %s; Cloudflare has no switch for single suites of TLS 1.3", name, v))
		}
	}
}
