package cloudflare

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// An answer that does not clearly show the live state is an error with its
// codes for a read, never a zero value. For a write it is an error if it does
// not say success or is about another object; otherwise the write was accepted,
// and its result has to be read.
func TestEnvelope(t *testing.T) {
	const good = `{"id":"x","value":"on"}`
	for _, tt := range []struct{ body, want string }{
		{`{"success":false,"errors":[{"code":1006,"message":"Unrecognized zone setting"}],"result":` + good + `}`, "200 (code 1006: Unrecognized zone setting): success is not true"},
		{`{"success":false,"errors":["quota exceeded"],"result":null}`, "200 (quota exceeded): success is not true"},
		{`{"errors":[],"result":` + good + `}`, "success is not true"},
		{`{"success":null,"result":` + good + `}`, "success is not true"},
		{`{"success":"true","result":` + good + `}`, "success is not true"},
		{`null`, "success is not true"},
		{`{}`, "success is not true"},
		{`[]`, "success is not true"},
		{`"ok"`, "success is not true"},
		{`7`, "success is not true"},
		{`{"success":true}`, "the answer has no result"},
		{`{"success":true,"result":null}`, "the answer has no result"},
		{`{"success":true,"messages":"text","result":` + good + `}`, "unexpected answer"},
		{ok(`{}`), "setting x has no value"},
		{ok(`{"id":"x"}`), "setting x has no value"},
		{ok(`{"id":"x","value":null}`), "setting x has no value"},
		{ok(`{"id":"y","value":"on"}`), "it is about setting y, not x"},
		{ok(`{"id":7,"value":"on"}`), "id: a number where a string is expected"},
		{ok(`{"id":"x","value":"on","editable":"yes"}`), "editable: a string where a boolean is expected"},
		{ok(`[]`), "a list where an object is expected"},
		{ok(`[` + good + `]`), "a list where an object is expected"},
		{ok(`"on"`), "a string where an object is expected"},
		{ok(`7`), "a number where an object is expected"},
		{ok(good), ""},
		{`{"success":true,"errors":null,"messages":["over quota",{"code":10000,"message":"x"}],"new":{"a":[1,{}]},"result":{"id":"x","value":"on","new":[[]]}}`, ""},
	} {
		f := newFake()
		f.handle("GET /client/v4/zones/"+zoneA+"/settings/x", 200, tt.body)
		f.handle("PATCH /client/v4/zones/"+zoneA+"/settings/x", 200, tt.body)
		w := writer(t, options(f))
		c := &plan.Change{Ref: plan.Ref{Kind: plan.KindZone}, ZoneID: zoneA, ObjectID: "x"}
		for _, method := range []string{"GET", "PATCH"} {
			var err error
			var got plan.Object
			if method == "GET" {
				got, err = w.Read(t.Context(), c, 0)
			} else {
				got, err = w.Write(t.Context(), c, plan.Request{Method: "PATCH", Path: "/zones/" + zoneA + "/settings/x", Body: `{"value":"on"}`})
			}
			accepted := method == "PATCH" && strings.Contains(tt.body, `"success":true`) &&
				!strings.Contains(tt.body, `"y"`) && !strings.Contains(tt.body, `"text"`)
			switch {
			case tt.want != "" && accepted:
				if err != nil || got != (plan.Object{}) {
					t.Errorf("%s %s: %+v, %v; want neither values nor an error", method, tt.body, got, err)
				}
			case tt.want == "" && (err != nil || got.Setting == nil || got.Setting.Value != `"on"`):
				t.Errorf("%s %s: %+v, %v", method, tt.body, got, err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || got != plan.Object{}):
				t.Errorf("%s %s: %+v, %v; want %s", method, tt.body, got, err, tt.want)
			}
			// The result of a write has to be read, even after a clear refusal.
			var failed *Error
			refused := strings.Contains(tt.body, `"success":false`)
			if errors.As(err, &failed) && (failed.OutcomeUnknown() != (method == "PATCH") || failed.Refused() != refused) {
				t.Errorf("%s %s: outcome unknown: %t, refused: %t", method, tt.body, failed.OutcomeUnknown(), failed.Refused())
			}
		}
	}
}

