package schema

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"tlsync/schema/words"
)

// Value is the value of a setting as canonical JSON text, so that equal values
// compare with ==: "1.2" with its quotes, a list of cipher suites, an object, or
// Inherit.
type Value string

// Inherit means that an object has no value of its own and follows the zone.
const Inherit Value = "null"

// MarshalJSON returns the text itself, and null for the zero Value.
func (v Value) MarshalJSON() ([]byte, error) {
	if v == "" {
		return []byte("null"), nil
	}
	return []byte(v), nil
}

// UnmarshalJSON stores the compacted text.
func (v *Value) UnmarshalJSON(b []byte) error {
	*v = Value(compact(b))
	return nil
}

// Text returns a string without its quotes, and any other value as it is.
func (v Value) Text() string {
	var s string
	if json.Unmarshal([]byte(v), &s) == nil && v != Inherit {
		return s
	}
	return string(v)
}

// List returns the value as a list of strings, or nil if it is not one.
func (v Value) List() []string {
	var l []string
	if json.Unmarshal([]byte(v), &l) != nil {
		return nil
	}
	return l
}

// Fields returns an object as messages print it, "enabled: true, max_age: 0",
// with its members sorted by name.
func (v Value) Fields() string {
	m := v.members()
	parts := make([]string, 0, len(m))
	for _, name := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, name+": "+Value(m[name]).Text())
	}
	return strings.Join(parts, ", ")
}

// Without returns an object without the members that have the same value in
// another object. A value that is not an object is returned as it is.
func (v Value) Without(other Value) Value {
	m, o := v.members(), other.members()
	if m == nil || o == nil {
		return v
	}
	for name, raw := range o {
		if string(m[name]) == string(raw) {
			delete(m, name)
		}
	}
	return objectValue(m)
}

// Show returns the value as messages print it: the name of a list of ciphers or
// the number of its suites, "inherit" for a value that follows the zone, and
// "unknown" for one that was not read.
func (v Value) Show() string {
	switch {
	case v == "":
		return "unknown"
	case v == Inherit:
		return WordInherit
	case v[0] == '{':
		return v.Fields()
	case v[0] != '[':
		return v.Text()
	}

	list := v.List()
	switch {
	case list == nil:
		return string(v)
	case CipherListName(v) != "":
		return CipherListName(v)
	case !areSuites(list):
		return words.First(list) // hostnames, or addresses
	}
	return words.Count(len(list), "suite")
}

// areSuites reports whether a list holds nothing but known cipher suites.
func areSuites(list []string) bool {
	return !slices.ContainsFunc(list, func(name string) bool { _, known := LookupSuite(name); return !known })
}

// YAML returns the value on one line as a configuration writes it: on, "1.2",
// modern, [AES128-SHA, AES256-SHA], { enabled: true, max_age: 0 }. It is empty
// for a value that is not known.
func (v Value) YAML() string {
	if v == Inherit {
		return WordInherit
	}

	if name := CipherListName(v); name != "" {
		return name
	}

	if list := v.List(); list != nil {
		items := make([]string, len(list))
		for i, s := range list {
			items[i] = yamlString(s)
		}
		return "[" + strings.Join(items, ", ") + "]"
	}

	if m := v.members(); len(m) > 0 {
		parts := make([]string, 0, len(m))
		for _, name := range slices.Sorted(maps.Keys(m)) {
			parts = append(parts, yamlString(name)+": "+Value(m[name]).YAML())
		}
		return "{ " + strings.Join(parts, ", ") + " }"
	}

	var s string
	if json.Unmarshal([]byte(v), &s) == nil {
		return yamlString(s)
	}
	return string(v) // a number or a boolean; JSON is YAML
}

// yamlString writes a string without quotes if it is a plain word that has no
// other meaning in YAML or in a configuration.
func yamlString(s string) string {
	if !isWord(s) || slices.Contains([]string{"null", "true", "false", WordInherit, WordDefault}, strings.ToLower(s)) {
		return quote(s)
	}
	return s
}

// isWord reports whether a string consists of letters, digits and -_. and begins
// with a letter.
func isWord(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || (c < '0' || c > '9') && strings.IndexByte("-_.", c) < 0) {
			return false
		}
	}
	return s != ""
}

// Member returns a member of an object, or "" if there is none of that name.
func (v Value) Member(name string) Value { return Value(v.members()[name]) }

// members returns the members of an object, or nil if the value is not one.
func (v Value) members() map[string]json.RawMessage {
	var m map[string]json.RawMessage
	if json.Unmarshal([]byte(v), &m) != nil {
		return nil
	}
	return m
}

// objectValue returns the Value of an object, with its members sorted by name.
func objectValue(m map[string]json.RawMessage) Value {
	b, err := json.Marshal(m)
	if err != nil {
		panic(err) // the members are valid JSON
	}
	return Value(b)
}

// StringValue returns the Value of a string.
func StringValue(s string) Value { return Value(quote(s)) }

// ListValue returns the Value of a list of strings; nil is the empty list.
func ListValue(l []string) Value {
	if len(l) == 0 {
		return "[]"
	}
	parts := make([]string, len(l))
	for i, s := range l {
		parts[i] = quote(s)
	}
	return Value("[" + strings.Join(parts, ",") + "]")
}

// quote returns a string as JSON text.
func quote(s string) string {
	if plain(s) {
		return `"` + s + `"` // the usual case, and much cheaper
	}
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string always marshals
	}
	return string(b)
}

// plain reports whether a string needs no escapes in JSON text.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || strings.IndexByte(`"\<>&`, c) >= 0 {
			return false
		}
	}
	return true
}

// compact returns JSON text without the white space between its tokens and with
// sorted members. It returns text that is not valid JSON as it is.
func compact(b []byte) string {
	b = []byte(strings.TrimSpace(string(b)))
	if len(b) == 0 || (b[0] != '[' && b[0] != '{') {
		return string(b)
	}
	var v any
	if json.Unmarshal(b, &v) != nil {
		return string(b)
	}

	out, err := json.Marshal(v)
	if err != nil {
		return string(b)
	}
	return string(out)
}
