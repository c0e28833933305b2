package contract

import "maps"

// Repairs of the endpoints of accounts: certificates and applications of Access, and
// notifications.

// Paths of these endpoints.
const (
	authoritiesPath  = "/accounts/{account_id}/access/certificates"
	authorityPath    = "/accounts/{account_id}/access/certificates/{certificate_id}"
	forwardingPath   = "/accounts/{account_id}/access/certificates/settings"
	applicationsPath = "/accounts/{account_id}/access/apps"
	applicationPath  = "/accounts/{account_id}/access/apps/{app_id}"
	appPoliciesPath  = "/accounts/{account_id}/access/apps/{app_id}/policies"
	policiesPath     = "/accounts/{account_id}/access/policies"
	policyPath       = "/accounts/{account_id}/access/policies/{policy_id}"
	alertsPath       = "/accounts/{account_id}/alerting/v3/policies"
	alertPath        = "/accounts/{account_id}/alerting/v3/policies/{policy_id}"
	alertTypesPath   = "/accounts/{account_id}/alerting/v3/available_alerts"
	eligiblePath     = "/accounts/{account_id}/alerting/v3/destinations/eligible"
	webhooksPath     = "/accounts/{account_id}/alerting/v3/destinations/webhooks"
	pagerDutyPath    = "/accounts/{account_id}/alerting/v3/destinations/pagerduty"
)

// id is the id of an object, at most as long as a UUID.
func id() object { return object{"type": "string", "minLength": 1, "maxLength": 36} }

// bare is an answer that holds only an id.
func bare() object { return members(object{"id": id()}) }

// Newer versions page the lists of Access.
func accessListsPage(d *draft) {
	for _, path := range []string{authoritiesPath, applicationsPath, appPoliciesPath, policiesPath} {
		get := at(d.paths(), path, "get")
		get["parameters"] = append(get["parameters"].([]any),
			query("page", object{"type": "integer", "minimum": 1}), query("per_page", object{"type": "integer", "minimum": 1, "maximum": 1000}))
	}
}

// The document declares an application's id as an id of either 32 or 36 characters but not
// both. A short id is always both.
func applicationIDsMayBeShort(d *draft) {
	d.schemas()["access_app_id"] = id()
}

// A certificate is written with the documented members only. Without hostnames, an answer
// may show null for them; a request may not.
func authoritiesAreClosed(d *draft) {
	for path, method := range map[string]string{authoritiesPath: "post", authorityPath: "put"} {
		d.requestBody(path, method)["type"] = "object"
		d.requestBody(path, method)["additionalProperties"] = false
	}
	shown := plus(members(object{
		"id": id(), "name": object{"type": "string"}, "expires_on": date(), "fingerprint": text(), "associated_hostnames": orNull(list(text())),
	}), object{"created_at": date(), "updated_at": date()})
	shown["not"] = object{"required": []any{"certificate"}} // an answer never shows the PEM
	d.schemas()["shown_authority"] = shown
	d.answers(authoritiesPath, "get", "200", orNull(list(ref("shown_authority"))))
	d.answers(authoritiesPath, "post", "201", ref("shown_authority"))
	d.answers(authorityPath, "get", "200", ref("shown_authority"))
	d.answers(authorityPath, "put", "200", ref("shown_authority"))
	d.answers(authorityPath, "delete", "200", bare())

	d.requestBody(forwardingPath, "put")["additionalProperties"] = false
	d.answers(forwardingPath, "get", "200", orNull(list(ref("access_settings"))))
	d.answers(forwardingPath, "put", "202", orNull(list(ref("access_settings"))))
}

// Newer versions have rules about the common name of a certificate.
func rulesKnowCommonNames(d *draft) {
	d.schemas()["access_common_name_rule"] = closed(object{"common_name": closed(object{"common_name": text()}, "common_name")}, "common_name")
	rule := d.schema("access_rule")
	rule["oneOf"] = append(rule["oneOf"].([]any), ref("access_common_name_rule"))
}

// To the document, any object with a type is an application, and any object a policy of one.
// A request must hold a self-hosted application, the only kind that can demand a client
// certificate. Its lists are never null; those of an answer may be.
func applicationsAreSelfHosted(d *draft) {
	d.requestedApplications()
	d.shownApplications()

	for path, method := range map[string]string{applicationsPath: "post", applicationPath: "put"} {
		at(d.paths(), path, method)["requestBody"] = jsonBody(ref("request_app"))
	}
	for path, method := range map[string]string{policiesPath: "post", policyPath: "put"} {
		at(d.paths(), path, method)["requestBody"] = jsonBody(ref("request_policy"))
	}

	d.answers(applicationsPath, "get", "200", orNull(list(ref("shown_app"))))
	d.answers(applicationsPath, "post", "201", ref("shown_app"))
	d.answers(applicationPath, "get", "200", ref("shown_app"))
	d.answers(applicationPath, "put", "200", ref("shown_app"))
	d.answers(applicationPath, "delete", "202", bare())
	d.answers(appPoliciesPath, "get", "200", orNull(list(ref("shown_policy"))))
	d.answers(policiesPath, "get", "200", orNull(list(ref("shown_policy"))))
	d.answers(policiesPath, "post", "201", ref("shown_policy"))
	d.answers(policyPath, "get", "200", ref("shown_policy"))
	d.answers(policyPath, "put", "200", ref("shown_policy"))
	d.answers(policyPath, "delete", "202", bare())
}

