package posture

import (
	"errors"
	"fmt"
	"io"

	"tlsync/engine/safe"
	"tlsync/schema"
	"tlsync/schema/words"
)

// Options are the choices of Print.
type Options struct {
	Format         string // text, json, csv or sarif
	Verbose, Color bool   // of text
	Below          string // the directory of the repository with the configuration, for sarif
}

// Print prints a report in a format.
func Print(w io.Writer, r *Report, o Options) error {
	switch o.Format {
	case "json":
		return JSON(w, r)
	case "csv":
		return CSV(w, r)
	case "sarif":
		return SARIF(w, r, o.Below)
	}
	return Text(w, r, TextOptions{Verbose: o.Verbose, Color: o.Color})
}

// Incomplete returns an error for a name that is not found, or for what could not be read.
func (r *Report) Incomplete() error {
	if len(r.Missing) > 0 {
		return errors.New(r.Missing[0].Sentence())
	}
	for _, f := range r.Problems {
		if f.Severity == schema.Error {
			return fmt.Errorf("%s: %s", safe.Text(f.Rule), safe.Text(f.Message))
		}
	}
	return nil
}

// Unmet returns an error for the first standard that not all names are known to meet. Without
// any name nothing is met.
func (r *Report) Unmet() error {
	if r.Count() == 0 {
		return errors.New("there is no name that could meet a standard")
	}
	for _, t := range r.Standards {
		if t.FallsShort > 0 || t.Unknown > 0 {
			return fmt.Errorf("%s: %s short, %s unknown", t.Name,
				words.Count(t.FallsShort, "name")+words.Plural(t.FallsShort, " falls", " fall"), words.Count(t.Unknown, "name"))
		}
	}
	return nil
}
