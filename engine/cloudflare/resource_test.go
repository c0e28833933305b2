package cloudflare

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tlsync/engine/plan"
	"tlsync/engine/sandbox"
	"tlsync/schema"
)

// object is a live object of an account by its name.
func (l *lab) object(kind plan.Kind, name string) *plan.Resource {
	l.Helper()
	a := l.fetch(plan.Scope{Accounts: []plan.AccountScope{{Name: acctA, MTLS: true, Alerts: true, Webhooks: true, PagerDuty: true}}}).Accounts[0]
	list := map[plan.Kind][]plan.Resource{plan.KindMTLSCertificate: a.Certificates, plan.KindAccessApplication: a.Applications, plan.KindAlert: a.Alerts}[kind]
	if i := slices.IndexFunc(list, func(o plan.Resource) bool { return o.Name == name }); i >= 0 {
		return &list[i]
	}
	return nil
}

// step is one write of an object of an account, sent as given.
func (l *lab) step(w *Writer, c *plan.Change, method, path, body string) plan.Object {
	l.Helper()
	if at, e, v := plan.Stand(c, l.read(w, c, time.Minute)); at != plan.AtOrigin {
		l.Fatalf("%s: before the write it is %s: %+v %s", c.String(), at, e, v)
	}
	answer, err := w.Write(l.Context(), c, plan.Request{Method: method, Path: "/accounts/" + acctA + path, Body: plan.RawMessage(body)})
	if err != nil {
		l.Fatalf("%s: %v", c.String(), err)
	}
	after := l.read(w, c, 0)
	if at, e, v := plan.Stand(c, after); at != plan.AtTarget {
		l.Errorf("%s: after the write it is %s: %+v %s", c.String(), at, e, v)
	}
	return answer
}

func quoted(s string) string { b, _ := json.Marshal(s); return string(b) }

// A certificate authority is created, gets other hostnames, loses them, and is
// deleted; that of another team stays unchanged.
func TestWriteCertificates(t *testing.T) {
	l := newLab(t, accountSeed)
	w := l.writer()
	ca := issue(t, "partners", true, nil)
	const base = "/access/certificates"
	hosts := schema.ListValue([]string{"api.saas.example", "www.saas.example"})
	answer := l.step(w, accountChange(plan.KindMTLSCertificate, plan.Create, "", "partners",
		edit(plan.FieldFingerprint, schema.Inherit, ca.md5()), edit(plan.FieldHostnames, schema.Inherit, hosts)),
		"POST", base, `{"name":"partners","certificate":`+quoted(ca.pem())+`,"associated_hostnames":["www.saas.example","api.saas.example"]}`)
	if answer.Resource == nil || answer.Resource.Value(plan.FieldHostnames) != hosts || answer.Resource.Value(plan.FieldFingerprint) != ca.md5() {
		t.Errorf("the answer shows %+v", answer.Resource)
	}
	id := l.object(plan.KindMTLSCertificate, "partners").ID
	answer = l.step(w, accountChange(plan.KindMTLSCertificate, plan.Update, id, "partners", edit(plan.FieldHostnames, hosts, `["api.saas.example"]`)),
		"PUT", base+"/"+id, `{"name":"partners","associated_hostnames":["api.saas.example"]}`)
	if answer.Resource.Value(plan.FieldHostnames) != `["api.saas.example"]` {
		t.Errorf("the answer shows %+v", answer.Resource)
	}
	answer = l.step(w, accountChange(plan.KindMTLSCertificate, plan.Update, id, "partners", edit(plan.FieldHostnames, `["api.saas.example"]`, schema.Inherit)),
		"PUT", base+"/"+id, `{"associated_hostnames":[]}`)
	if answer.Resource == nil || answer.Resource.Value(plan.FieldHostnames) != schema.Inherit {
		t.Errorf("the answer shows %+v", answer.Resource)
	}
	answer = l.step(w, accountChange(plan.KindMTLSCertificate, plan.Delete, id, "partners", edit(plan.FieldFingerprint, ca.md5(), schema.Inherit)), "DELETE", base+"/"+id, "")
	if !answer.Absent {
		t.Errorf("%+v", answer)
	}
	if o := l.object(plan.KindMTLSCertificate, "theirs"); o == nil || o.ID != theirCA {
		t.Errorf("theirs is %+v", o)
	}
}

