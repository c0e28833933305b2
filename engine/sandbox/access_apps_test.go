package sandbox_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tlsync/engine/sandbox"
)

const (
	apps     = accountA + "/access/apps"
	policies = accountA + "/access/policies"
	theirApp = apps + "/dddddddd-0000-4000-8000-000000000001"
)

// certificateOnly is a policy that demands a client certificate.
const certificateOnly = `{"name":"mtls","decision":"non_identity","include":[{"certificate":{}}]}`

func appBody(domain, more string) string {
	return fmt.Sprintf(`{"type":"self_hosted","domain":%q%s}`, domain, more)
}

// shownApp is an application in an answer.
type shownApp struct {
	ID, Aud, Domain, Type, Name string
	Domains                     []string      `json:"self_hosted_domains"`
	Duration                    string        `json:"session_duration"`
	Launcher                    bool          `json:"app_launcher_visible"`
	Redirect                    bool          `json:"service_auth_401_redirect"`
	Tags                        []string      `json:"tags"`
	Policies                    []shownPolicy `json:"policies"`
}

type shownPolicy struct {
	ID, Name, Decision        string
	Include, Exclude, Require []map[string]any
	Precedence                int
}

func TestApplicationsAreWrittenAndRead(t *testing.T) {
	srv := newServer(t, accountSeed, sandbox.Options{})
	made := must[shownApp](t, srv, "POST", apps, appBody("app.test", `,"name":"app","session_duration":"12h","app_launcher_visible":false,"policies":[`+certificateOnly+`]`))
	want := shownApp{
		ID: made.ID, Aud: made.Aud, Domain: "app.test", Type: "self_hosted", Name: "app", Domains: []string{"app.test"}, Duration: "12h",
		Policies: []shownPolicy{{
			ID: made.Policies[0].ID, Name: "mtls", Decision: "non_identity", Precedence: 1,
			Include: []map[string]any{{"certificate": map[string]any{}}}, Exclude: []map[string]any{}, Require: []map[string]any{},
		}},
	}
	if diff := cmp.Diff(want, made); diff != "" || len(made.ID) != 36 || len(made.Aud) != 64 || len(made.Policies[0].ID) != 36 {
		t.Errorf("%s\n%+v", diff, made)
	}
	if e := last(srv); e.Effect != sandbox.EffectCreated || e.Writes[0].Object != "access_application/Example Inc/app.test" || e.Writes[0].Before != nil {
		t.Errorf("history shows %+v", e)
	}
	path := apps + "/" + made.ID

	// A PUT keeps policies that it does not mention, and nothing else.
	put := must[shownApp](t, srv, "PUT", path, appBody("app.test", ``))
	if put.Duration != "24h" || !put.Launcher || put.Name != "app.test" || len(put.Policies) != 1 || put.ID != made.ID {
		t.Errorf("%+v", put)
	}
	if e := last(srv); e.Effect != sandbox.EffectChanged {
		t.Errorf("effect %s", e.Effect)
	}
	must[any](t, srv, "PUT", path, appBody("app.test", `,"policies":["`+made.Policies[0].ID+`"]`))
	if e := last(srv); e.Effect != sandbox.EffectNoop {
		t.Errorf("effect %s", e.Effect)
	}
	if list := must[[]shownPolicy](t, srv, "GET", path+"/policies", ""); len(list) != 1 || list[0].Name != "mtls" {
		t.Errorf("policies %+v", list)
	}
	if put = must[shownApp](t, srv, "PUT", path, appBody("app.test", `,"policies":[]`)); len(put.Policies) != 0 || put.Policies == nil {
		t.Errorf("%+v", put)
	}

	// A client can send back another team's application unchanged.
	other := must[shownApp](t, srv, "GET", theirApp, "")
	if other.Domain != "other.saas.example" || len(other.Tags) != 1 || other.Policies[0].Decision != "allow" {
		t.Errorf("%+v", other)
	}
	if list := must[[]shownApp](t, srv, "GET", apps, ""); len(list) != 2 {
		t.Errorf("%d applications", len(list))
	}
	status, text := send(t, srv, step{token: "full-token", method: "DELETE", path: path})
	if status != 202 || !strings.Contains(text, made.ID) {
		t.Errorf("%d %s", status, text)
	}
	expect(t, srv, step{method: "GET", path: path, status: 404, code: 12134})
}

