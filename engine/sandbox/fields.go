package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// fields decodes an object and keeps which keys were sent.
func fields(b []byte) (map[string]json.RawMessage, error) {
	var m map[string]json.RawMessage
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, err
	}
	if m == nil {
		return nil, errors.New("null is not an object")
	}
	return m, nil
}

// unknownKey returns the first unknown key in alphabetical order, "" if all are
// known.
func unknownKey(m map[string]json.RawMessage, known ...string) string {
	for _, k := range sortedKeys(m) {
		if !slices.Contains(known, k) {
			return k
		}
	}
	return ""
}

func sortedKeys[M ~map[string]V, V any](m M) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// fieldType is the type of a field in a body. Null fits no type.
type fieldType int

const (
	aText fieldType = iota
	aBool
	someTexts
	anObject
	aList
)

var typeNames = []string{"a string", "true or false", "a list of strings", "an object", "a list"}

// field describes one key of a body.
type field struct {
	name     string
	is       fieldType
	required bool
}

// readFields decodes an object and checks its keys and types. Cloudflare ignores
// unknown keys, so a misspelt key changes nothing and nobody notices; here it is an
// error.
func readFields(body []byte, known []field) (map[string]json.RawMessage, error) {
	m, err := fields(body)
	if err != nil {
		return nil, fmt.Errorf("the body is not a JSON object")
	}

	for _, k := range sortedKeys(m) {
		i := slices.IndexFunc(known, func(f field) bool { return f.name == k })
		if i < 0 {
			return nil, fmt.Errorf("unknown field %s", k)
		}
		if !known[i].is.fits(m[k]) {
			return nil, fmt.Errorf("%s is not %s", k, typeNames[known[i].is])
		}
	}

	for _, f := range known {
		if _, given := m[f.name]; f.required && !given {
			return nil, fmt.Errorf("%s is missing", f.name)
		}
	}
	return m, nil
}

// fits reports whether a JSON text has the type.
func (t fieldType) fits(raw json.RawMessage) bool {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return false
	}

	switch v := v.(type) {
	case string:
		return t == aText
	case bool:
		return t == aBool
	case map[string]any:
		return t == anObject
	case []any:
		return t == aList || t == someTexts && !slices.ContainsFunc(v, func(item any) bool {
			_, text := item.(string)
			return !text
		})
	}
	return false
}

// as decodes a JSON text that fits the type. A missing text gives the zero value.
func as[T any](raw json.RawMessage) T {
	var v T
	if raw != nil {
		_ = json.Unmarshal(raw, &v) // the type has been checked
	}
	return v
}

// compact removes white space from JSON. Invalid JSON stays as it is.
func compact(b json.RawMessage) json.RawMessage {
	var v any
	if json.Unmarshal(b, &v) != nil {
		return b
	}
	return encode(v)
}
