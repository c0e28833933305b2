package edit

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tlsync/schema"
	"tlsync/schema/sorted"
	"tlsync/schema/source"

	"gopkg.in/yaml.v3"
)

// merger collects the changes of one text.
type merger struct {
	*source.Text
	unit    int // of the indentation
	splices []splice
}

// splice replaces a part of the text.
type splice struct {
	source.Range
	text string
}

func (m *merger) splice(from, to int, text string) {
	m.splices = append(m.splices, splice{source.Range{From: from, To: to}, text})
}

// apply returns the changed text.
func (m *merger) apply() ([]byte, error) {
	sorted.Stably(m.splices, func(a, b splice) int { return cmp.Compare(a.From, b.From) })

	out := slices.Clone(m.Mark)
	at := 0
	for _, s := range m.splices {
		if s.From < at {
			return nil, fmt.Errorf("line %d: two edits overlap", m.LineAt(s.From)+1)
		}
		out = append(append(out, m.Bytes[at:s.From]...), s.text...)
		at = s.To
	}
	return append(out, m.Bytes[at:]...), nil
}

// place says where a mapping stands: at the value of which key, and whether inside of
// brackets.
type place struct {
	key      *yaml.Node // nil for a document, or an item of a list
	brackets bool
}

// mapping changes a mapping so that it contains a tree.
func (m *merger) mapping(n *yaml.Node, w *tree, at place) error {
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d, column %d: %s is not a mapping", n.Line, n.Column, w.key)
	}

	inside := place{brackets: at.brackets || m.InBrackets(n)}
	var missing []*tree
	index := w.indices(n)
	for _, c := range w.children {
		i, ok := index[c.key]
		if !ok {
			missing = append(missing, c)
			continue
		}
		inside.key = n.Content[i]
		if err := m.value(n.Content[i+1], c, inside); err != nil {
			return err
		}
	}

	sorted.Stably(missing, func(a, b *tree) int { return w.order(a.key, b.key) })
	switch {
	case len(missing) == 0:
		return nil
	case len(n.Content) == 0:
		return m.fill(n, w, missing, at)
	case inside.brackets:
		return m.addInBrackets(n, w, missing)
	}
	return m.addLines(n, w, missing)
}

// indices returns where the keys of a mapping are in its content, by their canonical form.
func (w *tree) indices(n *yaml.Node) map[string]int {
	index := make(map[string]int, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		index[w.canonical(n.Content[i].Value)] = i
	}
	return index
}

// value changes the value of a key.
func (m *merger) value(n *yaml.Node, w *tree, at place) error {
	switch {
	case w.leaf:
		return m.replace(n, w, at)
	case n.Kind != yaml.SequenceNode:
		return m.mapping(n, w, at)
	}

	at.brackets = at.brackets || m.InBrackets(n)
	at.key = nil
	for _, c := range w.children {
		i, err := strconv.Atoi(c.key)
		if err != nil || i < 1 || i > len(n.Content) {
			return fmt.Errorf("line %d, column %d: the list has no item %s", n.Line, n.Column, c.key)
		}
		if err := m.mapping(n.Content[i-1], c, at); err != nil {
			return err
		}
	}
	return nil
}

// neighbors are the keys of a mapping, in canonical form, beside which new keys go.
type neighbors struct {
	*tree
	keys   []string
	sorted bool
}

func (w *tree) neighbors(n *yaml.Node) neighbors {
	out := neighbors{tree: w}
	for i := 0; i+1 < len(n.Content); i += 2 {
		out.keys = append(out.keys, w.canonical(n.Content[i].Value))
	}
	out.sorted = slices.IsSortedFunc(out.keys, w.order)
	return out
}

// after returns the index in the content of the mapping of the key behind which a new key
// belongs, -2 for the beginning: in its place if the keys are sorted, otherwise at the end.
func (n *neighbors) after(key string) int {
	if !n.sorted {
		return 2*len(n.keys) - 2
	}
	i, _ := slices.BinarySearchFunc(n.keys, key, func(have, key string) int {
		if n.order(have, key) > 0 {
			return 1
		}
		return -1
	})
	return 2*i - 2
}

