package schema

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTable(t *testing.T) {
	var ids []string
	for i, s := range Table() {
		if slices.Contains(ids, s.ID) {
			t.Errorf("%s stands in the table twice", s.ID)
		}
		ids = append(ids, s.ID)
		if row, ok := LookupSetting(s.ID); !ok || row.ID != s.ID || Rank(s.ID) != i {
			t.Errorf("%s: not found at its place", s.ID)
		}
		kinds := 0
		for _, is := range []bool{s.ID == Ciphers, len(s.Values) > 0, len(s.Fields) > 0, s.Hostname, s.Boolean} {
			if is {
				kinds++
			}
		}
		if s.Levels == 0 || kinds != 1 {
			t.Errorf("%s: levels %d, and %d kinds of value", s.ID, s.Levels, kinds)
		}
		if s.On(CertificateLevel) != strings.Contains(s.ID, ".") || s.On(CertificateLevel) && s.On(AnyLevel) {
			t.Errorf("%s: levels %d", s.ID, s.Levels)
		}
		switch {
		case s.Default == "" || s.ID == Ciphers:
		case len(s.Fields) > 0:
			if got := s.Canonical([]byte(s.Default), ZoneLevel); got != s.Default {
				t.Errorf("%s: the default %s in canonical form is %s", s.ID, s.Default, got)
			}
		case !slices.Contains(s.Values, s.Default.Text()):
			t.Errorf("%s: the default %s is not among %q", s.ID, s.Default, s.Values)
		}
		for _, f := range s.Fields {
			if f.Max > 0 && len(f.Values) > 0 || f.Ranked && len(f.Values) > 0 {
				t.Errorf("%s: the member %s is of two kinds", s.ID, f.Name)
			}
		}
		for _, v := range s.ZoneOnly {
			if !slices.Contains(s.Accepted(ZoneLevel), v) || slices.Contains(s.Accepted(CustomHostnameLevel), v) {
				t.Errorf("%s: %s is not for zones only", s.ID, v)
			}
		}
	}
	var onCustomHostnames []string
	for _, s := range Table() {
		if s.On(CustomHostnameLevel) {
			onCustomHostnames = append(onCustomHostnames, s.ID)
		}
	}
	if diff := cmp.Diff([]string{"min_tls_version", "tls_1_3", "ciphers", "http2", "early_hints"}, onCustomHostnames); diff != "" {
		t.Error(diff)
	}
	if Rank("nonsense") <= Rank("early_hints") {
		t.Error("an unknown setting does not come last")
	}
}

func TestTableIsNotShared(t *testing.T) {
	Table()[0].ID = "changed"
	Suites()[0].Name = "changed"
	CipherLists()[0] = "changed"
	s, _ := LookupSetting("tls_1_3")
	s.Accepted(ZoneLevel)[0] = "changed"
	if table[0].ID == "changed" || suites[0].Name == "changed" || cipherLists[0] == "changed" || s.Values[0] == "changed" {
		t.Error("a caller can change the tables")
	}
}

func TestCanonical(t *testing.T) {
	for _, c := range []struct {
		id    string
		level Level
		raw   string
		want  Value
	}{
		{"min_tls_version", ZoneLevel, `"1.2"`, `"1.2"`},
		{"min_tls_version", CustomHostnameLevel, `""`, Inherit},
		{"min_tls_version", CustomHostnameLevel, `null`, Inherit},
		{"min_tls_version", CustomHostnameLevel, ``, Inherit},
		{"min_tls_version", ZoneLevel, ` "1.0" `, `"1.0"`},
		{"min_tls_version", ZoneLevel, `"9.9"`, `"9.9"`}, // never bent
		{"tls_1_3", ZoneLevel, `"zrt"`, `"zrt"`},
		{"ciphers", ZoneLevel, `[]`, `[]`},
		{"ciphers", ZoneLevel, `["AES128-SHA", "ECDHE-ECDSA-AES128-SHA"]`, `["ECDHE-ECDSA-AES128-SHA","AES128-SHA"]`},
		{"ciphers", CustomHostnameLevel, `[]`, `[]`},
		{"ciphers", CustomHostnameLevel, `["NEW-ECDSA-SUITE","AES128-SHA"]`, `["NEW-ECDSA-SUITE","AES128-SHA"]`},
		{"ciphers", ZoneLevel, string(ListValue(CipherList("legacy"))), `[]`},
		{"ciphers", CustomHostnameLevel, string(ListValue(CipherList("legacy"))), canonicalCiphers(CipherList("legacy"), CustomHostnameLevel)},
		{"http2", CustomHostnameLevel, `{"b": 1,  "a": 2}`, `{"a":2,"b":1}`},
		{"hsts", ZoneLevel, `{"preload": false, "max_age": 300, "new": 1, "nosniff": null}`, `{"enabled":false,"include_subdomains":false,"max_age":300,"nosniff":false,"preload":false}`},
		{"hsts", ZoneLevel, `null`, `{"enabled":false,"include_subdomains":false,"max_age":0,"nosniff":false,"preload":false}`},
		{"total_tls", ZoneLevel, `{"enabled":false,"certificate_authority":"google"}`, `{"enabled":false}`},
		{"hsts", ZoneLevel, `"on"`, `"on"`},
		{"total_tls", ZoneLevel, `{"enabled":true,"certificate_authority":"","validity_period":90}`, `{"enabled":true}`},
		{"fallback_origin", ZoneLevel, `"origin.a.example"`, `"origin.a.example"`},
		{"ssl.wildcard", CertificateLevel, `true`, `true`},
		{"origin.sni", CertificateLevel, `""`, Inherit},
	} {
		s, _ := LookupSetting(c.id)
		if got := s.Canonical([]byte(c.raw), c.level); got != c.want {
			t.Errorf("%s %s on %s: got %s, want %s", c.id, c.raw, c.level, got, c.want)
		}
	}
}

