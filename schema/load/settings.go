package load

import (
	"cmp"
	"slices"
	"strings"

	"tlsync/schema"
	"tlsync/schema/sorted"

	"gopkg.in/yaml.v3"
)

// profile is a named bundle of settings. Its values are checked at each use,
// because a value may be valid for zones and not for hostnames.
type profile struct {
	name     string
	pos      schema.Pos
	dec      *decoder
	settings []profileSetting
	used     bool
	empty    bool
	levels   map[schema.Level]*profileLevel
}

type profileSetting struct {
	setting *schema.Setting
	key     *yaml.Node
	value   *yaml.Node
}

// profileLevel is the content of a profile at one level.
type profileLevel struct {
	settings []schema.Assignment // without Via, in table order
	misfits  []schema.Problem    // settings that are not valid at this level
}

// blockKey identifies a block that only uses profiles. Tens of thousands of
// entries with the same profiles share one block.
type blockKey struct {
	level schema.Level
	via   string
	uses  string // profile names, joined
}

// readProfiles reads the profiles of the root document.
func (d *decoder) readProfiles(n *yaml.Node) {
	for _, p := range d.mapping(n, "profiles") {
		if p.key == "" || strings.ContainsAny(p.key, "\n") {
			d.errorf(d.at(p.node), "missing-key", "", "a profile needs a name")
			continue
		}

		pr := &profile{name: p.key, pos: d.at(p.node), dec: d, levels: map[schema.Level]*profileLevel{},
			empty: p.value.Kind == yaml.MappingNode && len(p.value.Content) == 0}
		d.profiles[p.key] = pr
		d.names = append(d.names, p.key)

		for _, sp := range d.mapping(p.value, "profile "+schema.Show(p.key)) {
			if sp.key == "use" {
				d.errorf(d.at(sp.node), "unknown-key", "to use both, write use: [a, b]", "a profile cannot use another profile")
				continue
			}

			s, ok := d.setting(sp, "profile "+schema.Show(p.key), schema.AnyLevel)
			if !ok || !d.fitsSomewhere(s, sp.value) {
				continue
			}
			pr.settings = append(pr.settings, profileSetting{s, sp.node, sp.value})
		}
	}
}

// fitsSomewhere reports whether a value is valid at one level at least. If it is
// not, it reports the mistake once, here, instead of at every use.
func (d *decoder) fitsSomewhere(s *schema.Setting, n *yaml.Node) bool {
	var first []schema.Problem
	for _, l := range []schema.Level{schema.ZoneLevel, schema.HostnameLevel, schema.CustomHostnameLevel} {
		if !s.On(l) {
			continue
		}
		_, problems := schema.ReadAssignment(s, n, l)
		if problems == nil {
			return true
		}

		if first == nil {
			first = problems
		}
	}

	d.report(first)
	return false
}

// at returns the content of the profile at a level.
func (p *profile) at(l schema.Level) *profileLevel {
	if pl, ok := p.levels[l]; ok {
		return pl
	}

	pl := &profileLevel{}
	for _, ps := range p.settings {
		a, problems := schema.ReadAssignment(ps.setting, ps.value, l)
		if problems != nil {
			pl.misfits = append(pl.misfits, problems[0])
			continue
		}
		a.Pos = p.dec.at(ps.key)
		pl.settings = append(pl.settings, a)
	}

	sortAssignments(pl.settings)
	p.levels[l] = pl
	return pl
}

// setting finds the row of the table for a key. The suggestions for a misspelt
// key are settings of the given levels, and the words in also.
func (d *decoder) setting(p pair, where string, levels schema.Level, also ...string) (*schema.Setting, bool) {
	s, ok := schema.LookupSetting(p.key)
	switch {
	case ok && !s.On(schema.AnyLevel) || levels != schema.ZoneLevel && isLifecycleKey(p):
		word, _, _ := strings.Cut(p.key, ".")
		d.errorf(d.at(p.node), "misplaced-key", "write "+word+" under a single hostname of custom_hostnames",
			"%s belongs to a single custom hostname, not to %s", p.key, where)
		return nil, false
	case ok:
		return s, true
	}

	d.errorf(d.at(p.node), "unknown-key", settingHint(p.key, levels, also), "unknown setting %s in %s", schema.Show(p.key), where)
	return nil, false
}

// settingHint says what an unknown key should be.
func settingHint(key string, levels schema.Level, also []string) string {
	if key == "settings" {
		return "write the settings here, without the key settings"
	}
	if hint := schema.SettingHint(key); hint != "" {
		return hint
	}
	if slices.Contains(also, "match") && schema.MisplacedHint(key) != "" {
		return schema.MisplacedHint(key)
	}

	names := slices.Clone(also)
	for _, row := range schema.Table() {
		if row.On(levels) {
			names = append(names, row.ID)
		}
	}
	return schema.SuggestOrList(key, names)
}

