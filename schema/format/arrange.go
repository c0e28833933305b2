package format

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tlsync/schema/sorted"
	"tlsync/schema/source"

	"gopkg.in/yaml.v3"
)

// unit is the indentation of a mapping within another.
const unit = 2

// arranger writes a text anew. It goes through the old text from the beginning to the end:
// cursor is the offset of the first line that is not written yet.
type arranger struct {
	*source.Text
	cursor int
}

// part is a key or an item with its lines: the comments and blank lines above it, and what
// it says.
type part struct {
	key        string
	head, body []string
}

// arrange orders and indents the text of a file.
func arrange(b []byte) ([]byte, error) {
	t, err := source.Parse(b)
	if err != nil {
		return nil, err
	}

	a := &arranger{Text: t}
	var lines []string
	for _, doc := range t.Documents {
		start, err := t.Start(doc)
		if err != nil {
			return nil, err
		}
		if t.LineStart(start) != start || doc.Kind != yaml.MappingNode {
			return nil, fmt.Errorf("line %d: a document must begin at the beginning of a line to be formatted", doc.Line)
		}

		lines = append(lines, a.between(start)...)
		if t.InBrackets(doc) {
			end, err := t.End(doc)
			if err != nil {
				return nil, err
			}
			lines = append(lines, a.verbatim(start, end, 0)...)
			continue
		}
		body, err := a.mapping(doc, document(), 0, 0)
		if err != nil {
			return nil, err
		}
		lines = append(lines, body...)
	}
	lines = append(lines, a.between(len(t.Bytes))...)
	return a.joined(lines), nil
}

// joined returns lines as a text: no blank lines at both ends, one line end at the end, and
// never two blank lines together.
func (a *arranger) joined(lines []string) []byte {
	out := slices.Clone(a.Mark)
	blank := true
	var pending bool

	for _, line := range lines {
		if line == "" {
			pending = !blank
			continue
		}
		if pending {
			out = append(out, a.EOL...)
		}
		out = append(append(out, line...), a.EOL...)
		blank, pending = false, false
	}
	return out
}

// between returns the lines from the cursor up to an offset: comments, blank lines, and the
// lines that separate documents.
func (a *arranger) between(to int) []string { return a.take(to, 0) }

// take returns the lines from the cursor up to the line of an offset, indented.
func (a *arranger) take(to, indent int) []string {
	var lines []string
	for a.cursor < to {
		next, _ := a.NextLine(a.cursor)
		if next > to {
			break
		}
		lines = append(lines, indented(string(bytes.TrimSpace(a.Line(a.cursor))), indent))
		a.cursor = next
	}
	return lines
}

// indented returns a line with an indentation, and a blank one without.
func indented(text string, indent int) string {
	if text == "" {
		return ""
	}
	return strings.Repeat(" ", indent) + text
}

// foot returns the comments behind the last key of a mapping, or the last item of a list,
// that belong to it: they are indented at least as deep.
func (a *arranger) foot(column, indent int) []string {
	end := a.cursor
	for at := a.cursor; at < len(a.Bytes); {
		line := a.Line(at)
		text := bytes.TrimLeft(line, " \t")
		next, _ := a.NextLine(at)
		switch {
		case len(text) == 0:
		case text[0] == '#' && len(line)-len(text) >= column:
			end = next
		default:
			return a.take(end, indent)
		}
		at = next
	}
	return a.take(end, indent)
}

// mapping returns the lines of a mapping. Column is the least indentation that a comment
// behind it needs to belong to it.
func (a *arranger) mapping(n *yaml.Node, s shape, indent, column int) ([]string, error) {
	var parts []part
	for i := 0; i+1 < len(n.Content); i += 2 {
		p, err := a.pair(n.Content[i], n.Content[i+1], s.of(n.Content[i].Value), indent)
		if err != nil {
			return nil, err
		}
		parts = append(parts, p)
	}
	foot := a.foot(column, indent)

	title := parts[0].split()
	if len(s.keys) > 0 {
		sorted.Stably(parts, func(x, y part) int { return cmp.Compare(s.rank(x.key), s.rank(y.key)) })
	}
	lines := title
	for i, p := range parts {
		head := p.head
		for i == 0 && len(title) == 0 && len(head) > 0 && head[0] == "" {
			head = head[1:]
		}
		lines = append(append(lines, head...), p.body...)
	}
	return append(lines, foot...), nil
}

