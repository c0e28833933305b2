package schema

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bmatcuk/doublestar/v4"
	"golang.org/x/net/idna"
)

const (
	maxHostname = 253 // characters of a name without its final dot (RFC 1035)
	maxLabel    = 63
)

// CanonicalHostname returns the form in which hostnames are compared and sent:
// lower case, international labels as A-labels ("xn--…"), no final dot. Its
// error says why no certificate could be issued for the name.
func CanonicalHostname(s string) (string, error) {
	switch {
	case s == "":
		return "", errors.New("a hostname must not be empty")
	case len(s) > 4*maxHostname: // no international name is longer than this in UTF-8
		return "", fmt.Errorf("%s has %d characters; a hostname has at most %d", Show(s), utf8.RuneCountInString(s), maxHostname)
	}
	if err := oddHostname(s); err != nil {
		return "", err
	}

	name := strings.ToLower(strings.TrimSuffix(s, "."))
	if !plainHostname(name) {
		ascii, err := idna.Lookup.ToASCII(strings.TrimSuffix(s, "."))
		if err != nil {
			return "", fmt.Errorf("%s is not a valid international hostname: %s", Show(s), strings.TrimPrefix(err.Error(), "idna: "))
		}
		// The mapping turns full-width and ideographic dots into dots.
		name = strings.TrimSuffix(ascii, ".")
	}

	if len(name) > maxHostname {
		return "", fmt.Errorf("%s has %d characters; a hostname has at most %d", Show(s), len(name), maxHostname)
	}

	labels := 0
	last := ""
	for label := range strings.SplitSeq(name, ".") {
		if err := checkLabel(label); err != nil {
			return "", fmt.Errorf("%s %w", Show(s), err)
		}
		labels++
		last = label
	}

	if labels < 2 {
		return "", fmt.Errorf("%s is a single label, not a whole hostname", Show(s))
	}
	if strings.Trim(last, "0123456789") == "" {
		return "", fmt.Errorf("%s ends in a number, as IP addresses do; a hostname is expected", Show(s))
	}
	return name, nil
}

// plainHostname reports whether a name needs no translation. An A-label has to
// be checked, so a name with one is not plain.
func plainHostname(name string) bool {
	for i := range len(name) {
		if name[i] >= utf8.RuneSelf {
			return false
		}
	}
	return !strings.HasPrefix(name, "xn--") && !strings.Contains(name, ".xn--")
}

// oddHostname explains the common mistakes in a hostname.
func oddHostname(s string) error {
	if last := s[len(s)-1]; last >= '0' && last <= '9' || strings.Contains(s, ":") {
		if _, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
			return fmt.Errorf("%s is an IP address; a hostname is expected", Show(s))
		}
	}
	switch {
	case strings.Contains(s, "://"):
		return fmt.Errorf("%s is a URL; write the hostname alone", Show(s))
	case strings.HasPrefix(s, "*."):
		return fmt.Errorf("%s is a wildcard; a single hostname is expected", Show(s))
	}

	for _, r := range s {
		if odd := oddInHostname(r); odd != "" {
			return fmt.Errorf("%s contains %s", Show(s), odd)
		}
	}
	return nil
}

// oddInHostname describes a character that no hostname contains, "" for others.
func oddInHostname(r rune) string {
	switch {
	case r == ' ':
		return "a space"
	case r == '\r' || r == '\n':
		return "a line break"
	case r == ':':
		return `":"; a port does not belong to a hostname`
	case r == '/':
		return `"/"; a path does not belong to a hostname`
	case r == '_':
		return `"_"; no certificate is issued for a name with an underscore`
	case r == '%':
		return `"%"; hostnames are not percent-encoded`
	case strings.ContainsRune("?#*@[]{}\\!,;'\"()<>|$&=+^`~", r):
		return fmt.Sprintf("%q; a hostname has letters, digits, hyphens and dots", r)
	case unicode.IsControl(r) || unicode.IsSpace(r) || Invisible(r):
		return fmt.Sprintf("the invisible character %U", r)
	case r == utf8.RuneError:
		return "bytes that are not UTF-8"
	}
	return ""
}

// checkLabel checks one label of a translated name. It accepts hyphens in the
// third and fourth place: such names exist and are served.
func checkLabel(label string) error {
	switch {
	case label == "":
		return errors.New("has an empty label: two dots in a row, or one at the beginning")
	case len(label) > maxLabel:
		return fmt.Errorf("has a label of %d characters; a label has at most %d", len(label), maxLabel)
	case label[0] == '-' || label[len(label)-1] == '-':
		return fmt.Errorf("has the label %s; a label must not begin or end with a hyphen", Show(label))
	}

	for i := range len(label) {
		c := label[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return fmt.Errorf("has the label %s; a label has letters, digits and hyphens", Show(label))
		}
	}
	return nil
}

// globMeta are the characters that make a name a pattern.
const globMeta = "*?[{"

// IsGlob reports whether a name is a pattern over names.
func IsGlob(s string) bool { return strings.ContainsAny(s, globMeta) }

