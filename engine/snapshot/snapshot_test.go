package snapshot_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"tlsync/engine/plan"
	"tlsync/engine/snapshot"
	"tlsync/schema"
)

// messagesOnly leaves out how a message was made: a snapshot keeps what it says.
var messagesOnly = cmpopts.IgnoreFields(plan.Finding{}, "Template", "Saving")

// TestEveryFieldIsCarried fails if plan.Live, or anything in it, gains a field that
// a snapshot does not carry.
func TestEveryFieldIsCarried(t *testing.T) {
	live, m := full(t), fullMeta(t)
	got, err := snapshot.Read(strings.NewReader(write(t, live, m)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&snapshot.Snapshot{Meta: m, Live: live}, got, messagesOnly); diff != "" {
		t.Errorf("(-written +read):\n%s", diff)
	}
}

// TestEmptyIsNotMissing tells lists that were read and are empty from those that
// were not read, everywhere.
func TestEmptyIsNotMissing(t *testing.T) {
	var empty func(v reflect.Value)
	empty = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Slice:
			n := 0
			if v.Type().Elem().Kind() == reflect.Struct {
				n = 1
			}
			v.Set(reflect.MakeSlice(v.Type(), n, n))
			for i := range n {
				empty(v.Index(i))
			}
		case reflect.Map:
			v.Set(reflect.MakeMap(v.Type()))
		case reflect.Struct:
			for i := range v.NumField() {
				empty(v.Field(i))
			}
		}
	}
	one := &plan.Live{}
	empty(reflect.ValueOf(one).Elem())
	none := &plan.Live{
		Zones: []plan.Zone{{CustomHostnames: []plan.Hostname{}, Hostnames: []plan.Hostname{}, Settings: []plan.Setting{}, OriginCertificates: []plan.OriginCertificate{}}},
		Accounts: []plan.LiveAccount{{
			Certificates: []plan.Resource{}, Applications: []plan.Resource{}, Alerts: []plan.Resource{}, Webhooks: []plan.Destination{}, PagerDuty: []plan.Destination{},
		}},
		Problems: []plan.Finding{},
	}
	for _, live := range []*plan.Live{{}, one, none, {Zones: []plan.Zone{}, Accounts: []plan.LiveAccount{}}, {Zones: make([]plan.Zone, 2), Accounts: make([]plan.LiveAccount, 2)}} {
		got, err := snapshot.Read(strings.NewReader(write(t, live, snapshot.Meta{})))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(live, got.Live, messagesOnly); diff != "" {
			t.Errorf("(-written +read):\n%s", diff)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		live, m := drawLive(t), drawMeta(t)
		file := write(t, live, m)
		if again := write(t, live, m); again != file {
			t.Fatalf("the same state gives\n%s\nand\n%s", file, again)
		}
		got, err := snapshot.Read(iotest.OneByteReader(strings.NewReader(file)))
		if err != nil {
			t.Fatalf("%v\n%s", err, file)
		}
		if diff := cmp.Diff(&snapshot.Snapshot{Meta: m, Live: live}, got, messagesOnly); diff != "" {
			t.Fatalf("(-written +read):\n%s", diff)
		}
		if !json.Valid([]byte(file)) {
			t.Fatalf("no JSON:\n%s", file)
		}
	})
}

