package contract_test

import (
	"strings"
	"testing"
)

const (
	uuid             = "aaaaaaaa-0000-4000-8000-000000000001"
	day              = `"2026-11-01T12:00:00Z"`
	header           = zone + "/settings/security_header"
	pulls            = zone + "/origin_tls_client_auth"
	hostnameSettings = zone + "/hostnames/settings"
	account          = "/accounts/22222222222222222222222222222222"
	access           = account + "/access"
	alerts           = account + "/alerting/v3"
)

// with replaces one part of a text, which must contain it.
func with(text, old, replacement string) string {
	if !strings.Contains(text, old) {
		panic(old + " is not in " + text)
	}
	return strings.Replace(text, old, replacement, 1)
}

func TestPlantedMistakesOfZonesAreFound(t *testing.T) {
	const (
		hsts     = `{"value":{"strict_transport_security":{"enabled":true,"max_age":300,"include_subdomains":false,"preload":false,"nosniff":true}}}`
		shown    = `{"id":"security_header","editable":true,"modified_on":null,` + `"value":{"strict_transport_security":{"enabled":true,"max_age":300,"include_subdomains":false,"preload":false,"nosniff":true}}}`
		origin   = `{"origin":"o.a.test","status":"active","errors":[],"created_at":` + day + `,"updated_at":` + day + `}`
		hostname = `{"hostname":"www.a.test","value":"1.2","status":"active","created_at":` + day + `,"updated_at":` + day + `}`
		info     = `,"result_info":{"page":1,"per_page":50,"count":1,"total_count":1,"total_pages":1}}`
		pull     = `{"id":"` + uuid + `","certificate":"PEM","issuer":"CN=x","signature":"SHA256-RSA","status":"active","expires_on":` + day + `,"uploaded_on":` + day + `}`
		one      = hostnameSettings + "/min_tls_version/www.a.test"
		fallback = zone + "/custom_hostnames/fallback_origin"
		total    = `{"enabled":true,"certificate_authority":"google","validity_period":90}`
	)
	page := func(result string) string { return strings.TrimSuffix(okay("["+result+"]"), "}") + info }
	check(t, []exchange{
		{"hsts", "PATCH", header, hsts, 200, okay(shown), ""},
		{"hsts in part", "PATCH", header, with(hsts, `,"nosniff":true`, ""), 200, okay(shown), "nosniff"},
		{"hsts with more", "PATCH", header, with(hsts, `"nosniff"`, `"x":1,"nosniff"`), 200, okay(shown), "security_header"},
		{"hsts with a fraction", "PATCH", header, with(hsts, "300", "1.5"), 200, okay(shown), "max_age"},
		{"hsts without its wrapper", "PATCH", header, `{"value":{"enabled":true}}`, 200, okay(shown), "security_header"},
		{"a version of HTTP", "PATCH", zone + "/settings/origin_max_http_version", `{"value":"1"}`, 200, okay(`{"id":"origin_max_http_version","value":"1","editable":true}`), ""},
		{"a version of HTTP that is a number", "PATCH", zone + "/settings/origin_max_http_version", `{"value":1}`, 200, okay(`{"id":"origin_max_http_version","value":"1","editable":true}`), "request PATCH"},

		{"universal SSL", "GET", zone + "/ssl/universal/settings", "", 200, okay(`{"enabled":true,"certificate_authority":"google"}`), ""},
		{"universal SSL that says nothing", "GET", zone + "/ssl/universal/settings", "", 200, okay(`{}`), "enabled"},
		{"a write of universal SSL", "PATCH", zone + "/ssl/universal/settings", `{"enabled":false}`, 200, okay(`{"enabled":false}`), ""},
		{"a write of universal SSL with more", "PATCH", zone + "/ssl/universal/settings", `{"enabled":false,"certificate_authority":"google"}`, 200, okay(`{"enabled":false}`), "unsupported"},
		{"a write of universal SSL with nothing", "PATCH", zone + "/ssl/universal/settings", `{}`, 200, okay(`{"enabled":false}`), "request PATCH"},

		{"total TLS", "POST", zone + "/acm/total_tls", `{"enabled":true,"certificate_authority":"google"}`, 200, okay(total), ""},
		{"total TLS that is off", "GET", zone + "/acm/total_tls", "", 200, okay(`{"enabled":false,"certificate_authority":"","validity_period":90}`), ""},
		{"total TLS without an authority in a write", "POST", zone + "/acm/total_tls", `{"enabled":false,"certificate_authority":""}`, 200, okay(total), "certificate_authority"},
		{"total TLS with more", "POST", zone + "/acm/total_tls", `{"enabled":true,"validity_period":90}`, 200, okay(total), "unsupported"},
		{"total TLS of another validity", "GET", zone + "/acm/total_tls", "", 200, okay(with(total, "90", "30")), "validity_period"},

		{"a fallback origin", "GET", fallback, "", 200, okay(origin), ""},
		{"a fallback origin in no state", "GET", fallback, "", 200, okay(with(origin, `"active"`, `"fine"`)), "status"},
		{"a write of the fallback origin", "PUT", fallback, `{"origin":"o.a.test"}`, 200, okay(origin), ""},
		{"a write of the fallback origin with more", "PUT", fallback, `{"origin":"o.a.test","status":"active"}`, 200, okay(origin), "unsupported"},
		{"a deletion of the fallback origin", "DELETE", fallback, "", 200, okay(with(origin, `"active"`, `"pending_deletion"`)), ""},
		{"a deletion that answers nothing", "DELETE", fallback, "", 200, okay(`null`), "answer 200"},

		{"names", "GET", hostnameSettings + "/min_tls_version?page=1&per_page=50", "", 200, page(hostname), ""},
		{"names of no setting", "GET", hostnameSettings + "/tls_1_3", "", 200, page(hostname), "request GET"},
		{"names with a misspelt parameter", "GET", hostnameSettings + "/min_tls_version?perpage=50", "", 200, page(hostname), "not declared"},
		{"names without their pages", "GET", hostnameSettings + "/min_tls_version", "", 200, okay("[" + hostname + "]"), "result_info"},
		{"names with a value of another setting", "GET", hostnameSettings + "/http2", "", 200, page(hostname), "hostname setting http2"},
		{"a name", "GET", one, "", 200, okay(hostname), ""},
		{"a name with a number", "GET", one, "", 200, okay(with(hostname, `"1.2"`, "1.2")), "min_tls_version"},
		{"a write of a name", "PUT", one, `{"value":"1.2"}`, 200, okay(hostname), ""},
		{"a write of a name with more", "PUT", one, `{"Setting":"min_tls_version","value":"1.2"}`, 200, okay(hostname), "unsupported"},
		{"a write of a name with another type", "PUT", hostnameSettings + "/ciphers/www.a.test", `{"value":"1.2"}`, 200, okay(with(hostname, `"1.2"`, `["AES128-SHA"]`)), "hostname setting ciphers"},
		{"a write of an empty list", "PUT", hostnameSettings + "/ciphers/www.a.test", `{"value":[]}`, 200, okay(with(hostname, `"1.2"`, `["AES128-SHA"]`)), "hostname setting ciphers"},
		{"a write of a list", "PUT", hostnameSettings + "/ciphers/www.a.test", `{"value":["AES128-SHA"]}`, 200, okay(with(hostname, `"1.2"`, `["AES128-SHA"]`)), ""},
		{"a deletion of a name", "DELETE", one, "", 200, okay(with(hostname, `"1.2"`, `""`)), ""},
		{"a deletion that shows the value", "DELETE", one, "", 200, okay(hostname), "value"},

		{"origin pulls", "GET", pulls + "/settings", "", 200, okay(`{"enabled":false}`), ""},
		{"a write of origin pulls", "PUT", pulls + "/settings", `{"enabled":true}`, 200, okay(`{"enabled":true}`), ""},
		{"a write of origin pulls with a text", "PUT", pulls + "/settings", `{"enabled":"on"}`, 200, okay(`{"enabled":true}`), "enabled"},
		{"certificates for origin pulls", "GET", pulls, "", 200, okay("[" + pull + "]"), ""},
		{"an upload", "POST", pulls, `{"certificate":"PEM","private_key":"KEY"}`, 200, okay(pull), ""},
		{"an upload without the key", "POST", pulls, `{"certificate":"PEM"}`, 200, okay(pull), "private_key"},
		{"an upload with more", "POST", pulls, `{"certificate":"PEM","private_key":"KEY","name":"x"}`, 200, okay(pull), "unsupported"},
		{"an answer that shows the key", "POST", pulls, `{"certificate":"PEM","private_key":"KEY"}`, 200, okay(with(pull, `"issuer"`, `"private_key":"KEY","issuer"`)), "answer 200"},
		{"one certificate", "GET", pulls + "/" + uuid, "", 200, okay(pull), ""},
		{"one certificate without a date", "GET", pulls + "/" + uuid, "", 200, okay(with(pull, `"expires_on":`+day, `"expires_on":""`)), "expires_on"},
		{"a deletion of a certificate", "DELETE", pulls + "/" + uuid, "", 200, okay(with(pull, `"active"`, `"pending_deletion"`)), ""},
		{"a deletion that is answered with 202", "DELETE", pulls + "/" + uuid, "", 202, okay(pull), "status is not supported"},
		{"a refusal", "PUT", one, `{"value":"1.2"}`, 403, with(refusal, "10000", "1450"), ""},
		{"a refusal that says success", "PUT", one, `{"value":"1.2"}`, 403, with(refusal, "false", "true"), "answer 403"},
	})
}

