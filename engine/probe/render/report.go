// Package render prints what a probe found: as text, as JSON and as JUnit, which CI systems
// show.
package render

import (
	"io"

	"tlsync/engine/probe/compare"
)

// Report is what a probe found.
type Report struct {
	Results []Result // in the order of the names
}

// Result is what was found about one name at one address.
type Result struct {
	Name string
	// Network is tcp, tcp4 or tcp6.
	Network string
	Rows    []compare.Row
	Answers compare.Answers
}

// order has the verdicts, the one that matters most first.
func order() []compare.Verdict {
	return []compare.Verdict{compare.Weaker, compare.Stricter, compare.NoAnswer, compare.NotTested, compare.AsDesired}
}

// Verdict returns the verdict about a name that matters most. A name of which nothing is asked
// was not tested.
func (r *Result) Verdict() compare.Verdict {
	for _, v := range order() {
		for i := range r.Rows {
			if r.Rows[i].Verdict == v {
				return v
			}
		}
	}
	return compare.NotTested
}

// Count returns how many names have a verdict.
func (r *Report) Count(v compare.Verdict) int {
	n := 0
	for i := range r.Results {
		if r.Results[i].Verdict() == v {
			n++
		}
	}
	return n
}

// Silent reports whether no name answered at all.
func (r *Report) Silent() bool {
	for i := range r.Results {
		for _, x := range r.Results[i].Answers.Hellos {
			if x.Outcome != compare.Unreachable {
				return false
			}
		}
	}
	return true
}

// title is the name, and the network if it is a certain one.
func (r *Result) title() string {
	switch r.Network {
	case "tcp4":
		return r.Name + " (IPv4)"
	case "tcp6":
		return r.Name + " (IPv6)"
	}
	return r.Name
}

// Add judges the answers of a name and adds them.
func (r *Report) Add(e *compare.Expected, network string, a compare.Answers) {
	r.Results = append(r.Results, Result{Name: e.Name, Network: network, Rows: compare.Judge(e, &a), Answers: a})
}

// As prints a report in a format: text, json or junit.
func As(format string, w io.Writer, r *Report, o TextOptions) error {
	switch format {
	case "json":
		return JSON(w, r)
	case "junit":
		return JUnit(w, r)
	}
	return Text(w, r, o)
}
