package schema

import (
	"testing"

	"gopkg.in/yaml.v3"
)

func TestShowAndYAML(t *testing.T) {
	many := ListValue([]string{"a.example", "b.example", "c.example", "d.example"})
	tests := []struct {
		value      Value
		show, yaml string
	}{
		{"", "unknown", ""},
		{Inherit, "inherit", "inherit"},
		{`"on"`, "on", "on"},
		{`"1.2"`, "1.2", `"1.2"`},
		{`"inherit"`, "inherit", `"inherit"`},
		{`"a: b"`, "a: b", `"a: b"`},
		{`""`, "", `""`},
		{"true", "true", "true"},
		{"31536000", "31536000", "31536000"},
		{"[]", "legacy", "legacy"},
		{canonicalCiphers(CipherList("compatible"), ZoneLevel), "compatible", "compatible"},
		{ListValue([]string{"AES128-SHA"}), "1 suite", "[AES128-SHA]"},
		{ListValue([]string{"AES128-SHA", "AES256-SHA"}), "2 suites", "[AES128-SHA, AES256-SHA]"},
		{many, "a.example, b.example, c.example, …", "[a.example, b.example, c.example, d.example]"},
		{ListValue([]string{"192.0.2.1", "true"}), "192.0.2.1, true", `["192.0.2.1", "true"]`},
		{`[1,2]`, "[1,2]", "[1,2]"},
		{`{"max_age":0,"enabled":true}`, "enabled: true, max_age: 0", "{ enabled: true, max_age: 0 }"},
	}
	for _, tt := range tests {
		show, yamlText := tt.value.Show(), tt.value.YAML()
		if show != tt.show || yamlText != tt.yaml {
			t.Errorf("%s: Show is %q, want %q; YAML is %q, want %q", tt.value, show, tt.show, yamlText, tt.yaml)
		}
		if err := yaml.Unmarshal([]byte(yamlText), new(any)); err != nil {
			t.Errorf("%s: %q is not YAML: %v", tt.value, yamlText, err)
		}
	}
}

// TestYAMLReadsBack checks that a configuration can use what YAML returns.
func TestYAMLReadsBack(t *testing.T) {
	read := func(s *Setting, v Value, l Level) {
		var doc yaml.Node
		if err := yaml.Unmarshal([]byte(v.YAML()), &doc); err != nil {
			t.Fatalf("%s: %s is not YAML: %v", s.ID, v.YAML(), err)
		}
		got, _, problems := ReadValue(s, doc.Content[0], l)
		if problems != nil || got != v {
			t.Errorf("%s on %s: %s is written as %s, which reads as %s %v", s.ID, l, v, v.YAML(), got, problems)
		}
	}
	for i := range table {
		s := &table[i]
		for _, l := range []Level{ZoneLevel, HostnameLevel, CustomHostnameLevel, CertificateLevel} {
			if !s.On(l) {
				continue
			}
			for _, text := range s.Accepted(l) {
				read(s, StringValue(text), l)
			}
			if s.Default != "" && l == ZoneLevel {
				read(s, s.Default, l)
			}
			if l != ZoneLevel && l != CertificateLevel {
				read(s, Inherit, l)
			}
			if s.ID == Ciphers {
				for _, name := range cipherLists {
					read(s, canonicalCiphers(CipherList(name), l), l)
				}
				read(s, rsaList, l)
				read(s, oldRSA, l)
			}
			if s.Hostname {
				read(s, `"origin.example"`, l)
			}
		}
	}
}
