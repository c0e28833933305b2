package sandbox_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"tlsync/engine/sandbox"
	"tlsync/engine/sandbox/contract"
)

// tour visits every endpoint, with all successful answers and with the errors that a
// well-formed request can meet.
var tour = []step{
	{"full-token", "GET", "/user/tokens/verify", "", 200, 0},
	{"expired-token", "GET", "/user/tokens/verify", "", 200, 0},
	{"nobody", "GET", "/user/tokens/verify", "", 401, 1000},
	{"owned-token", "GET", "/user/tokens/verify", "", 401, 1000},
	{"owned-token", "GET", "/accounts/ACCOUNT/tokens/verify", "", 200, 0},
	{"full-token", "GET", "/accounts/ACCOUNT/tokens/verify", "", 401, 1000},
	{"full-token", "GET", "/accounts/00000000000000000000000000000000/tokens/verify", "", 404, 7003},
	{"full-token", "GET", "/accounts?page=1&per_page=50", "", 200, 0},
	{"owned-token", "GET", "/accounts", "", 400, 1001},
	{"full-token", "GET", "/zones", "", 200, 0},
	{"full-token", "GET", "/zones?name=contains:example&status=active&order=name&direction=desc&match=all&page=1&per_page=50", "", 200, 0},
	{"expired-token", "GET", "/zones", "", 403, 10000},
	{"nobody", "GET", "/zones", "", 403, 10000},
	{"", "GET", "/zones", "", 400, 6003},
	{"full-token", "GET", zoneA, "", 200, 0},
	{"other-token", "GET", zoneA, "", 403, 9109},
	{"full-token", "GET", "/zones/00000000000000000000000000000000", "", 404, 7003},

	{"read-token", "GET", zoneA + "/entitlements", "", 204, 0},
	{"read-token", "GET", zoneB + "/entitlements", "", 200, 0},
	{"read-token", "GET", "/accounts/ACCOUNT/entitlements", "", 204, 0},
	{"read-token", "GET", zoneA + "/ssl/certificate_packs/quota", "", 200, 0},
	{"full-token", "GET", "/accounts/ACCOUNT/logs/audit?since=2026-01-01&before=2026-02-01T00:00:00Z&limit=1", "", 200, 0},
	{"full-token", "GET", "/accounts/ACCOUNT/logs/audit?since=2026-01-01&before=2026-02-31", "", 400, 6003},
	{"full-token", "GET", "/accounts/ACCOUNT/logs/audit?since=2026-01-01&before=2026-02-01&cursor=x", "", 400, 6003},
	{"full-token", "GET", "/accounts/ACCOUNT/audit_logs?since=2026-01-01&per_page=1000&action.type=change_setting", "", 200, 0},
	{"away-token", "GET", "/user/tokens/verify", "", 403, 9109},

	{"read-token", "GET", zoneA + "/settings", "", 200, 0},
	{"full-token", "GET", zoneC + "/settings", "", 200, 0},
	{"full-token", "GET", zoneA + "/settings/min_tls_version", "", 200, 0},
	{"full-token", "GET", zoneA + "/settings/unheard_of", "", 200, 0},
	{"full-token", "GET", zoneA + "/settings/nonsense", "", 400, 1006},
	{"full-token", "GET", zoneA + "/settings/ssl_automatic_mode", "", 200, 0},
	{"full-token", "GET", zoneA + "/settings/ssl_recommender", "", 200, 0},
	{"full-token", "GET", zoneA + "/settings/early_hints", "", 200, 0},
	{"full-token", "GET", zoneA + "/settings/origin_max_http_version", "", 200, 0},
	{"full-token", "GET", zoneA + "/settings/speed_brain", "", 200, 0},
	{"full-token", "PATCH", zoneA + "/settings/min_tls_version", `{"value":"1.2"}`, 200, 0},
	{"read-token", "PATCH", zoneA + "/settings/min_tls_version", `{"value":"1.2"}`, 403, 10000},
	{"full-token", "PATCH", zoneA + "/settings/rocket_loader", `{"value":"on"}`, 400, 1025},
	{"full-token", "PATCH", zoneA + "/settings/ciphers", `{"value":["ECDHE-ECDSA-AES128-GCM-SHA256"]}`, 200, 0},
	{"full-token", "PATCH", zoneA + "/settings/ciphers", `{"value":["AEAD-AES128-GCM-SHA256"]}`, 400, 1007},
	{"full-token", "PATCH", zoneC + "/settings/ciphers", `{"value":[]}`, 403, 1450},
	{"full-token", "PATCH", zoneA + "/settings/tls_1_3", `{"value":"zrt"}`, 200, 0},
	{"full-token", "PATCH", zoneA + "/settings/0rtt", `{"value":"off"}`, 200, 0},
	{"full-token", "PATCH", zoneA + "/settings/ssl", `{"value":"origin_pull"}`, 400, 1007},
	{"full-token", "PATCH", zoneB + "/settings/ssl", `{"value":"origin_pull"}`, 200, 0},
	{"full-token", "GET", zoneB + "/settings/ssl", "", 200, 0},
	{"full-token", "GET", zoneB + "/settings", "", 200, 0},
	{"full-token", "PATCH", zoneA + "/settings/ssl_automatic_mode", `{"value":"custom"}`, 200, 0},
	{"full-token", "PATCH", zoneA + "/settings/ssl_recommender", `{"enabled":true}`, 200, 0},
	{"full-token", "PATCH", zoneA + "/settings", `{"items":[{"id":"http3","value":"off","editable":false,"time_remaining":0},{"id":"min_tls_version","value":"1.1"}]}`, 200, 0},

	{"read-token", "GET", names, "", 200, 0},
	{"full-token", "GET", names + "?page=1&per_page=1000&order=ssl&direction=desc&ssl=1&wildcard=false", "", 200, 0},
	{"full-token", "GET", names + "?hostname.contain=shop&hostname_status=active", "", 200, 0},
	{"full-token", "GET", names + "?id=aaaaaaaa-0000-4000-8000-000000000001&hostname=app.test", "", 400, 1438},
	{"nobody", "GET", names, "", 401, 1000},
	{"full-token", "GET", names + "/fallback_origin", "", 200, 0},
	{"full-token", "GET", zoneB + "/custom_hostnames/fallback_origin", "", 404, 1551},
	{"full-token", "GET", names + "/quota", "", 200, 0},
	{"full-token", "GET", host1 + "1", "", 200, 0},
	{"full-token", "GET", host1 + "2", "", 200, 0},
	{"full-token", "GET", host1 + "3", "", 200, 0},
	{"full-token", "GET", host1 + "6", "", 200, 0},
	{"full-token", "GET", host1 + "9", "", 404, 1436},
	{"full-token", "PATCH", host1 + "1", `{"ssl":{"type":"dv","method":"txt","settings":{"min_tls_version":"1.3","http2":"on"}}}`, 202, 0},
	{"full-token", "PATCH", host1 + "1", `{"custom_metadata":{"tier":"silver"}}`, 202, 0},
	{"read-token", "PATCH", host1 + "1", `{"ssl":{"type":"dv","method":"txt"}}`, 403, 10000},
	{"full-token", "PATCH", host1 + "1", `{"ssl":{"type":"dv","method":"txt","certificate_authority":"google"}}`, 400, 1459},
	{"full-token", "PATCH", host1 + "1", `{"ssl":{"type":"dv","method":"txt","settings":{"min_tls_version":"1.3","ciphers":["AES128-SHA"]}}}`, 400, 1443},
	{"full-token", "PATCH", host1 + "1", `{"ssl":{"type":"dv","method":"txt","settings":{"ciphers":["AEAD-AES128-GCM-SHA256"]}}}`, 400, 1442},
	{"full-token", "PATCH", host1 + "3", `{"ssl":{"type":"dv","method":"http"}}`, 400, 1426},
	{"full-token", "PATCH", host1 + "4", `{"ssl":{"type":"dv","method":"http"}}`, 409, 1439},
	{"full-token", "PATCH", host1 + "5", `{"ssl":{"type":"dv","method":"http"}}`, 202, 0},
	{"full-token", "POST", names, `{"hostname":"fresh.test","ssl":{"type":"dv","method":"http","settings":{"min_tls_version":"1.2"}}}`, 201, 0},
	{"full-token", "POST", names, `{"hostname":"fresh.test","ssl":{"type":"dv","method":"http"}}`, 409, 1406},
	{"full-token", "POST", names, `{"hostname":"plain.test"}`, 201, 0},
	{"full-token", "DELETE", host1 + "7", "", 200, 0},
	{"full-token", "DELETE", host1 + "9", "", 404, 1436},
}

