package schema

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// CertificatesKey is the member of origin_pulls that lists certificates and is
// not a setting. Only the document of a single zone may have it; see
// zoneSettings.
const CertificatesKey = "certificates"

// preloadAge is the smallest max_age that the preload list of browsers accepts:
// a year, in seconds.
const preloadAge = 31536000

// onlyEnabled are the members of universal_ssl when it is written as a mapping.
// Its value stays on or off.
var onlyEnabled = []ObjectField{{Name: "enabled"}}

// readObject reads a setting that is an object: a mapping of its members, or on
// or off for its member enabled. The value contains only the members that are
// written; the others keep their live value.
func readObject(s *Setting, n *yaml.Node) (value, wire Value, problems []Problem) {
	fields := s.Fields
	if s.ID == UniversalSSL {
		fields = onlyEnabled
	}

	var members map[string]json.RawMessage
	switch n.Kind {
	case yaml.ScalarNode:
		enabled, ok := boolText(n.Value)
		if !ok {
			return "", "", []Problem{{n, "setting-value", fmt.Sprintf("%s %s is not on, off or a mapping of %s", s.ID, Show(n.Value), strings.Join(fieldNames(fields), ", ")),
				valueHint(n.Value, []string{"on", "off"})}}
		}
		members = map[string]json.RawMessage{"enabled": enabled}
	case yaml.MappingNode:
		members, problems = readMembers(s, fields, n)
	default:
		return "", "", []Problem{{n, "wrong-type", s.ID + " must be a mapping of its members, not " + KindName(n.Kind), ""}}
	}

	switch {
	case len(problems) > 0:
		return "", "", problems
	case len(members) == 0:
		return "", "", []Problem{} // vet reported why
	case s.ID == UniversalSSL && string(members["enabled"]) == "true":
		value = StringValue("on")
	case s.ID == UniversalSSL:
		value = StringValue("off")
	default:
		value = objectValue(members)
	}
	return value, value, nil
}

// readMembers reads the pairs of an object.
func readMembers(s *Setting, fields []ObjectField, n *yaml.Node) (members map[string]json.RawMessage, problems []Problem) {
	members = map[string]json.RawMessage{}
	written := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		raw, wrong := readMember(s.ID, fields, written, n.Content[i], n.Content[i+1])
		if wrong != nil {
			problems = append(problems, *wrong)
		} else if raw != nil {
			members[n.Content[i].Value] = raw
		}
	}

	if len(n.Content) == 0 {
		problems = append(problems, Problem{n, "missing-value", s.ID + " is empty", "write " + strings.Join(fieldNames(fields), ", ") + ", or some of them"})
	}
	if s.ID == HSTS {
		problems = append(problems, checkPreload(members, written)...)
	}
	return members, problems
}