// TestMet distinguishes a value that Cloudflare completed by itself from another
// value.
func TestMet(t *testing.T) {
	for _, c := range []struct {
		id           string
		found, asked Value
		want         bool
	}{
		{"total_tls", `{"certificate_authority":"google","enabled":true}`, `{"enabled":true}`, true},
		{"total_tls", `{"certificate_authority":"google","enabled":true}`, `{"certificate_authority":"ssl_com","enabled":true}`, false},
		{"total_tls", `{"enabled":false}`, `{"certificate_authority":"google","enabled":false}`, true},
		{"total_tls", `{"enabled":false}`, `{"enabled":true}`, false},
		{"total_tls", Inherit, `{"enabled":true}`, false},
		{"min_tls_version", `"1.2"`, `"1.2"`, true},
		{"min_tls_version", Inherit, `"1.2"`, false},
		{"min_tls_version", `"1.2"`, Inherit, false},
		{"min_tls_version", Inherit, Inherit, true},
	} {
		s, _ := LookupSetting(c.id)
		if got := s.Met(c.found, c.asked); got != c.want {
			t.Errorf("%s %s, asked for %s: %t", c.id, c.found, c.asked, got)
		}
	}
}

func TestCompare(t *testing.T) {
	for _, c := range []struct {
		id       string
		from, to Value
		want     Direction
	}{
		{"min_tls_version", `"1.0"`, `"1.2"`, Strengthens},
		{"min_tls_version", `"1.3"`, `"1.2"`, Weakens},
		{"min_tls_version", `"1.2"`, `"1.2"`, Changes},
		{"min_tls_version", `"1.2"`, `"2.0"`, Changes},
		{"min_tls_version", `"1.2"`, Inherit, Changes},
		{"tls_1_3", `"zrt"`, `"on"`, Strengthens},
		{"tls_1_3", `"zrt"`, `"off"`, Weakens},
		{"ssl", `"flexible"`, `"strict"`, Strengthens},
		{"ssl_automatic_mode", `"auto"`, `"custom"`, Changes},
		{"http2", `"on"`, `"off"`, Changes},
		{"always_use_https", `"on"`, `"off"`, Weakens},
		{"universal_ssl", `"on"`, `"off"`, Weakens},
		{"hsts", `{"enabled":false}`, `{"enabled":true,"max_age":300}`, Strengthens},
		{"hsts", `{"enabled":true,"max_age":31536000}`, `{"enabled":true,"max_age":300}`, Weakens},
		{"hsts", `{"enabled":true,"max_age":300}`, `{"enabled":false,"max_age":31536000}`, Changes},
		{"hsts", `{"enabled":true}`, `{"enabled":true,"max_age":0}`, Changes}, // what is missing is least
		{"total_tls", `{"certificate_authority":"google","enabled":true}`, `{"certificate_authority":"ssl_com","enabled":true}`, Changes},
		{"fallback_origin", `"a.example"`, `"b.example"`, Changes},
	} {
		s, _ := LookupSetting(c.id)
		if got := s.Compare(c.from, c.to); got != c.want {
			t.Errorf("%s %s to %s: %s, want %s", c.id, c.from, c.to, got, c.want)
		}
	}
}

func TestMerge(t *testing.T) {
	for _, c := range []struct {
		id                string
		live, asked, want Value
	}{
		{"hsts", `{"enabled":false,"max_age":0,"preload":false}`, `{"enabled":true,"max_age":300}`, `{"enabled":true,"max_age":300,"preload":false}`},
		{"hsts", `{"enabled":true}`, `{"enabled":true}`, `{"enabled":true}`},
		{"hsts", Inherit, `{"enabled":true}`, `{"enabled":true}`},
		{"hsts", `"broken"`, `{"enabled":true}`, `{"enabled":true}`},
		{"min_tls_version", `"1.0"`, `"1.2"`, `"1.2"`},
	} {
		s, _ := LookupSetting(c.id)
		if got := s.Merge(c.live, c.asked); got != c.want {
			t.Errorf("%s: %s over %s is %s, want %s", c.id, c.asked, c.live, got, c.want)
		}
	}
	if v := Value(`{"enabled":true}`); v.Member("enabled") != "true" || v.Member("max_age") != "" || Value(`"on"`).Member("enabled") != "" {
		t.Error("a member of a value")
	}
}

