package posture_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"tlsync/engine/diff"
	"tlsync/engine/plan"
	"tlsync/engine/posture"
	"tlsync/engine/resolve"
	"tlsync/engine/standard"
	"tlsync/schema"
	"tlsync/schema/load"
)

var now = time.Date(2026, 11, 29, 2, 0, 0, 0, time.UTC)

func configured(t testing.TB, text string) *schema.Desired {
	t.Helper()
	d, diags := load.Load(fstest.MapFS{"tlsync.yaml": {Data: []byte(text)}, "ca.pem": {Data: []byte("")}}, time.Time{})
	if diags.HasErrors() {
		t.Fatalf("the configuration is wrong: %v\n%s", diags, text)
	}
	return d
}

func setting(id, v string) plan.Setting {
	return plan.Setting{ID: id, Raw: v, Value: schema.Value(v)}
}

func host(name string, settings ...plan.Setting) plan.Hostname {
	return plan.Hostname{ID: "id-" + name, Name: name, Status: "active", SSL: true, SSLStatus: "active", Type: "dv", Method: "txt", Settings: settings}
}

func zone(name string, settings ...plan.Setting) plan.Zone {
	return plan.Zone{ID: "id-" + name, Name: name, Account: plan.Account{ID: "a1", Name: "Acme"}, Settings: settings, HostnameSettings: []string{"min_tls_version", "ciphers", "http2"}}
}

// build makes a report on every name.
func build(t testing.TB, d *schema.Desired, live *plan.Live, names ...string) *posture.Report {
	t.Helper()
	p, err := diff.Build(diff.Input{Live: live, Head: resolve.Resolve(d, live)})
	if err != nil {
		t.Fatal(err)
	}
	head := posture.Head{Tool: plan.Tool{Name: "tlsync", Version: "v1"}, Config: plan.Config{Digest: d.Digest, Commit: "0123"}, At: now, ReadAt: now}
	return posture.Build(posture.Input{Head: head, Desired: d, Live: live, Plan: p, Names: names, Standards: standard.All()})
}

