package zone

import (
	"slices"

	"tlsync/engine/plan"
	"tlsync/schema"
)

type handshake struct {
	Minimum, TLS13, Ciphers schema.Value
	Keys                    plan.Keys
}

func (h handshake) OnlyTLS13() bool { return h.Minimum == `"1.3"` }
func (h handshake) NoVersion() bool { return h.OnlyTLS13() && h.TLS13 == `"off"` }
func (h handshake) UnusedList() bool {
	return h.OnlyTLS13() && h.Ciphers != "" && h.Ciphers != schema.Inherit && h.Ciphers != "[]"
}
func (h handshake) NoSuite() bool {
	return !h.OnlyTLS13() && h.Keys != 0 && h.Keys&cipherKeys(h.Ciphers) == 0
}
func (h handshake) Unreachable() bool { return h.NoVersion() || h.TLS13 == `"off"` && h.NoSuite() }

func cipherKeys(list schema.Value) plan.Keys {
	l := list.List()
	if len(l) == 0 {
		return plan.ECDSAKey | plan.RSAKey
	}
	var k plan.Keys
	for _, name := range l {
		switch s, known := schema.LookupSuite(name); {
		case !known:
			return plan.ECDSAKey | plan.RSAKey
		case s.ECDSA:
			k |= plan.ECDSAKey
		default:
			k |= plan.RSAKey
		}
	}
	return k
}

type clients uint8

const (
	belowMinimum clients = 1 << iota
	belowTLS12
	withoutTLS13
)

func (h handshake) CutOff(to handshake) (out clients) {
	if s, _ := schema.LookupSetting(schema.MinTLSVersion); h.Minimum != "" && to.Minimum != "" && s.Compare(h.Minimum, to.Minimum) == schema.Strengthens {
		out |= belowMinimum
	}
	if h.Ciphers != "" && to.Ciphers != "" && oldSuites(h.Ciphers) && !oldSuites(to.Ciphers) {
		out |= belowTLS12
	}
	if to.NoSuite() && !h.NoSuite() && !to.Unreachable() {
		out |= withoutTLS13
	}
	return out
}

func oldSuites(v schema.Value) bool {
	l := v.List()
	return l != nil && (len(l) == 0 || slices.ContainsFunc(l, func(n string) bool {
		s, ok := schema.LookupSuite(n)
		return ok && s.TLS10
	}))
}
