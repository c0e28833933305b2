package schema

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// The words for a setting without a value of its own: inherit follows the zone,
// default is Cloudflare's own value.
const (
	WordInherit = "inherit"
	WordDefault = "default"
)

// origin.sni may be the name that the visitor asked for, which Cloudflare writes
// as requestHostHeader.
const (
	originSNI         = "origin.sni"
	requestHostHeader = ":request_host_header:"
)

// Problem is a mistake in a setting's value. It is reported at once if the value
// is written in its place, and at each use if a profile contains it.
type Problem struct {
	Node    *yaml.Node
	Rule    string
	Message string
	Hint    string
}

// badValue returns a single problem in the form of a result of readValue.
func badValue(n *yaml.Node, rule, hint, format string, args ...any) (value, wire Value, problems []Problem) {
	return "", "", []Problem{{n, rule, fmt.Sprintf(format, args...), hint}}
}

// ReadValue reads the value of a setting at a level. It returns the canonical
// form and the form to send. If it returns problems that are empty but not nil,
// the mistake has already been reported.
func ReadValue(s *Setting, n *yaml.Node, l Level) (value, wire Value, problems []Problem) {
	switch {
	case n.Kind == yaml.AliasNode:
		return "", "", []Problem{} // vet reported it
	case !s.On(l):
		return badValue(n, "setting-level", levelHint(s), "%s cannot be set on %s", s.ID, l)
	case n.Kind == yaml.ScalarNode && (n.Value == WordInherit || n.Value == WordDefault):
		return readNoValue(s, n, l)
	case s.ID == Ciphers:
		return readCiphers(n, l)
	case len(s.Fields) > 0, s.ID == UniversalSSL && n.Kind == yaml.MappingNode:
		return readObject(s, n)
	case n.Kind != yaml.ScalarNode:
		hint := ""
		if n.Kind == yaml.MappingNode && s.TakesAtLeast() {
			bound := s.Values[len(s.Values)-1]
			if len(n.Content) == 2 && slices.Contains(s.Values, n.Content[1].Value) {
				bound = n.Content[1].Value
			}
			hint = "for a lower bound, write { at_least: " + StringValue(bound).YAML() + " }"
		}
		return badValue(n, "wrong-type", hint, "%s must be a single value, not %s", s.ID, KindName(n.Kind))
	case s.ID == originSNI && n.Value == requestHostHeader:
		return StringValue(n.Value), StringValue(n.Value), nil
	case s.Hostname:
		name, err := CanonicalHostname(n.Value)
		if err != nil {
			return badValue(n, "hostname", "", "%s: %v", s.ID, err)
		}
		return StringValue(name), StringValue(name), nil
	case s.Boolean:
		b, ok := boolText(n.Value)
		if !ok {
			return badValue(n, "setting-value", boolHint(n.Value), "%s %s is not one of true, false", s.ID, Show(n.Value))
		}
		return Value(b), Value(b), nil
	}
	return readWord(s, n, l)
}

// readNoValue reads inherit or default.
func readNoValue(s *Setting, n *yaml.Node, l Level) (value, wire Value, problems []Problem) {
	switch {
	case l == CertificateLevel:
		return badValue(n, "setting-value", "write a value, or remove the line to leave it unmanaged", "%s takes neither inherit nor default", s.ID)
	case n.Value == WordInherit && l == ZoneLevel:
		return badValue(n, "setting-value", "write default for Cloudflare's own value, or remove the line to leave it unmanaged",
			"%s: a zone has nothing to inherit from", s.ID)
	case n.Value == WordInherit:
		return Inherit, Inherit, nil
	case l != ZoneLevel:
		return badValue(n, "setting-value", "write inherit to follow the zone", "%s: default is for zones only", s.ID)
	case s.Default == "" && s.Hostname:
		return badValue(n, "setting-value", "write a hostname", "%s has no default", s.ID)
	case s.Default == "":
		return badValue(n, "setting-value", "write a value", "%s has no default: Cloudflare's depends on the plan of the zone", s.ID)
	}
	return s.Default, s.Default, nil
}

