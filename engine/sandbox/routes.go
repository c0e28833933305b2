package sandbox

import (
	"net/http"
	"slices"
	"strings"
)

// route is one endpoint. T is the object that the path begins with: a zone, an
// account, or the sender where it begins with neither.
type route[T any] struct {
	method string
	// path is the rest of the path. "*" matches any one part, which the handler
	// finds in call.args.
	path        string
	permissions []string // one of them suffices; empty means none is needed
	params      []string // the query parameters that the endpoint knows
	run         func(*Server, *call, T) *answer
}

// The rows of one path stand together. A literal path stands before a pattern
// that matches it too.
var (
	rootRoutes = []route[*identity]{
		{"GET", "user/tokens/verify", nil, nil, (*Server).verifyUserToken},
		{"GET", "accounts", nil, []string{"name", "page", "per_page", "direction"}, (*Server).listAccounts},
		{"GET", "zones", anyRead, zoneFilters, (*Server).listZones},
	}

	zoneRoutes = []route[*zone]{
		{"GET", "", anyRead, nil, (*Server).showZone},
		{"GET", "entitlements", []string{ZoneRead}, nil, reads((*zone).entitled)},

		{"GET", "settings", readSettings, nil, withBatch(reads((*zone).listSettings))},
		{"PATCH", "settings", editSettings, nil, withBatch((*Server).editSettings)},
		// Permissions of either group suffice for this one.
		{"GET", "settings/" + automaticMode, []string{ZoneSettingsRead, SSLRead}, nil, (*Server).showSetting},
		{"PATCH", "settings/" + automaticMode, []string{ZoneSettingsEdit, SSLEdit}, nil, (*Server).editSetting},
		{"GET", "settings/*", readSettings, nil, (*Server).showSetting},
		{"PATCH", "settings/*", editSettings, nil, (*Server).editSetting},

		{"GET", "custom_hostnames", readSSL, customHostnameFilters, (*Server).listCustomHostnames},
		{"POST", "custom_hostnames", editSSL, nil, (*Server).createCustomHostname},
		{"GET", "custom_hostnames/fallback_origin", readSSL, nil, reads((*zone).readFallback)},
		{"PUT", "custom_hostnames/fallback_origin", editSSL, nil, (*Server).putFallback},
		{"DELETE", "custom_hostnames/fallback_origin", editSSL, nil, (*Server).deleteFallback},
		{"GET", "custom_hostnames/quota", readSSL, nil, reads((*zone).quotaLeft)},
		{"GET", "custom_hostnames/*", readSSL, nil, withCustomHostname((*Server).showCustomHostname)},
		{"PATCH", "custom_hostnames/*", editSSL, nil, withCustomHostname((*Server).editCustomHostname)},
		{"DELETE", "custom_hostnames/*", editSSL, nil, withCustomHostname((*Server).deleteCustomHostname)},

		{"GET", "ssl/certificate_packs/quota", readSSL, nil, reads((*zone).packsLeft)},
		{"GET", "ssl/universal/settings", readSSL, nil, reads((*zone).readUniversal)},
		{"PATCH", "ssl/universal/settings", editSSL, nil, (*Server).editUniversal},
		{"GET", "acm/total_tls", readSSL, nil, withACM(reads((*zone).readTotal))},
		{"POST", "acm/total_tls", editSSL, nil, withACM((*Server).editTotal)},

		{"GET", "hostnames/settings/*", readSSL, []string{"page", "per_page", "hostname"}, withACM((*Server).listHostnameSettings)},
		{"GET", "hostnames/settings/*/*", readSSL, nil, withACM(withHostnameSetting((*Server).showHostnameSetting))},
		{"PUT", "hostnames/settings/*/*", editSSL, nil, withACM((*Server).putHostnameSetting)},
		{"DELETE", "hostnames/settings/*/*", editSSL, nil, withACM(withHostnameSetting((*Server).deleteHostnameSetting))},

		{"GET", "origin_tls_client_auth", readSSL, nil, reads((*zone).listPulls)},
		{"POST", "origin_tls_client_auth", editSSL, nil, (*Server).uploadPull},
		{"GET", "origin_tls_client_auth/settings", readSSL, nil, reads((*zone).readPulls)},
		{"PUT", "origin_tls_client_auth/settings", editSSL, nil, (*Server).editPulls},
		{path: "origin_tls_client_auth/hostnames"}, // Cloudflare has endpoints here that are not served
		{"GET", "origin_tls_client_auth/*", readSSL, nil, withPull((*Server).showPull)},
		{"DELETE", "origin_tls_client_auth/*", editSSL, nil, withPull((*Server).deletePull)},
	}

	accountRoutes = slices.Concat(
		[]route[*account]{
			{"GET", verifyPath, nil, nil, (*Server).verify},
			{"GET", "entitlements", []string{AccountSettingsRead}, nil, (*Server).entitled},
			{"GET", "logs/audit", []string{AccountSettingsRead}, []string{"since", "before", "limit", "cursor", "direction", "zone_id"}, (*Server).auditLog},
			{"GET", "audit_logs", []string{AccountSettingsRead}, []string{"since", "before", "page", "per_page", "direction", "zone.name", "action.type"}, (*Server).auditLogV1},
			{"GET", "access/certificates/settings", []string{AccessCertificatesRead}, nil, shows((*account).mtlsSettings)},
			{"PUT", "access/certificates/settings", []string{AccessCertificatesEdit}, nil, (*Server).editMTLSSettings},
			{"GET", "access/apps/*/policies", []string{AccessAppsRead}, pageParams, (*Server).listApplicationPolicies},
			{"GET", "alerting/v3/available_alerts", []string{NotificationsRead}, nil, shows((*account).availableAlerts)},
			{"GET", "alerting/v3/destinations/eligible", []string{NotificationsRead}, nil, shows((*account).eligible)},
			{"GET", "alerting/v3/destinations/webhooks", []string{NotificationsRead}, nil, shows((*account).listWebhooks)},
			{"GET", "alerting/v3/destinations/pagerduty", []string{NotificationsRead}, nil, shows((*account).listPagerDuty)},
		},
		authorities.routes("access/certificates", AccessCertificatesRead, AccessCertificatesEdit),
		applications.routes("access/apps", AccessAppsRead, AccessAppsEdit),
		accessPolicies.routes("access/policies", AccessAppsRead, AccessAppsEdit),
		alerts.routes("alerting/v3/policies", NotificationsRead, NotificationsEdit),
	)
)

