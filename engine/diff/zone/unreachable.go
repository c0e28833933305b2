package zone

import (
	"fmt"
	"slices"

	"tlsync/engine/diff/outcome"
	"tlsync/engine/plan"
	"tlsync/schema"
	"tlsync/schema/words"
)

const (
	demandsTLS13 = "would require TLS 1.3 with TLS 1.3 off"
	nobody       = "no visitor can connect"
)

// unreachable adds hazards where the plan leaves names nothing to negotiate: a minimum of
// 1.3 with TLS 1.3 off, or, with TLS 1.3 off, no suite for the only kind of key that an
// uploaded certificate has. Where TLS 1.3 is left, clients that cannot speak it are cut
// off.
func unreachable(o *outcome.Outcome, w *writes) {
	zone := lastHandshakeWrite(w)
	if from, to := o.HandshakesOfZone(); zone != nil && to.NoVersion() && !from.NoVersion() {
		zone.AddHazard(plan.Unreachable, fmt.Sprintf("zone %s %s: %s", plan.This, demandsTLS13, nobody))
	}

	var lost losses
	for i := range o.Names.Len() {
		if o.Names.Deleted(i) == nil {
			lost.add(o, w, i)
		}
	}
	for k := range o.Created {
		c := &o.Created[k]
		h := schema.Handshake{Minimum: o.EffectiveOf(c, schema.MinTLSVersion), TLS13: o.EffectiveOf(c, schema.TLS13)}
		if h.NoVersion() {
			w.graph.Change(w.created[k]).AddHazard(plan.Unreachable, fmt.Sprintf("%s %s: %s", plan.This, demandsTLS13, nobody))
		}
	}

	if zone != nil {
		lost.addHazards(o, zone)
	}
}

// lastHandshakeWrite returns the last write of the zone that bears on handshakes, nil if
// there is none.
func lastHandshakeWrite(w *writes) *plan.Change {
	nodes := slices.Concat(w.zone[schema.TLS13], w.zone[schema.MinTLSVersion], w.zone[schema.Ciphers])
	if len(nodes) == 0 {
		return nil
	}
	return w.graph.Change(nodes[len(nodes)-1])
}

// losses are the hostnames that lose handshakes by a write of the zone.
type losses struct {
	versionless, suiteless []string // nobody can connect
	tls13Only              []string // clients without TLS 1.3 cannot connect
}

// add looks at one hostname. If a write of the hostname itself leaves it nothing to
// negotiate, the hazard is that write's.
func (l *losses) add(o *outcome.Outcome, w *writes, i int) {
	from, to := o.Handshakes(i)
	h := o.Names.At(i)
	if !to.Unreachable() {
		if from.CutOff(to)&schema.WithoutTLS13 != 0 {
			l.tls13Only = append(l.tls13Only, fmt.Sprintf("%s (%s)", h.Name, h.Keys))
		}
		return
	}
	if from.Unreachable() {
		return
	}

	k, edited := o.EditedAt(i)
	byItself := edited && (o.Edit(i, schema.MinTLSVersion) != nil || o.Edit(i, schema.TLS13) != nil || o.Edit(i, schema.Ciphers) != nil)
	switch {
	case byItself:
		why := demandsTLS13
		if !to.NoVersion() {
			why = fmt.Sprintf("would have no suite for the %s key of its certificate, with TLS 1.3 off", h.Keys)
		}
		w.graph.Change(w.names[k].last()).AddHazard(plan.Unreachable, fmt.Sprintf("%s %s: %s", plan.This, why, nobody))
	case to.NoVersion():
		l.versionless = append(l.versionless, h.Name)
	default:
		l.suiteless = append(l.suiteless, fmt.Sprintf("%s (%s)", h.Name, h.Keys))
	}
}

// addHazards adds the hazards to the write of the zone that is to blame.
func (l *losses) addHazards(o *outcome.Outcome, zone *plan.Change) {
	noun := "custom hostname"
	if o.Names.Len() > o.Names.Custom() {
		noun = "hostname"
	}
	add := func(kind plan.HazardKind, names []string, why string) {
		if n := len(names); n > 0 {
			zone.AddHazard(kind, fmt.Sprintf("%s of zone %s %s, e.g. to %s", words.Count(n, noun), plan.This, why, names[0]))
		}
	}
	const noSuite = "would have no suite for the key of the certificate that was uploaded"
	add(plan.Unreachable, l.versionless, demandsTLS13+": "+nobody)
	add(plan.Unreachable, l.suiteless, noSuite+", with TLS 1.3 off: "+nobody)
	add(plan.CutsOffClients, l.tls13Only, noSuite+": clients without TLS 1.3 can no longer connect")
}
