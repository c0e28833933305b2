package cloudflare

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tlsync/engine/plan"
	"tlsync/engine/sandbox"
	"tlsync/schema"
)

// uploadChange uploads a certificate whose key is in PULLS_KEY, with the request
// that a plan shows for it.
func uploadChange(crt *signer) (*plan.Change, plan.Request) {
	sum := sha256.Sum256(crt.crt.Raw)
	c := settingChange(plan.OriginPullsCertificates)
	c.Action, c.Edits = plan.Create, []plan.Edit{edit(plan.FieldSHA256, schema.Inherit, schema.StringValue(hex.EncodeToString(sum[:])))}
	text, _ := json.Marshal(crt.pem())
	return c, plan.Request{
		Method: "POST", Path: "/zones/" + zoneA + "/origin_tls_client_auth",
		Body: plan.RawMessage(`{"certificate":` + string(text) + `,"private_key":{"env":"PULLS_KEY"}}`),
	}
}

// The key is added only when the request is sent, and never shows.
func TestUploadOriginCertificate(t *testing.T) {
	l := newLab(t, zoneSeed)
	crt := issue(t, "pulls", false, nil)
	var log bytes.Buffer
	o := l.options()
	o.Keys = map[string]string{"PULLS_KEY": crt.keyPEM(t)}
	o.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w := writer(t, o)
	c, req := uploadChange(crt)
	if got := l.read(w, c, time.Minute); !got.Absent {
		t.Fatalf("%+v", got)
	}
	answer, err := w.Write(t.Context(), c, req)
	if err != nil || answer.Resource == nil || answer.Resource.Value(plan.FieldSHA256) != c.Edits[0].To || answer.Pending != "initializing" {
		t.Fatalf("%+v, %v", answer, err)
	}
	got := l.read(w, c, time.Minute)
	if at, _, _ := plan.Stand(c, got); at != plan.AtTarget || got.Pending != "" {
		t.Errorf("%+v", got)
	}
	z := l.zone(plan.ZoneScope{OriginCertificates: true})
	want := []plan.OriginCertificate{{ID: got.Resource.ID, SHA256: c.Edits[0].To.Text(), Status: "active"}}
	if d := cmp.Diff(want, z.OriginCertificates); d != "" {
		t.Error(d)
	}
	if strings.Contains(log.String(), secretLine(crt.keyPEM(t))) {
		t.Error("the key is in the log")
	}
}

// secretLine is a line of a key.
func secretLine(pem string) string { return strings.Split(pem, "\n")[1] }

// Without its key nothing is sent, and the message names only the variable.
func TestUploadWithoutKey(t *testing.T) {
	crt := issue(t, "pulls", false, nil)
	key := crt.keyPEM(t)
	for _, tt := range []struct{ name, key, body, want string }{
		{"none", "", "", "the environment variable PULLS_KEY is not set; it must hold the private key"},
		{"blank", " \n", "", "the environment variable PULLS_KEY is not set; it must hold the private key"},
		{"another thing", secretLine(key), "", "the environment variable PULLS_KEY does not hold a private key in PEM form"},
		{"a certificate", crt.pem(), "", "the environment variable PULLS_KEY does not hold a private key in PEM form"},
		{"no variable", key, `{"certificate":"x"}`, "the request does not say which environment variable holds the private key"},
		{"a key in the plan", key, `{"certificate":"x","private_key":"` + secretLine(key) + `"}`, "the request does not say which environment variable holds the private key"},
	} {
		f := newFake()
		o := options(f)
		o.Keys = map[string]string{"PULLS_KEY": tt.key}
		c, req := uploadChange(crt)
		if tt.body != "" {
			req.Body = plan.RawMessage(tt.body)
		}
		_, err := writer(t, o).Write(t.Context(), c, req)
		if err == nil || err.Error() != c.String()+": "+tt.want || len(f.seen) > 0 {
			t.Errorf("%s: %v, %d requests", tt.name, err, len(f.seen))
		}
	}
}

