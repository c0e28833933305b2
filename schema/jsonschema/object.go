package jsonschema

import (
	"encoding/json"
	"strings"
)

// object is a JSON object whose members keep the order in which they are written, so
// that the schema reads like the documentation and is the same every time.
type object []member

type member struct {
	name  string
	value any
}

// oneLine is how long a value may be that stands on a line of its own.
const oneLine = 100

// layOut writes a value as JSON, as a person would: what is short stands on one line.
func layOut(b *strings.Builder, v any, depth int) {
	if short := flat(v); len(short) <= oneLine {
		b.WriteString(short)
		return
	}

	indent := "\n" + strings.Repeat("  ", depth+1)
	switch v := v.(type) {
	case object:
		for i, m := range v {
			b.WriteString(separator(i, "{") + indent + flat(m.name) + ": ")
			layOut(b, m.value, depth+1)
		}
		b.WriteString(indent[:len(indent)-2] + "}")
	case []object:
		for i, o := range v {
			b.WriteString(separator(i, "[") + indent)
			layOut(b, o, depth+1)
		}
		b.WriteString(indent[:len(indent)-2] + "]")
	case []any:
		for i, item := range v {
			b.WriteString(separator(i, "[") + indent + flat(item))
		}
		b.WriteString(indent[:len(indent)-2] + "]")
	default:
		b.WriteString(flat(v))
	}
}

// separator stands before an item: the first begins the list.
func separator(i int, opening string) string {
	if i == 0 {
		return opening
	}
	return ","
}

// flat returns a value on one line.
func flat(v any) string {
	switch v := v.(type) {
	case object:
		var parts []string
		for _, m := range v {
			parts = append(parts, flat(m.name)+": "+flat(m.value))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case []object:
		var parts []string
		for _, o := range v {
			parts = append(parts, flat(o))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case []any:
		var parts []string
		for _, item := range v {
			parts = append(parts, flat(item))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}

	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // it is read by people, and in no browser
	if err := e.Encode(v); err != nil {
		panic(err) // it is made of strings, numbers and lists
	}
	return strings.TrimSuffix(b.String(), "\n")
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
