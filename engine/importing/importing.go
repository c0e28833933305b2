// Package importing writes the configuration of a fleet that was made by hand: from live
// state to YAML, with a proof that planning with it changes nothing.
//
//	Live ─ Files ─ documents ─ YAML ─ Prove: load, resolve, plan against the same Live ─ no change
//
// The settings of custom hostnames become defaults and a few rules (engine/factor) with
// an entry for each exception. What cannot be managed is left out and listed.
package importing

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tlsync/engine/plan"
	"tlsync/schema"
	"tlsync/schema/jsonschema"
	"tlsync/schema/load"
	"tlsync/schema/sorted"
)

// Options say what is written of live state.
type Options struct {
	// Rules says how many rules are looked for.
	Rules Rules
	// Settings are the settings to write; none means all.
	Settings []string
	// apart gives each zone a document of its own.
	apart bool
}

// Rules says how many rules are looked for.
type Rules string

// Amounts of rules: RulesNone writes defaults and single entries, RulesFew only rules
// that govern many names.
const (
	RulesNone Rules = "none"
	RulesFew  Rules = "few"
	RulesAll  Rules = "all"
)

// Result is a configuration.
type Result struct {
	// Files are the files by their path below the configuration's directory.
	Files map[string][]byte
	// Left are the objects that are left out, or that the configuration reaches and
	// cannot change, in groups by zone and reason.
	Left []Left
	// Zones, Hostnames, Rules and Entries are how many there are.
	Zones, Hostnames, Rules, Entries int
}

// Left are objects of one zone or account that the configuration does not manage, or not
// for long.
type Left struct {
	In     string // the zone or account
	Why    string
	Detail string   // what a request said, which is another text each time
	Noun   string   // "custom hostname", "setting", …
	Names  []string // sorted
	// Fixed objects are managed as they are and cannot be changed.
	Fixed bool
}

// Paths returns the paths of the files, the root document first.
func (r *Result) Paths() []string {
	var out []string
	for path := range r.Files {
		out = append(out, path)
	}
	depth := func(path string) int {
		if path == load.RootName {
			return -1
		}
		return strings.Count(path, "/")
	}
	sorted.By(out, func(a, b string) int { return cmp.Or(cmp.Compare(depth(a), depth(b)), strings.Compare(a, b)) })
	return out
}

// documents returns the paths of the files that are YAML.
func (r *Result) documents() []string {
	return slices.DeleteFunc(r.Paths(), func(path string) bool { return path == jsonschema.FileName })
}

// Lines returns how many lines of YAML the files have.
func (r *Result) Lines() int {
	n := 0
	for _, path := range r.documents() {
		n += strings.Count(string(r.Files[path]), "\n")
	}
	return n
}

// Files writes the configuration of live state. The same state gives the same bytes. It
// does not change live state.
func Files(live *plan.Live, o Options) *Result {
	m := newMaker(live, o)
	documents := m.documents()
	accounts := m.accounts()

	out := &Result{Files: map[string][]byte{}, Zones: len(live.Zones)}
	shared, list := shared(documents)
	out.Files[load.RootName] = m.root(list)
	out.Files[jsonschema.FileName] = jsonschema.Schema()
	for _, d := range documents {
		if d.empty() {
			continue
		}
		w := &writer{profiles: shared}
		w.document(d)
		path := out.free("zones/" + fileName(d.zone))
		out.Files[path] = []byte(jsonschema.Modeline("../") + w.String())
		out.Rules += len(d.custom.rules)
		out.Entries += len(d.custom.entries)
	}
	for _, a := range accounts {
		out.Files[out.free("accounts/"+fileName(a.name))] = []byte(jsonschema.Modeline("../") + a.text)
	}

	for i := range live.Zones {
		out.Hostnames += len(live.Zones[i].CustomHostnames)
	}
	out.Left = m.listed()
	return out
}

// free returns a path for a file that none of the others has.
func (r *Result) free(stem string) string {
	path := stem + ".yaml"
	for i := 2; r.Files[path] != nil; i++ {
		path = fmt.Sprintf("%s-%d.yaml", stem, i)
	}
	return path
}

// fileName returns the name of a file for a zone or an account, without its end. Names of
// accounts may have any characters, and patterns have some that file systems refuse.
func fileName(name string) string {
	if strings.HasPrefix(name, "{") {
		return "shared"
	}
	out := []byte{}
	for _, c := range []byte(strings.ToLower(name)) {
		switch {
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '.' && len(out) > 0 || c == '-' && len(out) > 0:
			out = append(out, c)
		case len(out) > 0 && out[len(out)-1] != '-':
			out = append(out, '-')
		}
	}
	return cmp.Or(strings.TrimRight(string(out), "-."), "account")
}

// maker makes the documents.
type maker struct {
	live    *plan.Live
	options Options
	words   wordings
	left    map[leftKey][]string
}

func newMaker(live *plan.Live, o Options) *maker {
	return &maker{live: live, options: o, words: wordings{}, left: map[leftKey][]string{}}
}

type leftKey struct {
	in, noun, why, detail string
	fixed                 bool
}

// wants reports whether a setting is to be written.
func (m *maker) wants(setting string) bool {
	return len(m.options.Settings) == 0 || slices.Contains(m.options.Settings, setting)
}

func (m *maker) leave(in, noun, name, why string) {
	if name != "" {
		why = strings.ReplaceAll(why, schema.Show(name), "it")
	}
	key := leftKey{in: in, noun: noun, why: why}
	m.left[key] = append(m.left[key], name)
}

// leaveUnread leaves out what could not be read.
func (m *maker) leaveUnread(in, noun, name, detail string) {
	why := "it could not be read"
	if name == "" {
		why = "they could not be read"
	}
	key := leftKey{in: in, noun: noun, why: why, detail: detail}
	m.left[key] = append(m.left[key], name)
}

func (m *maker) leaveSetting(z *plan.Zone, setting, why string) {
	m.leave(z.Name, "setting", setting, why)
}

func (m *maker) leaveHostname(z *plan.Zone, name, why string) { m.leave(z.Name, "hostname", name, why) }

// listed returns what was left out, sorted.
func (m *maker) listed() []Left {
	var out []Left
	for key, names := range m.left {
		names = slices.Compact(slices.Sorted(slices.Values(names))) // a copy: Compact clears what it cuts off
		out = append(out, Left{In: key.in, Noun: key.noun, Why: key.why, Detail: key.detail, Names: names, Fixed: key.fixed})
	}
	sorted.By(out, func(a, b Left) int {
		return cmp.Or(strings.Compare(a.In, b.In), strings.Compare(a.Noun, b.Noun), strings.Compare(a.Why, b.Why),
			slices.Compare(a.Names, b.Names), strings.Compare(a.Detail, b.Detail))
	})
	return out
}

// root writes the root document.
func (m *maker) root(list []profile) []byte {
	w := &writer{}
	w.WriteString(jsonschema.Modeline(""))
	w.linef(0, "# Written by tlsync import from live state. A plan of this configuration has no changes;")
	w.linef(0, "# a rule also governs hostnames that are created tomorrow, so read the rules first.")
	w.linef(0, "version: 1")
	if len(list) > 0 {
		w.linef(0, "profiles:")
	}
	for _, p := range list {
		w.mapping(2, word(p.name), p.block)
	}
	return []byte(w.String())
}
