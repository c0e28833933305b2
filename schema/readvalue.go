package schema

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// The words that say "no value of its own": one where the zone's value takes
// its place, one where Cloudflare's does.
const (
	wordInherit = "inherit"
	wordDefault = "default"
)

// The name that an origin is asked for in the handshake may also be the one that
// the visitor asked for, which Cloudflare writes in this way.
const (
	originSNI         = "origin.sni"
	requestHostHeader = ":request_host_header:"
)

// problem is a mistake in a setting's value. It is told at once where the value
// was written for its place, and at the place of use where a profile holds it.
type problem struct {
	node    *yaml.Node
	rule    string
	message string
	hint    string
}

func (d *decoder) tell(problems []problem) {
	for _, p := range problems {
		d.errorf(d.at(p.node), p.rule, p.hint, "%s", p.message)
	}
}

// readValue reads the value of a setting at one level: its canonical form, and
// what is sent for it.
func readValue(s *Setting, n *yaml.Node, l Level) (value, wire Value, problems []problem) {
	wrong := func(rule, hint, format string, args ...any) (Value, Value, []problem) {
		return "", "", []problem{{n, rule, fmt.Sprintf(format, args...), hint}}
	}
	switch {
	case n.Kind == yaml.AliasNode:
		return "", "", []problem{} // vet told
	case !s.On(l):
		return wrong("setting-level", levelHint(s), "%s cannot be set on %s", s.ID, l)
	case l == CertificateLevel && n.Kind == yaml.ScalarNode && (n.Value == wordInherit || n.Value == wordDefault):
		return wrong("setting-value", "write the value that you want, or remove the line to leave it alone", "%s: there is nothing to inherit from, and no default to send", s.ID)
	case n.Kind == yaml.ScalarNode && n.Value == wordInherit:
		if l == ZoneLevel {
			return wrong("setting-value", "write default for Cloudflare's own value, or remove the line to leave it alone",
				"%s: a zone has nothing to inherit from", s.ID)
		}
		return Inherit, Inherit, nil
	case n.Kind == yaml.ScalarNode && n.Value == wordDefault:
		if l != ZoneLevel {
			return wrong("setting-value", "write inherit to follow the zone", "%s: default is for zones only", s.ID)
		}
		if s.Default == "" && s.Hostname {
			return wrong("setting-value", "write the hostname that you want", "%s has no default to send", s.ID)
		}
		if s.Default == "" {
			return wrong("setting-value", "write the value that you want", "%s has no default to send: Cloudflare's depends on the plan of the zone", s.ID)
		}
		return s.Default, s.Default, nil
	case s.ID == Ciphers:
		return readCiphers(n, l)
	case len(s.Fields) > 0, s.ID == UniversalSSL && n.Kind == yaml.MappingNode:
		return readObject(s, n)
	case n.Kind != yaml.ScalarNode:
		return wrong("wrong-type", "", "%s must be a single value, not %s", s.ID, kindName(n.Kind))
	case s.ID == originSNI && n.Value == requestHostHeader:
		return StringValue(n.Value), StringValue(n.Value), nil
	case s.Hostname:
		name, err := CanonicalHostname(n.Value)
		if err != nil {
			return wrong("hostname", "", "%s: %v", s.ID, err)
		}
		return StringValue(name), StringValue(name), nil
	case s.Boolean:
		b, ok := boolText(n.Value)
		if !ok {
			return wrong("setting-value", boolHint(n.Value), "%s %s is not one of true, false", s.ID, show(n.Value))
		}
		return Value(b), Value(b), nil
	}
	text := onOff(n.Value, s.Values)
	if !s.accepts(text, l) {
		accepted := s.Accepted(l)
		if slices.Contains(s.ZoneOnly, text) {
			return wrong("setting-value", "", "%s %s is for zones only; %s take %s", s.ID, show(text), l, strings.Join(accepted, ", "))
		}
		return wrong("setting-value", valueHint(text, accepted), "%s %s is not one of %s", s.ID, show(text), strings.Join(accepted, ", "))
	}
	v := StringValue(text)
	return v, v, nil
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

// onOff reads true as on and false as off, where these are accepted.
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

var versionText = lazyRegexp(`^(?i:(?:tls)?\s*v?\s*)(\d)(?:[.,_](\d))?(?:[.,]?0*)$`)

// valueHint says which accepted value somebody most likely meant.
func valueHint(text string, accepted []string) string {
	trimmed := strings.ToLower(strings.TrimSpace(text))
	meant := ""
	switch {
	case slices.Contains(accepted, trimmed):
		meant = trimmed
	case slices.Contains(accepted, "on") && slices.Contains([]string{"yes", "y", "true", "1", "enabled", "enable"}, trimmed):
		meant = "on"
	case slices.Contains(accepted, "off") && slices.Contains([]string{"no", "n", "false", "0", "disabled", "disable", "none"}, trimmed):
		meant = "off"
	case slices.Contains(accepted, "zrt") && slices.Contains([]string{"0rtt", "0-rtt", "on+0rtt"}, trimmed):
		meant = "zrt"
	default:
		if m := versionText().FindStringSubmatch(trimmed); m != nil {
			minor := m[2]
			if minor == "" {
				minor = "0"
			}
			if v := m[1] + "." + minor; slices.Contains(accepted, v) {
				meant = v
			}
		}
	}
	switch {
	case meant == "" && trimmed != "" && trimmed[0] >= 'a': // one number is as near as another
		return didYouMean(text, append(slices.Clone(accepted), wordInherit, wordDefault))
	case meant == "":
		return ""
	}
	return "write " + StringValue(meant).YAML()
}

// readCiphers reads the name of a list, or a list of suites. An empty list is
// what a zone takes for every suite; on a hostname nobody knows what it means.
func readCiphers(n *yaml.Node, l Level) (value, wire Value, problems []problem) {
	if n.Kind == yaml.ScalarNode {
		list := CipherList(n.Value)
		if list == nil {
			return "", "", []problem{{n, "cipher", fmt.Sprintf("ciphers %s is neither a list nor one of %s", show(n.Value), strings.Join(cipherLists, ", ")), cipherNameHint(n.Value)}}
		}
		if n.Value == "legacy" && l == ZoneLevel {
			return "[]", "[]", nil // the documented form of "every suite"
		}
		return canonicalCiphers(list, l), ListValue(list), nil
	}
	if n.Kind != yaml.SequenceNode {
		return "", "", []problem{{n, "wrong-type", "ciphers must be the name of a list, or a list of suites, not " + kindName(n.Kind), ""}}
	}
	if len(n.Content) == 0 && l != ZoneLevel {
		return "", "", []problem{{n, "cipher", "ciphers: it is not known what an empty list means on " + l.String(),
			"write inherit to follow the zone, or legacy for every suite"}}
	}
	list := make([]string, 0, len(n.Content))
	written := map[string]*yaml.Node{}
	for _, item := range n.Content {
		s, found := LookupSuite(item.Value)
		switch {
		case item.Kind == yaml.AliasNode:
		case item.Kind != yaml.ScalarNode || isNull(item):
			problems = append(problems, problem{item, "cipher", "an item of ciphers must be the name of a suite", ""})
		case slices.ContainsFunc(tls13Suites, func(t string) bool { return strings.EqualFold(t, item.Value) }):
			problems = append(problems, problem{item, "cipher", item.Value + " is a suite of TLS 1.3, which no list may hold",
				"remove it: these suites are always on while tls_1_3 is"})
		case CipherList(item.Value) != nil:
			problems = append(problems, problem{item, "cipher", show(item.Value) + " is a whole list and cannot stand in one", "write ciphers: " + item.Value})
		case !found:
			problems = append(problems, problem{item, "cipher", show(item.Value) + " is no cipher suite that Cloudflare takes", didYouMean(item.Value, suiteNames(item.Value))})
		case written[s.Name] != nil:
			first := written[s.Name]
			problems = append(problems, problem{item, "cipher", fmt.Sprintf("%s is already in the list, at line %d, column %d", sameSuite(item.Value, s.Name), first.Line, first.Column), ""})
		default:
			written[s.Name] = item
			list = append(list, s.Name)
		}
	}
	if len(problems) > 0 {
		return "", "", problems
	}
	return canonicalCiphers(list, l), ListValue(list), nil
}

// sameSuite names a suite the way it was written, and Cloudflare's way where
// that is another one.
func sameSuite(written, name string) string {
	if strings.EqualFold(written, name) {
		return name
	}
	return fmt.Sprintf("%s (%s)", written, name)
}

// suiteNames are the names of all suites in the spelling that a word resembles.
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

// cipherNameHint is a hint for a word that is no list's name.
func cipherNameHint(word string) string {
	if s, ok := LookupSuite(word); ok {
		return "write it as a list: " + ListValue([]string{s.Name}).YAML()
	}
	return didYouMean(word, append(CipherLists(), wordInherit, wordDefault))
}