// TestFile shows what a file looks like.
func TestFile(t *testing.T) {
	live := &plan.Live{
		Reads: 3,
		Zones: []plan.Zone{
			{ID: "z1", Name: "a.example", Account: plan.Account{ID: "acct", Name: "A"}, Settings: []plan.Setting{{ID: "http3", Raw: `"on"`, Value: `"on"`}, {ID: "ciphers", Raw: `["B"]`, Value: `["A"]`, Locked: true}},
				CustomHostnames: []plan.Hostname{{ID: "1", Name: "one.test", Status: "active", SSL: true}, {ID: "2", Name: "two.test"}}},
			{ID: "z2", Name: "b.example", CustomHostnames: []plan.Hostname{}},
		},
		Problems: []plan.Finding{{Severity: schema.Error, Rule: plan.NotFound, Ref: plan.ParseRef("zone/c.example", ""), Message: "no", Origin: plan.Origin{Pos: schema.Pos{File: "a.yaml", Line: 2, Col: 7}, Via: "zone"}}},
	}
	m := snapshot.Meta{
		Tool: plan.Tool{Name: "tlsync", Version: "0.1"}, Commit: "abc", ConfigDigest: "sha256:1",
		TakenAt: time.Date(2026, 3, 1, 5, 5, 6, 789, time.FixedZone("", 3600)),
	}
	const want = `{
"format_version":"2",
"meta":{"tool":{"name":"tlsync","version":"0.1"},"taken_at":"2026-03-01T04:05:06Z","commit":"abc","config_digest":"sha256:1"},
"reads":3,
"zones":[
{"zone":
{"id":"z1","name":"a.example","account":{"id":"acct","name":"A"},"settings":[{"id":"http3","raw":"\"on\""},{"id":"ciphers","raw":"[\"B\"]","value":"[\"A\"]","locked":true}]},
"hostnames":[
{"id":"1","name":"one.test","status":"active","ssl":true},
{"id":"2","name":"two.test"}
],
"local":null
},
{"zone":
{"id":"z2","name":"b.example","account":{"id":"","name":""}},
"hostnames":[],
"local":null
}
],
"accounts":null,
"problems":[
{"severity":"error","rule":"not-found","object":"zone/c.example","message":"no","file":"a.yaml","line":2,"column":7,"via":"zone"}
],
"digest":"sha256:a73f19d610ac84be6a9137ffc0bcfde6af6296ed74e632671015a337956403ce"
}
`
	file := write(t, live, m)
	if diff := cmp.Diff(want, file); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	s, err := snapshot.Read(strings.NewReader(file))
	if err != nil || s.TakenAt != time.Date(2026, 3, 1, 4, 5, 6, 0, time.UTC) {
		t.Errorf("taken at %v: %v", s, err)
	}
}

// TestDamage reads a file with any one byte changed, and cut off anywhere: either
// is noticed.
func TestDamage(t *testing.T) {
	live := many(2)
	live.Reads = 7
	live.Zones[0].Lacking = map[string]string{"total_tls": "no"}
	live.Zones[0].Hostnames = []plan.Hostname{{Name: "api.saas.example", InZone: true}}
	live.Accounts = []plan.LiveAccount{{Alerts: []plan.Resource{{ID: "1", Rest: `{"id":"1"}`, Fields: map[string]schema.Value{"enabled": "true"}}}}}
	live.Problems = []plan.Finding{{Severity: schema.Error, Rule: plan.NotFound, Ref: plan.ParseRef("zone/b.example", ""), Message: "no"}}
	file := write(t, live, fullMeta(t))
	for i := range len(file) {
		if s, err := snapshot.Read(strings.NewReader(file[:i])); err == nil {
			t.Fatalf("%d of %d bytes give %+v", i, len(file), s)
		} else if !strings.Contains(err.Error(), "ends too early") {
			t.Fatalf("%d of %d bytes: %v", i, len(file), err)
		}
		for _, with := range []byte{file[i] ^ 0x01, file[i] ^ 0x20, '\n'} {
			if with == file[i] {
				continue
			}
			if _, err := snapshot.Read(strings.NewReader(file[:i] + string([]byte{with}) + file[i+1:])); err == nil {
				t.Fatalf("byte %d as %q is not noticed", i, with)
			}
		}
	}
	if _, err := snapshot.Read(strings.NewReader(file)); err != nil {
		t.Fatal(err)
	}
}

