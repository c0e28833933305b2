package doctor

import (
	"slices"

	"tlsync/engine/cloudflare"
	"tlsync/engine/plan"
	"tlsync/schema"
)

// Commands that need a permission.
var (
	readers = []string{"plan", "drift", "apply"}
	writers = []string{"apply"}
)

// need is a harmless read that stands for all requests of one endpoint.
type need struct {
	path string
	what string // what is read
	// entitlement says that a refusal may be about what the zone has paid for.
	entitlement bool
}

// permission is the one that the read needs.
func (n *need) permission() string { return cloudflare.Permission("GET", n.path) }

// needsOfZone returns the reads of the endpoints that a scope needs of a zone, one for
// each endpoint.
func needsOfZone(zone string, s *plan.ZoneScope) []need {
	var out []need
	shared := false
	for _, id := range s.Settings {
		row, ok := schema.LookupSetting(id)
		path := plan.SettingPath(zone, id)
		ofZone := path == plan.SettingsPath(zone)+"/"+id || id == schema.HSTS
		switch {
		case !ok:
		case !ofZone:
			out = append(out, need{path, id, true})
		case !row.ReadAlone && !shared:
			shared = true
			out = append(out, need{plan.SettingPath(zone, schema.MinTLSVersion), "settings of the zone", false})
		}
	}

	for _, id := range s.HostnameSettings {
		out = append(out, need{plan.HostnameSettingsPath(zone, id) + "?per_page=5", id + " of names in the zone", true})
	}
	if s.CustomHostnames {
		out = append(out, need{plan.CustomHostnamesPath(zone) + "?per_page=5", "custom hostnames", true})
	}
	if s.OriginCertificates {
		out = append(out, need{plan.OriginCertificatesPath(zone), "certificates of origin pulls", true})
	}
	return out
}

// writesOfZone returns the permissions that the writes of a zone may need, sorted.
func writesOfZone(d *schema.Desired, z *plan.Zone) []string {
	found := map[string]bool{}
	add := func(path string) { found[cloudflare.Permission("PATCH", path)] = true }
	for i := range d.Zones {
		doc := &d.Zones[i]
		if scope := plan.ScopeOfZone(doc); !scope.Reaches(z) {
			continue
		}
		for _, a := range doc.Settings {
			add(plan.SettingPath(z.ID, a.Setting))
		}
		for _, e := range doc.Hostnames {
			for _, a := range e.Settings {
				add(plan.HostnameSettingsPath(z.ID, a.Setting))
			}
		}
		if doc.CustomHostnames.Written() {
			add(plan.CustomHostnamesPath(z.ID))
		}
		if len(doc.OriginCertificates) > 0 {
			add(plan.OriginCertificatesPath(z.ID))
		}
	}

	var out []string
	for p := range found {
		out = append(out, p)
	}
	slices.Sort(out)
	return out
}

// needsOfAccount returns the reads of the endpoints that a scope needs of an account.
func needsOfAccount(account string, s *plan.AccountScope) []need {
	var out []need
	if s.MTLS {
		out = append(out,
			need{plan.AccountObjectsPath(account, plan.KindMTLSCertificate) + "?per_page=5", "certificate authorities of mtls", false},
			need{plan.AccountObjectsPath(account, plan.KindMTLSHostname), "forwarding of client certificates", false},
			need{plan.AccountObjectsPath(account, plan.KindAccessApplication) + "?per_page=5", "applications that demand a certificate", false})
	}
	if s.Alerts {
		out = append(out,
			need{plan.AccountObjectsPath(account, plan.KindAlert), "alerts", false},
			need{plan.AlertTypesPath(account), "types of alerts", false})
	}
	if s.Webhooks {
		out = append(out, need{plan.AlertDestinationsPath(account, "webhooks"), "webhooks of alerts", false})
	}
	if s.PagerDuty {
		out = append(out, need{plan.AlertDestinationsPath(account, "pagerduty"), "PagerDuty services of alerts", false})
	}
	return out
}

// hints are how the list of permissions of a zone words the permissions to edit.
var hints = map[string]string{
	"Zone Settings: Edit":        "#zone_settings:edit",
	"SSL and Certificates: Edit": "#ssl:edit",
}