// Cloudflare does not document whose fingerprint in a chain it reports.
func TestFingerprintOfAChain(t *testing.T) {
	root := issue(t, "root", true, nil)
	intermediate := issue(t, "intermediate", true, root)
	chain := intermediate.pem() + root.pem()
	for _, of := range []string{"first", "last"} {
		l := newLab(t, accountSeed+"\nfingerprint_of: "+of)
		w := l.writer()
		c := accountChange(plan.KindMTLSCertificate, plan.Create, "", "partners", edit(plan.FieldFingerprint, schema.Inherit, intermediate.md5()))
		c.Request = plan.Request{Method: "POST", Path: plan.AccountObjectsPath(acctA, c.Kind), Body: plan.RawMessage(`{"name":"partners","certificate":` + quoted(chain) + `}`)}
		answer := l.step(w, c, "POST", "/access/certificates", string(c.Request.Body))
		if answer.Resource == nil || answer.Resource.Value(plan.FieldFingerprint) != intermediate.md5() {
			t.Errorf("%s: the answer shows %+v", of, answer.Resource)
		}
		live := l.object(plan.KindMTLSCertificate, "partners")
		if want := map[string]schema.Value{"first": intermediate.md5(), "last": root.md5()}[of]; live.Value(plan.FieldFingerprint) != want {
			t.Errorf("%s: live is %+v", of, live)
		}
	}
}

func TestWriteForwarding(t *testing.T) {
	l := newLab(t, accountSeed)
	w := l.writer()
	field := plan.FieldForwarding("api.saas.example")
	c := accountChange(plan.KindMTLSHostname, plan.Update, "", "api.saas.example", edit(field, schema.Inherit, `"on"`))
	const path = "/access/certificates/settings"
	answer := l.step(w, c, "PUT", path, `{"settings":[{"hostname":"api.saas.example","china_network":false,"client_certificate_forwarding":true}]}`)
	if answer != (plan.Object{}) {
		t.Errorf("the answer is taken for %+v", answer)
	}
	c.Edits[0] = edit(field, `"on"`, schema.Inherit)
	l.step(w, c, "PUT", path, `{"settings":[{"hostname":"api.saas.example","china_network":false,"client_certificate_forwarding":false}]}`)
	if o := l.read(w, c, 0); o.Resource.Value(plan.FieldForwarding("other.saas.example")) != `"on"` || o.Resource.ID != acctA {
		t.Errorf("%+v", o.Resource)
	}
}

func TestWriteApplications(t *testing.T) {
	l := newLab(t, accountSeed)
	w := l.writer()
	const policy = `[{"name":"certs","decision":"non_identity","include":[{"certificate":{}}]}]`
	create := accountChange(plan.KindAccessApplication, plan.Create, "", "api.saas.example",
		edit(plan.FieldDomain, schema.Inherit, `"api.saas.example"`), edit(plan.FieldPolicy, schema.Inherit, plan.PolicyCertificate))
	answer := l.step(w, create, "POST", "/access/apps", `{"type":"self_hosted","domain":"api.saas.example","name":"mtls api","policies":`+policy+`}`)
	if answer.Resource == nil || answer.Resource.Value(plan.FieldPolicy) != plan.PolicyCertificate {
		t.Errorf("the answer shows %+v", answer.Resource)
	}
	id := l.object(plan.KindAccessApplication, "mtls api").ID
	answer = l.step(w, accountChange(plan.KindAccessApplication, plan.Update, id, "api.saas.example", edit(plan.FieldPolicy, plan.PolicyCertificate, plan.PolicyNone)),
		"PUT", "/access/apps/"+id, `{"type":"self_hosted","domain":"api.saas.example","policies":[]}`)
	if answer.Resource == nil || answer.Resource.Value(plan.FieldPolicy) != plan.PolicyNone {
		t.Errorf("the answer shows %+v", answer.Resource)
	}
	answer = l.step(w, accountChange(plan.KindAccessApplication, plan.Delete, id, "api.saas.example", edit(plan.FieldDomain, `"api.saas.example"`, schema.Inherit)), "DELETE", "/access/apps/"+id, "")
	if !answer.Absent {
		t.Errorf("%+v", answer)
	}
	if o := l.object(plan.KindAccessApplication, "other.saas.example"); o == nil || o.ID != theirApp {
		t.Errorf("theirs is %+v", o)
	}
}