func TestRefused(t *testing.T) {
	m := snapshot.Meta{Tool: plan.Tool{Name: "tlsync", Version: "1"}}
	file := write(t, &plan.Live{Zones: []plan.Zone{{
		ID: "z", Name: "a.example", CustomHostnames: []plan.Hostname{{ID: "1", Name: "one.test", Metadata: map[string]string{"a": "b"}}, {ID: "2", Name: "two.test"}},
	}}, Accounts: []plan.LiveAccount{{Applications: []plan.Resource{{ID: "app", Rest: `{"id":"app"}`}}}}}, m)
	for _, tc := range []struct{ name, old, new, want string }{
		{"an unknown member", `"name":"one.test",`, `"name":"one.test","owner":"me",`, `line 9: unknown field "owner": it may be from another release; take the snapshot with the release that is to read it`},
		{"a member that stands twice", `{"id":"2",`, `{"id":"3","id":"2",`, `line 10: member "id" is there twice`},
		{"a member of metadata that stands twice", `{"a":"b"}`, `{"a":"c","a":"b"}`, `line 9: member "a" is there twice`},
		{"a member in another case", `{"id":"2",`, `{"ID":"2",`, `line 10: "{\"ID\":\"2\",\"name\":\"two.test\"}" is not as tlsync writes it: take the snapshot once more, and leave it as it is`},
		{"a space", `{"id":"2",`, `{"id": "2",`, `is not as tlsync writes it`},
		{"a value of another type", `{"id":"2",`, `{"id":2,`, `line 10: "{\"id\":2,\"name\":\"two.test\"}": member id cannot be a number`},
		{"another version", `"format_version":"2"`, `"format_version":"1"`, `line 2: format_version "1" is not "2", the one that this release reads: take the snapshot with the release that is to read it`},
		{"no version", `"format_version":"2",` + "\n", ``, `line 2: this is no snapshot; tlsync snapshot --out FILE takes one`},
		{"something else", "{\n", "zones:\n", `line 1: this is no snapshot; tlsync snapshot --out FILE takes one`},
		{"a member of another name", `"local":null`, `"locals":null`, `line 12: "\"locals\":null" stands where "local":[ should: the file was not written by tlsync, or was changed`},
		{"a list that goes on", `{"id":"2","name":"two.test"}`, `{"id":"2","name":"two.test"},`, `line 11: "]": invalid character ']' looking for beginning of value`},
		{"a list that ends too early", `{"a":"b"}},`, `{"a":"b"}}`, `line 10: "{\"id\":\"2\",\"name\":\"two.test\"}" stands where ], should`},
		{"an object that ends too early", `"account":{"id":"","name":""}},`, `"account":{"id":"","name":""}}`, `line 7: the object ends too early`},
		{"a value that is no JSON text", `"rest":"{\"id\":\"app\"}"`, `"rest":"{\"id\""`, `line 20: rest is "{\"id\"", which is no JSON text`},
		{"a secret", `"rest":"{\"id\":\"app\"}"`, `"rest":"{\"client_secret\":\"hush\"}"`, `is not as tlsync writes it`},
		{"policies", `"rest":"{\"id\":\"app\"}"`, `"rest":"{\"policies\":[]}"`, `is not as tlsync writes it`},
		{"a time with a fraction", `T00:00:00Z`, `T00:00:00.5Z`, `is not as tlsync writes it`},
		{"a time in another zone", `T00:00:00Z`, `T00:00:00+00:00`, `is not as tlsync writes it`},
		{"no time", `0001-01-01T00:00:00Z`, `yesterday`, `line 3: `},
		{"lines of another kind", "\n", "\r\n", `line 1: this is no snapshot`},
		{"a null in place of an object", `{"id":"2","name":"two.test"}`, `null`, `line 10: "null" is not as tlsync writes it`},
		{"a number of reads that is none", `"reads":0`, `"reads":0.0`, `line 4: `},
	} {
		t.Run(tc.name, func(t *testing.T) {
			changed := strings.ReplaceAll(file, tc.old, tc.new)
			if changed == file {
				t.Fatalf("%s is not in\n%s", tc.old, file)
			}
			_, err := snapshot.Read(strings.NewReader(snapshot.Sealed(changed)))
			if err == nil || !strings.HasPrefix(err.Error(), "read the snapshot: line ") || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %s", err, tc.want)
			}
		})
	}
	for _, tc := range []struct{ name, file, want string }{
		{"an empty file", "", "read the snapshot: line 1: the file ends too early: get it once more, or take another snapshot"},
		{"half a file", file[:len(file)/2], "the file ends too early"},
		{"a changed value", strings.Replace(file, "one.test", "six.test", 1), "line 26: the digest is not that of the file: it was changed or damaged; get it once more, or take another snapshot"},
		{"no digest", file[:strings.LastIndex(file, `"digest"`)] + "}\n", `line 26: "}" stands where the digest should`},
		{"more after the end", file + "\n", "line 27: there is more after the end of the snapshot"},
		{"two snapshots", file + file, "there is more after the end of the snapshot"},
		{"deep nesting", strings.Replace(file, `{"a":"b"}`, strings.Repeat(`{"a":`, 20_000)+strings.Repeat(`}`, 20_000), 1), "exceeded max depth"},
		{"nesting that is not that deep", strings.Replace(file, `{"a":"b"}`, `{"a":`+strings.Repeat("[", 5000)+strings.Repeat("]", 5000)+`}`, 1), "line 9: "},
	} {
		if _, err := snapshot.Read(strings.NewReader(tc.file)); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want %s", tc.name, err, tc.want)
		}
	}
	broken := errors.New("the disk is gone")
	if _, err := snapshot.Read(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

// TestLimits has files of the largest size, and of one byte more.
func TestLimits(t *testing.T) {
	live := many(2000) // a line is also longer than the buffer
	live.Zones[0].CustomHostnames[7].Metadata = map[string]string{"long": strings.Repeat("x", 200_000)}
	file := write(t, live, snapshot.Meta{})
	size := int64(len(file))
	if err := snapshot.WriteUpTo(&bytes.Buffer{}, live, snapshot.Meta{}, size); err != nil {
		t.Error(err)
	}
	if err := snapshot.WriteUpTo(&bytes.Buffer{}, live, snapshot.Meta{}, size-1); err == nil || !strings.Contains(err.Error(), "it would be larger than") {
		t.Errorf("error %v", err)
	}
	if s, err := snapshot.ReadUpTo(strings.NewReader(file), size); err != nil || cmp.Diff(live, s.Live) != "" {
		t.Errorf("error %v", err)
	}
	if _, err := snapshot.ReadUpTo(strings.NewReader(file), size-1); err == nil || !strings.Contains(err.Error(), "the file is larger than") {
		t.Errorf("error %v", err)
	}
}

// TestLongLines holds that no line is decoded that is larger than any that Write writes.
func TestLongLines(t *testing.T) {
	live := many(1)
	live.Zones[0].CustomHostnames[0].Metadata = map[string]string{"long": strings.Repeat("x", 2<<20)}
	if err := snapshot.Write(&bytes.Buffer{}, live, snapshot.Meta{}); err == nil || !strings.Contains(err.Error(), "would be longer than 1 MiB") {
		t.Errorf("error %v", err)
	}

	file := write(t, many(1), snapshot.Meta{})
	file = strings.Replace(file, `"reads":`, `"reads":[`+strings.Repeat("{},", 1<<20)+`{}],"x":`, 1)
	if _, err := snapshot.Read(strings.NewReader(file)); err == nil || !strings.Contains(err.Error(), "the line is longer than 1 MiB") {
		t.Errorf("error %v", err)
	}
}

// chunks is a writer that knows how much it got at once, and may fail.
type chunks struct{ total, most, until int }

func (c *chunks) Write(b []byte) (int, error) {
	if c.until > 0 && c.total >= c.until {
		return 0, errors.New("the disk is full")
	}
	c.total += len(b)
	c.most = max(c.most, len(b))
	return len(b), nil
}

func TestWriteStreams(t *testing.T) {
	live := many(5000)
	c := &chunks{}
	if err := snapshot.Write(c, live, snapshot.Meta{}); err != nil {
		t.Fatal(err)
	}
	if c.total < 500_000 || c.most > 64<<10 {
		t.Errorf("%d bytes, %d of them at once", c.total, c.most)
	}
	if err := snapshot.Write(&chunks{until: 100_000}, live, snapshot.Meta{}); err == nil || err.Error() != "write the snapshot: the disk is full" {
		t.Errorf("error %v", err)
	}
}

func TestWriteRefuses(t *testing.T) {
	for _, tc := range []struct {
		name string
		live plan.Live
		meta snapshot.Meta
		want string
	}{
		{"a raw value that is no JSON text", plan.Live{Zones: []plan.Zone{{ID: "z", Settings: []plan.Setting{{ID: "http2", Raw: "on", Value: `"on"`}}}}}, snapshot.Meta{},
			`write the snapshot: "{\"id\":\"z\",\"name\":\"\",\"account\":{\"id\":\"\",\"name\":\"\"},\"settings\"…": http2 is "on", which is no JSON text`},
		{"a value that is none", plan.Live{Zones: []plan.Zone{{CustomHostnames: []plan.Hostname{{Settings: []plan.Setting{{ID: "http2", Raw: `"on"`, Value: "on"}}}}}}}, snapshot.Meta{},
			`http2 is "on", which is no JSON text`},
		{"a field that is none", plan.Live{Accounts: []plan.LiveAccount{{Forwarding: plan.Resource{Fields: map[string]schema.Value{"a": "on"}}}}}, snapshot.Meta{},
			`a is "on", which is no JSON text`},
		{"a year that no file can have", plan.Live{}, snapshot.Meta{TakenAt: time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC)}, "year outside of range"},
	} {
		err := snapshot.Write(&bytes.Buffer{}, &tc.live, tc.meta)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want %s", tc.name, err, tc.want)
		}
	}
}

