package schema

import (
	"iter"
	"math/bits"
)

// The direction of a change is judged by the handshakes that it makes possible, of all
// settings of a name together: beside a minimum of TLS 1.3 no list of ciphers protects
// anybody, and old versions cannot be negotiated with new suites only.

// exposure is what the settings of a name expose its visitors to.
type exposure struct {
	// old holds the handshakes below TLS 1.3, as Handshakes does.
	old [3]uint32
	// tls13 says that TLS 1.3 is possible, and early that it is with early data, which
	// can be replayed.
	tls13, early bool
	// forced says that clients that speak TLS 1.3 have to use an older version.
	forced bool
}

// exposure returns what h exposes visitors to. It is false if that is not known.
func (h Handshake) exposure() (e exposure, known bool) {
	if h.OnlyTLS13() {
		h.Ciphers = "[]" // whatever it is
	}
	set, known := h.Possible()
	tls13 := set.tls13 != 0
	return exposure{old: set.suites, tls13: tls13, early: tls13 && h.TLS13 == earlyData, forced: !tls13 && set.suites != [3]uint32{}}, known
}

// opened returns what another exposure adds to e. A suite adds nothing if the same version
// or an older one was possible with a suite of a worse grade: whoever can choose the
// handshake could choose that one before. TLS 1.3 adds nothing, with early data or without.
func (e exposure) opened(to exposure) exposure {
	out := exposure{early: to.early && e.tls13 && !e.early, forced: to.forced && e.tls13}
	var worst Grade
	for v := range e.old {
		for row := range rowsOf(e.old[v]) {
			worst = max(worst, suites[row].Grade)
		}
		for row := range rowsOf(to.old[v] &^ e.old[v]) {
			if suites[row].Grade >= worst {
				out.old[v] |= 1 << row
			}
		}
	}
	return out
}

// rowsOf visits the rows of the table of suites whose bits are set.
func rowsOf(set uint32) iter.Seq[int] {
	return func(yield func(row int) bool) {
		for ; set != 0; set &= set - 1 {
			if !yield(bits.TrailingZeros32(set)) {
				return
			}
		}
	}
}

// covers reports whether e has all that was opened.
func (e exposure) covers(opened exposure) bool {
	for v := range e.old {
		if opened.old[v]&^e.old[v] != 0 {
			return false
		}
	}
	return (e.early || !opened.early) && (e.forced || !opened.forced)
}

// DecidesHandshakes reports whether a setting is part of a Handshake.
func DecidesHandshakes(setting string) bool {
	return setting == MinTLSVersion || setting == TLS13 || setting == Ciphers
}

// Known reports whether enough of h is known to judge a change from it or to it.
func (h Handshake) Known() bool {
	_, known := h.exposure()
	return known
}

// Directions are the directions of a change from one handshake to another, of each of the
// settings that make it up.
type Directions struct{ Minimum, TLS13, Ciphers Direction }

// Of returns the direction of a setting. It is false for a setting that is not part of a
// handshake.
func (d *Directions) Of(setting string) (Direction, bool) {
	switch setting {
	case MinTLSVersion:
		return d.Minimum, true
	case TLS13:
		return d.TLS13, true
	case Ciphers:
		return d.Ciphers, true
	}
	return "", false
}

// Weakens reports whether some setting weakens.
func (d *Directions) Weakens() bool {
	return d.Minimum == Weakens || d.TLS13 == Weakens || d.Ciphers == Weakens
}

// Directions returns the directions of a change from h to another handshake.
//
// Where the whole change opens nothing, no setting weakens. Where it opens something, those
// settings weaken without whose change some of that would stay shut. A setting that does
// not weaken strengthens if the order of its own values says so. Where the handshakes are
// not known, that order decides alone.
func (h Handshake) Directions(to Handshake) Directions {
	out := Directions{
		directionByOrder(MinTLSVersion, h.Minimum, to.Minimum), directionByOrder(TLS13, h.TLS13, to.TLS13),
		directionByOrder(Ciphers, h.Ciphers, to.Ciphers),
	}
	before, known := h.exposure()
	after, alsoKnown := to.exposure()
	if !known || !alsoKnown {
		return out
	}

	opened := before.opened(after)
	judge := func(d *Direction, without Handshake) {
		e, known := without.exposure()
		nothing := opened == exposure{}
		switch {
		case !known && !nothing: // the order decides
		case !e.covers(opened):
			*d = Weakens
		case *d == Weakens:
			*d = Changes
		}
	}
	judge(&out.Minimum, Handshake{h.Minimum, to.TLS13, to.Ciphers, to.Keys})
	judge(&out.TLS13, Handshake{to.Minimum, h.TLS13, to.Ciphers, to.Keys})
	judge(&out.Ciphers, Handshake{to.Minimum, to.TLS13, h.Ciphers, to.Keys})
	return out
}

// directionByOrder returns the direction of a setting by the order of its values. A value
// that is empty is not known, and tells nothing.
func directionByOrder(setting string, from, to Value) Direction {
	row, ok := LookupSetting(setting)
	if !ok || from == "" || to == "" {
		return Changes
	}
	return row.Compare(from, to)
}

// DirectionMemo remembers directions, since many hostnames make the same move.
type DirectionMemo map[[2]Handshake]Directions

// Of returns the directions of a change from one handshake to another.
func (m DirectionMemo) Of(from, to Handshake) Directions {
	move := [2]Handshake{from, to}
	found, known := m[move]
	if !known {
		found = from.Directions(to)
		m[move] = found
	}
	return found
}
