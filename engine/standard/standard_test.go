package standard_test

import (
	"regexp"
	"slices"
	"testing"
	"time"

	"tlsync/engine/standard"
	"tlsync/schema"
)

var now = time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)

// Every statement has a source and an edition, and there is one on every version and on
// every suite that Cloudflare can offer.
func TestTablesAreWhole(t *testing.T) {
	number := regexp.MustCompile(`^[0-9a-f]{4}$`)
	for _, s := range standard.All() {
		var subjects []string
		for _, r := range s.Rows() {
			subjects = append(subjects, r.Subject)
			if r.Standard != s.Name || r.Source == "" || r.Edition == "" || r.Verdict == "" {
				t.Errorf("%s: incomplete row %+v", s.Name, r)
			}
			if schemaSuite, ok := schema.LookupSuite(r.Subject); ok && (schemaSuite.Name != r.Subject || !number.MatchString(r.ID)) {
				t.Errorf("%s: %+v is not as the API spells it", s.Name, r)
			}
		}
		want := standard.Versions()
		for _, suite := range schema.Suites() {
			want = append(want, suite.Name)
		}
		want = append(want, standard.Suites13()...)
		slices.Sort(want)
		slices.Sort(subjects)
		if !slices.Equal(subjects, want) {
			t.Errorf("%s speaks of %q, want %q", s.Name, subjects, want)
		}
	}
}

// The column of PCI DSS is Cloudflare's list for it.
func TestPCIListIsCloudflares(t *testing.T) {
	pci, _ := standard.Lookup("pci-dss")
	for _, s := range schema.Suites() {
		want := slices.Contains(schema.CipherList("pci"), s.Name)
		if got := pci.OfSuite(s.Name).Accepts(); got != want {
			t.Errorf("%s: accepted %v, want %v", s.Name, got, want)
		}
	}
}

func list(name string) schema.Value { return schema.ListValue(schema.CipherList(name)) }

func TestJudge(t *testing.T) {
	gcm := schema.ListValue([]string{"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384"})
	const meets, short, unknown = standard.Meets, standard.FallsShort, standard.Unknown
	type results [7]standard.Result // in the order of standard.All
	for _, c := range []struct {
		name                    string
		minimum, tls13, ciphers schema.Value
		now                     time.Time
		want                    results
		remarks                 int // of all standards
	}{
		{"modern suites", `"1.2"`, `"on"`, list("modern"), now, results{meets, short, meets, short, short, meets, meets}, 2},
		{"GCM only", `"1.2"`, `"on"`, gcm, now, results{meets, meets, meets, short, meets, meets, meets}, 2},
		{"compatible", `"1.2"`, `"on"`, list("compatible"), now, results{short, short, short, short, short, short, meets}, 2},
		{"every suite", `"1.2"`, `"on"`, "[]", now, results{short, short, short, short, short, short, short}, 2},
		{"old versions", `"1.0"`, `"on"`, gcm, now, results{short, short, short, short, short, short, short}, 2},
		{"TLS 1.3 only", `"1.3"`, `"on"`, "", now, results{meets, meets, meets, meets, meets, meets, meets}, 4},
		{"early data", `"1.2"`, `"zrt"`, gcm, now, results{meets, meets, meets, short, meets, meets, meets}, 2},
		{"no TLS 1.3", `"1.2"`, `"off"`, gcm, now, results{meets, short, meets, short, meets, meets, meets}, 1},
		{"BSI from 2032", `"1.2"`, `"on"`, gcm, time.Date(2032, 1, 1, 0, 0, 0, 0, time.UTC), results{meets, meets, meets, short, short, meets, meets}, 2},
		{"BSI until 2031", `"1.2"`, `"on"`, gcm, time.Date(2031, 12, 31, 23, 59, 59, 0, time.UTC), results{meets, meets, meets, short, meets, meets, meets}, 2},
		{"no list known", `"1.2"`, `"on"`, "", now, results{unknown, unknown, unknown, short, unknown, unknown, unknown}, 2},
		{"no minimum known", "", `"on"`, gcm, now, results{unknown, unknown, unknown, unknown, unknown, unknown, unknown}, 2},
		{"no list known, and an old version", `"1.1"`, `"on"`, schema.Inherit, now, results{short, short, short, short, short, short, short}, 2},
		{"nothing known", schema.Inherit, "", "", now, results{unknown, unknown, unknown, unknown, unknown, unknown, unknown}, 0},
		{"a value that nobody knows", `"1.4"`, `"on"`, gcm, now, results{unknown, unknown, unknown, unknown, unknown, unknown, unknown}, 2},
		{"a suite that nobody knows", `"1.2"`, `"on"`, `["NEW-SUITE"]`, now, results{short, short, short, short, short, short, short}, 2},
	} {
		offer := standard.OfferOf(schema.Handshake{Minimum: c.minimum, TLS13: c.tls13, Ciphers: c.ciphers})
		remarks := 0
		for i, s := range standard.All() {
			a := s.Judge(&offer, c.now)
			if a.Result != c.want[i] {
				t.Errorf("%s: %s is %s, want %s: %+v", c.name, s.Name, a.Result, c.want[i], a.Reasons)
			}
			if (a.Result == meets) != (len(a.Reasons) == 0) {
				t.Errorf("%s: %s %s for %+v", c.name, s.Name, a.Result, a.Reasons)
			}
			remarks += len(a.Remarks)
		}
		if remarks != c.remarks {
			t.Errorf("%s: %d remarks, want %d", c.name, remarks, c.remarks)
		}
	}
}

// A minimum that is higher, and a list that is shorter, never falls short where the lower
// and the longer do not, but for a list that is empty and so means every suite.
func TestStricterIsNoWorse(t *testing.T) {
	all := schema.CipherList("legacy")
	for _, s := range standard.All() {
		for n := 1; n <= len(all); n++ {
			longer := schema.ListValue(all[:n])
			for drop := range n {
				if n == 1 {
					continue
				}
				shorter := schema.ListValue(slices.Delete(slices.Clone(all[:n]), drop, drop+1))
				a, b := standard.OfferOf(schema.Handshake{Minimum: `"1.2"`, TLS13: `"on"`, Ciphers: longer}), standard.OfferOf(schema.Handshake{Minimum: `"1.2"`, TLS13: `"on"`, Ciphers: shorter})
				if s.Judge(&a, now).Result == standard.Meets && s.Judge(&b, now).Result != standard.Meets {
					t.Errorf("%s: %s meets it, and without %s it does not", s.Name, longer, all[drop])
				}
			}
		}
	}
}
