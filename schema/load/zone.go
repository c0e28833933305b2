package load

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"tlsync/schema"
	"tlsync/schema/sorted"

	"gopkg.in/yaml.v3"
)

// zoneDocument reads a zone document.
func (d *decoder) zoneDocument(n *yaml.Node) {
	var z schema.Zone
	pairs := d.mapping(n, "a zone document")
	for _, p := range pairs { // first the name, which the hostnames are checked against
		switch p.key {
		case "zone":
			z.Name, z.Glob = d.zoneName(p.value)
		case "account":
			z.Account = d.account(p.value)
		}
	}

	for _, p := range pairs {
		switch p.key {
		case "zone", "account":
		case "settings":
			z.Settings, z.OriginCertificates = d.zoneSettings(p.value, z)
		case "hostnames":
			z.Hostnames = d.hostnames(p, z)
		case "custom_hostnames":
			z.CustomHostnames = d.customHostnames(p.value, z)
		default:
			if s, ok := schema.LookupSetting(p.key); ok && s.On(schema.ZoneLevel) {
				d.errorf(d.at(p.node), "unknown-key", "write it under settings", "unknown key %s in a zone document", schema.Show(p.key))
				continue
			}
			d.unknownKey(p, "a zone document", zoneKeys...)
		}
	}

	if !z.Name.Set {
		return // reported where it was read
	}
	if z.Glob && !hasKey(n, "account") {
		d.errorf(z.Name.Pos, "missing-key", "write account: with the account's name or id", "zone %s is a pattern and needs an account", schema.Show(z.Name.Value))
	}

	if d.isNewZone(z) {
		d.zones[z.Name.Value] = append(d.zones[z.Name.Value], len(d.desired.Zones))
		d.desired.Zones = append(d.desired.Zones, z)
	}
}

// isNewZone reports whether there is no other document for the same zone. Zones
// of the same name are different if both documents name the account, and the
// accounts differ.
func (d *decoder) isNewZone(z schema.Zone) bool {
	for _, i := range d.zones[z.Name.Value] {
		other := d.desired.Zones[i]
		if z.Account.Value == other.Account.Value || !z.Account.Set || !other.Account.Set {
			d.errorf(z.Name.Pos, "duplicate-name", "merge the two documents; if the zones are in two accounts, write account: in both",
				"zone %s is already defined at %s", schema.Show(z.Name.Value), other.Name.Pos)
			return false
		}
	}
	return true
}

// zoneName reads the name of a zone, or a pattern over names.
func (d *decoder) zoneName(n *yaml.Node) (schema.Field[string], bool) {
	name := d.pattern(n, "zone")
	return schema.Field[string]{Value: name, Pos: d.at(n), Set: name != ""}, schema.IsGlob(name)
}

// pattern reads a hostname or a pattern over hostnames. It returns "" if the
// value is neither.
func (d *decoder) pattern(n *yaml.Node, what string) string {
	s, ok := d.scalar(n, what)
	if !ok {
		return ""
	}
	name, err := schema.CanonicalGlob(s)
	if err != nil {
		hint := cmp.Or(schema.PatternHint(s), hostHint(s), listHint(s, what))
		if rest, negated := strings.CutPrefix(s, "!"); negated && what == "hostname" {
			hint = "to leave names out of a rule, write except: " + schema.Show(rest) + " beside hostname"
		}
		if what == "zone" && cloudflareID().MatchString(s) {
			d.errorf(d.at(n), "hostname", "write the name of the zone; readers of the file do not know its id", "%s is the id of a zone, not its name", schema.Show(s))
			return ""
		}
		d.errorf(d.at(n), "hostname", hint, "%v", err)
		return ""
	}
	return name
}

// hostHint returns what to write in place of a URL.
func hostHint(s string) string {
	if _, rest, ok := strings.Cut(s, "://"); ok {
		if name, err := schema.CanonicalHostname(rest[:strings.IndexAny(rest+"/", "/:?#")]); err == nil {
			return "write " + name
		}
	}
	return ""
}

// listHint says how to write several names.
func listHint(s, what string) string {
	switch {
	case schema.IsGlob(s) || !strings.ContainsAny(s, ", "):
		return ""
	case what == "zone":
		return "write a document for each zone"
	}
	return "write several names as a list: [" + strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' }), ", ") + "]"
}