func TestHostnameBodies(t *testing.T) {
	const head = `{"id":"` + "0d89c70d-ad9f-4843-b99f-6cc0252067e9" + `","hostname":"a.test"`
	base := plan.Hostname{ID: "0d89c70d-ad9f-4843-b99f-6cc0252067e9", Name: "a.test"}
	with := func(change func(*plan.Hostname)) plan.Hostname {
		h := base
		change(&h)
		return h
	}
	for _, tt := range []struct {
		body string
		want plan.Hostname
		err  string
	}{
		{body: head + `}`, want: base},
		{body: head + `,"ssl":null,"status":null,"custom_metadata":{}}`, want: base},
		{body: head + `,"status":"test_new_state"}`, want: with(func(h *plan.Hostname) { h.Status = "test_new_state" })},
		{body: head + `,"ssl":{}}`, want: with(func(h *plan.Hostname) { h.SSL = true })},
		{body: head + `,"ssl":{"settings":null,"custom_certificate":"","custom_key":null,"custom_cert_bundle":[],"custom_csr_id":""}}`, want: with(func(h *plan.Hostname) { h.SSL = true })},
		{body: head + `,"ssl":{"custom_certificate":"-----BEGIN"}}`, want: with(func(h *plan.Hostname) { h.SSL, h.Uploaded = true, true })},
		{body: head + `,"ssl":{"custom_csr_id":"7b16"}}`, want: with(func(h *plan.Hostname) { h.SSL, h.Uploaded = true, true })},
		{body: head + `,"ssl":{"custom_cert_bundle":[{"custom_certificate":"x"}]}}`, want: with(func(h *plan.Hostname) { h.SSL, h.Uploaded = true, true })},
		{body: head + `,"ssl":{"settings":{"tls_1_3":"on","new":{"a" : 1.0},"ssl":"x","tls_1_3": "on"}}}`, want: with(func(h *plan.Hostname) {
			h.SSL = true
			h.Settings = []plan.Setting{{ID: "new", Raw: `{"a" : 1.0}`, Value: `{"a":1}`}, {ID: "ssl", Raw: `"x"`, Value: `"x"`}, {ID: "tls_1_3", Raw: `"on"`, Value: `"on"`}}
		})},
		{body: `{"id":"x","hostname":"\u0041\u002ETest.","custom_metadata":{"k\"":"v\n","n":7,"o":{"a":1}}}`, want: plan.Hostname{ID: "x", Name: "a.test", Metadata: map[string]string{`k"`: "v\n", "n": "7", "o": `{"a":1}`}}},
		{body: `{"hostname":"a.test"}`, err: "without a usable id"},
		{body: `{"id":"../x","hostname":"a.test"}`, err: "without a usable id"},
		{body: `{"id":"x"}`, err: "has no name"},
		{body: `{"id":null,"hostname":"a.test"}`, err: "id: null where a string is expected"},
		{body: head + `,"ssl":"null"}`, err: "ssl: a string where an object is expected"},
		{body: head + `,"ssl":[]}`, err: "ssl: a list where an object is expected"},
		{body: head + `,"ssl":{"settings":[]}}`, err: "ssl: settings: a list where an object is expected"},
		{body: head + `,"ssl":{"settings":{"tls_1_3":"future","ssl":"x","tls_1_3":"on"}}}`, err: `ssl: settings: tls_1_3: it is given twice, as "future" and as "on"`},
		{body: head + `,"ssl":{"wildcard":"true"}}`, err: "ssl: wildcard: a string where a boolean is expected"},
		{body: head + `,"ssl":{"type":1}}`, err: "ssl: type: a number where a string is expected"},
		{body: head + `,"custom_metadata":"x"}`, err: "custom_metadata: a string where an object is expected"},
		{body: `[]`, err: "a list where an object is expected"},
		{body: `null`, err: "null where an object is expected"},
	} {
		got, err := decodeCustomHostname([]byte(tt.body))
		switch {
		case tt.err == "" && err != nil, tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
			t.Errorf("%s: %v, want %q", tt.body, err, tt.err)
		case tt.err == "":
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("%s: %s", tt.body, d)
			}
		}
	}
	if _, err := decodeCustomHostnames([]byte(`[` + head + `},{"id":1}]`)); err == nil || !strings.Contains(err.Error(), "item 1: id: a number") {
		t.Errorf("%v", err)
	}
}