// Alerts are answered with an id only, so they are read back.
func TestWriteAlerts(t *testing.T) {
	l := newLab(t, accountSeed)
	w := l.writer()
	const base, kind = "/alerting/v3/policies", "access_custom_certificate_expiration_type"
	body := func(mail string) string {
		return `{"name":"expiry","enabled":true,"alert_type":"` + kind + `","mechanisms":{"email":[{"id":"` + mail + `"}]}}`
	}
	answer := l.step(w, accountChange(plan.KindAlert, plan.Create, "", "expiry",
		edit(plan.FieldAlertType, schema.Inherit, `"`+kind+`"`), edit(plan.FieldEnabled, schema.Inherit, "true"), edit(plan.FieldEmail, schema.Inherit, `["a@saas.example"]`)),
		"POST", base, body("a@saas.example"))
	if answer != (plan.Object{}) {
		t.Errorf("the answer is taken for %+v", answer)
	}
	id := l.object(plan.KindAlert, "expiry").ID
	l.step(w, accountChange(plan.KindAlert, plan.Update, id, "expiry", edit(plan.FieldEmail, `["a@saas.example"]`, `["b@saas.example"]`)), "PUT", base+"/"+id, body("b@saas.example"))
	if answer := l.step(w, accountChange(plan.KindAlert, plan.Delete, id, "expiry", edit(plan.FieldEnabled, "true", schema.Inherit)), "DELETE", base+"/"+id, ""); !answer.Absent {
		t.Errorf("%+v", answer)
	}
	if o := l.object(plan.KindAlert, "theirs"); o == nil || o.ID != theirAlert {
		t.Errorf("theirs is %+v", o)
	}
}

// createHostname creates new.customer.example with a minimum version.
func createHostname() (*plan.Change, plan.Request) {
	c := &plan.Change{
		Ref: plan.ParseRef("custom_hostname/saas.example/new.customer.example", "new.customer.example"), Action: plan.Create, ZoneID: zoneA, Edits: []plan.Edit{edit("min_tls_version", schema.Inherit, `"1.2"`)},
	}
	return c, plan.Request{
		Method: "POST", Path: plan.CustomHostnamesPath(zoneA),
		Body: `{"hostname":"new.customer.example","ssl":{"type":"dv","method":"http","settings":{"min_tls_version":"1.2"}}}`,
	}
}

// A custom hostname is created with its settings. The answer to its deletion
// has no envelope.
func TestLifecycleOfHostnames(t *testing.T) {
	for _, settle := range []string{"0s", "1h"} {
		l := newLab(t, zoneSeed+"    custom_hostnames: [{hostname: xnew.customer.example}, {hostname: new.customer.example.test}]\nsettle: "+settle+"\n")
		w := l.writer()
		c, req := createHostname()
		if o := l.read(w, c, time.Minute); !o.Absent {
			t.Fatalf("%+v", o.Hostname)
		}
		answer, err := w.Write(t.Context(), c, req)
		if err != nil || answer.Hostname == nil || answer.Hostname.Own("min_tls_version") != `"1.2"` || answer.Hostname.Method != "http" {
			t.Fatalf("%+v, %v", answer.Hostname, err)
		}
		id := answer.Hostname.ID
		if o := l.read(w, c, 0); o.Hostname == nil || o.Hostname.ID != id {
			t.Errorf("%+v", o)
		}
		// Its id is known now.
		before := len(l.server.History())
		own := hostnameChange(0)
		own.ObjectID = id
		if o := l.read(w, own, time.Minute); o.Hostname.Name != c.Name || len(l.server.History()) != before {
			t.Errorf("%+v", o.Hostname)
		}
		gone := &plan.Change{Ref: plan.ParseRef(c.String(), c.Name), Action: plan.Delete, ZoneID: zoneA, ObjectID: id}
		req = plan.NewRequest(gone, plan.Object{})
		if req.Method != "DELETE" || req.Path != plan.CustomHostnamePath(zoneA, id) {
			t.Fatalf("%+v", req)
		}
		// The second deletion finds nothing to do.
		for range 2 {
			o, err := w.Write(t.Context(), gone, req)
			if err != nil || !o.Absent {
				t.Errorf("settles after %s: %+v, %v", settle, o, err)
			}
			for _, age := range []time.Duration{time.Minute, 0} {
				if o := l.read(w, gone, age); !o.Absent {
					t.Errorf("settles after %s: %+v", settle, o.Hostname)
				}
			}
		}
		// If a change is not a deletion, a missing hostname is an error.
		if _, err := w.Read(t.Context(), own, 0); settle == "0s" && (err == nil || !strings.Contains(err.Error(), "1436")) {
			t.Errorf("%v", err)
		}
	}
}

