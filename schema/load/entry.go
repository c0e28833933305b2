package load

import (
	"slices"
	"strings"

	"tlsync/schema"

	"gopkg.in/yaml.v3"
)

// The values of state.
const (
	stateAbsent  = "absent"
	statePresent = "present"
)

// patternZone reports a key that is only allowed in the document of a single
// zone.
func (d *decoder) patternZone(n *yaml.Node, what string) {
	d.errorf(d.at(n), "pattern-zone", "write it in the document of a single zone", "%s is not allowed in a document for a pattern of zones", what)
}

// hostnames reads the names in the zone that have settings of their own.
func (d *decoder) hostnames(p pair, z schema.Zone) []schema.Entry {
	if z.Glob {
		d.patternZone(p.node, "hostnames")
	}

	pairs := d.mapping(p.value, "hostnames")
	entries := make([]schema.Entry, 0, len(pairs))
	names := make(map[string]schema.Pos, len(pairs))
	for _, hp := range pairs {
		name, ok := d.uniqueHostname(hp, names, nameHints{
			wildcard: "these settings are for single names; write each name, or set it for the whole zone under settings",
			pattern:  "these settings are for single names; write each of them",
			label:    labelHint(hp.key, z),
		})
		if ok && z.Name.Set && !z.Glob && name != z.Name.Value && !strings.HasSuffix(name, "."+z.Name.Value) {
			d.errorf(d.at(hp.node), "hostname", "write the names of customers under custom_hostnames", "%s is not in zone %s", name, z.Name.Value)
		}

		settings := d.block(d.mapping(hp.value, "the value of a hostname"), schema.HostnameLevel, "a hostname in the zone", "hostname")
		if !ok {
			continue
		}
		d.warnNoSettings(hp, name, false)
		entries = append(entries, schema.Entry{Hostname: schema.Field[string]{Value: name, Pos: d.at(hp.node), Set: true}, Settings: settings})
	}
	return entries
}

// warnNoSettings warns of a hostname without settings. Where every custom hostname has to be
// covered, an entry without settings does that.
func (d *decoder) warnNoSettings(p pair, name string, custom bool) {
	if p.value.Kind == yaml.MappingNode && len(p.value.Content) == 0 && !(custom && d.desired.Policy.CoverageRequired) {
		d.noEffectf(d.at(p.node), "write a setting under it, or remove it", "%s sets nothing", name)
	}
}

// nameHints say what to write in place of a wildcard, a pattern or a single label.
type nameHints struct{ wildcard, pattern, label string }

// labelHint returns the whole name for one that is written without its zone.
func labelHint(name string, z schema.Zone) string {
	if !z.Name.Set || z.Glob {
		return ""
	}
	whole, err := schema.CanonicalHostname(name + "." + z.Name.Value)
	if err != nil {
		return ""
	}
	return "write " + whole
}

// uniqueHostname reads a hostname that is a key. Two spellings of a name are the
// same key.
func (d *decoder) uniqueHostname(p pair, names map[string]schema.Pos, hints nameHints) (string, bool) {
	pos := d.at(p.node)
	name, err := schema.CanonicalHostname(p.key)
	if err != nil {
		hint := hostHint(p.key)
		switch {
		case strings.HasPrefix(p.key, "*."):
			hint = hints.wildcard
		case schema.IsGlob(p.key):
			hint = hints.pattern
		case !strings.Contains(p.key, "."):
			hint = hints.label
		}
		d.errorf(pos, "hostname", hint, "%v", err)
		return "", false
	}

	if first, ok := names[name]; ok {
		d.errorf(pos, "duplicate-key", "remove one of the two", "%s is the same hostname as the one at %s", schema.Show(p.key), first)
		return "", false
	}
	names[name] = pos
	return name, true
}

// entries reads the single custom hostnames.
func (d *decoder) entries(n *yaml.Node, z schema.Zone, create bool) []schema.Entry {
	pairs := d.mapping(n, "hostnames")
	entries := make([]schema.Entry, 0, len(pairs))
	names := make(map[string]schema.Pos, len(pairs))
	for _, p := range pairs {
		name, ok := d.uniqueHostname(p, names, nameHints{
			wildcard: "a wildcard custom hostname is named without *. here; the names below it follow the zone",
			pattern:  "write a rule with match: { hostname: … } for a pattern",
		})
		e := d.entry(p.value, z, create)
		if !ok {
			continue
		}
		if name == z.Name.Value {
			d.errorf(d.at(p.node), "hostname", "write its settings under settings", "%s is the zone itself and cannot be a custom hostname", name)
			continue
		}

		d.warnNoSettings(p, name, true)
		e.Hostname = schema.Field[string]{Value: name, Pos: d.at(p.node), Set: true}
		entries = append(entries, e)
	}
	return entries
}

