package importing

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tlsync/schema"
)

// widest is about how long a line may be before a mapping or a list is written over
// several lines.
const widest = 110

// writer writes documents as YAML.
type writer struct {
	strings.Builder
	profiles profiles
}

func (w *writer) linef(indent int, format string, args ...any) {
	w.WriteString(strings.Repeat(" ", indent))
	fmt.Fprintf(&w.Builder, format, args...)
	w.WriteByte('\n')
}

// document writes a zone document.
func (w *writer) document(d *document) {
	for _, r := range d.remarks {
		w.linef(0, "# %s", r)
	}
	w.linef(0, "zone: %s", word(d.zone))
	if d.account != "" {
		w.linef(0, "account: %s", word(d.account))
	}
	w.body(d)
}

// body writes what a zone document asks for.
func (w *writer) body(d *document) {
	if len(d.settings) > 0 {
		w.mapping(0, "settings", w.profiles.ofZones.use(d.settings))
	}
	if len(d.hostnames) > 0 {
		w.linef(0, "hostnames:")
		w.entries(2, d.hostnames, nil)
	}
	w.custom(&d.custom)
}

// custom writes what a document says of custom hostnames.
func (w *writer) custom(c *custom) {
	if c.empty() {
		return
	}
	w.linef(0, "custom_hostnames:")
	if len(c.defaults) > 0 {
		w.mapping(2, "defaults", w.profiles.ofHostnames.use(c.defaults))
	}

	if len(c.rules) > 0 {
		w.linef(2, "rules:")
	}
	for _, r := range c.rules {
		if r.remark != "" {
			w.linef(4, "# %s", r.remark)
		}
		w.match(&r.match)
		for _, l := range w.profiles.ofHostnames.use(r.block) {
			w.linef(6, "%s: %s", l.setting, l.value)
		}
	}

	if len(c.entries) > 0 {
		w.linef(2, "hostnames:")
		w.entries(4, c.entries, w.profiles.ofHostnames)
	}
}

// mapping writes a key with a block under it.
func (w *writer) mapping(indent int, key string, b block) {
	w.linef(indent, "%s:", key)
	for _, l := range b {
		w.linef(indent+2, "%s: %s", l.setting, l.value)
	}
}

// entries writes single hostnames, one on a line.
func (w *writer) entries(indent int, entries []entry, p bundles) {
	for _, e := range entries {
		w.linef(indent, "%s: { %s }", word(e.name), p.use(e.block).text())
	}
}

// match writes the condition of a rule, on one line if it is short.
func (w *writer) match(m *schema.Match) {
	var parts []string
	add := func(key string, list []string) {
		parts = append(parts, key+": "+inList(list))
	}
	if len(m.Hostnames) > 0 {
		add("hostname", m.Hostnames)
	}
	if len(m.Except) > 0 {
		add("except", m.Except)
	}
	if len(m.Metadata) > 0 {
		var conditions []string
		for _, c := range m.Metadata {
			conditions = append(conditions, word(c.Key)+": "+inList(c.Values))
		}
		parts = append(parts, "metadata: { "+strings.Join(conditions, ", ")+" }")
	}
	if m.Wildcard.Set {
		parts = append(parts, "wildcard: "+strconv.FormatBool(m.Wildcard.Value))
	}

	if short := strings.Join(parts, ", "); len(short) <= widest {
		w.linef(4, "- match: { %s }", short)
		return
	}
	w.linef(4, "- match:")
	for _, p := range parts {
		w.linef(8, "%s", p)
	}
}

// inList writes a list, and a single item as it is.
func inList(list []string) string {
	if len(list) == 1 {
		return word(list[0])
	}
	words := make([]string, len(list))
	for i, s := range list {
		words[i] = word(s)
	}
	return "[" + strings.Join(words, ", ") + "]"
}

// word writes a string, with quotes if YAML would read it as something else.
func word(s string) string {
	plain := s != "" && (s[0] >= 'a' && s[0] <= 'z' || s[0] >= 'A' && s[0] <= 'Z') && !slices.Contains(keywords, strings.ToLower(s))
	for i := 0; plain && i < len(s); i++ {
		c := s[i]
		plain = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_'
	}
	if plain {
		return s
	}
	return quoted(s)
}

// quoted writes a string as JSON, which is YAML, without the escapes for HTML.
func quoted(s string) string {
	var out strings.Builder
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic(err) // a string always encodes
	}
	return strings.TrimSuffix(out.String(), "\n")
}

// keywords are the words that YAML, or a configuration, reads as something else than a
// string. It is read only.
var keywords = []string{"null", "true", "false", "yes", "no", "on", "off", "y", "n", schema.WordInherit, schema.WordDefault}