// TestForeignBytes has text everywhere that is not UTF-8, which JSON cannot hold.
func TestForeignBytes(t *testing.T) {
	live := full(t)
	var spoil func(v reflect.Value)
	spoil = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.String:
			if s := v.String(); json.Valid([]byte(s)) {
				v.SetString(`"` + "\xff" + `"`)
			} else {
				v.SetString("\xff\xfe" + s + "\xc3")
			}
		case reflect.Slice:
			for i := range v.Len() {
				spoil(v.Index(i))
			}
		case reflect.Map:
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			key.SetString("\xfe")
			value.SetString(`"` + "\xff" + `"`)
			v.SetMapIndex(key, value)
		case reflect.Struct:
			for i := range v.NumField() {
				spoil(v.Field(i))
			}
		}
	}
	spoil(reflect.ValueOf(live).Elem())
	s, err := snapshot.Read(strings.NewReader(write(t, live, snapshot.Meta{})))
	if err != nil {
		t.Fatal(err)
	}
	if name := s.Live.Zones[0].CustomHostnames[0].Name; !strings.HasPrefix(name, "\ufffd\ufffdName") {
		t.Errorf("%q", name)
	}
}

// TestNoSecrets saves an account with secrets in every kind of object.
func TestNoSecrets(t *testing.T) {
	secret := `{"id":"x", "saas_app":{"client_id":"known","client_secret":"HUSH","public_key":"known"},
		"scim_config":{"authentication":[{"scheme":"httpbasic","user":"HUSH","password":"HUSH"},{"token":"HUSH"}]},
		"Client-Secret":"HUSH","apiKey":"HUSH","client\u005fsecret":"HUSH","tokens":["HUSH",{"a":"HUSH"}],"password":"","lifetime":1.50,
		"twice":{"token":"HUSH","token":null}}`
	policies := `{"domain":"a.test", "policies":[{"include":[{"email":{"email":"HUSH@customer.example"}}]}],"name":"<app>"}`
	r := []plan.Resource{{ID: "1", Rest: secret}, {ID: "2", Rest: policies}, {ID: "3", Rest: `{"id" : "3"}`}, {ID: "4", Rest: `{"token":"HUSH","token":null}`}}
	live := &plan.Live{Accounts: []plan.LiveAccount{{Certificates: r[:1], Applications: r, Alerts: r[:1], Forwarding: plan.Resource{Rest: `[` + secret + `]`}}}}
	before := fmt.Sprint(live)
	file := write(t, live, snapshot.Meta{})
	if strings.Contains(file, "HUSH") {
		t.Errorf("a secret is in\n%s", file)
	}
	if fmt.Sprint(live) != before {
		t.Error("Write changed what it was given")
	}
	s, err := snapshot.Read(strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	blanked := strings.ReplaceAll(`{"Client-Secret":"#","apiKey":"#","client_secret":"#","id":"x","lifetime":1.50,"password":"",`+
		`"saas_app":{"client_id":"known","client_secret":"#","public_key":"known"},`+
		`"scim_config":{"authentication":[{"password":"#","scheme":"#","user":"#"},{"token":"#"}]},"tokens":["#",{"a":"#"}],"twice":{"token":null}}`, "#", snapshot.Blank)
	a := s.Live.Accounts[0]
	for _, tc := range []struct{ name, got, want string }{
		{"an application", a.Applications[0].Rest, blanked},
		{"a certificate authority", a.Certificates[0].Rest, blanked},
		{"an alert", a.Alerts[0].Rest, blanked},
		{"forwarding", a.Forwarding.Rest, "[" + blanked + "]"},
		{"an application without policies", a.Applications[1].Rest, `{"domain":"a.test","name":"<app>"}`},
		{"an application with a secret in the first of two", a.Applications[3].Rest, `{"token":null}`},
		{"an application without secrets", a.Applications[2].Rest, `{"id" : "3"}`},
	} {
		if diff := cmp.Diff(tc.want, tc.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
	if again := write(t, s.Live, snapshot.Meta{}); again != file {
		t.Errorf("saved once more it is\n%s", again)
	}
}

func TestScope(t *testing.T) {
	need := plan.Scope{
		Zones: []plan.ZoneScope{
			{ID: "1", Name: "*.example", Glob: true, Account: "A", Origin: plan.Origin{Via: "zone"}},
			{Name: "must.example", CustomHostnames: true, Settings: []string{"http2"}},
			{Name: "may.example", CustomHostnames: true, Optional: true},
		},
		Accounts: []plan.AccountScope{{Name: "A", MTLS: true, Origin: plan.Origin{Via: "account"}}, {Name: "B", Alerts: true}},
	}
	got := snapshot.Scope(need)
	var settings []string
	for _, row := range schema.Table() {
		if row.On(schema.ZoneLevel) {
			settings = append(settings, row.ID)
		}
	}
	local := []string{"min_tls_version", "ciphers", "http2"}
	want := plan.Scope{
		Zones: []plan.ZoneScope{
			{ID: "1", Name: "*.example", Glob: true, Account: "A", Origin: plan.Origin{Via: "zone"}, CustomHostnames: true, Optional: true},
			{Name: "must.example", CustomHostnames: true},
			{Name: "may.example", CustomHostnames: true, Optional: true},
		},
		Accounts: []plan.AccountScope{{Name: "A", MTLS: true, Alerts: true, Webhooks: true, PagerDuty: true, Origin: plan.Origin{Via: "account"}}, {Name: "B", MTLS: true, Alerts: true, Webhooks: true, PagerDuty: true}},
	}
	for i := range want.Zones {
		want.Zones[i].Settings, want.Zones[i].HostnameSettings, want.Zones[i].OriginCertificates = settings, local, true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if need.Zones[0].CustomHostnames || need.Accounts[0].Alerts {
		t.Error("the scope that was given has changed")
	}
	if diff := cmp.Diff(plan.Scope{}, snapshot.Scope(plan.Scope{})); diff != "" {
		t.Errorf("of nothing (-want +got):\n%s", diff)
	}
}

// FuzzRead feeds Read with anything, also with a digest that fits. What it takes
// is what Write makes of it, and can be asked for all of it.
func FuzzRead(f *testing.F) {
	live := many(12)
	live.Problems = []plan.Finding{{Severity: schema.Error, Rule: plan.Unreadable, Ref: plan.ParseRef("zone/b.example", ""), Message: "500"}}
	live.Accounts = []plan.LiveAccount{{
		Account: plan.Account{ID: "acct", Name: "A"}, Applications: []plan.Resource{{ID: "1", Name: "app", Rest: `{"id":"1"}`}}, AlertTypes: []string{},
		Forwarding: plan.Resource{ID: "acct", Fields: map[string]schema.Value{"a": `"on"`}}, Unreadable: map[plan.Kind]string{plan.KindAlert: "no"},
	}}
	file := write(f, live, snapshot.Meta{Commit: "abc"})
	f.Add([]byte(file))
	f.Add([]byte(file[:len(file)/2]))
	f.Add([]byte(write(f, &plan.Live{}, snapshot.Meta{})))
	f.Add([]byte(strings.Replace(file, `"id"`, `"id":"","id"`, 1)))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, file := range []string{string(b), snapshot.Sealed(string(b))} {
			s, err := snapshot.Read(strings.NewReader(file))
			if err != nil {
				if s != nil || !strings.HasPrefix(err.Error(), "read the snapshot: line ") {
					t.Fatalf("%v %v", s, err)
				}
				continue
			}
			if again := write(t, s.Live, s.Meta); again != file {
				t.Fatalf("read\n%s\nwritten\n%s", file, again)
			}
			var need plan.Scope
			for _, z := range s.Live.Zones {
				need.Zones = append(need.Zones, plan.ZoneScope{ID: z.ID, Name: z.Name, Account: z.Account.ID}, plan.ZoneScope{Name: "*", Glob: true})
			}
			for _, a := range s.Live.Accounts {
				need.Accounts = append(need.Accounts, plan.AccountScope{Name: a.Name})
			}
			if _, err := s.Fetch(t.Context(), snapshot.Scope(need)); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func BenchmarkWrite(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 50_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			live := many(n)
			b.ReportAllocs()
			c := &chunks{}
			for b.Loop() {
				*c = chunks{}
				if err := snapshot.Write(c, live, snapshot.Meta{}); err != nil {
					b.Fatal(err)
				}
			}
			b.SetBytes(int64(c.total))
		})
	}
}

func BenchmarkRead(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 50_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			file := write(b, many(n), snapshot.Meta{})
			b.SetBytes(int64(len(file)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := snapshot.Read(strings.NewReader(file)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestNoAddresses saves live state with e-mail addresses wherever one can be, but for
// metadata.
func TestNoAddresses(t *testing.T) {
	const name = "Jo@shops.example's Account"
	account := plan.Account{ID: strings.Repeat("a", 32), Name: name}
	why := map[string]string{"http2": "refused for jo@shops.example"}
	object := plan.Resource{
		ID: "1", Name: "partners", Rest: `{"id":"1","notes":["ask Jo\u0040shops.example"],"jo@shops.example":true}`,
		Fields: map[string]schema.Value{plan.FieldFingerprint: `"f"`, plan.FieldDescription: `"ask jo@shops.example"`, plan.FieldEmail: `["jo@shops.example","mo@shops.example"]`},
	}
	alert := object
	alert.Name = "jo@shops.example"
	live := &plan.Live{
		Zones: []plan.Zone{{Name: "a.example", Account: account, Unreadable: why, Lacking: why}},
		Accounts: []plan.LiveAccount{{
			Account: account, Certificates: []plan.Resource{object}, Alerts: []plan.Resource{object, alert}, Webhooks: []plan.Destination{{ID: "2", Name: "jo@shops.example"}},
			Unreadable: map[plan.Kind]string{plan.KindAccessApplication: "refused for jo@shops.example"},
		}},
		Problems: []plan.Finding{
			{Severity: schema.Error, Rule: plan.Unreadable, Ref: plan.ZoneRef("b.example"), Message: "refused for jo@shops.example"},
			{Severity: schema.Error, Rule: plan.NotFound, Ref: plan.AccountRef(name), Message: "none"},
		},
	}
	named := func(s string) schema.Field[string] { return schema.Field[string]{Value: s, Set: true} }
	addressed := schema.Field[[]string]{Value: []string{"jo@shops.example"}, Set: true}
	before := fmt.Sprint(live)
	file := write(t, snapshot.Managed(live, &schema.Desired{Accounts: []schema.Account{{
		Name: named(name), MTLS: []schema.MTLS{{Name: named("partners")}},
		Alerts: []schema.Alert{{Name: named("partners"), Webhooks: addressed, PagerDuty: addressed}, {Name: named("jo@shops.example")}},
	}}}), snapshot.Meta{})
	if strings.Contains(file, "@") || strings.Count(file, `"name":"partners"`) != 2 {
		t.Errorf("%s", file)
	}
	if fmt.Sprint(live) != before {
		t.Error("Managed changed what it was given")
	}
	if _, err := snapshot.Read(strings.NewReader(file)); err != nil {
		t.Error(err)
	}
}