// The cursor agrees with encoding/json about the values that it skips and
// keeps.
func TestCursorAgrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := rapid.MapOf(rapid.String(), rapid.OneOf(
			rapid.Map(rapid.String(), func(s string) any { return s }),
			rapid.Map(rapid.Float64(), func(f float64) any { return f }),
			rapid.Map(rapid.SliceOf(rapid.String()), func(s []string) any { return s }),
			rapid.Map(rapid.MapOf(rapid.String(), rapid.Bool()), func(m map[string]bool) any { return m }),
		)).Draw(t, "object")
		var b []byte
		var err error
		if rapid.Bool().Draw(t, "indented") {
			b, err = json.MarshalIndent(m, " ", "\t")
		} else {
			b, err = json.Marshal(m)
		}
		if err != nil {
			t.Skip()
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal(b, &want); err != nil {
			t.Fatal(err)
		}
		got := map[string]json.RawMessage{}
		c := cursor{b: b}
		if err := c.object(func(key []byte) error {
			k := string(key)
			got[k] = c.skip()
			return nil
		}); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("%s: %s", b, d)
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(hostnameJSON(1, commonSettings)))
	f.Add([]byte(`{"id":"x","hostname":"a.test","ssl":{"settings":{"a":"\\\""}},"custom_metadata":{"":[]}}`))
	f.Add([]byte(`{"a":"`))
	f.Add([]byte(`[{]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := decodeCustomHostname(b)
		decodeCustomHostnames(b)
		decodeZones(b)
		decodeSetting(b, "x")
		if err == nil && json.Valid(b) {
			var o struct {
				ID  string `json:"id"`
				SSL *struct {
					Settings map[string]json.RawMessage `json:"settings"`
				} `json:"ssl"`
			}
			// encoding/json matches keys in any case and may disagree there.
			if json.Unmarshal(b, &o) == nil && o.SSL != nil && h.SSL && h.ID == o.ID && len(h.Settings) > len(o.SSL.Settings) {
				t.Errorf("%s: %+v", b, h.Settings)
			}
		}
	})
}

// No envelope makes a call panic, or pass a missing value for a real one.
func FuzzEnvelope(f *testing.F) {
	f.Add([]byte(ok(`{"id":"x","value":"on"}`)), 200)
	f.Add([]byte(failure), 403)
	f.Add([]byte(`{"success":true,"result":[],"result_info":{"total_count":-1}}`), 200)
	f.Add([]byte(`{"errors":[{"code":"7","message":{},"error_chain":[{"code":1,"error_chain":["x"]}]},null,7]}`), 500)
	f.Fuzz(func(t *testing.T, body []byte, status int) {
		if status < 200 || status > 599 || status == 429 {
			return
		}
		fk := newFake()
		fk.handle("/client/v4/zones/"+zoneA+"/settings/x", status, string(body))
		w := writer(t, options(fk))
		o, err := w.Write(t.Context(), &plan.Change{Ref: plan.Ref{Kind: plan.KindZone}, ZoneID: zoneA, ObjectID: "x"}, plan.Request{Method: "PATCH", Path: "/zones/" + zoneA + "/settings/x", Body: `{}`})
		switch {
		case err != nil && o != plan.Object{}:
			t.Errorf("%+v, %v", o, err)
		case err == nil && (status/100 != 2 || o.Setting != nil && o.Setting.Raw == ""):
			t.Errorf("%d %s: %+v", status, body, o.Setting)
		case err != nil && strings.ContainsAny(err.Error(), "\n\r\x1b"):
			t.Errorf("%q", err)
		}
	})
}

// The expiry of a certificate is told, and is never a reason to refuse an answer.
func TestExpiryOfUploadedCertificates(t *testing.T) {
	for ssl, want := range map[string]string{
		`"expires_on":"2027-02-06T18:11:23.531995Z"`: "2027-02-06T18:11:23.531995Z",
		`"expires_on":null`:                          "", `"expires_on":0`: "", `"status":"active"`: "",
	} {
		h, err := decodeCustomHostname([]byte(`{"id":"1","hostname":"a.test","ssl":{` + ssl + `}}`))
		if err != nil || h.Expires != want {
			t.Errorf("%s: %q, %v, want %q", ssl, h.Expires, err, want)
		}
	}
}

// The signatures of an uploaded certificate tell its kinds of keys. Cloudflare
// issues its own certificates with both.
func TestKeysOfUploadedCertificates(t *testing.T) {
	for _, tt := range []struct {
		ssl  string
		want schema.Keys
	}{
		{`"custom_certificate":"PEM","certificates":[{"id":"1","signature":"SHA256WithRSA"}]`, schema.RSAKey},
		{`"certificates":[{"signature":"ECDSAWithSHA256","id":"1"}],"custom_certificate":"PEM"`, schema.ECDSAKey},
		{`"custom_certificate":"PEM","certificates":[{"signature":"ECDSAWithSHA256"},{"signature":"SHA1WithRSA"}]`, schema.ECDSAKey | schema.RSAKey},
		{`"custom_certificate":"PEM","certificates":[{"signature":"ECDSAWithSHA256"},{"signature":"Ed25519"}]`, 0},
		{`"custom_certificate":"PEM","certificates":[{"signature":"ECDSAWithSHA256"},{"signature":null}]`, 0},
		{`"custom_certificate":"PEM","certificates":[]`, 0},
		{`"custom_certificate":"PEM","certificates":null`, 0},
		{`"custom_certificate":"PEM"`, 0},
		{`"custom_certificate":"","certificates":[{"signature":"SHA256WithRSA"}]`, 0},
	} {
		h, err := decodeCustomHostname([]byte(`{"id":"1","hostname":"a.test","ssl":{` + tt.ssl + `}}`))
		if err != nil || h.Keys != tt.want {
			t.Errorf("%s: %d, %v, want %d", tt.ssl, h.Keys, err, tt.want)
		}
	}
}
