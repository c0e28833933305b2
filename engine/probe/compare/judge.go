package compare

import (
	"fmt"
	"slices"
	"strings"

	"tlsync/schema"
)

// Verdict says how what a server enforces compares with what is asked for.
type Verdict string

// The verdicts. A weaker server lets through what is to be kept out, a stricter one keeps out
// what is to be let through.
const (
	AsDesired Verdict = "as desired"
	Weaker    Verdict = "weaker"
	Stricter  Verdict = "stricter"
	NoAnswer  Verdict = "unreachable"
	NotTested Verdict = "not tested"
)

// Row is the verdict about one setting.
type Row struct {
	Setting string
	Want    *Want
	Verdict Verdict
	// Evidence is what shows it, or why it was not tested.
	Evidence []string
}

// Judge compares the answers of a server with what is asked of a name. It returns a row for
// everything that is asked.
func Judge(e *Expected, a *Answers) []Row {
	var out []Row
	for _, r := range e.Wants() {
		switch {
		case r.Want == nil:
			continue
		case r.Want.Value == "":
			r.Verdict, r.Evidence = NotTested, []string{r.Want.Why}
		case silent(a):
			r.Verdict, r.Evidence = NoAnswer, []string{a.Hellos[0].Why}
		default:
			r = judged(e, a, r)
		}
		out = append(out, r)
	}
	return out
}

// silent reports whether a server answered nothing at all.
func silent(a *Answers) bool {
	return len(a.Hellos) > 0 && !slices.ContainsFunc(a.Hellos, func(x Answer) bool { return x.Outcome != Unreachable })
}

// judged judges one setting whose value is known, by answers of which some say something.
func judged(e *Expected, a *Answers, r Row) Row {
	f := findings{}
	switch r.Setting {
	case schema.MinTLSVersion:
		e.judgeMinimum(a, f)
	case schema.TLS13:
		e.judgeVersion(a, TLS13, r.Want.Value != schema.Off, f)
	case schema.Ciphers:
		e.judgeCiphers(a, f)
	case ClientCertificate:
		judgeCertificate(a, r.Want.Value != schema.Off, f)
	}
	r.Verdict, r.Evidence = f.worst(r.Want.AtLeast)

	// A server that does not serve the name refuses everything, and that shows nothing.
	accepted := func(x Answer) bool { return x.Outcome == Accepted }
	if r.Verdict == AsDesired && r.Setting != ClientCertificate && !slices.ContainsFunc(a.Hellos, accepted) {
		r.Verdict, r.Evidence = NotTested, []string{"every handshake was refused: " + a.Hellos[0].Why}
	}
	return r
}

// findings collect what speaks for each verdict.
type findings map[Verdict][]string

func (f findings) add(v Verdict, format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(f[v], text) {
		f[v] = append(f[v], text)
	}
}

// worst returns the verdict that matters most, with its evidence. Where a bound is asked for,
// stricter is as desired.
func (f findings) worst(atLeast bool) (Verdict, []string) {
	for _, v := range []Verdict{Weaker, Stricter, NoAnswer, NotTested, AsDesired} {
		switch {
		case len(f[v]) == 0:
		case v == Stricter && atLeast:
			f[AsDesired] = append(f[AsDesired], f[v]...)
		default:
			return v, f[v]
		}
	}
	return NotTested, []string{"nothing that was asked shows it"}
}

// inconclusive adds what an answer is that says neither yes nor no. It reports false for one
// that does.
func (f findings) inconclusive(x *Answer) bool {
	switch {
	case x.Outcome == Unreachable:
		f.add(NoAnswer, "%s: %s", x.Version, x.Why)
	case x.Outcome == RefusedAfterHello && x.AsksForCertificate:
		f.add(NotTested, "%s: the server chose it, and then refused a client without a certificate", x.Version)
	case x.Outcome == NoHTTP || x.Outcome == Local:
		f.add(NotTested, "%s: %s: %s", x.Version, x.Outcome, x.Why)
	default:
		return false
	}
	return true
}

