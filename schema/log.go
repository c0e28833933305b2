package schema

import (
	"fmt"
	"slices"
	"strconv"
	"unicode"
	"unicode/utf8"
)

// maxDiagnostics is the largest number of problems that one load reports. It is
// enough to work through, and it bounds the memory that a file full of mistakes
// costs.
const maxDiagnostics = 200

// log collects the diagnostics of one load. It counts errors and warnings apart,
// so that a flood of warnings cannot hide an error.
type log struct {
	errors, warnings Diagnostics
	dropped          int
}

func (l *log) add(d Diagnostic) {
	list := &l.errors
	if d.Severity == Warning {
		list = &l.warnings
	}
	if len(*list) == maxDiagnostics {
		l.dropped++
		return
	}
	*list = append(*list, d)
}

func (l *log) errorf(pos Pos, rule, hint, format string, args ...any) {
	l.add(Diagnostic{Pos: pos, Severity: Error, Rule: rule, Message: fmt.Sprintf(format, args...), Hint: hint})
}

func (l *log) warnf(pos Pos, rule, hint, format string, args ...any) {
	l.add(Diagnostic{Pos: pos, Severity: Warning, Rule: rule, Message: fmt.Sprintf(format, args...), Hint: hint})
}

// all returns the diagnostics in the order in which they are printed. If there
// is no room for all of them, errors come before warnings, and a last diagnostic
// says how many are not shown.
func (l *log) all() Diagnostics {
	warnings := l.warnings[:min(len(l.warnings), maxDiagnostics-len(l.errors))]
	dropped := l.dropped + len(l.warnings) - len(warnings)

	ds := slices.Concat(l.errors, warnings)
	ds.Sort()
	ds = slices.Compact(ds) // a mistake in a pattern or a profile is found once for each zone

	if dropped > 0 {
		last := ds[len(ds)-1]
		severity := Warning
		if len(l.errors) > 0 {
			severity = Error
		}
		ds = append(ds, Diagnostic{Pos: last.Pos, Severity: severity, Rule: "too-many",
			Message: fmt.Sprintf("%d more problems are not shown", dropped)})
	}
	return ds
}

// show quotes text from a file for a message. It escapes characters that cannot
// be printed and cuts a long text.
func show(s string) string {
	const longest = 80
	if utf8.RuneCountInString(s) <= longest {
		return strconv.Quote(s)
	}
	return strconv.Quote(string([]rune(s[:min(len(s), 4*longest)])[:longest]) + "…")
}

// bare returns a word from a file as it is written, or quoted if it would not
// read as one word.
func bare(s string) string {
	for _, r := range s {
		if r == '"' || !unicode.IsGraphic(r) || unicode.IsSpace(r) {
			return show(s)
		}
	}
	if s == "" || len(s) > 80 {
		return show(s)
	}
	return s
}
