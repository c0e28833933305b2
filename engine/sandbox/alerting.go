package sandbox

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Error codes of the notification service. They are invented, because Cloudflare's
// documentation names none, and no client can rely on them.
const (
	alertInvalid = 17001
	alertUnknown = 17002
)

// alert is a notification policy.
type alert struct {
	meta
	kind                   string
	description, interval  string
	enabled                bool
	email, hooks, services []string                   // destinations: addresses, ids of webhooks and of PagerDuty services
	filters                map[string]json.RawMessage // as written; nil where none were
}

// alerts are the notification policies of an account.
var alerts = &collection[alert, *alert]{
	items: func(a *account) *[]*alert { return &a.alerts }, noun: "notification policy", unknown: alertUnknown,
	created: http.StatusOK, deleted: http.StatusOK, idOnly: true,
	parse:   (*Server).parseAlert,
	takeID:  func(a *account, al *alert) { al.id = cmp.Or(al.id, hexID("alert", a.newID("alert", al.name))) },
	ignored: func(a *account, al *alert) { al.id = hexID(a.id, "alert/"+al.name) },
}

// destination is a webhook or a PagerDuty service.
type destination struct{ id, name string }

type alertJSON struct {
	ID          string                     `json:"id"`
	Name        string                     `json:"name"`
	Description string                     `json:"description"`
	Enabled     bool                       `json:"enabled"`
	Type        string                     `json:"alert_type"`
	Interval    string                     `json:"alert_interval,omitempty"`
	Mechanisms  mechanismsJSON             `json:"mechanisms"`
	Filters     map[string]json.RawMessage `json:"filters"` // null where none were given
	Created     string                     `json:"created"`
	Modified    string                     `json:"modified"`
}

// mechanismsJSON shows all three mechanisms. Those that were left out come back as
// empty lists.
type mechanismsJSON struct {
	Email     []idJSON `json:"email"`
	PagerDuty []idJSON `json:"pagerduty"`
	Webhooks  []idJSON `json:"webhooks"`
}

type idJSON struct {
	ID string `json:"id"`
}

func idObjects(ids []string) []idJSON {
	out := []idJSON{}
	for _, id := range ids {
		out = append(out, idJSON{id})
	}
	return out
}

func (al *alert) render(*account) any {
	return alertJSON{
		ID: al.id, Name: al.name, Description: al.description, Enabled: al.enabled, Type: al.kind, Interval: al.interval,
		Mechanisms: mechanismsJSON{idObjects(al.email), idObjects(al.services), idObjects(al.hooks)},
		Filters:    al.filters, Created: stamp(al.created), Modified: stamp(al.updated),
	}
}

// own is the content for the history.
func (al *alert) own() map[string]json.RawMessage {
	m, _ := fields(encode(al.render(nil))) // an object of our own making
	for _, k := range []string{"id", "created", "modified"} {
		delete(m, k)
	}
	return m
}

func (al *alert) object(a *account) string { return "alert/" + a.name + "/" + al.name }

func (al *alert) label() string { return al.name }

func (al *alert) recorded(*account) []recorded { return []recorded{al} }

// alertType is a type of alert.
type alertType struct {
	product, kind, display, description string
	filters                             []string // keys that it can be filtered by
}

// alertTypes are the alerts about certificates and service tokens, and one with filters.
// It is read only.
var alertTypes = []alertType{
	{"Access", "expiring_service_token_alert", "Expiring Access Service Token Alert", "Sent before a service token expires.", nil},
	{"SSL/TLS", "access_custom_certificate_expiration_type", "Access mTLS Certificate Expiration Alert", "Sent 30 and 14 days before a certificate expires.", nil},
	{"SSL/TLS", "custom_ssl_certificate_event_type", "SSL for SaaS Custom Hostnames Alert", "Sent on validation, issuance, renewal and expiry.", nil},
	{"SSL/TLS", "dedicated_ssl_certificate_event_type", "Advanced Certificate Alert", "Sent on validation, issuance and renewal.", nil},
	{"SSL/TLS", "hostname_aop_custom_certificate_expiration_type", "Hostname-level Authenticated Origin Pulls Certificate Expiration Alert", "Sent 30 and 14 days before a certificate expires.", nil},
	{"SSL/TLS", "mtls_certificate_store_certificate_expiration_type", "mTLS Certificate Store Certificate Expiration Alert", "Sent 30 and 14 days before a certificate expires.", nil},
	{"SSL/TLS", "universal_ssl_event_type", "Universal SSL Alert", "Sent on validation, issuance and renewal.", nil},
	{"SSL/TLS", "zone_aop_custom_certificate_expiration_type", "Zone-level Authenticated Origin Pulls Certificate Expiration Alert", "Sent 30 and 14 days before a certificate expires.", nil},
	{"Traffic Monitoring", "traffic_anomalies_alert", "Traffic Anomalies Alert", "Sent when traffic departs from its usual course.", []string{"zones"}},
}

// offers reports whether the account may use a type of alert.
func (a *account) offers(kind string) bool {
	if a.alertTypes != nil {
		return slices.Contains(a.alertTypes, kind)
	}
	return slices.ContainsFunc(alertTypes, func(t alertType) bool { return t.kind == kind })
}

type alertTypeJSON struct {
	Display     string         `json:"display_name"`
	Type        string         `json:"type"`
	Description string         `json:"description"`
	Filters     []filterOption `json:"filter_options"` // null where there are none
}

