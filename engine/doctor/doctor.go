// Package doctor examines whether the credentials, the account and the clone are fit for
// what a configuration needs. It only reads, and it names a permission as missing only
// where Cloudflare says so.
//
// The checks go from what stops everything to what stops little: the shape of a token, its
// verification, its expiry, then for each zone and account one harmless read per endpoint,
// then entitlements, rate, clock and Git.
package doctor

import (
	"context"
	"fmt"
	"time"

	"tlsync/engine/cloudflare"
	"tlsync/engine/plan"
	"tlsync/schema"
	"tlsync/schema/words"
)

// Status is the outcome of a check.
type Status string

// The outcomes. Missing and Failed are problems.
const (
	OK      Status = "ok"
	Note    Status = "note"    // something to know
	Warning Status = "warning" // something to look at
	Missing Status = "missing" // something that the configuration needs and does not have
	Failed  Status = "failed"  // it could not be checked
)

// Check is one finding of an examination.
type Check struct {
	Status Status `json:"status"`
	Text   string `json:"text"`
	// Permission is the one that the check is about, as the dashboard words it, and
	// Commands are those that need it.
	Permission string   `json:"permission,omitempty"`
	Commands   []string `json:"commands,omitempty"`
	// Detail is what Cloudflare said.
	Detail string `json:"detail,omitempty"`
}

// Section has the checks of one subject.
type Section struct {
	Title  string  `json:"title"`
	Checks []Check `json:"checks"`
}

// Report is an examination.
type Report struct {
	Sections []Section
}

// Problems counts the checks that found something missing, or failed.
func (r *Report) Problems() int {
	n := 0
	for _, s := range r.Sections {
		for _, c := range s.Checks {
			if c.Status == Missing || c.Status == Failed {
				n++
			}
		}
	}
	return n
}

// Credential is one token, or a global API key, and what it is for.
type Credential struct {
	// Variable is the environment variable that holds it.
	Variable string
	Kind     Kind
	// Problem says why it cannot be sent, "" if it can.
	Problem string
	// Checkup reads with it; nil with a Problem.
	Checkup *cloudflare.Checkup
	// Scope is what the configuration needs that it has to read.
	Scope plan.Scope
	// Accounts are ids of accounts that may own it, as the configuration writes them.
	Accounts []string
}

// Git is what is known of the repository of the configuration.
type Git struct {
	Repository bool
	Problem    string // why the repository cannot be read
	Commit     string
	Shallow    bool
	// Base says which commit a pull request is compared with; "" without one. BaseProblem
	// says why its configuration cannot be read.
	Base, BaseProblem string
}

// Input is everything that an examination begins with.
type Input struct {
	// Desired is the configuration, nil without one. Mistakes counts its errors, and Where
	// is its directory.
	Desired  *schema.Desired
	Mistakes int
	Where    string

	Credentials []Credential
	// Writes says that the credentials must be able to write.
	Writes bool
	// PullRequest says that this is a job of a pull request, which must not be able to.
	PullRequest bool
	Git         Git
	Now         time.Time
}

// Examine sends the reads of an examination. The error is that of the context.
func Examine(ctx context.Context, in Input) (*Report, error) {
	r := &Report{Sections: []Section{in.configuration()}}
	for i := range in.Credentials {
		e := examination{in: &in, credential: &in.Credentials[i]}
		e.examine(ctx)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		r.Sections = append(r.Sections, e.sections...)
	}
	r.Sections = append(r.Sections, in.git())
	return r, nil
}

// configuration says what the examination is about.
func (in *Input) configuration() Section {
	s := Section{Title: "Configuration"}
	switch d := in.Desired; {
	case d == nil:
		s.add(Check{Status: Note, Text: "there is none in " + in.Where + ": only the credentials are examined"})
	case in.Mistakes > 0:
		s.add(Check{Status: Missing, Text: words.Count(in.Mistakes, "mistake") + "; tlsync validate lists them"})
	case !d.Manages():
		s.add(Check{Status: Note, Text: "it manages nothing yet"})
	default:
		s.add(Check{Status: OK, Text: words.Count(len(d.Zones), "zone document") + ", " + words.Count(len(d.Accounts), "account document")})
	}
	return s
}

// git says whether the clone has what a comparison with a base needs.
func (in *Input) git() Section {
	s, g := Section{Title: "Git"}, &in.Git
	switch {
	case g.Problem != "":
		s.add(Check{Status: Failed, Text: "the repository cannot be read", Detail: g.Problem})
		return s
	case !g.Repository:
		s.add(Check{Status: Note, Text: "the configuration is not in a Git repository: drift and the base of a plan need one"})
		return s
	case g.Commit == "":
		s.add(Check{Status: Note, Text: "the repository has no commit yet: drift compares with the files as they are"})
		return s
	}

	s.add(Check{Status: OK, Text: "at commit " + g.Commit[:min(12, len(g.Commit))]})
	if g.Shallow {
		s.add(Check{Status: Warning, Text: "the clone is shallow: a base may lie outside of it; write fetch-depth: 0 for actions/checkout, or run git fetch --unshallow"})
	}
	switch {
	case g.BaseProblem != "":
		s.add(Check{Status: Missing, Text: "the base of the pull request cannot be read, and so neither can its policy", Detail: g.BaseProblem})
	case g.Base != "":
		s.add(Check{Status: OK, Text: "the configuration of the base, commit " + g.Base[:min(12, len(g.Base))] + ", can be read"})
	}
	return s
}

func (s *Section) add(c ...Check) { s.Checks = append(s.Checks, c...) }

// Kind is the kind of a credential, as far as its shape tells.
type Kind struct {
	// Name is "a user token", …
	Name string
	// Owned says that an account owns the token, User that a user does; neither is set
	// where only a request tells.
	Owned, User bool
	// Key says that it is a global API key.
	Key bool
	// Absent says that there is none.
	Absent bool
}

// days returns the number of whole days between two times.
func days(from, to time.Time) int { return int(to.Sub(from).Hours() / 24) }

// quoted puts the name of a permission in quotation marks.
func quoted(permission string) string { return fmt.Sprintf("%q", permission) }
