package schema

import (
	"cmp"
	"slices"

	"tlsync/schema/sorted"
)

// Severity says whether a Diagnostic stops the run.
type Severity string

// The severities. An error stops every command before it sends a request. A
// warning is printed and the run goes on.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Diagnostic is a mistake in a file: Message says what is wrong, and Hint what
// would be right. Rule is a stable name in kebab case, such as unknown-key or
// setting-value.
type Diagnostic struct {
	Pos
	Severity Severity `json:"severity"`
	Rule     string   `json:"rule"`
	Message  string   `json:"message"`
	Hint     string   `json:"hint,omitempty"`
}

// String returns one line with the position, the message and the rule, as in
// `zones/acme.yaml:14:20: min_tls_version "1.4" is not one of …
// [setting-value]`.
func (d Diagnostic) String() string {
	s := d.Message + " [" + d.Rule + "]"
	if d.Severity == Warning {
		s = "warning: " + s
	}
	if at := d.Pos.String(); at != "" {
		s = at + ": " + s
	}
	return s
}

// Diagnostics are all the mistakes that one load finds.
type Diagnostics []Diagnostic

// HasErrors reports whether there is a diagnostic of severity Error.
func (ds Diagnostics) HasErrors() bool {
	return slices.ContainsFunc(ds, func(d Diagnostic) bool { return d.Severity == Error })
}

// Sort puts errors before warnings, and orders each by file, line, column, rule and
// message, so that the output does not depend on the order of the checks.
func (ds Diagnostics) Sort() {
	sorted.By(ds, func(a, b Diagnostic) int {
		return cmp.Or(
			cmp.Compare(rank(a.Severity), rank(b.Severity)),
			cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col),
			cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Message, b.Message),
		)
	})
}

// rank is the place of a severity in the order of printing.
func rank(s Severity) int {
	if s == Error {
		return 0
	}
	return 1
}

// RuleNoEffect is the rule of what is written and changes nothing.
const RuleNoEffect = "no-effect"

// RuleSecret is the rule of a diagnostic whose line seems to contain a secret. A
// report must not show the source of such a file.
const RuleSecret = "secret"
