package load

import (
	"fmt"
	"slices"

	"tlsync/schema"
)

// maxDiagnostics is the largest number of problems that one load reports. It is
// enough to work through, and it bounds the memory that a file full of mistakes
// costs.
const maxDiagnostics = 200

// log collects the diagnostics of one load. It counts errors and warnings apart,
// so that a flood of warnings cannot hide an error.
type log struct {
	errors, warnings schema.Diagnostics
	dropped          int
}

func (l *log) add(d schema.Diagnostic) {
	list := &l.errors
	if d.Severity == schema.Warning {
		list = &l.warnings
	}
	if len(*list) == maxDiagnostics {
		l.dropped++
		return
	}
	*list = append(*list, d)
}

func (l *log) errorf(pos schema.Pos, rule, hint, format string, args ...any) {
	l.add(schema.Diagnostic{Pos: pos, Severity: schema.Error, Rule: rule, Message: fmt.Sprintf(format, args...), Hint: hint})
}

func (l *log) warnf(pos schema.Pos, rule, hint, format string, args ...any) {
	l.add(schema.Diagnostic{Pos: pos, Severity: schema.Warning, Rule: rule, Message: fmt.Sprintf(format, args...), Hint: hint})
}

// noEffectf warns of something that is written and changes nothing.
func (l *log) noEffectf(pos schema.Pos, hint, format string, args ...any) {
	l.warnf(pos, schema.RuleNoEffect, hint, format, args...)
}

// ruleOddCharacter is the rule of characters that nobody can see.
const ruleOddCharacter = "odd-character"

// withoutConsequences leaves out what else is wrong with a value because of an odd
// character in it.
func withoutConsequences(ds schema.Diagnostics) schema.Diagnostics {
	odd := map[schema.Pos]bool{}
	for _, d := range ds {
		if d.Rule == ruleOddCharacter {
			odd[d.Pos] = true
		}
	}
	return slices.DeleteFunc(ds, func(d schema.Diagnostic) bool { return odd[d.Pos] && d.Rule != ruleOddCharacter })
}

// all returns the diagnostics in the order in which they are printed. If there
// is no room for all of them, errors come before warnings, and a last diagnostic
// says how many are not shown.
func (l *log) all() schema.Diagnostics {
	warnings := l.warnings[:min(len(l.warnings), maxDiagnostics-len(l.errors))]
	dropped := l.dropped + len(l.warnings) - len(warnings)

	ds := slices.Concat(l.errors, warnings)
	ds.Sort()
	ds = slices.Compact(ds) // a mistake in a pattern or a profile is found once for each zone
	ds = withoutConsequences(ds)

	if dropped > 0 {
		last := ds[len(ds)-1]
		severity := schema.Warning
		if len(l.errors) > 0 {
			severity = schema.Error
		}
		ds = append(ds, schema.Diagnostic{Pos: last.Pos, Severity: severity, Rule: "too-many",
			Message: fmt.Sprintf("%d more problems are not shown", dropped)})
	}
	return ds
}
