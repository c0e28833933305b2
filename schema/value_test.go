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