// verifyPath is the one path of an account that every token may use.
const verifyPath = "tokens/verify"

// Permissions and parameters of more than one route.
var (
	anyRead      = []string{ZoneRead, ZoneSettingsRead, SSLRead}
	readSettings = []string{ZoneSettingsRead}
	editSettings = []string{ZoneSettingsEdit}
	readSSL      = []string{SSLRead}
	editSSL      = []string{SSLEdit}

	pageParams  = []string{"page", "per_page"}
	zoneFilters = []string{"name", "account.id", "account.name", "status", "type", "order", "direction", "match", "page", "per_page"}

	customHostnameFilters = []string{
		"page", "per_page", "order", "direction", "ssl", "hostname", "id", "hostname.exact", "hostname.contain", "hostname.startsWith",
		"hostname_status", "ssl_status", "certificate_authority", "custom_origin_server", "wildcard",
	}
)

// Adapters of handlers that need less than everything, or something more first.

func reads(read func(*zone) *answer) func(*Server, *call, *zone) *answer {
	return func(_ *Server, _ *call, z *zone) *answer { return read(z) }
}

func shows(result func(*account) any) func(*Server, *call, *account) *answer {
	return func(_ *Server, _ *call, a *account) *answer { return ok(http.StatusOK, result(a)) }
}

// withBatch refuses requests about several settings once Cloudflare has ended them.
func withBatch(run func(*Server, *call, *zone) *answer) func(*Server, *call, *zone) *answer {
	return func(s *Server, c *call, z *zone) *answer {
		if s.seed.NoBatchSettings {
			return fail(http.StatusGone, 10410, "This endpoint has reached its end of life; use the endpoints of single settings")
		}
		return run(s, c, z)
	}
}

// withACM refuses zones without Advanced Certificate Manager.
func withACM(run func(*Server, *call, *zone) *answer) func(*Server, *call, *zone) *answer {
	return func(s *Server, c *call, z *zone) *answer {
		if !z.acm {
			return noACM()
		}
		return run(s, c, z)
	}
}