// customHostnames reads the custom_hostnames block.
func (d *decoder) customHostnames(n *yaml.Node, z schema.Zone) schema.CustomHostnames {
	var c schema.CustomHostnames
	pairs := d.mapping(n, "custom_hostnames")
	if i := slices.IndexFunc(pairs, func(p pair) bool { return p.key == "create" }); i >= 0 { // first create, which the entries need
		c.Create = d.boolean(pairs[i].value, "create")
		if z.Glob && c.Create.Value {
			d.patternZone(pairs[i].node, "create")
		}
	}

	for _, p := range pairs {
		switch p.key {
		case "create":
		case "defaults":
			c.Defaults = d.block(d.mapping(p.value, "defaults"), schema.CustomHostnameLevel, "defaults", "defaults")
		case "rules":
			for i, item := range d.sequence(p.value, "rules") {
				if r, ok := d.rule(item, i+1); ok {
					c.Rules = append(c.Rules, r)
				}
			}
		case "hostnames":
			c.Entries = d.entries(p.value, z, c.Create.Value)
		default:
			if s, ok := schema.LookupSetting(p.key); ok && s.On(schema.CustomHostnameLevel) {
				d.errorf(d.at(p.node), "unknown-key", "write it under defaults", "unknown key %s in custom_hostnames", schema.Show(p.key))
				continue
			}
			if hint := schema.MisplacedHint(p.key); hint != "" {
				d.errorf(d.at(p.node), "unknown-key", hint, "unknown key %s in custom_hostnames", schema.Show(p.key))
				continue
			}
			d.unknownKey(p, "custom_hostnames", "defaults", "rules", "hostnames", "create")
		}
	}

	return c
}

// aRule names the place of the settings of a rule.
const aRule = "a rule"

// rule reads an item of rules.
func (d *decoder) rule(n *yaml.Node, index int) (schema.Rule, bool) {
	via := "rule " + strconv.Itoa(index)
	pairs := d.mapping(n, via)
	if n.Kind != yaml.MappingNode {
		return schema.Rule{}, false
	}

	r := schema.Rule{Pos: d.at(n), Index: index}
	matches := false
	if i := slices.IndexFunc(pairs, func(p pair) bool { return p.key == "match" }); i >= 0 {
		r.Match, matches = d.match(pairs[i].value, via)
		pairs = slices.Delete(slices.Clone(pairs), i, i+1)
	} else if !hasKey(n, "match") && !slices.ContainsFunc(pairs, meansMatch) {
		d.errorf(d.at(n), "missing-key", "write settings for every custom hostname under defaults", "%s has no match", via)
	}

	r.Settings = d.block(pairs, schema.CustomHostnameLevel, aRule, via)
	if len(pairs) == 0 && !d.desired.Policy.CoverageRequired {
		d.noEffectf(d.at(n), "write a setting beside match, or remove the rule", "%s sets nothing", via)
	}
	return r, matches
}

// meansMatch reports whether a key of a rule is match with a mistake, or belongs into it.
// That is reported already.
func meansMatch(p pair) bool {
	return schema.Suggest(p.key, []string{"match"}) != "" || schema.MisplacedHint(p.key) == schema.MisplacedHint("hostname")
}

// match reads the conditions of a rule.
func (d *decoder) match(n *yaml.Node, via string) (schema.Match, bool) {
	var m schema.Match
	pairs := d.mapping(n, "match")
	if n.Kind == yaml.MappingNode && len(n.Content) == 0 {
		d.errorf(d.at(n), "missing-key", "write settings for every custom hostname under defaults", "match of %s is empty", via)
	}

	ok := len(pairs) > 0
	for _, p := range pairs {
		switch p.key {
		case "hostname":
			m.Hostnames = d.patterns(p.value, "hostname")
			ok = ok && len(m.Hostnames) > 0
		case "except":
			m.Except = d.patterns(p.value, "except")
			ok = ok && len(m.Except) > 0
		case "metadata":
			m.Metadata = d.metadata(p.value)
			ok = ok && len(m.Metadata) > 0
		case "wildcard":
			m.Wildcard = d.boolean(p.value, "wildcard")
			ok = ok && m.Wildcard.Set
		default:
			d.unknownCondition(p)
			ok = false
		}
	}

	if ok {
		d.checkExcept(pairs, &m)
	}
	return m, ok
}