// readMember reads a pair of an object. written holds the values of the pairs
// before it. It returns nothing for a mistake that vet has reported.
func readMember(id string, fields []ObjectField, written map[string]*yaml.Node, key, value *yaml.Node) (json.RawMessage, *Problem) {
	wrong := func(n *yaml.Node, rule, hint, format string, args ...any) (json.RawMessage, *Problem) {
		return nil, &Problem{n, rule, id + ": " + fmt.Sprintf(format, args...), hint}
	}

	names := fieldNames(fields)
	i := slices.Index(names, key.Value)
	switch {
	case key.Kind == yaml.AliasNode || value.Kind == yaml.AliasNode:
		return nil, nil
	case key.Kind != yaml.ScalarNode || IsNull(key):
		return wrong(key, "wrong-type", "", "a key must be a single word")
	case id == OriginPulls && key.Value == CertificatesKey:
		return wrong(key, "misplaced-key", "write them in the document of a single zone", "certificates are not allowed in a document for a pattern of zones")
	case i < 0:
		return wrong(key, "unknown-key", SuggestOrList(key.Value, names), "unknown member %s", Show(key.Value))
	case written[key.Value] != nil:
		return wrong(key, "duplicate-key", "", "%s is already written, at line %d", key.Value, written[key.Value].Line)
	}
	written[key.Value] = value

	switch f := &fields[i]; {
	case IsNull(value):
		return wrong(key, "missing-value", "remove the line, or write a value", "%s has no value", f.Name)
	case value.Kind != yaml.ScalarNode:
		return wrong(value, "wrong-type", "", "%s must be a single value, not %s", f.Name, KindName(value.Kind))
	case f.Max > 0:
		n, err := strconv.Atoi(value.Value)
		if err != nil || n < 0 || n > f.Max || strconv.Itoa(n) != value.Value {
			return wrong(value, "setting-value", secondsHint(value.Value, f.Max), "%s %s is not a whole number of seconds from 0 to %d", f.Name, Show(value.Value), f.Max)
		}
		return json.RawMessage(value.Value), nil
	case len(f.Values) > 0:
		if !slices.Contains(f.Values, value.Value) {
			return wrong(value, "setting-value", DidYouMean(value.Value, f.Values), "%s %s is not one of %s", f.Name, Show(value.Value), strings.Join(f.Values, ", "))
		}
		return json.RawMessage(quote(value.Value)), nil
	default:
		b, ok := boolText(value.Value)
		if !ok {
			return wrong(value, "setting-value", boolHint(value.Value), "%s %s is not one of true, false", f.Name, Show(value.Value))
		}
		return b, nil
	}
}

func fieldNames(fields []ObjectField) []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name
	}
	return names
}

// boolText reads the four words for a boolean.
func boolText(s string) (json.RawMessage, bool) {
	switch s {
	case "true", "on":
		return json.RawMessage("true"), true
	case "false", "off":
		return json.RawMessage("false"), true
	}
	return nil, false
}

// boolHint says which of true and false a word most likely means.
func boolHint(text string) string {
	switch valueHint(text, []string{"on", "off"}) {
	case "write on":
		return "write true"
	case "write off":
		return "write false"
	}
	return ""
}

var durationText = LazyRegexp(`^(\d{1,9}) ?(s|sec|seconds?|m|min|minutes?|h|hours?|d|days?|w|weeks?|y|years?)$`)

// secondsHint says how to write a time that is not a number of seconds.
func secondsHint(text string, most int) string {
	plain := strings.NewReplacer("_", "", ",", "", "'", "").Replace(strings.ToLower(strings.TrimSpace(text)))

	seconds := -1
	if n, err := strconv.Atoi(plain); err == nil {
		seconds = n
	} else if m := durationText().FindStringSubmatch(plain); m != nil {
		units := map[byte]int{'s': 1, 'm': 60, 'h': 3600, 'd': 86400, 'w': 7 * 86400, 'y': 365 * 86400}
		if n, err := strconv.Atoi(m[1]); err == nil {
			seconds = n * units[m[2][0]]
		}
	}

	switch {
	case seconds > most:
		return fmt.Sprintf("write at most %d", most)
	case seconds < 0:
		return "31536000 is a year; 0 makes browsers forget the header"
	}
	return "write " + strconv.Itoa(seconds)
}

// checkPreload checks the members against the rules of the preload list. Members
// that are not written may have the right value live.
func checkPreload(members map[string]json.RawMessage, written map[string]*yaml.Node) []Problem {
	if string(members["preload"]) != "true" || string(members["enabled"]) == "false" {
		return nil
	}
	var problems []Problem
	if string(members["include_subdomains"]) == "false" {
		problems = append(problems, Problem{written["preload"], "hsts-preload", "hsts: preload needs include_subdomains, which is off",
			"write include_subdomains: true once every name below the zone is served over HTTPS, or preload: false"})
	}

	if raw, ok := members["max_age"]; ok {
		if n, err := strconv.Atoi(string(raw)); err == nil && n < preloadAge {
			problems = append(problems, Problem{written["preload"], "hsts-preload", fmt.Sprintf("hsts: preload needs a max_age of at least %d (a year), not %d", preloadAge, n),
				fmt.Sprintf("write max_age: %d, or preload: false", preloadAge)})
		}
	}

	return problems
}
