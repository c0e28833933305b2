package plan

import "time"

// Cloudflare issues certificates for so many new custom hostnames in so much time, and
// then takes no further ones for half a minute. It counts the creations that succeed.
// Whether it counts the certificates that an edit has issued again is not documented.
const (
	Issued    = 15
	IssuedPer = time.Minute
)

// Issues reports whether a change counts towards Issued.
func (c *Change) Issues() bool { return c.Kind == KindCustomHostname && c.Action == Create }
