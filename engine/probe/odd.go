package probe

import (
	"context"

	"tlsync/engine/probe/compare"
)

// oddHandshake makes one attempt with a suite that crypto/tls lacks.
func (p *prober) oddHandshake(ctx context.Context, suite string, x *compare.Answer) {
	seen, hangUp, err := p.dial(ctx)
	if err != nil {
		x.Outcome, x.Why = compare.Unreachable, reason(err)
		return
	}
	defer hangUp()

	conn := newMini(seen, suite)
	err = conn.handshake(p.target.Expected.Name)
	x.AsksForCertificate = conn.wantCert
	_, chosen := seen.chosen()
	if chosen {
		x.Suite = suite
	}
	if err != nil {
		fail(x, chosen, err)
		return
	}
	exchange(x, conn, p.target.Expected.Name)
}
