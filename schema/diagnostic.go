package schema

import (
	"cmp"
	"slices"
)

// Severity tells whether a Diagnostic stops the run.
type Severity string

// Severities. An error stops every command before it talks to anybody; a
// warning is printed and the run goes on.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Diagnostic is one mistake in a file: what is wrong, where, and what would be
// right. Rule is a stable kebab-case name ("unknown-key", "setting-value").
type Diagnostic struct {
	Pos
	Severity Severity `json:"severity"`
	Rule     string   `json:"rule"`
	Message  string   `json:"message"`
	Hint     string   `json:"hint,omitempty"`
}

// String is one line: position, message and rule, as in
// "zones/acme.yaml:14:20: min_tls_version "1.4" is not one of … [setting-value]".
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

// Diagnostics are all mistakes of one load, beside whatever could be read.
type Diagnostics []Diagnostic

// HasErrors reports whether any of them is an Error.
func (ds Diagnostics) HasErrors() bool {
	return slices.ContainsFunc(ds, func(d Diagnostic) bool { return d.Severity == Error })
}

// Sort orders by file, line, column, rule and message, so that what is printed
// does not depend on the order in which checks ran.
func (ds Diagnostics) Sort() {
	slices.SortFunc(ds, func(a, b Diagnostic) int {
		return cmp.Or(
			cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col),
			cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Message, b.Message),
		)
	})
}