func texts(t testing.TB, r *posture.Report) (text, asJSON, asCSV string) {
	t.Helper()
	var a, b, c bytes.Buffer
	for _, err := range []error{posture.Text(&a, r, posture.TextOptions{}), posture.JSON(&b, r), posture.CSV(&c, r)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return a.String(), b.String(), c.String()
}

// mixed is a zone with names of every kind.
func mixed() *plan.Live {
	z := zone("saas.example", setting("min_tls_version", `"1.0"`), setting("tls_1_3", `"on"`), setting("ciphers", schema.ListValue([]string{"ECDHE-ECDSA-AES128-GCM-SHA256"}).YAML()))
	z.Settings[2].Value = schema.ListValue([]string{"ECDHE-ECDSA-AES128-GCM-SHA256"})
	wild, pending := host("wild.test", setting("min_tls_version", `"1.3"`)), host("pending.test")
	wild.Wildcard, pending.SSLStatus = true, "pending_validation"
	none := host("none.test")
	none.SSL, none.SSLStatus = false, ""
	pending.Expires = "2027-02-06T18:11:23.531995Z"
	z.CustomHostnames = []plan.Hostname{host("app.test", setting("min_tls_version", `"1.2"`)), host("empty.test", setting("ciphers", "[]"), setting("min_tls_version", `"1.2"`)), none, pending, wild}
	z.Hostnames = []plan.Hostname{{Name: "api.saas.example", InZone: true, Settings: []plan.Setting{setting("min_tls_version", `"1.3"`)}}}
	return &plan.Live{Zones: []plan.Zone{z}}
}

const mixedText = `version: 1
policy:
  floor: { min_tls_version: "1.2" }
  exceptions:
    - { hostname: pending.test, settings: { min_tls_version: "1.0" }, reason: "=HYPERLINK(1)", until: 2027-03-31 }
---
zone: saas.example
custom_hostnames:
  hostnames:
    app.test: { min_tls_version: "1.2" }
`

func TestReport(t *testing.T) {
	r := build(t, configured(t, mixedText), mixed())
	text, _, _ := texts(t, r)

	for _, want := range []string{
		"Posture of 8 names in 1 zone\n",
		"pci-dss               PCI DSS                    4.0.1 (2024-06)             3            4        1\n",
		"Names below wildcard custom hostnames in zone saas.example, which follow the zone: *.wild.test\n  min_tls_version           1.0 from the zone, not managed\n",
		"  floor                     min_tls_version 1.2 (tlsync.yaml:3): not met\n",
		"app.test: custom hostname in zone saas.example\n  min_tls_version           1.2 of its own, entry (tlsync.yaml:10)\n",
		"  certificate               pending_validation; expires 2027-02-06T18:11:23Z\n",
		"  certificate               none; expiry not known\n",
		"  coverage                  not covered\n",
		"api.saas.example: hostname in zone saas.example\n  min_tls_version           1.3 of its own, not managed\n  tls_1_3                   on from the zone, not managed\n",
		"  exception                 min_tls_version down to 1.0 until 2027-03-31 (tlsync.yaml:5): =HYPERLINK(1)\n",
		"  ciphers                   unknown: an empty list of its own, which may mean every suite or the list of the zone, not managed\n",
		"remark on nist, for 8 names: TLS_CHACHA20_POLY1305_SHA256 is not accepted; Cloudflare has no switch for single suites of TLS 1.3\n",
		"were not read in account Acme",
		"Digest: sha256:",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}

// The forms of a report say the same: rows of CSV are the versions and suites of JSON.
func TestFormsAgree(t *testing.T) {
	r := build(t, configured(t, mixedText), mixed())
	_, asJSON, asCSV := texts(t, r)

	var whole struct {
		Standards []struct {
			Name           string
			Meets, Unknown int
			FallsShort     int `json:"falls_short"`
			Statements     []struct{ Subject, Source, Edition string }
		}
		Postures []struct {
			Versions []string
			Suites   []string `json:"cipher_suites"`
			NotKnown []string `json:"not_known"`
			Count    int
			Verdicts []struct{ Standard, Result string } `json:"standards"`
		}
		Names []struct {
			Posture int
			Name    string
		}
	}
	if err := json.Unmarshal([]byte(asJSON), &whole); err != nil {
		t.Fatal(err)
	}

	want, results := map[string]int{}, map[string]int{}
	for _, n := range whole.Names {
		p := &whole.Postures[n.Posture]
		p.Count--
		want[n.Name] += len(p.Versions) + len(p.Suites) + len(p.NotKnown)
		if slices.Contains(p.Versions, "TLS 1.3") {
			want[n.Name] += len(standard.Suites13())
		}
		for _, v := range p.Verdicts {
			results[v.Standard+" "+v.Result]++
		}
	}
	for i, p := range whole.Postures {
		if p.Count != 0 {
			t.Errorf("posture %d counts %d names more than there are", i, p.Count)
		}
	}
	for _, s := range whole.Standards {
		if results[s.Name+" meets"] != s.Meets || results[s.Name+" falls short"] != s.FallsShort || results[s.Name+" unknown"] != s.Unknown {
			t.Errorf("%s: the sums %+v are not those of the names %v", s.Name, s, results)
		}
		for _, statement := range s.Statements {
			if statement.Source == "" || statement.Edition == "" {
				t.Errorf("%s: %+v has no source", s.Name, statement)
			}
		}
	}

	rows, err := csv.NewReader(strings.NewReader(asCSV)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, row := range rows[1:] {
		got[row[3]]++
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("CSV has %v, JSON %v", got, want)
	}
	if strings.Count(asCSV, "\n") != strings.Count(asCSV, "\r\n") || !slices.Contains(rows[0], "cipher_suite") {
		t.Error("CSV is not in the form of RFC 4180 with a header")
	}
}

// No cell begins as a formula does, whatever the texts from outside are.
func TestNoFormulas(t *testing.T) {
	for _, bad := range []string{"=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\"=1", "=a,\"b\"\r\n=c", "::error::x", "\x1b[31m", "a\u202eb"} {
		live := mixed()
		live.Zones[0].Account.Name = bad
		live.Zones[0].CustomHostnames[0].SSLStatus = bad
		d := configured(t, mixedText)
		d.Policy.Exceptions[0].Reason = bad
		shown, asJSON, asCSV := texts(t, build(t, d, live))
		rows, err := csv.NewReader(strings.NewReader(asCSV)).ReadAll()
		if err != nil {
			t.Fatalf("%q: %v", bad, err)
		}
		for _, row := range rows {
			for _, cell := range row {
				if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
					t.Errorf("%q: the cell %q begins as a formula", bad, cell)
				}
			}
		}
		for _, s := range []string{shown, asJSON, asCSV} {
			if strings.ContainsAny(strings.ReplaceAll(s, "\r\n", "\n"), "\x1b\r\u202e") || strings.Contains(s, "\n::error") {
				t.Errorf("%q came through", bad)
			}
		}
	}
}

// What was not read is unknown, and not what Cloudflare has by default.
func TestUnknown(t *testing.T) {
	live := &plan.Live{Zones: []plan.Zone{zone("saas.example")}}
	live.Zones[0].CustomHostnames = []plan.Hostname{host("app.test")}
	r := build(t, configured(t, "version: 1\n---\nzone: saas.example\n"), live)
	for i := range r.Standards {
		if s := &r.Standards[i]; s.Meets+s.FallsShort != 0 || s.Unknown != r.Count() {
			t.Errorf("%s: %d meet, %d fall short, %d unknown", s.Name, s.Meets, s.FallsShort, s.Unknown)
		}
	}
	_, _, asCSV := texts(t, r)
	if want := ",unknown,unknown,,min_tls_version,unknown,unknown,"; !strings.Contains(asCSV, want) {
		t.Errorf("%q is not in\n%s", want, asCSV)
	}
}

// The digest covers what is said, and neither the time nor the order of what is given.
func TestDigest(t *testing.T) {
	d := configured(t, mixedText)
	a, b := build(t, d, mixed()), build(t, d, mixed())
	b.At = b.At.AddDate(0, 0, 1)
	other := mixed()
	other.Zones[0].CustomHostnames[3].SSLStatus = "active"
	if c := build(t, d, other); a.Digest != b.Digest || a.Digest == c.Digest {
		t.Errorf("digests %s, %s and %s: the first two have to be equal, and the third not", a.Digest, b.Digest, c.Digest)
	}
}

func TestNames(t *testing.T) {
	r := build(t, configured(t, mixedText), mixed(), "*.test", "nobody.example")
	if r.Count() != 6 || len(r.Missing) != 1 { // five custom hostnames, and those below the wildcard
		t.Errorf("%d names, missing %v", r.Count(), r.Missing)
	}
}

func TestMTLS(t *testing.T) {
	list := func(names ...string) map[string]schema.Value {
		return map[string]schema.Value{plan.FieldHostnames: schema.ListValue(names), plan.FieldExpires: `"2027-03-31T00:00:00Z"`}
	}
	app := func(domain string, policy schema.Value) plan.Resource {
		return plan.Resource{Name: "app " + domain, Fields: map[string]schema.Value{plan.FieldDomain: schema.StringValue(domain), plan.FieldPolicy: policy}}
	}
	live := mixed()
	live.Accounts = []plan.LiveAccount{{
		Account:      plan.Account{ID: "a1", Name: "Acme"},
		Certificates: []plan.Resource{{Name: "new", Fields: list("app.test")}, {Name: "old", Fields: list("app.test", "none.test")}},
		Applications: []plan.Resource{app("app.test", plan.PolicyCertificate), app("lone.test", plan.PolicyCertificate), app("other.test", plan.PolicyOther)},
		Forwarding:   plan.Resource{Fields: map[string]schema.Value{plan.FieldForwarding("app.test"): `"on"`}},
	}}
	d := configured(t, mixedText)
	d.Accounts = []schema.Account{{Name: schema.Field[string]{Value: "Acme"}, MTLS: []schema.MTLS{{}}}}

	r := posture.Build(posture.Input{Desired: d, Live: live, Plan: &plan.Plan{}})
	const day = "2027-03-31T00:00:00Z"
	want := []posture.MTLS{
		{"Acme", "app.test", "new", day, "app app.test", "certificate", "yes"},
		{"Acme", "app.test", "old", day, "app app.test", "certificate", "yes"},
		{"Acme", "lone.test", "", "", "app lone.test", "certificate", "no"},
		{"Acme", "none.test", "old", day, "", "", "no"},
	}
	if !slices.Equal(r.MTLS, want) || len(r.Unread) > 0 {
		t.Errorf("got %+v, want %+v; unread %v", r.MTLS, want, r.Unread)
	}
	text, _, _ := texts(t, r)
	if want := "  app.test  demanded; new (expires 2027-03-31T00:00:00Z); app app.test (admits: certificate); forwarded: yes\n"; !strings.Contains(text, want) {
		t.Errorf("%q is not in\n%s", want, text)
	}

	live.Accounts[0].Unreadable = map[plan.Kind]string{plan.KindMTLSHostname: "403", plan.KindAccessApplication: "403"}
	for _, m := range posture.Build(posture.Input{Desired: d, Live: live, Plan: &plan.Plan{}}).MTLS {
		if m.Forwarded != posture.Unknown || m.Admits != posture.Unknown {
			t.Errorf("%+v is said of an account that could not be read", m)
		}
	}
}