func TestApplicationsThatAreRefused(t *testing.T) {
	srv := newServer(t, accountSeed, sandbox.Options{})
	rules := func(include string) string {
		return `,"policies":[{"name":"p","decision":"non_identity","include":` + include + `}]`
	}
	for _, body := range []string{
		`{}`, `[]`,
		`{"type":"self_hosted"}`,
		`{"type":"saas","domain":"app.test"}`,
		appBody("app.test", `,"id":"x"`),
		appBody("app.test", `,"created_at":"2024-01-01T00:00:00Z"`),
		appBody("app.test", `,"app_launcher_visible":"no"`),
		appBody("app.test", `,"session_duration":"a day"`),
		appBody("app.test", `,"name":null`),
		appBody("app.test", `,"self_hosted_domains":["pay.test"]`),
		appBody("app.test", `,"self_hosted_domains":["app.test","app.test"]`),
		appBody("app.test", `,"self_hosted_domains":["app.test","a.saas.example","b.saas.example","c.saas.example","d.saas.example","e.saas.example"]`),
		appBody(strings.Repeat("a", 60)+".saas.example", ``),
		appBody("app.test/x?y", ``),
		appBody("app.test", `,"policies":null`),
		appBody("app.test", `,"policies":["unknown"]`),
		appBody("app.test", `,"policies":[7]`),
		appBody("app.test", `,"policies":[{"id":"unknown","precedence":1}]`),
		appBody("app.test", `,"policies":[{"name":"p","decision":"non_identity"}]`),
		appBody("app.test", `,"policies":[{"name":"p","decision":"perhaps","include":[{"certificate":{}}]}]`),
		appBody("app.test", `,"policies":[{"name":"","decision":"allow","include":[{"certificate":{}}]}]`),
		appBody("app.test", `,"policies":[{"name":"p","decision":"allow","include":[{"certificate":{}}],"exclude":null}]`),
		appBody("app.test", `,"policies":[{"name":"p","decision":"allow","include":[{"certificate":{}}],"precedence":0}]`),
		appBody("app.test", `,"policies":[`+strings.Replace(certificateOnly, "{", `{"precedence":2,`, 1)+`,`+certificateOnly+`]`),
		appBody("app.test", rules(`[]`)),
		appBody("app.test", rules(`[{}]`)),
		appBody("app.test", rules(`[{"certificate":{},"everyone":{}}]`)),
		appBody("app.test", rules(`[{"certificate":{"x":1}}]`)),
		appBody("app.test", rules(`[{"certificates":{}}]`)),
		appBody("app.test", rules(`[{"common_name":{}}]`)),
		appBody("app.test", rules(`[{"common_name":"x"}]`)),
	} {
		expect(t, srv, step{method: "POST", path: apps, body: body, status: 400, code: 12131})
	}
	expect(t, srv,
		step{method: "POST", path: apps, body: appBody("www.far.example", ``), status: 400, code: 12036},
		step{method: "POST", path: apps, body: appBody("new.test", ``), status: 400, code: 12036},
		step{method: "POST", path: apps, body: appBody("other.saas.example", ``), status: 409, code: 12133},
		step{method: "POST", path: apps, body: appBody("app.test", `,"self_hosted_domains":["app.test","other.saas.example"]`), status: 409, code: 12133},
		step{method: "GET", path: apps + "?domain=app.test", status: 400, code: 6003},
		// A domain that the application already has stays possible.
		step{method: "PUT", path: theirApp, body: appBody("other.saas.example", ``), status: 200},
		step{method: "POST", path: apps, body: appBody("app.test/admin", `,"self_hosted_domains":["app.test/admin","pay.test"]`), status: 201},
		step{method: "POST", path: apps, body: appBody("pay.test", ``), status: 409, code: 12133},
		step{method: "POST", path: apps, body: appBody("app.test", ``), status: 201})
}

func TestReusablePolicies(t *testing.T) {
	srv := newServer(t, accountSeed, sandbox.Options{})
	p := must[shownPolicy](t, srv, "POST", policies, `{"name":"ours","decision":"non_identity","include":[{"common_name":{"common_name":"x"}}]}`)
	path := policies + "/" + p.ID
	app := must[shownApp](t, srv, "POST", apps, appBody("app.test", `,"policies":[{"id":"`+p.ID+`","precedence":5},`+strings.Replace(certificateOnly, "{", `{"precedence":2,`, 1)+`]`))
	if len(app.Policies) != 2 || app.Policies[0].Name != "mtls" || app.Policies[0].Precedence != 2 || app.Policies[1].ID != p.ID || app.Policies[1].Precedence != 5 {
		t.Errorf("%+v", app.Policies)
	}
	expect(t, srv, step{method: "DELETE", path: path, status: 409, code: 12132})
	must[any](t, srv, "PUT", path, `{"name":"ours","decision":"bypass","include":[{"everyone":{}}]}`)
	if e := last(srv); len(e.Writes) != 1 || e.Writes[0].Object != "access_application/Example Inc/app.test" || !strings.Contains(string(e.Writes[0].After["policies"]), "bypass") || strings.Contains(string(e.Writes[0].Before["policies"]), "bypass") {
		t.Errorf("history shows %+v", e)
	}
	if got := must[shownApp](t, srv, "GET", apps+"/"+app.ID, ""); got.Policies[1].Decision != "bypass" {
		t.Errorf("%+v", got.Policies)
	}
	if list := must[[]shownPolicy](t, srv, "GET", policies, ""); len(list) != 1 {
		t.Errorf("%d reusable policies, want 1: one written into an application is its own", len(list))
	}
	must[any](t, srv, "PUT", apps+"/"+app.ID, appBody("app.test", `,"policies":[]`))
	expect(t, srv,
		step{method: "DELETE", path: path, status: 202},
		step{method: "GET", path: path, status: 404, code: 12134},
		step{method: "POST", path: policies, body: `{"name":"x","decision":"allow","include":[{"everyone":{}}],"precedence":1}`, status: 400, code: 12131})
}
