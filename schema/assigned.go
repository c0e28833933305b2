package schema

import (
	"cmp"
	"slices"

	"gopkg.in/yaml.v3"
)

// Ids of settings that code outside the table of settings refers to. EarlyData is
// the zone setting beside TLS13: together they are off, on and zrt.
const (
	MinTLSVersion = "min_tls_version"
	TLS13         = "tls_1_3"
	EarlyData     = "0rtt"
)

// Assigned returns the assignment of a setting, nil if the setting is not managed.
func Assigned(as []Assignment, id string) *Assignment {
	if i := slices.IndexFunc(as, func(a Assignment) bool { return a.Setting == id }); i >= 0 {
		return &as[i]
	}
	return nil
}

// Overlay returns the settings of upper, and those of lower that upper does not
// set. Both are sorted by the table of settings and have each setting once, and
// so has the result. It may be one of the two slices, so it must not be changed. What
// an assignment covers is kept in it.
func Overlay(lower, upper []Assignment) []Assignment {
	switch {
	case len(lower) == 0:
		return upper
	case len(upper) == 0:
		return lower
	}

	out := make([]Assignment, 0, len(lower)+len(upper))
	i, j := 0, 0
	for i < len(lower) && j < len(upper) {
		switch c := cmp.Compare(Rank(lower[i].Setting), Rank(upper[j].Setting)); {
		case c < 0:
			out = append(out, lower[i])
			i++
		case c > 0:
			out = append(out, upper[j])
			j++
		default:
			out = append(out, upper[j].over(&lower[i]))
			i++
			j++
		}
	}

	return append(append(out, lower[i:]...), upper[j:]...)
}

// over returns the assignment with another one below all that it covers already. What it
// covers is shared with other assignments, and so it is copied.
func (a Assignment) over(lower *Assignment) Assignment {
	if a.Covers != nil {
		covered := a.Covers.over(lower)
		lower = &covered
	}
	a.Covers = lower
	return a
}

func KindName(k yaml.Kind) string {
	switch k {
	case yaml.MappingNode:
		return "a mapping of keys to values"
	case yaml.SequenceNode:
		return "a list"
	}
	return "a single value"
}

// Is reports whether the assignment exists and has the value v. It may be nil.
func (a *Assignment) Is(v Value) bool { return a != nil && a.Value == v }