// A server may ignore the filter, or match parts of names.
func TestFindHostnameAmongOthers(t *testing.T) {
	items := manyHostnames(120)
	f := newFake()
	f.mux.Handle("GET /client/v4"+plan.CustomHostnamesPath(zoneA), paged{items: items})
	w := writer(t, options(f))
	c, _ := createHostname()
	if o, err := w.Read(t.Context(), c, 0); err != nil || !o.Absent {
		t.Errorf("%+v, %v", o.Hostname, err)
	}
	c.Name = "app99.customer.example"
	if o, err := w.Read(t.Context(), c, 0); err != nil || o.Hostname == nil || o.Hostname.ID != hostnameID(99) {
		t.Errorf("%+v, %v", o.Hostname, err)
	}
	if first := f.seen[0].uri; !strings.Contains(first, "?hostname=new.customer.example&page=1") {
		t.Errorf("asked %s", first)
	}
}

// Only the answer to the deletion of a custom hostname may lack an envelope.
func TestBareAnswer(t *testing.T) {
	id := hostnameID(1)
	for _, tt := range []struct {
		method string
		status int
		body   string
		want   bool
	}{
		{"DELETE", 200, `{"id":"` + id + `"}`, true},
		{"DELETE", 200, ok(`{"id":"` + id + `"}`), true},
		{"DELETE", 202, ``, true},
		{"DELETE", 200, `{"id":"` + id + `","success":false}`, false},
		{"DELETE", 200, `{"id":"` + id + `","errors":[]}`, false},
		{"DELETE", 200, `{}`, false},
		{"DELETE", 200, `["id"]`, false},
		{"DELETE", 500, `{"id":"` + id + `"}`, false},
		{"PATCH", 200, `{"id":"` + id + `"}`, false},
	} {
		f := newFake()
		f.handle(tt.method+" /client/v4"+plan.CustomHostnamePath(zoneA, id), tt.status, tt.body)
		c := hostnameChange(1)
		c.Action = plan.Delete
		_, err := writer(t, options(f)).Write(t.Context(), c, plan.Request{Method: tt.method, Path: plan.CustomHostnamePath(zoneA, id)})
		if (err == nil) != tt.want {
			t.Errorf("%s %d %s: %v", tt.method, tt.status, tt.body, err)
		}
	}
	f := newFake()
	f.handle("DELETE /client/v4/accounts/"+acctA+"/access/apps/x", 200, `{"id":"x"}`)
	if _, err := writer(t, options(f)).Write(t.Context(), accountChange(plan.KindAccessApplication, plan.Delete, "x", "a"), plan.Request{Method: "DELETE", Path: "/accounts/" + acctA + "/access/apps/x"}); err == nil {
		t.Error("an application was deleted without an envelope")
	}
}

