package plan

import "time"

// Cloudflare issues certificates for so many new custom hostnames in so much time, and
// then takes no further ones for half a minute. It counts the creations that succeed.
// Whether it counts the certificates that an edit has issued again is not documented.
const (
	Issued    = 15
	IssuedPer = time.Minute
)

// Issued counts the changes that count towards Issued.
func (p *Plan) Issued() int {
	n := 0
	for i := range p.Changes {
		if p.Changes[i].Issues() {
			n++
		}
	}
	return n
}

// Issues reports whether a change counts towards Issued.
func (c *Change) Issues() bool { return c.Kind == KindCustomHostname && c.Action == Create }