func TestPlantedMistakesOfAccountsAreFound(t *testing.T) {
	const (
		ca       = `{"id":"` + uuid + `","name":"devices","associated_hostnames":["a.test"],"fingerprint":"MD5 Fingerprint=1E","expires_on":` + day + `,"created_at":` + day + `,"updated_at":` + day + `}`
		forward  = `[{"hostname":"a.test","china_network":false,"client_certificate_forwarding":true}]`
		policy   = `{"name":"certificates","decision":"non_identity","include":[{"certificate":{}}]}`
		app      = `{"type":"self_hosted","domain":"a.test","name":"a","policies":[` + policy + `]}`
		shownPol = `{"id":"` + uuid + `","name":"certificates","decision":"non_identity","include":[{"certificate":{}}],"exclude":null,"require":null,"precedence":1}`
		shownApp = `{"id":"` + uuid + `","aud":"x","type":"self_hosted","domain":"a.test","name":"a","policies":[` + shownPol + `]}`
		alert    = `{"name":"expiry","enabled":true,"alert_type":"access_custom_certificate_expiration_type","mechanisms":{"email":[{"id":"a@b.test"}]}}`
		shownAl  = `{"id":"` + uuid + `","name":"expiry","enabled":true,"alert_type":"brand_new_alert","mechanisms":{"email":[{"id":"a@b.test"}],"webhooks":null},"filters":null,"created":` + day + `,"modified":` + day + `}`
	)
	bare := okay(`{"id":"` + uuid + `"}`)
	check(t, []exchange{
		{"authorities", "GET", access + "/certificates?page=1&per_page=1000", "", 200, okay("[" + ca + "]"), ""},
		{"authorities that are null", "GET", access + "/certificates", "", 200, okay("null"), ""},
		{"an authority without hostnames", "GET", access + "/certificates/" + uuid, "", 200, okay(with(ca, `["a.test"]`, "null")), ""},
		{"an authority that shows its PEM", "GET", access + "/certificates/" + uuid, "", 200, okay(with(ca, `"name"`, `"certificate":"PEM","name"`)), "answer 200"},
		{"an authority without a fingerprint", "GET", access + "/certificates/" + uuid, "", 200, okay(with(ca, `"fingerprint"`, `"finger"`)), "fingerprint"},
		{"a new authority", "POST", access + "/certificates", `{"name":"devices","certificate":"PEM","associated_hostnames":[]}`, 201, okay(ca), ""},
		{"a new authority with a null list", "POST", access + "/certificates", `{"name":"devices","certificate":"PEM","associated_hostnames":null}`, 201, okay(ca), "associated_hostnames"},
		{"a new authority with a date", "POST", access + "/certificates", `{"name":"devices","certificate":"PEM","expires_on":"0001-01-01T00:00:00Z"}`, 201, okay(ca), "unsupported"},
		{"a new authority that is answered with 200", "POST", access + "/certificates", `{"name":"devices","certificate":"PEM"}`, 200, okay(ca), "status is not supported"},
		{"an authority's hostnames", "PUT", access + "/certificates/" + uuid, `{"associated_hostnames":[]}`, 200, okay(ca), ""},
		{"an authority's name alone", "PUT", access + "/certificates/" + uuid, `{"name":"devices"}`, 200, okay(ca), "associated_hostnames"},
		{"an authority's PEM", "PUT", access + "/certificates/" + uuid, `{"associated_hostnames":[],"certificate":"PEM"}`, 200, okay(ca), "unsupported"},
		{"an authority is deleted", "DELETE", access + "/certificates/" + uuid, "", 200, bare, ""},
		{"an authority is deleted without an id", "DELETE", access + "/certificates/" + uuid, "", 200, okay(`{}`), "id"},
		{"forwarding", "GET", access + "/certificates/settings", "", 200, okay(forward), ""},
		{"forwarding is set", "PUT", access + "/certificates/settings", `{"settings":` + forward + `}`, 202, okay(forward), ""},
		{"forwarding is set in part", "PUT", access + "/certificates/settings", `{"settings":` + with(forward, `"china_network":false,`, "") + `}`, 202, okay(forward), "china_network"},
		{"forwarding is set bare", "PUT", access + "/certificates/settings", forward, 202, okay(forward), "request PUT"},
		{"forwarding is answered with 200", "PUT", access + "/certificates/settings", `{"settings":` + forward + `}`, 200, okay(forward), "status is not supported"},

		{"applications", "GET", access + "/apps?page=2&per_page=25", "", 200, okay("[" + shownApp + "]"), ""},
		{"a new application", "POST", access + "/apps", app, 201, okay(shownApp), ""},
		{"a new application with a name on its certificates", "POST", access + "/apps", with(app, `"certificate":{}`, `"common_name":{"common_name":"x"}`), 201, okay(shownApp), ""},
		{"a new application with a policy's id", "POST", access + "/apps", with(app, policy, `"`+uuid+`",{"id":"`+uuid+`","precedence":1}`), 201, okay(shownApp), ""},
		{"a new application with a misspelt rule", "POST", access + "/apps", with(app, `"certificate":{}`, `"certficate":{}`), 201, okay(shownApp), "request POST"},
		{"a new application with a bare name", "POST", access + "/apps", with(app, `"certificate":{}`, `"common_name":"x"`), 201, okay(shownApp), "request POST"},
		{"a new application with no such decision", "POST", access + "/apps", with(app, "non_identity", "service_auth"), 201, okay(shownApp), "request POST"},
		{"a new application without a domain", "POST", access + "/apps", with(app, `"domain":"a.test",`, ""), 201, okay(shownApp), "domain"},
		{"a new application with a misspelt field", "POST", access + "/apps", with(app, `"policies"`, `"policy"`), 201, okay(shownApp), "unsupported"},
		{"a new application with null policies", "POST", access + "/apps", `{"type":"self_hosted","domain":"a.test","policies":null}`, 201, okay(shownApp), "policies"},
		{"an application", "GET", access + "/apps/" + uuid, "", 200, okay(shownApp), ""},
		{"an application that demands nothing known", "GET", access + "/apps/" + uuid, "", 200, okay(with(shownApp, `"certificate":{}`, `"certficate":{}`)), "answer 200"},
		{"an application is written", "PUT", access + "/apps/" + uuid, app, 200, okay(shownApp), ""},
		{"an application is written as read", "PUT", access + "/apps/" + uuid, shownApp, 200, okay(shownApp), "request PUT"},
		{"an application is deleted", "DELETE", access + "/apps/" + uuid, "", 202, bare, ""},
		{"an application is deleted at once", "DELETE", access + "/apps/" + uuid, "", 200, bare, "status is not supported"},
		{"policies of an application", "GET", access + "/apps/" + uuid + "/policies", "", 200, okay("[" + shownPol + "]"), ""},
		{"policies of an application without their rules", "GET", access + "/apps/" + uuid + "/policies", "", 200, okay(`[{"id":"` + uuid + `","name":"x","decision":"deny"}]`), "include"},
		{"policies", "GET", access + "/policies", "", 200, okay("[" + shownPol + "]"), ""},
		{"a new policy", "POST", access + "/policies", policy, 201, okay(shownPol), ""},
		{"a new policy with a null list", "POST", access + "/policies", with(policy, `"include"`, `"require":null,"include"`), 201, okay(shownPol), "require"},
		{"a policy is written", "PUT", access + "/policies/" + uuid, policy, 200, okay(shownPol), ""},
		{"a policy is written without rules", "PUT", access + "/policies/" + uuid, `{"name":"x","decision":"deny"}`, 200, okay(shownPol), "include"},
		{"a policy", "GET", access + "/policies/" + uuid, "", 200, okay(shownPol), ""},
		{"a policy is deleted", "DELETE", access + "/policies/" + uuid, "", 202, bare, ""},

		{"alerts", "GET", alerts + "/policies", "", 200, okay("[" + shownAl + "]"), ""},
		{"an alert", "GET", alerts + "/policies/" + uuid, "", 200, okay(shownAl), ""},
		{"an alert without mechanisms", "GET", alerts + "/policies/" + uuid, "", 200, okay(with(shownAl, `"mechanisms"`, `"mechanism"`)), "mechanisms"},
		{"a new alert", "POST", alerts + "/policies", alert, 200, bare, ""},
		{"a new alert of no such type", "POST", alerts + "/policies", with(alert, "access_custom", "access_costum"), 200, bare, "alert_type"},
		{"a new alert with null filters", "POST", alerts + "/policies", with(alert, `"enabled"`, `"filters":null,"enabled"`), 200, bare, "filters"},
		{"a new alert with an id", "POST", alerts + "/policies", with(alert, `"enabled"`, `"id":"x","enabled"`), 200, bare, "unsupported"},
		{"a new alert to nobody known", "POST", alerts + "/policies", with(alert, `"email"`, `"mail"`), 200, bare, "request POST"},
		{"a new alert that is shown", "POST", alerts + "/policies", alert, 200, okay(`{"name":"expiry"}`), "id"},
		{"an alert is written", "PUT", alerts + "/policies/" + uuid, alert, 200, bare, ""},
		{"an alert is deleted", "DELETE", alerts + "/policies/" + uuid, "", 200, okay("null"), ""},
		{"alert types", "GET", alerts + "/available_alerts", "", 200, okay(`{"SSL/TLS":[{"display_name":"x","type":"x","filter_options":null}]}`), ""},
		{"alert types as a list", "GET", alerts + "/available_alerts", "", 200, okay(`[]`), "answer 200"},
		{"what is eligible", "GET", alerts + "/destinations/eligible", "", 200, okay(`{"email":{"eligible":true,"ready":true,"type":"email"}}`), ""},
		{"what is eligible as a list", "GET", alerts + "/destinations/eligible", "", 200, okay(`{"email":[]}`), "answer 200"},
		{"webhooks", "GET", alerts + "/destinations/webhooks", "", 200, okay(`[{"id":"x","name":"chat","type":"slack","created_at":` + day + `}]`), ""},
		{"webhooks without a name", "GET", alerts + "/destinations/webhooks", "", 200, okay(`[{"id":"x"}]`), "name"},
		{"pagers", "GET", alerts + "/destinations/pagerduty", "", 200, okay(`[{"id":"x","name":"night"}]`), ""},
		{"pagers as an object", "GET", alerts + "/destinations/pagerduty", "", 200, okay(`{}`), "answer 200"},
	})
}
