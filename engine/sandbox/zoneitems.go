package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Items of a zone: what it has beside its settings, under the ids of the history, the state
// and the dashboard. The ids are our own; at Cloudflare each item has its own endpoint.
const (
	universalSSL   = "universal_ssl"   // "on" or "off"
	totalTLS       = "total_tls"       // {"certificate_authority": …, "enabled": …}
	fallbackOrigin = "fallback_origin" // the host, or null
	originPulls    = "origin_pulls"    // {"enabled": …}
)

// badField is the code of a body with a wrong field. The code that these services send is
// not documented.
const badField = 6003

// noACM is the answer to a zone without Advanced Certificate Manager.
func noACM() *answer {
	return fail(http.StatusForbidden, 1450, "Advanced Certificate Manager is needed to use this endpoint")
}

// item returns the present value of a setting or item as JSON text, "" for an unknown id.
func (z *zone) item(id string) string {
	switch id {
	case universalSSL:
		return onOrOff(z.universal)
	case totalTLS:
		return string(encode(z.total))
	case fallbackOrigin:
		if z.fallback == nil || z.fallback.status == "pending_deletion" {
			return "null"
		}
		return string(encode(z.fallback.origin))
	case originPulls:
		return string(encode(enabledJSON{Enabled: z.pulls.enabled}))
	}

	if st := z.settings[id]; st != nil {
		return st.value
	}
	return ""
}

func onOrOff(on bool) string {
	if on {
		return `"on"`
	}
	return `"off"`
}

// writeItem makes a checked write to an item and records it, unless a fault ignores the
// write.
func (s *Server) writeItem(c *call, z *zone, id string, do func()) {
	if c.ignoreWrite {
		c.entry.Effect = EffectIgnored
		return
	}

	before := z.item(id)
	do()
	after := z.item(id)
	if c.entry.Effect == "" { // the dashboard has set it
		c.entry.Effect = EffectChanged
		if before == after {
			c.entry.Effect = EffectNoop
		}
	}
	c.entry.wrote("zone/"+z.ascii, map[string]json.RawMessage{id: json.RawMessage(before)}, map[string]json.RawMessage{id: json.RawMessage(after)})
}

// enabledJSON is the answer of services that know only on and off. Universal SSL adds the
// authority while it is on.
type enabledJSON struct {
	Enabled   bool   `json:"enabled"`
	Authority string `json:"certificate_authority,omitempty"`
}

// readEnabled reads the body {"enabled": …}.
func readEnabled(c *call) (bool, *answer) {
	m, err := readFields(c.body, []field{{"enabled", aBool, true}})
	if err != nil {
		return false, fail(http.StatusBadRequest, badField, err.Error())
	}
	return as[bool](m["enabled"]), nil
}

func (z *zone) readUniversal() *answer {
	out := enabledJSON{Enabled: z.universal}
	if z.universal {
		out.Authority = "google"
	}
	return ok(http.StatusOK, out)
}

// editUniversal is PATCH ssl/universal/settings.
func (s *Server) editUniversal(c *call, z *zone) *answer {
	on, bad := readEnabled(c)
	if bad != nil {
		return bad
	}
	s.setUniversal(c, z, on)
	return z.readUniversal()
}

func (s *Server) setUniversal(c *call, z *zone, on bool) {
	s.writeItem(c, z, universalSSL, func() {
		z.universal = on
		s.deploy(func() { z.deployed[universalSSL] = onOrOff(on) })
	})
}

// total is Total TLS.
type total struct {
	Authority string `json:"certificate_authority,omitempty"` // empty while it is off
	Enabled   bool   `json:"enabled"`
}

// totalAuthorities are the authorities that Total TLS can use.
var totalAuthorities = []string{"google", "lets_encrypt", "ssl_com"}

func (z *zone) readTotal() *answer {
	return ok(http.StatusOK, struct {
		total
		Validity int `json:"validity_period"`
	}{z.total, 90})
}

// checkTotal reads the body of a write to Total TLS.
func (z *zone) checkTotal(body []byte) (total, *answer) {
	m, err := readFields(body, []field{{"enabled", aBool, true}, {"certificate_authority", aText, false}})
	if err != nil {
		return total{}, fail(http.StatusBadRequest, badField, err.Error())
	}

	next := total{Enabled: as[bool](m["enabled"]), Authority: z.total.Authority}
	if _, given := m["certificate_authority"]; given {
		next.Authority = as[string](m["certificate_authority"])
		if !slices.Contains(totalAuthorities, next.Authority) {
			return total{}, fail(http.StatusBadRequest, badField,
				fmt.Sprintf("certificate_authority %q is not one of %s", next.Authority, strings.Join(totalAuthorities, ", ")))
		}
	}

	switch {
	case !next.Enabled:
		next.Authority = ""
	case next.Authority == "":
		next.Authority = "google"
	}
	return next, nil
}

// editTotal is POST acm/total_tls, which creates and edits alike. It refuses a write that
// changes nothing, as reported in terraform-provider-cloudflare#6460.
func (s *Server) editTotal(c *call, z *zone) *answer {
	next, bad := z.checkTotal(c.body)
	if bad != nil {
		return bad
	}
	if next == z.total {
		return fail(http.StatusBadRequest, 1467, "Total TLS already has these settings")
	}
	s.writeItem(c, z, totalTLS, func() { z.total = next })
	return z.readTotal()
}

// dashboardItem checks an edit of an item and returns the function that makes it. The
// function is nil if the id is not an item's.
func (s *Server) dashboardItem(c *call, z *zone, id, value string) (func(), *answer) {
	body := []byte(value)
	switch id {
	case universalSSL:
		if value != `"on"` && value != `"off"` {
			return nil, fail(http.StatusBadRequest, badField, universalSSL+" must be on or off")
		}
		return func() { s.setUniversal(c, z, value == `"on"`) }, nil

	case totalTLS:
		if !z.acm {
			return nil, noACM()
		}
		next, bad := z.checkTotal(body)
		return func() { s.writeItem(c, z, totalTLS, func() { z.total = next }) }, bad

	case originPulls:
		on, bad := readEnabled(&call{body: body})
		return func() { s.setPulls(c, z, on) }, bad

	case fallbackOrigin:
		if value == "null" {
			return func() { s.dropFallback(c, z) }, z.fallbackBusy(true)
		}
		origin, bad := z.checkOrigin(body)
		if bad == nil {
			bad = z.fallbackBusy(false)
		}
		return func() { s.setFallback(c, z, origin) }, bad
	}
	return nil, nil
}
