package contract_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"tlsync/engine/sandbox/contract"
)

// recorder is a Reporter that keeps the violations.
type recorder struct{ reports []string }

func (r *recorder) Helper() {}
func (r *recorder) Errorf(format string, args ...any) {
	r.reports = append(r.reports, fmt.Sprintf(format, args...))
}

const (
	zone    = "/zones/11111111111111111111111111111111"
	setting = zone + "/settings/min_tls_version"
	host    = zone + "/custom_hostnames/aaaaaaaa-0000-4000-8000-000000000001"
	wrapper = `{"success":true,"errors":[],"messages":[],"result":%s}`
	refusal = `{"success":false,"errors":[{"code":10000,"message":"no"}],"messages":[],"result":null}`
)

func okay(result string) string { return fmt.Sprintf(wrapper, result) }

// A check that cannot fail proves nothing. Each row is an exchange that is valid or has
// exactly one mistake, with the words that the report must contain.
func TestPlantedMistakesAreFound(t *testing.T) {
	const (
		right  = `{"id":"min_tls_version","value":"1.2","editable":true,"modified_on":null}`
		object = `{"id":"aaaaaaaa-0000-4000-8000-000000000001","hostname":"a.test","ssl":{"type":"dv","method":"txt","status":"active","settings":{"min_tls_version":"1.2"}}}`
	)
	check(t, []exchange{
		{"a good read", "GET", setting, "", 200, okay(right), ""},
		{"a good write", "PATCH", setting, `{"value":"1.2"}`, 200, okay(right), ""},
		{"a value that no schema has, in a write", "PATCH", setting, `{"value":"9.9"}`, 200, okay(right), "min_tls_version"},
		{"a number where a text belongs", "PATCH", setting, `{"value":1.2}`, 200, okay(right), "min_tls_version"},
		{"a value that no schema has, in an answer", "GET", setting, "", 200, okay(strings.Replace(right, "1.2", "9.9", 1)), "value of zone setting min_tls_version"},
		{"a value that no schema has, in a list", "GET", zone + "/settings", "", 200, okay("[" + strings.Replace(right, "1.2", "9.9", 1) + "]"), "value of zone setting min_tls_version"},
		{"a setting that no schema has, in a list", "GET", zone + "/settings", "", 200, okay(`[{"id":"log_to_cloudflare","value":"on"}]`), ""},
		{"a setting that no schema has, in a write", "PATCH", zone + "/settings/nonsense", `{"value":"on"}`, 200, okay(`{"id":"nonsense"}`), "has no schema"},
		{"a whole setting in a write", "PATCH", setting, `{"id":"min_tls_version","value":"1.2"}`, 200, okay(right), `property "id" is unsupported`},
		{"a bulk write", "PATCH", zone + "/settings", `{"items":[{"id":"min_tls_version","value":"1.2"}]}`, 200, okay("[" + right + "]"), ""},
		{"a bulk write without items", "PATCH", zone + "/settings", `[{"id":"min_tls_version","value":"1.2"}]`, 200, okay("[]"), "request PATCH"},
		{"a bulk write with a bad value", "PATCH", zone + "/settings", `{"items":[{"id":"min_tls_version","value":"9.9"}]}`, 200, okay("[]"), "min_tls_version"},
		{"a bad automatic mode", "PATCH", zone + "/settings/ssl_automatic_mode", `{"value":"on"}`, 200, okay(`{"id":"ssl_automatic_mode","value":"auto"}`), "request PATCH"},
		{"a misspelt query parameter", "GET", zone + "/custom_hostnames?per_pages=50", "", 200, okay("[]"), `"per_pages" is not declared`},
		{"a page of a thousand", "GET", zone + "/custom_hostnames?per_page=1000", "", 200, okay("[]"), ""},
		{"a page that is too large", "GET", zone + "/custom_hostnames?per_page=1001", "", 200, okay("[]"), "per_page"},
		{"a hostname", "GET", host, "", 200, okay(object), ""},
		{"a hostname without a certificate", "GET", host, "", 200, okay(`{"id":"aaaaaaaa-0000-4000-8000-000000000001","hostname":"a.test","ssl":null}`), ""},
		{"a status of a certificate that does not exist", "GET", host, "", 200, okay(strings.Replace(object, `"active"`, `"done"`, 1)), "answer 200"},
		{"a hostname write", "PATCH", host, `{"ssl":{"type":"dv","method":"txt","settings":{"min_tls_version":"1.2"}}}`, 202, okay(object), ""},
		{"a hostname write without the method", "PATCH", host, `{"ssl":{"type":"dv","settings":{}}}`, 202, okay(object), `"method" is missing`},
		{"a misspelt setting", "PATCH", host, `{"ssl":{"type":"dv","method":"txt","settings":{"min_tls_version:":"1.2"}}}`, 202, okay(object), "request PATCH"},
		{"a misspelt field", "PATCH", host, `{"SSL":{}}`, 202, okay(object), "request PATCH"},
		{"a status that is not declared", "PATCH", host, `{}`, 200, okay(object), "status is not supported"},
		{"a server error", "GET", host, "", 500, refusal, "status is not supported"},
		{"a failure", "GET", host, "", 404, refusal, ""},
		{"a failure that says success", "GET", host, "", 404, strings.Replace(refusal, "false", "true", 1), "answer 404"},
		{"a failure without a reason", "GET", host, "", 404, `{"success":false,"errors":[],"messages":[],"result":null}`, "answer 404"},
		{"an answer without messages", "GET", host, "", 200, `{"success":true,"errors":[],"result":` + object + `}`, `"messages" is missing`},
		{"a delete without a body", "DELETE", host, "", 200, `{"id":"aaaaaaaa-0000-4000-8000-000000000001"}`, ""},
		{"a path that does not exist", "GET", "/zones/1/custom_hostname", "", 404, refusal, "no matching operation"},
		{"a method that does not exist", "PUT", host, `{}`, 405, refusal, "method not allowed"},
	})
}

// exchange is a request, its answer, and the words that the report must contain; ""
// means that there must be no report.
type exchange struct {
	name, method, path, body string
	status                   int
	answer                   string
	want                     string
}

// check sends each exchange through the middleware.
func check(t *testing.T, exchanges []exchange) {
	t.Helper()
	doc := contract.Load(t)
	for _, tc := range exchanges {
		t.Run(tc.name, func(t *testing.T) {
			var rec recorder
			h := doc.Middleware(&rec, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(tc.status)
				fmt.Fprint(w, tc.answer)
			}))
			req := httptest.NewRequest(tc.method, contract.Base+tc.path, strings.NewReader(tc.body))
			if tc.body != "" {
				req.Header.Set("Content-Type", "application/json")
			}
			h.ServeHTTP(httptest.NewRecorder(), req)
			got := strings.Join(rec.reports, "\n")
			if tc.want == "" && got != "" || !strings.Contains(got, tc.want) {
				t.Errorf("reported %q, want it to contain %q", got, tc.want)
			}
		})
	}
}

// A document of another version must not silently lose its repairs.
func TestAnotherDocumentIsRefused(t *testing.T) {
	_, err := contract.Parse([]byte(`{"openapi":"3.0.3","info":{"title":"x","version":"1"},"paths":{},"components":{"schemas":{}}}`))
	if err == nil || !strings.Contains(err.Error(), "identifiersAreUUIDs") {
		t.Errorf("got %v, want an error that names the relaxation", err)
	}
}
