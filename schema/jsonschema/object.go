package jsonschema

import (
	"bytes"
	"encoding/json"
)

// object is a JSON object whose members keep the order in which they are written, so
// that the schema reads like the documentation and is the same every time.
type object []member

type member struct {
	name  string
	value any
}

// MarshalJSON writes the members in their order.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}

		name, err := marshal(m.name)
		if err != nil {
			return nil, err
		}
		value, err := marshal(m.value)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// marshal leaves <, > and & as they are: the schema is read by people and in no browser.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// with returns a schema with further members. The schema itself stays as it is.
func (o object) with(more ...member) object {
	return append(o[:len(o):len(o)], more...)
}

// about returns a schema with a description in front.
func (o object) about(text string) object {
	return append(object{{"description", text}}, o...)
}

// ref refers to a definition.
func ref(name string) object { return object{{"$ref", "#/$defs/" + name}} }

// enum accepts the given values and nothing else.
func enum(values ...any) object { return object{{"enum", values}} }

// anyOf accepts what one of the schemas accepts.
func anyOf(schemas ...object) object { return object{{"anyOf", schemas}} }

// not accepts what a schema refuses.
func not(s object) object { return object{{"not", s}} }

// array accepts a list of values.
func array(item object, more ...member) object {
	return object{{"type", "array"}, {"items", item}}.with(more...)
}

// oneOrMore accepts a value, or a list of at least one.
func oneOrMore(item object) object {
	return anyOf(item, array(item, member{"minItems", 1}))
}

// mapping accepts an object with these members and no others.
func mapping(properties object, more ...member) object {
	return object{{"type", "object"}, {"properties", properties}, {"additionalProperties", false}}.with(more...)
}

// named accepts an object of any members whose names and values fit.
func named(names, values object) object {
	return object{{"type", "object"}, {"propertyNames", names}, {"additionalProperties", values}}
}

// when adds a condition: what fits the first schema has to fit the second.
func when(condition, then object) object {
	return object{{"if", condition}, {"then", then}}
}

// has accepts an object whose member is there and fits.
func has(name string, value object) object {
	return object{{"required", []string{name}}, {"properties", object{{name, value}}}}
}
