package cloudflare

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// unmarshal decodes a small answer, or a part of one, into what into points to.
// Unknown keys are skipped. A known key must have the type it always had, since a
// zero value in place of a misread one would pass for live state. A null member
// leaves its field alone, but null in place of the whole text is an error.
//
// Pages of custom hostnames are large and have a cursor instead.
func unmarshal(text []byte, into any) error {
	if string(bytes.TrimSpace(text)) == "null" {
		return fmt.Errorf("null where %s is expected", typeName(reflect.TypeOf(into).Elem()))
	}

	err := json.Unmarshal(text, into)
	var mismatch *json.UnmarshalTypeError
	if !errors.As(err, &mismatch) {
		return err
	}
	err = fmt.Errorf("%s where %s is expected", valueName(mismatch.Value), typeName(mismatch.Type))
	if mismatch.Field != "" {
		err = fmt.Errorf("%s: %w", strings.ReplaceAll(mismatch.Field, ".", ": "), err)
	}
	return err
}

// typeName describes a Go type as a JSON type, for messages.
func typeName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "a boolean"
	case reflect.Slice:
		return "a list"
	default:
		return "an object"
	}
}

// valueName describes the Value of a json.UnmarshalTypeError, for messages.
func valueName(value string) string {
	switch kind, _, _ := strings.Cut(value, " "); kind {
	case "array":
		return "a list"
	case "object":
		return "an object"
	case "bool":
		return "a boolean"
	default:
		return "a " + kind
	}
}

// decodeList decodes a list item by item.
func decodeList[T any](text []byte, decode func(item []byte) (T, error)) ([]T, error) {
	var items []json.RawMessage
	if err := unmarshal(text, &items); err != nil {
		return nil, err
	}
	out := make([]T, 0, len(items))
	for n, item := range items {
		v, err := decode(item)
		if err != nil {
			return out, fmt.Errorf("item %d: %w", n, err)
		}
		out = append(out, v)
	}
	return out, nil
}

// hasMembers reports whether a text is an object with all of the keys.
func hasMembers(text []byte, keys ...string) bool {
	var members map[string]json.RawMessage
	if unmarshal(text, &members) != nil {
		return false
	}
	for _, key := range keys {
		if _, ok := members[key]; !ok {
			return false
		}
	}
	return true
}