// If the answer to a creation is lost, the object is found by its
// distinguishing value and not created twice.
func TestLostAnswersOfCreations(t *testing.T) {
	ca := issue(t, "partners", true, nil)
	hostname, make := createHostname()
	for _, tt := range []struct {
		change *plan.Change
		req    plan.Request
	}{
		{accountChange(plan.KindMTLSCertificate, plan.Create, "", "partners", edit(plan.FieldFingerprint, schema.Inherit, ca.md5())),
			plan.Request{Method: "POST", Path: "/accounts/" + acctA + "/access/certificates", Body: plan.RawMessage(`{"name":"partners","certificate":` + quoted(ca.pem()) + `}`)}},
		{accountChange(plan.KindAlert, plan.Create, "", "expiry", edit(plan.FieldAlertType, schema.Inherit, `"access_custom_certificate_expiration_type"`)),
			plan.Request{Method: "POST", Path: "/accounts/" + acctA + "/alerting/v3/policies", Body: `{"name":"expiry","enabled":true,"alert_type":"access_custom_certificate_expiration_type","mechanisms":{"email":[{"id":"a@saas.example"}]}}`}},
		{accountChange(plan.KindAccessApplication, plan.Create, "", "api.saas.example", edit(plan.FieldDomain, schema.Inherit, `"api.saas.example"`)),
			plan.Request{Method: "POST", Path: "/accounts/" + acctA + "/access/apps", Body: `{"type":"self_hosted","domain":"api.saas.example","policies":[]}`}},
		{hostname, make},
	} {
		l := newLab(t, accountSeed)
		w := l.writer()
		l.read(w, tt.change, time.Minute)
		for _, kind := range []string{"drop-request", "drop-answer"} {
			l.fault(sandbox.Fault{Kind: kind, Method: "POST", Count: 1})
			_, err := w.Write(t.Context(), tt.change, tt.req)
			var failed *Error
			if !errors.As(err, &failed) || !failed.OutcomeUnknown() {
				t.Fatalf("%s %s: %v", tt.change.String(), kind, err)
			}
			for _, age := range []time.Duration{time.Minute, 0} {
				at, _, _ := plan.Stand(tt.change, l.read(w, tt.change, age))
				if want := map[string]plan.Standing{"drop-request": plan.AtOrigin, "drop-answer": plan.AtTarget}[kind]; at != want {
					t.Errorf("%s %s: %s", tt.change.String(), kind, at)
				}
			}
		}
		if n := len(l.sent("POST")); n != 2 {
			t.Errorf("%s: sent %d times", tt.change.String(), n)
		}
	}
}

// An object that no longer exists is absent; a path that does not exist says
// nothing about it.
func TestMissingResource(t *testing.T) {
	for _, tt := range []struct {
		status int
		body   string
		absent bool
	}{
		{404, `{"success":false,"errors":[{"code":11021,"message":"access.api.error.not_found"}]}`, true},
		{404, `{"success":false,"errors":[{"code":7003,"message":"Could not route"},{"code":7000,"message":"No route"}]}`, false},
		{404, `<html>gone</html>`, false},
		{403, `{"success":false,"errors":[{"code":10000,"message":"Authentication error"}]}`, false},
		{200, ok(`{"id":"y","name":"other"}`), false},
	} {
		for _, kind := range []plan.Kind{plan.KindMTLSCertificate, plan.KindAccessApplication, plan.KindAlert} {
			f := newFake()
			f.handle("GET /client/v4"+plan.AccountObjectsPath(acctA, kind)+"/x", tt.status, tt.body)
			o, err := writer(t, options(f)).Read(t.Context(), accountChange(kind, plan.Delete, "x", "n"), time.Minute)
			if o.Absent != tt.absent || (err == nil) != tt.absent {
				t.Errorf("%s %d %s: %+v, %v", kind, tt.status, tt.body, o, err)
			}
			var failed *Error
			if errors.As(err, &failed) && failed.Denied() != (tt.status == 403) {
				t.Errorf("%s %d: denied: %t", kind, tt.status, failed.Denied())
			}
		}
	}
}

