package plan

import (
	"net/url"

	"tlsync/schema"
)

// The endpoints of Cloudflare's API, below a zone or an account. Permissions and
// error codes are documented for each of them, so errors are told apart by the
// endpoint that their path contains.
const (
	EndpointZones              = "/zones"
	EndpointSettings           = "/settings"
	EndpointHostnameSettings   = "/hostnames/settings"
	EndpointCustomHostnames    = "/custom_hostnames"
	EndpointOriginPulls        = "/origin_tls_client_auth"
	EndpointSSL                = "/ssl"
	EndpointAdvancedCerts      = "/acm"
	EndpointAccessCertificates = "/access/certificates"
	EndpointForwarding         = "/access/certificates/settings"
	EndpointAccessApplications = "/access/apps"
	EndpointAlerting           = "/alerting/v3"
	EndpointAuditLogs          = "/logs/audit"
	EndpointAuditValues        = "/audit_logs" // the first version, which has values
)

// ZonesPath returns the path of the list of zones.
func ZonesPath() string { return EndpointZones }

func zonePath(zone string) string { return EndpointZones + "/" + url.PathEscape(zone) }

// SettingsPath returns the path of the list of all settings of a zone.
func SettingsPath(zone string) string { return zonePath(zone) + EndpointSettings }

// SettingPath returns the path of one setting of a zone. Most settings share an
// endpoint; the others are older than it or belong to another service of
// Cloudflare.
func SettingPath(zone, id string) string {
	switch id {
	case schema.HSTS:
		return SettingsPath(zone) + "/security_header"
	case schema.UniversalSSL:
		return zonePath(zone) + EndpointSSL + "/universal/settings"
	case schema.TotalTLS:
		return zonePath(zone) + EndpointAdvancedCerts + "/total_tls"
	case schema.OriginPulls:
		return OriginCertificatesPath(zone) + "/settings"
	case schema.FallbackOrigin:
		return CustomHostnamesPath(zone) + "/fallback_origin"
	}
	return SettingsPath(zone) + "/" + url.PathEscape(id)
}

// OriginCertificatesPath returns the path of the list of a zone's client
// certificates for origin pulls.
func OriginCertificatesPath(zone string) string { return zonePath(zone) + EndpointOriginPulls }

// HostnameSettingsPath returns the path of the list of hostnames in a zone that
// have their own value for a setting (per-hostname TLS settings).
func HostnameSettingsPath(zone, setting string) string {
	return zonePath(zone) + EndpointHostnameSettings + "/" + url.PathEscape(setting)
}

// HostnameSettingPath returns the path of the value of a setting for one
// hostname in a zone.
func HostnameSettingPath(zone, setting, hostname string) string {
	return HostnameSettingsPath(zone, setting) + "/" + url.PathEscape(hostname)
}

// CustomHostnamesPath returns the path of the list of a zone's custom
// hostnames.
func CustomHostnamesPath(zone string) string { return zonePath(zone) + EndpointCustomHostnames }

// CustomHostnamePath returns the path of one custom hostname.
func CustomHostnamePath(zone, id string) string {
	return CustomHostnamesPath(zone) + "/" + url.PathEscape(id)
}

func accountPath(account string) string { return "/accounts/" + url.PathEscape(account) }

// AccountObjectsPath returns the path of the list of an account's objects of
// one kind.
func AccountObjectsPath(account string, kind Kind) string {
	path := accountPath(account)
	switch kind {
	case KindMTLSCertificate:
		path += EndpointAccessCertificates
	case KindMTLSHostname:
		path += EndpointForwarding
	case KindAccessApplication:
		path += EndpointAccessApplications
	case KindAlert:
		path += EndpointAlerting + "/policies"
	case KindZone, KindHostname, KindCustomHostname:
		// Objects of zones.
	}
	return path
}

// AccountObjectPath returns the path of one object of an account.
func AccountObjectPath(account string, kind Kind, id string) string {
	return AccountObjectsPath(account, kind) + "/" + url.PathEscape(id)
}

// ApplicationPoliciesPath returns the path of the list of an Access
// application's policies.
func ApplicationPoliciesPath(account, application string) string {
	return AccountObjectPath(account, KindAccessApplication, application) + "/policies"
}

// ZonePath returns the path of a zone.
func ZonePath(zone string) string { return zonePath(zone) }

// AccountPath returns the path of an account.
func AccountPath(account string) string { return accountPath(account) }

// AlertTypesPath returns the path of the list of alert types that an account
// may use.
func AlertTypesPath(account string) string {
	return accountPath(account) + EndpointAlerting + "/available_alerts"
}

// AlertDestinationsPath returns the path of the list of an account's alert
// destinations of one kind: "webhooks" or "pagerduty".
func AlertDestinationsPath(account, kind string) string {
	return accountPath(account) + EndpointAlerting + "/destinations/" + kind
}

// TargetPath returns the path that a change writes to: that of its object or,
// for an object that does not exist yet, that of the list that the object
// joins.
func TargetPath(c *Change) string {
	switch c.Kind {
	case KindZone:
		if c.ObjectID == OriginPullsCertificates {
			return OriginCertificatesPath(c.ZoneID)
		}
		return SettingPath(c.ZoneID, c.ObjectID)
	case KindHostname:
		return HostnameSettingPath(c.ZoneID, c.ObjectID, c.Name)
	case KindCustomHostname:
		if c.ObjectID == "" {
			return CustomHostnamesPath(c.ZoneID)
		}
		return CustomHostnamePath(c.ZoneID, c.ObjectID)
	case KindMTLSCertificate, KindMTLSHostname, KindAccessApplication, KindAlert:
	}

	if c.ObjectID == "" || c.Kind == KindMTLSHostname {
		return AccountObjectsPath(c.AccountID, c.Kind)
	}
	return AccountObjectPath(c.AccountID, c.Kind, c.ObjectID)
}