func withCustomHostname(run func(*Server, *call, *zone, *customHostname) *answer) func(*Server, *call, *zone) *answer {
	return func(s *Server, c *call, z *zone) *answer {
		if len(c.args[0]) != 36 {
			return fail(http.StatusBadRequest, 1435, "custom hostname id is not valid")
		}
		h := z.hosts[c.args[0]]
		if h == nil {
			return fail(http.StatusNotFound, 1436, "The custom hostname was not found.")
		}
		return run(s, c, z, h)
	}
}

func withPull(run func(*Server, *call, *zone, *clientCertificate) *answer) func(*Server, *call, *zone) *answer {
	return func(s *Server, c *call, z *zone) *answer {
		crt := find(z.pulls.certificates, func(crt *clientCertificate) bool { return crt.id == c.args[0] })
		if crt == nil {
			return fail(http.StatusNotFound, 1436, "The certificate was not found.")
		}
		return run(s, c, z, crt)
	}
}

// route finds the endpoint and runs it.
func (s *Server) route(c *call) *answer {
	segs := c.segs
	switch {
	case len(segs) > 2 && segs[0] == "accounts":
		a := s.accountByID(segs[1])
		if a == nil {
			return noRoute(c.path)
		}
		if !matches(verifyPath, segs[2:]) && !s.reaches(c.who, a) {
			return fail(http.StatusForbidden, 9109, "Unauthorized to access requested resource")
		}
		return serve(s, c, accountRoutes, segs[2:], a)

	case len(segs) > 1 && segs[0] == "zones":
		z := s.byID[segs[1]]
		if z == nil {
			return noRoute(c.path)
		}
		if !c.who.seesZone(z) {
			return fail(http.StatusForbidden, 9109, "Unauthorized to access requested resource")
		}
		return serve(s, c, zoneRoutes, segs[2:], z)
	}
	return serve(s, c, rootRoutes, segs, c.who)
}

// serve runs the route of the request. Unlike Cloudflare, which ignores a
// parameter that the endpoint does not have, it refuses one: a misspelt filter
// would match everything.
func serve[T any](s *Server, c *call, table []route[T], segs []string, of T) *answer {
	i := slices.IndexFunc(table, func(r route[T]) bool { return matches(r.path, segs) })
	if i < 0 || table[i].method == "" {
		return noRoute(c.path)
	}

	path := table[i].path
	for table[i].method != c.r.Method {
		if i++; i == len(table) || table[i].path != path {
			return fail(http.StatusMethodNotAllowed, 7001, "Method "+c.r.Method+" not available for that URI.")
		}
	}
	r := table[i]

	if bad := c.checkQuery(r.params); bad != nil {
		return bad
	}
	if bad := c.checkContentType(); bad != nil {
		return bad
	}
	if len(r.permissions) > 0 && !c.who.may(r.permissions...) {
		return fail(http.StatusForbidden, 10000, "Authentication error")
	}

	c.args = wildcards(r.path, segs)
	return r.run(s, c, of)
}

// matches reports whether the parts of a path fit a pattern.
func matches(pattern string, segs []string) bool {
	if pattern == "" {
		return len(segs) == 0
	}

	for len(segs) > 0 {
		part, rest, more := strings.Cut(pattern, "/")
		if part != "*" && part != segs[0] {
			return false
		}
		if !more {
			return len(segs) == 1
		}
		pattern, segs = rest, segs[1:]
	}
	return false
}

// wildcards returns the parts that stand in the place of a "*".
func wildcards(pattern string, segs []string) []string {
	var out []string
	for i, part := range strings.Split(pattern, "/") {
		if part == "*" {
			out = append(out, segs[i])
		}
	}
	return out
}

func (c *call) checkQuery(known []string) *answer {
	for _, name := range sortedKeys(c.query) {
		if !slices.Contains(known, name) {
			return fail(http.StatusBadRequest, 6003, "query parameter "+name+" does not exist on this endpoint")
		}
		if len(c.query[name]) > 1 {
			return fail(http.StatusBadRequest, 6003, "query parameter "+name+" is given more than once")
		}
	}
	return nil
}

func (c *call) checkContentType() *answer {
	switch c.r.Method {
	case http.MethodPatch, http.MethodPost, http.MethodPut:
		if ct := c.r.Header.Get("Content-Type"); !strings.HasPrefix(ct, "application/json") {
			return fail(http.StatusUnsupportedMediaType, 6005, "Content-Type is "+ct+", want application/json")
		}
	}
	return nil
}