// Answers that do not show everything that plans compare count as empty;
// answers about another object leave the outcome to be read.
func TestResourceAnswers(t *testing.T) {
	certificate, app, alert := plan.KindMTLSCertificate, plan.KindAccessApplication, plan.KindAlert
	for _, tt := range []struct {
		kind   plan.Kind
		result string
		shown  bool
		other  bool
	}{
		{certificate, `{"id":"x","fingerprint":"?","associated_hostnames":null}`, true, false},
		{certificate, `{"id":"x","fingerprint":"?"}`, false, false},
		{certificate, `{"id":"x"}`, false, false},
		{certificate, `{}`, false, false},
		{certificate, `null`, false, false},
		{certificate, `{"id":"y","associated_hostnames":[]}`, false, true},
		{app, `{"id":"x","domain":"a.test","policies":[]}`, true, false},
		{app, `{"id":"x","domain":"a.test"}`, false, false},
		{app, `{"id":"x","domain":"a.test","policies":["p1"]}`, false, false},
		{app, `{"id":"y"}`, false, true},
		{alert, `{"id":"x","enabled":true,"mechanisms":{}}`, false, false},
		{alert, `{"id":"y"}`, false, true},
	} {
		f := newFake()
		path := plan.AccountObjectsPath(acctA, tt.kind) + "/x"
		f.handle("PUT /client/v4"+path, 200, ok(tt.result))
		o, err := writer(t, options(f)).Write(t.Context(), accountChange(tt.kind, plan.Update, "x", "n"), plan.Request{Method: "PUT", Path: path, Body: `{}`})
		var failed *Error
		switch {
		case tt.other:
			if !errors.As(err, &failed) || !failed.OutcomeUnknown() || !strings.Contains(err.Error(), "it is about "+string(tt.kind)+" y, not x") {
				t.Errorf("%s %s: %v", tt.kind, tt.result, err)
			}
		case err != nil || (o.Resource != nil) != tt.shown:
			t.Errorf("%s %s: %+v, %v", tt.kind, tt.result, o.Resource, err)
		}
	}
}

// A request of any kind goes to the object of its change or is not sent.
func TestRequestsAreAboutTheirObjects(t *testing.T) {
	account := "/accounts/" + acctA
	hostname, _ := createHostname()
	upload, _ := uploadChange(issue(t, "x", false, nil))
	of := func(kind plan.Kind, action, id string) *plan.Change { return accountChange(kind, action, id, "n") }
	for _, tt := range []struct {
		change *plan.Change
		path   string
		want   bool
	}{
		{settingChange(schema.HSTS), "/zones/" + zoneA + "/settings/security_header", true},
		{settingChange(schema.HSTS), "/zones/" + zoneA + "/settings/hsts", false},
		{settingChange(schema.TotalTLS), "/zones/" + zoneA + "/acm/total_tls", true},
		{settingChange(schema.TotalTLS), "/zones/" + zoneB + "/acm/total_tls", false},
		{settingChange("min_tls_version"), "/zones/" + zoneA + "/settings/ssl", false},
		{nameChange("a.saas.example", "http2", "", `"on"`), plan.HostnameSettingsPath(zoneA, "http2") + "/a.saas.example", true},
		{nameChange("a.saas.example", "http2", "", `"on"`), plan.HostnameSettingsPath(zoneA, "http2") + "/b.saas.example", false},
		{nameChange("a.saas.example", "http2", "", `"on"`), plan.HostnameSettingsPath(zoneA, "ciphers") + "/a.saas.example", false},
		{nameChange("a/../b.example", "http2", "", `"on"`), plan.HostnameSettingsPath(zoneA, "http2") + "/a%2F..%2Fb.example", false},
		{nameChange("a.saas.example", "../x", "", `"on"`), plan.HostnameSettingsPath(zoneA, "../x") + "/a.saas.example", false},
		{hostname, plan.CustomHostnamesPath(zoneA), true},
		{hostname, plan.CustomHostnamePath(zoneA, hostnameID(1)), false},
		{upload, plan.OriginCertificatesPath(zoneA), true},
		{upload, plan.OriginCertificatesPath(zoneA) + "/hostnames", false},
		{of(plan.KindMTLSCertificate, plan.Create, ""), account + "/access/certificates", true},
		{of(plan.KindMTLSCertificate, plan.Create, ""), account + "/access/certificates/x", false},
		{of(plan.KindMTLSCertificate, plan.Update, "x"), account + "/access/certificates/x", true},
		{of(plan.KindMTLSCertificate, plan.Update, "x"), account + "/access/certificates/y", false},
		{of(plan.KindMTLSCertificate, plan.Update, ""), account + "/access/certificates", false},
		{of(plan.KindMTLSCertificate, plan.Delete, "../apps/x"), account + "/access/certificates/..%2Fapps%2Fx", false},
		{of(plan.KindMTLSHostname, plan.Update, ""), account + "/access/certificates/settings", true},
		{of(plan.KindMTLSHostname, plan.Update, ""), account + "/access/certificates", false},
		{of(plan.KindAccessApplication, plan.Update, "x"), account + "/access/apps/x", true},
		{of(plan.KindAccessApplication, plan.Update, "x"), account + "/access/apps/x/policies/p", true},
		{of(plan.KindAccessApplication, plan.Update, "x"), account + "/access/apps/x/policies/p/../../y", false},
		{of(plan.KindAccessApplication, plan.Update, "x"), account + "/access/apps/y/policies/p", false},
		{of(plan.KindAlert, plan.Delete, "x"), account + "/alerting/v3/policies/x", true},
		{of(plan.KindAlert, plan.Delete, "x"), "/accounts/" + acctB + "/alerting/v3/policies/x", false},
		{of("zone_file", plan.Delete, "x"), account + "/x", false},
	} {
		f := newFake()
		f.handle("/", 200, ok(`{"id":"x"}`))
		o := options(f)
		o.Keys = map[string]string{"PULLS_KEY": issue(t, "x", false, nil).keyPEM(t)}
		_, err := writer(t, o).Write(t.Context(), tt.change, plan.Request{Method: "PUT", Path: tt.path, Body: `{"private_key":{"env":"PULLS_KEY"}}`})
		if sent := len(f.seen) > 0; sent != tt.want {
			t.Errorf("%s %s: sent: %t, %v", tt.change.String(), tt.path, sent, err)
		}
	}
}

