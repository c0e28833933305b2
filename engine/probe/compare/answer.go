package compare

import "time"

// Outcome is what came of a hello.
type Outcome string

// The outcomes. Only Accepted shows that a server speaks something, and only Refused and
// RefusedAfterHello that it does not.
const (
	Accepted          Outcome = "accepted"            // the handshake was completed, and an HTTP status line came
	Refused           Outcome = "refused"             // an alert came in place of the server's hello
	RefusedAfterHello Outcome = "refused after hello" // the server chose a version and a suite, and then sent an alert
	Unreachable       Outcome = "unreachable"         // no connection, a reset, a time-out, or an end without an alert
	NoHTTP            Outcome = "no HTTP"             // the handshake was completed, and something else than HTTP came
	Local             Outcome = "refused by tlsync"   // our own TLS library ended it, which says nothing of the server
)

// Refuses reports whether the server said no.
func (o Outcome) Refuses() bool { return o == Refused || o == RefusedAfterHello }

// Answer is the answer to one hello.
type Answer struct {
	Version Version
	// Offered are the suites of the hello; none for TLS 1.3.
	Offered []string
	Outcome Outcome
	// Why is the alert, or the error, of an outcome other than Accepted.
	Why string
	// Suite is the suite that the server chose, "" if it did not come to that.
	Suite string
	// AsksForCertificate says that the server asked for a client certificate.
	AsksForCertificate bool
	// Status is the status of the HTTP answer, 0 without one.
	Status   int
	Attempts int
}

// Facts are what a name negotiates with a client that can do everything. No verdict depends
// on them.
type Facts struct {
	Version  Version
	Suite    string
	Exchange string // of keys, as in X25519MLKEM768
	Protocol string // of the application, by ALPN: h2, http/1.1
	Issuer   string // of the certificate
	Expires  time.Time
}

// Answers is everything that was asked of one name at one address.
type Answers struct {
	Hellos []Answer
	// Facts are nil if no handshake was completed.
	Facts *Facts
}

// of returns the answers about one version.
func (a *Answers) of(v Version) []Answer {
	var out []Answer
	for _, x := range a.Hellos {
		if x.Version == v {
			out = append(out, x)
		}
	}
	return out
}
