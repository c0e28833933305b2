package cloudflare

import (
	"net/http"
	"strings"

	"tlsync/engine/plan"
)

// Codes and a text that say something about the credentials. Each is from public
// reports; the same status without them proves nothing.
const (
	codeNoPermission = 10000 // "Authentication error"
	codeUnknownKey   = 9103  // "Unknown X-Auth-Key or X-Auth-Email"
	codeNoRoute      = 7003  // "Could not route to …"
	codeOutOfScope   = 9109  // "Unauthorized to access requested resource", "Cannot use the access token from location: …"
)

// lacks says why a request was refused because of its credentials, as far as the
// answer tells; else, after a 403, what to check. It is "" for other failures.
func (e *Error) lacks() string {
	switch {
	case e.Status == http.StatusNotFound && e.has(codeNoRoute) && e.listsZones(): // the API always has that list
		return "this is not the API; check CLOUDFLARE_BASE_URL, which includes /client/v4"
	case e.Status == http.StatusUnauthorized, e.Status == http.StatusBadRequest && e.malformedCredentials():
		return "the credentials are invalid or have expired"
	case e.Permission != "" && e.ofZones(): // which any token can ask for
		return "Cloudflare does not know the token, or it lacks \"" + e.Permission + "\""
	case e.Permission != "":
		return "the token lacks \"" + e.Permission + "\"" + e.where()
	case e.Status != http.StatusForbidden || !e.Denied():
		return ""
	case e.page:
		return "the answer is a web page and not from the API: check whether a proxy, a firewall or a bot check stands between this machine and the API"
	case e.has(codeUnknownKey):
		return "Cloudflare does not know the global API key or its e-mail address: check CLOUDFLARE_API_KEY and CLOUDFLARE_EMAIL"
	case e.has(codeOutOfScope) && e.says("from location"):
		return "the token may not be used from the address of this machine: check the IP filter of the token"
	case e.has(codeOutOfScope) && e.says("invalid access token"):
		return "the token is unknown, disabled or expired: check that it is active"
	case e.has(codeOutOfScope):
		return "the token does not cover this" + e.object() + ", is disabled, or may not be used from this machine: check its resources, its status and its IP filter"
	}

	if name := permission(e.Method, e.Path); name != "" {
		return "check that the token has \"" + name + "\"" + e.where() + ", and its IP filter"
	}
	return "check the permissions and the IP filter of the token"
}

// listsZones reports whether the request is for the list of zones.
func (e *Error) listsZones() bool {
	path, _, _ := strings.Cut(e.Path, "?")
	return path == plan.EndpointZones
}

// where says where a permission is needed, as far as that is known.
func (e *Error) where() string {
	switch {
	case e.Zone != "":
		return " on zone " + e.Zone
	case e.Account != "":
		return " on account " + e.Account
	}
	return ""
}

// ofZones reports whether the request asked for the list of zones.
func (e *Error) ofZones() bool {
	path, _, _ := strings.Cut(e.Path, "?")
	return path == plan.ZonesPath()
}

// object names the kind of object whose resources a request is about.
func (e *Error) object() string {
	switch {
	case e.Zone != "":
		return " zone"
	case e.Account != "":
		return " account"
	}
	return " zone or account"
}

// says reports whether a message of the API contains a text, in any case.
func (e *Error) says(text string) bool {
	for _, c := range e.Codes {
		if strings.Contains(strings.ToLower(c.Message), text) {
			return true
		}
	}
	return false
}

// missing returns the permission whose lack an answer speaks of, or "". A 403 alone
// may as well come from an IP filter, a firewall or the rules of one object.
func missing(e *Error) string {
	if e.Status != http.StatusForbidden || !e.Denied() || !e.has(codeNoPermission) && !e.says("permission") {
		return ""
	}
	return permission(e.Method, e.Path)
}

// permissions are the token permissions by endpoint, more special ones first
// (developers.cloudflare.com/fundamentals/api/reference/permissions).
var permissions = []struct{ part, name string }{
	{plan.EndpointAccessCertificates, "Access: Mutual TLS Certificates"},
	{plan.EndpointAccessApplications, "Access: Apps and Policies"},
	{plan.EndpointAlerting + "/", "Notifications"},
	{plan.EndpointAuditLogs, "Account Settings"},
	{plan.EndpointHostnameSettings, "SSL and Certificates"},
	{plan.EndpointCustomHostnames, "SSL and Certificates"},
	{plan.EndpointSSL + "/", "SSL and Certificates"},
	{plan.EndpointAdvancedCerts + "/", "SSL and Certificates"},
	{plan.EndpointOriginPulls, "SSL and Certificates"},
	{plan.EndpointSettings, "Zone Settings"},
	{plan.EndpointZones, "Zone"},
}

// permission returns the token permission that a request needs, as the
// dashboard words it: "Edit" is the API's write.
func permission(method, path string) string {
	access := ": Edit"
	if method == http.MethodGet {
		access = ": Read"
	}
	for _, p := range permissions {
		if strings.Contains(path, p.part) {
			return p.name + access
		}
	}
	return ""
}