// isLifecycleKey reports whether a key of an entry concerns the custom hostname
// itself and is not a setting. A scalar ssl is a setting of zones.
func isLifecycleKey(p pair) bool {
	return p.key == "origin" || p.key == "state" || p.key == "ssl" && p.value.Kind == yaml.MappingNode
}

// entry reads the value of one custom hostname.
func (d *decoder) entry(n *yaml.Node, z schema.Zone, create bool) schema.Entry {
	var e schema.Entry
	pairs := d.mapping(n, "the value of a hostname")
	if !slices.ContainsFunc(pairs, isLifecycleKey) { // the usual case, and there may be tens of thousands
		e.Settings = d.block(pairs, schema.CustomHostnameLevel, "a hostname", "entry")
		return e
	}

	settings := make([]pair, 0, len(pairs))
	state := pair{}
	for _, p := range pairs {
		if !isLifecycleKey(p) {
			settings = append(settings, p)
			continue
		}
		if z.Glob {
			d.patternZone(p.node, p.key)
		}

		switch p.key {
		case "state":
			state = p
			e.Absent = d.absent(p.value)
		case "ssl":
			e.Certificate = append(e.Certificate, d.certificate(p, create)...)
		case "origin":
			e.Certificate = append(e.Certificate, d.members(p)...)
		}
	}

	sortAssignments(e.Certificate)
	e.Settings = d.block(settings, schema.CustomHostnameLevel, "a hostname", "entry")

	if e.Absent && len(pairs) > 1 {
		d.errorf(d.at(state.node), "absent", "remove the other keys", "a hostname with state: absent cannot have other keys")
	}
	return e
}

// absent reads a state.
func (d *decoder) absent(n *yaml.Node) bool {
	s, ok := d.scalar(n, "state")
	if ok && s != stateAbsent && s != statePresent {
		d.errorf(d.at(n), "setting-value", schema.StateHint(s, stateAbsent, statePresent), "state %s is not one of %s, %s", schema.Show(s), statePresent, stateAbsent)
	}
	return ok && s == stateAbsent
}

// certificate reads the ssl of an entry. A certificate always has type dv, which
// need not be written. The method of its validation must be written if tlsync
// may have to create the hostname.
func (d *decoder) certificate(p pair, create bool) []schema.Assignment {
	out := d.members(p)
	if len(p.value.Content) == 0 {
		return out
	}

	if !hasKey(p.value, "type") {
		dv := schema.StringValue("dv")
		out = append(out, schema.Assignment{Setting: "ssl.type", Value: dv, Wire: dv, Pos: d.at(p.node), Via: "entry"})
	}
	if create && !hasKey(p.value, "method") {
		d.errorf(d.at(p.node), "missing-key", "write method: http, or txt for a wildcard", "ssl has no method, which is needed to create the hostname")
	}

	if wildcard := schema.Assigned(out, "ssl.wildcard"); wildcard.Is("true") && schema.Assigned(out, "ssl.method").Is(`"http"`) {
		d.errorf(wildcard.Pos, "setting-value", "write method: txt", "a wildcard certificate cannot be validated by http")
	}
	return out
}

// members reads the ssl or the origin of an entry. Each member is a row of the
// table with the prefix ssl or origin.
func (d *decoder) members(p pair) []schema.Assignment {
	prefix := p.key + "."
	pairs := d.mapping(p.value, p.key)
	if p.value.Kind == yaml.MappingNode && len(p.value.Content) == 0 {
		d.errorf(d.at(p.node), "missing-value", "remove the line, or write the settings to manage", "%s is empty", p.key)
	}

	out := make([]schema.Assignment, 0, len(pairs))
	for _, m := range pairs {
		s, ok := schema.LookupSetting(prefix + m.key)
		if !ok {
			d.unknownMember(p.key, m)
			continue
		}

		value, wire, problems := schema.ReadValue(s, m.value, schema.CertificateLevel)
		if problems != nil {
			d.report(problems)
			continue
		}

		out = append(out, schema.Assignment{Setting: s.ID, Value: value, Wire: wire, Pos: d.at(m.node), Via: "entry"})
	}
	return out
}

// unknownMember reports an unknown member of ssl or origin.
func (d *decoder) unknownMember(of string, m pair) {
	if s, ok := schema.LookupSetting(m.key); m.key == "settings" || ok && s.On(schema.CustomHostnameLevel) {
		d.errorf(d.at(m.node), "unknown-key", "write settings of the hostname next to "+of+", not inside it", "unknown key %s in %s", schema.Show(m.key), of)
		return
	}
	var known []string
	for _, row := range schema.Table() {
		if name, ok := strings.CutPrefix(row.ID, of+"."); ok {
			known = append(known, name)
		}
	}
	d.unknownKey(m, of, known...)
}
