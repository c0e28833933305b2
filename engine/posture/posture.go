// Package posture says how every zone and name stands: the settings that visitors get and
// where each comes from, the floor and its exceptions, what the certificate is like, who
// demands client certificates, and how all this stands to published standards.
//
// It takes what is effective from package explain, and so cannot say anything else. What was
// not read is unknown here, and never a guess.
package posture

import (
	"time"

	"tlsync/engine/explain"
	"tlsync/engine/plan"
	"tlsync/engine/resolve"
	"tlsync/engine/standard"
	"tlsync/schema"
)

// FormatVersion is the version of the JSON form of a Report.
const FormatVersion = "1"

// Unknown stands for what was not read.
const Unknown = "unknown"

// Patterns returns the patterns of the names to report on: without any, that of every name.
func Patterns(names resolve.Names) resolve.Names {
	if len(names) == 0 {
		return resolve.Names{"**"}
	}
	return names
}

// Input is everything that a report is made from.
type Input struct {
	Head
	Desired *schema.Desired
	Live    *plan.Live
	// Plan is made of the two, without a base and for all names.
	Plan *plan.Plan
	// Names are the names to report on, or patterns over names, in canonical form. Nil
	// means every one.
	Names resolve.Names
	// Standards are those to hold the names against.
	Standards []standard.Standard
}

// Head says what a report is about and when it was made.
type Head struct {
	Tool   plan.Tool   `json:"tool"`
	Config plan.Config `json:"config"`
	// At is when the report was made: the ends of exceptions and of periods of standards
	// are compared with it.
	At time.Time `json:"generated_at"`
	// ReadAt is when live state was read, and Snapshot says that it is from a file.
	ReadAt   time.Time `json:"read_at"`
	Snapshot bool      `json:"snapshot"`
}

// Report is the posture of names.
type Report struct {
	Head
	Standards []Tally
	Groups    []Group
	// MTLS says who demands client certificates. It has only the accounts that were read.
	MTLS []MTLS
	// Unread are the accounts of zones whose mTLS objects were not read.
	Unread []string
	// Problems are zones and accounts that could not be found or read.
	Problems []plan.Finding
	// Missing are the names, or patterns, that match nothing.
	Missing []explain.Missing
	Digest  string // of all but Head
}

// Tally counts the names that a standard was held against.
type Tally struct {
	standard.Standard
	Meets, FallsShort, Unknown int
}

// Group has names with the same settings, from the same sources, and with the same remarks.
type Group struct {
	explain.Block // without its Names
	Names         []Name
	// Children says that the names stand for all names below wildcard custom hostnames,
	// which follow the zone.
	Children bool
	// Document is the line of the document of the zone.
	Document    plan.Origin
	Offer       standard.Offer
	Assessments []standard.Assessment // in the order of Report.Standards
}

// Name is what a name does not share with its group.
type Name struct {
	Name string
	// Certificate is the state of the certificate as Cloudflare calls it, NoCertificate,
	// or Unknown.
	Certificate string
	// Expires is when the certificate expires, RFC 3339, or Unknown: Cloudflare documents it
	// for uploaded certificates only.
	Expires string
	// Coverage is Covered, NotCovered, or "" for what no rule can cover.
	Coverage string
	asked    []schema.Assignment
}

// States of Name.
const (
	NoCertificate = "none"
	Covered       = "covered"
	NotCovered    = "not covered"
)

// Origin returns the line that asks for a setting of the name itself, {} if there is none.
func (n *Name) Origin(setting string) plan.Origin {
	if a := schema.Assigned(n.asked, setting); a != nil {
		return plan.Origin{Pos: a.Pos, Via: a.Via}
	}
	return plan.Origin{}
}

// Build makes a report.
func Build(in Input) *Report {
	x := explain.Build(explain.Input{Desired: in.Desired, Live: in.Live, Plan: in.Plan, Names: Patterns(in.Names), Now: in.At})

	b := newBuilder(&in)
	for i := range x.Blocks {
		if x.Blocks[i].State != explain.Created {
			b.add(&x.Blocks[i])
		}
	}
	b.addChildren()

	out := &Report{Head: in.Head, Groups: b.groups, Missing: x.Missing, Problems: in.Live.Problems}
	if len(in.Names) == 0 {
		out.Missing = nil // there may be no names at all
	}
	out.MTLS, out.Unread = mtlsOf(in.Live, b.resolved, in.Names)
	out.judge(in.Standards)
	out.Digest = out.digest()
	return out
}

// judge holds the names against standards.
func (r *Report) judge(standards []standard.Standard) {
	for _, s := range standards {
		r.Standards = append(r.Standards, Tally{Standard: s})
	}

	for i := range r.Groups {
		g := &r.Groups[i]
		for k := range r.Standards {
			t := &r.Standards[k]
			a := t.Judge(&g.Offer, r.At)
			g.Assessments = append(g.Assessments, a)
			switch a.Result {
			case standard.Meets:
				t.Meets += len(g.Names)
			case standard.FallsShort:
				t.FallsShort += len(g.Names)
			case standard.Unknown:
				t.Unknown += len(g.Names)
			}
		}
	}
}

// Count returns the number of names of a report.
func (r *Report) Count() int {
	n := 0
	for i := range r.Groups {
		n += len(r.Groups[i].Names)
	}
	return n
}
