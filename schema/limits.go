package schema

import (
	"strconv"
	"strings"
	"time"
)

// ParseMaxChanges reads a number of at least 1, or a percentage above 0% and up
// to 100%, as in "30%".
func ParseMaxChanges(s string) (MaxChanges, bool) {
	if share, isShare := strings.CutSuffix(s, "%"); isShare {
		f, err := strconv.ParseFloat(strings.TrimSpace(share), 64)
		if err == nil && f > 0 && f <= 100 {
			return MaxChanges{Percent: f, Set: true}, true
		}
	} else if n, err := strconv.Atoi(s); err == nil && n > 0 {
		return MaxChanges{Count: n, Set: true}, true
	}
	return MaxChanges{}, false
}

// String returns the limit as it is written, "412" or "30%", or "" if there is
// none.
func (m MaxChanges) String() string {
	switch {
	case !m.Set:
		return ""
	case m.Percent > 0:
		return strconv.FormatFloat(m.Percent, 'f', -1, 64) + "%"
	}
	return strconv.Itoa(m.Count)
}

// Of returns the number of changes that one apply may make, given the number of
// live objects.
func (m MaxChanges) Of(objects int) int {
	n := m.Count
	if m.Percent > 0 {
		n = int(float64(objects) * m.Percent / 100)
	}
	return max(n, alwaysAllowed)
}

// End returns the moment at which the exception ends: midnight UTC.
func (e *Exception) End() time.Time {
	t, err := time.Parse(time.DateOnly, e.Until)
	if err != nil {
		return time.Time{}
	}
	return t
}

// Holds reports whether the exception applies to a canonical name and has not
// ended. At the zero time no exception has ended. A name that begins with "*."
// stands for all names below the rest; a pattern that matches only some labels
// does not apply to it.
func (e *Exception) Holds(name string, now time.Time) bool {
	if strings.HasPrefix(name, "*.") && strings.ContainsAny(e.Hostname, "?[{") {
		return false
	}
	g := compileGlob(e.Hostname)
	return g.match(name) && (now.IsZero() || now.Before(e.End()))
}

// alwaysAllowed is the number of changes that every limit permits, so that a
// percentage of few objects is useful.
const alwaysAllowed = 10
