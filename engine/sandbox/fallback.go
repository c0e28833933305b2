package sandbox

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Error codes of the fallback origin. Terraform's provider retried writes refused
// with 1414. The other two are invented: the documentation describes the errors but
// not their codes.
const (
	fallbackPending = 1414
	fallbackNone    = 1551
	fallbackNeeded  = 1552
)

// fallback is the fallback origin of a zone's custom hostnames.
type fallback struct {
	origin, status   string
	created, updated time.Time
}

// fallbackStatuses are the documented statuses.
var fallbackStatuses = []string{"initializing", "pending_deployment", "pending_deletion", "active", "deployment_timed_out", "deletion_timed_out"}

type fallbackJSON struct {
	Origin  string   `json:"origin"`
	Status  string   `json:"status"`
	Errors  []string `json:"errors"`
	Created string   `json:"created_at"`
	Updated string   `json:"updated_at"`
}

func (z *zone) readFallback() *answer {
	f := z.fallback
	if f == nil {
		return fail(http.StatusNotFound, fallbackNone, "The fallback origin was not found.")
	}
	out := fallbackJSON{f.origin, f.status, []string{}, stamp(f.created), stamp(f.updated)}
	if strings.HasSuffix(f.status, "_timed_out") {
		out.Errors = append(out.Errors, "the fallback origin could not be deployed in time")
	}
	return ok(http.StatusOK, out)
}

// fallbackBusy refuses a write during an earlier one, and the deletion of a missing
// fallback origin; nil means that the write is possible.
func (z *zone) fallbackBusy(deletion bool) *answer {
	switch {
	case z.fallback == nil && deletion:
		return z.readFallback()
	case z.fallback != nil && slices.Contains([]string{"initializing", "pending_deployment", "pending_deletion"}, z.fallback.status):
		return fail(http.StatusConflict, fallbackPending, "The fallback origin is "+z.fallback.status+" and cannot be changed until that is done")
	}
	return nil
}

// checkOrigin reads the name of a fallback origin. Cloudflare demands a DNS record in
// the zone. There is no DNS here, so every name in the zone counts as one.
func (z *zone) checkOrigin(raw json.RawMessage) (string, *answer) {
	var origin string
	if json.Unmarshal(raw, &origin) != nil {
		return "", fail(http.StatusBadRequest, 1415, "origin is not a string")
	}
	origin = strings.ToLower(origin)
	switch {
	case !isHostname(origin):
		return "", fail(http.StatusBadRequest, 1415, "origin is not a hostname")
	case !z.holds(origin):
		return "", fail(http.StatusBadRequest, 1421, "origin has no DNS record in zone "+z.name)
	}
	return origin, nil
}

// putFallback is PUT custom_hostnames/fallback_origin.
func (s *Server) putFallback(c *call, z *zone) *answer {
	m, err := readFields(c.body, []field{{"origin", aText, true}})
	if err != nil {
		return fail(http.StatusBadRequest, badField, err.Error())
	}
	origin, bad := z.checkOrigin(m["origin"])
	if bad == nil {
		bad = z.fallbackBusy(false)
	}
	if bad != nil {
		return bad
	}
	return s.setFallback(c, z, origin)
}

// setFallback writes the origin. Its first status appears only in the answer to the
// write.
func (s *Server) setFallback(c *call, z *zone, origin string) *answer {
	s.writeItem(c, z, fallbackOrigin, func() {
		now := s.now()
		next := &fallback{origin: origin, status: "initializing", created: now, updated: now}
		if z.fallback != nil {
			next.created = z.fallback.created
		}
		z.fallback, z.strictFallback = next, true
		s.deploy(func() {
			if z.fallback == next {
				next.status = "active"
			}
		})
	})

	if z.fallback == nil { // a fault ignored the first write
		return ok(http.StatusOK, nil)
	}
	ans := z.readFallback()
	if z.fallback.status == "initializing" && !c.ignoreWrite {
		z.fallback.status = "pending_deployment"
	}
	return ans
}

// deleteFallback is DELETE custom_hostnames/fallback_origin.
func (s *Server) deleteFallback(c *call, z *zone) *answer {
	if bad := z.fallbackBusy(true); bad != nil {
		return bad
	}
	return s.dropFallback(c, z)
}

func (s *Server) dropFallback(c *call, z *zone) *answer {
	s.writeItem(c, z, fallbackOrigin, func() {
		gone := *z.fallback
		gone.status, gone.updated = "pending_deletion", s.now()
		z.fallback = &gone
		s.deploy(func() {
			if z.fallback == &gone {
				z.fallback = nil
			}
		})
	})
	return z.readFallback()
}

// originless refuses a custom hostname without an origin. In production it can be
// created and serves nothing. Only zones that have or had a fallback origin refuse
// it, or those whose seed says so.
func (z *zone) originless(server json.RawMessage) *answer {
	if !z.strictFallback || z.fallback != nil && z.fallback.status == "active" {
		return nil
	}
	var own string
	if json.Unmarshal(orEmpty(server), &own) == nil && own != "" {
		return nil
	}
	return fail(http.StatusBadRequest, fallbackNeeded, "The zone has no active fallback origin, and the custom hostname has no custom_origin_server")
}

// holds reports whether a name is the zone or in it.
func (z *zone) holds(name string) bool {
	return name == z.ascii || strings.HasSuffix(name, "."+z.ascii)
}

// isHostname reports whether a lower-case name can be the name of a host.
func isHostname(name string) bool {
	return hostnameShape().MatchString(name) && len(name) <= 255 && !isAddress(name)
}