// split takes what stands above the first key and a blank line away from it: it is about
// the whole mapping.
func (p *part) split() (title []string) {
	for i := len(p.head) - 1; i >= 0; i-- {
		if p.head[i] == "" {
			title, p.head = slices.Clone(p.head[:i+1]), p.head[i+1:]
			break
		}
	}
	for len(title) > 0 && title[0] == "" {
		title = title[1:]
	}
	return title
}

// pair returns the lines of a key and its value.
func (a *arranger) pair(key, value *yaml.Node, s shape, indent int) (part, error) {
	from, err := a.Start(key)
	if err != nil {
		return part{}, err
	}
	colon, err := a.End(key)
	if err != nil {
		return part{}, err
	}
	start, err := a.Start(value)
	if err != nil {
		return part{}, err
	}
	end, err := a.End(value)
	if err != nil {
		return part{}, err
	}

	p := part{key: key.Value, head: a.take(a.LineStart(from), indent)}
	name := string(a.Bytes[from:colon])
	between := bytes.TrimLeft(a.Bytes[colon:start], " \t")
	inLines := value.Kind != yaml.ScalarNode && !a.InBrackets(value)
	switch {
	case len(between) == 0 || between[0] != ':' || strings.HasPrefix(name, "?"):
		return part{}, fmt.Errorf("line %d, column %d: the form ? KEY cannot be formatted", key.Line, key.Column)
	case inLines:
		comment, err := a.comment(a.Text.LineStart(from), colon+bytes.IndexByte(a.Bytes[colon:], ':')+1)
		if err != nil {
			return part{}, err
		}
		p.body = append(p.body, indented(name+":"+comment, indent))
		a.cursor, _ = a.NextLine(colon)
		lines, err := a.lines(value, s, indent+unit, max(value.Column-1, key.Column))
		p.body = append(p.body, lines...)
		return p, err
	case a.LineAt(from) != a.LineAt(end):
		p.body = a.verbatim(from, end, indent)
		return p, nil
	}

	comment, err := a.comment(from, end)
	p.body = []string{indented(name+": "+a.flow(value, s)+comment, indent)}
	a.cursor, _ = a.NextLine(end)
	return p, err
}

// lines returns the lines of a mapping or a list that is not in brackets.
func (a *arranger) lines(n *yaml.Node, s shape, indent, column int) ([]string, error) {
	if n.Kind == yaml.MappingNode {
		return a.mapping(n, s, indent, column)
	}

	var lines []string
	for _, item := range n.Content {
		start, err := a.Start(item)
		if err != nil {
			return nil, err
		}
		end, err := a.End(item)
		if err != nil {
			return nil, err
		}
		head := a.itemHead(start, indent)
		if len(lines) == 0 {
			for len(head) > 0 && head[0] == "" {
				head = head[1:]
			}
		}
		lines = append(lines, head...)

		body, err := a.item(item, s.item(), source.Range{From: start, To: end}, indent)
		if err != nil {
			return nil, err
		}
		lines = append(lines, body...)
	}
	return append(lines, a.foot(column, indent)...), nil
}

// itemHead returns the lines above an item, without a dash that stands on a line of its
// own.
func (a *arranger) itemHead(start, indent int) []string {
	head := a.take(a.LineStart(start), indent)
	for i, line := range head {
		if text := strings.TrimSpace(line); text == "-" || strings.HasPrefix(text, "- ") {
			head[i] = indented(strings.TrimSpace(text[1:]), indent)
			if head[i] == "" {
				return slices.Delete(head, i, i+1)
			}
		}
	}
	return head
}