// patterns reads one pattern over hostnames, or a list of them.
func (d *decoder) patterns(n *yaml.Node, what string) []string {
	items := d.scalars(n, what)
	out := make([]string, 0, len(items))
	written := make(map[string]bool, len(items))
	for _, item := range items {
		name := d.pattern(item, what)
		switch {
		case name == "":
		case written[name]:
			d.noEffectf(d.at(item), "remove one of the two", "%s is already in the list", schema.Show(item.Value))
		default:
			written[name] = true
			out = append(out, name)
		}
	}
	return out
}

// checkExcept warns of patterns of hostname that except takes out whole, and of patterns of
// except that none of hostname meets.
func (d *decoder) checkExcept(pairs []pair, m *schema.Match) {
	const most = 100_000 // comparisons; lists that long come from a program, which misspells nothing
	if pairs := len(m.Hostnames) * len(m.Except); pairs == 0 || pairs > most {
		return
	}
	pos := func(key string) schema.Pos {
		return d.at(pairs[slices.IndexFunc(pairs, func(p pair) bool { return p.key == key })].value)
	}

	for _, h := range m.Hostnames {
		if i := slices.IndexFunc(m.Except, func(e string) bool { return schema.PatternCovers(e, h) }); i >= 0 {
			d.noEffectf(pos("hostname"), "remove one of the two", "%s reaches no name, because except has %s", schema.Show(h), schema.Show(m.Except[i]))
		}
	}
	for _, e := range m.Except {
		if !slices.ContainsFunc(m.Hostnames, func(h string) bool { return schema.PatternsMeet(h, e) }) {
			d.noEffectf(pos("except"), "hostname has "+schema.Show(m.Hostnames[0]), "except %s takes out no name, because no pattern of hostname matches such a name", schema.Show(e))
		}
	}
}

// unknownCondition reports a condition that no rule has.
func (d *decoder) unknownCondition(p pair) {
	hint := schema.MatchHint(p.key)
	if hint == "" {
		hint = schema.SuggestOrList(p.key, []string{"hostname", "except", "metadata", "wildcard"})
	}
	d.errorf(d.at(p.node), "unknown-key", hint, "unknown key %s in match", schema.Show(p.key))
}

// metadata reads the keys and accepted values of custom metadata.
func (d *decoder) metadata(n *yaml.Node) []schema.MetadataMatch {
	var out []schema.MetadataMatch
	for _, p := range d.mapping(n, "metadata") {
		m := schema.MetadataMatch{Key: p.key}
		for _, item := range d.scalars(p.value, schema.Bare(p.key)) {
			if slices.Contains(m.Values, item.Value) {
				d.errorf(d.at(item), "duplicate-name", "", "%s is already in the list", schema.Show(item.Value))
				continue
			}
			m.Values = append(m.Values, item.Value)
			m.Any = m.Any || item.Value == "*"
		}

		if len(m.Values) > 0 {
			out = append(out, m)
		}
	}

	if n.Kind == yaml.MappingNode && len(n.Content) == 0 {
		d.errorf(d.at(n), "missing-key", "", "metadata is empty")
	}

	sorted.By(out, func(a, b schema.MetadataMatch) int { return cmp.Compare(a.Key, b.Key) })
	return out
}

func (d *decoder) boolean(n *yaml.Node, what string) schema.Field[bool] {
	s, ok := d.scalar(n, what)
	if !ok {
		return schema.Field[bool]{}
	}
	switch s {
	case "true", "on":
		return schema.Field[bool]{Value: true, Pos: d.at(n), Set: true}
	case "false", "off":
		return schema.Field[bool]{Value: false, Pos: d.at(n), Set: true}
	}
	d.errorf(d.at(n), "wrong-type", schema.WordHint(s, "true", "false"), "%s %s is not one of true, false", what, schema.Show(s))
	return schema.Field[bool]{}
}