// block reads a block of settings: those of the profiles in use, overlaid with
// those that the block writes itself. The result is sorted by the table and has
// each setting once. It must not be changed, because equal blocks share it.
func (d *decoder) block(pairs []pair, l schema.Level, where, via string) []schema.Assignment {
	var used, own []schema.Assignment
	for _, p := range pairs {
		if p.key == "use" {
			used = d.use(p.value, l, via)
			continue
		}

		also := []string{"use"}
		if where == aRule {
			also = append(also, "match")
		}
		s, ok := d.setting(p, where, l, also...)
		if !ok {
			continue
		}

		a, problems := schema.ReadAssignment(s, p.value, l)
		if problems != nil {
			if len(problems) > 0 && problems[0].Rule == "setting-level" {
				problems[0].Node = p.node // the key is the mistake, not the value
			}
			d.report(problems)
			continue
		}

		a.Pos, a.Via = d.at(p.node), via
		own = append(own, a)
	}

	sortAssignments(own)
	return schema.Overlay(used, own)
}

// checkProfiles warns of profiles that change nothing.
func (l *loader) checkProfiles() {
	for _, name := range l.names {
		switch p := l.profiles[name]; {
		case !p.used:
			l.noEffectf(p.pos, "write use: with its name where it is meant to hold, or remove it", "profile %s is not used", schema.Show(name))
		case p.empty:
			l.noEffectf(p.pos, "write settings in it, or remove it", "profile %s sets nothing", schema.Show(name))
		}
	}
}

// use expands profiles. A later profile wins over an earlier one.
func (d *decoder) use(n *yaml.Node, l schema.Level, via string) []schema.Assignment {
	var names []string
	for _, item := range d.scalars(n, "use") {
		p, ok := d.profiles[item.Value]
		switch {
		case !ok && d.root == (schema.Pos{}):
			continue // the root document, which defines profiles, could not be read
		case !ok:
			hint := schema.DidYouMean(item.Value, d.names)
			if near := schema.Suggest(item.Value, d.names); near != "" {
				d.profiles[near].used = true // that it is not used is the same mistake
			}
			if len(d.names) == 0 {
				hint = "profiles are defined in the root document"
			}
			d.errorf(d.at(item), "unknown-profile", hint, "profile %s is not defined", schema.Show(item.Value))
			continue
		case slices.Contains(names, item.Value):
			d.errorf(d.at(item), "duplicate-name", "", "profile %s is used twice here", schema.Show(item.Value))
			continue
		}

		p.used = true
		names = append(names, item.Value)
		for _, m := range p.at(l).misfits {
			d.errorf(d.at(item), m.Rule, m.Hint, "profile %s is not valid here: %s (%s)", schema.Show(item.Value), m.Message, p.dec.at(m.Node))
		}
	}

	key := blockKey{l, via, strings.Join(names, "\x00")}
	if b, ok := d.blocks[key]; ok {
		return b
	}

	var b []schema.Assignment
	for _, name := range names {
		settings := slices.Clone(d.profiles[name].at(l).settings)
		for i := range settings {
			settings[i].Via = via + ", profile " + name
		}
		b = schema.Overlay(b, settings)
	}

	d.blocks[key] = b
	return b
}

// limits reads settings of the policy. They must be ranked, with a value that is
// valid at some level.
func (d *decoder) limits(n *yaml.Node, via, what string) []schema.Assignment {
	var out []schema.Assignment
	for _, p := range d.mapping(n, what) {
		s, ok := d.setting(p, what, schema.AnyLevel)
		switch {
		case !ok:
			continue
		case !s.Ranked:
			d.errorf(d.at(p.node), "policy", "", "%s has no weaker and stronger values, so it is not allowed in %s", s.ID, what)
			continue
		case p.value.Kind == yaml.MappingNode && s.TakesAtLeast():
			d.errorf(d.at(p.value), "policy", "write the value itself, as in "+s.ID+": "+schema.StringValue(s.Values[len(s.Values)-1]).YAML(),
				"%s in %s is a lower bound already", s.ID, what)
			continue
		case len(s.Fields) > 0:
			d.errorf(d.at(p.node), "policy", "", "%s is a mapping, which is not allowed in %s", s.ID, what)
			continue
		case p.value.Value == schema.WordInherit || p.value.Value == schema.WordDefault:
			d.errorf(d.at(p.value), "policy", "", "%s: %s needs a value, not %s", s.ID, what, p.value.Value)
			continue
		case !d.fitsSomewhere(s, p.value):
			continue
		}

		for _, l := range []schema.Level{schema.ZoneLevel, schema.HostnameLevel, schema.CustomHostnameLevel} {
			if value, wire, problems := schema.ReadValue(s, p.value, l); problems == nil {
				out = append(out, schema.Assignment{Setting: s.ID, Value: value, Wire: wire, Pos: d.at(p.node), Via: via})
				break
			}
		}
	}

	sortAssignments(out)
	return out
}

func sortAssignments(as []schema.Assignment) {
	sorted.By(as, func(a, b schema.Assignment) int { return cmp.Compare(schema.Rank(a.Setting), schema.Rank(b.Setting)) })
}
