package edit

import (
	"strings"

	"tlsync/schema"
	"tlsync/schema/sorted"
	"tlsync/schema/source"

	"gopkg.in/yaml.v3"
)

// flow returns a key and its value on one line.
func (w *tree) flow() string {
	if w.leaf {
		return w.key + ": " + w.value.YAML()
	}
	pairs := make([]string, len(w.children))
	for i, c := range w.sortedChildren() {
		pairs[i] = c.flow()
	}
	return w.key + ": { " + strings.Join(pairs, ", ") + " }"
}

// render returns the lines of a new key.
func (m *merger) render(w *tree, indent int, inline bool) []string {
	margin := strings.Repeat(" ", indent)
	if w.leaf || inline {
		return []string{margin + w.flow()}
	}

	lines := []string{margin + w.key + ":"}
	for _, c := range w.sortedChildren() {
		lines = append(lines, m.render(c, indent+m.unit, c.inline)...)
	}
	return lines
}

// sortedChildren returns the children in their order.
func (w *tree) sortedChildren() []*tree {
	sorted := make([]*tree, len(w.children))
	copy(sorted, w.children)
	if w.order != nil {
		sortStable(sorted, w.order)
	}
	return sorted
}

// indentUnit returns by how much the text indents a mapping within another: as at the
// first place that shows it, or by two.
func indentUnit(t *source.Text) int {
	unit := 0
	var look func(n *yaml.Node)
	look = func(n *yaml.Node) {
		for i := 1; i < len(n.Content) && unit == 0; i += 2 {
			key, value := n.Content[i-1], n.Content[i]
			if value.Kind != yaml.MappingNode || t.InBrackets(value) {
				continue
			}
			if unit = value.Column - key.Column; unit <= 0 {
				unit = 0
				look(value)
			}
		}
	}

	for _, doc := range t.Documents {
		if doc.Kind == yaml.MappingNode && !t.InBrackets(doc) {
			look(doc)
		}
	}
	if unit == 0 {
		return 2
	}
	return unit
}

// restyled returns a value as the text writes the one that it replaces: in the same
// quotes or without, true in place of on.
func restyled(old *yaml.Node, v schema.Value) string {
	text := v.YAML()
	if old.Kind != yaml.ScalarNode || v == schema.Inherit {
		return text
	}
	onOff := old.Style == 0 && (old.Value == "on" || old.Value == "off")
	if enabled := v.Member("enabled"); enabled != "" && v == schema.Value(`{"enabled":`+string(enabled)+`}`) {
		v, text = enabled, string(enabled)
	}
	if onOff && (v == "true" || v == "false") {
		return map[schema.Value]string{"true": "on", "false": "off"}[v]
	}
	if v == "" || v[0] != '"' || schema.IsGlob(v.Text()) {
		return text
	}

	plain := v.Text()
	switch {
	case old.Style&yaml.SingleQuotedStyle != 0 && !strings.Contains(plain, "'"):
		return "'" + plain + "'"
	case old.Style&yaml.DoubleQuotedStyle != 0 && text == plain:
		return `"` + plain + `"`
	case old.Style == 0 && (old.Value == "true" || old.Value == "false") && (plain == "on" || plain == "off"):
		return map[string]string{"on": "true", "off": "false"}[plain]
	case old.Style == 0 && isVersion(old.Value) && isVersion(plain):
		return plain
	}
	return text
}

// isVersion reports whether a text looks like 1.2.
func isVersion(s string) bool {
	return len(s) == 3 && s[1] == '.' && s[0] >= '0' && s[0] <= '9' && s[2] >= '0' && s[2] <= '9'
}

// sortStable sorts trees by their keys.
func sortStable(trees []*tree, order func(a, b string) int) {
	sorted.Stably(trees, func(a, b *tree) int { return order(a.key, b.key) })
}