// readWord reads one of the accepted values.
func readWord(s *Setting, n *yaml.Node, l Level) (value, wire Value, problems []Problem) {
	text := onOff(n.Value, s.Values)
	if s.accepts(text, l) {
		v := StringValue(text)
		return v, v, nil
	}

	accepted := s.Accepted(l)
	if slices.Contains(s.ZoneOnly, text) {
		return badValue(n, "setting-value", fmt.Sprintf("%s accept %s", l, strings.Join(accepted, ", ")), "%s %s is for zones only", s.ID, Show(text))
	}
	hint := valueHint(text, accepted)
	if bound := meantWord(text, accepted); strings.HasPrefix(text, ">") && bound != "" && s.TakesAtLeast() { // the bound itself would also lower
		hint = "for a lower bound, write { at_least: " + StringValue(bound).YAML() + " }"
	}
	return badValue(n, "setting-value", hint, "%s %s is not one of %s", s.ID, Show(text), strings.Join(accepted, ", "))
}

// levelHint says where a setting can be set.
func levelHint(s *Setting) string {
	var levels []string
	for _, l := range []Level{ZoneLevel, HostnameLevel, CustomHostnameLevel} {
		if s.On(l) {
			levels = append(levels, l.String())
		}
	}
	return "it is a setting of " + strings.Join(levels, " and of ")
}

// onOff returns on for true and off for false if the setting accepts on.
func onOff(text string, accepted []string) string {
	if slices.Contains(accepted, "on") {
		switch text {
		case "true":
			return "on"
		case "false":
			return "off"
		}
	}
	return text
}

// versionText matches how people write a version of TLS: 1.2.0, TLSv1.2, tls_1_2, and
// "TLS 1.2 (recommended)" as the dashboard does.
var versionText = LazyRegexp(`^(?i:(?:tls)?[\s_]*v?[\s_]*)(\d)(?:[.,_]?(\d))?(?:[.,]?0*)(?:\s*\([a-z ]*\))?$`)

// valueHint says which accepted value a text most likely means.
func valueHint(text string, accepted []string) string {
	trimmed := strings.ToLower(strings.TrimSpace(text))
	if meant := meantValue(trimmed, accepted); meant != "" {
		return "write " + StringValue(meant).YAML()
	}
	if trimmed != "" && trimmed[0] >= 'a' { // a number is not near to one number more than to another
		return DidYouMean(text, append(slices.Clone(accepted), WordInherit, WordDefault))
	}
	return ""
}

// meantValue returns the accepted value that a text in lower case stands for,
// "" if it is not clear.
func meantValue(text string, accepted []string) string {
	if meant := meantWord(text, accepted); meant != "" && text != "" {
		return meant
	}

	m := versionText().FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	if version := m[1] + "." + cmp.Or(m[2], "0"); slices.Contains(accepted, version) {
		return version
	}
	return ""
}

// readCiphers reads the name of a list, or a list of suites. An empty list means
// every suite on a zone. It is not known what it means on a hostname.
func readCiphers(n *yaml.Node, l Level) (value, wire Value, problems []Problem) {
	switch {
	case n.Kind == yaml.ScalarNode:
		return readCipherList(n, l)
	case n.Kind != yaml.SequenceNode:
		return badValue(n, "wrong-type", "", "ciphers must be the name of a list, or a list of suites, not %s", KindName(n.Kind))
	case len(n.Content) == 0 && l != ZoneLevel:
		return badValue(n, "cipher", "write inherit to follow the zone, or legacy for every suite", "ciphers: an empty list has no documented meaning on %s", l)
	}

	list := make([]string, 0, len(n.Content))
	written := map[string]*yaml.Node{}
	for _, item := range n.Content {
		name, wrong := readSuite(item, written)
		if wrong != nil {
			problems = append(problems, *wrong)
		} else if name != "" {
			list = append(list, name)
		}
	}
	if len(problems) > 0 {
		return "", "", problems
	}
	return canonicalCiphers(list, l), ListValue(list), nil
}