// Some refusals mean "not yet" on some endpoints, and the write waits. All
// others are final at once.
func TestNotYet(t *testing.T) {
	conflict := `{"success":false,"errors":[{"code":12135,"message":"previous certificate settings still being updated"}]}`
	busy := strings.Replace(conflict, "12135", "1414", 1)
	for _, tt := range []struct {
		kind   plan.Kind
		id     string
		method string
		status int
		body   string
		again  bool
	}{
		{plan.KindMTLSHostname, "", "PUT", 409, conflict, false}, // it is Busy: the body has to be made anew
		{plan.KindMTLSHostname, "", "PUT", 400, conflict, false},
		{plan.KindMTLSHostname, "", "PUT", 500, conflict, false},
		{plan.KindMTLSCertificate, "x", "DELETE", 409, conflict, true},
		{plan.KindMTLSCertificate, "x", "DELETE", 400, conflict, true},
		{plan.KindMTLSCertificate, "x", "DELETE", 403, conflict, false},
		{plan.KindMTLSCertificate, "x", "DELETE", 400, `{"success":false,"errors":[{"code":6003,"message":"Invalid request headers","error_chain":[{"code":6111,"message":"x"}]}]}`, false},
		{plan.KindMTLSCertificate, "x", "PUT", 409, conflict, false},
		{plan.KindMTLSCertificate, "", "POST", 409, conflict, false},
		{plan.KindAccessApplication, "x", "DELETE", 409, conflict, true},
		{plan.KindAccessApplication, "", "POST", 409, conflict, false},
		{plan.KindAlert, "x", "DELETE", 409, conflict, false},
		{plan.KindZone, schema.FallbackOrigin, "PUT", 409, conflict, true},
		{plan.KindZone, schema.FallbackOrigin, "PUT", 400, busy, true},
		{plan.KindZone, schema.FallbackOrigin, "PUT", 400, conflict, false},
		{plan.KindZone, schema.FallbackOrigin, "PUT", 403, busy, false},
		{plan.KindZone, schema.UniversalSSL, "PUT", 409, conflict, false},
		{plan.KindCustomHostname, hostnameID(1), "PATCH", 409, conflict, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			refusals := 3
			f.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
				if len(f.requests("")) <= refusals {
					write(w, tt.status, tt.body)
					return
				}
				write(w, 200, ok(`{"id":"x"}`))
			})
			c := accountChange(tt.kind, plan.Update, tt.id, "n")
			c.ZoneID = zoneA
			if tt.id == "" {
				c.Action = plan.Create
			}
			name := fmt.Sprintf("%s %s %d %s", c.Kind, tt.method, tt.status, tt.id)
			req := plan.Request{Method: tt.method, Path: plan.TargetPath(c), Body: `{}`}
			w := writer(t, options(f))
			start := time.Now()
			req.Before = start.Add(time.Second) // the pauses do not count
			_, err := w.Write(t.Context(), c, req)
			want, took := 1, time.Duration(0)
			if tt.again {
				want, took = 4, 7*time.Second
			}
			if len(f.seen) != want || time.Since(start) != took || (err == nil) != tt.again {
				t.Errorf("%s: sent %d times in %s, %v", name, len(f.seen), time.Since(start), err)
			}
			var no *Error
			if isBusy := errors.As(err, &no) && no.Busy(); isBusy != (tt.kind == plan.KindMTLSHostname && tt.status == 409) {
				t.Errorf("%s: busy: %t", name, isBusy)
			}
			if !tt.again {
				return
			}

			// The waiting ends with the last refusal.
			f.seen, refusals = nil, 100
			start = time.Now()
			req.Before = start.Add(time.Second)
			_, err = w.Write(t.Context(), c, req)
			var failed *Error
			if !errors.As(err, &failed) || failed.Status != tt.status || failed.OutcomeUnknown() || !failed.Refused() || len(f.seen) != 8 || time.Since(start) != 91*time.Second {
				t.Errorf("%s: sent %d times in %s, %v", name, len(f.seen), time.Since(start), err)
			}

			// A stop ends the waiting at once, and the write was surely not
			// done.
			f.seen = nil
			ctx, cancel := context.WithCancelCause(t.Context())
			stopped := errors.New("stopped by the user")
			start = time.Now()
			req.Before = start.Add(time.Second)
			time.AfterFunc(2*time.Second, func() { cancel(stopped) })
			_, err = w.Write(ctx, c, req)
			if !errors.Is(err, stopped) || !errors.As(err, &failed) || failed.OutcomeUnknown() || len(f.seen) != 2 || time.Since(start) != 2*time.Second {
				t.Errorf("%s: sent %d times in %s, %v", name, len(f.seen), time.Since(start), err)
			}
		})
	}
}