type filterOption struct {
	Key      string `json:"Key"`
	Operator string `json:"ComparisonOperator"`
	Range    string `json:"Range"`
	Values   []any  `json:"AvailableValues"`
}

// availableAlerts is GET available_alerts: lists of types by product.
func (a *account) availableAlerts() any {
	out := map[string][]alertTypeJSON{}
	for _, t := range alertTypes {
		if !a.offers(t.kind) {
			continue
		}
		shown := alertTypeJSON{Display: t.display, Type: t.kind, Description: t.description}
		for _, key := range t.filters {
			shown.Filters = append(shown.Filters, filterOption{Key: key, Operator: "==", Range: "0-n"})
		}
		out[t.product] = append(out[t.product], shown)
	}
	return out
}

func badAlert(format string, args ...any) *answer {
	return fail(http.StatusBadRequest, alertInvalid, fmt.Sprintf(format, args...))
}

// alertFields are the fields of a written policy.
var alertFields = []field{
	{"name", aText, true}, {"enabled", aBool, true}, {"alert_type", aText, true}, {"mechanisms", anObject, true},
	{"description", aText, false}, {"filters", anObject, false}, {"alert_interval", aText, false},
}

// parseAlert reads the body of POST policies and PUT policies/{id}. A PUT removes
// every field that it leaves out.
func (s *Server) parseAlert(c *call, a *account, _ *alert) (*alert, *answer) {
	m, err := readFields(c.body, alertFields)
	if err != nil {
		return nil, badAlert("%s", err)
	}
	al := &alert{
		meta: meta{name: as[string](m["name"])}, kind: as[string](m["alert_type"]), enabled: as[bool](m["enabled"]),
		description: as[string](m["description"]), interval: as[string](m["alert_interval"]),
	}
	switch {
	case al.name == "":
		return nil, badAlert("name is empty")
	case !a.offers(al.kind):
		return nil, badAlert("alert_type %q is not among the available alerts of the account", al.kind)
	case al.interval != "" && !durationShape().MatchString(al.interval):
		return nil, badAlert("alert_interval %q is not a duration", al.interval)
	}

	if err := a.readMechanisms(al, m["mechanisms"]); err != nil {
		return nil, badAlert("mechanisms: %s", err)
	}
	if raw, given := m["filters"]; given {
		al.filters, _ = fields(raw) // readFields has checked that it is an object
		for _, k := range sortedKeys(al.filters) {
			if !someTexts.fits(al.filters[k]) {
				return nil, badAlert("filters: %s is not a list of strings", k)
			}
		}
	}
	return al, nil
}

// readMechanisms reads the destinations of a policy.
func (a *account) readMechanisms(al *alert, raw json.RawMessage) error {
	m, err := readFields(raw, []field{{"email", aList, false}, {"webhooks", aList, false}, {"pagerduty", aList, false}})
	if err != nil {
		return err
	}

	isAddress := func(id string) bool { at := strings.Index(id, "@"); return at > 0 && at < len(id)-1 }
	isIn := func(list []destination) func(string) bool {
		return func(id string) bool { return slices.ContainsFunc(list, func(d destination) bool { return d.id == id }) }
	}
	for _, mech := range []struct {
		name  string
		into  *[]string
		known func(string) bool
	}{
		{"email", &al.email, isAddress}, {"webhooks", &al.hooks, isIn(a.webhooks)}, {"pagerduty", &al.services, isIn(a.pagerDuty)},
	} {
		for i, raw := range as[[]json.RawMessage](m[mech.name]) {
			item, err := readFields(raw, []field{{"id", aText, true}})
			id := as[string](item["id"])
			switch {
			case err != nil:
				return fmt.Errorf("%s[%d]: %w", mech.name, i, err)
			case !mech.known(id):
				return fmt.Errorf("%s[%d]: destination %q does not exist", mech.name, i, id)
			case slices.Contains(*mech.into, id):
				return fmt.Errorf("%s lists %q twice", mech.name, id)
			}
			*mech.into = append(*mech.into, id)
		}
	}

	if len(al.email)+len(al.hooks)+len(al.services) == 0 {
		return errors.New("the policy would notify nobody")
	}
	return nil
}

// eligible is GET destinations/eligible.
func (a *account) eligible() any {
	type eligibility struct {
		Eligible bool   `json:"eligible"`
		Ready    bool   `json:"ready"`
		Type     string `json:"type"`
	}
	return map[string]eligibility{
		"email": {true, true, "email"}, "webhooks": {true, len(a.webhooks) > 0, "webhook"}, "pagerduty": {true, len(a.pagerDuty) > 0, "pagerduty"},
	}
}

func (a *account) listWebhooks() any {
	type webhook struct {
		ID      string `json:"id"`
		Name    string `json:"name"`
		Type    string `json:"type"`
		URL     string `json:"url"`
		Created string `json:"created_at"`
	}
	out := []webhook{}
	for _, d := range a.webhooks {
		out = append(out, webhook{d.id, d.name, "generic", "https://hooks.example/" + d.id, "2024-01-01T00:00:00Z"})
	}
	return out
}

func (a *account) listPagerDuty() any {
	type service struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	}
	out := []service{}
	for _, d := range a.pagerDuty {
		out = append(out, service{d.id, d.name})
	}
	return out
}