// requestedApplications adds the schemas of written applications and policies.
func (d *draft) requestedApplications() {
	policy := copied(d.schema("access_policy_req"))
	policy["additionalProperties"] = false
	d.schemas()["request_policy"] = policy
	inline := copied(policy)
	at(inline, "properties")["precedence"] = ref("access_precedence")
	d.schemas()["request_inline_policy"] = inline
	link := closed(object{"id": id(), "precedence": ref("access_precedence")}, "id")

	app := object{"type": "object", "additionalProperties": false, "required": []any{"type", "domain"}, "properties": copied(at(d.schema("access_self_hosted_props"), "properties"))}
	props := at(app, "properties")
	props["type"], props["domain"] = oneOf("self_hosted"), text()
	props["policies"] = list(anyOf(id(), link, ref("request_inline_policy")))
	props["destinations"] = list(object{"type": "object"})
	d.schemas()["request_app"] = app
}

// shownApplications adds the schemas of applications and policies in answers.
func (d *draft) shownApplications() {
	rules := orNull(list(ref("access_rule")))
	d.schemas()["shown_policy"] = plus(members(object{"id": id(), "name": object{"type": "string"}, "decision": ref("access_decision"), "include": list(ref("access_rule"))}), object{
		"exclude": rules, "require": rules, "precedence": object{"type": "integer"}, "reusable": truth(), "app_count": object{"type": "integer"},
		"approval_groups": orNull(list(ref("access_approval_group"))), "created_at": date(), "updated_at": date(),
	})

	shown := copied(at(d.schema("access_self_hosted_props"), "properties"))
	maps.Copy(shown, object{
		"id": id(), "aud": object{"type": "string", "maxLength": 64}, "type": text(), "domain": object{"type": "string"},
		"policies": orNull(list(ref("shown_policy"))), "self_hosted_domains": orNull(list(text())), "destinations": orNull(list(object{"type": "object"})),
		"tags": orNull(list(text())), "allowed_idps": orNull(list(text())), "custom_pages": orNull(list(text())), "created_at": date(), "updated_at": date(),
	})
	d.schemas()["shown_app"] = object{"type": "object", "required": []any{"id", "type"}, "properties": shown}
}

// The document declares the ids of mechanisms as either an id of 36 characters or a string
// but not both. A short e-mail address is always both. Bodies hold only the documented
// members. Answers may show null for an empty list or missing filters, and alert types that
// are newer than the document.
func alertsMayBeYounger(d *draft) {
	mechanism := func(null bool) object {
		of := func(id object) object {
			l := list(closed(object{"id": id}, "id"))
			if null {
				return orNull(l)
			}
			return l
		}
		return closed(object{"email": of(text()), "webhooks": of(text()), "pagerduty": of(text())})
	}

	for path, method := range map[string]string{alertsPath: "post", alertPath: "put"} {
		body := d.requestBody(path, method)
		body["type"], body["additionalProperties"] = "object", false
		at(body, "properties")["mechanisms"] = mechanism(false)
		at(body, "properties")["name"] = text()
	}

	filters := orNull(object{"type": "object", "additionalProperties": list(object{"type": "string"})})
	d.schemas()["shown_alert"] = plus(members(object{
		"id": id(), "name": object{"type": "string"}, "alert_type": text(), "enabled": truth(), "mechanisms": mechanism(true),
	}), object{
		"description": object{"type": "string"}, "alert_interval": object{"type": "string"}, "filters": filters, "created": date(), "modified": date(),
	})

	d.answers(alertsPath, "get", "200", orNull(list(ref("shown_alert"))))
	d.answers(alertPath, "get", "200", ref("shown_alert"))
	for path, method := range map[string]string{alertsPath: "post", alertPath: "put"} {
		d.answers(path, method, "200", bare())
	}
	d.answers(alertTypesPath, "get", "200", object{"type": "object", "additionalProperties": list(plus(
		members(object{"type": text(), "display_name": text()}),
		object{"description": object{"type": "string"}, "filter_options": orNull(list(object{}))}))})
}

// Under each name stands an object that says whether it is eligible. The document declares
// a list.
func destinationsHaveAShape(d *draft) {
	d.answers(eligiblePath, "get", "200", object{"type": "object", "additionalProperties": members(object{"eligible": truth(), "ready": truth(), "type": text()})})
	d.answers(webhooksPath, "get", "200", orNull(list(plus(members(object{"id": id(), "name": text()}),
		object{"type": text(), "url": text(), "created_at": date(), "last_success": orNull(date()), "last_failure": orNull(date())}))))
	d.answers(pagerDutyPath, "get", "200", orNull(list(members(object{"id": id(), "name": text()}))))
}