// In a sandbox that settles late, a certificate can be deleted once the edge
// knows that nothing is associated with it.
func TestDeletionIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newSandbox(t, accountSeed+"settle: 10s\n")
		defer server.Close()
		w := writer(t, options(server))
		put := accountChange(plan.KindMTLSCertificate, plan.Update, theirCA, "theirs", edit(plan.FieldHostnames, "", schema.Inherit))
		if _, err := w.Write(t.Context(), put, plan.Request{Method: "PUT", Path: plan.TargetPath(put), Body: `{"associated_hostnames":[]}`}); err != nil {
			t.Fatal(err)
		}
		gone := accountChange(plan.KindMTLSCertificate, plan.Delete, theirCA, "theirs")
		start := time.Now()
		o, err := w.Write(t.Context(), gone, plan.Request{Method: "DELETE", Path: plan.TargetPath(gone)})
		if err != nil || !o.Absent || time.Since(start) != 15*time.Second {
			t.Errorf("%+v, %v after %s", o, err, time.Since(start))
		}
	})
}

// A client that only reads sends no write with any method.
func TestReaderSendsNoWrite(t *testing.T) {
	f := newFake()
	o := options(f)
	if err := o.complete(); err != nil {
		t.Fatal(err)
	}
	_, send, err := (&Reader{}).dial(o, o.Credentials, newLimiter(o.Rate), false)
	if err != nil {
		t.Fatal(err)
	}
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "get"} {
		if _, err := send(t.Context(), method, "/accounts/"+acctA+"/access/apps", []byte("{}"), time.Time{}); err == nil || len(f.seen) != 0 {
			t.Errorf("%s was sent: %v", method, err)
		}
	}
}