// ownTour visits what zones have beside their settings and custom hostnames. CERTIFICATE
// is the body of an upload, PULL the id of the uploaded certificate.
var ownTour = []step{
	{"full-token", "PATCH", zoneA + "/settings/security_header", `{"value":{"strict_transport_security":{"enabled":true,"max_age":300,"include_subdomains":false,"preload":false,"nosniff":true}}}`, 200, 0},
	{"full-token", "GET", zoneA + "/settings/security_header", "", 200, 0},
	{"full-token", "PATCH", zoneA + "/settings/opportunistic_onion", `{"value":"off"}`, 200, 0},
	{"full-token", "PATCH", zoneA + "/settings/tls_client_auth", `{"value":"on"}`, 200, 0},
	{"full-token", "PATCH", zoneA + "/settings/origin_max_http_version", `{"value":"1"}`, 200, 0},
	{"read-token", "GET", zoneA + "/ssl/universal/settings", "", 200, 0},
	{"full-token", "PATCH", zoneA + "/ssl/universal/settings", `{"enabled":false}`, 200, 0},
	{"read-token", "PATCH", zoneA + "/ssl/universal/settings", `{"enabled":true}`, 403, 10000},
	{"full-token", "GET", zoneA + "/acm/total_tls", "", 200, 0},
	{"full-token", "POST", zoneA + "/acm/total_tls", `{"enabled":true,"certificate_authority":"google"}`, 200, 0},
	{"full-token", "POST", zoneA + "/acm/total_tls", `{"enabled":true}`, 400, 1467},
	{"full-token", "GET", zoneC + "/acm/total_tls", "", 403, 1450},
	{"full-token", "PUT", names + "/fallback_origin", `{"origin":"other.saas.example"}`, 200, 0},
	{"full-token", "PUT", names + "/fallback_origin", `{"origin":"o.elsewhere.example"}`, 400, 1421},
	{"full-token", "DELETE", names + "/fallback_origin", "", 200, 0},
	{"full-token", "DELETE", names + "/fallback_origin", "", 404, 1551},
	{"full-token", "POST", names, `{"hostname":"late.test"}`, 400, 1552},
	{"full-token", "PUT", zoneA + "/hostnames/settings/min_tls_version/www.saas.example", `{"value":"1.2"}`, 200, 0},
	{"full-token", "PUT", zoneA + "/hostnames/settings/ciphers/www.saas.example", `{"value":["AES128-SHA"]}`, 200, 0},
	{"full-token", "PUT", zoneA + "/hostnames/settings/http2/www.saas.example", `{"value":"off"}`, 200, 0},
	{"full-token", "PUT", zoneA + "/hostnames/settings/http2/www.elsewhere.example", `{"value":"off"}`, 400, 1407},
	{"read-token", "GET", zoneA + "/hostnames/settings/min_tls_version", "", 200, 0},
	{"read-token", "GET", zoneA + "/hostnames/settings/ciphers?page=1&per_page=50", "", 200, 0},
	{"read-token", "GET", zoneA + "/hostnames/settings/http2?hostname=www.saas.example", "", 200, 0},
	{"read-token", "GET", zoneA + "/hostnames/settings/ciphers/www.saas.example", "", 200, 0},
	{"full-token", "DELETE", zoneA + "/hostnames/settings/ciphers/www.saas.example", "", 200, 0},
	{"full-token", "DELETE", zoneA + "/hostnames/settings/ciphers/www.saas.example", "", 404, 1436},
	{"full-token", "GET", zoneC + "/hostnames/settings/ciphers", "", 403, 1450},
	{"full-token", "GET", zoneA + "/origin_tls_client_auth/settings", "", 200, 0},
	{"full-token", "PUT", zoneA + "/origin_tls_client_auth/settings", `{"enabled":true}`, 200, 0},
	{"full-token", "GET", zoneA + "/origin_tls_client_auth", "", 200, 0},
	{"full-token", "POST", zoneA + "/origin_tls_client_auth", "CERTIFICATE", 200, 0},
	{"full-token", "POST", zoneA + "/origin_tls_client_auth", `{"certificate":"x","private_key":"x"}`, 400, 1427},
	{"full-token", "GET", zoneA + "/origin_tls_client_auth", "", 200, 0},
	{"full-token", "GET", zoneA + "/origin_tls_client_auth/PULL", "", 200, 0},
	{"full-token", "DELETE", zoneA + "/origin_tls_client_auth/PULL", "", 200, 0},
	{"full-token", "DELETE", zoneA + "/origin_tls_client_auth/PULL", "", 404, 1436},
	{"full-token", "PATCH", zoneB + "/custom_hostnames/aaaaaaaa-0000-4000-8000-000000000011", `{"ssl":{"type":"dv","method":"txt","wildcard":true,"certificate_authority":"ssl_com","bundle_method":"force"},"custom_origin_server":"o.test"}`, 202, 0},
}

