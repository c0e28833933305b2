package importing

import (
	"cmp"
	"slices"
	"strings"

	"tlsync/schema"
	"tlsync/schema/sorted"
)

// document is a zone document in the making.
type document struct {
	zone      string // a name, or a pattern
	account   string // empty where the zone's name says enough
	remarks   []string
	settings  block
	hostnames []entry
	custom    custom
}

// custom is what a document says of custom hostnames.
type custom struct {
	defaults block
	rules    []rule
	entries  []entry
}

// rule is a rule for custom hostnames. Remark is the comment above it.
type rule struct {
	remark string
	match  schema.Match
	block  block
}

// entry is a single hostname.
type entry struct {
	name  string
	block block
}

// block is a block of settings in the order of the table. Values are as a configuration
// writes them.
type block []line

type line struct {
	setting, value string
	is             schema.Value // what the value means to custom hostnames
}

// text returns the block on one line, without braces.
func (b block) text() string {
	parts := make([]string, len(b))
	for i, l := range b {
		parts[i] = l.setting + ": " + l.value
	}
	return strings.Join(parts, ", ")
}

// sorted returns the block in the order of the table.
func (b block) sorted() block {
	sorted.Stably(b, func(x, y line) int { return cmp.Compare(schema.Rank(x.setting), schema.Rank(y.setting)) })
	return b
}

// without returns the lines that another block does not have.
func (b block) without(other block) block {
	var out block
	for _, l := range b {
		if !slices.Contains(other, l) {
			out = append(out, l)
		}
	}
	return out
}

// valueOf returns the value of a setting, "" if the block does not have it.
func (b block) valueOf(setting string) string {
	for _, l := range b {
		if l.setting == setting {
			return l.value
		}
	}
	return ""
}

// empty reports whether the document says nothing.
func (d *document) empty() bool {
	return len(d.settings) == 0 && len(d.hostnames) == 0 && d.custom.empty()
}

func (c *custom) empty() bool {
	return len(c.defaults) == 0 && len(c.rules) == 0 && len(c.entries) == 0
}

// compiled returns what is said of custom hostnames as the schema applies it. Only the
// settings matter there, and not how values are written.
func (c *custom) compiled() *schema.Selector {
	assignments := func(b block) []schema.Assignment {
		out := make([]schema.Assignment, len(b))
		for i, l := range b {
			out[i] = schema.Assignment{Setting: l.setting, Value: l.is}
		}
		return out
	}

	out := schema.CustomHostnames{Defaults: assignments(c.defaults)}
	for i, r := range c.rules {
		out.Rules = append(out.Rules, schema.Rule{Index: i + 1, Match: r.match, Settings: assignments(r.block)})
	}
	for _, e := range c.entries {
		out.Entries = append(out.Entries, schema.Entry{Hostname: schema.Field[string]{Value: e.name, Set: true}, Settings: assignments(e.block)})
	}
	return schema.Compile(&out)
}