func TestValueSurvivesJSON(t *testing.T) {
	for _, v := range []Value{`"1.2"`, Inherit, `["a","b"]`, `[]`, StringValue("a\"b\u2028")} {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var back Value
		if err := json.Unmarshal(b, &back); err != nil || back != v {
			t.Errorf("%s became %s, %v", v, back, err)
		}
	}
	if b, err := json.Marshal(Value("")); err != nil || string(b) != "null" {
		t.Errorf("the zero value became %s, %v", b, err)
	}
	if Value(`"1.2"`).Text() != "1.2" || Inherit.Text() != "null" || Value(`[]`).Text() != "[]" {
		t.Error("text of a value")
	}
}

// TestCipherLists compares the lists with Cloudflare's documentation, by the
// numbers of its table of suites.
func TestCipherLists(t *testing.T) {
	want := map[string][]int{
		"modern":     {1, 2, 3, 4, 12, 14},
		"pci":        {1, 3, 12, 14, 2, 4},
		"compatible": {1, 2, 3, 4, 12, 14, 5, 7, 13, 15},
		"legacy":     {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20},
		"fips":       {1, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 19, 20},
	}
	for _, name := range CipherLists() {
		var numbers []int
		for _, suite := range CipherList(name) {
			numbers = append(numbers, 1+slices.IndexFunc(Suites(), func(s Suite) bool { return s.Name == suite }))
		}
		if diff := cmp.Diff(want[name], numbers); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		for _, l := range []Level{ZoneLevel, CustomHostnameLevel} {
			if got := CipherListName(canonicalCiphers(CipherList(name), l)); got != name {
				t.Errorf("%s on %s is found as %q", name, l, got)
			}
		}
	}
	if CipherList("nonsense") != nil || CipherListName(`["AES128-SHA"]`) != "" {
		t.Error("an unknown list has a value or a name")
	}
}

func TestSuites(t *testing.T) {
	below12 := []string{"ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA", "AES128-SHA", "ECDHE-RSA-AES256-SHA", "AES256-SHA", "DES-CBC3-SHA"}
	if len(Suites()) != 20 {
		t.Fatalf("%d suites", len(Suites()))
	}
	for _, s := range Suites() {
		for _, name := range []string{s.Name, s.IANA, strings.ToLower(s.Name), strings.ToLower(s.IANA)} {
			if got, ok := LookupSuite(name); !ok || got != s {
				t.Errorf("%s: found %v, %t", name, got, ok)
			}
		}
		if s.ECDSA != strings.Contains(s.Name, "ECDSA") || s.ECDSA != strings.Contains(s.IANA, "ECDSA") {
			t.Errorf("%s: key family", s.Name)
		}
		if s.TLS10 != slices.Contains(below12, s.Name) || s.TLS10 && s.Grade != Legacy {
			t.Errorf("%s: lowest protocol", s.Name)
		}
	}
	for _, name := range append([]string{"", "ECDHE-ECDSA-AES256-SHA"}, tls13Suites...) {
		if _, ok := LookupSuite(name); ok {
			t.Errorf("%q is found", name)
		}
	}
}

func TestCompareCiphers(t *testing.T) {
	list := func(name string) Value { return canonicalCiphers(CipherList(name), CustomHostnameLevel) }
	of := func(names ...string) Value { return canonicalCiphers(names, CustomHostnameLevel) }
	const gcm, cbc, old = "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA256", "AES128-SHA"
	for name, c := range map[string]struct {
		from, to Value
		want     Direction
	}{
		"fewer and better grades":          {list("legacy"), list("modern"), Strengthens},
		"the empty list is every suite":    {"[]", list("compatible"), Strengthens},
		"back to every suite":              {list("modern"), "[]", Weakens},
		"order only":                       {list("modern"), list("pci"), Changes},
		"the empty list written out":       {"[]", list("legacy"), Changes},
		"drops one of the worst":           {of(gcm, cbc, "ECDHE-RSA-AES256-SHA384"), of(gcm, cbc), Strengthens},
		"drops a good one, keeps the bad":  {of(gcm, old), of(old), Changes},
		"adds a bad one":                   {of(gcm), of(gcm, old), Weakens},
		"adds a good one beside a bad one": {of(old), of(gcm, old), Changes},
		"swaps a bad one for a good one":   {of(gcm, old), of(gcm, cbc), Strengthens},
		"swaps a good one for a bad one":   {of(gcm, cbc), of(gcm, old), Weakens},
		"swaps within a grade":             {of(gcm), of("ECDHE-RSA-AES256-GCM-SHA384"), Changes},
		"an unknown suite is the worst":    {of(gcm), of(gcm, "NEW"), Weakens},
		"no list at all":                   {Inherit, list("modern"), Changes},
	} {
		if got := compareCiphers(c.from, c.to); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
