package sandbox_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"tlsync/engine/sandbox"
	"tlsync/engine/sandbox/contract"
)

// The test visits every endpoint of an account, with all successful answers and with the
// errors that a well-formed request can meet. MADE is the id in the answer before.
func TestEveryAnswerOfAnAccountKeepsTheContract(t *testing.T) {
	doc := contract.Load(t)
	srv := newServer(t, accountSeed, sandbox.Options{})
	root := issue(t, "root", nil, nil)
	upload := jsonText(t, map[string]any{"name": "partners", "certificate": root.pem(), "associated_hostnames": []string{"app.test"}})
	const v3 = accountA + "/alerting/v3"
	made := ""
	for _, st := range []step{
		{"full-token", "GET", cas, "", 200, 0},
		{"full-token", "POST", cas, upload, 201, 0},
		{"full-token", "POST", cas, upload, 409, 12133},
		{"full-token", "GET", cas + "?page=1&per_page=1000", "", 200, 0},
		{"zone-token", "GET", cas, "", 403, 10000},
		{"other-token", "GET", cas, "", 403, 9109},
		{"full-token", "GET", cas + "/MADE", "", 200, 0},
		{"full-token", "DELETE", cas + "/MADE", "", 409, 12132},
		{"full-token", "PUT", cas + "/MADE", `{"associated_hostnames":["www.far.example"]}`, 400, 12036},
		{"full-token", "PUT", cas + "/MADE", `{"associated_hostnames":[]}`, 200, 0},
		{"full-token", "GET", cas + "/MADE", "", 200, 0},
		{"full-token", "DELETE", cas + "/MADE", "", 200, 0},
		{"full-token", "GET", cas + "/MADE", "", 404, 12134},
		{"full-token", "GET", hostSettings, "", 200, 0},
		{"full-token", "PUT", hostSettings, forwardingBody("app.test", true), 202, 0},

		{"full-token", "GET", apps + "?page=1&per_page=25", "", 200, 0},
		{"full-token", "POST", apps, appBody("app.test", `,"name":"app","policies":[`+certificateOnly+`]`), 201, 0},
		{"full-token", "GET", apps + "/MADE", "", 200, 0},
		{"full-token", "GET", apps + "/MADE/policies", "", 200, 0},
		{"full-token", "PUT", apps + "/MADE", appBody("app.test", `,"policies":[{"name":"n","decision":"non_identity","include":[{"common_name":{"common_name":"x"}}]}]`), 200, 0},
		{"full-token", "POST", apps, appBody("app.test", ``), 409, 12133},
		{"full-token", "DELETE", apps + "/MADE", "", 202, 0},
		{"full-token", "GET", policies, "", 200, 0},
		{"full-token", "POST", policies, `{"name":"n","decision":"allow","include":[{"everyone":{}}]}`, 201, 0},
		{"full-token", "GET", policies + "/MADE", "", 200, 0},
		{"full-token", "PUT", policies + "/MADE", certificateOnly, 200, 0},
		{"full-token", "DELETE", policies + "/MADE", "", 202, 0},

		{"full-token", "GET", v3 + "/available_alerts", "", 200, 0},
		{"full-token", "GET", v3 + "/destinations/eligible", "", 200, 0},
		{"full-token", "GET", v3 + "/destinations/webhooks", "", 200, 0},
		{"full-token", "GET", v3 + "/destinations/pagerduty", "", 200, 0},
		{"full-token", "GET", alerts, "", 200, 0},
		{"full-token", "POST", alerts, alertBody("x", "universal_ssl_event_type", ""), 200, 0},
		{"full-token", "GET", alerts + "/MADE", "", 200, 0},
		{"full-token", "PUT", alerts + "/MADE", alertBody("x", "universal_ssl_event_type", `,"alert_interval":"30m"`), 200, 0},
		{"full-token", "DELETE", alerts + "/MADE", "", 200, 0},
		{"full-token", "GET", alerts + "/MADE", "", 404, 17002},
	} {
		st.path = strings.ReplaceAll(st.path, "MADE", made)
		t.Run(fmt.Sprintf("%s %s %s %d", st.method, st.path, st.token, st.code), func(t *testing.T) {
			status, body := send(t, doc.Middleware(t, srv), st)
			if status != st.status || st.code != 0 && !strings.Contains(body, fmt.Sprintf(`"code":%d,`, st.code)) {
				t.Errorf("%d %s\nwant status %d, code %d", status, body, st.status, st.code)
			}
			var env struct{ Result json.RawMessage }
			var result struct{ ID string }
			if json.Unmarshal([]byte(body), &env) == nil && st.method == "POST" && json.Unmarshal(env.Result, &result) == nil && result.ID != "" {
				made = result.ID
			}
		})
	}
}