// readCipherList reads the name of a list.
func readCipherList(n *yaml.Node, l Level) (value, wire Value, problems []Problem) {
	list := CipherList(n.Value)
	switch {
	case list == nil:
		return badValue(n, "cipher", cipherNameHint(n.Value), "ciphers %s is neither a list nor one of %s", Show(n.Value), strings.Join(cipherLists, ", "))
	case n.Value == "legacy" && l == ZoneLevel:
		return "[]", "[]", nil // the documented form of "every suite"
	}
	return canonicalCiphers(list, l), ListValue(list), nil
}

// readSuite reads an item of a list. written holds the items before it by name.
// The name is empty for an alias, which vet reports.
func readSuite(item *yaml.Node, written map[string]*yaml.Node) (name string, _ *Problem) {
	s, found := LookupSuite(item.Value)
	switch {
	case item.Kind == yaml.AliasNode:
		return "", nil
	case item.Kind != yaml.ScalarNode || IsNull(item):
		return "", &Problem{item, "cipher", "an item of ciphers must be the name of a suite", ""}
	case slices.ContainsFunc(tls13Suites, func(t string) bool { return strings.EqualFold(t, item.Value) }):
		return "", &Problem{item, "cipher", item.Value + " is a TLS 1.3 suite, which a list cannot contain",
			"remove it: TLS 1.3 suites are always available while tls_1_3 is on"}
	case CipherList(item.Value) != nil:
		return "", &Problem{item, "cipher", Show(item.Value) + " is the name of a whole list, not of a suite", "write ciphers: " + item.Value}
	case !found:
		return "", &Problem{item, "cipher", Show(item.Value) + " is not a cipher suite that Cloudflare accepts",
			cmp.Or(cipherStringHint(item.Value), DidYouMean(item.Value, suiteNames(item.Value)))}
	case written[s.Name] != nil:
		first := written[s.Name]
		return "", &Problem{item, "cipher", fmt.Sprintf("%s is already in the list, at line %d, column %d", sameSuite(item.Value, s.Name), first.Line, first.Column), ""}
	}
	written[s.Name] = item
	return s.Name, nil
}

// sameSuite returns the name of a suite as it is written, followed by
// Cloudflare's name if that is different.
func sameSuite(written, name string) string {
	if strings.EqualFold(written, name) {
		return name
	}
	return fmt.Sprintf("%s (%s)", written, name)
}

// suiteNames returns the names of all suites, by IANA or by Cloudflare,
// whichever the word resembles.
func suiteNames(word string) []string {
	iana := strings.Contains(word, "_")
	names := make([]string, len(suites))
	for i, s := range suites {
		if names[i] = s.Name; iana {
			names[i] = s.IANA
		}
	}
	return names
}

// cipherNameHint returns a hint for a word that is not the name of a list.
func cipherNameHint(word string) string {
	if hint := cipherStringHint(word); hint != "" {
		return hint
	}
	if s, ok := LookupSuite(word); ok {
		return "write it as a list: " + ListValue([]string{s.Name}).YAML()
	}
	if meant := meantWord(word, cipherLists); meant != "" {
		return "write " + meant
	}
	return DidYouMean(word, append(CipherLists(), WordInherit, WordDefault))
}

// cipherStringHint returns a hint for a text of several suites, as web servers take
// them: with colons, commas or spaces between. It returns "" for other texts.
func cipherStringHint(text string) string {
	names := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(":,; ", r) })
	var list []string
	for _, name := range names {
		if s, ok := LookupSuite(name); ok && !slices.Contains(list, s.Name) {
			list = append(list, s.Name)
		}
	}

	switch {
	case len(names) < 2:
		return ""
	case !slices.ContainsFunc(names, func(name string) bool { return CipherList(name) == nil }):
		return "write the name of one list, or a list of suites"
	case len(list) == len(names):
		return "write it as a list: " + ListValue(list).YAML()
	case len(list) > 0, strings.ContainsAny(text, ":!"):
		return "write the suites as a list, [A, B], or the name of a list; OpenSSL's words for selecting suites are not understood"
	}
	return ""
}

// IsNull reports whether a value is missing or is the word null.
func IsNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }
