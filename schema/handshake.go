package schema

import "slices"

// Handshake holds the settings that together decide which TLS handshakes a name
// accepts. The values are effective ones: a name that follows the zone has the
// zone's. The empty value stands for a setting that is not known, or not asked
// for.
type Handshake struct {
	Minimum Value // of min_tls_version
	TLS13   Value // of tls_1_3
	Ciphers Value // of ciphers: a list, where the empty one admits every suite
	// Keys are the kinds of keys that the certificate has, 0 if they are not
	// known. Certificates that Cloudflare issues come with both kinds.
	Keys Keys
}

// Keys are kinds of certificate keys. They combine as bits.
type Keys uint8

// The kinds of keys that cipher suites distinguish.
const (
	ECDSAKey Keys = 1 << iota
	RSAKey

	AllKeys = ECDSAKey | RSAKey
)

// String names a single kind, "ECDSA" or "RSA". It is empty for none or both.
func (k Keys) String() string {
	switch k {
	case ECDSAKey:
		return "ECDSA"
	case RSAKey:
		return "RSA"
	}
	return ""
}

const (
	version13 = Value(`"1.3"`)
	earlyData = Value(`"zrt"`)
	Off       = Value(`"off"`)
)

// HandshakeOf collects the settings of a block. Those that it does not set are
// empty, and those that follow the zone are Inherit; see Follow.
func HandshakeOf(block []Assignment) Handshake {
	var h Handshake
	for i := range block {
		switch a := &block[i]; a.Setting {
		case MinTLSVersion:
			h.Minimum = a.Value
		case TLS13:
			h.TLS13 = a.Value
		case Ciphers:
			h.Ciphers = a.Value
		}
	}
	return h
}

// Follow returns h with the zone's value in place of each setting that is
// Inherit.
func (h Handshake) Follow(zone Handshake) Handshake {
	follow := func(own *Value, zone Value) {
		if *own == Inherit {
			*own = zone
		}
	}
	follow(&h.Minimum, zone.Minimum)
	follow(&h.TLS13, zone.TLS13)
	follow(&h.Ciphers, zone.Ciphers)
	return h
}

// OnlyTLS13 reports whether the minimum is TLS 1.3. Then no list of ciphers has
// an effect: lists hold suites of TLS 1.2 and below, and TLS 1.3 has its own.
func (h Handshake) OnlyTLS13() bool { return ListUnused(h.Minimum) }

// ListUnused reports whether a list of ciphers has no effect beside a minimum.
func ListUnused(minimum Value) bool { return minimum == version13 }

// NoVersion reports whether no protocol version is left to negotiate: the
// minimum is TLS 1.3, and TLS 1.3 is off.
func (h Handshake) NoVersion() bool { return h.OnlyTLS13() && h.TLS13 == Off }

// UnusedList reports whether there is a list of ciphers that has no effect.
// Cloudflare refuses such a pair on custom hostnames (code 1443).
func (h Handshake) UnusedList() bool {
	hasList := h.Ciphers != "" && h.Ciphers != Inherit && h.Ciphers != "[]"
	return h.OnlyTLS13() && hasList
}

// NoSuite reports whether versions below TLS 1.3 are admitted and the list has
// no suite for any key of the certificate, so that they cannot be negotiated.
// (Every suite that a list can hold works with TLS 1.2.) It is false if the keys
// are not known.
func (h Handshake) NoSuite() bool {
	return !h.OnlyTLS13() && h.Keys != 0 && h.Keys&CipherKeys(h.Ciphers) == 0
}

// BelowTLS12 reports whether a version below TLS 1.2 can be negotiated, or whether that is not
// known: beside new suites only, the minimum admits such a version to nobody.
func (h Handshake) BelowTLS12() bool {
	set, known := h.Possible()
	return !known || set.suites[0] != 0 || set.suites[1] != 0
}

// Unreachable reports whether no client at all can connect.
func (h Handshake) Unreachable() bool { return h.NoVersion() || h.TLS13 == Off && h.NoSuite() }

// CipherKeys returns the kinds of keys that a list has suites for: all of them
// for the empty list, for a value that is not a list, and for a list with a
// suite that the table does not know.
func CipherKeys(list Value) Keys {
	var keys Keys
	for _, name := range list.List() {
		s, known := LookupSuite(name)
		if !known {
			return AllKeys
		}
		keys |= s.key()
	}
	if keys == 0 {
		return AllKeys
	}
	return keys
}

// key returns the kind of key that the suite needs.
func (s Suite) key() Keys {
	if s.ECDSA {
		return ECDSAKey
	}
	return RSAKey
}

// Clients are kinds of clients that a change can shut out. They combine as bits.
type Clients uint8

const (
	// BelowMinimum are clients that speak no version that the new minimum admits.
	BelowMinimum Clients = 1 << iota
	// BelowTLS12 are clients that speak TLS 1.0 or 1.1 at best, for which the new
	// list has no suite.
	BelowTLS12
	// WithoutTLS13 are clients that speak TLS 1.2 at best, where the new list has
	// no suite for the key of the certificate.
	WithoutTLS13
)

// CutOff returns the clients that a change from h to another handshake shuts
// out. It leaves aside the keys where nobody can connect afterwards; see
// Unreachable. A setting that is empty on either side shuts nobody out.
func (h Handshake) CutOff(to Handshake) Clients {
	if h == to { // as for most names of most plans
		return 0
	}

	var out Clients
	if minimum, _ := LookupSetting(MinTLSVersion); minimum.Compare(h.Minimum, to.Minimum) == Strengthens {
		out |= BelowMinimum
	}
	if to.Ciphers != "" && to.Ciphers != h.Ciphers && admitsOldSuite(h.Ciphers) && !admitsOldSuite(to.Ciphers) {
		out |= BelowTLS12
	}
	if to.NoSuite() && !h.NoSuite() && !to.Unreachable() {
		out |= WithoutTLS13
	}
	return out
}

// admitsOldSuite reports whether a list admits a suite that works with TLS 1.0.
func admitsOldSuite(list Value) bool {
	return slices.ContainsFunc(admitted(list), func(name string) bool {
		s, known := LookupSuite(name)
		return known && s.TLS10
	})
}

// Handshakes is a set of possible handshakes: of triples of a protocol version,
// a cipher suite and a kind of key. It is comparable.
type Handshakes struct {
	// suites holds, for TLS 1.0, 1.1 and 1.2, a bit for each row of the table of
	// suites. The suite determines the key.
	suites [3]uint32
	// tls13 holds the keys that TLS 1.3 is possible with. Its suites are not
	// configurable and work with every key.
	tls13 Keys
}

// Possible returns the set of handshakes that clients can make. It is false if a
// value is not known, or is a list with a suite that the table does not know.
// Unknown keys count as keys of both kinds.
func (h Handshake) Possible() (set Handshakes, known bool) {
	versions, _ := LookupSetting(MinTLSVersion)
	lowest := slices.Index(versions.Values, h.Minimum.Text())
	tls13, _ := LookupSetting(TLS13)
	list := admitted(h.Ciphers)
	if lowest < 0 || list == nil || !slices.Contains(tls13.Values, h.TLS13.Text()) {
		return Handshakes{}, false
	}

	keys := h.Keys
	if keys == 0 {
		keys = AllKeys
	}
	if h.TLS13 != Off {
		set.tls13 = keys
	}

	const tls12 = 2 // the index of TLS 1.2
	for _, name := range list {
		row, known := suiteRow(name)
		if !known {
			return Handshakes{}, false
		}
		if suites[row].key()&keys == 0 {
			continue
		}
		for v := lowest; v <= tls12; v++ {
			if v == tls12 || suites[row].TLS10 {
				set.suites[v] |= 1 << row
			}
		}
	}
	return set, true
}

// Union returns the handshakes that are in either set.
func (s Handshakes) Union(o Handshakes) Handshakes {
	for v := range s.suites {
		s.suites[v] |= o.suites[v]
	}
	s.tls13 |= o.tls13
	return s
}

// Within reports whether every handshake of the set is in another set as well. A
// step between two states admits a client that neither of them admits exactly if
// the step is not within their union.
func (s Handshakes) Within(o Handshakes) bool { return s.Union(o) == o }

// Empty reports whether no handshake is possible.
func (s Handshakes) Empty() bool { return s == Handshakes{} }

// Sequence says which of a minimum and a cipher list has to move first.
type Sequence uint8

// The sequences of a minimum and a cipher list.
const (
	AnySequence Sequence = iota
	MinimumFirst
	CiphersFirst
)

// Sequence returns which of the minimum and the list has to move first on the way to
// another handshake, so that nothing is possible in between that is not possible before
// or after. There always is such an order: a minimum that rises first only closes
// versions, and with a list that moves before the minimum falls, nothing is possible
// that is not possible afterwards. The other order is as good unless it would open
// old versions with suites that they never have together. What is not known counts as
// open.
func (h Handshake) Sequence(to Handshake) Sequence {
	minimum, _ := LookupSetting(MinTLSVersion)
	way := minimum.Compare(h.Minimum, to.Minimum)
	if way == Changes || h.Ciphers == to.Ciphers {
		return AnySequence
	}

	safe, low, high := MinimumFirst, h, to
	if way == Weakens {
		safe, low, high = CiphersFirst, to, h
	}
	// In the other order, the lower minimum meets the list that belongs to the higher one.
	between := Handshake{Minimum: low.Minimum, Ciphers: high.Ciphers}
	if between.within(low, high) {
		return AnySequence
	}
	return safe
}

// within reports whether two states together admit all that h admits below TLS 1.3. They
// do not if that is not known.
func (h Handshake) within(a, b Handshake) bool {
	sets := [...]Handshake{h, a, b}
	var possible [len(sets)]Handshakes
	for i, s := range sets {
		s.TLS13, s.Keys = Off, a.Keys
		set, known := s.Possible()
		if !known {
			return false
		}
		possible[i] = set
	}
	return possible[0].Within(possible[1].Union(possible[2]))
}

// Sequences remembers sequences, since many hostnames make the same move.
type Sequences map[[2]Handshake]Sequence

// Of returns the sequence on the way from one handshake to another.
func (s Sequences) Of(from, to Handshake) Sequence {
	if from.Minimum == to.Minimum || from.Ciphers == to.Ciphers {
		return AnySequence
	}
	from.TLS13, to.TLS13 = "", ""
	move := [2]Handshake{from, to}
	found, known := s[move]
	if !known {
		found = from.Sequence(to)
		s[move] = found
	}
	return found
}
