package schema

import (
	"testing"
	"time"
)

func TestMeets(t *testing.T) {
	list := func(names ...string) Value { return ListValue(names) }
	modern, pci, compatible := ListValue(CipherList("modern")), ListValue(CipherList("pci")), ListValue(CipherList("compatible"))
	for _, tt := range []struct {
		setting      string
		limit, value Value
		want         bool
	}{
		{"min_tls_version", `"1.2"`, `"1.2"`, true},
		{"min_tls_version", `"1.2"`, `"1.3"`, true},
		{"min_tls_version", `"1.2"`, `"1.1"`, false},
		{"min_tls_version", `"1.2"`, `"2.0"`, false}, // nothing proves it
		{"tls_1_3", `"on"`, `"zrt"`, false},
		{"tls_1_3", `"zrt"`, `"on"`, true},
		{Ciphers, pci, modern, true},
		{Ciphers, compatible, modern, true},
		{Ciphers, modern, compatible, false},
		{Ciphers, modern, "[]", false}, // the empty list is all suites
		{Ciphers, "[]", "[]", true},
		{Ciphers, "[]", modern, true},
		{Ciphers, list("ECDHE-ECDSA-AES128-GCM-SHA256"), list("ECDHE-RSA-AES128-GCM-SHA256"), false}, // as strong, and not what the policy names
		{Ciphers, modern, `"odd"`, false},
	} {
		s, _ := LookupSetting(tt.setting)
		if got := s.Meets(tt.limit, tt.value); got != tt.want {
			t.Errorf("%s: %s within %s: %t", tt.setting, tt.value, tt.limit, got)
		}
	}
}

func TestExceptionHolds(t *testing.T) {
	at := func(day, clock string) time.Time {
		when, err := time.Parse(time.DateTime, day+" "+clock)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	e := Exception{Hostname: "**.bank.example", Until: "2027-03-31"}
	for _, tt := range []struct {
		name string
		now  time.Time
		want bool
	}{
		{"bank.example", time.Time{}, true},
		{"a.b.bank.example", at("2027-03-30", "23:59:59"), true},
		{"bank.example", at("2027-03-31", "00:00:00"), false},
		{"*.bank.example", at("2027-01-01", "00:00:00"), true}, // the children of a wildcard
		{"tank.example", at("2027-01-01", "00:00:00"), false},
	} {
		if got := e.Holds(tt.name, tt.now); got != tt.want {
			t.Errorf("%s at %s: %t", tt.name, tt.now, got)
		}
	}
	// An exception applies to the names below a wildcard if it matches all of them.
	for pattern, want := range map[string]bool{
		"*": true, "*.wild.example": true, "**.wild.example": true, "**.example": true, "*.*.example": true,
		"?.wild.example": false, "[!a].wild.example": false, "**.?.wild.example": false, "{wild.example,?.wild.example}": false,
		"a*.wild.example": false, "wild.example": false, "*.example": false,
	} {
		e := Exception{Hostname: pattern, Until: "2027-03-31"}
		if got := e.Holds("*.wild.example", time.Time{}); got != want {
			t.Errorf("%s is for everything below wild.example: %t", pattern, got)
		}
	}
}