// A server may echo the key in any form.
func TestKeysAreHidden(t *testing.T) {
	crt := issue(t, "pulls", false, nil)
	for !strings.Contains(strings.Split(crt.keyPEM(t), "\n")[2], "/") { // what JSON may write in two ways
		crt = issue(t, "pulls", false, nil)
	}
	key := crt.keyPEM(t)
	quoted, _ := json.Marshal(key)
	for _, echo := range []string{
		string(quoted), strings.ReplaceAll(string(quoted), "/", `\/`), `"` + strings.ReplaceAll(key, "\n", " ") + `"`, `"` + strings.ReplaceAll(key, "\n", "") + `"`,
	} {
		for _, answer := range []struct {
			status int
			body   string
		}{
			{400, `{"success":false,"errors":[{"code":1428,"message":` + echo + `}]}`},
			{400, "this is not JSON: " + echo},
			{200, ok(`{"id":"x","private_key":` + echo + `}`)},
		} {
			f := newFake()
			f.handle("POST /client/v4/zones/"+zoneA+"/origin_tls_client_auth", answer.status, answer.body)
			o := options(f)
			o.Keys = map[string]string{"PULLS_KEY": key}
			c, req := uploadChange(crt)
			got, err := writer(t, o).Write(t.Context(), c, req)
			shown := strings.ReplaceAll(fmt.Sprintf("%v %+v %+v", err, got, got.Resource), `\/`, "/")
			for line := range strings.Lines(key) {
				if line = strings.TrimSpace(line); !strings.HasPrefix(line, "-") && strings.Contains(shown, line) {
					t.Errorf("%d %s\nshows %s", answer.status, shown, line)
				}
			}
			if len(f.seen) != 1 || !strings.Contains(f.seen[0].body, string(quoted)) {
				t.Errorf("sent %+v", f.seen)
			}
		}
	}
}

// After a lost answer, a search for the certificate tells the outcome.
func TestLostAnswerOfUpload(t *testing.T) {
	l := newLab(t, zoneSeed)
	crt := issue(t, "pulls", false, nil)
	o := l.options()
	o.Keys = map[string]string{"PULLS_KEY": crt.keyPEM(t)}
	w := writer(t, o)
	l.fault(sandbox.Fault{Kind: "drop-answer", Method: "POST", Path: "/zones/*/origin_tls_client_auth", Count: 1})
	c, req := uploadChange(crt)
	_, err := w.Write(t.Context(), c, req)
	var failed *Error
	if !errors.As(err, &failed) || !failed.OutcomeUnknown() {
		t.Fatalf("%v", err)
	}
	if at, _, _ := plan.Stand(c, l.read(w, c, 0)); at != plan.AtTarget {
		t.Error("not found")
	}
}

// The newest certificate comes first. One that is being deleted does not count,
// and one that cannot be parsed has no fingerprint.
func TestOriginCertificates(t *testing.T) {
	crt := issue(t, "pulls", false, nil)
	text, _ := json.Marshal("noise before\n" + crt.pem() + "\n\n")
	list := func(items ...string) http.Handler { return paged{items: items} }
	f := oneZone(nil)
	f.mux.Handle("GET /client/v4/zones/"+zoneA+"/origin_tls_client_auth", list(
		`{"id":"c1","status":"active","uploaded_on":"2026-02-01T00:00:00Z","certificate":`+string(text)+`}`,
		`{"id":"c2","status":"pending_deployment","uploaded_on":"2026-02-01T00:00:00.5Z","certificate":"?"}`,
		`{"id":"c3","status":"pending_deletion","uploaded_on":"2026-03-01T00:00:00Z"}`,
		`{"id":"c4","status":"deleted","uploaded_on":"2026-03-01T00:00:00Z"}`,
		`{"id":"c5","status":"active","uploaded_on":null,"certificate":null,"private_key":"never shown"}`,
	))
	live, err := reader(t, options(f)).Fetch(t.Context(), plan.Scope{Zones: []plan.ZoneScope{{Name: "saas.example", OriginCertificates: true}}})
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(crt.crt.Raw)
	want := []plan.OriginCertificate{
		{ID: "c2", Status: "pending_deployment"}, {ID: "c1", SHA256: hex.EncodeToString(sum[:]), Status: "active"}, {ID: "c5", Status: "active"},
	}
	if d := cmp.Diff(want, live.Zones[0].OriginCertificates); d != "" {
		t.Error(d)
	}
	if len(f.seen) != 2 || slices.ContainsFunc(f.seen, func(s seen) bool { return strings.HasSuffix(s.uri, "/settings") }) {
		t.Errorf("%+v", f.seen)
	}
}