func TestEveryAnswerAboutZonesKeepsTheContract(t *testing.T) {
	doc := contract.Load(t)
	seed := strings.Replace(tourSeed, "plan: enterprise", "plan: enterprise, custom_hostnames: [{hostname: b.test, id: aaaaaaaa-0000-4000-8000-000000000011}]", 1)
	srv := newServer(t, seed, sandbox.Options{})
	pair := issue(t, "origin", nil, leaf)
	pull := ""
	for _, st := range ownTour {
		st.path = strings.ReplaceAll(st.path, "PULL", pull)
		st.body = strings.ReplaceAll(st.body, "CERTIFICATE", pairBody(t, pair.pem(), keyOf(t, pair)))
		t.Run(fmt.Sprintf("%s %s %s %d", st.method, st.path, st.token, st.code), func(t *testing.T) {
			status, body := send(t, doc.Middleware(t, srv), st)
			if status != st.status || st.code > 0 && !strings.Contains(body, fmt.Sprintf(`"code":%d,`, st.code)) {
				t.Errorf("%d %s\nwant status %d, code %d", status, body, st.status, st.code)
			}
			var made struct{ Result struct{ ID string } }
			if st.method == "POST" && json.Unmarshal([]byte(body), &made) == nil && made.Result.ID != "" {
				pull = made.Result.ID
			}
		})
	}
}

func TestEveryAnswerKeepsTheContract(t *testing.T) {
	doc := contract.Load(t)
	srv := newServer(t, tourSeed, sandbox.Options{})
	account := srv.State().Zones[1].AccountID
	for _, st := range tour {
		st.path = strings.ReplaceAll(st.path, "ACCOUNT", account)
		t.Run(fmt.Sprintf("%s %s %s %d", st.method, st.path, st.token, st.code), func(t *testing.T) {
			status, body := send(t, doc.Middleware(t, srv), st)
			if status != st.status || st.code != 0 && !strings.Contains(body, fmt.Sprintf(`"code":%d,`, st.code)) {
				t.Errorf("%d %s\nwant status %d, code %d", status, body, st.status, st.code)
			}
		})
	}
}
