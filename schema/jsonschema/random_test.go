package jsonschema

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"gopkg.in/yaml.v3"
	"pgregory.net/rapid"

	"tlsync/schema"
	"tlsync/schema/load"
)

// TestRandomDocumentsAgree changes sound documents at random. The schema never refuses what
// the program accepts, and accepts what the program refuses only for a reason in Unsaid.
func TestRandomDocumentsAgree(t *testing.T) {
	s := compiled(t)
	pool := newPool()
	kinds := slices.Sorted(maps.Keys(sound))

	rapid.Check(t, func(t *rapid.T) {
		var doc yaml.Node
		kind := rapid.SampledFrom(kinds).Draw(t, "kind")
		if err := yaml.Unmarshal([]byte(sound[kind]), &doc); err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(1, 3).Draw(t, "changes") {
			pool.change(t, doc.Content[0])
		}
		out, err := yaml.Marshal(&doc)
		if err != nil {
			t.Fatal(err)
		}

		text, name := string(out), "zones/one.yaml"
		tree := fstest.MapFS{"tlsync.yaml": &fstest.MapFile{Data: []byte(sound["root"])}, name: &fstest.MapFile{Data: out}}
		if kind == "root" {
			name = "tlsync.yaml"
			tree = fstest.MapFS{name: &fstest.MapFile{Data: out}}
		}
		nodes := parse(out)
		if len(nodes) != 1 {
			t.Skip("no document")
		}
		var r reader
		found := flaws(s, r.value(nodes[0].Content[0], nil))

		var mistakes, expressible []string
		_, diags := load.Load(tree, now)
		for _, d := range diags {
			if d.Severity != schema.Error {
				continue
			}
			m := mistake{Diagnostic: d}
			for _, pos := range position.FindAllStringSubmatch(d.Message, -1) {
				m.elsewhere = m.elsewhere || pos[1] != name
			}
			mistakes = append(mistakes, d.String())
			if d.File == name && !m.unsaid() {
				expressible = append(expressible, d.String())
			}
		}
		if len(found) > 0 && len(mistakes) == 0 {
			t.Fatalf("only the schema refuses this: %v\n%s", found, text)
		}
		if len(found) == 0 && len(expressible) > 0 {
			t.Fatalf("only the program refuses this: %s\n%s", strings.Join(expressible, "\n"), text)
		}
	})
}

// pool are keys and values to change documents with.
type pool struct{ keys, values []string }

func newPool() pool {
	var p pool
	for _, text := range sound {
		var doc yaml.Node
		if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
			panic(err) // TestEachMistakeAlone reads them too
		}
		p.collect(doc.Content[0])
	}
	for _, s := range schema.Table() {
		p.keys = append(p.keys, s.ID)
		p.values = append(p.values, s.Values...)
	}
	p.values = append(p.values, "inherit", "default", "{ at_least: on }", "{ at_least: '1.2' }", "[]", "{}", "null", "'true'", "false", "3", "0", "-1",
		"''", "' '", "a.example", "'*.example'", "a b", "[a.example, b.example]", "[on, off]", "legacy", "[AES128-SHA]", "{ enabled: off, max_age: 0 }", "{ preload: on }", "1.2", "1.3", "'1.3'", "30", "[1, 2]", "{ method: http }", "{ state: absent }",
		"{ server: a.example }", "{ hostname: a.example }", "[a.pem]", "[null]", "{ a: 1 }", "bücher.example", "0123456789abcdef0123456789abcdef", "{ a.example: { http2: on } }",
		"{ p: { ca: a.pem, hostnames: [a.example], require: on } }", "[{ name: x, type: universal_ssl_event_type, webhooks: y }]", "~", "True", "TLS", "2027-01-01", "100%", "nonsense")
	slices.Sort(p.keys)
	slices.Sort(p.values)
	p.keys, p.values = slices.Compact(p.keys), slices.Compact(p.values)
	return p
}

// collect takes all keys and values of a document.
func (p *pool) collect(n *yaml.Node) {
	for i, c := range n.Content {
		switch {
		case n.Kind == yaml.MappingNode && i%2 == 0:
			p.keys = append(p.keys, c.Value)
		case c.Kind == yaml.ScalarNode:
			p.values = append(p.values, "'"+c.Value+"'")
		default:
			p.collect(c)
		}
	}
}

// change makes one change somewhere below a node.
func (p *pool) change(t *rapid.T, n *yaml.Node) {
	for len(n.Content) > 0 {
		i := rapid.IntRange(0, len(n.Content)-1).Draw(t, "child")
		if n.Kind == yaml.MappingNode {
			i |= 1
		}
		if c := n.Content[i]; len(c.Content) > 0 && rapid.IntRange(0, 3).Draw(t, "deeper") > 0 {
			n = c
			continue
		}

		value := p.value(t)
		switch what := rapid.SampledFrom([]string{"value", "value", "remove", "key", "add"}).Draw(t, "what"); {
		case what == "value":
			n.Content[i] = value
		case n.Kind != yaml.MappingNode:
			n.Content = append(n.Content, value)
		case what == "remove":
			n.Content = slices.Delete(n.Content, i-1, i+1)
		case what == "key":
			n.Content[i-1] = p.key(t, n)
		case what == "add":
			n.Content = append(n.Content, p.key(t, n), value)
		}
		return
	}
}

// key draws a key that a mapping does not have yet.
func (p *pool) key(t *rapid.T, n *yaml.Node) *yaml.Node {
	key := rapid.SampledFrom(p.keys).Draw(t, "key")
	for i := 0; i < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			key += "-2"
		}
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Value: key}
}

func (p *pool) value(t *rapid.T) *yaml.Node {
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(rapid.SampledFrom(p.values).Draw(t, "value")), &doc); err != nil {
		t.Fatal(err)
	}
	return doc.Content[0]
}
