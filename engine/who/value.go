package who

import (
	"strings"
	"time"

	"tlsync/engine/plan"
)

// Value is what the first version of the audit log has of a change of a setting of a zone.
// Its texts are foreign.
type Value struct {
	Time     time.Time
	Zone     string // name
	Setting  string
	Email    string
	Old, New string
}

// near is how far apart the times of one change may be in the two versions of the log.
const near = 5 * time.Second

// OfZones reports whether somebody is named for a setting of a zone, so that the first
// version of the log may have its values.
func (q *Question) OfZones() bool {
	for _, e := range q.edits {
		if e.of.Kind == plan.KindZone && e.at.Changed != nil && len(e.at.Changed.By) == 1 {
			return true
		}
	}
	return false
}

// AddValues adds the values before and after the changes that are known. They count only if
// zone, setting, time and actor fit one entry and no other.
func (q *Question) AddValues(values []Value) {
	for _, e := range q.edits {
		c := e.at.Changed
		if e.of.Kind != plan.KindZone || c == nil || len(c.By) != 1 {
			continue
		}
		at, err := time.Parse(time.RFC3339, c.At)
		if err != nil {
			continue
		}

		var fits []Value
		for _, v := range values {
			// The first version names some settings as the dashboard does: "IPv6".
			same := v.Zone == e.of.Zone && strings.ReplaceAll(strings.ToLower(v.Setting), " ", "_") == e.at.Setting && v.Email == c.By[0].Email
			if same && at.Sub(v.Time).Abs() <= near {
				fits = append(fits, v)
			}
		}
		if len(fits) == 1 {
			c.Old, c.New = fits[0].Old, fits[0].New
		}
	}
}
