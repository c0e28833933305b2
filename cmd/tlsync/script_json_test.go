package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// jsonVerb is "json FILE PATH WANT": the value at a path such as
// changes.0.edits.1.from, as JSON text; "len" at the end counts a list.
func jsonVerb(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: [!] json file path want")
	}
	dec := json.NewDecoder(strings.NewReader(ts.ReadFile(args[0])))
	dec.UseNumber()
	var v any
	ts.Check(dec.Decode(&v))
	for _, part := range strings.Split(args[1], ".") {
		var err error
		v, err = member(v, part)
		if err != nil {
			ts.Fatalf("%s: %v", args[1], err)
		}
	}
	b, err := json.Marshal(v)
	ts.Check(err)
	if (string(b) == args[2]) == neg {
		ts.Fatalf("%s is %s", args[1], b)
	}
}

func member(v any, part string) (any, error) {
	switch v := v.(type) {
	case map[string]any:
		m, ok := v[part]
		if !ok {
			return nil, fmt.Errorf("no member %q", part)
		}
		return m, nil
	case []any:
		if part == "len" {
			return json.Number(strconv.Itoa(len(v))), nil
		}
		i, err := strconv.Atoi(part)
		if err != nil || i < 0 || i >= len(v) {
			return nil, fmt.Errorf("no item %q of %d", part, len(v))
		}
		return v[i], nil
	}
	return nil, fmt.Errorf("no member %q of %v", part, v)
}

// shape is what a JSON value must be: a type, or a choice of strings, or a
// structure of shapes.
type shape func(path string, v any) error

// planShape is the plan as the public contract gives it, member by member,
// written down here once more so that a change of a Go type does not go
// unnoticed.
func planShape() shape {
	changed := object("since", text, "before", text, "at?", text, "old?", text, "new?", text, "earlier?", whole, "own?", text,
		"by", listOf(object("email?", text, "way?", text, "token?", text, "cloudflare?", boolean, "ray?", text)))
	origin := object("file", text, "line", whole, "column", whole, "via", text, "commit?", text, "author?", text)
	value := orNull(anything)
	return object(
		"format_version", oneOf("1"),
		"tool", object("name", oneOf("tlsync"), "version", text),
		"config", object("digest", text, "commit", text, "base_commit", text, "dirty", boolean),
		"summary", object("zones", whole, "objects", whole, "changes", whole, "edits", whole,
			"causes", object("change", whole, "drift", whole, "conflict", whole, "adopt", whole),
			"requests", object("read", whole, "write", whole),
			"withheld?", whole, "adopted?", whole, "account_names?", anything, "estimated_seconds", whole),
		"changes", listOf(object(
			"id", text, "zone", text,
			"kind", oneOf("zone", "hostname", "custom_hostname", "mtls_certificate", "mtls_hostname", "access_application", "alert"),
			"name", text,
			"edits", listOf(object("setting", text, "from", value, "to", value, "effective_from", value, "effective_to", value, "committed?", value,
				"cause", oneOf("change", "drift", "conflict", "adopt"),
				"direction", oneOf("strengthens", "weakens", "changes"),
				"origin", origin, "changed?", changed)),
			"action", oneOf("create", "update", "delete"),
			"request", object("method", oneOf("PATCH", "PUT", "POST", "DELETE"), "path", text, "body", anything),
			"needs", listOf(text),
			"reasons?", listOf(text), // why it waits for what it needs
			"hazards", listOf(object("kind", text, "message", text)),
			"authority?", object("subject?", text, "expires?", text))),
		"findings", listOf(object("severity", oneOf("error", "warning", "info"), "rule", text, "object", text, "message", text, "origin?", origin)),
		"digest", text, "checksum", text)
}

// jsonPlanVerb is "json-plan FILE": exactly the members of the contract, and
// needs that name changes which come before.
func jsonPlanVerb(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: json-plan file")
	}
	raw := []byte(ts.ReadFile(args[0]))
	var v any
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	ts.Check(dec.Decode(&v))
	ts.Check(planShape()("plan", v))
	var plan struct {
		Summary struct{ Changes int }
		Changes []struct {
			ID    string
			Needs []string
		}
	}
	ts.Check(json.Unmarshal(raw, &plan))
	if plan.Summary.Changes != len(plan.Changes) {
		ts.Fatalf("the summary counts %d changes of %d", plan.Summary.Changes, len(plan.Changes))
	}
	var seen []string
	for _, c := range plan.Changes {
		for _, need := range c.Needs {
			if !slices.Contains(seen, need) {
				ts.Fatalf("change %s needs %s, which does not come before it", c.ID, need)
			}
		}
		if slices.Contains(seen, c.ID) {
			ts.Fatalf("two changes have the id %s", c.ID)
		}
		seen = append(seen, c.ID)
	}
}

func text(path string, v any) error {
	if _, ok := v.(string); !ok {
		return fmt.Errorf("%s is %v, want a string", path, v)
	}
	return nil
}

func whole(path string, v any) error {
	if n, ok := v.(json.Number); ok {
		if _, err := n.Int64(); err == nil {
			return nil
		}
	}
	return fmt.Errorf("%s is %v, want a whole number", path, v)
}

func boolean(path string, v any) error {
	if _, ok := v.(bool); !ok {
		return fmt.Errorf("%s is %v, want true or false", path, v)
	}
	return nil
}

func anything(path string, v any) error {
	if v == nil {
		return fmt.Errorf("%s is null", path)
	}
	return nil
}

func orNull(s shape) shape {
	return func(path string, v any) error {
		if v == nil {
			return nil
		}
		return s(path, v)
	}
}

func oneOf(words ...string) shape {
	return func(path string, v any) error {
		if s, ok := v.(string); !ok || !slices.Contains(words, s) {
			return fmt.Errorf("%s is %v, want one of %v", path, v, words)
		}
		return nil
	}
}

func listOf(s shape) shape {
	return func(path string, v any) error {
		items, ok := v.([]any)
		if !ok {
			return fmt.Errorf("%s is %v, want a list", path, v)
		}
		for i, item := range items {
			if err := s(fmt.Sprintf("%s[%d]", path, i), item); err != nil {
				return err
			}
		}
		return nil
	}
}

// object takes names and shapes in turn; a name that ends in "?" may be missing.
func object(members ...any) shape {
	return func(path string, v any) error {
		m, ok := v.(map[string]any)
		if !ok {
			return fmt.Errorf("%s is %v, want an object", path, v)
		}
		known := map[string]bool{}
		for i := 0; i < len(members); i += 2 {
			name, optional := strings.CutSuffix(members[i].(string), "?")
			known[name] = true
			value, given := m[name]
			if !given {
				if optional {
					continue
				}
				return fmt.Errorf("%s has no member %q", path, name)
			}
			s, ok := members[i+1].(shape)
			if !ok {
				s = members[i+1].(func(string, any) error)
			}
			if err := s(path+"."+name, value); err != nil {
				return err
			}
		}
		for name := range m {
			if !known[name] {
				return fmt.Errorf("%s has a member %q, which the contract does not know", path, name)
			}
		}
		return nil
	}
}