// CanonicalGlob checks a pattern over hostnames and brings its literal labels
// into canonical form. A pattern without a wildcard is a hostname.
func CanonicalGlob(s string) (string, error) {
	if !IsGlob(s) {
		return CanonicalHostname(s)
	}
	if err := oddGlob(s); err != nil {
		return "", err
	}
	s = strings.TrimSuffix(strings.ToLower(s), ".")
	if !doublestar.ValidatePattern(dotsToSlashes(s)) {
		return "", fmt.Errorf("pattern %s is not well formed: a bracket or brace is not closed", Show(s))
	}

	if err := CheckPatternSize(s); err != nil {
		return "", fmt.Errorf("pattern %s %w", Show(s), err)
	}

	if strings.ContainsAny(s, "[{") {
		// Alternatives may span labels, so the labels cannot be checked one by one.
		if err := checkPatternRunes(s, s); err != nil {
			return "", err
		}
		return s, nil
	}
	labels := strings.Split(s, ".")
	for i, label := range labels {
		canonical, err := canonicalGlobLabel(label, s)
		if err != nil {
			return "", err
		}
		labels[i] = canonical
	}
	return strings.Join(labels, "."), nil
}

// PatternHint says what to write in place of a text that looks like a regular
// expression, or "" if it does not.
func PatternHint(s string) string {
	if !strings.ContainsAny(s, `$\()|+`) && !strings.HasPrefix(s, "^") && !strings.HasPrefix(s, ".*") {
		return ""
	}
	return `patterns are globs over labels and not regular expressions: "*.pay.example" is every name one label below, "**.pay.example" every name below`
}

// oddGlob explains common mistakes in a pattern.
func oddGlob(s string) error {
	if len(s) > 4*maxHostname {
		return fmt.Errorf("%s is too long for a pattern over hostnames", Show(s))
	}
	if strings.Contains(s, "/") {
		return fmt.Errorf("pattern %s contains a slash, which no hostname has", Show(s))
	}
	if strings.Contains(s, `\`) {
		return fmt.Errorf("pattern %s contains a backslash, which no hostname has", Show(s))
	}
	if strings.HasPrefix(s, "!") {
		return fmt.Errorf("pattern %s begins with !, and no hostname does", Show(s))
	}
	if strings.HasSuffix(s, "*.") {
		return fmt.Errorf("pattern %s ends in a dot; a label is missing", Show(s))
	}
	return nil
}

// canonicalGlobLabel returns the canonical form of a label of a pattern.
func canonicalGlobLabel(label, pattern string) (string, error) {
	if strings.Contains(label, "**") && label != "**" {
		return "", fmt.Errorf("pattern %s has ** inside a label; it stands for whole labels, as in \"**.pay.example\"", Show(pattern))
	}
	if IsGlob(label) {
		return label, checkPatternRunes(label, pattern)
	}

	name, err := CanonicalHostname(label + ".example") // a hostname needs two labels
	if err != nil {
		return "", fmt.Errorf("pattern %s has the label %s; a label has letters, digits and hyphens", Show(pattern), Show(label))
	}
	return strings.TrimSuffix(name, ".example"), nil
}

// checkPatternRunes checks the characters of a part of a pattern.
func checkPatternRunes(part, pattern string) error {
	for _, r := range part {
		if !patternRune(r) {
			return fmt.Errorf("pattern %s contains %q, which no hostname in canonical form has", Show(pattern), r)
		}
	}
	return nil
}

// patternRune reports whether a character can stand in a pattern over canonical
// names.
func patternRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || strings.ContainsRune("-.*?[]{},!^", r)
}

// dotsToSlashes turns names into paths, which doublestar can match: labels
// become path elements.
func dotsToSlashes(s string) string { return strings.ReplaceAll(s, ".", "/") }

// glob is a compiled pattern over names.
type glob struct {
	all    bool   // "*" alone
	name   string // a literal
	suffix string // of "*.SUFFIX", with its dot
	path   string // anything else, as a doublestar pattern

	pattern string // as it is written
}

func compileGlob(pattern string) glob {
	g := compiled(pattern)
	g.pattern = pattern
	return g
}

func compiled(pattern string) glob {
	rest, isStar := strings.CutPrefix(pattern, "*.")
	switch {
	case pattern == "*":
		return glob{all: true}
	case !IsGlob(pattern):
		return glob{name: pattern}
	case isStar && !IsGlob(rest):
		return glob{suffix: "." + rest}
	}
	return glob{path: dotsToSlashes(pattern)}
}

// match reports whether a canonical name matches.
func (g *glob) match(name string) bool {
	switch {
	case g.all:
		return true
	case g.name != "":
		return name == g.name
	case g.suffix != "":
		label, ok := strings.CutSuffix(name, g.suffix)
		return ok && label != "" && !strings.Contains(label, ".")
	}
	ok, err := doublestar.Match(g.path, dotsToSlashes(name))
	return ok && err == nil
}

// MatchZone reports whether the canonical name of a zone matches the pattern of
// a zone document. "*" alone matches every zone.
func MatchZone(pattern, zone string) bool {
	g := compileGlob(pattern)
	return g.match(zone)
}
