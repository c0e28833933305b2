package format

import (
	"bytes"
	"slices"
	"strings"

	"tlsync/schema"
	"tlsync/schema/source"

	"gopkg.in/yaml.v3"
)

// speller collects better spellings of values, in the order of the text.
type speller struct {
	*source.Text
	out []byte
	at  int
	err error
}

// spell writes every value of a setting as the documentation does.
func spell(b []byte) ([]byte, error) {
	t, err := source.Parse(b)
	if err != nil {
		return nil, err
	}
	s := &speller{Text: t, out: slices.Clone(t.Mark)}
	for _, doc := range t.Documents {
		s.node(doc)
	}
	return append(s.out, t.Bytes[s.at:]...), s.err
}

// put replaces a part of the text.
func (s *speller) put(from, to int, text string) {
	if from < s.at {
		return // inside of a part that is replaced
	}
	s.out = append(append(s.out, s.Bytes[s.at:from]...), text...)
	s.at = to
}

// bounds returns where a node begins and ends.
func (s *speller) bounds(n *yaml.Node) (from, to int) {
	from, err := s.Start(n)
	if s.err == nil {
		s.err = err
	}
	to, err = s.End(n)
	if s.err == nil {
		s.err = err
	}
	return from, to
}

// node spells the values in a node.
func (s *speller) node(n *yaml.Node) {
	switch n.Kind {
	case yaml.ScalarNode:
		s.quotes(n)
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content) && s.err == nil; i += 2 {
			s.pair(n.Content[i], n.Content[i+1])
		}
	default:
		for _, c := range n.Content {
			s.node(c)
		}
	}
}

// pair spells a key and its value.
func (s *speller) pair(key, value *yaml.Node) {
	s.quotes(key)
	row, ok := schema.LookupSetting(key.Value)
	switch {
	case key.Value == "metadata":
		s.quoted(value) // somebody else's words
	case ok && row.ID == schema.Ciphers:
		s.ciphers(key, value)
	case ok && value.Kind == yaml.ScalarNode:
		s.word(value, row)
	case ok && value.Kind == yaml.MappingNode && len(value.Content) == 2 && value.Content[0].Value == "at_least":
		s.word(value.Content[1], row)
	default:
		s.node(value)
	}
}

// quoted spells only the quotes in a node.
func (s *speller) quoted(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode {
		s.quotes(n)
	}
	for _, c := range n.Content {
		s.quoted(c)
	}
}

// word spells a single value of a setting.
func (s *speller) word(n *yaml.Node, row *schema.Setting) {
	text := n.Value
	if slices.Contains(row.Values, "on") || len(row.Fields) > 0 {
		switch text {
		case "true":
			text = "on"
		case "false":
			text = "off"
		}
	}

	words := append(slices.Clone(row.Values), schema.WordInherit, schema.WordDefault)
	if len(row.Fields) > 0 {
		words = append(words, "on", "off")
	}
	if n.Kind != yaml.ScalarNode || !slices.Contains(words, text) {
		s.node(n)
		return
	}

	spelled := text
	if slices.Contains(row.Values, text) {
		spelled = schema.StringValue(text).YAML()
	}
	from, to := s.bounds(n)
	if s.err == nil {
		s.put(from, to, spelled)
	}
}

// ciphers spells a list of suites: by its name if it has one, else every suite by the
// name that Cloudflare gives it.
func (s *speller) ciphers(key, n *yaml.Node) {
	if n.Kind != yaml.SequenceNode {
		from, to := s.bounds(n)
		if plain := n.Value; s.err == nil && (schema.CipherList(plain) != nil || plain == schema.WordInherit || plain == schema.WordDefault) {
			s.put(from, to, plain)
		}
		return
	}

	var list []string
	for _, item := range n.Content {
		suite, _ := schema.LookupSuite(item.Value)
		list = append(list, suite.Name)
	}
	_, to := s.bounds(n)
	_, from := s.bounds(key)
	for _, name := range schema.CipherLists() {
		// The whole list of a zone is sent in another form than its name.
		if s.err != nil || name == "legacy" || !slices.Equal(schema.CipherList(name), list) || bytes.IndexByte(s.Bytes[from:to], '#') >= 0 {
			continue
		}
		s.put(from+bytes.IndexByte(s.Bytes[from:], ':')+1, to, " "+name)
		return
	}

	for i, item := range n.Content {
		if from, to := s.bounds(item); s.err == nil && list[i] != "" {
			s.put(from, to, list[i])
		}
	}
}

// quotes writes single quotes as double quotes where the text allows it.
func (s *speller) quotes(n *yaml.Node) {
	if n.Style&yaml.SingleQuotedStyle == 0 || strings.ContainsAny(n.Value, "\"\\\n\t") {
		return
	}
	from, to := s.bounds(n)
	if s.err == nil && bytes.IndexByte(s.Bytes[from:to], '\n') < 0 {
		s.put(from, to, `"`+n.Value+`"`)
	}
}