// addLines adds keys to a mapping that has a line for every key.
func (m *merger) addLines(n *yaml.Node, w *tree, missing []*tree) error {
	first, err := m.Start(n.Content[0])
	if err != nil {
		return err
	}
	indent := n.Content[0].Column - 1
	beside := w.neighbors(n)

	for _, c := range missing {
		i := beside.after(c.key)
		lines := m.render(c, indent, m.writtenInline(n, i, c))
		if i < 0 && len(bytes.TrimLeft(m.Bytes[m.LineStart(first):first], " ")) > 0 {
			i = 0 // the first key of an item of a list stays behind the dash
		}
		if i < 0 {
			m.splice(m.aboveComments(first, indent), m.aboveComments(first, indent), m.joined(lines))
			continue
		}

		end, err := m.End(n.Content[i+1])
		if err != nil {
			return err
		}
		m.insertAfterLine(m.belowComments(end, indent), lines)
	}
	return nil
}

// belowComments returns the end of a value, or of the last comment directly below that is
// indented deeper than the keys of its mapping and so belongs to the value.
func (m *merger) belowComments(end, indent int) int {
	for {
		next, ended := m.NextLine(end)
		text := m.Line(next)
		comment := bytes.TrimLeft(text, " ")
		if !ended || len(comment) == 0 || comment[0] != '#' || len(text)-len(comment) <= indent {
			return end
		}
		end = next
	}
}

// insertAfterLine inserts lines below the line of an offset.
func (m *merger) insertAfterLine(at int, lines []string) {
	next, ended := m.NextLine(at)
	if ended {
		m.splice(next, next, m.joined(lines))
		return
	}
	m.splice(next, next, m.EOL+strings.TrimSuffix(m.joined(lines), m.EOL))
}

// joined returns lines with their ends.
func (m *merger) joined(lines []string) string {
	return strings.Join(lines, m.EOL) + m.EOL
}

// aboveComments returns the offset of the line of a key, or of the first of the comments
// directly above it, which belong to it.
func (m *merger) aboveComments(key, indent int) int {
	at := m.LineStart(key)
	for at > 0 {
		above := m.LineStart(at - 1)
		text := m.Line(above)
		comment := bytes.TrimLeft(text, " ")
		if len(comment) == 0 || comment[0] != '#' || len(text)-len(comment) < indent {
			break
		}
		at = above
	}
	return at
}

// writtenInline reports whether a new key at the side of another is to have its mapping on
// one line: as the other has.
func (m *merger) writtenInline(n *yaml.Node, i int, c *tree) bool {
	neighbor := n.Content[max(i, 0)+1]
	if c.leaf || neighbor.Kind != yaml.MappingNode || !c.inline {
		return c.inline
	}
	return m.InBrackets(neighbor)
}

// addInBrackets adds keys to a mapping in braces that has some.
func (m *merger) addInBrackets(n *yaml.Node, w *tree, missing []*tree) error {
	beside := w.neighbors(n)
	for _, c := range missing {
		i := beside.after(c.key)
		if i < 0 {
			first, err := m.Start(n.Content[0])
			if err != nil {
				return err
			}
			m.splice(first, first, c.flow()+", ")
			continue
		}

		end, err := m.End(n.Content[i+1])
		if err != nil {
			return err
		}
		m.insertInBrackets(n, i, end, c.flow())
	}
	return nil
}

// insertInBrackets inserts a pair behind the value that ends at an offset: on a line of
// its own if the pairs have lines of their own.
func (m *merger) insertInBrackets(n *yaml.Node, i, end int, pair string) {
	comma := end
	for comma < len(m.Bytes) && strings.IndexByte(" \t", m.Bytes[comma]) >= 0 {
		comma++
	}
	hasComma := comma < len(m.Bytes) && m.Bytes[comma] == ','

	rest := end
	if hasComma {
		rest = comma + 1
	}
	tail := bytes.TrimLeft(m.Line(rest), " \t")
	key, err := m.Start(n.Content[i])
	ownLine := err == nil && (len(tail) == 0 || tail[0] == '#') && len(bytes.TrimLeft(m.Bytes[m.LineStart(key):key], " \t")) == 0
	if !ownLine {
		m.splice(end, end, ", "+pair)
		return
	}

	if !hasComma {
		m.splice(end, end, ",")
	} else {
		pair += ","
	}
	m.insertAfterLine(end, []string{string(m.Bytes[m.LineStart(key):key]) + pair})
}