// judgeMinimum judges every version up to TLS 1.2, and TLS 1.3 if it is the minimum.
func (e *Expected) judgeMinimum(a *Answers, f findings) {
	minimum, known := e.minimum()
	if !known {
		f.add(NotTested, "tlsync does not know the version %s", e.Minimum.Value.Show())
		return
	}
	for _, v := range Versions() {
		if v != TLS13 || minimum == TLS13 {
			e.judgeVersion(a, v, v >= minimum, f)
		}
	}
}

// judgeVersion judges whether a version is spoken that is to be spoken, or not to be.
func (e *Expected) judgeVersion(a *Answers, v Version, wanted bool, f findings) {
	answers := a.of(v)
	for _, x := range answers {
		switch {
		case x.Outcome == Accepted && wanted:
			f.add(AsDesired, "%s accepted", v)
			return
		case x.Outcome == Accepted:
			f.add(Weaker, "%s accepted with %s", v, x.Suite)
		case !wanted && !f.inconclusive(&x):
			f.add(AsDesired, "%s %s", v, x.Outcome)
		}
	}

	if !wanted || len(answers) == 0 || f.inconclusive(&answers[0]) {
		return
	}
	list, known := e.list()
	switch {
	case v != TLS13 && !known:
		f.add(NotTested, "%s refused, and which ciphers are desired is not known", v)
	case v != TLS13 && len(list) > 0 && !slices.ContainsFunc(list, carriedBy(v)):
		f.add(AsDesired, "%s refused: no desired cipher works with it", v)
	default:
		f.add(Stricter, "%s refused", v)
	}
}

// carriedBy reports whether a version below TLS 1.3 can carry a suite.
func carriedBy(v Version) func(string) bool {
	return func(suite string) bool {
		return slices.Contains(Suites(v), suite) || v == TLS12 && slices.Contains(Odd(), suite)
	}
}

// judgeCiphers judges the suites that were accepted, and the refusals of those that the list
// leaves out. Suites that the list holds are not tried one by one.
func (e *Expected) judgeCiphers(a *Answers, f findings) {
	list, _ := e.list()
	if len(list) == 0 {
		f.add(AsDesired, "every cipher is allowed")
		return
	}

	minimum, _ := e.minimum()
	leftOut := func(suite string) bool { return !slices.Contains(list, suite) }
	for i := range a.Hellos {
		x := &a.Hellos[i]
		switch {
		case x.Outcome == Accepted && len(x.Offered) > 0 && leftOut(x.Suite):
			f.add(Weaker, "%s accepted with %s", x.Version, x.Suite)
		case x.Outcome == Accepted || x.Version < minimum || !slices.ContainsFunc(x.Offered, leftOut):
		case !f.inconclusive(x):
			f.add(AsDesired, "other ciphers refused")
		}
	}
	if !slices.ContainsFunc(schema.Suites(), func(s schema.Suite) bool { return leftOut(s.Name) }) {
		f.add(AsDesired, "every cipher is allowed")
	}
}

// The statuses of HTTP that refuse a client.
const (
	unauthorized = 401
	forbidden    = 403
)

// judgeCertificate judges what a client without a certificate gets.
func judgeCertificate(a *Answers, demanded bool, f findings) {
	for i := range a.Hellos {
		x := &a.Hellos[i]
		denied := x.Status == unauthorized || x.Status == forbidden
		ended := x.Outcome == RefusedAfterHello && x.AsksForCertificate
		switch {
		case x.Outcome != Accepted && !ended:
		case ended && demanded:
			f.add(AsDesired, "the handshake fails without a client certificate")
		case ended:
			f.add(Stricter, "the handshake fails without a client certificate")
		case demanded && denied && x.AsksForCertificate:
			f.add(AsDesired, "HTTP %d without a client certificate", x.Status)
		case demanded && denied:
			f.add(Stricter, "HTTP %d, and the server asks for no client certificate", x.Status)
		case demanded:
			f.add(Weaker, "HTTP %d without a client certificate", x.Status)
		case denied && x.AsksForCertificate:
			f.add(NotTested, "HTTP %d, which may be the origin's answer", x.Status)
		default:
			f.add(AsDesired, "HTTP %d without a client certificate", x.Status)
		}
	}
	if len(f) == 0 {
		f.add(NotTested, "no handshake was completed")
	}
}

// Sentence returns the evidence of a row in one line.
func (r Row) Sentence() string { return strings.Join(r.Evidence, "; ") }