// item returns the lines of an item of a list, the first behind a dash.
func (a *arranger) item(n *yaml.Node, s shape, r source.Range, indent int) ([]string, error) {
	margin := strings.Repeat(" ", indent)
	switch {
	case n.Kind != yaml.ScalarNode && !a.InBrackets(n):
		lines, err := a.lines(n, s, indent+unit, n.Column-1)
		if err != nil {
			return nil, err
		}
		return behindDash(lines, indent), nil
	case a.LineAt(r.From) != a.LineAt(r.To):
		lines := a.verbatim(r.From, r.To, indent+unit)
		lines[0] = margin + "- " + strings.TrimLeft(lines[0], " ")
		return lines, nil
	}

	comment, err := a.comment(r.From, r.To)
	a.cursor, _ = a.NextLine(r.To)
	return []string{margin + "- " + a.flow(n, s) + comment}, err
}

// behindDash puts the first line with text behind a dash, and comments above it.
func behindDash(lines []string, indent int) []string {
	for i, line := range lines {
		text := strings.TrimLeft(line, " ")
		if strings.HasPrefix(text, "#") || text == "" {
			lines[i] = indented(text, indent)
			continue
		}
		lines[i] = strings.Repeat(" ", indent) + "- " + text
		break
	}
	return lines
}

// comment returns the comment behind the end of a value, with the space before it.
func (a *arranger) comment(from, end int) (string, error) {
	rest := strings.TrimRight(string(a.Line(end)), " \t")
	text := strings.TrimLeft(rest, " \t")
	switch {
	case text == "":
		return "", nil
	case text[0] != '#' || len(text) == len(rest):
		return "", fmt.Errorf("line %d: there is more behind the value", a.LineAt(from)+1)
	}
	return strings.ReplaceAll(rest[:len(rest)-len(text)], "\t", " ") + text, nil
}

// verbatim returns the lines of a part of the text up to the end of its last line, moved
// to an indentation.
func (a *arranger) verbatim(from, end, indent int) []string {
	last, _ := a.NextLine(end)
	by := indent - (from - a.LineStart(from))

	lines := []string{indented(strings.TrimRight(string(a.Line(from)), " \t"), indent)}
	for at, _ := a.NextLine(from); at < last; at, _ = a.NextLine(at) {
		line := string(a.Line(at))
		text := strings.TrimLeft(line, " ")
		lines = append(lines, strings.Repeat(" ", max(len(line)-len(text)+by, 0))+text)
	}
	a.cursor = last
	return lines
}

// flow returns a value that is written on one line.
func (a *arranger) flow(n *yaml.Node, s shape) string {
	from, err := a.Start(n)
	to, e := a.End(n)
	if err != nil || e != nil {
		return ""
	}
	switch {
	case !a.InBrackets(n) || bytes.IndexByte(a.Bytes[from:to], '#') >= 0 && n.Kind != yaml.ScalarNode:
		return string(a.Bytes[from:to])
	case n.Kind == yaml.SequenceNode:
		items := make([]string, len(n.Content))
		for i, item := range n.Content {
			items[i] = a.flow(item, s.item())
		}
		return "[" + strings.Join(items, ", ") + "]"
	case len(n.Content) == 0:
		return "{}"
	}

	var parts []part
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		parts = append(parts, part{key: key.Value, body: []string{a.flow(key, shape{}) + ": " + a.flow(n.Content[i+1], s.of(key.Value))}})
	}
	if len(s.keys) > 0 {
		sorted.Stably(parts, func(x, y part) int { return cmp.Compare(s.rank(x.key), s.rank(y.key)) })
	}
	pairs := make([]string, len(parts))
	for i, p := range parts {
		pairs[i] = p.body[0]
	}
	return "{ " + strings.Join(pairs, ", ") + " }"
}
