package importing

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"tlsync/engine/plan"
	"tlsync/schema"
)

// wordings remembers how values are written.
type wordings map[wording]written

type wording struct {
	level   schema.Level
	setting string
	value   schema.Value
}

// written is how a value is written, or why it cannot be.
type written struct{ text, wrong string }

// write returns how a configuration writes a value, or why none can: it has to be read
// back as exactly this value.
func (w wordings) write(level schema.Level, setting string, v schema.Value) written {
	key := wording{level, setting, v}
	if known, ok := w[key]; ok {
		return known
	}

	row, ok := schema.LookupSetting(setting)
	out := written{text: textOf(row, level, v)}
	switch read, problems := reread(row, level, out.text); {
	case !ok || out.text == "":
		out.wrong = "its value is not one that a configuration can have"
	case len(problems) > 0:
		out.wrong = problems[0].Message
	case read.Value != v:
		out.wrong = "its value " + schema.Show(v.Show()) + " cannot be written"
	}
	w[key] = out
	return out
}

func textOf(row *schema.Setting, level schema.Level, v schema.Value) string {
	if level == schema.ZoneLevel && row != nil && row.ID == schema.Ciphers && v == row.Default {
		return schema.WordDefault
	}
	if row == nil || len(row.Fields) == 0 {
		return v.YAML()
	}

	var members []string // in the order of the table, as tlsync fmt writes them
	for _, f := range row.Fields {
		if member := v.Member(f.Name); member != "" {
			members = append(members, f.Name+": "+member.YAML())
		}
	}
	if len(members) == 0 {
		return ""
	}
	return "{ " + strings.Join(members, ", ") + " }"
}

// reread reads a value as the configuration does.
func reread(row *schema.Setting, level schema.Level, text string) (schema.Assignment, []schema.Problem) {
	var n yaml.Node
	if row == nil || yaml.Unmarshal([]byte(text), &n) != nil || len(n.Content) != 1 {
		return schema.Assignment{}, []schema.Problem{{Message: "its value cannot be written"}}
	}
	a, problems := schema.ReadAssignment(row, n.Content[0], level)
	if problems != nil && len(problems) == 0 {
		problems = []schema.Problem{{Message: "its value cannot be written"}}
	}
	return a, problems
}

// zoneSettings returns the settings of a zone. Those that have Cloudflare's default are
// left out, save those that decide most: the minimum and the ciphers.
func (m *maker) zoneSettings(z *plan.Zone) block {
	var out block
	for _, row := range schema.Table() {
		s, read := plan.Lookup(z.Settings, row.ID)
		if why := z.Unreadable[row.ID]; why != "" && !read {
			m.leaveUnread(z.Name, "setting", row.ID, why)
		}
		if !row.On(schema.ZoneLevel) || !read || !m.wants(row.ID) || s.Value == schema.Inherit {
			continue
		}
		always := row.ID == schema.MinTLSVersion || row.ID == schema.Ciphers
		if s.Value == row.Default && !always {
			continue
		}
		if s.Locked {
			if s.Value != row.Default {
				m.leaveSetting(z, row.ID, "the zone's plan does not allow to change it")
			}
			continue
		}

		switch text := m.words.write(schema.ZoneLevel, row.ID, s.Value); {
		case text.wrong != "":
			m.leaveSetting(z, row.ID, text.wrong)
		case row.ID == schema.FallbackOrigin && z.FallbackPending():
			m.leaveSetting(z, row.ID, "its status is "+z.FallbackStatus)
		default:
			out = append(out, line{setting: row.ID, value: text.text})
		}
	}
	return m.compatible(z, out)
}

// compatible leaves out the settings that the schema refuses beside others.
func (m *maker) compatible(z *plan.Zone, b block) block {
	drop := func(why string, settings ...string) {
		b = slices.DeleteFunc(b, func(l line) bool { return slices.Contains(settings, l.setting) })
		for _, s := range settings {
			m.leaveSetting(z, s, why)
		}
	}

	if b.valueOf(schema.MinTLSVersion) == `"1.3"` && b.valueOf(schema.TLS13) == "off" {
		drop("a minimum of 1.3 with tls_1_3 off leaves no protocol version", schema.MinTLSVersion, schema.TLS13)
	}
	if mode := b.valueOf("ssl_automatic_mode"); b.valueOf("ssl") != "" && mode != "custom" {
		why := "Cloudflare changes it by itself while ssl_automatic_mode is auto"
		if _, read := z.Value("ssl_automatic_mode"); !read {
			why = "ssl_automatic_mode, which decides whether Cloudflare changes it by itself, was not read"
		}
		drop(why, "ssl")
	}
	if hsts, _ := z.Value(schema.HSTS); hsts.Member("enabled") == "true" && b.valueOf("ssl") == "off" {
		drop("browsers would require HTTPS, which ssl off does not serve", schema.HSTS)
	}
	return b
}

// inZone returns the hostnames in a zone that have settings of their own.
func (m *maker) inZone(z *plan.Zone) []entry {
	for _, row := range schema.Table() {
		if why := z.Unreadable[plan.PerHostname(row.ID)]; why != "" {
			m.leaveUnread(z.Name, "hostname setting", row.ID, why)
		}
	}

	var out []entry
	tls13, _ := z.Value(schema.TLS13)
	for i := range z.Hostnames {
		h := &z.Hostnames[i]
		if why := unnameable(h.Name); why != "" {
			m.leaveHostname(z, h.Name, why)
			continue
		}

		e := entry{name: h.Name}
		for _, s := range h.Settings {
			if row, ok := schema.LookupSetting(s.ID); !ok || !row.On(schema.HostnameLevel) || !m.wants(s.ID) || s.Value == schema.Inherit {
				continue
			}
			text := m.words.write(schema.HostnameLevel, s.ID, s.Value)
			handshake := schema.Handshake{Minimum: s.Value, TLS13: tls13}
			switch {
			case text.wrong != "":
				m.leaveHostname(z, h.Name, text.wrong)
			case s.ID == schema.MinTLSVersion && handshake.NoVersion():
				m.leaveHostname(z, h.Name, "a minimum of 1.3 while the zone has tls_1_3 off leaves no protocol version")
			default:
				e.block = append(e.block, line{setting: s.ID, value: text.text})
			}
		}
		if len(e.block) > 0 {
			e.block = e.block.sorted()
			out = append(out, e)
		}
	}
	return out
}

// unnameable says why a configuration cannot name a hostname, "" if it can.
func unnameable(name string) string {
	canonical, err := schema.CanonicalHostname(name)
	switch {
	case err != nil:
		return err.Error()
	case canonical != name:
		return "a configuration can only write it as " + canonical
	}
	return ""
}
