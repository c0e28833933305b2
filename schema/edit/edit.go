// Package edit changes settings in the files of a configuration and leaves every other
// byte as it is: comments, blank lines, quotes and line ends. It works on the text, at the
// places where the parser found values, and then loads the result: unless that differs
// from the configuration before by exactly what was asked for, nothing is changed.
package edit

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"tlsync/schema"
	"tlsync/schema/load"
	"tlsync/schema/source"

	"gopkg.in/yaml.v3"
)

// Kind is the kind of a block of settings.
type Kind int

// The kinds of blocks in a zone document.
const (
	Settings Kind = iota // of the zone itself
	Defaults             // of custom hostnames
	Rule
	Entry    // of one custom hostname
	Hostname // of one name in the zone
)

// Block is a block of settings in a zone document.
type Block struct {
	// Zone is the place of the name of the zone in its document.
	Zone schema.Pos
	Kind Kind
	Rule int    // the position of a Rule, from 1
	Name string // the canonical name of an Entry or a Hostname
}

// Edit gives a setting a value in a block. A block of one name, and every mapping around
// a block, is created if it is missing. Of a value with members only the members in Value
// are written.
type Edit struct {
	Block
	Setting string // of an Entry also one of its certificate or its origin, such as ssl.method
	Value   schema.Value
}

// Files are the new contents of files, by their names in the configuration.
type Files map[string][]byte

// Names returns the names of the files, sorted.
func (f Files) Names() []string { return slices.Sorted(maps.Keys(f)) }

// Apply makes edits in a configuration that has no mistakes. It returns the files that
// differ. An error means that one of the edits cannot be made without touching more than
// it should.
func Apply(fsys fs.FS, edits []Edit) (Files, error) {
	before, diags := load.Load(fsys, time.Time{})
	if diags.HasErrors() {
		return nil, errors.New(diags[0].String())
	}

	byFile := map[string][]Edit{}
	for _, e := range edits {
		byFile[e.Zone.File] = append(byFile[e.Zone.File], e)
	}
	changed := Files{}
	for _, name := range slices.Sorted(maps.Keys(byFile)) {
		b, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, err
		}
		after, err := changeFile(b, byFile[name])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if string(after) != string(b) {
			changed[name] = after
		}
	}

	return changed, verify(fsys, before, changed, edits)
}

// changeFile makes the edits of one file in its text.
func changeFile(b []byte, edits []Edit) ([]byte, error) {
	t, err := source.Parse(b)
	if err != nil {
		return nil, err
	}

	m := &merger{Text: t, unit: indentUnit(t)}
	byZone := map[schema.Pos]*tree{}
	var zones []schema.Pos
	for _, e := range edits {
		root := byZone[e.Zone]
		if root == nil {
			root = &tree{order: byRank(documentKeys)}
			byZone[e.Zone] = root
			zones = append(zones, e.Zone)
		}
		root.add(e)
	}

	for _, zone := range zones {
		doc := documentAt(t, zone)
		if doc == nil {
			return nil, fmt.Errorf("no zone document has its name at line %d, column %d", zone.Line, zone.Col)
		}
		if err := m.mapping(doc, byZone[zone], place{}); err != nil {
			return nil, err
		}
	}
	return m.apply()
}

// documentAt finds the zone document whose name is at a place.
func documentAt(t *source.Text, pos schema.Pos) *yaml.Node {
	for _, doc := range t.Documents {
		if name := valueOf(doc, "zone"); name != nil && name.Line == pos.Line && name.Column == pos.Col {
			return doc
		}
	}
	return nil
}

// valueOf returns the value of a key of a mapping, nil if it has no such key.
func valueOf(n *yaml.Node, key string) *yaml.Node {
	if n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// tree is what a mapping must contain when the edits are made: keys with values, or with
// mappings that must contain something themselves. The children of a list are its items by
// their positions.
type tree struct {
	key      string
	leaf     bool
	value    schema.Value // of a leaf
	children []*tree
	index    map[string]*tree
	order    func(a, b string) int // of the children
	inline   bool                  // a new mapping is written on one line
	names    bool                  // the keys are hostnames
}

// child returns the child of a key, which it adds if it is missing.
func (w *tree) child(key string, template tree) *tree {
	if c := w.index[key]; c != nil {
		return c
	}
	c := &template
	c.key = key
	if w.index == nil {
		w.index = map[string]*tree{}
	}
	w.index[key] = c
	w.children = append(w.children, c)
	return c
}

var (
	documentKeys = []string{"zone", "account", "settings", "hostnames", "custom_hostnames"}
	customKeys   = []string{"create", "defaults", "rules", "hostnames"}
)

// add adds an edit to the tree of its document.
func (w *tree) add(e Edit) {
	settings := tree{order: bySetting}
	one := tree{order: bySetting, inline: true}
	names := tree{order: cmp.Compare[string], names: true}
	custom := tree{order: byRank(customKeys)}

	switch e.Kind {
	case Settings:
		w = w.child("settings", settings)
	case Hostname:
		w = w.child("hostnames", names).child(e.Name, one)
	case Defaults:
		w = w.child("custom_hostnames", custom).child("defaults", settings)
	case Rule:
		w = w.child("custom_hostnames", custom).child("rules", tree{}).child(strconv.Itoa(e.Rule), settings)
	case Entry:
		w = w.child("custom_hostnames", custom).child("hostnames", names).child(e.Name, one)
	}
	key := e.Setting
	if of, member, ok := strings.Cut(e.Setting, "."); ok {
		w, key = w.child(of, one), member
	}
	w.child(key, tree{leaf: true}).value = e.Value
}

// byRank orders keys as in a list. Other keys come last.
func byRank(keys []string) func(a, b string) int {
	rank := func(key string) int {
		if i := slices.Index(keys, key); i >= 0 {
			return i
		}
		return len(keys)
	}
	return func(a, b string) int { return cmp.Compare(rank(a), rank(b)) }
}

// bySetting orders the keys of a block: match and use, then settings by the table.
func bySetting(a, b string) int {
	rank := func(key string) int {
		if key == "match" || key == "use" {
			return -1
		}
		return schema.Rank(key)
	}
	return cmp.Compare(rank(a), rank(b))
}

// canonical returns a key as edits name it.
func (w *tree) canonical(key string) string {
	if !w.names {
		return key
	}
	name, err := schema.CanonicalHostname(key)
	if err != nil {
		return key
	}
	return name
}