// fill puts keys into a mapping that is written as {}. A mapping of names gets a line for
// each, if it is the value of a key that has a line.
func (m *merger) fill(n *yaml.Node, w *tree, missing []*tree, at place) error {
	start, err := m.Start(n)
	if err != nil {
		return err
	}
	end, err := m.End(n)
	if err != nil {
		return err
	}

	onLines := at.key != nil && !at.brackets && !w.inline && m.LineAt(start) == m.LineAt(end)
	if !onLines {
		var pairs []string
		for _, c := range missing {
			pairs = append(pairs, c.flow())
		}
		if bytes.IndexByte(m.Bytes[start+1:end-1], '#') >= 0 {
			return fmt.Errorf("line %d, column %d: there is a comment between the braces", n.Line, n.Column)
		}
		m.splice(start+1, end-1, " "+strings.Join(pairs, ", ")+" ")
		return nil
	}

	from := start
	for from > 0 && m.Bytes[from-1] == ' ' {
		from--
	}
	m.splice(from, end, "")
	var lines []string
	for _, c := range missing {
		lines = append(lines, m.render(c, at.key.Column-1+m.unit, c.inline)...)
	}
	m.insertAfterLine(end, lines)
	return nil
}

// replace gives a key another value.
func (m *merger) replace(n *yaml.Node, w *tree, at place) error {
	if members := membersOf(n, w); members != nil {
		return m.mapping(n, members, at)
	}
	start, err := m.Start(n)
	if err != nil {
		return err
	}
	end, err := m.End(n)
	if err != nil {
		return err
	}

	text := restyled(n, w.value)
	if n.Kind == yaml.ScalarNode || m.InBrackets(n) {
		if comments, err := m.commentsIn(source.Range{From: start, To: end}); err != nil || len(comments) > 0 {
			return cmp.Or(err, fmt.Errorf("line %d, column %d: there is a comment inside of the value", n.Line, n.Column))
		}
		if text != string(m.Bytes[start:end]) {
			m.splice(start, end, text)
		}
		return nil
	}
	return m.replaceLines(n, source.Range{From: start, To: end}, text, at)
}

// replaceLines replaces a value that is written on lines of its own. Comments and blank lines among
// these lines stay.
func (m *merger) replaceLines(n *yaml.Node, value source.Range, text string, at place) error {
	if at.key == nil {
		return fmt.Errorf("line %d, column %d: the value has no key", n.Line, n.Column)
	}
	key, err := m.End(at.key)
	if err != nil {
		return err
	}
	colon := key + bytes.IndexByte(m.Bytes[key:], ':') + 1

	next, _ := m.NextLine(value.To)
	from, _ := m.NextLine(colon)
	comments, err := m.commentsIn(source.Range{From: from, To: next})
	if err != nil {
		return err
	}
	var kept strings.Builder
	for at := from; at < next; at, _ = m.NextLine(at) {
		line := m.Line(at)
		indent := line[:len(line)-len(bytes.TrimLeft(line, " "))]
		switch i := slices.IndexFunc(comments, func(c source.Range) bool { return c.From >= at && c.To <= at+len(line) }); {
		case i >= 0:
			kept.WriteString(string(indent) + string(m.Bytes[comments[i].From:comments[i].To]) + m.EOL)
		case len(bytes.TrimSpace(line)) == 0:
			kept.WriteString(m.EOL)
		}
	}

	m.splice(colon, colon, " "+text)
	m.splice(from, next, kept.String())
	return nil
}

// commentsIn returns the comments that begin in a part of the text.
func (m *merger) commentsIn(r source.Range) ([]source.Range, error) {
	if bytes.IndexByte(m.Bytes[r.From:r.To], '#') < 0 {
		return nil, nil
	}
	all, err := m.Comments()
	return slices.DeleteFunc(all, func(c source.Range) bool { return c.From < r.From || c.From >= r.To }), err
}

// membersOf returns what a mapping of members must contain so that a setting gets a value,
// nil if either is no such mapping.
func membersOf(n *yaml.Node, w *tree) *tree {
	row, ok := schema.LookupSetting(w.key)
	if !ok || n.Kind != yaml.MappingNode || len(row.Fields) == 0 {
		return nil
	}
	var names []string
	for _, f := range row.Fields {
		names = append(names, f.Name)
	}

	members := &tree{key: w.key, order: byRank(names), inline: true}
	for _, name := range names {
		if v := w.value.Member(name); v != "" {
			members.child(name, tree{leaf: true}).value = v
		}
	}
	return members
}
